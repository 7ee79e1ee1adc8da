package conformance_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/reference"
	"github.com/permcheck/permcheck/internal/report"
)

// A check is whole when it has its category, its documentation, its rule, its file, and a
// fault of the reference server that it finds.
func TestChecksAreWhole(t *testing.T) {
	files, err := filepath.Glob("check_*.go")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(data)
	}
	seen := map[string]bool{}
	for _, c := range conformance.Checks {
		if seen[c.ID] {
			t.Errorf("%s is listed twice", c.ID)
		}
		seen[c.ID] = true
		if !regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`).MatchString(c.ID) {
			t.Errorf("%q: an id is words joined by hyphens", c.ID)
		}
		if !slices.Contains(conformance.Categories, c.Category) {
			t.Errorf("%s: category %q is none of conformance.Categories", c.ID, c.Category)
		}
		if c.Title == "" || len(strings.Fields(c.Doc)) < 15 {
			t.Errorf("%s: Title and Doc say what is sent, what is a finding and when the check says nothing", c.ID)
		}
		if !strings.Contains(source.String(), `"`+c.ID+`"`) {
			t.Errorf("%s: no file check_*.go has it", c.ID)
		}
		i := slices.IndexFunc(report.Rules, func(r report.Rule) bool { return r.ID == c.ID })
		if i < 0 {
			t.Errorf("%s: internal/report/rules.go has no rule of this id", c.ID)
		} else if r := report.Rules[i]; r.Why == "" || r.Fix == "" || r.Refs == "" && r.Severity == report.Error {
			t.Errorf("%s: its rule lacks why, fix or refs", c.ID)
		}
		if !slices.ContainsFunc(reference.Faults, func(f reference.Fault) bool { return found(&f) == c.ID }) {
			t.Errorf("%s: it names no fault of package reference that it finds (Finds)", c.ID)
		}
		for _, name := range c.Finds {
			if i := slices.IndexFunc(reference.Faults, func(f reference.Fault) bool { return f.Name == name }); i < 0 {
				t.Errorf("%s: package reference has no fault %q", c.ID, name)
			} else if got := found(&reference.Faults[i]); got != c.ID {
				t.Errorf("%s: fault %s is to be found by %s", c.ID, name, got)
			}
		}
	}
}

// No two probes of a plan have the same id, and experiments build on probes of the matrix.
func TestProbesOfAPlan(t *testing.T) {
	for _, name := range catalogNames {
		p, err := conformance.NewPlan(load(t, name), conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids := map[string]int{}
		for i, pr := range p.Probes {
			if other, ok := ids[pr.ID]; ok {
				t.Errorf("%s: probes %d and %d have the same id: %+v", name, other, i, pr)
			}
			ids[pr.ID] = i
		}
		for _, q := range p.Questions {
			for _, b := range q.Base {
				if p.Probes[b].Request < 0 {
					t.Errorf("%s: %s builds on an experiment", name, q.Check)
				}
			}
		}
	}
}
