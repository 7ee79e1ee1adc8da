package routes

import "strings"

const restfulPkg = "github.com/emicklei/go-restful/v3"

// goRestful is github.com/emicklei/go-restful/v3. Filters of containers and services
// run for all their routes, whenever they were added.
var goRestful = &Spec{
	Name:     "go-restful",
	Types:    []string{restfulPkg + ".Container", restfulPkg + ".WebService"},
	Builders: []string{restfulPkg + ".RouteBuilder"},
	Contexts: []string{restfulPkg + ".Request", restfulPkg + ".Response"},
	Default:  restfulPkg + ".DefaultContainer",
	Path:     restfulPattern,
	Join: func(prefix, pattern string) string {
		return strings.TrimRight(prefix, "/") + "/" + strings.TrimLeft(pattern, "/")
	},
	Strips: true,
	Rows:   restfulRows(),
}

func restfulRows() []Row {
	rows := each([]string{restfulPkg + ".WebService"}, append(
		verbs(Row{Do: Draft, Path: First}, upper, "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
		Row{Func: "Method", Do: Draft, MethodArg: First},
		Row{Func: "Path", Do: Rebase, Path: First},
		Row{Func: "Filter", Do: Use, Middleware: First, Order: All},
		Row{Func: "Route", Do: Attach, Handler: First},
	)...)
	rows = append(rows, each([]string{restfulPkg + ".WebService"}, ignored("ApiVersion", "Consumes", "Produces", "Doc", "Param", "TypeNameHandler", "SetDynamicRoutes")...)...)
	rows = append(rows, each([]string{restfulPkg + ".RouteBuilder"},
		Row{Func: "Method", Do: Refine, MethodArg: First},
		Row{Func: "Path", Do: Refine, Path: First},
		Row{Func: "To", Do: Refine, Handler: First},
		Row{Func: "Filter", Do: Refine, Middleware: First},
	)...)
	for _, name := range []string{
		"Do", "Produces", "Consumes", "Doc", "Notes", "Reads", "Writes", "Param", "Operation", "ReturnsError", "Returns", "ReturnsWithHeaders",
		"DefaultReturns", "AddExtension", "Deprecate", "AllowedMethodsWithoutContentType", "If", "ContentEncodingEnabled",
	} {
		rows = append(rows, Row{Func: restfulPkg + ".RouteBuilder." + name, Do: Refine})
	}
	rows = append(rows, Row{Func: restfulPkg + ".RouteBuilder.Metadata", Do: Refine, Claim: Second})
	rows = append(rows, each([]string{restfulPkg + ".Container"},
		Row{Func: "Add", Do: Mount, Handler: First},
		Row{Func: "Filter", Do: Use, Middleware: First, Order: All},
		Row{Func: "Handle", Do: Register, Method: AnyMethod, Path: First, Handler: Second},
		Row{Func: "HandleWithFilter", Do: Register, Method: AnyMethod, Path: First, Handler: Second},
		Row{Func: "ServeHTTP", Do: Delegate},
		Row{Func: "Dispatch", Do: Delegate},
	)...)
	return append(rows,
		Row{Func: restfulPkg + ".NewContainer", Do: Make},
		Row{Func: restfulPkg + ".Add", Do: Mount, Handler: First},
		Row{Func: restfulPkg + ".Filter", Do: Use, Middleware: First, Order: All},
	)
}

// restfulPattern reads {name}, {name:regexp} and {name:*}, which matches the rest.
func restfulPattern(pattern string) (method, path string, err error) {
	if base, ok := strings.CutSuffix(pattern, ":*}"); ok {
		if i := strings.LastIndexByte(base, '{'); i >= 0 {
			pattern = base[:i] + tail
		}
	}
	return bracePattern(slashed(pattern))
}
