// Package openapi reads what an OpenAPI document (2.0 to 3.2, YAML or JSON) says
// about access: for each operation, which credentials open it and which permissions
// a vendor extension asks for.
//
// Only a small part of a document matters: the security, servers, operationId and
// extensions of each operation, the document's own security and servers, and the
// definitions of security schemes. The rest, mostly schemas and examples, is
// stepped over without being decoded, and left out of YAML before it is parsed. That
// is quick, and it reads documents whose other parts are invalid, as many published
// ones are.
//
// # Two readers
//
// This package reads requirements, alone. It steps over most of a document, so that large
// published ones are read more than ten times as fast as by kin-openapi's loader, and goes on
// where a loader gives up: a schema that is wrong says nothing about who may call an
// operation. Versions 2.0 to 3.2 are read.
//
// Package full does what needs documents as a whole, with kin-openapi: it writes them and
// validates what it wrote, makes request bodies from schemas and checks them, and lists what
// the specification forbids. Schemas, references between any two parts and the rules of three
// versions are what a library that many use is better at. Nothing that full says changes what
// is read here, and a document that full refuses is read here all the same.
//
// Tests hold this reader against kin-openapi's loader on each document that both read, and how
// a call is matched with a row of a catalog against its router. No router of kin-openapi is in
// the product: permcheck matches calls with catalogs, which know trees, rows for any method and
// the order of several kinds of routers, and a router of OpenAPI knows none of them.
//
// # Meaning
//
// An operation's effective requirement is its own security if it has the key, else
// the document's, else none (OpenAPI 3.1.1, section 4.8.10). The list is a
// disjunction; one entry is a conjunction of schemes, each with scopes that are all
// needed unless [Scopes] says otherwise. An empty list and an empty entry both mean
// that no credential is needed. A permission extension is one more conjunct.
//
// What cannot be read is never taken for "no requirement": the operation gets
// [Operation.Unreadable], and the place is listed in [Document.Problems].
//
// Documents are untrusted input. Their size, the expansion of YAML aliases and the
// depth of references are bounded, and references are followed only to files in the
// document's own folder or below.
package openapi
