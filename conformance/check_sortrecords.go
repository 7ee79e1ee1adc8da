package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// sortRecords: an order tells nothing about hidden records.
var sortRecords = Check{
	ID: "sort-records", Category: "records",
	Title: "an order by related records tells nothing about hidden ones",
	Doc: `Sorts a list by a field of the records that it refers to, up and down. The full key proves how
the API spells that. When the records which refer to hidden ones stand, up and down, just where
those hidden values put them, the order tells what the key must not see: that is the finding.
It takes three such records, or one whose value lies between two that the key may see, so that
neither a place at an end nor chance looks like it: servers put what has no value at an end. Where writes
are sent the question is asked a second time, with two records that the full key makes around a hidden one.`,
	Finds: []string{"relation-sort-unscoped"},
	ask: func(p *planner) {
		p.askRelated(Question{Expect: Refuse})
		first := len(p.Questions)
		p.askRelated(Question{Expect: Refuse, Variant: withMade})
		for i := range p.Questions[first:] {
			p.Questions[first+i].Effort = SomeWrites
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if strings.HasPrefix(q.Variant, withMade) {
			if err := l.surround(ctx, rec, q); err != nil {
				return err
			}
			l = l.afresh()
		}
		path, all, err := l.relatedList(ctx, rec, q)
		if err != nil {
			return err
		}
		rel, hidden, err := l.related(ctx, rec, q, all.Items)
		if err != nil {
			return err
		}
		seen, err := l.listed(ctx, rec, "seen", q.Row, q.Keys[0], path)
		if err != nil {
			return err
		}
		// One record for each that they refer to: what refers to the same has no order.
		gone := idSet(hidden)
		var sample []Item
		taken := map[string]bool{}
		inHidden := 0
		target := map[string]string{}
		for _, it := range all.Items {
			id := refID(it.Fields[rel.attr])
			if id == "" || taken[id] || !holds(seen.Items, it.ID) {
				continue
			}
			taken[id] = true
			target[it.ID] = id
			sample = append(sample, it)
			if gone[id] {
				inHidden++
			}
		}
		if inHidden == 0 {
			return leaveOut("the list shows the key no record that refers to a hidden %s", q.Field)
		}
		pick := func(items []Item) []string {
			var ids []string
			for _, it := range items {
				if target[it.ID] != "" {
					ids = append(ids, it.ID)
				}
			}
			return ids
		}
		base := pick(seen.Items)
		understood := false
		tried := 0
		for _, field := range differing(slices.DeleteFunc(slices.Clone(rel.all.Items), func(it Item) bool { return !taken[it.ID] })) {
			for _, s := range l.relationSpellings(Sort, rel, field) {
				if tried++; tried > 8*maxTries {
					break
				}
				orders := func(by int, note *Record) (up, down []string) {
					a, errA := l.listAt(ctx, note, "up", q.Row, path, l.As(by), s.With("", ""))
					b, errB := l.listAt(ctx, note, "down", q.Row, path, l.As(by), s.Descending(""))
					if errA != nil || errB != nil {
						return nil, nil
					}
					return pick(a.Items), pick(b.Items)
				}
				up, down := orders(q.Keys[1], nil)
				reversed := slices.Clone(up)
				slices.Reverse(reversed)
				if len(up) < 2 || len(up) != len(sample) || !slices.Equal(reversed, down) {
					continue
				}
				understood = true
				if !wouldTell(up, base, func(id string) bool { return gone[target[id]] }) {
					continue // another field
				}
				var own Record
				gotUp, gotDown := orders(q.Keys[0], &own)
				rec.Exchanges = append(rec.Exchanges, own.Exchanges...)
				rec.Fact("compared", "yes")
				if slices.Equal(gotUp, up) && slices.Equal(gotDown, down) {
					var suspects []Item
					for _, it := range hidden {
						if taken[it.ID] {
							suspects = append(suspects, it)
						}
					}
					rec.Set("shown", l.IDs(suspects))
					_, err = l.stillHidden(ctx, rec, q.Field, q.Keys[0], q.Keys[1], suspects)
				}
				return err
			}
		}
		if understood {
			return leaveOut("too few of the records refer to a hidden %s for an order to tell anything", q.Field)
		}
		return leaveOut("the server understands none of the usual spellings of an order by a related record (dialect: in the profile)")
	},
	decide: decideTempted("the order follows the field of hidden records that the list refers to"),
}

// withMade begins the variant of the questions that make records.
const withMade = "with records made"

// surround makes two records that the key may see, whose value of a field lies on either side of a
// hidden one's, and for each a record of the list that refers to it.
func (l *Lab) surround(ctx context.Context, rec *Record, q *Question) error {
	_, all, err := l.relatedList(ctx, rec, q)
	if err != nil {
		return err
	}
	rel, hidden, err := l.related(ctx, rec, q, all.Items)
	if err != nil {
		return err
	}
	gone := idSet(hidden)
	i := slices.IndexFunc(all.Items, func(it Item) bool { return gone[refID(it.Fields[rel.attr])] })
	if i < 0 {
		return leaveOut("no record of the list refers to a hidden %s", q.Field)
	}
	target := hidden[slices.IndexFunc(hidden, func(it Item) bool { return it.ID == refID(all.Items[i].Fields[rel.attr]) })]
	about, from := *q, *q
	about.Object = q.Field
	targets, err := l.workshop(ctx, rec, &about)
	if err != nil {
		return err
	}
	items, err := l.workshop(ctx, rec, &from)
	if err != nil {
		return err
	}
	if len(targets.allowed) == 0 {
		return leaveOut("no %s is shown to the key, that another could be made like", q.Field)
	}
	field, value := "", 0
	for _, name := range sortedNames(target.Fields) {
		n, ok := integer(target.Fields[name])
		if ok && n >= minSurrounded && name != l.dialect().idMember(target.Fields) && !targets.conditional(name) && scalar(target.Fields[name]) != target.ID {
			field, value = name, n
			break
		}
	}
	if field == "" {
		return leaveOut("the hidden %s has no number in a field of its own", q.Field)
	}
	taken := map[int]bool{}
	for _, it := range rel.all.Items {
		if n, ok := integer(it.Fields[field]); ok {
			taken[n] = true
		}
	}
	for _, step := range []int{-1, 1} {
		n := value + step
		for taken[n] {
			n += step
		}
		like := Item{Fields: maps.Clone(richest(targets.allowed).Fields)}
		like.Fields[field] = json.Number(strconv.Itoa(n))
		made, err := targets.make(ctx, rec, like)
		if err != nil {
			return err
		}
		sees, err := targets.sees(ctx, rec, made)
		if got, ok := integer(made.Fields[field]); err != nil || !sees || !ok || got != n {
			return cmp.Or(err, leaveOut("a %s with another %s that is shown to the key could not be made", q.Field, field))
		}
		like = Item{Fields: maps.Clone(all.Items[i].Fields)}
		if _, isNumber := refValue(like.Fields[rel.attr]).(json.Number); isNumber {
			like.Fields[rel.attr] = json.Number(made.ID)
		} else {
			like.Fields[rel.attr] = made.ID
		}
		if _, err := items.make(ctx, rec, like); err != nil {
			return err
		}
	}
	return nil
}

// minSurrounded is the least number that another one is made below: small ones are rather places in
// an order, or what names something.
const minSurrounded = 10

// refValue is the value of a reference, be it the id or an object that has it.
func refValue(v any) any {
	if m, ok := v.(map[string]any); ok {
		var d *Dialect
		return m[d.idMember(m)]
	}
	return v
}

// wouldTell reports whether an order, were it shown, could come from hidden values alone: three
// hidden ones whose order is not that of the plain list either way, or one between two that
// are not hidden.
func wouldTell(order, base []string, hidden func(string) bool) bool {
	reversed := slices.Clone(order)
	slices.Reverse(reversed)
	same := func(a, b []string) bool {
		only := func(list []string) []string {
			return slices.DeleteFunc(slices.Clone(list), func(id string) bool { return !hidden(id) })
		}
		return slices.Equal(only(a), only(b))
	}
	n := 0
	for _, id := range order {
		if hidden(id) {
			n++
		}
	}
	if n >= 3 && !same(order, base) && !same(reversed, base) {
		return true
	}
	first := slices.IndexFunc(order, func(id string) bool { return !hidden(id) })
	last := len(order) - 1 - slices.IndexFunc(reversed, func(id string) bool { return !hidden(id) })
	return first >= 0 && slices.ContainsFunc(order[first:last+1], hidden)
}

// differing are the fields of records whose values differ all over.
func differing(items []Item) []string {
	var out []string
	if len(items) == 0 {
		return nil
	}
	for _, name := range sortedNames(items[0].Fields) {
		values := map[string]bool{}
		for _, it := range items {
			if v := plainText(it.Fields[name]); v != "" {
				values[strings.ToLower(v)] = true
			}
		}
		if len(values) == len(items) && plainText(items[0].Fields[name]) != items[0].ID {
			out = append(out, name)
		}
	}
	return out
}
