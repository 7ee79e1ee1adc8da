package conformance

import (
	"slices"

	"github.com/permcheck/permcheck/catalogs"
)

// A PlanView is a plan in its stable JSON form, version 1.
type PlanView struct {
	Version  int         `json:"version"`
	Catalog  string      `json:"catalog"`
	PlanHash string      `json:"plan_hash"`
	Requests int         `json:"requests"`
	Asked    int         `json:"experiments"` // each sends a few requests more
	Points   int         `json:"points"`      // of the boundary
	Writes   WritePolicy `json:"writes"`
	// Endpoints counts those that are asked about, NotSent lists those of them that the policy for
	// writes keeps back.
	Endpoints int           `json:"endpoints"`
	NotSent   []string      `json:"not_sent"`
	Keys      []ViewKey     `json:"keys"`
	Probes    []ViewProbe   `json:"probes"`
	Checks    []ViewCheck   `json:"checks"`  // what each asks
	Missing   []ViewMissing `json:"missing"` // grants that no key of the keyring holds
	// Statements are those about the vendor that are asked for, and what that takes.
	Statements []StatementNeed `json:"statements,omitempty"`
	Unknown    []string        `json:"unknown"` // endpoints whose requirement is not known
}

// A ViewKey is one sender of a plan.
type ViewKey struct {
	Name   string `json:"name"`
	Grants string `json:"grants,omitempty"` // empty for senders that are no keys
}

// A ViewProbe is one probe of a plan.
type ViewProbe struct {
	ID     string `json:"id"`
	Check  string `json:"check"`
	Method string `json:"method"`
	Path   string `json:"path"`
	// Subject is what an experiment is about; empty for requests of the matrix.
	Subject string `json:"subject,omitempty"`
	Key     string `json:"key"`
	Expect  Expect `json:"expect"`
	Point   bool   `json:"point"` // it proves a point of the boundary
}

// A ViewCheck is how much one check asks.
type ViewCheck struct {
	Check  string `json:"check"`
	Probes int    `json:"probes"`
	// LeftOut is how many rows it does not ask about because others like them stand for all.
	LeftOut int `json:"left_out,omitempty"`
}

// A ViewMissing is a grant to make a key for.
type ViewMissing struct {
	Holds  string `json:"holds"`
	Points int    `json:"points"`
}

// View returns the plan as it is printed. unsent are the endpoints that the policy for writes
// keeps back ([Plan.Unsent]).
func (p *Plan) View(w WritePolicy, unsent []*catalogs.Endpoint) PlanView {
	v := PlanView{Version: 1, Catalog: p.Catalog, PlanHash: p.Hash, Requests: len(p.Requests), Asked: len(p.Questions), Points: len(p.Points), Writes: w, Endpoints: p.Endpoints(), NotSent: []string{},
		Keys: []ViewKey{}, Probes: []ViewProbe{}, Checks: []ViewCheck{}, Missing: []ViewMissing{}, Unknown: []string{}}
	for _, e := range unsent {
		v.NotSent = append(v.NotSent, e.String())
	}
	for _, k := range p.Keys {
		key := ViewKey{Name: k.Name}
		if k.Kind == ValidKey {
			key.Grants = GrantName(k.Grants, p.Universe)
		}
		v.Keys = append(v.Keys, key)
	}
	points := map[int]bool{}
	for _, pt := range p.Points {
		points[pt.Probe] = true
	}
	for i, pr := range p.Probes {
		if !p.mine(&pr) {
			continue
		}
		row, _, expect := p.About(&pr)
		view := ViewProbe{ID: pr.ID, Check: pr.Check, Method: p.Rows[row].Method, Path: p.Rows[row].Path, Key: p.KeyName(&pr), Expect: expect, Point: points[i]}
		if pr.Request < 0 {
			view.Subject = p.subject(&p.Questions[pr.Question])
		}
		v.Probes = append(v.Probes, view)
	}
	asked := map[string]int{}
	for i := range p.Probes {
		asked[p.Probes[i].Check]++
	}
	v.Statements = p.StatementNeeds()
	for _, c := range append(slices.Clone(Checks), &script) {
		if n := asked[c.ID]; n > 0 || p.LeftOut[c.ID] > 0 {
			v.Checks = append(v.Checks, ViewCheck{c.ID, n, p.LeftOut[c.ID]})
		}
	}
	for _, m := range p.Missing() {
		v.Missing = append(v.Missing, ViewMissing{m.Name, m.Points})
	}
	for _, e := range p.Unknown {
		v.Unknown = append(v.Unknown, e.String())
	}
	return v
}
