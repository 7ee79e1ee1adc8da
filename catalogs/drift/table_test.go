package drift

import (
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// witness reads YAML as the witness of a name: "code" speaks of endpoints only, "openapi" is a
// document, and others are catalogs.
func witness(t *testing.T, name, text string) *Witness {
	t.Helper()
	var s Side
	if name == "openapi" {
		doc, err := openapi.Parse(name, []byte(text), openapi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s.Document = doc
	} else {
		c, err := catalogs.Parse(name, []byte("permcheck: catalog/1\nname: a\npermissions: {A: , B: }\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		s.Catalog, s.EndpointsOnly = c, name == "code"
	}
	w, err := NewWitness(name, s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestTable writes down what three witnesses say of each endpoint, by hand.
func TestTable(t *testing.T) {
	ws := []*Witness{
		witness(t, "catalog", `
endpoints:
  GET /a: A
  GET /b/{id}: B
  GET /c: unknown
  GET /d: public
  GET /e: A
  GET /tree/x: A
`),
		witness(t, "code", `
endpoints:
  GET /a: A
  GET /b/{name}: B
  GET /c: A
  "* /e": A
  GET /tree/{rest...}: B
`),
		witness(t, "openapi", `
openapi: 3.1.0
info: {title: a, version: "1"}
components:
  securitySchemes:
    s: {type: oauth2, flows: {clientCredentials: {tokenUrl: https://a.example/t, scopes: {A: a, B: b}}}}
    k: {type: apiKey, in: header, name: K}
paths:
  /a: {get: {security: [{s: [A]}]}}
  /b/{x}: {get: {security: [{k: []}]}}
  /d: {get: {security: []}}
  /new: {get: {security: [{s: [A]}]}}
`),
	}
	table := NewTable(ws, func(*Witness, string) bool { return true })
	want := map[string]string{ // what each says, and whether all of it was compared
		"GET /a":              "A; A; A",
		"GET /b/{id}":         "B; B; authenticated (mute); unverified",
		"GET /c":              "unknown (mute); A; -; unverified",
		"GET /d":              "public; -; public",
		"GET /e":              "A; A; -",
		"GET /tree/x":         "A; B by GET /tree/{rest...}; -",
		"GET /tree/{rest...}": "-; B; -; unverified",
		"GET /new":            "-; -; A; unverified",
	}
	for _, r := range table.Rows {
		var cells []string
		for _, w := range ws {
			cell := "-"
			for _, s := range r.Says(w) {
				if cell = "nothing"; s.Requires != nil {
					cell = *s.Requires
				}
				if s.By != "" {
					cell += " by " + s.By
				}
				if s.Mute {
					cell += " (mute)"
				}
				if r.Speaks(w) == s.Mute {
					t.Errorf("%s: Speaks(%s) = %v, and mute is %v", r.Path, w.Name, r.Speaks(w), s.Mute)
				}
			}
			cells = append(cells, cell)
		}
		if r.Unverified() {
			cells = append(cells, "unverified")
		}
		subject := r.Method + " " + r.Path
		if got := strings.Join(cells, "; "); got != want[subject] {
			t.Errorf("%s: %s, want %s", subject, got, want[subject])
		}
		delete(want, subject)
	}
	for subject := range want {
		t.Errorf("no row of %s", subject)
	}
	if r := table.Find("GET", "/b/{other}"); r == nil || r.Path != "/b/{id}" {
		t.Errorf("a row is found by another parameter's name: %v", r)
	}
	if r := table.RowOf(&Change{Method: catalogs.AnyMethod, Path: "/a", Class: Added}); r != nil {
		t.Errorf("a path for any method is a row of its own: %v", r)
	}
	if r := table.RowOf(&Change{Method: catalogs.AnyMethod, Path: "/a", Class: Weakened}); r == nil || r.Method != "GET" {
		t.Errorf("a weaker path for any method is about %v", r)
	}
}
