package openapi

import (
	"context"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
)

// Another library's validator takes what is written.
func TestWrittenDocumentsAreValid(t *testing.T) {
	for _, v := range catalogs.Vendors() {
		c, err := catalogs.Load(catalogs.VendorPrefix + v)
		if err != nil {
			t.Fatal(err)
		}
		// Paths that differ only in the case or the name of what they hold are twins to the
		// validator, and the vendors have some.
		doc, err := openapi3.NewLoader().LoadFromData(Write(c))
		if err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if err := doc.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil && !strings.Contains(err.Error(), "conflicting paths") {
			t.Errorf("%s: %v", v, err)
		}
	}
}
