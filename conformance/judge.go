package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
)

// Answers are what a run observed: the input of [Judge] besides the plan.
type Answers struct {
	Observations []Observation // one for each request of the plan
	Records      []Record      // one for each question of the plan
	// Controls holds, for keys with a control call, whether it was answered as the
	// catalog says before and after the probes. Keys without one are absent.
	Controls map[int]Control
	// Vouched are keys that need no sign of life: the keyring made them, or the server
	// issued a token for them.
	Vouched map[int]bool
	// Cut says why the run ended before every request was sent; empty: it did not.
	Cut string
}

// A Control is the result of one key's control call.
type Control struct {
	OK     bool   `json:"ok"`
	Status int    `json:"status"`           // 0: there was no answer
	Empty  bool   `json:"empty,omitempty"`  // the answer is a list that shows nothing
	Reason string `json:"reason,omitempty"` // why not
	// Chosen says that nobody stated the row.
	Chosen bool `json:"chosen,omitempty"`
	Row    int  `json:"row"` // index in [Plan.Rows]
}

// A Result is what a run showed about a plan.
type Result struct {
	Plan     *Plan
	Answers  *Answers
	Verdicts []Verdict // one for each probe of the plan
	Reasons  []string  // why a verdict is not pass; empty where the verdict says all
	Groups   []Group   // failed probes, those of one cause together
	Proven   int       // points of the boundary whose probe passed
	Failed   int       // points of the boundary whose probe failed
	Learned  Learned
	Dead     []string // keys that show no sign of life
	Void     []string // those of them that the catalog admits somewhere: their secrets are wrong, or the server is
	Count    map[Verdict]int

	forms map[learnedForm]int
}

// Total is the number of points of the boundary. A row that was too large to plan
// counts as one point that is not proven.
// Of a shard's plan it counts the shard's own.
func (r *Result) Total() int {
	n := 0
	for i := range r.Plan.Points {
		if r.Plan.Mine(r.Plan.Points[i].Row) {
			n++
		}
	}
	for _, e := range r.Plan.TooLarge {
		if r.Plan.shard.owns(e.String()) {
			n++
		}
	}
	return n
}

// Learned counts the forms of refusal that were seen where none is stated.
type Learned struct {
	Anonymous map[string]int `json:"anonymous,omitempty"` // without a valid key
	Forbidden map[string]int `json:"forbidden,omitempty"` // with one
}

// A judge holds what decisions need besides one observation.
type judge struct {
	plan    *Plan
	answers *Answers
	rows    []rowFacts
	alive   []bool   // by key
	dead    []string // why a key is not known to be alive
}

// rowFacts is what the requests of one row show together.
type rowFacts struct {
	controlled bool         // a key that the catalog admits was answered 2xx
	fullList   bool         // and saw rows
	noPage     bool         // and got something else than a web page
	emptyDeny  bool         // a key that must be refused saw an empty list instead
	effectSeen bool         // an admitted write was seen to have happened
	badKeys    []answerForm // what the malformed and the unknown key got
}

// Judge decides every probe of the plan. It is pure: the same answers give the same
// verdicts.
func Judge(p *Plan, a *Answers) *Result {
	j := newJudge(p, a)
	r := &Result{Plan: p, Answers: a, Verdicts: make([]Verdict, len(p.Probes)), Reasons: make([]string, len(p.Probes)),
		Count: map[Verdict]int{}, forms: map[learnedForm]int{}, Learned: Learned{Anonymous: map[string]int{}, Forbidden: map[string]int{}}}
	j.matrix(r.Verdicts, r.Reasons)
	for i := range p.Probes {
		if pr := &p.Probes[i]; pr.Request < 0 {
			var rec Record
			if pr.Question < len(a.Records) {
				rec = a.Records[pr.Question]
			}
			r.Verdicts[i], r.Reasons[i] = j.question(&p.Questions[pr.Question], &rec, r.Verdicts, r.Reasons)
		}
	}
	for i := range p.Probes {
		if !p.mine(&p.Probes[i]) {
			r.Verdicts[i], r.Reasons[i] = Skipped, anothers
		}
	}
	admitted := j.admissions(r)
	for i := range p.Probes {
		if p.mine(&p.Probes[i]) {
			r.Count[r.Verdicts[i]]++
		}
	}
	for i := range admitted {
		if !slices.ContainsFunc(admitted[i].Probes, func(probe int) bool { return r.Verdicts[probe] == Fail }) {
			r.Count[Fail]++ // no probe failed that saw it
		}
	}
	for _, pt := range p.Points {
		if pt.Probe >= 0 && p.Mine(pt.Row) {
			switch r.Verdicts[pt.Probe] {
			case Pass:
				r.Proven++
			case Fail:
				r.Failed++
			}
		}
	}
	j.learn(r)
	for i, k := range p.Keys {
		if k.Kind == ValidKey && !j.alive[i] {
			r.Dead = append(r.Dead, k.Name)
			if j.shouldLive(i) {
				r.Void = append(r.Void, k.Name)
			}
		}
	}
	r.Groups = group(r, admitted)
	return r
}

// newJudge gathers what the answers to the matrix show together.
func newJudge(p *Plan, a *Answers) *judge {
	j := &judge{plan: p, answers: a, rows: make([]rowFacts, len(p.Rows))}
	j.gather()
	j.signsOfLife()
	return j
}

// matrix decides every probe that is no experiment.
func (j *judge) matrix(verdicts []Verdict, reasons []string) {
	for i := range j.plan.Probes {
		if pr := &j.plan.Probes[i]; pr.Request >= 0 {
			verdicts[i], reasons[i] = checkOf(pr.Check).judge(j, pr)
		}
	}
}

func (j *judge) observation(pr *Probe) *Observation { return &j.answers.Observations[pr.Request] }
func (j *judge) request(pr *Probe) *Request         { return &j.plan.Requests[pr.Request] }

// gather collects the facts of each row. Nothing here depends on a verdict.
func (j *judge) gather() {
	for i := range j.plan.Requests {
		req, o := &j.plan.Requests[i], &j.answers.Observations[i]
		f := &j.rows[req.Row]
		if kind := j.plan.Keys[req.Key].Kind; (kind == BadUnknown || kind == BadMalformed) && !o.undecided() {
			f.badKeys = append(f.badKeys, o.form())
		}
		if req.Expect == Admit && o.admitted() {
			f.controlled = true
			f.fullList = f.fullList || o.List == FullList
			f.noPage = f.noPage || !o.HTML
			f.effectSeen = f.effectSeen || o.Effect == EffectPresent
		}
	}
	for i := range j.plan.Requests {
		req, o := &j.plan.Requests[i], &j.answers.Observations[i]
		if f := &j.rows[req.Row]; req.Expect == Refuse && f.fullList && o.admitted() && o.List == EmptyList {
			f.emptyDeny = true
		}
	}
}

// signsOfLife decides which keys are known to be valid credentials. A mistyped key is
// refused everywhere, just as a right one without grants: only an answer that keys which
// were never made do not get tells them apart.
func (j *judge) signsOfLife() {
	j.alive = make([]bool, len(j.plan.Keys))
	j.dead = make([]string, len(j.plan.Keys))
	for i, k := range j.plan.Keys {
		j.alive[i] = k.Kind != ValidKey || j.answers.Vouched[i]
		j.dead[i] = "the key is answered nowhere otherwise than an unknown key is: it may be mistyped; give the profile a control: call that it is admitted to"
	}
	for i := range j.plan.Requests {
		req, o := &j.plan.Requests[i], &j.answers.Observations[i]
		f := &j.rows[req.Row]
		if j.plan.Keys[req.Key].Kind == ValidKey && !o.undecided() && len(f.badKeys) > 0 && !slices.Contains(f.badKeys, o.form()) &&
			!j.plan.Rows[req.Row].Need.IsPublic() && j.plan.Rows[req.Row].Reads {
			j.alive[req.Key] = true
		}
	}
	for i, c := range j.answers.Controls {
		if j.plan.Keys[i].Kind == ValidKey {
			switch {
			case c.OK && c.Chosen:
				// Being admitted tells something where keys that were never made are not.
				bad := j.rows[c.Row].badKeys
				j.alive[i] = j.alive[i] || len(bad) > 0 && !slices.ContainsFunc(bad, func(b answerForm) bool { return b == c.form() || b.admits() })
			case c.OK:
				j.alive[i] = true
			default:
				j.alive[i], j.dead[i] = false, "its control call failed: "+c.Reason
			}
		}
	}
}

// shouldLive reports whether a key was sent somewhere where it is admitted.
func (j *judge) shouldLive(key int) bool {
	if c, ok := j.answers.Controls[key]; ok && !c.OK {
		return true
	}
	for i, req := range j.plan.Requests {
		if req.Key == key && req.Expect == Admit && !j.plan.Rows[req.Row].Need.IsPublic() && !j.answers.Observations[i].undecided() {
			return true
		}
	}
	return false
}

// mustBeRefused decides a request that the catalog refuses.
func (j *judge) mustBeRefused(pr *Probe) (Verdict, string) {
	o, req := j.observation(pr), j.request(pr)
	f, row := &j.rows[req.Row], &j.plan.Rows[req.Row]
	switch {
	case !o.Sent:
		return o.unsent()
	case o.Leaks:
		return Fail, fmt.Sprintf("answered %d, but the answer carries values that only admitted keys see", o.Status)
	case o.undecided():
		return Inconclusive, o.why()
	case o.admitted():
		if v, why := j.admits(req.Row, o.Status, o.HTML, o.List); v != Pass {
			if v == Fail && o.Unstable {
				why = fmt.Sprintf("answered %d, and refused when it was asked again: not every request is decided alike", o.Status)
			}
			return v, why
		}
	case row.Need.IsNobody():
		if !slices.Contains([]int{401, 403, 404, 405}, o.Status) && !o.StatedForm {
			return Inconclusive, fmt.Sprintf("answered %d, and no key is admitted here that would show whether the request was right", o.Status)
		}
	case !f.controlled:
		return Inconclusive, "no key that the catalog admits was answered 2xx on the same request, so a refusal proves nothing"
	}
	if !j.alive[req.Key] {
		return Inconclusive, j.dead[req.Key]
	}
	return Pass, ""
}

// mustBeAdmitted decides a request that the catalog admits.
func (j *judge) mustBeAdmitted(pr *Probe) (Verdict, string) {
	o, req := j.observation(pr), j.request(pr)
	f, row, key := &j.rows[req.Row], &j.plan.Rows[req.Row], &j.plan.Keys[req.Key]
	narrowed := key.Narrowed() || row.Limits
	switch {
	case !o.Sent:
		return o.unsent()
	case row.unlisted(key):
		return Skipped, "the key's allow list does not name what the endpoint shows, which listed-endpoint asks about"
	case o.undecided():
		return Inconclusive, o.why()
	case o.admitted():
		if row.Reads && o.List == EmptyList && f.emptyDeny {
			if narrowed {
				return Inconclusive, "answered an empty list, as keys without the grant are; its records may be limited"
			}
			return Fail, "answers an empty list, as keys without the grant get, where another key sees rows"
		}
		return Pass, ""
	case !j.alive[req.Key]:
		return Inconclusive, j.dead[req.Key]
	case o.Unstable:
		return Inconclusive, fmt.Sprintf("unstable: answered %d at first and 2xx when asked again", o.Status)
	case o.Status == 403 && f.controlled && key.Narrowed() && !row.Reads:
		return Inconclusive, "answered 403; the key's records are limited, and so may be what it writes"
	case o.Status == 401 || o.Status == 403:
		return Fail, ""
	case f.controlled && o.SharedObject && slices.Contains([]int{404, 409, 410, 412}, o.Status):
		return Inconclusive, fmt.Sprintf("answered %d; an earlier request may have used up the object", o.Status)
	case f.controlled && narrowed:
		return Inconclusive, fmt.Sprintf("answered %d; the key's records may be limited", o.Status)
	case f.controlled:
		return Fail, "another key was answered 2xx on the same request"
	}
	return Inconclusive, fmt.Sprintf("answered %d to every key that should be admitted: the path's ids or the body may be wrong", o.Status)
}

// unlisted reports whether the row needs an attribute that the key's allow list lacks.
func (r *Row) unlisted(k *Key) bool {
	if r.Endpoint == nil {
		return false
	}
	for list, attribute := range r.Endpoint.NeedsListed {
		if named, ok := k.Lists[list]; ok && !slices.Contains(named, attribute) {
			return true
		}
	}
	return false
}

// learn counts forms of refusal where none is stated.
func (j *judge) learn(r *Result) {
	for i := range r.Plan.Requests {
		req, o := &r.Plan.Requests[i], &r.Answers.Observations[i]
		row, kind := &r.Plan.Rows[req.Row], r.Plan.Keys[req.Key].Kind
		if !r.Plan.Mine(req.Row) || req.Expect != Refuse || row.Endpoint == nil || o.undecided() || row.form(kind).Known() {
			continue
		}
		form, short := fmt.Sprint(o.Status), fmt.Sprint(o.Status)
		if o.admitted() {
			if o.List != EmptyList || !j.rows[req.Row].fullList {
				continue
			}
			form += " with an empty list"
			short = emptyForm
		} else if !j.rows[req.Row].controlled && !row.Need.IsNobody() {
			continue
		}
		r.forms[learnedForm{senderOf(kind), row.Kind(), short}]++
		if kind == ValidKey {
			r.Learned.Forbidden[form]++
		} else {
			r.Learned.Anonymous[form]++
		}
	}
}

// Unproven returns the points of the boundary that no probe proved, and why.
func (r *Result) Unproven() []Unproven {
	var list []Unproven
	for i := range r.Plan.Points {
		pt := &r.Plan.Points[i]
		if !r.Plan.Mine(pt.Row) {
			continue
		}
		reason := "no key of the keyring holds exactly this grant"
		if pt.Probe >= 0 {
			if v := r.Verdicts[pt.Probe]; v == Pass || v == Fail {
				continue
			}
			reason = r.Reasons[pt.Probe]
		} else if pt.Anonymous {
			reason = "not planned"
		}
		grant := AnonymousKey
		if !pt.Anonymous {
			grant = GrantName(pt.Grant, r.Plan.Universe)
		}
		row := &r.Plan.Rows[pt.Row]
		list = append(list, Unproven{Method: row.Method, Path: row.Path, Expect: pt.Expect, Grant: grant, Reason: reason, Mint: pt.Probe < 0})
	}
	for _, e := range r.Plan.TooLarge {
		if !r.Plan.shard.owns(e.String()) {
			continue
		}
		list = append(list, Unproven{Method: e.Method, Path: e.Path, Expect: Refuse, Grant: "", Reason: "the boundary has more than 4,096 grants; the rest is not planned"})
	}
	return list
}

// An Unproven is a point of the boundary that a run did not decide.
type Unproven struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Expect Expect `json:"expect"`
	Grant  string `json:"grant"` // what the deciding key holds
	Reason string `json:"reason"`
	Mint   bool   `json:"mint,omitempty"` // a key with exactly this grant would decide it
}

// A Group is the failed probes that have one cause: one check's on one row, or on one
// subject.
type Group struct {
	Check   string
	Row     int
	Subject string
	Cause   Cause
	Probes  []int // indices in Plan.Probes, in order

	seen []sighting // nil: what the probes themselves showed
}

// A Cause is what most likely went wrong, told from which keys failed on an endpoint.
type Cause struct {
	ID, Text string
	Check    string // the check that shows it best: its finding comes first
}

// group collects failed probes by cause, row and check, but for those of admitted, which are
// groups of their own. Groups of one cause stand together, the first check of a cause first.
func group(r *Result, admitted []Group) []Group {
	byRow := map[int][]int{}
	var rows []int
	taken := map[int]bool{}
	for i := range admitted {
		for _, probe := range admitted[i].Probes {
			taken[probe] = true
		}
	}
	for i, v := range r.Verdicts {
		if pr := &r.Plan.Probes[i]; v == Fail && pr.Request >= 0 && !taken[i] {
			row := r.Plan.Requests[pr.Request].Row
			if byRow[row] == nil {
				rows = append(rows, row)
			}
			byRow[row] = append(byRow[row], i)
		}
	}
	slices.Sort(rows)
	var groups []Group
	for _, row := range rows {
		cause := diagnose(r, row, byRow[row])
		byCheck := map[string][]int{}
		for _, i := range byRow[row] {
			byCheck[r.Plan.Probes[i].Check] = append(byCheck[r.Plan.Probes[i].Check], i)
		}
		add := func(check string) {
			if probes := byCheck[check]; len(probes) > 0 {
				groups = append(groups, Group{Check: check, Row: row, Subject: r.Plan.Rows[row].String(), Cause: cause, Probes: probes})
				delete(byCheck, check)
			}
		}
		add(cause.Check)
		for _, check := range Checks {
			add(check.ID)
		}
	}
	groups = explained(slices.Concat(groups, admitted, experiments(r, taken)))
	order := map[string]int{}
	for _, g := range groups {
		if _, ok := order[g.Cause.ID]; !ok {
			order[g.Cause.ID] = len(order)
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return order[a.Cause.ID] - order[b.Cause.ID] })
	return groups
}

// explained gives failures the cause of an experiment that explains them, and
// puts that experiment's group before them.
func explained(groups []Group) []Group {
	done := map[int]bool{}
	for n := range groups {
		check := checkOf(groups[n].Check)
		if len(check.explains) == 0 {
			continue
		}
		cause := groups[n].Cause
		for i := range groups {
			other := checkOf(groups[i].Check)
			if other == check || done[i] || i < n && len(other.explains) > 0 {
				continue
			}
			if slices.Contains(check.explains, other.ID) || slices.Contains(check.explains, other.Category) {
				groups[i].Cause, done[i] = cause, true
			}
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		first := func(g Group) int {
			if len(checkOf(g.Check).explains) > 0 {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	return groups
}

// experiments groups the experiments that failed, but for those that are taken: those of one check
// about one subject.
func experiments(r *Result, taken map[int]bool) []Group {
	var groups []Group
	at := map[[2]string]int{}
	for i, v := range r.Verdicts {
		pr := &r.Plan.Probes[i]
		if v != Fail || pr.Request >= 0 || taken[i] {
			continue
		}
		q := &r.Plan.Questions[pr.Question]
		k := [2]string{q.Check, r.Plan.subject(q)}
		n, ok := at[k]
		if !ok {
			n = len(groups)
			at[k] = n
			cause := checkOf(q.Check).cause
			if cause.ID == "" {
				cause = Cause{ID: q.Check, Text: report.RuleByID(q.Check).Title, Check: q.Check}
				if s := checkOf(q.Check).statement; s != nil {
					cause.Text = "against the vendor's pages: " + s.Says
				}
			}
			groups = append(groups, Group{Check: q.Check, Row: q.Row, Subject: k[1], Cause: cause})
		}
		groups[n].Probes = append(groups[n].Probes, i)
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		first := func(g Group) int {
			if g.Check == g.Cause.Check {
				return 0
			}
			return 1
		}
		return first(a) - first(b)
	})
	return groups
}

// diagnose names the likely cause of a row's failed probes. A cause is a hint for people:
// no verdict depends on it.
func diagnose(r *Result, row int, failed []int) Cause {
	p := r.Plan
	var anonymous, bad, none, largest, admitted, effects bool
	for _, i := range failed {
		req := &p.Requests[p.Probes[i].Request]
		k := &p.Keys[req.Key]
		switch p.Probes[i].Check {
		case refusalForm.ID:
			continue
		case effectDespiteRefusal.ID:
			effects = true
			continue
		case defaultAllow.ID:
			return causes.defaultAllow
		}
		switch {
		case k.Kind == NoKey && req.Expect == Refuse:
			anonymous = true
		case k.Kind == BadMalformed || k.Kind == BadUnknown:
			bad = true
		case req.Expect == Admit:
			admitted = true
		case len(k.Grants) == 0:
			none = true
		default:
			largest = true
		}
	}
	together := slices.ContainsFunc(p.Rows[row].Need.Clauses(), func(c perm.Set) bool { return len(c) > 1 })
	switch {
	case anonymous && (none || largest):
		return causes.unguarded
	case anonymous:
		return causes.anonymous
	case bad:
		return causes.badKey
	case admitted && none:
		return causes.inverted
	case admitted && largest:
		return causes.wrongPermission
	case none && !largest && refusesLargest(r, row):
		return causes.emptyGrant
	case none:
		return causes.missingCheck
	case largest && together:
		return causes.orForAnd
	case largest:
		return causes.weaker
	case admitted:
		return causes.overStrict
	case effects:
		return causes.effectFirst
	}
	return causes.form // nothing else is left
}

// causes are all that can be told from a row's failed probes.
var causes = struct {
	unguarded, anonymous, badKey, inverted, wrongPermission, emptyGrant, missingCheck, orForAnd, weaker, overStrict,
	effectFirst, form, defaultAllow Cause
}{
	unguarded:       Cause{"unguarded-route", "the route has no check at all", "anonymous-admitted"},
	anonymous:       Cause{"anonymous-passes", "requests without a key skip the check", "anonymous-admitted"},
	badKey:          Cause{"bad-key-passes", "a key that cannot be checked is let through", "bad-key-admitted"},
	inverted:        Cause{"inverted-condition", "the condition is the wrong way round", "over-grant"},
	wrongPermission: Cause{"wrong-permission", "the server asks for another permission than the catalog", "under-grant"},
	emptyGrant:      Cause{"empty-grant-is-all", "a key without any permission counts as unrestricted", "over-grant"},
	missingCheck:    Cause{"missing-check", "the route asks for a valid key only, not for a permission", "over-grant"},
	orForAnd:        Cause{"or-instead-of-and", "a part of the permissions that are demanded together, or another one, is enough", "over-grant"},
	weaker:          Cause{"weaker-permission", "a permission that the catalog does not name opens the route too", "over-grant"},
	overStrict:      Cause{"over-strict", "the server asks for more than the catalog says", "under-grant"},
	effectFirst:     Cause{"effect-before-refusal", "the handler writes before the guard refuses", "effect-despite-refusal"},
	form:            Cause{"refusal-form", "the form of refusal is not the stated one", "refusal-form"},
	defaultAllow:    Cause{"default-allow", "the server answers paths that its catalog does not have", "default-allow"},
}

// refusesLargest reports whether the row refused some key that holds permissions.
func refusesLargest(r *Result, row int) bool {
	for i, pr := range r.Plan.Probes {
		if pr.Request < 0 {
			continue
		}
		req := &r.Plan.Requests[pr.Request]
		if req.Row == row && req.Expect == Refuse && r.Verdicts[i] == Pass &&
			r.Plan.Keys[req.Key].Kind == ValidKey && len(r.Plan.Keys[req.Key].Grants) > 0 {
			return true
		}
	}
	return false
}

// FirstLine is what every form of report begins with.
func (r *Result) FirstLine() string {
	return fmt.Sprintf("proven %d of %d, failed %d, inconclusive %d", r.Proven, r.Total(), r.Count[Fail], r.Count[Inconclusive])
}

// KeyNames joins the names of the keys of some probes.
func (r *Result) KeyNames(probes []int) string {
	var names []string
	for _, i := range probes {
		names = append(names, r.Plan.KeyName(&r.Plan.Probes[i]))
	}
	return strings.Join(names, "; ")
}
