// Package extract runs the extractor over one package of this module and compares
// what it reads with what a server does.
package extract

import (
	"fmt"
	"go/types"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"

	"github.com/permcheck/permcheck/analyzers/routes"
)

// Routes returns what the extractor reads from the package in the current folder.
func Routes(t *testing.T) []*routes.Route {
	t.Helper()
	pkgs, err := packages.Load(&packages.Config{Mode: packages.LoadSyntax}, ".")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) != 1 || len(pkgs[0].Errors) > 0 {
		t.Fatalf("the package cannot be loaded: %v", pkgs[0].Errors)
	}
	p := pkgs[0]
	res, err := routes.Analyzer.Run(&analysis.Pass{
		Analyzer: routes.Analyzer, Fset: p.Fset, Files: p.Syntax, Pkg: p.Types, TypesInfo: p.TypesInfo,
		AllPackageFacts:   func() []analysis.PackageFact { return nil },
		ImportPackageFact: func(*types.Package, analysis.Fact) bool { return false },
		ExportPackageFact: func(analysis.Fact) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := res.(*routes.Result)
	for _, u := range r.Unresolved {
		t.Errorf("%s:%d: unresolved: %s", u.File, u.Line, u.Reason)
	}
	if len(r.Routes) == 0 {
		t.Fatal("the extractor finds no route")
	}
	return r.Routes
}

// Server answers a request with the names that it passed, in order.
type Server func(*http.Request) (trail []string, err error)

var (
	parameter = regexp.MustCompile(`\{[^}]*\}`)
	colon     = regexp.MustCompile(`/:[^/]+|\*[^/]*`)
)

// template writes a pattern with {} for each parameter.
func template(pattern string) string {
	pattern = colon.ReplaceAllStringFunc(pattern, func(p string) string {
		if p[0] == '/' {
			return "/{}"
		}
		return "{}"
	})
	return parameter.ReplaceAllString(pattern, "{}")
}

// Compare sends a request to each route that the extractor found and compares the
// chain; listed is what the library says that it serves, "METHOD /pattern" in its
// own syntax, where it says so. Methods of which the extractor says * stand for all.
func Compare(t *testing.T, found []*routes.Route, serve Server, listed []string) {
	t.Helper()
	var have []string
	anyMethod := map[string]bool{}
	for _, r := range found {
		method := r.Method
		if method == routes.AnyMethod {
			method = http.MethodGet
			anyMethod[parameter.ReplaceAllString(r.Path, "{}")] = true
		}
		have = append(have, r.Method+" "+parameter.ReplaceAllString(r.Path, "{}"))
		target := parameter.ReplaceAllString(r.Path, "1")
		req, err := http.NewRequest(method, "http://server.test"+target, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.RequestURI = target
		trail, err := serve(req)
		if err != nil {
			t.Errorf("%s %s: %v", method, target, err)
			continue
		}
		if want := chain(t, r); !slices.Equal(trail, want) {
			t.Errorf("%s %s (line %d)\n runs  %v\n reads %v", r.Method, r.Path, r.Line, trail, want)
		}
	}
	if listed == nil {
		return
	}
	var want []string
	for _, l := range listed {
		method, path, _ := strings.Cut(l, " ")
		path = template(path)
		if anyMethod[path] {
			method = routes.AnyMethod
		}
		want = append(want, method+" "+path)
	}
	slices.Sort(want)
	slices.Sort(have)
	want, have = slices.Compact(want), slices.Compact(have)
	if !slices.Equal(want, have) {
		t.Errorf("the library lists\n %s\nthe extractor finds\n %s", strings.Join(want, "\n "), strings.Join(have, "\n "))
	}
}

// chain is what the extractor reads: the constants given to functions named mark,
// reply and below, outermost first.
func chain(t *testing.T, r *routes.Route) []string {
	t.Helper()
	var out []string
	for _, g := range r.Guards {
		if g.Maybe {
			t.Errorf("%s %s: it is not certain that %s runs", r.Method, r.Path, g.Func)
		}
		name := g.Func[strings.LastIndexByte(g.Func, '.')+1:]
		if name != "mark" && name != "reply" && name != "below" {
			continue
		}
		if len(g.Args) != 1 || len(g.Args[0].Consts) != 1 {
			t.Errorf("%s %s: the argument of %s is not known", r.Method, r.Path, name)
			continue
		}
		out = append(out, g.Args[0].Consts[0].Value)
	}
	return out
}

// Trail is the header in which a server of this module writes the names of what a
// request passed, one value each.
const Trail = "Trail"

// HTTP makes a Server of a handler.
func HTTP(h http.Handler) Server {
	return func(r *http.Request) ([]string, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return answer(w.Result())
	}
}

// Client makes a Server of a function that sends a request.
func Client(do func(*http.Request) (*http.Response, error)) Server {
	return func(r *http.Request) ([]string, error) {
		res, err := do(r)
		if err != nil {
			return nil, err
		}
		return answer(res)
	}
}

func answer(res *http.Response) ([]string, error) {
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNoContent {
		return nil, fmt.Errorf("answers %s", res.Status)
	}
	return res.Header.Values(Trail), nil
}
