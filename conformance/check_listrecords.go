package conformance

import (
	"context"
	"fmt"
)

// listRecords: a list shows a key exactly the records that its sharing option allows.
var listRecords = Check{
	ID: "list-records", Category: "records",
	Title: "a list shows exactly the records that the key's sharing allows",
	Doc: `Reads a list to its last page with the key that sees everything, works out from the
conditions of the catalog which of the records each sharing option allows, and reads the same
list with a key of that option. A record too many is a leak, one too few an under-grant; both
are findings. The full list is read again afterwards: a record that changed in between counts
for nothing. It says nothing where no record would be hidden, or none shown, and where
records do not show the attributes that the conditions name.`,
	Finds: []string{"list-unfiltered"},
	ask: func(p *planner) {
		full := p.full()
		if full < 0 {
			return
		}
		for i := range p.catalog.Records {
			rule := &p.catalog.Records[i]
			for _, row := range p.listing(rule.Object) {
				if p.expect(row, full) != Admit {
					continue
				}
				for _, key := range p.sharers(rule, row) {
					p.ask(Question{Row: row, Subject: "sharing:" + rule.Object + " " + p.Rows[row].String(), Object: rule.Object,
						Variant: p.Keys[key].Sharing[rule.Object], Keys: []int{key, full}, Expect: Admit,
						Base: []int{p.base(row, full)}, Pos: rule.Pos})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		option := l.Option(q.Object, q.Variant)
		before, err := l.List(ctx, rec, "all", q.Row, l.As(q.Keys[1]), "")
		if err != nil {
			return err
		}
		seen, err := l.List(ctx, rec, "seen", q.Row, l.As(q.Keys[0]), "")
		if err != nil {
			return err
		}
		after, err := l.List(ctx, rec, "all again", q.Row, l.As(q.Keys[1]), "")
		if err != nil {
			return err
		}
		if !before.Whole || !seen.Whole || !after.Whole {
			return fmt.Errorf("the list has more pages than are read, or says that it has more objects than it shows")
		}
		allowed, hidden, err := Split(option.Conditions, before.Items)
		if err != nil {
			return err
		}
		allowedAfter, hiddenAfter, err := Split(option.Conditions, after.Items)
		if err != nil {
			return err
		}
		rec.Set("allowed", shared(l.sorted(allowed), l.sorted(allowedAfter)))
		rec.Set("hidden", shared(l.sorted(hidden), l.sorted(hiddenAfter)))
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		allowed, hidden, seen := rec.Sets["allowed"], rec.Sets["hidden"], rec.Sets["seen"]
		switch {
		case len(shared(hidden, seen)) > 0:
			return Fail, fmt.Sprintf("shows %d of %d records that sharing %q hides", len(shared(hidden, seen)), len(hidden), q.Variant)
		case len(missing(allowed, seen)) > 0:
			return Fail, fmt.Sprintf("lacks %d of %d records that sharing %q allows", len(missing(allowed, seen)), len(allowed), q.Variant)
		case len(hidden) == 0:
			return Inconclusive, fmt.Sprintf("none of the %d records is one that sharing %q hides", len(allowed), q.Variant)
		case len(allowed) == 0:
			return Inconclusive, fmt.Sprintf("none of the %d records is one that sharing %q allows", len(hidden), q.Variant)
		}
		return Pass, ""
	},
}
