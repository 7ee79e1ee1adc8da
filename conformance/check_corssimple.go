package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// corsCause is what every check of CORS is about: one configuration of the server.
var corsCause = Cause{ID: "cors", Text: "web pages of other origins may call the API", Check: "cors-simple"}

// corsSimple: no answer to a simple request of a web page carries a header of CORS.
var corsSimple = Check{
	ID: "cors-simple", Category: "browsers",
	Title: "no answer lets a web page of another origin read it",
	Doc: `Sends each endpoint that reads as a web page of another origin would, with an admitted
key, and once without a key. Any Access-Control header in an answer is the finding, whatever
its status. It is asked where the catalog says browsers: blocked.`,
	Finds: []string{"cors-star", "cors-reflect", "cors-simple-only", "cors-on-success", "cors-some-routes"},
	cause: corsCause,
	ask: func(p *planner) {
		if p.catalog.Browsers != catalogs.BrowsersBlocked {
			return
		}
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Method != "GET" || !r.Reads {
				continue
			}
			if key := p.strongest(i); key >= 0 {
				p.ask(Question{Row: i, Keys: []int{key}, Expect: Admit, Variant: "admitted", Base: []int{p.base(i, key)}})
			}
			p.ask(Question{Row: i, Keys: []int{0}, Expect: p.expect(i, 0), Variant: "anonymous"})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, Call{Label: "as a web page", Method: "GET", Path: path, By: l.As(q.Keys[0]), Any: true,
			Header: http.Header{"Origin": {"https://permcheck.example"}}})
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		for i := range rec.Exchanges {
			x := &rec.Exchanges[i]
			if names := x.names("Access-Control-"); len(names) > 0 {
				return Fail, fmt.Sprintf("answered %d with %s: %s", x.Status, strings.Join(names, ", "), x.Answered[names[0]])
			}
		}
		return Pass, ""
	},
}
