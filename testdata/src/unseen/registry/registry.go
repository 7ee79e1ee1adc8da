// Package registry keeps what other packages register when they are loaded.
package registry

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

var registrars []func(chi.Router)

// Add is called by what runs when a package is loaded.
func Add(f func(chi.Router)) { registrars = append(registrars, f) }

type endpoint struct {
	method, path string
	handler      http.HandlerFunc
}

var endpoints = map[string]endpoint{}

// Endpoint adds to a table.
func Endpoint(method, path string, h http.HandlerFunc) {
	endpoints[method+path] = endpoint{method, path, h}
}

// All registers what was added.
func All(r chi.Router) {
	for _, f := range registrars {
		f(r)
	}
	for _, e := range endpoints {
		r.Method(e.method, e.path, e.handler)
	}
}
