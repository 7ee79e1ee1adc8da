package routes

import (
	"encoding/json"
	"fmt"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/catalogs"
)

// ConfigEnv is the environment variable that names the configuration file to read in
// place of a module's own .permcheck.yaml.
const ConfigEnv = "PERMCHECK_CONFIG"

// LoadConfig loads the configuration of the module around a folder, or the one that
// the environment names. It is found from the module's root, so that the go command's
// cache can be told of it.
func LoadConfig(dir string) (*catalogs.Config, error) {
	if file := os.Getenv(ConfigEnv); file != "" {
		return catalogs.LoadConfig(file)
	}
	return catalogs.FindConfig(ModuleRoot(dir))
}

// ModuleRoot returns the nearest folder at or above dir with a go.mod, or dir.
func ModuleRoot(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir
	}
	for d := abs; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d
		}
		if d == filepath.Dir(d) {
			return abs
		}
	}
}

// HashConfig writes what of a configuration decides which routes are found.
func HashConfig(w io.Writer, cfg *catalogs.Config) error {
	return json.NewEncoder(w).Encode([]any{cfg.Routers, cfg.RouteTables, guardNames(cfg)})
}

// An ownConfig is what a configuration adds to the routers that are known.
type ownConfig struct {
	specs  map[*Spec]bool
	tables []*tableSpec
	names  []namedAt
}

// A namedAt is a name in the configuration, and where it stands.
type namedAt struct {
	name string
	pos  catalogs.Pos
}

// tables keeps the tables of configurations by file, or by the module that has none:
// one process analyses many packages.
var tables sync.Map // string -> func() (*table, error)

// tableFor returns the routers of the package's module. Packages of other modules do
// not see its configuration, nor does theirs count here.
func tableFor(pass *analysis.Pass) (*table, error) {
	if len(pass.Files) == 0 || pass.Module != nil && pass.Module.Version != "" {
		return known, nil
	}
	root := ModuleRoot(filepath.Dir(pass.Fset.Position(pass.Files[0].Package).Filename))
	load, _ := tables.LoadOrStore(os.Getenv(ConfigEnv)+"\x00"+root, sync.OnceValues(func() (*table, error) {
		cfg, err := LoadConfig(root)
		if err != nil {
			return known, err
		}
		return configured(cfg), nil
	}))
	return load.(func() (*table, error))()
}

// configured returns the table of the known routers and those of a configuration.
func configured(cfg *catalogs.Config) *table {
	guards := guardNames(cfg)
	if len(cfg.Routers) == 0 && len(cfg.RouteTables) == 0 {
		if len(guards) == 0 {
			return known
		}
		out := *known
		out.guards = guards
		return &out
	}
	own := &ownConfig{specs: map[*Spec]bool{}}
	all := slices.Clone(specs)
	for _, r := range cfg.Routers {
		s := newSpec(r)
		own.specs[s] = true
		all = append(all, s)
		for _, t := range slices.Concat(r.Types, r.Routes, r.Contexts) {
			own.names = append(own.names, namedAt{t, r.Pos})
		}
		for _, row := range r.Rows {
			own.names = append(own.names, namedAt{row.Func, row.Pos})
		}
	}
	described := map[string]*catalogs.TableConfig{}
	for i, t := range cfg.RouteTables {
		if t.Path == "" {
			described[t.Type] = &cfg.RouteTables[i]
			own.names = append(own.names, namedAt{t.Type, t.Pos})
			continue
		}
		s := newTableSpec(t)
		own.tables = append(own.tables, s)
		for _, name := range append([]string{t.Type}, t.Contexts...) {
			own.names = append(own.names, namedAt{name, t.Pos})
		}
		all = append(all, s.spec)
	}
	out := newTable(all)
	out.own, out.guards, out.described = own, guards, described
	for _, t := range own.tables {
		out.tables[t.Type] = t
		out.pkgs[pkgOf(t.Type)] = true
	}
	return out
}

// guardNames returns the functions that a configuration names as guards, as rows write
// them: in what calls them, they are worth noting whatever they are given.
func guardNames(cfg *catalogs.Config) map[string]bool {
	out := map[string]bool{}
	for _, g := range cfg.Guards {
		out[rowKey(g.Func)] = true
	}
	return out
}

var patternsOf = map[string]func(string) (method, path string, err error){
	"braces": bracePattern, "colon": colonPattern, "servemux": serveMuxPattern,
}

// newSpec turns a router of the configuration into a spec. The router of functions
// that are given none is a variable that no package has.
func newSpec(c catalogs.RouterConfig) *Spec {
	s := &Spec{
		Name: c.Name, Types: slices.Clone(c.Types), Builders: c.Routes, Handlers: c.Contexts, Contexts: c.Contexts, Default: "router:" + c.Name,
		Path: patternsOf[c.Patterns], Strips: true,
	}
	if len(s.Types) == 0 {
		s.Types = []string{"router:" + c.Name}
	}
	// Where middleware covers all routes of what it is added to, a group is a router of
	// its own below its parent: what it is given is not its parent's.
	group := Group
	if slices.ContainsFunc(c.Rows, func(r catalogs.RouterRow) bool { return r.Do == "use" && r.Order == "all" }) {
		group = Sub
	}
	for _, r := range c.Rows {
		row := Row{
			Func: r.Func, Router: Arg(r.Router), MethodArg: Arg(r.MethodArg), Path: Arg(r.Path),
			Handler: Arg(r.Handler), Middleware: Arg(r.Middleware), Rest: r.Rest,
		}
		if row.Method = r.Method; r.Method == "ANY" {
			row.Method = AnyMethod
		}
		if r.Order == "all" {
			row.Order = All
		}
		ofRoute := slices.Contains(c.Routes, r.Func[:strings.LastIndexByte(r.Func, '.')])
		switch r.Do {
		case "make":
			row.Do = Make
		case "register":
			if row.Do = Register; len(c.Routes) > 0 {
				row.Do = Begin
			}
		case "group":
			row.Do = group
		case "mount":
			row.Do = Mount
		case "use":
			row.Do = Use
		case "unuse":
			row.Do = Unuse
		}
		if ofRoute && row.Do != Unuse {
			row.Do = Refine // also where it does nothing: the route goes on
		}
		s.Rows = append(s.Rows, row)
	}
	return s
}

// missing reports the names of the configuration that should be in the package, or in
// one that it imports, and are not.
func (o *ownConfig) missing(pkg *types.Package) []Unresolved {
	if o == nil {
		return nil
	}
	seen := map[string]*types.Package{pkg.Path(): pkg}
	for _, p := range pkg.Imports() {
		seen[p.Path()] = p
	}
	var out []Unresolved
	for _, n := range o.names {
		path := pkgOf(n.name)
		p := seen[path]
		if p == nil || n.name == path {
			continue
		}
		first, method, isMethod := strings.Cut(n.name[len(path)+1:], ".")
		obj := p.Scope().Lookup(first)
		if obj != nil && isMethod {
			obj = methodOf(obj.Type(), p, method)
		}
		reason := fmt.Sprintf("package %s does not declare it", path)
		if f, ok := obj.(*types.Func); ok {
			if key := rowKey(f.Origin().FullName()); key != n.name {
				reason = fmt.Sprintf("it is declared as %s: name that", key)
				obj = nil
			}
		}
		if obj == nil {
			out = append(out, Unresolved{
				File: n.pos.File, Line: n.pos.Line, Column: n.pos.Column,
				Reason: fmt.Sprintf("the configuration names %s: %s", n.name, reason),
			})
		}
	}
	return out
}

// methodOf finds a method of a type or a pointer to it; nil if there is none.
func methodOf(t types.Type, pkg *types.Package, name string) types.Object {
	if !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	obj, _, _ := types.LookupFieldOrMethod(t, false, pkg, name)
	return obj
}
