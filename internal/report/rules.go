package report

import "fmt"

// A Rule is one kind of finding. Its severity is fixed here and nowhere else.
type Rule struct {
	ID       string
	Severity Severity
	Title    string // what is wrong, in a few words
	Why      string // why it matters, one or two sentences
	Fix      string // what to do next
	Refs     string // OWASP API Security Top 10 (2023) id and CWE number, where one fits
}

// Rules lists every rule, grouped by the command that reports it. An id outlives the
// code that reports it: never reuse one.
var Rules = []Rule{
	// diff: drift between two catalogs or documents.

	// vet: Go source against a catalog.

	// probe: a running API against a catalog.

	// catalog lint: rows of a catalog that look like mistakes.
}

// RuleByID returns the rule with the given id. It panics if there is none: every
// finding is made by permcheck's own code, and a test holds the two together.
func RuleByID(id string) Rule {
	for _, r := range Rules {
		if r.ID == id {
			return r
		}
	}
	panic(fmt.Sprintf("report: no rule %q", id))
}
