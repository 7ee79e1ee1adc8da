package conformance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// overrideWays are the ways in which frameworks let a POST name another method.
var overrideWays = []struct {
	label  string
	header string // that holds the method
	query  string
	form   bool
}{
	{label: "X-HTTP-Method-Override", header: "X-HTTP-Method-Override"},
	{label: "X-HTTP-Method", header: "X-HTTP-Method"},
	{label: "X-Method-Override", header: "X-Method-Override"},
	{label: "?_method=", query: "_method"},
	{label: "_method in a form", form: true},
}

func overriding(way int, method, path string) Call {
	w := overrideWays[way]
	c := Call{Label: method + " by " + w.label, Method: http.MethodPost, Path: path, Header: http.Header{}}
	switch {
	case w.header != "":
		c.Header.Set(w.header, method)
	case w.query != "":
		c.Query = url.Values{w.query: {method}}.Encode()
	case w.form:
		c.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		c.Body = []byte(url.Values{"_method": {method}}.Encode())
	}
	return c
}

// methodOverride: a POST that names another method is decided as that method.
var methodOverride = Check{
	ID: "method-override", Category: "routing", Title: "a POST that names another method is asked for that method's permission",
	Doc: `Sends POST to the path of a request that is refused, and names the refused method in the ways
that frameworks know: X-HTTP-Method-Override, X-HTTP-Method, X-Method-Override, ?_method and a
form. For a read the answer that an admitted key is shown is the finding; for a DELETE that the
object is gone. Asked of one read of each shape of path, of those whose path the catalog has no
POST for, and of one DELETE; it counts as a write.`,
	Finds: []string{"method-override-unguarded"}, effort: SomeWrites,
	ask: func(p *planner) {
		for _, i := range p.reads(p.byShapeWithoutPost) {
			weak, strong := max(p.weakest(i), 0), p.strongest(i)
			p.ask(Question{Row: i, Variant: "read", Keys: []int{weak, strong}, Expect: Refuse,
				Base: []int{p.base(i, weak), p.base(i, strong), p.base(p.invented(), weak)}})
		}
		asked := false
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Method != http.MethodDelete || r.Reads || r.Witness < 0 || p.weakest(i) < 0 || p.strongest(i) < 0 || p.strongest(r.Witness) < 0 {
				continue
			}
			if asked && !p.exhaustive {
				p.leave()
				continue
			}
			asked = true
			weak, strong, sees := p.weakest(i), p.strongest(i), p.strongest(r.Witness)
			p.ask(Question{Row: i, Variant: "delete", Keys: []int{weak, strong, sees}, Expect: Refuse,
				Base: []int{p.base(i, weak), p.base(i, strong), p.base(r.Witness, sees)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if q.Variant == "read" {
			path, err := l.Path(ctx, q.Row)
			if err != nil {
				return err
			}
			var calls []Call
			for way := range overrideWays {
				calls = append(calls, overriding(way, http.MethodGet, path))
			}
			return l.detour(ctx, q, rec, calls)
		}
		for way := range overrideWays {
			f, err := l.Fresh(ctx, q.Row, q.Keys[2])
			if err != nil {
				return err
			}
			path := f.Path
			c := overriding(way, http.MethodDelete, path)
			c.By, c.Any = l.As(q.Keys[0]), true
			name := c.Label
			l.Send(ctx, rec, Call{Label: "before " + name, Method: http.MethodGet, Path: path, By: l.As(q.Keys[2])})
			l.Send(ctx, rec, c)
			l.Send(ctx, rec, Call{Label: "after " + name, Method: http.MethodGet, Path: path, By: l.As(q.Keys[2])})
		}
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if q.Variant == "read" {
			return decideDetours(j, q, rec)
		}
		for i := range rec.Exchanges {
			name, isBefore := strings.CutPrefix(rec.Exchanges[i].Label, "before ")
			if !isBefore {
				continue
			}
			before, after := &rec.Exchanges[i], rec.Find("after "+name)
			switch {
			case !before.OK():
				return Inconclusive, fmt.Sprintf("the object was answered %d before it was touched", before.Status)
			case after.Status == http.StatusNotFound || after.Status == http.StatusGone:
				return Fail, name + " took the object away"
			}
		}
		return Pass, ""
	},
}

// byShapeWithoutPost is byShape for rows whose path has no POST: to one that has, a POST would
// make things, and its answer is nothing to compare with.
func (p *planner) byShapeWithoutPost(r *Row) string {
	for i := range p.Rows {
		if o := &p.Rows[i]; o.Method == http.MethodPost && catalogs.EndpointKey("", o.Path) == catalogs.EndpointKey("", r.Path) {
			return leftOut
		}
	}
	return byShape(r)
}
