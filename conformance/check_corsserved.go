package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// corsServed: the server itself refuses what web pages send, where the catalog says so.
var corsServed = Check{
	ID: "cors-served", Category: "browsers", Title: "a request of a web page is refused by the server itself",
	Doc: `Sends one read in each area of the API as a web page of another origin would, with an admitted
key. Being answered otherwise than the catalog states is the finding. It is asked where the catalog
says refused: {origin: STATUS}.`,
	Finds: []string{"cors-origin-served"},
	ask: func(p *planner) {
		if !slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Refused.Origin.Known() }) {
			return
		}
		for _, i := range p.reads(byArea) {
			if key := p.strongest(i); p.Rows[i].Refused.Origin.Known() {
				p.ask(Question{Row: i, Keys: []int{key}, Expect: Refuse, Base: []int{p.base(i, key)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		for _, origin := range []string{stranger, "null"} {
			l.Send(ctx, rec, page("a page of "+origin, http.MethodGet, path, origin, l.As(q.Keys[0])))
		}
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		want := j.plan.Rows[q.Row].Refused.Origin.Status
		for i := range rec.Exchanges {
			x := &rec.Exchanges[i]
			switch {
			case x.Status == want:
			case x.undecided():
				return Inconclusive, fmt.Sprintf("%s is answered %d, which says nothing about permission", x.Label, x.Status)
			default:
				return Fail, fmt.Sprintf("%s is answered %d, the catalog states %d", x.Label, x.Status, want)
			}
		}
		return Pass, ""
	},
}
