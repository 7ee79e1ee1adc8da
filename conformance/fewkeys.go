package conformance

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// Bounds on the wrong rules that a few-keys plan works with: with more permissions than that,
// rules of pairs and of triples are too many to look at one by one.
const (
	maxPairs   = 120
	maxTriples = 30
)

// A RuleClass is a class of wrong rules that a server may have in place of the catalog's.
type RuleClass string

// The classes.
const (
	NoCheck     RuleClass = "no check, or a key without any permission suffices"
	Closed      RuleClass = "closed to every key"
	OtherSingle RuleClass = "another single permission"
	Pairs       RuleClass = "two permissions joined by & or |"
	Triples     RuleClass = "three permissions joined by & or by |"
	Mixed       RuleClass = "three permissions joined by & and |"
)

// RuleClasses lists them all, in the order of reports.
var RuleClasses = []RuleClass{NoCheck, Closed, OtherSingle, Pairs, Triples, Mixed}

// A FewKeys is a keyring of a few keys: which to make, and what it tells.
type FewKeys struct {
	Keys []FewKey `json:"keys"`
	// Classes say how many of the wrong rules of each class some key of the whole keyring,
	// keys that are there already included, is answered differently under.
	Classes []ClassTold `json:"classes"`
	Points  int         `json:"points"`       // of the boundary, in all
	Proven  int         `json:"would_prove"`  // of them, by the whole keyring
	Skipped []RuleClass `json:"not_examined"` // classes with too many rules to look at
}

// A FewKey is one key to make.
type FewKey struct {
	Holds  string   `json:"holds"`
	Grant  perm.Set `json:"-"`
	Points int      `json:"points"` // of the boundary that it alone proves
	Rules  int      `json:"rules"`  // wrong rules that it tells and no key before it did
}

// A ClassTold counts wrong rules: pairs of a row's rule and a wrong one in its place.
type ClassTold struct {
	Class RuleClass `json:"class"`
	Told  int       `json:"told"`
	All   int       `json:"all"`
}

// wrongRules are rules that a server may have, and which class each is of.
type wrongRules struct {
	clauses [][]perm.Set
	classes []int // bounds: rules of RuleClasses[i] are classes[i] up to classes[i+1]
	skipped []RuleClass
}

func newWrongRules(universe perm.Set) *wrongRules {
	w := &wrongRules{}
	add := func(clauses ...perm.Set) { w.clauses = append(w.clauses, clauses) }
	mark := func() { w.classes = append(w.classes, len(w.clauses)) }
	n := len(universe)
	one := func(i int) perm.Set { return perm.NewSet(universe[i]) }
	mark()
	add(perm.Set{}) // any key
	mark()
	add() // none
	mark()
	for i := range n {
		add(one(i))
	}
	mark()
	if n <= maxPairs {
		for i := range n {
			for j := i + 1; j < n; j++ {
				add(perm.NewSet(universe[i], universe[j]))
				add(one(i), one(j))
			}
		}
	} else {
		w.skipped = append(w.skipped, Pairs)
	}
	mark()
	if n > maxTriples {
		mark()
		mark()
		w.skipped = append(w.skipped, Triples, Mixed)
		return w
	}
	triples := func(do func(i, j, k int)) {
		for i := range n {
			for j := i + 1; j < n; j++ {
				for k := j + 1; k < n; k++ {
					do(i, j, k)
				}
			}
		}
	}
	triples(func(i, j, k int) {
		add(perm.NewSet(universe[i], universe[j], universe[k]))
		add(one(i), one(j), one(k))
	})
	mark()
	triples(func(i, j, k int) {
		for _, t := range [][3]int{{i, j, k}, {j, i, k}, {k, i, j}} {
			a, b, c := t[0], t[1], t[2]
			add(one(a), perm.NewSet(universe[b], universe[c]))                                // a | b & c
			add(perm.NewSet(universe[a], universe[b]), perm.NewSet(universe[a], universe[c])) // a & (b | c)
		}
	})
	mark()
	return w
}

// admits returns, as bits, which of the wrong rules admit a grant.
func (w *wrongRules) admits(grant perm.Set) []uint64 {
	out := make([]uint64, (len(w.clauses)+63)/64)
	for i, clauses := range w.clauses {
		if slices.ContainsFunc(clauses, func(c perm.Set) bool { return c.SubsetOf(grant) }) {
			out[i/64] |= 1 << (i % 64)
		}
	}
	return out
}

// target is one requirement of the catalog: how many rows have it, which wrong rules differ
// from it, and which of those the keys so far tell.
type target struct {
	need   perm.Requirement
	rows   int
	differ []uint64
	told   []uint64
}

// FewKeys returns the keys to make that tell most about the server, at most n, the one that
// tells most first. A wrong rule is told when some key is answered differently under it than
// under the catalog's. Keys of a fixed keyring count as made.
func (p *Plan) FewKeys(n int) FewKeys {
	wrong := newWrongRules(p.Universe)
	targets := p.targets(wrong)
	out := FewKeys{Keys: []FewKey{}, Classes: []ClassTold{}, Skipped: wrong.skipped}
	chosen := map[string]bool{}
	tell := func(grant perm.Set, keep bool) int {
		closed := p.implications.Close(grant)
		admits := wrong.admits(closed)
		gain := 0
		for i := range targets {
			t := &targets[i]
			right := t.need.Admits(closed)
			for w, bitsOf := range admits {
				differs := bitsOf
				if right {
					differs = ^bitsOf
				}
				fresh := differs & t.differ[w] &^ t.told[w]
				gain += t.rows * bits.OnesCount64(fresh)
				if keep {
					t.told[w] |= fresh
				}
			}
		}
		return gain
	}
	if p.fixed {
		for _, k := range p.Keys {
			if k.Kind == ValidKey && !k.Narrowed() {
				tell(k.Grants, true)
				chosen[k.Grants.String()] = true
			}
		}
	}
	candidates := p.candidates()
	for len(out.Keys) < n {
		best := FewKey{Rules: -1}
		for _, grant := range candidates {
			text := grant.String()
			if chosen[text] {
				continue
			}
			k := FewKey{Holds: GrantName(grant, p.Universe), Grant: grant, Rules: tell(grant, false), Points: p.pointsOf(text)}
			if k.Rules > best.Rules || k.Rules == best.Rules && k.Points > best.Points {
				best = k
			}
		}
		if best.Rules < 0 || best.Rules == 0 && best.Points == 0 {
			break
		}
		chosen[best.Grant.String()] = true
		best.Rules = tell(best.Grant, true)
		out.Keys = append(out.Keys, best)
	}
	for i, class := range RuleClasses {
		c := ClassTold{Class: class}
		for t := range targets {
			for r := wrong.classes[i]; r < wrong.classes[i+1]; r++ {
				if bit := uint64(1) << (r % 64); targets[t].differ[r/64]&bit != 0 {
					c.All += targets[t].rows
					if targets[t].told[r/64]&bit != 0 {
						c.Told += targets[t].rows
					}
				}
			}
		}
		if c.All > 0 {
			out.Classes = append(out.Classes, c)
		}
	}
	for _, pt := range p.Points {
		out.Points++
		if pt.Anonymous || chosen[pt.Grant.String()] {
			out.Proven++
		}
	}
	return out
}

// pointsOf counts the points of the boundary that a grant decides.
func (p *Plan) pointsOf(grant string) int {
	n := 0
	for i := range p.Points {
		if !p.Points[i].Anonymous && p.Points[i].Grant.String() == grant {
			n++
		}
	}
	return n
}

// targets lists the requirements of the rows, those alike together. Which wrong rules are
// equal to one is told by its boundary: a rule that admits the smallest grants which it
// admits and refuses the largest which it refuses is the same rule.
func (p *Plan) targets(wrong *wrongRules) []target {
	at := map[string]int{}
	var list []target
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Need.IsPublic() {
			continue
		}
		text := r.Need.String()
		if n, ok := at[text]; ok {
			list[n].rows++
			continue
		}
		at[text] = len(list)
		t := target{need: r.Need, rows: 1, differ: make([]uint64, (len(wrong.clauses)+63)/64), told: make([]uint64, (len(wrong.clauses)+63)/64)}
		b := r.Need.Boundary(p.Universe)
		for _, grants := range []struct {
			list  []perm.Set
			admit bool
		}{{b.Admitted, true}, {b.Refused, false}} {
			for _, grant := range grants.list {
				for w, bitsOf := range wrong.admits(p.implications.Close(grant)) {
					if grants.admit {
						bitsOf = ^bitsOf
					}
					t.differ[w] |= bitsOf
				}
			}
		}
		if extra := len(wrong.clauses) % 64; extra != 0 {
			t.differ[len(t.differ)-1] &= 1<<extra - 1
		}
		list = append(list, t)
	}
	return list
}

// candidates are grants that tell much: none, all, those of the boundary, each permission
// alone and all but each, and for each bit of the permissions' numbers those that have it and
// those that do not: few of them tell any two permissions apart.
func (p *Plan) candidates() []perm.Set {
	var list []perm.Set
	seen := map[string]bool{}
	add := func(grant perm.Set) {
		if text := grant.String(); !seen[text] {
			seen[text] = true
			list = append(list, grant)
		}
	}
	add(perm.Set{})
	add(p.Universe)
	for bit := range bits.Len(uint(len(p.Universe))) {
		var with, without []perm.Permission
		for i, id := range p.Universe {
			if i>>bit&1 == 1 {
				with = append(with, id)
			} else {
				without = append(without, id)
			}
		}
		add(perm.NewSet(with...))
		add(perm.NewSet(without...))
	}
	for _, pt := range p.Points {
		if !pt.Anonymous {
			add(pt.Grant)
		}
	}
	for _, id := range p.Universe {
		add(perm.NewSet(id))
		add(p.Universe.Minus(perm.NewSet(id)))
	}
	return list
}

// String says the class in a report.
func (c ClassTold) String() string {
	return fmt.Sprintf("%s: %d of %d", c.Class, c.Told, c.All)
}
