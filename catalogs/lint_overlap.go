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
	kinds := map[string]int{} // requirements by text, numbered
	kind := make([]int, len(l.rows))
	var tails []int // rows that end in {name...}: few, and compared one by one
	for i, r := range l.rows {
		if !r.ok {
			continue
		}
		text := r.req.String()
		if _, ok := kinds[text]; !ok {
			kinds[text] = len(kinds)
		}
		kind[i] = kinds[text]
		clash := func(j int) bool {
			other := l.rows[j]
			return kind[i] != kind[j] && sameMethod(r.e.Method, other.e.Method) && ambiguous(other.tmpl, r.tmpl) &&
				l.im.Compare(r.req, other.req) != perm.Same
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
					found = tries[method].find(r.tmpl.segs, kind[i], clash)
				}
			}
			if tries[r.e.Method] == nil {
				tries[r.e.Method] = &overlapNode{kind: kind[i]}
			}
			tries[r.e.Method].add(r.tmpl.segs, i, kind[i])
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
	kind    int           // the requirement of all rows from here on, or mixedKinds
}

type overlapEdge struct {
	seg segment
	to  *overlapNode
}

const mixedKinds = -1

func (n *overlapNode) add(segs []segment, row, kind int) {
	for _, s := range segs {
		n.mix(kind)
		if lit, ok := s.literal(); ok {
			if n.literal == nil {
				n.literal = map[string]*overlapNode{}
			}
			if n.literal[lit] == nil {
				n.literal[lit] = &overlapNode{kind: kind}
				n.order = append(n.order, lit)
			}
			n = n.literal[lit]
			continue
		}
		k := slices.IndexFunc(n.other, func(e overlapEdge) bool { return slices.Equal(e.seg.lits, s.lits) })
		if k < 0 {
			k = len(n.other)
			n.other = append(n.other, overlapEdge{s, &overlapNode{kind: kind}})
		}
		n = n.other[k].to
	}
	n.mix(kind)
	n.rows = append(n.rows, row)
}

func (n *overlapNode) mix(kind int) {
	if n.kind != kind {
		n.kind = mixedKinds
	}
}

// find returns the first row below n that accepts among those that overlap segs and
// have another requirement than kind, or -1.
func (n *overlapNode) find(segs []segment, kind int, accept func(int) bool) int {
	if n == nil || n.kind == kind {
		return -1
	}
	if len(segs) == 0 {
		if k := slices.IndexFunc(n.rows, accept); k >= 0 {
			return n.rows[k]
		}
		return -1
	}
	s, rest := segs[0], segs[1:]
	if lit, ok := s.literal(); ok {
		if found := n.literal[lit].find(rest, kind, accept); found >= 0 {
			return found
		}
	} else {
		for _, lit := range n.order {
			if s.match(lit) {
				if found := n.literal[lit].find(rest, kind, accept); found >= 0 {
					return found
				}
			}
		}
	}
	for _, e := range n.other {
		if e.seg.overlaps(s) {
			if found := e.to.find(rest, kind, accept); found >= 0 {
				return found
			}
		}
	}
	return -1
}
