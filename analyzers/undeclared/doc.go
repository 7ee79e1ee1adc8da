// Package undeclared reports routes that declare no permission.
//
// # Rule undeclared
//
// A route is registered, and nothing that its requests pass demands a permission:
// no middleware, no call around the handler, no check at the top of its body, no
// comment.
//
// Why: a forgotten guard is the commonest way in which an endpoint comes to be open
// to everybody. It works in every test that uses a key with all permissions.
//
// Bad:
//
//	r.Delete("/positions/{id}", deletePosition)
//
// Good:
//
//	r.With(authz.Require("Position:WRITE")).Delete("/positions/{id}", deletePosition)
//
// or, where everybody may call it,
//
//	//permcheck:public liveness, no data
//	r.Get("/healthz", health)
//
// When to ignore: routes that are no part of the API, such as profiling handlers
// bound to localhost. Name them with their reason under ignore-routes in
// .permcheck.yaml; the count is printed. A route whose catalog row is public needs
// nothing.
package undeclared
