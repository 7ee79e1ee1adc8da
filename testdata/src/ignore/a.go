package ignore

import (
	"authz"
	"net/http"

	"github.com/go-chi/chi/v5"
)

func serve() {
	r := chi.NewRouter()
	//permcheck:ignore undeclared the load balancer asks
	r.Get("/positions", ok)
	r.Post("/positions", ok) //permcheck:ignore undeclared the load balancer asks
	//permcheck:ignore undeclared nothing is undeclared here // want `//permcheck:ignore undeclared: there is nothing to ignore here any more`
	r.With(authz.Require(authz.Read)).Get("/positions/{id}", ok)
	//permcheck:ignore undeclared // want `//permcheck:ignore undeclared needs the reason, and ignores nothing without it`
	r.Put("/positions/{id}", ok)
	//permcheck:ignore // want `//permcheck:ignore needs the rule that it ignores, and the reason`
	r.Patch("/positions/{id}", ok)
	//permcheck:ignore undeclred it is misspelt // want `//permcheck:ignore undeclred: no such rule is reported at source lines; did you mean undeclared\?`
	r.Delete("/positions/{id}", ok)
	//permcheck:ignore undeclared two comments
	//permcheck:ignore mismatch of which one is not needed // want `//permcheck:ignore mismatch: there is nothing to ignore here any more`
	r.Get("/staff", ok)
	r.Get("/either", ok) //permcheck:ignore undeclared a comment behind one route
	r.Get("/new", ok)    // ... says nothing of the next

	// The guard is on another line than the registration; either may be commented.
	r.With(
		authz.Require("Nonsense"),
	).
		Get("/x", ok) //permcheck:ignore unknown-permission it is granted by hand
	http.ListenAndServe(":8080", r)
}

// Served by whoever imports it: only they know.
func Given(r chi.Router) {
	//permcheck:ignore undeclared its importers guard it
	r.Get("/given", ok)
}

func ok(w http.ResponseWriter, r *http.Request) {}
