// Package catalogs holds the one table that permcheck compares everything with:
// what each endpoint of an HTTP API requires, and which fields and records a
// grant reveals.
//
// A [Catalog] is reviewed by people and written in YAML; [Load] and [Parse] read it
// strictly and report every error of a file at once, each with its position.
// The witnesses (Go source, an OpenAPI document, a probed API) are read into the
// same type, so that one engine compares any two. [Catalog.Lint] points at rows
// that look like mistakes.
//
// # Words
//
// Lint takes the name of a permission apart into an entity, what it is about, and an
// action, what it allows. Parts are divided by ":", "." or "/". The last or else the
// first part that is a known verb (read, view, write, create, manage, ...) is the
// action; where neither is, the last part is taken for a verb that is not known. A
// name of one part is divided into words instead, and without a verb all of it is the
// entity. So Profile:Note:READ reads the entity Profile:Note, read_users reads users, and
// candidates.own is about candidates. Case, separators and the plural do not tell
// entities apart. A name that is all verb (READ, admin), a role (SUPER_ADMIN) and a
// permission that implies others have no entity, and rules about entities pass over
// rows that ask for them.
package catalogs
