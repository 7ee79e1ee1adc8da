package report

import (
	"regexp"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

func TestRulesAreComplete(t *testing.T) {
	id := regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for _, r := range Rules {
		if !id.MatchString(r.ID) || seen[r.ID] {
			t.Errorf("rule id %q is not in kebab-case, or is used twice", r.ID)
		}
		seen[r.ID] = true
		if r.Severity < Info || r.Severity > Error {
			t.Errorf("%s: severity %v", r.ID, r.Severity)
		}
		if r.Title == "" || r.Why == "" || r.Fix == "" {
			t.Errorf("%s: title %q, why %q, fix %q", r.ID, r.Title, r.Why, r.Fix)
		}
	}
}

func TestLintRulesHaveRows(t *testing.T) {
	for _, id := range catalogs.LintRules {
		if s := RuleByID(id).Severity; s == Error {
			t.Errorf("%s: a lint is a question, not an error", id)
		}
	}
}
