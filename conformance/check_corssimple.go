package conformance

import (
	"context"
	"net/http"
)

// corsSimple: no answer to a simple request of a web page carries a header of CORS.
var corsSimple = Check{
	ID: "cors-simple", Category: "browsers", Title: "no answer lets a web page of another origin read it",
	Doc: `Sends each endpoint that reads as a web page of another origin would, with an admitted
key, and one in each area of the API without a key; and a path that does not exist. Any
Access-Control header in an answer is the finding, whatever its status. With --browser a real
Chromium tries the same with fetch and XMLHttpRequest. It is asked where the catalog says
browsers: blocked.`,
	Finds: []string{"cors-star", "cors-reflect", "cors-credentials", "cors-simple-only", "cors-on-errors", "cors-on-success", "cors-some-routes"},
	cause: corsCause,
	ask: func(p *planner) {
		if !p.blocked() {
			return
		}
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads {
				continue
			}
			if r.Need.IsPublic() {
				p.ask(Question{Row: i, Keys: []int{0}, Expect: Admit, Variant: "anonymous"})
			} else if key := p.strongest(i); key >= 0 {
				p.ask(Question{Row: i, Keys: []int{key}, Expect: Admit, Variant: "admitted", Base: []int{p.base(i, key)}})
			}
		}
		for _, i := range p.reads(byArea) {
			p.ask(Question{Row: i, Keys: []int{0}, Expect: Refuse, Variant: "refused"})
		}
		p.ask(Question{Row: p.invented(), Keys: []int{0}, Expect: Refuse, Variant: "failing"})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, page("a simple request", http.MethodGet, path, stranger, l.As(q.Keys[0])))
		return l.confirm(ctx, rec, path, l.As(q.Keys[0]))
	},
	decide: decideCORS,
}
