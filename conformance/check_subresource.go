package conformance

import (
	"context"
	"fmt"
)

// subResource: what is a part of a hidden record is hidden with it.
var subResource = Check{
	ID: "sub-resource", Category: "records",
	Title: "what is a part of a hidden record is hidden with it",
	Doc: `Where a path goes through a record, as /positions/{id}/applications does, the children of a
hidden record are asked for in every way there is: through the record's own path, in lists of
all children, and one by one by their ids, up to 100. Children that come back are the finding,
after the full lists were read again. It says nothing where no hidden record has children.`,
	Finds: []string{"subresource-unfiltered"},
	ask: func(p *planner) {
		for _, object := range p.objects() {
			if p.recordRule(object) != nil || len(p.containers(object)) == 0 {
				continue
			}
			for _, row := range p.listing(object) {
				variant := "list"
				if len(p.Rows[row].Params()) == 1 && p.container(row) != "" {
					variant = "below"
				} else if len(p.Rows[row].Params()) > 0 {
					continue
				}
				p.askViewers(row, object, Question{Expect: Refuse, Field: variant})
			}
			for _, row := range p.getting(object) {
				if len(p.Rows[row].Params()) == 1 {
					p.askViewers(row, object, Question{Expect: Refuse, Field: "id"})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		switch q.Field {
		case "list":
			path, err := l.Path(ctx, q.Row)
			if err != nil {
				return err
			}
			return l.compareList(ctx, rec, q, path)
		case "id":
			return l.byID(ctx, rec, q)
		}
		return l.below(ctx, rec, q)
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		switch q.Field {
		case "list":
			return listRecords.decide(j, q, rec)
		case "id":
			return decideByID(j, q, rec)
		}
		if n := len(shared(rec.Sets["hidden"], rec.Sets["shown"])); n > 0 {
			return Fail, fmt.Sprintf("answers below %d of the %s records that %q hides", n, rec.Facts["count"], q.Variant)
		}
		if rec.Facts["count"] == "0" {
			return nothingHidden(rec, q)
		}
		if len(rec.Sets["shown"]) > 0 {
			return Inconclusive, "the records whose children were answered are no longer hidden: somebody changed them meanwhile"
		}
		return Pass, ""
	},
}

// below asks for the children of hidden records through their paths. It records the sets
// "shown" and "hidden", of parents.
func (l *Lab) below(ctx context.Context, rec *Record, q *Question) error {
	key, full := q.Keys[0], q.Keys[1]
	r := &l.Plan.Rows[q.Row]
	parent := l.Plan.container(q.Row)
	if !l.partly(parent, key) {
		return leaveOut("no %s is hidden from the key", parent)
	}
	hidden, err := l.hiddenOf(ctx, rec, parent, key, full)
	if err != nil {
		return err
	}
	rec.Fact("count", fmt.Sprint(len(hidden)))
	if len(hidden) > maxByID/2 {
		rec.Fact("cut", fmt.Sprintf("%d of %d hidden records were asked for", maxByID/2, len(hidden)))
		hidden = hidden[:maxByID/2]
	}
	var shown []Item
	controlled := false
	for _, it := range hidden {
		c := Call{Label: "below a hidden record", Method: r.Method, Path: fillID(r.Path, it.ID), By: l.As(key), row: q.Row + 1}
		a := l.Send(ctx, rec, c)
		if n := len(l.dialect().list(a.JSON())); a.OK() && n > 0 {
			shown = append(shown, it)
		}
		if !controlled {
			c.Label, c.By = "below it, full key", l.As(full)
			a := l.Send(ctx, rec, c)
			controlled = a.OK() && len(l.dialect().list(a.JSON())) > 0
		}
	}
	rec.Set("shown", l.IDs(shown))
	if len(hidden) > 0 && !controlled {
		return fmt.Errorf("the full key sees no children of the hidden records")
	}
	if len(shown) > 0 {
		_, err = l.stillHidden(ctx, rec, parent, key, full, shown)
	}
	return err
}
