// want package:"routes"

// Package owntable matches requests itself against a table.
package owntable

import "os"

type Context struct{}

type Perm string

const (
	Pull Perm = "pull"
	Push Perm = "push"
	None Perm = ""
)

type Route struct {
	Method, Path string
	Handler      func(*Context)
	Perm         Perm
}

type multi struct {
	methods []string
	path    string
	h       func(*Context)
	perms   []Perm
}

func list(*Context)   {}
func upload(*Context) {}

// Package variables, positional and keyed, through a pointer, in a map and a list of
// one's own type.
var (
	index  = []*Route{{"GET", "/index", list, Pull}, {Method: "POST", Path: "/charts/:name", Handler: upload, Perm: Push}}
	byName = map[string]Route{"health": {Path: "/health", Handler: list}}
)

type all []Route

// An append under a condition, a helper that makes rows, fields assigned later, a
// computed prefix, and what cannot be read.
func routes(debug bool) all {
	rs := all{{"GET", "/files/*path", func(*Context) {}, None}}
	if debug {
		rs = append(rs, Route{"GET", "/debug", list, Pull})
	}
	rs = append(rs, row("PUT", "/rows", Push), row("GET", "/rows", Pull))
	var late Route
	late.Path, late.Handler = "/late", list
	late.Perm = Push
	rs = append(rs, late)
	for _, p := range []string{"a", "b"} {
		rs = append(rs, Route{"DELETE", "/loop/" + p, list, Push})
	}
	rs = append(rs, Route{"GET", os.Getenv("X"), list, Pull})
	rs = append(rs, Route{os.Getenv("Y"), "/method", list, Pull})
	rs = append(rs, Route{"GET", "/perm", list, Perm(os.Getenv("Z"))})
	rs = append(rs, Route{Method: "GET", Handler: list})
	return rs
}

func row(method, path string, p Perm) Route { return Route{method, path, list, p} }

func several() []multi {
	return []multi{
		{methods: []string{"GET", "HEAD"}, path: "/multi/{id}", h: list, perms: []Perm{Pull, Push}},
		{path: "/any", h: list},
	}
}

// A lookup makes no route of the zero value that it returns, nor of what it copies.
func find(method, path string) (Route, bool) {
	for _, r := range routes(false) {
		if r.Method == method && r.Path == path {
			found := r
			return found, true
		}
	}
	return Route{}, false
}
