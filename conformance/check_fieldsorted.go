package conformance

import (
	"context"
	"slices"
)

// fieldSorted: an order does not follow a field that the key may not see.
var fieldSorted = Check{
	ID: "field-sorted", Category: "fields",
	Title: "an order does not follow a field that the key may not see",
	Doc: `Sorts a list by a field, up and down, with a key that lacks its permission. The full key proves
how the API spells an order. The full key's order, both ways, is the finding; a refusal, and an
order that does not depend on the field, are right. It takes three records with different
values whose order is not that of the plain list.`,
	Finds: []string{"field-sortable"},
	ask:   func(p *planner) { p.askHidden(p.listsOf, Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.fieldGround(ctx, rec, q)
		if err != nil {
			return err
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Sort, q.Field)
		if err != nil {
			return err
		}
		// One record for each value: those with the same have no order.
		value := map[string]string{}
		taken := map[string]bool{}
		for _, it := range g.full.Items {
			if v := plainText(member(it.Fields, q.Field)); v != "" && !taken[v] && holds(g.seen.Items, it.ID) {
				taken[v] = true
				value[it.ID] = v
			}
		}
		pick := func(ids []string) []string {
			return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return value[id] == "" })
		}
		sorted := func(by int, query, label string, note *Record) ([]string, error) {
			got, err := l.listAt(ctx, note, label, q.Row, g.path, l.As(by), query)
			if err != nil {
				return nil, err
			}
			return pick(order(got.Items)), nil
		}
		up, errUp := sorted(q.Keys[1], s.With(q.Field, ""), "", nil)
		down, errDown := sorted(q.Keys[1], s.Descending(q.Field), "", nil)
		reversed := slices.Clone(up)
		slices.Reverse(reversed)
		base := pick(g.base)
		switch {
		case errUp != nil || errDown != nil || !slices.Equal(reversed, down):
			return leaveOut("the full key's order by the field is not the same up and down")
		case len(up) < 3 || slices.Equal(base, up) || slices.Equal(base, down):
			return leaveOut("the plain list is in the order of the field already, or too short to tell")
		}
		gotUp, errUp := sorted(q.Keys[0], s.With(q.Field, ""), "up", rec)
		if errUp != nil {
			return nil // refused
		}
		gotDown, errDown := sorted(q.Keys[0], s.Descending(q.Field), "down", rec)
		if errDown == nil && slices.Equal(gotUp, up) && slices.Equal(gotDown, down) {
			rec.Fact("hit", "both ways")
		}
		return nil
	},
	decide: decideHit("the list is in the order of the field, up and down"),
}
