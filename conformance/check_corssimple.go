package conformance

import (
	"context"
	"net/http"
	"strings"
)

// inBrowser ends the variant of questions that a real browser is asked too.
const inBrowser = ", also in a browser"

// corsSimple: no answer to a simple request of a web page carries a header of CORS.
var corsSimple = Check{
	ID: "cors-simple", Category: "browsers", Title: "no answer lets a web page of another origin read it",
	Doc: `Sends each endpoint that reads as a web page of another origin would, with an admitted
key, and one in each area of the API without a key; and a path that does not exist. An answer with
Access-Control-Allow-Origin is the finding, whatever its status. With --browser a real
Chromium tries some of the same with fetch and XMLHttpRequest, with and without credentials and key. It is asked where the catalog says
browsers: blocked.`,
	Finds: []string{"cors-star", "cors-reflect", "cors-credentials", "cors-simple-only", "cors-on-errors", "cors-on-success", "cors-some-routes"},
	cause: corsCause,
	ask: func(p *planner) {
		if !p.blocked() {
			return
		}
		tried := map[string]bool{}
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads {
				continue
			}
			if r.Need.IsPublic() {
				p.ask(Question{Row: i, Keys: []int{0}, Expect: Admit, Variant: "anonymous"})
			} else if key := p.strongest(i); key >= 0 {
				variant := "admitted"
				if area := byArea(r); !tried[area] {
					tried[area] = true
					variant += inBrowser
				}
				p.ask(Question{Row: i, Keys: []int{key}, Expect: Admit, Variant: variant, Base: []int{p.base(i, key)}})
			}
		}
		for _, i := range p.reads(byArea) {
			p.ask(Question{Row: i, Keys: []int{0}, Expect: Refuse, Variant: "refused" + inBrowser})
		}
		p.ask(Question{Row: p.invented(), Keys: []int{0}, Expect: Refuse, Variant: "failing" + inBrowser})
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, page("a simple request", http.MethodGet, path, stranger, l.As(q.Keys[0])))
		if strings.HasSuffix(q.Variant, inBrowser) {
			return l.confirm(ctx, rec, path, l.As(q.Keys[0]))
		}
		return nil
	},
	decide: decideCORS,
}
