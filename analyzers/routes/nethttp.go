package routes

import (
	"fmt"
	"strings"
)

// netHTTP is the standard library's ServeMux, with the patterns of Go 1.22:
// [METHOD ][HOST]/[PATH] (https://pkg.go.dev/net/http#ServeMux).
var netHTTP = &Spec{
	Name:     "net/http",
	Types:    []string{"net/http.ServeMux"},
	Handlers: []string{"net/http.Handler", "net/http.HandlerFunc"},
	Default:  "net/http.DefaultServeMux",
	Path:     serveMuxPattern,
	Rows: []Row{
		{Func: "net/http.NewServeMux", Do: Make},
		{Func: "net/http.ServeMux.Handle", Do: Register, Path: First, Handler: Second},
		{Func: "net/http.ServeMux.HandleFunc", Do: Register, Path: First, Handler: Second},
		{Func: "net/http.ServeMux.ServeHTTP", Do: Delegate},
		{Func: "net/http.ServeMux.Handler", Do: Ignore},
		{Func: "net/http.Handle", Do: Register, Path: First, Handler: Second},
		{Func: "net/http.HandleFunc", Do: Register, Path: First, Handler: Second},
		{Func: "net/http.Handler.ServeHTTP", Do: Delegate},
		{Func: "net/http.HandlerFunc.ServeHTTP", Do: Delegate},
		{Func: "net/http.StripPrefix", Do: Strip, Path: First, Handler: Second},
		{Func: "net/http.ListenAndServe", Do: Serve, Handler: Second},
		{Func: "net/http.ListenAndServeTLS", Do: Serve, Handler: Last},
		{Func: "net/http.Serve", Do: Serve, Handler: Second},
		{Func: "net/http.ServeTLS", Do: Serve, Handler: Second},
	},
}

// serveMuxPattern reads a ServeMux pattern. The host is dropped: a template names
// paths only. A path that ends in a slash matches everything below it, unless it
// ends in {$}.
func serveMuxPattern(pattern string) (method, path string, err error) {
	method, path = AnyMethod, pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method, path = pattern[:i], strings.TrimLeft(pattern[i+1:], " \t")
		if method == "" { // net/http takes a leading space for no method
			method = AnyMethod
		}
	}
	slash := strings.IndexByte(path, '/')
	if b := strings.Index(path, baseMark); b >= 0 && (slash < 0 || b < slash) {
		slash = b // a base known only at run time begins the path
	}
	if slash < 0 {
		return "", "", fmt.Errorf("pattern %q has no /", pattern)
	}
	path = path[slash:]
	switch {
	case strings.HasSuffix(path, "/{$}"):
		path = strings.TrimSuffix(path, "{$}")
	case strings.HasSuffix(path, "/"):
		path += "{path...}"
	}
	return method, path, nil
}
