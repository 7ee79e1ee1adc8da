package conformance

import (
	"context"
	"slices"
	"strings"
)

// fieldSearched: a search does not look at a field that the key may not see.
var fieldSearched = Check{
	ID: "field-searched", Category: "fields",
	Title: "a search does not look at a field that the key may not see",
	Doc: `Searches a list for a word or a number that stands in one record only, in a field whose
permission the key lacks; where no word has four characters, for two shorter ones of two
records. The full key proves that the search looks at the field. A hit, where a search for
nonsense gives none, is the finding.`,
	Finds: []string{"field-searchable"},
	ask:   func(p *planner) { p.askHidden(p.listsOf, Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.fieldGround(ctx, rec, q)
		if err != nil {
			return err
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Search, "")
		if err != nil {
			return err
		}
		// A short word may stand in what no list shows, such as the name of a related record: it
		// tells only where two records are found by one of theirs each.
		var short []shortWord
		tried := 0
		for _, it := range g.full.Items {
			if !holds(g.seen.Items, it.ID) {
				continue
			}
			for _, word := range strings.Fields(plainText(member(it.Fields, q.Field))) {
				if len(word) < 2 || standsElsewhere(word, it.ID, q.Field, g.full.Items) {
					continue
				}
				if len(word) < 4 && (len(short) == 2 || len(short) == 1 && short[0].in.ID == it.ID) {
					continue
				}
				if tried++; tried > maxTries {
					return leaveOut("the full key's search finds no record by the field")
				}
				found, err := l.listAt(ctx, nil, "", q.Row, g.path, l.As(q.Keys[1]), s.With("", word))
				if err != nil || len(found.Items) != 1 || found.Items[0].ID != it.ID {
					continue
				}
				if len(word) >= 4 {
					return l.hitOrMiss(ctx, rec, q, g, s.With("", word), s.With("", nonsense), it)
				}
				short = append(short, shortWord{word, it})
			}
		}
		if len(short) == 2 {
			for _, w := range short {
				delete(rec.Facts, "hit")
				if err := l.hitOrMiss(ctx, rec, q, g, s.With("", w.text), s.With("", nonsense), w.in); err != nil || rec.Facts["hit"] == "" {
					return err
				}
			}
			return nil
		}
		return leaveOut("no record has a word of its own in the field")
	},
	decide: decideHit("a search for a word of the field finds the record that has it"),
}

// A shortWord is one of two or three characters, and the record that it stands in.
type shortWord struct {
	text string
	in   Item
}

// standsElsewhere reports whether a word stands in any other record, or in another field of
// the same.
func standsElsewhere(word, id, field string, items []Item) bool {
	word = strings.ToLower(word)
	var within func(v any) bool
	within = func(v any) bool {
		switch v := v.(type) {
		case map[string]any:
			for _, m := range v {
				if within(m) {
					return true
				}
			}
			return false
		case []any:
			return slices.ContainsFunc(v, within)
		}
		return strings.Contains(strings.ToLower(plainText(v)), word)
	}
	for _, it := range items {
		for name, v := range it.Fields {
			if (it.ID != id || name != strings.Split(field, ".")[0]) && within(v) {
				return true
			}
		}
	}
	return false
}
