package conformance

import (
	"context"
	"strings"
	"unicode"
)

// searchRecords: a search finds only what the key may see.
var searchRecords = Check{
	ID: "search-records", Category: "records",
	Title: "a search finds only records that the key may see",
	Doc: `Takes a word that stands in one hidden record and in none that the key may see, proves with the
full key that the API's search finds the record by it, and searches with the key. A hit, or a
total above nought, is the finding, after the full list was read again. It says nothing where
the API has no search that can be told, or no such word exists.`,
	Finds: []string{"search-unfiltered"},
	ask:   func(p *planner) { p.askLists(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.ground(ctx, rec, q)
		if err != nil {
			return err
		}
		if len(g.hidden) == 0 {
			return leaveOut("no record of the list is hidden from the key")
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Search, "")
		if err != nil {
			return err
		}
		tried := 0
		for _, it := range g.hidden {
			for _, word := range uniqueWords(it, g.all.Items) {
				if tried++; tried > maxTries {
					break
				}
				found, err := l.listAt(ctx, rec, "found by the full key", q.Row, g.path, l.As(q.Keys[1]), s.With("", word))
				if err != nil || !holds(found.Items, it.ID) || len(found.Items) > 3 {
					continue // not a word that the search looks at
				}
				return l.tempt(ctx, rec, q, g, s.With("", word), it)
			}
		}
		return leaveOut("no word of a hidden record is one that the full key finds it by alone")
	},
	decide: decideTempted("finds a hidden record, or counts it"),
}

// tempt asks a list for something that only a hidden record has. It records the sets "shown"
// and "hidden".
func (l *Lab) tempt(ctx context.Context, rec *Record, q *Question, g *ground, query string, it Item) error {
	a := l.Send(ctx, rec, Call{Label: "asked by the key", Method: "GET", Path: g.path, Query: query, By: l.As(q.Keys[0]), row: q.Row + 1})
	if !a.OK() {
		return nil // refused: nothing is given away
	}
	list, total := l.dialect().list(a.JSON()), l.dialect().total(a.JSON(), a.Header)
	if g.seen.Total != len(g.seen.Items) {
		total = -1 // the list counts wrongly by itself, which is another check's
	}
	if len(list) > 0 || total > 0 {
		rec.Set("shown", []string{l.hash.text(it.ID)})
	}
	if len(list) == 0 && total <= 0 {
		return nil
	}
	// A server that ignores the parameter for this key gives away nothing.
	control := l.Send(ctx, rec, Call{Label: "asked for nonsense", Method: "GET", Path: g.path, Query: strings.Replace(query, queryValue(query), nonsense, 1), By: l.As(q.Keys[0]), row: q.Row + 1})
	if n := len(l.dialect().list(control.JSON())); control.OK() && n == len(list) && n > 0 && l.dialect().total(control.JSON(), control.Header) == total {
		rec.Set("shown", nil)
		return nil
	}
	_, err := l.stillHidden(ctx, rec, q.Object, q.Keys[0], q.Keys[1], []Item{it})
	return err
}

// queryValue is the value of the last parameter of a query.
func queryValue(query string) string {
	return query[strings.LastIndexByte(query, '=')+1:]
}

func decideTempted(reason string) func(*judge, *Question, *Record) (Verdict, string) {
	return func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if len(shared(rec.Sets["hidden"], rec.Sets["shown"])) > 0 {
			return Fail, reason
		}
		if len(rec.Sets["shown"]) > 0 {
			return Inconclusive, "the record is no longer hidden: somebody changed it meanwhile"
		}
		return Pass, ""
	}
}

// uniqueWords are words of five letters or more in the texts of a record that stand in no
// other record.
func uniqueWords(it Item, all []Item) []string {
	var out []string
	for _, name := range sortedNames(it.Fields) {
		text, ok := it.Fields[name].(string)
		if !ok || text == it.ID {
			continue
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if len(word) < 5 {
				continue
			}
			unique := true
			for _, other := range all {
				if other.ID == it.ID {
					continue
				}
				for _, v := range other.Fields {
					if s, ok := v.(string); ok && strings.Contains(strings.ToLower(s), strings.ToLower(word)) {
						unique = false
					}
				}
			}
			if unique {
				out = append(out, word)
			}
		}
	}
	return out
}
