package drift

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A row is one endpoint of one side, in the words that both sides share.
type row struct {
	kind   openapi.Kind
	method string
	path   string // as the side spells it
	full   string // with the base path
	key    string // identity
	id     string // operationId
	pos    catalogs.Pos

	// req is what the row demands, over the shared words; TRUE where it declares
	// nothing.
	req perm.Requirement
	// text is the requirement as the side itself would write it; nil: nothing.
	text       func() *string
	anonymous  bool // the side admits requests without a credential
	unstated   bool // names no permission, see openapi.Projection
	undeclared bool // of a catalog made from source: declares nothing
	unreadable *openapi.Unreadable
	routed     *catalogs.Routed // how requests reach it, where the side is a program

	matched bool
	moved   bool // the other side has an endpoint of this method and path below other servers
}

// comparison is the state of one Compare.
type comparison struct {
	opts     Options
	old, new []*row
	// witnesses says that the sides are different witnesses of one state, and not two revisions
	// of one: then what a broader row answers is served, and not removed.
	witnesses bool
	// table says that the old side is a catalog, which lists what others are held against.
	table bool
	// oldRows and newRows say which row of a side answers an endpoint; see tableOf.
	oldRows, newRows *catalogs.Table
	// oldImplies and newImplies are equal unless two catalogs imply differently.
	oldImplies, newImplies *perm.Implications
	// For catalogs: puts a side's requirements into the shared words.
	oldRename, newRename func(perm.Requirement) perm.Requirement

	// For two documents: what each scheme atom stands for on either side.
	atoms map[perm.Permission]schemePair
	// What each of opts.Grants holds, in the words of both sides.
	oldHolds, newHolds []perm.Set

	result Result
}

// A schemePair is one scheme, found by its atom, as each side defines it; nil where
// it does not.
type schemePair struct {
	name     string // on the new side
	old, new *openapi.Scheme
}

// identify sets the row's full path and key.
func (c *comparison) identify(r *row, base string) {
	r.full = base + r.path
	if c.opts.BasePath != "" && r.kind == openapi.Endpoint {
		r.full = r.path
		prefix := "/" + strings.Trim(c.opts.BasePath, "/")
		if r.path != prefix && !strings.HasPrefix(r.path, prefix+"/") {
			r.full = prefix + r.path
		}
	}
	r.key = key(r.method, r.full)
}

var parameter = regexp.MustCompile(`\{[^{}]*\}`)

// key is the identity of an endpoint. Documents have paths that are no valid
// templates, such as "/{a}{b}"; their parameter names carry no meaning either.
func key(method, path string) string {
	if _, err := catalogs.ParseTemplate(path); err != nil {
		path = parameter.ReplaceAllString(path, "{}")
	}
	return catalogs.EndpointKey(method, path)
}

// catalogs makes rows of two sides of which at least one is a catalog.
func (c *comparison) catalogs(from, to Side) error {
	oldCat, newCat := from.Catalog, to.Catalog
	words := func(d *openapi.Document) (*openapi.Projection, error) {
		return d.Project(c.opts.PermissionScheme, c.opts.Scopes)
	}
	var oldDoc, newDoc *openapi.Projection
	var err error
	if from.Document != nil {
		if oldDoc, err = words(from.Document); err != nil {
			return err
		}
		oldCat = oldDoc.Catalog
	}
	if to.Document != nil {
		if newDoc, err = words(to.Document); err != nil {
			return err
		}
		newCat = newDoc.Catalog
	}
	if newDoc != nil {
		c.result.Summary.AlsoAdmits = newDoc.AlsoAdmits
	} else if oldDoc != nil {
		c.result.Summary.AlsoAdmits = oldDoc.AlsoAdmits
	}
	// A side without a list of permissions speaks the other's language.
	oldVocabulary, newVocabulary := oldCat, newCat
	if len(oldCat.Permissions) == 0 {
		oldVocabulary = newCat
	}
	if len(newCat.Permissions) == 0 {
		newVocabulary = oldCat
	}
	oldName, newName := shared(oldVocabulary, newVocabulary), shared(newVocabulary, oldVocabulary)
	c.oldRename, c.newRename = renaming(oldName), renaming(newName)
	c.oldImplies = c.implications(oldVocabulary, oldName, oldCat, newCat)
	c.newImplies = c.oldImplies
	if oldVocabulary != newVocabulary {
		c.newImplies = c.implications(newVocabulary, newName, oldCat, newCat)
	}
	c.old = c.rows(oldCat, oldDoc, c.oldRename)
	c.new = c.rows(newCat, newDoc, c.newRename)
	if oldDoc != nil {
		withoutQuery(c.old, c.new)
	}
	if newDoc != nil {
		withoutQuery(c.new, c.old)
	}
	if oldDoc != nil && !to.EndpointsOnly {
		c.silence(from.Document, oldDoc, c.old, c.new)
	}
	if newDoc != nil && !from.EndpointsOnly {
		c.silence(to.Document, newDoc, c.new, c.old)
	}
	c.catalogHoldings(oldName, newName, oldVocabulary, newVocabulary)
	return nil
}

// shared returns how a permission of own is called in the words of both sides: by
// own's id for it, or the other side's if that lists own's id as an alias and own
// has no permission of that name itself.
func shared(own, other *catalogs.Catalog) func(perm.Permission) perm.Permission {
	return func(p perm.Permission) perm.Permission {
		p, _ = own.Canonical(p)
		if id, ok := other.Canonical(p); ok && id != p {
			if _, both := own.Canonical(id); !both {
				return id
			}
		}
		return p
	}
}

// renaming applies name to each permission of a requirement.
func renaming(name func(perm.Permission) perm.Permission) func(perm.Requirement) perm.Requirement {
	return func(r perm.Requirement) perm.Requirement {
		if r.IsPublic() || r.IsAuthenticated() || r.IsUnknown() {
			return r
		}
		clauses := make([]perm.Set, 0, len(r.Clauses()))
		for _, cl := range r.Clauses() {
			ps := make([]perm.Permission, len(cl))
			for i, p := range cl {
				ps[i] = name(p)
			}
			clauses = append(clauses, perm.NewSet(ps...))
		}
		return perm.FromClauses(clauses...)
	}
}

// implications returns what permissions imply by the vocabulary and by the options,
// in the words of both sides.
func (c *comparison) implications(vocabulary *catalogs.Catalog, name func(perm.Permission) perm.Permission, used ...*catalogs.Catalog) *perm.Implications {
	all := &catalogs.Catalog{}
	closed := vocabulary.Implications()
	for i := range vocabulary.Permissions {
		id := vocabulary.Permissions[i].ID
		p := catalogs.Permission{ID: name(id)}
		for _, implied := range closed.Close(perm.NewSet(id)) {
			p.Implies = append(p.Implies, string(name(implied)))
		}
		all.Permissions = append(all.Permissions, p)
	}
	if len(c.opts.Implies) == 0 {
		return all.Implications()
	}
	listed := map[perm.Permission]int{}
	add := func(p perm.Permission) int {
		i, ok := listed[p]
		if !ok {
			i = len(all.Permissions)
			listed[p] = i
			all.Permissions = append(all.Permissions, catalogs.Permission{ID: p})
		}
		return i
	}
	for i := range all.Permissions {
		listed[all.Permissions[i].ID] = i
	}
	for _, u := range used {
		for i := range u.Endpoints {
			if r := u.Endpoints[i].Requires; r != nil {
				for _, p := range r.Permissions() {
					add(name(p))
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.opts.Implies)) {
		i := add(perm.Permission(name))
		p := &all.Permissions[i]
		p.Implies = append(slices.Clone(p.Implies), c.opts.Implies[name]...)
		for _, implied := range c.opts.Implies[name] {
			if !strings.Contains(implied, "*") {
				add(perm.Permission(implied))
			}
		}
	}
	return all.Implications()
}

// rows makes the rows of a catalog, or of a document put into permissions.
func (c *comparison) rows(cat *catalogs.Catalog, doc *openapi.Projection, rename func(perm.Requirement) perm.Requirement) []*row {
	out := make([]*row, 0, len(cat.Endpoints))
	for i := range cat.Endpoints {
		e := &cat.Endpoints[i]
		r := &row{method: e.Method, path: e.Path, pos: e.Pos, req: perm.Public()}
		r.text = func() *string { return nil }
		if e.Requires != nil {
			r.req = rename(*e.Requires)
			r.text = func() *string { return text(*e.Requires) }
		}
		// Source that declares nothing may still be guarded by what cannot be seen
		// in it; that is bad enough, but it does not say "anybody".
		r.undeclared = e.Requires == nil && doc == nil
		r.routed = e.Routed
		r.anonymous = r.req.IsPublic() && !r.undeclared
		base := ""
		if doc != nil {
			op := doc.Operations[i]
			r.path, base, r.id = op.Path, op.Base, op.ID
			r.unstated, r.unreadable = doc.Unstated[i], op.Unreadable
		}
		c.identify(r, base)
		out = append(out, r)
	}
	return out
}

// documents makes rows of two documents, over scheme atoms.
func (c *comparison) documents(from, to *openapi.Document) error {
	renamed := renames(from, to)
	c.atoms = map[perm.Permission]schemePair{}
	note := func(d *openapi.Document, name string, isOld bool) {
		now := name
		if isOld {
			now = renamedName(renamed, name)
		}
		at := openapi.SchemeAtom(now, "")
		p := c.atoms[at]
		p.name = now
		if isOld {
			p.old = d.Schemes[name]
		} else {
			p.new = d.Schemes[name]
		}
		c.atoms[at] = p
	}
	// Every name that is used or defined anywhere, so that a permission of an
	// extension is never taken for a scheme.
	taken := map[string]bool{}
	scoped := map[perm.Permission]perm.Permission{} // scope atom -> atom of its scheme
	for _, d := range []*openapi.Document{from, to} {
		for name := range d.Schemes {
			note(d, name, d == from)
			taken[name] = true
		}
		for i := range d.Operations {
			for _, alt := range d.Operations[i].Security {
				for _, u := range alt {
					note(d, u.Scheme, d == from)
					taken[u.Scheme] = true
				}
			}
		}
	}
	if from == to { // the loops above saw only the old side
		for at, p := range c.atoms {
			p.new = p.old
			c.atoms[at] = p
		}
	}
	prefix := "permission"
	for taken[prefix] {
		prefix += "'"
	}
	universe := map[perm.Permission]bool{}
	words := map[perm.Permission][]perm.Permission{} // as people write them -> atoms
	atomOf := func(rename map[string]string) func(scheme, scope string) perm.Permission {
		return func(scheme, scope string) perm.Permission {
			var at perm.Permission
			if scheme == "" {
				at = perm.Permission(scope)
				name, _, _ := strings.Cut(scope, "[")
				if taken[scope] || taken[name] || strings.HasPrefix(scope, prefix+"[") || strings.HasPrefix(scope, `"`) {
					at = openapi.SchemeAtom(prefix, scope)
				}
			} else {
				name := renamedName(rename, scheme)
				at = openapi.SchemeAtom(name, scope)
				if scope != "" {
					scoped[at] = openapi.SchemeAtom(name, "")
				}
			}
			if !universe[at] {
				universe[at] = true
				words[at] = append(words[at], at)
				if scope != "" && perm.Permission(scope) != at {
					words[perm.Permission(scope)] = append(words[perm.Permission(scope)], at)
				}
			}
			return at
		}
	}
	oldAtom, newAtom, plain := atomOf(renamed), atomOf(nil), atomOf(nil)
	var err error
	if c.old, err = c.operations(from, oldAtom, plain, scoped); err != nil {
		return err
	}
	if c.new, err = c.operations(to, newAtom, plain, scoped); err != nil {
		return err
	}
	c.oldImplies = c.atomImplications(universe, taken)
	c.newImplies = c.oldImplies
	for was, now := range renamed {
		words[openapi.SchemeAtom(was, "")] = words[openapi.SchemeAtom(now, "")]
	}
	var credential []perm.Permission
	for at := range c.atoms {
		credential = append(credential, at)
	}
	c.holdings(perm.NewSet(slices.Collect(maps.Keys(universe))...), func(p perm.Permission) (perm.Set, bool) {
		atoms := slices.Clone(words[p])
		for _, at := range words[p] {
			if parent, ok := scoped[at]; ok {
				atoms = append(atoms, parent)
			}
		}
		// A scheme that neither side asks for is a credential all the same.
		known := len(atoms) > 0
		name, _, scoped := strings.Cut(string(p), "[")
		if scheme := openapi.SchemeAtom(name, ""); !known && c.atoms[scheme].name != "" {
			atoms, known = append(atoms, scheme), !scoped
		}
		return perm.NewSet(atoms...), known
	}, perm.NewSet(credential...))
	return nil
}

// atomImplications applies the options to scopes of each scheme, to permissions of
// extensions, and to schemes.
func (c *comparison) atomImplications(universe map[perm.Permission]bool, schemes map[string]bool) *perm.Implications {
	if len(c.opts.Implies) == 0 {
		return nil
	}
	var all catalogs.Catalog
	at := map[perm.Permission]int{}
	add := func(p perm.Permission) int {
		i, ok := at[p]
		if !ok {
			i = len(all.Permissions)
			at[p] = i
			all.Permissions = append(all.Permissions, catalogs.Permission{ID: p})
		}
		return i
	}
	for _, p := range slices.Sorted(maps.Keys(universe)) {
		add(p)
	}
	for _, holder := range slices.Sorted(maps.Keys(c.opts.Implies)) {
		for _, implied := range c.opts.Implies[holder] {
			i := add(perm.Permission(holder))
			all.Permissions[i].Implies = append(all.Permissions[i].Implies, implied)
			if !strings.Contains(implied, "*") {
				add(perm.Permission(implied))
			}
			for _, s := range slices.Sorted(maps.Keys(schemes)) {
				i := add(openapi.SchemeAtom(s, holder))
				all.Permissions[i].Implies = append(all.Permissions[i].Implies, string(openapi.SchemeAtom(s, implied)))
				if !strings.Contains(implied, "*") {
					add(openapi.SchemeAtom(s, implied))
				}
			}
		}
	}
	return all.Implications()
}

// operations makes the rows of a document. compare makes the atoms that both sides
// share, spell those that the document itself would write.
func (c *comparison) operations(d *openapi.Document, compare, spell func(scheme, scope string) perm.Permission, scoped map[perm.Permission]perm.Permission) ([]*row, error) {
	out := make([]*row, 0, len(d.Operations))
	for i := range d.Operations {
		o := &d.Operations[i]
		r := &row{kind: o.Kind, method: o.Method, path: o.Path, id: o.ID, pos: o.Pos, unreadable: o.Unreadable}
		base := o.Base
		if o.Kind != openapi.Endpoint {
			base = ""
		}
		c.identify(r, base)
		req, err := o.Requirement(c.opts.Scopes, compare)
		if err != nil {
			r.unreadable = &openapi.Unreadable{Problem: openapi.Problem{Pos: o.Pos, Message: err.Error()}}
		}
		r.req = req
		r.anonymous = o.Unreadable == nil && o.Anonymous()
		if len(d.Schemes) == 0 && !o.Stated {
			// Without schemes and security the document cannot say that a
			// credential is needed, so an extension may.
			r.anonymous = r.anonymous && req.IsPublic()
		}
		r.text = func() *string {
			if o.Unreadable != nil {
				return text(perm.Unknown())
			}
			if !o.Stated && len(d.Schemes) == 0 && o.Permission == nil {
				return nil
			}
			req, err := o.Requirement(c.opts.Scopes, spell)
			if err != nil {
				return text(perm.Unknown())
			}
			return text(simplify(req, scoped))
		}
		out = append(out, r)
	}
	return out, nil
}

// simplify drops the atom of a scheme from clauses that hold a scope of it: whoever
// has the scope has the scheme. No clause can come to contain another by that.
func simplify(r perm.Requirement, scoped map[perm.Permission]perm.Permission) perm.Requirement {
	if r.IsPublic() || r.IsAuthenticated() || r.IsUnknown() {
		return r
	}
	clauses := make([]perm.Set, 0, len(r.Clauses()))
	for _, cl := range r.Clauses() {
		var drop []perm.Permission
		for _, p := range cl {
			if parent, ok := scoped[p]; ok {
				drop = append(drop, parent)
			}
		}
		clauses = append(clauses, cl.Minus(perm.NewSet(drop...)))
	}
	return perm.FromClauses(clauses...)
}

func renamedName(renames map[string]string, name string) string {
	if to, ok := renames[name]; ok {
		return to
	}
	return name
}

// renames finds the schemes that only changed their name: one vanished, one
// appeared, their definitions are identical, and no other scheme of either document
// has that definition. Names that coexist are never identified: an administrator's
// and a user's bearer token usually have the same definition.
func renames(from, to *openapi.Document) map[string]string {
	owner := func(d *openapi.Document) map[string][]string {
		m := map[string][]string{}
		for name, s := range d.Schemes {
			m[s.Identity] = append(m[s.Identity], name)
		}
		return m
	}
	old, now := owner(from), owner(to)
	used := func(d *openapi.Document, name string) bool {
		for i := range d.Operations {
			for _, alt := range d.Operations[i].Security {
				for _, u := range alt {
					if u.Scheme == name {
						return true
					}
				}
			}
		}
		return false
	}
	out := map[string]string{}
	for identity, names := range old {
		others := now[identity]
		if len(names) != 1 || len(others) != 1 || names[0] == others[0] {
			continue
		}
		x, y := names[0], others[0]
		if to.Schemes[x] == nil && from.Schemes[y] == nil && !used(to, x) && !used(from, y) {
			out[x] = y
		}
	}
	return out
}
