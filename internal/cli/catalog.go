package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/schema"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

func newCatalog(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "catalog",
		Short: "Make, update, list, show, lint and format catalogs",
		Long: `A catalog is the table of what each endpoint of an API requires. CATALOG is the
path of a catalog file, - for standard input, or vendor:NAME for one that is built in.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCatalogList(a), newCatalogInit(a), newCatalogUpdate(a), newCatalogShow(a), newCatalogLint(a), newCatalogFmt(a), newCatalogSchema(a))
	return cmd
}

// loadCatalog reads a catalog reference of the command line.
func (a *app) loadCatalog(ref string) (*catalogs.Catalog, error) {
	if ref != "-" {
		return catalogs.Load(ref)
	}
	data, err := io.ReadAll(io.LimitReader(a.in, strictyaml.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return catalogs.Parse("standard input", data)
}

func completeCatalogs(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
	var out []string
	for _, v := range catalogs.Vendors() {
		if ref := catalogs.VendorPrefix + v; strings.HasPrefix(ref, word) {
			out = append(out, ref)
		}
	}
	return out, cobra.ShellCompDirectiveDefault
}

func newCatalogList(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the catalogs that are built in",
		Example: "  permcheck catalog list",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			type row struct {
				Ref         string `json:"ref"`
				Endpoints   int    `json:"endpoints"`
				Permissions int    `json:"permissions"`
				Unknown     int    `json:"unknown"`
			}
			var rows []row
			for _, v := range catalogs.Vendors() {
				c, err := catalogs.Load(catalogs.VendorPrefix + v)
				if err != nil {
					return err
				}
				rows = append(rows, row{c.File, len(c.Endpoints), len(c.Permissions), countUnknown(c)})
			}
			if a.format == "json" {
				return a.writeJSON(map[string]any{"version": 1, "catalogs": rows})
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "CATALOG\tENDPOINTS\tPERMISSIONS\tUNKNOWN")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", r.Ref, r.Endpoints, r.Permissions, r.Unknown)
			}
			return w.Flush()
		},
	}
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func countUnknown(c *catalogs.Catalog) (n int) {
	for i := range c.Endpoints {
		if c.Endpoints[i].Requires.IsUnknown() {
			n++
		}
	}
	return n
}

func methodName(m string) string {
	if m == catalogs.AnyMethod {
		return "ANY"
	}
	return m
}

// catalogJSON is the documented JSON form of a catalog.
func catalogJSON(c *catalogs.Catalog) any {
	type permission struct {
		ID      perm.Permission   `json:"id"`
		Label   string            `json:"label,omitempty"`
		Aliases []perm.Permission `json:"aliases,omitempty"`
		Implies []string          `json:"implies,omitempty"`
	}
	type endpoint struct {
		Method   string            `json:"method"`
		Path     string            `json:"path"`
		Section  string            `json:"section,omitempty"`
		Requires *perm.Requirement `json:"requires"`
		Effect   catalogs.Effect   `json:"effect,omitempty"`
		Lists    string            `json:"lists,omitempty"`
		Gets     string            `json:"gets,omitempty"`
		Source   string            `json:"source,omitempty"`
		Evidence string            `json:"evidence,omitempty"`
		Odd      string            `json:"odd,omitempty"`
		Also     map[string]string `json:"also,omitempty"`
		Position string            `json:"position"`
	}
	type field struct {
		Object      string            `json:"object"`
		Name        string            `json:"name"`
		Requires    *perm.Requirement `json:"requires"`
		NeedsListed string            `json:"needs_listed,omitempty"`
	}
	out := struct {
		Version     int               `json:"version"`
		Name        string            `json:"name"`
		Sources     map[string]string `json:"sources,omitempty"`
		Browsers    catalogs.Browsers `json:"browsers,omitempty"`
		Permissions []permission      `json:"permissions"`
		Endpoints   []endpoint        `json:"endpoints"`
		Fields      []field           `json:"fields"`
	}{Version: 1, Name: c.Name, Sources: c.Sources, Browsers: c.Browsers,
		Permissions: []permission{}, Endpoints: []endpoint{}, Fields: []field{}}
	for _, p := range c.Permissions {
		out.Permissions = append(out.Permissions, permission{p.ID, p.Label, p.Aliases, p.Implies})
	}
	for _, e := range c.Endpoints {
		var also map[string]string
		for _, a := range e.Also {
			if also == nil {
				also = map[string]string{}
			}
			also[a.Source] = a.Path
		}
		out.Endpoints = append(out.Endpoints, endpoint{e.Method, e.Path, e.Section, e.Requires, e.Effect,
			e.Lists, e.Gets, e.Source, e.Evidence, e.Odd, also, e.Pos.String()})
	}
	for _, f := range c.Fields {
		out.Fields = append(out.Fields, field{f.Object, f.Name, f.Requires, f.NeedsListed})
	}
	return out
}

func newCatalogLint(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint CATALOG...",
		Short: "Warn of rows that look like mistakes",
		Long: `Lint warns of rows that are valid but look like mistakes: a list that asks for
another permission than its get, WRITE on a GET, templates that overlap, names that
nearly agree. A row's "odd: reason" acknowledges what is right although it looks
wrong; so do "effect: read" of a POST that reads, a permission's aliases and a row's
"also: {SOURCE: /path}". What is acknowledged is printed with its reason and source, and
never fails: with vendor:NAME, what is odd about that vendor's own documents.`,
		Example: `  permcheck catalog lint api/permissions.yaml
  permcheck catalog lint --fail-on warning vendor:comeet`,
		Args:              minArgs(1, "a catalog"),
		ValidArgsFunction: completeCatalogs,
		RunE: func(_ *cobra.Command, args []string) error {
			findings := []*report.Finding{}
			type acknowledgement struct {
				Rule     string `json:"rule"`
				Subject  string `json:"subject"`
				Message  string `json:"message"`
				Reason   string `json:"reason"`
				Source   string `json:"source,omitempty"`
				Evidence string `json:"evidence,omitempty"`
				Position string `json:"position"`
			}
			acknowledged := []acknowledgement{}
			var errs []error
			for _, ref := range args {
				c, err := a.loadCatalog(ref)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				for _, l := range c.Lint() {
					if l.Odd != "" {
						acknowledged = append(acknowledged, acknowledgement{l.Rule, l.Subject, l.Subject + " " + l.Message, l.Odd,
							cmp.Or(c.Sources[l.Source], l.Source), l.Evidence, l.Pos.String()})
						continue
					}
					findings = append(findings, &report.Finding{Rule: l.Rule, Subject: l.Subject, Args: l.Args, Message: l.Subject + " " + l.Message, Position: l.Pos})
				}
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			if a.format == "json" {
				if err := a.writeJSON(map[string]any{"version": 1, "findings": findings, "acknowledged": acknowledged,
					"summary": map[string]int{"findings": len(findings), "acknowledged": len(acknowledged)}}); err != nil {
					return err
				}
				return a.result(findings)
			}
			st := a.styles()
			for _, f := range findings {
				st.WriteFinding(a.out, f)
			}
			for _, l := range acknowledged {
				fmt.Fprintf(a.out, "%s: %s: %s\n", report.Clean(l.Position), st.Bold.Sprint("odd"), report.Clean(l.Message))
				fmt.Fprintf(a.out, "    %s\n", report.Clean(l.Reason))
				if l.Source != "" {
					fmt.Fprintf(a.out, "    %s\n", report.Clean(strings.TrimPrefix(l.Evidence+": ", ": ")+l.Source))
				}
			}
			fmt.Fprintf(a.out, "%s, %d acknowledged as odd\n", plural(len(findings), "finding"), len(acknowledged))
			return a.result(findings)
		},
	}
	a.failOnFlag(cmd)
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func newCatalogFmt(a *app) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Rewrite catalog files in canonical form",
		Long: `Fmt writes requirements in minimal normal form and endpoint keys with one space,
and removes trailing blanks. It keeps comments, order and layout. It rewrites files
in place and prints the names of those it changed; - formats standard input to
standard output.`,
		Example: `  permcheck catalog fmt api/permissions.yaml
  permcheck catalog fmt --check api/*.yaml`,
		Args: minArgs(1, "a catalog file"),
		RunE: func(_ *cobra.Command, args []string) error {
			var errs []error
			changed := false
			for _, file := range args {
				diff, err := a.formatFile(file, check)
				if err != nil {
					errs = append(errs, err)
				}
				changed = changed || diff
			}
			if err := errors.Join(errs...); err != nil {
				return err
			}
			if check && changed {
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "change nothing; exit 1 if a file is not in canonical form")
	return cmd
}

func (a *app) formatFile(file string, check bool) (changed bool, err error) {
	var data []byte
	if file == "-" {
		data, err = io.ReadAll(a.in)
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return false, err
	}
	out, err := catalogs.Format(file, data)
	if err != nil {
		return false, err
	}
	changed = !bytes.Equal(data, out)
	switch {
	case file == "-" && !check:
		_, err = a.out.Write(out)
		return changed, err
	case !changed:
		return false, nil
	}
	fmt.Fprintln(a.out, file)
	if check {
		return true, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return true, err
	}
	return true, os.WriteFile(file, out, info.Mode().Perm())
}

func newCatalogSchema(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of catalog files, for editors",
		Example: `  permcheck catalog schema > catalog-1.schema.json
  # then begin a catalog with:
  # yaml-language-server: $schema=./catalog-1.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(schema.Catalog1)
			return err
		},
	}
}

func (a *app) writeJSON(v any) error {
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// exactArgs is [cobra.ExactArgs] with a message that says what is missing.
func exactArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("expected %s, got %s\nusage: %s", what, plural(len(args), "argument"), cmd.UseLine())
		}
		return nil
	}
}

// minArgs is [cobra.MinimumNArgs] with a message that says what is missing.
func minArgs(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("expected %s\nusage: %s", what, cmd.UseLine())
		}
		return nil
	}
}

// plural returns the count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
