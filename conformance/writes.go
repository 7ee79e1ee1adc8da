package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// writesTo returns the rows that change one record of an object: their paths are that of a
// row that gets it, or go on from there, or they are said to answer the record.
func (p *planner) writesTo(object string) []int {
	var out []int
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Reads || len(r.Params()) != 1 {
			continue
		}
		for _, g := range p.getting(object) {
			get := &p.Rows[g]
			if get.Method != "GET" || len(get.Params()) != 1 {
				continue
			}
			prefix, ok := prefixLike(r.Path, get.Path)
			if catalogs.EndpointKey("", r.Path) == catalogs.EndpointKey("", get.Path) ||
				r.Endpoint.Gets == object && (ok && len(prefix) < len(r.Path) || strings.HasSuffix(r.Path, "}")) {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// askChanges adds a question for each row that changes a record, and each key that sees a
// part of such records.
func (p *planner) askChanges(methods []string, q Question) {
	for _, object := range p.objects() {
		for _, row := range p.writesTo(object) {
			if len(methods) == 0 || slices.Contains(methods, p.Rows[row].Method) {
				p.askViewers(row, object, q)
			}
		}
	}
}

// A workshop makes records for a question that writes.
type workshop struct {
	l         *Lab
	object    string
	key, full int
	all       *Listing
	allowed   []Item // there are, as the key may see them
	hidden    []Item
	text      string // a field with a text that the client chooses
	get       int    // the row that gets one record
}

// workshop reads what there is of a question's object.
func (l *Lab) workshop(ctx context.Context, rec *Record, q *Question) (*workshop, error) {
	l = l.afresh() // questions before this one have written
	w := &workshop{l: l, object: q.Object, key: q.Keys[0], full: q.Keys[1], get: -1}
	var err error
	if w.all, err = l.records(ctx, rec, q.Object, w.full); err != nil {
		return nil, err
	}
	if w.allowed, w.hidden, err = l.divide(ctx, rec, q.Object, w.key, w.full, w.all.Items); err != nil {
		return nil, err
	}
	for i := range l.Plan.Rows {
		if r := &l.Plan.Rows[i]; r.Endpoint != nil && r.Method == "GET" && r.Reads && r.Endpoint.Gets == q.Object && len(r.Params()) == 1 && r.Need.Admits(l.Plan.Keys[w.full].Grants) {
			w.get = i
			break
		}
	}
	if w.get < 0 {
		return nil, leaveOut("no row gets one %s", q.Object)
	}
	w.text = w.freeText()
	if w.text == "" {
		return nil, leaveOut("the records of %s show no text that could be changed", q.Object)
	}
	return w, nil
}

// freeText is a field with a text that clients choose: many records have one, hardly two the same,
// it is no id, and no rule of the catalog is about it.
func (w *workshop) freeText() string {
	values := map[string]map[string]bool{}
	count := map[string]int{}
	ids := idSet(w.all.Items)
	for _, it := range w.all.Items {
		for name, v := range it.Fields {
			text, ok := v.(string)
			if !ok || text == "" || ids[text] || strings.HasPrefix(text, w.l.run.mark) {
				continue // nothing, a name of something, or what the run wrote there itself
			}
			if values[name] == nil {
				values[name] = map[string]bool{}
			}
			values[name][text] = true
			count[name]++
		}
	}
	other := ""
	for _, name := range sortedNames(richest(w.all.Items).Fields) {
		if count[name] < 2 || 4*len(values[name]) < 3*count[name] || w.ruled(name) || w.refers(name) {
			continue
		}
		spaced := false
		for text := range values[name] {
			spaced = spaced || strings.Contains(text, " ")
		}
		switch {
		case spaced || slices.Contains(nameMembers, name):
			return name
		case other == "":
			other = name // it may be made up by the server
		}
	}
	return other
}

// refers reports whether the name of a field says that it holds the id of another record.
func (w *workshop) refers(name string) bool {
	lower := letters(name)
	return strings.HasSuffix(lower, "id") || slices.ContainsFunc(w.l.Plan.objects(), func(object string) bool {
		return object != w.object && (lower == letters(object) || lower == letters(object)+"s")
	})
}

// richest is the record with the most fields.
func richest(items []Item) Item {
	var best Item
	for _, it := range items {
		if len(it.Fields) > len(best.Fields) {
			best = it
		}
	}
	return best
}

// ruled reports whether a rule of the catalog is about a field.
func (w *workshop) ruled(name string) bool {
	for _, f := range w.l.Catalog.Fields {
		if f.Object == w.object && f.Name == name {
			return true
		}
	}
	return w.conditional(name)
}

// conditional reports whether the record rule of the object looks at a field.
func (w *workshop) conditional(name string) bool {
	if r := w.l.Plan.recordRule(w.object); r != nil {
		for _, o := range slices.Concat(r.Sharing, r.Grants) {
			for _, c := range o.Conditions {
				if c.Attribute == name {
					return true
				}
			}
		}
	}
	return false
}

// create asks for a record like another, with a text of its own. It returns the record as the
// full key reads it; nil where the request was refused.
func (w *workshop) create(ctx context.Context, rec *Record, label string, by int, like Item) (*Item, error) {
	l := w.l
	post, path := w.collection(by, like)
	if post < 0 {
		return nil, leaveOut("no row makes records of %s", w.object)
	}
	if l.run.target.Writes == WritesDisposable && l.Plan.deleter(&l.Plan.Rows[post]) < 0 {
		return nil, leaveOut("the catalog has no DELETE that would take away what is made with %s", &l.Plan.Rows[post])
	}
	body := map[string]any{}
	stated := map[string]any{}
	mark := l.Mark()
	if json.Unmarshal(l.run.body(&l.Plan.Rows[post], mark), &stated) == nil && l.run.target.Bodies[catalogs.EndpointKey("POST", l.Plan.Rows[post].Path)] != nil {
		body = stated
	}
	id := l.dialect().idMember(like.Fields)
	for name, v := range like.Fields {
		switch v.(type) {
		case nil, []any, map[string]any: // a list of ids would take what is there away from where it belongs
		default:
			if name != id {
				body[name] = v
			}
		}
	}
	body[w.text] = mark
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	f := Fresh{Path: path, Body: data, Mark: mark}
	a := l.Send(ctx, rec, Call{Label: label, Method: "POST", Path: f.Path, Body: data, By: l.As(by)})
	if !a.OK() {
		return nil, nil
	}
	if err := l.Owe(post, f, a); err != nil {
		return nil, err
	}
	made := l.run.maker.idOf(a)
	if made == "" {
		return nil, leaveOut("the answer to a create does not show the id of what was made")
	}
	return w.read(ctx, rec, made)
}

// collection is the row that makes records of the object, and its path: where they are
// listed, below the record that another one is a part of where the path goes through that. -1:
// there is none that a key is admitted to.
func (w *workshop) collection(by int, like Item) (post int, path string) {
	p := w.l.Plan
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != http.MethodPost || r.Reads || !r.Need.Admits(p.Keys[by].Grants) ||
			!slices.ContainsFunc(p.Rows, func(g Row) bool {
				return g.Endpoint != nil && g.Method == http.MethodGet && g.Endpoint.Lists == w.object && sameCollection(g.Path, r.Path)
			}) {
			continue
		}
		switch container := p.container(i); {
		case len(r.Params()) == 0:
			return i, r.Path
		case len(r.Params()) == 1 && container != "":
			for name, v := range like.Fields {
				if id := refID(v); id != "" && strings.Contains(letters(name), letters(container)) {
					return i, fillID(r.Path, id)
				}
			}
		}
	}
	return -1, ""
}

// sameCollection reports whether two templates are one collection's, with a slash at the end or
// without.
func sameCollection(a, b string) bool {
	return catalogs.EndpointKey("", strings.TrimSuffix(a, "/")) == catalogs.EndpointKey("", strings.TrimSuffix(b, "/"))
}

// make is create by the full key. An error means that nothing was made.
func (w *workshop) make(ctx context.Context, rec *Record, like Item) (*Item, error) {
	it, err := w.create(ctx, rec, "made by the full key", w.full, like)
	if err == nil && it == nil {
		return nil, leaveOut("making a record like one that is there was answered %d; give a body under bodies: in the profile", rec.Last().Status)
	}
	return it, err
}

// read reads a record with the full key.
func (w *workshop) read(ctx context.Context, rec *Record, id string) (*Item, error) {
	a := w.l.Send(ctx, rec, Call{Label: "read by the full key", Method: "GET", Path: fillID(w.l.Plan.Rows[w.get].Path, id), By: w.l.As(w.full)})
	fields, _ := a.JSON().(map[string]any)
	if inner, ok := fields["data"].(map[string]any); ok {
		fields = inner
	}
	if !a.OK() || fields == nil {
		return nil, fmt.Errorf("the full key was answered %d for a record that was made", a.Status)
	}
	return &Item{id, fields}, nil
}

// sees reports whether the key may see a record.
func (w *workshop) sees(ctx context.Context, rec *Record, it *Item) (bool, error) {
	allowed, _, err := w.l.afresh().divide(ctx, rec, w.object, w.key, w.full, []Item{*it})
	return len(allowed) > 0, err
}

// made makes a record that the key sees, or one that it does not see.
func (w *workshop) made(ctx context.Context, rec *Record, visible bool) (*Item, error) {
	from, what := w.hidden, "hidden from"
	if visible {
		from, what = w.allowed, "shown to"
	}
	var it *Item
	var err error
	switch {
	case len(from) > 0:
		it, err = w.make(ctx, rec, richest(from))
	case visible && len(w.hidden) > 0: // what it makes itself it may see
		it, err = w.create(ctx, rec, "made by the key", w.key, richest(w.hidden))
	}
	if err != nil {
		return nil, err
	}
	if it == nil {
		return nil, leaveOut("no %s is %s the key, that another could be made like", w.object, what)
	}
	if sees, err := w.sees(ctx, rec, it); err != nil || sees != visible {
		if err == nil {
			err = leaveOut("a %s that is %s the key could not be made", w.object, what)
		}
		return nil, err
	}
	return it, nil
}

// change asks for a change of a record with a row.
func (w *workshop) change(ctx context.Context, rec *Record, label string, row, by int, it *Item, set map[string]any) *Answer {
	r := &w.l.Plan.Rows[row]
	c := Call{Label: label, Method: r.Method, Path: fillID(r.Path, it.ID), By: w.l.As(by)}
	switch {
	case r.Method == http.MethodDelete:
	case r.Method == http.MethodPut:
		body := map[string]any{}
		id := w.l.dialect().idMember(it.Fields)
		for name, v := range it.Fields {
			if name != id && v != nil && w.mayWrite(by, name) {
				body[name] = v
			}
		}
		for name, v := range set {
			body[name] = v
		}
		c.Body, _ = json.Marshal(body) // it was JSON before
	default:
		c.Body, _ = json.Marshal(set)
	}
	return w.l.Send(ctx, rec, c)
}

// mayWrite reports whether a key has the permission that a field needs.
func (w *workshop) mayWrite(by int, name string) bool {
	for _, f := range w.l.Catalog.Fields {
		if f.Object == w.object && f.Name == name && f.Requires != nil && !w.l.Plan.implications.Admits(*f.Requires, w.l.Plan.Keys[by].Grants) {
			return false
		}
	}
	return true
}

// touched reports whether a record holds the mark now, or, without a mark, whether it is
// another than it was or gone.
func (w *workshop) touched(ctx context.Context, rec *Record, was *Item, mark string) (bool, error) {
	a := w.l.Send(ctx, rec, Call{Label: "read afterwards", Method: "GET", Path: fillID(w.l.Plan.Rows[w.get].Path, was.ID), By: w.l.As(w.full)})
	switch {
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		return true, nil
	case !a.OK():
		return false, fmt.Errorf("the full key was answered %d for a record that was made", a.Status)
	case mark != "":
		return bytes.Contains(a.Body, []byte(mark)), nil
	}
	fields, _ := a.JSON().(map[string]any)
	if inner, ok := fields["data"].(map[string]any); ok {
		fields = inner
	}
	return w.l.Hash(fields) != w.l.Hash(was.Fields), nil
}
