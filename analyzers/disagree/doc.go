// Package disagree reports routes of which two declarations differ.
//
// # Rule declarations-disagree
//
// A comment (//permcheck:requires, //permcheck:public, swaggo's @Security) or the
// metadata of the operation says something else than the code demands, or than another
// comment says. Several guards do not disagree: a request must pass them all.
//
// Why: people review the comment, documents are generated from the metadata, and
// requests go by the code. Who trusts the wrong one grants too much or too little.
//
// Bad:
//
//	// @Security ApiKey[Position:READ]
//	func deletePosition(w http.ResponseWriter, r *http.Request) { ... }
//
//	r.With(authz.Require("Position:WRITE")).Delete("/positions/{id}", deletePosition)
//
// Good:
//
//	// @Security ApiKey[Position:WRITE]
//	func deletePosition(w http.ResponseWriter, r *http.Request) { ... }
//
// When to ignore: where the description is meant for readers who know the permission
// under a coarser name; better make that name an alias in the catalog.
package disagree
