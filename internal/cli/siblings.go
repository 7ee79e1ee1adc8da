package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// Without a catalog, a guard is known by how it is used: a call around the handler or
// a middleware on the way to it that is given constant texts which may be permissions,
// and different ones on different routes. One that is given the same everywhere sets a
// header or names a realm. Where there is none of that, the checks at the top of the
// handlers' own bodies are looked at in the same way.

// guardLike returns the functions that are used as guards are.
func (p *goProgram) guardLike() map[string]bool {
	if like := p.usedLikeGuards(false); len(like) > 0 {
		return like
	}
	return p.usedLikeGuards(true)
}

func (p *goProgram) usedLikeGuards(inBodies bool) map[string]bool {
	texts := map[string]map[string]bool{}
	for _, r := range p.Routes {
		for _, g := range r.Guards {
			if (g.Basis == routes.Body) != inBodies {
				continue
			}
			if t := constants(g); t != "" {
				if texts[g.Func] == nil {
					texts[g.Func] = map[string]bool{}
				}
				texts[g.Func][t] = true
			}
		}
	}
	out := map[string]bool{}
	most := ""
	for _, f := range slices.Sorted(maps.Keys(texts)) {
		if f != "" && len(texts[f]) > 1 {
			out[f] = true
			if len(texts[f]) > len(texts[most]) {
				most = f
			}
		}
	}
	// Permissions of one API are written in one style. Wrappers that are given names of
	// parameters or files are told from guards by it.
	for _, sep := range []string{":", "."} {
		if !mostly(texts[most], sep) {
			continue
		}
		for f := range out {
			if !mostly(texts[f], sep) {
				delete(out, f)
			}
		}
		break
	}
	return out
}

// mostly reports whether more than half of the texts contain the separator.
func mostly(texts map[string]bool, sep string) bool {
	n := 0
	for t := range texts {
		if strings.Contains(t, sep) {
			n++
		}
	}
	return 2*n > len(texts)
}

// constants joins the constants of a call that may be permissions.
func constants(g routes.Guard) string {
	var b strings.Builder
	for _, a := range g.Args {
		for _, c := range a.Consts {
			if maybePermission(c) {
				fmt.Fprintf(&b, "%d%q", a.Index, guards.Spelled(c))
			}
		}
	}
	return b.String()
}

// maybePermission reports whether a constant may name a permission: a text that is no
// path, address, HTTP method or header, or a named constant of a type of its own.
func maybePermission(c routes.Const) bool {
	id := string(guards.Spelled(c))
	switch {
	case id == "" || len(id) > 80 || strings.ContainsAny(id, "/@?=<>{}%\"\n"):
		return false
	case c.Kind != "string":
		return c.Type != "" && strings.Contains(c.Type, ".")
	case slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}, id):
		return false
	case headers[strings.ToLower(id)]:
		return false
	}
	return strings.ContainsFunc(id, unicode.IsLetter)
}

// headers are request headers that middleware is commonly given.
var headers = map[string]bool{
	"accept": true, "accept-encoding": true, "authorization": true, "cookie": true, "content-type": true, "content-length": true,
	"host": true, "origin": true, "referer": true, "user-agent": true, "x-api-key": true, "x-csrf-token": true,
	"x-forwarded-for": true, "x-real-ip": true, "x-request-id": true, "x-requested-with": true,
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
			if _, ignored := p.SettingsOf(r).Ignored(r); ignored {
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
		pr := p.SettingsOf(r).At(r, guards.RuleUndeclared)
		pr.Message = fmt.Sprintf("%s %s has no guard, though its %d siblings have %s", r.Method, r.Path, siblings, name)
		out = append(out, pr)
	}
	return out
}
