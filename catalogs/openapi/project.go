package openapi

import (
	"fmt"
	"maps"
	"slices"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Projection is a document put into the words of a catalog: permissions, and not
// the credentials that carry them.
type Projection struct {
	// Catalog has one endpoint for each operation, in the document's order, Path
	// with the server's base path in front; webhooks and callbacks are left out.
	// Requires is nil where the document declares nothing at all.
	Catalog *catalogs.Catalog
	// Operations are the operations that the endpoints stand for.
	Operations []*Operation
	// Unstated tells which operations demand a credential but name no permission,
	// by index.
	Unstated []bool
	// AlsoAdmits counts, for each scheme that carries no permissions, the
	// operations that have an alternative with it beside one that names permissions.
	AlsoAdmits map[string]int
	// Scheme is the one whose scopes are permissions; empty: none.
	Scheme string
	// Scoped are the schemes that operations give scopes or roles, sorted. Where Scheme is not
	// named, and they are several, none of them is taken.
	Scoped []string
	// Speaks says that some operation names a permission. A document in which none does, and
	// some demand a credential, cannot be held against a catalog.
	Speaks bool
	// Undefined says that permissions were read from scopes of Scheme, which nothing defines, or
	// whose definition cannot be reached.
	Undefined bool
}

// Silent reports whether the document leaves open what its operations demand, all of them.
func (p *Projection) Silent() bool { return !p.Speaks && slices.Contains(p.Unstated, true) }

// A Contradiction is an operation whose scopes and whose permission extension differ.
type Contradiction struct {
	Operation         *Operation
	Scopes, Extension perm.Requirement
}

// Contradictions lists the operations that name permissions in both ways, and not the same.
// Whether the scopes of an alternative are all needed or any of them, documents mean
// differently; what agrees in either reading is no contradiction.
func (d *Document) Contradictions(scheme string) []Contradiction {
	if scheme == "" {
		scheme = d.permissionScheme()
	}
	var out []Contradiction
	for i := range d.Operations {
		o := d.Operations[i]
		if o.Kind != Endpoint || o.Permission == nil || o.Unreadable != nil || o.Anonymous() {
			continue
		}
		said := *o.Permission
		o.Permission = nil
		all, unstated, err := d.permissions(&o, scheme, Scopes{}, map[string]int{})
		if err != nil || unstated || all == nil || len(all.Permissions()) == 0 || perm.Compare(*all, said) == perm.Same {
			continue
		}
		if either, _, err := d.permissions(&o, scheme, Scopes{Any: true}, map[string]int{}); err == nil && perm.Compare(*either, said) != perm.Same {
			out = append(out, Contradiction{&d.Operations[i], *all, said})
		}
	}
	return out
}

// permissionScheme returns the scheme whose scopes are permissions: the only one that
// operations give scopes or roles, else the only one that is made for them.
func (d *Document) permissionScheme() string {
	names := d.scoped()
	if len(names) == 0 {
		for name, s := range d.Schemes {
			if s.HasScopes() {
				names = append(names, name)
			}
		}
	}
	if len(names) != 1 {
		return ""
	}
	return names[0]
}

// scoped lists the schemes that operations give scopes or roles, sorted.
func (d *Document) scoped() []string {
	used := map[string]bool{}
	for i := range d.Operations {
		if d.Operations[i].Kind != Endpoint {
			continue
		}
		for _, alt := range d.Operations[i].Security {
			for _, u := range alt {
				if len(u.Scopes) > 0 {
					used[u.Scheme] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(used))
}

// Project puts the document into permissions. An operation's permissions are those
// of its extension, else the scopes of the named scheme. Without a name that is the
// only scheme that operations give scopes, or roles as OpenAPI 3.1 allows for every
// type; where there are several, none.
// Alternatives without the scheme are dropped and counted. An operation that
// anybody may call is public, whatever its extension says; only in a document that
// names no permission anywhere, so says nothing that a catalog could be held
// against, an operation without any security key is unstated like the others.
func (d *Document) Project(scheme string, scopes Scopes) (*Projection, error) {
	if scheme == "" {
		scheme = d.permissionScheme()
	} else if d.Schemes[scheme] == nil {
		names := make([]string, 0, len(d.Schemes))
		for name := range d.Schemes {
			names = append(names, name)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("%s defines no security scheme %q; it has %q", d.File, scheme, names)
	}
	p := &Projection{Catalog: &catalogs.Catalog{File: d.File}, AlsoAdmits: map[string]int{}, Scheme: scheme, Scoped: d.scoped()}
	speaks := false // some operation names a permission
	for i := range d.Operations {
		o := &d.Operations[i]
		if o.Kind != Endpoint {
			continue
		}
		e := catalogs.Endpoint{Method: o.Method, Path: o.Base + o.Path, Pos: o.Pos}
		r, unstated, err := d.permissions(o, scheme, scopes, p.AlsoAdmits)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", o.Pos, o, err)
		}
		e.Requires = r
		p.Catalog.Endpoints = append(p.Catalog.Endpoints, e)
		p.Operations = append(p.Operations, o)
		p.Unstated = append(p.Unstated, unstated)
		named := r != nil && len(r.Permissions()) > 0
		speaks = speaks || named
		p.Undefined = p.Undefined || named && o.Permission == nil && d.Schemes[scheme] == nil
	}
	p.Speaks = speaks
	for i, o := range p.Operations {
		if !speaks && !o.Stated && o.Unreadable == nil {
			p.Unstated[i] = true
		}
	}
	return p, nil
}

// permissions returns the permissions that an operation demands, and whether the
// document leaves them unstated.
func (d *Document) permissions(o *Operation, scheme string, scopes Scopes, also map[string]int) (*perm.Requirement, bool, error) {
	public, authenticated, unknown := perm.Public(), perm.Authenticated(), perm.Unknown()
	if o.Unreadable != nil {
		return &unknown, false, nil
	}
	if o.Anonymous() {
		switch {
		case o.Stated || len(d.Schemes) > 0:
			return &public, false, nil
		case o.Permission != nil && !o.Permission.IsPublic():
			return o.Permission, false, nil
		}
		return nil, true, nil
	}
	if o.Permission != nil {
		if o.Permission.IsPublic() {
			return &authenticated, true, nil
		}
		return o.Permission, false, nil
	}
	var clauses []perm.Set
	named := false
	var others []string
	for _, alt := range o.Security {
		i := slices.IndexFunc(alt, func(u Use) bool { return u.Scheme == scheme })
		if i < 0 {
			for _, u := range alt {
				others = append(others, u.Scheme)
			}
			continue
		}
		named = true
		ps := make([]perm.Permission, len(alt[i].Scopes))
		for j, s := range alt[i].Scopes {
			ps[j] = perm.Permission(s)
		}
		if !scopes.any(scheme) || len(ps) == 0 {
			clauses = append(clauses, perm.NewSet(ps...))
			continue
		}
		for _, p := range ps {
			clauses = append(clauses, perm.NewSet(p))
		}
	}
	if len(clauses) > maxAlternatives {
		return nil, false, perm.ErrTooLarge
	}
	r := perm.FromClauses(clauses...)
	if !named || r.IsAuthenticated() {
		return &authenticated, true, nil
	}
	slices.Sort(others)
	for _, s := range slices.Compact(others) {
		also[s]++
	}
	return &r, false, nil
}
