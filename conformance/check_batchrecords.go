package conformance

import (
	"context"
	"encoding/json"
	"strings"
)

// batchRecords: a request for several records answers only those that the key may see.
var batchRecords = Check{
	ID: "batch-records", Category: "records",
	Title: "a request for several records answers only those that the key may see",
	Doc: `Asks for one record that the key may see and some that are hidden from it at once: with a
parameter (ids= and the like) and with a POST that reads. The full key proves that the API
understands. A hidden record in the answer is the finding, after the full list was read again; refusing
all is right.`,
	Finds: []string{"batch-ignores-scope"},
	ask: func(p *planner) {
		for _, object := range p.objects() {
			for _, row := range p.listing(object) {
				p.askViewers(row, object, Question{Expect: Refuse})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		key, full := q.Keys[0], q.Keys[1]
		g, err := l.ground(ctx, rec, q)
		if err != nil {
			return err
		}
		if len(g.hidden) == 0 {
			return leaveOut("no record of the list is hidden from the key")
		}
		hidden := g.hidden[:min(len(g.hidden), 3)]
		ids := []string{}
		if len(g.allowed) > 0 {
			ids = append(ids, g.allowed[0].ID)
		}
		for _, it := range hidden {
			ids = append(ids, it.ID)
		}
		var ask func(label string, by int, ids []string) *Answer
		if l.Plan.Rows[q.Row].Method == "GET" {
			s, err := l.Spelled(ctx, q.Row, full, IDs, "")
			if err != nil {
				return err
			}
			ask = func(label string, by int, ids []string) *Answer {
				return l.Send(ctx, rec, Call{Label: label, Method: "GET", Path: g.path, Query: s.With("", strings.Join(ids, ",")), By: l.As(by), row: q.Row + 1})
			}
		} else {
			ask = func(label string, by int, ids []string) *Answer {
				body, err := json.Marshal(map[string]any{"ids": ids})
				if err != nil {
					return &Answer{Err: err}
				}
				return l.Send(ctx, rec, Call{Label: label, Method: l.Plan.Rows[q.Row].Method, Path: g.path, Body: body, By: l.As(by), row: q.Row + 1})
			}
		}
		control := l.idsIn(ask("full key", full, ids))
		if len(control) != len(ids) {
			one := l.idsIn(ask("full key, one record", full, ids[:1]))
			if len(one) != 1 || one[0] != ids[0] {
				return leaveOut("the server does not understand a request for several ids here (dialect: ids: in the profile)")
			}
			ids = []string{hidden[0].ID} // one at a time is what it understands
		}
		a := ask("the key", key, ids)
		got := map[string]bool{}
		if a.OK() {
			for _, id := range l.idsIn(a) {
				got[id] = true
			}
		}
		var shown []Item
		for _, it := range hidden {
			if got[it.ID] {
				shown = append(shown, it)
			}
		}
		rec.Set("shown", l.IDs(shown))
		_, err = l.stillHidden(ctx, rec, q.Object, key, full, shown)
		return err
	},
	decide: decideShown("answers %d hidden records when they are asked for by their ids"),
}

// idsIn are the ids of the records that an answer lists.
func (l *Lab) idsIn(a *Answer) []string {
	var ids []string
	for _, v := range l.dialect().list(a.JSON()) {
		if id := l.dialect().id(v); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}
