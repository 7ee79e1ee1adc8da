package unseen

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	_ "unseen/feature"
	"unseen/registry"
)

// Routes that packages registered when they were loaded, below a prefix that they do
// not know.
func Registered() http.Handler {
	r := chi.NewRouter()
	r.Route("/api", func(r chi.Router) {
		r.Use(logged)
		registry.All(r)
	})
	return r
}

var sections []func(chi.Router)

func addSection(f func(chi.Router)) { sections = append(sections, f) }

func init() { addSection(func(r chi.Router) { r.Get("/first", show) }) }

func init() { addSection(second) }

func second(r chi.Router) { r.Get("/second", show) }

// Sections does so in one package.
func Sections(r chi.Router) {
	r.Route("/sections", func(r chi.Router) {
		for _, add := range sections {
			add(r)
		}
	})
}
