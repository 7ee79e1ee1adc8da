package drift

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Grant is a key or a role, told of each change whether it gains or loses by it.
//
// Between two documents a permission of the grant stands for every scope of that name,
// for the permission of an extension, and for the scheme or the scope of a scheme that is
// written so ("key", "oauth[read]"). The key is taken to be of the schemes whose scopes it
// holds; one without any scope is taken for a valid credential of every scheme.
type Grant struct {
	Name  string
	Holds perm.Set
	// All says that it holds every permission that either side names, but for Except.
	All    bool
	Except perm.Set
	Pos    catalogs.Pos
}

// Admission says whether one side lets a grant call an endpoint.
type Admission uint8

// The answers.
const (
	NoEndpoint Admission = iota // the side has no such endpoint
	Refused
	Admitted
	Unclear // the requirement is unknown, or could not be read
)

// Access is what each grant may do with one endpoint, changed or not.
type Access struct {
	Method, Path string      // as in a Change
	From, To     *string     // the requirements
	Old, New     []Admission // of each of Options.Grants
}

// holdings returns what each grant holds in the words of both sides, each side's
// implications applied. words returns the shared words for a permission as people write
// it, and whether it is known; universe lists all that are in use.
func (c *comparison) holdings(universe perm.Set, words func(perm.Permission) (perm.Set, bool), credential perm.Set) {
	for _, g := range c.opts.Grants {
		var held perm.Set
		if g.All {
			held = universe.Union(credential)
			for _, p := range g.Except {
				ws, _ := words(p)
				held = held.Minus(ws)
			}
		}
		for _, p := range append(append(perm.Set{}, g.Holds...), g.Except...) {
			ws, known := words(p)
			if !known {
				c.result.Summary.Problems = append(c.result.Summary.Problems, Problem{g.Pos.String(),
					fmt.Sprintf("%s holds %s, which neither side names", g.Name, perm.Quote(p))})
			}
			if g.Holds.Has(p) {
				held = held.Union(ws)
			}
		}
		if !held.Intersects(credential) {
			held = held.Union(credential)
		}
		c.oldHolds = append(c.oldHolds, c.oldImplies.Close(held))
		c.newHolds = append(c.newHolds, c.newImplies.Close(held))
	}
}

// catalogHoldings is holdings in the words of catalogs.
func (c *comparison) catalogHoldings(oldName, newName func(perm.Permission) perm.Permission, vocabularies ...*catalogs.Catalog) {
	var all []perm.Permission
	for i, v := range vocabularies {
		name := []func(perm.Permission) perm.Permission{oldName, newName}[i]
		for j := range v.Permissions {
			all = append(all, name(v.Permissions[j].ID))
		}
	}
	for _, rows := range [][]*row{c.old, c.new} {
		for _, r := range rows {
			all = append(all, r.req.Permissions()...)
		}
	}
	universe := perm.NewSet(all...)
	c.holdings(universe, func(p perm.Permission) (perm.Set, bool) {
		var out []perm.Permission
		for _, w := range []perm.Permission{oldName(p), newName(p)} {
			if universe.Has(w) {
				out = append(out, w)
			}
		}
		return perm.NewSet(out...), len(out) > 0
	}, nil)
}

// admission tells whether a row admits what a grant holds.
func admission(r *row, held perm.Set) Admission {
	switch {
	case r == nil:
		return NoEndpoint
	case r.unreadable != nil, r.unstated, r.undeclared, r.req.IsUnknown():
		return Unclear
	case r.anonymous, r.req.Admits(held):
		return Admitted
	}
	return Refused
}

// access works out who gains and who loses by a change from o to n, either of which may
// be nil, and keeps it for the table of all endpoints.
func (c *comparison) access(ch *Change, o, n *row) {
	a := Access{Method: ch.Method, Path: ch.Path}
	if o != nil {
		a.From = o.text()
	}
	if n != nil {
		a.To = n.text()
	}
	if a.Old, a.New = c.told(ch, o, n); a.New != nil {
		c.result.Access = append(c.result.Access, a)
	}
}

// told works out who gains and who loses, and returns what each grant could and can do.
func (c *comparison) told(ch *Change, o, n *row) (was, is []Admission) {
	for _, r := range []*row{o, n} {
		if r != nil && r.kind != openapi.Endpoint {
			return nil, nil
		}
	}
	for i, g := range c.opts.Grants {
		was, is = append(was, admission(o, c.oldHolds[i])), append(is, admission(n, c.newHolds[i]))
		ch.tell(g.Name, was[i], is[i])
	}
	return was, is
}

// tell notes what a grant gains or loses. What is unclear on either side is neither.
func (ch *Change) tell(name string, was, is Admission) {
	switch {
	case is == Admitted && (was == Refused || was == NoEndpoint):
		ch.Gains = append(ch.Gains, name)
	case was == Admitted && (is == Refused || is == NoEndpoint):
		ch.Loses = append(ch.Loses, name)
	}
}

// fieldAccess is access for the demands of a field, as far as permissions decide them:
// what is on an allow list is chosen for each key.
func (c *comparison) fieldAccess(ch *Change, o, n perm.Requirement) {
	if !strings.HasPrefix(ch.Path, "field:") {
		return
	}
	for _, r := range []perm.Requirement{o, n} {
		for _, p := range r.Permissions() {
			if strings.HasPrefix(string(p), "listed:") {
				return
			}
		}
	}
	for i, g := range c.opts.Grants {
		ch.tell(g.Name, admission(&row{req: o}, c.oldHolds[i]), admission(&row{req: n}, c.newHolds[i]))
	}
}
