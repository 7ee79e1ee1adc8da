// Package cli is permcheck's command line: one file a subcommand, and every exit
// code.
package cli
