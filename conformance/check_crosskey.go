package conformance

import (
	"context"
	"fmt"
	"slices"
)

// crossKey: that one key is admitted does not admit another.
var crossKey = Check{
	ID: "cross-key", Category: "life-cycle",
	Title: "that one key was admitted does not admit another",
	Doc: `Asks for a record that nobody has asked for yet by its id: with a key that is refused, on several connections, then
with the full key, then with the first key again, three times and on new connections. Being admitted after the full
key, and not before, is the finding: the decision was kept for the address and not for the key.
Over-grants are then given that cause.`,
	Finds:    []string{"decision-cached-without-key"},
	explains: []string{"operations", "authentication", "life-cycle", "records", "fields", "existence"},
	oneShot:  true, // asked again it shows what it has left in the cache
	ask: func(p *planner) {
		full := p.full()
		for _, row := range p.gets() {
			if full < 0 || p.expect(row, full) != Admit || p.home(p.Rows[row].Endpoint.Gets, full) < 0 {
				continue
			}
			if weak := p.weakest(row); weak >= 0 {
				p.ask(Question{Row: row, Object: p.Rows[row].Endpoint.Gets, Keys: []int{weak, full}, Expect: Refuse})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		all, err := l.records(ctx, rec, q.Object, q.Keys[1])
		if err != nil {
			return err
		}
		used, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		template := l.Plan.Rows[q.Row].Path
		tried := 0
		for _, it := range slices.Backward(all.Items) {
			path := fillID(template, it.ID)
			if path == used {
				continue
			}
			if tried++; tried > 3 {
				break
			}
			call := Call{Label: "refused at first", Method: "GET", Path: path, By: l.As(q.Keys[0])}
			cold := true
			for range 4 {
				call.Fresh = true
				cold = cold && !l.Send(ctx, rec, call).OK()
			}
			if !cold {
				continue
			}
			if a := l.Send(ctx, rec, Call{Label: "full key", Method: "GET", Path: path, By: l.As(q.Keys[1])}); !a.OK() {
				continue
			}
			call.Label = "afterwards"
			for n := range 3 {
				call.Fresh = n > 0
				l.Send(ctx, rec, call)
			}
			return nil
		}
		return leaveOut("no record is there that the key is refused at first and the full key is not")
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		n := 0
		for i := range rec.Exchanges {
			if x := &rec.Exchanges[i]; x.Label == "afterwards" && x.OK() {
				n++
			}
		}
		switch n {
		case 0:
			return Pass, ""
		case 3:
			return Fail, fmt.Sprintf("refused at first, and answered %d after the full key was", rec.Last().Status)
		}
		return Inconclusive, "unstable: the key is admitted sometimes after the full key was"
	},
}
