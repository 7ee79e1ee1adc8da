package reference

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// A pattern is a path template compiled for matching.
type pattern struct {
	segs []segment
	tail bool // the last segment matches the rest of the path
}

// A segment alternates literal text and parameters: lits[0] {names[0]} lits[1] ...
type segment struct {
	lits  []string
	names []string
}

// compile splits a template. Templates were checked when the catalog was read.
func compile(template string) pattern {
	var p pattern
	for _, part := range splitOutsideBraces(strings.TrimPrefix(template, "/")) {
		var s segment
		for {
			lit, rest, found := strings.Cut(part, "{")
			s.lits = append(s.lits, lit)
			if !found {
				break
			}
			name, after, _ := strings.Cut(rest, "}")
			if bare, ok := strings.CutSuffix(name, "..."); ok {
				name, p.tail = bare, true
			}
			s.names = append(s.names, name)
			part = after
		}
		p.segs = append(p.segs, s)
	}
	return p
}

func splitOutsideBraces(s string) []string {
	var parts []string
	for {
		end := strings.IndexByte(s, '/')
		if open := strings.IndexByte(s, '{'); open >= 0 && open < end {
			if shut := strings.IndexByte(s[open:], '}'); shut > 0 {
				if next := strings.IndexByte(s[open+shut:], '/'); next >= 0 {
					end = open + shut + next
				} else {
					end = -1
				}
			}
		}
		if end < 0 {
			return append(parts, s)
		}
		parts = append(parts, s[:end])
		s = s[end+1:]
	}
}

// match returns the parameters of a path whose segments are already unescaped.
func (p pattern) match(parts []string) (map[string]string, bool) {
	fixed := len(p.segs)
	if p.tail {
		fixed--
	}
	if len(parts) < len(p.segs) || !p.tail && len(parts) > fixed {
		return nil, false
	}
	for i, s := range p.segs[:fixed] { // most patterns fail here
		if len(s.names) == 0 && s.lits[0] != parts[i] {
			return nil, false
		}
	}
	var params map[string]string
	set := func(name, value string) {
		if params == nil {
			params = map[string]string{}
		}
		params[name] = value
	}
	for i, s := range p.segs[:fixed] {
		if len(s.names) > 0 && !s.match(parts[i], set) {
			return nil, false
		}
	}
	if p.tail {
		set(p.segs[fixed].names[0], strings.Join(parts[fixed:], "/"))
	}
	return params, true
}

func (s segment) match(part string, set func(name, value string)) bool {
	rest, ok := strings.CutPrefix(part, s.lits[0])
	if !ok {
		return false
	}
	for i, name := range s.names {
		lit := s.lits[i+1]
		end := len(rest)
		if i == len(s.names)-1 {
			if !strings.HasSuffix(rest, lit) {
				return false
			}
			end -= len(lit)
		} else if len(rest) > 0 {
			if end = strings.Index(rest[1:], lit); end < 0 {
				return false
			}
			end++
		}
		if end <= 0 {
			return false // a parameter is at least one character
		}
		set(name, rest[:end])
		rest = rest[end+len(lit):]
	}
	return rest == ""
}

// vagueness of a segment: literal before mixed before parameter before tail.
func (p pattern) vagueness(i int) int {
	switch s := p.segs[i]; {
	case p.tail && i == len(p.segs)-1:
		return 3
	case len(s.names) == 0:
		return 0
	case len(s.lits[0]) > 0 || len(s.lits[len(s.lits)-1]) > 0 || len(s.names) > 1:
		return 1
	}
	return 2
}

// concreteFirst orders patterns so that the first that matches is the one whose
// leftmost differing segment is more concrete.
func concreteFirst(a, b pattern) int {
	for i := 0; i < len(a.segs) && i < len(b.segs); i++ {
		if c := cmp.Compare(a.vagueness(i), b.vagueness(i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(b.segs), len(a.segs))
}

// splitRequestPath unescapes each segment of a path as it was sent. A path that
// cannot be unescaped, or that has dot segments, matches nothing: normalising it
// here would let guard and router disagree.
func splitRequestPath(escaped string) ([]string, bool) {
	rest, ok := strings.CutPrefix(escaped, "/")
	if !ok {
		return nil, false
	}
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		if strings.IndexByte(part, '%') >= 0 {
			plain, err := url.PathUnescape(part)
			if err != nil {
				return nil, false
			}
			parts[i] = plain
		}
		if parts[i] == "." || parts[i] == ".." {
			return nil, false
		}
	}
	return parts, true
}

// router finds the route of a request.
type router struct {
	fixed map[int][]*route // by number of segments, concrete first
	tails []*route
}

func newRouter(routes []*route) *router {
	r := &router{fixed: map[int][]*route{}}
	for _, rt := range routes {
		if rt.pattern.tail {
			r.tails = append(r.tails, rt)
		} else {
			n := len(rt.pattern.segs)
			r.fixed[n] = append(r.fixed[n], rt)
		}
	}
	order := func(a, b *route) int {
		return cmp.Or(concreteFirst(a.pattern, b.pattern), cmp.Compare(len(b.row.Method), len(a.row.Method)))
	}
	for _, list := range r.fixed {
		slices.SortStableFunc(list, order)
	}
	slices.SortStableFunc(r.tails, order)
	return r
}

// find returns the most concrete route that answers the method, or the methods that
// the path has otherwise. HEAD is answered as GET unless it has a row of its own.
func (r *router) find(method, escapedPath string) (rt *route, params map[string]string, allow []string) {
	parts, ok := splitRequestPath(escapedPath)
	if !ok {
		return nil, nil, nil
	}
	for _, list := range [2][]*route{r.fixed[len(parts)], r.tails} {
		for _, c := range list {
			params, ok := c.pattern.match(parts)
			switch {
			case !ok:
			case c.row.Method == method || c.row.Method == catalogs.AnyMethod:
				return c, params, nil
			default:
				allow = append(allow, c.row.Method)
			}
		}
	}
	if method == http.MethodHead {
		return r.find(http.MethodGet, escapedPath)
	}
	slices.Sort(allow)
	return nil, nil, slices.Compact(allow)
}
