package conformance

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/permcheck/permcheck/internal/report"
)

// Bounds on the lists of a text report; JSON has them whole.
const (
	maxListed = 20 // lines
	maxWhole  = 4  // findings of one cause with all their evidence
)

// WriteText writes the report for people: the first line, findings by cause, what was not
// proven, and the matrix of endpoints and keys.
func (r *Report) WriteText(to io.Writer, s report.Styles) {
	r = r.withoutSecrets()
	w := &bytes.Buffer{}
	defer func() { _, _ = io.WriteString(to, r.Secrets.Sentence(w.String())) }() // as fmt.Fprint does, without an error
	style := s.Good
	switch {
	case r.Count[Fail] > 0:
		style = s.Bad
	case r.Proven < r.Total() || r.Count[Inconclusive] > 0:
		style = s.Warn
	}
	fmt.Fprintln(w, style.Sprint(r.FirstLine()))
	rows := 0
	for i := range r.Plan.Rows {
		if r.Plan.Rows[i].Endpoint != nil {
			rows++
		}
	}
	fmt.Fprintf(w, "catalog %s: %d endpoints, %d permissions; target %s%s\n", report.Clean(r.CatalogRef), rows, len(r.Plan.Universe),
		report.Clean(r.Target.Redacted()), optional(", build ", report.Clean(r.Build)))
	fmt.Fprintf(w, "%d requests with %d keys; plan %s%s\n", r.Requests, len(r.Plan.Keys), r.Plan.Hash, optional(", shard ", r.Plan.shard.String()))
	fmt.Fprintf(w, "writes: %s\n", r.writesText())
	fmt.Fprintf(w, "permcheck %s; %s to %s; catalog hash %s%s; seed %d\n", report.Clean(r.Tool), report.Clean(r.Times.Started), report.Clean(r.Times.Ended),
		r.Plan.catalog.Hash(), optional(", revision ", report.Clean(r.Revision)), r.Seed)
	for _, f := range r.facts() {
		if slices.Contains([]string{"known", "resumed", "merged from shards"}, f.Name) {
			fmt.Fprintf(w, "%s: %s\n", f.Name, report.Clean(f.Value))
		}
	}
	if n := len(r.Plan.Unknown); n > 0 {
		fmt.Fprintf(w, "not probed: %s whose requirement the catalog does not know\n", plural(n, "endpoint"))
	}
	for _, line := range r.Plan.notAsked() {
		fmt.Fprintln(w, report.Clean(line))
	}
	if n := r.Plan.OtherRules; n > 0 {
		fmt.Fprintf(w, "not probed: %s about records, fields and allow lists\n", plural(n, "rule"))
	}
	if line := r.StatementsLine(); line != "" {
		fmt.Fprintln(w, line)
	}
	r.writeFindings(w, s)
	r.writeStatements(w, s)
	r.writeUnproven(w, s)
	r.writeExperiments(w, s)
	for i, left := range r.Left {
		if i == maxListed {
			fmt.Fprintf(w, "and %d more were not cleaned up\n", len(r.Left)-maxListed)
			break
		}
		fmt.Fprintf(w, "%s could not be cleaned up: %s\n", s.Warn.Sprint("warning:"), report.Clean(left))
	}
	if kept, read := r.inBrowser(); kept+read > 0 {
		fmt.Fprintf(w, "in Chromium a page of another origin was kept from %d of the %s that it tried to read\n", kept, plural(kept+read, "row"))
	}
	r.writeLearned(w, s, "a request without a valid key is refused with", r.Learned.Anonymous)
	r.writeLearned(w, s, "a key without the grant is refused with", r.Learned.Forbidden)
	if len(r.Plan.Requests) > 0 {
		fmt.Fprintln(w)
		r.writeMatrix(w, s)
	}
}

func optional(label, text string) string {
	if text == "" {
		return ""
	}
	return label + text
}

func (r *Report) writeFindings(w io.Writer, s report.Styles) {
	for _, f := range r.About {
		s.WriteFinding(w, f)
	}
	findings := r.Findings()
	for i, f := range findings {
		if i == 0 || findings[i-1].Fault != f.Fault {
			n, endpoints := 0, map[string]bool{}
			for _, g := range findings[i:] {
				if g.Fault != f.Fault {
					break
				}
				n++
				endpoints[g.Subject] = true
			}
			fmt.Fprintf(w, "\n%s %s\n", s.Bold.Sprint(upperFirst(f.Cause)), s.Dim.Sprintf("(%s, %s)",
				plural(n, "finding"), plural(len(endpoints), "endpoint")))
			rule := report.RuleByID(f.Rule)
			refs := ""
			if rule.Refs != "" {
				refs = s.Dim.Sprintf(" (OWASP %s)", rule.Refs)
			}
			fmt.Fprintf(w, "  %s %s%s\n", s.Note.Sprint("why:"), rule.Why, refs)
		}
		switch n := i - firstOfCause(findings, i); {
		case n < maxWhole:
			s.WriteFinding(w, &f.Finding)
		case n < maxWhole+maxListed:
			fmt.Fprintf(w, "%s: %s: %s %s\n", s.Bold.Sprint(f.Position), s.Severity(f.Severity()).Sprint(f.Severity()),
				report.Clean(f.Subject), s.Dim.Sprintf("[%s]", f.Rule))
		case n == maxWhole+maxListed:
			fmt.Fprintln(w, "and more; --format json has all")
		}
	}
	if len(findings) > 0 && len(r.Reproduce) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.Note.Sprint("to send these requests yourself:"))
		for _, line := range r.Reproduce {
			fmt.Fprintf(w, "    %s\n", report.Clean(line))
		}
	}
}

func firstOfCause(findings []*Finding, i int) int {
	for i > 0 && findings[i-1].Fault == findings[i].Fault {
		i--
	}
	return i
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// openLine is one reason for which points of the boundary stayed open.
type openLine struct {
	reason, example string
	n               int
}

// openPoints are the reasons for which points stayed open, but for a key that is missing.
func (r *Report) openPoints() []*openLine {
	var lines []*openLine
	byReason := map[string]*openLine{}
	for _, u := range r.Unproven() {
		if u.Mint {
			continue
		}
		l := byReason[u.Reason]
		if l == nil {
			l = &openLine{reason: u.Reason, example: fmt.Sprintf("%s %s for %s", u.Method, u.Path, u.Grant)}
			byReason[u.Reason] = l
			lines = append(lines, l)
		}
		l.n++
	}
	return lines
}

// writeUnproven says what stayed open, one line for each reason, and which keys to make.
func (r *Report) writeUnproven(w io.Writer, s report.Styles) {
	for _, name := range r.Dead {
		fmt.Fprintf(w, "\n%s key %s shows no sign of life; nothing that it was refused counts\n", s.Warn.Sprint("warning:"), report.Clean(name))
	}
	lines := r.openPoints()
	missing := r.Plan.Missing()
	if len(lines) > 0 || len(missing) > 0 {
		fmt.Fprintf(w, "\n%s\n", s.Bold.Sprint("Not proven"))
	}
	for i, l := range lines {
		if i == maxListed {
			fmt.Fprintf(w, "  and %d more reasons; --format json has all\n", len(lines)-maxListed)
			break
		}
		fmt.Fprintf(w, "  %s: %s, such as %s\n", report.Clean(l.reason), plural(l.n, "point"), report.Clean(l.example))
	}
	if len(missing) > 0 {
		points := 0
		for _, m := range missing {
			points += m.Points
		}
		fmt.Fprintf(w, "  for %s the profile has no key; make and add:\n", plural(points, "point"))
	}
	for i, m := range missing {
		if i == maxListed {
			fmt.Fprintf(w, "    and %d more; permcheck probe --plan lists them all\n", len(missing)-maxListed)
			break
		}
		fmt.Fprintf(w, "    a key that holds %s: %s\n", report.Clean(m.Name), plural(m.Points, "point"))
	}
}

// A tally is how the questions of one check came out.
type tally struct {
	check   string
	count   map[Verdict]int
	reasons map[string]int // of those that said nothing
}

// ordered are the reasons, the commonest first.
func (t *tally) ordered() []string {
	reasons := slices.Collect(maps.Keys(t.reasons))
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Or(t.reasons[b]-t.reasons[a], strings.Compare(a, b)) })
	return reasons
}

// tallies are those of the checks that perform experiments.
func (r *Report) tallies() []*tally {
	var list []*tally
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		if pr.Request >= 0 || !r.Plan.mine(pr) || checkOf(pr.Check).statement != nil {
			continue
		}
		n := slices.IndexFunc(list, func(t *tally) bool { return t.check == pr.Check })
		if n < 0 {
			n = len(list)
			list = append(list, &tally{pr.Check, map[Verdict]int{}, map[string]int{}})
		}
		list[n].count[r.Verdicts[i]]++
		if v := r.Verdicts[i]; v == Inconclusive || v == Skipped {
			list[n].reasons[r.Reasons[i]]++
		}
	}
	return list
}

// writeExperiments prints a line for each check that performs experiments: how many of its
// questions came out how, and for those that said nothing why, the commonest reason first.
func (r *Report) writeExperiments(w io.Writer, s report.Styles) {
	list := r.tallies()
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.Bold.Sprint("Experiments"))
	for _, t := range list {
		var parts []string
		for _, v := range []Verdict{Pass, Fail, Inconclusive, Skipped} {
			if n := t.count[v]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, v))
			}
		}
		fmt.Fprintf(w, "  %-24s %s\n", t.check, strings.Join(parts, ", "))
		reasons := t.ordered()
		const most = 3
		for i, reason := range reasons {
			if i == most {
				fmt.Fprintf(w, "      and %d more reasons; --format json has all\n", len(reasons)-most)
				break
			}
			fmt.Fprintf(w, "      %s\n", s.Dim.Sprintf("%d: %s", t.reasons[reason], report.Clean(reason)))
		}
	}
}

// writeStatements prints what became of each statement about the vendor.
func (r *Report) writeStatements(w io.Writer, s report.Styles) {
	list := r.Statements()
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", s.Bold.Sprint("Statements"))
	for _, st := range list {
		style := s.Dim
		switch st.Outcome {
		case Holds:
			style = s.Good
		case Broken:
			style = s.Bad
		case Undecided:
			style = s.Warn
		}
		fmt.Fprintf(w, "  %-14s %s %s\n", st.ID, style.Sprintf("%-12s", st.Outcome), report.Clean(st.Says)+s.Dim.Sprintf(" (%s)", st.Evidence))
		if st.Reason != "" {
			fmt.Fprintf(w, "      %s\n", report.Clean(st.Reason))
		}
	}
}

func (r *Report) writeLearned(w io.Writer, s report.Styles, what string, forms map[string]int) {
	if len(forms) == 0 || r.Reference { // of the reference server there is nothing to learn
		return
	}
	fmt.Fprintf(w, "%s %s %s; state it as refused: in the catalog or the profile to hold the server to it\n",
		s.Note.Sprint("info: learned:"), what, learnedForms(forms))
}

// learnedForms lists forms of refusal and how often each was seen.
func learnedForms(forms map[string]int) string {
	var parts []string
	for form, n := range forms {
		parts = append(parts, fmt.Sprintf("%s (%d times)", form, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// A column of the matrix holds the probes of some keys.
type column struct {
	title string
	has   func(row *Row, req *Request) bool
}

// columns are the keys where they are few, else what they are to the endpoint.
func (r *Report) columns() []column {
	kind := func(kinds ...KeyKind) func(*Row, *Request) bool {
		return func(_ *Row, req *Request) bool { return slices.Contains(kinds, r.Plan.Keys[req.Key].Kind) }
	}
	cols := []column{{"no key", kind(NoKey)}, {"bad key", kind(BadMalformed, BadUnknown)}}
	const most = 12
	if len(r.Plan.Keys) <= most && !r.Reference {
		for i, k := range r.Plan.Keys {
			if k.Kind == ValidKey && !k.Narrowed() {
				title := []rune(k.Name)
				cols = append(cols, column{string(title[:min(len(title), 14)]), func(_ *Row, req *Request) bool { return req.Key == i }})
			}
		}
		return cols
	}
	valid := func(expect Expect, sized func(grants int) bool) func(*Row, *Request) bool {
		return func(_ *Row, req *Request) bool {
			k := &r.Plan.Keys[req.Key]
			return k.Kind == ValidKey && req.Expect == expect && sized(len(k.Grants))
		}
	}
	all := len(r.Plan.Universe)
	none := func(n int) bool { return n == 0 }
	some := func(n int) bool { return n > 0 && n < all }
	return append(cols,
		column{"none", func(row *Row, req *Request) bool {
			return valid(Refuse, none)(row, req) || valid(Admit, none)(row, req)
		}},
		column{"largest refused", valid(Refuse, some)}, column{"smallest admitted", valid(Admit, some)},
		column{"all", func(row *Row, req *Request) bool {
			return all > 0 && (valid(Admit, func(n int) bool { return n == all })(row, req) || valid(Refuse, func(n int) bool { return n == all })(row, req))
		}})
}

// writeMatrix prints one line for each row and a cell for each column: the worst verdict
// of all probes in it.
func (r *Report) writeMatrix(w io.Writer, s report.Styles) {
	cols, cells := r.matrix()
	width := len("endpoint")
	for i := range r.Plan.Rows {
		width = max(width, utf8.RuneCountInString(r.Plan.Rows[i].String()))
	}
	width = min(width, 90)
	fmt.Fprintf(w, "%s", s.Bold.Sprintf("%-*s", width, "endpoint"))
	for _, c := range cols {
		fmt.Fprintf(w, "  %s", s.Bold.Sprint(report.Clean(c.title)))
	}
	fmt.Fprintln(w)
	for i := range r.Plan.Rows {
		if !r.Plan.Mine(i) {
			continue
		}
		name := report.Clean(r.Plan.Rows[i].String())
		if utf8.RuneCountInString(name) > width {
			name = string([]rune(name)[:width-3]) + "..."
		}
		fmt.Fprintf(w, "%-*s", width, name)
		for c := range cells[i] {
			text, style := cellMarks[cells[i][c].verdict].Text, s.Dim
			switch cells[i][c].verdict {
			case Pass:
				style = s.Good
			case Fail:
				style = s.Bad
			case Inconclusive:
				style = s.Warn
			}
			pad := utf8.RuneCountInString(report.Clean(cols[c].title)) - len(text)
			if c == len(cols)-1 {
				pad = 0
			}
			fmt.Fprintf(w, "  %s%s", style.Sprint(text), strings.Repeat(" ", max(0, pad)))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, s.Dim.Sprint("ok: as the catalog says; FAIL: not so; ?: inconclusive; -: not sent; empty: nothing to ask"))
}
