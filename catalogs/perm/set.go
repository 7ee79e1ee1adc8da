package perm

import (
	"slices"
	"strings"
)

// A Permission is one right that a key can hold, spelled as its catalog spells it.
// It is compared byte by byte.
type Permission string

// A Set is a set of permissions: sorted, without duplicates. Make one with
// [NewSet]; treat it as immutable.
type Set []Permission

// NewSet returns the set of the given permissions, in any order and multiplicity.
func NewSet(ps ...Permission) Set {
	s := slices.Clone(Set(ps))
	slices.Sort(s)
	return slices.Compact(s)
}

// Has reports whether p is in the set.
func (s Set) Has(p Permission) bool {
	_, ok := slices.BinarySearch(s, p)
	return ok
}

// SubsetOf reports whether every permission of s is in t.
func (s Set) SubsetOf(t Set) bool {
	if len(s) > len(t) {
		return false
	}
	for _, p := range s {
		i, ok := slices.BinarySearch(t, p)
		if !ok {
			return false
		}
		t = t[i+1:]
	}
	return true
}

// Equal reports whether s and t hold the same permissions.
func (s Set) Equal(t Set) bool { return slices.Equal(s, t) }

// Union returns the permissions of s and t together.
func (s Set) Union(t Set) Set {
	switch {
	case t.SubsetOf(s):
		return s
	case s.SubsetOf(t):
		return t
	}
	return NewSet(append(slices.Clone(s), t...)...)
}

// Minus returns the permissions of s that are not in t.
func (s Set) Minus(t Set) Set {
	out := make(Set, 0, len(s))
	for _, p := range s {
		if !t.Has(p) {
			out = append(out, p)
		}
	}
	return out
}

// Intersects reports whether s and t share a permission.
func (s Set) Intersects(t Set) bool {
	for i, j := 0, 0; i < len(s) && j < len(t); {
		switch c := strings.Compare(string(s[i]), string(t[j])); {
		case c == 0:
			return true
		case c < 0:
			i++
		default:
			j++
		}
	}
	return false
}

// String returns the permissions joined by " & ", in the grammar of requirements;
// the empty set is "none".
func (s Set) String() string {
	if len(s) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, p := range s {
		if i > 0 {
			b.WriteString(" & ")
		}
		writeAtom(&b, p)
	}
	return b.String()
}

// compareClauses orders clauses by length, then bytewise.
func compareClauses(a, b Set) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return slices.Compare(a, b)
}

// minimal returns the inclusion-minimal sets among cs, in canonical order.
// It reuses cs.
func minimal(cs []Set) []Set {
	slices.SortFunc(cs, compareClauses)
	cs = slices.CompactFunc(cs, Set.Equal)
	if len(cs) < 2 || len(cs[0]) == len(cs[len(cs)-1]) {
		return cs // different sets of one size do not contain each other
	}
	signature := signatures(cs)
	out := cs[:0]
	var kept []uint64
next:
	for i, c := range cs {
		for j, k := range out {
			if len(k) == len(c) {
				break // only a shorter set can absorb c, and those come first
			}
			if kept[j]&^signature[i] == 0 && k.SubsetOf(c) {
				continue next
			}
		}
		out = append(out, c)
		kept = append(kept, signature[i])
	}
	clear(cs[len(out):])
	return out
}

// signatures maps each set to bits such that a subset's bits are among its superset's:
// a quick way to see that one set does not contain another.
func signatures(cs []Set) []uint64 {
	bit := map[Permission]int{}
	out := make([]uint64, len(cs))
	for i, c := range cs {
		for _, p := range c {
			n, ok := bit[p]
			if !ok {
				n = len(bit) % 64
				bit[p] = n
			}
			out[i] |= 1 << n
		}
	}
	return out
}
