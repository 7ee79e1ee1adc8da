package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// batchWrites: a batch changes only what the key may see.
var batchWrites = Check{
	ID: "batch-writes", Category: "records",
	Title: "a batch changes no record that the key must not see",
	Doc: `Makes a record that a key sees and one that is hidden from it, and changes both with one request
to each row that changes several. The full key proves how the API spells that. That the hidden
record was changed is the finding; refusing all, and leaving it out, are right.`,
	Finds:  []string{"batch-write-ignores-scope"},
	effort: SomeWrites,
	ask: func(p *planner) {
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint != nil && !r.Reads && r.Endpoint.Lists != "" && len(r.Params()) == 0 {
				p.askViewers(i, r.Endpoint.Lists, Question{Expect: Refuse})
			}
		}
	},
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
		r := &l.Plan.Rows[q.Row]
		ask := func(label string, form, by int, mark string, items ...*Item) error {
			body, err := json.Marshal(batchForms[form](l.dialect().idMember(mine.Fields), w.text, mark, items))
			if err == nil {
				l.Send(ctx, rec, Call{Label: label, Method: r.Method, Path: r.Path, Body: body, By: l.As(by)})
			}
			return err
		}
		form := -1
		for n := range batchForms {
			mark := l.Mark()
			if err := ask("changed by the full key", n, w.full, mark, mine); err != nil {
				return err
			}
			if touched, err := w.touched(ctx, rec, mine, mark); err != nil {
				return err
			} else if touched {
				form = n
				break
			}
		}
		if form < 0 {
			return leaveOut("the full key changes nothing with any of the usual forms of a batch")
		}
		mark := l.Mark()
		for _, both := range [][]*Item{{mine, theirs}, {theirs}} {
			if err := ask("changed by the key", form, w.key, mark, both...); err != nil {
				return err
			}
			touched, err := w.touched(ctx, rec, theirs, mark)
			if err != nil {
				return err
			}
			rec.Fact("touched", fmt.Sprint(touched))
			if touched {
				break
			}
		}
		return nil
	},
	decide: bodyID.decide,
}

// batchForms are usual bodies of a request that changes one text of several records.
var batchForms = []func(id, field, text string, items []*Item) any{
	func(id, field, text string, items []*Item) any {
		return map[string]any{"ids": idValues(id, items), "set": map[string]any{field: text}}
	},
	func(id, field, text string, items []*Item) any {
		return map[string]any{"ids": idValues(id, items), "data": map[string]any{field: text}}
	},
	func(id, field, text string, items []*Item) any {
		return map[string]any{"keys": idValues(id, items), "data": map[string]any{field: text}}
	},
	func(id, field, text string, items []*Item) any { return each(id, field, text, items) },
	func(id, field, text string, items []*Item) any {
		return map[string]any{"items": each(id, field, text, items)}
	},
}

func idValues(id string, items []*Item) []any {
	var out []any
	for _, it := range items {
		out = append(out, it.Fields[id])
	}
	return slices.Clip(out)
}

func each(id, field, text string, items []*Item) []any {
	var out []any
	for _, it := range items {
		out = append(out, map[string]any{id: it.Fields[id], field: text})
	}
	return out
}
