package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An act is one use of a row: what it was called on and with.
type act struct {
	ref  rowRef
	name string // the function, as types.Func.FullName writes it
	recv value
	// recvIn and recvAt are where the receiver was read, to be able to put a router
	// there that nobody was seen to make.
	recvIn *frame
	recvAt *expr
	args   []value
	open   bool         // the last argument is a list of unknown length
	loose  map[int]bool // arguments that come of a list to which a branch added them
	typ    string
	at     site
	note   string
}

// An option is what a row with Link returns: it acts on a router given later.
type option struct{ act act }

// A building is a route under construction.
type building struct {
	r   *router
	reg *reg
}

// doRow performs the action of a row that a call names.
func (e *engine) doRow(fr *frame, x *expr, ref rowRef, recv value) value {
	callee := x.Args[0]
	a := act{ref: ref, name: callee.Name, recv: recv, typ: x.Router, at: e.here(fr, x), note: x.Note}
	if a.name == "" {
		a.name = ref.row.Func
	}
	if callee.Op == opMethod {
		a.recvIn, a.recvAt = fr, callee.Args[0]
	}
	args := e.args(fr, x)
	if n := len(args); x.Spread && n > 0 {
		if s, ok := args[n-1].(spreadVal); ok {
			l, known := s.v.(list)
			a.open = !known && !isNil(s.v)
			for i, el := range l.elems {
				if el.maybe {
					if a.loose == nil {
						a.loose = map[int]bool{}
					}
					a.loose[n-1+i] = true
				}
			}
		}
	}
	a.args = spread(args)
	if ref.row.Link {
		return &option{a}
	}
	return e.perform(&a)
}

// routerFor returns the router that an act is about.
func (e *engine) routerFor(a *act) *router {
	v, spec := a.recv, a.ref.spec
	if a.ref.row.Router != None {
		v = a.ref.row.Router.of(a.args)
	} else if v == nil && a.recvAt == nil && spec.Default != "" {
		return e.global(spec.Default).(*router)
	}
	switch v := v.(type) {
	case *router:
		return v
	case *building:
		return v.r
	case *call:
		if ps := e.peel(v); len(ps) > 0 {
			return ps[0].r
		}
	case *structVal:
		if r := v.embedded(spec); r != nil {
			return r
		}
	}
	typ := spec.Types[0]
	if a.recvAt != nil && a.recvAt.Router != "" {
		typ = a.recvAt.Router
	}
	r := e.newRouter(typ, a.at, true)
	if a.recvAt != nil && isUnknown(v) {
		switch a.recvAt.Op {
		case opLocal, opGlobal, opField:
			e.store(a.recvIn, a.recvAt, r)
		}
	}
	return r
}

// embedded returns the router of a library that a struct, used as one, has in it.
func (st *structVal) embedded(spec *Spec) *router { return st.within(spec, 0) }

func (st *structVal) within(spec *Spec, depth int) *router {
	if depth > 2 { // structs may point at each other
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(st.fields)) {
		switch v := (*st.fields[name]).(type) {
		case *router:
			if v.spec == spec {
				return v
			}
		case *structVal:
			if r := v.within(spec, depth+1); r != nil {
				return r
			}
		}
	}
	return nil
}

// path returns the pattern that an act names, joined to a prefix.
func (e *engine) path(a *act, spec *Spec, prefix konst) (konst, bool) {
	out := prefix
	if arg := a.ref.row.Path; arg != None {
		p := arg.of(a.args)
		if p == nil && int(arg) > len(a.args) { // a variadic prefix that is not given
			p = text("")
		}
		k, ok := p.(konst)
		if !ok || k.kind != 's' || k.text == baseMark {
			e.unreadable(a.at, "the path is not known: "+why(p), p)
			return konst{}, false
		}
		out = spec.join(prefix, k)
		switch method, p, err := spec.Path(k.text); {
		case err != nil:
		case strings.Contains(method, baseMark):
			e.unreadable(a.at, fmt.Sprintf("the method of %q is known only at run time", display(p)), k)
			return konst{}, false
		case a.ref.row.Do == Register && bare(p) && len(e.peel(a.ref.row.Handler.of(a.args))) == 0:
			e.unreadable(a.at, "the path is known only at run time", k)
			return konst{}, false
		}
	}
	return spec.suffixed(out, a.ref.row.Suffix), true
}

// bare reports whether nothing of a path is known.
func bare(path string) bool {
	base, _ := tailOf(path)
	return strings.Trim(base, "/") == baseMark
}

// suffixed appends what the library appends to a pattern.
func (s *Spec) suffixed(p konst, suffix string) konst {
	switch {
	case suffix == "":
	case strings.HasPrefix(suffix, "/"):
		p = s.join(p, text(suffix))
	default:
		p.text += suffix
	}
	return p
}

// prefix is path for groups, which go on below a base known only at run time.
func (e *engine) prefix(a *act, r *router) konst {
	if arg := a.ref.row.Path; arg != None && int(arg) <= len(a.args) {
		if k, ok := arg.of(a.args).(konst); !ok || k.kind != 's' {
			return r.spec.join(r.prefix, konst{kind: 's', text: baseMark, dyn: true})
		}
		p, _ := e.path(a, r.spec, r.prefix)
		if arg.of(a.args).(konst).text == baseMark {
			p = r.spec.join(r.prefix, arg.of(a.args).(konst))
		}
		return p
	}
	return r.prefix
}

// unreadable reports a registration that depends on a value that is not known, unless
// a caller of the function that is evaluated may know it.
func (e *engine) unreadable(at site, reason string, v value) {
	if !fromParam(v) || e.entry == nil || e.entry.Valued {
		e.unresolved(at, reason)
	}
}

// methodsOf returns the methods that an act names; none where the pattern has them.
func (e *engine) methodsOf(a *act) ([]string, bool) {
	row := a.ref.row
	if row.MethodArg == None {
		if row.Method == "" {
			return nil, true
		}
		return strings.Split(row.Method, ","), true
	}
	v := row.MethodArg.of(a.args)
	if row.Rest && row.Middleware == None {
		l := list{}
		for i := int(row.MethodArg) - 1; i < len(a.args); i++ {
			l.elems = append(l.elems, elem{v: a.args[i]})
		}
		v = l
	}
	if k, ok := v.(konst); ok && k.kind == 's' && isEmpty(v) && e.table.own != nil && e.table.own.specs[a.ref.spec] {
		return []string{AnyMethod}, true // as home-made routers have it
	}
	out, bad := methodList(v)
	if out == nil {
		e.unreadable(a.at, "the method is not known: "+why(bad), bad)
	}
	return out, out != nil
}

// perform performs an act.
func (e *engine) perform(a *act) value {
	row, spec := a.ref.row, a.ref.spec
	switch row.Do {
	case Ignore:
		if r, ok := a.recv.(*router); ok && a.typ != "" {
			return r
		}
	case Make:
		typ := a.typ
		if typ == "" {
			typ = spec.Types[0]
		}
		r := e.newRouter(typ, a.at, false)
		if row.Handler != None {
			e.register(a, r)
			return r
		}
		r.prefix = e.prefix(a, r)
		e.options(a, r)
		return r
	case Register:
		r := e.routerFor(a)
		view := *r
		view.guards = slices.Clone(r.guards)
		e.options(a, &view)
		e.register(a, &view)
		if a.typ != "" {
			return r
		}
		return nil
	case Mount:
		r := e.routerFor(a)
		p, ok := e.path(a, r.spec, r.prefix)
		if !ok {
			return nil
		}
		for i, h := range a.args {
			if i+1 == int(row.Handler) || row.Rest && i+1 > int(row.Handler) {
				e.add(r, &reg{path: p, handler: h, mount: true, at: a.at, note: a.note})
			}
		}
		return r
	case Group, Sub:
		return e.group(a)
	case Rebase:
		r := e.routerFor(a)
		r.prefix = e.prefix(a, r)
		return r
	case Adapt:
		r, ok := row.Router.of(a.args).(*router)
		if !ok {
			r = e.newRouter(spec.Types[0], a.at, true)
		}
		view := e.view(r)
		view.up, view.guards = r, nil
		if r.prefix.text != "" {
			if _, p, err := r.spec.Path(r.prefix.text); err == nil {
				view.prefix.text = p
			}
		}
		view.spec, view.typ = spec, a.typ
		view.prefix = e.prefix(a, &view)
		return &view
	case Use:
		r := e.routerFor(a)
		e.use(a, r)
		return r
	case Unuse:
		if b, ok := a.recv.(*building); ok {
			b.reg.loose = true
			return b
		}
		r := e.routerFor(a)
		r.core.loose = true
		return r
	case Strip:
		p, ok := row.Path.of(a.args).(konst)
		if !ok || p.kind != 's' {
			p = konst{kind: 's', text: baseMark, dyn: true}
		}
		return &call{fn: a.fn(), args: []value{row.Handler.of(a.args)}, strip: &p, pos: a.at, handler: true}
	case Serve:
		h := row.Handler.of(a.args)
		if isNil(h) {
			h = e.global(spec.Default)
		}
		e.served = append(e.served, h)
		return nil
	case Chain:
		l := list{}
		for _, v := range a.args {
			l.elems = append(l.elems, elem{v: v})
		}
		return l
	case Apply:
		h := row.Handler.of(a.args)
		l, ok := a.recv.(list)
		if !ok {
			return &call{fn: unknown{why: "a chain of middleware that is not known"}, args: []value{h}, pos: a.at, handler: true}
		}
		return wrapAll(l, h, a.at)
	case Wrap:
		return e.wrapRoutes(a)
	case Reflect:
		e.unresolved(a.at, fmt.Sprintf("%s makes routes by reflection, which are not read: register each by its path", a.name))
		if r, ok := a.recv.(*router); ok {
			return r
		}
		return nil
	case Delegate:
		if e.deleg != nil && a.recv != nil {
			*e.deleg = append(*e.deleg, a.recv)
		}
		return nil
	case Begin, BeginPrefix, Draft:
		r := e.routerFor(a)
		b := &building{r: r, reg: &reg{at: a.at, note: a.note, building: true, tail: r.core.tail, path: r.prefix, spec: r.spec}}
		e.refine(a, b)
		if row.Do != Draft {
			e.add(r, b.reg)
		}
		return b
	case Refine, RefinePrefix:
		b := e.building(a)
		e.refine(a, b)
		return b
	case Nest:
		b := e.building(a)
		sub := e.newRouter(spec.Types[0], a.at, false)
		sub.core.tail = b.reg.tail
		b.reg.handler, b.reg.mount = sub, true
		return sub
	case Attach:
		r := e.routerFor(a)
		if b, ok := row.Handler.of(a.args).(*building); ok {
			e.add(b.r, b.reg)
		} else {
			e.unreadable(a.at, "the route that is added is not known: "+why(row.Handler.of(a.args)), row.Handler.of(a.args))
		}
		return r
	}
	return unknown{why: "the result of " + a.name}
}

func (a *act) fn() funcRef { return funcRef{name: a.name, key: a.ref.row.Func} }

// building returns the route that an act goes on with.
func (e *engine) building(a *act) *building {
	if b, ok := a.recv.(*building); ok {
		return b
	}
	r := e.newRouter(a.ref.spec.Types[0], a.at, true)
	b := &building{r: r, reg: &reg{at: a.at, note: a.note, building: true, spec: r.spec, lost: "the route is begun by code that is not known here: " + why(a.recv)}}
	if fromParam(a.recv) && e.entry != nil && !e.entry.Valued {
		b.reg.lost = " "
	}
	e.add(r, b.reg)
	return b
}

// refine adds to a route under construction what an act says of it.
func (e *engine) refine(a *act, b *building) {
	row := a.ref.row
	if row.Method != "" || row.MethodArg != None {
		if m, ok := e.methodsOf(a); ok {
			b.reg.methods = m
		} else {
			b.reg.lost = " " // reported
		}
	}
	if row.Path != None {
		if p, ok := e.path(a, b.r.spec, b.reg.path); ok {
			b.reg.path, b.reg.tail = p, row.Do == BeginPrefix || row.Do == RefinePrefix
		} else {
			b.reg.lost = " "
		}
	}
	if row.Handler != None {
		if b.reg.handler = row.Handler.of(a.args); b.reg.handler == nil || isNil(b.reg.handler) {
			b.reg.handler = unknown{why: "no handler"}
		}
	}
	b.reg.guards = append(b.reg.guards, e.middleware(a)...)
	if row.Claim != None {
		b.reg.claims = append(b.reg.claims, row.Claim.of(a.args))
	}
	if b.reg.note == "" {
		b.reg.note = a.note
	}
}

// register adds the routes that an act describes.
func (e *engine) register(a *act, r *router) {
	row := a.ref.row
	if row.Routes != None {
		e.registerStructs(a, r)
		return
	}
	p, ok := e.path(a, r.spec, r.prefix)
	if !ok {
		return
	}
	var handler value = a.fn() // a function that serves files, say
	if row.Handler != None {
		handler = row.Handler.of(a.args)
		if handler == nil || isNil(handler) {
			handler = unknown{why: "no handler"}
		}
	}
	if row.Mapping != None {
		e.registerMapping(a, r, p, handler)
		return
	}
	methods, ok := e.methodsOf(a)
	if !ok {
		return
	}
	g := &reg{methods: methods, path: p, handler: handler, guards: e.middleware(a), at: a.at, note: a.note}
	if row.Handler == Last {
		g.own = len(g.guards)
	}
	e.add(r, g)
}

// registerStructs adds the routes that structs describe.
func (e *engine) registerStructs(a *act, r *router) {
	row := a.ref.row
	v := row.Routes.of(a.args)
	for _, s := range flatList(v) {
		st, ok := s.(*structVal)
		if !ok {
			e.unreadable(a.at, "a route in a table is not known: "+why(s), s)
			continue
		}
		get := func(field string) value {
			if cell := st.fields[field]; cell != nil {
				return *cell
			}
			return nil
		}
		k, ok := get(row.Fields.Path).(konst)
		if !ok || k.kind != 's' || k.text == baseMark {
			e.unreadable(a.at, "the path is not known: "+why(get(row.Fields.Path)), get(row.Fields.Path))
			continue
		}
		k.field = false
		methods, bad := methodList(get(row.Fields.Method))
		if methods == nil {
			e.unreadable(a.at, fmt.Sprintf("the method of %q is not known: %s", display(k.text), why(bad)), bad)
			continue
		}
		var handler value
		if row.Fields.Handler != "" {
			handler = get(row.Fields.Handler)
		} else {
			handler = row.Handler.of(a.args)
		}
		if handler == nil || isNil(handler) {
			handler = unknown{why: "no handler"}
		}
		g := &reg{methods: methods, path: r.spec.join(r.prefix, k), handler: handler, at: a.at, note: a.note}
		if st.pos.file != "" {
			g.at = st.pos
		}
		if row.Fields.Middleware != "" {
			for _, m := range flatList(get(row.Fields.Middleware)) {
				if m != nil && !isNil(m) {
					g.guards = append(g.guards, guardVal{v: m, cond: slices.Clone(e.cond), basis: Middleware, pos: a.at})
				}
			}
		}
		if row.Fields.Claim != "" {
			g.claims = append(g.claims, get(row.Fields.Claim))
		}
		e.add(r, g)
	}
}

// registerMapping adds the routes of a struct whose methods serve as a text says.
func (e *engine) registerMapping(a *act, r *router, p konst, controller value) {
	m := a.ref.row.Mapping.of(a.args)
	if m == nil {
		e.add(r, &reg{methods: []string{AnyMethod}, path: p, handler: controller, at: a.at, note: a.note})
		return
	}
	k, ok := m.(konst)
	if !ok || k.kind != 's' || strings.Contains(k.text, baseMark) {
		e.unreadable(a.at, "the methods are not known: "+why(m), m)
		return
	}
	for _, part := range strings.Split(k.text, ";") {
		verbs, name, ok := strings.Cut(part, ":")
		if !ok {
			e.unresolved(a.at, fmt.Sprintf("the mapping %q has a part without a colon", k.text))
			continue
		}
		handler := controller
		if st, ok := controller.(*structVal); ok {
			handler = funcRef{name: "(*" + st.typ + ")." + name, recv: st, bound: true}
			if f := e.methodOf(st, name); f != nil {
				handler = funcRef{name: f.Name, recv: st, bound: true}
			}
		}
		var methods []string
		for _, v := range strings.Split(verbs, ",") {
			methods = append(methods, strings.ToUpper(strings.TrimSpace(v)))
		}
		e.add(r, &reg{methods: methods, path: p, handler: handler, at: a.at, note: a.note})
	}
}

// group makes a view of a router, or a router of its own below it.
func (e *engine) group(a *act) value {
	row := a.ref.row
	r := e.routerFor(a)
	view := e.view(r)
	if a.typ != "" {
		view.typ = a.typ
	}
	view.prefix = e.prefix(a, r)
	gs := e.middleware(a)
	switch row.Order {
	case Below:
		e.below(r, view.prefix, gs)
	case Linked:
		view.up, view.guards = r, gs
	default:
		view.up, view.guards = nil, append(r.stack(), gs...)
	}
	if row.Do == Sub {
		sub := e.newRouter(r.typ, a.at, false)
		e.add(&view, &reg{path: view.prefix, handler: sub, mount: true, at: a.at, note: a.note})
		view = *sub
	}
	e.options(a, &view)
	if fnv := row.Handler.of(a.args); row.Handler != None && fnv != nil && !isNil(fnv) {
		if !e.callable(fnv) {
			e.unresolved(a.at, "the function that registers the group's routes is not known: "+why(fnv))
		} else {
			e.apply(fnv, []value{&view}, a.at, nil)
		}
	}
	return &view
}

// stack returns the middleware that a route registered now gets from the view.
func (r *router) stack() []guardVal {
	if r.up == nil {
		return slices.Clone(r.guards)
	}
	return append(r.up.stack(), r.guards...)
}

// options applies the options of an act to a router.
func (e *engine) options(a *act, r *router) {
	if a.ref.row.Options == None {
		return
	}
	for i := int(a.ref.row.Options) - 1; i < len(a.args); i++ {
		for _, v := range flatList(a.args[i]) {
			switch o := v.(type) {
			case *option:
				act := o.act
				act.recv = r
				e.perform(&act)
			case nil, unknown:
				r.prefix.dyn = true // one of them may be a prefix
			}
		}
	}
}

// use adds middleware to a router.
func (e *engine) use(a *act, r *router) {
	row := a.ref.row
	gs := e.middleware(a)
	prefixes := []konst{r.prefix}
	if row.Path != None {
		prefixes = []konst{e.prefix(a, r)}
	}
	if row.ByKind {
		var texts []konst
		rest := gs[:0:0]
		var mounts []value
		for _, g := range gs {
			k, isText := g.v.(konst)
			switch {
			case isText && k.kind == 's':
				texts = append(texts, r.spec.join(r.prefix, k))
			case len(e.peel(g.v)) > 0:
				mounts = append(mounts, g.v)
			default:
				rest = append(rest, g)
			}
		}
		gs = rest
		if len(texts) > 0 {
			prefixes = texts
		}
		for _, m := range mounts {
			for _, p := range prefixes {
				e.add(r, &reg{path: r.spec.join(p, text("/*")), handler: m, mount: true, at: a.at, note: a.note})
			}
		}
	}
	switch row.Order {
	case All:
		if row.Path != None {
			for i := range gs {
				gs[i].under = prefixes[0].text
			}
		}
		r.core.use = append(r.core.use, gs...)
	case Front:
		r.core.front = append(r.core.front, gs...)
	case Below:
		for _, p := range prefixes {
			e.tooLate(r, e.below(r, p, gs))
		}
	default:
		e.tooLate(r, gs)
		r.guards = append(r.guards, gs...)
	}
}

// below adds middleware that is kept by path, and returns it with that path.
func (e *engine) below(r *router, prefix konst, gs []guardVal) []guardVal {
	gs = slices.Clone(gs)
	for i := range gs {
		gs[i].under = r.spec.suffixed(prefix, r.spec.Below).text
	}
	r.core.below = append(r.core.below, gs...)
	return gs
}

// middleware returns the guards that an act adds.
func (e *engine) middleware(a *act) []guardVal {
	row := a.ref.row
	if row.Middleware == None {
		return nil
	}
	guard := func(v value, maybe bool) guardVal {
		return guardVal{v: v, cond: slices.Clone(e.cond), basis: Middleware, maybe: maybe, pos: a.at}
	}
	if row.Middleware == Self {
		return []guardVal{guard(&call{fn: a.fn(), args: a.args, pos: a.at}, false)}
	}
	from := int(row.Middleware) - 1
	to := from + 1
	if row.Rest {
		to = len(a.args)
		if row.Handler == Last && !a.open {
			to--
		}
	}
	var out []guardVal
	for i := from; i < to && i < len(a.args); i++ {
		if l, ok := a.args[i].(list); ok {
			for _, el := range l.elems {
				out = append(out, guard(el.v, el.maybe))
			}
			continue
		}
		out = append(out, guard(a.args[i], a.loose[i]))
	}
	return out
}

func wrapAll(l list, h value, at site) value {
	for _, el := range slices.Backward(l.elems) {
		h = &call{fn: el.v, args: []value{h}, pos: at, handler: true}
	}
	return h
}

// wrapRoutes returns structs that describe routes with their handlers wrapped.
func (e *engine) wrapRoutes(a *act) value {
	row := a.ref.row
	var chain list
	for _, m := range flatList(row.Middleware.of(a.args)) {
		chain.elems = append(chain.elems, elem{v: m})
	}
	var out list
	for i := int(row.Routes) - 1; i < len(a.args); i++ {
		for _, s := range flatList(a.args[i]) {
			st, ok := s.(*structVal)
			if !ok {
				out.elems = append(out.elems, elem{v: s})
				continue
			}
			wrapped := &structVal{typ: st.typ, fields: make(map[string]*value, len(st.fields)), pos: st.pos}
			for k, cell := range st.fields {
				v := *cell
				if k == row.Fields.Handler {
					v = wrapAll(chain, v, a.at)
				}
				wrapped.fields[k] = &v
			}
			out.elems = append(out.elems, elem{v: wrapped})
		}
	}
	return out
}

// covers reports whether middleware kept at one template runs for a route at another,
// and whether that depends on what a parameter holds.
func covers(under, path string) (yes, maybe bool) {
	base, isTree := tailOf(under)
	if !isTree {
		if under == path {
			return true, false
		}
		return false, false
	}
	if strings.HasPrefix(path, base) || path+"/" == base {
		return true, false
	}
	if strings.Contains(base, baseMark) || strings.Contains(path, baseMark) {
		return true, true
	}
	b, p := strings.Split(strings.TrimSuffix(base, "/"), "/"), strings.Split(path, "/")
	for i := range b {
		switch {
		case i >= len(p):
			return false, false
		case b[i] == p[i]:
		case strings.HasPrefix(b[i], "{"):
		case strings.HasSuffix(p[i], "...}"):
			return true, true
		case strings.HasPrefix(p[i], "{"):
			maybe = true
		default:
			return false, false
		}
	}
	return true, maybe
}
