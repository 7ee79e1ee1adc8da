package conformance

import (
	"context"
	"fmt"
)

// deadIntrospection: who-am-I calls do not answer dead keys.
var deadIntrospection = Check{
	ID: "dead-key-introspection", Category: "life-cycle",
	Title: "calls that say who a key is do not answer dead keys",
	Doc: `Makes a key, ends it as the catalog says a key can be ended (disabled, revoked, deleted), sees it
refused elsewhere, and shows it to each endpoint that any key may call. A 2xx answer within the
stated bound and after it is the finding: whoever checks keys there takes a dead one for alive.`,
	Finds:  []string{"introspection-accepts-dead-keys"},
	effort: OwnKeys,
	ask: func(p *planner) {
		witness, key := p.witnessRow()
		if witness < 0 || p.Rows[witness].Need.IsAuthenticated() {
			return
		}
		for _, row := range p.identityRows() {
			for _, name := range p.leadingTo("refused", "gone") {
				p.ask(Question{Row: row, Subject: "credential:" + name + " " + p.Rows[row].String(), Variant: name, Keys: []int{key}, Expect: Refuse,
					Base: append(p.aliveBase(row, key), p.aliveBase(witness, key)...), Pos: p.catalog.Credentials.Pos})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		witness := *q
		for i := range l.Plan.Rows {
			if r := &l.Plan.Rows[i]; r.Endpoint != nil && r.Method == "GET" && r.Reads && len(r.Params()) == 0 && !r.Need.IsPublic() && !r.Need.IsAuthenticated() && r.Need.Admits(l.Plan.Keys[q.Keys[0]].Grants) {
				witness.Row = i
				break
			}
		}
		action := l.usual(q.Variant)
		var by Sender
		err = l.dies(ctx, rec, &witness, death{actions: []Action{action}, spec: KeySpec{Name: "introspected"},
			rule: l.Plan.actionRule(q.Variant), subject: credentialSubject(q.Variant), kill: func(ctx context.Context, key *LiveKey) error {
				by = key.By()
				if !l.until(ctx, rec, Call{Label: "who am I, alive", Method: "GET", Path: path, By: by}, l.admits) {
					return fmt.Errorf("the new key was answered %d while it should live", rec.Last().Status)
				}
				return key.Do(ctx, action, KeySpec{})
			}})
		if err != nil {
			return err
		}
		if x := rec.Last(); x.OK() {
			return leaveOut("the dead key is admitted elsewhere too")
		}
		l.until(ctx, rec, Call{Label: "who am I, dead", Method: "GET", Path: path, By: by}, l.refuses)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("who am I, dead"); x != nil && x.OK() {
			return Fail, fmt.Sprintf("answered %d to a key after %s, which is refused elsewhere", x.Status, q.Variant)
		}
		return Pass, ""
	},
}
