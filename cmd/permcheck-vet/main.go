// Command permcheck-vet is the vet tool of permcheck alone:
//
//	go vet -vettool=$(which permcheck-vet) ./...
//
// It reports what "go vet -vettool=$(which permcheck)" reports, and starts faster. Permcheck vet
// uses it by itself where it stands beside permcheck and is of the same version.
package main

import (
	"os"

	"github.com/permcheck/permcheck/internal/vettool"
)

func main() {
	os.Exit(vettool.Main(os.Args[1:], os.Stdout, os.Stderr))
}
