package routes

import (
	"slices"

	"github.com/permcheck/permcheck/catalogs"
)

// A tableSpec is a struct type of the configuration whose literals are routes: those of
// a home-made matcher, below which there is no router.
type tableSpec struct {
	catalogs.TableConfig
	spec *Spec
}

func newTableSpec(c catalogs.TableConfig) *tableSpec {
	return &tableSpec{c, &Spec{
		Name: "table", Types: []string{"table:" + c.Type}, Handlers: c.Contexts, Contexts: c.Contexts, Path: patternsOf[c.Patterns],
	}}
}

// A tableRow is one struct of such a type, and the registration that it is. Its fields
// may be assigned after it was made, so they are read at the end.
type tableRow struct {
	of  *tableSpec
	st  *structVal
	reg *reg
}

// madeRow notes a struct that was made, if it is a route. A copy is where it was
// copied from.
func (e *engine) madeRow(st *structVal, note string, copied bool) {
	t := e.table.tables[st.typ]
	if t == nil {
		return
	}
	r := e.tableRouters[t]
	if r == nil {
		saved := e.cond
		e.cond = nil // the table as a whole has no condition
		r = e.newRouter(t.spec.Types[0], site{}, false)
		e.cond = saved
		e.tableRouters[t] = r
	}
	g := &reg{path: text(""), at: st.pos, note: note, lost: " "} // nothing yet
	if p, ok := st.field(t.Path).(konst); ok && !copied {
		g.path.in = p.in
	}
	e.add(r, g)
	st.pos = g.at
	e.tableRows = append(e.tableRows, &tableRow{t, st, g})
}

// field returns the value of a struct's field; nil if it was not set.
func (st *structVal) field(name string) value {
	if cell := st.fields[name]; cell != nil {
		return *cell
	}
	return nil
}

// readRows completes the routes of tables.
func (e *engine) readRows() {
	for _, row := range e.tableRows {
		e.readRow(row)
	}
	e.tableRows = nil
}

func (e *engine) readRow(row *tableRow) {
	t, st, g := row.of, row.st, row.reg
	method, path, handler := st.field(t.Method), st.field(t.Path), st.field(t.Handler)
	unread := func(what string, v value) {
		if !fromParam(v) || g.entry == nil || g.entry.Valued {
			e.unresolved(g.at, what+": "+why(v))
		}
	}
	k, isText := path.(konst)
	switch {
	case (path == nil || isEmpty(path)) && handler == nil && (method == nil || isEmpty(method)):
		return // a zero value, such as one that a lookup returns with false
	case path == nil:
		e.unresolved(g.at, "the path of the route is not set where it can be seen")
		return
	case !isText || k.kind != 's' || k.text == baseMark:
		unread("the path is not known", path)
		return
	}
	g.path = k
	g.path.field = false
	g.methods = []string{AnyMethod}
	if method != nil && !isEmpty(method) {
		var bad value
		if g.methods, bad = methodList(method); g.methods == nil {
			unread("the method is not known", bad)
			return
		}
		for i, m := range g.methods {
			if m == "ANY" {
				g.methods[i] = AnyMethod
			}
		}
	}
	if g.handler = handler; handler == nil || isNil(handler) {
		g.handler = unknown{why: "no handler"}
	}
	g.guards = append(g.guards, said(&t.TableConfig, st, g.cond)...)
	g.lost = ""
}

// said returns what a struct's fields say of the permissions of its route, as guards:
// one that is named as the type is, and is given permissions, and one that is named as
// its field is, and is given whether the route is public.
func said(t *catalogs.TableConfig, st *structVal, cond []int) []guardVal {
	var out []guardVal
	add := func(name string, v value) {
		demand := &call{fn: funcRef{name: name, key: name}, args: []value{v}, pos: st.pos}
		out = append(out, guardVal{v: demand, cond: slices.Clone(cond), basis: Table, pos: st.pos})
	}
	if v := st.field(t.Permissions); v != nil && !isEmpty(v) {
		add(t.Type, v)
	}
	if t.Public != "" {
		public := st.field(t.Public)
		if public == nil && st.fields[t.Public] == nil {
			public = konst{kind: 'b', text: "false"} // left out of the literal
		}
		add(t.Type+"."+t.Public, public)
	}
	return out
}

// isEmpty reports whether a value is nil, an empty text or an empty list.
func isEmpty(v value) bool {
	switch v := v.(type) {
	case konst:
		return v.kind == 0 || v.kind == 's' && v.text == "" && !v.dyn
	case list:
		return len(v.elems) == 0
	}
	return false
}
