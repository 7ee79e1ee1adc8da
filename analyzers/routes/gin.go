package routes

import (
	"path"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

const ginPkg = "github.com/gin-gonic/gin"

// gin is github.com/gin-gonic/gin. The last handler answers, those before it are
// middleware. A group copies its parent's middleware when it is made, and a route its
// group's when it is registered, so Use covers what comes after it.
var gin = &Spec{
	Name:       "gin",
	Precedence: catalogs.StaticFirst,
	Types:      []string{ginPkg + ".Engine", ginPkg + ".RouterGroup", ginPkg + ".IRouter", ginPkg + ".IRoutes"},
	Contexts:   []string{ginPkg + ".Context"},
	Path:       colonPattern,
	Join:       cleanJoin,
	Rows:       ginRows(),
}

func ginRows() []Row {
	route := Row{Do: Register, Path: First, Handler: Last, Middleware: Second, Rest: true}
	anyMethod, handle, match := route, route, route
	anyMethod.Func, anyMethod.Method = "Any", AnyMethod
	handle.Func, handle.MethodArg, handle.Path, handle.Middleware = "Handle", First, Second, Third
	match.Func, match.MethodArg, match.Path, match.Middleware = "Match", First, Second, Third
	routes := append(verbs(route, upper, "GET", "POST", "DELETE", "PATCH", "PUT", "OPTIONS", "HEAD"),
		anyMethod, handle, match,
		Row{Func: "Use", Do: Use, Middleware: First, Rest: true},
		Row{Func: "StaticFile", Do: Register, Method: "GET,HEAD", Path: First},
		Row{Func: "StaticFileFS", Do: Register, Method: "GET,HEAD", Path: First},
		Row{Func: "Static", Do: Register, Method: "GET,HEAD", Path: First, Suffix: "/*filepath"},
		Row{Func: "StaticFS", Do: Register, Method: "GET,HEAD", Path: First, Suffix: "/*filepath"},
	)
	rows := each([]string{ginPkg + ".RouterGroup", ginPkg + ".IRoutes"}, routes...)
	rows = append(rows, each([]string{ginPkg + ".RouterGroup", ginPkg + ".IRouter"},
		Row{Func: "Group", Do: Group, Path: First, Middleware: Second, Rest: true})...)
	rows = append(rows, each([]string{ginPkg + ".Engine"},
		Row{Func: "Use", Do: Use, Middleware: First, Rest: true},
		Row{Func: "ServeHTTP", Do: Delegate},
		Row{Func: "HandleContext", Do: Delegate},
		Row{Func: "With"}, Row{Func: "Delims"}, Row{Func: "SecureJsonPrefix"}, Row{Func: "NoRoute"}, Row{Func: "NoMethod"}, Row{Func: "Routes"},
		Row{Func: "Handler"},
	)...)
	return append(rows,
		Row{Func: ginPkg + ".New", Do: Make},
		Row{Func: ginPkg + ".Default", Do: Make},
	)
}

// cleanJoin joins as gin and go-zero do: path.Join, but a slash at the end stays.
func cleanJoin(prefix, pattern string) string {
	if pattern == "" {
		return slashed(prefix)
	}
	joined := path.Join(slashed(prefix), pattern)
	if strings.HasSuffix(pattern, "/") && !strings.HasSuffix(joined, "/") {
		joined += "/"
	}
	return joined
}
