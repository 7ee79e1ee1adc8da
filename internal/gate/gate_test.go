package gate_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/gate"
	"github.com/permcheck/permcheck/internal/report"
)

const (
	table = "permcheck: catalog/1\nname: c\npermissions: {read: , write: }\nendpoints:\n  GET /a: write\n"
	doc   = "openapi: 3.1.0\npaths:\n  /a: {get: {security: [{o: [write]}]}}\n  /b: {get: {security: [{o: [read]}]}}\ncomponents: {securitySchemes: {o: {type: oauth2}, key: {type: apiKey, in: header, name: K}}}\n"
)

func state(t *testing.T, table string, docs map[string]string, change func(*gate.State)) *gate.State {
	t.Helper()
	s := &gate.Service{Excused: func(string, string) bool { return false }}
	if table != "" {
		c, err := catalogs.Parse("c.yaml", []byte(table))
		if err != nil {
			t.Fatal(err)
		}
		s.Table, s.Catalog = c, "c.yaml"
	}
	for name, text := range docs {
		d, err := openapi.Parse(name, []byte(text), openapi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Documents = append(s.Documents, d)
	}
	st := &gate.State{Root: "/r", Config: &catalogs.Config{Path: "/r/.permcheck.yaml"}, Services: []*gate.Service{s}}
	if change != nil {
		change(st)
	}
	return st
}

func TestCompare(t *testing.T) {
	row := func(r string) string { return strings.Replace(table, "GET /a: write", r, 1) }
	op := func(path, security string) string {
		lines := strings.Split(doc, "\n")
		for i, l := range lines {
			if strings.HasPrefix(l, "  "+path+":") {
				lines[i] = fmt.Sprintf("  %s: {get: {security: %s}}", path, security)
			}
		}
		return strings.Join(lines, "\n")
	}
	for _, tt := range []struct{ name, table, doc, want string }{
		{"nothing", table, doc, ""},
		{"weakened", table, op("/a", "[{o: [read]}]"), "requirement-incomparable GET /a"},
		{"opened", table, op("/a", "[]"), "opened-to-anonymous GET /a"},
		{"outside of the catalog", table, op("/b", "[{o: []}]"), "requirement-weakened GET /b"},
		{"the row with it", row("GET /a: read"), op("/a", "[{o: [read]}]"), "catalog-weakened GET /a"},
		{"the row, and more", row("GET /a: read"), op("/a", "[{o: []}]"), "catalog-weakened GET /a; requirement-weakened GET /a"},
		{"a row for everybody", row("GET /a: public"), op("/a", "[]"), "catalog-weakened GET /a"},
		{"a row that says unknown", row("GET /a: unknown"), op("/a", "[{o: [read]}]"), "catalog-weakened GET /a; requirement-incomparable GET /a"},
		{"any token", row("GET /a: authenticated"), op("/a", "[{o: []}]"), "catalog-weakened GET /a"},
		{"another credential", row("GET /a: authenticated"), op("/a", "[{key: []}]"), "catalog-weakened GET /a; requirement-incomparable GET /a"},
		{"a new row for what was outside", table + "  GET /b: authenticated\n", op("/b", "[{o: []}]"), ""},
		{"a row without anything", row("GET /c: write"), op("/a", "[{o: [read]}]"), "catalog-weakened GET /a; requirement-incomparable GET /a"},
		{"stricter", table, op("/b", "[{o: [read, write]}]"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := gate.Compare(state(t, table, map[string]string{"d.yaml": doc}, nil), state(t, tt.table, map[string]string{"d.yaml": tt.doc}, nil), drift.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range r.Findings {
				got = append(got, f.Rule+" "+f.Subject)
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

func TestLoosened(t *testing.T) {
	docs := map[string]string{"d.yaml": doc}
	known := report.KnownEntry{Rule: "mismatch", Endpoint: "GET /a/{id}", Reason: "r", Owner: "o", Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	base := func(s *gate.State) {
		s.Known = []report.KnownEntry{known}
		s.Config.IgnoreRoutes = []catalogs.IgnoredRoute{{Pattern: "GET /x/{id}"}}
		s.Services[0].Code = []string{"./api/...", "./cmd"}
		s.Services[0].Owns = []string{"/a"}
		s.Config.RouteTables = []catalogs.TableConfig{{Type: "x.Row"}}
	}
	for _, tt := range []struct {
		name   string
		docs   map[string]string
		change func(*gate.State)
		want   string
	}{
		{"nothing", docs, nil, ""},
		{"spelt in another way", docs, func(s *gate.State) {
			s.Config.IgnoreRoutes = []catalogs.IgnoredRoute{{Pattern: "get /x/{name}"}}
			s.Known[0].Endpoint = "GET /a/{x}"
			s.Services[0].Code = []string{"./..."}
			s.Services[0].Owns = []string{"/"}
		}, ""},
		{"an excuse", docs, func(s *gate.State) {
			s.Config.IgnoreRoutes = append(s.Config.IgnoreRoutes, catalogs.IgnoredRoute{Pattern: "GET /y"})
		}, "ignore-routes GET /y"},
		{"a known finding", docs, func(s *gate.State) {
			s.Known = append(s.Known, report.KnownEntry{Rule: "mismatch", Endpoint: "GET /b"})
		}, "known mismatch GET /b"},
		{"a known finding for longer", docs, func(s *gate.State) { s.Known[0].Until = time.Time{} }, "known mismatch GET /a/{id}"},
		{"a comment", docs, func(s *gate.State) { s.Ignores = []gate.Ignore{{Rule: "undeclared", Reason: "r"}} }, "comment undeclared r"},
		{"renamed", map[string]string{"e.yaml": doc}, nil, ""},
		{"gone", nil, nil, "document d.yaml"},
		{"another one instead", map[string]string{"e.yaml": strings.NewReplacer("/a:", "/p:", "/b:", "/q:").Replace(doc)}, nil, "document d.yaml"},
		{"packages", docs, func(s *gate.State) { s.Services[0].Code = []string{"./apiserver/...", "./cmd"} }, "code ./api/..."},
		{"packages of which a name begins alike", docs, func(s *gate.State) { s.Services[0].Code = []string{"./ap/...", "./cmd"} }, "code ./api/..."},
		{"the catalog", docs, func(s *gate.State) { s.Services[0].Catalog = "" }, "catalog c.yaml"},
		{"rows", docs, func(s *gate.State) { s.Services[0].Owns = []string{"/ab"} }, "owns /a"},
		{"a route table", docs, func(s *gate.State) { s.Config.RouteTables = nil }, "route-tables x.Row"},
		{"what is implied", docs, func(s *gate.State) { s.Config.OpenAPI.Implies = map[string][]string{"read": {"write"}} }, "openapi implies read"},
		{"any scope", docs, func(s *gate.State) { s.Config.OpenAPI.Scopes = "any" }, "openapi scopes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			head := state(t, table, tt.docs, base)
			if tt.change != nil {
				tt.change(head)
			}
			var got []string
			for _, f := range gate.Loosened(state(t, table, docs, base), head, func(string) bool { return true }) {
				got = append(got, f.Subject)
			}
			slices.Sort(got)
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}
