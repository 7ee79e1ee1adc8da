package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

// BenchmarkCheck reads and compares a catalog of 2,000 rows and a document that differs in
// every tenth, without code: what check adds to go vet.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	var c, d strings.Builder
	c.WriteString("permcheck: catalog/1\nname: big\npermissions: {A: , B: }\nendpoints:\n")
	d.WriteString("openapi: 3.1.0\ncomponents: {securitySchemes: {o: {type: oauth2, flows: {}}}}\npaths:\n")
	for i := range 1000 {
		scope := "A"
		if i%10 == 0 {
			scope = "B"
		}
		fmt.Fprintf(&c, "  GET /r%d/{id}: A\n  PUT /r%d/{id}: A & B\n", i, i)
		fmt.Fprintf(&d, "  /r%d/{id}:\n    get: {security: [{o: [%s]}]}\n    put: {security: [{o: [A, B]}]}\n", i, scope)
	}
	for name, text := range map[string]string{
		"c.yaml": c.String(), "openapi.yaml": d.String(), catalogs.ConfigName: "permcheck: config/1\ncatalog: c.yaml\nopenapi: openapi.yaml\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	b.Chdir(dir)
	b.ReportAllocs()
	for b.Loop() {
		if code := Run(context.Background(), []string{"check"}, nil, io.Discard, io.Discard); code != exitFindings {
			b.Fatalf("exit code %d", code)
		}
	}
}
