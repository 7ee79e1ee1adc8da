package grants

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

// An oracle asks kin-openapi's router, and this project's two ways to find a row, which row a
// request belongs to. Calls are matched with a catalog, so no router of documents is in the
// product; where both have an opinion, they must have the same.
type oracle struct {
	catalog *catalogs.Catalog
	router  routers.Router
	matcher *matcher
	table   catalogs.Table
	rows    map[string]*catalogs.Endpoint // by method and key of the path
}

func newOracle(t *testing.T, c *catalogs.Catalog) *oracle {
	t.Helper()
	text, err := full.Write(c)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	o := &oracle{catalog: c, matcher: newMatcher(c), rows: map[string]*catalogs.Endpoint{}}
	if o.router, err = gorillamux.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		o.rows[catalogs.EndpointKey(e.Method, e.Path)] = e
		o.table.Add(catalogs.Row{Method: e.Method, Path: e.Path, ID: i})
	}
	return o
}

// asked is what came of one request.
type asked int

const (
	same       asked = iota
	ambiguous        // templates of which neither is within the other: OpenAPI leaves the choice to tools
	narrower         // of two templates the one within the other; OpenAPI puts only paths without parameters first
	fallsBack        // the concrete path lacks the method, and a path with a parameter has it
	noOpinion        // OpenAPI has no word for a tree, and HEAD is no GET there
	unanswered       // nobody has such a row
)

// within reports whether every path of a template is one of another.
func within(a, b catalogs.Template) bool {
	return b.Match(a.Expand(func(name string) string { return "~" + name + "~fresh" }))
}

func template(t *testing.T, e *catalogs.Endpoint) catalogs.Template {
	t.Helper()
	if e == nil {
		return catalogs.Template{}
	}
	tmpl, err := catalogs.ParseTemplate(e.Path)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func (o *oracle) ask(t *testing.T, method, path string) asked {
	t.Helper()
	var matching []catalogs.Template
	for i := range o.catalog.Endpoints {
		tmpl := template(t, &o.catalog.Endpoints[i])
		if tmpl.Match(path) && !slices.ContainsFunc(matching, func(m catalogs.Template) bool { return m.Key() == tmpl.Key() }) {
			matching = append(matching, tmpl)
		}
	}
	for i, a := range matching {
		if strings.Contains(a.Key(), "{...}") {
			return noOpinion
		}
		for _, b := range matching[i+1:] {
			if !within(a, b) && !within(b, a) {
				return ambiguous
			}
		}
	}
	found := o.matcher.find(method, path)
	var resolved []*catalogs.Endpoint
	several := false // parameters in one segment: the table does not decide which of two such is within the other
	for _, r := range o.table.Resolve(method, path).Rows {
		resolved = append(resolved, &o.catalog.Endpoints[r.ID])
		several = several || strings.Contains(r.Path, "}-{")
	}
	switch {
	case method == http.MethodHead && len(resolved) == 0: // a GET answers it
	case found == nil && len(resolved) == 0:
	case !slices.Contains(resolved, found), len(resolved) > 1 && !several:
		t.Errorf("%s %s: calls are matched with %v, the table resolves %v", method, path, found, resolved)
	}
	req, err := http.NewRequest(method, "http://h.example"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	route, _, err := o.router.FindRoute(req)
	switch {
	case err == nil:
		want := o.rows[catalogs.EndpointKey(method, route.Path)]
		if want == nil {
			want = o.rows[catalogs.EndpointKey(catalogs.AnyMethod, route.Path)]
		}
		if found == want && want != nil {
			return same
		}
		if own, theirs := template(t, found), template(t, want); found != nil && want != nil && !own.Concrete() && within(own, theirs) {
			return narrower
		}
		t.Errorf("%s %s: found %v, kin-openapi %s %s", method, path, found, method, route.Path)
		return same
	case found == nil:
		return unanswered
	case method == http.MethodHead && found.Method == http.MethodGet:
		return noOpinion
	case errors.Is(err, routers.ErrMethodNotAllowed):
		own := template(t, found)
		for _, m := range matching {
			switch {
			case m.Key() == own.Key():
			case within(m, own):
				return fallsBack
			case !own.Concrete() && within(own, m):
				return narrower
			}
		}
	}
	t.Errorf("%s %s: found %v, kin-openapi says %v", method, path, found, err)
	return unanswered
}

// check fails unless the router had an opinion often enough.
func check(t *testing.T, counts map[asked]int, least int) {
	t.Helper()
	t.Logf("the same %d, ambiguous %d, narrower %d, falls back %d, no opinion %d, unanswered %d", counts[same], counts[ambiguous], counts[narrower], counts[fallsBack], counts[noOpinion], counts[unanswered])
	if counts[same] < least {
		t.Errorf("only %d requests were compared", counts[same])
	}
}

// Requests of each row of the vendors' catalogs.
func TestRouterAgreesOnVendors(t *testing.T) {
	for _, v := range catalogs.Vendors() {
		c, err := catalogs.Load(catalogs.VendorPrefix + v)
		if err != nil {
			t.Fatal(err)
		}
		o, counts := newOracle(t, c), map[asked]int{}
		for i := range c.Endpoints {
			tmpl := template(t, &c.Endpoints[i])
			for _, value := range []string{"17", "a-b", "me", "x%2Fy", "a.json"} {
				for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"} {
					path := tmpl.Expand(func(string) string { return value })
					counts[o.ask(t, method, path)]++
					counts[o.ask(t, method, path+"/")]++
				}
			}
		}
		check(t, counts, len(c.Endpoints))
	}
}

// Paths of every shape against each other.
func TestRouterAgreesOnShapes(t *testing.T) {
	segments := []string{"a", "b", "a.json", "{x}", "{y}.json", "b-{n}", "{m}-{n}", "A"}
	values := []string{"a", "b", "A", "1", "a.json", "1.json", "b-2", "c-d", "%61", "b-"}
	methods := []string{"GET", "POST", "DELETE"}
	rng := rand.New(rand.NewPCG(1, 2)) // #nosec: the same documents each time
	counts := map[asked]int{}
	for n := range 60 {
		rows := map[string]bool{}
		for len(rows) < 8 {
			path := ""
			for range 1 + rng.IntN(3) {
				path += "/" + segments[rng.IntN(len(segments))]
			}
			method := append(slices.Clone(methods), catalogs.AnyMethod)[rng.IntN(4)]
			rows[catalogs.EndpointKey(method, path)] = true
		}
		text := fmt.Sprintf("permcheck: catalog/1\nname: c%d\npermissions: {p: }\nendpoints:\n", n)
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			method, path, _ := strings.Cut(key, " ")
			for i := 0; strings.Contains(path, "{}"); i++ {
				path = strings.Replace(path, "{}", fmt.Sprintf("{p%d}", i), 1)
			}
			if method == catalogs.AnyMethod {
				method = "ANY"
			}
			text += fmt.Sprintf("  %s %s: p\n", method, path)
		}
		c, err := catalogs.Parse("c.yaml", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		o := newOracle(t, c)
		for _, method := range methods {
			for _, x := range values {
				counts[o.ask(t, method, "/"+x)]++
				for _, y := range values {
					counts[o.ask(t, method, "/"+x+"/"+y)]++
					counts[o.ask(t, method, "/"+x+"/"+y+"/"+values[rng.IntN(len(values))])]++
				}
			}
		}
		if t.Failed() {
			t.Fatalf("of\n%s", text)
		}
	}
	check(t, counts, 1000)
	if counts[fallsBack] == 0 || counts[ambiguous] == 0 || counts[narrower] == 0 {
		t.Error("the documents do not have the cases in which they may differ")
	}
}

// Which row answers is decided by paths first, as routers do, and then by methods.
func TestMatcherTakesTheNearest(t *testing.T) {
	c, err := catalogs.Parse("c.yaml", []byte(`permcheck: catalog/1
name: c
permissions: {p: }
endpoints:
  ANY /b: p
  DELETE /{x}: p
  GET /{x}: p
  GET /{x}.json: p
  HEAD /{x}.json: p
  GET /t/{rest...}: p
  POST /t/{a}: p
`))
	if err != nil {
		t.Fatal(err)
	}
	m := newMatcher(c)
	for call, want := range map[string]string{
		"DELETE /b": "* /b", "DELETE /c": "DELETE /{x}", "GET /a.json": "GET /{x}.json", "HEAD /a.json": "HEAD /{x}.json", "HEAD /a": "GET /{x}", "HEAD /b": "* /b",
		"GET /t/a": "GET /t/{rest...}", "GET /t/a/b": "GET /t/{rest...}", "POST /t/a": "POST /t/{a}", "POST /c": "", "GET /%62": "GET /{x}",
	} {
		method, path, _ := strings.Cut(call, " ")
		got := ""
		if e := m.find(method, path); e != nil {
			got = e.Method + " " + e.Path
		}
		if got != want {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
}
