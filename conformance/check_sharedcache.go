package conformance

import (
	"context"
	"fmt"
	"strings"
)

// sharedCache: what one key was answered is not served to another.
var sharedCache = Check{
	ID: "shared-cache", Category: "caches",
	Title: "the answer to one key is not served to another",
	Doc: `Asks for an address that nobody has asked for before (a parameter makes it new), first with a key
that is refused, then with the full key, then with the first key again on the same and on a new
connection, and without a key. An answer that was refused at first and is the full key's afterwards is the finding: something
in between kept it. Over-grants of the same endpoint are then given that cause.`,
	Finds:    []string{"answers-cached-for-all"},
	explains: []string{"operations", "authentication", "grants", "life-cycle", "records", "fields", "existence"},
	ask: func(p *planner) {
		full := p.full()
		for i := range p.Rows {
			r := &p.Rows[i]
			if full < 0 || r.Endpoint == nil || r.Method != "GET" || !r.Reads || r.Need.IsPublic() || p.expect(i, full) != Admit {
				continue
			}
			key := p.weakest(i)
			if key < 0 {
				key = 0
			}
			p.ask(Question{Row: i, Keys: []int{key, full}, Expect: Refuse})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		by := l.Nobody()
		if q.Keys[0] != 0 {
			by = l.As(q.Keys[0])
		}
		call := Call{Label: "refused at first", Method: "GET", Path: path, Query: ownParameter + "=" + l.Mark(), By: by}
		for range 4 {
			if call.Fresh = true; l.admits(l.Send(ctx, rec, call)) {
				return leaveOut("the key is not refused at first")
			}
		}
		call.Fresh = false
		full := call
		full.Label, full.By = "full key", l.As(q.Keys[1])
		if a := l.Send(ctx, rec, full); !a.OK() {
			return leaveOut("answered %d to the full key with a further parameter", a.Status)
		}
		call.Label = "afterwards"
		l.Send(ctx, rec, call)
		call.Label, call.Fresh = "afterwards, on a new connection", true
		l.Send(ctx, rec, call)
		call.Label, call.By, call.Fresh = "afterwards, without a key", l.Nobody(), false
		l.Send(ctx, rec, call)
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		full := rec.Find("full key")
		for i := range rec.Exchanges {
			x := &rec.Exchanges[i]
			if strings.HasPrefix(x.Label, "afterwards") && x.OK() && x.Body.Sum == full.Body.Sum && x.Body.Sum != "" {
				return Fail, fmt.Sprintf("%s: answered %d with what the full key was answered, and was refused before", x.Label, x.Status)
			}
		}
		return Pass, ""
	},
}
