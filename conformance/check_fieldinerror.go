package conformance

import (
	"bytes"
	"context"
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
)

// fieldInError: an error quotes no field that the key may not see.
var fieldInError = Check{
	ID: "field-in-error", Category: "fields",
	Title: "an error quotes no field that the key may not see",
	Doc: `Makes a record, sends changes of it that no server should take (a number or an object for a text),
with a key that lacks the permission of a field, and looks in the refusal for the value that the
full key reads there. That is the finding. Values of less than four characters are not looked for.`,
	Finds:  []string{"error-quotes-stored-value"},
	effort: SomeWrites,
	ask: func(p *planner) {
		p.askHidden(func(f *catalogs.Field) []int {
			var rows []int
			for _, row := range p.withBodies(f.Object) {
				if m := p.Rows[row].Method; m == "PATCH" || m == "PUT" {
					rows = append(rows, row)
				}
			}
			return rows
		}, Question{Expect: Refuse})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		w, it, err := l.written(ctx, rec, q)
		if err != nil {
			return err
		}
		value := plainText(member(it.Fields, q.Field))
		if len(value) < 4 {
			return leaveOut("the record that was made has no value in the field that is long enough to be told")
		}
		refusals := 0
		for _, wrong := range []any{12345, map[string]any{"permcheck": 1}, []any{}} {
			a := w.change(ctx, rec, "a wrong value", q.Row, w.key, it, map[string]any{w.text: wrong})
			if a.OK() {
				continue
			}
			refusals++
			if bytes.Contains(a.Body, []byte(value)) {
				rec.Fact("quoted", fmt.Sprint(a.Status))
			}
		}
		if refusals == 0 {
			return leaveOut("the server takes any value")
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if status := rec.Facts["quoted"]; status != "" {
			return Fail, fmt.Sprintf("a refusal (%s) quotes the value of the field", status)
		}
		return Pass, ""
	},
}
