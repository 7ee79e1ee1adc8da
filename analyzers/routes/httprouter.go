package routes

import "github.com/permcheck/permcheck/catalogs"

const httpRouterPkg = "github.com/julienschmidt/httprouter"

// httpRouter is github.com/julienschmidt/httprouter.
var httpRouter = &Spec{
	Name:       "httprouter",
	Precedence: catalogs.StaticFirst,
	Types:      []string{httpRouterPkg + ".Router"},
	Path:       colonPattern,
	Rows: append(each([]string{httpRouterPkg + ".Router"}, append(
		verbs(Row{Do: Register, Path: First, Handler: Second}, upper, "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"),
		Row{Func: "Handle", Do: Register, MethodArg: First, Path: Second, Handler: Third},
		Row{Func: "Handler", Do: Register, MethodArg: First, Path: Second, Handler: Third},
		Row{Func: "HandlerFunc", Do: Register, MethodArg: First, Path: Second, Handler: Third},
		Row{Func: "ServeFiles", Do: Register, Method: "GET", Path: First},
		Row{Func: "ServeHTTP", Do: Delegate},
		Row{Func: "Lookup"},
	)...), Row{Func: httpRouterPkg + ".New", Do: Make}),
}
