package conformance

import (
	"context"
)

// createOutside: a key makes no record that it may not see.
var createOutside = Check{
	ID: "create-outside", Category: "records",
	Title: "a key makes no record that it may not see",
	Doc: `Makes a record like a hidden one with a key from which it would be hidden, and reads it with the
full key. That it was made so is the finding where the catalog says outside: refused in the
record's rule; where it says nothing it is only observed. A server that makes it so that the key sees it is right.`,
	Finds:  []string{"create-outside-scope"},
	effort: SomeWrites,
	ask: func(p *planner) {
		for i := range p.catalog.Records {
			object, full := p.catalog.Records[i].Object, p.full()
			if full < 0 || len(p.catalog.Records[i].Sharing) == 0 {
				continue
			}
			home := p.home(object, full)
			for row := range p.Rows {
				if r := &p.Rows[row]; home >= 0 && r.Endpoint != nil && r.Method == "POST" && !r.Reads && r.Path == p.Rows[home].Path {
					p.askViewers(row, object, Question{Expect: Refuse})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, err := l.workshop(ctx, rec, q)
		if err != nil {
			return err
		}
		if _, err := w.made(ctx, rec, false); err != nil { // the control
			return err
		}
		it, err := w.create(ctx, rec, "made by the key", w.key, richest(w.hidden))
		if err != nil || it == nil {
			return err
		}
		sees, err := w.sees(ctx, rec, it)
		if err == nil && !sees {
			rec.Fact("outside", "yes")
		}
		return err
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		switch rule := j.plan.recordRule(q.Object); {
		case rec.Facts["outside"] == "":
			return Pass, ""
		case rule == nil || rule.Outside != "refused":
			return Skipped, "a record was made that the key does not see; the catalog does not say whether that is refused (records: outside:)"
		}
		return Fail, "a record was made that the key does not see, where the catalog says that such writes are refused"
	},
}
