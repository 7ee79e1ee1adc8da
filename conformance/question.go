package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Effort says what performing a question changes at the target, and so when and whether
// it is performed.
type Effort uint8

const (
	OnlyReads Effort = iota
	// OwnKeys makes keys and changes them, those of this run or marked for it only.
	OwnKeys
	// SomeWrites changes objects: it is subject to the policy for writes.
	SomeWrites
)

// A Question is one experiment: a few requests, each of which may depend on what the ones
// before it showed. What it is about is known when the plan is made.
type Question struct {
	ID    string // stable across runs and unrelated edits of the catalog
	Check string
	Row   int // the row it is about
	// Subject is what a finding is about where that is not the row, such as
	// "credential:disabled".
	Subject string
	// Object, Field and Variant say which of several questions of a row it is; each check
	// gives them their meaning.
	Object, Field, Variant string
	Keys                   []int // senders, by their index in [Plan.Keys]; the first is who it is about
	Expect                 Expect
	// Base are probes of the matrix which the question builds on. While one of them did not
	// pass the question says nothing and is not performed.
	Base   []int
	Effort Effort
	Pos    catalogs.Pos // of the line of the catalog that a finding points at; not valid: the row's
}

// subject is what a finding about the question names.
func (p *Plan) subject(q *Question) string {
	if q.Subject != "" {
		return q.Subject
	}
	return p.Rows[q.Row].String()
}

// ask adds a question of the check that is being planned.
func (p *planner) ask(q Question) {
	q.Check = p.asking.ID
	q.Effort = p.asking.effort
	parts := []string{q.Check, p.Rows[q.Row].String(), q.Subject, q.Object, q.Field, q.Variant}
	for _, k := range q.Keys {
		parts = append(parts, p.Keys[k].Name)
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	q.ID = hex.EncodeToString(sum[:8])
	p.Probes = append(p.Probes, Probe{ID: q.ID, Check: q.Check, Request: -1, Question: len(p.Questions)})
	p.Questions = append(p.Questions, q)
}

// base returns the probe of the matrix that asks whether a row admits a key, for
// [Question.Base]; it is added where no check has planned it.
func (p *planner) base(row, key int) int {
	// A refusal is proven by an admission of the same request and by a sign that the key is
	// alive: what shows them is planned too, whatever checks are selected.
	if p.Rows[row].Endpoint != nil && p.expect(row, key) == Refuse {
		if strongest := p.strongest(row); strongest >= 0 {
			p.base(row, strongest)
		}
		if p.Keys[key].Kind == ValidKey {
			p.base(row, 2)
		}
	}
	req := Request{Row: row, Key: key, Expect: p.expect(row, key)}
	i, ok := p.requests[req]
	if !ok {
		check := overGrant.ID
		switch kind := p.Keys[key].Kind; {
		case p.Rows[row].Endpoint == nil:
			check = defaultAllow.ID
		case req.Expect == Admit:
			check = underGrant.ID
		case kind == NoKey:
			check = anonymousAdmitted.ID
		case kind != ValidKey:
			check = badKeyAdmitted.ID
		}
		p.probe(check, row, key)
		i = p.requests[req]
	}
	return p.decides[i]
}

// invented is the row of the path that the catalog does not have. A question about another
// spelling of a path builds on it: a server that answers whatever the path is would fail all
// of them for that one reason.
func (p *planner) invented() int {
	return slices.IndexFunc(p.Rows, func(r Row) bool { return r.Endpoint == nil })
}

// strongest returns the key that holds most of those which a row admits, its records not
// narrowed where there is such a one; -1 when no key is admitted.
func (p *planner) strongest(row int) int {
	best := -1
	for i, k := range p.Keys {
		if k.Kind == ValidKey && p.expect(row, i) == Admit &&
			(best < 0 || !k.Narrowed() && (p.Keys[best].Narrowed() || len(k.Grants) > len(p.Keys[best].Grants))) {
			best = i
		}
	}
	return best
}

// weakest returns the key that holds least of those which a row refuses; -1 when no key is
// refused.
func (p *planner) weakest(row int) int {
	best := -1
	for i, k := range p.Keys {
		if k.Kind == ValidKey && p.expect(row, i) == Refuse && (best < 0 || len(k.Grants) < len(p.Keys[best].Grants)) {
			best = i
		}
	}
	return best
}

// key returns the key with just these properties, whose name may differ; a keyring that
// can make keys makes it, another may not have it: then it is -1.
func (p *planner) key(like Key) int {
	for i := range p.Keys {
		if k := &p.Keys[i]; k.Kind == like.Kind && k.Grants.Equal(like.Grants) && k.narrowing() == like.narrowing() {
			return i
		}
	}
	if p.fixed {
		return -1
	}
	if like.Name == "" {
		like.Name = GrantName(like.Grants, p.Universe)
		if n := like.narrowing(); n != "" {
			like.Name += " " + n
		}
	}
	p.Keys = append(p.Keys, like)
	return len(p.Keys) - 1
}

// Narrowed says that the key's records or attributes are limited besides its grants, so that
// an empty answer does not mean a refusal.
func (k *Key) Narrowed() bool { return len(k.Sharing)+len(k.Lists) > 0 }

// narrowing is a canonical text of what limits the key besides its grants.
func (k *Key) narrowing() string {
	var parts []string
	for object, option := range k.Sharing {
		parts = append(parts, object+" "+option)
	}
	for list, of := range k.Lists {
		parts = append(parts, fmt.Sprintf("%s %q", list, of))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return "(" + strings.Join(parts, ", ") + ")"
}

// listing returns the rows that list the records of an object.
func (p *planner) listing(object string) []int {
	return p.rowsOf(func(e *catalogs.Endpoint) string { return e.Lists }, object)
}

// getting returns the rows that answer one record of an object.
func (p *planner) getting(object string) []int {
	return p.rowsOf(func(e *catalogs.Endpoint) string { return e.Gets }, object)
}

func (p *planner) rowsOf(of func(*catalogs.Endpoint) string, object string) []int {
	var rows []int
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Endpoint != nil && r.Reads && of(r.Endpoint) == object {
			rows = append(rows, i)
		}
	}
	return rows
}

// sharers returns, for each sharing option of an object that hides some of its records, a
// key of that option which a row admits and that sees all other objects whole.
func (p *planner) sharers(rule *catalogs.Record, row int) []int {
	var keys []int
	for _, option := range rule.Sharing {
		if len(option.Conditions) == 0 {
			continue
		}
		if !p.fixed {
			if !p.shares {
				return nil
			}
			if k := p.key(Key{Grants: p.Universe, Sharing: map[string]string{rule.Object: option.Name}}); p.expect(row, k) == Admit {
				keys = append(keys, k)
			}
			continue
		}
		for i := range p.Keys {
			if k := &p.Keys[i]; k.Kind == ValidKey && k.Sharing[rule.Object] == option.Name && p.expect(row, i) == Admit {
				keys = append(keys, i)
				break
			}
		}
	}
	return keys
}

// full returns the key that holds every permission and is narrowed in nothing; -1 when
// there is none.
func (p *planner) full() int { return p.all }

// holderWithout returns a key that a row admits and that does not satisfy a further
// requirement; -1 when there is none.
func (p *planner) holderWithout(row int, lacking perm.Requirement) int {
	best := -1
	for i, k := range p.Keys {
		if k.Kind != ValidKey || k.Narrowed() || p.expect(row, i) != Admit || lacking.Admits(k.Grants) {
			continue
		}
		if best < 0 || len(k.Grants) > len(p.Keys[best].Grants) {
			best = i
		}
	}
	if best >= 0 || p.fixed {
		return best
	}
	for _, grant := range lacking.Boundary(p.Universe).Refused {
		if p.Rows[row].Need.Admits(grant) {
			return p.mint(grant)
		}
	}
	return -1
}

// question decides a question of the plan from its record.
func (j *judge) question(q *Question, rec *Record, verdicts []Verdict, reasons []string) (Verdict, string) {
	if v, reason := j.basis(q, verdicts, reasons); v != Pass {
		return v, reason
	}
	check := checkOf(q.Check)
	v, reason := j.once(check, q, rec)
	if v != Fail || check.believed(q) {
		return v, reason
	}
	if len(rec.Again) < repeats {
		return Inconclusive, "it failed once and could not be repeated"
	}
	for i := range rec.Again {
		if again, why := j.once(check, q, &rec.Again[i]); again != Fail {
			return Inconclusive, fmt.Sprintf("unstable: it failed at first (%s), and was %s when it was asked again (%s)", reason, again, why)
		}
	}
	return Fail, reason
}

// repeats is how often a question that failed is asked again, on new connections, before
// that is believed.
const repeats = 2

// basis reports Pass when every probe that the question builds on passed.
func (j *judge) basis(q *Question, verdicts []Verdict, reasons []string) (Verdict, string) {
	for _, b := range q.Base {
		pr := &j.plan.Probes[b]
		req := j.request(pr)
		name := fmt.Sprintf("%s with key %s", &j.plan.Rows[req.Row], j.plan.Keys[req.Key].Name)
		switch verdicts[b] {
		case Fail:
			return Skipped, fmt.Sprintf("%s already fails as %s", name, pr.Check)
		case Inconclusive:
			return Inconclusive, fmt.Sprintf("builds on %s: %s", name, reasons[b])
		case Skipped:
			return Skipped, fmt.Sprintf("builds on %s: %s", name, reasons[b])
		}
	}
	return Pass, ""
}

// once decides one record: what was not sent, and answers of a server that is busy or
// broken, decide nothing whatever the check.
func (j *judge) once(check *Check, q *Question, rec *Record) (Verdict, string) {
	switch {
	case rec.Skipped != "":
		return Skipped, rec.Skipped
	case rec.Problem != "":
		return Inconclusive, rec.Problem
	case !rec.Done:
		return Inconclusive, "not asked: the run ended before"
	}
	for i := range rec.Exchanges {
		x := &rec.Exchanges[i]
		if x.Status == 0 {
			return Inconclusive, fmt.Sprintf("%s: %s", x.Label, x.Reason)
		}
		if !x.Any && x.undecided() {
			return Inconclusive, fmt.Sprintf("%s: answered %d, which says nothing about permission", x.Label, x.Status)
		}
	}
	return check.decide(j, q, rec)
}
