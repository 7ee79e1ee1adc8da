package reference

import (
	"cmp"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Bounds on one query.
const (
	maxLimit   = 1000 // rows on a page, and how many there are when none is asked for
	maxTerms   = 50   // filters, sorts, fields, includes, ids: of each
	maxInclude = 100  // children of one row
)

// A query is what the parameters of a list ask for.
//
//	limit=N cursor=C          N rows, and the next ones
//	q=TEXT                    rows in which some field has the text
//	filter[field]=V           rows whose field is V; filter[rel][field]: of the related row
//	sort=f,-g                 by f, then by g downward; rel.f of the related row
//	fields=a,b include=rel    fields shown, related rows shown with them
//	ids=1,2                   these rows
type query struct {
	limit, offset   int
	text            string
	filters         []filter
	sorts           []sortKey
	fields, include []string
	omit            []string // fields that are left out
	ids             []string
	limitIDs        bool // ids was given
}

// A filter has a relation or none.
type filter struct{ relation, field, value string }

type sortKey struct {
	relation, field string
	down            bool
}

// A queryError says which parameter is wrong.
type queryError struct{ parameter string }

func (e *queryError) Error() string { return "bad parameter " + e.parameter }

// parseQuery reads the parameters that it knows and ignores others. It looks at the first
// value of each.
func parseQuery(raw string) (query, error) {
	q := query{limit: maxLimit}
	if raw == "" {
		return q, nil
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, &queryError{"query"}
	}
	if len(values) > maxTerms {
		return q, &queryError{"query"}
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := values.Get(name)
		bad := false
		switch {
		case name == "limit":
			n, err := strconv.Atoi(value)
			q.limit, bad = min(n, maxLimit), err != nil || n < 0
		case name == "cursor":
			q.offset, bad = readCursor(value)
			bad = !bad
		case name == "q":
			q.text = strings.ToLower(value)
		case name == "sort":
			for _, term := range list(value) {
				field, down := strings.CutPrefix(term, "-")
				k := sortKey{field: field, down: down}
				if rel, f, ok := strings.Cut(field, "."); ok {
					k.relation, k.field = rel, f
				}
				q.sorts = append(q.sorts, k)
			}
			bad = len(q.sorts) > maxTerms
		case name == "fields":
			q.fields = list(value)
			bad = len(q.fields) > maxTerms
		case name == "include":
			q.include = list(value)
			bad = len(q.include) > maxTerms
		case name == "ids":
			q.ids, q.limitIDs = list(value), true
			bad = len(q.ids) > maxLimit
		case strings.HasPrefix(name, "filter["):
			f, ok := readFilter(name)
			f.value = value
			q.filters, bad = append(q.filters, f), !ok
		}
		if bad {
			return q, &queryError{name}
		}
	}
	return q, nil
}

// list splits at commas; no text is no elements.
func list(value string) []string {
	var out []string
	for _, s := range strings.Split(value, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// readFilter reads filter[a] and filter[a][b].
func readFilter(name string) (f filter, ok bool) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(name, "filter["), "]")
	if !ok {
		return f, false
	}
	parts := strings.Split(inner, "][")
	switch len(parts) {
	case 1:
		f.field = parts[0]
	case 2:
		f.relation, f.field = parts[0], parts[1]
	default:
		return f, false
	}
	return f, f.field != ""
}

// A cursor is a number of rows that this key has been shown, so that it says nothing
// about others.
func writeCursor(offset int) string {
	return base64.RawURLEncoding.EncodeToString([]byte("rows:" + strconv.Itoa(offset)))
}

func readCursor(text string) (offset int, ok bool) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return 0, false
	}
	digits, ok := strings.CutPrefix(string(data), "rows:")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0
}

// mistaken says what a server with faults forgets when it looks at a value.
type mistaken struct{ fields, scope bool }

// value returns a field of a row, or of the row that it is related to, as the caller
// may know it; false where it may not, or there is none.
func (c *call) value(coll *collection, o object, relation, field string, forgets mistaken) (any, bool) {
	if relation == "" {
		if !forgets.fields && !c.readable(coll, field) {
			return nil, false
		}
		if r, ok := refNamed(coll, field); ok {
			id := c.reference(o, r)
			return id, id != nil
		}
		return o.at(field)
	}
	i := slices.IndexFunc(coll.refs, func(r ref) bool { return r.name == relation })
	if i < 0 {
		return nil, false
	}
	r := coll.refs[i]
	target, ok := r.to.objects[o.text(r.attribute)]
	if !ok || !c.mayRead(r.to) || !c.readable(r.to, field) || !forgets.scope && !c.s.sees(c.k, r.to, target) {
		return nil, false
	}
	return target.at(field)
}

func refNamed(coll *collection, attribute string) (ref, bool) {
	i := slices.IndexFunc(coll.refs, func(r ref) bool { return r.attribute == attribute })
	if i < 0 {
		return ref{}, false
	}
	return coll.refs[i], true
}

// matches reports whether a row is one that the query asks for.
func (c *call) matches(coll *collection, o object) bool {
	q := &c.query
	if q.limitIDs && !slices.Contains(q.ids, o.text("id")) {
		return false
	}
	for _, f := range q.filters {
		v, ok := c.value(coll, o, f.relation, f.field, mistaken{fields: c.wrong("field-filterable"), scope: c.wrong("relation-filter-unscoped")})
		if !ok || textOf(v) != f.value {
			return false
		}
	}
	return q.text == "" || c.found(coll, o, "", map[string]any(o))
}

// found reports whether some readable field has the text that is searched for.
func (c *call) found(coll *collection, o object, inside string, members map[string]any) bool {
	for name, v := range members {
		if inner, ok := v.(map[string]any); ok {
			if inside == "" && c.found(coll, o, name+".", inner) {
				return true
			}
			continue
		}
		if !strings.Contains(strings.ToLower(textOf(v)), c.query.text) {
			continue
		}
		if _, isRef := refNamed(coll, name); isRef {
			continue // the id of another row is no text of this one
		}
		if c.readable(coll, inside+name) || c.wrong("field-searchable") {
			return true
		}
	}
	return false
}

// order sorts rows as the query asks. Rows without a value, or whose value the caller may
// not know, stand first and in their old order.
func (c *call) order(coll *collection, rows []object) {
	if len(c.query.sorts) == 0 {
		return
	}
	forgets := mistaken{fields: c.wrong("field-sortable"), scope: c.wrong("relation-sort-unscoped")}
	slices.SortStableFunc(rows, func(a, b object) int {
		for _, k := range c.query.sorts {
			v, _ := c.value(coll, a, k.relation, k.field, forgets)
			w, _ := c.value(coll, b, k.relation, k.field, forgets)
			by := compare(v, w)
			if k.down {
				by = -by
			}
			if by != 0 {
				return by
			}
		}
		return 0
	})
}

// compare orders numbers by value and everything else as text.
func compare(a, b any) int {
	x, okX := number(a)
	y, okY := number(b)
	if okX && okY {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(textOf(a), textOf(b))
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// list answers the rows among these that the caller sees and the query asks for. The
// store is locked.
func (c *call) list(coll *collection, rows []object) answer {
	q := &c.query
	if len(q.filters) > 0 && c.wrong("unpermitted-filter-dropped") {
		c.dropHidden(coll)
	}
	scoped := coll.rules.scoped() || len(coll.refs) > 0
	unscoped := scoped && (c.wrong("list-unfiltered") && coll.rules.scoped() ||
		q.text != "" && c.wrong("search-unfiltered") || q.limitIDs && c.wrong("batch-ignores-scope"))
	var shown []object
	everything := 0
	late := scoped && c.wrong("paging-window-leaks")
	for _, o := range rows {
		if !c.matches(coll, o) {
			continue
		}
		everything++
		if unscoped || late || !scoped || c.sees(coll, o) {
			shown = append(shown, o)
		}
	}
	if len(shown) > 1 && c.wrong("more-grants-see-fewer-records") && c.who == Valid && c.k.holds[c.s.stranger(c.rt)] {
		shown = shown[:len(shown)-1]
	}
	total := len(shown)
	if c.wrong("totals-unfiltered") {
		total = everything
	}
	c.order(coll, shown)
	from := min(q.offset, len(shown))
	to := min(from+q.limit, len(shown))
	page := shown[from:to]
	var next any
	if to < len(shown) && q.limit > 0 {
		next = writeCursor(to)
	}
	if late {
		total = 0
		for _, o := range shown {
			if c.sees(coll, o) {
				total++
			}
		}
		page = slices.DeleteFunc(slices.Clone(page), func(o object) bool { return !c.sees(coll, o) })
	}
	data := make([]object, len(page))
	for i, o := range page {
		data[i] = c.show(coll, o)
	}
	c.w.Header().Set("X-Total-Count", strconv.Itoa(total))
	return answer{status: 200, body: object{"data": data, "total": total, "next": next}}
}

// dropHidden forgets filters that ask for rows of a hidden parent: a fault.
func (c *call) dropHidden(coll *collection) {
	c.query.filters = slices.DeleteFunc(c.query.filters, func(f filter) bool {
		r, ok := refNamed(coll, f.field)
		if !ok || f.relation != "" {
			return false
		}
		o, there := r.to.objects[f.value]
		return there && !c.s.sees(c.k, r.to, o)
	})
}

// show is a row as the caller may see it: without fields and ids that are hidden from
// it, with the fields and related rows that the query asks for.
func (c *call) show(coll *collection, o object) object {
	out := c.project(coll, o)
	q := &c.query
	if len(q.fields) > 0 {
		picked := object{}
		for _, name := range q.fields {
			if v, ok := out[name]; ok {
				picked[name] = v
			} else if head, _, inside := strings.Cut(name, "."); inside && out[head] != nil {
				if v, ok := out.at(name); ok {
					put(picked, name, v)
				}
			} else if v, ok := o.at(name); ok && c.wrong("field-selectable") {
				put(picked, name, v)
			}
		}
		picked["id"] = o["id"]
		out = picked
	}
	if len(q.include) > 0 {
		out = out.merged(nil) // rows are shared
	}
	for _, name := range q.include {
		c.relate(coll, o, name, out)
	}
	if len(q.omit) > 0 {
		out = out.merged(nil) // rows are shared
		for _, name := range q.omit {
			delete(out, name)
		}
	}
	return out
}

// relate adds a related row, or the children of a row, to an answer.
func (c *call) relate(coll *collection, o object, name string, out object) {
	unscoped := c.wrong("include-unfiltered")
	for _, r := range coll.refs {
		if r.name != name || !c.mayRead(r.to) {
			continue
		}
		if target, ok := r.to.objects[o.text(r.attribute)]; ok && (unscoped || c.sees(r.to, target)) {
			out[name] = c.project(r.to, target)
		}
	}
	for _, ch := range coll.children {
		if ch.name != name || !c.mayRead(ch.of) {
			continue
		}
		rows := []object{}
		for _, target := range c.childrenOf(ch, o) {
			if unscoped || c.sees(ch.of, target) {
				if rows = append(rows, c.project(ch.of, target)); len(rows) == maxInclude {
					break
				}
			}
		}
		out[name] = rows
	}
}

// childrenOf returns the rows of another collection that refer to a row. All rows are looked
// through once for a request, not once for each row on the page.
func (c *call) childrenOf(ch child, o object) []object {
	byParent, ok := c.family[ch.of]
	if !ok {
		byParent = map[string][]object{}
		for _, id := range ch.of.ids {
			target := ch.of.objects[id]
			if parent, ok := target[ch.ref.attribute].(string); ok {
				byParent[parent] = append(byParent[parent], target)
			}
		}
		if c.family == nil {
			c.family = map[*collection]map[string][]object{}
		}
		c.family[ch.of] = byParent
	}
	return byParent[o.text("id")]
}

// project is a row without the fields that the caller may not see, and without the ids
// of rows that it does not see.
func (c *call) project(coll *collection, o object) object {
	return c.s.manners.row(c, coll, o, c.visible(coll, o))
}

// visible is [call.project] before a vendor's manners.
func (c *call) visible(coll *collection, o object) object {
	if !coll.rules.guarded() && len(coll.refs) == 0 {
		return o
	}
	if coll.rules.guarded() && c.wrong("field-unguarded") {
		return o
	}
	out := make(object, len(o))
	for name, v := range o {
		if rest := coll.rules.nested[name]; rest != nil {
			if inner, ok := v.(map[string]any); ok {
				v = c.projectInside(coll, name, rest, inner)
			}
		}
		switch {
		case c.readable(coll, name):
			out[name] = v
		case c.s.unlisted(coll, name):
			out[name] = nil
		}
	}
	for _, r := range coll.refs {
		if _, ok := out[r.attribute]; ok {
			out[r.attribute] = c.reference(o, r)
		}
	}
	return out
}

func (c *call) projectInside(coll *collection, name string, rest []string, inner map[string]any) any {
	out := object{}
	for k, v := range inner {
		if !slices.Contains(rest, k) || c.readable(coll, name+"."+k) {
			out[k] = v
		}
	}
	return map[string]any(out)
}

// reference is the id of a related row, nil if the caller does not see that.
func (c *call) reference(o object, r ref) any {
	id := o[r.attribute]
	target, ok := r.to.objects[textOf(id)]
	if ok && !c.s.sees(c.k, r.to, target) && !c.wrong("hidden-id-as-foreign-key") {
		return nil
	}
	return id
}

// sees is whether the caller sees a row, on this route.
func (c *call) sees(coll *collection, o object) bool {
	if c.wrong("subresource-unfiltered") {
		return !coll.rules.scoped() || coll.rules.shares(c.k, o, coll.name) && coll.rules.revealed(c.k, o)
	}
	return c.s.sees(c.k, coll, o)
}

func (c *call) mayRead(coll *collection) bool { return c.s.reads(c.k, coll) }

func (c *call) readable(coll *collection, field string) bool {
	ignores := c.rt.row.Ignores
	if star := coll.rules.star; star != nil && c.wrong("allow-list-ignored") {
		ignores = append([]string{star.listed}, ignores...)
	}
	return c.s.readable(c.k, coll, field, ignores)
}
