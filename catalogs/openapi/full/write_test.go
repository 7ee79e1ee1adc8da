package full_test

import (
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

// What is written has every row of the catalog, and a validator takes it.
func TestWrittenDocumentsAreValid(t *testing.T) {
	for _, v := range catalogs.Vendors() {
		c, err := catalogs.Load(catalogs.VendorPrefix + v)
		if err != nil {
			t.Fatal(err)
		}
		text, err := full.Write(c)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		doc, err := openapi3.NewLoader().LoadFromData(text)
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if err := doc.Validate(context.Background()); err != nil {
			t.Errorf("%s: %v", v, err)
		}
		operations := 0
		for _, item := range doc.Paths.Map() {
			operations += len(item.Operations())
		}
		if operations < len(c.Endpoints) {
			t.Errorf("%s: %d operations of %d rows", v, operations, len(c.Endpoints))
		}
	}
}

func parse(t *testing.T, text string) *catalogs.Catalog {
	t.Helper()
	c, err := catalogs.Parse("c.yaml", []byte("permcheck: catalog/1\nname: c\npermissions: {a: }\nendpoints:\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWrite(t *testing.T) {
	text, err := full.Write(parse(t, `  GET /z/{id}: a
  PUT /z/{name}: public
  GET /b/{x:[0-9]}/{y*}: nobody
  GET /a/{id}/c/{rest...}: unknown
  ANY /any: authenticated
  TRACE /any: a
  COPY /any: a
`))
	if err != nil {
		t.Fatal(err)
	}
	d, err := openapi.Parse("written", text, openapi.Options{})
	if err != nil || len(d.Problems) > 0 {
		t.Fatalf("%v %v\n%s", err, d, text)
	}
	var got []string
	for i := range d.Operations {
		got = append(got, d.Operations[i].String())
	}
	// In the catalog's order, twins as one path item, and each method of ANY once.
	want := "GET /z/{id}, PUT /z/{id}, GET /b/{x_[0-9]}/{y_}, GET /a/{id}/c/{rest...}, COPY /any, DELETE /any, GET /any, HEAD /any, OPTIONS /any, PATCH /any, POST /any, PUT /any, TRACE /any"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
	for _, note := range []string{"What it requires is not known.", "Nobody may call it.", "Any valid key.", "openapi: 3.2.0\ninfo:\n"} {
		if !strings.Contains(string(text), note) {
			t.Errorf("%q is not in\n%s", note, text)
		}
	}
}

// What no valid document can say is an error that says so, and nothing is written.
func TestWriteRefusesInvalid(t *testing.T) {
	text, err := full.Write(parse(t, "  GET /files/{id}: a\n  GET /files/{path...}: a\n"))
	if err == nil || text != nil || !strings.Contains(err.Error(), `the result would be invalid: invalid paths: conflicting paths`) {
		t.Errorf("%s\n%v", text, err)
	}
}
