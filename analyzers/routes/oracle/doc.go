// Package oracle holds the specs of package routes against the real router libraries,
// in a module of its own so that nobody who uses permcheck downloads them.
//
// The routers of this folder itself, on chi and net/http, are walked and called, and
// compared with what the command says of them. Each folder NAMEorder is a small server on one library: middleware is added before,
// between and after routes, to groups, subgroups and mounts. Its test runs the server,
// sends real requests to it, and compares the functions that each request passed with
// the chain that the extractor reads from the same source. What the library itself
// lists as its routes must be what the extractor finds.
//
// The test of this package looks each row of each spec up in the library's source.
package oracle
