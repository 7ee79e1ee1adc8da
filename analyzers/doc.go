// Package analyzers reads Go source as a catalog, and reports what it finds at the
// source's lines.
//
// Each analyzer has a folder of its own and a line in [Suite]; packages routes and
// guards, which report nothing, do the reading. [Records] lets a driver collect what
// every package contributes, and [Merge] makes the whole program of it: there a
// route that one package registers and another wraps or mounts is seen once, as it
// is served.
//
// Two rules need the whole program, so that only permcheck vet reports them:
//
// # Rule endpoint-without-route
//
// The catalog has a row that no route serves.
//
// Why: the row is reviewed and granted for nothing, or the route was renamed and is
// now served without a row.
//
// Bad: a row GET /positions/{id}/history, and no code that registers it.
//
// Good: the row removed, or the route registered.
//
// When to ignore: rows of a catalog that several services share; say under owns in
// .permcheck.yaml which of them this service must serve.
//
// # Rule unresolved
//
// A registration, the permission of a route, or whether its handler reaches a filter of
// records could not be read: it depends on a value that is known only at run time.
//
// Why: what cannot be read is not checked, and may be open.
//
// Bad:
//
//	mux.Handle(os.Getenv("ADMIN_PATH"), admin)
//
// Good:
//
//	mux.Handle("/admin/", admin)
//
// When to ignore: where another check covers it; //permcheck:ignore unresolved with the
// reason, or the file of known findings.
package analyzers
