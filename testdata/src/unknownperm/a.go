package unknownperm

import (
	"authz"
	"net/http"
)

func main() {
	mux := http.NewServeMux()
	mux.Handle("GET /positions", authz.Require(authz.Read)(ok))
	mux.Handle("POST /positions", authz.Require("Positon:WRITE")(ok))     // want `authz.Require is given Positon:WRITE, which catalog positions does not have; did you mean Position:WRITE\?`
	mux.Handle("GET /positions/{id}", authz.Require("position:read")(ok)) // an alias
	mux.Handle("PUT /positions/{id}", authz.Require("Everything")(ok))    // want `authz.Require is given Everything, which catalog positions does not have$`
	mux.Handle("GET /staff", realm("anything")(authz.Staff(ok)))          // no guard: it is never given a permission
	// No fix is offered that would open a route wider than the catalog says.
	mux.Handle("PATCH /positions/{id}", authz.Require("Positon:WRITE")(ok))          // want `did you mean Position:WRITE\?`
	mux.Handle("DELETE /positions/{id}", authz.Any(authz.Write, "Positon:READ")(ok)) // want `did you mean Position:READ\?`
	mux.Handle("GET /new", authz.Require("Positon:READ")(ok))                        // want `did you mean Position:READ\?`
	shared := authz.Require("Positin:READ")                                          // want `did you mean Position:READ\?`
	mux.Handle("GET /either", shared(ok))
	mux.Handle("POST /staff", shared(ok))
	http.ListenAndServe(":8080", mux)
}

func realm(name string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler { return h }
}

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
