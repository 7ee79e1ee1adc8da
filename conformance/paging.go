package conformance

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Many lists name no next page: the client counts pages, or objects. Which parameter does that
// is tried with the key that sees most, and believed when pages of one object show the first
// two objects of the plain list, one after the other.

// A counting is a parameter that says where a page begins.
type counting struct {
	param   string
	objects bool // it counts objects that come before, from 0; else pages
	first   int  // the number of the first page
}

// countings are the usual ones. The number of the first page is found out.
var countings = []counting{
	{param: "page"}, {param: "offset", objects: true}, {param: "page[number]"}, {param: "page[offset]", objects: true}, {param: "skip", objects: true},
	{param: "start", objects: true}, {param: "pageNumber"}, {param: "page_number"}, {param: "_page"}, {param: "_start", objects: true},
	{param: "p"}, {param: "from", objects: true}, {param: "startAt", objects: true}, {param: "$skip", objects: true},
}

// A pager walks through a list by counting.
type pager struct {
	counting
	limit string // query that makes pages of one object; empty: none is known
}

// at is the query of the page with an index, counted from 0, when shown objects came before it.
func (p *pager) at(index, shown int) string {
	n := p.first + index
	if p.objects {
		n = shown
	}
	return strings.TrimPrefix(Spelling{Query: p.param + "={}"}.With("", strconv.Itoa(n)), "?")
}

// pagers are what was found out, by row.
type pagers struct {
	mu    sync.Mutex
	byRow map[int]*pagerOnce
}

type pagerOnce struct {
	mu    sync.Mutex
	tries int
	found *pager
}

// maxPagerTries bounds how many lists of one row are tried, since some are too short to tell.
const maxPagerTries = 3

// pager returns how a row's pages are counted; nil where nothing is understood.
func (l *Lab) pager(ctx context.Context, row int, path string) *pager {
	l.run.pagers.mu.Lock()
	if l.run.pagers.byRow == nil {
		l.run.pagers.byRow = map[int]*pagerOnce{}
	}
	once := l.run.pagers.byRow[row]
	if once == nil {
		once = &pagerOnce{}
		l.run.pagers.byRow[row] = once
	}
	l.run.pagers.mu.Unlock()
	once.mu.Lock()
	defer once.mu.Unlock()
	if once.found == nil && once.tries < maxPagerTries {
		once.tries++
		once.found = l.findPager(ctx, row, path)
	}
	return once.found
}

func (l *Lab) findPager(ctx context.Context, row int, path string) *pager {
	key := l.Plan.StrongestKey(l.Plan.Rows[row].Endpoint)
	if key < 0 || l.Plan.Rows[row].Method != "GET" {
		return nil
	}
	ids := func(query ...string) []string {
		query = slices.DeleteFunc(query, func(q string) bool { return q == "" })
		a := l.send(ctx, &Call{Method: "GET", Path: path, Query: strings.Join(query, "&"), By: l.As(key)})
		if !a.OK() {
			return nil
		}
		var out []string
		for _, item := range l.dialect().list(a.JSON()) {
			out = append(out, l.dialect().id(item))
		}
		return out
	}
	plain := ids()
	if len(plain) < 2 || plain[0] == plain[1] {
		return nil
	}
	limits := spellings[Limit]
	if s, ok := l.dialect().stated(Limit); ok {
		limits = []Spelling{s}
	}
	limit := ""
	for _, s := range limits {
		one := strings.TrimPrefix(s.With("", "1"), "?")
		if got := ids(one); len(got) == 1 && got[0] == plain[0] {
			limit = one
			break
		}
	}
	tried := countings
	if d := l.dialect(); d != nil && d.Page != "" {
		tried = []counting{{param: d.Page}}
	} else if d != nil && d.Offset != "" {
		tried = []counting{{param: d.Offset, objects: true}}
	}
	for _, c := range tried {
		p := &pager{counting: c, limit: limit}
		second := func(n string) []string {
			return ids(limit, strings.TrimPrefix(Spelling{Query: c.param + "={}"}.With("", n), "?"))
		}
		one := second("1")
		if limit == "" {
			// Pages as they are: the next one shows none of the objects of the first.
			p.first = 1
			next := one
			if !c.objects {
				next = second("2")
			} else {
				next = second(strconv.Itoa(len(plain)))
			}
			if len(next) > 0 && !slices.ContainsFunc(next, func(id string) bool { return slices.Contains(plain, id) }) {
				return p
			}
			continue
		}
		switch {
		case len(one) != 1:
		case one[0] == plain[1]:
			return p // counted from 0
		case !c.objects && one[0] == plain[0]:
			if two := second("2"); len(two) == 1 && two[0] == plain[1] {
				p.first = 1
				return p
			}
		}
	}
	return nil
}

// looksFull reports whether a page that says nothing of others holds as many objects as pages
// usually do.
func looksFull(n int) bool { return n >= 10 && (n%5 == 0 || n&(n-1) == 0) }
