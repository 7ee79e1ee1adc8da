package muxorder

import (
	"testing"

	"github.com/gorilla/mux"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func TestOrder(t *testing.T) {
	r := server()
	var listed []string
	err := r.Walk(func(route *mux.Route, _ *mux.Router, up []*mux.Route) error {
		if route.GetHandler() == nil {
			return nil
		}
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		if expr, err := route.GetPathRegexp(); err == nil && expr[len(expr)-1] != '$' && path[len(path)-1] != '}' {
			path += "{rest...}"
		}
		methods, err := route.GetMethods()
		if err != nil { // none of its own
			methods = []string{"*"}
		}
		for _, m := range methods {
			listed = append(listed, m+" "+path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	extract.Compare(t, extract.Routes(t), extract.HTTP(r), listed)
}
