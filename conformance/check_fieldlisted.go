package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// fieldListed: attributes that are not on a key's allow list are not shown to it.
var fieldListed = Check{
	ID: "field-listed", Category: "fields",
	Title: "a key is shown just the attributes that its allow list names",
	Doc: `Reads each list and each object whose attributes an allow list chooses, with the full key and
with a key whose list names one attribute or none. An attribute that is neither listed nor
always shown, with a value of the full key's answer, is the finding; where the catalog says
that unlisted ones are omitted, one that is there as null is, too. A listed one that is missing is
an under-grant. Endpoints that ignore the list are left out.`,
	Finds: []string{"allow-list-ignored"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.catalog.AllowLists {
			list := &p.catalog.AllowLists[i]
			star := slices.IndexFunc(p.catalog.Fields, func(f catalogs.Field) bool { return f.Name == "*" && f.NeedsListed == list.Name })
			if full < 0 || star < 0 {
				continue
			}
			object := p.catalog.Fields[star].Object
			for _, row := range append(p.listing(object), p.getting(object)...) {
				if slices.Contains(p.Rows[row].Endpoint.Ignores, list.Name) || p.expect(row, full) != Admit {
					continue
				}
				for _, key := range p.listedKeys(list, row) {
					p.ask(Question{Row: row, Subject: "field:" + object + ".* " + p.Rows[row].String(), Object: object, Field: "*", Variant: list.Name,
						Keys: []int{key, full}, Expect: Refuse, Base: []int{p.base(row, full)}, Pos: list.Pos})
				}
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		r := &l.Plan.Rows[q.Row]
		at := slices.IndexFunc(l.Catalog.AllowLists, func(a catalogs.AllowList) bool { return a.Name == q.Variant })
		list := &l.Catalog.AllowLists[at]
		call := Call{Label: "full", Method: r.Method, Path: path, By: l.As(q.Keys[1]), row: q.Row + 1}
		full := l.Send(ctx, rec, call)
		call.Label, call.By = "limited", l.As(q.Keys[0])
		limited := l.Send(ctx, rec, call)
		if !full.OK() || !limited.OK() {
			return fmt.Errorf("answered %d to the full key and %d to the limited one", full.Status, limited.Status)
		}
		free := slices.Clone(list.Always)
		for _, f := range l.Catalog.Fields {
			if f.Object == q.Object && f.Name != "*" && (f.Requires != nil || f.NeedsListed == "") {
				free = append(free, strings.Split(f.Name, ".")[0])
			}
		}
		named := l.Plan.Keys[q.Keys[0]].Lists[q.Variant]
		shown, given := l.attributes(full), l.attributes(limited)
		var over, under []string
		for name, values := range shown {
			switch {
			case slices.Contains(free, name):
			case slices.Contains(named, name):
				if len(given[name]) == 0 {
					under = append(under, name)
				}
			case slices.ContainsFunc(given[name], func(v string) bool { return slices.Contains(values, v) }):
				over = append(over, name)
			case list.Unlisted == "omitted" && given[name] != nil:
				over = append(over, name)
			}
		}
		if len(shown) == 0 {
			return leaveOut("the full key's answer shows no attributes")
		}
		slices.Sort(over)
		slices.Sort(under)
		rec.Fact("unlisted", fmt.Sprint(len(over)))
		rec.Fact("missing", fmt.Sprint(len(under)))
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		switch {
		case rec.Facts["unlisted"] != "0":
			return Fail, fmt.Sprintf("shows %s attributes that the key's list does not name", rec.Facts["unlisted"])
		case rec.Facts["missing"] != "0":
			return Fail, fmt.Sprintf("lacks %s attributes that the key's list names", rec.Facts["missing"])
		}
		return Pass, ""
	},
}

// listedKeys returns keys whose allow list is short: one that names nothing, and one that
// names an attribute which an endpoint of the catalog asks for.
func (p *planner) listedKeys(list *catalogs.AllowList, row int) []int {
	var keys []int
	if p.fixed {
		for i := range p.Keys {
			if k := &p.Keys[i]; k.Kind == ValidKey && k.Lists[list.Name] != nil && p.expect(row, i) == Admit {
				keys = append(keys, i)
			}
		}
		return keys
	}
	if !p.shares {
		return nil
	}
	lists := [][]string{{}}
	for i := range p.catalog.Endpoints {
		if a := p.catalog.Endpoints[i].NeedsListed[list.Name]; a != "" {
			lists = append(lists, []string{a})
			break
		}
	}
	for _, names := range lists {
		if k := p.key(Key{Grants: p.Universe, Lists: map[string][]string{list.Name: names}}); p.expect(row, k) == Admit {
			keys = append(keys, k)
		}
	}
	return keys
}

// attributes are the members of the objects that an answer shows, with the keyed hashes of
// their values but null. Where objects keep their attributes in a member of that name, they
// are those.
func (l *Lab) attributes(a *Answer) map[string][]string {
	d := l.dialect()
	list := d.list(a.JSON())
	if list == nil {
		one, _ := a.JSON().(map[string]any)
		if inner, ok := one["data"].(map[string]any); ok {
			one = inner
		}
		list = []any{one}
	}
	out := map[string][]string{}
	for _, v := range list {
		m, _ := v.(map[string]any)
		if inner, ok := m["attributes"].(map[string]any); ok {
			m = inner
		}
		id := d.idMember(m)
		for name, v := range m {
			if name == id {
				continue
			}
			if out[name] == nil {
				out[name] = []string{}
			}
			if v != nil {
				out[name] = append(out[name], l.Hash(v))
			}
		}
	}
	return out
}
