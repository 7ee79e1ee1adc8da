package cli

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/witness"
)

// changes are the files that differ from a revision, uncommitted and new ones included.
type changes struct {
	root      string // of the services' patterns
	refsBelow string // folder that references of documents may lead to; empty: their own
	files     []string
}

// changedSince lists the files that differ from a revision.
func changedSince(ctx context.Context, root, rev string) (*changes, error) {
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...)
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s", err, witness.FirstLines(errOut.String(), 3))
		}
		return out.String(), nil
	}
	if strings.HasPrefix(rev, "-") || rev == "" {
		return nil, fmt.Errorf("--changed-since %q: expected a git revision", rev)
	}
	top, err := run("rev-parse", "--show-toplevel")
	if err != nil {
		return nil, errors.New("--changed-since needs a git repository here: " + err.Error())
	}
	if _, err := run("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{tree}"); err != nil {
		shallow, err := run("rev-parse", "--is-shallow-repository")
		return nil, fmt.Errorf("--changed-since: %w", witness.UnknownRevision(rev, err == nil && strings.TrimSpace(shallow) == "true"))
	}
	changed, err := run("diff", "--name-only", "--no-renames", "-z", rev, "--")
	if err != nil {
		return nil, err
	}
	// Names of ls-files are relative to where it runs, those of diff to the top.
	fresh, err := run("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", ":/")
	if err != nil {
		return nil, err
	}
	c := &changes{root: root}
	for _, name := range strings.FieldsFunc(changed+fresh, func(r rune) bool { return r == 0 }) {
		c.files = append(c.files, filepath.Join(strings.TrimSpace(top), filepath.FromSlash(name)))
	}
	return c, nil
}

// touch reports whether a file that says something about the service is among the
// changes: its documents and catalog, its packages and those of the repository that
// they import, the configuration, or what pins the modules.
func (c *changes) touch(ctx context.Context, config *catalogs.Config, s catalogs.Service) (bool, error) {
	if len(c.files) == 0 {
		return false, nil
	}
	resolved := func(file string) string {
		if p, err := filepath.EvalSymlinks(file); err == nil {
			return p
		}
		return file
	}
	some := func(match func(file string) bool) bool { return slices.ContainsFunc(c.files, match) }
	named := append(config.Files(), config.Known)
	if s.Catalog != "" && !strings.HasPrefix(s.Catalog, catalogs.VendorPrefix) {
		_, files, _ := catalogs.LoadWithFiles(s.Catalog) // its mistakes are reported when it is read
		named = append(append(named, files...), s.Catalog)
	}
	// A link counts, and what it leads to: git knows both by where they are.
	for _, file := range slices.Clone(named) {
		named = append(named, resolved(file), filepath.Join(resolved(filepath.Dir(file)), filepath.Base(file)))
	}
	if some(func(f string) bool { return slices.Contains(named, f) }) {
		return true, nil
	}
	for _, doc := range s.Document {
		if strings.Contains(doc, ":") && !filepath.IsAbs(doc) {
			return true, nil // at an address or in a revision, where it changes unseen
		}
		// A document may refer to files below its folder, or where --refs-below says.
		dir := filepath.Dir(doc)
		for witness.IsPattern(dir) {
			dir = filepath.Dir(dir)
		}
		below := []string{resolved(dir) + string(filepath.Separator)}
		if c.refsBelow != "" {
			below = append(below, resolved(c.refsBelow)+string(filepath.Separator))
		}
		if some(func(f string) bool {
			return f == resolved(doc) || isDocument(f) && slices.ContainsFunc(below, func(dir string) bool { return strings.HasPrefix(f, dir) })
		}) {
			return true, nil
		}
	}
	if len(s.Code) == 0 {
		return false, nil
	}
	if some(func(f string) bool {
		return slices.Contains([]string{"go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt"}, filepath.Base(f))
	}) {
		return true, nil
	}
	for _, p := range s.Code {
		base, tree := strings.CutSuffix(p, "...")
		base = strings.TrimSuffix(filepath.Join(c.root, filepath.FromSlash(base)), string(filepath.Separator))
		base = resolved(base)
		if some(func(f string) bool {
			return filepath.Dir(f) == base || tree && strings.HasPrefix(f, base+string(filepath.Separator))
		}) {
			return true, nil
		}
	}
	for _, m := range witness.Modules(c.root, s.Code) {
		cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-e", "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", "--"}, m.Patterns...)...)
		cmd.Dir = m.Dir
		out, err := cmd.Output()
		if err != nil {
			return true, nil // what cannot be listed may be touched: reading it says why
		}
		dirs := strings.Split(strings.TrimSpace(string(out)), "\n")
		for i := range dirs {
			dirs[i] = resolved(dirs[i])
		}
		if some(func(f string) bool { return slices.Contains(dirs, filepath.Dir(f)) }) {
			return true, nil
		}
	}
	return false, nil
}

// isDocument reports whether a file may be part of an OpenAPI document.
func isDocument(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(file)))
}
