package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/suites"
)

// ParseKeySpec reads what a key is to be, as scripts write it: a grant as [ParseGrant] has it,
// then sharing OBJECT=OPTION, list LIST=A,B and expires DURATION, each as often as needed. Words
// of a grant may be apart.
func ParseKeySpec(words []string, c *catalogs.Catalog) (KeySpec, error) {
	var spec KeySpec
	var grant []string
	for len(words) > 0 && !slices.Contains([]string{"sharing", "list", "expires"}, words[0]) {
		grant, words = append(grant, words[0]), words[1:]
	}
	var err error
	if spec.Grants, err = ParseGrant(strings.Join(grant, " "), c); err != nil {
		return spec, fmt.Errorf("expected a grant, that is all, none, or permissions joined by &: %w", err)
	}
	for len(words) > 1 {
		what, text := words[0], words[1]
		words = words[2:]
		name, value, ok := strings.Cut(text, "=")
		if what != "expires" && !ok {
			return spec, fmt.Errorf("%s %s: expected NAME=VALUE", what, text)
		}
		switch what {
		case "expires":
			d, err := time.ParseDuration(text)
			if err != nil || d < 0 {
				return spec, fmt.Errorf("expires %s: expected a duration such as 2s", text)
			}
			spec.Expires = time.Now().Add(d)
		case "sharing":
			i := slices.IndexFunc(c.Records, func(r catalogs.Record) bool { return r.Object == name })
			if i < 0 || !slices.ContainsFunc(c.Records[i].Sharing, func(o catalogs.Option) bool { return o.Name == value }) {
				return spec, fmt.Errorf("the catalog has no sharing option %s of %s", value, name)
			}
			if spec.Sharing == nil {
				spec.Sharing = map[string]string{}
			}
			spec.Sharing[name] = value
		case "list":
			if !slices.ContainsFunc(c.AllowLists, func(l catalogs.AllowList) bool { return l.Name == name }) {
				return spec, fmt.Errorf("the catalog has no allow list %s", name)
			}
			if spec.Lists == nil {
				spec.Lists = map[string][]string{}
			}
			spec.Lists[name] = nil
			if value != "" { // a list may be empty
				spec.Lists[name] = strings.Split(value, ",")
			}
		default:
			return spec, fmt.Errorf("%s: expected sharing OBJECT=OPTION, list LIST=A,B or expires DURATION", what)
		}
	}
	if len(words) > 0 {
		return spec, fmt.Errorf("%s: says nothing", words[0])
	}
	return spec, nil
}

// KeyActions are the actions that a script does to a key of its own, by its commands.
func KeyActions(commands []suites.Command, key string) []Action {
	var out []Action
	for _, c := range commands {
		switch {
		case len(c.Args) == 0 || c.Args[0] != key:
		case c.Name == "do" && len(c.Args) > 1:
			out = append(out, Action(c.Args[1]))
		case slices.Contains(keyCommands, c.Name):
			out = append(out, Action(c.Name))
		}
	}
	return out
}

// keyCommands are the commands of scripts that change the key which they name first.
var keyCommands = []string{"regrant", "disable", "enable", "revoke", "delete", "rotate", "do"}

// like is the key of a plan that a spec asks for. A sharing option that hides nothing narrows
// nothing.
func (s *KeySpec) like(c *catalogs.Catalog) Key {
	k := Key{Grants: s.Grants, Lists: s.Lists, Sharing: map[string]string{}}
	for object, option := range s.Sharing {
		for i := range c.Records {
			if r := &c.Records[i]; r.Object == object && slices.ContainsFunc(r.Sharing, func(o catalogs.Option) bool { return o.Name == option && len(o.Conditions) > 0 }) {
				k.Sharing[object] = option
			}
		}
	}
	return k
}

// holds says in a few words what a key of the spec holds.
func (s *KeySpec) holds(p *Plan) string {
	k := s.like(p.catalog)
	text := GrantName(s.Grants, p.Universe)
	if n := k.narrowing(); n != "" {
		text += " " + n
	}
	return text
}

// find returns the key of the plan with just the properties; -1: there is none.
func (p *Plan) find(like *Key) int {
	return slices.IndexFunc(p.Keys, func(k Key) bool {
		return k.Kind == ValidKey && k.Grants.Equal(like.Grants) && k.narrowing() == like.narrowing()
	})
}
