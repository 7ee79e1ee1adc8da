// Package lateguard reports guards that stand where they have no effect.
//
// # Rule guard-too-late
//
// A route demands less than the catalog says, and a guard that would demand it is
// added to the router after the route, or stands after the handler in the route's own
// call. Whether Use covers earlier routes differs: with gin and fiber, and with groups
// of echo, it does not; chi panics; gorilla/mux and the Echo itself cover them all.
//
// Why: the code reads as if the route were guarded, and tests with a good key pass.
//
// Bad:
//
//	api.GET("/positions", list)
//	api.Use(authz.Require("Position:READ"))
//
//	api.DELETE("/positions/:id", deletePosition, authz.Require("Position:WRITE"))
//
// Good:
//
//	api.Use(authz.Require("Position:READ"))
//	api.GET("/positions", list)
//
//	api.DELETE("/positions/:id", authz.Require("Position:WRITE"), deletePosition)
//
// When to ignore: never; ignore the route's own finding if it needs no guard.
package lateguard
