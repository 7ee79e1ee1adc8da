package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// How a route's permission was found.
const (
	Wrapper    = "wrapper"    // a call around the handler
	Middleware = "middleware" // a router's or group's middleware
	Table      = "table"      // a field of a struct in a table of routes
	Body       = "body"       // a check at the top of the handler
	Comment    = "comment"    // a //permcheck: directive
	Config     = "config"     // .permcheck.yaml
)

// A Route is one registered endpoint, with everything that its requests pass.
type Route struct {
	Method  string // upper case; AnyMethod where the pattern takes all
	Path    string // template
	Handler string // the function that answers, as Go names it
	Literal string // file:line:column of Handler, if it is a function literal
	Framework,
	Package string
	File         string
	Line, Column int
	Conditional  bool // registered only under a condition
	Dynamic      bool // the path is a default, or part of it is known only at run time
	Guards       []Guard
	// Late are guards that were added too late to cover the route.
	Late []Guard
	// Preceded says that other handlers of the same call run before Handler, as where
	// the last of them answers. A guard that Answers may stand there by mistake.
	Preceded  bool
	Directive string // "requires EXPR" or "public REASON", at the registration or else the handler
	// HandlerDirective is the handler's own, where the registration has another one.
	HandlerDirective string
	Claims           []Claim

	// Group names the router view that registered it: its siblings have the same.
	Group string
	// Entry is the function whose evaluation found the route. Where Open, importers
	// can call it and may wrap or mount what it makes: what they find at the same
	// position replaces this route.
	Entry string
	Open  bool
	// Reported: the package that registers it accounts for it already.
	Reported bool
	// Precedence names the order in which the library chooses among routes that match, and
	// Seq is the route's place in the order of registration.
	Precedence string
	Seq        int
	// Answers, Asks and MayAsk are as catalogs.Routed has them; package guards fills them in.
	Answers      string
	Asks, MayAsk bool
	// ViaFile, ViaLine and ViaColumn are the innermost call, in the package that was
	// analyzed, that led to the registration; the registration itself if it is there.
	ViaFile            string
	ViaLine, ViaColumn int
}

// A Guard is one function that a request passes before the handler, and the
// constants that it was given.
type Guard struct {
	Func         string // as types.Func.FullName writes it; empty if it is not known
	Literal      string // file:line:column of the function, if it is a literal
	File         string
	Line, Column int
	Basis        string
	Args         []GuardArg
	Nested       []Guard // guards inside its body
	Maybe        bool    // attached only under a condition that the route does not share
	Answers      bool    // it is the handler itself: what made it, or a check in it
	HandsOn      bool    // of a guard that Answers: it lets the next handler run
	Unclear      bool    // a check whose refusing outcome is not plain
	Either       bool    // Nested are alternatives: one that admits is enough
	// Partly: a check that only some requests meet, or that does not plainly refuse. It
	// demands nothing for sure, and takes nothing from what others demand.
	Partly bool
	Deep   bool   // a check that is not in the handler itself but in what it calls
	Why    string // why it is not known what it is
}

// An GuardArg is an argument of a guard.
type GuardArg struct {
	Index  int // from 0
	Consts []Const
	Spread bool   // several constants, as a slice or variadic
	Struct bool   // Consts are those in a struct, whatever they are
	Why    string // why more than Consts is not known; empty if all is
}

// A Const is a constant given to a guard.
type Const struct {
	Value string
	Kind  string // "string", "int" or "bool"
	Name  string // "import/path.Name" of the constant's object, if it has one
	Type  string // its named type
	Field bool   // out of a struct's field
}

// An Unresolved is a registration that could not be read.
type Unresolved struct {
	File         string
	Line, Column int
	Reason       string
}

// A Result is what the routes analyzer found in one package.
type Result struct {
	Routes     []*Route
	Unresolved []Unresolved
	// Called names the functions of other packages that were evaluated here: what
	// their own packages found behind them is superseded where this one found it too.
	Called []string
	// Mentioned holds every function that the package's program mentions, as rows
	// write them.
	Mentioned map[string]bool
	// Err is why the configuration could not be read; then there is nothing else.
	Err error
}

func display(s string) string {
	if strings.HasPrefix(s, baseMark) {
		s = "/{base}/" + strings.TrimPrefix(strings.TrimPrefix(s, baseMark), "/")
	}
	return strings.ReplaceAll(s, baseMark, "{base}")
}

// result flattens what was registered into routes.
func (e *engine) result() *Result {
	e.readRows()
	mounted := map[*core]bool{}
	for _, c := range e.cores { // the list may grow while handlers are opened up
		for _, r := range c.regs {
			for _, p := range e.peel(r.handler) {
				mounted[p.r.core] = mounted[p.r.core] || p.r.core != c
			}
		}
	}
	f := &flattener{e: e, seen: map[string]*Route{}, reached: map[*reg]bool{}, missed: map[*reg]string{}, flattened: map[*core]bool{}}
	done := map[*core]bool{}
	served := map[*core]bool{}
	for i, list := range [][]value{e.served, e.returned} {
		var wrapped []peeled
		for _, v := range list {
			for _, p := range e.peel(v) {
				if mounted[p.r.core] || done[p.r.core] {
					continue
				}
				if i == 1 && len(p.wraps) == 0 && p.strip == nil {
					continue
				}
				wrapped = append(wrapped, p)
			}
		}
		for _, p := range wrapped {
			if i == 0 {
				served[p.r.core] = true
			}
			done[p.r.core] = true
			f.served = i == 0
			f.flatten(p.r.core, place{guards: p.wraps, prefix: p.base(), taken: p.base()})
		}
	}
	f.served = false
	giveAway(e.returned, 0)
	var unhung []*core // that nothing was seen to serve or mount
	for _, c := range e.cores {
		switch {
		case mounted[c] || done[c]:
		case c.givenAway || c.symbolic:
			f.flatten(c, place{prefix: text("")})
		default:
			unhung = append(unhung, c)
		}
	}
	hung := map[string]bool{}
	if len(unhung) > 0 {
		for r := range f.reached {
			hung[r.code()] = true
		}
	}
	for _, c := range unhung {
		if c.twin(hung) {
			f.flattened[c] = true // made again for the program's own use
			continue
		}
		f.flatten(c, place{prefix: text("")})
	}
	// A router that only hands requests to itself, or two to each other, hangs below no
	// other one.
	for _, c := range e.cores {
		if !f.flattened[c] {
			f.flatten(c, place{prefix: text("")})
		}
	}
	for r, reason := range f.missed {
		if !f.reached[r] {
			e.unresolved(r.at, reason)
		}
	}
	res := &Result{Routes: withoutBase(f.routes)}
	for u := range e.unread {
		res.Unresolved = append(res.Unresolved, u)
	}
	for name := range e.foreign {
		res.Called = append(res.Called, name)
	}
	slices.Sort(res.Called)
	slices.SortFunc(res.Unresolved, func(a, b Unresolved) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Reason, b.Reason))
	})
	slices.SortStableFunc(res.Routes, func(a, b *Route) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return res
}

// withoutBase drops a route below a base known only at run time where the same
// registration also serves its path without one: that is the default.
func withoutBase(found []*Route) []*Route {
	type place struct {
		method, path, file string
		line, column       int
	}
	at := map[place]*Route{}
	for _, r := range found {
		at[place{r.Method, r.Path, r.File, r.Line, r.Column}] = r
	}
	return slices.DeleteFunc(found, func(r *Route) bool {
		path, based := strings.CutPrefix(r.Path, "/{base}")
		if !based {
			return false
		}
		plain := at[place{r.Method, path, r.File, r.Line, r.Column}]
		if plain != nil {
			plain.Dynamic = true
			plain.Conditional = plain.Conditional && r.Conditional
		}
		return plain != nil
	})
}

type flattener struct {
	e      *engine
	routes []*Route
	seen   map[string]*Route
	path   []*core
	// reached and missed: a router may be mounted in several places, of which one
	// reaches what another does not.
	reached map[*reg]bool
	missed  map[*reg]string
	// flattened are the routers met so far.
	flattened map[*core]bool
	served    bool
}

// twin reports whether the code that made a router made another one too, which is served
// or mounted: hung names what is registered on those.
func (c *core) twin(hung map[string]bool) bool {
	return len(c.regs) > 0 && !slices.ContainsFunc(c.regs, func(r *reg) bool { return !hung[r.code()] })
}

// code names what the code of a registration says, whatever the router.
func (r *reg) code() string { return fmt.Sprint(r.at, r.methods, r.path.text) }

// A place is where a core hangs: what its routes inherit.
type place struct {
	prefix konst
	// taken is the part of the prefix that requests have lost before the router sees
	// them. A subrouter that only adds to its patterns takes nothing.
	taken   konst
	guards  []guardVal
	cond    bool     // the mount is conditional
	methods []string // restriction of the mount; none: no restriction
	late    []guardVal
	loose   bool   // middleware was taken away again: which of the guards, is not known
	below   string // the mount's own path, where the router sees the whole path
}

func (f *flattener) flatten(c *core, at place) {
	for _, p := range f.path {
		if p == c {
			return
		}
	}
	if len(f.path) > 32 {
		return
	}
	f.flattened[c] = true
	f.path = append(f.path, c)
	defer func() { f.path = f.path[:len(f.path)-1] }()
	for _, r := range c.regs {
		f.reg(c, r, at)
	}
}

func (f *flattener) reg(c *core, r *reg, at place) {
	if v := r.spec.Variants; v != nil {
		for _, pattern := range v(r.path.text) {
			without := *r
			without.path.text = pattern
			f.one(c, &without, at)
		}
	}
	f.one(c, r, at)
}

func (f *flattener) one(c *core, r *reg, at place) {
	switch {
	case r.lost != "" && (r.handler != nil || !r.building):
		if r.lost != " " {
			f.e.unresolved(r.at, r.lost)
		}
		return
	case r.building && r.handler == nil:
		return // never completed: it answers nothing
	}
	at.loose = at.loose || c.loose || r.loose
	guards := slices.Clone(at.guards)
	for i := range guards {
		guards[i].maybe = guards[i].maybe || at.loose
	}
	for _, g := range slices.Concat(c.front, c.use, r.guards) {
		g.maybe = g.maybe || at.loose || !equalCond(g.cond, r.cond)
		if g.under != "" {
			_, under, err := c.spec.Path(g.under)
			if err != nil {
				f.e.unresolved(r.at, err.Error())
				continue
			}
			g.under = joinBase(at, under)
		}
		guards = append(guards, g)
	}
	raw := r.path.text
	method, path, err := r.spec.Path(raw)
	if raw == "" && (r.mount || r.building) {
		method, path, err = AnyMethod, "", nil
	}
	if err != nil {
		f.e.unresolved(r.at, err.Error())
		return
	}
	if _, isTree := tailOf(path); r.tail && !r.mount && !isTree {
		path = strings.TrimSuffix(path, "/") + "/" + tail
	}
	methods := r.methods
	if methods == nil {
		methods = []string{method}
	}
	dyn := r.path.dyn || at.prefix.dyn
	// A condition under which the router itself was made is none of its routes'.
	cond := at.cond || !equalCond(r.cond, c.cond)

	subs := slices.DeleteFunc(f.e.peel(r.handler), func(p peeled) bool {
		// Handing a request back to a router that it came through, with another path as a
		// rule, is an answer to it. So is handing it to one of which no route is known:
		// http.DefaultServeMux may have those of pprof.
		return slices.Contains(f.path, p.r.core) ||
			len(p.r.core.regs) == 0 && (!r.mount || p.r.core.symbolic)
	})
	if len(subs) > 0 {
		for _, s := range subs {
			next := place{guards: append(slices.Clone(guards), s.wraps...), cond: cond, prefix: text(""), taken: at.taken, late: slices.Concat(at.late, r.late), loose: at.loose}
			next.methods, _ = within(methods, at.methods)
			if slices.Contains(next.methods, AnyMethod) {
				next.methods = nil
			}
			under, _ := tailOf(path)
			under = strings.TrimSuffix(under, "/")
			switch {
			case s.strip != nil:
				next.prefix = join2(at.taken, s.base())
				next.prefix.dyn = dyn || s.strip.dyn
				next.taken = next.prefix
			case c.spec.Strips && r.mount && s.r.spec == c.spec:
				next.prefix = join2(at.prefix, text(under))
				next.prefix.dyn = dyn
			default:
				// The router sees the whole path: only what lies below the mount is reached.
				next.prefix = at.taken
				next.prefix.dyn = dyn
				next.below = path
				if over := strings.TrimPrefix(at.prefix.text, at.taken.text); over != "" {
					next.below = strings.TrimSuffix(over, "/") + path
				}
			}
			f.flatten(s.r.core, next)
		}
		return
	}
	if _, isTree := tailOf(path); r.mount && !isTree {
		path = strings.TrimSuffix(path, "/") + "/" + tail
	}
	if at.below != "" {
		reached, ok := meet(at.below, path)
		if !ok {
			f.missed[r] = fmt.Sprintf("%s cannot be reached: its router is mounted at %s and sees the whole path", display(path), display(at.below))
			return
		}
		path = reached
	}
	served, lost := within(methods, at.methods)
	if len(served) == 0 {
		f.missed[r] = fmt.Sprintf("%s %s cannot be reached: its router is mounted for %s only", strings.Join(lost, ","), display(path), strings.Join(at.methods, ","))
		return
	}
	full := path
	if base, ok := tailOf(path); ok && !strings.HasSuffix(base, "/") {
		full = base + "/" + tail // echo's Static: a template has whole segments
	}
	if at.prefix.text != "" {
		full = strings.TrimSuffix(at.prefix.text, "/") + full
	}
	if !strings.HasPrefix(full, "/") && !strings.HasPrefix(full, baseMark) {
		f.e.unresolved(r.at, fmt.Sprintf("the path %q does not begin with /", display(full)))
		return
	}
	if strings.Trim(full, "/"+baseMark) == "" && strings.Contains(full, baseMark) {
		dyn = true
	}
	route := &Route{
		Path: display(full), Framework: r.spec.Name, Precedence: r.spec.Precedence.String(), Package: r.pkg,
		File: r.at.file, Line: int(r.at.line), Column: int(r.at.col),
		ViaFile: r.via.file, ViaLine: int(r.via.line), ViaColumn: int(r.via.col),
		Conditional: cond, Dynamic: dyn || strings.Contains(full, baseMark) || f.given(),
		Group: r.group, Directive: r.note,
	}
	if r.entry != nil {
		route.Entry = r.entry.Name
		route.Open = r.entry.Exported && !f.served
	}
	f.reached[r] = true
	d := describer{e: f.e}
	for _, g := range guards {
		if g.under != "" {
			yes, maybe := covers(g.under, full)
			if !yes {
				continue
			}
			g.maybe = g.maybe || maybe
		}
		route.Guards = append(route.Guards, d.guard(g)...)
	}
	route.Late = d.late(r, at, full)
	d.literal = ""
	route.Handler = d.handler(r.handler, &route.Guards)
	route.Preceded, route.Literal = r.own > 0, d.literal
	notes, answers := d.notes(r.handler)
	for _, note := range notes {
		if route.Directive == "" {
			route.Directive = note
		} else if note != route.Directive && route.HandlerDirective == "" {
			route.HandlerDirective = note
		}
	}
	if answers != nil {
		if c, ok := securityClaim(answers.Security); ok {
			route.Claims = append(route.Claims, c)
		}
	}
	for _, v := range r.claims {
		if c, ok := d.metadataClaim(v); ok {
			route.Claims = append(route.Claims, c)
		}
	}
	for _, m := range served {
		one := *route
		one.Method = m
		f.emit(&one)
	}
}

// within returns those of the methods that a restriction leaves, and those that it
// does not. No restriction is nil.
func within(methods, only []string) (in, out []string) {
	for _, m := range methods {
		switch {
		case only == nil || slices.Contains(only, m):
			in = append(in, m)
		case m == AnyMethod:
			in = append(in, only...)
		default:
			out = append(out, m)
		}
	}
	return in, out
}

// given reports whether the outermost router on the way here was given from outside.
func (f *flattener) given() bool { return f.path[0].symbolic }

// meet is the part of a template that lies below a mount whose router sees whole
// paths.
func meet(mount, path string) (string, bool) {
	base, isTree := tailOf(mount)
	if !isTree {
		if path == mount {
			return path, true
		}
		if p, ok := tailOf(path); ok && strings.HasPrefix(mount, p) {
			return mount, true
		}
		return "", false
	}
	if strings.HasPrefix(path, base) || strings.HasPrefix(path, baseMark) || strings.HasPrefix(mount, baseMark) {
		return path, true
	}
	if p, ok := tailOf(path); ok && strings.HasPrefix(base, p) {
		return mount, true
	}
	if strings.Contains(base, "{") || strings.Contains(path, "{") { // parameters: compared by segment
		b, p := strings.Split(strings.TrimSuffix(base, "/"), "/"), strings.Split(path, "/")
		if len(p) < len(b) {
			return "", false
		}
		for i := range b {
			if b[i] != p[i] && !strings.HasPrefix(b[i], "{") && !strings.HasPrefix(p[i], "{") {
				return "", false
			}
		}
		return path, true
	}
	return "", false
}

// emit adds a route once; found again, it is conditional only if it always is.
func (f *flattener) emit(r *Route) {
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%d\x00%d\x00%s", r.Method, r.Path, r.File, r.Line, r.Column, guardKey(r.Guards))
	if old := f.seen[key]; old != nil {
		old.Conditional = old.Conditional && r.Conditional
		old.Open = old.Open && r.Open
		return
	}
	f.seen[key] = r
	r.Seq = len(f.routes)
	f.routes = append(f.routes, r)
}

func guardKey(gs []Guard) string {
	var b strings.Builder
	for _, g := range gs {
		fmt.Fprintf(&b, "%s:%d:%v:%v:%v:%v(%s)", g.Func, g.Line, g.Maybe, g.Either, g.Partly, g.Args, guardKey(g.Nested))
	}
	return b.String()
}

// maxNested is how many structs inside each other are searched for permissions.
const maxNested = 3

// A describer turns values into guards.
type describer struct {
	e       *engine
	depth   int
	literal string // file:line:column of the literal that handler found
}

func (d *describer) guard(g guardVal) []Guard {
	out := d.middleware(g.v, g.pos)
	for i := range out {
		out[i].Basis = g.basis
		out[i].Maybe = out[i].Maybe || g.maybe
	}
	return out
}

// middleware describes a middleware value, or a call that wrapped a handler.
func (d *describer) middleware(v value, pos site) []Guard {
	if d.depth > 8 {
		return nil
	}
	d.depth++
	defer func() { d.depth-- }()
	g := Guard{File: pos.file, Line: int(pos.line), Column: int(pos.col)}
	switch v := v.(type) {
	case *call:
		g.File, g.Line, g.Column = v.pos.file, int(v.pos.line), int(v.pos.col)
		if fn, ok := v.fn.(*call); ok { // Require("x")(h)
			return d.middleware(fn, fn.pos)
		}
		g.Func = nameOf(v.fn)
		if in, ok := v.fn.(closure); ok {
			g.Literal = in.fn.place()
		}
		if g.Func == "" {
			g.Why = why(v.fn)
		}
		g.Args = d.args(v.args)
		switch in := v.inner.(type) {
		case nil: // not called yet, as a chain's middleware
			if d.follows(v.fn) {
				g.Nested = d.inside(d.quiet(func() value { return d.e.apply(v.fn, v.args, v.pos, nil) }))
			}
		case unknown:
		case closure:
			if in.fn.Handler {
				g.Nested = d.inside(in)
			} else if in.fn.Full {
				g.Nested = d.inside(d.quiet(func() value { return d.e.apply(in, unknowns(len(in.fn.Params)), v.pos, nil) }))
			}
		default:
			g.Nested = d.inside(v.inner)
		}
	case funcRef:
		g.Func = v.name
		if t := d.e.target(v); t != nil {
			if t.Handler {
				g.Nested = d.inside(v)
			} else if t.Full {
				g.Nested = d.inside(d.quiet(func() value { return d.e.apply(v, unknowns(len(t.Params)), pos, nil) }))
			}
		}
	case closure:
		g.Func, g.Literal = v.fn.Name, v.fn.place()
		if v.fn.Handler {
			g.Nested = d.inside(v)
		} else if v.fn.Full {
			g.Nested = d.inside(d.quiet(func() value { return d.e.apply(v, unknowns(len(v.fn.Params)), pos, nil) }))
		}
	case *structVal, *router:
		return nil
	default:
		g.Why = why(v)
	}
	return []Guard{g}
}

// follows reports whether a function can be called for what it returns.
func (d *describer) follows(v value) bool {
	switch v := v.(type) {
	case closure:
		return v.fn.Full && !v.fn.Handler
	case funcRef:
		t := d.e.target(v)
		return t != nil && t.Full && !t.Handler
	}
	return false
}

// quiet evaluates without registering anything for good.
func (d *describer) quiet(f func() value) value {
	saved, cond, trail := d.e.deleg, d.e.cond, d.e.trail
	var drop []value
	d.e.deleg, d.e.cond = &drop, nil
	v := f()
	d.e.deleg, d.e.cond, d.e.trail = saved, cond, trail
	return first(v)
}

// inside describes the guards within the value that a middleware returned.
func (d *describer) inside(v value) []Guard {
	if d.depth > 8 {
		return nil
	}
	d.depth++
	defer func() { d.depth-- }()
	switch v := v.(type) {
	case closure:
		return d.checks(v.fn, v.env, nil)
	case funcRef:
		if t := d.e.target(v); t != nil && t.Handler {
			return d.checks(t, nil, v.recv)
		}
		if c, ok := v.recv.(*call); ok && strings.HasSuffix(v.key, ".ServeHTTP") {
			return d.inside(c)
		}
	case *call:
		out := d.middleware(v, v.pos)
		for _, a := range v.args {
			switch a.(type) {
			case closure, *call:
				out = append(out, d.inside(a)...)
			}
		}
		return out
	case *structVal:
		if t := d.e.methodOf(v, "ServeHTTP"); t != nil {
			return d.checks(t, nil, v)
		}
	}
	return nil
}

func nameOf(v value) string {
	switch v := v.(type) {
	case funcRef:
		return v.name
	case closure:
		return v.fn.Name
	case *call:
		return nameOf(v.fn)
	}
	return ""
}

// args describes the constants among a guard's arguments.
func (d *describer) args(args []value) []GuardArg {
	var out []GuardArg
	for i, a := range args {
		g := GuardArg{Index: i}
		if s, ok := a.(spreadVal); ok {
			a, g.Spread = s.v, true
		}
		d.consts(a, &g, nil)
		if len(g.Consts) > 0 || g.Why != "" {
			out = append(out, g)
		}
	}
	return out
}

// consts adds the constants in an argument. within are the structs that it is in: they
// may point at each other, and what lies deep inside is a part of the program that the
// guard works with, not a permission.
func (d *describer) consts(v value, g *GuardArg, within []*structVal) {
	switch v := v.(type) {
	case konst:
		kind := map[byte]string{'s': "string", 'i': "int", 'b': "bool"}[v.kind]
		if kind == "" {
			return
		}
		if strings.Contains(v.text, baseMark) || v.dyn {
			g.Why = "a text that is known only at run time"
			if v.text == "" || strings.Contains(v.text, baseMark) {
				return
			}
		}
		g.Consts = append(g.Consts, Const{v.text, kind, v.name, v.typ, v.field})
	case list:
		g.Spread = true
		for _, el := range v.elems {
			if el.maybe {
				g.Why = "a list that depends on a condition"
			}
			d.consts(el.v, g, within)
		}
	case *call:
		if v.inner != nil {
			return
		}
		var inner GuardArg
		for _, a := range v.args {
			d.consts(a, &inner, within)
		}
		if len(inner.Consts) > 0 {
			g.Consts = append(g.Consts, inner.Consts...)
			g.Why = "what " + nameOf(v.fn) + " makes of its arguments is not known"
		}
	case *structVal:
		if len(within) >= maxNested || slices.Contains(within, v) {
			return
		}
		within = append(within[:len(within):len(within)], v)
		for _, cell := range v.fields {
			if k, ok := (*cell).(konst); ok && k.kind == 's' && k.text == "" {
				continue // most often one that was not set
			}
			var inner GuardArg
			d.consts(*cell, &inner, within)
			if len(inner.Consts) > 0 {
				g.Consts = append(g.Consts, inner.Consts...)
				g.Why, g.Struct = "a struct is not read as a permission", true
			}
		}
	case nil, unknown:
		g.Why = why(v)
	}
}

// handler walks from the registered value inwards to the function that answers; it
// appends the guards that it passes and returns the function's name.
func (d *describer) handler(v value, guards *[]Guard) string {
	for range 24 {
		switch h := v.(type) {
		case *call:
			next := -1
			for i, a := range h.args {
				if d.isHandlerValue(a) {
					next = i
					break
				}
			}
			if next < 0 {
				// A factory: what it returns answers.
				for _, g := range d.middleware(h, h.pos) {
					g.Basis, g.Maybe, g.Answers, g.HandsOn = Wrapper, g.Maybe || h.maybe, true, handsOn(h.inner)
					*guards = append(*guards, g)
				}
				switch in := h.inner.(type) {
				case closure:
					if in.fn.Handler {
						d.literal = in.fn.place()
						return in.fn.Name
					}
				case funcRef:
					return in.name
				}
				return nameOf(h.fn)
			}
			for _, g := range d.middleware(h, h.pos) {
				g.Basis, g.Maybe = Wrapper, g.Maybe || h.maybe
				*guards = append(*guards, g)
			}
			for i, a := range h.args {
				if i == next {
					continue
				}
				for _, m := range flatList(a) {
					switch m.(type) {
					case closure, funcRef, *call:
						for _, g := range d.middleware(m, h.pos) {
							g.Basis = Wrapper
							*guards = append(*guards, g)
						}
					}
				}
			}
			v = h.args[next]
		case closure:
			*guards = append(*guards, d.checks(h.fn, h.env, nil)...)
			d.literal = h.fn.place()
			return h.fn.Name
		case funcRef:
			if h.bound && strings.HasSuffix(h.key, ".ServeHTTP") && h.dynamic {
				v = h.recv
				continue
			}
			if t := d.e.target(h); t != nil {
				for _, g := range d.checks(t, nil, h.recv) {
					g.Answers, g.HandsOn = true, t.HandsOn
					*guards = append(*guards, g)
				}
				return t.Name
			}
			return h.name
		case *structVal:
			if t := d.e.methodOf(h, "ServeHTTP"); t != nil {
				*guards = append(*guards, d.checks(t, nil, h)...)
				return t.Name
			}
			return "(*" + h.typ + ").ServeHTTP"
		default:
			return ""
		}
	}
	return ""
}

// handsOn reports whether a value is a handler that lets the next one run.
func handsOn(v value) bool {
	c, ok := v.(closure)
	return ok && c.fn.HandsOn
}

func flatList(v value) []value {
	if s, ok := v.(spreadVal); ok {
		v = s.v
	}
	l, ok := v.(list)
	if !ok {
		return []value{v}
	}
	out := make([]value, len(l.elems))
	for i, e := range l.elems {
		out[i] = e.v
	}
	return out
}

func (d *describer) isHandlerValue(v value) bool {
	switch v := v.(type) {
	case closure:
		return v.fn.Handler
	case funcRef:
		if t := d.e.target(v); t != nil {
			return t.Handler
		}
		return true // a function whose body is elsewhere
	case *call:
		return v.handler
	case *structVal:
		return d.e.methodOf(v, "ServeHTTP") != nil
	case *router:
		return true
	}
	return false
}

// notes finds the directives on the way to the handler, the outermost first, and the
// function that answers, if it is declared.
func (d *describer) notes(v value) (notes []string, answers *fn) {
	add := func(note string) {
		if note != "" && !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	for range 24 {
		switch h := v.(type) {
		case *call:
			add(h.note)
			next := value(nil)
			for _, a := range h.args {
				if d.isHandlerValue(a) {
					next = a
					break
				}
			}
			v = next
		case closure:
			add(h.fn.Note)
			return notes, nil
		case funcRef:
			t := d.e.target(h)
			if t != nil {
				add(t.Note)
			}
			return notes, t
		default:
			return notes, nil
		}
	}
	return notes, nil
}
