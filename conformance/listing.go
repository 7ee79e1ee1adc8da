package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/catalogs"
)

// Bounds on the reading of one list.
const (
	maxPages = 200
	maxItems = 10_000
)

// A Listing is what one sender sees of a list, over all its pages.
type Listing struct {
	Items []Item
	Total int  // what the first page says that there are; -1: it does not say
	Pages int  // that were read
	Whole bool // there is no page beyond those that were read
	Ended bool // the last page that was read names no next one
	First *Answer
}

// An Item is one object of a list.
type Item struct {
	ID     string
	Fields map[string]any // nil when the list holds bare ids
}

// IDs lists the keyed hashes of the ids.
func (l *Lab) IDs(items []Item) []string {
	out := make([]string, len(items))
	for i := range items {
		out[i] = l.hash.text(items[i].ID)
	}
	return out
}

// sorted is [Lab.IDs] in the order that sets have.
func (l *Lab) sorted(items []Item) []string {
	ids := l.IDs(items)
	slices.Sort(ids)
	return ids
}

// Split divides objects by whether they meet the conditions of a record rule. An error
// means that an object does not show an attribute that tells.
func Split(conditions []catalogs.Condition, items []Item) (allowed, hidden []Item, err error) {
	for _, it := range items {
		matches, known := Matches(conditions, it.Fields)
		switch {
		case !known:
			return nil, nil, errors.New("the records do not show every attribute that the conditions of the catalog name")
		case matches:
			allowed = append(allowed, it)
		default:
			hidden = append(hidden, it)
		}
	}
	return allowed, hidden, nil
}

// List reads a row that lists, page by page, and records the exchanges: the first under the
// label, further ones under "LABEL page N". The set of all ids is recorded under the label.
// An error means that an answer was no list of objects with ids.
func (l *Lab) List(ctx context.Context, rec *Record, label string, row int, by Sender, query string) (*Listing, error) {
	path, err := l.Path(ctx, row)
	if err != nil {
		return nil, err
	}
	return l.listAt(ctx, rec, label, row, path, by, query)
}

func (l *Lab) listAt(ctx context.Context, rec *Record, label string, row int, path string, by Sender, query string) (*Listing, error) {
	out := &Listing{Total: -1}
	d := l.dialect()
	seen := map[string]bool{}
	at, q, name := path, strings.TrimPrefix(query, "?"), label
	var counted *pager
	for {
		c := Call{Label: name, Method: l.Plan.Rows[row].Method, Path: at, Query: q, By: by, row: row + 1}
		if c.Method != "GET" {
			c.Body = []byte("{}")
		}
		a := l.Send(ctx, rec, c)
		if a.Err != nil {
			return nil, fmt.Errorf("%s: %w", name, a.Err)
		}
		if out.First == nil {
			out.First = a
		}
		if !a.OK() {
			return nil, fmt.Errorf("%s: answered %d", name, a.Status)
		}
		out.Pages++
		list := d.list(a.JSON())
		if list == nil {
			return nil, fmt.Errorf("%s: the answer holds no list that can be told (dialect: list: in the profile)", name)
		}
		if out.Pages == 1 {
			out.Total = d.total(a.JSON(), a.Header)
		}
		grown := false
		for _, v := range list {
			id := d.id(v)
			if id == "" {
				return nil, fmt.Errorf("%s: an object of the list has no id that can be told (dialect: id: in the profile)", name)
			}
			if seen[id] {
				continue
			}
			seen[id], grown = true, true
			fields, _ := v.(map[string]any)
			out.Items = append(out.Items, Item{id, fields})
		}
		next, param := d.nextPage(a.JSON(), a.Header)
		more := next == "" && grown && out.Pages < maxPages && len(out.Items) < maxItems && !strings.Contains(query, nonsense)
		if more && counted == nil && (out.Total > len(out.Items) || out.Total < 0 && looksFull(len(list))) {
			counted = l.pager(ctx, row, path)
		}
		switch {
		case more && counted != nil && (out.Total < 0 || out.Total > len(out.Items)):
			q = strings.TrimPrefix(strings.TrimPrefix(query, "?")+"&"+counted.at(out.Pages, len(out.Items)), "&")
			name = fmt.Sprintf("%s page %d", label, out.Pages+1)
			continue
		case next == "":
			out.Ended = true
			out.Whole = out.Total < 0 || len(out.Items) >= out.Total
		case next != "" && grown && out.Pages < maxPages && len(out.Items) < maxItems:
			nextPath, nextQuery, err := l.nextPage(path, query, next, param)
			if err != nil {
				return nil, err
			}
			at, q = nextPath, nextQuery
			name = fmt.Sprintf("%s page %d", label, out.Pages+1)
			continue
		}
		if rec != nil {
			rec.Set(label, l.IDs(out.Items))
		}
		return out, nil
	}
}

// nextPage is where the next page is: an address of the same server, or what a parameter takes.
func (l *Lab) nextPage(path, query, next, param string) (string, string, error) {
	if strings.HasPrefix(next, "/") || strings.HasPrefix(next, "?") || strings.Contains(next, "://") {
		u, err := l.run.client.base.Parse(next)
		if err != nil || u.Host != l.run.client.base.Host {
			return "", "", errors.New("the next page of the list is on another host")
		}
		if strings.HasPrefix(next, "?") {
			return path, u.RawQuery, nil
		}
		return strings.TrimPrefix(u.EscapedPath(), strings.TrimSuffix(l.run.client.base.EscapedPath(), "/")), u.RawQuery, nil
	}
	s, ok := l.dialect().stated(Cursor)
	if !ok {
		s = Spelling{Query: param + "={}"}
	}
	q := strings.TrimPrefix(s.With("", next), "?")
	if query = strings.TrimPrefix(query, "?"); query != "" {
		q = query + "&" + q
	}
	return path, q, nil
}

// Matches reports whether an object meets every condition of a record rule, and whether it
// shows the attributes that tell.
func Matches(conditions []catalogs.Condition, fields map[string]any) (matches, known bool) {
	matches = true
	for _, c := range conditions {
		if c.Open() {
			continue
		}
		v, ok := fields[c.Attribute]
		if !ok && strings.Contains(c.Attribute, ".") {
			v = member(fields, c.Attribute)
			ok = v != nil
		}
		if !ok || c.Value == "$self" {
			return false, false
		}
		text := scalar(v)
		switch v := v.(type) {
		case bool:
			text = fmt.Sprint(v)
		case json.Number:
			// Some databases have no truth values but numbers.
			if as, ok := map[string]string{"0": "false", "1": "true"}[text]; ok && (c.Value == "false" || c.Value == "true") {
				text = as
			}
		case nil:
			text = "null"
		case string, interface{ String() string }:
		default:
			return false, false
		}
		if (text == c.Value) == c.Not {
			matches = false
		}
	}
	return matches, true
}

type spelledKey struct {
	row     int
	feature Feature
	about   string
}

type spelledOnce struct {
	once sync.Once
	s    Spelling
	err  error
}

// Spelled returns how a row that lists spells a feature. What the profile does not state is
// tried with a key that sees everything, and believed only when the answers prove that the
// server understood: the objects that are shown, or their order, change as asked, and a
// nonsense value gives something else. about is the field to filter or sort by, or the
// relation to include; "" lets any field of the list do. The error is the reason why the
// question cannot be asked, and makes it skipped.
func (l *Lab) Spelled(ctx context.Context, row, full int, f Feature, about string) (Spelling, error) {
	if s, ok := l.dialect().stated(f); ok {
		return s, nil
	}
	l.mu.Lock()
	k := spelledKey{row, f, about}
	once := l.spelled[k]
	if once == nil {
		once = &spelledOnce{}
		l.spelled[k] = once
	}
	l.mu.Unlock()
	once.once.Do(func() { once.s, once.err = l.try(ctx, row, full, f, about) })
	return once.s, once.err
}

// nonsense is a value that no object has.
const nonsense = "permcheck-no-such-value"

// try looks for a spelling that the server understands.
func (l *Lab) try(ctx context.Context, row, full int, f Feature, about string) (Spelling, error) {
	by := l.As(full)
	list := func(query string) *Listing {
		got, err := l.List(ctx, nil, "", row, by, query)
		if err != nil {
			return &Listing{First: &Answer{}} // refused or not understood: it shows nothing
		}
		return got
	}
	base, err := l.List(ctx, nil, "the list", row, by, "")
	if err != nil {
		return Spelling{}, err
	}
	if len(base.Items) < 2 {
		// One API spells alike whatever the list.
		for other := range l.Plan.Rows {
			r := &l.Plan.Rows[other]
			if e := r.Endpoint; other != row && e != nil && r.Method == "GET" && e.Lists != "" && e.Lists == l.Plan.Rows[row].Endpoint.Lists && len(r.Params()) == 0 {
				return l.Spelled(ctx, other, full, f, about)
			}
		}
		return Spelling{}, leaveOut("the list shows %d objects; without two it cannot be seen whether the server understands a parameter", len(base.Items))
	}
	for _, s := range spellings[f] {
		if ctx.Err() != nil {
			return Spelling{}, context.Cause(ctx)
		}
		if l.understood(f, s, about, base, list) {
			return s, nil
		}
	}
	what := string(f)
	if about != "" {
		what += " " + about
	}
	return Spelling{}, leaveOut("the server understands none of the usual spellings of %s here (dialect: in the profile)", what)
}

// understood reports whether answers prove that a spelling works.
func (l *Lab) understood(f Feature, s Spelling, about string, base *Listing, list func(query string) *Listing) bool {
	only := func(items []Item, want map[string]bool) bool {
		if len(items) == 0 || len(items) != len(want) {
			return false
		}
		for _, it := range items {
			if !want[it.ID] {
				return false
			}
		}
		return true
	}
	switch f {
	case Limit:
		return len(l.dialect().list(base.First.JSON())) > 1 && len(l.dialect().list(list(s.With("", "1")).First.JSON())) == 1
	case Count:
		got := list(s.With("", ""))
		return base.Total < 0 && got.Total == len(base.Items) && len(got.Items) == len(base.Items)
	case IDs:
		last := base.Items[len(base.Items)-1].ID
		return only(list(s.With("", last)).Items, map[string]bool{last: true}) && len(list(s.With("", nonsense)).Items) == 0
	case Search, Filter:
		for _, field := range splitting(base.Items, about, f == Search) {
			byValue := map[string]map[string]bool{}
			for _, it := range base.Items {
				if v := plainText(it.Fields[field]); v != "" {
					if byValue[v] == nil {
						byValue[v] = map[string]bool{}
					}
					byValue[v][it.ID] = true
				}
			}
			value := plainText(base.Items[0].Fields[field])
			hits := list(s.With(field, value)).Items
			if f == Filter && only(hits, byValue[value]) || f == Search && len(hits) < len(base.Items) && holds(hits, base.Items[0].ID) {
				if len(list(s.With(field, nonsense)).Items) == 0 {
					return true
				}
			}
		}
	case Sort:
		for _, field := range splitting(base.Items, about, false) {
			up, down := order(list(s.With(field, "")).Items), order(list(s.Descending(field)).Items)
			if len(up) == len(base.Items) && len(down) == len(up) && up != nil && strings.Join(up, "\x00") != strings.Join(down, "\x00") {
				return true
			}
		}
	case Fields:
		m := l.dialect().idMember(base.Items[0].Fields)
		if m == "" || len(base.Items[0].Fields) < 2 {
			return false
		}
		got := list(s.With("", m)).Items
		return len(got) > 0 && len(got[0].Fields) < len(base.Items[0].Fields)
	case Include:
		if about == "" {
			return false
		}
		got := list(s.With("", about)).Items
		for _, it := range got {
			if _, nested := it.Fields[about].(map[string]any); nested {
				return true
			}
			if _, nested := it.Fields[about].([]any); nested {
				return true
			}
		}
	}
	return false
}

// splitting lists fields with texts or numbers that differ among the objects, those that
// tell an object from all others first; about alone, where it is named.
func splitting(items []Item, about string, texts bool) []string {
	if about != "" {
		return []string{about}
	}
	var unique, some []string
	for _, name := range sortedNames(items[0].Fields) {
		if texts {
			if _, ok := items[0].Fields[name].(string); !ok {
				continue
			}
		}
		counts := map[string]int{}
		for _, it := range items {
			if v := plainText(it.Fields[name]); v != "" {
				counts[v]++
			}
		}
		first := counts[plainText(items[0].Fields[name])]
		switch {
		case first == 1 && len(counts) > 1:
			unique = append(unique, name)
		case first > 0 && len(counts) > 1:
			some = append(some, name)
		}
	}
	return append(unique, some...)
}

// plainText is the text of a value as it stands in a query; "" for what is no plain value.
func plainText(v any) string {
	if b, ok := v.(bool); ok {
		return fmt.Sprint(b)
	}
	return scalar(v)
}

func holds(items []Item, id string) bool {
	for _, it := range items {
		if it.ID == id {
			return true
		}
	}
	return false
}

func order(items []Item) []string {
	var ids []string
	for _, it := range items {
		ids = append(ids, it.ID)
	}
	return ids
}
