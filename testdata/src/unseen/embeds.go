package unseen

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// A struct that embeds a router and overrides a part of it is handed on as a router.
type named struct {
	chi.Router
	name string
}

func (n *named) NotFound(http.HandlerFunc) {}

func below(r chi.Router) chi.Router {
	return &named{Router: r.With(logged), name: "v2"}
}

// Embeds registers on such a router.
func Embeds() http.Handler {
	r := chi.NewRouter()
	r.Route("/v2", func(r chi.Router) { embedded(below(r)) })
	return r
}

func embedded(r chi.Router) {
	r.Get("/embedded", show)
	r.Route("/deep", func(r chi.Router) { r.Post("/er", show) })
}
