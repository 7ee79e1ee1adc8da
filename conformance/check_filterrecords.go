package conformance

import (
	"context"
	"strings"
)

// filterRecords: a filter tells nothing about hidden records, those of a relation included.
var filterRecords = Check{
	ID: "filter-records", Category: "records",
	Title: "a filter on related records tells nothing about hidden ones",
	Doc: `Filters a list by a field of the records that it refers to, with a value that only a hidden
record has, and with one that none has. The full key proves how the API spells that. When the
key's answers differ, the filter looks at what the key must not see: that is the finding, after
the full list was read again. A refusal, and two empty answers, are right.`,
	Finds: []string{"relation-filter-unscoped"},
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
		// The record whose field is asked about must be related to one that the key is shown:
		// its own answer would not tell otherwise.
		related := map[string]map[string]bool{} // id of a record -> ids of those that name it
		visible := idSet(seen.Items)
		for _, it := range all.Items {
			if id := refID(it.Fields[rel.attr]); id != "" && visible[it.ID] {
				if related[id] == nil {
					related[id] = map[string]bool{}
				}
				related[id][it.ID] = true
			}
		}
		tried := 0
		for _, target := range hidden {
			if len(related[target.ID]) == 0 {
				continue
			}
			for _, field := range unsharedFields(target, rel.all.Items) {
				value := plainText(target.Fields[field])
				for _, s := range l.relationSpellings(Filter, rel, field) {
					if tried++; tried > 8*maxTries {
						return leaveOut("the server understands none of the usual spellings of a filter by a related record (dialect: in the profile)")
					}
					found, err := l.listAt(ctx, nil, "", q.Row, path, l.As(q.Keys[1]), s.With("", value))
					if err != nil || len(found.Items) == 0 || !refersOnly(found.Items, rel.attr, target.ID) {
						continue
					}
					if none, err := l.listAt(ctx, nil, "", q.Row, path, l.As(q.Keys[1]), s.With("", nonsenseLike(target.Fields[field]))); err == nil && len(none.Items) > 0 {
						continue
					}
					ask := func(label, value string) int {
						a := l.Send(ctx, rec, Call{Label: label, Method: "GET", Path: path, Query: s.With("", value), By: l.As(q.Keys[0]), row: q.Row + 1})
						if !a.OK() {
							return 0
						}
						n := len(l.dialect().list(a.JSON()))
						if seen.Total == len(seen.Items) { // else it counts wrongly by itself, which is another check's
							n = max(n, l.dialect().total(a.JSON(), a.Header))
						}
						return n
					}
					if ask("a value that a hidden record has", value) <= ask("a value that none has", nonsenseLike(target.Fields[field])) {
						return nil
					}
					rec.Set("shown", []string{l.hash.text(target.ID)})
					_, err = l.stillHidden(ctx, rec, q.Field, q.Keys[0], q.Keys[1], []Item{target})
					return err
				}
			}
		}
		if tried == 0 {
			return leaveOut("the list shows the key no record that refers to a hidden %s", q.Field)
		}
		return leaveOut("the server understands none of the usual spellings of a filter by a related record (dialect: in the profile)")
	},
	decide: decideTempted("records are found by the field of a hidden record that they refer to"),
}

// unsharedFields are fields of a record with a value that no other record has.
func unsharedFields(it Item, all []Item) []string {
	var out []string
	for _, name := range sortedNames(it.Fields) {
		v := plainText(it.Fields[name])
		if v == "" || v == it.ID {
			continue
		}
		unique := true
		for _, other := range all {
			unique = unique && (other.ID == it.ID || plainText(other.Fields[name]) != v)
		}
		if unique {
			out = append(out, name)
		}
	}
	return out
}

// nonsenseLike is a value that no record has, of the kind of another: APIs refuse to compare
// a number with a text.
func nonsenseLike(v any) string {
	if _, ok := integer(v); ok {
		return "987654321"
	}
	return nonsense
}

// refersOnly reports whether all records refer to one.
func refersOnly(items []Item, attr, id string) bool {
	for _, it := range items {
		if refID(it.Fields[attr]) != id {
			return false
		}
	}
	return true
}

// relationSpellings are the spellings of a filter or a sort by a field of related records, as
// the dialect states or as is usual.
func (l *Lab) relationSpellings(f Feature, rel relation, field string) []Spelling {
	list := spellings[f]
	if s, ok := l.dialect().stated(f); ok {
		list = []Spelling{s}
	}
	var out []Spelling
	for _, s := range list {
		for _, name := range rel.names() {
			for _, joined := range []string{name + "][" + field, name + "." + field} {
				if strings.Contains(joined, "][") && !strings.Contains(s.Query, "[{field}]") {
					continue
				}
				fill := strings.NewReplacer("{field}", joined)
				out = append(out, Spelling{fill.Replace(s.Query), fill.Replace(s.Reverse)})
			}
		}
	}
	return out
}
