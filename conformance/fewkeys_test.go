package conformance_test

import (
	"math/rand/v2"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

// What a few-keys plan says that its keys tell is what they tell: each wrong rule is tried
// against each row by asking the algebra, one by one.
func TestFewKeysTellWhatTheySay(t *testing.T) {
	for _, name := range []string{"testdata/small.yaml", "testdata/formulas.yaml"} {
		c := load(t, name)
		p, err := conformance.NewPlan(c, conformance.PlanOptions{})
		if err != nil {
			t.Fatal(err)
		}
		few := p.FewKeys(6)
		if len(few.Keys) == 0 || len(few.Keys) > 6 {
			t.Fatalf("%s: %d keys", name, len(few.Keys))
		}
		im := c.Implications()
		var wrong []perm.Requirement
		for i, a := range p.Universe {
			for _, b := range p.Universe[i+1:] {
				wrong = append(wrong, perm.FromClauses(perm.NewSet(a, b)), perm.FromClauses(perm.NewSet(a), perm.NewSet(b)))
			}
		}
		told, all := 0, 0
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Need.IsPublic() {
				continue
			}
			for _, w := range wrong {
				if im.Compare(w, r.Need) == perm.Same {
					continue
				}
				all++
				for _, k := range few.Keys {
					if im.Admits(w, k.Grant) != r.Need.Admits(im.Close(k.Grant)) {
						told++
						break
					}
				}
			}
		}
		for _, class := range few.Classes {
			if class.Class == conformance.Pairs && (class.Told != told || class.All != all) {
				t.Errorf("%s: %d of %d rules of pairs are told, the plan says %d of %d", name, told, all, class.Told, class.All)
			}
		}
		// The first keys tell most, and more keys never tell less.
		for i := 1; i < len(few.Keys); i++ {
			if few.Keys[i].Rules > few.Keys[i-1].Rules {
				t.Errorf("%s: key %d tells %d rules, the one before it %d", name, i, few.Keys[i].Rules, few.Keys[i-1].Rules)
			}
		}
	}
}

// Twelve keys tell every other single permission of Eightfold apart, and nearly all rules of
// two. Keys that a profile has count.
func TestFewKeysForEightfold(t *testing.T) {
	c := load(t, "vendor:eightfold")
	p, err := conformance.NewPlan(c, conformance.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	few := p.FewKeys(12)
	share := map[conformance.RuleClass]float64{}
	for _, class := range few.Classes {
		share[class.Class] = float64(class.Told) / float64(class.All)
	}
	if share[conformance.NoCheck] != 1 || share[conformance.Closed] != 1 || share[conformance.OtherSingle] != 1 || share[conformance.Pairs] < 0.98 {
		t.Errorf("told: %v", share)
	}
	keys := []conformance.Key{}
	for _, k := range few.Keys {
		keys = append(keys, conformance.Key{Name: k.Holds, Grants: k.Grant})
	}
	fixed, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	if more := fixed.FewKeys(0); len(more.Keys) != 0 || more.Proven != few.Proven || len(more.Classes) == 0 || more.Classes[3] != few.Classes[3] {
		t.Errorf("with the keys made: %+v, expected %+v", more.Classes, few.Classes)
	}
}

// With many keys a row is sent those whose answers tell most; the answers to the others follow
// from them. Everything is sent when that is asked for.
func TestDepth(t *testing.T) {
	c := load(t, "vendor:eightfold")
	rng := rand.New(rand.NewPCG(1, 2))
	var keys []conformance.Key
	universe := c.Universe()
	for i := range 40 {
		var grant []perm.Permission
		for _, id := range universe {
			if rng.IntN(3) == 0 {
				grant = append(grant, id)
			}
		}
		keys = append(keys, conformance.Key{Name: "k" + string(rune('A'+i)), Grants: perm.NewSet(grant...)})
	}
	boundary, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys, Exhaustive: true})
	if err != nil {
		t.Fatal(err)
	}
	sent := map[[2]int]bool{}
	for _, req := range boundary.Requests {
		sent[[2]int{req.Row, req.Key}] = true
	}
	if len(boundary.Requests) >= len(whole.Requests) {
		t.Errorf("%d requests, exhaustive %d", len(boundary.Requests), len(whole.Requests))
	}
	im := c.Implications()
	for _, req := range whole.Requests {
		k := &whole.Keys[req.Key]
		if k.Kind != conformance.ValidKey || sent[[2]int{req.Row, req.Key}] || whole.Rows[req.Row].Endpoint == nil {
			continue
		}
		follows := false
		for other := range boundary.Keys {
			o := &boundary.Keys[other]
			if o.Kind != conformance.ValidKey || !sent[[2]int{req.Row, other}] {
				continue
			}
			mine, theirs := im.Close(k.Grants), im.Close(o.Grants)
			if req.Expect == conformance.Admit && whole.Rows[req.Row].Need.Admits(theirs) && theirs.SubsetOf(mine) ||
				req.Expect == conformance.Refuse && !whole.Rows[req.Row].Need.Admits(theirs) && mine.SubsetOf(theirs) {
				follows = true
			}
		}
		if !follows {
			t.Errorf("%s with %s is not sent and does not follow", &whole.Rows[req.Row], k.Grants)
		}
	}
}
