package conformance

import (
	"context"
	"fmt"
	"strings"
)

// listTotal: what a list says that there are is what it shows.
var listTotal = Check{
	ID: "list-total", Category: "records",
	Title: "a list counts only the records that it shows to the key",
	Doc: `Reads a list with a key from which records are hidden, and compares the number that the
answer states (total, X-Total-Count and the like, as the profile states or as is usual) with
the number of records that it shows, with the usual page and with a page of one. A larger number is
the finding. It says nothing where the full key's list states no number, or a wrong one.`,
	Finds: []string{"totals-unfiltered"},
	ask:   func(p *planner) { p.askLists(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.ground(ctx, rec, q)
		if err != nil {
			return err
		}
		asked := ""
		if g.all.Total < 0 {
			s, err := l.Spelled(ctx, q.Row, q.Keys[1], Count, "")
			if err != nil {
				return leaveOut("the list states no number of records (dialect: total: in the profile)")
			}
			asked = s.With("", "")
			if g.all, err = l.listAt(ctx, rec, "all, counted", q.Row, g.path, l.As(q.Keys[1]), asked); err != nil {
				return err
			}
			if g.seen, err = l.listAt(ctx, rec, "seen, counted", q.Row, g.path, l.As(q.Keys[0]), asked); err != nil {
				return err
			}
		}
		switch {
		case g.all.Total != len(g.all.Items):
			return leaveOut("the list states %d records to the full key and shows %d", g.all.Total, len(g.all.Items))
		}
		rec.Fact("hidden", fmt.Sprint(len(g.hidden)))
		rec.Fact("shown", fmt.Sprint(len(g.seen.Items)))
		stated := g.seen.Total
		if g.seen.Total == len(g.seen.Items) && len(g.hidden) > 0 {
			s, err := l.Spelled(ctx, q.Row, q.Keys[1], Limit, "")
			if err != nil {
				rec.Fact("stated", fmt.Sprint(stated)) // the usual page has shown it
				return nil
			}
			a := l.Send(ctx, rec, Call{Label: "a page of one", Method: "GET", Path: g.path, Query: strings.TrimSuffix(s.With("", "1")+"&"+strings.TrimPrefix(asked, "?"), "&"), By: l.As(q.Keys[0]), row: q.Row + 1})
			if total := l.dialect().total(a.JSON(), a.Header); a.OK() && total > 1 {
				stated = total
			}
		}
		rec.Fact("stated", fmt.Sprint(stated))
		if stated > len(g.seen.Items) {
			return l.steady(ctx, rec, q, g)
		}
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		var shown, stated int
		fmt.Sscan(rec.Facts["shown"], &shown)
		fmt.Sscan(rec.Facts["stated"], &stated)
		switch {
		case rec.Facts["hidden"] == "0":
			return Skipped, "no record of the list is hidden from the key"
		case stated > shown:
			return Fail, fmt.Sprintf("states %d records and shows %d", stated, shown)
		}
		return Pass, ""
	},
}

// askLists adds a question for each list of records of which keys see a part.
func (p *planner) askLists(q Question) {
	for _, object := range p.objects() {
		for _, row := range p.listing(object) {
			if p.Rows[row].Method == "GET" {
				p.askViewers(row, object, q)
			}
		}
	}
}
