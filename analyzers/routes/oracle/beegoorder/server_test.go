package beegoorder

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	s := server()
	s.Handlers.Init()
	extract.Compare(t, extract.Routes(t), extract.HTTP(s.Handlers), []string{
		"GET /a", "POST /b/:id", "* /any", "GET /users", "POST /users", "PUT /users", "GET /v1/x", "DELETE /v1/users/:id", "PATCH /v1/deep/y", "PUT /after",
	})
}
