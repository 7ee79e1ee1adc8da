package conformance

import (
	"context"
	"fmt"
	"net/http"
)

// badKeyIgnored: a credential that is none is refused even where none is needed.
var badKeyIgnored = Check{
	ID: "bad-key-ignored", Category: "authentication", Title: "a key that was never made is not taken for no key at all",
	Doc: `Sends a malformed and an unknown key to rows that are public and show records. Being answered
is the finding: a client whose key has died then goes on with less than it believes to have. It is
asked where refused: in the catalog states what a request without a valid key gets.`,
	Finds: []string{"invalid-key-is-anonymous"},
	ask: func(p *planner) {
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads || !r.Need.IsPublic() || !r.Refused.WithKey().Known() ||
				r.Endpoint.Lists == "" && r.Endpoint.Gets == "" {
				continue
			}
			for _, key := range []int{1, 2} {
				p.ask(Question{Row: i, Keys: []int{key}, Expect: Refuse, Base: []int{p.base(i, 0)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, Call{Label: "with the key", Method: http.MethodGet, Path: path, By: l.As(q.Keys[0])})
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("with the key"); x.OK() {
			return Fail, fmt.Sprintf("answered %d as without a key; the catalog states %d for a request without a valid key", x.Status, j.plan.Rows[q.Row].Refused.WithKey().Status)
		}
		return Pass, ""
	},
}
