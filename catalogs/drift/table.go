package drift

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Witness is one of several sources of one API, ready to be held against the others.
type Witness struct {
	Name string
	Side
	rows     *catalogs.Catalog // its endpoints, in permissions
	unstated []bool            // by row: a document that names no permission
	answers  catalogs.Table    // of rows, by their index
	paths    map[string]bool   // keys of paths, without a method
}

// NewWitness prepares a side.
func NewWitness(name string, s Side, opts Options) (*Witness, error) {
	w := &Witness{Name: name, Side: s, rows: s.Catalog, paths: map[string]bool{}}
	if s.Document != nil {
		p, err := s.Document.Project(opts.PermissionScheme, opts.Scopes)
		if err != nil {
			return nil, err
		}
		w.rows, w.unstated = p.Catalog, p.Unstated
	}
	for i := range w.rows.Endpoints {
		e := &w.rows.Endpoints[i]
		r := catalogs.Row{Method: e.Method, Path: e.Path, ID: i}
		if e.Routed != nil {
			r.Path, r.Precedence, r.Seq = catalogs.WithoutBase(e.Path), e.Routed.Precedence, e.Routed.Seq
		}
		w.answers.Add(r)
		w.paths[catalogs.EndpointKey("", e.Path)] = true
	}
	return w, nil
}

// Endpoints returns what the witness lists, in permissions.
func (w *Witness) Endpoints() []catalogs.Endpoint { return w.rows.Endpoints }

// Unstated reports whether the i-th endpoint is an operation that demands a credential and names
// no permission.
func (w *Witness) Unstated(i int) bool { return w.unstated != nil && w.unstated[i] }

// Has reports whether the witness lists a path, for whatever method.
func (w *Witness) Has(path string) bool { return w.paths[catalogs.EndpointKey("", path)] }

// only returns the side with the endpoints that are kept.
func (w *Witness) only(keep func(method, path string) bool) Side {
	s := w.Side
	if s.Document != nil {
		doc := *s.Document
		doc.Operations = slices.DeleteFunc(slices.Clone(doc.Operations), func(o openapi.Operation) bool {
			return o.Kind != openapi.Endpoint || !keep(o.Method, o.Base+o.Path)
		})
		s.Document = &doc
		return s
	}
	c := *s.Catalog
	c.Endpoints = slices.DeleteFunc(slices.Clone(c.Endpoints), func(e catalogs.Endpoint) bool { return !keep(e.Method, e.Path) })
	s.Catalog = &c
	return s
}

// A Saying is what one witness says that an endpoint requires.
type Saying struct {
	Requires *string // nil: it declares nothing
	By       string  // the row of its own that answers the endpoint, where it does not list that
	Note     string
	Pos      catalogs.Pos
	Mute     bool // it does not say what could be compared
}

// A TableRow is one endpoint, with what each witness that has it says.
type TableRow struct {
	Method, Path string
	says         map[*Witness][]Saying
}

// Says returns what a witness says of the endpoint; empty: it does not have it.
func (r *TableRow) Says(w *Witness) []Saying { return r.says[w] }

// Speaks reports whether a witness says of the endpoint what others can be held against.
func (r *TableRow) Speaks(w *Witness) bool {
	return slices.ContainsFunc(r.says[w], func(s Saying) bool { return !s.Mute && s.Requires != nil })
}

// Unverified reports whether the row's witnesses were not all compared: one cannot speak about
// it, or there is only one.
func (r *TableRow) Unverified() bool {
	public := false
	for _, list := range r.says {
		for _, s := range list {
			public = public || s.Requires != nil && *s.Requires == perm.Public().String()
		}
	}
	for _, list := range r.says {
		for _, s := range list {
			if s.Mute && !(public && s.Requires == nil) { // what is public declares nothing, rightly
				return true
			}
		}
	}
	return len(r.says) < 2
}

// A Table is every endpoint that some witness has.
type Table struct {
	Witnesses []*Witness // the first that speaks of a row is what the others are held against
	Rows      []*TableRow
	byKey     map[string]*TableRow
	byPath    map[string][]*TableRow
}

// NewTable tabulates witnesses. Of the rows of one, mine may leave some out.
func NewTable(witnesses []*Witness, mine func(w *Witness, path string) bool) *Table {
	t := &Table{Witnesses: witnesses, byKey: map[string]*TableRow{}, byPath: map[string][]*TableRow{}}
	each := func(visit func(w *Witness, e *catalogs.Endpoint, s Saying)) {
		for _, w := range witnesses {
			for i := range w.rows.Endpoints {
				if e := &w.rows.Endpoints[i]; mine(w, e.Path) {
					visit(w, e, t.saying(w, i))
				}
			}
		}
	}
	each(func(w *Witness, e *catalogs.Endpoint, s Saying) {
		if e.Method != catalogs.AnyMethod {
			r := t.Row(e.Method, e.Path)
			r.says[w] = append(r.says[w], s)
		}
	})
	// A row for any method speaks of each method that another witness has.
	each(func(w *Witness, e *catalogs.Endpoint, s Saying) {
		if e.Method != catalogs.AnyMethod {
			return
		}
		rows := slices.Clone(t.byPath[catalogs.EndpointKey("", e.Path)])
		if len(rows) == 0 {
			rows = []*TableRow{t.Row(e.Method, e.Path)}
		}
		for _, r := range rows {
			if len(r.says[w]) == 0 {
				r.says[w] = []Saying{s}
			}
		}
	})
	t.answered()
	return t
}

// saying is what a witness says by one of its rows. One that declares nothing and one that says
// unknown cannot be compared, unless what refuses requests without a key is seen.
func (t *Table) saying(w *Witness, i int) Saying {
	e := &w.rows.Endpoints[i]
	s := Saying{Pos: e.Pos}
	if e.SameAs != "" {
		s.Note = "same as " + e.SameAs
	}
	switch {
	case e.Requires != nil:
		s.Requires, s.Mute = text(*e.Requires), e.Requires.IsUnknown()
	case e.Routed != nil && e.Routed.Asks:
		s.Requires = text(perm.Authenticated())
	default:
		s.Mute = true
	}
	if w.unstated != nil && w.unstated[i] {
		s.Note = "names no permission"
		s.Mute = s.Mute || !t.anyKey(w, e)
	}
	return s
}

// anyKey reports whether the witness that others are held against says of an endpoint what a
// document says that demands a credential and names no permission.
func (t *Table) anyKey(w *Witness, e *catalogs.Endpoint) bool {
	first := t.Witnesses[0]
	if first == w || first.Document != nil {
		return false
	}
	row, ok := first.rows.Endpoint(e.Method, e.Path)
	return ok && row.Requires != nil && row.Requires.IsAuthenticated()
}

// answered adds to each row that a witness does not list what of it answers the row. The
// catalog answers for nothing that it does not list.
func (t *Table) answered() {
	for _, r := range t.Rows {
		for _, w := range t.Witnesses {
			if len(r.says[w]) > 0 || w.Document == nil && !w.EndpointsOnly {
				continue
			}
			for _, by := range w.answers.Resolve(r.Method, r.Path).Rows {
				e := &w.rows.Endpoints[by.ID]
				if e.Routed.GrantsNothing() || e.Routed.Opaque() {
					continue
				}
				s := t.saying(w, by.ID)
				s.By = e.String()
				s.Mute = s.Mute || w.unstated != nil && w.unstated[by.ID]
				r.says[w] = append(r.says[w], s)
			}
		}
	}
}

// Row returns the row of an endpoint, made if there is none.
func (t *Table) Row(method, path string) *TableRow {
	key := catalogs.EndpointKey(method, path)
	r := t.byKey[key]
	if r == nil {
		r = &TableRow{Method: method, Path: path, says: map[*Witness][]Saying{}}
		t.byKey[key] = r
		t.Rows = append(t.Rows, r)
		of := catalogs.EndpointKey("", path)
		t.byPath[of] = append(t.byPath[of], r)
	}
	return r
}

// Find returns the row of an endpoint, or for any method the first of its path; nil: none.
func (t *Table) Find(method, path string) *TableRow {
	if r := t.byKey[catalogs.EndpointKey(method, path)]; r != nil || method != catalogs.AnyMethod {
		return r
	}
	if rows := t.byPath[catalogs.EndpointKey("", path)]; len(rows) > 0 {
		return rows[0]
	}
	return nil
}

// RowOf returns the row that a change is about; nil: it is about no endpoint, or about more
// than the rows that some witness has. A path item that could not be read is about all methods
// of its path.
func (t *Table) RowOf(ch *Change) *TableRow {
	if ch.Method == "" || !strings.HasPrefix(ch.Path, "/") {
		return nil
	}
	r := t.Find(ch.Method, ch.Path)
	switch {
	case r == nil:
		return t.Row(ch.Method, ch.Path)
	case ch.Method == catalogs.AnyMethod && r.Method != ch.Method && (ch.Class == Added || ch.Class == Removed):
		return nil // of the methods that somebody lists, each has its row
	}
	return r
}

// Hold compares two witnesses of the table on the endpoints that are kept of each.
func (t *Table) Hold(a, b *Witness, keepA, keepB func(method, path string) bool, opts Options) (*Result, error) {
	from, to := a.only(keepA), b.only(keepB)
	if a.Document != nil && b.Document != nil { // witnesses of one state speak of permissions
		rows := *a.rows
		rows.Endpoints = nil
		for i, e := range a.rows.Endpoints {
			if !a.unstated[i] && keepA(e.Method, e.Path) {
				rows.Endpoints = append(rows.Endpoints, e)
			}
		}
		from = Side{Catalog: &rows, EndpointsOnly: true}
	}
	return Compare(from, to, opts)
}
