package catalogs

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// written returns the catalog without the rows that same-as adds.
func (c *Catalog) written() *Catalog {
	w := *c
	w.Endpoints = slices.DeleteFunc(slices.Clone(c.Endpoints), func(e Endpoint) bool { return e.SameAs != "" })
	return &w
}

// Universe returns the ids of all permissions of the catalog.
func (c *Catalog) Universe() perm.Set {
	ids := make([]perm.Permission, len(c.Permissions))
	for i := range c.Permissions {
		ids[i] = c.Permissions[i].ID
	}
	return perm.NewSet(ids...)
}

// Canonical returns the catalog's id for a permission that may be written as an
// alias, and whether the catalog has it at all.
func (c *Catalog) Canonical(p perm.Permission) (perm.Permission, bool) {
	for i := range c.Permissions {
		if c.Permissions[i].ID == p {
			return p, true
		}
	}
	for i := range c.Permissions {
		for _, a := range c.Permissions[i].Aliases {
			if a == p {
				return c.Permissions[i].ID, true
			}
		}
	}
	return p, false
}

// CanonicalRequirement replaces aliases in r by the catalog's ids. It also returns
// the permissions that the catalog does not have, which stay as they are.
func (c *Catalog) CanonicalRequirement(r perm.Requirement) (perm.Requirement, perm.Set) {
	var strange []perm.Permission
	changed := false
	clauses := make([]perm.Set, 0, len(r.Clauses()))
	for _, cl := range r.Clauses() {
		ids := make([]perm.Permission, len(cl))
		for i, p := range cl {
			id, ok := c.Canonical(p)
			if !ok {
				strange = append(strange, p)
			}
			changed = changed || id != p
			ids[i] = id
		}
		clauses = append(clauses, perm.NewSet(ids...))
	}
	if changed {
		r = perm.FromClauses(clauses...)
	}
	return r, perm.NewSet(strange...)
}

// Implications returns what each permission of the catalog implies, with the
// patterns of Implies matched against the catalog's ids.
func (c *Catalog) Implications() *perm.Implications {
	direct := map[perm.Permission]perm.Set{}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		var implied []perm.Permission
		for _, pattern := range p.Implies {
			for j := range c.Permissions {
				if id := c.Permissions[j].ID; matchGlob(pattern, string(id)) {
					implied = append(implied, id)
				}
			}
		}
		if len(implied) > 0 {
			direct[p.ID] = perm.NewSet(implied...)
		}
	}
	if len(direct) == 0 {
		return nil
	}
	return perm.NewImplications(direct)
}

// matchGlob reports whether s is of the pattern, in which * stands for any text.
func matchGlob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, mid := range parts[1 : len(parts)-1] {
		i := strings.Index(s, mid)
		if i < 0 {
			return false
		}
		s = s[i+len(mid):]
	}
	return true
}

// Endpoint returns the row with the given method and path; parameter names do not
// matter.
func (c *Catalog) Endpoint(method, path string) (*Endpoint, bool) {
	key := EndpointKey(method, path)
	for i := range c.Endpoints {
		if e := &c.Endpoints[i]; EndpointKey(e.Method, e.Path) == key {
			return e, true
		}
	}
	return nil, false
}

// PartOf reports whether the record rules say that an object is a part of another one, directly or
// by way of others; each is a part of itself.
func (c *Catalog) PartOf(object, whole string) bool {
	for range len(c.Records) + 1 {
		if object == whole {
			return true
		}
		i := slices.IndexFunc(c.Records, func(r Record) bool { return r.Object == object })
		if i < 0 || c.Records[i].PartOf == "" {
			return false
		}
		object = c.Records[i].PartOf
	}
	return false // round and round
}
