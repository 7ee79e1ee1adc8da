package conformance

import (
	"context"
	"fmt"
)

// movedRecords: an update moves no record into, and none out of, what the key sees.
var movedRecords = Check{
	ID: "moved-records", Category: "records",
	Title: "an update moves no record into or out of what the key may see",
	Doc: `Makes a record that a key sees and one that is hidden from it, and updates each with the key so
that the conditions of its sharing option would hide it, or show it. A hidden record that is shown
afterwards is the finding. A record that is hidden afterwards is one where the catalog says outside: refused in
the record's rule; where it says nothing that is only observed.`,
	Finds:  []string{"update-leaves-scope", "update-enters-scope"},
	effort: SomeWrites,
	ask: func(p *planner) {
		for _, way := range []string{"out", "in"} {
			for i := range p.catalog.Records {
				if rule := &p.catalog.Records[i]; len(rule.Sharing) > 0 {
					for _, row := range p.writesTo(rule.Object) {
						if m := p.Rows[row].Method; m == "PATCH" || m == "PUT" {
							p.askViewers(row, rule.Object, Question{Field: "." + way, Expect: Refuse})
						}
					}
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, err := l.workshop(ctx, rec, q)
		if err != nil {
			return err
		}
		out := q.Field == ".out"
		set := map[string]any{}
		from := w.allowed
		if out {
			from = w.hidden
		}
		option := l.Option(q.Object, l.Plan.Keys[w.key].Sharing[q.Object])
		if len(option.Conditions) == 0 || len(from) == 0 {
			return leaveOut("nothing says what would move a record")
		}
		for _, c := range option.Conditions {
			set[c.Attribute] = richest(from).Fields[c.Attribute]
		}
		it, err := w.made(ctx, rec, out)
		if err != nil {
			return err
		}
		w.change(ctx, rec, "moved by the key", q.Row, w.key, it, set)
		now, err := w.read(ctx, rec, it.ID)
		if err != nil {
			return err
		}
		sees, err := w.sees(ctx, rec, now)
		if err != nil {
			return err
		}
		rec.Fact("moved", fmt.Sprint(sees != out))
		if sees == out { // as it was
			if b := w.change(ctx, rec, "moved by the full key", q.Row, w.full, it, set); !b.OK() {
				return leaveOut("the full key was answered %d to the same change", b.Status)
			}
		}
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		switch rule := j.plan.recordRule(q.Object); {
		case rec.Facts["moved"] != "true":
			return Pass, ""
		case q.Field == ".in":
			return Fail, "a hidden record was changed so that the key sees it"
		case rule == nil || rule.Outside != "refused":
			return Skipped, "a record was changed so that the key no longer sees it; the catalog does not say whether that is refused (records: outside:)"
		}
		return Fail, "a record was changed so that the key no longer sees it, where the catalog says that such writes are refused"
	},
}
