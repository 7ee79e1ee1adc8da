package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/grants"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

type grantsFlags struct {
	catalog, calls, explain, holds string
	opts                           grants.Options
}

func newGrants(a *app) *cobra.Command {
	var f grantsFlags
	cmd := &cobra.Command{
		Use:   "grants --catalog CATALOG (--calls FILE | --explain PERMISSION)",
		Short: "Work out the smallest grant for a list of calls, or what a permission opens",
		Long: `Grants matches a list of calls with the rows of a catalog and works out the smallest sets
of permissions that open all of them: what to ask for when a key is made. FILE is a HAR
file, as browsers and proxies export it, or text with a call a line, such as

    GET /positions/17
    GET https://api.example.com/positions?limit=5

or - for standard input. Of several smallest grants the one that opens the fewest other
rows comes first. A permission that implies others, such as a global toggle, is proposed
only where a row names it.

With --holds the grant of an existing key is compared: what it lacks is an error, what it
holds beyond the need a warning. With --explain the question is turned round: which rows,
fields and records one permission opens.

Exit codes: 0 no finding at or above --fail-on, 1 there is one, 2 a call matches no row or
a row whose permission no document states, so that the grant is not known to suffice.`,
		Example: `  permcheck grants --catalog vendor:comeet --calls integration.har --base-path /recruiting
  permcheck grants --catalog api/permissions.yaml --calls calls.txt --holds 'Position:READ & Profile:READ'
  permcheck grants --catalog vendor:eightfold --explain Position:READ`,
		Args: exactArgs(0, "no arguments: the catalog is given with --catalog"),
		RunE: func(*cobra.Command, []string) error { return a.grants(&f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.catalog, "catalog", "", "the catalog: a file, vendor:NAME, or - for standard input")
	fl.StringVar(&f.calls, "calls", "", "file with the calls, one a line or as HAR; - for standard input")
	fl.StringVar(&f.explain, "explain", "", "a permission: list what it opens")
	fl.StringVar(&f.holds, "holds", "", "what a key holds: permissions joined by &, all, none, or all except …")
	fl.StringVar(&f.opts.BasePath, "base-path", "", "what stands before the catalog's paths in the calls, such as /api/v1")
	fl.StringArrayVar(&f.opts.Fields, "field", nil, "a field that is read, such as position.salary_range; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("catalog", completeCatalogs)
	_ = cmd.MarkFlagRequired("catalog")
	cmd.MarkFlagsOneRequired("calls", "explain")
	cmd.MarkFlagsMutuallyExclusive("calls", "explain")
	a.failOnFlag(cmd)
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) grants(f *grantsFlags) error {
	if f.catalog == "-" && f.calls == "-" {
		return errors.New("both --catalog and --calls are -: only one can come from standard input")
	}
	c, err := a.loadCatalog(f.catalog)
	if err != nil {
		return err
	}
	if f.explain != "" {
		if f.holds != "" || f.opts.BasePath != "" || len(f.opts.Fields) > 0 {
			return errors.New("--holds, --base-path and --field belong to --calls")
		}
		return a.explainGrant(c, perm.Permission(f.explain))
	}
	calls, err := a.readCalls(f.calls)
	if err != nil {
		return err
	}
	var held perm.Set
	if f.holds != "" {
		if held, err = conformance.ParseGrant(f.holds, c); err != nil {
			return fmt.Errorf("--holds: %w", err)
		}
	}
	m, err := manners(f.catalog, c)
	if err != nil {
		return err
	}
	if m != nil {
		f.opts.SignIn = m.SignIns()
	}
	need, err := grants.Of(c, calls, f.opts)
	if err != nil {
		return err
	}
	var findings []*report.Finding
	if f.holds != "" {
		findings = heldFindings(need.Compare(held))
	}
	if a.format == "json" {
		err = a.grantsJSON(c, len(calls), need, findings)
	} else {
		a.grantsText(c, need, f.holds != "", findings)
	}
	switch {
	case err != nil:
		return err
	case !need.Whole():
		var why []string
		if k := len(need.Unmatched); k > 0 {
			why = append(why, "the catalog has no row for "+count(k, "kind")+" of call")
		}
		if k := len(need.Unknown); k > 0 {
			why = append(why, "no document says what is required by "+count(k, "called row"))
		}
		return &partialError{strings.Join(why, ", and ") + ": the grant is not known to suffice"}
	case len(need.Smallest) == 0:
		return &partialError{"no grant suffices: a row that is called is open to nobody"}
	}
	return a.result(findings)
}

func (a *app) readCalls(name string) ([]grants.Call, error) {
	if name == "-" {
		return grants.ReadCalls("standard input", a.in)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: give a file with the calls, one a line or as HAR", name)
	}
	return grants.ReadCalls(name, f)
}

// heldFindings turns a comparison into findings.
func heldFindings(h *grants.Held) []*report.Finding {
	var out []*report.Finding
	for _, p := range h.Missing {
		out = append(out, &report.Finding{Rule: "grant-missing", Subject: string(p), Message: fmt.Sprintf("the calls need %s, which the key does not hold", p)})
	}
	for _, s := range h.Stronger {
		out = append(out, &report.Finding{Rule: "grant-surplus", Subject: string(s.Held), Evidence: opensLines(s.Beyond),
			Message: fmt.Sprintf("the key holds %s, where %s would do", s.Held, s.Instead)})
	}
	for _, g := range h.Surplus {
		out = append(out, &report.Finding{Rule: "grant-surplus", Subject: string(g.Permissions[0]), Evidence: surplusLines(&g),
			Message: fmt.Sprintf("the key holds %s, which no call needs", g.Permissions)})
	}
	return out
}

// opensLines lists the first few rows that a surplus opens.
func opensLines(rows []*catalogs.Endpoint) []string {
	const most = 5
	var out []string
	for i, e := range rows {
		if i == most {
			return append(out, fmt.Sprintf("and %d rows more", len(rows)-most))
		}
		out = append(out, "opens "+e.String())
	}
	return out
}

// surplusLines says what a surplus permission gives.
func surplusLines(g *grants.Grant) []string {
	out := opensLines(g.Beyond)
	for _, f := range g.Fields {
		out = append(out, fmt.Sprintf("shows %s.%s; if that is used, say --field %s.%s", f.Object, f.Name, f.Object, f.Name))
	}
	for _, r := range g.Reveals {
		out = append(out, "reveals "+r.Object+conditionsText(r.Conditions))
	}
	return out
}

func (a *app) grantsText(c *catalogs.Catalog, n *grants.Need, compared bool, findings []*report.Finding) {
	st, w := a.styles(), a.out
	calls := 0
	for _, r := range slices.Concat(n.Rows, n.Unknown) {
		calls += r.Calls
	}
	fmt.Fprintf(w, "%s of %s of catalog %s\n\n", count(calls, "call"), count(len(n.Rows)+len(n.Unknown), "row"), report.Clean(c.Name))
	for i, g := range n.Smallest {
		switch {
		case i == 0 && len(n.Smallest) == 1:
			fmt.Fprintln(w, st.Bold.Sprint("The smallest grant:"))
		case i == 0:
			fmt.Fprintln(w, st.Bold.Sprintf("%d smallest grants, those that open the fewest other rows first:", len(n.Smallest)))
		case i == 10:
			fmt.Fprintf(w, "\nand %d more: --format json lists them\n", len(n.Smallest)-i)
		default:
			fmt.Fprintf(w, "\nor:\n")
		}
		if i == 10 {
			break
		}
		for _, p := range g.Permissions {
			fmt.Fprintf(w, "  %s%s\n", report.Clean(string(p)), label(c, p))
		}
		if len(g.Permissions) == 0 {
			fmt.Fprintln(w, "  none")
		}
		fmt.Fprintf(w, "  %s\n", st.Note.Sprintf("opens %s besides those called%s", count(len(g.Beyond), "row"), someRows(g.Beyond)))
		for _, r := range g.Reveals {
			fmt.Fprintf(w, "  %s\n", st.Note.Sprint("reveals "+report.Clean(r.Object+conditionsText(r.Conditions))))
		}
	}
	if len(n.Smallest) == 0 {
		fmt.Fprintln(w, st.Bold.Sprint("No grant suffices."))
	}
	fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint("What asks for it:"))
	for _, r := range n.Rows {
		fmt.Fprintf(w, "  %s  %s  %s\n", report.Clean(r.Endpoint.String()), report.Clean(r.Need.String()), st.Note.Sprint(callCount(&r)))
	}
	if len(n.Unknown) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Severity(report.Warning).Sprint("Not known: no document says what these rows require"))
		for _, r := range n.Unknown {
			fmt.Fprintf(w, "  %s  %s\n", report.Clean(r.Endpoint.String()), st.Note.Sprint(callCount(&r)))
		}
	}
	if len(n.Unmatched) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Severity(report.Warning).Sprint("Not in the catalog:"))
		for _, u := range n.Unmatched {
			fmt.Fprintf(w, "  %s: %s%s\n", report.Clean(u.Pos), report.Clean(u.String()), hintText(u.Hint))
		}
	}
	if len(n.Shown) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint("Answers held these fields; if they are used, add them with --field:"))
		for _, f := range n.Shown {
			fmt.Fprintf(w, "  %s  %s\n", report.Clean(f.Object+"."+f.Name), report.Clean(f.Requires.String()))
		}
	}
	if n.SignIns > 0 {
		fmt.Fprintf(w, "\n%s to sign in, for which no permission is needed\n", count(n.SignIns, "call"))
	}
	if elsewhere(n) > 0 {
		fmt.Fprintf(w, "\n%s to other hosts left out: %s\n", count(elsewhere(n), "call"), report.Clean(strings.Join(slices.Sorted(maps.Keys(n.Elsewhere)), ", ")))
	}
	if !compared {
		return
	}
	fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint("The key that was given:"))
	if len(findings) == 0 {
		fmt.Fprintln(w, "  holds what the calls need, and nothing else")
	}
	for _, f := range findings {
		fmt.Fprintf(w, "  %s %s\n", st.Severity(f.Severity()).Sprint(f.Severity()), report.Clean(f.Message))
		for _, line := range f.Evidence {
			fmt.Fprintf(w, "      %s\n", st.Note.Sprint(report.Clean(line)))
		}
	}
}

func elsewhere(n *grants.Need) (calls int) {
	for _, k := range n.Elsewhere {
		calls += k
	}
	return calls
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func callCount(r *grants.Row) string {
	text := count(r.Calls, "call")
	if r.Refused > 0 {
		text += fmt.Sprintf(", %d of them refused when they were recorded", r.Refused)
	}
	return text
}

func hintText(hint string) string {
	if hint == "" {
		return ""
	}
	return " (" + report.Clean(hint) + ")"
}

func label(c *catalogs.Catalog, p perm.Permission) string {
	for i := range c.Permissions {
		if c.Permissions[i].ID == p && c.Permissions[i].Label != "" {
			return "  " + report.Clean(c.Permissions[i].Label)
		}
	}
	return ""
}

// someRows names a few rows in brackets.
func someRows(rows []*catalogs.Endpoint) string {
	if len(rows) == 0 {
		return ""
	}
	var names []string
	for _, e := range rows[:min(3, len(rows))] {
		names = append(names, report.Clean(e.String()))
	}
	if len(rows) > 3 {
		names = append(names, "…")
	}
	return ": " + strings.Join(names, ", ")
}

type jsonCalledRow struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Requires string `json:"requires"`
	Calls    int    `json:"calls"`
	Refused  int    `json:"refused,omitempty"`
}

func calledRows(rows []grants.Row) []jsonCalledRow {
	out := []jsonCalledRow{}
	for _, r := range rows {
		out = append(out, jsonCalledRow{r.Endpoint.Method, r.Endpoint.Path, r.Need.String(), r.Calls, r.Refused})
	}
	return out
}

func endpointNames(rows []*catalogs.Endpoint) []string {
	out := []string{}
	for _, e := range rows {
		out = append(out, e.String())
	}
	return out
}

func (a *app) grantsJSON(c *catalogs.Catalog, calls int, n *grants.Need, findings []*report.Finding) error {
	type grantJSON struct {
		Permissions perm.Set `json:"permissions"`
		Beyond      []string `json:"beyond"`
		Reveals     []string `json:"reveals,omitempty"`
	}
	type unmatchedJSON struct {
		Method   string `json:"method"`
		Path     string `json:"path"`
		Host     string `json:"host,omitempty"`
		Position string `json:"position"`
		Calls    int    `json:"calls"`
		Hint     string `json:"hint,omitempty"`
	}
	type fieldJSON struct {
		Field    string `json:"field"`
		Requires string `json:"requires"`
	}
	out := struct {
		Version   int               `json:"version"`
		Catalog   string            `json:"catalog"`
		Calls     int               `json:"calls"`
		Grants    []grantJSON       `json:"grants"`
		Rows      []jsonCalledRow   `json:"rows"`
		Unknown   []jsonCalledRow   `json:"unknown"`
		Unmatched []unmatchedJSON   `json:"unmatched"`
		Elsewhere map[string]int    `json:"elsewhere,omitempty"`
		SignIns   int               `json:"sign_ins,omitempty"`
		Shown     []fieldJSON       `json:"shown"`
		Findings  []*report.Finding `json:"findings"`
	}{Version: 1, Catalog: c.Name, Calls: calls, Grants: []grantJSON{}, Rows: calledRows(n.Rows), Unknown: calledRows(n.Unknown),
		Unmatched: []unmatchedJSON{}, Elsewhere: n.Elsewhere, SignIns: n.SignIns, Shown: []fieldJSON{}, Findings: findings}
	if out.Findings == nil {
		out.Findings = []*report.Finding{}
	}
	for _, g := range n.Smallest {
		j := grantJSON{Permissions: append(perm.Set{}, g.Permissions...), Beyond: endpointNames(g.Beyond)}
		for _, r := range g.Reveals {
			j.Reveals = append(j.Reveals, r.Object+conditionsText(r.Conditions))
		}
		out.Grants = append(out.Grants, j)
	}
	for _, u := range n.Unmatched {
		out.Unmatched = append(out.Unmatched, unmatchedJSON{u.Method, u.Path, u.Host, u.Pos, u.Calls, u.Hint})
	}
	for _, f := range n.Shown {
		out.Shown = append(out.Shown, fieldJSON{f.Object + "." + f.Name, f.Requires.String()})
	}
	return writeIndented(a.out, out)
}

func writeIndented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func (a *app) explainGrant(c *catalogs.Catalog, p perm.Permission) error {
	o, err := grants.Explain(c, p)
	if err != nil {
		return fmt.Errorf("--explain: %w", err)
	}
	if a.format == "json" {
		return a.opensJSON(c, o)
	}
	st, w := a.styles(), a.out
	fmt.Fprintf(w, "%s%s\n", st.Bold.Sprint(report.Clean(string(o.Permission.ID))), label(c, o.Permission.ID))
	if len(o.Permission.Aliases) > 0 {
		fmt.Fprintf(w, "also written %s\n", report.Clean(perm.NewSet(o.Permission.Aliases...).String()))
	}
	if len(o.Implies) > 0 {
		fmt.Fprintf(w, "implies %d others: %s\n", len(o.Implies), report.Clean(o.Implies.String()))
	}
	if len(o.ImpliedBy) > 0 {
		fmt.Fprintf(w, "implied by %s\n", report.Clean(o.ImpliedBy.String()))
	}
	if len(o.Alone) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Bold.Sprintf("Opens %s:", count(len(o.Alone), "row")))
		section := ""
		for _, e := range o.Alone {
			if e.Section != section {
				section = e.Section
				fmt.Fprintf(w, "  %s\n", st.Note.Sprint(report.Clean(section)))
			}
			fmt.Fprintf(w, "  %s\n", report.Clean(e.String()))
		}
	}
	if len(o.Together) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Bold.Sprintf("Opens %s together with others:", count(len(o.Together), "row")))
		for _, t := range o.Together {
			var with []string
			for _, s := range t.With {
				with = append(with, s.String())
			}
			fmt.Fprintf(w, "  %s  with %s\n", report.Clean(t.Endpoint.String()), report.Clean(strings.Join(with, ", or ")))
		}
	}
	if len(o.Fields) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint("Shows fields:"))
		for _, f := range o.Fields {
			fmt.Fprintf(w, "  %s\n", report.Clean(f.Object+"."+f.Name))
		}
	}
	if len(o.Records) > 0 {
		fmt.Fprintf(w, "\n%s\n", st.Bold.Sprint("Reveals records:"))
		for _, r := range o.Records {
			fmt.Fprintf(w, "  %s%s\n", report.Clean(r.Object), report.Clean(conditionsText(r.Conditions)))
		}
	}
	for _, r := range o.Shared {
		var names []string
		for _, s := range r.Sharing {
			names = append(names, s.Name)
		}
		fmt.Fprintf(w, "\nWhich records of %s a key sees is chosen for each key: %s.\n", report.Clean(r.Object), report.Clean(strings.Join(names, ", ")))
	}
	if len(o.Alone)+len(o.Together)+len(o.Fields)+len(o.Records) == 0 {
		text := "The catalog has nothing that it opens."
		if o.Permission.EndpointsUnknown {
			text = "No document says which endpoints it opens."
		}
		fmt.Fprintf(w, "\n%s\n", text)
	}
	return nil
}

func conditionsText(conds []catalogs.Condition) string {
	if len(conds) == 0 {
		return ": all"
	}
	var parts []string
	for _, c := range conds {
		op := " is "
		if c.Not {
			op = " is not "
		}
		parts = append(parts, c.Attribute+op+c.Value)
	}
	return " where " + strings.Join(parts, " and ")
}

func (a *app) opensJSON(c *catalogs.Catalog, o *grants.Opens) error {
	type togetherJSON struct {
		Endpoint string     `json:"endpoint"`
		With     []perm.Set `json:"with"`
	}
	type recordJSON struct {
		Object string `json:"object"`
		Where  string `json:"where"`
	}
	out := struct {
		Version    int             `json:"version"`
		Catalog    string          `json:"catalog"`
		Permission perm.Permission `json:"permission"`
		Implies    perm.Set        `json:"implies"`
		ImpliedBy  perm.Set        `json:"implied_by"`
		Alone      []string        `json:"alone"`
		Together   []togetherJSON  `json:"together"`
		Fields     []string        `json:"fields"`
		Records    []recordJSON    `json:"records"`
		Sharing    []string        `json:"sharing"`
	}{Version: 1, Catalog: c.Name, Permission: o.Permission.ID, Implies: append(perm.Set{}, o.Implies...), ImpliedBy: append(perm.Set{}, o.ImpliedBy...),
		Alone: endpointNames(o.Alone), Together: []togetherJSON{}, Fields: []string{}, Records: []recordJSON{}, Sharing: []string{}}
	for _, t := range o.Together {
		out.Together = append(out.Together, togetherJSON{t.Endpoint.String(), t.With})
	}
	for _, f := range o.Fields {
		out.Fields = append(out.Fields, f.Object+"."+f.Name)
	}
	for _, r := range o.Records {
		out.Records = append(out.Records, recordJSON{r.Object, strings.TrimPrefix(strings.TrimPrefix(conditionsText(r.Conditions), " where "), ": ")})
	}
	for _, r := range o.Shared {
		out.Sharing = append(out.Sharing, r.Object)
	}
	return writeIndented(a.out, out)
}
