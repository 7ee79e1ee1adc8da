package grants

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Options say how calls are matched with rows.
type Options struct {
	BasePath string   // what calls have before the catalog's paths
	Fields   []string // fields that the integration reads, as "object.name"
	SignIn   []string // requests with which clients get tokens, as "POST /oauth/token": no row may be for them
}

// A Need is what a list of calls needs.
type Need struct {
	Catalog *catalogs.Catalog
	Rows    []Row // the rows that are called, in the catalog's order
	// Unmatched are calls that no row matches, one for each method and path.
	Unmatched []Unmatched
	// Unknown are called rows whose requirement the catalog does not know.
	Unknown []Row
	// Elsewhere counts calls to hosts where not one call matches a row: a HAR file of a
	// browser is full of them.
	Elsewhere map[string]int
	// Smallest are the smallest grants that open every known row and asked-for field, the
	// one that opens the fewest other rows first. Empty when no grant does: a row is
	// open to nobody.
	Smallest []Grant
	// SignIns counts calls that got a token, and need no permission.
	SignIns int
	// Shown are fields with a requirement of their own that recorded answers held and
	// that were not asked for.
	Shown []*catalogs.Field
}

// A Row is a row of the catalog that is called.
type Row struct {
	Endpoint *catalogs.Endpoint
	Need     perm.Requirement
	Calls    int
	Refused  int // calls that were answered 401 or 403
	First    Call
}

// Unmatched is a call that no row matches.
type Unmatched struct {
	Call
	Calls int
	Hint  string // what it may have been meant to be; empty: nothing is near
}

// A Grant is one set of permissions and what it opens besides what is needed.
type Grant struct {
	Permissions perm.Set
	Beyond      []*catalogs.Endpoint // rows that it opens and nobody called
	Fields      []*catalogs.Field    // fields that it shows and nobody asked for
	Reveals     []Revealed           // rules by which it reveals rows of an object
}

// Whole reports whether every call was matched with a row whose requirement is known.
func (n *Need) Whole() bool { return len(n.Unmatched) == 0 && len(n.Unknown) == 0 }

// Of works out what calls need. An error means that a field in opts does not exist, that
// not one call matches a row, or that there are more alternatives than can be listed.
func Of(c *catalogs.Catalog, calls []Call, opts Options) (*Need, error) {
	n := &Need{Catalog: c, Elsewhere: map[string]int{}}
	m := newMatcher(c)
	wants, err := n.match(m, calls, opts)
	if err != nil {
		return nil, err
	}
	for _, name := range opts.Fields {
		f, err := fieldOf(c, name)
		if err != nil {
			return nil, err
		}
		if f.Requires != nil {
			need, _ := c.CanonicalRequirement(*f.Requires)
			wants = append(wants, need)
		}
	}
	sets, err := smallest(wants, c.Implications())
	if err != nil {
		return nil, err
	}
	called := map[*catalogs.Endpoint]bool{}
	for _, r := range n.Rows {
		called[r.Endpoint] = true
	}
	for _, s := range sets {
		g := Grant{Permissions: s, Reveals: revealed(c, c.Implications().Close(s))}
		for _, e := range Opened(c, s) {
			if !called[e] {
				g.Beyond = append(g.Beyond, e)
			}
		}
		for _, f := range fieldsShown(c, c.Implications().Close(s)) {
			if !slices.Contains(opts.Fields, f.Object+"."+f.Name) {
				g.Fields = append(g.Fields, f)
			}
		}
		n.Smallest = append(n.Smallest, g)
	}
	slices.SortStableFunc(n.Smallest, func(a, b Grant) int {
		return cmp.Or(len(a.Beyond)-len(b.Beyond), len(a.Fields)-len(b.Fields), len(a.Permissions)-len(b.Permissions), strings.Compare(a.Permissions.String(), b.Permissions.String()))
	})
	return n, nil
}

// match fills in what was called, and returns what the rows require.
func (n *Need) match(m *matcher, calls []Call, opts Options) ([]perm.Requirement, error) {
	rows := map[*catalogs.Endpoint]*Row{}
	unmatched := map[string]*Unmatched{}
	known := map[string]bool{} // hosts with a row
	for i := range calls {
		call := &calls[i]
		path, under := strings.CutPrefix(call.Path, strings.TrimSuffix(opts.BasePath, "/"))
		e := m.find(call.Method, path)
		if e == nil && slices.Contains(opts.SignIn, call.String()) {
			n.SignIns++
			continue
		}
		if e == nil || !under {
			u := unmatched[call.Host+" "+call.String()]
			if u == nil {
				u = &Unmatched{Call: *call}
				unmatched[call.Host+" "+call.String()] = u
			}
			u.Calls++
			continue
		}
		known[call.Host] = true
		r := rows[e]
		if r == nil {
			r = &Row{Endpoint: e, First: *call, Need: perm.Unknown()}
			if e.Requires != nil {
				r.Need, _ = n.Catalog.CanonicalRequirement(*e.Requires)
			}
			rows[e] = r
		}
		r.Calls++
		if call.Status == 401 || call.Status == 403 {
			r.Refused++
		}
		n.show(e, call, opts.Fields)
	}
	for _, u := range unmatched {
		if !known[u.Host] && len(known) > 0 {
			n.Elsewhere[u.Host] += u.Calls
			continue
		}
		u.Hint = m.hint(u.Method, u.Path, opts.BasePath)
		n.Unmatched = append(n.Unmatched, *u)
	}
	slices.SortFunc(n.Unmatched, func(a, b Unmatched) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method), strings.Compare(a.Host, b.Host))
	})
	if len(rows) == 0 && len(n.Unmatched) == 0 {
		return nil, fmt.Errorf("%s: no call does anything but sign in", calls[0].Pos)
	}
	if len(rows) == 0 {
		u := n.Unmatched[max(0, slices.IndexFunc(n.Unmatched, func(u Unmatched) bool { return u.Hint != "" }))]
		text := fmt.Sprintf("%s: not one call matches a row of catalog %s; one of them is %s", u.Pos, n.Catalog.Name, excerpt(u.String()))
		if u.Hint != "" {
			text += ": " + u.Hint
		}
		return nil, errors.New(text)
	}
	var wants []perm.Requirement
	for i := range n.Catalog.Endpoints {
		r := rows[&n.Catalog.Endpoints[i]]
		switch {
		case r == nil:
		case r.Need.IsUnknown():
			n.Unknown = append(n.Unknown, *r)
		default:
			n.Rows = append(n.Rows, *r)
			wants = append(wants, r.Need)
		}
	}
	return wants, nil
}

// show notes the guarded fields that a recorded answer held.
func (n *Need) show(e *catalogs.Endpoint, call *Call, asked []string) {
	if call.Members == nil || e.Lists == "" && e.Gets == "" {
		return
	}
	for i := range n.Catalog.Fields {
		f := &n.Catalog.Fields[i]
		if (f.Object == e.Lists || f.Object == e.Gets) && f.Requires != nil && !f.Requires.IsPublic() && call.Members[f.Name] &&
			!slices.Contains(n.Shown, f) && !slices.Contains(asked, f.Object+"."+f.Name) {
			n.Shown = append(n.Shown, f)
		}
	}
}

// fieldOf finds a field by "object.name".
func fieldOf(c *catalogs.Catalog, text string) (*catalogs.Field, error) {
	var all []string
	for i := range c.Fields {
		f := &c.Fields[i]
		if f.Object+"."+f.Name == text {
			return f, nil
		}
		all = append(all, f.Object+"."+f.Name)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("catalog %s has no fields, so there is no %s", c.Name, excerpt(text))
	}
	return nil, fmt.Errorf("catalog %s has no field %s%s: it has %s", c.Name, excerpt(text), near(text, all), strings.Join(all, ", "))
}

// smallest returns the grants that satisfy all requirements and give least: none of them
// gives, with what it implies, all that another one gives and more.
func smallest(wants []perm.Requirement, implied *perm.Implications) ([]perm.Set, error) {
	// What every alternative needs comes first: it satisfies most of the others, and the
	// product of the rest stays small.
	var forced perm.Set
	for _, w := range wants {
		switch cl := w.Clauses(); {
		case w.IsNobody():
			return nil, nil
		case len(cl) == 1:
			forced = forced.Union(cl[0])
		}
	}
	rest := perm.All()
	for _, w := range wants {
		if implied.Admits(w, forced) || w.IsPublic() {
			continue
		}
		var err error
		if rest, err = rest.And(w); err != nil {
			return nil, fmt.Errorf("the calls can be satisfied in more than 4,096 ways: give fewer calls at a time (%w)", err)
		}
	}
	var out []perm.Set
	for _, cl := range rest.Clauses() {
		if s := prune(cl.Union(forced), wants, implied); !slices.ContainsFunc(out, s.Equal) {
			out = append(out, s)
		}
	}
	return slices.DeleteFunc(out, func(s perm.Set) bool {
		return slices.ContainsFunc(out, func(o perm.Set) bool {
			less, more := implied.Close(o), implied.Close(s)
			return less.SubsetOf(more) && !more.SubsetOf(less)
		})
	}), nil
}

// prune takes away permissions that are not needed beside the others, strong ones first.
func prune(s perm.Set, wants []perm.Requirement, implied *perm.Implications) perm.Set {
	order := slices.Clone(s)
	slices.SortStableFunc(order, func(a, b perm.Permission) int {
		return len(implied.Close(perm.NewSet(b))) - len(implied.Close(perm.NewSet(a)))
	})
	for _, p := range order {
		less := s.Minus(perm.NewSet(p))
		if !slices.ContainsFunc(wants, func(w perm.Requirement) bool { return !w.IsPublic() && !implied.Admits(w, less) }) {
			s = less
		}
	}
	return s
}

// Opened returns the rows that a key with the grant is admitted to, apart from those that
// need no permission.
func Opened(c *catalogs.Catalog, grant perm.Set) []*catalogs.Endpoint {
	implied := c.Implications()
	var out []*catalogs.Endpoint
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.Requires == nil || e.Requires.IsPublic() || e.Requires.IsAuthenticated() {
			continue
		}
		if need, _ := c.CanonicalRequirement(*e.Requires); implied.Admits(need, grant) {
			out = append(out, e)
		}
	}
	return out
}

// A matcher finds the row of a call: the one that answers it, as everywhere else.
type matcher struct {
	rows  []matchRow // by their paths, the one that is concrete first in front
	table catalogs.Table
	found map[string]*catalogs.Endpoint
}

type matchRow struct {
	row      *catalogs.Endpoint
	template catalogs.Template
}

func newMatcher(c *catalogs.Catalog) *matcher {
	m := &matcher{found: map[string]*catalogs.Endpoint{}}
	for i := range c.Endpoints {
		if t, err := catalogs.ParseTemplate(c.Endpoints[i].Path); err == nil {
			m.rows = append(m.rows, matchRow{&c.Endpoints[i], t})
		}
		for _, also := range c.Endpoints[i].Also {
			if t, err := catalogs.ParseTemplate(also.Path); err == nil {
				m.rows = append(m.rows, matchRow{&c.Endpoints[i], t})
			}
		}
	}
	// A parameter is a brace in a key, and braces sort after nearly every byte of a path:
	// the template that is concrete first comes first.
	slices.SortStableFunc(m.rows, func(a, b matchRow) int { return strings.Compare(a.template.Key(), b.template.Key()) })
	heads := map[string]bool{}
	for i, r := range m.rows {
		m.table.Add(catalogs.Row{Method: r.row.Method, Path: r.template.String(), ID: i})
		heads[r.template.Key()] = heads[r.template.Key()] || r.row.Method == http.MethodHead
	}
	// A HEAD is answered by the GET of its path where it has no row of its own.
	for i, r := range m.rows {
		if r.row.Method == http.MethodGet && !heads[r.template.Key()] {
			m.table.Add(catalogs.Row{Method: http.MethodHead, Path: r.template.String(), ID: i})
		}
	}
	return m
}

// find returns the row, or nil. Where several may answer, it is the one that is concrete first.
func (m *matcher) find(method, path string) *catalogs.Endpoint {
	key := method + " " + path
	e, ok := m.found[key]
	if ok {
		return e
	}
	if rows := m.table.Resolve(method, path).Rows; len(rows) > 0 {
		first := slices.MinFunc(rows, func(a, b *catalogs.Row) int { return a.ID - b.ID })
		e = m.rows[first.ID].row
	}
	m.found[key] = e
	return e
}

// hint says which row a call may have been meant for: with another slash at the end,
// below a base path, or under another method.
func (m *matcher) hint(method, path, base string) string {
	other := path + "/"
	if cut, ok := strings.CutSuffix(path, "/"); ok {
		other = cut
	}
	if e := m.find(method, other); e != nil {
		return fmt.Sprintf("the catalog has %s", e)
	}
	for at := 0; base == ""; {
		next := strings.IndexByte(path[at+1:], '/')
		if next < 0 {
			break
		}
		at += 1 + next
		if e := m.find(method, path[at:]); e != nil {
			return fmt.Sprintf("with --base-path %s it would be %s", path[:at], e)
		}
	}
	for _, r := range m.rows {
		if r.template.Match(path) {
			return fmt.Sprintf("the catalog has %s", r.row)
		}
	}
	return ""
}
