package grants

import (
	"fmt"
	"slices"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Opens is what one permission opens.
type Opens struct {
	Permission *catalogs.Permission
	Implies    perm.Set // what a holder also holds
	ImpliedBy  perm.Set // whose holders hold it too
	Alone      []*catalogs.Endpoint
	// Together are the rows that it opens only with other permissions.
	Together []Together
	Fields   []*catalogs.Field
	// Records are the rules by which it reveals rows of an object.
	Records []Revealed
	// Shared are objects on its rows whose records are chosen for each key.
	Shared []*catalogs.Record
}

// Together is a row that needs other permissions as well.
type Together struct {
	Endpoint *catalogs.Endpoint
	With     []perm.Set // each of them suffices
}

// Revealed is a rule by which a permission reveals rows of an object.
type Revealed struct {
	Object     string
	Conditions []catalogs.Condition
}

// Explain says what a permission of the catalog, or an alias of one, opens.
func Explain(c *catalogs.Catalog, p perm.Permission) (*Opens, error) {
	id, ok := c.Canonical(p)
	if !ok {
		var all []string
		for _, id := range c.Universe() {
			all = append(all, string(id))
		}
		return nil, fmt.Errorf("catalog %s has no permission %s%s", c.Name, excerpt(string(p)), near(string(p), all))
	}
	o := &Opens{}
	implied := c.Implications()
	for i := range c.Permissions {
		q := &c.Permissions[i]
		switch {
		case q.ID == id:
			o.Permission = q
		case implied.Close(perm.NewSet(q.ID)).Has(id):
			o.ImpliedBy = append(o.ImpliedBy, q.ID)
		}
	}
	o.ImpliedBy = perm.NewSet(o.ImpliedBy...)
	held := implied.Close(perm.NewSet(id))
	o.Implies = held.Minus(perm.NewSet(id))
	objects := map[string]bool{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.Requires == nil || e.Requires.IsPublic() || e.Requires.IsAuthenticated() {
			continue
		}
		need, _ := c.CanonicalRequirement(*e.Requires)
		alone := need.Admits(held)
		if alone {
			o.Alone = append(o.Alone, e)
		} else if with := others(need, held); len(with) > 0 {
			o.Together = append(o.Together, Together{e, with})
		} else {
			continue
		}
		objects[e.Lists], objects[e.Gets] = true, true
	}
	o.Fields, o.Records = fieldsShown(c, held), revealed(c, held)
	for i := range c.Records {
		if r := &c.Records[i]; len(r.Sharing) > 0 && r.Object != "" && objects[r.Object] {
			o.Shared = append(o.Shared, r)
		}
	}
	return o, nil
}

// fieldsShown returns the guarded fields that a closed grant shows.
func fieldsShown(c *catalogs.Catalog, held perm.Set) []*catalogs.Field {
	var out []*catalogs.Field
	for i := range c.Fields {
		if f := &c.Fields[i]; f.Requires != nil && !f.Requires.IsPublic() {
			if need, _ := c.CanonicalRequirement(*f.Requires); need.Admits(held) {
				out = append(out, f)
			}
		}
	}
	return out
}

// revealed returns the rules by which a closed grant reveals rows of objects.
func revealed(c *catalogs.Catalog, held perm.Set) []Revealed {
	var out []Revealed
	for i := range c.Records {
		for _, option := range c.Records[i].Grants {
			if id, _ := c.Canonical(perm.Permission(option.Name)); held.Has(id) {
				out = append(out, Revealed{c.Records[i].Object, option.Conditions})
			}
		}
	}
	return out
}

// near suggests the nearest of the texts that there are.
func near(text string, all []string) string {
	if n := strictyaml.Nearest(text, all); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}

// others returns, for every clause that needs something of held, what else it needs.
func others(need perm.Requirement, held perm.Set) []perm.Set {
	var out []perm.Set
	for _, cl := range need.Clauses() {
		if rest := cl.Minus(held); len(rest) < len(cl) && !slices.ContainsFunc(out, rest.Equal) {
			out = append(out, rest)
		}
	}
	return out
}

// Held says how a grant compares with what is needed.
type Held struct {
	Missing perm.Set // what the smallest grant nearest to it has and it has not
	// Surplus are held permissions that no call needs, each with the rows that it alone
	// adds and the fields that it shows.
	Surplus  []Grant
	Stronger []Stronger
}

// Stronger is a held permission that stands in for weaker ones.
type Stronger struct {
	Held    perm.Permission
	Instead perm.Set             // what would do
	Beyond  []*catalogs.Endpoint // rows that Held opens and Instead does not
}

// Compare says what a key that holds the grant lacks, and what it holds beyond the
// need.
func (n *Need) Compare(held perm.Set) *Held {
	implied := n.Catalog.Implications()
	closed := implied.Close(held)
	out := &Held{}
	if len(n.Smallest) == 0 {
		return out
	}
	// The alternative that lacks least, then the one that leaves least over.
	best := slices.MinFunc(n.Smallest, func(a, b Grant) int {
		if d := len(a.Permissions.Minus(closed)) - len(b.Permissions.Minus(closed)); d != 0 {
			return d
		}
		return len(held.Minus(a.Permissions)) - len(held.Minus(b.Permissions))
	})
	out.Missing = best.Permissions.Minus(closed)
	for _, p := range held.Minus(best.Permissions) {
		stands := perm.Set{}
		for _, w := range best.Permissions.Minus(held) {
			if implied.Close(perm.NewSet(p)).Has(w) {
				stands = append(stands, w)
			}
		}
		if stands = perm.NewSet(stands...); len(stands) > 0 {
			out.Stronger = append(out.Stronger, Stronger{p, stands, n.added(perm.NewSet(p), stands)})
			continue
		}
		only := perm.NewSet(p)
		out.Surplus = append(out.Surplus, Grant{Permissions: only, Beyond: n.added(held, held.Minus(only)),
			Fields: fieldsShown(n.Catalog, only), Reveals: revealed(n.Catalog, only)})
	}
	return out
}

// added returns the rows that more opens, less does not, and nobody calls.
func (n *Need) added(more, less perm.Set) []*catalogs.Endpoint {
	open := map[*catalogs.Endpoint]bool{}
	for _, e := range Opened(n.Catalog, less) {
		open[e] = true
	}
	for _, r := range n.Rows {
		open[r.Endpoint] = true
	}
	return slices.DeleteFunc(Opened(n.Catalog, more), func(e *catalogs.Endpoint) bool { return open[e] })
}
