package conformance

import (
	"context"
	"net/http"
)

// corsOrigins: no origin is allowed because it resembles one.
var corsOrigins = Check{
	ID: "cors-origins", Category: "browsers", Title: "no origin is allowed because it resembles the server's own",
	Doc: `Sends one read in each area of the API with origins that servers allow by mistake: null,
localhost, names that begin or end as the server's own does, that have another character for a dot,
names below it, its own name under another scheme or port. Any Access-Control header is the
finding. It is asked where the catalog says browsers: blocked.`,
	Finds: []string{"cors-null", "cors-prefix", "cors-suffix", "cors-unescaped-dot", "cors-any-port"},
	cause: corsCause,
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
		for _, origin := range tricks(l.run.client.base) {
			l.Send(ctx, rec, page("origin "+origin, http.MethodGet, path, origin, l.As(q.Keys[0])))
		}
		return nil
	},
	decide: decideCORS,
}
