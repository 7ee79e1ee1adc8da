package routes

import (
	"slices"
	"strings"
)

// A value is what the evaluator knows of an expression: nil or an unknown when it
// knows nothing, else one of the types below.
type value any

type (
	// unknown says why nothing is known. Param: it is what the function being
	// evaluated was given, so a caller may know it.
	unknown struct {
		why   string
		param bool
	}
	// konst is a constant: kind s, i, b, f, or 0 for nil.
	konst struct {
		kind  byte
		text  string
		name  string // the constant's object
		typ   string
		dyn   bool       // a default, or the known part of a text that is made at run time
		field bool       // read from a struct's field, as out of a table
		param bool       // dyn, and a caller may know the rest
		in    string     // the function whose text it is written in, as topName says
		of    *structVal // whose field it was read from, where the configuration describes the type
	}
	structVal struct {
		typ    string
		fields map[string]*value
		pos    site
	}
	elem struct {
		v     value
		maybe bool // appended under a condition
	}
	list    struct{ elems []elem }
	mapVal  struct{ keys, vals []value }
	closure struct {
		fn  *fn
		env *frame
	}
	// funcRef is a declared function, or a method with its receiver.
	funcRef struct {
		name, key string
		recv      value
		bound     bool
		dynamic   bool
	}
	tuple []value
	// call is a call that was not followed, or whose result is a handler or
	// middleware and is kept together with how it was made.
	call struct {
		fn      value // funcRef, closure, or the call that returned the function
		args    []value
		inner   value // the result, where the function could be followed
		strip   *konst
		note    string
		pos     site
		maybe   bool // made only under a condition
		handler bool // its result is a handler or middleware
	}
	// router is a view of a core: the routes that it registers get its prefix and
	// its guards.
	router struct {
		core   *core
		typ    string
		prefix konst
		up     *router // the view whose middleware it has too, whenever it was added
		guards []guardVal
		spec   *Spec
		id     int   // of the view
		within []int // ids of the views that it was made of
	}
)

// A site is a place in a file.
type site struct {
	file      string
	line, col int32
}

// A core is a router's own table.
type core struct {
	spec     *Spec
	front    []guardVal // middleware that covers all routes, before all other
	use      []guardVal // middleware that covers all routes
	below    []guardVal // middleware so far that is kept by path
	regs     []*reg
	made     site
	cond     []int // under which it was made
	entry    *fn
	tail     bool           // a route without a pattern of its own matches all paths below the router's
	byView   map[int][]*reg // registrations by the id of the view
	symbolic bool           // stands for a router that was given from outside
	loose    bool           // middleware was taken away again
	// givenAway says that code which is not followed has it, and may serve it.
	givenAway bool
	id        int
}

type guardVal struct {
	v     value
	cond  []int
	basis string
	maybe bool
	under string // pattern of the routes that it covers, in the router's own terms; empty: all
	pos   site
}

// A reg is one registration in a core.
type reg struct {
	spec    *Spec
	methods []string // none: in the pattern
	path    konst
	handler value
	guards  []guardVal
	late    []guardVal // middleware that was added too late to cover it
	own     int        // how many handlers of the same call run before it
	claims  []value    // what the route's description says of permissions
	mount   bool
	group   string // registrations of one view and prefix are siblings
	at, via site
	cond    []int
	note    string
	pkg     string // the package whose code registers

	// Of a route that is built in steps:
	building bool
	tail     bool   // it matches everything below its pattern
	loose    bool   // middleware was taken away again
	lost     string // why it cannot be read; a space if that is reported already

	entry *fn
}

// baseMark stands in a text for a part that is known only at run time.
const baseMark = "\x00"

func text(s string) konst { return konst{kind: 's', text: s} }

func isUnknown(v value) bool {
	switch v := v.(type) {
	case nil, unknown:
		return true
	case konst:
		return v.kind == 's' && v.text == baseMark
	}
	return false
}

func why(v value) string {
	if u, ok := v.(unknown); ok && u.why != "" {
		return u.why
	}
	return "its value is not known before the program runs"
}

// fromParam reports whether the value depends on what an entry function was given.
func fromParam(v value) bool {
	switch v := v.(type) {
	case unknown:
		return v.param
	case konst:
		return v.param
	case list:
		for _, e := range v.elems {
			if fromParam(e.v) {
				return true
			}
		}
	case *call:
		return slices.ContainsFunc(v.args, fromParam)
	}
	return false
}

func isNil(v value) bool {
	k, ok := v.(konst)
	return ok && k.kind == 0
}

// join is what is known after two ways of getting somewhere, was the first.
func join(was, now value) value {
	switch w := was.(type) {
	case nil, unknown:
		if k, ok := now.(konst); ok && k.kind == 's' {
			k.dyn = true
			return k
		}
		if now == nil {
			return was
		}
		return now
	case konst:
		n, ok := now.(konst)
		switch {
		case !ok && w.kind == 's' && isUnknown(now):
			w.dyn = true
			return w
		case !ok && w.kind == 0:
			return now
		case !ok:
			return was
		case w.kind == n.kind && w.text == n.text:
			w.dyn = w.dyn || n.dyn
			return w
		case w.kind == 's' && n.kind == 's':
			if w.text == "" || w.text == baseMark {
				n.dyn = true
				return n
			}
			w.dyn = true
			return w
		case w.kind == 0:
			return now
		}
		return unknown{why: "it depends on a condition"}
	case list:
		n, ok := now.(list)
		if !ok {
			return was
		}
		// What only one side has, the branch added or cut off.
		long, both := n.elems, len(w.elems)
		if len(n.elems) < both {
			long, both = w.elems, len(n.elems)
		}
		out := slices.Clone(long)
		for i := both; i < len(out); i++ {
			out[i].maybe = true
		}
		return list{out}
	case closure, funcRef, *call:
		return wrappedSometimes(was, now)
	case *router:
		if _, ok := now.(*call); ok {
			return wrappedSometimes(was, now)
		}
		n, ok := now.(*router)
		if !ok || n.core != w.core || n == w {
			return was
		}
		out := *w
		out.guards = slices.Clone(w.guards)
		for _, g := range n.guards[min(len(w.guards), len(n.guards)):] {
			g.maybe = true
			out.guards = append(out.guards, g)
		}
		return &out
	}
	return was
}

// wrappedSometimes is a handler that a branch may have wrapped.
func wrappedSometimes(was, now value) value {
	n, ok := now.(*call)
	if !ok || now == was || !n.handler {
		return was
	}
	out := *n
	out.maybe = true
	return &out
}

func concat(a, b value) value {
	ka, okA := a.(konst)
	kb, okB := b.(konst)
	okA, okB = okA && ka.kind == 's', okB && kb.kind == 's'
	switch {
	case okA && okB:
		out := text(ka.text + kb.text)
		out.dyn, out.param = ka.dyn || kb.dyn, ka.param || kb.param
		if out.in = kb.in; out.in == "" {
			out.in = ka.in
		}
		if out.of = kb.of; out.of == nil {
			out.of = ka.of
		}
		out.text = strings.ReplaceAll(out.text, baseMark+baseMark, baseMark)
		return out
	case okA:
		return konst{kind: 's', text: strings.TrimSuffix(ka.text, baseMark) + baseMark, dyn: true, param: ka.param || fromParam(b), in: ka.in, of: ka.of}
	case okB:
		return konst{kind: 's', text: baseMark + strings.TrimPrefix(kb.text, baseMark), dyn: true, param: kb.param || fromParam(a), in: kb.in, of: kb.of}
	}
	if fromParam(a) || fromParam(b) {
		return unknown{why: why(a), param: true}
	}
	return unknown{why: why(a)}
}

func equalCond(prefix, whole []int) bool {
	return len(prefix) <= len(whole) && slices.Equal(prefix, whole[:len(prefix)])
}

// plain turns values into strings, ints and slices of them; what is not known is nil.
func plain(vals []value) []any {
	out := make([]any, len(vals))
	for i, v := range vals {
		switch v := v.(type) {
		case konst:
			switch {
			case v.kind == 's' && !strings.Contains(v.text, baseMark):
				out[i] = v.text
			case v.kind == 'i':
				out[i] = intOf(v)
			}
		case list:
			inner := make([]value, len(v.elems))
			for j, el := range v.elems {
				inner[j] = el.v
			}
			out[i] = plain(inner)
		}
	}
	return out
}
