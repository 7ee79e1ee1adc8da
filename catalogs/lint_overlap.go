package catalogs

import (
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// overlaps looks for two rows that match the same path without one of them being
// more specific, so that the order of registration or the router decides which
// requirement holds. A literal segment beside a parameter (/users/me, /users/{id})
// is specific enough for every router. At most one lint a row is reported.
func (l *linter) overlaps() {
	tries := map[string]*overlapNode{}
	var tails []int // rows that end in {name...}: few, and compared one by one
	for i, r := range l.rows {
		if !r.ok {
			continue
		}
		clash := func(j int) bool {
			return sameMethod(r.e.Method, l.rows[j].e.Method) && ambiguous(l.rows[j].tmpl, r.tmpl) && l.differ(r.req, l.rows[j].req)
		}
		found := -1
		if r.tmpl.tail {
			for j := range i {
				if l.rows[j].ok && clash(j) {
					found = j
					break
				}
			}
			tails = append(tails, i)
		} else {
			if k := slices.IndexFunc(tails, clash); k >= 0 {
				found = tails[k]
			}
			for _, method := range slices.Sorted(maps.Keys(tries)) {
				if found < 0 && sameMethod(method, r.e.Method) {
					found = tries[method].find(r.tmpl.segs, clash)
				}
			}
			if tries[r.e.Method] == nil {
				tries[r.e.Method] = &overlapNode{}
			}
			tries[r.e.Method].add(r.tmpl.segs, i)
		}
		if found < 0 {
			continue
		}
		other := l.rows[found]
		where := "may match a path that"
		if path, ok := commonPath(other.tmpl, r.tmpl); ok {
			where = "matches " + path + ", which"
		}
		l.row(i, LintOverlap, []string{other.e.String()}, "%s %s matches too; one asks for %s, the other for %s, and neither path is the more specific one",
			where, other.e, r.req, other.req)
	}
}

func sameMethod(a, b string) bool { return a == b || a == AnyMethod || b == AnyMethod }

// differ reports whether it matters which of two requirements holds.
func (l *linter) differ(a, b perm.Requirement) bool {
	if a.Equal(b) {
		return false
	}
	return l.im.Compare(a, b) != perm.Same
}

// ambiguous reports whether two templates match some path in common, and neither
// matches all that the other does.
func ambiguous(t, u Template) bool { return t.Overlaps(u) && !t.covers(u) && !u.covers(t) }

// covers reports whether every path of u is of t. For segments that mix literals and
// parameters it may say no where it is so.
func (t Template) covers(u Template) bool {
	fixed := len(t.segs)
	if t.tail {
		fixed--
	}
	uFixed := len(u.segs)
	if u.tail {
		uFixed--
	}
	switch {
	case !t.tail && (u.tail || fixed != uFixed), t.tail && (uFixed < fixed || uFixed == fixed && !u.tail):
		return false
	}
	for i := range fixed {
		if !t.segs[i].covers(u.segs[i]) {
			return false
		}
	}
	return true
}

func (s segment) covers(o segment) bool {
	lit, isLit := o.literal()
	switch {
	case isLit:
		return s.match(lit)
	case len(s.lits) == 2:
		return strings.HasPrefix(o.lits[0], s.lits[0]) && strings.HasSuffix(o.lits[len(o.lits)-1], s.lits[1])
	}
	return slices.Equal(s.lits, o.lits)
}

// commonPath returns a path that both templates match, if a simple one can be found.
func commonPath(t, u Template) (string, bool) {
	var b strings.Builder
	for i := range max(len(t.segs), len(u.segs)) {
		s, o := t.at(i), u.at(i)
		b.WriteByte('/')
		sLit, sIs := s.literal()
		oLit, oIs := o.literal()
		switch {
		case sIs:
			b.WriteString(sLit)
		case oIs:
			b.WriteString(oLit)
		default:
			// Letters around and between everything that either asks for.
			head, tail := longer(s.lits[0], o.lits[0]), longer(s.lits[len(s.lits)-1], o.lits[len(o.lits)-1])
			inner := slices.Concat(s.lits[1:len(s.lits)-1], o.lits[1:len(o.lits)-1])
			b.WriteString(head + "x" + strings.Join(append(inner, ""), "x") + tail)
		}
	}
	path := b.String()
	return path, t.Match(path) && u.Match(path)
}

// at returns the segment that a path's i-th segment must match.
func (t Template) at(i int) segment {
	if i < len(t.segs) && !(t.tail && i == len(t.segs)-1) {
		return t.segs[i]
	}
	return segment{lits: []string{"", ""}}
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}

// An overlapNode is a node of a trie of path segments.
type overlapNode struct {
	literal map[string]*overlapNode
	order   []string      // keys of literal, as they came
	other   []overlapEdge // segments with parameters, one for each form
	rows    []int         // rows that end here
}

type overlapEdge struct {
	seg segment
	to  *overlapNode
}

func (n *overlapNode) add(segs []segment, row int) {
	for _, s := range segs {
		if lit, ok := s.literal(); ok {
			if n.literal == nil {
				n.literal = map[string]*overlapNode{}
			}
			if n.literal[lit] == nil {
				n.literal[lit] = &overlapNode{}
				n.order = append(n.order, lit)
			}
			n = n.literal[lit]
			continue
		}
		k := slices.IndexFunc(n.other, func(e overlapEdge) bool { return slices.Equal(e.seg.lits, s.lits) })
		if k < 0 {
			k = len(n.other)
			n.other = append(n.other, overlapEdge{s, &overlapNode{}})
		}
		n = n.other[k].to
	}
	n.rows = append(n.rows, row)
}

// find returns the first row below n that accepts among those that overlap segs, or -1.
func (n *overlapNode) find(segs []segment, accept func(int) bool) int {
	if len(segs) == 0 {
		if k := slices.IndexFunc(n.rows, accept); k >= 0 {
			return n.rows[k]
		}
		return -1
	}
	s, rest := segs[0], segs[1:]
	if lit, ok := s.literal(); ok {
		if to := n.literal[lit]; to != nil {
			if found := to.find(rest, accept); found >= 0 {
				return found
			}
		}
	} else {
		for _, lit := range n.order {
			if s.match(lit) {
				if found := n.literal[lit].find(rest, accept); found >= 0 {
					return found
				}
			}
		}
	}
	for _, e := range n.other {
		if e.seg.overlaps(s) {
			if found := e.to.find(rest, accept); found >= 0 {
				return found
			}
		}
	}
	return -1
}
