// Package feature registers itself.
package feature

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"unseen/registry"
)

func init() {
	registry.Add(routes)
}

func init() {
	registry.Endpoint("PUT", "/feature", show)
}

func routes(r chi.Router) {
	r.Get("/feature", show)
}

func show(http.ResponseWriter, *http.Request) {}
