package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
)

// goOptions say how Go source is read.
type goOptions struct {
	Catalog string // reference that overrides the configuration's; "" does not
}

// A goProgram is what Go packages serve.
type goProgram struct {
	Catalog    *catalogs.Catalog // its routes; Requires is nil where one declares nothing
	Routes     []*guards.Route
	Unresolved []routes.Unresolved
	Errors     []packageError // packages that could not be read
	Settings   *guards.Settings
	// Endpoints counts the packages that contributed anything.
	Packages int
}

// A packageError is why a package could not be read.
type packageError struct {
	Package string
	Message string // what the go command said, its first lines
}

// loadGo reads the packages that the patterns match, as the go command run in dir
// understands them. It drives "go vet" with permcheck itself as its tool, which
// analyses in parallel and only what changed. Packages that do not compile are
// returned as errors beside the others.
func loadGo(ctx context.Context, dir string, patterns []string, opts goOptions) (*goProgram, error) {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	for _, p := range patterns {
		if strings.HasPrefix(p, "-") {
			return nil, fmt.Errorf("%q is not a package pattern: expected one such as ./... or ./internal/api", p)
		}
	}
	env := os.Environ()
	if opts.Catalog != "" {
		ref := opts.Catalog
		if !strings.HasPrefix(ref, catalogs.VendorPrefix) && !filepath.IsAbs(ref) {
			abs, err := filepath.Abs(ref)
			if err != nil {
				return nil, err
			}
			ref = abs
		}
		if _, err := catalogs.Load(ref); err != nil {
			return nil, err
		}
		env = append(env, guards.CatalogEnv+"="+ref)
		if err := os.Setenv(guards.CatalogEnv, ref); err != nil {
			return nil, err
		}
	}
	settings, err := guards.LoadSettings(dir)
	if err != nil {
		return nil, err
	}
	goCmd, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command is not on PATH: permcheck reads Go source with it; install Go from https://go.dev/dl/")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, goCmd, append([]string{"vet", "-json", "-vettool=" + self, "-records", "-records.emit", "--"}, patterns...)...)
	cmd.Dir, cmd.Env = dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	p := &goProgram{Settings: settings}
	records, err := p.parse(&stdout)
	if err != nil {
		return nil, fmt.Errorf("reading what go vet printed: %w\n%s", err, firstLines(stderr.String(), 10))
	}
	p.parseErrors(stderr.String())
	if runErr != nil && len(p.Errors) == 0 {
		return nil, goFailure(stderr.String(), runErr)
	}
	if strings.Contains(stderr.String(), "matched no packages") && len(records) == 0 && len(p.Errors) == 0 {
		return nil, fmt.Errorf("no Go packages match %s", strings.Join(patterns, " "))
	}
	merged := analyzers.Merge(records)
	p.Routes, p.Unresolved, p.Packages = merged.Routes, merged.Unresolved, len(records)
	for _, r := range p.Routes {
		r.File = relative(r.File)
		for i := range r.Strange {
			r.Strange[i].File = relative(r.Strange[i].File)
		}
		for i := range r.Unread {
			r.Unread[i].File = relative(r.Unread[i].File)
		}
	}
	for i := range p.Unresolved {
		p.Unresolved[i].File = relative(p.Unresolved[i].File)
	}
	p.Catalog = p.catalog(patterns)
	return p, nil
}

// parse reads the objects that go vet -json prints, one a package.
func (p *goProgram) parse(r io.Reader) ([]analyzers.Record, error) {
	var out []analyzers.Record
	dec := json.NewDecoder(r)
	for {
		var unit map[string]map[string]json.RawMessage
		if err := dec.Decode(&unit); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		for pkg, byAnalyzer := range unit {
			for _, raw := range byAnalyzer {
				var diags []struct{ Category, Message string }
				if err := json.Unmarshal(raw, &diags); err != nil {
					var failed struct{ Error string }
					if json.Unmarshal(raw, &failed) != nil || failed.Error == "" {
						return nil, err
					}
					p.Errors = append(p.Errors, packageError{pkg, failed.Error})
					continue
				}
				for _, d := range diags {
					if d.Category != analyzers.RecordCategory {
						continue
					}
					var rec analyzers.Record
					if err := json.Unmarshal([]byte(d.Message), &rec); err != nil {
						return nil, err
					}
					out = append(out, rec)
				}
			}
		}
	}
}

// parseErrors reads what the go command says of packages that it could not compile:
// sections that begin with "# import/path", or "vet: file:line:column: message".
func (p *goProgram) parseErrors(text string) {
	pkg := ""
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			p.Errors = append(p.Errors, packageError{pkg, strings.Join(lines, "\n")})
		}
		lines = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			flush()
			pkg, _, _ = strings.Cut(name, " ")
			continue
		}
		if pkg == "" || line == "" || strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		if len(lines) < 5 {
			lines = append(lines, strings.TrimPrefix(line, "vet: "))
		}
	}
	flush()
	// A package may be named twice, with its tests and without.
	seen := map[string]bool{}
	p.Errors = slices.DeleteFunc(p.Errors, func(e packageError) bool {
		k := e.Package + "\x00" + e.Message
		dup := seen[k]
		seen[k] = true
		return dup
	})
}

// goFailure turns the go command's own refusal into what to type next.
func goFailure(stderr string, err error) error {
	said := firstLines(stderr, 5)
	switch {
	case strings.Contains(stderr, "go.mod file not found") || strings.Contains(stderr, "cannot find main module") ||
		strings.Contains(stderr, "does not contain main module"):
		return errors.New("no go.mod here or in a folder above: run permcheck in a Go module, or give its folder: cd MODULE && permcheck vet ./...")
	case strings.Contains(stderr, "requires go >=") || strings.Contains(stderr, "GOTOOLCHAIN"):
		return fmt.Errorf("the module needs a newer Go than the one on PATH:\n%s\ntype: GOTOOLCHAIN=auto permcheck vet ./... (downloads it), or install it from https://go.dev/dl/", said)
	case strings.Contains(stderr, "matched no packages") || strings.Contains(stderr, "no packages to vet"):
		return fmt.Errorf("no Go packages match:\n%s", said)
	case said == "":
		return fmt.Errorf("go vet: %w", err)
	}
	return fmt.Errorf("the go command could not read the packages:\n%s", said)
}

func firstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "...")
	}
	for i := range lines {
		lines[i] = report.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// relative shortens a path below the current directory.
func relative(file string) string {
	wd, err := os.Getwd()
	if err != nil {
		return file
	}
	rel, err := filepath.Rel(wd, file)
	if err != nil || strings.HasPrefix(rel, ".."+string(filepath.Separator)+".."+string(filepath.Separator)+"..") {
		return file
	}
	return rel
}

// catalog is the program as the table that everything is compared with.
func (p *goProgram) catalog(patterns []string) *catalogs.Catalog {
	c := &catalogs.Catalog{Name: "go", File: "go:" + strings.Join(patterns, ",")}
	for _, r := range p.Routes {
		if _, ignored := p.Settings.Ignored(r); ignored {
			continue
		}
		c.Endpoints = append(c.Endpoints, catalogs.Endpoint{
			Method: r.Method, Path: p.Settings.Path(r), Requires: r.Requires,
			Pos: catalogs.Pos{File: r.File, Line: r.Line, Column: r.Column},
		})
	}
	return c
}

// incomplete returns the error that ends a command when packages could not be read.
func (p *goProgram) incomplete(errOut io.Writer) error {
	if len(p.Errors) == 0 {
		return nil
	}
	for _, e := range p.Errors {
		fmt.Fprintf(errOut, "permcheck: package %s could not be read:\n", report.Clean(e.Package))
		for line := range strings.Lines(e.Message) {
			fmt.Fprintf(errOut, "    %s\n", report.Clean(strings.TrimRight(line, "\n")))
		}
		if strings.Contains(e.Message, "pattern ") && strings.Contains(e.Message, "no matching files") {
			fmt.Fprintln(errOut, "    a //go:embed names files that are made by a build step: run it, or put an empty file there")
		}
	}
	noun := "packages"
	if len(p.Errors) == 1 {
		noun = "package"
	}
	return &partialError{fmt.Sprintf("%d %s could not be read; go vet ./... shows the same errors", len(p.Errors), noun)}
}
