package perm

import (
	"math/bits"
	"slices"
)

// maxBoundary bounds how many grants [Requirement.Boundary] keeps on either side.
const maxBoundary = 4096

// A Boundary is the set of grants that determine a monotone requirement: a server
// whose access grows with grants and that answers right on these answers right on
// all grants of the universe.
type Boundary struct {
	// Admitted are the smallest grants that are admitted, in canonical order.
	Admitted []Set
	// Refused are the largest grants that are refused, in canonical order.
	Refused []Set
	// Truncated says that there are more than 4,096 refused grants and that some
	// are left out; those listed are still right.
	Truncated bool
}

// Boundary returns the boundary of r over the permissions of universe.
//
// The smallest admitted grants are r's clauses that the universe can express. The
// largest refused ones are the universe without a minimal set that hits every such
// clause. Public and authenticated requirements admit the empty grant and refuse no
// key; nobody refuses the whole universe. An unknown requirement has no boundary.
func (r Requirement) Boundary(universe Set) Boundary {
	switch r.kind {
	case public, authenticated:
		return Boundary{Admitted: []Set{{}}}
	case unknown:
		return Boundary{}
	}
	var b Boundary
	for _, c := range r.clauses {
		if c.SubsetOf(universe) {
			b.Admitted = append(b.Admitted, c)
		}
	}
	// Berge's algorithm: the minimal hitting sets of the first n+1 clauses are among
	// those of the first n, each extended by one element where it misses.
	hitting := []Set{{}}
	for _, c := range b.Admitted {
		var next []Set
		for _, h := range hitting {
			if h.Intersects(c) {
				next = append(next, h)
				continue
			}
			for _, p := range c {
				next = append(next, h.Union(Set{p}))
			}
		}
		hitting = minimal(next)
		if len(hitting) > maxBoundary {
			hitting, b.Truncated = hitting[:maxBoundary], true
		}
	}
	for _, h := range hitting {
		if b.Truncated {
			h = shrink(h, b.Admitted) // what was cut may have been smaller
		}
		b.Refused = append(b.Refused, universe.Minus(h))
	}
	slices.SortFunc(b.Refused, compareClauses)
	b.Refused = slices.CompactFunc(b.Refused, Set.Equal)
	return b
}

// shrink removes from h what it does not need to hit every clause.
func shrink(h Set, clauses []Set) Set {
	for _, p := range slices.Clone(h) {
		less := h.Minus(Set{p})
		if !slices.ContainsFunc(clauses, func(c Set) bool { return !c.Intersects(less) }) {
			h = less
		}
	}
	return h
}

// FewKeys returns the few grants to mint when one key for each permission is too
// many: none, all, and for every bit of the permissions' running numbers the
// permissions that have it set and those that have it clear. With n permissions
// these are 2*ceil(log2 n)+2 grants, without duplicates. They tell apart any two
// single permissions, and many wrong rules of two or three; they do not prove a
// whole boundary.
func FewKeys(universe Set) []Set {
	keys := []Set{{}, universe}
	width := 0
	if len(universe) > 1 {
		width = bits.Len(uint(len(universe) - 1))
	}
	for bit := range width {
		var zero, one Set
		for i, p := range universe {
			if i>>bit&1 == 0 {
				zero = append(zero, p)
			} else {
				one = append(one, p)
			}
		}
		keys = append(keys, zero, one)
	}
	slices.SortFunc(keys, compareClauses)
	return slices.CompactFunc(keys, Set.Equal)
}
