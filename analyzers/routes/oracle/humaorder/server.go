// Package humaorder is a server whose middleware is added at every place where huma,
// on chi, lets one add it.
package humaorder

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		c.AppendHeader(extract.Trail, name)
		next(c)
	}
}

func below(name string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add(extract.Trail, name)
			next.ServeHTTP(w, r)
		})
	}
}

type output struct{}

func answer(context.Context, *struct{}) (*output, error) { return nil, nil }

func server() http.Handler {
	r := chi.NewMux()
	r.Use(below("chi"))
	config := huma.DefaultConfig("x", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	api := humachi.New(r, config)
	huma.Get(api, "/before", answer)
	api.UseMiddleware(mark("api"))
	huma.Register(api, huma.Operation{OperationID: "a", Method: http.MethodPost, Path: "/a/{id}", Middlewares: huma.Middlewares{mark("own")}}, answer)
	g := huma.NewGroup(api, "/g")
	huma.Put(g, "/x", answer)
	g.UseMiddleware(mark("g"))
	huma.Delete(g, "/y/{id}", answer)
	sub := huma.NewGroup(g, "/sub")
	sub.UseMiddleware(mark("sub"))
	huma.Patch(sub, "/z", answer)
	g.UseMiddleware(mark("g late"))
	huma.Patch(sub, "/z2", answer)
	api.UseMiddleware(mark("api late"))
	huma.Patch(sub, "/z3", answer)
	return r
}
