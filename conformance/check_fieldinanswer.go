package conformance

import (
	"context"

	"github.com/permcheck/permcheck/catalogs"
)

// fieldInAnswer: the answer to a write shows no field that the key may not see.
var fieldInAnswer = Check{
	ID: "field-in-answer", Category: "fields",
	Title: "the answer to a write shows no field that the key may not see",
	Doc: `Makes a record, changes it with each row that changes such records and a key that lacks the
permission of a field, and looks in the answer for the value that the full key reads there. That is
the finding. It says nothing where the key is refused.`,
	Finds:  []string{"field-in-write-answer"},
	effort: SomeWrites,
	ask: func(p *planner) {
		p.askHidden(func(f *catalogs.Field) []int { return p.withBodies(f.Object) }, Question{Expect: Refuse})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, it, err := l.written(ctx, rec, q)
		if err != nil {
			return err
		}
		set := map[string]any{}
		if m := l.Plan.Rows[q.Row].Method; m == "PATCH" || m == "PUT" {
			set[w.text] = l.Mark()
		}
		a := w.change(ctx, rec, "changed by the key", q.Row, w.key, it, set)
		if !a.OK() {
			return leaveOut("the key was answered %d", a.Status)
		}
		l.Send(ctx, rec, Call{Label: "full", Method: "GET", Path: fillID(l.Plan.Rows[w.get].Path, it.ID), By: l.As(w.full)})
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		full, answer := rec.Find("full"), rec.Find("changed by the key")
		known := valuesAt(&full.Body, q.Field)
		if !full.OK() || len(known) == 0 {
			return Skipped, "the record that was made has no value in the field"
		}
		if len(shared(known, valuesAt(&answer.Body, q.Field))) > 0 {
			return Fail, "the answer shows the value of the field"
		}
		return Pass, ""
	},
}

// withBodies are the rows that change a record and answer something.
func (p *planner) withBodies(object string) []int {
	var rows []int
	for _, row := range p.writesTo(object) {
		if p.Rows[row].Method != "DELETE" {
			rows = append(rows, row)
		}
	}
	return rows
}

// written makes a record for a question about a field.
func (l *Lab) written(ctx context.Context, rec *Record, q *Question) (*workshop, *Item, error) {
	w, err := l.workshop(ctx, rec, q)
	if err != nil {
		return nil, nil, err
	}
	it, err := w.made(ctx, rec, true)
	return w, it, err
}
