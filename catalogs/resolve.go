package catalogs

import (
	"cmp"
	"slices"
	"strings"
)

// A Precedence says which of several rows that match one path answers it.
type Precedence uint8

// The precedences of routers. The zero value is that of net/http and of OpenAPI.
const (
	// MostSpecific: the row all of whose paths another row matches too wins over that one
	// (https://pkg.go.dev/net/http#hdr-Precedence-ServeMux).
	MostSpecific Precedence = iota
	// StaticFirst: segment by segment, a literal wins over a parameter and a parameter
	// over a tail, as in chi, gin and echo.
	StaticFirst
	// FirstRegistered: the row that was registered first wins, as in gorilla/mux.
	FirstRegistered
)

var precedences = []string{MostSpecific: "most-specific", StaticFirst: "static-first", FirstRegistered: "first-registered"}

// String returns the name that records have for the precedence.
func (p Precedence) String() string { return precedences[p] }

// ParsePrecedence is the reverse of [Precedence.String]; what it does not know is
// [MostSpecific].
func ParsePrecedence(name string) Precedence {
	return Precedence(max(0, slices.Index(precedences, name)))
}

// How says in which way a row answers a path.
type How uint8

// The ways, the nearest first.
const (
	Unanswered  How = iota
	Exact           // the row has the method and the path
	ByMethod        // the row has the path, for any method
	ByParameter     // the row has a parameter where the path has a literal
	ByTree          // the row answers everything below a prefix
)

func (h How) String() string {
	return [...]string{"not answered", "exact", "any method", "parameter", "tree"}[h]
}

// A Row is an entry of a [Table].
type Row struct {
	Method string // [AnyMethod] answers every method
	Path   string // as it is written
	Precedence
	Seq int // the order of registration, for [FirstRegistered]
	ID  int // what the table's owner calls it

	tmpl Template
	key  string // the path without names of parameters
	ok   bool   // the path is a template
}

// A Table answers which of its rows takes the requests of an endpoint. The zero value is
// empty and ready to use.
type Table struct {
	byKey map[string][]*Row
	// open are the rows with a parameter or a tail, by what their paths begin with.
	open map[string][]*Row
}

// Add adds a row. A path that is no template answers only for itself.
func (t *Table) Add(r Row) {
	tmpl, err := ParseTemplate(r.Path)
	r.tmpl, r.ok, r.key = tmpl, err == nil, r.Path
	if r.ok {
		r.key = tmpl.Key()
	}
	if t.byKey == nil {
		t.byKey, t.open = map[string][]*Row{}, map[string][]*Row{}
	}
	row := &r
	t.byKey[r.key] = append(t.byKey[r.key], row)
	if r.ok && !tmpl.Concrete() {
		head := tmpl.head()
		t.open[head] = append(t.open[head], row)
	}
}

// At returns the rows of a path, of whatever method.
func (t *Table) At(path string) []*Row {
	if tmpl, err := ParseTemplate(path); err == nil {
		path = tmpl.Key()
	}
	return t.byKey[path]
}

// unknownBase stands in front of a path that is registered below a base known only at run time.
const unknownBase = "/{base}"

// WithoutBase is a path without a base that is known only at run time: what is known of it.
func WithoutBase(path string) string {
	if rest, ok := strings.CutPrefix(path, unknownBase); ok && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

// head is the literal first segment, or "" where that is none.
func (t Template) head() string {
	if t.tail && len(t.segs) == 1 {
		return ""
	}
	lit, ok := t.segs[0].literal()
	if !ok {
		return ""
	}
	return lit
}

// An Answer is what a table has for an endpoint.
type Answer struct {
	How How
	// Rows are those that a real router may choose: one, or several where the order
	// between them is not known. All of them answer every request of the endpoint.
	Rows []*Row
	// Own is the row of the endpoint's own method and path, or path; nil: there is none.
	// Another row in Rows then takes its requests from it.
	Own *Row
}

// Shadowed reports whether the endpoint has a row of its own that never answers.
func (a Answer) Shadowed() bool { return a.Own != nil && !slices.Contains(a.Rows, a.Own) }

// Resolve says which row answers the requests of an endpoint. Rows that answer only some
// of them, such as /files/export some of /files/{id}, are not asked: they are endpoints
// of their own. A query for any method is answered by rows for any method only.
func (t *Table) Resolve(method, path string) Answer {
	tmpl, err := ParseTemplate(path)
	key := path
	if err == nil {
		key = tmpl.Key()
	}
	var found []*Row
	for _, r := range t.byKey[key] {
		if r.Method == method || r.Method == AnyMethod {
			found = append(found, r)
		}
	}
	var own *Row
	if i := slices.IndexFunc(found, func(r *Row) bool { return r.Method == method }); i >= 0 {
		own = found[i]
	} else if len(found) > 0 {
		own = found[0]
	}
	if err == nil {
		heads := []string{tmpl.head(), ""}
		if heads[0] == "" {
			heads = heads[:1]
		}
		for _, h := range heads {
			for _, r := range t.open[h] {
				if r.key != key && (r.Method == method || r.Method == AnyMethod) && r.tmpl.covers(tmpl) {
					found = append(found, r)
				}
			}
		}
	}
	a := Answer{Own: own, Rows: chosen(found)}
	if len(a.Rows) > 0 {
		a.How = howOf(a.Rows[0], method, key)
	}
	return a
}

func howOf(r *Row, method, key string) How {
	switch {
	case r.key == key && r.Method == method:
		return Exact
	case r.key == key:
		return ByMethod
	case r.tmpl.tail:
		return ByTree
	}
	return ByParameter
}

// chosen leaves the rows over which no other one is known to win.
func chosen(rows []*Row) []*Row {
	var out []*Row
	for _, r := range rows {
		if !slices.ContainsFunc(rows, func(o *Row) bool { return o != r && o.wins(r) }) {
			out = append(out, r)
		}
	}
	return out
}

// wins reports whether a router chooses r where o matches too. Both match all paths that
// are asked about.
func (r *Row) wins(o *Row) bool {
	switch {
	case r.Precedence == FirstRegistered && o.Precedence == FirstRegistered:
		return r.Seq < o.Seq
	case r.Precedence == StaticFirst && o.Precedence == StaticFirst:
		if c := compareStatic(r.tmpl, o.tmpl); c != 0 || !r.ok || !o.ok {
			return c < 0
		}
	case r.ok && o.ok && r.key != o.key:
		return o.tmpl.covers(r.tmpl) && !r.tmpl.covers(o.tmpl)
	}
	return r.key == o.key && r.Method != AnyMethod && o.Method == AnyMethod
}

// compareStatic compares two templates segment by segment: a literal goes before what has
// a parameter in it, that before a parameter alone, and that before a tail.
func compareStatic(a, b Template) int {
	for i := range min(len(a.segs), len(b.segs)) {
		if c := cmp.Compare(a.rank(i), b.rank(i)); c != 0 {
			return c
		}
	}
	return 0
}

func (t Template) rank(i int) int {
	switch s := t.segs[i]; {
	case t.tail && i == len(t.segs)-1:
		return 3
	case len(s.lits) == 1:
		return 0
	case strings.Join(s.lits, "") != "":
		return 1
	}
	return 2
}
