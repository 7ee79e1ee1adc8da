package undeclared

import (
	"authz"
	"net/http"

	"github.com/go-chi/chi/v5"
)

func serve() {
	r := chi.NewRouter()
	r.Get("/health", ok)                                                  // the catalog says public
	r.Get("/positions", ok)                                               // want `GET /positions declares no permission; the catalog demands Position:READ`
	r.With(authz.Require(authz.Write)).Post("/positions", ok)             // guarded
	r.Method("GET", "/positions/{id}", authz.Admin(http.HandlerFunc(ok))) // guarded inside Admin
	r.Put("/positions/{key:[a-z]+}", checks)                              // guarded in its body
	r.Delete("/positions/{id}", checksTooLate)                            // not all requests meet its check: not decided
	r.Get("/other", ok)                                                   // want `GET /other declares no permission, and the catalog does not have it`
	r.Get("/debug/vars", ok)                                              // ignored by configuration
	//permcheck:public anybody may read the licence
	r.Get("/licence", ok)
	r.Get("/terms", ok)  //permcheck:public anybody may read the terms
	r.Get("/either", ok) // want `GET /either declares no permission; the catalog demands Position:READ \| Staff`
	//permcheck:ignore undeclared its own reason
	r.Get("/excused", ok)
	//permcheck:ignore undeclared
	r.Get("/unexcused", ok) // want `GET /unexcused declares no permission`
	r.Get("/staff", commented)
	r.Route("/sub", func(r chi.Router) {
		r.Use(authz.Staff)
		r.Get("/x", ok) // guarded by configuration
	})
	http.ListenAndServe(":8080", r)
}

func ok(w http.ResponseWriter, r *http.Request) {}

func checks(w http.ResponseWriter, r *http.Request) {
	if !authz.Has(r, authz.Write) {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
}

func checksTooLate(w http.ResponseWriter, r *http.Request) {
	if r.Method == "GET" {
		ok(w, r)
		return
	}
	if !authz.Has(r, authz.Write) {
		return
	}
}

// commented says it in words.
//
//permcheck:requires Staff
func commented(w http.ResponseWriter, r *http.Request) {}
