package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// maxReport bounds a report that is read, in bytes.
const maxReport = 2 << 30

func newReport(a *app) *cobra.Command {
	var catalog string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Read reports of permcheck probe again: check, convert, merge",
		Long: `Report works on what permcheck probe --format json wrote. Such a report holds what the
server showed, so that plan and verdicts can be worked out again from it and the catalog.`,
		Example: `  permcheck report verify probe.json --catalog api/permissions.yaml
  permcheck report convert probe.json --format html > probe.html
  permcheck report merge shard-*.json --format junit`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	verify := &cobra.Command{
		Use:   "verify FILE",
		Short: "Work plan and verdicts of a report out again, and refuse one that was edited",
		Long: `Verify makes the plan anew from the catalog and the keys that the report names, decides
every probe again from what the report says that the server showed, and compares. It also
checks the report's seal.

It shows that a report follows from its evidence. It cannot show that the evidence is true:
the seal is a plain hash. Sign the file (cosign, gpg) where that matters.

Exit codes: 0 the report follows, 1 it says something else than its evidence, 2 it could not
be worked out: another catalog, another plan, or no report.`,
		Example: `  permcheck report verify probe.json --catalog api/permissions.yaml`,
		Args:    exactArgs(1, "the FILE of one report"),
		RunE: func(_ *cobra.Command, args []string) error {
			rec, c, err := a.recorded(args[0], catalog)
			if err != nil {
				return err
			}
			differences, err := rec.Verify(c)
			if err != nil {
				return err
			}
			for _, d := range differences {
				fmt.Fprintf(a.out, "%s: %s\n", report.Clean(args[0]), report.Clean(d))
			}
			if len(differences) > 0 {
				fmt.Fprintf(a.err, "permcheck: %s says something else than its evidence: it was edited\n", report.Clean(args[0]))
				return errFindings
			}
			r, err := rec.Report(c)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s\nthe report follows from its evidence; plan %s\n", r.FirstLine(), r.Plan.Hash)
			return nil
		},
	}
	convert := &cobra.Command{
		Use:   "convert FILE",
		Short: "Write a report in another form",
		Long: `Convert writes a JSON report in another form, which says what the run itself would have
said. The catalog is the one that the report names, or --catalog.`,
		Example: `  permcheck report convert probe.json --format html > probe.html
  permcheck report convert probe.json --format junit > probe.xml`,
		Args: exactArgs(1, "the FILE of one report"),
		RunE: func(_ *cobra.Command, args []string) error {
			rec, c, err := a.recorded(args[0], catalog)
			if err != nil {
				return err
			}
			r, err := rec.Report(c)
			if err != nil {
				return err
			}
			return a.finish(r)
		},
	}
	merge := &cobra.Command{
		Use:   "merge FILE...",
		Short: "Put the reports of all shards of a run together",
		Long: `Merge judges the whole run from what its shards (probe --shard K/N) saw; the result is
the report of one run. Where a shard is missing it says so, and the exit code is 2.`,
		Example: `  permcheck report merge shard-1.json shard-2.json shard-3.json --format html > probe.html`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("expected the reports of the shards, as in permcheck report merge shard-*.json")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var parts []*conformance.Recorded
			var c *catalogs.Catalog
			for _, file := range args {
				rec, of, err := a.recorded(file, catalog)
				if err != nil {
					return err
				}
				if c == nil {
					c = of
				}
				parts = append(parts, rec)
			}
			r, err := conformance.Merge(c, parts)
			if err != nil {
				return err
			}
			return a.finish(r)
		},
	}
	for _, sub := range []*cobra.Command{verify, convert, merge} {
		sub.Flags().StringVar(&catalog, "catalog", "", "the run's catalog (default: the one that the report names)")
		cmd.AddCommand(sub)
	}
	for _, sub := range []*cobra.Command{convert, merge} {
		a.formatFlag(sub, conformance.Formats...)
		a.failOnFlag(sub)
		a.strictFlag(sub)
	}
	return cmd
}

// recorded reads a report and its catalog.
func (a *app) recorded(file, catalog string) (*conformance.Recorded, *catalogs.Catalog, error) {
	var in io.Reader = a.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if len(data) > maxReport {
		return nil, nil, fmt.Errorf("%s has more than %d bytes: this is no report that permcheck wrote", file, maxReport)
	}
	rec, err := conformance.ReadRecorded(file, data)
	if err != nil {
		return nil, nil, err
	}
	ref := catalog
	if ref == "" {
		if ref = rec.CatalogRef(); ref == "-" {
			return nil, nil, fmt.Errorf("%s: the run's catalog came from standard input: name it with --catalog", file)
		}
		if _, err := os.Stat(ref); err != nil {
			// A report that lies beside its catalog may be read from elsewhere.
			if beside := filepath.Join(filepath.Dir(file), filepath.Base(ref)); onDisk(beside) {
				ref = beside
			}
		}
	}
	c, err := catalogs.Load(ref)
	if err != nil && catalog == "" {
		return nil, nil, fmt.Errorf("%s holds what was seen, and not the catalog that it is judged by, %s: name that file with --catalog (%w)", file, rec.CatalogName(), err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the catalog of %s: %w", file, err)
	}
	return rec, c, nil
}

// finish prints a report and ends the command by what it says.
func (a *app) finish(r *conformance.Report) error {
	if err := r.Write(a.out, a.format, a.styles()); err != nil {
		return err
	}
	if unmet := r.Unmet(); unmet != "" {
		return &partialError{unmet}
	}
	return a.verdict(r)
}
