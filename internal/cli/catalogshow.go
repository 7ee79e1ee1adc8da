package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
)

func newCatalogShow(a *app) *cobra.Command {
	var check string
	cmd := &cobra.Command{
		Use:   "show CATALOG",
		Short: "Print a catalog's table, or a page or document made of it",
		Long: `Show prints what a catalog says: as a table, a markdown page, an OpenAPI document, CSV
or JSON. With --check it prints nothing but what a committed file lacks, and exits with
1 when the file is stale.`,
		Example: `  permcheck catalog show vendor:eightfold
  permcheck catalog show --format markdown api/permissions.yaml > docs/permissions.md
  permcheck catalog show --format markdown --check docs/permissions.md api/permissions.yaml
  permcheck catalog show --format openapi vendor:personio > personio.yaml`,
		Args:              exactArgs(1, "a catalog"),
		ValidArgsFunction: completeCatalogs,
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := a.loadCatalog(args[0])
			if err != nil {
				return err
			}
			st := a.styles()
			if check != "" {
				st = report.NewStyles(false)
			}
			var b bytes.Buffer
			if err := showCatalog(&b, c, a.format, args[0], st); err != nil {
				return err
			}
			if check == "" {
				_, err = a.out.Write(b.Bytes())
				return err
			}
			have, err := os.ReadFile(check)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s does not exist: type permcheck catalog show --format %s %s > %s", check, a.format, args[0], check)
			}
			if err != nil {
				return err
			}
			if bytes.Equal(bytes.ReplaceAll(have, []byte("\r\n"), []byte("\n")), b.Bytes()) {
				return nil
			}
			fmt.Fprintf(a.out, "%s is stale: type permcheck catalog show --format %s %s > %s\n", check, a.format, args[0], check)
			fmt.Fprint(a.out, report.CleanLines(string(diff.Diff(check, have, args[0], b.Bytes()))))
			return errFindings
		},
	}
	cmd.Flags().StringVar(&check, "check", "", "print no page; exit 1 if this `file` is not what would be printed")
	a.formatFlag(cmd, "text", "json", "markdown", "openapi", "csv")
	return cmd
}

// showCatalog renders a catalog; ref is how it was named.
func showCatalog(w io.Writer, c *catalogs.Catalog, format, ref string, st report.Styles) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(catalogJSON(c))
	case "openapi":
		_, err := w.Write(openapi.Write(c))
		return err
	case "csv":
		return catalogCSV(w, c)
	case "markdown":
		return catalogMarkdown(w, c, ref)
	}
	return catalogText(w, c, st)
}

// catalogCSV writes one line for each endpoint.
func catalogCSV(w io.Writer, c *catalogs.Catalog) error {
	cw := csv.NewWriter(w)
	_ = cw.Write([]string{"method", "path", "requires", "section", "effect", "lists", "gets", "same-as", "source", "evidence", "odd"})
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		requires := ""
		if e.Requires != nil {
			requires = e.Requires.String()
		}
		_ = cw.Write([]string{methodName(e.Method), e.Path, requires, e.Section, string(e.Effect), e.Lists, e.Gets, e.SameAs, e.Source, e.Evidence, e.Odd})
	}
	cw.Flush()
	return cw.Error() // of whatever line
}

// catalogMarkdown writes a page for people.
func catalogMarkdown(w io.Writer, c *catalogs.Catalog, ref string) error {
	var b strings.Builder
	md := report.MarkdownText
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + strings.NewReplacer("|", `\|`, "`", "'", "\n", " ").Replace(report.Clean(s)) + "`"
	}
	table := func(columns ...string) {
		fmt.Fprintf(&b, "\n| %s |\n%s|\n", strings.Join(columns, " | "), strings.Repeat("|---", len(columns)))
	}
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }

	fmt.Fprintf(&b, "# %s\n\n<!-- Made by: permcheck catalog show --format markdown %s -->\n\n", md(c.Name), strings.ReplaceAll(report.Clean(ref), "--", "- -"))
	fmt.Fprintf(&b, "%s, %s", plural(len(c.Endpoints), "endpoint"), plural(len(c.Permissions), "permission"))
	if n := countUnknown(c); n > 0 {
		fmt.Fprintf(&b, ", %d of unknown requirement", n)
	}
	b.WriteString(".\n")

	if len(c.Permissions) > 0 {
		b.WriteString("\n## Permissions\n")
		table("permission", "label", "implies", "opens", "evidence")
		for i := range c.Permissions {
			p := &c.Permissions[i]
			label := md(p.Label)
			if len(p.Aliases) > 0 {
				names := make([]string, len(p.Aliases))
				for i, a := range p.Aliases {
					names[i] = code(string(a))
				}
				label = strings.TrimSpace(label + " also written " + strings.Join(names, ", "))
			}
			row(code(string(p.ID)), label, code(strings.Join(p.Implies, " & ")), opens(c, p), md(p.Evidence))
		}
	}
	section := "\x00"
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.Section != section {
			section = e.Section
			title := section
			if title == "" {
				title = "Endpoints"
			}
			fmt.Fprintf(&b, "\n## %s\n", md(title))
			table("endpoint", "requires", "notes", "evidence")
		}
		requires := "nothing declared"
		if e.Requires != nil {
			requires = code(e.Requires.String())
		}
		row(code(methodName(e.Method)+" "+e.Path), requires, md(strings.Join(remarks(e), "; ")), md(e.Evidence))
	}
	if len(c.Fields) > 0 {
		b.WriteString("\n## Fields\n")
		table("field", "requires", "evidence")
		for _, f := range c.Fields {
			var needs []string
			if f.Requires != nil {
				needs = append(needs, code(f.Requires.String()))
			}
			if f.NeedsListed != "" {
				needs = append(needs, "listed under "+code(f.NeedsListed))
			}
			row(code(f.Object+"."+f.Name), strings.Join(needs, ", "), md(f.Evidence))
		}
	}
	if len(c.Records) > 0 {
		b.WriteString("\n## Records\n")
		table("records", "chosen by", "shown")
		for _, r := range c.Records {
			for _, list := range []struct {
				by      string
				options []catalogs.Option
			}{{"sharing", r.Sharing}, {"permission", r.Grants}} {
				for _, o := range list.options {
					row(code(r.Object), list.by+" "+code(o.Name), md(conditions(o)))
				}
			}
		}
	}
	if len(c.AllowLists) > 0 {
		b.WriteString("\n## Allow lists\n")
		table("list", "of", "always shown", "not listed")
		for _, l := range c.AllowLists {
			row(code(l.Name), code(l.Of), md(strings.Join(l.Always, ", ")), md(l.Unlisted))
		}
	}
	if lines := keyLines(c); len(lines) > 0 {
		b.WriteString("\n## Keys\n\n")
		for _, l := range lines {
			fmt.Fprintf(&b, "- %s\n", md(l))
		}
	}
	if len(c.Sources) > 0 {
		b.WriteString("\n## Sources\n\n")
		for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
			fmt.Fprintf(&b, "- %s: %s\n", md(name), md(c.Sources[name]))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// opens says how much a permission is asked for.
func opens(c *catalogs.Catalog, p *catalogs.Permission) string {
	endpoints, fields := 0, 0
	for i := range c.Endpoints {
		if r := c.Endpoints[i].Requires; r != nil && r.Permissions().Has(p.ID) {
			endpoints++
		}
	}
	for _, f := range c.Fields {
		if f.Requires != nil && f.Requires.Permissions().Has(p.ID) {
			fields++
		}
	}
	var parts []string
	if endpoints > 0 {
		parts = append(parts, plural(endpoints, "endpoint"))
	}
	if fields > 0 {
		parts = append(parts, plural(fields, "field"))
	}
	if len(parts) == 0 && p.EndpointsUnknown {
		return "unknown"
	}
	return strings.Join(parts, ", ")
}

// remarks are what a row says besides its requirement.
func remarks(e *catalogs.Endpoint) []string {
	var out []string
	if e.Effect != "" {
		out = append(out, string(e.Effect)+"s")
	}
	if e.Lists != "" {
		out = append(out, "lists "+e.Lists)
	}
	if e.Gets != "" {
		out = append(out, "gets "+e.Gets)
	}
	for _, list := range slices.Sorted(maps.Keys(e.NeedsListed)) {
		out = append(out, fmt.Sprintf("needs %s on the list %s", e.NeedsListed[list], list))
	}
	for _, list := range e.Ignores {
		out = append(out, "ignores the list "+list)
	}
	if e.SameAs != "" {
		out = append(out, "same as "+e.SameAs)
	}
	if e.Odd != "" {
		out = append(out, e.Odd)
	}
	return out
}

// conditions says which rows an option shows.
func conditions(o catalogs.Option) string {
	var parts []string
	for _, c := range o.Conditions {
		op := "is"
		if c.Not {
			op = "is not"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", c.Attribute, op, c.Value))
	}
	if len(parts) == 0 {
		return "every row"
	}
	return strings.Join(parts, " and ")
}

// keyLines say how keys are refused, and how they live.
func keyLines(c *catalogs.Catalog) []string {
	var out []string
	form := func(who string, d catalogs.Denial) {
		if !d.Known() {
			return
		}
		text := who + " is answered " + strconv.Itoa(d.Status)
		for _, k := range slices.Sorted(maps.Keys(d.Body)) {
			text += fmt.Sprintf(" with %s: %v", k, d.Body[k])
		}
		out = append(out, text)
	}
	form("a request without a valid key", c.Refused.Anonymous)
	form("a credential that is no living key", c.Refused.Invalid)
	form("a key without the permission", c.Refused.Forbidden)
	if c.Browsers != "" {
		out = append(out, "pages of other origins are "+string(c.Browsers))
	}
	cr := &c.Credentials
	if cr.GrantsChange != "" {
		out = append(out, "a changed grant takes effect "+cr.GrantsChange)
	}
	for _, s := range slices.Sorted(maps.Keys(cr.States)) {
		out = append(out, fmt.Sprintf("a key that is %s is %s", s, cr.States[s]))
	}
	for _, s := range slices.Sorted(maps.Keys(cr.Actions)) {
		out = append(out, fmt.Sprintf("the action %s leads to %s", s, cr.Actions[s]))
	}
	if cr.LiveTokens != "" {
		out = append(out, "tokens that were issued to a disabled key are "+cr.LiveTokens)
	}
	return out
}

// catalogText prints the table for a terminal.
func catalogText(out io.Writer, c *catalogs.Catalog, st report.Styles) error {
	var b strings.Builder
	unknown := countUnknown(c)
	fmt.Fprintf(&b, "%s: %d endpoints, %d permissions", st.Bold.Sprint(report.Clean(c.Name)), len(c.Endpoints), len(c.Permissions))
	if unknown > 0 {
		fmt.Fprintf(&b, ", %s", st.Warn.Sprintf("%d of unknown requirement", unknown))
	}
	fmt.Fprintln(&b)
	methodWidth, pathWidth := 0, 0
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		methodWidth, pathWidth = max(methodWidth, len(methodName(e.Method))), max(pathWidth, len(e.Path))
	}
	pathWidth = min(pathWidth, 90)
	section := "\x00"
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.Section != section {
			section = e.Section
			fmt.Fprintln(&b)
			if section != "" {
				fmt.Fprintln(&b, st.Bold.Sprint(report.Clean(section)))
			}
		}
		req := e.Requires.String()
		style := st.Good
		switch {
		case e.Requires.IsUnknown():
			style = st.Dim
		case e.Requires.IsPublic():
			style = st.Warn
		}
		fmt.Fprintf(&b, "  %-*s %-*s  %s", methodWidth, methodName(e.Method), pathWidth, report.Clean(e.Path), style.Sprint(report.Clean(req)))
		if e.Odd != "" {
			fmt.Fprintf(&b, "  %s", st.Dim.Sprintf("# %s", report.Clean(e.Odd)))
		}
		fmt.Fprintln(&b)
	}
	used := perm.Set{}
	for i := range c.Endpoints {
		used = used.Union(c.Endpoints[i].Requires.Permissions())
	}
	var others []catalogs.Permission
	for _, p := range c.Permissions {
		if !used.Has(p.ID) {
			others = append(others, p)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(&b, "\n%s\n", st.Bold.Sprint("Permissions that open no endpoint of their own"))
		for _, p := range others {
			fmt.Fprintf(&b, "  %s", p.ID)
			for _, f := range c.Fields {
				if f.Requires != nil && f.Requires.Permissions().Has(p.ID) {
					fmt.Fprintf(&b, "  %s", st.Note.Sprintf("field %s.%s", f.Object, f.Name))
				}
			}
			if len(p.Implies) > 0 {
				fmt.Fprintf(&b, "  %s", st.Note.Sprintf("implies %s", strings.Join(p.Implies, " & ")))
			}
			if p.EndpointsUnknown {
				fmt.Fprintf(&b, "  %s", st.Dim.Sprint("endpoints unknown"))
			}
			fmt.Fprintln(&b)
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
