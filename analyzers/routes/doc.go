// Package routes reads the HTTP routes that Go source registers.
//
// It is one mechanism, not a list of patterns. The functions of a package that can
// matter for routing are compiled into a small program over named types (ir.go,
// compile.go), which an evaluator runs with abstract values: routers, prefixes,
// stacks of middleware, strings, functions, tables of structs (eval.go, call.go).
// A function that registers on a router that it was given is evaluated anew at each
// call with the caller's router, so groups, wrappers, closures and builders need no
// special case. The program of a package travels to its importers as a [Fact], and
// a call into it is evaluated there.
//
// Which functions and methods are a router's is data: a [Spec], one file a router, or
// the configuration of the module (config.go). The configuration may also name the struct
// types whose literals are routes, where a server matches requests itself (tables.go).
//
// What the evaluator cannot decide is never guessed: a registration whose path,
// method or handler is not known becomes an [Unresolved]; a part of a path that is
// known only at run time is shown as {base} and the route is marked dynamic; a
// branch that depends on the run is taken, and its routes are marked conditional.
package routes
