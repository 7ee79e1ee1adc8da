// Package full works on OpenAPI documents as a whole, with the types of
// [kin-openapi]: it writes them, makes request bodies from their schemas, and says
// what the specification forbids in them.
//
// Who may call an operation is read by package openapi, which decodes only what that
// needs; its documentation says why there are two readers. This package is kept apart
// from it because kin-openapi takes some milliseconds to start: it compiles the
// meta-schemas of JSON Schema before main runs. Analyzers and the go command's vet
// tool, which is started once for each package, never link it.
//
// Documents are untrusted input here too. Nothing is fetched, references lead only to
// files that the caller opens, depth and size are bounded, and a panic of the library
// is an error about the document.
//
// [kin-openapi]: https://github.com/getkin/kin-openapi
package full
