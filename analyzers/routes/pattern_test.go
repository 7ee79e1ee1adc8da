package routes

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/permcheck/permcheck/catalogs"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		spec               *Spec
		pattern            string
		method, path, fail string
	}{
		{netHTTP, "GET /a/{id}", "GET", "/a/{id}", ""},
		{netHTTP, "/a", "*", "/a", ""},
		{netHTTP, "/a/", "*", "/a/{path...}", ""},
		{netHTTP, "/", "*", "/{path...}", ""},
		{netHTTP, "/{$}", "*", "/", ""},
		{netHTTP, "POST example.com/a/{$}", "POST", "/a/", ""},
		{netHTTP, "GET  /spaces", "GET", "/spaces", ""},
		{netHTTP, "/files/{rest...}", "*", "/files/{rest...}", ""},
		{netHTTP, "nothing", "", "", `pattern "nothing" has no /`},
		{netHTTP, baseMark + "/x", "*", baseMark + "/x", ""},
		{chi, "/a/{id:[0-9]+}/{name}", "*", "/a/{id}/{name}", ""},
		{chi, "/a/{date:\\d{4}-\\d{2}}", "*", "/a/{date}", ""},
		{chi, "/files/*", "*", "/files/{path...}", ""},
		{chi, "GET /a", "GET", "/a", ""},
		{chi, "a", "", "", `pattern "a" must begin with /`},
		{chi, "/a*/b", "", "", `pattern "/a*/b" has * before its end`},
		{chi, "/a/{id", "", "", `pattern "/a/{id" has unbalanced braces`},
		{chi, "/a/{id:[0-9", "", "", `pattern "/a/{id:[0-9" has unbalanced braces`},
	} {
		method, path, err := c.spec.Path(c.pattern)
		if c.fail != "" {
			if err == nil || err.Error() != c.fail {
				t.Errorf("%s %q: error %v, want %s", c.spec.Name, c.pattern, err, c.fail)
			}
			continue
		}
		if err != nil || method != c.method || path != c.path {
			t.Errorf("%s %q: %s %s %v, want %s %s", c.spec.Name, c.pattern, method, path, err, c.method, c.path)
		}
	}
}

// What net/http registers without a panic is read, and as a template that catalogs
// understand; and the template matches what the mux itself matches.
func FuzzServeMuxPattern(f *testing.F) {
	for _, s := range []string{"GET /a/{id}", "/", "/{$}", "POST h/x/{r...}", "GET\t/a", " /x", "/a b", "/{a}{b}", "/{a}/{a}", "PUT /a/{$}/", "/{}", "//", "/a/../b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Contains(pattern, baseMark) {
			return
		}
		registered := func() (ok bool) {
			defer func() { _ = recover() }()
			http.NewServeMux().HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
			return true
		}()
		_, path, err := serveMuxPattern(pattern)
		if !registered {
			return // no panic of our own is all that is asked
		}
		if err != nil {
			t.Fatalf("net/http takes %q, but: %v", pattern, err)
		}
		if !strings.HasPrefix(path, "/") {
			t.Fatalf("%q gives path %q", pattern, path)
		}
		if !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '?' || r == '#' }) {
			return // literal text that no template may have unescaped
		}
		if strings.ContainsAny(wildcard.ReplaceAllString(path, ""), "{}") {
			return // a brace that is literal text, as in "/}"
		}
		if _, err := catalogs.ParseTemplate(path); err != nil {
			t.Fatalf("%q gives %q, no template: %v", pattern, path, err)
		}
	})
}

func FuzzChiPattern(f *testing.F) {
	for _, s := range []string{"/a/{id:[0-9]+}", "/*", "/{a:{{}}}", "/a/{b}-{c}", "GET /x", "/{", "/}", "/{:}", "*", "/a/*/b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		_, path, err := chiPattern(pattern)
		if err == nil && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, baseMark) {
			t.Fatalf("%q gives path %q", pattern, path)
		}
		if err == nil && strings.Count(path, "{") != strings.Count(path, "}") {
			t.Fatalf("%q gives unbalanced %q", pattern, path)
		}
	})
}

var wildcard = regexp.MustCompile(`\{[\pL_][\pL\pN_]*(\.\.\.)?\}`)

// The evaluator of texts never panics and never says more than it knows: a result
// without a mark depends on nothing unknown.
func FuzzSprintf(f *testing.F) {
	f.Add("/a/%s/%d", "x")
	f.Add("%", "y")
	f.Add("%%s%v%q", "\"")
	f.Fuzz(func(t *testing.T, format, arg string) {
		if strings.Contains(format+arg, baseMark) {
			return
		}
		v := sprintf(format, []value{text(arg), unknown{}})
		if k, ok := v.(konst); ok && k.kind != 's' {
			t.Fatalf("%q: %v", format, k)
		}
	})
}

func TestMeet(t *testing.T) {
	for _, c := range []struct{ mount, path, want string }{
		{"/v1/{path...}", "/v1/a", "/v1/a"},
		{"/v1/{path...}", "/{path...}", "/v1/{path...}"},
		{"/v1/{path...}", "/v2/a", ""},
		{"/v1/{path...}", "/v1/{path...}", "/v1/{path...}"},
		{"/v1/x", "/v1/x", "/v1/x"},
		{"/v1/x", "/v1/{path...}", "/v1/x"},
		{"/v1/x", "/v1/y", ""},
		{"/{tenant}/{path...}", "/acme/a", "/acme/a"},
	} {
		got, ok := meet(c.mount, c.path)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("meet(%q, %q) = %q, %v; want %q", c.mount, c.path, got, ok, c.want)
		}
	}
}
