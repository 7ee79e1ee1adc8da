package routes

import "github.com/permcheck/permcheck/catalogs"

const goZeroPkg = "github.com/zeromicro/go-zero/rest"

// goZero is github.com/zeromicro/go-zero/rest. Routes are structs; options give them
// a prefix and demand a token. The server's middleware covers all its routes.
var goZero = &Spec{
	Name:       "go-zero",
	Precedence: catalogs.StaticFirst,
	Types:      []string{goZeroPkg + ".Server"},
	Path:       colonPattern,
	Join:       cleanJoin,
	Rows: append(each([]string{goZeroPkg + ".Server"},
		Row{Func: "AddRoute", Do: Register, Routes: First, Fields: goZeroFields, Options: Second},
		Row{Func: "AddRoutes", Do: Register, Routes: First, Fields: goZeroFields, Options: Second},
		Row{Func: "Use", Do: Use, Middleware: First, Order: All},
		Row{Func: "Routes"}, Row{Func: "PrintRoutes"},
	),
		Row{Func: goZeroPkg + ".NewServer", Do: Make},
		Row{Func: goZeroPkg + ".MustNewServer", Do: Make},
		Row{Func: goZeroPkg + ".WithPrefix", Do: Rebase, Path: First, Link: true},
		Row{Func: goZeroPkg + ".WithJwt", Do: Use, Middleware: Self, Link: true},
		Row{Func: goZeroPkg + ".WithJwtTransition", Do: Use, Middleware: Self, Link: true},
		Row{Func: goZeroPkg + ".WithSignature", Do: Use, Middleware: Self, Link: true},
		Row{Func: goZeroPkg + ".WithMiddlewares", Do: Wrap, Middleware: First, Routes: Second, Rest: true, Fields: goZeroFields},
		Row{Func: goZeroPkg + ".WithMiddleware", Do: Wrap, Middleware: First, Routes: Second, Rest: true, Fields: goZeroFields},
	),
}

var goZeroFields = Fields{Method: "Method", Path: "Path", Handler: "Handler"}
