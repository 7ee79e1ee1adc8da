package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// countedRecords: counts and statistics count what the key may see.
var countedRecords = Check{
	ID: "counted-records", Category: "records",
	Title: "counts and statistics count only the records that the key may see",
	Doc: `Looks in the answers of endpoints that list and get nothing for numbers that are, for the full
key, the number of all records of an object of that name, and reads them with a key from which
some of the records are hidden. A number above that of the records which the key may see is the
finding. The full list and the number are read again before it counts.`,
	Finds: []string{"statistics-unfiltered"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			r := &p.Rows[i]
			if full < 0 || r.Endpoint == nil || r.Method != "GET" || !r.Reads || r.Endpoint.Lists+r.Endpoint.Gets != "" || len(r.Params()) > 0 || r.Need.IsPublic() || r.Need.IsAuthenticated() {
				continue
			}
			for _, object := range p.objects() {
				p.askViewers(i, object, Question{Expect: Refuse})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		key, full := q.Keys[0], q.Keys[1]
		all, err := l.records(ctx, rec, q.Object, full)
		if err != nil {
			return err
		}
		_, hidden, err := l.divide(ctx, rec, q.Object, key, full, all.Items)
		if err != nil {
			return err
		}
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		call := Call{Label: "full key", Method: "GET", Path: path, By: l.As(full)}
		before := l.Send(ctx, rec, call)
		if !before.OK() {
			return fmt.Errorf("answered %d to the full key", before.Status)
		}
		where := l.counters(before.JSON(), q, len(all.Items))
		if len(where) == 0 {
			return leaveOut("the answer holds no number that is clearly that of all %s", q.Object)
		}
		if len(hidden) == 0 {
			return leaveOut("no %s is hidden from the key", q.Object)
		}
		call.Label, call.By = "seen", l.As(key)
		a := l.Send(ctx, rec, call)
		if !a.OK() {
			return nil // refused: nothing is given away
		}
		most := -1
		for _, at := range where {
			if n, ok := integer(member(a.JSON(), at)); ok {
				most = max(most, n)
			}
		}
		allowed := len(all.Items) - len(hidden) // at most
		rec.Fact("allowed", fmt.Sprint(allowed))
		rec.Fact("stated", fmt.Sprint(most))
		if most > allowed {
			// Somebody may have made records meanwhile.
			again, err := l.List(ctx, rec, "all again", l.Plan.home(q.Object, full), l.As(full), "")
			if err != nil {
				return err
			}
			_, now, err := l.afresh().divide(ctx, rec, q.Object, key, full, again.Items)
			if err != nil {
				return err
			}
			if len(now) != len(hidden) || len(again.Items) != len(all.Items) {
				return errors.New("records were changed meanwhile")
			}
		}
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		var allowed, stated int
		fmt.Sscan(rec.Facts["allowed"], &allowed)
		fmt.Sscan(rec.Facts["stated"], &stated)
		if stated > allowed {
			return Fail, fmt.Sprintf("counts %d of %s, of which the key may see %d", stated, q.Object, allowed)
		}
		return Pass, ""
	},
}

// counters are where an answer states the number of all records of a question's object: the
// number is right, and the path of the row or the member's name says what it counts.
func (l *Lab) counters(v any, q *Question, n int) []string {
	about := func(name string) bool {
		name = strings.TrimSuffix(letters(name), "s")
		object := strings.TrimSuffix(letters(q.Object), "s")
		return name == object || strings.HasPrefix(name, object) && len(name) <= len(object)+len("count") || strings.HasSuffix(name, object)
	}
	path := l.Plan.Rows[q.Row].Path
	below := false
	if home := l.Plan.home(q.Object, q.Keys[1]); home >= 0 {
		below = strings.HasPrefix(path, strings.TrimSuffix(l.Plan.Rows[home].Path, "/")+"/")
	}
	var out []string
	var walk func(v any, path string, named bool, depth int)
	walk = func(v any, path string, named bool, depth int) {
		if depth > 4 || len(out) >= maxTries {
			return
		}
		if m, ok := v.(map[string]any); ok {
			for _, name := range sortedNames(m) {
				at := name
				if path != "" {
					at = path + "." + name
				}
				if strings.Contains(name, ".") {
					continue
				}
				walk(m[name], at, named || about(name), depth+1)
			}
			return
		}
		if got, ok := integer(v); ok && got == n && (named || below) && path != "" {
			out = append(out, path)
		}
	}
	walk(v, "", false, 0)
	return out
}

// integer is a JSON number without a fraction.
func integer(v any) (int, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return int(i), err == nil
}
