package conformance

import (
	"context"
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
)

// listRecords: a list shows a key exactly the records that its sharing option, and the
// permissions it holds, allow.
var listRecords = Check{
	ID: "list-records", Category: "records",
	Title: "a list shows exactly the records that the key may see",
	Doc: `Reads a list to its last page with the key that sees everything, works out from the
conditions of the catalog which of the records each sharing option allows, or each permission
that reveals records, and reads the same list with a key of that option. A record too many is
a leak, one too few an under-grant; both are findings. The full list is read again afterwards:
a record that changed in between counts for nothing. It says nothing where no record would be
hidden, and where records do not show the attributes that the conditions name.`,
	Finds: []string{"list-unfiltered"},
	ask: func(p *planner) {
		for i := range p.catalog.Records {
			object := p.catalog.Records[i].Object
			for _, row := range p.listing(object) {
				p.askViewers(row, object, Question{Expect: Admit})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.listPath(ctx, rec, q.Row, q.Keys[0], q.Keys[1])
		if err != nil {
			return err
		}
		return l.compareList(ctx, rec, q, path)
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		allowed, hidden, seen := rec.Sets["allowed"], rec.Sets["hidden"], rec.Sets["seen"]
		switch {
		case len(shared(hidden, seen)) > 0:
			return Fail, fmt.Sprintf("shows %d of %d records that %q hides", len(shared(hidden, seen)), len(hidden), q.Variant)
		case len(missing(allowed, seen)) > 0:
			return Fail, fmt.Sprintf("lacks %d of %d records that %q allows", len(missing(allowed, seen)), len(allowed), q.Variant)
		case len(hidden) == 0:
			return nothingHidden(rec, q)
		case len(allowed) == 0 && rec.Facts["revealed"] == "":
			return Inconclusive, fmt.Sprintf("none of the %d records is one that %q allows", len(hidden), q.Variant)
		}
		return Pass, ""
	},
}

// compareList reads one list with the full key, with the viewer, and with the full key again, and
// records the sets "allowed", "hidden" and "seen".
func (l *Lab) compareList(ctx context.Context, rec *Record, q *Question, path string) error {
	key, full := q.Keys[0], q.Keys[1]
	before, err := l.listed(ctx, rec, "all", q.Row, full, path)
	if err != nil {
		return err
	}
	seen, err := l.listed(ctx, rec, "seen", q.Row, key, path)
	if err != nil {
		return err
	}
	after := before
	allowed, hidden, err := l.divide(ctx, rec, q.Object, key, full, before.Items)
	if err != nil {
		return err
	}
	rec.Set("seen", l.IDs(seen.Items))
	rec.Set("allowed", l.IDs(allowed))
	rec.Set("hidden", l.IDs(hidden))
	if len(shared(rec.Sets["hidden"], rec.Sets["seen"]))+len(missing(rec.Sets["allowed"], rec.Sets["seen"])) > 0 {
		// Somebody else may have changed a record meanwhile.
		if after, err = l.listAt(ctx, rec, "all again", q.Row, path, l.As(full), ""); err != nil {
			return err
		}
		allowedAfter, hiddenAfter, err := l.afresh().divide(ctx, rec, q.Object, key, full, after.Items)
		if err != nil {
			return err
		}
		rec.Set("allowed", shared(l.sorted(allowed), l.sorted(allowedAfter)))
		rec.Set("hidden", shared(l.sorted(hidden), l.sorted(hiddenAfter)))
	}
	if !before.Whole || !after.Whole || !seen.Whole && !(seen.Ended && before.Ended) {
		return fmt.Errorf("the list has more pages than are read, or says that it has more objects than it shows")
	}
	if l.Plan.Keys[key].Sharing == nil {
		rec.Fact("revealed", "by what the key holds")
	}
	return nil
}

// nothingHidden is the verdict about a key from which no record of the data is hidden.
func nothingHidden(rec *Record, q *Question) (Verdict, string) {
	if rec.Facts["revealed"] != "" {
		return Skipped, fmt.Sprintf("no record is one that %q alone does not reveal", q.Variant)
	}
	return Inconclusive, fmt.Sprintf("none of the records is one that %q hides", q.Variant)
}

// Option returns a sharing option of an object.
func (l *Lab) Option(object, name string) catalogs.Option {
	if rule := l.Plan.recordRule(object); rule != nil {
		for _, o := range rule.Sharing {
			if o.Name == name {
				return o
			}
		}
	}
	return catalogs.Option{}
}
