// Package vettool is what the go command calls as its vet tool: the analyzers and their driver.
//
// The go command starts the tool once for each package of a program, so what a tool loads at its
// start is paid hundreds of times. The command permcheck plays the tool itself, and
// permcheck-vet is the same tool without what only the command needs, such as kin-openapi.
// [Path] is the one that permcheck uses.
package vettool
