package conformance

import (
	"context"
	"fmt"
)

// recordByID: a record that a list hides is not answered by its id.
var recordByID = Check{
	ID: "record-by-id", Category: "records",
	Title: "a record that the key must not see is not answered by its id",
	Doc: `Works out from the full key's list which records are hidden from a key, and asks for each
of them by its id, up to 100. A 2xx answer with the record is the finding; the full list is
read again before it counts. A record that the key may see is asked for too: refused, it is an
under-grant. It says nothing where no record is hidden.`,
	Finds: []string{"get-unfiltered"},
	ask: func(p *planner) {
		for i := range p.catalog.Records {
			object := p.catalog.Records[i].Object
			for _, row := range p.getting(object) {
				if len(p.Rows[row].Params()) == 1 {
					p.askViewers(row, object, Question{Expect: Refuse})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		return l.byID(ctx, rec, q)
	},
	decide: decideByID,
}

// byID asks for records that are hidden from a key by their ids, and for one that is not. It
// records the sets "shown" and "hidden", and the fact "allowed".
func (l *Lab) byID(ctx context.Context, rec *Record, q *Question) error {
	key, full := q.Keys[0], q.Keys[1]
	r := &l.Plan.Rows[q.Row]
	all, err := l.records(ctx, rec, q.Object, full)
	if err != nil {
		return err
	}
	allowed, hidden, err := l.divide(ctx, rec, q.Object, key, full, all.Items)
	if err != nil {
		return err
	}
	if l.Plan.Keys[key].Sharing == nil {
		rec.Fact("revealed", "by what the key holds")
	}
	rec.Fact("count", fmt.Sprint(len(hidden)))
	if len(hidden) > maxByID {
		rec.Fact("cut", fmt.Sprintf("%d of %d hidden records were asked for", maxByID, len(hidden)))
		hidden = hidden[:maxByID]
	}
	get := func(label string, id string, by int) *Answer {
		c := Call{Label: label, Method: r.Method, Path: fillID(r.Path, id), By: l.As(by)}
		if c.Method != "GET" {
			c.Body = []byte("{}")
		}
		return l.Send(ctx, rec, c)
	}
	var shown []Item
	for _, it := range hidden {
		if a := get("hidden", it.ID, key); a.OK() && len(a.Body) > 0 && !a.HTML {
			shown = append(shown, it)
		} else {
			rec.Exchanges[len(rec.Exchanges)-1].Body.Paths = nil
		}
	}
	rec.Set("shown", l.IDs(shown))
	if len(shown) > 0 {
		// The full key is the control, and a record may have been moved meanwhile.
		if a := get("hidden, full key", shown[0].ID, full); !a.OK() {
			return fmt.Errorf("the full key was answered %d for a record that it lists", a.Status)
		}
		_, err := l.stillHidden(ctx, rec, q.Object, key, full, shown)
		return err
	}
	if len(hidden) > 0 {
		if a := get("hidden, full key", hidden[0].ID, full); !a.OK() {
			return fmt.Errorf("the full key was answered %d for a record that it lists", a.Status)
		}
	}
	if len(allowed) > 0 {
		a := get("allowed", allowed[0].ID, key)
		rec.Fact("allowed", fmt.Sprint(a.Status))
		if !a.OK() { // it may have been moved meanwhile
			again, err := l.List(ctx, rec, "all again", l.Plan.home(q.Object, full), l.As(full), "")
			if err != nil {
				return err
			}
			still, _, err := l.afresh().divide(ctx, rec, q.Object, key, full, again.Items)
			if err != nil {
				return err
			}
			if !idSet(still)[allowed[0].ID] {
				return fmt.Errorf("a record was changed meanwhile")
			}
		}
	}
	return nil
}

func decideByID(_ *judge, q *Question, rec *Record) (Verdict, string) {
	if leaked := shared(rec.Sets["hidden"], rec.Sets["shown"]); len(leaked) > 0 {
		return Fail, fmt.Sprintf("answers %d of the %s records that %q hides", len(leaked), rec.Facts["count"], q.Variant)
	}
	switch status := rec.Facts["allowed"]; {
	case rec.Facts["count"] == "0":
		return nothingHidden(rec, q)
	case status != "" && status[0] != '2':
		return Fail, fmt.Sprintf("answers %s for a record that %q allows and the list shows", status, q.Variant)
	case len(rec.Sets["shown"]) > 0:
		return Inconclusive, "the records that were answered are no longer hidden: somebody changed them meanwhile"
	}
	return Pass, ""
}
