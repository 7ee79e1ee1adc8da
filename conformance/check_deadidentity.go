package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// deadKeyIdentity: a dead key is nobody to calls that say who somebody is, too.
var deadKeyIdentity = Check{
	ID: "dead-key-identity", Category: "authentication", Title: "a dead key is refused by calls that any valid key may make",
	Doc: `Makes a key for each state that the catalog says is refused or gone (credentials: states:), sees
it answered by a call that any valid key may make, brings it into the state, and sends the call
again on a new connection. Being answered is the finding: whoever asks there whether a key is good
is told that it is. It needs a way to make and change keys; without one it is skipped.`,
	Finds: []string{"introspection-accepts-dead-keys"}, effort: OwnKeys,
	ask: func(p *planner) {
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads || len(r.Params()) > 0 || !r.Need.IsAuthenticated() || p.strongest(i) < 0 {
				continue
			}
			for _, action := range []Action{Disable, Revoke, Delete} {
				state := p.catalog.Credentials.Actions[string(action)]
				if s := p.catalog.Credentials.States[state]; s == "refused" || s == "gone" {
					p.ask(Question{Row: i, Variant: string(action), Keys: []int{p.strongest(i)}, Expect: Refuse,
						Base: p.aliveBase(i, p.strongest(i)), Pos: p.catalog.Credentials.Pos})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		key, err := l.Mint(ctx, KeySpec{Name: q.Variant, Grants: slices.Clone(l.Plan.Keys[q.Keys[0]].Grants)}, Action(q.Variant))
		if err != nil {
			return err
		}
		call := Call{Label: "alive", Method: http.MethodGet, Path: path, By: key.By()}
		if l.Send(ctx, rec, call); !rec.Last().OK() {
			return fmt.Errorf("the new key was answered %d before anything was done to it", rec.Last().Status)
		}
		if err := key.Do(ctx, Action(q.Variant), KeySpec{}); err != nil {
			return err
		}
		call.Label, call.Fresh = "dead", true
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("dead"); x.OK() {
			return Fail, fmt.Sprintf("answered %d after the action %s, as before", x.Status, q.Variant)
		}
		return Pass, ""
	},
}
