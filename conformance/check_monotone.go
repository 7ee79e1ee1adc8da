package conformance

import (
	"context"
	"fmt"
	"slices"
)

// moreSeesMore: who holds more never sees less.
var moreSeesMore = Check{
	ID: "more-sees-more", Category: "operations",
	Title: "a key that holds more permissions never sees fewer records or fields",
	Doc: `Reads each list with keys of which each holds all that the one before holds, none of them
limited otherwise, and without a key where the list is public. A record or a field which the
weaker one is shown and the stronger one is not is the finding. A record that is gone when the
weaker key reads the list again counts for nothing.`,
	Finds: []string{"more-grants-see-fewer-records"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			r := &p.Rows[i]
			if full < 0 || r.Endpoint == nil || r.Method != "GET" || !r.Reads || r.Endpoint.Lists == "" || p.expect(i, full) != Admit {
				continue
			}
			chain := p.chain(i, full)
			for n := 1; n < len(chain); n++ {
				p.ask(Question{Row: i, Keys: []int{chain[n], chain[n-1]}, Expect: Admit, Base: []int{p.base(i, chain[n]), p.base(i, chain[n-1])}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		weak, err := l.listed(ctx, rec, "weaker", q.Row, q.Keys[1], path)
		if err != nil {
			return err
		}
		strong, err := l.listed(ctx, rec, "stronger", q.Row, q.Keys[0], path)
		if err != nil {
			return err
		}
		if !weak.Whole && !weak.Ended || !strong.Whole && !strong.Ended {
			return fmt.Errorf("the list has more pages than are read")
		}
		lost, fields := lostTo(weak.Items, strong.Items)
		if len(lost)+len(fields) > 0 { // somebody may have changed records meanwhile
			if weak, err = l.listAt(ctx, rec, "weaker again", q.Row, path, l.As(q.Keys[1]), ""); err != nil {
				return err
			}
			if strong, err = l.listAt(ctx, rec, "stronger again", q.Row, path, l.As(q.Keys[0]), ""); err != nil {
				return err
			}
			if lost, fields = lostTo(weak.Items, strong.Items); len(lost) > 0 {
				last, err := l.listAt(ctx, rec, "weaker at last", q.Row, path, l.As(q.Keys[1]), "")
				if err != nil {
					return err
				}
				still := idSet(last.Items)
				lost = slices.DeleteFunc(lost, func(it Item) bool { return !still[it.ID] })
			}
		}
		rec.Fact("records", fmt.Sprint(len(lost)))
		rec.Fact("fields", fmt.Sprint(len(fields)))
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if records, fields := rec.Facts["records"], rec.Facts["fields"]; records != "0" || fields != "0" {
			return Fail, fmt.Sprintf("%s records and %s fields are shown to key %s, which holds less, and not to this one", records, fields, j.plan.Keys[q.Keys[1]].Name)
		}
		return Pass, ""
	},
}

// lostTo returns the records of one list that another lacks, and the names of fields that have
// a value in one and none in the other.
func lostTo(weak, strong []Item) (lost []Item, fields []string) {
	byID := map[string]map[string]any{}
	for _, it := range strong {
		byID[it.ID] = it.Fields
	}
	for _, it := range weak {
		more, ok := byID[it.ID]
		if !ok {
			lost = append(lost, it)
			continue
		}
		for _, name := range sortedNames(it.Fields) {
			if w, ok := more[name]; it.Fields[name] != nil && (!ok || w == nil) && !slices.Contains(fields, name) {
				fields = append(fields, name)
			}
		}
	}
	return lost, fields
}

// chain returns keys that a row admits, none of them narrowed, each of which holds all that
// the one before holds, up to the full one.
func (p *planner) chain(row, full int) []int {
	var chain []int
	if p.expect(row, 0) == Admit {
		chain = append(chain, 0)
	}
	var last *Key
	for {
		best := -1
		for i := range p.Keys {
			k := &p.Keys[i]
			if k.Kind != ValidKey || k.Narrowed() || p.expect(row, i) != Admit || i == full || !k.Grants.SubsetOf(p.Keys[full].Grants) {
				continue
			}
			if last != nil && (!last.Grants.SubsetOf(k.Grants) || len(k.Grants) <= len(last.Grants)) {
				continue
			}
			if best < 0 || len(k.Grants) < len(p.Keys[best].Grants) {
				best = i
			}
		}
		if best < 0 || len(chain) > 2 {
			break
		}
		chain = append(chain, best)
		last = &p.Keys[best]
	}
	return append(chain, full)
}
