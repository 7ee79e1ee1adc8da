// Package lib has middleware of another package.
package lib

import (
	"errors"
	"net/http"
)

type Keys struct{}

func (Keys) Authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			reply(w, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func reply(w http.ResponseWriter, code int) { w.WriteHeader(code) }

var ErrForbidden = errors.New("no")

func Check(r *http.Request) error {
	if r.Header.Get("X") == "" {
		return ErrForbidden
	}
	return nil
}

func Log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

type Guard interface {
	Handle(w http.ResponseWriter, r *http.Request) bool
}

type Store struct{}

func (*Store) Get(key string) []byte { return nil }
