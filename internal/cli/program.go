package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A goProgram is what Go packages serve, with what vet says of it.
type goProgram struct {
	*witness.Program
	excused map[[2]string]bool // subjects that comments excuse, see vet
	excuses map[string]bool    // patterns of ignore-routes that excused a route, see vet
	used    []guards.Ignore    // comments that excuse a finding, see vet
}

// loadGo reads Go packages; see [witness.LoadGo].
func loadGo(ctx context.Context, dir string, patterns []string, opts witness.GoOptions) (*goProgram, error) {
	p, err := witness.LoadGo(ctx, dir, patterns, opts)
	if err != nil {
		return nil, err
	}
	return &goProgram{Program: p}, nil
}

// readAll returns the error that ends a command when packages could not be read.
func readAll(p *witness.Program, errOut io.Writer) error {
	if len(p.Errors) == 0 {
		return nil
	}
	for _, e := range p.Errors {
		fmt.Fprintf(errOut, "permcheck: package %s could not be read:\n", report.Clean(e.Package))
		for line := range strings.Lines(e.Message) {
			fmt.Fprintf(errOut, "    %s\n", report.Clean(strings.TrimRight(line, "\n")))
		}
		if strings.Contains(e.Message, "pattern ") && strings.Contains(e.Message, "no matching files") {
			fmt.Fprintln(errOut, "    a //go:embed names files that are made by a build step: run it, or put an empty file there")
		}
	}
	noun := "packages"
	if len(p.Errors) == 1 {
		noun = "package"
	}
	return &partialError{fmt.Sprintf("%d %s could not be read; go vet ./... shows the same errors", len(p.Errors), noun)}
}
