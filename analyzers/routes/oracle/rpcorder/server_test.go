package rpcorder

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	h := extract.HTTP(server())
	serve := func(r *http.Request) ([]string, error) {
		r.Header.Set("Content-Type", "application/json")
		r.Body = io.NopCloser(strings.NewReader("{}"))
		return h(r)
	}
	extract.Compare(t, extract.Routes(t), serve, []string{
		"POST /acme.v1.PingService/Ping", "POST /acme.v1.PingService/Pong",
		"GET /v1/items", "DELETE /v1/items/{id}", "POST /v1/shelves/{name}:archive", "PUT /v1/path/{id}",
	})
}
