package conformance

import (
	"context"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// A Script is a hand-written check as a plan knows it.
type Script struct {
	Name string
	// Hash is of its text, so that another text is another question.
	Hash   string
	Writes bool // it sends requests that may change something
	Pos    catalogs.Pos
}

// Scripts performs hand-written checks. Package script is one.
type Scripts interface {
	// Perform performs the script with the name through the lab. It notes what went against
	// the script with [Record.Failed].
	Perform(ctx context.Context, l *Lab, name string, rec *Record) error
}

// failedFact is where a record says what went against a script.
const failedFact = "failed"

// Failed notes what went against a hand-written check. where is the file and line; what is in
// words of permcheck's own and of the script, never the server's.
func (r *Record) Failed(where, what string) { r.Fact(failedFact, where+": "+what) }

// Against marks the last exchange as one that goes against the script.
func (r *Record) Against() {
	if x := r.Last(); x != nil {
		x.Against = true
	}
}

// keyFact begins the names of facts that say what the keys of a script hold.
const keyFact = "key "

// KeyHolds notes what a variable of records stands for: the secret of a key that holds a grant.
func (r *Record) KeyHolds(variable, grant string) { r.Fact(keyFact+variable, grant) }

// Keys returns what [Record.KeyHolds] noted: variable -> grant.
func (r *Record) Keys() map[string]string {
	out := map[string]string{}
	for name, grant := range r.Facts {
		if v, ok := strings.CutPrefix(name, keyFact); ok {
			out[v] = grant
		}
	}
	return out
}

// script is not in [Checks]: what it asks is in files of the user's.
var script = Check{
	ID:       "script",
	Category: "scripts",
	Title:    "a hand-written check holds",
	Doc: `Each file of --script DIR is a check of its own: it says as whom to send which requests,
and what the answers must be. The first expectation that an answer does not meet is the
finding; a file that only reads is tried twice more on new connections before that. A file
that sends anything else than GET and HEAD is left out with --writes none.`,
	ask: func(p *planner) {
		for _, s := range p.options.Scripts {
			p.ask(Question{Row: p.invented(), Subject: "script:" + s.Name, Variant: s.Hash, Expect: Admit, Pos: s.Pos})
			if s.Writes {
				p.Questions[len(p.Questions)-1].Effort = SomeWrites
			}
		}
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if what := rec.Facts[failedFact]; what != "" {
			return Fail, what
		}
		return Pass, ""
	},
}

func init() {
	// Set here, since performing a question looks at this variable.
	script.perform = func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		return l.run.target.Scripts.Perform(ctx, l, q.Subject[len("script:"):], rec)
	}
}
