package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// defaultKnown is the file of known findings where .permcheck.yaml names none.
const defaultKnown = ".permcheck-known.yaml"

// knownFlag adds --known.
func knownFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "known", "", "file of accepted findings (default: known: of "+catalogs.ConfigName+")")
}

// strictFlag adds --strict to a command that ends by [app.result].
func (a *app) strictFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.strict, "strict", false, "fail on entries of the known file that match nothing or have expired, as on a default branch")
}

// applyKnown takes away the findings that the file accepts. Without a file everything
// stays. The rules are those that the command reports.
func applyKnown(file string, findings []*report.Finding, rules map[string]bool) (rest []*report.Finding, accepted int, err error) {
	if file == "" {
		return findings, 0, nil
	}
	known, err := report.LoadKnown(file)
	if err != nil {
		return nil, 0, fmt.Errorf("known findings: %w", err)
	}
	rest, accepted, about := known.Apply(findings, rules, time.Now())
	return append(rest, about...), accepted, nil
}

func newBaseline(a *app) *cobra.Command {
	var opts witness.GoOptions
	var reason, owner, until, file string
	var grow, changes bool
	cmd := &cobra.Command{
		Use:   "baseline [PACKAGES] | baseline --diff OLD NEW",
		Short: "Accept what vet or diff finds today, so that only new findings fail",
		Long: `Baseline writes the findings of permcheck vet that reach --fail-on into the file of
known findings, with one reason and owner. From then on vet passes over them. With --diff
it writes those of permcheck diff OLD NEW, read as .permcheck.yaml says.

Entries about what the other command finds are left alone. Where the file exists it can only shrink: entries that match nothing any more are
removed, new findings are listed and not accepted, unless --grow says so.`,
		Example: `  permcheck baseline --reason 'predates permcheck, see #123' --owner team-positions ./...
  permcheck baseline ./...       # later: drops what has been mended
  permcheck baseline --diff main:api.yaml api.yaml --reason 'agreed in #42' --owner team-jobs`,
		Args: func(_ *cobra.Command, args []string) error {
			if changes && len(args) != 2 {
				return fmt.Errorf("baseline --diff compares two sources, but %d given: permcheck baseline --diff OLD NEW", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			find := a.vetFindings
			if changes {
				find = a.diffFindings
			}
			all, rules, named, err := find(cmd.Context(), args, opts)
			if err != nil {
				return err
			}
			if file == "" {
				file = cmp.Or(named, defaultKnown)
			}
			var findings []*report.Finding
			for _, f := range all {
				if f.Severity().Fails(a.failOn) {
					findings = append(findings, f)
				}
			}
			var data []byte
			data, err = os.ReadFile(file)
			exists := err == nil
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			kept, fresh, dropped := data, findings, 0
			if exists {
				known, err := report.ParseKnown(file, data)
				if err != nil {
					return err
				}
				kept, fresh, dropped = shrinkKnown(known, data, findings, rules)
			}
			if exists && !grow {
				if err := os.WriteFile(file, kept, 0o644); err != nil {
					return err
				}
				fmt.Fprintf(a.out, "%s: %d dropped that match nothing any more\n", file, dropped)
				if len(fresh) == 0 {
					return nil
				}
				st := a.styles()
				for _, f := range fresh {
					st.WriteFinding(a.out, f)
				}
				fmt.Fprintf(a.out, "%s not accepted: mend what is found, or accept it with --grow, --reason and --owner\n", plural(len(fresh), "new finding"))
				return errFindings
			}
			if len(fresh) > 0 && (reason == "" || owner == "") {
				return fmt.Errorf("%s to accept: say why with --reason and who answers for it with --owner", plural(len(fresh), "finding"))
			}
			if until != "" {
				if _, err := time.Parse(time.DateOnly, until); err != nil {
					return fmt.Errorf("--until %q: expected a date as 2027-01-31", until)
				}
			}
			text := string(kept)
			if !exists {
				text = "# Findings that are accepted for now; permcheck baseline drops those that are fixed.\n"
			}
			for _, f := range fresh {
				text += report.KnownLine(f, reason, owner, until)
			}
			if len(fresh) == 0 && !exists {
				fmt.Fprintln(a.out, "nothing to accept: no file was written")
				return nil
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %s accepted, %d dropped\n", file, plural(len(fresh), "finding"), dropped)
			if named == "" {
				fmt.Fprintf(a.out, "name it in %s: known: %s\n", catalogs.ConfigName, file)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&opts.Catalog, "catalog", "", "the catalog, a file or vendor:NAME; overrides "+catalogs.ConfigName)
	cmd.Flags().StringVar(&reason, "reason", "", "why the findings are accepted")
	cmd.Flags().StringVar(&owner, "owner", "", "who answers for them")
	cmd.Flags().StringVar(&until, "until", "", "date from which they count again, as 2027-01-31")
	cmd.Flags().BoolVar(&changes, "diff", false, "accept the changes between two sources, OLD and NEW, instead of what vet finds")
	cmd.Flags().BoolVar(&grow, "grow", false, "accept new findings into a file that exists")
	knownFlag(cmd, &file)
	a.failOnFlag(cmd)
	return cmd
}

// vetFindings returns what vet finds, the rules that it reports, and the known file that
// the configuration names.
func (a *app) vetFindings(ctx context.Context, args []string, opts witness.GoOptions) ([]*report.Finding, map[string]bool, string, error) {
	p, err := loadGo(ctx, ".", args, opts)
	if err != nil {
		return nil, nil, "", err
	}
	if err := readAll(p.Program, a.err); err != nil {
		return nil, nil, "", err // a baseline of half a program would drop the other half
	}
	if err := adjust(p.Settings.Config); err != nil {
		return nil, nil, "", err
	}
	findings, _ := p.vet()
	return findings, vetRules, p.Settings.Config.Known, nil
}

// diffFindings is vetFindings for the changes between two sources.
func (a *app) diffFindings(ctx context.Context, args []string, _ witness.GoOptions) ([]*report.Finding, map[string]bool, string, error) {
	config, err := catalogs.FindConfig(".")
	if err != nil {
		return nil, nil, "", err
	}
	if err := adjust(config); err != nil {
		return nil, nil, "", err
	}
	flags := diffFlags{basePath: config.BasePath["openapi"]}
	flags.configure(&config.OpenAPI)
	d, err := a.compareSources(ctx, args[0], args[1], flags)
	if err == nil {
		err = d.incomplete
	}
	if err != nil {
		return nil, nil, "", err
	}
	return d.findings(), d.rules, config.Known, nil
}

// shrinkKnown removes the entries about the given rules that match none of the findings
// from the file's text, and returns the findings that no entry accepts.
func shrinkKnown(known *report.Known, data []byte, findings []*report.Finding, rules map[string]bool) (kept []byte, fresh []*report.Finding, dropped int) {
	lines := strings.SplitAfter(string(data), "\n")
	drop := make([]bool, len(lines)+2)
	used := make([]bool, len(known.Entries))
	for _, f := range findings {
		accepted := false
		for i := range known.Entries {
			if known.Entries[i].Matches(f) {
				used[i], accepted = true, true
			}
		}
		if !accepted {
			fresh = append(fresh, f)
		}
	}
	for i := range known.Entries {
		if used[i] || !rules[known.Entries[i].Rule] {
			continue
		}
		dropped++
		end := len(lines) + 1
		if i+1 < len(known.Entries) {
			end = known.Entries[i+1].Pos.Line
		}
		for n := known.Entries[i].Pos.Line; n < end && n <= len(lines); n++ {
			drop[n] = true
		}
	}
	var b strings.Builder
	for n, line := range lines {
		if !drop[n+1] {
			b.WriteString(line)
		}
	}
	return []byte(b.String()), fresh, dropped
}
