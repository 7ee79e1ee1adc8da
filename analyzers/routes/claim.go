package routes

import (
	"slices"
	"strings"
)

// A Claim is what the description of a route says that it demands: nothing in it
// enforces anything. One of Alternatives must be held, all permissions of it.
type Claim struct {
	Source       string // "its metadata", "@Security of its handler"
	Basis        string
	Alternatives [][]Const
}

// securityClaim reads lines of swaggo's @Security. Each is an alternative: schemes
// joined by &&, with scopes in brackets.
func securityClaim(lines []string) (Claim, bool) {
	c := Claim{Source: "@Security of its handler", Basis: Comment}
	for _, line := range lines {
		var all []Const
		for _, scheme := range strings.Split(line, "&&") {
			_, scopes, ok := strings.Cut(scheme, "[")
			scopes, _, closed := strings.Cut(scopes, "]")
			if !ok || !closed {
				continue
			}
			for _, s := range strings.Split(scopes, ",") {
				if s = strings.TrimSpace(s); s != "" {
					all = append(all, Const{Value: s, Kind: "string"})
				}
			}
		}
		if len(all) == 0 {
			return Claim{}, false // a scheme alone names no permission
		}
		c.Alternatives = append(c.Alternatives, all)
	}
	return c, len(c.Alternatives) > 0
}

// metadataClaim reads a value that describes a route: a text or a list of texts, of
// which all are demanded, or the security of an OpenAPI operation, a list of maps
// from schemes to scopes. What is not constant claims nothing.
func (d *describer) metadataClaim(v value) (Claim, bool) {
	c := Claim{Source: "its metadata", Basis: Table}
	flat := func(v value) []Const {
		var g GuardArg
		d.consts(v, &g, nil)
		if g.Why != "" {
			return nil
		}
		return slices.DeleteFunc(g.Consts, func(k Const) bool { return k.Kind == "bool" })
	}
	if l, ok := v.(list); ok && len(l.elems) > 0 {
		if _, isMap := l.elems[0].v.(*mapVal); isMap {
			for _, el := range l.elems {
				var all []Const
				if m, ok := el.v.(*mapVal); ok && !el.maybe {
					for _, scopes := range m.vals {
						all = append(all, flat(scopes)...)
					}
				}
				if len(all) == 0 {
					return Claim{}, false
				}
				c.Alternatives = append(c.Alternatives, all)
			}
			return c, true
		}
	}
	all := flat(v)
	c.Alternatives = [][]Const{all}
	return c, len(all) > 0
}
