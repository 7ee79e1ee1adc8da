package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// corsTiming: answers say nothing to pages of other origins by the other headers either.
var corsTiming = Check{
	ID: "cors-timing", Category: "browsers", Title: "no answer shows its timing or lends itself to other origins",
	Doc: `Sends one read in each area of the API as a web page of another origin would. Timing-Allow-Origin,
and Cross-Origin-Resource-Policy: cross-origin, are the finding. It is asked where the catalog says
browsers: blocked.`,
	Finds: []string{"cors-timing"},
	ask: func(p *planner) {
		if !p.blocked() {
			return
		}
		for _, i := range p.reads(byArea) {
			key := p.strongest(i)
			p.ask(Question{Row: i, Keys: []int{key}, Expect: Admit, Base: []int{p.base(i, key)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, page("a simple request", http.MethodGet, path, stranger, l.As(q.Keys[0])))
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		x := rec.Find("a simple request")
		switch timing, policy := x.Answered["Timing-Allow-Origin"], x.Answered["Cross-Origin-Resource-Policy"]; {
		case timing != "":
			return Fail, fmt.Sprintf("answered %d with Timing-Allow-Origin: %s", x.Status, timing)
		case strings.EqualFold(policy, "cross-origin"):
			return Fail, fmt.Sprintf("answered %d with Cross-Origin-Resource-Policy: %s", x.Status, policy)
		}
		return Pass, ""
	},
}
