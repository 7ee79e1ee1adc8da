package cli

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// diffRules are the rules that diff reports of any two sources.
var diffRules = []string{
	"opened-to-anonymous", "requirement-weakened", "requirement-incomparable", "scheme-changed", "requirement-unknown",
	"endpoint-added-anonymous", "endpoint-moved-weaker", "endpoint-unstated", "requirement-strengthened", "answered-by-weaker", "takes-over-stricter", "declarations-disagree",
	"endpoint-added", "endpoint-removed", "webhook-changed",
}

// A diffReport is what a diff found, for every format.
type diffReport struct {
	from, to   string
	service    string
	grants     []drift.Grant
	result     *drift.Result
	others     []*report.Finding // findings that are no changes
	about      []*report.Finding // findings about entries of the known file
	rules      map[string]bool   // that this diff can report
	incomplete error
}

// findings are all of them, the changes first, in the order of the result.
func (d *diffReport) findings() []*report.Finding {
	return slices.Concat(d.result.Findings(), d.others, d.about)
}

// accept takes away what the file of known findings accepts.
func (d *diffReport) accept(file string) error {
	all := slices.Concat(d.result.Findings(), d.others)
	rest, _, err := applyKnown(file, all, d.rules)
	if err != nil {
		return err
	}
	kept := map[*report.Finding]bool{}
	for _, f := range rest {
		kept[f] = true
	}
	changes, others := []drift.Change{}, []*report.Finding{}
	for i, f := range all {
		switch {
		case !kept[f]:
			d.result.Summary.Known++
			if i < len(d.result.Changes) {
				d.result.Summary.Changes[d.result.Changes[i].Class]--
			}
		case i < len(d.result.Changes):
			changes = append(changes, d.result.Changes[i])
		default:
			others = append(others, f)
		}
		delete(kept, f)
	}
	for _, f := range rest { // what is left is about the file itself
		if kept[f] {
			d.about = append(d.about, f)
		}
	}
	maps.DeleteFunc(d.result.Summary.Changes, func(_ drift.Class, n int) bool { return n == 0 })
	d.result.Changes, d.others = changes, others
	return nil
}

func (d *diffReport) write(a *app) error {
	switch a.format {
	case "text":
		return d.writeText(a.out, a.styles())
	case "json":
		return d.writeJSON(a)
	case "html":
		return d.page(a.failOn).Write(a.out)
	}
	findings := d.findings()
	r := &report.Report{
		Command: "diff", Service: d.service, Version: version(), Access: d.access(), Passed: d.result.Unchanged,
		About: d.sides(), Notes: d.notes(),
	}
	for _, p := range d.result.Summary.Problems {
		r.Notes = append(r.Notes, p.Position+": not understood: "+p.Message)
	}
	if d.incomplete != nil {
		r.Incomplete = d.incomplete.Error()
	}
	// What is elsewhere than in a file here (a revision, an address, standard input) is
	// shown at the new side, or the old one.
	for _, ref := range []string{d.to, d.from} {
		if onDisk(ref) && r.Anchor == "" {
			r.Anchor = ref
		}
	}
	for _, f := range findings {
		if !onDisk(f.Position.File) {
			moved := *f
			moved.Position = catalogs.Pos{}
			if r.Anchor == "" {
				moved.Position.File = f.Position.File
			} else {
				moved.Position = catalogs.Pos{File: r.Anchor, Line: 1}
			}
			moved.Evidence = append(slices.Clone(f.Evidence), "at "+f.Position.String())
			f = &moved
		}
		r.Findings = append(r.Findings, f)
	}
	return r.Write(a.out, a.format)
}

// onDisk reports whether a source or the file of a position is a file here.
func onDisk(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (d *diffReport) writeJSON(a *app) error {
	changes := make([]*drift.Change, len(d.result.Changes))
	for i := range d.result.Changes {
		changes[i] = &d.result.Changes[i]
	}
	summary := d.result.Summary
	for _, f := range d.about {
		summary.Problems = append(summary.Problems, drift.Problem{Position: f.Position.String(), Message: f.Message})
	}
	return a.writeJSON(struct {
		Version  int               `json:"version"`
		Changes  []*drift.Change   `json:"changes"`
		Findings []*report.Finding `json:"findings,omitempty"` // that are no changes
		Summary  drift.Summary     `json:"summary"`
	}{1, changes, d.aboutDocuments(), summary})
}

// aboutDocuments are the findings about what a document says twice, and differently, or
// what is forbidden in it.
func (d *diffReport) aboutDocuments() []*report.Finding {
	var out []*report.Finding
	for _, f := range d.others {
		if f.Rule == "declarations-disagree" || f.Rule == witness.InvalidRule {
			out = append(out, f)
		}
	}
	return out
}

// access is who gains and who loses, anybody first.
func (d *diffReport) access() []report.Access {
	var out []report.Access
	at := map[string]int{}
	of := func(who string) *report.Access {
		i, ok := at[who]
		if !ok {
			i = len(out)
			at[who] = i
			out = append(out, report.Access{Who: who})
		}
		return &out[i]
	}
	for i := range d.result.Changes {
		if ch := &d.result.Changes[i]; ch.Anonymous {
			anybody := of("anybody")
			anybody.Anybody, anybody.Gains = true, append(anybody.Gains, ch.Subject())
		}
	}
	for _, g := range d.grants {
		for i := range d.result.Changes {
			ch := &d.result.Changes[i]
			if slices.Contains(ch.Gains, g.Name) && !ch.Anonymous { // that goes for all
				of(g.Name).Gains = append(of(g.Name).Gains, ch.Subject())
			}
			if slices.Contains(ch.Loses, g.Name) {
				of(g.Name).Loses = append(of(g.Name).Loses, ch.Subject())
			}
		}
	}
	return out
}

// page is the report as an HTML page. Its table has all endpoints and what each grant can
// do, or else the changes.
func (d *diffReport) page(failOn report.Severity) *report.Page {
	findings := d.findings()
	slices.SortStableFunc(findings, func(a, b *report.Finding) int { return int(b.Severity()) - int(a.Severity()) })
	s := &d.result.Summary
	p := &report.Page{
		Title: "permcheck diff", Headline: "no change in access", Outcome: report.Good, Access: d.access(), Findings: findings, Notes: d.notes(), Version: version(),
		Facts: []report.Fact{
			{Name: "before", Value: d.from}, {Name: "now", Value: d.to},
			{Name: "endpoints", Value: fmt.Sprintf("%d before, %d after, %d the same", s.Old, s.New, s.Same)},
		},
	}
	if d.service != "" {
		p.Title += " of " + d.service
	}
	if counts := d.counts(); counts != "" {
		p.Headline = strings.ReplaceAll(counts, "endpoint-", "")
		p.Facts = append(p.Facts, report.Fact{Name: "findings", Value: report.Headline(findings)})
	}
	for _, f := range findings {
		switch {
		case f.Severity() == report.Error:
			p.Outcome = report.Failed
		case f.Severity().Fails(failOn) && p.Outcome == report.Good, f.Severity() == report.Warning && p.Outcome == report.Good:
			p.Outcome = report.Mixed
		}
	}
	for _, problem := range s.Problems {
		p.Notes = append(p.Notes, problem.Position+": not understood: "+problem.Message)
	}
	if d.incomplete != nil {
		p.Outcome = report.Partial
		p.Notes = append([]string{"incomplete: " + d.incomplete.Error()}, p.Notes...)
	}
	if len(d.grants) > 0 {
		p.Matrix = d.grantMatrix()
	} else if len(d.result.Changes) > 0 {
		p.Matrix = d.changeMatrix()
	}
	return p
}

// changeMatrix lists the changes.
func (d *diffReport) changeMatrix() *report.Matrix {
	m := &report.Matrix{Caption: "Endpoints whose requirement changed, and what it was and is.", Columns: []string{"change", "before", "now"}, Plain: true}
	for i := range d.result.Changes {
		ch := &d.result.Changes[i]
		tone := map[report.Severity]report.Tone{report.Error: report.ToneBad, report.Warning: report.ToneWarn, report.Info: report.ToneQuiet}[ch.Severity()]
		label := string(ch.Class)
		if ch.Anonymous {
			label += ", open to anybody"
		}
		m.Rows = append(m.Rows, report.Row{Method: ch.Method, Path: ch.Path, State: string(ch.Class), Cells: []report.Cell{
			{Text: label, Tone: tone, Title: ch.Why}, {Text: demanded(ch.From, ch.Class == drift.Added && ch.MovedFrom == "")}, {Text: demanded(ch.To, ch.Class == drift.Removed)},
		}})
	}
	return m
}

// demanded is a requirement as a cell shows it; absent says that there is no endpoint.
func demanded(text *string, absent bool) string {
	switch {
	case text != nil:
		return *text
	case absent:
		return "no such endpoint"
	}
	return "nothing declared"
}

// grantMatrix lists every endpoint and what each grant can and could do with it.
func (d *diffReport) grantMatrix() *report.Matrix {
	m := &report.Matrix{Caption: "Every endpoint, and which key or role can call it.", Legend: []report.Cell{
		{Text: "yes", Title: "can call it, as before"}, {Text: "no", Title: "cannot, as before"},
		{Text: "GAINS", Title: "can now, and could not"}, {Text: "loses", Title: "could, and cannot now"}, {Text: "?", Title: "not known on one side"},
	}}
	for _, g := range d.grants {
		m.Columns = append(m.Columns, g.Name)
	}
	class := map[string]string{}
	for i := range d.result.Changes {
		ch := &d.result.Changes[i]
		class[ch.Subject()] = string(ch.Class)
	}
	for _, e := range d.result.Access {
		r := report.Row{Method: e.Method, Path: e.Path, State: class[strings.TrimSpace(e.Method+" "+e.Path)]}
		if r.State == "" {
			r.State = "same"
		}
		r.Title = "before: " + demanded(e.From, true) + ", now: " + demanded(e.To, true)
		for i := range d.grants {
			r.Cells = append(r.Cells, accessCell(e.Old[i], e.New[i]))
		}
		m.Rows = append(m.Rows, r)
	}
	return m
}

func accessCell(was, is drift.Admission) report.Cell {
	switch {
	case was == drift.Unclear || is == drift.Unclear:
		return report.Cell{Text: "?", Tone: report.ToneWarn}
	case is == drift.Admitted && was == drift.Admitted:
		return report.Cell{Text: "yes", Tone: report.ToneGood}
	case is == drift.Admitted:
		return report.Cell{Text: "GAINS", Tone: report.ToneBad}
	case was == drift.Admitted:
		return report.Cell{Text: "loses", Tone: report.ToneWarn}
	}
	return report.Cell{Text: "no", Tone: report.ToneQuiet}
}

// writeDiffText prints the changes, gravest first, then what was left open.
func (d *diffReport) writeText(w io.Writer, st report.Styles) error {
	var b bytes.Buffer
	r := d.result
	groups := []struct {
		severity report.Severity
		title    string
	}{
		{report.Error, "must be looked at"},
		{report.Warning, "may break clients"},
		{report.Info, "for information"},
	}
	for _, g := range groups {
		var of []*drift.Change
		for i := range r.Changes {
			if r.Changes[i].Severity() == g.severity {
				of = append(of, &r.Changes[i])
			}
		}
		if len(of) == 0 {
			continue
		}
		slices.SortStableFunc(of, func(x, y *drift.Change) int { return rank(x) - rank(y) })
		fmt.Fprintf(&b, "%s\n\n", st.Bold.Sprintf("%d %s", len(of), g.title))
		for _, ch := range of {
			writeChange(&b, st, ch)
		}
	}
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n\n")) {
		b.WriteByte('\n')
	}
	for _, f := range slices.Concat(d.aboutDocuments(), d.about) {
		st.WriteFinding(&b, f)
	}
	line, counts := d.sides(), d.counts()
	if counts == "" {
		counts = st.Good.Sprint("no change in access")
	}
	fmt.Fprintln(&b, line+"; "+counts)
	for _, n := range d.notes() {
		fmt.Fprintf(&b, "%s %s\n", st.Note.Sprint("note:"), n)
	}
	for _, p := range r.Summary.Problems {
		fmt.Fprintf(&b, "%s: %s %s\n", report.Clean(p.Position), st.Warn.Sprint("not understood:"), report.Clean(p.Message))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// sides says what was compared.
func (d *diffReport) sides() string {
	s := &d.result.Summary
	return fmt.Sprintf("%s -> %s: %s before, %d after, %d the same", report.Clean(d.from), report.Clean(d.to), plural(s.Old, "endpoint"), s.New, s.Same)
}

// counts says how many changes of each class there are; empty: none.
func (d *diffReport) counts() string {
	var counts []string
	for _, class := range classOrder {
		if n := d.result.Summary.Changes[class]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, class))
		}
	}
	return strings.Join(counts, ", ")
}

var classOrder = []drift.Class{drift.Weakened, drift.Incomparable, drift.SchemeChanged, drift.Unknown, drift.Strengthened, drift.Added, drift.Removed}

// notes says what was left open or suppressed.
func (d *diffReport) notes() []string {
	s := &d.result.Summary
	var out []string
	note := func(n int, format string, args ...any) {
		if n > 0 {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	note(s.Known, "%s suppressed: the file of known findings accepts them", plural(s.Known, "change"))
	note(s.Unverified, "%s not compared: one side does not know what is required", plural(s.Unverified, "endpoint"))
	note(s.Unstated, "%s unstated: a credential is demanded but no permission named; --unstated=error reports them", plural(s.Unstated, "operation"))
	note(s.Undeclared, "%s on the new side without any declared requirement", plural(s.Undeclared, "endpoint"))
	note(s.Unread, "%s could not be read, but read the same on both sides", plural(s.Unread, "requirement"))
	for _, scheme := range slices.Sorted(maps.Keys(s.AlsoAdmits)) {
		verb := "admit"
		if s.AlsoAdmits[scheme] == 1 {
			verb = "admits"
		}
		note(s.AlsoAdmits[scheme], "%s also %s %s, which carries no permissions: those alternatives were left out", plural(s.AlsoAdmits[scheme], "operation"), verb, report.Clean(scheme))
	}
	for _, scheme := range slices.Sorted(maps.Keys(s.Undefined)) {
		note(s.Undefined[scheme], "%s on the new side with the scheme %s, which nothing defines", plural(s.Undefined[scheme], "operation"), report.Clean(fmt.Sprintf("%q", scheme)))
	}
	note(s.ExtraServers, "%s with several servers: the path of the first one counts", plural(s.ExtraServers, "operation"))
	return out
}

// rank puts what is open to anybody first.
func rank(ch *drift.Change) int {
	if ch.Anonymous {
		return 0
	}
	return 1
}

// writeChange prints one change: where and what, from and to, why, what to do next.
// An endpoint that came or went without more to say takes one line.
func writeChange(b *bytes.Buffer, st report.Styles, ch *drift.Change) {
	label := string(ch.Class)
	if ch.Anonymous {
		label += ", open to anybody"
	}
	text := func(s *string) string {
		if s == nil {
			return "nothing declared"
		}
		return report.Clean(*s)
	}
	if ch.Severity() == report.Info && ch.Why == "" && len(ch.Evidence)+len(ch.Gains)+len(ch.Loses) == 0 && (ch.From == nil || ch.To == nil) {
		req := ch.To
		if req == nil {
			req = ch.From
		}
		fmt.Fprintf(b, "  %s  %s  %s  %s\n", st.Note.Sprint(label), st.Bold.Sprint(report.Clean(ch.Subject())), text(req), st.Dim.Sprint(report.Clean(ch.Position.String())))
		return
	}
	fmt.Fprintf(b, "  %s  %s  %s\n", st.Severity(ch.Severity()).Sprint(label), st.Bold.Sprint(report.Clean(ch.Subject())), st.Dim.Sprint(report.Clean(ch.Position.String())))
	switch {
	case ch.Class == drift.Added && ch.From == nil && ch.To == nil, ch.Class == drift.Removed && ch.From == nil:
	case ch.Class == drift.Added && ch.From == nil:
		fmt.Fprintf(b, "      requires %s\n", text(ch.To))
	case ch.Class == drift.Removed:
		fmt.Fprintf(b, "      required %s\n", text(ch.From))
	case ch.Class == drift.SchemeChanged:
	default:
		fmt.Fprintf(b, "      %s %s %s\n", text(ch.From), st.Dim.Sprint("->"), text(ch.To))
	}
	if ch.BasePath != "" && catalogs.EndpointKey("", ch.BasePath) != catalogs.EndpointKey("", ch.Path) {
		fmt.Fprintf(b, "      %s\n", report.Clean("was written "+ch.BasePath))
	}
	for _, e := range ch.Evidence {
		fmt.Fprintf(b, "      %s\n", report.Clean(e))
	}
	if ch.Why != "" {
		fmt.Fprintf(b, "      %s\n", report.Clean(ch.Why))
	}
	for _, who := range []struct {
		label string
		names []string
	}{{"gains:", ch.Gains}, {"loses:", ch.Loses}} {
		if len(who.names) > 0 {
			fmt.Fprintf(b, "      %s %s\n", st.Note.Sprint(who.label), report.Clean(strings.Join(who.names, ", ")))
		}
	}
	if ch.Severity() == report.Error {
		fmt.Fprintf(b, "      %s %s\n", st.Note.Sprint("next:"), report.RuleByID(ch.Rule).Fix)
	}
	b.WriteByte('\n')
}
