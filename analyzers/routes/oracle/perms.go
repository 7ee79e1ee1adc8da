package oracle

import (
	"net/http"
)

// need is a middleware that notes the permission which it would demand.
func need(perm string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Needs", perm)
			next.ServeHTTP(w, r)
		})
	}
}

// with wraps a handler function, as home-made servers do.
func with(perm string, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Needs", perm)
		h(w, r)
	}
}

func ok(w http.ResponseWriter, r *http.Request) { w.Header().Set("Pattern", r.Pattern) }
