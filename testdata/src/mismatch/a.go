package mismatch

import (
	"authz"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

func serve() {
	r := chi.NewRouter()
	r.With(authz.Require(authz.Read)).Get("/positions", ok)
	r.With(authz.Require(authz.Read)).Post("/positions", ok)                  // want `POST /positions demands Position:READ, the catalog Position:WRITE`
	r.With(authz.Require(authz.Read, authz.Write)).Get("/positions/{id}", ok) // want `GET /positions/\{id\} demands Position:READ & Position:WRITE, more than the catalog's Position:READ`
	r.With(authz.Any(authz.Read, authz.Write)).Put("/positions/{id}", ok)     // want `PUT /positions/\{id\} demands Position:READ \| Position:WRITE, less than the catalog's Position:WRITE`
	r.With(authz.Require(authz.Read), authz.Require(authz.Write)).Patch("/positions/{id}", ok)
	r.With(authz.Admin).Delete("/positions/{id}", ok)            // want `DELETE /positions/\{id\} demands Admin, more than the catalog's Position:WRITE`
	r.With(authz.Either(authz.Read, "Staff")).Get("/either", ok) // as the configuration says
	r.With(authz.Require("Staff")).Get("/staff", ok)
	r.With(authz.Require("Staff")).Get("/new", ok)                      // want `GET /new demands Staff, but the catalog does not have it`
	r.With(authz.Require(authz.Read)).Delete("/positions/drafts", ok)   // want `DELETE /positions/drafts demands Position:READ and takes requests from DELETE /positions/\{id\}, for which the catalog demands Position:WRITE`
	r.With(authz.Require(authz.Write)).Delete("/positions/archive", ok) // want `DELETE /positions/archive demands Position:WRITE, but the catalog does not have it`
	r.With(authz.Require(os.Getenv("PERM"))).Get("/health", ok)         // not known: no verdict
	//permcheck:public a guard that is not known may still ask
	r.With(authz.Require(os.Getenv("PERM"))).Get("/staff", ok)
	//permcheck:requires Staff &
	r.Get("/either", commented) // the comment cannot be read: no verdict
	http.ListenAndServe(":8080", r)
}

func ok(w http.ResponseWriter, r *http.Request) {}

//permcheck:requires Staff
func commented(w http.ResponseWriter, r *http.Request) {}
