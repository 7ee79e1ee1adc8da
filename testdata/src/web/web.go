// Package web is a router of one's own: a tree of groups that is turned into something
// that serves only when all is said.
package web

import "net/http"

type Event interface{ Next() error }

type Group[T Event] struct {
	prefix   string
	chain    []func(T) error
	children []any
}

type Route[T Event] struct {
	method, path string
	do           func(T) error
	chain        []func(T) error
}

type Router[T Event] struct {
	*Group[T]
	event func(http.ResponseWriter, *http.Request) T
}

func New[T Event](event func(http.ResponseWriter, *http.Request) T) *Router[T] {
	return &Router[T]{&Group[T]{}, event}
}

func (g *Group[T]) Sub(prefix string) *Group[T] {
	sub := &Group[T]{prefix: prefix}
	g.children = append(g.children, sub)
	return sub
}

func (g *Group[T]) Bind(chain ...func(T) error) *Group[T] {
	g.chain = append(g.chain, chain...)
	return g
}

func (g *Group[T]) On(method, path string, do func(T) error) *Route[T] {
	r := &Route[T]{method: method, path: path, do: do}
	g.children = append(g.children, r)
	return r
}

func (g *Group[T]) GET(path string, do func(T) error) *Route[T] { return g.On("GET", path, do) }

func (g *Group[T]) Hook(path string, do func(T) error) { g.On("POST", "/hooks"+path, do) }

// Put has no row.
func (g *Group[T]) Put(path string, do func(T) error) { register(g, path, do) }

var register = func(any, string, any) {}

func (r *Route[T]) Bind(chain ...func(T) error) *Route[T] {
	r.chain = append(r.chain, chain...)
	return r
}

func (r *Router[T]) Build() http.Handler {
	mux := http.NewServeMux()
	r.build(mux, r.Group, "")
	return mux
}

func (r *Router[T]) build(mux *http.ServeMux, g *Group[T], prefix string) {
	for _, c := range g.children {
		switch c := c.(type) {
		case *Group[T]:
			r.build(mux, c, prefix+g.prefix)
		case *Route[T]:
			mux.HandleFunc(c.method+" "+prefix+g.prefix+c.path, func(w http.ResponseWriter, q *http.Request) { _ = c.do(r.event(w, q)) })
		}
	}
}
