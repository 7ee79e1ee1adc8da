// Package authz is a guard as servers write them.
package authz

import "net/http"

const (
	Read  = "Position:READ"
	Write = "Position:WRITE"
)

// Require demands all of the permissions.
func Require(perms ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, p := range perms {
				if !Has(r, p) {
					http.Error(w, "forbidden", http.StatusForbidden)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Any demands one of the permissions.
func Any(perms ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, p := range perms {
				if Has(r, p) {
					next.ServeHTTP(w, r)
					return
				}
			}
			http.Error(w, "forbidden", http.StatusForbidden)
		})
	}
}

// Either says nothing plain: the configuration does.
func Either(perms ...string) func(http.Handler) http.Handler { return opaque(perms) }

var opaque func([]string) func(http.Handler) http.Handler

// Staff is named for a role; the configuration says what it demands.
func Staff(next http.Handler) http.Handler { return next }

// Admin demands a permission without being given one.
func Admin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !Has(r, "Admin") {
			http.Error(w, "forbidden", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Has reports whether the caller holds a permission.
func Has(r *http.Request, perm string) bool { return r.Header.Get("X-"+perm) != "" }

// Roles demands one of the permissions, which it compares with what the caller has.
func Roles(h http.HandlerFunc, perms ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, p := range perms {
			if r.Header.Get("X-Role") == p {
				h(w, r)
				return
			}
		}
		http.Error(w, "forbidden", http.StatusForbidden)
	}
}
