package fiberorder

import (
	"net/http"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	app := server()
	found := extract.Routes(t)
	serve := extract.Client(func(r *http.Request) (*http.Response, error) { return app.Test(r) })
	req, err := http.NewRequest("GET", "http://server.test/before", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := serve(req); err != nil { // mounted apps join at the first request
		t.Fatal(err)
	}
	var listed []string
	for _, r := range app.GetRoutes(true) {
		if r.Method != "HEAD" { // Get adds them
			listed = append(listed, r.Method+" "+r.Path)
			if i := strings.LastIndex(r.Path, "/:"); strings.HasSuffix(r.Path, "?") { // requests show it
				listed = append(listed, r.Method+" "+r.Path[:i])
			}
		}
	}
	extract.Compare(t, found, serve, listed)
}
