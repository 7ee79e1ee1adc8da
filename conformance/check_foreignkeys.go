package conformance

import (
	"context"
)

// foreignKeys: records do not name records that the key must not see.
var foreignKeys = Check{
	ID: "foreign-keys", Category: "records",
	Title: "records do not hold the ids of records that the key must not see",
	Doc: `Finds in the full key's list the attribute that names records of another object, and reads
the list with a key from which some of those are hidden. The id of a hidden one is the
finding, after the full list was read again; null and absence are right.`,
	Finds: []string{"hidden-id-as-foreign-key"},
	ask:   func(p *planner) { p.askRelated(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, all, err := l.relatedList(ctx, rec, q)
		if err != nil {
			return err
		}
		rel, hidden, err := l.related(ctx, rec, q, all.Items)
		if err != nil {
			return err
		}
		gone := idSet(hidden)
		some := false
		for _, it := range all.Items {
			some = some || gone[refID(it.Fields[rel.attr])]
		}
		if !some {
			return leaveOut("no record of the list names a hidden %s", q.Field)
		}
		seen, err := l.listed(ctx, rec, "seen", q.Row, q.Keys[0], path)
		if err != nil {
			return err
		}
		if len(seen.Items) == 0 {
			return leaveOut("the list shows the key no record that names a hidden %s", q.Field)
		}
		named := map[string]bool{}
		for _, it := range seen.Items {
			named[refID(it.Fields[rel.attr])] = true
		}
		var shown []Item
		for _, it := range hidden {
			if named[it.ID] {
				shown = append(shown, it)
			}
		}
		rec.Set("shown", l.IDs(shown))
		_, err = l.stillHidden(ctx, rec, q.Field, q.Keys[0], q.Keys[1], shown)
		return err
	},
	decide: decideShown("names %d hidden records"),
}

// related returns how records refer to the question's other object, and which of those are
// hidden from the key.
func (l *Lab) related(ctx context.Context, rec *Record, q *Question, items []Item) (relation, []Item, error) {
	all, err := l.records(ctx, rec, q.Field, q.Keys[1])
	if err != nil {
		return relation{}, nil, err
	}
	attr := reference(items, all.Items, q.Field)
	if attr == "" {
		return relation{}, nil, leaveOut("the records of %s do not name records of %s", q.Object, q.Field)
	}
	_, hidden, err := l.divide(ctx, rec, q.Field, q.Keys[0], q.Keys[1], all.Items)
	if err != nil {
		return relation{}, nil, err
	}
	if len(hidden) == 0 {
		return relation{}, nil, leaveOut("no %s is hidden from the key", q.Field)
	}
	return relation{q.Field, attr, all}, hidden, nil
}
