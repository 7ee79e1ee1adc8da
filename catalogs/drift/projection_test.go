package drift_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
)

// A caller of an API whose keys carry permissions: without a key, or with one that
// holds some of two permissions.
type caller struct{ key, read, write bool }

var callers = []caller{{}, {key: true}, {key: true, read: true}, {key: true, write: true}, {key: true, read: true, write: true}}

// TestCatalogAgainstDocument decides by enumerating callers what a catalog's row and
// a document's operation admit. The scopes of oauth are the permissions; an
// alternative with another scheme says nothing about them.
func TestCatalogAgainstDocument(t *testing.T) {
	rows := []struct {
		text   string
		admits func(caller) bool
	}{
		{"public", func(caller) bool { return true }},
		{"authenticated", func(c caller) bool { return c.key }},
		{"nobody", func(caller) bool { return false }},
		{"read", func(c caller) bool { return c.read }},
		{"write", func(c caller) bool { return c.write }},
		{"read & write", func(c caller) bool { return c.read && c.write }},
		{"read | write", func(c caller) bool { return c.read || c.write }},
		{"unknown", nil},
	}
	r := rand.New(rand.NewPCG(9, 10))
	seen := map[string]int{}
	for range 300 {
		var catalog strings.Builder
		catalog.WriteString("permcheck: catalog/1\nname: generated\npermissions:\n  read:\n  write:\nendpoints:\n")
		paths := map[string]any{}
		want := map[string]string{}
		unstated, unverified := 0, 0
		for i := range 8 {
			row := rows[r.IntN(len(rows))]
			fmt.Fprintf(&catalog, "  GET /api/%d: %s\n", i, row.text)
			alts := []any{}
			public, named := r.IntN(6) == 0, false
			var demands []caller // what each alternative with oauth asks for
			if !public {
				for range 1 + r.IntN(2) {
					if r.IntN(3) == 0 {
						alts = append(alts, map[string]any{"bearer": []any{}})
						continue
					}
					d := caller{key: true, read: r.IntN(2) == 0, write: r.IntN(2) == 0}
					scopes := []any{}
					if d.read {
						scopes = append(scopes, "read")
					}
					if d.write {
						scopes = append(scopes, "write")
					}
					alts = append(alts, map[string]any{"oauth": scopes})
					demands, named = append(demands, d), true
				}
			}
			unscoped := false // a token without scopes will do
			for _, d := range demands {
				unscoped = unscoped || !d.read && !d.write
			}
			paths[fmt.Sprintf("/%d", i)] = map[string]any{"get": map[string]any{"security": alts}}
			class := ""
			switch {
			case !public && (!named || unscoped) && row.text == "authenticated": // any key will do, on both sides
			case !public && (!named || unscoped):
				unstated++
			case row.admits == nil:
				unverified++
			default:
				gained, lost := false, false
				for _, c := range callers {
					is := public
					for _, d := range demands {
						is = is || c.key && (!d.read || c.read) && (!d.write || c.write)
					}
					was := row.admits(c)
					gained, lost = gained || is && !was, lost || was && !is
				}
				switch {
				case gained && lost:
					class = "incomparable"
				case gained:
					class = "weakened"
				case lost:
					class = "strengthened"
				}
				seen[class]++
			}
			want[fmt.Sprint(i)] = class
		}
		doc, _ := json.Marshal(map[string]any{
			"openapi": "3.0.3", "servers": []any{map[string]any{"url": "https://x.example/api"}}, "paths": paths,
			"components": map[string]any{"securitySchemes": map[string]any{
				"oauth": map[string]any{"type": "oauth2"}, "bearer": map[string]any{"type": "http", "scheme": "bearer"}}},
		})
		c, err := catalogs.Parse("generated.yaml", []byte(catalog.String()))
		if err != nil {
			t.Fatal(err)
		}
		result, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Document: parse(t, doc)}, drift.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := classes(result)
		for name, class := range want {
			if string(got[name].Class) != class {
				t.Fatalf("/%s: got %q, want %q\n%s%s", name, got[name].Class, class, catalog.String(), doc)
			}
		}
		if s := result.Summary; s.Unstated != unstated || s.Unverified != unverified {
			t.Fatalf("%d unstated and %d unverified, want %d and %d\n%s%s", s.Unstated, s.Unverified, unstated, unverified, catalog.String(), doc)
		}
	}
	for _, class := range []string{"", "weakened", "strengthened", "incomparable"} {
		if seen[class] < 20 {
			t.Errorf("class %q came up %d times only", class, seen[class])
		}
	}
}

// TestSourceDeclaresNothing: source without a declaration is not "anybody", and not
// nothing either.
func TestSourceDeclaresNothing(t *testing.T) {
	c, err := catalogs.Parse("c.yaml", []byte("permcheck: catalog/1\nname: c\npermissions:\n  read:\nendpoints:\n  GET /a: read\n  GET /b: authenticated\n  GET /c: public\nbrowsers: blocked\n"))
	if err != nil {
		t.Fatal(err)
	}
	source := &catalogs.Catalog{File: "go:.", Endpoints: []catalogs.Endpoint{{Method: "GET", Path: "/a"}, {Method: "GET", Path: "/b"}, {Method: "GET", Path: "/c"}, {Method: "GET", Path: "/d"}}}
	r, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Catalog: source, EndpointsOnly: true}, drift.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, ch := range r.Changes {
		if ch.To != nil || ch.Anonymous {
			t.Errorf("%s: %+v", ch.Subject(), ch)
		}
		got = append(got, fmt.Sprintf("%s %s %s", ch.Rule, ch.Class, ch.Subject()))
	}
	// What refuses requests without a key meets a row that asks for no more; what may, is not known.
	source.Endpoints[1].Routed = &catalogs.Routed{Asks: true}
	same, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Catalog: source, EndpointsOnly: true}, drift.Options{})
	if err != nil || same.Summary.Same != 2 || same.Summary.Unverified != 0 {
		t.Errorf("a guard that asks for a key: %+v, %v", same, err)
	}
	source.Endpoints[1].Routed = &catalogs.Routed{MayAsk: true}
	open, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Catalog: source, EndpointsOnly: true}, drift.Options{})
	if err != nil || open.Summary.Same != 1 || open.Summary.Unverified != 1 {
		t.Errorf("a guard that cannot be read: %+v, %v", open, err)
	}
	if text := strings.Join(got, "; "); text != "undeclared weakened GET /a; undeclared weakened GET /b; undeclared endpoint-added GET /d" {
		t.Errorf("got %s", text)
	}
}

func TestHints(t *testing.T) {
	const old = `openapi: 3.0.3
paths:
  /jobs: {get: {security: [{key: []}]}}
  /jobs/{id}: {get: {security: [{key: [], seal: []}]}}
  /drafts/{id}: {get: {security: [{key: []}]}}
  /drafts/all: {get: {security: [{key: [], seal: []}]}}
components: {securitySchemes: {key: {type: http, scheme: bearer}, seal: {type: apiKey, in: header, name: S}}}
`
	const now = `openapi: 3.0.3
paths:
  /jobs: {get: {security: [{key: []}]}}
  /Jobs/: {get: {security: []}}
  /jobs/{id}: {get: {security: [{key: [], seal: []}]}}
  /jobs/export: {get: {security: [{key: []}]}}
  /drafts/{id}: {get: {security: [{key: []}]}}
components: {securitySchemes: {key: {type: http, scheme: bearer}, seal: {type: apiKey, in: header, name: S}}}
`
	r := compare(t, parse(t, []byte(old)), parse(t, []byte(now)), drift.Options{})
	want := map[string]string{
		"/Jobs/":       "it differs only in case or a slash from /jobs, which requires key",
		"/jobs/export": "it takes requests from /jobs/{id}, which requires key & seal",
		"/drafts/all":  "requests to it now reach /drafts/{id}, which requires key",
	}
	if len(r.Changes) != len(want) {
		t.Errorf("got %s", describe(r))
	}
	for _, c := range r.Changes {
		if text := strings.Join(append(c.Evidence, c.Why), "; "); !strings.Contains(text, want[c.Path]) {
			t.Errorf("%s: %q does not say %q", c.Path, text, want[c.Path])
		}
	}
}

// TestOptionsThatDoNotFit: a scheme that is not there is an error, not a silence.
func TestOptionsThatDoNotFit(t *testing.T) {
	doc := parse(t, []byte("openapi: 3.0.3\npaths: {/a: {get: {}}}\n"))
	_, err := drift.Compare(drift.Side{Catalog: &catalogs.Catalog{}}, drift.Side{Document: doc}, drift.Options{PermissionScheme: "sso"})
	if err == nil || !strings.Contains(err.Error(), `no security scheme "sso"`) {
		t.Errorf("got %v", err)
	}
}
