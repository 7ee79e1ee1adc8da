package conformance

import (
	"encoding/json"
	"io"

	"github.com/permcheck/permcheck/internal/report"
)

type jsonProbe struct {
	ID      string  `json:"id"`
	Check   string  `json:"check"`
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Key     string  `json:"key"`
	Expect  Expect  `json:"expect"`
	Status  int     `json:"status"` // 0: no answer
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	// Subject and Evidence are those of an experiment. The reference describes them.
	Subject  string  `json:"subject,omitempty"`
	Evidence *Record `json:"evidence,omitempty"`
}

type jsonFinding struct {
	Rule     string          `json:"rule"`
	Severity report.Severity `json:"severity"`
	Subject  string          `json:"subject"`
	Message  string          `json:"message"`
	Key      string          `json:"key"`
	Fault    string          `json:"fault"`
}

type jsonReport struct {
	Version  int           `json:"version"`
	Target   string        `json:"target"`
	Catalog  string        `json:"catalog"`
	Build    string        `json:"build"`
	Started  string        `json:"started"`
	Ended    string        `json:"ended"`
	PlanHash string        `json:"plan_hash"`
	Probes   []jsonProbe   `json:"probes"`
	Findings []jsonFinding `json:"findings"`
	Boundary struct {
		Proven   int        `json:"proven"`
		Total    int        `json:"total"`
		Unproven []Unproven `json:"unproven"`
	} `json:"boundary"`
	Learned Learned        `json:"learned"`
	Left    []string       `json:"left,omitempty"` // what the run made and could not take away
	Summary map[string]int `json:"summary"`
}

// WriteJSON writes the report in its stable JSON form, version 1.
func (r *Report) WriteJSON(w io.Writer) error {
	out := jsonReport{
		Version: 1, Target: r.Target.Redacted(), Catalog: r.CatalogRef, Build: r.Build,
		Started: r.Times.Started, Ended: r.Times.Ended, PlanHash: r.Plan.Hash,
		Probes: make([]jsonProbe, len(r.Plan.Probes)), Findings: []jsonFinding{}, Learned: r.Learned, Left: r.Left,
		Summary: map[string]int{
			"requests": int(r.Requests), "keys": len(r.Plan.Keys), "unknown_endpoints": len(r.Plan.Unknown), "rules_not_probed": r.Plan.OtherRules,
			"pass": r.Count[Pass], "fail": r.Count[Fail], "inconclusive": r.Count[Inconclusive], "skipped": r.Count[Skipped],
		},
	}
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		row, _, expect := r.Plan.About(pr)
		out.Probes[i] = jsonProbe{
			ID: pr.ID, Check: pr.Check, Method: r.Plan.Rows[row].Method, Path: r.Plan.Rows[row].Path, Key: r.Plan.KeyName(pr), Expect: expect,
			Verdict: r.Verdicts[i], Reason: r.Reasons[i],
		}
		if pr.Request >= 0 {
			out.Probes[i].Status = r.Answers.Observations[pr.Request].Status
			continue
		}
		rec := &r.Answers.Records[pr.Question]
		if x := rec.Last(); x != nil {
			out.Probes[i].Status = x.Status
		}
		out.Probes[i].Subject, out.Probes[i].Evidence = r.Plan.subject(&r.Plan.Questions[pr.Question]), rec
	}
	for _, f := range r.Findings() {
		out.Findings = append(out.Findings, jsonFinding{f.Rule, f.Severity(), f.Subject, f.Message, f.Key, f.Fault})
	}
	out.Boundary.Proven, out.Boundary.Total = r.Proven, r.Total()
	if out.Boundary.Unproven = r.Unproven(); out.Boundary.Unproven == nil {
		out.Boundary.Unproven = []Unproven{}
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
