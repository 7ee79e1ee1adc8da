// Package cors is a stub of the library of that name: the signatures that tests use.
package cors

import "net/http"

type Options struct{ AllowedOrigins []string }

func Handler(options Options) func(next http.Handler) http.Handler { return nil }
