// want package:"routes"

// Package joins decides at run time what stands before a handler.
package joins

import (
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"
)

type middleware = func(http.Handler) http.Handler

func need(permission string) middleware       { return func(h http.Handler) http.Handler { return h } }
func show(http.ResponseWriter, *http.Request) {}

var debug = os.Getenv("DEBUG") != ""

func routes() {
	r := chi.NewRouter()

	// A list of which the end depends on the run.
	list := []middleware{need("e")}
	if debug {
		list = append(list, need("f"))
	}
	r.With(list...).Get("/list", show)

	// What was cut off the list again is not certain.
	short := []middleware{need("g"), need("h")}
	if debug {
		short = short[:1]
	}
	r.With(short...).Get("/short", show)

	// The same for a whole group.
	r.Group(func(r chi.Router) {
		r.Use(list...)
		r.Get("/group", show)
	})

	// A list that no branch changes.
	plain := append([]middleware{need("i")}, need("j"))
	r.With(plain...).Get("/plain", show)
}
