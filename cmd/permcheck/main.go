// Command permcheck holds an API's permission catalog against its Go source, its
// OpenAPI document and its running server.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/permcheck/permcheck/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
