package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// fieldHidden: a field that needs a permission of its own is absent without it.
var fieldHidden = Check{
	ID: "field-hidden", Category: "fields",
	Title: "a field is absent without the permission that it needs",
	Doc: `Reads each list and each object with the full key and with a key that is admitted but
lacks the permission of one field. The field with a value of the full key's answer is the
finding; null and absence are right. It says nothing while the full key's answer does not
show the field.`,
	Finds: []string{"field-unguarded"},
	ask: func(p *planner) {
		p.askHidden(func(f *catalogs.Field) []int { return append(p.listing(f.Object), p.getting(f.Object)...) }, Question{Expect: Refuse})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		call := Call{Label: "full", Method: l.Plan.Rows[q.Row].Method, Path: path, By: l.As(q.Keys[1])}
		if call.Method != "GET" {
			call.Body = []byte("{}")
		}
		l.Send(ctx, rec, call)
		call.Label, call.By = "without", l.As(q.Keys[0])
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		full, without := rec.Find("full"), rec.Find("without")
		if !full.OK() || !without.OK() {
			return Inconclusive, fmt.Sprintf("answered %d to the full key and %d to the other", full.Status, without.Status)
		}
		known := valuesAt(&full.Body, q.Field)
		if len(known) == 0 {
			return Inconclusive, "the full key's answer does not show the field"
		}
		if n := len(shared(known, valuesAt(&without.Body, q.Field))); n > 0 {
			return Fail, fmt.Sprintf("shows %d of the field's %d values", n, len(known))
		}
		return Pass, ""
	},
}

// askHidden adds a question for each field that needs a permission of its own and each of
// some rows, with a key that the row admits and that lacks the permission. Keys are that one
// and the full key.
func (p *planner) askHidden(rows func(*catalogs.Field) []int, q Question) {
	full := p.full()
	if full < 0 {
		return
	}
	for i := range p.catalog.Fields {
		f := &p.catalog.Fields[i]
		if f.Requires == nil || f.Name == "*" || f.Requires.IsPublic() {
			continue
		}
		need, _ := p.catalog.CanonicalRequirement(*f.Requires)
		need, err := p.implications.Expand(need)
		if err != nil {
			continue
		}
		for _, row := range rows(f) {
			if key := p.holderWithout(row, need); key >= 0 && p.expect(row, full) == Admit {
				q := q
				q.Row, q.Subject, q.Object, q.Field = row, "field:"+f.Object+"."+f.Name+" "+p.Rows[row].String(), f.Object, f.Name
				q.Keys, q.Base, q.Pos = []int{key, full}, []int{p.base(row, full), p.base(row, key)}, f.Pos
				p.ask(q)
			}
		}
	}
}

// listsOf returns the rows that list an object with GET.
func (p *planner) listsOf(f *catalogs.Field) []int {
	var out []int
	for _, row := range p.listing(f.Object) {
		if p.Rows[row].Method == "GET" {
			out = append(out, row)
		}
	}
	return out
}

// valuesAt collects the hashes of the values of a member, wherever in a body it stands,
// sorted. The member may be inside another, as users.lead.
func valuesAt(d *Digest, field string) []string {
	var r Record
	var all []string
	for path, values := range d.Paths {
		at := "." + strings.ReplaceAll(path, "[]", "") + "."
		if strings.Contains(at, "."+field+".") {
			for _, v := range values {
				if v != nullValue {
					all = append(all, v)
				}
			}
		}
	}
	r.Set("", all)
	return r.Sets[""]
}
