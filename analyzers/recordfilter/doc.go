// Package recordfilter reports handlers that return records without filtering them by
// what the key may see.
//
// # Rule record-filter-missing
//
// The catalog says that a key sees only some records of an object, .permcheck.yaml
// names the function that filters them, and the handler of an endpoint that lists or
// gets the object never reaches that function:
//
//	record-filters: {position: example.com/store.VisiblePositions}
//
// Calls are followed through all packages of the module, and into what the route's
// middleware calls. Where a call through an interface or a function value comes in
// between, it is not known whether the filter is reached: permcheck vet lists the
// route as unresolved, and nothing is reported as missing.
//
// Why: the permission of the endpoint is demanded, so every test of permissions
// passes, and a key that was shared the published positions reads all of them.
//
// Bad:
//
//	func list(w http.ResponseWriter, r *http.Request) { write(w, store.AllPositions()) }
//
// Good:
//
//	func list(w http.ResponseWriter, r *http.Request) { write(w, store.VisiblePositions(key(r))) }
//
// When to ignore: where the database itself filters, by row-level security, say.
package recordfilter
