// Package muxorder is a server whose middleware is added at every place where
// gorilla/mux lets one add it.
package muxorder

import (
	"net/http"

	"github.com/gorilla/mux"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string) mux.MiddlewareFunc {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add(extract.Trail, name)
			next.ServeHTTP(w, r)
		})
	}
}

func reply(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add(extract.Trail, name)
	}
}

func server() *mux.Router {
	r := mux.NewRouter().StrictSlash(false)
	r.HandleFunc("/before", reply("before"))
	early := r.PathPrefix("/early").Subrouter()
	early.HandleFunc("/a", reply("early a"))
	r.Use(mark("root"))
	r.Handle("/between", reply("between")).Methods("GET", "HEAD")
	early.Use(mark("early"))
	r.Methods("POST").Path("/chain/{id:[0-9]+}").HandlerFunc(reply("chain"))
	r.Path("/chain").Methods("GET", "PUT").Handler(reply("chain two")).Name("chain")
	r.Path("/queries").Queries("x", "{x}").Methods("POST")
	r.NewRoute().Path("/new").Handler(reply("new"))
	user := r.Path("/users/{id}").Subrouter()
	user.Methods("GET").HandlerFunc(reply("get user"))
	user.Methods("PUT").Handler(mark("own")(reply("put user")))
	user.Use(mark("user"))
	api := r.PathPrefix("/api").Subrouter()
	v1 := api.PathPrefix("/v1/{org}").Subrouter()
	v1.HandleFunc("", reply("v1")).Methods("GET")
	v1.HandleFunc("/x", reply("v1 x")).Methods(http.MethodDelete)
	v1.Use(mark("v1"), mark("v1 two"))
	api.Use(mark("api"))
	v1.HandleFunc("/y", reply("v1 y")).Methods("PATCH")
	r.Use(mark("root late"))
	gets := r.Methods("GET").Subrouter()
	gets.HandleFunc("/gets/a", reply("gets a"))
	gets.Use(mark("gets"))
	r.PathPrefix("/static/").Handler(http.StripPrefix("/static/", reply("static")))
	r.PathPrefix("/any/{rest:.*}").Handler(reply("any"))
	register(r.PathPrefix("/lib").Subrouter())
	return r
}

func register(r *mux.Router) {
	r.HandleFunc("/x", reply("lib x"))
	r.Use(mark("lib"))
}
