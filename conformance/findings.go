package conformance

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/permcheck/permcheck/internal/report"
)

// A Finding is one group of failed probes as a report says it.
type Finding struct {
	report.Finding
	Key   string // name of the first key that showed it
	Fault string // id of the likely cause; findings of one cause have the same
	Cause string // the cause in a sentence
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
}

// Times are when a run began and ended, as text of RFC 3339.
type Times struct{ Started, Ended string }

// Findings turns the groups of failed probes into findings, in their order.
func (r *Report) Findings() []*Finding {
	var out []*Finding
	for i := range r.Groups {
		out = append(out, r.finding(&r.Groups[i]))
	}
	return out
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
	f.Evidence = append(f.Evidence, r.Curl(g.Row, first.Key))
	if g.Check == effectDespiteRefusal.ID {
		if key := r.Plan.StrongestKey(r.Plan.Rows[row.Witness].Endpoint); key >= 0 {
			f.Evidence = append(f.Evidence, "and then "+r.Curl(row.Witness, key))
		}
	}
	if cred := &r.Credentials[first.Key]; cred.EnvNote != "" {
		f.Evidence = append(f.Evidence, fmt.Sprintf("where $%s is %s", cred.Env, cred.EnvNote))
	}
	return f
}

// experiment fills in the finding of experiments that failed.
func (r *Report) experiment(f *Finding, g *Group) {
	first := &r.Plan.Questions[r.Plan.Probes[g.Probes[0]].Question]
	if first.Pos.IsValid() {
		f.Position = first.Pos
	}
	f.Message = fmt.Sprintf("%s: %s", g.Subject, report.RuleByID(g.Check).Title)
	const most = 4
	for n, i := range g.Probes {
		if n == most {
			f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more: %s", len(g.Probes)-most, report.Clean(r.KeyNames(g.Probes[most:]))))
			break
		}
		f.Evidence = append(f.Evidence, report.Clean(fmt.Sprintf("with key %s: %s", r.Plan.KeyName(&r.Plan.Probes[i]), r.Reasons[i])))
	}
	rec := &r.Answers.Records[r.Plan.Probes[g.Probes[0]].Question]
	for i := range rec.Exchanges {
		x := &rec.Exchanges[i]
		if i == 2*most && len(rec.Exchanges) > 2*most+1 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more requests", len(rec.Exchanges)-i))
			break
		}
		f.Evidence = append(f.Evidence, report.Clean(fmt.Sprintf("%s: %d to %s", x.Label, x.Status, r.curlOf(x))))
	}
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
	want := "2xx"
	if req.Expect == Refuse {
		want = "a refusal"
		if form := row.form(key.Kind); form.Known() && row.Endpoint != nil {
			want = fmt.Sprintf("%d", form.Status)
			if len(form.Body) > 0 {
				want += " with the stated body"
			}
		}
	}
	text := fmt.Sprintf("with %s: expected %s, observed %d", who, want, o.Status)
	if pr.Check == effectDespiteRefusal.ID {
		text = fmt.Sprintf("with %s: answered %d, and %s shows that the write happened", who, o.Status, &r.Plan.Rows[row.Witness])
	}
	if r.Reasons[probe] != "" {
		text += " (" + r.Reasons[probe] + ")"
	}
	return text
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
	cred := &r.Credentials[key]
	if cred.Header != "" {
		fmt.Fprintf(&b, ` -H "%s: %s"`, cred.Header, cred.value("$"+cred.Env))
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
