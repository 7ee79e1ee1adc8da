package perm

import "slices"

// Implications says which permissions imply which others: a global READ toggle,
// a parent entity, an administrator. The nil pointer implies nothing.
// It is safe for concurrent use.
type Implications struct {
	closed map[Permission]Set // reflexive and transitive
	by     map[Permission]Set // the inverse: who implies it
}

// NewImplications returns the reflexive, transitive closure of direct, where a
// holder of a key also holds the permissions of its value. Cycles are allowed:
// their members imply each other.
func NewImplications(direct map[Permission]Set) *Implications {
	im := &Implications{closed: make(map[Permission]Set, len(direct)), by: map[Permission]Set{}}
	inverse := map[Permission][]Permission{}
	for p := range direct {
		seen := map[Permission]bool{p: true}
		list := []Permission{p}
		for i := 0; i < len(list); i++ {
			for _, q := range direct[list[i]] {
				if !seen[q] {
					seen[q] = true
					list = append(list, q)
				}
			}
		}
		im.closed[p] = NewSet(list...)
		for _, q := range list {
			inverse[q] = append(inverse[q], p)
		}
	}
	for q, ps := range inverse {
		im.by[q] = NewSet(append(ps, q)...)
	}
	return im
}

// Close returns the grant together with everything that it implies.
func (im *Implications) Close(grant Set) Set {
	if im == nil {
		return grant
	}
	var more []Permission
	for _, p := range grant {
		more = append(more, im.closed[p]...)
	}
	if len(more) == 0 {
		return grant
	}
	return NewSet(append(more, grant...)...)
}

// Admits reports whether r admits a key that was given grant.
func (im *Implications) Admits(r Requirement, grant Set) bool { return r.Admits(im.Close(grant)) }

// Expand rewrites r over grants as they are given: the result, asked without
// implications, admits exactly what r admits with them. Its boundary is the probe
// plan for keys of an API whose permissions imply others.
func (im *Implications) Expand(r Requirement) (Requirement, error) {
	if im == nil || r.kind != formula {
		return r, nil
	}
	out := Nobody()
	for _, c := range r.clauses {
		clause := Public() // the neutral element of And
		for _, p := range c {
			holders := Any(p)
			if by, ok := im.by[p]; ok {
				holders = Any(by...)
			}
			var err error
			if clause, err = clause.And(holders); err != nil {
				return Requirement{}, err
			}
		}
		var err error
		if out, err = out.Or(clause); err != nil {
			return Requirement{}, err
		}
	}
	return out, nil
}

// Compare is [Compare] for grants that carry implications.
func (im *Implications) Compare(from, to Requirement) Effect {
	if from.kind == unknown || to.kind == unknown {
		return Unverified
	}
	keeps, gainsNone := im.entails(from, to), im.entails(to, from)
	switch {
	case keeps && gainsNone:
		return Same
	case keeps:
		return Widens
	case gainsNone:
		return Narrows
	}
	return Incomparable
}

// entails is [Requirement.Entails] after closing each clause of r.
func (im *Implications) entails(r, q Requirement) bool {
	switch {
	case q.kind == public || r.IsNobody():
		return true
	case r.kind == unknown || q.kind == unknown:
		return false
	case r.kind == public:
		return false
	case q.kind == authenticated:
		return true
	case r.kind == authenticated:
		return false
	}
	return !slices.ContainsFunc(r.clauses, func(c Set) bool { return !q.Admits(im.Close(c)) })
}
