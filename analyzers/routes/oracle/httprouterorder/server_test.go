package httprouterorder

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	extract.Compare(t, extract.Routes(t), extract.HTTP(server()), []string{ // httprouter does not list its routes
		"GET /a", "POST /a/:id", "PATCH /b", "PUT /plain", "DELETE /plain", "OPTIONS /rest/*rest",
	})
}
