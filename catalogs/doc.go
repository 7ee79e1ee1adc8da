// Package catalogs holds the one table that permcheck compares everything with:
// what each endpoint of an HTTP API requires, and which fields and records a
// grant reveals.
//
// A [Catalog] is reviewed by people and written in YAML; [Load] and [Parse] read it
// strictly and report every error of a file at once, each with its position.
// The witnesses (Go source, an OpenAPI document, a probed API) are read into the
// same type, so that one engine compares any two. [Catalog.Lint] points at rows
// that look like mistakes.
package catalogs
