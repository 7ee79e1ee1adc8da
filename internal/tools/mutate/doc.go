// Command mutate holds the tests of the core against one-line mistakes:
//
//	go run ./internal/tools/mutate [-list FILE] [-only NAME] [-jobs N]
//
// Each entry of the list names a file, a text that occurs in it once, what to put there, and
// the tests that must fail then. The tests run with the changed file laid over the tree
// (go test -overlay), so nothing is written to it. An entry whose text is not there, or there
// more than once, is stale: that is an error, since it tests nothing. The exit code is 1 if a
// mutant survives, and 2 if one could not be tried.
package main
