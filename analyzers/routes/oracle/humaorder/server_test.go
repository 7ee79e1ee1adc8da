package humaorder

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	extract.Compare(t, extract.Routes(t), extract.HTTP(server()), []string{
		"GET /before", "POST /a/{id}", "PUT /g/x", "DELETE /g/y/{id}", "PATCH /g/sub/z", "PATCH /g/sub/z2", "PATCH /g/sub/z3",
	})
}
