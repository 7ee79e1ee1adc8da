package routes

import "github.com/permcheck/permcheck/catalogs"

const (
	echo4Pkg = "github.com/labstack/echo/v4"
	echo5Pkg = "github.com/labstack/echo/v5"
)

// echo4 is github.com/labstack/echo/v4. The handler comes before its middleware. The
// middleware of the Echo itself runs for all its routes, earlier ones and those of
// groups too; a group's covers the routes that it registers afterwards, and groups
// made of it copy it.
var echo4 = &Spec{
	Name:       "echo",
	Precedence: catalogs.StaticFirst,
	Types:      []string{echo4Pkg + ".Echo", echo4Pkg + ".Group"},
	Contexts:   []string{echo4Pkg + ".Context"},
	Path:       colonPattern,
	Join:       plainJoin,
	Rows: append(echoRows(echo4Pkg), append(
		each([]string{echo4Pkg + ".Echo", echo4Pkg + ".Group"},
			Row{Func: "Static", Do: Register, Method: "GET", Path: First, Suffix: "*"},
			Row{Func: "StaticFS", Do: Register, Method: "GET", Path: First, Suffix: "*"},
		),
		Row{Func: echo4Pkg + ".Echo.File", Do: Register, Method: "GET", Path: First, Middleware: Third, Rest: true},
		Row{Func: echo4Pkg + ".Group.File", Do: Register, Method: "GET", Path: First},
		Row{Func: echo4Pkg + ".Echo.Host", Do: Group, Middleware: Second, Rest: true},
		Row{Func: echo4Pkg + ".Echo.URI"},
		Row{Func: echo4Pkg + ".Echo.URL"},
	)...),
}

// echo5 is github.com/labstack/echo/v5, which differs in its context only, as far as
// routes go.
var echo5 = &Spec{
	Name:       "echo",
	Precedence: catalogs.StaticFirst,
	Types:      []string{echo5Pkg + ".Echo", echo5Pkg + ".Group"},
	Contexts:   []string{echo5Pkg + ".Context"},
	Path:       colonPattern,
	Join:       plainJoin,
	Rows: append(echoRows(echo5Pkg), append(
		each([]string{echo5Pkg + ".Echo", echo5Pkg + ".Group"}, append(verbs(echoRoute, upper, "QUERY"),
			Row{Func: "AddRoute", Do: Register, Routes: First, Fields: Fields{Method: "Method", Path: "Path", Handler: "Handler", Middleware: "Middlewares"}},
			Row{Func: "File", Do: Register, Method: "GET", Path: First, Middleware: Third, Rest: true},
			Row{Func: "Static", Do: Register, Method: "GET", Path: First, Suffix: "*", Middleware: Third, Rest: true},
			Row{Func: "StaticFS", Do: Register, Method: "GET", Path: First, Suffix: "*", Middleware: Third, Rest: true},
		)...),
		Row{Func: echo5Pkg + ".NewWithConfig", Do: Make},
	)...),
}

var echoRoute = Row{Do: Register, Path: First, Handler: Second, Middleware: Third, Rest: true}

func echoRows(pkg string) []Row {
	anyMethod, add, match := echoRoute, echoRoute, echoRoute
	anyMethod.Func, anyMethod.Method = "Any", AnyMethod
	add.Func, add.MethodArg, add.Path, add.Handler, add.Middleware = "Add", First, Second, Third, Fourth
	match.Func, match.MethodArg, match.Path, match.Handler, match.Middleware = "Match", First, Second, Third, Fourth
	rows := each([]string{pkg + ".Echo", pkg + ".Group"}, append(
		verbs(echoRoute, upper, "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"),
		anyMethod, add, match,
		Row{Func: "FileFS", Do: Register, Method: "GET", Path: First, Middleware: Fourth, Rest: true},
		Row{Func: "Group", Do: Group, Path: First, Middleware: Second, Rest: true},
		Row{Func: "RouteNotFound"},
	)...)
	rows = append(rows, each([]string{pkg + ".Echo"},
		Row{Func: "Use", Do: Use, Middleware: First, Rest: true, Order: All},
		Row{Func: "Pre", Do: Use, Middleware: First, Rest: true, Order: Front},
		Row{Func: "ServeHTTP", Do: Delegate},
	)...)
	return append(rows,
		Row{Func: pkg + ".Group.Use", Do: Use, Middleware: First, Rest: true},
		Row{Func: pkg + ".New", Do: Make},
	)
}

func plainJoin(prefix, pattern string) string { return prefix + pattern }
