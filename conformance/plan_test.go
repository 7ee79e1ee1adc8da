package conformance_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

var update = flag.Bool("update", false, "rewrite golden files from the observed output")

// The plan of one small catalog, whole.
func TestPlanGolden(t *testing.T) {
	p, err := conformance.NewPlan(load(t, "testdata/small.yaml"), conformance.PlanOptions{Checks: matrixChecks(t)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(p.View(conformance.WritesNone, p.Unsent(conformance.WritesNone, conformance.Given{}, false)), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/small.plan.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the plan is not %s; run go test -update and look at the difference", golden)
	}
}

// The same catalog and keys give the same plan; another expectation gives another hash.
func TestPlanIsDeterministic(t *testing.T) {
	for _, name := range catalogNames {
		a, err := conformance.NewPlan(load(t, name), conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := conformance.NewPlan(load(t, name), conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if a.Hash != b.Hash || !reflect.DeepEqual(a.View(conformance.WritesAll, nil), b.View(conformance.WritesAll, nil)) {
			t.Errorf("%s: two plans differ", name)
		}
		changed := load(t, name)
		nobody := perm.Nobody()
		changed.Endpoints[0].Requires = &nobody
		c, err := conformance.NewPlan(changed, conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if c.Hash == a.Hash {
			t.Errorf("%s: the hash does not change with the catalog", name)
		}
		seen := map[string]bool{}
		for _, pr := range a.Probes {
			if seen[pr.ID] {
				t.Errorf("%s: two probes have the id %s", name, pr.ID)
			}
			seen[pr.ID] = true
		}
	}
}

// Whatever monotone rule a server enforces over a small universe: it answers all grants
// right exactly when it answers the plan's right. The truth is a table of all grants, made
// here without the algebra.
func TestPlanDecidesEveryMonotoneRule(t *testing.T) {
	ids := []perm.Permission{"a", "b", "c"}
	universe := perm.NewSet(ids...)
	var grants []perm.Set
	for mask := range 1 << len(ids) {
		var g perm.Set
		for i, id := range ids {
			if mask>>i&1 == 1 {
				g = append(g, id)
			}
		}
		grants = append(grants, g)
	}
	// A rule is the set of masks that it admits; monotone: a superset of an admitted
	// grant is admitted.
	var rules []int
	for table := range 1 << len(grants) {
		monotone := true
		for m := range grants {
			for n := range grants {
				if m&n == m && table>>m&1 == 1 && table>>n&1 == 0 {
					monotone = false
				}
			}
		}
		if monotone {
			rules = append(rules, table)
		}
	}
	if len(rules) != 20 { // the Dedekind number of three
		t.Fatalf("%d monotone rules", len(rules))
	}
	requirement := func(table int) perm.Requirement {
		var clauses []perm.Set
		for m := range grants {
			if table>>m&1 == 1 {
				clauses = append(clauses, grants[m])
			}
		}
		return perm.FromClauses(clauses...)
	}
	pairs := 0
	for _, stated := range rules {
		need := requirement(stated)
		c := &catalogs.Catalog{Name: "x", Endpoints: []catalogs.Endpoint{{Method: "GET", Path: "/x", Requires: &need}}}
		for _, id := range universe {
			c.Permissions = append(c.Permissions, catalogs.Permission{ID: id})
		}
		p, err := conformance.NewPlan(c, conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, enforced := range rules {
			right := true
			for _, req := range p.Requests {
				k := p.Keys[req.Key]
				if k.Kind != conformance.ValidKey || p.Rows[req.Row].Endpoint == nil {
					continue
				}
				m := slices.IndexFunc(grants, func(g perm.Set) bool { return slices.Equal(g, k.Grants) })
				if (enforced>>m&1 == 1) != (req.Expect == conformance.Admit) {
					right = false
				}
			}
			if right != (stated == enforced) {
				t.Errorf("catalog says %s, server enforces %s: the plan finds it right: %t", need, requirement(enforced), right)
			}
			pairs++
		}
	}
	t.Logf("%d pairs of rules", pairs)
}

// The boundary of a catalog with implications, worked out here by brute force over all
// grants: each smallest admitted and each largest refused one is a point with a probe.
func TestPlanCoversTheBoundary(t *testing.T) {
	for _, name := range []string{"testdata/small.yaml", "testdata/formulas.yaml"} {
		c := load(t, name)
		p, err := conformance.NewPlan(c, conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		im := c.Implications()
		n := len(p.Universe)
		for i := range p.Rows {
			row := &p.Rows[i]
			if row.Endpoint == nil || row.Need.IsPublic() || row.Need.IsAuthenticated() || row.Need.IsNobody() {
				continue
			}
			need, _ := c.CanonicalRequirement(*row.Endpoint.Requires)
			admits := func(mask int) bool {
				var g perm.Set
				for b := range n {
					if mask>>b&1 == 1 {
						g = append(g, p.Universe[b])
					}
				}
				return im.Admits(need, g)
			}
			want := map[string]bool{}
			for mask := range 1 << n {
				edge := true
				for b := range n {
					other := mask ^ 1<<b
					if admits(mask) == (mask>>b&1 == 1) && admits(other) == admits(mask) {
						edge = false // a smaller grant is admitted, or a larger one refused
					}
				}
				if edge {
					var g perm.Set
					for b := range n {
						if mask>>b&1 == 1 {
							g = append(g, p.Universe[b])
						}
					}
					want[g.String()] = admits(mask)
				}
			}
			got := map[string]bool{}
			for _, pt := range p.Points {
				if pt.Row == i && !pt.Anonymous {
					got[pt.Grant.String()] = pt.Expect == conformance.Admit
					if pt.Probe < 0 {
						t.Errorf("%s %s: no probe for %s", name, row, pt.Grant)
					}
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: points %v, want %v", name, row, got, want)
			}
		}
	}
}

// With the keys of a profile the plan says what they cannot prove, and with the keys that
// it asks for nothing is missing.
func TestPlanForFixedKeys(t *testing.T) {
	c := load(t, "testdata/small.yaml")
	keys := []conformance.Key{{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	missing := p.Missing()
	if len(missing) == 0 {
		t.Fatal("two keys prove everything")
	}
	for i, m := range missing {
		keys = append(keys, conformance.Key{Name: string(rune('A' + i)), Grants: m.Grant})
		if i > 0 && missing[i-1].Points < m.Points {
			t.Errorf("%s proves more than %s and stands after it", m.Name, missing[i-1].Name)
		}
	}
	p, err = conformance.NewPlan(c, conformance.PlanOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if left := p.Missing(); len(left) > 0 {
		t.Errorf("still missing: %v", left)
	}
	for _, pt := range p.Points {
		if pt.Probe < 0 {
			t.Errorf("no probe for %s %v", &p.Rows[pt.Row], pt)
		}
	}
	// A key whose records are limited proves no point: it may see less for that reason.
	p, err = conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{{Name: "full", Grants: c.Universe(), Sharing: map[string]string{"thing": "some"}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, pt := range p.Points {
		if !pt.Anonymous && pt.Probe >= 0 {
			t.Errorf("a narrowed key proves %s %s", &p.Rows[pt.Row], pt.Grant)
		}
	}
}

func TestParseGrant(t *testing.T) {
	c := load(t, "testdata/small.yaml")
	for _, set := range []perm.Set{{}, c.Universe(), perm.NewSet("READ"), c.Universe().Minus(perm.NewSet("READ")), perm.NewSet("READ", "Position:WRITE salary")} {
		name := conformance.GrantName(set, c.Universe())
		got, err := conformance.ParseGrant(name, c)
		if err != nil || !got.Equal(set) {
			t.Errorf("%q is read as %s (%v), want %s", name, got, err, set)
		}
	}
	for _, bad := range []string{"", "Position:READ | READ", "nothing", "all except", "public"} {
		if _, err := conformance.ParseGrant(bad, c); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestNothingToPlan(t *testing.T) {
	if _, err := conformance.NewPlan(&catalogs.Catalog{Name: "empty"}, conformance.PlanOptions{}); err == nil {
		t.Error("a catalog without endpoints has a plan")
	}
}

// A row that is left out is not asked about.
func TestRowsAreLeftOut(t *testing.T) {
	c := load(t, "testdata/small.yaml")
	whole, err := conformance.NewPlan(c, conformance.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := whole.Rows[0].String()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{LeaveOut: map[string]string{row: "keys sign in there"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.NotAsked) != 1 || p.NotAsked[0].String() != row || len(p.Rows) != len(whole.Rows)-1 || p.Hash == whole.Hash {
		t.Errorf("left out: %v, %d rows of %d", p.NotAsked, len(p.Rows), len(whole.Rows))
	}
	for _, r := range p.Rows {
		if r.String() == row {
			t.Errorf("%s is asked about", row)
		}
	}
}
