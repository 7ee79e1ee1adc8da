// Package unknownperm reports permissions that the catalog does not have.
//
// # Rule unknown-permission
//
// A guard is given a text that is no permission of the catalog and no alias of one.
// A function counts as a guard where .permcheck.yaml names it, or where another call
// of it in the package is given a permission of the catalog.
//
// Why: no key can be granted a permission that does not exist, so either nobody
// passes the guard, or, where unknown permissions are taken as held, everybody does.
//
// Bad:
//
//	r.With(authz.Require("Postion:READ")).Get("/positions", list)
//
// Good:
//
//	r.With(authz.Require("Position:READ")).Get("/positions", list)
//
// When to ignore: never; a permission that exists belongs in the catalog, and another
// spelling of one among its aliases.
package unknownperm
