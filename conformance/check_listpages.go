package conformance

import (
	"context"
	"fmt"
	"strings"
)

// listPages: pages are cut from what the key may see, not from what there is.
var listPages = Check{
	ID: "list-pages", Category: "records",
	Title: "pages of a list have no holes where records are hidden",
	Doc: `Walks through a list in pages of one record, with a key from which records are hidden, up to 60
pages. A page that is empty and not the last, or more pages than the key may see records, is the finding: the
pages are cut before the hidden records are taken out, so that their number and places show.
It says nothing where the API has no such pages.`,
	Finds: []string{"paging-window-leaks"},
	ask:   func(p *planner) { p.askLists(Question{Expect: Refuse}) },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		g, err := l.ground(ctx, rec, q)
		if err != nil {
			return err
		}
		if len(g.hidden) == 0 {
			return leaveOut("no record of the list is hidden from the key")
		}
		s, err := l.Spelled(ctx, q.Row, q.Keys[1], Limit, "")
		if err != nil {
			return err
		}
		base := strings.TrimPrefix(s.With("", "1"), "?")
		at, query := g.path, base
		empty, shown, pages := 0, 0, 0
		var counted *pager
		for pages < min(maxWalk, len(g.all.Items)+2) {
			a := l.Send(ctx, rec, Call{Label: fmt.Sprintf("page %d", pages+1), Method: "GET", Path: at, Query: query, By: l.As(q.Keys[0]), row: q.Row + 1})
			if !a.OK() {
				return fmt.Errorf("page %d was answered %d", pages+1, a.Status)
			}
			pages++
			n := len(l.dialect().list(a.JSON()))
			next, param := l.dialect().nextPage(a.JSON(), a.Header)
			if x := &rec.Exchanges[len(rec.Exchanges)-1]; pages > 1 {
				x.Body.Paths, x.Body.Telling = nil, nil
			}
			if n > 1 {
				return fmt.Errorf("a page of one record holds %d", n)
			}
			shown += n
			if n == 0 && (next != "" || shown < len(g.seen.Items)) {
				empty++
			}
			if next == "" && pages == 1 && len(g.seen.Items) > 1 {
				counted = l.pager(ctx, q.Row, g.path)
			}
			switch {
			case counted != nil && shown < len(g.seen.Items):
				// A window that is cut from all records has as many places as there are of those.
				query = base + "&" + counted.at(pages, pages)
				continue
			case next == "" || counted != nil:
				at = ""
			default:
				if at, query, err = l.nextPage(g.path, base, next, param); err != nil {
					return err
				}
			}
			if at == "" {
				break
			}
		}
		if pages == 1 && len(g.seen.Items) > 1 {
			return leaveOut("the list names no next page (dialect: cursor:, page: or offset: in the profile)")
		}
		rec.Fact("empty", fmt.Sprint(empty))
		rec.Fact("pages", fmt.Sprint(pages))
		rec.Fact("seen", fmt.Sprint(len(g.seen.Items)))
		if empty > 0 || pages > len(g.seen.Items)+1 {
			return l.steady(ctx, rec, q, g)
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		var empty, pages, seen int
		fmt.Sscan(rec.Facts["empty"], &empty)
		fmt.Sscan(rec.Facts["pages"], &pages)
		fmt.Sscan(rec.Facts["seen"], &seen)
		// Some APIs name a next page after a full last one; that page is empty.
		if empty > 0 || pages > seen+1 {
			return Fail, fmt.Sprintf("%d pages of one record, %d of them empty, show %d records", pages, empty, seen)
		}
		return Pass, ""
	},
}
