package cli

import (
	"bytes"
	"cmp"
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
	"github.com/permcheck/permcheck/catalogs/openapi/full"
	"github.com/permcheck/permcheck/internal/report"
)

func newCatalogShow(a *app) *cobra.Command {
	var check string
	cmd := &cobra.Command{
		Use:   "show CATALOG",
		Short: "Print a catalog's table, or a page or document made of it",
		Long: `Show prints what a catalog says: as a table, a page in markdown or HTML, an OpenAPI document,
CSV or JSON. With --check it prints nothing but what a committed file lacks, and exits with
1 when the file is stale.`,
		Example: `  permcheck catalog show vendor:eightfold
  permcheck catalog show --format markdown api/permissions.yaml > docs/permissions.md
  permcheck catalog show --format markdown --check docs/permissions.md api/permissions.yaml
  permcheck catalog show --format html vendor:comeet > comeet.html
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
	a.formatFlag(cmd, "text", "json", "markdown", "html", "openapi", "csv")
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
		text, err := full.Write(c)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	case "csv":
		return catalogCSV(w, c)
	case "markdown":
		return catalogPage(c, format, ref).WriteMarkdown(w)
	case "html":
		return catalogPage(c, format, ref).WriteHTML(w)
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

// endpointColumn heads the tables of endpoints.
const endpointColumn = "endpoint"

// catalogPage is a catalog as a page for people; ref is how it was named.
func catalogPage(c *catalogs.Catalog, format, ref string) *report.Document {
	d := &report.Document{Title: c.Name, Made: "permcheck catalog show --format " + format + " " + ref}
	d.Intro = fmt.Sprintf("%s, %s", plural(len(c.Endpoints), "endpoint"), plural(len(c.Permissions), "permission"))
	if n := countUnknown(c); n > 0 {
		d.Intro += fmt.Sprintf(", %d of unknown requirement", n)
	}
	d.Intro += "."
	words, code := report.Words, report.Code
	// proof is how well a row is known, and where from.
	proof := func(evidence, source string) report.Line {
		if evidence == "" {
			return nil
		}
		tone := map[string]report.Tone{"documented": report.ToneGood, "unknown": report.ToneWarn}[evidence]
		return report.Line{{Text: evidence, Link: cmp.Or(c.Sources[source], source), Tone: tone}}
	}
	add := func(s report.Section) {
		if len(s.Rows)+len(s.Lines) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}

	permissions := report.Section{Title: "Permissions", Columns: []string{"permission", "label", "implies", "opens", "evidence"}}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		label := words(p.Label)
		for i, a := range p.Aliases {
			before := ", "
			if i == 0 {
				before = " also written "
				if len(label) == 0 {
					before = before[1:]
				}
			}
			label = append(label, report.Span{Text: before}, report.Span{Text: string(a), Code: true})
		}
		permissions.Rows = append(permissions.Rows, []report.Line{code(string(p.ID)), label, code(strings.Join(p.Implies, " & ")), words(opens(c, p)), proof(p.Evidence, p.Source)})
	}
	if format != "markdown" {
		permissions.Tree = permissionTree(c)
	}
	add(permissions)

	var section *report.Section
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		title := cmp.Or(e.Section, "Endpoints")
		if section == nil || i > 0 && c.Endpoints[i-1].Section != e.Section {
			if section != nil {
				add(*section)
			}
			section = &report.Section{Title: title, Columns: []string{endpointColumn, "requires", "notes", "evidence"}}
		}
		requires := words("nothing declared")
		if e.Requires != nil {
			requires = code(e.Requires.String())
			if e.Requires.IsUnknown() || e.Requires.IsPublic() {
				requires[0].Tone = report.ToneWarn
			}
		}
		section.Rows = append(section.Rows, []report.Line{code(methodName(e.Method) + " " + e.Path), requires, words(strings.Join(remarks(e), "; ")), proof(e.Evidence, e.Source)})
	}
	if section != nil {
		add(*section)
	}

	fields := report.Section{Title: "Fields", Columns: []string{"field", "requires", "evidence"}}
	for _, f := range c.Fields {
		var needs report.Line
		if f.Requires != nil {
			needs = code(f.Requires.String())
		}
		if f.NeedsListed != "" {
			listed := "listed under "
			if len(needs) > 0 {
				listed = ", " + listed
			}
			needs = append(needs, report.Span{Text: listed}, report.Span{Text: f.NeedsListed, Code: true})
		}
		fields.Rows = append(fields.Rows, []report.Line{code(f.Object + "." + f.Name), needs, proof(f.Evidence, f.Source)})
	}
	add(fields)

	records := report.Section{Title: "Records", Columns: []string{"records", "chosen by", "shown"}}
	for _, r := range c.Records {
		for _, list := range []struct {
			by      string
			options []catalogs.Option
		}{{"sharing", r.Sharing}, {"permission", r.Grants}} {
			for _, o := range list.options {
				records.Rows = append(records.Rows, []report.Line{code(r.Object), {{Text: list.by + " "}, {Text: o.Name, Code: true}}, words(conditions(o))})
			}
		}
	}
	add(records)

	lists := report.Section{Title: "Allow lists", Columns: []string{"list", "of", "always shown", "not listed"}}
	for _, l := range c.AllowLists {
		lists.Rows = append(lists.Rows, []report.Line{code(l.Name), code(l.Of), words(strings.Join(l.Always, ", ")), words(l.Unlisted)})
	}
	add(lists)

	keys := report.Section{Title: "Keys"}
	for _, l := range keyLines(c) {
		keys.Lines = append(keys.Lines, words(l))
	}
	add(keys)

	sources := report.Section{Title: "Sources"}
	for _, name := range slices.Sorted(maps.Keys(c.Sources)) {
		sources.Lines = append(sources.Lines, report.Line{{Text: name + ": "}, {Text: c.Sources[name], Link: c.Sources[name]}})
	}
	add(sources)
	return d
}

// permissionTree groups permissions by the parts of their names: Profile, Note, READ. Parts are
// parted by colons; in a name without one, by dots.
func permissionTree(c *catalogs.Catalog) []*report.Branch {
	root := &report.Branch{}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		at, parts := root, strings.Split(string(p.ID), ":")
		if len(parts) == 1 {
			parts = strings.Split(string(p.ID), ".")
		}
		for _, part := range parts {
			n := slices.IndexFunc(at.Branches, func(b *report.Branch) bool { return b.Name == part })
			if n < 0 {
				at.Branches = append(at.Branches, &report.Branch{Name: part})
				n = len(at.Branches) - 1
			}
			at = at.Branches[n]
		}
		about := []string{opens(c, p)}
		if len(p.Implies) > 0 {
			about = append(about, "implies "+strings.Join(p.Implies, " & "))
		}
		text := strings.TrimPrefix(strings.Join(about, ", "), ", ")
		if p.Label != "" {
			text = strings.TrimSuffix(p.Label+" ("+text+")", " ()")
		}
		at.About = report.Words(text)
	}
	return root.Branches
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
	for _, also := range e.Also {
		out = append(out, fmt.Sprintf("%s in %s", also.Path, also.Source))
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
		switch {
		case c.Open():
			parts = append(parts, "perhaps "+c.Attribute+" is false")
		case c.Not:
			parts = append(parts, c.Attribute+" is not "+c.Value)
		default:
			parts = append(parts, c.Attribute+" is "+c.Value)
		}
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
	if cr.SentIn != "" {
		out = append(out, strings.TrimSuffix(fmt.Sprintf("a key is shown in the %s as %s", cr.SentIn, cr.Scheme), " as "))
	}
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

// evidence counts the rows by how well they are known.
func evidence(c *catalogs.Catalog) string {
	counts := map[string]int{}
	for i := range c.Endpoints {
		if e := c.Endpoints[i].Evidence; e != "" {
			counts[e]++
		}
	}
	var parts []string
	for _, e := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[e], report.Clean(e)))
	}
	return strings.Join(parts, ", ")
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
	if known := evidence(c); known != "" {
		fmt.Fprintf(&b, "%s\n", st.Dim.Sprintf("evidence: %s", known))
	}
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
		if e.Evidence != "" && e.Evidence != "documented" && !e.Requires.IsUnknown() {
			fmt.Fprintf(&b, "  %s", st.Dim.Sprint(report.Clean(e.Evidence)))
		}
		if e.Odd != "" {
			fmt.Fprintf(&b, "  %s", st.Dim.Sprintf("# %s", report.Clean(e.Odd)))
		}
		fmt.Fprintln(&b)
	}
	for _, section := range catalogPage(c, "text", "").Sections {
		switch {
		case len(section.Columns) > 0 && section.Columns[0] == endpointColumn, section.Title == "Sources" && section.Columns == nil:
			continue // which stand above, or in markdown and HTML
		case section.Tree != nil:
			section.Rows = nil // which say the same
		}
		section.WriteText(&b, st)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
