package conformance

import (
	"context"
	"fmt"
	"time"
)

// unexpiredKey: a key works until it expires.
var unexpiredKey = Check{
	ID: "unexpired-key", Category: "life-cycle",
	Title: "a key works until it expires",
	Doc: `Makes keys that expire in five minutes, three hours and thirty hours and uses each. A refusal is
the finding, when a key that never expires is admitted: the time is compared in another zone or
unit than it is set in.`,
	Finds:  []string{"expiry-too-early"},
	effort: OwnKeys,
	ask: func(p *planner) {
		for _, a := range ages {
			p.askLife("unexpired", a.name)
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		grants := l.Plan.Keys[q.Keys[0]].Grants
		never, err := l.Mint(ctx, KeySpec{Name: "unexpired", Grants: grants}, Expire)
		if err != nil {
			return err
		}
		call := Call{Label: "never expires", Method: "GET", Path: path, By: never.By(), row: q.Row + 1}
		if !l.until(ctx, rec, call, l.admits) {
			return fmt.Errorf("a new key that never expires was answered %d", rec.Last().Status)
		}
		key, err := l.Mint(ctx, KeySpec{Name: "unexpired", Grants: grants, Expires: time.Now().Add(ageOf(q.Variant))}, Expire)
		if err != nil {
			return err
		}
		call.Label, call.By = "expires", key.By()
		l.until(ctx, rec, call, l.admits)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("expires"); !x.admits() {
			return Fail, fmt.Sprintf("answered %d with a key that expires in %s", x.Status, q.Variant)
		}
		return Pass, ""
	},
}
