package conformance

import (
	"context"
	"strings"
)

// pathTrailingSlash: a slash at the end of a path opens nothing.
var pathTrailingSlash = pathVariant("path-trailing-slash", "slash-unguarded", "a trailing slash opens nothing that is refused",
	func(path string) []string {
		if strings.HasSuffix(path, "/") {
			return nil
		}
		return []string{path + "/"}
	})

// pathVariant makes a check of other spellings of a path, each of which must be refused like
// the path itself or not be found. They are sent byte by byte.
func pathVariant(id, finds, title string, spellings func(path string) []string) Check {
	return Check{
		ID: id, Category: "routing", Title: title,
		Doc: `Sends the path of each endpoint that reads in another spelling, byte by byte, without a
key and with the key that holds least. Where the plain path is refused to a sender, a 2xx
answer that is no web page to the other spelling is the finding. A redirect, a refusal and
"not found" are right. While the plain path itself is open, nothing is asked.`,
		Finds: []string{finds},
		ask: func(p *planner) {
			for i := range p.Rows {
				r := &p.Rows[i]
				if r.Endpoint == nil || r.Method != "GET" || !r.Reads {
					continue
				}
				for _, key := range []int{0, p.weakest(i)} {
					if key >= 0 && p.expect(i, key) == Refuse {
						p.ask(Question{Row: i, Keys: []int{key}, Expect: Refuse, Base: []int{p.base(i, key), p.base(p.invented(), key)}})
					}
				}
			}
		},
		perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
			path, err := l.Path(ctx, q.Row)
			if err != nil {
				return err
			}
			list := spellings(path)
			if len(list) == 0 {
				return leaveOut("the path has no such spelling")
			}
			for _, p := range list {
				l.Send(ctx, rec, Call{Label: p, Method: "GET", Path: p, By: l.As(q.Keys[0]), Raw: true})
			}
			return nil
		},
		decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
			for i := range rec.Exchanges {
				if x := &rec.Exchanges[i]; x.OK() && x.Body.Kind != "html" {
					return Fail, "the path is refused, this spelling of it is answered: " + x.Path
				}
			}
			return Pass, ""
		},
	}
}
