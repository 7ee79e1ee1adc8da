// Package gozeroorder is a server with routes and options as goctl writes them.
package gozeroorder

import (
	"net/http"

	"github.com/zeromicro/go-zero/rest"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) rest.Middleware {
	return func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add(extract.Trail, name)
			next(w, r)
		}
	}
}

func reply(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add(extract.Trail, name)
	}
}

func server(config rest.RestConf) *rest.Server {
	s := rest.MustNewServer(config)
	s.AddRoute(rest.Route{Method: http.MethodGet, Path: "/before", Handler: reply("before")})
	s.Use(mark("root"))
	s.AddRoutes([]rest.Route{
		{Method: http.MethodPost, Path: "/a/:id", Handler: reply("a")},
		{Method: http.MethodPut, Path: "/b", Handler: reply("b")},
	}, rest.WithPrefix("/v1"))
	s.AddRoutes(
		rest.WithMiddlewares([]rest.Middleware{mark("one"), mark("two")},
			[]rest.Route{{Method: http.MethodDelete, Path: "/c", Handler: reply("c")}}...,
		),
		rest.WithPrefix("/v2"), rest.WithTimeout(0),
	)
	s.AddRoutes(rest.WithMiddleware(mark("single"), rest.Route{Method: http.MethodPatch, Path: "/d", Handler: reply("d")}))
	s.Use(mark("root late"))
	return s
}
