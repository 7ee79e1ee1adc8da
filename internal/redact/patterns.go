package redact

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// Lengths of secrets, in characters.
const (
	// Long is the length from which on a secret is replaced wherever it stands. Shorter ones are
	// replaced as whole tokens.
	Long = 8
	// backwards is the length from which on a secret is looked for backwards too.
	backwards = 12
	// encodedShort is the length from which on a short secret is looked for in base64 and hex:
	// what is shorter has forms that are numbers and words.
	encodedShort = 4
)

// maxPattern bounds how much of a pattern is looked for, in bytes: what goes on like a secret from
// there on belongs to it. It bounds the work on a text that is nearly a secret everywhere.
const maxPattern = 512

// A pattern is one way to write a secret, apart from escapes.
type pattern struct {
	of   *entry
	form string // "": as it is
	text string
	fold bool // in any case
	// head and tail say that the characters of base64 before and after hold some bits of the
	// secret and some of others.
	base64, head, tail bool
}

// token reports whether the pattern counts only where it stands as a whole token.
func (p *pattern) token() bool { return p.of.short && len(p.text) < backwards }

// patterns are all ways to write a secret. The first that is equal to another counts.
func patterns(e *entry) []*pattern {
	value := e.secret
	n := utf8.RuneCountInString(value)
	fold := n >= Long // names of headers come in another case than they were sent
	var list []*pattern
	add := func(p pattern) {
		same := func(q *pattern) bool { return q.text == p.text }
		if p.text != "" && !slices.ContainsFunc(list, same) {
			p.of = e
			list = append(list, &p)
		}
	}
	add(pattern{text: value, fold: fold})
	if e.short && n < encodedShort {
		return list
	}
	if n >= backwards {
		add(pattern{form: "reversed", text: reversed(value), fold: true})
		if strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
			add(pattern{form: "upper", text: strings.ToUpper(value), fold: true})
			add(pattern{form: "lower", text: strings.ToLower(value), fold: true})
			add(pattern{form: "reversed.upper", text: strings.ToUpper(reversed(value)), fold: true})
			add(pattern{form: "reversed.lower", text: strings.ToLower(reversed(value)), fold: true})
		}
	}
	encoded(add, "", value, e.short)
	if escaped := url.QueryEscape(value); escaped != value {
		encoded(add, ".escaped", escaped, e.short) // RFC 6749, section 2.3.1
	}
	add(pattern{form: "hex", text: hex.EncodeToString([]byte(value)), fold: true})
	if decoded := unescaped(value); !e.short && utf8.RuneCountInString(decoded) >= Long {
		add(pattern{form: "unescaped", text: decoded, fold: fold})
	}
	return list
}

// logins are the ways to write a secret together with who signs in, as Basic authentication does.
func logins(e *entry, user string) []*pattern {
	var list []*pattern
	for _, a := range alphabets {
		text := a.encoding.EncodeToString([]byte(user + ":" + e.secret))
		if len(list) == 0 || list[0].text != text {
			list = append(list, &pattern{of: e, form: a.name + ".login", text: text, base64: true})
		}
	}
	return list
}

// alphabets are those of base64 (RFC 4648, sections 4 and 5).
var alphabets = []struct {
	name     string
	encoding *base64.Encoding
}{{"base64", base64.RawStdEncoding}, {"base64url", base64.RawURLEncoding}}

// encoded adds a text in base64, at each of the three places that it may have in what was encoded.
func encoded(add func(pattern), what, text string, short bool) {
	for _, a := range alphabets {
		if short {
			// Where it stands alone, and as the user or the password alone of Basic.
			for _, whole := range []string{text, ":" + text, text + ":"} {
				add(pattern{form: a.name + what, text: a.encoding.EncodeToString([]byte(whole)), base64: true})
			}
			continue
		}
		for before := range 3 {
			all := a.encoding.EncodeToString([]byte("\x00\x00"[:before] + text))
			from, to := (8*before+5)/6, 8*(before+len(text))/6
			form := a.name + what
			if before > 0 {
				form += "." + string(rune('0'+before))
			}
			add(pattern{form: form, text: all[from:to], base64: true, head: 8*before%6 != 0, tail: 8*(before+len(text))%6 != 0})
		}
	}
}

// reversed is a text from its last character to its first.
func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// unescaped is a text with its own escapes decoded once.
func unescaped(s string) string {
	v := view{text: s}
	if d, ok := v.decoded(); ok {
		return d.text
	}
	return s
}

// A node is one of a trie of patterns: each edge has a label of one or more bytes, folded.
type node struct {
	label string
	next  []*node
	ends  []*pattern
}

// insert puts a pattern below a node, from a place of its folded text on, which the label of the
// node begins.
func (n *node) insert(key string, p *pattern) {
	same := 0
	for same < len(key) && same < len(n.label) && key[same] == n.label[same] {
		same++
	}
	if same < len(n.label) { // the label is cut in two
		rest := &node{label: n.label[same:], next: n.next, ends: n.ends}
		n.label, n.next, n.ends = n.label[:same], []*node{rest}, nil
	}
	key = key[same:]
	if key == "" {
		n.ends = append(n.ends, p)
		return
	}
	for _, c := range n.next {
		if c.label[0] == key[0] {
			c.insert(key, p)
			return
		}
	}
	n.next = append(n.next, &node{label: key, ends: []*pattern{p}})
}

// any is some pattern that a node leads to.
func (n *node) any() *pattern {
	for len(n.ends) == 0 {
		n = n.next[0]
	}
	return n.ends[0]
}

// A place is one in a trie: behind k bytes of a node's label.
type place struct {
	n *node
	k int
}

// step goes on by one byte, which is folded.
func (p place) step(c byte) (place, bool) {
	if p.k < len(p.n.label) {
		if p.n.label[p.k] != c {
			return p, false
		}
		return place{p.n, p.k + 1}, true
	}
	for _, next := range p.n.next {
		if next.label[0] == c {
			return place{next, 1}, true
		}
	}
	return p, false
}

// folding maps bytes to what they are looked for as: letters without their case, and a plus as the
// blank that it is in a query.
var folding = func() (f [256]byte) {
	for i := range f {
		f[i] = lower(byte(i))
	}
	f['+'] = ' '
	return f
}()

func folded(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = folding[c]
	}
	return string(b)
}

// window is how many bytes of a text are looked at together.
const window = 8

// filterBits is the size of the filter, as a power of two: 32 kB, which fit in a fast cache.
const filterBits = 18

// An index finds the patterns that begin with the bytes of a window.
type index struct {
	filter [1 << (filterBits - 6)]uint64
	roots  map[uint64]*node
}

// slot is where a window is in the filter.
func slot(w uint64) uint64 { return (w * 0x9e3779b97f4a7c15) >> (64 - filterBits) }

func (x *index) add(p *pattern) {
	key := folded(p.text[:min(len(p.text), maxPattern)])
	var w uint64
	for _, c := range []byte(key[:window]) {
		w = w<<8 | uint64(c)
	}
	if x.roots == nil {
		x.roots = map[uint64]*node{}
	}
	root := x.roots[w]
	if root == nil {
		root = &node{label: key}
		x.roots[w] = root
	}
	root.insert(key, p)
	s := slot(w)
	x.filter[s>>6] |= 1 << (s & 63)
}

// root is the trie of the patterns that begin with a window; nil: there is none.
func (x *index) root(w uint64) *node {
	if s := slot(w); x.filter[s>>6]&(1<<(s&63)) == 0 {
		return nil
	}
	return x.roots[w]
}
