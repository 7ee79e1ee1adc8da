package recordfilter

import (
	"encoding/json"
	"net/http"

	"recordfilter/store"
)

type lister interface{ List() []store.Position }

type server struct {
	lists lister
	find  func() []store.Position
}

func (s *server) routes() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a", s.all) // want `GET /a returns records of position, but \(\*recordfilter.server\).all never reaches store.Visible`
	mux.HandleFunc("GET /b", s.deep)
	mux.HandleFunc("GET /c", func(w http.ResponseWriter, r *http.Request) { // want `GET /c returns records of position, but \(\*recordfilter.server\).routes.func1 never reaches store.Visible`
		write(w, store.All())
	})
	mux.HandleFunc("GET /d", func(w http.ResponseWriter, r *http.Request) {
		get := func() []store.Position { return store.Visible("", store.All()) }
		write(w, get())
	})
	mux.HandleFunc("GET /e", s.unknown)        // through an interface: not known
	mux.HandleFunc("GET /f", s.value)          // through a function value: not known
	mux.Handle("GET /g", filtered(s.all))      // the wrapper filters
	mux.HandleFunc("GET /h", s.queries)        // the store calls what it is given: not known
	mux.HandleFunc("GET /i", s.all)            //permcheck:ignore record-filter-missing the database filters
	mux.HandleFunc("GET /j", made("position")) // want `GET /j returns records of position, but .* never reaches store.Visible`
	mux.HandleFunc("POST /a", s.all)           // returns none
	http.ListenAndServe(":8080", mux)
}

func (s *server) all(w http.ResponseWriter, r *http.Request)  { write(w, store.All()) }
func (s *server) deep(w http.ResponseWriter, r *http.Request) { s.deeper(w) }
func (s *server) deeper(w http.ResponseWriter)                { write(w, store.List("key")) }
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	write(w, s.lists.List())
}
func (s *server) value(w http.ResponseWriter, r *http.Request) { write(w, s.find()) }
func (s *server) queries(w http.ResponseWriter, r *http.Request) {
	store.Query(func(p store.Position) {})
}

func filtered(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = store.Visible("", nil)
		next(w, r)
	})
}

func made(object string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { write(w, store.All()) }
}

func write(w http.ResponseWriter, v any) { _ = json.NewEncoder(w).Encode(v) }
