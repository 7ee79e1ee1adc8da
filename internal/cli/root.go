package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
	"github.com/permcheck/permcheck/internal/vettool"
)

// Exit codes, the same for every command.
const (
	exitOK       = 0 // nothing at or above --fail-on
	exitFindings = 1 // something at or above it
	exitFailed   = 2 // could not run, ran nothing, or ran only partly
)

// errFindings ends a command whose findings, already printed, reach --fail-on.
var errFindings = errors.New("findings")

// partialError ends a command that printed a result which is not whole.
type partialError struct{ reason string }

func (e *partialError) Error() string { return e.reason }

// An app is one run of the command line.
type app struct {
	in       io.Reader
	out, err io.Writer
	failOn   report.Severity
	strict   bool // entries of the known file that are no use fail too
	format   string

	// secrets are those that nothing may hold which is printed; commands add what they learn.
	secrets *redact.Set
	warned  bool // of those that are short

	allowHTTP bool   // URLs need no encryption
	refsBelow string // folder that a document's references may lead to; empty: its own
	validate  bool   // what the OpenAPI specification forbids in documents is reported
}

// commands makes the subcommands, in the order of the help text.
var commands = []func(*app) *cobra.Command{
	newDemo, newCheck, newVet, newRoutes, newBaseline, newDiff, newProbe, newReport, newChecks, newKeys, newServe, newGrants, newCatalog, newExplain,
}

// Run executes permcheck with the given arguments (without the program's name) and
// returns its exit code.
func Run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	if vettool.Called(args) {
		return vettool.Run(args, out, errOut)
	}
	report.Adjust(nil)
	secrets := redact.New()
	errOut = secrets.Writer(errOut)
	a := &app{in: in, out: out, err: errOut, failOn: report.Error, secrets: secrets}
	root := &cobra.Command{
		Use:           "permcheck",
		Short:         "Hold an API's permission catalog against its code, its OpenAPI document and its running server",
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	root.SetArgs(args)
	root.SetVersionTemplate("permcheck {{.Version}}\n")
	for _, c := range commands {
		root.AddCommand(c(a))
	}
	err := root.ExecuteContext(ctx)
	var partial *partialError
	var mistakes strictyaml.Errors
	var mistake *strictyaml.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errFindings):
		return exitFindings
	case errors.As(err, &partial):
		fmt.Fprintf(errOut, "permcheck: incomplete: %s\n", report.CleanLines(partial.reason))
	case errors.As(err, &mistakes) && err.Error() == mistakes.Error(), errors.As(err, &mistake) && err.Error() == mistake.Error():
		fmt.Fprintln(errOut, report.CleanLines(err.Error())) // file:line:column first, as compilers do
	default:
		fmt.Fprintf(errOut, "permcheck: %s\n", report.CleanLines(err.Error()))
	}
	return exitFailed
}

// failOnFlag adds --fail-on.
func (a *app) failOnFlag(cmd *cobra.Command) {
	cmd.Flags().Var(&a.failOn, "fail-on", "lowest severity that makes the exit code 1: error, warning, info or none")
}

// formatFlag adds --format with the given choices; the first is the default.
func (a *app) formatFlag(cmd *cobra.Command, formats ...string) {
	usage := "output format:"
	for i, f := range formats {
		if i > 0 {
			usage += ","
		}
		usage += " " + f
	}
	cmd.Flags().StringVar(&a.format, "format", formats[0], usage)
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, f := range formats {
			if a.format == f {
				return run(cmd, args)
			}
		}
		return fmt.Errorf("--format %q: expected one of %v", a.format, formats)
	}
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// styles returns the text styles for standard output: coloured on a terminal unless
// NO_COLOR is set.
func (a *app) styles() report.Styles {
	return report.NewStyles(isTerminal(a.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb")
}

func isTerminal(w any) bool {
	if clean, ok := w.(*redact.Writer); ok {
		w = clean.Unwrap()
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// result ends a command that printed findings.
func (a *app) result(findings []*report.Finding) error {
	for _, f := range findings {
		if f.Severity().Fails(a.failOn) || a.strict && f.OutdatedKnown() {
			return errFindings
		}
	}
	return nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
