package routes

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// What is added to a router too late is kept with the routes that it misses: those
// that the same view, or a view made of it, registered before. Whether that matters is
// for those to say who know what the routes should demand.

// view returns a copy of a router that counts as a view of its own.
func (e *engine) view(r *router) router {
	out := *r
	e.views++
	out.id, out.within = e.views, append(slices.Clip(r.within), r.id)
	return out
}

// remember notes which views a registration belongs to.
func (r *router) remember(g *reg) {
	if r.core.byView == nil {
		r.core.byView = map[int][]*reg{}
	}
	for _, id := range append(slices.Clip(r.within), r.id) {
		r.core.byView[id] = append(r.core.byView[id], g)
	}
}

// tooLate tells the routes that a view registered before of middleware that does not
// cover them. What is added in another branch of the code was never meant for them.
func (e *engine) tooLate(r *router, gs []guardVal) {
	for _, g := range r.core.byView[r.id] {
		if equalCond(g.cond, e.cond) || equalCond(e.cond, g.cond) {
			g.late = append(g.late, gs...)
		}
	}
}

// joinBase puts before a template what its router is mounted at.
func joinBase(at place, path string) string {
	if at.prefix.text == "" {
		return path
	}
	return strings.TrimSuffix(at.prefix.text, "/") + path
}

// late describes the guards that come too late for a route.
func (d *describer) late(r *reg, at place, full string) []Guard {
	var out []Guard
	for _, g := range slices.Concat(at.late, r.late) {
		if g.under != "" {
			_, under, err := r.spec.Path(g.under)
			if err != nil {
				continue // reported where it covers what comes later
			}
			if yes, _ := covers(joinBase(at, under), full); !yes {
				continue
			}
		}
		out = append(out, d.guard(g)...)
	}
	return out
}

// handsOn reports whether a handler's body lets the next handler run: it calls Next of
// the context that it was given.
func (c *compiler) handsOn(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Next" && !found {
			if f, ok := c.info.Uses[sel.Sel].(*types.Func); ok && f.Signature().Recv() != nil {
				found = c.table.contexts[typeName(f.Signature().Recv().Type())]
			}
		}
		return !found
	})
	return found
}
