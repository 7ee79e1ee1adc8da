package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
)

// baseFindings vets the same packages as they are in a git revision.
func baseFindings(ctx context.Context, rev string, patterns []string, opts goOptions) ([]*report.Finding, error) {
	dir, err := os.MkdirTemp("", "permcheck-base-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	sub, err := checkout(ctx, ".", rev, dir)
	if err != nil {
		return nil, err
	}
	if ref := opts.Catalog; ref != "" && !strings.HasPrefix(ref, catalogs.VendorPrefix) && !filepath.IsAbs(ref) {
		opts.Catalog = filepath.Join(sub, ref) // the catalog of the base belongs to its code
	}
	p, err := loadGo(ctx, sub, patterns, opts)
	if err != nil {
		return nil, fmt.Errorf("base %s: %w", rev, err)
	}
	if len(p.Errors) > 0 {
		// What could not be read there would count as new here.
		return nil, &partialError{fmt.Sprintf("base %s: package %s could not be read: %s", rev, p.Errors[0].Package, p.Errors[0].Message)}
	}
	findings, _ := p.vet()
	return findings, nil
}

// checkout writes the files of a revision below dir, and returns the folder there that
// corresponds to the folder from. The repository itself is not touched.
func checkout(ctx context.Context, from, rev, dir string) (string, error) {
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", from}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+filepath.Join(dir, ".index"))
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s", err, firstLines(errOut.String(), 3))
		}
		return strings.TrimSpace(out.String()), nil
	}
	if strings.HasPrefix(rev, "-") {
		return "", fmt.Errorf("--base %q: expected a git revision", rev)
	}
	top, err := run("rev-parse", "--show-toplevel")
	if err != nil {
		return "", errors.New("--base needs a git repository here: " + err.Error())
	}
	prefix, err := run("rev-parse", "--show-prefix")
	if err != nil {
		return "", err
	}
	if _, err := run("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{tree}"); err != nil {
		shallow, err := run("rev-parse", "--is-shallow-repository")
		return "", fmt.Errorf("--base: %w", unknownRevision(rev, err == nil && shallow == "true"))
	}
	// No configuration is looked for above what is checked out.
	if err := os.WriteFile(filepath.Join(dir, ".git"), nil, 0o600); err != nil {
		return "", err
	}
	tree := filepath.Join(dir, "tree") + string(filepath.Separator)
	if _, err := run("-C", top, "read-tree", rev); err != nil {
		return "", err
	}
	if _, err := run("-C", top, "checkout-index", "--all", "--prefix="+tree); err != nil {
		return "", err
	}
	sub := filepath.Join(tree, filepath.FromSlash(prefix))
	if _, err := os.Stat(sub); err != nil {
		return "", fmt.Errorf("--base: revision %q has no folder %s", rev, prefix)
	}
	return sub, nil
}

// unknownRevision says that git has no such revision and, in a clone that was cut short,
// what to type.
func unknownRevision(rev string, shallow bool) error {
	if !shallow {
		return fmt.Errorf("git knows no revision %q", rev)
	}
	if strings.ContainsAny(rev, "~^@") {
		return fmt.Errorf("git knows no revision %q; this clone is shallow: type git fetch --deepen=100 and try again", rev)
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(rev, "refs/heads/"), "origin/")
	return fmt.Errorf("git knows no revision %q; this clone is shallow: type git fetch --depth=1 origin %s and give FETCH_HEAD instead of %s", rev, branch, rev)
}

// newSince returns the findings that are not among those of the base, by fingerprint and
// number: two of a kind where there was one leave one.
func newSince(findings, base []*report.Finding) (fresh []*report.Finding, old int) {
	have := map[string]int{}
	for _, f := range base {
		have[f.Fingerprint()]++
	}
	fresh = []*report.Finding{}
	for _, f := range findings {
		if fp := f.Fingerprint(); have[fp] > 0 {
			have[fp]--
			old++
			continue
		}
		fresh = append(fresh, f)
	}
	return fresh, old
}
