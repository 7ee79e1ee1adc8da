package conformance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// contentType: a write is decided alike whatever the type of its body.
var contentType = Check{
	ID: "content-type", Category: "routing", Title: "a write of another content type is refused as the JSON one is",
	Doc: `Sends a write that is refused as a form, as plain text, as XML by its type alone, and without
a type, with the key that holds least and a fresh object each. Being answered as the admitted key
is where JSON is refused is the finding. Asked of one write of each method.`,
	Finds: []string{"content-type-picks-handler"}, effort: SomeWrites,
	ask: func(p *planner) {
		for _, i := range p.writes(func(r *Row) string { return r.Method }) {
			weak, strong := p.weakest(i), p.strongest(i)
			p.ask(Question{Row: i, Keys: []int{weak, strong}, Expect: Refuse, Base: []int{p.base(i, weak), p.base(i, strong)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		method := l.Plan.Rows[q.Row].Method
		for _, as := range []struct{ label, media string }{
			{plainAdmitted, "application/json"}, {plainRefused, "application/json"},
			{"as a form", "application/x-www-form-urlencoded"}, {"as plain text", "text/plain"}, {"as XML", "application/xml"}, {"without a type", ""},
		} {
			f, err := l.Fresh(ctx, q.Row, q.Keys[1])
			if err != nil {
				return err
			}
			if as.media == "application/x-www-form-urlencoded" {
				f.Body = []byte(url.Values{"name": {f.Mark}}.Encode())
			}
			c := Call{Label: as.label, Method: method, Path: f.Path, By: l.As(q.Keys[0]), Body: f.Body, Header: http.Header{"Content-Type": {as.media}}, Any: true}
			if as.label == plainAdmitted {
				c.By = l.As(q.Keys[1])
			}
			a := l.Send(ctx, rec, c)
			if err := l.Owe(q.Row, f, a); err != nil {
				return err
			}
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		admitted, refused := rec.Find(plainAdmitted), rec.Find(plainRefused)
		switch {
		case !admitted.OK():
			return Inconclusive, fmt.Sprintf("the plain request was answered %d to the admitted key", admitted.Status)
		case refused.admits():
			return Inconclusive, "the plain request is answered to both keys"
		}
		for i := range rec.Exchanges[2:] {
			switch x := &rec.Exchanges[2+i]; {
			case x.Status == admitted.Status && x.Body.Kind == admitted.Body.Kind:
				return Fail, fmt.Sprintf("%s it is answered %d, as JSON is to the admitted key; the same key is answered %d to JSON", x.Label, x.Status, refused.Status)
			case x.OK():
				return Inconclusive, fmt.Sprintf("%s it is answered %d, which is not how the admitted key is answered", x.Label, x.Status)
			}
		}
		return Pass, ""
	},
}

// writes returns the rows that write with a body, refuse some valid key and admit another. Of
// those in one group the first stands for all, unless the depth is exhaustive.
func (p *planner) writes(group func(*Row) string) []int {
	var rows []int
	taken := map[string]bool{}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Reads || r.Method == http.MethodDelete || p.strongest(i) < 0 || p.weakest(i) < 0 {
			continue
		}
		if name := group(r); taken[name] && !p.exhaustive {
			p.leave()
		} else {
			taken[name] = true
			rows = append(rows, i)
		}
	}
	return rows
}
