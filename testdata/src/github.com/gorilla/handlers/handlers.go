// Package handlers is a stub of the library of that name: the signatures that tests use.
package handlers

import "net/http"

type CORSOption func()

func CORS(opts ...CORSOption) func(http.Handler) http.Handler { return nil }
