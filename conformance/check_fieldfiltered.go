package conformance

import (
	"context"
	"slices"
)

// fieldFiltered: a filter does not look at a field that the key may not see.
var fieldFiltered = Check{
	ID: "field-filtered", Category: "fields",
	Title: "a filter does not look at a field that the key may not see",
	Doc: `Filters a list by a value of a field with a key that lacks the field's permission, and by a
value that no record has. The full key proves how the API spells filters. Records for the
first and none for the second are the finding; a refusal, and two answers that are alike, are right.`,
	Finds: []string{"field-filterable"},
	ask:   func(p *planner) { p.askHidden(p.listsOf, Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.fieldGround(ctx, rec, q)
		if err != nil {
			return err
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Filter, q.Field)
		if err != nil {
			return err
		}
		it, value := g.own(q.Field)
		if value == "" {
			return leaveOut("no record that the key sees has a value of its own in the field")
		}
		return l.hitOrMiss(ctx, rec, q, g, s.With(q.Field, value), s.With(q.Field, nonsenseLike(member(it.Fields, q.Field))), it)
	},
	decide: decideHit("a filter by the field finds the record that has the value"),
}

// A fieldGround is what a question about what a list can do with a hidden field stands on:
// the field itself is not shown.
type fieldGround struct {
	path       string
	full, seen *Listing
	base       []string // ids of the key's list, in its order
}

// fieldGround reads the list of a question with the full key and with the one that lacks the
// field.
func (l *Lab) fieldGround(ctx context.Context, rec *Record, q *Question) (*fieldGround, error) {
	path, err := l.Path(ctx, q.Row)
	if err != nil {
		return nil, err
	}
	g := &fieldGround{path: path}
	if g.full, err = l.listed(ctx, rec, "full", q.Row, q.Keys[1], path); err != nil {
		return nil, err
	}
	if g.seen, err = l.listed(ctx, rec, "without", q.Row, q.Keys[0], path); err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, it := range g.full.Items {
		if v := plainText(member(it.Fields, q.Field)); v != "" {
			known[v] = true
		}
	}
	if len(known) == 0 {
		return nil, leaveOut("the full key's list does not show the field as a text or a number")
	}
	for _, it := range g.seen.Items {
		if v := plainText(member(it.Fields, q.Field)); known[v] {
			return nil, leaveOut("the list by itself shows the field")
		}
	}
	g.base = order(g.seen.Items)
	return g, nil
}

// own is a record that the key sees too, with a value of the field that no other record has.
func (g *fieldGround) own(field string) (Item, string) {
	counts := map[string]int{}
	for _, it := range g.full.Items {
		counts[plainText(member(it.Fields, field))]++
	}
	for _, it := range g.full.Items {
		if v := plainText(member(it.Fields, field)); v != "" && counts[v] == 1 && holds(g.seen.Items, it.ID) {
			return it, v
		}
	}
	return Item{}, ""
}

// hitOrMiss asks for what only one record has in a field, and for what none has. It records
// the fact "hit".
func (l *Lab) hitOrMiss(ctx context.Context, rec *Record, q *Question, g *fieldGround, hit, miss string, it Item) error {
	call := Call{Label: "a value of the field", Method: "GET", Path: g.path, Query: hit, By: l.As(q.Keys[0]), row: q.Row + 1}
	a := l.Send(ctx, rec, call)
	call.Label, call.Query = "a value that none has", miss
	b := l.Send(ctx, rec, call)
	if a.OK() && slices.Contains(l.idsIn(a), it.ID) && !(b.OK() && slices.Contains(l.idsIn(b), it.ID)) {
		rec.Fact("hit", "yes")
	}
	return nil
}

func decideHit(reason string) func(*judge, *Question, *Record) (Verdict, string) {
	return func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if rec.Facts["hit"] != "" {
			return Fail, reason
		}
		return Pass, ""
	}
}
