package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A goProgram is what Go packages serve, with what vet says of it.
type goProgram struct {
	*witness.Program
	about   map[*report.Finding]guards.Problem // what the findings of vet are about
	excused []*report.Finding                  // that comments excuse, see vet
	excuses map[string]bool                    // patterns of ignore-routes that excused a route, see vet
	used    []guards.Ignore                    // comments that excuse a finding, see vet
}

// finding is a problem as a finding. What it is about is kept.
func (p *goProgram) finding(pr guards.Problem) *report.Finding {
	f := &report.Finding{
		Rule: pr.Rule, Subject: pr.Subject, Args: pr.Args, Service: pr.Service, Was: pr.Was, Now: pr.Now,
		Message: pr.Message, Evidence: pr.Evidence, Fix: pr.Fix,
		Position: catalogs.Pos{File: pr.File, Line: pr.Line, Column: pr.Column},
	}
	if p.about == nil {
		p.about = map[*report.Finding]guards.Problem{}
	}
	p.about[f] = pr
	return f
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
