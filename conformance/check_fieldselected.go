package conformance

import (
	"context"
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
)

// fieldSelected: a field cannot be asked for by name without its permission.
var fieldSelected = Check{
	ID: "field-selected", Category: "fields",
	Title: "a field cannot be selected by name without the permission that it needs",
	Doc: `Asks for a field by name (fields=, select= and the like, as the profile states or the full
key's answers prove) with a key that lacks its permission. The field with a value of the full
key's answer is the finding; a refusal, null and absence are right.`,
	Finds: []string{"field-selectable"},
	ask: func(p *planner) {
		p.askHidden(p.readersOf, Question{Expect: Refuse})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		spelled := q.Row
		if l.Plan.Rows[q.Row].Endpoint.Lists == "" {
			if spelled = l.Plan.home(q.Object, q.Keys[1]); spelled < 0 {
				return leaveOut("no list shows how the API spells the selection of fields")
			}
		}
		s, err := l.Spelled(ctx, spelled, q.Keys[1], Fields, "")
		if err != nil {
			return err
		}
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		call := Call{Label: "full", Method: "GET", Path: path, Query: s.With("", q.Field), By: l.As(q.Keys[1])}
		l.Send(ctx, rec, call)
		call.Label, call.By = "without", l.As(q.Keys[0])
		if a := l.Send(ctx, rec, call); !a.OK() {
			return nil
		}
		call.Label, call.Query = "without, not selected", ""
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		full, without := rec.Find("full"), rec.Find("without")
		known := valuesAt(&full.Body, q.Field)
		switch plain := rec.Find("without, not selected"); {
		case !full.OK() || len(known) == 0:
			return Skipped, "selecting the field shows it to nobody"
		case !without.OK():
			return Pass, ""
		case plain != nil && len(shared(known, valuesAt(&plain.Body, q.Field))) > 0:
			return Skipped, "the answer shows the field without its being selected"
		case len(shared(known, valuesAt(&without.Body, q.Field))) > 0:
			return Fail, fmt.Sprintf("shows %d of the field's %d values when it is selected", len(shared(known, valuesAt(&without.Body, q.Field))), len(known))
		}
		return Pass, ""
	},
}

// readersOf returns the rows that list or get an object with GET.
func (p *planner) readersOf(f *catalogs.Field) []int {
	out := p.listsOf(f)
	for _, row := range p.getting(f.Object) {
		if p.Rows[row].Method == "GET" {
			out = append(out, row)
		}
	}
	return out
}
