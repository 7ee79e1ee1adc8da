package conformance

import (
	"context"
	"fmt"
)

// reenabledKey: a key that was disabled works again once it is enabled.
var reenabledKey = Check{
	ID: "reenabled-key", Category: "life-cycle",
	Title: "a key that is enabled again works",
	Doc: `Makes a key, sees it admitted, disables it, sees it refused, enables it and uses it on new
connections until the stated bound has passed. Being refused still is the finding. It is asked
where the catalog has actions that disable and enable keys.`,
	Finds:  []string{"reenabled-key-refused"},
	effort: OwnKeys,
	ask: func(p *planner) {
		if off, on := p.leadingTo("refused"), p.leadingTo("admitted"); len(off) > 0 && len(on) > 0 {
			p.askLife("reenabled", off[0]+" "+on[0])
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		off, on := l.usual(l.Plan.leadingTo("refused")[0]), l.usual(l.Plan.leadingTo("admitted")[0])
		key, err := l.subject(ctx, q, KeySpec{Name: "reenabled", Grants: l.Plan.Keys[q.Keys[0]].Grants}, off, on)
		if err != nil {
			return err
		}
		defer key.giveBack(ctx, q.Row, path)
		call := Call{Label: "alive", Method: "GET", Path: path, By: key.By(), row: q.Row + 1}
		if !l.until(ctx, rec, call, l.admits) {
			return fmt.Errorf("the new key was answered %d while it should live", rec.Last().Status)
		}
		if err := key.Do(ctx, off, KeySpec{}); err != nil {
			return err
		}
		call.Label, call.against = "disabled", &against{q.Row, l.Plan.actionRule(l.Plan.leadingTo("refused")[0]), credentialSubject(l.Plan.leadingTo("refused")[0])}
		if !l.until(ctx, rec, call, l.refuses) {
			return leaveOut("the disabled key is not refused")
		}
		if err := key.Do(ctx, on, KeySpec{}); err != nil {
			return err
		}
		call.Label, call.By, call.against = "enabled", key.By(), nil
		l.until(ctx, rec, call, l.admits)
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("enabled"); !x.admits() {
			return Fail, fmt.Sprintf("answered %d after the key was enabled again", x.Status)
		}
		return Pass, ""
	},
}
