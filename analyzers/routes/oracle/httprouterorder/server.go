// Package httprouterorder is a server on httprouter.
package httprouterorder

import (
	"net/http"

	"github.com/julienschmidt/httprouter"

	"github.com/permcheck/permcheck/analyzers/routes/oracle/extract"
)

func mark(name string, next httprouter.Handle) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, p httprouter.Params) {
		w.Header().Add(extract.Trail, name)
		next(w, r, p)
	}
}

func reply(name string) httprouter.Handle {
	return func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) {
		w.Header().Add(extract.Trail, name)
	}
}

func plain(w http.ResponseWriter, _ *http.Request) {}

func server() http.Handler {
	r := httprouter.New()
	r.GET("/a", reply("a"))
	r.POST("/a/:id", mark("own", reply("post a")))
	r.Handle("PATCH", "/b", mark("outer", mark("inner", reply("b"))))
	r.HandlerFunc("PUT", "/plain", plain)
	r.Handler("DELETE", "/plain", http.HandlerFunc(plain))
	r.OPTIONS("/rest/*rest", reply("rest"))
	return r
}
