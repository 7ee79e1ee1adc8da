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
package mismatch
