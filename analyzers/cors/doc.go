// Package cors reports code that lets web pages of other origins call an API which
// the catalog keeps from browsers.
//
// # Rule cors-opened
//
// The catalog says browsers: blocked, and the code uses a CORS library or sets the
// header Access-Control-Allow-Origin itself. Whichever origins are listed: a blocked
// API lists none.
//
// Why: the API's keys are secrets of servers. Once pages may call it, keys end up in
// pages, and any script there can use them.
//
// Bad:
//
//	r.Use(cors.AllowAll().Handler)
//	w.Header().Set("Access-Control-Allow-Origin", "*")
//
// Good: neither; a browser then refuses by itself.
//
// When to ignore: at a handler that is no part of the API, such as public
// documentation served by the same program.
package cors
