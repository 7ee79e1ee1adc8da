package drift_test

import (
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

// every has each kind of requirement, method and path.
const every = `permcheck: catalog/1
name: "every: kind"
permissions: {a: {label: "it's # \"a\""}, "b c": , "d:e": {implies: a}, 'x{y}': }
endpoints:
  GET /a: a
  POST /a: (a & b c) | d:e
  PUT /a/{id}/b-{n}: public
  DELETE /a/{id}/b-{n}: authenticated
  PATCH /a/{id}: nobody
  HEAD /a/{id}: unknown
  "Sec: tion":
    ANY /any/{id}: a & x{y}
    GET /any/{id}: d:e
    QUERY /q: a
    COPY /q: b c
    LOCK /q: a
  GET /tail/{rest...}: a
fields: {o: {f: a}}
`

// A catalog rendered as an OpenAPI document says what the catalog says.
func TestRenderedCatalogIsSilent(t *testing.T) {
	all := map[string]*catalogs.Catalog{}
	c, err := catalogs.Parse("every.yaml", []byte(every))
	if err != nil {
		t.Fatal(err)
	}
	all["every"] = c
	for _, v := range catalogs.Vendors() {
		if all[v], err = catalogs.Load(catalogs.VendorPrefix + v); err != nil {
			t.Fatal(err)
		}
	}
	if len(all) < 4 {
		t.Fatalf("%d catalogs", len(all))
	}
	for name, c := range all {
		text, err := full.Write(c)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := openapi.Parse(name+".yaml", text, openapi.Options{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		if len(doc.Problems) > 0 {
			t.Errorf("%s: %v", name, doc.Problems)
		}
		for _, sides := range [][2]drift.Side{{{Catalog: c}, {Document: doc}}, {{Document: doc}, {Catalog: c}}} {
			r, err := drift.Compare(sides[0], sides[1], drift.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, ch := range r.Changes {
				t.Errorf("%s: %s %s", name, ch.Subject(), ch.Class)
			}
			// What is compared at all is what is a formula or public.
			formulas := 0
			for _, e := range c.Endpoints {
				if !e.Requires.IsUnknown() && !e.Requires.IsAuthenticated() && !e.Requires.IsNobody() && e.Method != catalogs.AnyMethod {
					formulas++
				}
			}
			if r.Summary.Same < formulas {
				t.Errorf("%s: %d of %d rows are compared", name, r.Summary.Same, formulas)
			}
		}
	}
}
