package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// Without a catalog, a guard is known by how it is used: a call on the way to a
// handler that is given constant texts, and different ones on different routes. One
// that is given the same everywhere sets a header or names a realm.

// guardLike returns the functions that are used as guards are.
func (p *goProgram) guardLike() map[string]bool {
	texts := map[string]map[string]bool{}
	for _, r := range p.Routes {
		for _, g := range r.Guards {
			if t := constants(g); t != "" {
				if texts[g.Func] == nil {
					texts[g.Func] = map[string]bool{}
				}
				texts[g.Func][t] = true
			}
		}
	}
	out := map[string]bool{}
	for f, t := range texts {
		if f != "" && len(t) > 1 {
			out[f] = true
		}
	}
	return out
}

func constants(g routes.Guard) string {
	var b strings.Builder
	for _, a := range g.Args {
		for _, c := range a.Consts {
			fmt.Fprintf(&b, "%d%q", a.Index, c.Value)
		}
	}
	return b.String()
}

func hasGuardLike(r *guards.Route, like map[string]bool) bool {
	return slices.ContainsFunc(r.Guards, func(g routes.Guard) bool { return like[g.Func] })
}

// oddOnes reports routes that lack the guard that all their siblings have: three or
// more of them, registered on the same router with the same prefix.
func (p *goProgram) oddOnes(like map[string]bool) []guards.Problem {
	groups := map[string][]*guards.Route{}
	var order []string
	for _, r := range p.Routes {
		k := r.Package + "\x00" + r.Entry + "\x00" + r.Group
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	var out []guards.Problem
	for _, k := range order {
		var odd []*guards.Route
		common := map[string]int{}
		siblings := 0
		for _, r := range groups[k] {
			if _, ignored := p.Settings.Ignored(r); ignored {
				continue
			}
			if r.Requires == nil && !hasGuardLike(r, like) {
				odd = append(odd, r)
				continue
			}
			siblings++
			counted := map[string]bool{}
			for _, g := range r.Guards {
				if like[g.Func] && !counted[g.Func] {
					counted[g.Func] = true
					common[g.Func]++
				}
			}
		}
		if len(odd) != 1 || siblings < 3 {
			continue
		}
		name := "a guard"
		for f, n := range common {
			if n == siblings {
				name = guards.Short(f)
			}
		}
		r := odd[0]
		pr := p.Settings.At(r, guards.RuleUndeclared)
		pr.Message = fmt.Sprintf("%s %s has no guard, though its %d siblings have %s", r.Method, r.Path, siblings, name)
		out = append(out, pr)
	}
	return out
}
