package oracle

import (
	"net/http"

	"github.com/go-chi/chi/v5"
)

// Use before the routes covers them, those of groups and mounted routers too.
func ChiUse() http.Handler {
	r := chi.NewRouter()
	r.Use(need("a"))
	r.Get("/use/top", ok)
	r.Group(func(r chi.Router) {
		r.Use(need("b"))
		r.Post("/use/group", ok)
		r.With(need("c")).Put("/use/group/with", ok)
		r.Delete("/use/group/after", ok)
	})
	r.Get("/use/late", ok)
	r.Route("/use/route", func(r chi.Router) {
		r.Use(need("d"))
		r.Get("/", ok)
		r.Patch("/{id:[0-9]+}/x", ok)
	})
	return r
}

// With copies the stack: what one view adds, another does not have.
func ChiWith() http.Handler {
	r := chi.NewRouter()
	w := r.With(need("a"))
	x := w.With(need("b"))
	w.Get("/with/a", ok)
	x.Get("/with/ab", ok)
	w.Get("/with/a2", ok)
	r.Get("/with/none", ok)
	g := w.Group(nil)
	g.Use(need("c"))
	g.Get("/with/ac", ok)
	w.Get("/with/a3", ok)
	return r
}

// A mounted router sees paths without its prefix and has its parents' middleware.
func ChiMount() http.Handler {
	sub := chi.NewRouter()
	sub.Use(need("b"))
	sub.Get("/list", ok)
	sub.Method("OPTIONS", "/list", http.HandlerFunc(ok))
	sub.MethodFunc("TRACE", "/trace", ok)
	deep := chi.NewMux()
	deep.Head("/{x}/{y}", ok)
	sub.With(need("c")).Mount("/deep", deep)
	r := chi.NewRouter()
	r.With(need("a")).Mount("/mount/sub", sub)
	r.Connect("/mount/connect", ok)
	r.Get("/mount/files/*", ok)
	return r
}

// Chains, loops, constants and a wrapper of one's own.
func ChiIdioms() http.Handler {
	r := chi.NewRouter()
	chain := chi.Chain(need("a"), need("b"))
	r.Method("GET", "/idioms/chain", chain.HandlerFunc(ok))
	r.With(chain...).Get("/idioms/spread", ok)
	for _, name := range []string{"x", "y"} {
		r.Get("/idioms/loop/"+name, with("c", ok))
	}
	for _, row := range []struct {
		method, path, perm string
		h                  http.HandlerFunc
	}{
		{"GET", "/table/one", "a", ok},
		{"POST", "/table/two", "b", ok},
	} {
		r.With(need(row.perm)).MethodFunc(row.method, "/idioms"+row.path, row.h)
	}
	api := &api{router: r, prefix: "/idioms/api"}
	api.get("/things", "d", ok)
	api.group("/inner", func(in *apiGroup) { in.get("/deep", "c", ok) })
	return r
}

type api struct {
	router chi.Router
	prefix string
}

type apiGroup struct {
	*api
	prefix string
}

func (a *api) get(path, perm string, h http.HandlerFunc) {
	a.router.With(need(perm)).Get(a.prefix+path, h)
}

func (a *api) group(prefix string, f func(*apiGroup)) { f(&apiGroup{a, prefix}) }

func (g *apiGroup) get(path, perm string, h http.HandlerFunc) { g.api.get(g.prefix+path, perm, h) }
