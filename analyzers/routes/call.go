package routes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// call evaluates a call: a row of a router, a pure function of the standard library,
// a function whose body is known, or else a call that is kept as it is.
func (e *engine) call(fr *frame, x *expr) value {
	callee := x.Args[0]
	at := e.here(fr, x)
	var fv value
	if callee.Op == opFunc {
		if ref, ok := e.table.rows[callee.Str]; ok {
			return e.doRow(fr, x, ref, nil)
		}
	}
	fv = e.eval(fr, callee)
	if f, ok := fv.(funcRef); ok && f.bound {
		name := f.key[strings.LastIndexByte(f.key, '.')+1:]
		ref, isRow := e.table.rows[f.key]
		if st, ok := f.recv.(*structVal); ok && f.dynamic && e.methodOf(st, name) != nil {
			isRow = false // a home-made router under a known interface
		}
		if r, ok := f.recv.(*router); ok && !isRow {
			// A method of a user's own interface, whose value is a router that is known.
			ref, isRow = e.table.method(r.typ, name)
		}
		if isRow {
			return e.doRow(fr, x, ref, f.recv)
		}
	}
	if f, ok := fv.(funcRef); ok && !f.bound && callee.Op != opFunc {
		if ref, ok := e.table.rows[f.key]; ok { // handed on as a value
			return e.doRow(fr, x, ref, nil)
		}
	}
	args := e.args(fr, x)
	if ref, ok := fv.(funcRef); ok && !ref.bound {
		if v, ok := pure(ref.key, spread(args)); ok {
			return v
		}
		if f := e.table.pure[ref.key]; f != nil {
			if s, ok := f(plain(spread(args))); ok {
				return text(s)
			}
			return unknown{why: "a pattern that cannot be read"}
		}
	}
	return e.apply(fv, args, at, x)
}

func (e *engine) args(fr *frame, x *expr) []value {
	args := make([]value, 0, len(x.Args)-1)
	for i, a := range x.Args[1:] {
		v := e.eval(fr, a)
		if x.Spread && i == len(x.Args)-2 {
			v = spreadVal{v}
		}
		args = append(args, v)
	}
	if len(args) == 1 {
		if t, ok := args[0].(tuple); ok {
			return t
		}
	}
	return args
}

// spread replaces an argument passed with "..." by its elements, if they are known.
func spread(args []value) []value {
	if len(args) == 0 {
		return args
	}
	s, ok := args[len(args)-1].(spreadVal)
	if !ok {
		return args
	}
	out := slices.Clone(args[:len(args)-1])
	if l, ok := s.v.(list); ok {
		for _, el := range l.elems {
			out = append(out, el.v)
		}
		return out
	}
	return append(out, s.v)
}

// apply calls a function value. x is the call's own node, or nil where the engine
// itself makes the call.
func (e *engine) apply(fv value, args []value, at site, x *expr) value {
	var result value
	followed := false
	if x != nil {
		e.callNote = x.Note
	}
	before := e.added
	switch f := fv.(type) {
	case closure:
		if f.fn.Full {
			result, followed = e.invoke(f.fn, f.env, args, at), true
		}
	case funcRef:
		target := e.target(f)
		if target != nil && target.Full {
			full := args
			if target.Recv {
				full = append([]value{f.recv}, args...)
			}
			result, followed = e.invoke(target, nil, full, at), true
		} else if target == nil && f.dynamic {
			result, followed = e.dispatch(f, args, at, x)
		}
	case *call:
		if f.inner != nil {
			result, followed = e.apply(f.inner, args, at, nil), true
		}
	}
	if !followed {
		e.opaque(fv, args, at, x)
	} else if e.added == before { // no wrapper of what is described
		if reason := e.undescribed(fv, args); reason != "" {
			e.unresolved(at, reason)
		}
	}
	if x != nil && !x.Handler && (followed || !e.handlerLike(args)) {
		if followed {
			return result
		}
		return &call{fn: fv, args: args, pos: at, note: x.Note}
	}
	which := e.handlerResult(result)
	made := result
	t, several := result.(tuple)
	if several && len(t) > 0 {
		made = t[which]
	}
	if followed && len(e.peel(made)) > 0 && !slices.ContainsFunc(args, func(a value) bool { return len(e.peel(a)) > 0 }) {
		return result
	}
	c := &call{fn: fv, args: args, inner: made, pos: at, handler: x == nil || x.Handler}
	if x != nil {
		c.note = x.Note
	}
	if several && len(t) > 1 {
		out := slices.Clone(t)
		out[which] = c
		return out
	}
	return c
}

// handlerResult is the place of the handler among several results: a generated
// constructor returns the path before it.
func (e *engine) handlerResult(v value) int {
	t, _ := v.(tuple)
	for i, r := range t {
		switch r := r.(type) {
		case *router, *call:
			return i
		case closure:
			if r.fn.Handler {
				return i
			}
		case funcRef:
			if f := e.target(r); f != nil && f.Handler {
				return i
			}
		}
	}
	return 0
}

func first(v value) value {
	if t, ok := v.(tuple); ok && len(t) > 0 {
		return t[0]
	}
	return v
}

func (e *engine) handlerLike(args []value) bool {
	for _, a := range args {
		switch a.(type) {
		case closure, funcRef, *router, *call:
			return true
		}
	}
	return false
}

// target finds the body of a declared function, or of the method that an interface
// call reaches on a value that is known.
func (e *engine) target(f funcRef) *fn {
	if !f.dynamic {
		return e.find(f.name)
	}
	st, ok := f.recv.(*structVal)
	if !ok {
		return nil
	}
	return e.methodOf(st, f.key[strings.LastIndexByte(f.key, '.')+1:])
}

func (e *engine) methodOf(st *structVal, method string) *fn {
	if t := e.find("(*" + st.typ + ")." + method); t != nil {
		return t
	}
	return e.find("(" + st.typ + ")." + method)
}

// dispatch calls every method that an interface call on an unknown value could
// reach and that touches routers, if the call hands over a router or a registration.
func (e *engine) dispatch(f funcRef, args []value, at site, x *expr) (value, bool) {
	hands := x != nil && x.Takes
	for _, a := range args {
		if _, ok := a.(*router); ok {
			hands = true
		}
		if c, ok := a.(closure); ok && c.fn.Touches {
			hands = true
		}
	}
	method := f.key[strings.LastIndexByte(f.key, '.')+1:]
	var found []*fn
	if hands {
		for _, m := range e.methods(method) {
			if len(m.Params) == len(args)+1 {
				found = append(found, m)
			}
		}
	}
	var result value
	for _, m := range found {
		n := len(e.cond)
		if len(found) > 1 {
			e.lastCond++
			e.cond = append(e.cond[:n:n], e.lastCond)
		}
		v := e.invoke(m, nil, append([]value{unknown{}}, args...), at)
		if result == nil {
			result = v
		}
		e.cond = e.cond[:n]
	}
	return result, len(found) > 0
}

// opaque deals with a call whose body is not known: closures that register routes are
// taken to run once; a router handed to code that cannot be seen is reported.
func (e *engine) opaque(fv value, args []value, at site, x *expr) {
	if f, ok := fv.(funcRef); !ok || f.dynamic || !strings.Contains(strings.Split(f.key, "/")[0], ".") {
		// A function of a module that is not followed was read, and has nothing to do
		// with serving.
		giveAway(args, 0)
	}
	for _, a := range args {
		if s, ok := a.(spreadVal); ok {
			a = s.v
		}
		if c, ok := a.(closure); ok && c.fn.Touches && c.fn.Full && !c.fn.Handler {
			e.invoke(c.fn, c.env, unknowns(len(c.fn.Params)), at)
		}
	}
	if reason := e.undescribed(fv, args); reason != "" {
		e.unresolved(at, reason)
		return
	}
	if x == nil || !x.Takes || !x.Dynamic {
		return
	}
	for _, a := range args {
		if r, ok := a.(*router); ok && !isUnknown(fv) {
			name := "a function value"
			if f, ok := fv.(funcRef); ok {
				name = f.name
			}
			_ = r
			e.unresolved(at, fmt.Sprintf("the router is passed to %s, whose code is not known here", name))
			return
		}
		if _, ok := a.(*router); ok {
			e.unresolved(at, "the router is passed to a function that is known only at run time")
			return
		}
	}
}

// giveAway notes that the routers among values, or inside them, are known to code that
// is not followed. Nothing deep inside is looked for.
func giveAway(vals []value, depth int) {
	if depth > 4 {
		return
	}
	for _, a := range vals {
		for _, v := range flatList(a) {
			switch v := v.(type) {
			case *router:
				v.core.givenAway = true
			case *call:
				giveAway(v.args, depth+1)
				giveAway([]value{v.inner}, depth+1)
			case *structVal:
				for _, cell := range v.fields {
					giveAway([]value{*cell}, depth+1)
				}
			}
		}
	}
}

// undescribed says what the configuration of a router lacks, if a call that cannot be
// followed may register on it: of the routers that are known, all such functions have
// rows, and functions of other modules that are given one are read there.
func (e *engine) undescribed(fv value, args []value) string {
	f, ok := fv.(funcRef)
	if !ok || e.table.own == nil {
		return ""
	}
	ours := func(v value) bool {
		switch v := v.(type) {
		case *router:
			return e.table.own.specs[v.spec]
		case *building:
			return e.table.own.specs[v.reg.spec]
		}
		return false
	}
	const ask = "; give it a row in .permcheck.yaml, with do: ignore if it registers nothing"
	if ours(f.recv) {
		_, ofRoute := f.recv.(*building)
		path, handler := ofRoute, false
		for _, a := range args {
			switch a := a.(type) {
			case konst:
				path = path || a.kind == 's'
			case closure, funcRef, *call, *structVal:
				handler = true
			}
		}
		if handler && path {
			return rowKey(f.name) + " is given what a route has, and is not described" + ask
		}
	}
	if pkg := pkgOf(rowKey(f.name)); slices.ContainsFunc(args, ours) && e.module != "" && pkg != e.module && !strings.HasPrefix(pkg, e.module+"/") {
		return "the router is passed to " + rowKey(f.name) + ", of another module, which is not described" + ask
	}
	return ""
}

func unknowns(n int) []value {
	out := make([]value, n)
	for i := range out {
		out[i] = unknown{why: "it is given by code that is not followed"}
	}
	return out
}

func (a Arg) of(args []value) value {
	switch {
	case a == Last && len(args) > 0:
		return args[len(args)-1]
	case a > 0 && int(a) <= len(args):
		return args[a-1]
	}
	return nil
}

func (e *engine) callable(v value) bool {
	switch f := v.(type) {
	case closure:
		return f.fn.Full
	case funcRef:
		t := e.target(f)
		return t != nil && t.Full
	case *call:
		return f.inner != nil && e.callable(f.inner)
	}
	return false
}

// join2 appends a pattern to a view's prefix.
func join2(prefix, path konst) konst {
	if prefix.text == "" {
		return path
	}
	out := text(strings.TrimSuffix(prefix.text, "/") + path.text)
	out.dyn, out.in, out.of = prefix.dyn || path.dyn, path.in, path.of
	return out
}

func (e *engine) add(r *router, g *reg) {
	g.guards = slices.Concat(r.core.below, r.stack(), g.guards)
	if st := g.path.of; st != nil {
		g.guards = append(g.guards, said(e.table.described[st.typ], st, e.cond)...)
	}
	g.spec = r.spec
	g.cond = slices.Clone(e.cond)
	g.entry = e.entry
	g.pkg = e.own.Path
	e.atCaller(g)
	g.via = e.via(g.at)
	if n := len(e.stack); n > 0 {
		g.pkg = pkgOfFrame(e.stack[n-1])
	}
	e.added++
	g.group = strconv.Itoa(r.core.id) + "\x00" + r.prefix.text
	r.core.regs = append(r.core.regs, g)
	r.remember(g)
}

// atCaller moves a registration that a wrapper makes to the call in which its path
// is written: there a reader looks for it, and there is its directive.
func (e *engine) atCaller(g *reg) {
	for i := len(e.stack) - 1; i >= 0 && g.path.in != ""; i-- {
		if topName(e.stack[i]) == g.path.in {
			return
		}
		if i == 0 {
			return
		}
		if topName(e.stack[i-1]) != g.path.in {
			continue
		}
		g.at = e.stack[i].at
		for _, fr := range e.stack[i:] {
			if g.note == "" {
				g.note = fr.note
			}
		}
		return
	}
}

func methodList(v value) ([]string, value) {
	switch v := v.(type) {
	case konst:
		if v.kind == 's' && v.text != "" && !strings.Contains(v.text, baseMark) {
			return []string{strings.ToUpper(v.text)}, nil
		}
	case list:
		var out []string
		for _, el := range v.elems {
			m, bad := methodList(el.v)
			if m == nil {
				return nil, bad
			}
			out = append(out, m...)
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, v
}

// A peeled is a router found inside a handler, what wraps it from the outside in,
// and the prefix that is stripped before it sees the path.
type peeled struct {
	r     *router
	wraps []guardVal
	strip *konst
}

// base is what is stripped, as a prefix of templates.
func (p peeled) base() konst {
	if p.strip == nil {
		return text("")
	}
	out := *p.strip
	if _, path, err := p.r.spec.Path(strings.TrimSuffix(out.text, "/") + "/"); err == nil {
		out.text, _ = tailOf(path)
	}
	out.text = strings.TrimSuffix(out.text, "/")
	return out
}

// same reports whether two ways lead to the same router by the same prefix.
func (p peeled) same(q peeled) bool { return p.r == q.r && p.base().text == q.base().text }

// peel finds the routers that a handler hands its requests to.
func (e *engine) peel(v value) []peeled { return e.peelDepth(v, 0) }

func (e *engine) peelDepth(v value, depth int) []peeled {
	if depth > 24 {
		return nil
	}
	switch v := v.(type) {
	case *router:
		return []peeled{{r: v}}
	case *call:
		var inner []peeled
		for _, a := range v.args {
			inner = append(inner, e.peelDepth(a, depth+1)...)
		}
		if len(inner) == 0 {
			if v.inner != nil {
				return e.peelDepth(v.inner, depth+1)
			}
			return nil
		}
		for i := range inner {
			if v.strip != nil {
				if inner[i].strip == nil {
					inner[i].strip = v.strip
				} else {
					s := join2(*v.strip, *inner[i].strip)
					inner[i].strip = &s
				}
				continue
			}
			inner[i].wraps = append([]guardVal{{v: v, basis: Wrapper, maybe: v.maybe, pos: v.pos}}, inner[i].wraps...)
		}
		return inner
	case *structVal:
		if m := e.methodOf(v, "ServeHTTP"); m != nil {
			if !m.Full {
				return nil
			}
			return e.delegates(v, depth, func() { e.invoke(m, nil, []value{v, unknown{}, unknown{}}, site{m.File, m.Line, m.Col}) })
		}
		for _, name := range []string{"Handler", "Mux", "Router", "ServeMux", "Engine", "Echo"} {
			if cell := v.fields[name]; cell != nil {
				if ps := e.peelDepth(*cell, depth+1); len(ps) > 0 {
					return ps
				}
			}
		}
	case closure:
		if v.fn.Handler && v.fn.Full {
			return e.delegates(v, depth, func() { e.invoke(v.fn, v.env, unknowns(len(v.fn.Params)), site{v.fn.File, v.fn.Line, v.fn.Col}) })
		}
	case funcRef:
		if t := e.target(v); t != nil && t.Handler && t.Full {
			args := unknowns(len(t.Params))
			if t.Recv {
				args[0] = v.recv
			}
			return e.delegates(v, depth, func() { e.invoke(t, nil, args, site{t.File, t.Line, t.Col}) })
		}
		if v.bound && strings.HasSuffix(v.key, ".ServeHTTP") { // mux.ServeHTTP as a function
			return e.peelDepth(v.recv, depth+1)
		}
	}
	return nil
}

// delegates runs a handler and peels what it hands its request to.
func (e *engine) delegates(v value, depth int, run func()) []peeled {
	var to []value
	saved, cond := e.deleg, e.cond
	e.deleg, e.cond = &to, nil
	run()
	e.deleg, e.cond = saved, cond
	var out []peeled
	for _, d := range to {
		for _, p := range e.peelDepth(d, depth+1) {
			if !slices.ContainsFunc(out, func(q peeled) bool { return q.same(p) }) {
				p.wraps = append([]guardVal{{v: v, basis: Wrapper}}, p.wraps...)
				out = append(out, p)
			}
		}
	}
	return out
}
