package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// includedRecords: related records that come with an answer are those that the key may see.
var includedRecords = Check{
	ID: "included-records", Category: "records",
	Title: "related records that come with a list are only those that the key may see",
	Doc: `Asks for each list with the related records that it can include (include=, expand= and the
like, as the profile states or the full key's answers prove), and looks in the answer for
records that are hidden from the key. One that is shown is the finding, after the full list
was read again. It says nothing where the API includes nothing.`,
	Finds: []string{"include-unfiltered"},
	ask:   func(p *planner) { p.askRelated(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		key, full := q.Keys[0], q.Keys[1]
		path, all, err := l.relatedList(ctx, rec, q)
		if err != nil {
			return err
		}
		hidden, err := l.hiddenOf(ctx, rec, q.Field, key, full)
		if err != nil {
			return err
		}
		if len(hidden) == 0 {
			return leaveOut("no %s is hidden from the key", q.Field)
		}
		names := l.relatives(ctx, rec, q, all.Items)
		for _, name := range names {
			s, err := l.Spelled(ctx, q.Row, full, Include, name)
			if err != nil {
				continue
			}
			control, err := l.listAt(ctx, rec, "included, full key", q.Row, path, l.As(full), s.With("", name))
			if err != nil {
				return err
			}
			ids := idSet(hidden)
			if !slices.ContainsFunc(nestedIDs(control.Items, name), func(id string) bool { return ids[id] }) {
				continue // no hidden record is related to those of the list
			}
			got, err := l.listAt(ctx, rec, "included", q.Row, path, l.As(key), s.With("", name))
			if err != nil {
				return leaveOut("the key was not answered with %s: %v", name, err)
			}
			var shown []Item
			for _, it := range hidden {
				if slices.Contains(nestedIDs(got.Items, name), it.ID) {
					shown = append(shown, it)
				}
			}
			rec.Set("shown", l.IDs(shown))
			_, err = l.stillHidden(ctx, rec, q.Field, key, full, shown)
			return err
		}
		return leaveOut("the list includes no %s that is hidden from the key, by any of the names %s", q.Field, strings.Join(names, ", "))
	},
	decide: decideShown("shows %d hidden records"),
}

// decideShown is the decision of checks that record which hidden records were "shown".
func decideShown(format string) func(*judge, *Question, *Record) (Verdict, string) {
	return func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if n := len(shared(rec.Sets["hidden"], rec.Sets["shown"])); n > 0 {
			return Fail, fmt.Sprintf(format, n)
		}
		if len(rec.Sets["shown"]) > 0 {
			return Inconclusive, "the records that were shown are no longer hidden: somebody changed them meanwhile"
		}
		return Pass, ""
	}
}

// askRelated adds questions about a list and an object of which a key sees a part: whether
// the one tells about the other. Field is that object.
func (p *planner) askRelated(q Question) {
	full := p.full()
	if full < 0 {
		return
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != "GET" || !r.Reads || r.Endpoint.Lists == "" || r.Need.IsPublic() || p.expect(i, full) != Admit {
			continue
		}
		for j := range p.catalog.Records {
			rule := &p.catalog.Records[j]
			if rule.Object == r.Endpoint.Lists || p.home(rule.Object, full) < 0 {
				continue
			}
			viewers := p.partHolders(rule, i)
			for _, key := range p.sharers(rule, i) {
				viewers = append(viewers, viewer{key, p.Keys[key].Sharing[rule.Object]})
			}
			for _, v := range viewers {
				q := q
				q.Row, q.Object, q.Field, q.Keys, q.Variant = i, r.Endpoint.Lists, rule.Object, []int{v.key, full}, strings.TrimSpace(q.Variant+" "+v.part)
				q.Subject = "sharing:" + rule.Object + " " + r.String()
				q.Base, q.Pos = []int{p.base(i, full)}, rule.Pos
				p.ask(q)
			}
		}
	}
}

// relatedList reads the list of a question of [planner.askRelated] with the full key.
func (l *Lab) relatedList(ctx context.Context, rec *Record, q *Question) (string, *Listing, error) {
	path, err := l.listPath(ctx, rec, q.Row, q.Keys[0], q.Keys[1])
	if err != nil {
		return "", nil, err
	}
	all, err := l.listed(ctx, rec, "all", q.Row, q.Keys[1], path)
	if err != nil {
		return "", nil, err
	}
	if len(all.Items) == 0 {
		return "", nil, leaveOut("the list is empty")
	}
	return path, all, nil
}

// relatives are names under which a list may include records of the question's other object:
// those it refers to, and those that refer to it.
func (l *Lab) relatives(ctx context.Context, rec *Record, q *Question, items []Item) []string {
	var names []string
	add := func(list ...string) {
		for _, n := range list {
			if n != "" && !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	all, err := l.records(ctx, rec, q.Field, q.Keys[1])
	if err != nil {
		return nil
	}
	if attr := reference(items, all.Items, q.Field); attr != "" {
		add(relation{object: q.Field, attr: attr}.names()...)
	}
	if reference(all.Items, items, q.Object) != "" {
		if row := l.Plan.home(q.Field, q.Keys[1]); row >= 0 {
			path := l.Plan.Rows[row].Path
			add(path[strings.LastIndexByte(path, '/')+1:])
		}
		add(q.Field+"s", q.Field)
	}
	return names
}

// nestedIDs are the ids of the objects that stand at a member of records.
func nestedIDs(items []Item, name string) []string {
	var d *Dialect
	var ids []string
	add := func(v any) {
		if _, ok := v.(map[string]any); ok {
			if id := d.id(v); id != "" {
				ids = append(ids, id)
			}
		}
	}
	for _, it := range items {
		switch v := it.Fields[name].(type) {
		case []any:
			for _, e := range v {
				add(e)
			}
		default:
			add(v)
		}
	}
	return ids
}
