package conformance

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Dialect is how an API spells what lists can do. Each member that is empty is not
// stated: where answers stand is then guessed, and a parameter is tried ([Lab.Spelled]).
type Dialect struct {
	List  []string // paths of the array in an answer, such as data.items; "." is the body itself
	ID    []string // paths of what identifies an object in it; the first that is there counts
	Total []string // where the number of all objects stands: paths, or "header NAME"
	Next  string   // path of the cursor or address of the next page

	Search, Filter, Sort, Descending, Fields, Include, Limit, Cursor, IDs string
	// Page and Offset are what counts pages, or objects, where no answer names the next page.
	Page, Offset string
}

// A Feature is something that the parameters of a list can do.
type Feature string

// The features.
const (
	Search  Feature = "search"
	Filter  Feature = "filter"
	Sort    Feature = "sort"
	Fields  Feature = "fields"
	Include Feature = "include"
	Limit   Feature = "limit"
	Cursor  Feature = "cursor"
	IDs     Feature = "ids"
	Count   Feature = "count" // has the list state how many records there are
)

// Features lists them all.
var Features = []Feature{Search, Filter, Sort, Fields, Include, Limit, Cursor, IDs, Count}

// A Spelling is a query in which {field} and {} stand for a field and a value. Reverse is
// the descending order of a sort.
type Spelling struct{ Query, Reverse string }

// spellings are those that are tried for an API whose dialect is not stated, the common
// ones first.
var spellings = map[Feature][]Spelling{
	Search: {{Query: "q={}"}, {Query: "search={}"}, {Query: "query={}"}, {Query: "s={}"}, {Query: "keyword={}"}, {Query: "term={}"}, {Query: "filter[search]={}"}},
	Filter: {{Query: "filter[{field}]={}"}, {Query: "{field}={}"}, {Query: "filter[{field}][_eq]={}"}, {Query: "filter[{field}][eq]={}"},
		{Query: `filter={field}="{}"`}, {Query: "filter={field}:{}"}, {Query: "filter={field} eq '{}'"}, {Query: "where[{field}]={}"}, {Query: "$filter={field} eq '{}'"}},
	Sort: {{"sort={field}", "sort=-{field}"}, {"sort={field}&order=asc", "sort={field}&order=desc"}, {"sort={field}:asc", "sort={field}:desc"},
		{"order_by={field}", "order_by=-{field}"}, {"ordering={field}", "ordering=-{field}"}, {"sort_by={field}&sort_order=asc", "sort_by={field}&sort_order=desc"},
		{"sortBy={field}&sortOrder=asc", "sortBy={field}&sortOrder=desc"}, {"order={field}", "order=-{field}"}, {"order={field}.asc", "order={field}.desc"},
		{"$orderby={field} asc", "$orderby={field} desc"}},
	Fields:  {{Query: "fields={}"}, {Query: "select={}"}, {Query: "fields[]={}"}, {Query: "_fields={}"}, {Query: "$select={}"}, {Query: "attributes={}"}},
	Include: {{Query: "include={}"}, {Query: "expand={}"}, {Query: "embed={}"}, {Query: "with={}"}, {Query: "populate={}"}, {Query: "fields=*,{}.*"}, {Query: "$expand={}"}},
	Limit: {{Query: "limit={}"}, {Query: "per_page={}"}, {Query: "page_size={}"}, {Query: "perPage={}"}, {Query: "pageSize={}"}, {Query: "size={}"},
		{Query: "count={}"}, {Query: "first={}"}, {Query: "take={}"}, {Query: "$top={}"}},
	Count: {{Query: "meta=*"}, {Query: "include_total=true"}, {Query: "includeTotal=true"}, {Query: "with_total=true"}, {Query: "include_count=true"},
		{Query: "count=true"}, {Query: "total=true"}, {Query: "$count=true"}},
	IDs: {{Query: "ids={}"}, {Query: "id={}"}, {Query: "ids[]={}"}, {Query: "filter[id]={}"}, {Query: "filter[id][_in]={}"}},
}

// stated returns the spelling that the dialect states; false when it states none.
func (d *Dialect) stated(f Feature) (Spelling, bool) {
	if d == nil {
		return Spelling{}, false
	}
	name := map[Feature]string{Search: d.Search, Filter: d.Filter, Sort: d.Sort, Fields: d.Fields, Include: d.Include,
		Limit: d.Limit, Cursor: d.Cursor, IDs: d.IDs}[f]
	switch {
	case name == "":
		return Spelling{}, false
	case strings.Contains(name, "="): // a whole query, for what has no name of its own
		return Spelling{Query: name}, true
	case f == Sort:
		return Spelling{name + "={field}", name + "=" + cmp.Or(d.Descending, "-{field}")}, true
	}
	return Spelling{Query: name + "={}"}, true
}

// With fills a spelling in. The result begins with "?".
func (s Spelling) With(field, value string) string { return fillQuery(s.Query, field, value) }

// Descending is [Spelling.With] for the other order.
func (s Spelling) Descending(field string) string { return fillQuery(s.Reverse, field, "") }

// fillQuery escapes the literal text of a query template as well as what is put into it, but
// for the signs that separate parameters.
func fillQuery(template, field, value string) string {
	var parts []string
	for pair := range strings.SplitSeq(template, "&") {
		name, v, _ := strings.Cut(pair, "=")
		fill := strings.NewReplacer("{field}", field, "{}", value)
		parts = append(parts, url.QueryEscape(fill.Replace(name))+"="+url.QueryEscape(fill.Replace(v)))
	}
	return "?" + strings.Join(parts, "&")
}

// containers are the usual names of the array in a list's answer, idMembers those of an
// object's identity, totals those of the number of all objects, nexts those of the next page.
var (
	containers = []string{"data", "items", "results", "records", "list", "rows", "content", "entries", "values", "hits", "docs", "objects", "resources"}
	idMembers  = []string{"id", "uid", "uuid", "_id", "guid", "key", "slug"}
	totals     = []string{"total", "total_count", "totalCount", "totalItems", "total_items", "total_results", "totalResults", "totalElements",
		"filter_count", "totalSize", "total_size", "count"}
	totalHeaders = []string{"X-Total-Count", "X-Total", "Total-Count", "X-Pagination-Total"}
	nexts        = []string{"next", "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "nextToken", "cursor", "next_page", "nextPage"}
	nextLink     = regexp.MustCompile(`<([^<>]*)>[^,]*;\s*rel="?next"?`)
)

// list returns the array of objects in an answer; nil when there is none.
func (d *Dialect) list(v any) []any {
	if d != nil && len(d.List) > 0 {
		for _, path := range d.List {
			at := v
			if path != "." {
				at = member(v, path)
			}
			if list, ok := at.([]any); ok {
				return list
			}
		}
		return nil
	}
	if list, ok := v.([]any); ok {
		return list
	}
	top, _ := v.(map[string]any)
	if list := arrayIn(top); list != nil {
		return list
	}
	for _, name := range sortedNames(top) {
		if inner, ok := top[name].(map[string]any); ok {
			if list := arrayIn(inner); list != nil {
				return list
			}
		}
	}
	return nil
}

// arrayIn finds the array that is most likely the list: one with a usual name, else the only
// one that holds objects; where there is none, the only one that is empty, unless it stands in
// an object with an id, which has empty lists of its own.
func arrayIn(m map[string]any) []any {
	for _, name := range containers {
		if list, ok := m[name].([]any); ok {
			return list
		}
	}
	var found, empty [][]any
	for _, name := range sortedNames(m) {
		list, ok := m[name].([]any)
		switch {
		case !ok:
		case len(list) == 0:
			empty = append(empty, list)
		default:
			if _, isObject := list[0].(map[string]any); isObject {
				found = append(found, list)
			}
		}
	}
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) == 0 && len(empty) == 1 && (*Dialect)(nil).id(m) == "":
		return empty[0]
	}
	return nil // nothing says which
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// id returns the text that identifies an object of a list; "" when it has none.
func (d *Dialect) id(item any) string {
	m, ok := item.(map[string]any)
	if !ok {
		return scalar(item)
	}
	if d != nil && len(d.ID) > 0 {
		for _, path := range d.ID {
			if id := scalar(member(m, path)); id != "" {
				return id
			}
		}
		return ""
	}
	for _, name := range idMembers {
		if id := scalar(m[name]); id != "" {
			return id
		}
	}
	found := ""
	for _, name := range sortedNames(m) {
		if strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "Id") {
			if found != "" {
				return ""
			}
			found = scalar(m[name])
		}
	}
	return found
}

// idMember is the path of what identifies the objects of a list.
func (d *Dialect) idMember(item map[string]any) string {
	if d != nil {
		for _, path := range d.ID {
			if scalar(member(item, path)) != "" {
				return path
			}
		}
	}
	for _, name := range idMembers {
		if scalar(item[name]) != "" {
			return name
		}
	}
	return ""
}

// scalar is the text of a string or a number; "" for anything else.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// total is what an answer says that there are; -1 when it does not say.
func (d *Dialect) total(v any, header http.Header) int {
	number := func(v any) (int, bool) {
		n, err := strconv.Atoi(scalar(v))
		return n, err == nil && n >= 0
	}
	if d != nil && len(d.Total) > 0 {
		for _, where := range d.Total {
			var found any = ""
			if name, ok := strings.CutPrefix(where, "header "); ok {
				found = header.Get(name)
			} else {
				found = member(v, where)
			}
			if n, ok := number(found); ok {
				return n
			}
		}
		return -1
	}
	top, _ := v.(map[string]any)
	for _, m := range []any{top, top["meta"], top["pagination"], top["page"], top["paging"]} {
		m, _ := m.(map[string]any)
		for _, name := range totals {
			if n, ok := number(m[name]); ok {
				return n
			}
		}
	}
	for _, name := range totalHeaders {
		if n, ok := number(header.Get(name)); ok {
			return n
		}
	}
	return -1
}

// nextPage is the cursor or the address of the next page, and the parameter that takes it as the
// name of the member says, where the dialect does not; "" when there is none.
func (d *Dialect) nextPage(v any, header http.Header) (next, param string) {
	if d != nil && d.Next != "" {
		return scalar(member(v, d.Next)), paramOf(d.Next[strings.LastIndexByte(d.Next, '.')+1:])
	}
	if m := nextLink.FindStringSubmatch(header.Get("Link")); m != nil {
		return m[1], "cursor"
	}
	top, _ := v.(map[string]any)
	for _, m := range []any{top, top["meta"], top["pagination"], top["paging"], top["links"], top["page"]} {
		m, _ := m.(map[string]any)
		for _, name := range nexts {
			if next := scalar(m[name]); next != "" {
				return next, paramOf(name)
			}
		}
	}
	return "", ""
}

// paramOf is the parameter that takes what a member holds: page_token for next_page_token.
func paramOf(name string) string {
	for _, before := range []string{"next_", "next"} {
		if rest, ok := strings.CutPrefix(name, before); ok && rest != "" {
			if name == "next_token" || name == "nextToken" {
				return name
			}
			return strings.ToLower(rest[:1]) + rest[1:]
		}
	}
	return "cursor"
}

// member follows a path such as data.0.id into a JSON value; nil when it leads nowhere.
func member(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}
