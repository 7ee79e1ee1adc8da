package conformance

import (
	"context"
	"fmt"
	"strings"
)

// existenceRefused: who lacks the permission is refused alike, whether a thing is there or not.
var existenceRefused = Check{
	ID: "existence-refused", Category: "existence",
	Title: "a key without the permission is refused alike whether a record is there or not",
	Doc: `Asks for a record that is there and for one that is not, by their ids, with a key that lacks the
permission and without a key. Status, body (but for the ids in it) and headers (but for dates
and request ids) must be alike, with GET, HEAD, If-None-Match and Range. It is asked where the
catalog or the profile states how the endpoint refuses.`,
	Finds: []string{"existence-before-permission"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			r := &p.Rows[i]
			if full < 0 || r.Endpoint == nil || r.Method != "GET" || !r.Reads || r.Endpoint.Gets == "" || len(r.Params()) != 1 || p.expect(i, full) != Admit {
				continue
			}
			if k := p.weakest(i); k >= 0 && r.Refused.Forbidden.Known() {
				p.ask(Question{Row: i, Keys: []int{k, full}, Expect: Refuse, Base: []int{p.base(i, k)}})
			}
			if r.Refused.Anonymous.Known() && p.expect(i, 0) == Refuse {
				p.ask(Question{Row: i, Keys: []int{0, full}, Expect: Refuse, Base: []int{p.base(i, 0)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		there, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		a := l.Send(ctx, rec, Call{Label: "full key", Method: "GET", Path: there, By: l.As(q.Keys[1])})
		if !a.OK() {
			return fmt.Errorf("the full key was answered %d", a.Status)
		}
		id := there[strings.LastIndexByte(there, '/')+1:]
		absent := there[:len(there)-len(id)] + absentID(id, nil)
		if b := l.Send(ctx, rec, Call{Label: "full key, absent", Method: "GET", Path: absent, By: l.As(q.Keys[1])}); b.OK() {
			return leaveOut("an id that nobody should have is answered")
		}
		by := l.Nobody()
		if q.Keys[0] != 0 {
			by = l.As(q.Keys[0])
		}
		return l.alike(ctx, rec, by, there, absent, a.Header.Get("ETag"))
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if how := rec.Facts["differs"]; how != "" {
			return Fail, "what is there is told from what is not " + how
		}
		return Pass, ""
	},
}
