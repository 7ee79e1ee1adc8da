package unseen // want package:`routes\(\d+ functions\)`

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// A server whose root is a handler of its own that sends requests to one of several
// routers by their path.
type users struct{ *mux.Router }

type files struct{ *mux.Router }

type root struct {
	users *users
	files *files
	proxy http.Handler
}

func (h *root) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/api/users"):
		http.StripPrefix("/api", h.users).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, "/api/files"):
		switch {
		case strings.Contains(r.URL.Path, "/raw/"):
			http.StripPrefix("/api", h.files).ServeHTTP(w, r)
		default:
			h.proxy.ServeHTTP(w, r)
		}
	}
}

func newUsers(g *gate) *users {
	h := &users{Router: mux.NewRouter()}
	h.Handle("/users", g.admin(http.HandlerFunc(show))).Methods("GET")
	h.Handle("/users/{id}", old(h)).Methods("PUT") // answers for the path before last
	return h
}

func newFiles() *files {
	h := &files{Router: mux.NewRouter()}
	below := h.PathPrefix("/files/{id}").Subrouter()
	below.HandleFunc("/raw/", show)
	below.PathPrefix("/images").Handler(images("/files/{id}/images"))
	return h
}

// images makes a router that sees whole paths: a prefix of patterns takes nothing.
func images(base string) http.Handler {
	r := mux.NewRouter()
	r.HandleFunc(base, show).Methods("GET")
	return r
}

func proxied() http.Handler {
	r := mux.NewRouter()
	r.HandleFunc("/api/files/{id}", show).Methods("GET")
	return r
}

type gate struct{}

func (*gate) admin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r, "users:admin") {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowed(*http.Request, string) bool { return false }

func show(http.ResponseWriter, *http.Request) {}

// old hands the request to the router that it came from, under another path.
func old(router http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/users"
		router.ServeHTTP(w, r)
	})
}

type server struct{ Handler http.Handler }

// Start serves it.
func (s *server) Start() error {
	usersHandler := newUsers(&gate{})
	s.Handler = &root{users: usersHandler, files: newFiles(), proxy: proxied()}
	handler := logged(s.Handler)
	handler, err := protected(handler)
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler}
	return srv.ListenAndServe()
}

func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
}

func protected(next http.Handler) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) }), nil
}

// A router that nothing but itself hands requests to.
func Alone() *mux.Router {
	r := mux.NewRouter()
	r.HandleFunc("/alone", show).Methods("GET")
	r.Handle("/alone", old(r)).Methods("POST")
	return r
}
