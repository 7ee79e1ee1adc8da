package unseen

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// A router that is mounted, and made once more for the program to call itself.
func newAPI() http.Handler {
	r := chi.NewRouter()
	r.Get("/twice", show)
	return r
}

type plugins struct{ api http.Handler }

func (p *plugins) setAPI(h http.Handler) { p.api = h }

func (p *plugins) call(w http.ResponseWriter, r *http.Request) { p.api.ServeHTTP(w, r) }

// Run serves one of the two.
func Run(p *plugins) error {
	p.setAPI(newAPI())
	r := chi.NewRouter()
	r.Mount("/rest", newAPI())
	return http.ListenAndServe(":8080", r)
}
