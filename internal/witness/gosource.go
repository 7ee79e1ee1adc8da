package witness

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
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/vettool"
	"golang.org/x/mod/modfile"
)

// GoOptions say how Go source is read.
type GoOptions struct {
	Catalog string // reference that overrides the configuration's; "" does not
	// Words returns the permissions by which guards are known in code that has no
	// catalog, by its service. It is asked when the packages have been read. Nil, or a nil
	// catalog: there are none.
	Words func(service string) *catalogs.Catalog
}

// A Program is what Go packages serve.
type Program struct {
	Catalog    *catalogs.Catalog // its routes; Requires is nil where one declares nothing
	Routes     []*guards.Route
	Unresolved []routes.Unresolved
	Ignores    []guards.Ignore
	Openings   []cors.Opening
	Reaches    recordfilter.Known
	Errors     []PackageError                     // packages that could not be read
	Settings   *guards.Settings                   // of the folder that was asked about
	services   map[*guards.Route]*guards.Settings // of a route of a configured service
	dir        string                             // that was asked about
	modules    map[string]string                  // import paths of modules that are worked on, and their folders
	// Endpoints counts the packages that contributed anything.
	Packages int
}

// A PackageError is why a package could not be read.
type PackageError struct {
	Package string
	Message string // what the go command said, its first lines
}

// LoadGo reads the packages that the patterns match, as the go command run in dir
// understands them. It drives "go vet" with permcheck itself as its tool, which
// analyses in parallel and only what changed. Packages that do not compile are
// returned as errors beside the others.
func LoadGo(ctx context.Context, dir string, patterns []string, opts GoOptions) (*Program, error) {
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
	RelativeCatalog(dir, settings.Catalog)
	goCmd, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command is not on PATH: permcheck reads Go source with it; install Go from https://go.dev/dl/")
	}
	tool, err := vettool.Path()
	if err != nil {
		return nil, err
	}
	p := &Program{Settings: settings, dir: dir, modules: localModules(dir, patterns)}
	relative := func(file string) string { return RelativeTo(dir, p.locate(file)) }
	var records []analyzers.Record
	for _, m := range Modules(dir, patterns) {
		more, err := p.read(ctx, goCmd, tool, m, env)
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
	p.Catalog = p.AsCatalog(patterns)
	return p, nil
}

// declare says what each route demands, by the settings of the service that serves it:
// the one whose code holds the call that led to the registration, or else the
// registration itself. A catalog given on the command line is everybody's.
func (p *Program) declare(merged *analyzers.Program, opts GoOptions) error {
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
		name := p.Settings.ServiceOf(filepath.Dir(p.locate(r.ViaFile)))
		if name == "" {
			name = p.Settings.ServiceOf(filepath.Dir(p.locate(r.File)))
		}
		byService[name] = append(byService[name], r)
	}
	p.services = map[*guards.Route]*guards.Settings{}
	for _, name := range slices.Sorted(maps.Keys(byService)) {
		of := cmp.Or(services[name], p.Settings)
		RelativeCatalog(p.dir, of.Catalog)
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

// Divided reports whether routes are of services that the configuration names.
func (p *Program) Divided() bool { return len(p.services) > 0 }

// SettingsOf returns the settings that a route is held against.
func (p *Program) SettingsOf(r *guards.Route) *guards.Settings {
	return cmp.Or(p.services[r], p.Settings)
}

// RelativeCatalog shortens the positions of a catalog: .permcheck.yaml, which names it, is
// found by its absolute path.
func RelativeCatalog(dir string, c *catalogs.Catalog) {
	if c == nil {
		return
	}
	c.File = RelativeTo(dir, c.File)
	for i := range c.Endpoints {
		c.Endpoints[i].Pos.File = RelativeTo(dir, c.Endpoints[i].Pos.File)
	}
}

// read reads the packages of one module.
func (p *Program) read(ctx context.Context, goCmd, tool string, m GoModule, env []string) ([]analyzers.Record, error) {
	run := func(args ...string) (stdout, stderr string, err error) {
		cmd := exec.CommandContext(ctx, goCmd, args...)
		cmd.Dir, cmd.Env = m.Dir, env
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		err = cmd.Run()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return out.String(), errOut.String(), err
	}
	vet := []string{"vet", "-json", "-vettool=" + tool, "-records", "-records.emit", "--"}
	stdout, stderr, runErr := run(append(vet, m.Patterns...)...)
	if runErr != nil && ctx.Err() == nil && stdout == "" && !strings.Contains(stderr, "# ") {
		// One package that cannot be loaded keeps go vet from all of them: leave those
		// out that go list has an error for.
		if err := moduleFailure(stderr); err != nil {
			return nil, err
		}
		listed, _, listErr := run(append([]string{"list", "-e", "-deps", "-json=ImportPath,DepOnly,Deps,Error,EmbedFiles", "--"}, m.Patterns...)...)
		good, bad := loadable(listed, map[string]string{})
		// A pattern that is wrong itself is listed under its own name.
		wrong := slices.ContainsFunc(bad, func(e PackageError) bool { return slices.Contains(m.Patterns, e.Package) })
		if listErr != nil || len(bad) == 0 || wrong && len(good) == 0 {
			return nil, GoFailure(stderr, runErr)
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
		return nil, fmt.Errorf("reading what go vet printed: %w\n%s", err, FirstLines(stderr, 10))
	}
	if broken := p.parseErrors(stderr); len(broken) > 0 {
		// go vet passes over the packages that import them without a word.
		listed, _, err := run(append([]string{"list", "-e", "-deps", "-json=ImportPath,DepOnly,Deps", "--"}, m.Patterns...)...)
		if err != nil {
			return nil, fmt.Errorf("finding the packages that import %s: %w", strings.Join(slices.Sorted(maps.Keys(broken)), ", "), err)
		}
		_, bad := loadable(listed, broken)
		p.fail(bad...)
	}
	if runErr != nil && len(p.Errors) == 0 {
		return nil, GoFailure(stderr, runErr)
	}
	if strings.Contains(stderr, "matched no packages") && len(records) == 0 && len(p.Errors) == 0 {
		return nil, fmt.Errorf("no Go packages match %s", strings.Join(m.Patterns, " "))
	}
	return records, nil
}

// A GoModule is a folder to run the go command in, and the patterns to give it there.
type GoModule struct {
	Dir      string
	Patterns []string
}

// Modules returns where to run the go command for the patterns. Inside a module that is
// the folder itself. A repository without a go.mod at its root has modules below: those
// that its go.work names, or else all; there relative patterns are split among them.
func Modules(dir string, patterns []string) []GoModule {
	here := []GoModule{{dir, patterns}}
	abs, err := filepath.Abs(dir)
	if err != nil || InModule(abs) {
		return here
	}
	var out []GoModule
	for _, m := range ModulesBelow(abs) {
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
			out = append(out, GoModule{m, own})
		}
	}
	if len(out) == 0 {
		return here // and the go command says what is wrong
	}
	return out
}

func InModule(dir string) bool {
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// FilesBelow calls visit for each file below dir that the go command could look at: folders
// that it ignores are not entered.
func FilesBelow(dir string, visit func(path, name string)) {
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

// ModulesBelow returns the folders below dir that hold a go.mod, sorted.
func ModulesBelow(dir string) []string {
	var found []string
	FilesBelow(dir, func(path, name string) {
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
	file := os.Getenv("GOWORK")
	if file == "off" {
		return nil
	}
	for d := dir; file == "" && d != filepath.Dir(d); d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.work")); err == nil {
			file = filepath.Join(d, "go.work")
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	work, err := modfile.ParseWork(file, data, nil)
	if err != nil {
		return nil // the go command says what is wrong
	}
	used := []string{}
	for _, u := range work.Use {
		m := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(m) {
			m = filepath.Join(filepath.Dir(file), m)
		}
		used = append(used, m)
	}
	return used
}

// localModules returns the import paths of the modules that the go command works on, with their
// folders.
func localModules(dir string, patterns []string) map[string]string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	roots := workspaceModules(abs)
	for _, m := range Modules(dir, patterns) {
		if InModule(m.Dir) {
			roots = append(roots, routes.ModuleRoot(m.Dir))
		}
	}
	out := map[string]string{}
	for _, root := range roots {
		if data, err := os.ReadFile(filepath.Join(root, "go.mod")); err == nil {
			if path := modfile.ModulePath(data); path != "" {
				out[path] = root
			}
		}
	}
	return out
}

// locate returns where a file is that a record names; see [routes.Position]. Of modules whose
// import paths begin alike, the one that has the file counts.
func (p *Program) locate(file string) string {
	best := ""
	for module, root := range p.modules {
		if at, ok := routes.Locate(file, module, root); ok {
			if _, err := os.Stat(at); err == nil || best == "" {
				best = at
			}
		}
	}
	return cmp.Or(best, file)
}

// loadable reads what go list -e -deps prints: the packages that can be analysed, and
// those that it, or a package that they import, has an error for. failed holds the errors
// that are known already, by package.
func loadable(listed string, failed map[string]string) (good []string, bad []PackageError) {
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
			bad = append(bad, PackageError{pkg.ImportPath, why})
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
func (p *Program) parse(r io.Reader) ([]analyzers.Record, error) {
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
					p.fail(PackageError{pkg, failed.Error})
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
func (p *Program) fail(errs ...PackageError) {
	for _, e := range errs {
		if !slices.ContainsFunc(p.Errors, func(old PackageError) bool { return old.Package == e.Package }) {
			p.Errors = append(p.Errors, e)
		}
	}
}

// parseErrors reads what the go command says of packages that it could not compile:
// sections that begin with "# import/path", or "# [import/path]" or "# import/path
// [import/path.test]" where only their tests are wrong, and "vet: file:line:column:
// message". It returns the first line said of those that what imports them cannot be
// compiled without.
func (p *Program) parseErrors(text string) (broken map[string]string) {
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
		p.fail(PackageError{pkg, strings.Join(lines[:min(len(lines), 5)], "\n")})
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
		return fmt.Errorf("the module needs a newer Go than the one on PATH:\n%s\ntype GOTOOLCHAIN=auto permcheck vet ./... to have the go command fetch it, or install it from https://go.dev/dl/", FirstLines(stderr, 5))
	case has("matched no packages"), has("no packages to vet"):
		return fmt.Errorf("no Go packages match:\n%s", FirstLines(stderr, 5))
	}
	return nil
}

// GoFailure turns the go command's own refusal into an error.
func GoFailure(stderr string, err error) error {
	if known := moduleFailure(stderr); known != nil {
		return known
	}
	if strings.TrimSpace(stderr) == "" {
		return fmt.Errorf("go vet: %w", err)
	}
	return fmt.Errorf("the go command could not read the packages:\n%s", FirstLines(stderr, 5))
}

func FirstLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	if len(lines) > n {
		lines = append(lines[:n], "...")
	}
	for i := range lines {
		lines[i] = report.Clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// RelativeTo shortens a path below the folder.
func RelativeTo(dir, file string) string {
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

// AsCatalog is the program as the table that everything is compared with.
func (p *Program) AsCatalog(patterns []string) *catalogs.Catalog {
	c := &catalogs.Catalog{Name: "go", File: "go:" + strings.Join(patterns, ",")}
	for _, r := range p.Routes {
		s := p.SettingsOf(r)
		if _, ignored := s.Ignored(r); ignored {
			continue
		}
		c.Endpoints = append(c.Endpoints, p.Endpoint(s, r))
	}
	return c
}

// endpoint is a route by the path that its catalog has for it.
func (p *Program) Endpoint(s *guards.Settings, r *guards.Route) catalogs.Endpoint {
	e := catalogs.Endpoint{Method: r.Method, Path: s.Path(r), Requires: r.Requires, Routed: r.Routed(), Pos: Pos(r)}
	if s.Catalog != nil {
		if spelled := s.Spelled(r); spelled != "" {
			e.Path = spelled
		}
	}
	return e
}

// SettingsAt returns the settings for code in a file.
func (p *Program) SettingsAt(file string) *guards.Settings {
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.dir, file)
	}
	if name := p.Settings.ServiceOf(filepath.Dir(file)); name != "" {
		for _, s := range p.services {
			if s.Service.Name == name {
				return s
			}
		}
	}
	return p.Settings
}

// GoPrefix begins a reference to Go packages.
const GoPrefix = "go:"

// goRevision splits a reference to Go packages as they are in a git revision, such as
// main:go:./...
func goRevision(ref string) (rev, pattern string, ok bool) {
	rev, pattern, ok = strings.Cut(ref, ":"+GoPrefix)
	return rev, pattern, ok && rev != "" && !strings.Contains(rev, ":") && pattern != ""
}

// readGo reads Go packages.
func readGo(_ *Reader, ctx context.Context, ref, words string) (*Reading, error) {
	return readGoAt(ctx, ".", strings.TrimPrefix(ref, GoPrefix), words)
}

func isGoRevision(ref string) bool {
	_, _, ok := goRevision(ref)
	return ok
}

// readGoRevision reads Go packages as they are in a git revision.
func readGoRevision(_ *Reader, ctx context.Context, ref, words string) (*Reading, error) {
	rev, pattern, _ := goRevision(ref)
	sub, remove, err := Checkout(ctx, ".", rev)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	defer remove()
	if words != "" && !strings.HasPrefix(words, catalogs.VendorPrefix) {
		if words, err = filepath.Abs(words); err != nil {
			return nil, err
		}
	}
	return readGoAt(ctx, sub, pattern, words)
}

// readGoAt reads Go packages in a folder. catalog, if any, is the reference of a catalog whose
// permissions they name.
func readGoAt(ctx context.Context, dir, pattern, catalog string) (*Reading, error) {
	p, err := LoadGo(ctx, dir, strings.Fields(pattern), GoOptions{Catalog: catalog})
	if err != nil {
		return nil, err
	}
	s := &Reading{Side: drift.Side{Catalog: p.Catalog, EndpointsOnly: true}, Program: p}
	if p.Settings.Catalog != nil { // its aliases and implications apply
		s.Catalog.Permissions = p.Settings.Catalog.Permissions
	}
	unread := func(subject, message string, reason string, at catalogs.Pos) {
		s.Unread = append(s.Unread, &report.Finding{Rule: "unresolved", Subject: subject, Args: []string{at.File, reason}, Message: message + reason, Position: at})
	}
	for _, u := range p.Unresolved {
		unread("registration", "a registration could not be read: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
	}
	for _, r := range p.Routes {
		for _, u := range r.Unread {
			subject := r.Method + " " + p.Settings.Path(r)
			unread(subject, "the permission of "+subject+" is not known: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
		}
	}
	return s, nil
}

// Pos is where a route is registered.
func Pos(r *guards.Route) catalogs.Pos {
	return catalogs.Pos{File: r.File, Line: r.Line, Column: r.Column}
}
