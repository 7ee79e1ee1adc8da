// want package:"routes"

// Package ownrouter registers on routers that only the configuration describes.
package ownrouter

import (
	"net/http"

	"web"
)

type event struct{}

func (*event) Next() error { return nil }

func need(perm string) func(*event) error { return func(e *event) error { return e.Next() } }

func list(*event) error { return nil }
func edit(*event) error { return nil }

func serve(debug bool) {
	r := web.New(func(http.ResponseWriter, *http.Request) *event { return &event{} })
	api := r.Sub("/api")
	jobs(api)
	api.Bind(need("api")) // covers what was there before, but not /healthz
	r.GET("/healthz", func(*event) error { return nil })
	r.GET("/static/", list)
	if debug {
		r.On("TRACE", "/debug", list)
	}
	r.On("", "/any", list)
	r.Put("/forgotten", edit) // no row says what it does
	handle("GET", "/flat", list, need("flat"))
	http.ListenAndServe(":0", r.Build())
}

func jobs(g *web.Group[*event]) {
	sub := g.Sub("/jobs").Bind(need("jobs"))
	sub.GET("", list)
	sub.On("POST", "/{id}", edit).Bind(need("edit"))
	for _, name := range []string{"a", "b"} {
		sub.GET("/by/"+name, list)
	}
	sub.GET(computed(), list)
}

func computed() string { return http.StatusText(len(http.DefaultClient.Timeout.String())) }

// A matcher that looks into a map, so that its body tells nothing.
var flat = map[string]map[string]func(*event) error{}

func handle(method, path string, do func(*event) error, mw func(*event) error) {
	flat[method][path] = do
}

type set struct{ of map[string]func(*event) error }

func on(s *set, path string, do func(*event) error) { s.of[path] = do }

func more(s *set) { on(s, "/more/{id}", edit) }
