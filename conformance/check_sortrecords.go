package conformance

import (
	"context"
	"slices"
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
neither a place at an end nor chance looks like it.`,
	Finds: []string{"relation-sort-unscoped"},
	ask:   func(p *planner) { p.askRelated(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
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
