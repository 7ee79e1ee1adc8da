package conformance

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/permcheck/permcheck/catalogs"
)

// listedEndpoint: an endpoint that shows one attribute is refused without it on the list.
var listedEndpoint = Check{
	ID: "listed-endpoint", Category: "fields",
	Title: "an endpoint that needs an attribute on the allow list is refused without it",
	Doc: `Calls each endpoint that needs an attribute on the key's allow list with a key whose list does
not name it, and with one that does. A 2xx answer to the first is the finding, and a refusal of
the second an under-grant. The full key is the control.`,
	Finds: []string{"needs-listed-ignored"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			r := &p.Rows[i]
			if full < 0 || r.Endpoint == nil || !r.Reads || p.expect(i, full) != Admit {
				continue
			}
			for _, list := range slices.Sorted(maps.Keys(r.Endpoint.NeedsListed)) {
				at := slices.IndexFunc(p.catalog.AllowLists, func(a catalogs.AllowList) bool { return a.Name == list })
				if at < 0 {
					continue
				}
				for _, key := range p.listedKeys(&p.catalog.AllowLists[at], i) {
					expect := Refuse
					if slices.Contains(p.Keys[key].Lists[list], r.Endpoint.NeedsListed[list]) {
						expect = Admit
					}
					p.ask(Question{Row: i, Subject: "field:" + p.catalog.AllowLists[at].Of + "." + r.Endpoint.NeedsListed[list] + " " + r.String(), Field: r.Endpoint.NeedsListed[list],
						Object: p.catalog.AllowLists[at].Of, Variant: list, Keys: []int{key, full}, Expect: expect, Base: []int{p.base(i, full)}})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		call := Call{Label: "full", Method: l.Plan.Rows[q.Row].Method, Path: path, By: l.As(q.Keys[1])}
		if a := l.Send(ctx, rec, call); !a.OK() {
			return fmt.Errorf("answered %d to the full key", a.Status)
		}
		call.Label, call.By = "limited", l.As(q.Keys[0])
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		switch x := rec.Find("limited"); {
		case q.Expect == Refuse && x.OK() && (x.Body.Count != 0 || rec.Find("full").Body.Count == 0):
			return Fail, fmt.Sprintf("answered %d although the key's list does not name %s", x.Status, q.Field)
		case q.Expect == Admit && !x.OK():
			return Fail, fmt.Sprintf("answered %d although the key's list names %s", x.Status, q.Field)
		}
		return Pass, ""
	},
}
