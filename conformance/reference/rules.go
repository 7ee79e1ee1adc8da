package reference

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// selfValue stands in a condition for the calling key's own id.
const selfValue = "$self"

// rules are what the catalog says about the objects of one collection besides the
// endpoints' requirements.
type rules struct {
	sharing []catalogs.Option
	reveals []reveal
	hidden  int // status for a row that a key does not see; 0: as an absent one
	fields  map[string]fieldRule
	nested  map[string][]string // first name -> the rest of fields inside it
	star    *fieldRule          // of fields without a rule of their own
	lists   []*catalogs.AllowList
}

// A reveal says which rows a permission shows.
type reveal struct {
	permission perm.Permission
	conditions []catalogs.Condition
}

type fieldRule struct {
	need   need
	listed string // allow list that must name the field; empty: none
}

func (v *vocabulary) rules(c *catalogs.Catalog, object string) rules {
	var r rules
	for _, rec := range c.Records {
		if rec.Object != object {
			continue
		}
		r.sharing, r.hidden = rec.Sharing, rec.Hidden
		for _, g := range rec.Grants {
			r.reveals = append(r.reveals, reveal{v.id(perm.Permission(g.Name)), g.Conditions})
		}
	}
	for _, f := range c.Fields {
		if f.Object != object {
			continue
		}
		rule := fieldRule{need: need{open: openToAll}, listed: f.NeedsListed}
		if f.Requires != nil {
			rule.need = v.need(f.Requires)
		}
		if f.Name == "*" {
			r.star = &rule
			continue
		}
		if r.fields == nil {
			r.fields, r.nested = map[string]fieldRule{}, map[string][]string{}
		}
		r.fields[f.Name] = rule
		if head, rest, ok := strings.Cut(f.Name, "."); ok {
			r.nested[head] = append(r.nested[head], rest)
		}
	}
	for i := range c.AllowLists {
		if c.AllowLists[i].Of == object {
			r.lists = append(r.lists, &c.AllowLists[i])
		}
	}
	return r
}

// scoped reports whether the catalog limits which rows keys see.
func (r *rules) scoped() bool { return len(r.sharing) > 0 || len(r.reveals) > 0 }

// guarded reports whether the catalog limits which fields keys see.
func (r *rules) guarded() bool { return len(r.fields) > 0 || r.star != nil }

// judges reports whether a record rule looks at the attribute.
func (r *rules) judges(attribute string) bool {
	looks := func(conds []catalogs.Condition) bool {
		return slices.ContainsFunc(conds, func(c catalogs.Condition) bool { return c.Attribute == attribute })
	}
	return slices.ContainsFunc(r.sharing, func(o catalogs.Option) bool { return looks(o.Conditions) }) ||
		slices.ContainsFunc(r.reveals, func(g reveal) bool { return looks(g.conditions) })
}

// ours returns the attributes that the server sets itself: those compared with $self.
func (r *rules) ours() []string {
	var names []string
	for _, g := range r.reveals {
		for _, c := range g.conditions {
			if c.Value == selfValue && !slices.Contains(names, c.Attribute) {
				names = append(names, c.Attribute)
			}
		}
	}
	return names
}

func (k *key) meets(o object, conds []catalogs.Condition) bool {
	for _, c := range conds {
		if c.Open() {
			continue // it is for the vendor's manners to say
		}
		want := c.Value
		if want == selfValue {
			want = k.id
		}
		if (o.text(c.Attribute) == want) == c.Not {
			return false
		}
	}
	return true
}

// shares reports whether the sharing option of a key shows the row. A key without one has
// the option that shows every row; where there is none, and for a request without a
// key, a row must be shown by every option.
func (r *rules) shares(k *key, o object, object string) bool {
	if len(r.sharing) == 0 {
		return true
	}
	if option := k.sharing[object]; option != "" {
		return slices.ContainsFunc(r.sharing, func(s catalogs.Option) bool { return s.Name == option && k.meets(o, s.Conditions) })
	}
	if k != nobody && slices.ContainsFunc(r.sharing, func(s catalogs.Option) bool { return len(s.Conditions) == 0 }) {
		return true
	}
	return !slices.ContainsFunc(r.sharing, func(s catalogs.Option) bool { return !k.meets(o, s.Conditions) })
}

// reveals reports whether what the key holds shows the row.
func (r *rules) revealed(k *key, o object) bool {
	if len(r.reveals) == 0 {
		return true
	}
	return slices.ContainsFunc(r.reveals, func(g reveal) bool { return k.holds[g.permission] && k.meets(o, g.conditions) })
}

// sees reports whether a key sees a row: its sharing option and its permissions show it,
// and it sees what the row is a part of. The store is locked.
func (s *Server) sees(k *key, c *collection, o object) bool {
	return s.seesWith(k, c, o, true)
}

// seesWith is sees; without revealed it looks at sharing alone.
func (s *Server) seesWith(k *key, c *collection, o object, revealed bool) bool {
	if c.rules.scoped() && (!c.rules.shares(k, o, c.name) || revealed && !c.rules.revealed(k, o)) {
		return false
	}
	for _, r := range c.refs {
		if !r.owner {
			continue
		}
		if id := o.text(r.attribute); id != "" {
			if owner, ok := r.to.objects[id]; ok && !s.seesWith(k, r.to, owner, revealed) {
				return false
			}
		}
	}
	return true
}

// reads reports whether the key is admitted to some row that shows objects of the
// collection; where no row does, every key is taken to be.
func (s *Server) reads(k *key, c *collection) bool {
	return len(c.readers) == 0 || slices.ContainsFunc(c.readers, func(rt *route) bool { return rt.need.admits(k.holds) })
}

// readable reports whether a key sees a field of a collection's objects; ignores are the
// allow lists that do not count on the route.
func (s *Server) readable(k *key, c *collection, field string, ignores []string) bool {
	if field == "id" {
		return true
	}
	head, _, inside := strings.Cut(field, ".")
	rule, ok := c.rules.fields[field]
	if !ok && inside {
		rule, ok = c.rules.fields[head]
	}
	if !ok {
		if c.rules.star == nil {
			return true
		}
		rule = *c.rules.star
	}
	if rule.need.open != openToAll && !rule.need.admits(k.holds) {
		return false
	}
	return rule.listed == "" || slices.Contains(ignores, rule.listed) || s.listed(k, rule.listed, head)
}

// listed reports whether an attribute is on the key's allow list. A key that was made
// without the list is not limited by it.
func (s *Server) listed(k *key, list, attribute string) bool {
	names, chosen := k.lists[list]
	if !chosen && k != nobody || slices.Contains(names, attribute) {
		return true
	}
	return slices.ContainsFunc(s.catalog.AllowLists, func(l catalogs.AllowList) bool {
		return l.Name == list && slices.Contains(l.Always, attribute)
	})
}

// unlisted reports whether a field that is not shown is written as null.
func (s *Server) unlisted(c *collection, field string) bool {
	rule, ok := c.rules.fields[field]
	if !ok && c.rules.star != nil {
		rule = *c.rules.star
	}
	return rule.listed != "" && slices.ContainsFunc(c.rules.lists, func(l *catalogs.AllowList) bool {
		return l.Name == rule.listed && l.Unlisted == "null"
	})
}
