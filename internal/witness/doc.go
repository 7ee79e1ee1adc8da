// Package witness reads what says who may call an endpoint: catalogs, OpenAPI documents and
// configurations of gateways, Go source, reports of probes, each from a file, standard input,
// the web or a git revision.
//
// A [Reading] is what one of them says, in the form in which catalogs/drift compares any two.
// Who compares needs to know no more: a further kind of witness is a file here and one line in
// the list of kinds, a further format of documents a package and one line in the list of
// formats.
package witness
