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
)

// changes are the files that differ from a revision, uncommitted and new ones included.
type changes struct {
	root  string // of the services' patterns
	files []string
}

// changedSince lists the files that differ from a revision.
func changedSince(ctx context.Context, root, rev string) (*changes, error) {
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...)
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s", err, firstLines(errOut.String(), 3))
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
		return nil, fmt.Errorf("--changed-since: %w", unknownRevision(rev, err == nil && strings.TrimSpace(shallow) == "true"))
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
	real := func(file string) string {
		if p, err := filepath.EvalSymlinks(file); err == nil {
			return p
		}
		return file
	}
	any := func(match func(file string) bool) bool { return slices.ContainsFunc(c.files, match) }
	named := config.Files()
	if s.Catalog != "" && !strings.HasPrefix(s.Catalog, catalogs.VendorPrefix) {
		_, files, _ := catalogs.LoadWithFiles(s.Catalog) // its mistakes are reported when it is read
		named = append(append(named, files...), s.Catalog)
	}
	for i := range named {
		named[i] = real(named[i])
	}
	if any(func(f string) bool { return slices.Contains(named, f) }) {
		return true, nil
	}
	for _, doc := range s.Document {
		// A document may refer to files below its folder.
		dir := real(filepath.Dir(doc)) + string(filepath.Separator)
		if any(func(f string) bool { return strings.HasPrefix(f, dir) && isDocument(f) }) {
			return true, nil
		}
	}
	if len(s.Code) == 0 {
		return false, nil
	}
	if any(func(f string) bool {
		return slices.Contains([]string{"go.mod", "go.sum", "go.work", "go.work.sum", "modules.txt"}, filepath.Base(f))
	}) {
		return true, nil
	}
	for _, p := range s.Code {
		base, tree := strings.CutSuffix(p, "...")
		base = strings.TrimSuffix(filepath.Join(c.root, filepath.FromSlash(base)), string(filepath.Separator))
		base = real(base)
		if any(func(f string) bool {
			return filepath.Dir(f) == base || tree && strings.HasPrefix(f, base+string(filepath.Separator))
		}) {
			return true, nil
		}
	}
	for _, m := range modules(c.root, s.Code) {
		cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-e", "-deps", "-f", "{{if not .Standard}}{{.Dir}}{{end}}", "--"}, m.patterns...)...)
		cmd.Dir = m.dir
		out, err := cmd.Output()
		if err != nil {
			return true, nil // what cannot be listed may be touched: reading it says why
		}
		dirs := strings.Split(strings.TrimSpace(string(out)), "\n")
		if any(func(f string) bool { return slices.Contains(dirs, filepath.Dir(f)) }) {
			return true, nil
		}
	}
	return false, nil
}

// isDocument reports whether a file may be part of an OpenAPI document.
func isDocument(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(file)))
}
