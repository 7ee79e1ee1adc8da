// Command gcl is golangci-lint with permcheck's plugin, as "golangci-lint custom" builds
// it. The tests beside it run it.
package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/golangci/golangci-lint/v2/pkg/commands"
	"github.com/golangci/golangci-lint/v2/pkg/exitcodes"

	_ "github.com/permcheck/permcheck/analyzers/golangci"
)

func main() {
	if err := commands.Execute(commands.BuildInfo{GoVersion: runtime.Version(), Version: "v2.15.0", Commit: "none", Date: "none"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitcodes.Failure)
	}
}
