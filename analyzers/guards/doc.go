// Package guards says which permission each route demands.
//
// A guard is a function that a request passes before its handler: middleware, a
// call around the handler, a check at the top of its body. Which functions are
// guards is not configured first of all, it follows from the catalog's own
// vocabulary: a function that is given constants which are permissions of the
// catalog is one. .permcheck.yaml can name others. Whether several permissions in
// one call are all needed or any of them is read from the guard's body where that is
// plain, else from the configuration; where neither says, the route's requirement is
// unknown and the reason is kept. Nothing is guessed.
package guards
