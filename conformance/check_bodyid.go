package conformance

import (
	"context"
	"fmt"
)

// bodyID: the id in the path decides which record is written.
var bodyID = Check{
	ID: "body-id", Category: "records",
	Title: "an id in a body does not win over the one in the path",
	Doc: `Makes a record that a key sees and one that is hidden from it, and updates the first with the id
of the second in the body. That the hidden record was changed is the finding. The key must be
able to update the first one without that, or nothing is said.`,
	Finds:  []string{"body-id-wins"},
	effort: SomeWrites,
	ask:    func(p *planner) { p.askChanges([]string{"PATCH", "PUT"}, Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, err := l.workshop(ctx, rec, q)
		if err != nil {
			return err
		}
		mine, err := w.made(ctx, rec, true)
		if err != nil {
			return err
		}
		theirs, err := w.made(ctx, rec, false)
		if err != nil {
			return err
		}
		if a := w.change(ctx, rec, "changed by the key", q.Row, w.key, mine, map[string]any{w.text: l.Mark()}); !a.OK() {
			return leaveOut("the key was answered %d for a record that it sees", a.Status)
		}
		id := l.dialect().idMember(theirs.Fields)
		mark := l.Mark()
		w.change(ctx, rec, "with the id of a hidden record in the body", q.Row, w.key, mine, map[string]any{w.text: mark, id: theirs.Fields[id]})
		touched, err := w.touched(ctx, rec, theirs, mark)
		rec.Fact("touched", fmt.Sprint(touched))
		return err
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if rec.Facts["touched"] == "true" {
			return Fail, "the hidden record that the body names was changed"
		}
		return Pass, ""
	},
}
