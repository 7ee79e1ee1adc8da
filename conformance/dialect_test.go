package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/reference"
)

// things are what the servers below list.
var things = []map[string]any{
	{"uid": "a1", "title": "Alpha word-one", "size": 3, "open": true},
	{"uid": "b2", "title": "Beta word-two", "size": 1, "open": false},
	{"uid": "c3", "title": "Gamma word-three", "size": 2, "open": true},
}

// listed answers some of the things in an envelope, or bare.
func listed(w http.ResponseWriter, envelope string, list []map[string]any) {
	if list == nil {
		list = []map[string]any{}
	}
	var v any = list
	if envelope != "" {
		v = map[string]any{envelope: list, "count": len(things)}
	}
	_ = json.NewEncoder(w).Encode(v)
}

func having(ok func(map[string]any) bool) (out []map[string]any) {
	for _, t := range things {
		if ok(t) {
			out = append(out, t)
		}
	}
	return out
}

func by(field string, down bool) []map[string]any {
	out := slices.Clone(things)
	slices.SortStableFunc(out, func(a, b map[string]any) int {
		n := strings.Compare(fmt.Sprint(a[field]), fmt.Sprint(b[field]))
		if down {
			return -n
		}
		return n
	})
	return out
}

// What the lab believes a server to understand it does understand: the spelling of each
// feature is found where there is one, and none on a server that ignores every parameter.
func TestSpellings(t *testing.T) {
	ignores := func(w http.ResponseWriter, _ url.Values) { listed(w, "data", things) }
	strict := func(w http.ResponseWriter, q url.Values) { // any parameter is an error
		if len(q) > 0 {
			w.WriteHeader(400)
			return
		}
		listed(w, "data", things)
	}
	one := func(q url.Values) bool { return len(q) == 1 }
	for _, tt := range []struct {
		name    string
		feature conformance.Feature
		about   string
		serve   func(http.ResponseWriter, url.Values)
		want    string // what With("size", "x") gives; empty: nothing is understood
	}{
		{"search", conformance.Search, "", func(w http.ResponseWriter, q url.Values) {
			listed(w, "items", having(func(m map[string]any) bool { return strings.Contains(m["title"].(string), q.Get("search")) }))
		}, "?search=x"},
		{"filter in brackets", conformance.Filter, "size", func(w http.ResponseWriter, q url.Values) {
			want, ok := q["filter[size][_eq]"]
			listed(w, "", having(func(m map[string]any) bool { return !ok || fmt.Sprint(m["size"]) == want[0] }))
		}, "?filter%5Bsize%5D%5B_eq%5D=x"},
		{"filter by a member", conformance.Filter, "", func(w http.ResponseWriter, q url.Values) {
			listed(w, "results", having(func(m map[string]any) bool {
				for name := range q {
					if fmt.Sprint(m[name]) != q.Get(name) {
						return false
					}
				}
				return true
			}))
		}, "?size=x"},
		{"sort with an order", conformance.Sort, "size", func(w http.ResponseWriter, q url.Values) {
			if q.Get("sortBy") == "" {
				listed(w, "data", things)
				return
			}
			listed(w, "data", by(q.Get("sortBy"), q.Get("sortOrder") == "desc"))
		}, "?sortBy=size&sortOrder=asc"},
		{"limit", conformance.Limit, "", func(w http.ResponseWriter, q url.Values) {
			if q.Get("per_page") == "1" {
				listed(w, "data", things[:1])
				return
			}
			listed(w, "data", things)
		}, "?per_page=x"},
		{"ids", conformance.IDs, "", func(w http.ResponseWriter, q url.Values) {
			want, ok := q["ids[]"]
			listed(w, "data", having(func(m map[string]any) bool { return !ok || slices.Contains(want, m["uid"].(string)) }))
		}, "?ids%5B%5D=x"},
		{"fields", conformance.Fields, "", func(w http.ResponseWriter, q url.Values) {
			if f := q.Get("select"); f != "" {
				var out []map[string]any
				for _, m := range things {
					out = append(out, map[string]any{"uid": m["uid"], f: m[f]})
				}
				listed(w, "data", out)
				return
			}
			listed(w, "data", things)
		}, "?select=x"},
		{"include", conformance.Include, "owner", func(w http.ResponseWriter, q url.Values) {
			var out []map[string]any
			for _, m := range things {
				c := map[string]any{"uid": m["uid"]}
				if q.Get("expand") == "owner" {
					c["owner"] = map[string]any{"id": 1}
				}
				out = append(out, c)
			}
			listed(w, "data", out)
		}, "?expand=x"},
		{"a search that finds everything", conformance.Search, "", func(w http.ResponseWriter, q url.Values) { listed(w, "data", things) }, ""},
		{"a filter that finds nothing", conformance.Filter, "size", func(w http.ResponseWriter, q url.Values) {
			if one(q) {
				listed(w, "data", nil)
				return
			}
			listed(w, "data", things)
		}, ""},
		{"ignores all", conformance.Sort, "size", ignores, ""}, {"ignores all", conformance.Limit, "", ignores, ""}, {"ignores all", conformance.IDs, "", ignores, ""},
		{"refuses all", conformance.Search, "", strict, ""}, {"refuses all", conformance.Filter, "", strict, ""},
	} {
		t.Run(tt.name+" "+string(tt.feature), func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { tt.serve(w, r.URL.Query()) }))
			defer srv.Close()
			c, err := catalogs.Parse("t.yaml", []byte("permcheck: catalog/1\nname: t\npermissions: {a: }\nendpoints:\n  GET /things: {requires: a, lists: thing}\n"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{{Name: "full", Grants: c.Universe()}}})
			if err != nil {
				t.Fatal(err)
			}
			lab := conformance.NewLab(p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: make([]conformance.Credential, len(p.Keys))})
			got, err := lab.Spelled(context.Background(), 0, 3, tt.feature, tt.about)
			if (err != nil) != (tt.want == "") {
				t.Fatalf("%+v %v, want %q", got, err, tt.want)
			}
			if err == nil && got.With("size", "x") != tt.want {
				t.Errorf("%s, want %s", got.With("size", "x"), tt.want)
			}
		})
	}
}

// The reference server's own dialect is found by trying, and a stated one is believed.
func TestSpellingsOfTheBoard(t *testing.T) {
	s := stranger(t, boardName, conformance.WritesNone, reference.Options{})
	row := slices.IndexFunc(s.plan.Rows, func(r conformance.Row) bool { return r.String() == "GET /v1/positions" })
	full := slices.IndexFunc(s.plan.Keys, func(k conformance.Key) bool { return k.Name == "all" })
	lab := conformance.NewLab(s.plan, s.target)
	for feature, want := range map[conformance.Feature]string{
		conformance.Search: "?q=x", conformance.Filter: "?filter%5Btitle%5D=x", conformance.Sort: "?sort=title", conformance.Fields: "?fields=x",
		conformance.Limit: "?limit=x", conformance.IDs: "?ids=x",
	} {
		got, err := lab.Spelled(context.Background(), row, full, feature, "")
		if err != nil || got.With("title", "x") != want {
			t.Errorf("%s: %+v %v, want %s", feature, got, err, want)
		}
	}
	whole, err := lab.List(context.Background(), nil, "all", row, lab.As(full), "?limit=3")
	if err != nil || !whole.Whole || whole.Pages < 2 || len(whole.Items) != whole.Total {
		t.Errorf("page by page: %d pages, %d items of %d, %v", whole.Pages, len(whole.Items), whole.Total, err)
	}
	s.target.Dialect = &conformance.Dialect{Search: "find", Sort: "by", Descending: "{field}~"}
	lab = conformance.NewLab(s.plan, s.target)
	if got, err := lab.Spelled(context.Background(), row, full, conformance.Sort, ""); err != nil || got.With("a b", "") != "?by=a+b" || got.Descending("a") != "?by=a~" {
		t.Errorf("stated: %+v %v", got, err)
	}
}

// Whatever a server answers, its digest is bounded and holds none of its values.
func FuzzDigest(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":1,"title":"a secret title 7"}],"total":3,"next":"/x"}`))
	f.Add([]byte(`[[[{"a.b":{"":null}}]],"\u0000",1e400]`))
	f.Add([]byte(`{"id":{"id":[]},"items":{"items":[1,"two"]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := conformance.DigestOf(body)
		for path, hashes := range d.Paths {
			for _, h := range hashes {
				if len(h) != 16 && h != "null" {
					t.Fatalf("%s holds %q", path, h)
				}
			}
		}
		if len(d.Paths) > 400 || d.Bytes != len(body) {
			t.Fatalf("%d paths, %d bytes", len(d.Paths), d.Bytes)
		}
	})
}

// Lists that name no next page are read to their end when the server provably counts pages or
// objects, and are known to be cut short when it does not.
func TestCountedPages(t *testing.T) {
	const all = 23
	for name, tt := range map[string]struct {
		from  func(url.Values, int) int // index of the first object, for a page size
		size  string                    // parameter of the page size; empty: it is fixed
		total bool
		fixed int
		whole bool
		items int
	}{
		"pages from 1":            {func(q url.Values, n int) int { return max(number(q, "page", 1)-1, 0) * n }, "per_page", true, 5, true, all},
		"pages from 0":            {func(q url.Values, n int) int { return number(q, "page", 0) * n }, "size", true, 5, true, all},
		"objects":                 {func(q url.Values, _ int) int { return number(q, "offset", 0) }, "limit", true, 10, true, all},
		"objects to skip":         {func(q url.Values, _ int) int { return number(q, "skip", 0) }, "take", true, 10, true, all},
		"pages of a fixed size":   {func(q url.Values, n int) int { return max(number(q, "page", 1)-1, 0) * n }, "", true, 5, true, all},
		"no total, usual size":    {func(q url.Values, n int) int { return max(number(q, "page", 1)-1, 0) * n }, "limit", false, 10, true, all},
		"nothing is understood":   {func(url.Values, int) int { return 0 }, "", true, 5, false, 5},
		"a size and nothing else": {func(url.Values, int) int { return 0 }, "limit", true, 5, false, 5},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := tt.fixed
				if tt.size != "" {
					n = number(r.URL.Query(), tt.size, n)
				}
				from := min(tt.from(r.URL.Query(), n), all)
				items := []map[string]any{}
				for i := from; i < min(from+n, all); i++ {
					items = append(items, map[string]any{"id": 100 + i})
				}
				answer := map[string]any{"items": items}
				if tt.total {
					answer["totalItems"] = all
				}
				_ = json.NewEncoder(w).Encode(answer)
			}))
			defer srv.Close()
			c, err := catalogs.Parse("t.yaml", []byte("permcheck: catalog/1\nname: t\npermissions: {r: }\nendpoints:\n  GET /things: {requires: r, lists: thing}\n"))
			if err != nil {
				t.Fatal(err)
			}
			p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{{Name: "full", Grants: c.Universe()}}})
			if err != nil {
				t.Fatal(err)
			}
			lab := conformance.NewLab(p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: make([]conformance.Credential, len(p.Keys))})
			got, err := lab.List(context.Background(), nil, "all", 0, lab.As(3), "")
			if err != nil || got.Whole != tt.whole || len(got.Items) != tt.items {
				t.Errorf("whole %v with %d items, %v", got.Whole, len(got.Items), err)
			}
		})
	}
}

func number(q url.Values, name string, or int) int {
	if n, err := strconv.Atoi(q.Get(name)); err == nil {
		return n
	}
	return or
}
