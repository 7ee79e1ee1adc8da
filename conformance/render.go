package conformance

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/report"
)

// Formats are the forms that [Report.Write] knows.
var Formats = append([]string{"text", "json", "html"}, report.Formats...)

// Write writes the report in one of Formats. styles are for text.
func (r *Report) Write(w io.Writer, format string, styles report.Styles) error {
	switch format {
	case "text":
		r.WriteText(w, styles)
		return nil
	case "json":
		return r.WriteJSON(w)
	case "html":
		r = r.withoutSecrets()
		return redact.Deep(r.Secrets, r.page()).Write(w)
	}
	r = r.withoutSecrets()
	return redact.Deep(r.Secrets, r.document()).Write(w, format)
}

// writesText says what the run was allowed to write, and what it did not send because of that.
func (r *Report) writesText() string { return r.Writes.Text(len(r.Withheld()), r.Plan.Endpoints()) }

// facts are what a report says about its run.
func (r *Report) facts() []report.Fact {
	rows := 0
	for i := range r.Plan.Rows {
		if r.Plan.Rows[i].Endpoint != nil {
			rows++
		}
	}
	list := []report.Fact{
		{Name: "target", Value: r.Target.Redacted()}, {Name: "deployed build", Value: r.Build},
		{Name: "catalog", Value: fmt.Sprintf("%s: %d endpoints, %d permissions", r.CatalogRef, rows, len(r.Plan.Universe))},
		{Name: "catalog hash", Value: r.Plan.catalog.Hash() + optional(", revision ", r.Revision)},
		{Name: "run", Value: strings.Trim(r.Times.Started+" to "+r.Times.Ended, " to")},
		{Name: "sent", Value: fmt.Sprintf("%d requests with %d keys; seed %d", r.Requests, len(r.Plan.Keys), r.Seed)},
		{Name: "writes", Value: r.writesText()},
		{Name: "plan", Value: r.Plan.Hash}, {Name: "shard", Value: r.Plan.shard.String()}, {Name: "merged from shards", Value: strings.Join(r.Merged, ", ")},
		{Name: "permcheck", Value: r.Tool},
	}
	if r.Resumed > 0 {
		list = append(list, report.Fact{Name: "resumed", Value: plural(r.Resumed, "answer") + " of an earlier run that was cut short"})
	}
	for _, e := range r.Known {
		text := fmt.Sprintf("%s of %s: %s (%s)", e.Rule, e.Endpoint, e.Reason, e.Owner)
		if !e.Until.IsZero() {
			text += " until " + e.Until.Format("2006-01-02")
		}
		list = append(list, report.Fact{Name: "known", Value: text})
	}
	return slices.DeleteFunc(list, func(f report.Fact) bool { return f.Value == "" })
}

// notes say what was not proven and what else there is to know, a line each.
func (r *Report) notes() []string {
	var out []string
	if r.Answers.Cut != "" {
		out = append(out, "the run was cut short: "+r.Answers.Cut)
	}
	for _, name := range r.Dead {
		out = append(out, "key "+name+" shows no sign of life; nothing that it was refused counts")
	}
	for _, l := range r.openPoints() {
		out = append(out, fmt.Sprintf("not proven, %s: %s, such as %s", plural(l.n, "point"), l.reason, l.example))
	}
	for _, m := range r.Plan.Missing() {
		out = append(out, fmt.Sprintf("not proven, %s: make a key that holds %s and add it to the profile", plural(m.Points, "point"), m.Name))
	}
	for _, t := range r.tallies() {
		for _, reason := range t.ordered() {
			out = append(out, fmt.Sprintf("not decided, %s of %s: %s", plural(t.reasons[reason], "question"), t.check, reason))
		}
	}
	if n := len(r.Plan.Unknown); n > 0 {
		out = append(out, fmt.Sprintf("not probed: %s whose requirement the catalog does not know", plural(n, "endpoint")))
	}
	out = append(out, r.Plan.notAsked()...)
	if n := r.Plan.OtherRules; n > 0 {
		out = append(out, fmt.Sprintf("not probed: %s about records, fields and allow lists", plural(n, "rule")))
	}
	for _, left := range r.Left {
		out = append(out, "not cleaned up at the target: "+left)
	}
	if !r.Reference {
		for _, l := range []struct {
			what  string
			forms map[string]int
		}{{"a request without a valid key is refused with", r.Learned.Anonymous}, {"a key without the grant is refused with", r.Learned.Forbidden}} {
			if text := learnedForms(l.forms); text != "" {
				out = append(out, "learned: "+l.what+" "+text)
			}
		}
	}
	return out
}

// states are, for each row of the plan, how all that was asked about it came out, and the
// reason of the first probe that was not decided.
func (r *Report) states() (states []Verdict, open []string) {
	rank := map[Verdict]int{Pass: 1, Skipped: 2, Inconclusive: 3, Fail: 4}
	states, open = make([]Verdict, len(r.Plan.Rows)), make([]string, len(r.Plan.Rows))
	for i := range states {
		states[i] = nothing
	}
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		if checkOf(pr.Check).statement != nil {
			continue // about more than the row that it is filed under
		}
		row, _, _ := r.Plan.About(pr)
		v := r.Verdicts[i]
		if rank[v] > rank[states[row]] {
			states[row] = v
			if v == Skipped || v == Inconclusive {
				open[row] = fmt.Sprintf("%s with %s: %s", pr.Check, r.Plan.KeyName(pr), r.Reasons[i])
			}
		}
	}
	return states, open
}

// document is the report for the formats that all commands share.
func (r *Report) document() *report.Report {
	d := &report.Report{Command: "probe", Version: r.Tool, Headline: r.FirstLine(), Policy: report.Fact{Name: "writes", Value: r.writesText()}, Notes: r.notes(), Incomplete: r.Answers.Cut}
	var about []string
	for _, f := range r.facts() {
		about = append(about, f.Name+": "+f.Value)
	}
	d.About = strings.Join(about, "; ")
	if d.Incomplete == "" {
		d.Incomplete = r.Unmet()
	}
	if file := r.Plan.catalog.File; !strings.HasPrefix(file, catalogs.VendorPrefix) {
		d.Anchor = file
	} else if _, err := os.Stat("go.mod"); err == nil {
		d.Anchor = "go.mod" // a row of a built-in catalog has no file here
	}
	failed := map[string]bool{}
	for _, f := range append(r.Findings(), r.aboutKnown()...) {
		d.Findings = append(d.Findings, &f.Finding)
		failed[f.Subject] = true
	}
	states, open := r.states()
	for i := range r.Plan.Rows {
		name := r.Plan.Rows[i].String()
		switch {
		case !r.Plan.Mine(i) || failed[name] || states[i] == nothing:
		case states[i] == Pass:
			d.Passed = append(d.Passed, name)
		case states[i] != Fail:
			d.Open = append(d.Open, report.Open{Subject: name, Reason: open[i]})
		}
	}
	for _, s := range r.Result.Statements() {
		switch s.Outcome {
		case Holds:
			d.Passed = append(d.Passed, "statement:"+s.ID)
		case Broken:
		default:
			d.Open = append(d.Open, report.Open{Subject: "statement:" + s.ID, Reason: fmt.Sprintf("%s: %s", s.Outcome, s.Reason)})
		}
	}
	d.Tables = r.statementTables()
	d.Columns = append(d.Columns, "endpoint")
	cols, cells := r.matrix()
	for _, c := range cols {
		d.Columns = append(d.Columns, c.title)
	}
	for i, line := range cells {
		if !r.Plan.Mine(i) || states[i] == nothing {
			continue
		}
		row := []string{r.Plan.Rows[i].String()}
		for _, c := range line {
			row = append(row, cellMarks[c.verdict].Text)
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}

// nothing is the verdict of a cell in which nothing was asked.
const nothing = Verdict(255)

// cellMarks are how a verdict looks in a table.
var cellMarks = map[Verdict]report.Cell{
	Pass:         {Text: "ok", Tone: report.ToneGood, Title: "as the catalog says"},
	Fail:         {Text: "FAIL", Tone: report.ToneBad, Title: "not as the catalog says"},
	Inconclusive: {Text: "?", Tone: report.ToneWarn, Title: "inconclusive: it proves nothing"},
	Skipped:      {Text: "-", Tone: report.ToneQuiet, Title: "not sent"},
	nothing:      {},
}

// page is the report as an HTML page.
func (r *Report) page() *report.Page {
	p := &report.Page{Title: "permcheck probe", Headline: r.FirstLine(), Outcome: report.Good, Facts: r.facts(), Notes: r.notes(), Version: r.Tool}
	switch {
	case r.Answers.Cut != "" || r.Unmet() != "" || len(r.Void) > 0:
		p.Outcome = report.Partial
	case r.Count[Fail] > 0:
		p.Outcome = report.Failed
	case r.Proven < r.Total() || r.Count[Inconclusive] > 0:
		p.Outcome = report.Mixed
	}
	for _, f := range append(r.Findings(), r.aboutKnown()...) {
		p.Findings = append(p.Findings, &f.Finding)
	}
	if len(r.Reproduce) > 0 && len(p.Findings) > 0 {
		p.Notes = append(p.Notes, "to send the requests of the findings yourself: "+strings.Join(r.Reproduce, "; "))
	}
	p.Tables = r.statementTables()
	m := &report.Matrix{Caption: "Every endpoint of the catalog and what each key could do there, against what the catalog says. The last column is all else that was asked about the endpoint."}
	for _, v := range []Verdict{Pass, Fail, Inconclusive, Skipped} {
		m.Legend = append(m.Legend, report.Cell{Text: cellMarks[v].Text, Title: cellMarks[v].Title})
	}
	m.Legend = append(m.Legend, report.Cell{Text: "empty:", Title: "nothing to ask"})
	cols, cells := r.matrix()
	for _, c := range cols {
		m.Columns = append(m.Columns, c.title)
	}
	m.Columns = append(m.Columns, "experiments")
	states, _ := r.states()
	asked := r.experimentCells()
	for i, line := range cells {
		if !r.Plan.Mine(i) || len(r.Plan.Requests) == 0 && states[i] == nothing {
			continue
		}
		row := report.Row{Method: r.Plan.Rows[i].Method, Path: r.Plan.Rows[i].Path}
		if states[i] != nothing {
			row.State = states[i].String()
		}
		for _, c := range append(line, asked[i]) {
			cell := cellMarks[c.verdict]
			if c.why != "" {
				cell.Title = c.why
			}
			row.Cells = append(row.Cells, cell)
		}
		m.Rows = append(m.Rows, row)
	}
	if len(m.Rows) > 0 {
		p.Matrix = m
	}
	return p
}

// statementTables has the table of what became of the statements about the vendor, if any was
// asked for.
func (r *Report) statementTables() []report.Table {
	list := r.Result.Statements()
	if len(list) == 0 {
		return nil
	}
	t := report.Table{Title: "Statements", Caption: strings.TrimPrefix(countStatements(list).String(), "statements: "),
		Columns: []string{"statement", "outcome", "evidence", "says", "what was seen"}}
	tones := map[Outcome]report.Tone{Holds: report.ToneGood, Broken: report.ToneBad, Undecided: report.ToneWarn, Told: report.ToneQuiet, NotAsked: report.ToneQuiet}
	for _, s := range list {
		t.Rows = append(t.Rows, []report.Cell{{Text: s.ID, Title: strings.Join(s.Sources, " ")}, {Text: string(s.Outcome), Tone: tones[s.Outcome]},
			{Text: s.Evidence}, {Text: s.Says}, {Text: s.Reason}})
	}
	return []report.Table{t}
}

// A cell is the worst verdict of the probes in one place of the matrix.
type cell struct {
	verdict Verdict
	why     string
}

func (c *cell) add(v Verdict, why string) {
	rank := map[Verdict]int{nothing: 0, Skipped: 1, Pass: 2, Inconclusive: 3, Fail: 4}
	if rank[v] > rank[c.verdict] {
		c.verdict, c.why = v, why
	}
}

// matrix has a line of cells for each row of the plan.
func (r *Report) matrix() ([]column, [][]cell) {
	cols := r.columns()
	cells := make([][]cell, len(r.Plan.Rows))
	for i := range cells {
		cells[i] = slices.Repeat([]cell{{verdict: nothing}}, len(cols))
	}
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		if pr.Request < 0 {
			continue
		}
		req := &r.Plan.Requests[pr.Request]
		for c := range cols {
			if cols[c].has(&r.Plan.Rows[req.Row], req) {
				why := fmt.Sprintf("%s, %s with key %s: answered %d", pr.Check, req.Expect, r.Plan.Keys[req.Key].Name, r.Answers.Observations[pr.Request].Status)
				cells[req.Row][c].add(r.Verdicts[i], why+optional("; ", r.Reasons[i]))
			}
		}
	}
	return cols, cells
}

// experimentCells has a cell for each row of the plan with what the experiments about it
// showed.
func (r *Report) experimentCells() []cell {
	cells := slices.Repeat([]cell{{verdict: nothing}}, len(r.Plan.Rows))
	for i := range r.Plan.Probes {
		if pr := &r.Plan.Probes[i]; pr.Request < 0 && checkOf(pr.Check).statement == nil {
			row, _, _ := r.Plan.About(pr)
			cells[row].add(r.Verdicts[i], pr.Check+optional(": ", r.Reasons[i]))
		}
	}
	return cells
}
