package conformance

import (
	"context"
	"slices"
)

// droppedFilter: a filter by a hidden record gives nothing, rather than everything.
var droppedFilter = Check{
	ID: "dropped-filter", Category: "records",
	Title: "a filter by a record that the key must not see is not dropped",
	Doc: `Filters a list by the id of a record that is hidden from the key, and by an id that nobody has.
The full key proves how the API spells that. Records in answer to the hidden one and none in
answer to the other are the finding: the server dropped what it would not look up, and answered
something else than was asked.`,
	Finds: []string{"unpermitted-filter-dropped"},
	ask: func(p *planner) {
		p.askRelated(Question{Expect: Refuse})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, all, err := l.relatedList(ctx, rec, q)
		if err != nil {
			return err
		}
		rel, hidden, err := l.related(ctx, rec, q, all.Items)
		if err != nil {
			return err
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Filter, rel.attr)
		if err != nil {
			return err
		}
		ask := func(label, value string) *Answer {
			return l.Send(ctx, rec, Call{Label: label, Method: "GET", Path: path, Query: s.With(rel.attr, value), By: l.As(q.Keys[0]), row: q.Row + 1})
		}
		absent := ask("filtered by an id that nobody has", nonsense)
		if absent.OK() && len(l.dialect().list(absent.JSON())) > 0 {
			return leaveOut("the key is answered the same whatever the filter says")
		}
		for _, it := range hidden[:min(len(hidden), 3)] {
			a := ask("filtered by a hidden record", it.ID)
			list := l.dialect().list(a.JSON())
			if !a.OK() || len(list) == 0 {
				continue
			}
			// Those that refer to the hidden record are another check's.
			if slices.ContainsFunc(list, func(v any) bool {
				m, _ := v.(map[string]any)
				return refID(m[rel.attr]) != it.ID && m[rel.attr] != nil
			}) || l.elsewhere(list, all.Items, rel.attr, it.ID) {
				rec.Set("shown", []string{l.hash.text(it.ID)})
				_, err := l.stillHidden(ctx, rec, q.Field, q.Keys[0], q.Keys[1], []Item{it})
				return err
			}
		}
		return nil
	},
	decide: decideTempted("a filter by a hidden record is answered with other records"),
}

// elsewhere reports whether a list holds records which, as the full key sees them, refer to
// another record than one.
func (l *Lab) elsewhere(list []any, all []Item, attr, id string) bool {
	for _, v := range list {
		at := slices.IndexFunc(all, func(it Item) bool { return it.ID == l.dialect().id(v) })
		if at >= 0 && refID(all[at].Fields[attr]) != id {
			return true
		}
	}
	return false
}
