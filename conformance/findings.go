package conformance

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/internal/report"
)

// A Finding is one group of failed probes as a report says it.
type Finding struct {
	report.Finding
	Key   string // name of the first key that showed it
	Fault string // id of the likely cause; findings of one cause have the same
	Cause string // the cause in a sentence
	// Expected and Observed are of the first probe that showed it, and Curl sends its request,
	// or the last of them, again.
	Expected, Observed, Curl string
}

// A Report is a result and what it was made with.
type Report struct {
	*Result
	*Sent
	Target      *url.URL
	Credentials []Credential
	Reference   bool     // the target is the reference server
	CatalogRef  string   // as it was named
	Reproduce   []string // lines that prepare the curl lines of findings, if any are needed
	Times       Times

	Tool     string // permcheck's version
	Revision string // of the catalog, where it is in version control
	Seed     uint64
	Writes   WritePolicy
	Require  Require
	Resumed  int      // how many answers are of an earlier run that was cut short
	Bodies   string   // folder of the bodies, with --evidence full
	Merged   []string // names of the shards that it was put together from
	// Known are the entries of the file of known findings that accept some of these, About is
	// what there is to say about others of them.
	Known []report.KnownEntry
	About []*report.Finding
}

// A Require says what a run must reach, findings or not.
type Require struct {
	Proven   float64 `json:"proven"` // part of the boundary, 0 to 1
	Controls bool    `json:"controls"`
}

// Times are when a run began and ended, as text of RFC 3339.
type Times struct{ Started, Ended string }

// Findings turns the groups of failed probes into findings, in their order.
func (r *Report) Findings() []*Finding {
	var out []*Finding
	for i := range r.Groups {
		f := r.finding(&r.Groups[i])
		if !slices.ContainsFunc(r.Known, func(e report.KnownEntry) bool { return e.Matches(&f.Finding) }) {
			out = append(out, f)
		}
	}
	return out
}

// aboutKnown are the findings about the file of known findings.
func (r *Report) aboutKnown() []*Finding {
	var out []*Finding
	for _, f := range r.About {
		out = append(out, &Finding{Finding: *f})
	}
	return out
}

// Accept takes away the findings that a file of known ones accepts. An entry whose check now
// passes is reported; one that this run did not decide is left alone.
func (r *Report) Accept(known *report.Known, now time.Time) {
	if known == nil {
		return
	}
	var all []*report.Finding
	for _, f := range r.Findings() {
		all = append(all, &f.Finding)
	}
	rules := map[string]bool{script.ID: true}
	for _, c := range slices.Concat(Checks, Statements()) {
		rules[c.ID] = true
	}
	_, _, about := known.Apply(all, rules, now)
	for _, f := range about {
		if f.Rule == "known-unmatched" {
			passes, open := r.decided(f.Args[0], f.Subject)
			if open || !passes && r.Plan.shard.N > 1 {
				continue
			}
			if passes {
				f.Message = fmt.Sprintf("known failure %s of %s passes now: take the entry out", f.Args[0], f.Subject)
			}
		}
		r.About = append(r.About, f)
	}
	for _, e := range known.Entries {
		if slices.ContainsFunc(all, e.Matches) && (e.Until.IsZero() || now.Before(e.Until)) {
			r.Known = append(r.Known, e)
		}
	}
}

// decided reports whether a check about a subject passes, and whether anything of it stayed
// open.
func (r *Report) decided(check, subject string) (passes, open bool) {
	about := report.KnownEntry{Rule: check, Endpoint: subject}
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		if pr.Check != check {
			continue
		}
		f := report.Finding{Rule: check, Subject: r.Plan.probeSubject(pr)}
		if about.Matches(&f) {
			passes = passes || r.Verdicts[i] == Pass
			open = open || r.Verdicts[i] == Inconclusive || r.Verdicts[i] == Skipped
		}
	}
	return passes, open
}

// Unmet says what the run was required to reach and did not; empty: nothing. A point that
// failed is known, so it counts as reached. Of one shard of several nothing is required.
func (r *Report) Unmet() string {
	if r.Plan.shard.N > 1 {
		return ""
	}
	if reached := float64(r.Proven+r.Failed) / float64(max(1, r.Total())); r.Total() > 0 && reached < r.Require.Proven {
		return fmt.Sprintf("%.1f%% of the boundary is decided, the profile requires %.1f%%", 100*reached, 100*r.Require.Proven)
	}
	if r.Require.Controls && len(r.Dead) > 0 {
		return "the profile requires every key's control, and these show no sign of life: " + strings.Join(r.Dead, ", ")
	}
	return ""
}

func (r *Report) finding(g *Group) *Finding {
	row := &r.Plan.Rows[g.Row]
	pr := &r.Plan.Probes[g.Probes[0]]
	f := &Finding{Key: r.Plan.KeyName(pr), Fault: g.Cause.ID, Cause: g.Cause.Text}
	f.Rule, f.Subject = g.Check, g.Subject
	needs := "the path is not in the catalog"
	if row.Endpoint != nil {
		f.Position = row.Endpoint.Pos
		needs = fmt.Sprintf("the catalog asks for %q", row.Endpoint.Requires.String())
	}
	if len(g.seen) > 0 {
		r.admitted(f, g, needs)
		return f
	}
	if pr.Request < 0 {
		r.experiment(f, g)
		return f
	}
	first := &r.Plan.Requests[pr.Request]
	f.Message = fmt.Sprintf("%s: %s; %s", row, report.RuleByID(g.Check).Title, needs)
	const most = 4
	for n, i := range g.Probes {
		if n == most {
			f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more: %s", len(g.Probes)-most, report.Clean(r.KeyNames(g.Probes[most:]))))
			break
		}
		f.Evidence = append(f.Evidence, r.observed(i))
	}
	f.Expected, f.Observed = r.wanted(first), fmt.Sprint(r.Answers.Observations[pr.Request].Status)
	f.Curl = r.Curl(g.Row, first.Key)
	f.Evidence = append(f.Evidence, f.Curl)
	if g.Check == effectDespiteRefusal.ID {
		if key := r.Plan.StrongestKey(r.Plan.Rows[row.Witness].Endpoint); key >= 0 {
			f.Evidence = append(f.Evidence, "and then "+r.Curl(row.Witness, key))
		}
	}
	if cred := r.Credentials[first.Key].at(row.Path); cred.EnvNote != "" {
		f.Evidence = append(f.Evidence, fmt.Sprintf("where $%s is %s", cred.Env, cred.EnvNote))
	}
	return f
}

// admitted fills in the finding of answers that admitted a sender which the catalog refuses. needs
// says what the row asks for.
func (r *Report) admitted(f *Finding, g *Group, needs string) {
	f.Message = fmt.Sprintf("%s: %s", g.Subject, report.RuleByID(g.Check).Title)
	if g.Subject == r.Plan.Rows[g.Row].String() {
		f.Message += "; " + needs
	} else if pos := r.Plan.catalog.Credentials.Pos; pos.IsValid() && strings.HasPrefix(g.Subject, credentialSubject("")) {
		f.Position = pos
	}
	const most = 4
	said := map[string]bool{}
	var lines []string
	for i := range g.seen {
		s := &g.seen[i]
		line := report.Clean(fmt.Sprintf("with %s: %s", named(r.sender(s)), r.seen(s)))
		if !said[line] {
			said[line] = true
			lines = append(lines, line)
		}
	}
	f.Evidence = lines[:min(most, len(lines))]
	if n := len(lines) - most; n > 0 {
		f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more: %s", n, strings.Join(rest(lines[most:]), "; ")))
	}
	first := &g.seen[0]
	f.Key, f.Expected = r.sender(first), "a refusal"
	if first.x == nil {
		req := &r.Plan.Requests[r.Plan.Probes[first.probe].Request]
		f.Expected = r.wanted(req)
		f.Observed, f.Curl = fmt.Sprint(r.Answers.Observations[r.Plan.Probes[first.probe].Request].Status), r.Curl(req.Row, req.Key)
	} else {
		f.Observed, f.Curl = fmt.Sprint(first.x.Status), report.Clean(r.curlOf(first.x))
	}
	f.Evidence = append(f.Evidence, f.Curl)
	if first.key >= 0 {
		if cred := r.Credentials[first.key].at(r.Plan.Rows[first.row].Path); cred.EnvNote != "" {
			f.Evidence = append(f.Evidence, fmt.Sprintf("where $%s is %s", cred.Env, cred.EnvNote))
		}
	}
}

// named is how a sentence names a sender.
func named(sender string) string {
	switch sender {
	case AnonymousKey:
		return "no key"
	case MalformedKey:
		return "a malformed key"
	case UnknownKey:
		return "an unknown key"
	}
	return "key " + sender
}

// rest are the lines about further answers, without who was answered.
func rest(lines []string) []string {
	const most = 20
	var out []string
	for i, line := range lines {
		if i == most {
			return append(out, "...")
		}
		_, what, _ := strings.Cut(line, ": ")
		out = append(out, what)
	}
	return out
}

// sender is the name of who was admitted.
func (r *Report) sender(s *sighting) string {
	if s.x != nil {
		return s.x.Key
	}
	return r.Plan.Keys[s.key].Name
}

// experiment fills in the finding of experiments that failed.
func (r *Report) experiment(f *Finding, g *Group) {
	first := &r.Plan.Questions[r.Plan.Probes[g.Probes[0]].Question]
	if first.Pos.IsValid() {
		f.Position = first.Pos
	}
	f.Message = fmt.Sprintf("%s: %s", g.Subject, report.RuleByID(g.Check).Title)
	if s := checkOf(g.Check).statement; s != nil {
		f.Message = fmt.Sprintf("%s does not hold (%s): %s", s.ID, s.Evidence, s.Says)
	}
	const most = 4
	for n, i := range g.Probes {
		if n == most {
			f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more: %s", len(g.Probes)-most, report.Clean(r.KeyNames(g.Probes[most:]))))
			break
		}
		who := fmt.Sprintf("with key %s: ", r.Plan.KeyName(&r.Plan.Probes[i]))
		if len(r.Plan.Questions[r.Plan.Probes[i].Question].Keys) == 0 {
			who = ""
		}
		f.Evidence = append(f.Evidence, report.Clean(who+r.Reasons[i]))
	}
	rec := &r.Answers.Records[r.Plan.Probes[g.Probes[0]].Question]
	telling, last := rec.telling(), rec.Last()
	for i, x := range telling {
		if i == 2*most && len(telling) > 2*most+1 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more requests", len(telling)-i))
			break
		}
		f.Evidence = append(f.Evidence, report.Clean(fmt.Sprintf("%s: %d to %s", x.Label, x.Status, r.curlOf(x))))
		last = x
	}
	keys := rec.Keys()
	for _, v := range slices.Sorted(maps.Keys(keys)) {
		if slices.ContainsFunc(f.Evidence, func(line string) bool { return strings.Contains(line, "$"+v+`"`) }) {
			f.Evidence = append(f.Evidence, report.Clean(fmt.Sprintf("where $%s is what a key shows that holds %s", v, keys[v])))
		}
	}
	if s := checkOf(g.Check).statement; s != nil {
		for _, source := range s.Sources {
			f.Evidence = append(f.Evidence, "source: "+source)
		}
	}
	f.Expected, f.Observed = checkOf(g.Check).Title, report.Clean(r.Reasons[g.Probes[0]])
	if last != nil {
		f.Curl = report.Clean(r.curlOf(last))
	}
}

// telling are the exchanges that show what went wrong: those that went against a script, else
// all of them.
func (r *Record) telling() []*Exchange {
	var all, against []*Exchange
	for i := range r.Exchanges {
		x := &r.Exchanges[i]
		if all = append(all, x); x.Against {
			against = append(against, x)
		}
	}
	if len(against) > 0 {
		return against
	}
	return all
}

// curlOf is a shell command that sends an exchange again.
func (r *Report) curlOf(x *Exchange) string {
	var b strings.Builder
	b.WriteString("curl -i")
	if x.Raw {
		b.WriteString(" --path-as-is")
	}
	if x.Method != "GET" {
		b.WriteString(" -X " + ShellQuote(x.Method))
	}
	path := ShellQuote(x.Path)
	switch name, value, ok := strings.Cut(x.Auth, ": "); {
	case ok: // the variable is to be filled in by the shell
		fmt.Fprintf(&b, ` -H "%s: %s"`, name, value)
	case x.Auth != "":
		sep := "?"
		if strings.Contains(x.Path, "?") {
			sep = "&"
		}
		path += `"` + sep + strings.TrimPrefix(x.Auth, "?") + `"`
	}
	for _, h := range x.Header {
		b.WriteString(" -H " + ShellQuote(h))
	}
	if len(r.Reproduce) > 0 {
		return b.String() + ` "$PC_API"` + path
	}
	return b.String() + " " + ShellQuote(strings.TrimSuffix(r.Target.String(), "/")) + path
}

// observed says in a line what one probe expected and what it saw.
func (r *Report) observed(probe int) string {
	pr := &r.Plan.Probes[probe]
	req := &r.Plan.Requests[pr.Request]
	o, key, row := &r.Answers.Observations[pr.Request], &r.Plan.Keys[req.Key], &r.Plan.Rows[req.Row]
	who := "key " + key.Name
	switch key.Kind {
	case NoKey:
		who = "no key"
	case BadMalformed:
		who = "a malformed key"
	case BadUnknown:
		who = "an unknown key"
	default:
		text := GrantName(key.Grants, r.Plan.Universe)
		if text == key.Name {
			who = "a key"
		}
		if len(key.Grants) == 0 {
			who += " without permissions"
		} else {
			who += " that holds " + text
		}
	}
	text := fmt.Sprintf("with %s: expected %s, observed %d", who, r.wanted(req), o.Status)
	if pr.Check == effectDespiteRefusal.ID {
		text = fmt.Sprintf("with %s: answered %d, and %s shows that the write happened", who, o.Status, &r.Plan.Rows[row.Witness])
	}
	if r.Reasons[probe] != "" {
		text += " (" + r.Reasons[probe] + ")"
	}
	return text
}

// wanted is the answer that a request should get.
func (r *Report) wanted(req *Request) string {
	if req.Expect == Admit {
		return "2xx"
	}
	row := &r.Plan.Rows[req.Row]
	form := row.form(r.Plan.Keys[req.Key].Kind)
	if !form.Known() || row.Endpoint == nil {
		return "a refusal"
	}
	want := fmt.Sprint(form.Status)
	if len(form.Body) > 0 {
		want += " with the stated body"
	}
	return want
}

// Curl is a shell command that sends a request of the plan again, with an environment
// variable in place of the secret.
func (r *Report) Curl(row, key int) string {
	var b strings.Builder
	b.WriteString("curl -i")
	rw := &r.Plan.Rows[row]
	if rw.Method != "GET" {
		fmt.Fprintf(&b, " -X %s", rw.Method)
	}
	cred := r.Credentials[key].at(rw.Path)
	if cred.Header != "" {
		fmt.Fprintf(&b, ` -H "%s: %s"`, cred.Header, cred.value("$"+cred.Env))
	}
	for _, name := range slices.Sorted(maps.Keys(cred.With)) {
		b.WriteString(" -H " + ShellQuote(name+": "+cred.With[name]))
	}
	if rw.Method != "GET" && rw.Method != "HEAD" && rw.Method != "DELETE" {
		b.WriteString(" -H 'Content-Type: application/json' -d '{}'")
	}
	path := r.Paths[row]
	if path == "" {
		path = rw.Path
	}
	base := ShellQuote(strings.TrimSuffix(r.Target.String(), "/") + path)
	if len(r.Reproduce) > 0 {
		base = `"$PC_API"` + ShellQuote(path)
	}
	if cred.Query != "" {
		base += fmt.Sprintf(`"?%s=$%s"`, url.QueryEscape(cred.Query), cred.Env)
	}
	return b.String() + " " + base
}

// ShellQuote makes one word of POSIX shells of a text.
func ShellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/:.-_%@+,=", r))
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
