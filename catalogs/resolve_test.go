package catalogs

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestResolve(t *testing.T) {
	tests := []struct {
		precedence Precedence
		rows       string // METHOD /path, separated by commas, in the order of registration
		ask        string
		how        How
		want       string // the rows that may answer
		own        string
	}{
		{0, "GET /a/{id}", "GET /a/{name}", Exact, "GET /a/{id}", "GET /a/{id}"},
		{0, "* /a/{id}", "GET /a/{name}", ByMethod, "* /a/{id}", "* /a/{id}"},
		{0, "* /a/{id}, GET /a/{id}", "GET /a/{x}", Exact, "GET /a/{id}", "GET /a/{id}"},
		{0, "GET /a/{id}", "* /a/{id}", Unanswered, "", ""},
		{0, "GET /a/{id}", "GET /a/b", ByParameter, "GET /a/{id}", ""},
		{0, "GET /a/{id}", "GET /a/{id}/b", Unanswered, "", ""},
		{0, "GET /a/b", "GET /a/{id}", Unanswered, "", ""}, // answers some of it only
		{0, "POST /a/{id}", "GET /a/b", Unanswered, "", ""},
		{0, "* /a/{rest...}", "DELETE /a/b/c", ByTree, "* /a/{rest...}", ""},
		{0, "* /a/{rest...}", "GET /a", Unanswered, "", ""}, // a tail needs its slash
		{0, "* /{rest...}, * /a/{rest...}", "GET /a/b", ByTree, "* /a/{rest...}", ""},
		{0, "* /{rest...}, GET /{x}/b", "GET /a/b", ByParameter, "GET /{x}/b", ""},
		{0, "GET /{x}/b, GET /a/{y}", "GET /a/b", ByParameter, "GET /a/{y}, GET /{x}/b", ""}, // nobody knows
		{StaticFirst, "GET /{x}/b, GET /a/{y}", "GET /a/b", ByParameter, "GET /a/{y}", ""},
		{StaticFirst, "GET /a/{y}, GET /a/v{y}", "GET /a/v1", ByParameter, "GET /a/v{y}", ""},
		{StaticFirst, "GET /a/{rest...}, GET /a/{y}", "GET /a/b", ByParameter, "GET /a/{y}", ""},
		{StaticFirst, "GET /a/{id}, GET /a/b", "GET /a/b", Exact, "GET /a/b", "GET /a/b"},
		{FirstRegistered, "GET /a/{id}, GET /a/b", "GET /a/b", ByParameter, "GET /a/{id}", "GET /a/b"},
		{FirstRegistered, "GET /a/b, GET /a/{id}", "GET /a/b", Exact, "GET /a/b", "GET /a/b"},
		{FirstRegistered, "* /{rest...}, GET /a/b", "GET /a/b", ByTree, "* /{rest...}", "GET /a/b"},
		{FirstRegistered, "* /a/{id}, GET /a/{id}", "GET /a/{x}", ByMethod, "* /a/{id}", "GET /a/{id}"},
		{StaticFirst, "* /a/{id}, GET /a/{id}", "GET /a/{x}", Exact, "GET /a/{id}", "GET /a/{id}"},
		{0, "GET /a{b}{c}", "GET /a{b}{c}", Exact, "GET /a{b}{c}", "GET /a{b}{c}"}, // no template
		{0, "GET /a/{id}", "POST /a/{id}", Unanswered, "", ""},
	}
	for _, tt := range tests {
		var table Table
		for i, r := range strings.Split(tt.rows, ", ") {
			method, path, _ := strings.Cut(r, " ")
			table.Add(Row{Method: method, Path: path, Precedence: tt.precedence, Seq: i, ID: i})
		}
		method, path, _ := strings.Cut(tt.ask, " ")
		a := table.Resolve(method, path)
		var got []string
		for _, r := range a.Rows {
			got = append(got, r.Method+" "+r.Path)
		}
		own := ""
		if a.Own != nil {
			own = a.Own.Method + " " + a.Own.Path
		}
		if s := strings.Join(got, ", "); s != tt.want || a.How != tt.how || own != tt.own {
			t.Errorf("%s: rows %s: %s is answered by %q (%v, own %q), want %q (%v, own %q)", tt.precedence, tt.rows, tt.ask, s, a.How, own, tt.want, tt.how, tt.own)
		}
		if want := own != "" && own != tt.want; a.Shadowed() != want {
			t.Errorf("%s: %s: shadowed %v, want %v", tt.rows, tt.ask, a.Shadowed(), want)
		}
	}
}

// A real ServeMux says which of two patterns answers each path.
func TestResolveAsServeMux(t *testing.T) {
	paths := []string{"/a", "/a/b", "/a/{x}", "/{x}/b", "/a/{x...}", "/{x...}", "/a/b/c", "/a/{x}/c", "/{x}/{y}/c", "/a/b/{x...}"}
	methods := []string{"GET", "POST", ""}
	for _, p := range paths {
		for _, q := range paths {
			for _, m := range methods {
				for _, n := range methods {
					compareWithServeMux(t, []string{m, n}, []string{p, q})
				}
			}
		}
	}
}

func compareWithServeMux(t *testing.T, methods, paths []string) {
	t.Helper()
	mux, ok := http.NewServeMux(), true
	var table Table
	func() {
		defer func() { ok = recover() == nil }() // patterns that conflict
		for i := range paths {
			mux.HandleFunc(strings.TrimSpace(methods[i]+" "+paths[i]), func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) })
			method := methods[i]
			if method == "" {
				method = AnyMethod
			}
			table.Add(Row{Method: method, Path: paths[i], ID: i})
		}
	}()
	if !ok {
		return
	}
	for _, ask := range []string{"/a", "/a/b", "/a/z", "/z/b", "/a/b/c", "/a/z/c", "/z/z/c", "/q"} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(method, ask, nil))
			want := w.Body.String()
			switch {
			case w.Code >= 300 && w.Code < 400:
				continue // to the same path with a slash, which is an endpoint of its own
			case w.Code != http.StatusOK:
				want = ""
			}
			got := ""
			for _, r := range table.Resolve(method, ask).Rows {
				got += fmt.Sprint(r.ID)
			}
			if got != want {
				t.Errorf("%q %q: %s %s is answered by %q, ServeMux has %q", methods, paths, method, ask, got, want)
			}
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	var table Table
	for i := range 2000 {
		table.Add(Row{Method: "GET", Path: fmt.Sprintf("/r%d/{id}", i), ID: i})
	}
	b.ReportAllocs()
	for b.Loop() {
		if table.Resolve("GET", "/r77/x").How != ByParameter {
			b.Fatal("not answered")
		}
	}
}
