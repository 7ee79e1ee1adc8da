package conformance

import (
	"context"
	"fmt"
	"strings"
)

// cacheHeaders: answers to keys do not tell shared caches to keep them.
var cacheHeaders = Check{
	ID: "cache-headers", Category: "caches",
	Title: "answers that need a key do not allow shared caches to keep them",
	Doc: `Looks at the headers of admitted answers of endpoints that need a key. Cache-Control with public
or s-maxage is the finding, where Vary does not name the header with the key; and where the key
is not shown in Authorization, which caches know by themselves (RFC 9111, 3.5), so is any age
that is stated without private or no-store.`,
	Finds: []string{"no-store-missing"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			if r := &p.Rows[i]; full >= 0 && r.Endpoint != nil && r.Method == "GET" && r.Reads && !r.Need.IsPublic() && p.expect(i, full) == Admit {
				p.ask(Question{Row: i, Keys: []int{full}, Expect: Admit, Base: []int{p.base(i, full)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, Call{Label: "admitted", Method: "GET", Path: path, By: l.As(q.Keys[0])})
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		x := rec.Find("admitted")
		if !x.OK() {
			return Inconclusive, fmt.Sprintf("answered %d", x.Status)
		}
		control := strings.ToLower(x.Answered["Cache-Control"])
		shown, _, _ := strings.Cut(x.Auth, ":")
		has := func(words ...string) bool {
			for _, w := range words {
				for part := range strings.SplitSeq(control, ",") {
					name, _, _ := strings.Cut(strings.TrimSpace(part), "=")
					if name == w {
						return true
					}
				}
			}
			return false
		}
		varies := false
		for name := range strings.SplitSeq(x.Answered["Vary"], ",") {
			name = strings.TrimSpace(name)
			varies = varies || name == "*" || strings.EqualFold(name, shown)
		}
		switch {
		case has("no-store", "private") || varies:
			return Pass, ""
		case has("public", "s-maxage"):
			return Fail, fmt.Sprintf("answers Cache-Control: %s, and Vary does not name %s", x.Answered["Cache-Control"], shown)
		case has("max-age") && !has("no-cache") && !strings.Contains(control, "max-age=0") && !strings.EqualFold(shown, "Authorization"):
			return Fail, fmt.Sprintf("answers Cache-Control: %s to a key that caches cannot tell, and Vary does not name %s", x.Answered["Cache-Control"], shown)
		}
		return Pass, ""
	},
}
