package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits keep the evaluation of one package finite. Reaching one is reported as an
// unresolved registration, never passed over.
const (
	maxSteps = 20_000_000
	maxDepth = 48
)

// An engine evaluates one package's program together with what it calls in the
// programs of its imports.
type engine struct {
	own        *program
	find       func(name string) *fn
	findGlobal func(name string) *global
	methods    func(name string) []*fn      // functions that touch routers, by method name
	demanding  func(name, sig string) []*fn // methods with checks, by name and signature
	starts     func(name string) []*fn      // what runs when imports are loaded, if it calls the function
	table      *table

	cores    []*core
	fields   map[string]value // last known value of a struct's field, by type and name
	globals  map[string]*value
	running  map[string]bool // globals being initialised
	served   []value
	returned []value
	deleg    *[]value // collects what a handler hands its request to

	cond     []int
	lastCond int
	views    int // made so far
	trail    []undo
	stack    []*frame
	entry    *fn
	called   map[string]bool
	foreign  map[string]bool
	steps    int
	callNote string // directive at the call that is about to be entered
	unread   map[Unresolved]bool

	added        int    // registrations so far
	module       string // path of the package's module
	tableRouters map[*tableSpec]*router
	tableRows    []*tableRow
}

type undo struct {
	cell *value
	old  value
}

// A frame is one call.
type frame struct {
	fn      *fn
	vals    []value
	up      *frame
	results []value // of each return, joined
	returns bool
	cond    int  // length of the condition at entry
	at      site // where it was called
	note    string
}

func newEngine(own *program, t *table) *engine {
	return &engine{
		own: own, table: t, fields: map[string]value{}, globals: map[string]*value{}, running: map[string]bool{},
		called: map[string]bool{}, foreign: map[string]bool{}, unread: map[Unresolved]bool{},
		tableRouters: map[*tableSpec]*router{},
	}
}

// run evaluates every function of the package that nothing in it calls.
func (e *engine) run() {
	var setters, rest []*fn
	for _, f := range e.own.Funcs {
		if f.Full && f.Touches && !f.Init {
			rest = append(rest, f)
		}
	}
	for _, f := range e.own.Funcs {
		if f.Init && f.Full && f.Touches {
			e.enter(f)
		}
	}
	for _, g := range e.own.Globals {
		for _, name := range g.Setters {
			if f := e.own.funcs[name]; f != nil && f.Full && !f.Touches && !slices.Contains(setters, f) {
				setters = append(setters, f)
			}
		}
	}
	for _, f := range setters {
		e.enter(f)
	}
	for _, g := range e.own.Globals {
		if g.Init != nil {
			e.global(g.Name)
		}
	}
	callees := e.staticCallees()
	adds := map[string]bool{} // what they are given is added to a variable that others read
	for _, g := range e.own.Globals {
		for _, name := range g.Setters {
			adds[name] = true
		}
	}
	rank := func(f *fn) int {
		switch {
		case adds[f.Name] && len(f.Params) > 0:
			return 4
		case strings.HasSuffix(f.Name, ".main"):
			return 1
		case !f.Recv:
			return 2
		}
		return 3
	}
	slices.SortStableFunc(rest, func(a, b *fn) int { return cmp.Compare(rank(a), rank(b)) })
	for _, f := range rest {
		// A function that is only passed on runs where it is passed to, and a method that
		// an interface call reached runs there.
		if !callees[f.Name] && (!f.Valued || f.Exported || f.Recv) && !(f.Recv && e.called[f.Name]) {
			e.enter(f)
		}
	}
	// What is left is called only by functions that were not reached: recursion, or
	// calls through values.
	for _, f := range rest {
		if !e.called[f.Name] {
			e.enter(f)
		}
	}
}

// staticCallees names the package's functions that its own functions call.
func (e *engine) staticCallees() map[string]bool {
	out := map[string]bool{}
	for _, f := range e.own.Funcs {
		f.walk(func(x *expr) {
			x.calls(func(name string) {
				if name != f.Name {
					out[name] = true
				}
			})
		})
	}
	for _, g := range e.own.Globals {
		g.Init.walk(func(x *expr) { x.calls(func(name string) { out[name] = true }) })
	}
	return out
}

// enter evaluates a function of which no call is known.
func (e *engine) enter(f *fn) {
	e.entry = f
	args := make([]value, len(f.Params))
	for i, p := range f.Params {
		args[i] = unknown{why: fmt.Sprintf("parameter %s is not known: no call of %s was seen", p.Name, f.Name), param: true}
	}
	v := e.invoke(f, nil, args, site{f.File, f.Line, f.Col})
	for _, r := range flat(v) {
		if !isUnknown(r) {
			e.returned = append(e.returned, r)
		}
	}
	e.entry = nil
}

func flat(v value) []value {
	if t, ok := v.(tuple); ok {
		return t
	}
	return []value{v}
}

func (e *engine) here(f *frame, x *expr) site { return site{f.fn.File, x.Line, x.Col} }

// via returns the innermost call on the stack that is written in this package.
func (e *engine) via(at site) site {
	if e.isOwn(e.stack[len(e.stack)-1]) {
		return at
	}
	for i := len(e.stack) - 1; i > 0; i-- {
		if e.isOwn(e.stack[i-1]) {
			return e.stack[i].at
		}
	}
	return at
}

func (e *engine) isOwn(f *frame) bool { return pkgOfFrame(f) == e.own.Path }

// pkgOfFrame returns the import path of the function that a frame, or the literal's
// frame inside it, belongs to.
func pkgOfFrame(f *frame) string {
	for f.up != nil {
		f = f.up
	}
	if f.fn.pkg == "" {
		f.fn.pkg = pkgOf(rowKey(f.fn.Name))
	}
	return f.fn.pkg
}

func (e *engine) unresolved(at site, reason string) {
	e.unread[Unresolved{File: at.file, Line: int(at.line), Column: int(at.col), Reason: reason}] = true
}

// set changes a cell and remembers what it held, for the end of a branch.
func (e *engine) set(cell *value, v value) {
	if len(e.cond) > 0 {
		e.trail = append(e.trail, undo{cell, *cell})
	}
	*cell = v
}

// invoke calls a function whose body is known.
func (e *engine) invoke(f *fn, env *frame, args []value, at site) value {
	depth, same := 0, 0
	for _, fr := range e.stack {
		depth++
		if fr.fn == f {
			same++
		}
	}
	if depth >= maxDepth || same >= 3 {
		return unknown{why: "recursion"}
	}
	e.called[f.Name] = true
	fr := &frame{fn: f, vals: make([]value, f.Slots), up: env, cond: len(e.cond), at: at, note: e.callNote}
	e.callNote = ""
	n := len(f.Params)
	bind(f, fr.vals, args)
	for i := range f.Params {
		if r := f.Params[i].Router; r != "" && isUnknown(fr.vals[i]) && !(f.Variadic && i == n-1) {
			fr.vals[i] = e.newRouter(r, site{f.File, f.Line, f.Col}, true)
		}
	}
	e.stack = append(e.stack, fr)
	if !e.isOwn(fr) {
		e.foreign[topName(fr)] = true
	}
	ended := e.stmts(fr, f.Body)
	if !ended && !fr.returns || !ended && len(f.Named) > 0 {
		e.ret(fr, nil)
	}
	e.stack = e.stack[:len(e.stack)-1]
	e.cond = e.cond[:fr.cond]
	switch len(fr.results) {
	case 0:
		return nil
	case 1:
		return fr.results[0]
	}
	return tuple(fr.results)
}

// bind gives a function's parameters what it is called with.
func bind(f *fn, vals, args []value) {
	n := len(f.Params)
	for i := range f.Params {
		switch {
		case f.Variadic && i == n-1:
			var l list
			if i < len(args) {
				if s, ok := args[i].(spreadVal); ok {
					vals[i] = s.v
					break
				}
				for _, a := range args[i:] {
					if s, ok := a.(spreadVal); ok {
						if sl, ok := s.v.(list); ok {
							l.elems = append(l.elems, sl.elems...)
							continue
						}
						a = s.v
					}
					l.elems = append(l.elems, elem{v: a})
				}
			}
			if i < len(args) && fromParam(args[i]) && len(args) == n {
				if u, ok := args[i].(unknown); ok {
					vals[i] = u
					break
				}
			}
			vals[i] = l
		case i < len(args):
			vals[i] = args[i]
		}
	}
}

func topName(f *frame) string {
	for f.up != nil {
		f = f.up
	}
	return f.fn.Name
}

func (e *engine) ret(fr *frame, vals []value) {
	if len(vals) == 0 {
		for _, slot := range fr.fn.Named {
			vals = append(vals, fr.vals[slot])
		}
	}
	if len(vals) == 1 {
		vals = flat(vals[0])
	}
	if !fr.returns {
		fr.returns = true
		fr.results = slices.Clone(vals)
		return
	}
	for i := range vals {
		if i < len(fr.results) {
			if isNil(vals[i]) {
				continue
			}
			if isNil(fr.results[i]) || isUnknown(fr.results[i]) {
				fr.results[i] = vals[i]
			} else {
				fr.results[i] = join(fr.results[i], vals[i])
			}
		}
	}
}

// stmts runs statements and reports whether control certainly leaves the function.
func (e *engine) stmts(fr *frame, l []*stmt) bool {
	for _, s := range l {
		if e.stmt(fr, s) {
			return true
		}
	}
	return false
}

func (e *engine) stmt(fr *frame, s *stmt) bool {
	if e.steps++; e.steps > maxSteps {
		if e.steps == maxSteps+1 {
			e.unresolved(site{fr.fn.File, fr.fn.Line, fr.fn.Col}, "the evaluation was stopped after too many steps")
		}
		return true
	}
	switch s.Op {
	case stExpr:
		e.eval(fr, s.R[0])
	case stAssign:
		e.assign(fr, s)
	case stBlock:
		return e.stmts(fr, s.Body)
	case stReturn:
		vals := make([]value, len(s.R))
		for i, x := range s.R {
			vals[i] = e.eval(fr, x)
		}
		e.ret(fr, vals)
		return true
	case stIf:
		return e.ifStmt(fr, s)
	case stSwitch:
		return e.switchStmt(fr, s)
	case stLoop:
		if len(s.R) > 0 {
			e.eval(fr, s.R[0])
		}
		e.branches(fr, [][]*stmt{s.Body}, false, false)
	case stRange:
		e.rangeStmt(fr, s)
	}
	return false
}

func truth(v value) (bool, bool) {
	k, ok := v.(konst)
	return k.text == "true", ok && k.kind == 'b'
}

func (e *engine) ifStmt(fr *frame, s *stmt) bool {
	if yes, ok := truth(e.eval(fr, s.R[0])); ok {
		if yes {
			return e.stmts(fr, s.Body)
		}
		return e.stmts(fr, s.Else)
	}
	return e.branches(fr, [][]*stmt{s.Body, s.Else}, true, s.ErrCheck)
}

func (e *engine) switchStmt(fr *frame, s *stmt) bool {
	var tag value = konst{kind: 'b', text: "true"}
	if len(s.R) > 0 {
		tag = e.eval(fr, s.R[0])
	}
	var bodies [][]*stmt
	complete, errCheck := false, false
	for _, c := range s.Cases {
		taken := false
		for _, x := range c.Exprs {
			same, ok := truth(compare("==", tag, e.eval(fr, x)))
			taken = taken || ok && same
			if !ok || same {
				if ok && same && len(bodies) == 0 {
					return e.stmts(fr, c.Body) // certainly the first that matches
				}
				bodies = append(bodies, c.Body)
				break
			}
		}
		if taken {
			complete = true
			break
		}
	}
	if !complete {
		for _, c := range s.Cases {
			if c.Default {
				if len(bodies) == 0 {
					return e.stmts(fr, c.Body)
				}
				bodies = append(bodies, c.Body)
				complete = true
			}
		}
	}
	if len(bodies) == 0 {
		return false
	}
	if !complete {
		bodies = append(bodies, nil)
	}
	return e.branches(fr, bodies, true, errCheck)
}

// branches runs alternatives of which one is taken, and joins what they leave. It
// reports whether all of them leave the function. After one that does, the rest of
// the function is under a condition too, unless it only handles an error.
func (e *engine) branches(fr *frame, bodies [][]*stmt, exclusive, errCheck bool) bool {
	type outcome map[*value]value
	var outs []outcome
	before := map[*value]value{}
	left := 0
	for _, b := range bodies {
		e.lastCond++
		n := len(e.cond)
		e.cond = append(e.cond[:n:n], e.lastCond)
		mark := len(e.trail)
		gone := e.stmts(fr, b)
		e.cond = e.cond[:n]
		out := outcome{}
		for i := len(e.trail) - 1; i >= mark; i-- {
			u := e.trail[i]
			if _, ok := out[u.cell]; !ok {
				out[u.cell] = *u.cell
			}
		}
		for i := len(e.trail) - 1; i >= mark; i-- {
			u := e.trail[i]
			*u.cell = u.old
			before[u.cell] = u.old
		}
		e.trail = e.trail[:mark]
		if gone {
			left++
		} else {
			outs = append(outs, out)
		}
	}
	if left == len(bodies) && exclusive {
		return true
	}
	cells := make([]*value, 0, len(before))
	for c := range before {
		cells = append(cells, c)
	}
	for _, c := range cells {
		old := before[c]
		result, first := value(nil), true
		untouched := !exclusive
		for _, o := range outs {
			v, ok := o[c]
			if !ok {
				untouched = true
				continue
			}
			if first {
				result, first = v, false
			} else {
				result = join(result, v)
			}
		}
		if first {
			continue
		}
		if untouched {
			result = join(old, result)
		}
		e.set(c, result)
	}
	if left > 0 && !errCheck {
		e.lastCond++
		e.cond = append(e.cond[:len(e.cond):len(e.cond)], e.lastCond)
	}
	return false
}

func (e *engine) rangeStmt(fr *frame, s *stmt) {
	over := e.eval(fr, s.R[0])
	iterate := func(k, v value, maybe bool) {
		n := len(e.cond)
		if maybe {
			e.lastCond++
			e.cond = append(e.cond[:n:n], e.lastCond)
		}
		e.store(fr, s.L[0], k)
		e.store(fr, s.L[1], v)
		e.stmts(fr, s.Body)
		if len(e.cond) > n {
			e.cond = e.cond[:n]
		}
	}
	switch o := over.(type) {
	case list:
		if len(o.elems) == 0 {
			e.emptyList(fr, s.R[0])
		}
		for i, el := range o.elems {
			iterate(konst{kind: 'i', text: strconv.Itoa(i)}, el.v, el.maybe)
		}
	case *mapVal:
		for i := range o.keys {
			iterate(o.keys[i], o.vals[i], false)
		}
	default:
		u := unknown{why: "it is made in a loop over values that are not known: " + why(over), param: fromParam(over)}
		e.store(fr, s.L[0], u)
		e.store(fr, s.L[1], u)
		e.branches(fr, [][]*stmt{s.Body}, false, true)
	}
}

// emptyList reports a loop over a list of another package to which code adds that was
// not seen to run.
func (e *engine) emptyList(fr *frame, x *expr) {
	if x.Op != opGlobal || e.own.globals[x.Name] != nil {
		return
	}
	g := e.findGlobal(x.Name)
	if g == nil {
		return
	}
	for _, name := range g.Setters {
		if f := e.find(name); f != nil && f.Full && f.Touches && !e.called[name] {
			e.unresolved(e.here(fr, x), fmt.Sprintf("what is added to %s by %s is not seen here", x.Name, name))
			return
		}
	}
}

func (e *engine) assign(fr *frame, s *stmt) {
	if len(s.R) == 1 && len(s.L) > 1 {
		vals := flat(e.eval(fr, s.R[0]))
		for i, l := range s.L {
			switch {
			case i < len(vals):
				e.store(fr, l, vals[i])
			default:
				e.store(fr, l, unknown{why: "one of several results"})
			}
		}
		return
	}
	vals := make([]value, len(s.R))
	for i, x := range s.R {
		vals[i] = e.eval(fr, x)
	}
	for i, l := range s.L {
		if i < len(vals) {
			e.store(fr, l, vals[i])
		}
	}
}

// store assigns to a variable, a field or an element.
func (e *engine) store(fr *frame, l *expr, v value) {
	switch l.Op {
	case opLocal:
		if cell := local(fr, l); cell != nil {
			e.set(cell, v)
		}
	case opGlobal:
		if g := e.findGlobal(l.Name); g != nil {
			e.global(l.Name)
			cell := e.globals[l.Name]
			if old, ok := (*cell).(konst); ok && old.kind == 's' && old.text != "" {
				// A package variable set in several places, or from what is known only at
				// run time, keeps its first value as its default.
				v = join(old, v)
			}
			e.set(cell, v)
		}
	case opField:
		if l.Type == "net/http.Server" && l.Str == "Handler" {
			e.served = append(e.served, v)
			return
		}
		base := e.eval(fr, l.Args[0])
		if !isUnknown(v) && pkgOf(l.Type) != "net/url" { // a request's URL is never another's
			e.fields[l.Type+"."+l.Str] = v
		}
		if st, ok := base.(*structVal); ok {
			cell := st.fields[l.Str]
			if cell == nil {
				cell = new(value)
				st.fields[l.Str] = cell
			}
			e.set(cell, v)
		}
	case opIndex:
		base := e.eval(fr, l.Args[0])
		key := e.eval(fr, l.Args[1])
		switch b := base.(type) {
		case *mapVal:
			for i, k := range b.keys {
				if same, ok := truth(compare("==", k, key)); ok && same {
					b.vals[i] = v
					return
				}
			}
			b.keys, b.vals = append(b.keys, key), append(b.vals, v)
		case list:
			if i := intOf(key); !isUnknown(key) && i >= 0 && i < len(b.elems) {
				b.elems[i].v = v
			}
		}
	}
}

func local(fr *frame, l *expr) *value {
	for range l.Depth {
		if fr = fr.up; fr == nil {
			return nil
		}
	}
	if l.N >= len(fr.vals) {
		return nil
	}
	return &fr.vals[l.N]
}

// global returns the value of a package variable, initialising it when first read.
func (e *engine) global(name string) value {
	if cell := e.globals[name]; cell != nil {
		return *cell
	}
	cell := new(value)
	e.globals[name] = cell
	if spec := e.table.defaults[name]; spec != nil {
		*cell = e.newRouter(spec.Types[0], site{}, false)
		return *cell
	}
	g := e.findGlobal(name)
	if g == nil {
		*cell = unknown{why: "the package variable " + name + " is not known here"}
		return *cell
	}
	if g.Init != nil {
		fr := &frame{fn: g.InitIn, vals: make([]value, g.InitIn.Slots)}
		e.stack = append(e.stack, fr)
		saved := e.cond
		e.cond = nil
		v := e.eval(fr, g.Init)
		e.cond = saved
		e.stack = e.stack[:len(e.stack)-1]
		if vs := flat(v); g.Index < len(vs) {
			*cell = vs[g.Index]
		}
	}
	if g.Router != "" && isUnknown(*cell) && len(g.Setters) == 0 {
		*cell = e.newRouter(g.Router, site{}, false)
	}
	if e.own.globals[name] == nil { // another package's: what sets it has not been run here
		e.load(g)
	} else if len(g.Setters) > 0 && isUnknown(*cell) && g.Init == nil {
		*cell = text("") // set later, or its zero value
		if g.Router != "" {
			*cell = nil
		}
	}
	return *cell
}

// load runs what sets a variable of another package: first what runs when packages are
// loaded, there and in those that add to a list of it, then, as nobody knows what they are
// given, the functions of that package that nothing was seen to call.
func (e *engine) load(g *global) {
	run := func(f *fn, args []value) {
		if e.running[f.Name] {
			return
		}
		e.running[f.Name] = true
		saved := e.cond
		e.cond = nil
		e.invoke(f, nil, args, site{f.File, f.Line, f.Col})
		e.cond = saved
	}
	for _, name := range g.Setters {
		if f := e.find(name); f != nil && f.Full && f.Init {
			run(f, nil)
		}
		for _, f := range e.starts(name) {
			run(f, nil)
		}
	}
	for _, name := range g.Setters {
		if f := e.find(name); f != nil && f.Full && !f.Init && !f.Touches && !e.called[name] {
			run(f, make([]value, len(f.Params)))
		}
	}
}

func (e *engine) newRouter(typ string, at site, symbolic bool) *router {
	spec := e.table.types[typ]
	c := &core{spec: spec, made: at, cond: slices.Clone(e.cond), entry: e.entry, tail: true, symbolic: symbolic, id: len(e.cores)}
	e.cores = append(e.cores, c)
	e.views++
	return &router{core: c, typ: typ, spec: spec, prefix: text(""), id: e.views}
}

// spreadVal is an argument passed with "...".
type spreadVal struct{ v value }

func (e *engine) eval(fr *frame, x *expr) value {
	v := e.evalPlain(fr, x)
	if x.Router != "" && isUnknown(v) && x.Op != opCall && x.Op != opUnknown {
		return v
	}
	return v
}

func (e *engine) evalPlain(fr *frame, x *expr) value {
	switch x.Op {
	case opUnknown:
		return unknown{why: x.Str}
	case opConst:
		return konst{kind: x.Kind, text: x.Str, name: x.Name, typ: x.Type, in: topName(fr)}
	case opLocal:
		if cell := local(fr, x); cell != nil {
			return *cell
		}
		return nil
	case opGlobal:
		return e.global(x.Name)
	case opFunc:
		return funcRef{name: x.Name, key: x.Str}
	case opMethod:
		return funcRef{name: x.Name, key: x.Str, recv: e.eval(fr, x.Args[0]), bound: true, dynamic: x.Dynamic}
	case opField:
		return e.field(fr, x)
	case opCall:
		return e.call(fr, x)
	case opLit:
		return closure{x.Fn, fr}
	case opStruct:
		if x.Router != "" || e.table.types[x.Type] != nil {
			return e.newRouter(x.Type, e.here(fr, x), false)
		}
		st := &structVal{typ: x.Type, fields: map[string]*value{}, pos: e.here(fr, x)}
		for i, k := range x.Keys {
			v := e.eval(fr, x.Args[i])
			if kv, ok := v.(konst); ok {
				kv.field = true
				if e.table.described[x.Type] != nil {
					kv.of = st
				}
				v = kv
			}
			if x.Type == "net/http.Server" && k == "Handler" {
				e.served = append(e.served, v)
			}
			if !isUnknown(v) && x.Type != "" {
				if _, isConst := v.(konst); !isConst {
					e.fields[x.Type+"."+k] = v
				}
			}
			st.fields[k] = &v
		}
		e.madeRow(st, x.Note, false)
		return st
	case opList:
		var l list
		for _, a := range x.Args {
			l.elems = append(l.elems, elem{v: e.eval(fr, a)})
		}
		return l
	case opMap:
		m := &mapVal{}
		for i := 0; i+1 < len(x.Args); i += 2 {
			m.keys = append(m.keys, e.eval(fr, x.Args[i]))
			m.vals = append(m.vals, e.eval(fr, x.Args[i+1]))
		}
		return m
	case opBinary:
		a := e.eval(fr, x.Args[0])
		if x.Str == "&&" || x.Str == "||" {
			ta, okA := truth(a)
			if okA && ta == (x.Str == "||") {
				return a
			}
			b := e.eval(fr, x.Args[1])
			tb, okB := truth(b)
			switch {
			case okA:
				return b
			case okB && tb == (x.Str == "||"):
				return b
			}
			return unknown{why: "a condition"}
		}
		return binary(x.Str, a, e.eval(fr, x.Args[1]))
	case opNot:
		if t, ok := truth(e.eval(fr, x.Args[0])); ok {
			return konst{kind: 'b', text: strconv.FormatBool(!t)}
		}
		return unknown{why: "a condition"}
	case opIndex:
		return index(e.eval(fr, x.Args[0]), e.eval(fr, x.Args[1]))
	case opSlice:
		return slice(e.eval(fr, x.Args[0]), e.eval(fr, x.Args[1]), e.eval(fr, x.Args[2]))
	case opCopy:
		v := e.eval(fr, x.Args[0])
		if st, ok := v.(*structVal); ok {
			out := &structVal{typ: st.typ, fields: make(map[string]*value, len(st.fields)), pos: st.pos}
			for k, c := range st.fields {
				v := *c
				out.fields[k] = &v
			}
			e.madeRow(out, "", true)
			return out
		}
		return v
	case opBuiltin:
		return e.builtin(fr, x)
	}
	return nil
}

// field reads a field. Of a struct that is not known, or whose field was not seen to
// be set, it takes what was last stored in that field of any struct of the type;
// a router that nobody was seen to make stands for one given from outside.
func (e *engine) field(fr *frame, x *expr) value {
	base := e.eval(fr, x.Args[0])
	key := x.Type + "." + x.Str
	if r, ok := base.(*router); ok && x.Router != "" && r.spec == e.table.types[x.Router] {
		return r // embedded, as gin's RouterGroup in its Engine
	}
	st, isStruct := base.(*structVal)
	if isStruct {
		if cell := st.fields[x.Str]; cell != nil && !(x.Router != "" && isUnknown(*cell)) {
			return *cell
		}
	}
	if v, ok := e.fields[key]; ok && (!isStruct || x.Router != "") {
		return v
	}
	if x.Router != "" {
		r := e.newRouter(x.Router, e.here(fr, x), true)
		e.fields[key] = r
		if isStruct {
			var v value = r
			st.fields[x.Str] = &v
		}
		return r
	}
	if isStruct {
		return unknown{why: "field " + x.Str + " is not set where it can be seen"}
	}
	u := unknown{why: fmt.Sprintf("field %s is not known", x.Str)}
	if b, ok := base.(unknown); ok {
		u.param = b.param
	}
	return u
}

func index(base, key value) value {
	switch b := base.(type) {
	case list:
		if k, ok := key.(konst); ok && k.kind == 'i' {
			if i := intOf(k); i >= 0 && i < len(b.elems) {
				return b.elems[i].v
			}
		}
	case *mapVal:
		for i, k := range b.keys {
			if same, ok := truth(compare("==", k, key)); ok && same {
				return b.vals[i]
			}
		}
	case konst:
		if k, ok := key.(konst); ok && b.kind == 's' && k.kind == 'i' && !strings.Contains(b.text, baseMark) {
			if i := intOf(k); i >= 0 && i < len(b.text) {
				return konst{kind: 'i', text: strconv.Itoa(int(b.text[i])), dyn: b.dyn}
			}
		}
	}
	return unknown{why: "an element that is not known", param: fromParam(base)}
}

func slice(base, low, high value) value {
	switch b := base.(type) {
	case list:
		lo, hi := intOf(low), len(b.elems)
		if k, ok := high.(konst); ok && k.kind == 'i' {
			hi = intOf(k)
		}
		if !isUnknown(low) && !isUnknown(high) && lo >= 0 && lo <= hi && hi <= len(b.elems) {
			return list{b.elems[lo:hi:hi]}
		}
	case konst:
		if b.kind == 's' && !isUnknown(low) && !isUnknown(high) && !strings.Contains(b.text, baseMark) {
			lo, hi := intOf(low), len(b.text)
			if k, ok := high.(konst); ok && k.kind == 'i' {
				hi = intOf(k)
			}
			if lo >= 0 && lo <= hi && hi <= len(b.text) {
				b.text, b.name = b.text[lo:hi], ""
				return b
			}
		}
	}
	return unknown{why: "a part of a value that is not known", param: fromParam(base)}
}

func binary(op string, a, b value) value {
	switch op {
	case "+":
		ka, ok1 := a.(konst)
		kb, ok2 := b.(konst)
		if ok1 && ok2 && ka.kind == 'i' && kb.kind == 'i' {
			return konst{kind: 'i', text: strconv.Itoa(intOf(ka) + intOf(kb))}
		}
		if ok1 && ka.kind == 's' || ok2 && kb.kind == 's' {
			return concat(a, b)
		}
		return concat(a, b)
	case "-":
		ka, ok1 := a.(konst)
		kb, ok2 := b.(konst)
		if ok1 && ok2 && ka.kind == 'i' && kb.kind == 'i' {
			return konst{kind: 'i', text: strconv.Itoa(intOf(ka) - intOf(kb))}
		}
	case "==", "!=":
		return compare(op, a, b)
	case "<", "<=", ">", ">=":
		ka, ok1 := a.(konst)
		kb, ok2 := b.(konst)
		if ok1 && ok2 && ka.kind == 'i' && kb.kind == 'i' {
			x, y := intOf(ka), intOf(kb)
			return konst{kind: 'b', text: strconv.FormatBool(op == "<" && x < y || op == "<=" && x <= y || op == ">" && x > y || op == ">=" && x >= y)}
		}
	}
	return unknown{why: "a computed value"}
}

// compare decides == and != where both sides are known.
func compare(op string, a, b value) value {
	ka, ok1 := a.(konst)
	kb, ok2 := b.(konst)
	if ok1 && ok2 && ka.kind == kb.kind && !strings.Contains(ka.text+kb.text, baseMark) {
		return konst{kind: 'b', text: strconv.FormatBool((ka.text == kb.text) == (op == "=="))}
	}
	return unknown{why: "a condition"}
}

func (e *engine) builtin(fr *frame, x *expr) value {
	vals := make([]value, len(x.Args))
	for i, a := range x.Args {
		vals[i] = e.eval(fr, a)
	}
	switch x.Name {
	case "append":
		l, ok := vals[0].(list)
		if !ok && !isNil(vals[0]) {
			if isUnknown(vals[0]) && vals[0] != nil {
				return vals[0]
			}
		}
		out := list{slices.Clone(l.elems)}
		for i, v := range vals[1:] {
			if x.Spread && i == len(vals)-2 {
				sl, ok := v.(list)
				if !ok && !isNil(v) {
					return unknown{why: "a list that is not known was appended", param: fromParam(v)}
				}
				out.elems = append(out.elems, sl.elems...)
				continue
			}
			out.elems = append(out.elems, elem{v: v})
		}
		return out
	case "len":
		switch v := vals[0].(type) {
		case list:
			for _, el := range v.elems {
				if el.maybe {
					return unknown{why: "a length"}
				}
			}
			return konst{kind: 'i', text: strconv.Itoa(len(v.elems))}
		case konst:
			if v.kind == 's' && !strings.Contains(v.text, baseMark) {
				return konst{kind: 'i', text: strconv.Itoa(len(v.text))}
			}
		}
	}
	return unknown{why: "the result of " + x.Name}
}
