package catalogs

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A Template is a parsed path template: literal text and parameters, such as
// "/positions/{id}". A parameter matches the rest of its segment and at least one
// character; a final "{name...}" matches the rest of the path, slashes included.
// Parameter names carry no meaning for identity; literal text, case and a trailing
// slash do.
type Template struct {
	text string
	segs []segment
	tail bool // ends in {name...}
}

// A segment alternates literals and parameters: lits[0] param lits[1] param ...
type segment struct{ lits []string }

func (s segment) literal() (string, bool) { return s.lits[0], len(s.lits) == 1 }

// ParseTemplate reads a path template. It must begin with a slash; braces must
// balance, enclose a name, and not touch each other.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	if !strings.HasPrefix(text, "/") {
		return t, fmt.Errorf("path %q must begin with /", text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '?' || r == '#' }); i >= 0 {
		return t, fmt.Errorf("path %q must not contain %q", text, text[i])
	}
	if !utf8.ValidString(text) {
		return t, fmt.Errorf("path %q is not UTF-8", text)
	}
	parts := splitPath(text[1:])
	for i, part := range parts {
		var seg segment
		rest := part
		for {
			open := strings.IndexByte(rest, '{')
			if open < 0 {
				if strings.IndexByte(rest, '}') >= 0 {
					return t, fmt.Errorf("path %q has } without {", text)
				}
				seg.lits = append(seg.lits, rest)
				break
			}
			lit := rest[:open]
			if strings.IndexByte(lit, '}') >= 0 {
				return t, fmt.Errorf("path %q has } without {", text)
			}
			if open == 0 && len(seg.lits) > 0 {
				return t, fmt.Errorf("path %q has two parameters with nothing between them", text)
			}
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return t, fmt.Errorf("path %q has { without }", text)
			}
			name := rest[open+1 : end]
			whole := i == len(parts)-1 && open == 0 && end == len(rest)-1 && len(seg.lits) == 0
			if greedy, ok := strings.CutSuffix(name, "+"); ok && whole { // as AWS API Gateway writes it
				name = greedy + "..."
			}
			if tail, ok := strings.CutSuffix(name, "..."); ok {
				if !whole {
					return t, fmt.Errorf("path %q: {%s} must be the whole last segment", text, name)
				}
				t.tail, name = true, tail
			}
			if name == "" || strings.ContainsAny(name, "{/") {
				return t, fmt.Errorf("path %q has a parameter without a name", text)
			}
			seg.lits = append(seg.lits, lit)
			rest = rest[end+1:]
		}
		t.segs = append(t.segs, seg)
	}
	return t, nil
}

// splitPath splits at slashes outside braces.
func splitPath(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, s[start:])
}

// String returns the template as it was written.
func (t Template) String() string { return t.text }

// Key returns the template with every parameter written {}, and a tail {...}: two
// templates are the same endpoint path exactly when their keys are equal.
func (t Template) Key() string {
	var b strings.Builder
	for i, s := range t.segs {
		b.WriteByte('/')
		if t.tail && i == len(t.segs)-1 {
			b.WriteString("{...}")
			break
		}
		b.WriteString(strings.Join(s.lits, "{}"))
	}
	return b.String()
}

// Params returns the parameter names in order.
func (t Template) Params() []string {
	var names []string
	rest := t.text
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			return names
		}
		end := strings.IndexByte(rest, '}')
		names = append(names, strings.TrimSuffix(rest[open+1:end], "..."))
		rest = rest[end+1:]
	}
}

// Expand replaces each parameter by value(name). Values are inserted as they are:
// the caller escapes them.
func (t Template) Expand(value func(name string) string) string {
	var b strings.Builder
	rest := t.text
	for {
		open := strings.IndexByte(rest, '{')
		if open < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := strings.IndexByte(rest, '}')
		b.WriteString(rest[:open])
		b.WriteString(value(strings.TrimSuffix(rest[open+1:end], "...")))
		rest = rest[end+1:]
	}
}

// Match reports whether a concrete path, escaped as it was sent, is of this
// template.
func (t Template) Match(path string) bool {
	if !strings.HasPrefix(path, "/") {
		return false
	}
	parts := strings.Split(path[1:], "/")
	fixed := len(t.segs)
	if t.tail {
		fixed--
	}
	if len(parts) < fixed || !t.tail && len(parts) > fixed {
		return false
	}
	for i, s := range t.segs[:fixed] {
		if !s.match(parts[i]) {
			return false
		}
	}
	return !t.tail || len(parts) > fixed
}

func (s segment) match(part string) bool {
	if lit, ok := s.literal(); ok {
		return lit == part
	}
	n := len(s.lits)
	rest, ok := strings.CutPrefix(part, s.lits[0])
	if !ok || !strings.HasSuffix(rest, s.lits[n-1]) {
		return false
	}
	rest = rest[:len(rest)-len(s.lits[n-1])]
	for _, lit := range s.lits[1 : n-1] {
		if rest == "" {
			return false
		}
		i := strings.Index(rest[1:], lit)
		if i < 0 {
			return false
		}
		rest = rest[1+i+len(lit):]
	}
	return rest != ""
}

// Overlaps reports whether some concrete path is of both templates. For segments
// that mix literals and parameters it may say yes where no path exists, never no
// where one does.
func (t Template) Overlaps(u Template) bool {
	for i := 0; ; i++ {
		tTail := t.tail && i >= len(t.segs)-1
		uTail := u.tail && i >= len(u.segs)-1
		switch {
		case tTail && (uTail || i < len(u.segs)), uTail && i < len(t.segs):
			return true
		case tTail || uTail: // the other one has ended before the tail begins
			return false
		case i == len(t.segs) || i == len(u.segs):
			return len(t.segs) == len(u.segs)
		}
		if !t.segs[i].overlaps(u.segs[i]) {
			return false
		}
	}
}

func (s segment) overlaps(o segment) bool {
	a, aLit := s.literal()
	b, bLit := o.literal()
	switch {
	case aLit && bLit:
		return a == b
	case aLit:
		return o.match(a)
	case bLit:
		return s.match(b)
	}
	p, q := s.lits[0], o.lits[0]
	x, y := s.lits[len(s.lits)-1], o.lits[len(o.lits)-1]
	return (strings.HasPrefix(p, q) || strings.HasPrefix(q, p)) &&
		(strings.HasSuffix(x, y) || strings.HasSuffix(y, x))
}

// Concrete reports whether the template has no parameters.
func (t Template) Concrete() bool { return !strings.Contains(t.text, "{") }

// EndpointKey returns the identity of an endpoint: its method in upper case and its
// path with parameter names removed. Paths that are not templates stand for
// themselves.
func EndpointKey(method, path string) string {
	if t, err := ParseTemplate(path); err == nil {
		path = t.Key()
	}
	return strings.ToUpper(method) + " " + path
}

// AnyMethod is the method of a row that covers every method. YAML cannot begin a
// plain key with "*", so catalog files write ANY.
const AnyMethod = "*"

// ParseMethod reads the method of a catalog row: an HTTP token in any case, or ANY.
func ParseMethod(s string) (string, error) {
	m := strings.ToUpper(s)
	if m == "ANY" || m == AnyMethod {
		return AnyMethod, nil
	}
	if m == "" || strings.ContainsFunc(m, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' && r != '_' }) {
		return "", fmt.Errorf("%q is not an HTTP method", s)
	}
	return m, nil
}
