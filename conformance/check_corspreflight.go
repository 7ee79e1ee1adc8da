package conformance

import (
	"context"
	"net/http"
	"strings"
)

// corsPreflight: no preflight is allowed.
var corsPreflight = Check{
	ID: "cors-preflight", Category: "browsers", Title: "no preflight is allowed",
	Doc: `Asks, as browsers do with OPTIONS before a request with a key, whether a page of another origin
may send it: for one row of each method and shape of path, with the header that carries keys, and
for a page outside the private network that the server is in. Any Access-Control header in the
answer is the finding. It is asked where the catalog says browsers: blocked.`,
	Finds: []string{"cors-preflight-only", "cors-private-network"},
	cause: corsCause,
	ask: func(p *planner) {
		if !p.blocked() {
			return
		}
		taken := map[string]bool{}
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil {
				continue
			}
			if group := r.Method + " " + byShape(r); taken[group] && !p.exhaustive {
				p.leave()
			} else {
				taken[group] = true
				p.ask(Question{Row: i, Keys: []int{0}, Expect: Refuse})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.anyPath(ctx, q.Row)
		if err != nil {
			return err
		}
		keyHeader := "authorization"
		for _, c := range l.run.target.Credentials {
			if c.Header != "" {
				keyHeader = strings.ToLower(c.Header)
			}
		}
		for _, origin := range []string{stranger, "null"} {
			c := page("a preflight from "+origin, http.MethodOptions, path, origin, l.Nobody())
			c.Header.Set("Access-Control-Request-Method", l.Plan.Rows[q.Row].Method)
			c.Header.Set("Access-Control-Request-Headers", keyHeader+", content-type, x-api-key")
			c.Header.Set("Access-Control-Request-Private-Network", "true")
			l.Send(ctx, rec, c)
		}
		return nil
	},
	decide: decideCORS,
}

// anyPath is the path of a row for requests that no handler is meant to see: where nothing says
// an id, any word will do.
func (l *Lab) anyPath(ctx context.Context, row int) (string, error) {
	r := &l.Plan.Rows[row]
	if r.Reads {
		if path, err := l.Path(ctx, row); err == nil {
			return path, nil
		}
	}
	return fill(r.Path, oneParam(r, "permcheck-1"))
}
