package undeclared

import "github.com/go-chi/chi/v5"

func routesInTests() { chi.NewRouter().Get("/in/a/test", ok) }
