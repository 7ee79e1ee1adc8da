package conformance

import (
	"context"
	"fmt"
)

// replicas: every connection is decided alike.
var replicas = Check{
	ID: "replicas-agree", Category: "life-cycle",
	Title: "every connection is answered alike",
	Doc: `Sends the same request eight times, each on a connection of its own, with a key that is refused and
with one that is admitted, to up to six endpoints. An answer of each kind to one key is the
finding: behind the address stand servers that do not agree. Over-grants are then given that cause.`,
	Finds:    []string{"one-replica-unguarded"},
	explains: []string{"operations", "authentication", "life-cycle", "records", "fields", "existence"},
	ask: func(p *planner) {
		var rows []int
		for i := range p.Rows {
			if r := &p.Rows[i]; r.Endpoint != nil && r.Method == "GET" && r.Reads && len(r.Params()) == 0 && p.weakest(i) >= 0 && p.strongest(i) >= 0 {
				rows = append(rows, i)
			}
		}
		for n := range min(6, len(rows)) {
			row := rows[n*len(rows)/min(6, len(rows))]
			p.ask(Question{Row: row, Keys: []int{p.weakest(row)}, Expect: Refuse})
			p.ask(Question{Row: row, Keys: []int{p.strongest(row)}, Expect: Admit})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		for range 8 {
			l.Send(ctx, rec, Call{Label: "a new connection", Method: "GET", Path: path, By: l.As(q.Keys[0]), Fresh: true})
			if n := len(rec.Exchanges); n > 1 && rec.Exchanges[n-1].OK() == rec.Exchanges[0].OK() {
				rec.Exchanges[n-1].Body = Digest{Bytes: rec.Exchanges[n-1].Body.Bytes, Kind: rec.Exchanges[n-1].Body.Kind, Sum: rec.Exchanges[n-1].Body.Sum, Count: -1, Total: -1}
			}
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		n := 0
		for i := range rec.Exchanges {
			if rec.Exchanges[i].OK() {
				n++
			}
		}
		if n > 0 && n < len(rec.Exchanges) {
			return Fail, fmt.Sprintf("admitted on %d of %d connections", n, len(rec.Exchanges))
		}
		return Pass, ""
	},
}
