package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
)

// A 2xx answer to a sender that the catalog refuses on a row is a finding, whichever check sent
// the request and whatever it was about to show. Checks decide what they ask; what else their
// requests show about access is decided here, by one rule for all of them.

// An Admission says that an answer admitted a sender which the catalog refuses on the row that was
// asked.
type Admission struct {
	Row     int       `json:"row"`               // index in [Plan.Rows]
	Key     int       `json:"key"`               // index in [Plan.Keys]; -1: one that the run made
	Rule    string    `json:"rule"`              // that is broken
	Subject string    `json:"subject,omitempty"` // what a finding is about; empty: the row
	List    ListState `json:"list,omitempty"`
}

// against is what the catalog says against a call, where the check that sends it knows more than
// follows from row and sender: what the key was made to be, or that its credential is none.
type against struct {
	row           int
	rule, subject string
}

// Rules about states of keys. They stand here by themselves since their checks look at them.
const (
	ruleDisabled = "disabled-key"
	ruleRevoked  = "revoked-key"
	ruleDeleted  = "deleted-key"
	ruleExpired  = "expired-key"
)

// credentialSubject is what findings about a state of keys, or an action on them, are about.
func credentialSubject(state string) string { return "credential:" + state }

// refusal names the rule that is broken where a row admits a sender, and what its finding is
// about ("": the row); no rule where the catalog does not refuse the sender.
func (p *Plan) refusal(row int, k *Key) (rule, subject string) {
	r := &p.Rows[row]
	switch {
	case r.Endpoint == nil || r.Need.IsPublic():
		return "", ""
	case k.Kind == NoKey:
		return anonymousAdmitted.ID, ""
	case k.Kind == BadMalformed || k.Kind == BadUnknown:
		return badKeyAdmitted.ID, ""
	case k.Kind == ParkedKey && p.stateRule(k.State) != "":
		return p.stateRule(k.State), credentialSubject(k.State)
	case r.Need.Admits(k.Grants):
		return "", ""
	}
	return overGrant.ID, ""
}

// probeSubject is what a finding of a probe is about.
func (p *Plan) probeSubject(pr *Probe) string {
	if pr.Request < 0 {
		return p.subject(&p.Questions[pr.Question])
	}
	req := &p.Requests[pr.Request]
	if rule, subject := p.refusal(req.Row, &p.Keys[req.Key]); rule == pr.Check && subject != "" {
		return subject
	}
	return p.Rows[req.Row].String()
}

// stateRule is the rule that is broken where a key in a state is admitted; "" where the catalog
// does not say that such a key is refused.
func (p *Plan) stateRule(state string) string {
	is := p.catalog.Credentials.States[state]
	name := strings.ToLower(state)
	switch {
	case is != "refused" && is != "gone":
		return ""
	case strings.Contains(name, "revok"):
		return ruleRevoked
	case is == "gone":
		return ruleDeleted
	case strings.Contains(name, "expir"):
		return ruleExpired
	}
	return ruleDisabled
}

// actionRule is the rule that is broken where a key is admitted after an action of the catalog.
func (p *Plan) actionRule(action string) string {
	switch {
	case action == "revoke":
		return ruleRevoked
	case p.catalog.Credentials.States[p.catalog.Credentials.Actions[action]] == "gone":
		return ruleDeleted
	}
	return ruleDisabled
}

// ownRow is the row whose own request a call is: its method and one of its paths, and nothing
// beside the key and the body that could give the request another meaning. -1: it is none.
func (p *Plan) ownRow(c *Call) int {
	if c.Raw || c.Line != "" || !ownQuery(c.Query) || slices.ContainsFunc(headerNames(c.Header), func(name string) bool { return !harmlessHeaders[name] }) {
		return -1
	}
	row := p.RowOf(c.Method, c.Path)
	if row < 0 {
		return -1
	}
	// A row that the plan does not ask about may be the one that answers.
	for _, e := range slices.Concat(p.Unknown, p.NotAsked) {
		other := Row{Endpoint: e, Path: e.Path}
		if (e.Method == c.Method || e.Method == catalogs.AnyMethod) && other.matches(c.Path) && len(other.Params()) <= len(p.Rows[row].Params()) {
			return -1
		}
	}
	return row
}

// harmlessHeaders are those that change how a row is answered, and not which row is asked or as
// whom.
var harmlessHeaders = map[string]bool{"Content-Type": true, "If-None-Match": true, "Range": true}

// ownParameter is a parameter of a query that means nothing to the target: it makes an address new.
const ownParameter = "permcheck"

// ownQuery reports whether a query holds nothing that the target could understand.
func ownQuery(query string) bool {
	query = strings.TrimPrefix(query, "?")
	return query == "" || strings.HasPrefix(query, ownParameter+"=") && !strings.ContainsAny(query, "&;")
}

// admission is what the answer to a call shows about the right of its sender: nil where it is no
// 2xx, or where the catalog does not refuse the call.
func (l *Lab) admission(c *Call, a *Answer) *Admission {
	if !a.OK() {
		return nil
	}
	out := &Admission{Key: -1}
	switch {
	case c.against != nil:
		out.Row, out.Rule, out.Subject = c.against.row, c.against.rule, c.against.subject
	case c.By.key == nil:
		return nil
	default:
		if out.Row = l.Plan.ownRow(c); out.Row < 0 {
			return nil
		}
		if out.Rule, out.Subject = l.Plan.refusal(out.Row, c.By.key); out.Rule == "" {
			return nil
		}
	}
	for i := range l.Plan.Keys {
		if c.By.key == &l.Plan.Keys[i] {
			out.Key = i
		}
	}
	if !a.Truncated {
		out.List = a.Rows()
	}
	return out
}

// strange returns an exchange of a record, which was read from a file, whose admission names
// what the plan does not have; nil when there is none.
func (r *Record) strange(p *Plan) *Exchange {
	for _, x := range r.admitted() {
		if a := x.Admission; a.Row < 0 || a.Row >= len(p.Rows) || a.Key < -1 || a.Key >= len(p.Keys) || checkOf(a.Rule) == nil {
			return x
		}
	}
	return nil
}

// admits decides a 2xx answer to a sender that must be refused: Fail where it admits the sender,
// Pass where it is a way to refuse.
func (j *judge) admits(row, status int, html bool, list ListState) (Verdict, string) {
	f := &j.rows[row]
	switch {
	case html && f.noPage:
		return Inconclusive, fmt.Sprintf("answered %d with a web page, where admitted keys get something else: a page to sign in?", status)
	case j.plan.Rows[row].Reads && list == EmptyList && f.fullList:
		return Pass, "" // an empty list where an admitted key sees rows: nothing was given away
	}
	return Fail, ""
}

// A sighting is one answer to a sender that the catalog refuses.
type sighting struct {
	probe   int // that saw it
	row     int
	key     int // of the plan; -1: one that the run made
	rule    string
	subject string
	x       *Exchange // nil: it is the observation of the probe's request
	// thrown says that the probe decided something else, or nothing.
	thrown bool
}

// sightings collects, in the order of the probes, what answers show against the catalog: of keys
// that are out of use, which their own checks found, and of all others what no check did.
func (j *judge) sightings(r *Result) []sighting {
	var out []sighting
	found := newFound(r)
	for i := range j.plan.Probes {
		pr := &j.plan.Probes[i]
		switch {
		case !j.plan.mine(pr):
		case pr.Request >= 0:
			if s, ok := j.sightingOf(r, i); ok && (!s.thrown || !found.has(&s, j.plan.Keys[s.key].Name)) {
				out = append(out, s)
			}
		case r.Verdicts[i] != Fail && pr.Question < len(j.answers.Records):
			for _, x := range j.answers.Records[pr.Question].admitted() {
				at := x.Admission
				s := sighting{probe: i, row: at.Row, key: at.Key, rule: at.Rule, subject: cmp.Or(at.Subject, j.plan.Rows[at.Row].String()), x: x, thrown: true}
				if v, _ := j.admits(at.Row, x.Status, x.Body.Kind == "html", at.List); v == Fail && !found.has(&s, x.Key) {
					out = append(out, s)
				}
			}
		}
	}
	return out
}

// sightingOf is what a probe of the matrix shows; it is not ok where the sender was refused, or
// where the probe's own finding says it on the row.
func (j *judge) sightingOf(r *Result, probe int) (s sighting, ok bool) {
	pr := &j.plan.Probes[probe]
	req, o := j.request(pr), j.observation(pr)
	if req.Expect != Refuse || !o.admitted() {
		return s, false
	}
	rule, subject := j.plan.refusal(req.Row, &j.plan.Keys[req.Key])
	if rule == "" {
		return s, false
	}
	s = sighting{probe: probe, row: req.Row, key: req.Key, rule: rule, subject: cmp.Or(subject, j.plan.Rows[req.Row].String())}
	if r.Verdicts[probe] == Fail {
		return s, subject != "" && pr.Check == rule
	}
	s.thrown = true
	v, _ := j.admits(req.Row, o.Status, o.HTML, o.List)
	return s, v == Fail
}

// admitted are the exchanges of a record, and of its repetitions, that admitted a sender which the
// catalog refuses.
func (r *Record) admitted() []*Exchange {
	var out []*Exchange
	for _, of := range append([]*Record{r}, records(r.Again)...) {
		for i := range of.Exchanges {
			if of.Exchanges[i].Admission != nil {
				out = append(out, &of.Exchanges[i])
			}
		}
	}
	return out
}

func records(list []Record) []*Record {
	var out []*Record
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// found is what failed probes say already, so that one cause is one finding.
type found struct {
	requests map[Request]bool   // that were admitted and must be refused
	rules    map[[2]string]bool // by rule and subject
	senders  map[string]bool    // by row and name: whom a failed check admits that explains others
}

func newFound(r *Result) *found {
	f := &found{map[Request]bool{}, map[[2]string]bool{}, map[string]bool{}}
	for i, v := range r.Verdicts {
		if v != Fail {
			continue
		}
		pr := &r.Plan.Probes[i]
		f.rules[[2]string{pr.Check, r.Plan.probeSubject(pr)}] = true
		if pr.Request < 0 && len(checkOf(pr.Check).explains) > 0 {
			for _, x := range r.Answers.Records[pr.Question].admitted() {
				f.senders[sender(x.Admission.Row, x.Key)] = true
			}
		}
		if pr.Request >= 0 && r.Answers.Observations[pr.Request].admitted() {
			req := r.Plan.Requests[pr.Request]
			f.requests[Request{Row: req.Row, Key: req.Key}] = true
		}
	}
	return f
}

func sender(row int, name string) string { return fmt.Sprintf("%d %s", row, name) }

// has reports whether a failed probe says what was seen. name is the sender's.
func (f *found) has(s *sighting, name string) bool {
	return s.key >= 0 && f.requests[Request{Row: s.row, Key: s.key}] || f.rules[[2]string{s.rule, s.subject}] || f.senders[sender(s.row, name)]
}

// admissions fails the probes that saw what no check decided, and the probe of the matrix which
// says that the row refuses the sender: it did not always. It returns the groups of all sightings.
// Statements and hand-written checks keep their verdicts.
func (j *judge) admissions(r *Result) []Group {
	seen := j.sightings(r)
	var groups []Group
	at := map[[2]string]int{}
	for _, s := range seen {
		k := [2]string{s.rule, s.subject}
		n, ok := at[k]
		if !ok {
			n = len(groups)
			at[k] = n
			groups = append(groups, Group{Check: s.rule, Row: s.row, Subject: s.subject, Cause: Cause{ID: s.rule, Text: report.RuleByID(s.rule).Title, Check: s.rule}})
		}
		g := &groups[n]
		g.seen = append(g.seen, s)
		if !slices.Contains(g.Probes, s.probe) {
			g.Probes = append(g.Probes, s.probe)
		}
		if !s.thrown {
			continue
		}
		// What somebody wrote in words holds or does not by its own expectations.
		if c := checkOf(r.Plan.Probes[s.probe].Check); r.Verdicts[s.probe] != Fail && c != &script && c.statement == nil {
			r.Verdicts[s.probe], r.Reasons[s.probe] = Fail, r.seen(&s)
		}
		for i := range r.Plan.Probes {
			pr := &r.Plan.Probes[i]
			if pr.Request < 0 || pr.Check != s.rule || r.Plan.Requests[pr.Request].Row != s.row || r.Plan.Requests[pr.Request].Key != s.key ||
				!r.Plan.mine(pr) || r.Verdicts[i] != Pass && r.Verdicts[i] != Inconclusive {
				continue
			}
			r.Verdicts[i], r.Reasons[i] = Fail, fmt.Sprintf("refused here, and %s", r.seen(&s))
			g.Probes = append(g.Probes, i)
		}
	}
	return groups
}

// seen says what was seen and by whom.
func (r *Result) seen(s *sighting) string {
	pr := &r.Plan.Probes[s.probe]
	by, status := pr.Check, 0
	if s.x != nil {
		by, status = by+", "+s.x.Label, s.x.Status
	} else {
		status = r.Answers.Observations[pr.Request].Status
	}
	text := fmt.Sprintf("answered %d to %s", status, &r.Plan.Rows[s.row])
	if s.thrown {
		text += " (seen by " + by + ")"
	}
	return text
}

// parkedProbes plans, for the rule about a state of keys, the requests of the profile's keys that
// are in such a state: to all rows that read, which would admit them if they lived.
func parkedProbes(rule string) func(p *planner, row int) {
	return func(p *planner, row int) {
		r := &p.Rows[row]
		if r.Endpoint == nil || !r.Reads || r.Need.IsPublic() {
			return
		}
		for i, k := range p.Keys {
			if k.Kind == ParkedKey && r.Need.Admits(k.Grants) && p.stateRule(k.State) == rule {
				p.probe(rule, row, i)
				if strongest := p.strongest(row); strongest >= 0 {
					p.base(row, strongest) // without it a refusal proves nothing
				}
			}
		}
	}
}
