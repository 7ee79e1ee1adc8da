package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
)

// goOptions say how Go source is read.
type goOptions struct {
	Catalog string // reference that overrides the configuration's; "" does not
	// Words returns the permissions by which guards are known in code that has no
	// catalog, by its service. It is asked when the packages have been read. Nil, or a nil
	// catalog: there are none.
	Words func(service string) *catalogs.Catalog
}

// A goProgram is what Go packages serve.
type goProgram struct {
	Catalog    *catalogs.Catalog // its routes; Requires is nil where one declares nothing
	Routes     []*guards.Route
	Unresolved []routes.Unresolved
	Ignores    []guards.Ignore
	Openings   []cors.Opening
	Reaches    recordfilter.Known
	Errors     []packageError                     // packages that could not be read
	Settings   *guards.Settings                   // of the folder that was asked about
	services   map[*guards.Route]*guards.Settings // of a route of a configured service
	excused    map[[2]string]bool                 // subjects that comments excuse, see vet
	excuses    map[string]bool                    // patterns of ignore-routes that excused a route, see vet
	used       []guards.Ignore                    // comments that excuse a finding, see vet
	dir        string                             // that was asked about
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
	settings, err := guards.LoadSettingsWith(dir, opts.Catalog)
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), guards.RecordsEnv+"="+guards.RecordsFor(settings.Config))
	relative := func(file string) string { return relativeTo(dir, file) }
	relativeCatalog(dir, settings.Catalog)
	goCmd, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command is not on PATH: permcheck reads Go source with it; install Go from https://go.dev/dl/")
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &goProgram{Settings: settings, dir: dir}
	var records []analyzers.Record
	for _, m := range modules(dir, patterns) {
		more, err := p.read(ctx, goCmd, self, m, env)
		if err != nil {
			return nil, err
		}
		records = append(records, more...)
	}
	merged := analyzers.Merge(records)
	p.Unresolved, p.Packages = merged.Unresolved, len(records)
	if err := p.declare(merged, opts); err != nil {
		return nil, err
	}
	for _, r := range p.Routes {
		r.File, r.ViaFile = relative(r.File), relative(r.ViaFile)
		for i := range r.Strange {
			r.Strange[i].File = relative(r.Strange[i].File)
		}
		for i := range r.TooLate {
			r.TooLate[i].File = relative(r.TooLate[i].File)
		}
		for i := range r.Unread {
			r.Unread[i].File = relative(r.Unread[i].File)
		}
	}
	for i := range p.Unresolved {
		p.Unresolved[i].File = relative(p.Unresolved[i].File)
	}
	p.Ignores = merged.Ignores
	for i := range p.Ignores {
		p.Ignores[i].File = relative(p.Ignores[i].File)
	}
	p.Openings, p.Reaches = merged.Openings, merged.Reaches
	for i := range p.Openings {
		p.Openings[i].File = relative(p.Openings[i].File)
	}
	p.Catalog = p.catalog(patterns)
	return p, nil
}

// declare says what each route demands, by the settings of the service that serves it:
// the one whose code holds the call that led to the registration, or else the
// registration itself. A catalog given on the command line is everybody's.
func (p *goProgram) declare(merged *analyzers.Program, opts goOptions) error {
	declared := func(found []*routes.Route, s *guards.Settings) ([]*guards.Route, error) {
		if s.Catalog == nil && opts.Words != nil {
			if words := opts.Words(s.Service.Name); words != nil {
				var err error
				if s, err = s.Speaking(words); err != nil {
					return nil, err
				}
			}
		}
		return once(guards.Declare(found, merged.Modes, s)), nil
	}
	if len(p.Settings.Config.Services) == 0 || opts.Catalog != "" {
		var err error
		p.Routes, err = declared(merged.Routes, p.Settings)
		return err
	}
	services, err := p.Settings.ForServices()
	if err != nil {
		return err
	}
	byService := map[string][]*routes.Route{}
	for _, r := range merged.Routes {
		name := p.Settings.ServiceOf(filepath.Dir(r.ViaFile))
		if name == "" {
			name = p.Settings.ServiceOf(filepath.Dir(r.File))
		}
		byService[name] = append(byService[name], r)
	}
	p.services = map[*guards.Route]*guards.Settings{}
	for _, name := range slices.Sorted(maps.Keys(byService)) {
		of := cmp.Or(services[name], p.Settings)
		relativeCatalog(p.dir, of.Catalog)
		list, err := declared(byService[name], of)
		if err != nil {
			return err
		}
		for _, r := range list {
			p.Routes = append(p.Routes, r)
			p.services[r] = of
		}
	}
	return nil
}

// settingsOf returns the settings that a route is held against.
func (p *goProgram) settingsOf(r *guards.Route) *guards.Settings {
	return cmp.Or(p.services[r], p.Settings)
}

// relativeCatalog shortens the positions of a catalog: .permcheck.yaml, which names it, is
// found by its absolute path.
func relativeCatalog(dir string, c *catalogs.Catalog) {
	if c == nil {
		return
	}
	c.File = relativeTo(dir, c.File)
	for i := range c.Endpoints {
		c.Endpoints[i].Pos.File = relativeTo(dir, c.Endpoints[i].Pos.File)
	}
}

// read reads the packages of one module.
func (p *goProgram) read(ctx context.Context, goCmd, self string, m goModule, env []string) ([]analyzers.Record, error) {
	run := func(args ...string) (stdout, stderr string, err error) {
		cmd := exec.CommandContext(ctx, goCmd, args...)
		cmd.Dir, cmd.Env = m.dir, env
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		err = cmd.Run()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out.String(), errOut.String(), err
	}
	vet := []string{"vet", "-json", "-vettool=" + self, "-records", "-records.emit", "--"}
	stdout, stderr, runErr := run(append(vet, m.patterns...)...)
	if runErr != nil && ctx.Err() == nil && stdout == "" && !strings.Contains(stderr, "# ") {
		// One package that cannot be loaded keeps go vet from all of them: leave those
		// out that go list has an error for.
		if err := moduleFailure(stderr); err != nil {
			return nil, err
		}
		listed, _, listErr := run(append([]string{"list", "-e", "-deps", "-json=ImportPath,DepOnly,Deps,Error,EmbedFiles", "--"}, m.patterns...)...)
		good, bad := loadable(listed, map[string]string{})
		// A pattern that is wrong itself is listed under its own name.
		wrong := slices.ContainsFunc(bad, func(e packageError) bool { return slices.Contains(m.patterns, e.Package) })
		if listErr != nil || len(bad) == 0 || wrong && len(good) == 0 {
			return nil, goFailure(stderr, runErr)
		}
		p.fail(bad...)
		if len(good) > 0 {
			stdout, stderr, runErr = run(append(vet, good...)...)
		} else {
			stderr, runErr = "", nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	records, err := p.parse(strings.NewReader(stdout))
	if err != nil {
		return nil, fmt.Errorf("reading what go vet printed: %w\n%s", err, firstLines(stderr, 10))
	}
	if broken := p.parseErrors(stderr); len(broken) > 0 {
		// go vet passes over the packages that import them without a word.
		listed, _, err := run(append([]string{"list", "-e", "-deps", "-json=ImportPath,DepOnly,Deps", "--"}, m.patterns...)...)
		if err != nil {
			return nil, fmt.Errorf("finding the packages that import %s: %w", strings.Join(slices.Sorted(maps.Keys(broken)), ", "), err)
		}
		_, bad := loadable(listed, broken)
		p.fail(bad...)
	}
	if runErr != nil && len(p.Errors) == 0 {
		return nil, goFailure(stderr, runErr)
	}
	if strings.Contains(stderr, "matched no packages") && len(records) == 0 && len(p.Errors) == 0 {
		return nil, fmt.Errorf("no Go packages match %s", strings.Join(m.patterns, " "))
	}
	return records, nil
}

// A goModule is a folder to run the go command in, and the patterns to give it there.
type goModule struct {
	dir      string
	patterns []string
}

// modules returns where to run the go command for the patterns. Inside a module that is
// the folder itself. A repository without a go.mod at its root has modules below: those
// that its go.work names, or else all; there relative patterns are split among them.
func modules(dir string, patterns []string) []goModule {
	here := []goModule{{dir, patterns}}
	abs, err := filepath.Abs(dir)
	if err != nil || inModule(abs) {
		return here
	}
	var out []goModule
	for _, m := range modulesBelow(abs) {
		var own []string
		for _, p := range patterns {
			base, tree := strings.CutSuffix(p, "...")
			if !strings.HasPrefix(p, ".") {
				own = append(own, p) // an import path: the module that has it answers
				continue
			}
			base = filepath.Join(abs, filepath.FromSlash(strings.TrimSuffix(base, "/")))
			if rel, err := filepath.Rel(base, m); err == nil && filepath.IsLocal(rel) {
				if tree || rel == "." {
					own = append(own, "./"+map[bool]string{true: "...", false: ""}[tree])
				}
			} else if rel, err := filepath.Rel(m, base); err == nil && filepath.IsLocal(rel) {
				own = append(own, "./"+filepath.ToSlash(rel)+map[bool]string{true: "/...", false: ""}[tree])
			}
		}
		if len(own) > 0 {
			out = append(out, goModule{m, own})
		}
	}
	if len(out) == 0 {
		return here // and the go command says what is wrong
	}
	return out
}

func inModule(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// filesBelow calls visit for each file below dir that the go command could look at: folders
// that it ignores are not entered.
func filesBelow(dir string, visit func(path, name string)) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // a folder that cannot be read holds nothing that can
		case d.IsDir():
			if n := d.Name(); path != dir && (strings.HasPrefix(n, ".") || strings.HasPrefix(n, "_") || n == "testdata" || n == "vendor" || n == "node_modules") {
				return fs.SkipDir
			}
		default:
			visit(path, d.Name())
		}
		return nil
	})
}

// modulesBelow returns the folders below dir that hold a go.mod, sorted.
func modulesBelow(dir string) []string {
	var found []string
	filesBelow(dir, func(path, name string) {
		if name == "go.mod" {
			found = append(found, filepath.Dir(path))
		}
	})
	if used := workspaceModules(dir); used != nil {
		found = slices.DeleteFunc(found, func(m string) bool { return !slices.Contains(used, m) })
	}
	slices.Sort(found)
	return found
}

// workspaceModules returns the modules that the go.work in dir or above uses; nil: there
// is none.
func workspaceModules(dir string) []string {
	cmd := exec.Command("go", "work", "edit", "-json")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	var work struct{ Use []struct{ DiskPath string } }
	env := exec.Command("go", "env", "GOWORK")
	env.Dir = dir
	file, err := env.Output()
	if err != nil || json.Unmarshal(out, &work) != nil {
		return nil
	}
	root := filepath.Dir(strings.TrimSpace(string(file)))
	used := []string{}
	for _, u := range work.Use {
		m := filepath.FromSlash(u.DiskPath)
		if !filepath.IsAbs(m) {
			m = filepath.Join(root, m)
		}
		used = append(used, m)
	}
	return used
}

// loadable reads what go list -e -deps prints: the packages that can be analysed, and
// those that it, or a package that they import, has an error for. failed holds the errors
// that are known already, by package.
func loadable(listed string, failed map[string]string) (good []string, bad []packageError) {
	type listedPackage struct {
		ImportPath string
		DepOnly    bool
		Deps       []string
		Error      *struct{ Pos, Err string }
	}
	var matched []listedPackage
	dec := json.NewDecoder(strings.NewReader(listed))
	for {
		var pkg listedPackage
		if dec.Decode(&pkg) != nil {
			break
		}
		if pkg.Error != nil {
			failed[pkg.ImportPath] = strings.TrimPrefix(pkg.Error.Pos+": "+pkg.Error.Err, ": ")
		}
		if !pkg.DepOnly {
			matched = append(matched, pkg)
		}
	}
	for _, pkg := range matched {
		why, bust := failed[pkg.ImportPath]
		for _, dep := range pkg.Deps {
			if w, ok := failed[dep]; ok && !bust {
				why, bust = "it imports "+dep+": "+w, true
			}
		}
		if bust {
			bad = append(bad, packageError{pkg.ImportPath, why})
		} else {
			good = append(good, pkg.ImportPath)
		}
	}
	return good, bad
}

// once drops routes that differ only in guards which demand nothing.
func once(routes []*guards.Route) []*guards.Route {
	seen := map[string]*guards.Route{}
	return slices.DeleteFunc(routes, func(r *guards.Route) bool {
		requires := "-"
		if r.Requires != nil {
			requires = r.Requires.String()
		}
		key := fmt.Sprintf("%s %s %s:%d:%d %s", r.Method, r.Path, r.File, r.Line, r.Column, requires)
		old := seen[key]
		if old == nil {
			seen[key] = r
			return false
		}
		old.Conditional = old.Conditional && r.Conditional
		return true
	})
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
					p.fail(packageError{pkg, failed.Error})
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

// fail adds packages that could not be read, each once.
func (p *goProgram) fail(errs ...packageError) {
	for _, e := range errs {
		if !slices.ContainsFunc(p.Errors, func(old packageError) bool { return old.Package == e.Package }) {
			p.Errors = append(p.Errors, e)
		}
	}
}

// parseErrors reads what the go command says of packages that it could not compile:
// sections that begin with "# import/path", or "# [import/path]" or "# import/path
// [import/path.test]" where only their tests are wrong, and "vet: file:line:column:
// message". It returns the first line said of those that what imports them cannot be
// compiled without.
func (p *goProgram) parseErrors(text string) (broken map[string]string) {
	broken = map[string]string{}
	pkg, tests := "", false
	var lines []string
	flush := func() {
		if len(lines) == 0 || onlyWarnings(lines) {
			lines = nil
			return
		}
		if !tests {
			broken[pkg] = lines[0]
		}
		p.fail(packageError{pkg, strings.Join(lines[:min(len(lines), 5)], "\n")})
		lines = nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if name, ok := strings.CutPrefix(line, "# "); ok {
			flush()
			of := ""
			pkg, of, _ = strings.Cut(name, " ")
			tests = strings.HasPrefix(pkg, "[") || strings.HasPrefix(of, "[")
			pkg = strings.Trim(pkg, "[]")
			continue
		}
		if pkg == "" || line == "" || strings.HasPrefix(line, "go: downloading ") {
			continue
		}
		lines = append(lines, strings.TrimPrefix(line, "vet: "))
	}
	flush()
	return broken
}

// cWarning is a line in which a C compiler warns of what cgo gave it.
var cWarning = regexp.MustCompile(`^\S+\.(c|cc|cpp|cxx|h|hpp|m|mm):\d+:\d+: (warning|note): `)

// onlyWarnings reports whether a C compiler said the lines and had no error among them:
// then the package was compiled.
func onlyWarnings(lines []string) bool {
	return slices.ContainsFunc(lines, cWarning.MatchString) && !slices.ContainsFunc(lines, func(l string) bool {
		return strings.Contains(l, "error: ") || strings.Contains(l, ".go:")
	})
}

// moduleFailure recognises what keeps the go command from reading any package, and
// says what to type next.
func moduleFailure(stderr string) error {
	has := func(text string) bool { return strings.Contains(stderr, text) }
	switch {
	case has("go.mod file not found"), has("cannot find main module"), has("does not contain main module"):
		return errors.New("no go.mod here or in a folder above: run permcheck inside a Go module (cd MODULE && permcheck vet ./...)")
	case has("requires go >="), has("go.mod requires go"), has("toolchain not available"):
		return fmt.Errorf("the module needs a newer Go than the one on PATH:\n%s\ntype GOTOOLCHAIN=auto permcheck vet ./... to have the go command fetch it, or install it from https://go.dev/dl/", firstLines(stderr, 5))
	case has("matched no packages"), has("no packages to vet"):
		return fmt.Errorf("no Go packages match:\n%s", firstLines(stderr, 5))
	}
	return nil
}

// goFailure turns the go command's own refusal into an error.
func goFailure(stderr string, err error) error {
	if known := moduleFailure(stderr); known != nil {
		return known
	}
	if strings.TrimSpace(stderr) == "" {
		return fmt.Errorf("go vet: %w", err)
	}
	return fmt.Errorf("the go command could not read the packages:\n%s", firstLines(stderr, 5))
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

// relativeTo shortens a path below the folder.
func relativeTo(dir, file string) string {
	abs, err := filepath.Abs(dir)
	if err != nil || !filepath.IsAbs(file) {
		return file
	}
	rel, err := filepath.Rel(abs, file)
	if err != nil || strings.HasPrefix(rel, ".."+string(filepath.Separator)+".."+string(filepath.Separator)+"..") {
		return file
	}
	return rel
}

// catalog is the program as the table that everything is compared with.
func (p *goProgram) catalog(patterns []string) *catalogs.Catalog {
	c := &catalogs.Catalog{Name: "go", File: "go:" + strings.Join(patterns, ",")}
	for _, r := range p.Routes {
		s := p.settingsOf(r)
		if _, ignored := s.Ignored(r); ignored {
			continue
		}
		c.Endpoints = append(c.Endpoints, p.endpoint(s, r))
	}
	return c
}

// endpoint is a route by the path that its catalog has for it.
func (p *goProgram) endpoint(s *guards.Settings, r *guards.Route) catalogs.Endpoint {
	e := catalogs.Endpoint{Method: r.Method, Path: s.Path(r), Requires: r.Requires, Routed: r.Routed(), Pos: routePos(r)}
	if s.Catalog != nil {
		if spelled := s.Spelled(r); spelled != "" {
			e.Path = spelled
		}
	}
	return e
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
