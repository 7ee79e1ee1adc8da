package routes

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

const chiPkg = "github.com/go-chi/chi/v5"

// chi is github.com/go-chi/chi/v5. A Mux's Use must come before its routes (it
// panics otherwise), so a middleware covers all of them; an inline group made by
// With or Group has a stack of its own.
var chi = &Spec{
	Name:       "chi",
	Precedence: catalogs.StaticFirst,
	Types:      []string{chiPkg + ".Mux", chiPkg + ".Router", chiPkg + ".Routes"},
	Path:       chiPattern,
	Strips:     true,
	Rows:       chiRows(),
}

func chiRows() []Row {
	rows := []Row{
		{Func: chiPkg + ".NewRouter", Do: Make},
		{Func: chiPkg + ".NewMux", Do: Make},
		{Func: chiPkg + ".Chain", Do: Chain, Middleware: First, Rest: true},
		{Func: chiPkg + ".Middlewares.Handler", Do: Apply, Handler: First},
		{Func: chiPkg + ".Middlewares.HandlerFunc", Do: Apply, Handler: First},
	}
	for _, typ := range []string{".Mux.", ".Router."} {
		add := func(name string, r Row) {
			r.Func = chiPkg + typ + name
			rows = append(rows, r)
		}
		for _, verb := range []string{"Connect", "Delete", "Get", "Head", "Options", "Patch", "Post", "Put", "Trace"} {
			add(verb, Row{Do: Register, Method: strings.ToUpper(verb), Path: First, Handler: Second})
		}
		add("Query", Row{Do: Register, Method: "QUERY", Path: First, Handler: Second})
		for _, name := range []string{"Handle", "HandleFunc"} {
			// Since 5.2 the pattern may begin with a method, as net/http's.
			add(name, Row{Do: Register, Path: First, Handler: Second})
		}
		for _, name := range []string{"Method", "MethodFunc"} {
			add(name, Row{Do: Register, MethodArg: First, Path: Second, Handler: Third})
		}
		add("Use", Row{Do: Use, Middleware: First, Rest: true})
		add("With", Row{Do: Group, Middleware: First, Rest: true})
		add("Group", Row{Do: Group, Handler: First})
		add("Route", Row{Do: Sub, Path: First, Handler: Second})
		add("Mount", Row{Do: Mount, Path: First, Handler: Second})
		add("NotFound", Row{})
		add("MethodNotAllowed", Row{})
	}
	for _, name := range []string{"Match", "Find", "Routes", "Middlewares"} {
		rows = append(rows, Row{Func: chiPkg + ".Mux." + name}, Row{Func: chiPkg + ".Routes." + name})
	}
	return append(rows,
		Row{Func: chiPkg + ".Mux.NotFoundHandler"},
		Row{Func: chiPkg + ".Mux.MethodNotAllowedHandler"},
		Row{Func: chiPkg + ".Mux.ServeHTTP", Do: Delegate},
	)
}

// chiPattern reads a chi pattern: {name}, {name:regexp}, and a final *.
func chiPattern(pattern string) (method, path string, err error) {
	method, path = AnyMethod, pattern
	if i := strings.IndexAny(pattern, " \t"); i >= 0 {
		method, path = strings.ToUpper(pattern[:i]), strings.TrimLeft(pattern[i+1:], " \t")
	}
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, baseMark) {
		return "", "", fmt.Errorf("pattern %q must begin with /", pattern)
	}
	if path, err = braceParams(path); err != nil {
		return "", "", err
	}
	if p, ok := strings.CutSuffix(path, "*"); ok {
		path = p + "{path...}"
	}
	if strings.Contains(path, "*") {
		return "", "", fmt.Errorf("pattern %q has * before its end", pattern)
	}
	return method, path, nil
}

// braceParams replaces {name:regexp} by {name}. Braces inside the expression
// balance.
func braceParams(path string) (string, error) {
	if !strings.Contains(path, ":") {
		if strings.Count(path, "{") != strings.Count(path, "}") {
			return "", fmt.Errorf("pattern %q has unbalanced braces", path)
		}
		return path, nil
	}
	var b strings.Builder
	depth, skip := 0, false
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch c {
		case '{':
			depth++
		case '}':
			depth--
			if depth == 0 {
				skip = false
			}
		case ':':
			if depth == 1 {
				skip = true
			}
		}
		if depth < 0 {
			break
		}
		if !skip {
			b.WriteByte(c)
		}
	}
	if depth != 0 {
		return "", fmt.Errorf("pattern %q has unbalanced braces", path)
	}
	return b.String(), nil
}
