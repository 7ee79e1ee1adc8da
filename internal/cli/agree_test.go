package cli

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/verdict"
	"github.com/permcheck/permcheck/internal/witness"
)

// Vet and diff find out the facts of a case each in its own way: vet asks of each route which
// rows it serves, diff matches two tables. Over every arrangement of a row and a route, and
// over many of several, they say the same.
func TestVetAndDiffAgree(t *testing.T) {
	demands := []string{"public", "authenticated", "A", "B", "A & B", "A | B", "unknown"}
	n := 0
	for _, how := range []struct{ row, routes string }{
		{"GET /a/b", "/a/b"}, {"GET /a/b", "/a/{rest...}"}, {"GET /a/b", "/a/{id}"}, {"GET /a/b", "* /a/b"}, {"GET /a/b", "page"}, {"GET /a/b", "proxy"},
		{"GET /a/b", "/z"}, {"GET /a/b", "first"}, {"GET /a/b", "/{base}/a/{rest...}"},
		{"GET /a/{id}", "/a/b"}, {"* /a/b", "/a/b"}, {"* /a/b", "* /a/b"}, {"* /a/{rest...}", "/a/b"}, {"GET /a/{rest...}", "* /a/b"}, {"GET /a/{id}", "page"},
	} {
		for _, row := range demands {
			for _, route := range append([]string{"", "asks", "may ask"}, demands...) {
				n++
				agree(t, map[string]string{how.row: row}, arranged(how.routes, route))
			}
		}
	}
	if n < 1000 {
		t.Errorf("only %d arrangements", n)
	}
	const seed = 11
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	paths := []string{"/a", "/a/b", "/a/{id}", "/a/{rest...}", "/a/b/c", "/a/{id}/c"}
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	for range 4000 {
		rows := map[string]string{}
		for range 1 + r.IntN(3) {
			rows[pick("GET", "GET", "POST", "*")+" "+pick(paths...)] = pick(demands...)
		}
		var list []*guards.Route
		have := map[string]bool{}
		precedence := pick("most-specific", "static-first", "first-registered")
		for i := range 1 + r.IntN(3) {
			method, path := pick("GET", "GET", "POST", "*"), pick(paths...)
			if have[method+" "+path] {
				continue // a program of two routes alike does not start
			}
			have[method+" "+path] = true
			of := route(method, path, pick(append([]string{"", "asks", "may ask"}, demands...)...), i)
			of.Precedence = precedence
			if r.IntN(4) == 0 {
				of.Answers = pick(catalogs.AnswersPage, catalogs.AnswersOpaque)
			}
			list = append(list, of)
		}
		agree(t, rows, list)
	}
}

// agree compares what vet and diff say of a catalog and a program.
func agree(t *testing.T, rows map[string]string, list []*guards.Route) {
	t.Helper()
	text := "permcheck: catalog/1\nname: c\npermissions: {A: , B: }\nendpoints:\n"
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		text += "  '" + row + "': " + rows[row] + "\n"
	}
	c, err := catalogs.Parse("c.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := (&guards.Settings{Config: &catalogs.Config{}}).Speaking(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Know(list)
	p := &goProgram{Program: &witness.Program{Settings: s, Routes: list}}
	found, _ := p.vet()
	vetted, diffed := map[string]bool{}, map[string]bool{}
	for _, f := range found {
		vetted[f.Rule+" of "+f.Subject] = true
	}
	r, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Catalog: p.AsCatalog(nil), EndpointsOnly: true}, drift.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Changes {
		diffed[verdict.InCode(r.Changes[i].Rule)+" of "+subjectIn(list, &r.Changes[i])] = true
	}
	if a, b := listed(vetted), listed(diffed); a != b {
		var program strings.Builder
		for _, r := range list {
			fmt.Fprintf(&program, "  %s %s requires %v, asks %v %v, answers %q, %s %d\n", r.Method, r.Path, r.Requires, r.Asks, r.MayAsk, r.Answers, r.Precedence, r.Seq)
		}
		t.Errorf("%s%s  vet  %s\n  diff %s", text, &program, a, b)
	}
}

// subjectIn is what vet calls the subject of a change: a route by its own spelling, and a row
// that something else answers by the row's.
func subjectIn(list []*guards.Route, ch *drift.Change) string {
	var any *guards.Route
	for _, r := range list {
		if r.Path == ch.Path && r.Method == ch.Method {
			return ch.Subject()
		}
		if r.Path == ch.Path && r.Method == catalogs.AnyMethod && ch.Class != drift.Added && ch.Class != drift.Removed && ch.FallsTo == "" {
			any = r
		}
	}
	if any != nil {
		return any.Method + " " + any.Path
	}
	return ch.Subject()
}

func listed(m map[string]bool) string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// arranged are the routes of a program in which something stands for GET /a/b, and requires
// what is said.
func arranged(how, requires string) []*guards.Route {
	switch how {
	case "* /a/b":
		return []*guards.Route{route(catalogs.AnyMethod, "/a/b", requires, 0)}
	case "page", "proxy":
		r := route("GET", "/a/{rest...}", requires, 0)
		if r.Answers = catalogs.AnswersPage; how == "proxy" {
			r.Answers = catalogs.AnswersOpaque
		}
		return []*guards.Route{r}
	case "first":
		list := []*guards.Route{route("GET", "/a/{id}", requires, 0), route("GET", "/a/b", "A & B", 1)}
		for _, r := range list {
			r.Precedence = catalogs.FirstRegistered.String()
		}
		return list
	}
	return []*guards.Route{route("GET", how, requires, 0)}
}

// route is a route that requires what is said.
func route(method, path, requires string, seq int) *guards.Route {
	r := &guards.Route{Route: &routes.Route{Method: method, Path: path, File: "a.go", Line: seq + 1, Column: 1, Seq: seq, Handler: fmt.Sprint("h", seq)}}
	switch requires {
	case "":
	case "asks":
		r.Asks = true
	case "may ask":
		r.MayAsk = true
	default:
		req := perm.MustParse(requires)
		r.Requires = &req
	}
	return r
}
