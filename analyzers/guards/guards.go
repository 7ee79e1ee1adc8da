package guards

import (
	"fmt"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Analyzer says what each route of a package demands. It reports nothing itself; its
// result is a *[Result].
var Analyzer = &analysis.Analyzer{
	Name:       "guards",
	Doc:        "find the permissions that guard each HTTP route",
	Run:        run,
	Requires:   []*analysis.Analyzer{routes.Analyzer},
	ResultType: reflect.TypeFor[*Result](),
	FactTypes:  []analysis.Fact{new(Fact), new(IgnoreFact)},
}

// A Result is what a package's routes pass, and how its guards combine what they are
// given. What that demands depends on the catalog: see [Result.Declared].
type Result struct {
	Found *routes.Result
	Modes map[string]map[int]Mode // function key and parameter, of all guards known here

	// OwnIgnores are the package's own; Ignores has those of its imports too.
	OwnIgnores, Ignores []Ignore

	// Settings loads those of the package's module.
	Settings func() (*Settings, error)

	once     sync.Once
	declared []*Route

	reading sync.Mutex
	sources map[string]*token.File // see source
}

// Declared holds the package's routes against the settings of its module; without
// routes there are no settings.
func (r *Result) Declared() ([]*Route, *Settings, error) {
	if r.Found.Err != nil {
		return nil, nil, r.Found.Err
	}
	if len(r.Found.Routes) == 0 {
		return nil, nil, nil // most packages: nothing to load a catalog for
	}
	settings, err := r.Settings()
	if err != nil {
		return nil, nil, err
	}
	r.once.Do(func() { r.declared = Declare(r.Found.Routes, r.Modes, settings) })
	return r.declared, settings, nil
}

// Declare says what each route demands.
func Declare(found []*routes.Route, modes map[string]map[int]Mode, s *Settings) []*Route {
	d := &declarer{s: s, modes: modes, spoken: map[string]map[int]bool{}, passed: map[string]bool{}}
	for _, r := range found {
		d.learn(r.Guards)
		d.learn(r.Late)
		for _, g := range slices.Concat(r.Guards, r.Late) {
			if g.Basis == routes.Middleware && g.Func != "" {
				d.passed[FuncKey(g.Func)] = true
			}
		}
	}
	out := make([]*Route, len(found))
	for i, r := range found {
		out[i] = d.route(r)
	}
	s.Know(out)
	return out
}

// A Route is a route and what it declares.
type Route struct {
	*routes.Route
	// Requires is what the code demands; nil: it declares nothing. It is unknown where
	// a guard was found but not what it demands: see Unread.
	Requires *perm.Requirement
	// Enforced is what the code itself demands, if all of it could be read; Declared is
	// what comments and descriptions say besides.
	Enforced *perm.Requirement
	Declared []Declared
	Basis    string
	// TooLate are guards that demand something, but stand where they have no effect.
	TooLate []TooLate
	Strange []Strange // permissions given to guards that the catalog does not have
	Unread  []Unread  // why Requires is unknown

	partly     []Unread // demands that only some requests meet
	configured bool     // a guard that the configuration names stands on its way
}

// Declared is what a comment or a description of a route says that it demands.
type Declared struct {
	Source   string
	Requires perm.Requirement
}

// Strange is a permission that the catalog does not have.
type Strange struct {
	Permission   string
	Func         string // the guard
	Constant     string // the constant's object, if it has one
	File         string
	Line, Column int
}

// Unread is a guard whose demand could not be read.
type Unread struct {
	File         string
	Line, Column int
	Reason       string
}

func run(pass *analysis.Pass) (any, error) {
	found := pass.ResultOf[routes.Analyzer].(*routes.Result)
	own := map[string]map[int]Mode{}
	imported := map[string]map[int]Mode{}
	known := &ways{known: map[string]Way{}, looked: map[string]bool{}}
	if !routes.Standard(pass) {
		own = inferModes(pass)
		for _, pf := range pass.AllPackageFacts() {
			if f, ok := pf.Fact.(*Fact); ok {
				f.addTo(imported)
				f.addWays(known, pf.Package.Path())
			}
		}
		ownWays := inferWays(pass, known)
		// What the package's program mentions goes on to its importers, who may not be
		// given the facts of the packages that it comes from.
		carried := maps.Clone(own)
		for name := range found.Mentioned {
			if m := imported[name]; m != nil {
				carried[name] = m
			}
		}
		fact := newFact(carried)
		fact.Ways, fact.Looked = carriedWays(ownWays, found.Mentioned, known), true
		if len(carried) > 0 || len(fact.Ways) > 0 || web(pass.Pkg) {
			pass.ExportPackageFact(fact)
		}
		fact.addWays(known, pass.Pkg.Path())
		known.describe(found.Routes)
	}
	modes := imported
	maps.Copy(modes, own)
	res := &Result{Found: found, Modes: modes}
	if !routes.Standard(pass) {
		res.OwnIgnores, res.Ignores = findIgnores(pass)
	}
	dir := ""
	if len(pass.Files) > 0 {
		dir = filepath.Dir(pass.Fset.Position(pass.Files[0].Package).Filename)
	}
	res.Settings = sync.OnceValues(func() (*Settings, error) { return LoadSettings(dir) })
	return res, nil
}

// A declarer turns guards into requirements.
type declarer struct {
	s     *Settings
	modes map[string]map[int]Mode
	// spoken: functions that somewhere were given a permission of the catalog, and the
	// argument that it was. There, another text is a permission too: an unknown one.
	spoken map[string]map[int]bool
	passed map[string]bool // functions that some route uses as middleware
}

func (d *declarer) learn(gs []routes.Guard) {
	for _, g := range gs {
		for _, a := range g.Args {
			if slices.ContainsFunc(a.Consts, func(c routes.Const) bool { _, ok := d.permission(c); return ok }) {
				k := FuncKey(g.Func)
				if d.spoken[k] == nil {
					d.spoken[k] = map[int]bool{}
				}
				d.spoken[k][a.Index] = true
			}
		}
		d.learn(g.Nested)
	}
}

// permission returns the catalog's permission that a constant stands for: its text,
// or the name of a constant whose value is a number.
func (d *declarer) permission(c routes.Const) (perm.Permission, bool) {
	p, ok := d.s.vocab[Spelled(c)]
	return p, ok
}

// Spelled is the permission that a constant stands for: its text, or the name of a
// constant whose value is a number. It is empty for a number without a name.
func Spelled(c routes.Const) perm.Permission {
	if c.Kind == "string" {
		return perm.Permission(c.Value)
	}
	if c.Name == "" {
		return ""
	}
	return perm.Permission(c.Name[strings.LastIndexByte(c.Name, '.')+1:])
}

func (d *declarer) route(r *routes.Route) *Route {
	out := &Route{Route: r}
	for _, g := range r.Guards {
		out.configured = out.configured || d.s.guards[FuncKey(g.Func)] != nil && !g.Maybe
		if d.afterHandler(r, g) {
			d.late(out, g, true)
		} else {
			d.guard(out, g, g.Basis, false)
		}
	}
	if out.Requires == nil && len(out.Unread) == 0 {
		out.Unread = out.partly // else what it demands for sure is what it demands
	}
	for _, g := range r.Late {
		d.late(out, g, false)
	}
	if len(out.Unread) == 0 {
		out.Enforced = out.Requires
	}
	d.declared(out)
	if len(out.Unread) > 0 {
		req := perm.Unknown()
		out.Requires = &req
	}
	return out
}

// A TooLate is a guard without effect on a route.
type TooLate struct {
	Func string
	Place
	// Own says that it stands after the handler in the route's own call; else it was
	// added to the router after the route.
	Own bool
}

// afterHandler reports whether a guard stands where the handler does, in a call whose
// last function answers and runs after the others: the function meant to answer stands
// before it. A handler that demands a permission by itself is no such guard.
func (d *declarer) afterHandler(r *routes.Route, g routes.Guard) bool {
	if !r.Preceded || !g.Answers {
		return false
	}
	name := FuncKey(g.Func)
	made := g.Basis == routes.Wrapper // by a call; else it is a check in the handler's body
	if !made {
		name = FuncKey(r.Handler)
	}
	return g.HandsOn || d.s.guards[name] != nil || made && d.passed[name]
}

// late notes a guard without effect, if it demands anything.
func (d *declarer) late(r *Route, g routes.Guard, own bool) {
	var alone Route
	alone.Route = r.Route
	d.guard(&alone, g, g.Basis, false)
	if alone.Requires == nil && len(alone.Unread) == 0 {
		return
	}
	t := TooLate{g.Func, Place{g.File, g.Line, g.Column}, own}
	if !slices.Contains(r.TooLate, t) {
		r.TooLate = append(r.TooLate, t)
	}
}

// declared adds what comments and descriptions say. It stands where the code shows
// nothing that demands a permission; beside what the code demands it decides nothing,
// and is only compared: see [RuleDisagree].
func (d *declarer) declared(r *Route) {
	directive := func(text string) {
		verb, text, _ := strings.Cut(text, " ")
		text = strings.TrimSpace(text)
		var req perm.Requirement
		switch {
		case verb == "requires":
			var err error
			if req, err = perm.Parse(text); err != nil {
				r.unread(r.File, r.Line, r.Column, fmt.Sprintf("//permcheck:requires %s: %v", text, err))
				return
			}
		case verb == "public" && text == "":
			r.unread(r.File, r.Line, r.Column, "//permcheck:public needs the reason why nobody has to be asked")
			return
		case verb == "public":
			req = perm.Public()
		default:
			return
		}
		r.Declared = append(r.Declared, Declared{"//permcheck:" + verb, req})
		// A requirement stands for what could not be read; that nothing is demanded does not.
		stands := r.Requires == nil && len(r.Unread) == 0 || verb == "requires" && len(r.Unread) > 0
		if !stands || len(r.Declared) > 1 {
			return
		}
		r.Requires, r.Basis, r.Unread = &req, routes.Comment, nil
		for _, p := range req.Permissions() {
			if _, ok := d.s.vocab[p]; !ok && d.s.Catalog != nil {
				r.Strange = append(r.Strange, Strange{Permission: string(p), Func: "//permcheck:requires", File: r.File, Line: r.Line, Column: r.Column})
			}
		}
	}
	unread := len(r.Unread)
	directive(r.Directive)
	if len(r.Unread) <= unread { // else the comment itself is what could not be read
		directive(r.HandlerDirective)
	}
	for _, c := range r.Claims {
		// A description speaks of permissions if it names one of the catalog's.
		var clauses []perm.Set
		known := false
		var strange []Strange
		for _, alt := range c.Alternatives {
			var all []perm.Permission
			for _, k := range alt {
				p, ok := d.permission(k)
				if known = known || ok; !ok {
					p = Spelled(k)
					strange = append(strange, Strange{Permission: string(p), Func: c.Source, Constant: k.Name, File: r.File, Line: r.Line, Column: r.Column})
				}
				all = append(all, p)
			}
			clauses = append(clauses, perm.NewSet(all...))
		}
		if !known {
			continue
		}
		r.Strange = append(r.Strange, strange...)
		if len(strange) > 0 {
			continue // reported; what it says is not known
		}
		req := perm.FromClauses(clauses...)
		r.Declared = append(r.Declared, Declared{c.Source, req})
		if r.Requires == nil && len(r.Unread) == 0 {
			r.Requires, r.Basis = &req, c.Basis
		}
	}
}

func (r *Route) unread(file string, line, col int, reason string) {
	u := Unread{file, line, col, reason}
	if !slices.Contains(r.Unread, u) {
		r.Unread = append(r.Unread, u)
	}
}

func (r *Route) and(req perm.Requirement, basis string, g routes.Guard) {
	if r.Requires == nil {
		r.Requires, r.Basis = &req, basis
		return
	}
	both, err := r.Requires.And(req)
	if err != nil {
		r.unread(g.File, g.Line, g.Column, err.Error())
		return
	}
	r.Requires = &both
}

// guard adds what one guard demands.
func (d *declarer) guard(r *Route, g routes.Guard, basis string, maybe bool) {
	switch {
	case g.Partly:
		d.partly(r, g, basis, "only on some ways through its handler")
		return
	case g.Deep && d.vague(g):
		d.partly(r, g, basis, "by a word that may mean something else")
		return
	case g.Either:
		d.either(r, g, basis, maybe)
		return
	}
	maybe = maybe || g.Maybe
	name := FuncKey(g.Func)
	if otherwise := d.s.publics[name]; otherwise != nil && g.Basis == routes.Table {
		req := *otherwise
		switch k := onlyConst(g); {
		case k == nil || k.Kind != "bool":
			r.unread(g.File, g.Line, g.Column, g.Func+" is not known")
			return
		case k.Value == "true":
			req = perm.Public()
		}
		r.and(req, routes.Table, g)
		return
	}
	cfg := d.s.guards[name]
	if cfg != nil && cfg.Requires != "" {
		req, _ := perm.Parse(cfg.Requires) // checked by LoadSettings
		if maybe {
			r.unread(g.File, g.Line, g.Column, fmt.Sprintf("%s is attached only under a condition", g.Func))
			return
		}
		r.and(req, routes.Config, g)
		return
	}
	if cfg != nil && cfg.Template != "" {
		switch id, why := fill(cfg, g); {
		case why != "":
			r.unread(g.File, g.Line, g.Column, why)
		case maybe:
			r.unread(g.File, g.Line, g.Column, fmt.Sprintf("%s is attached only under a condition", g.Func))
		default:
			known, ok := d.s.vocab[id]
			if ok {
				id = known
			} else if d.s.Catalog != nil {
				r.Strange = append(r.Strange, Strange{Permission: string(id), Func: g.Func, File: g.File, Line: g.Line, Column: g.Column})
			}
			r.and(perm.All(id), routes.Config, g)
		}
		return
	}
	var perms []perm.Permission
	var why string
	count, mode, guard := 0, Unclear, false
	variadic := d.variadic(g)
	for _, a := range g.Args {
		if a.Struct && cfg == nil {
			// What is made of its fields tells, if it can be seen.
			inner := Route{Route: r.Route}
			for _, n := range g.Nested {
				d.guard(&inner, n, basis, maybe)
			}
			if inner.Requires != nil || len(inner.Unread) > 0 {
				continue
			}
			a.Consts = slices.DeleteFunc(slices.Clone(a.Consts), func(c routes.Const) bool { _, ok := d.permission(c); return !ok })
		}
		known := slices.ContainsFunc(a.Consts, func(c routes.Const) bool { _, ok := d.permission(c); return ok })
		// Of a guard that the configuration names, the texts are what it demands, or
		// else whatever of it cannot be read.
		named := (cfg != nil || g.Basis == routes.Table) && !d.hasKnown(g) && (hasText(a) || !slices.ContainsFunc(g.Args, hasText))
		if !known && !named && !d.spoken[name][a.Index] && !(variadic >= 0 && a.Index >= variadic && hasText(a)) {
			continue
		}
		guard = true
		if a.Why != "" {
			why = fmt.Sprintf("what %s is given is not constant: %s", g.Func, a.Why)
		}
		if m := d.modes[name][a.Index]; m != Unclear {
			mode = m
		}
		for _, c := range a.Consts {
			if c.Field && basis == routes.Wrapper {
				basis = routes.Table
			}
			p, ok := d.permission(c)
			if !ok {
				p = Spelled(c)
				if p == "" {
					continue
				}
				if d.s.Catalog != nil {
					r.Strange = append(r.Strange, Strange{string(p), g.Func, c.Name, g.File, g.Line, g.Column})
				}
			}
			perms = append(perms, p)
			count++
		}
	}
	if (cfg != nil || g.Basis == routes.Table) && !guard {
		guard = true
		if why = "what " + g.Func + " is given is not known"; len(g.Args) == 0 {
			why = g.Func + " is given no permission; name what it demands with requires: in .permcheck.yaml"
		}
	}
	if !guard {
		for _, n := range g.Nested {
			d.guard(r, n, basis, maybe)
		}
		return
	}
	if g.Basis == routes.Table {
		mode = AllOf // a row of a table demands what it lists
	}
	if cfg != nil {
		switch cfg.Args {
		case "all-of":
			mode = AllOf
		case "any-of":
			mode = AnyOf
		}
	}
	switch {
	case why != "":
	case count == 0:
		why = fmt.Sprintf("%s is given no permission", g.Func)
	case maybe:
		why = fmt.Sprintf("%s is attached only under a condition", g.Func)
	case g.Unclear && cfg == nil:
		why = fmt.Sprintf("it is not plain which result of %s refuses", g.Func)
	case count > 1 && mode == Unclear:
		why = fmt.Sprintf("%s is given %d permissions, and it is not plain whether it demands all of them or any: say so in .permcheck.yaml: guards: [{func: %s, args: all-of}]", g.Func, count, FuncKey(g.Func))
	}
	switch {
	case why != "":
		r.unread(g.File, g.Line, g.Column, why)
	case mode == AnyOf:
		r.and(perm.Any(perms...), basis, g)
	default:
		r.and(perm.All(perms...), basis, g)
	}
}

// partly notes a guard that demands something, but not of every request or not for
// sure.
func (d *declarer) partly(r *Route, g routes.Guard, basis, how string) {
	g.Partly = false
	sure := unvague(g)
	alone := Route{Route: r.Route}
	d.guard(&alone, sure, basis, false)
	switch {
	case alone.Requires != nil:
		if g.Why != "" {
			how = g.Why
		}
		r.partly = append(r.partly, Unread{g.File, g.Line, g.Column, fmt.Sprintf("%s is demanded, but %s", alone.Requires, how)})
	case len(alone.Unread) > 0:
		r.partly = append(r.partly, alone.Unread...)
	default:
		r.partly = append(r.partly, alone.partly...)
	}
}

// unvague returns the guard with what is inside it, all of it taken to be certain.
func unvague(g routes.Guard) routes.Guard {
	g.Partly, g.Deep = false, false
	g.Nested = slices.Clone(g.Nested)
	for i := range g.Nested {
		g.Nested[i] = unvague(g.Nested[i])
	}
	return g
}

// vague reports whether all that a guard is given are plain words: below a handler,
// calls that fail are given many, and a catalog whose permissions are such words does
// not make them guards. A named constant, or a text such as job:read, is plain enough,
// and so is a function that elsewhere stands before a handler or is configured.
func (d *declarer) vague(g routes.Guard) bool {
	name := FuncKey(g.Func)
	if d.s.guards[name] != nil || d.passed[name] {
		return false
	}
	any := false
	for _, a := range g.Args {
		for _, c := range a.Consts {
			if p, ok := d.permission(c); ok {
				if c.Name != "" || strings.ContainsAny(string(p), ":._-/* ") {
					return false
				}
				any = true
			}
		}
	}
	return any
}

// either adds what guards demand of which one is enough.
func (d *declarer) either(r *Route, g routes.Guard, basis string, maybe bool) {
	var clauses []perm.Set
	demands, open := false, false
	for _, n := range g.Nested {
		alone := Route{Route: r.Route}
		d.guard(&alone, n, basis, maybe || g.Maybe)
		r.Strange = append(r.Strange, alone.Strange...)
		switch {
		case len(alone.Unread) > 0:
			demands, open = true, true
		case len(alone.partly) > 0:
			demands, open = true, true
		case alone.Requires == nil:
			open = true
		default:
			demands = true
			clauses = append(clauses, alone.Requires.Clauses()...)
		}
	}
	switch {
	case !demands:
	case open:
		r.partly = append(r.partly, Unread{g.File, g.Line, g.Column, "a permission is one of several ways to be admitted, of which not all could be read"})
	default:
		r.and(perm.FromClauses(clauses...), basis, g)
	}
}

// onlyConst returns the one constant that a guard is given, or nil.
func onlyConst(g routes.Guard) *routes.Const {
	if len(g.Args) != 1 || g.Args[0].Why != "" || len(g.Args[0].Consts) != 1 || g.Maybe {
		return nil
	}
	return &g.Args[0].Consts[0]
}

// fill makes the permission that a template and a guard's arguments name, or says why
// it is not known.
func fill(cfg *catalogs.GuardConfig, g routes.Guard) (id perm.Permission, why string) {
	text := cfg.FromTemplate(func(n int) string {
		for _, a := range g.Args {
			if a.Index != n-1 {
				continue
			}
			if a.Why != "" || len(a.Consts) != 1 {
				break
			}
			if c := a.Consts[0]; c.Kind == "bool" {
				return c.Value
			} else if s := Spelled(c); s != "" {
				return string(s)
			} else if c.Value != "" {
				return c.Value
			}
		}
		why = fmt.Sprintf("argument %d of %s is not one constant", n, g.Func)
		return ""
	})
	return perm.Permission(text), why
}

// variadic returns the index from which on all arguments of a guard are permissions,
// since they are one variadic parameter's and one of them is a permission; -1: none.
func (d *declarer) variadic(g routes.Guard) int {
	name, from := FuncKey(g.Func), -1
	for _, a := range g.Args {
		if from < 0 && !a.Spread && a.Why == "" && d.modes[name][a.Index] != Unclear {
			from = a.Index
		}
		known := slices.ContainsFunc(a.Consts, func(c routes.Const) bool { _, ok := d.permission(c); return ok })
		if from >= 0 && (known || d.spoken[name][a.Index]) {
			return from
		}
	}
	return -1
}

func (d *declarer) hasKnown(g routes.Guard) bool {
	return slices.ContainsFunc(g.Args, func(a routes.GuardArg) bool {
		return slices.ContainsFunc(a.Consts, func(c routes.Const) bool { _, ok := d.permission(c); return ok })
	})
}

func hasText(a routes.GuardArg) bool {
	return slices.ContainsFunc(a.Consts, func(c routes.Const) bool { return Spelled(c) != "" })
}
