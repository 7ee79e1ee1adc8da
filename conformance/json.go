package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/redact"
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
	Subject  string      `json:"subject,omitempty"`
	Evidence *jsonRecord `json:"evidence,omitempty"`
	// Outcome is that of a statement, which tells observed from skipped.
	Outcome Outcome `json:"outcome,omitempty"`
}

type jsonFinding struct {
	Rule        string          `json:"rule"`
	Severity    report.Severity `json:"severity"`
	Subject     string          `json:"subject"`
	Message     string          `json:"message"`
	Key         string          `json:"key"`
	Fault       string          `json:"fault"`
	Position    string          `json:"position,omitempty"`
	Expected    string          `json:"expected,omitempty"`
	Observed    string          `json:"observed,omitempty"`
	Evidence    []string        `json:"evidence,omitempty"`
	Curl        string          `json:"curl,omitempty"`
	Why         string          `json:"why"`
	Refs        string          `json:"refs,omitempty"` // OWASP API id, CWE
	Fix         string          `json:"fix"`
	Fingerprint string          `json:"fingerprint"`
}

// A jsonAnswer is what the server showed for one request of the plan, by its place there.
type jsonAnswer struct {
	Request int `json:"request"`
	Observation
}

type jsonKey struct {
	Name    string              `json:"name"`
	Kind    KeyKind             `json:"kind"`
	Grants  []perm.Permission   `json:"grants"`
	Sharing map[string]string   `json:"sharing,omitempty"`
	Lists   map[string][]string `json:"lists,omitempty"`
	State   string              `json:"state,omitempty"`
	Made    bool                `json:"made,omitempty"` // by the run, and deleted again
	// How the key is shown: never with its secret.
	Header  string `json:"header,omitempty"`
	Query   string `json:"query,omitempty"`
	Scheme  string `json:"scheme,omitempty"`
	Env     string `json:"env,omitempty"`
	EnvNote string `json:"env_note,omitempty"`
	// With are headers beside the key, Below how it is shown to parts of the API.
	With  map[string]string `json:"with,omitempty"`
	Below []jsonBelow       `json:"below,omitempty"`
	// What is known of it besides its answers.
	Vouched bool     `json:"vouched,omitempty"`
	Control *Control `json:"control,omitempty"`
}

type jsonBelow struct {
	Prefix  string            `json:"prefix"`
	Header  string            `json:"header,omitempty"`
	Query   string            `json:"query,omitempty"`
	Scheme  string            `json:"scheme,omitempty"`
	Env     string            `json:"env,omitempty"`
	EnvNote string            `json:"env_note,omitempty"`
	With    map[string]string `json:"with,omitempty"`
}

type jsonKnown struct {
	Rule     string `json:"rule"`
	Endpoint string `json:"endpoint"`
	Was      string `json:"was,omitempty"`
	Now      string `json:"now,omitempty"`
	Reason   string `json:"reason"`
	Owner    string `json:"owner"`
	Until    string `json:"until,omitempty"`
	Position string `json:"position,omitempty"`
}

type jsonAbout struct {
	Rule    string       `json:"rule"`
	Subject string       `json:"subject"`
	Args    []string     `json:"args"`
	Message string       `json:"message"`
	Pos     catalogs.Pos `json:"position"`
}

type jsonScript struct {
	Name   string       `json:"name"`
	Hash   string       `json:"hash"`
	Writes bool         `json:"writes,omitempty"`
	Pos    catalogs.Pos `json:"position"`
}

// A jsonRun is how a run was made: with the catalog, all that its plan follows from.
type jsonRun struct {
	Tool            string            `json:"tool"`
	CatalogHash     string            `json:"catalog_hash"`
	CatalogRevision string            `json:"catalog_revision,omitempty"`
	Seed            uint64            `json:"seed"`
	Shard           string            `json:"shard,omitempty"`
	Shards          []string          `json:"merged,omitempty"` // that the report was put together from
	Exhaustive      bool              `json:"exhaustive,omitempty"`
	Reference       bool              `json:"reference,omitempty"`
	Shares          bool              `json:"shares,omitempty"`
	LeaveOut        map[string]string `json:"leave_out,omitempty"`
	Fixed           bool              `json:"fixed_keys"`
	Writes          WritePolicy       `json:"writes"`
	Checks          []string          `json:"checks"`
	Scripts         []jsonScript      `json:"scripts,omitempty"`
	Refused         Forms             `json:"refused,omitempty"`
	Require         Require           `json:"require"`
	Resumed         int               `json:"resumed,omitempty"`
	Cut             string            `json:"cut,omitempty"`
	Evidence        string            `json:"evidence,omitempty"`
	Known           []jsonKnown       `json:"known,omitempty"`
	About           []jsonAbout       `json:"about_known,omitempty"`
	Keys            []jsonKey         `json:"keys"`
	Paths           []string          `json:"paths"` // by row of the plan
	Reproduce       []string          `json:"reproduce,omitempty"`
}

type jsonReport struct {
	Version   int           `json:"version"`
	FirstLine string        `json:"first_line"`
	Target    string        `json:"target"`
	Catalog   string        `json:"catalog"`
	Build     string        `json:"build"`
	Started   string        `json:"started"`
	Ended     string        `json:"ended"`
	PlanHash  string        `json:"plan_hash"`
	Probes    []jsonProbe   `json:"probes"`
	Findings  []jsonFinding `json:"findings"`
	Boundary  struct {
		Proven   int        `json:"proven"`
		Total    int        `json:"total"`
		Unproven []Unproven `json:"unproven"`
	} `json:"boundary"`
	Learned Learned  `json:"learned"`
	Left    []string `json:"left,omitempty"` // what the run made and could not take away
	// Statements are those about the vendor, where the run asked for any.
	Statements []StatementResult `json:"statements,omitempty"`
	Summary    map[string]int    `json:"summary"`
	Run        jsonRun           `json:"run"`
	Answers    []jsonAnswer      `json:"answers"`
	// Evidence is what the exchanges of experiments were answered.
	Evidence evidenceTable `json:"evidence"`
	// Seal is the SHA-256 of the document with an empty seal, without spaces.
	Seal string `json:"seal"`
}

// WriteJSON writes the report in its stable JSON form, version 1.
func (r *Report) WriteJSON(w io.Writer) error {
	r = r.withoutSecrets()
	out := jsonReport{
		Version: 1, FirstLine: r.FirstLine(), Target: r.Target.Redacted(), Catalog: r.CatalogRef, Build: r.Build,
		Started: r.Times.Started, Ended: r.Times.Ended, PlanHash: r.Plan.Hash,
		Probes: []jsonProbe{}, Findings: []jsonFinding{}, Learned: r.Learned, Left: r.Left,
		Summary: map[string]int{
			"requests": int(r.Requests), "endpoints": r.Plan.Endpoints(), "endpoints_not_sent": len(r.Withheld()), "keys": len(r.Plan.Keys), "unknown_endpoints": len(r.Plan.Unknown), "rules_not_probed": r.Plan.OtherRules,
			"pass": r.Count[Pass], "fail": r.Count[Fail], "inconclusive": r.Count[Inconclusive], "skipped": r.Count[Skipped],
		},
		Run: r.jsonRun(), Answers: []jsonAnswer{}, Evidence: evidenceTable{Bodies: []Digest{}, Headers: []map[string]string{}},
	}
	outcomes := map[string]Outcome{}
	if list := r.Result.Statements(); len(list) > 0 {
		out.Statements = list
		n := countStatements(list)
		for name, count := range map[string]int{"statements": n.All, "statements_judged": n.Judged, "statements_hold": n.Hold, "statements_failed": n.Failed,
			"statements_observed": n.Observed, "statements_inconclusive": n.Inconclusive, "statements_skipped": n.Skipped} {
			out.Summary[name] = count
		}
		for _, s := range list {
			outcomes[s.ID] = s.Outcome
		}
	}
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		if !r.Plan.mine(pr) {
			continue
		}
		row, _, expect := r.Plan.About(pr)
		p := jsonProbe{
			ID: pr.ID, Check: pr.Check, Method: r.Plan.Rows[row].Method, Path: r.Plan.Rows[row].Path, Key: r.Plan.KeyName(pr), Expect: expect,
			Verdict: r.Verdicts[i], Reason: r.Reasons[i], Outcome: outcomes[pr.Check],
		}
		if pr.Request >= 0 {
			p.Status = r.Answers.Observations[pr.Request].Status
		} else {
			rec := &r.Answers.Records[pr.Question]
			if x := rec.Last(); x != nil {
				p.Status = x.Status
			}
			p.Subject = r.Plan.subject(&r.Plan.Questions[pr.Question])
			var err error
			if p.Evidence, err = out.Evidence.add(rec); err != nil {
				return err
			}
		}
		out.Probes = append(out.Probes, p)
	}
	for i, o := range r.Answers.Observations { // of a shard also what its questions build on
		if o != (Observation{}) {
			out.Answers = append(out.Answers, jsonAnswer{i, o})
		}
	}
	for _, f := range append(r.Findings(), r.aboutKnown()...) {
		out.Findings = append(out.Findings, jsonFinding{f.Rule, f.Severity(), f.Subject, f.Message, f.Key, f.Fault, f.Position.String(), f.Expected, f.Observed,
			f.Evidence, f.Curl, report.RuleByID(f.Rule).Why, report.RuleByID(f.Rule).Refs, report.RuleByID(f.Rule).Fix, f.Fingerprint()})
	}
	out.Boundary.Proven, out.Boundary.Total = r.Proven, r.Total()
	if out.Boundary.Unproven = r.Unproven(); out.Boundary.Unproven == nil {
		out.Boundary.Unproven = []Unproven{}
	}
	out = redact.Deep(r.Secrets, out)
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(out); err != nil {
		return err
	}
	out.Seal = hex.EncodeToString(sum.Sum(nil))
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		return err
	}
	return writeLines(w, report.PlainJSON(doc.Bytes()))
}

// jsonRun is how the run was made.
func (r *Report) jsonRun() jsonRun {
	p := r.Plan
	out := jsonRun{
		Tool: r.Tool, CatalogHash: p.catalog.Hash(), CatalogRevision: r.Revision, Seed: r.Seed, Shard: p.shard.String(), Shards: r.Merged,
		Exhaustive: p.options.Exhaustive, Reference: r.Reference, Shares: p.options.Shares, LeaveOut: p.options.LeaveOut, Fixed: p.fixed, Writes: r.Writes, Refused: p.options.Refused,
		Require: r.Require, Resumed: r.Resumed, Cut: r.Answers.Cut, Evidence: r.Bodies, Paths: r.Paths, Reproduce: r.Reproduce,
	}
	checks := p.options.Checks
	if checks == nil {
		checks = Checks
	}
	for _, c := range checks {
		out.Checks = append(out.Checks, c.ID)
	}
	for _, s := range p.options.Scripts {
		out.Scripts = append(out.Scripts, jsonScript(s))
	}
	for _, e := range r.Known {
		k := jsonKnown{Rule: e.Rule, Endpoint: e.Endpoint, Was: e.Was, Now: e.Now, Reason: e.Reason, Owner: e.Owner, Position: e.Pos.String()}
		if !e.Until.IsZero() {
			k.Until = e.Until.Format(time.DateOnly)
		}
		out.Known = append(out.Known, k)
	}
	for _, f := range r.About {
		out.About = append(out.About, jsonAbout{f.Rule, f.Subject, f.Args, f.Message, f.Position})
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		key := jsonKey{Name: k.Name, Kind: k.Kind, Grants: k.Grants, Sharing: k.Sharing, Lists: k.Lists, State: k.State, Made: k.Made, Vouched: r.Answers.Vouched[i]}
		if key.Grants == nil {
			key.Grants = []perm.Permission{}
		}
		if i < len(r.Credentials) {
			c := &r.Credentials[i]
			key.Header, key.Query, key.Scheme, key.Env, key.EnvNote, key.With = c.Header, c.Query, c.Scheme, c.Env, c.EnvNote, c.With
			for _, b := range c.Below {
				of := &b.Credential
				key.Below = append(key.Below, jsonBelow{b.Prefix, of.Header, of.Query, of.Scheme, of.Env, of.EnvNote, of.With})
			}
		}
		if c, ok := r.Answers.Controls[i]; ok {
			key.Control = &c
		}
		out.Keys = append(out.Keys, key)
	}
	return out
}
