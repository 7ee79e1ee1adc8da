package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// changingMethods are those of HTTP that change a record, by custom.
var changingMethods = []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodPost}

// unlistedMethod: a method that the catalog does not have on a path changes nothing there.
var unlistedMethod = Check{
	ID: "unlisted-method", Category: "operations", Title: "a method that the catalog does not have on a path changes nothing there",
	Doc: `Sends PUT, PATCH, DELETE and POST, where the catalog does not have them on the path of a record,
and what the server's own Allow header names besides, with the key that holds least, each to a record
that was made for it. That the record is changed or gone is the finding, whatever the status: routes
that nobody listed are guarded by nobody. Methods of the Allow header that no standard knows are not sent.`,
	Finds: []string{"unlisted-method-served"}, effort: SomeWrites,
	ask: func(p *planner) {
		full := p.full()
		if full < 0 {
			return
		}
		keys := p.keyRows().get // other checks are about those, and no key is made in passing
		for _, object := range p.objects() {
			for _, i := range p.getting(object) {
				r := &p.Rows[i]
				if i == keys || r.Method != http.MethodGet || len(r.Params()) != 1 || !strings.HasSuffix(r.Path, "}") || p.strongest(i) < 0 ||
					!slices.ContainsFunc(changingMethods, func(m string) bool { return !p.has(m, r.Path) }) {
					continue
				}
				weak := p.weakestOfAll()
				p.ask(Question{Row: i, Object: object, Keys: []int{weak, full}, Expect: Refuse, Base: []int{p.base(i, p.strongest(i)), p.base(p.invented(), weak)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		full := *q
		full.Keys = []int{q.Keys[1], q.Keys[1]} // whose records nothing limits
		w, err := l.workshop(ctx, rec, &full)
		if err != nil {
			return err
		}
		if len(w.all.Items) == 0 {
			return leaveOut("there is no %s that another could be made like", q.Object)
		}
		template := l.Plan.Rows[q.Row].Path
		asked := l.Send(ctx, rec, Call{Label: "what is allowed", Method: http.MethodOptions, Path: fillID(template, w.all.Items[0].ID), By: l.As(q.Keys[0]), Any: true})
		for _, m := range unlistedMethods(l.Plan, template, asked.Header.Get("Allow")) {
			it, err := w.make(ctx, rec, richest(w.all.Items))
			if err != nil {
				return err
			}
			mark := l.Mark()
			c := Call{Label: m, Method: m, Path: fillID(template, it.ID), By: l.As(q.Keys[0]), Any: true}
			if m == http.MethodDelete {
				mark = ""
				l.Send(ctx, rec, c)
			} else {
				// A change of one field first: the whole record may hold what the key may not write.
				set := map[string]any{w.text: mark}
				if c.Body, err = json.Marshal(set); err != nil {
					return err
				}
				if a := l.Send(ctx, rec, c); a.Status == http.StatusBadRequest || a.Status == http.StatusUnprocessableEntity {
					whole := maps.Clone(it.Fields)
					maps.Copy(whole, set)
					if c.Body, err = json.Marshal(whole); err != nil {
						return err
					}
					c.Label += wholeRecord
					l.Send(ctx, rec, c)
				}
			}
			touched, err := w.touched(ctx, rec, it, mark)
			if err != nil {
				return err
			}
			rec.Fact("touched: "+m, fmt.Sprint(touched))
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		reason := ""
		for _, fact := range slices.Sorted(maps.Keys(rec.Facts)) {
			m, ok := strings.CutPrefix(fact, "touched: ")
			if !ok {
				continue
			}
			x := cmp.Or(rec.Find(m+wholeRecord), rec.Find(m))
			switch {
			case rec.Facts[fact] == "true":
				return Fail, fmt.Sprintf("%s, which the catalog does not have here, is answered %d, and the record was changed", m, x.Status)
			case x.Status != http.StatusNotImplemented && x.undecided() && reason == "":
				reason = fmt.Sprintf("%s was answered %d, which says nothing", m, x.Status)
			}
		}
		if reason != "" {
			return Inconclusive, reason
		}
		return Pass, ""
	},
}

// wholeRecord ends the label of a request that sends every field.
const wholeRecord = " of the whole record"

// unlistedMethods are the methods to try on a path: the usual ones and those that the server
// names, without those that the catalog has there.
func unlistedMethods(p *Plan, template, allow string) []string {
	var out []string
	for _, m := range append(slices.Clone(changingMethods), strings.Split(allow, ",")...) {
		m = strings.ToUpper(strings.TrimSpace(m))
		if slices.Contains(changingMethods, m) && !slices.Contains(out, m) && !p.has(m, template) {
			out = append(out, m)
		}
	}
	return out
}

// weakestOfAll is the valid key that holds least; no key where there is no valid one.
func (p *planner) weakestOfAll() int {
	best := 0
	for i, k := range p.Keys {
		if k.Kind == ValidKey && !k.Narrowed() && (best == 0 || len(k.Grants) < len(p.Keys[best].Grants)) {
			best = i
		}
	}
	return best
}
