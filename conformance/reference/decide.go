package reference

import (
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// openTo is the kind of a compiled requirement.
type openTo uint8

const (
	openToHolders openTo = iota // keys that hold all of one alternative
	openToKeys                  // every valid key
	openToAll                   // anonymous requests too
	openToNone                  // nobody; also what the catalog calls unknown
)

// A need is what a route demands, taken from the catalog as data.
type need struct {
	open         openTo
	alternatives [][]perm.Permission
}

func (v *vocabulary) need(r *perm.Requirement) need {
	switch {
	case r == nil || r.IsUnknown() || r.IsNobody():
		return need{open: openToNone}
	case r.IsPublic():
		return need{open: openToAll}
	case r.IsAuthenticated():
		return need{open: openToKeys}
	}
	n := need{}
	for _, clause := range r.Clauses() {
		var all []perm.Permission
		for _, p := range clause {
			all = append(all, v.id(p))
		}
		n.alternatives = append(n.alternatives, all)
	}
	return n
}

// A vocabulary is the catalog's permissions.
type vocabulary struct {
	ids     []perm.Permission
	known   map[perm.Permission]perm.Permission // id or alias -> id
	implies map[perm.Permission][]perm.Permission
}

func newVocabulary(c *catalogs.Catalog) *vocabulary {
	v := &vocabulary{known: map[perm.Permission]perm.Permission{}, implies: map[perm.Permission][]perm.Permission{}}
	for _, p := range c.Permissions {
		v.ids = append(v.ids, p.ID)
		v.known[p.ID] = p.ID
	}
	for _, p := range c.Permissions {
		for _, alias := range p.Aliases {
			if _, taken := v.known[alias]; !taken {
				v.known[alias] = p.ID
			}
		}
		for _, glob := range p.Implies {
			for _, id := range v.ids {
				if globMatches(glob, string(id)) {
					v.implies[p.ID] = append(v.implies[p.ID], id)
				}
			}
		}
	}
	return v
}

// id returns the catalog's id of a permission that may be written as an alias.
func (v *vocabulary) id(p perm.Permission) perm.Permission {
	if id, ok := v.known[p]; ok {
		return id
	}
	return p
}

// globMatches reports whether text is of the pattern, in which * is any text.
func globMatches(pattern, text string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, head) {
		return false
	}
	for rest := text[len(head):]; ; rest = rest[1:] {
		if globMatches(tail, rest) {
			return true
		}
		if rest == "" {
			return false
		}
	}
}

// holdings is what a grant amounts to: its permissions and all that they imply.
type holdings map[perm.Permission]bool

func (v *vocabulary) holdings(grant []perm.Permission) holdings {
	h := holdings{}
	var hold func(perm.Permission)
	hold = func(p perm.Permission) {
		if h[p] {
			return
		}
		h[p] = true
		for _, q := range v.implies[p] {
			hold(q)
		}
	}
	for _, p := range grant {
		hold(v.id(p))
	}
	return h
}

// admits is the server's decision about a valid key, faults aside.
func (n need) admits(h holdings) bool {
	switch n.open {
	case openToAll, openToKeys:
		return true
	case openToNone:
		return false
	}
	for _, all := range n.alternatives {
		missing := false
		for _, p := range all {
			missing = missing || !h[p]
		}
		if !missing {
			return true
		}
	}
	return false
}
