package conformance

import (
	"context"
	"fmt"
	"net/http"
)

// writeOutside: a record that the key must not see cannot be changed with it.
var writeOutside = Check{
	ID: "write-outside", Category: "records",
	Title: "a record that the key must not see cannot be changed with it",
	Doc: `Makes a record that is hidden from a key, changes it with each row that changes such records and
that the key is admitted to, and reads it with the full key. That the change happened is the finding, and so is a 2xx answer
where the change cannot be seen. The full key must be able to make the same change, or nothing is said.`,
	Finds:  []string{"write-outside-scope"},
	effort: SomeWrites,
	ask:    func(p *planner) { p.askChanges(nil, Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, err := l.workshop(ctx, rec, q)
		if err != nil {
			return err
		}
		it, err := w.made(ctx, rec, false)
		if err != nil {
			return err
		}
		mark, set := "", map[string]any{}
		if m := l.Plan.Rows[q.Row].Method; m == http.MethodPatch || m == http.MethodPut {
			mark = l.Mark()
			set[w.text] = mark
		}
		a := w.change(ctx, rec, "changed by the key", q.Row, w.key, it, set)
		touched, err := w.touched(ctx, rec, it, mark)
		if err != nil {
			return err
		}
		rec.Fact("touched", fmt.Sprint(touched))
		if touched {
			return nil
		}
		if mark != "" {
			mark = l.Mark()
			set[w.text] = mark
		}
		if b := w.change(ctx, rec, "changed by the full key", q.Row, w.full, it, set); !b.OK() {
			return leaveOut("the full key was answered %d to the same change", b.Status)
		}
		seen, err := w.touched(ctx, rec, it, mark)
		if err != nil {
			return err
		}
		if !seen && a.OK() {
			rec.Fact("unseen", "yes")
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		x := rec.Find("changed by the key")
		switch {
		case rec.Facts["touched"] == "true":
			return Fail, fmt.Sprintf("answered %d, and the hidden record was changed", x.Status)
		case rec.Facts["unseen"] != "":
			return Fail, fmt.Sprintf("answered %d for a hidden record", x.Status)
		}
		return Pass, ""
	},
}
