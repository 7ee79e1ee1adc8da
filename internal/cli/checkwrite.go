package cli

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/internal/report"
)

// checkSummary counts what check saw.
type checkSummary struct {
	Services   int `json:"services"`
	Endpoints  int `json:"endpoints"`
	Agree      int `json:"agree"`      // endpoints on which the witnesses that have them agree
	Differ     int `json:"differ"`     // endpoints with findings that count
	Unverified int `json:"unverified"` // endpoints that one witness cannot speak about
	Errors     int `json:"errors"`
	Warnings   int `json:"warnings"`
	Infos      int `json:"infos"`
	Known      int `json:"known"`      // findings that the file of known findings accepts
	Base       int `json:"base"`       // findings that the base has too
	Ignored    int `json:"ignored"`    // routes excused by ignore-routes
	Unresolved int `json:"unresolved"` // registrations that could not be read
}

func (c *checked) sum(findings []*report.Finding) checkSummary {
	s := checkSummary{Services: len(c.units), Known: c.known, Base: c.old, Ignored: c.summary.Ignored, Unresolved: c.summary.Unresolved}
	for _, u := range c.units {
		for _, r := range u.all() {
			s.Endpoints++
			switch {
			case len(r.parts) > 0:
				s.Differ++
			case r.accepted:
			case r.Unverified():
				s.Unverified++
			default:
				s.Agree++
			}
		}
	}
	for _, f := range findings {
		switch f.Severity() {
		case report.Error:
			s.Errors++
		case report.Warning:
			s.Warnings++
		default:
			s.Infos++
		}
	}
	return s
}

func (s checkSummary) text() string {
	parts := []string{fmt.Sprintf("%s, %d agree, %d differ: %s, %s, %d for information",
		plural(s.Endpoints, "endpoint"), s.Agree, s.Differ, plural(s.Errors, "error"), plural(s.Warnings, "warning"), s.Infos)}
	if s.Unverified > 0 {
		parts = append(parts, plural(s.Unverified, "endpoint")+" unverified: a witness does not say what it requires")
	}
	if s.Known > 0 {
		parts = append(parts, plural(s.Known, "known finding")+" suppressed")
	}
	if s.Base > 0 {
		parts = append(parts, plural(s.Base, "finding")+" of the base left out")
	}
	if s.Ignored > 0 {
		parts = append(parts, fmt.Sprintf("%d ignored by %s", s.Ignored, catalogs.ConfigName))
	}
	if s.Unresolved > 0 {
		parts = append(parts, plural(s.Unresolved, "registration")+" not read")
	}
	return strings.Join(parts, "; ")
}

// writeCheck prints what was found in the format that was asked for.
func (a *app) writeCheck(c *checked, o checkOptions) error {
	findings := c.findings()
	switch a.format {
	case "json":
		return a.writeJSON(c.json(findings))
	case "text":
		return a.writeCheckText(c, findings, o)
	case "html":
		return c.page(a, findings).Write(a.out)
	}
	if a.format != "markdown" { // which has them
		for _, n := range c.notes {
			fmt.Fprintf(a.err, "permcheck: note: %s\n", report.Clean(n))
		}
	}
	return report.WriteAll(a.out, a.format, c.reports(a))
}

func (a *app) writeCheckText(c *checked, findings []*report.Finding, o checkOptions) error {
	st := a.styles()
	var b strings.Builder
	for _, u := range c.units {
		if u.Name != "" {
			fmt.Fprintf(&b, "%s: ", st.Bold.Sprint(report.Clean(u.Name)))
		}
		fmt.Fprintln(&b, report.Clean(u.describe()))
		if columns, rows := u.cells(o.all); len(rows) > 0 {
			b.WriteByte('\n')
			tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, strings.Join(columns, "\t"))
			for _, r := range rows {
				for i := range r {
					r[i] = short40(report.Clean(r[i]), i)
				}
				fmt.Fprintln(tw, strings.Join(r, "\t"))
			}
			tw.Flush()
			b.WriteByte('\n')
		}
	}
	if len(findings) > 0 && !strings.HasSuffix(b.String(), "\n\n") {
		b.WriteByte('\n')
	}
	for _, f := range findings {
		st.WriteFinding(&b, f)
	}
	if len(c.units) > 0 {
		fmt.Fprintln(&b, c.sum(findings).text())
	}
	for _, n := range c.notes {
		fmt.Fprintf(&b, "%s %s\n", st.Note.Sprint("note:"), report.Clean(n))
	}
	_, err := a.out.Write([]byte(b.String()))
	return err
}

// short40 cuts what would make a table too wide; the findings below say it in full.
func short40(s string, column int) string {
	most := 40
	if column == 0 {
		most = 70
	}
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}

// describe names the witnesses and how many endpoints each has.
func (u *unit) describe() string {
	var out []string
	for _, w := range u.witnesses {
		kind := w.Name
		if u.isDocument(w) {
			kind = "openapi"
		}
		out = append(out, fmt.Sprintf("%s %s (%d)", kind, u.source(w), len(w.Endpoints())))
	}
	return strings.Join(out, ", ")
}

// source is what a witness was read from.
func (u *unit) source(w *drift.Witness) string {
	switch w {
	case u.catalog:
		return u.listed.File
	case u.code:
		return strings.Join(u.Code, " ")
	}
	return w.Name
}

// short is the name of a witness in a table: of a document its file's, if that is enough
// to tell it from others.
func (u *unit) short(witness string) string {
	base := path.Base(witness)
	for _, w := range u.witnesses {
		if w.Name != witness && path.Base(w.Name) == base {
			return witness
		}
	}
	return base
}

// cells is the table of the rows that differ, or of all.
func (u *unit) cells(all bool) (columns []string, rows [][]string) {
	columns = []string{"ENDPOINT"}
	for _, w := range u.witnesses {
		columns = append(columns, strings.ToUpper(u.short(w.Name)))
	}
	columns = append(columns, "DIFFER")
	list := u.all()
	slices.SortStableFunc(list, func(a, b *checkRow) int {
		return strings.Compare(a.Path+"\x00"+a.Method, b.Path+"\x00"+b.Method)
	})
	for _, r := range list {
		if len(r.parts) == 0 && !all {
			continue
		}
		row := []string{methodName(r.Method) + " " + r.Path}
		for _, w := range u.witnesses {
			row = append(row, r.cell(w, false))
		}
		differ := r.differ()
		for i, w := range differ {
			differ[i] = u.short(w)
		}
		verdict := strings.Join(differ, ", ")
		switch {
		case verdict == "" && r.accepted:
			verdict = "(accepted)"
		case verdict == "" && r.Unverified():
			verdict = "unverified"
		case verdict == "":
			verdict = "agree"
		}
		rows = append(rows, append(row, verdict))
	}
	return columns, rows
}

// page is the report as an HTML page, with the table of all endpoints.
func (c *checked) page(a *app, findings []*report.Finding) *report.Page {
	p := &report.Page{Title: "permcheck check", Headline: report.Headline(findings), Outcome: report.Good, Findings: findings, Notes: c.notes, Version: version()}
	for _, f := range findings {
		switch {
		case f.Severity() == report.Error:
			p.Outcome = report.Failed
		case f.Severity() == report.Warning && p.Outcome == report.Good:
			p.Outcome = report.Mixed
		}
	}
	for _, r := range c.reports(a) {
		if r.Incomplete != "" {
			p.Outcome, p.Notes = report.Partial, append([]string{"incomplete: " + r.Incomplete}, p.Notes...)
		}
	}
	var widest []string // services may have fewer witnesses than others
	for _, u := range c.units {
		if columns, _ := u.cells(true); len(columns) > len(widest) {
			widest = columns
		}
	}
	for _, u := range c.units {
		p.Facts = append(p.Facts, report.Fact{Name: cmp.Or(u.Name, "compared"), Value: u.describe()})
		_, rows := u.cells(true)
		if len(rows) == 0 {
			continue
		}
		if p.Matrix == nil {
			p.Matrix = &report.Matrix{Caption: "What each witness says that an endpoint requires, and which of them differ.", Columns: widest[1:], Plain: true}
		}
		for _, row := range rows {
			method, path, _ := strings.Cut(row[0], " ")
			out := report.Row{Method: method, Path: strings.TrimSpace(path), State: "agree"}
			for _, text := range row[1:] {
				out.Cells = append(out.Cells, report.Cell{Text: text})
			}
			for len(out.Cells) < len(p.Matrix.Columns) {
				out.Cells = append(out.Cells[:len(out.Cells)-1], report.Cell{}, out.Cells[len(out.Cells)-1])
			}
			last := &out.Cells[len(out.Cells)-1]
			switch last.Text {
			case "agree":
				last.Tone = report.ToneGood
			case "unverified":
				out.State, last.Tone = "unverified", report.ToneQuiet
			default:
				out.State, last.Tone = "differ", report.ToneBad
			}
			p.Matrix.Rows = append(p.Matrix.Rows, out)
		}
	}
	return p
}

// reports are the findings for the formats that all commands share, one a service.
func (c *checked) reports(a *app) []*report.Report {
	var out []*report.Report
	add := func(u *unit, name string) *report.Report {
		at := catalogs.Pos{File: catalogs.ConfigName}
		if u != nil && u.listed != nil {
			at.File = u.listed.File
		}
		c.place(&at)
		r := &report.Report{Command: "check", Service: name, Version: version(), Anchor: at.File}
		out = append(out, r)
		return r
	}
	of := map[string]*report.Report{}
	for _, u := range c.units {
		r := add(u, u.Name)
		of[u.Name] = r
		r.About = u.describe()
		columns, rows := u.cells(false)
		r.Columns, r.Rows = columns, rows
		for _, row := range u.all() {
			if len(row.parts) == 0 && (row.accepted || !row.Unverified()) {
				r.Passed = append(r.Passed, row.Method+" "+row.Path)
			}
		}
		slices.Sort(r.Passed)
	}
	for _, f := range c.findings() {
		r := of[f.Service]
		if r == nil {
			r = add(nil, f.Service)
			of[f.Service] = r
		}
		r.Findings = append(r.Findings, f)
	}
	if len(out) == 0 {
		add(nil, "")
	}
	var why []string
	if c.program != nil && len(c.program.Errors) > 0 {
		why = append(why, fmt.Sprintf("%d packages could not be read", len(c.program.Errors)))
	}
	out[0].Incomplete = strings.Join(append(why, c.empty...), "; ")
	out[0].Notes = c.notes
	return out
}

// json is the documented form, version 1.
func (c *checked) json(findings []*report.Finding) any {
	type witness struct {
		Name      string `json:"name"`
		Source    string `json:"source"`
		Endpoints int    `json:"endpoints"`
	}
	type service struct {
		Name      string    `json:"name"`
		Witnesses []witness `json:"witnesses"`
		Missing   []string  `json:"missing"`
	}
	type endpoint struct {
		Service  string             `json:"service"`
		Method   string             `json:"method"`
		Path     string             `json:"path"`
		Requires map[string]*string `json:"requires"` // by witness; null: it declares nothing; absent: it does not have the endpoint
		Differ   []string           `json:"differ"`
		Rules    []string           `json:"rules"`
		Severity *report.Severity   `json:"severity"`
	}
	out := struct {
		Version   int               `json:"version"`
		Services  []service         `json:"services"`
		Endpoints []endpoint        `json:"endpoints"`
		Findings  []*report.Finding `json:"findings"`
		Notes     []string          `json:"notes"`
		Summary   checkSummary      `json:"summary"`
	}{1, []service{}, []endpoint{}, findings, append([]string{}, c.notes...), c.sum(findings)}
	for _, u := range c.units {
		s := service{u.Name, []witness{}, append([]string{}, u.missing()...)}
		for _, w := range u.witnesses {
			s.Witnesses = append(s.Witnesses, witness{w.Name, u.source(w), len(w.Endpoints())})
		}
		out.Services = append(out.Services, s)
		for _, r := range u.all() {
			e := endpoint{Service: u.Name, Method: r.Method, Path: r.Path, Requires: map[string]*string{}, Differ: r.differ(), Rules: []string{}}
			for _, w := range u.witnesses {
				if list := r.Says(w); len(list) > 0 {
					e.Requires[w.Name] = list[0].Requires
				}
			}
			for i := range r.parts {
				if !slices.Contains(e.Rules, r.parts[i].Rule) {
					e.Rules = append(e.Rules, r.parts[i].Rule)
				}
				if i == 0 {
					sev := r.parts[i].Severity()
					e.Severity = &sev
				}
			}
			out.Endpoints = append(out.Endpoints, e)
		}
	}
	return out
}
