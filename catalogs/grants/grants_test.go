package grants

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// TestSmallestAgainstAllGrants compares with the definition: of all subsets of the named
// permissions those that satisfy everything, without those that give all that another one
// gives and more. What a grant gives and satisfies is decided on bits, not by package perm.
func TestSmallestAgainstAllGrants(t *testing.T) {
	names := []perm.Permission{"a", "b", "c", "d", "e"}
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 3000 {
		implies := map[perm.Permission]perm.Set{}
		if round%2 == 1 { // from a to e only, so that no two imply each other
			for range rng.IntN(3) {
				i := rng.IntN(4)
				implies[names[i]] = perm.NewSet(names[i+1+rng.IntN(4-i)])
			}
		}
		var formulas [][][]int // and of or of and
		var wants []perm.Requirement
		named := 0
		for range 1 + rng.IntN(4) {
			var clauses []perm.Set
			var formula [][]int
			for range 1 + rng.IntN(3) {
				var ids []perm.Permission
				var clause []int
				for range 1 + rng.IntN(2) {
					i := rng.IntN(len(names))
					named |= 1 << i
					clause, ids = append(clause, i), append(ids, names[i])
				}
				clauses, formula = append(clauses, perm.NewSet(ids...)), append(formula, clause)
			}
			wants, formulas = append(wants, perm.FromClauses(clauses...)), append(formulas, formula)
		}
		closed := func(grant int) int {
			for range names {
				for i, p := range names {
					for _, q := range implies[p] {
						if grant>>i&1 == 1 {
							grant |= 1 << slices.Index(names, q)
						}
					}
				}
			}
			return grant
		}
		var enough []int
		for grant := range 1 << len(names) {
			all := closed(grant)
			if grant&^named == 0 && !slices.ContainsFunc(formulas, func(f [][]int) bool {
				return !slices.ContainsFunc(f, func(clause []int) bool {
					return !slices.ContainsFunc(clause, func(i int) bool { return all>>i&1 == 0 })
				})
			}) {
				enough = append(enough, grant)
			}
		}
		var want []string
		for _, g := range enough {
			if slices.ContainsFunc(enough, func(o int) bool {
				less, more := closed(o), closed(g)
				return less&^more == 0 && (less != more || o != g && o&^g == 0)
			}) {
				continue
			}
			var ids []perm.Permission
			for i, p := range names {
				if g>>i&1 == 1 {
					ids = append(ids, p)
				}
			}
			want = append(want, perm.NewSet(ids...).String())
		}
		sets, err := smallest(wants, perm.NewImplications(implies))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range sets {
			got = append(got, s.String())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("requirements %v with %v: got %q, by all grants %q", wants, implies, got, want)
		}
	}
}

func parse(t *testing.T, text string) *catalogs.Catalog {
	t.Helper()
	c, err := catalogs.Parse("test.yaml", []byte("permcheck: catalog/1\nname: test\nsources: {s: https://example.com}\ndefault: {source: s, evidence: documented}\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMatch(t *testing.T) {
	c := parse(t, `
permissions: {a: , b: , c: , d: }
endpoints:
  GET /x/{id}: a
  GET /x/count: b
  ANY /x/{id}: c
  POST /y/: d
  GET /x/{id}/{rest...}: d
`)
	m := newMatcher(c)
	for call, want := range map[string]string{
		"GET /x/1":       "GET /x/{id}",
		"GET /x/count":   "GET /x/count",
		"HEAD /x/count":  "GET /x/count",
		"PUT /x/count":   "* /x/{id}",
		"GET /x/1/2/3":   "GET /x/{id}/{rest...}",
		"GET /x/a%2Fb":   "GET /x/{id}",
		"GET /x/":        "",
		"POST /y":        "",
		"GET /elsewhere": "",
	} {
		method, path, _ := strings.Cut(call, " ")
		got := ""
		if e := m.find(method, path); e != nil {
			got = e.String()
		}
		if got != want {
			t.Errorf("%s: matched %q, want %q", call, got, want)
		}
	}
	for call, want := range map[string]string{
		"POST /y":        "the catalog has POST /y/",
		"GET /api/x/1":   "with --base-path /api it would be GET /x/{id}",
		"DELETE /y/":     "the catalog has POST /y/",
		"GET /elsewhere": "",
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := m.hint(method, path, ""); got != want {
			t.Errorf("%s: hint %q, want %q", call, got, want)
		}
	}
}

func TestReadCalls(t *testing.T) {
	har := func(entries string) string {
		return `{"log": {"version": "1.2", "creator": {"name": "x"}, "entries": [` + entries + `]}}`
	}
	entry := func(method, url, body string) string {
		return fmt.Sprintf(`{"request": {"method": %q, "url": %q}, "response": {"status": 200, "content": {"text": %q}}}`, method, url, body)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"text", "# mine\n\nget /x?q=1\nPOST https://h.example/y#z\n", "GET /x, POST /y"},
		{"crlf and mark", "\uFEFFGET /x\r\nGET /y\r\n", "GET /x, GET /y"},
		{"preflight", "OPTIONS /x\nGET /x", "GET /x"},
		{"har", har(entry("GET", "https://h.example/x?q=1", "") + "," + entry("OPTIONS", "https://h.example/x", "") + "," + entry("GET", "data:text/plain,hi", "")), "GET /x"},
		{"empty", "", "in has no calls"},
		{"comments only", "# nothing", "in has no calls"},
		{"no path", "GET /x\nGET", "in:2:1: found \"GET\": expected a method and a path"},
		{"no method", "/x /y", "in:1:1: \"/x\" is not an HTTP method"},
		{"any", "ANY /x", "in:1:1: \"ANY\" is not an HTTP method"},
		{"relative", "GET x", "in:1:1: \"x\" is not a path"},
		{"other protocol", "GET ftp://h.example/x", "is not a path"},
		{"long line", "GET /" + strings.Repeat("x", maxLine), "in:1:1:"},
		{"binary", "\x00\x01\x02", "in:1:1:"},
		{"not har", `{"a": 1}`, "there is no log.entries"},
		{"cut har", har("")[:20], "the file ends in the middle"},
		{"har with text for a list", `{"log": {"entries": "x"}}`, "log.entries is not a list"},
		{"har with a bad method", har(entry("G T", "https://h.example/", "")), "entry 1: request.method \"G T\""},
		{"har with a bad address", har(entry("GET", "http://[", "")), "entry 1: request.url \"http://[\""},
		{"har without calls", har(""), "in has no calls"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls, err := ReadCalls("in", strings.NewReader(tt.text))
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %q, want %q", err, tt.want)
				}
				return
			}
			var got []string
			for i := range calls {
				got = append(got, calls[i].String())
			}
			if strings.Join(got, ", ") != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func FuzzReadCalls(f *testing.F) {
	f.Add("GET /x\nPOST https://h.example/y?z\n# c")
	f.Add(`{"log": {"entries": [{"request": {"method": "GET", "url": "https://h/x"}, "response": {"status": 403, "content": {"text": "{\"a\": {\"b\": [1]}}"}}}]}}`)
	f.Add(`{"log": {"entries": [{}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := ReadCalls("in", strings.NewReader(text))
		if err == nil && len(calls) == 0 {
			t.Fatal("no calls and no error")
		}
		for _, c := range calls {
			if !strings.HasPrefix(c.Path, "/") || c.Method != strings.ToUpper(c.Method) || c.Method == "OPTIONS" {
				t.Fatalf("call %+v", c)
			}
		}
	})
}
