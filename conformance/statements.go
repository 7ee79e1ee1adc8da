package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/conformance/suites"
)

// statementsCategory is that of the checks which ask for a vendor's statements.
const statementsCategory = "statements"

// Statements returns a check for each statement of the suites, in their order. They are asked
// only of a target whose catalog is the vendor's.
var Statements = sync.OnceValue(func() []*Check {
	var out []*Check
	for _, suite := range suites.All() {
		for _, s := range suite.Statements {
			out = append(out, statementCheck(s))
		}
	}
	return out
})

// statementCheck is the check that asks for one statement.
func statementCheck(s *suites.Statement) *Check {
	c := &Check{ID: s.ID, Category: statementsCategory, Title: s.Says, statement: s}
	how := "It is judged: the first expectation of its script that an answer does not meet is the finding."
	if s.Observed() {
		how = "No page says what must be: it is observed and told, and never a finding."
	}
	c.Doc = fmt.Sprintf("A statement about %s, %s. %s\nSource: %s", upperFirst(s.Suite), s.Evidence, how, strings.Join(s.Sources, ", "))
	c.ask = func(p *planner) {
		q := Question{Row: p.statementRow(s), Subject: "statement:" + s.ID, Variant: s.Hash(), Expect: Admit}
		p.ask(q)
		p.Questions[len(p.Questions)-1].Effort = p.statementEffort(s)
	}
	c.perform = func(ctx context.Context, l *Lab, _ *Question, rec *Record) error {
		return l.run.target.Scripts.Perform(ctx, l, s.ID, rec)
	}
	c.decide = func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		failed, seen := rec.Facts[failedFact], rec.Facts[observedFact]
		switch {
		case s.Observed() && failed != "":
			return Inconclusive, "what was to be observed did not come about: " + failed
		case s.Observed() && seen == "":
			return Inconclusive, "the script observed nothing"
		case s.Observed():
			return Skipped, "observed: " + seen
		case failed != "":
			return Fail, failed
		}
		return Pass, seen
	}
	return c
}

// ofCatalog reports whether a check can be asked with a catalog: statements only with their
// vendor's.
func (c *Check) ofCatalog(name string) bool {
	return c.statement == nil || c.statement.Suite == name
}

// statementRow is the row that a statement is filed under: that of its first request which the
// catalog has.
func (p *planner) statementRow(s *suites.Statement) int {
	for _, c := range s.Commands {
		if c.Name == "request" && len(c.Args) > 1 {
			if row := p.RowOf(c.Args[0], c.Args[1]); row >= 0 {
				return row
			}
		}
	}
	return p.invented()
}

// RowOf returns the index of the row that a request is about, whose path may be a template or
// filled in, with a query or without; -1: there is none.
func (p *Plan) RowOf(method, path string) int {
	path, _, _ = strings.Cut(path, "?")
	if i := slices.IndexFunc(p.Rows, func(r Row) bool { return r.Endpoint != nil && r.Method == method && r.Path == path }); i >= 0 {
		return i
	}
	best := -1
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != method || !r.matches(path) {
			continue
		}
		if best < 0 || len(r.Params()) < len(p.Rows[best].Params()) {
			best = i
		}
	}
	return best
}

// statementEffort is what a statement's script changes at the target.
func (p *planner) statementEffort(s *suites.Statement) Effort {
	effort := OnlyReads
	for _, c := range s.Commands {
		switch c.Name {
		case "request":
			if len(c.Args) < 2 || s.HarmlessWrites || c.Args[0] == http.MethodGet || c.Args[0] == http.MethodHead {
				continue
			}
			if row := p.RowOf(c.Args[0], c.Args[1]); row < 0 || !p.Rows[row].Reads {
				return SomeWrites
			}
		case "every":
			if len(c.Args) > 0 && c.Args[0] != "reads" {
				return SomeWrites
			}
		default:
			if slices.Contains(keyCommands, c.Name) {
				effort = OwnKeys
			}
		}
	}
	return effort
}

// A StatementNeed is what asking for a statement takes.
type StatementNeed struct {
	ID   string `json:"id"`
	Says string `json:"says"`
	// Keys are what the keys hold that it is asked with, Missing those of them that the keyring
	// does not have. Own says that it changes keys, which must be made for it.
	Keys    []string `json:"keys,omitempty"`
	Missing []string `json:"missing,omitempty"`
	Own     bool     `json:"own_keys,omitempty"`
	Writes  bool     `json:"writes,omitempty"`
}

// StatementNeeds lists what the statements of the plan need.
func (p *Plan) StatementNeeds() []StatementNeed {
	var out []StatementNeed
	for i := range p.Probes {
		s := checkOf(p.Probes[i].Check).statement
		if s == nil || !p.mine(&p.Probes[i]) {
			continue
		}
		n := StatementNeed{ID: s.ID, Says: s.Says, Writes: p.Questions[p.Probes[i].Question].Effort == SomeWrites}
		for _, c := range s.Commands {
			if c.Name != "key" || len(c.Args) < 2 {
				continue
			}
			words := slices.Clone(c.Args[1:])
			for i := range words {
				words[i] = strings.Trim(words[i], "'")
			}
			spec, err := ParseKeySpec(words, p.catalog)
			if err != nil {
				continue // performing it says so
			}
			holds, like := spec.holds(p), spec.like(p.catalog)
			own := len(KeyActions(s.Commands, c.Args[0])) > 0 || !spec.Expires.IsZero()
			n.Own = n.Own || own
			if !slices.Contains(n.Keys, holds) {
				n.Keys = append(n.Keys, holds)
			}
			if p.fixed && !own && p.find(&like) < 0 && !slices.Contains(n.Missing, holds) {
				n.Missing = append(n.Missing, holds)
			}
		}
		out = append(out, n)
	}
	return out
}

// observedFact is where a record says what was observed.
const observedFact = "observed"

// Observed notes what a script observed, in words of the script, statuses and yes or no; never
// in the server's.
func (r *Record) Observed(what string) {
	if had := r.Facts[observedFact]; had != "" {
		what = had + "; " + what
	}
	r.Fact(observedFact, what)
}

// An Outcome is what became of one statement.
type Outcome string

// The outcomes.
const (
	Holds     Outcome = "holds"
	Broken    Outcome = "fails"
	Told      Outcome = "observed"
	Undecided Outcome = "inconclusive"
	NotAsked  Outcome = "skipped"
)

// A StatementResult is what a run showed about one statement.
type StatementResult struct {
	ID       string   `json:"id"`
	Says     string   `json:"says"`
	Sources  []string `json:"sources"`
	Evidence string   `json:"evidence"`
	Outcome  Outcome  `json:"outcome"`
	Verdict  Verdict  `json:"verdict"`
	Reason   string   `json:"reason,omitempty"`
}

// Statements returns what the run showed about each statement of the vendor's suite that it
// asked for.
func (r *Result) Statements() []StatementResult {
	var out []StatementResult
	for i := range r.Plan.Probes {
		pr := &r.Plan.Probes[i]
		c := checkOf(pr.Check)
		if c.statement == nil || !r.Plan.mine(pr) {
			continue
		}
		s := StatementResult{ID: c.ID, Says: c.statement.Says, Sources: c.statement.Sources, Evidence: c.statement.Evidence, Verdict: r.Verdicts[i], Reason: r.Reasons[i]}
		switch s.Verdict {
		case Pass:
			s.Outcome = Holds
		case Fail:
			s.Outcome = Broken
		case Inconclusive:
			s.Outcome = Undecided
		case Skipped:
			s.Outcome = NotAsked
			if told, ok := strings.CutPrefix(s.Reason, "observed: "); ok && c.statement.Observed() {
				s.Outcome, s.Reason = Told, told
			}
		}
		out = append(out, s)
	}
	return out
}

// StatementCounts are figures about statements.
type StatementCounts struct{ All, Judged, Hold, Failed, Observed, Inconclusive, Skipped int }

func countStatements(list []StatementResult) StatementCounts {
	n := StatementCounts{All: len(list)}
	for _, s := range list {
		switch s.Outcome {
		case Holds:
			n.Judged++
			n.Hold++
		case Broken:
			n.Judged++
			n.Failed++
		case Told:
			n.Observed++
		case Undecided:
			n.Inconclusive++
		case NotAsked:
			n.Skipped++
		}
	}
	return n
}

// String is the line of summaries.
func (n StatementCounts) String() string {
	text := fmt.Sprintf("statements: %d: %d judged, %d hold, %d failed, %d observed, %d inconclusive", n.All, n.Judged, n.Hold, n.Failed, n.Observed, n.Inconclusive)
	return text + optionalCount(n.Skipped, "skipped")
}

func optionalCount(n int, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d %s", n, what)
}

// StatementsLine sums up the statements of the run; empty when it asked for none.
func (r *Result) StatementsLine() string {
	list := r.Statements()
	if len(list) == 0 {
		return ""
	}
	return countStatements(list).String()
}
