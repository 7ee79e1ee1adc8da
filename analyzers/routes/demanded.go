package routes

import (
	"fmt"
	"slices"
	"strings"
)

// maxDeep bounds how many calls below a handler its checks are looked for.
const maxDeep = 4

// checks describes the calls that decide in a handler's body, and in what it calls.
func (d *describer) checks(f *fn, env *frame, recv value) []Guard {
	args := make([]value, len(f.Params))
	if f.Recv && len(args) > 0 {
		args[0] = recv
	}
	return d.body(f, env, args, reached{on: asAnswer})
}

// reached says how a function with checks was called.
type reached struct {
	on     outcome // by what it returns it refuses
	partly bool
	depth  int
	why    string // why it is not certain that it is called
}

func (d *describer) body(f *fn, env *frame, args []value, how reached) []Guard {
	if len(f.Checks) == 0 || how.depth > maxDeep {
		return nil
	}
	fr := &frame{fn: f, vals: make([]value, max(f.Slots, len(f.Params))), up: env}
	bind(f, fr.vals, args)
	d.e.stack = append(d.e.stack, fr)
	defer func() { d.e.stack = d.e.stack[:len(d.e.stack)-1] }()
	var out []Guard
	for _, c := range f.Checks {
		out = append(out, d.check(fr, c, how)...)
	}
	return out
}

// check describes one check. It counts where its refusal is what the caller takes for
// one.
func (d *describer) check(fr *frame, c *check, how reached) []Guard {
	how.partly = how.partly || c.Partly || how.on&c.Says == 0
	switch {
	case c.Over != nil:
		return d.each(fr, c, how)
	case c.Call == nil:
		var all []Guard
		for _, o := range c.Of {
			one := *o
			one.Says = c.Says
			got := d.check(fr, &one, how)
			if c.Either {
				got = []Guard{{File: fr.fn.File, Basis: Body, Nested: got}}
			}
			all = append(all, got...)
		}
		if !c.Either || len(all) == 0 {
			return all
		}
		return []Guard{{File: fr.fn.File, Line: all[0].Line, Basis: Body, Either: true, Partly: how.partly, Deep: how.depth > 0, Nested: all}}
	}
	on := c.On
	if on == 0 {
		on = how.on
	}
	var callee value
	var args []value
	d.quiet(func() value {
		callee = d.e.eval(fr, c.Call.Args[0])
		args = d.e.args(fr, c.Call)
		return nil
	})
	g := Guard{
		Func: nameOf(callee), File: fr.fn.File, Line: int(c.Call.Line), Column: int(c.Call.Col), Basis: Body,
		Partly: how.partly, Deep: how.depth > 0, Why: how.why,
	}
	// The end of a handler may be all that it is for: what it is given says nothing.
	if !c.Last || c.On == 0 && on&plainly != 0 {
		g.Args = d.args(args)
		switch {
		case on&plainly != 0:
		case how.depth > 0:
			g.Partly = true
		default:
			g.Unclear = !g.Partly
		}
	}
	g.Nested = d.called(callee, args, c, reached{on: on, partly: how.partly, depth: how.depth + 1, why: how.why})
	if len(g.Nested) == 0 && (how.depth > 0 || c.Last || c.Partly) && !d.e.table.guards[rowKey(g.Func)] && !slices.ContainsFunc(g.Args, func(a GuardArg) bool { return len(a.Consts) > 0 }) {
		return nil // nothing that could name a permission
	}
	return []Guard{g}
}

// each describes a check in a loop.
func (d *describer) each(fr *frame, c *check, how reached) []Guard {
	var over value
	d.quiet(func() value {
		over = d.e.eval(fr, c.Over)
		return nil
	})
	elems := []elem{{v: unknown{why: why(over)}}}
	switch o := over.(type) {
	case list:
		elems = o.elems
	case *mapVal:
		elems = nil
		for _, v := range o.vals {
			elems = append(elems, elem{v: v})
		}
	case konst:
		if isNil(o) {
			elems = nil
		}
	}
	if len(elems) == 0 {
		return nil // it demands nothing
	}
	var all []Guard
	for _, el := range elems {
		if cell := local(fr, c.Elem); cell != nil {
			*cell = el.v
		}
		inner := how
		inner.partly = inner.partly || el.maybe
		one := &check{Says: c.Says, Of: c.Of}
		got := d.check(fr, one, inner)
		if c.Either {
			got = []Guard{{File: fr.fn.File, Basis: Body, Nested: got}}
		}
		all = append(all, got...)
	}
	if !c.Either {
		return all
	}
	return []Guard{{File: fr.fn.File, Line: int(c.Over.Line), Basis: Body, Either: true, Partly: how.partly, Deep: how.depth > 0, Nested: all}}
}

// called describes the checks of the function that a check calls.
func (d *describer) called(callee value, args []value, c *check, how reached) []Guard {
	switch f := callee.(type) {
	case closure:
		return d.body(f.fn, f.env, args, how)
	case funcRef:
		if t := d.e.target(f); t != nil {
			if t.Recv {
				args = append([]value{f.recv}, args...)
			}
			return d.body(t, nil, args, how)
		}
		if !f.dynamic || c.Sig == "" {
			return nil
		}
		// What the interface holds is not known here: what it may hold may demand something.
		var out []Guard
		method := f.key[strings.LastIndexByte(f.key, '.')+1:]
		for _, t := range d.e.demanding(method, c.Sig) {
			how.partly = true
			how.why = fmt.Sprintf("%s is called through an interface, and may be %s", f.name, t.Name)
			out = append(out, d.body(t, nil, append([]value{nil}, args...), how)...)
		}
		return out
	}
	return nil
}
