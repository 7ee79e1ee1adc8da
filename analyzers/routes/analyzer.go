package routes

import (
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Analyzer finds the routes that a package registers. It reports nothing itself;
// its result is a *[Result].
var Analyzer = &analysis.Analyzer{
	Name:       "routes",
	Doc:        "find the HTTP routes that a package registers",
	Run:        run,
	ResultType: reflect.TypeFor[*Result](),
	FactTypes:  []analysis.Fact{new(Fact)},
}

func run(pass *analysis.Pass) (any, error) {
	if Standard(pass) {
		return &Result{}, nil
	}
	table, err := tableFor(pass)
	if err != nil {
		return &Result{Err: err}, nil
	}
	facts := map[*types.Package]*Fact{}
	for _, pf := range pass.AllPackageFacts() {
		if f, ok := pf.Fact.(*Fact); ok && pf.Package != pass.Pkg {
			facts[pf.Package] = f
		}
	}
	misnamed := table.own.missing(pass.Pkg)
	routing := relevant(pass, table, facts)
	prog := compile(pass, table, func(p *types.Package) *Fact { return facts[p] }, routing)
	if prog == nil {
		return &Result{Unresolved: misnamed}, nil
	}
	fact := Fact{Routing: routing}
	for _, f := range prog.Funcs {
		if f.Touches {
			fact.Touching = append(fact.Touching, f.Name)
		}
		if f.Demands {
			fact.Demanding = append(fact.Demanding, f.Name)
		}
	}
	slices.Sort(fact.Touching)
	slices.Sort(fact.Demanding)

	e := newEngine(prog, table)
	if pass.Module != nil {
		e.module = pass.Module.Path
	}
	deps := &imports{facts: map[string]*Fact{}, progs: map[string]*program{}, links: map[string][]*program{}}
	for p, f := range facts {
		deps.facts[p.Path()] = f
	}
	e.find = func(name string) *fn {
		if f := prog.funcs[name]; f != nil {
			return f
		}
		for _, p := range deps.programs(pkgOf(rowKey(name))) {
			if f := p.funcs[name]; f != nil {
				return f
			}
		}
		return nil
	}
	e.findGlobal = func(name string) *global {
		if g := prog.globals[name]; g != nil {
			return g
		}
		for _, p := range deps.programs(pkgOf(name)) {
			if g := p.globals[name]; g != nil {
				return g
			}
		}
		return nil
	}
	named := func(in func(*Fact) []string, name string, wanted func(*fn) bool) []*fn {
		var out []*fn
		add := func(p *program) {
			for _, f := range p.Funcs {
				if f.Recv && strings.HasSuffix(f.Name, ")."+name) && wanted(f) {
					out = append(out, f)
				}
			}
		}
		add(prog)
		for _, path := range deps.paths() {
			if slices.ContainsFunc(in(deps.facts[path]), func(n string) bool { return strings.HasSuffix(n, ")."+name) }) {
				if p := deps.program(path); p != nil {
					add(p)
				}
			}
		}
		return out
	}
	e.methods = func(name string) []*fn {
		return named(func(f *Fact) []string { return f.Touching }, name, func(f *fn) bool { return f.Touches && f.Full })
	}
	e.demanding = func(name, sig string) []*fn {
		return named(func(f *Fact) []string { return f.Demanding }, name, func(f *fn) bool { return f.Demands && f.Sig == sig })
	}
	e.starts = func(name string) []*fn {
		var out []*fn
		for _, path := range deps.paths() {
			if _, ok := slices.BinarySearch(deps.facts[path].Starts, name); !ok {
				continue
			}
			if p := deps.program(path); p != nil {
				for _, f := range p.Funcs {
					if f.Init && f.Full {
						out = append(out, f)
					}
				}
			}
		}
		return out
	}
	e.run()
	res := e.result()
	res.Unresolved = append(misnamed, res.Unresolved...)
	reported := map[string]bool{}
	for _, f := range facts {
		for _, k := range f.Closed {
			reported[k] = true
		}
	}
	for _, r := range res.Routes {
		r.Open = r.Open && pass.Pkg.Name() != "main"
		if r.Package != pass.Pkg.Path() {
			r.Reported = reported[routeKey(r)]
		}
		if !r.Open {
			fact.Closed = append(fact.Closed, routeKey(r))
		}
	}
	slices.Sort(fact.Closed)
	fact.Starts = prog.starts()
	fact.Links, res.Mentioned = prog.link(e.find, e.findGlobal)
	if fact.Program, err = prog.encode(); err != nil {
		return nil, err
	}
	pass.ExportPackageFact(&fact)
	return res, nil
}

// routeKey names a route across packages.
func routeKey(r *Route) string {
	return fmt.Sprintf("%s %s %s:%d:%d", r.Method, r.Path, r.File, r.Line, r.Column)
}

// relevant reports whether a package can register anything: it imports a router, or
// a package whose functions touch routers.
func relevant(pass *analysis.Pass, t *table, facts map[*types.Package]*Fact) bool {
	if t.own != nil {
		return true // the package may itself declare what the configuration names
	}
	for _, p := range pass.Pkg.Imports() {
		if f := facts[p]; t.pkgs[p.Path()] || f != nil && f.Routing {
			return true
		}
	}
	return false
}

// imports decodes the programs of imported packages when they are first needed.
type imports struct {
	facts map[string]*Fact
	progs map[string]*program
	links map[string][]*program
}

func (i *imports) program(path string) *program {
	if p, ok := i.progs[path]; ok {
		return p
	}
	var p *program
	if f := i.facts[path]; f != nil {
		p, _ = decodeProgram(f.Program) // written by this same tool; else as if unknown
	}
	i.progs[path] = p
	return p
}

// programs returns those in which the functions of a package may be found: its own,
// or, where its fact did not reach this package, those that link it.
func (i *imports) programs(path string) []*program {
	if p := i.program(path); p != nil {
		return []*program{p}
	}
	if got, ok := i.links[path]; ok {
		return got
	}
	var out []*program
	for _, by := range i.paths() {
		if _, ok := slices.BinarySearch(i.facts[by].Links, path); ok {
			if p := i.program(by); p != nil {
				out = append(out, p)
			}
		}
	}
	i.links[path] = out
	return out
}

func (i *imports) paths() []string {
	out := make([]string, 0, len(i.facts))
	for p := range i.facts {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}
