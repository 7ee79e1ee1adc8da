// Package mismatch reports routes whose code does not demand what the catalog says.
//
// # Rule mismatch
//
// The code admits a grant that the catalog refuses: it demands less, or something
// else. Permissions that imply others, and aliases, count as the catalog says.
//
// Why: keys that were given out by the catalog can do more than anybody agreed to.
//
// Bad, where the catalog says Position:WRITE:
//
//	r.With(authz.Require("Position:READ")).Delete("/positions/{id}", deletePosition)
//
// Good:
//
//	r.With(authz.Require("Position:WRITE")).Delete("/positions/{id}", deletePosition)
//
// When to ignore: never; one of the two is wrong. Change the catalog if it is that.
//
// # Rule stricter
//
// The code demands more than the catalog: it refuses grants that the catalog admits.
//
// Why: nobody gains access, but clients that rely on the catalog are refused.
//
// Bad, where the catalog says Position:READ:
//
//	r.With(authz.Require("Position:READ", "Profile:READ")).Get("/positions", list)
//
// Good:
//
//	r.With(authz.Require("Position:READ")).Get("/positions", list)
//
// When to ignore: while a tightening is rolled out and its catalog change is under
// review.
//
// # Rule route-not-in-catalog
//
// The route demands a permission, but the catalog has no such endpoint.
//
// Why: an endpoint that the catalog does not list is reviewed by nobody and probed
// by nothing.
//
// Bad: a route without a row.
//
// Good: a row such as
//
//	GET /positions/{id}/history: Position:READ
//
// When to ignore: routes that are no part of the API; name them under ignore-routes
// in .permcheck.yaml.
//
// # Rule takes-over-stricter
//
// The catalog does not have the route, but it has a row with a parameter where the
// route has a literal. That row covered the route's requests until now and demands
// more.
//
// Why: requests that the row refuses are answered by the route.
//
// Bad, where the catalog has GET /files/{id}: File:ADMIN and nothing else:
//
//	mux.Handle("GET /files/export", authz.Require("File:READ", export))
//
// Good: demand as much, or add a row that says that less is right:
//
//	GET /files/export: File:READ
//
// When to ignore: never; add the row.
//
// # Rule answered-by-weaker
//
// No route is registered for a row of the catalog, or another one hides it, and its
// requests reach a route for a parameter, for any method or for everything below a
// prefix, which demands less. Only permcheck vet and check see it: one package cannot
// know what the others register. A route that answers with a page, a redirect or "not
// found" gives nothing away: then the row is endpoint-without-route.
//
// Why: whoever may call the broader route reaches what the catalog keeps from them.
//
// Bad, where the catalog has GET /files/secret: File:ADMIN:
//
//	mux.Handle("GET /files/{rest...}", authz.Require("File:READ", serve))
//
// Good:
//
//	mux.Handle("GET /files/secret", authz.Require("File:ADMIN", secret))
//	mux.Handle("GET /files/{rest...}", authz.Require("File:READ", serve))
//
// When to ignore: where the handler itself refuses; say so with a guard in its body.
package mismatch
