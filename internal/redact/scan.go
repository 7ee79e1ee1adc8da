package redact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxLayers is how many layers of escapes are decoded.
const maxLayers = 3

// maxReadings bounds the readings of a text that are followed side by side.
const maxReadings = 64

// A hit is a place of a text where a secret stands.
type hit struct {
	start, end int
	p          *pattern
	shape      uint32 // of its spelling; 0: as the pattern has it
	cut        bool   // the text was cut off within it
}

// A scanner looks for secrets in one view of a text.
type scanner struct {
	s *Set
	v *view
	t string
	// end is where a text ends that was cut off there, which "..." says; -1: it was not.
	end  int
	hits []hit
	dec  []byte // what was read on the way to a place of the trie
	best hit
}

// find returns the places of all secrets in a text, in order. tokens says whether short secrets
// count.
func (s *Set) find(text string, tokens bool) []hit {
	v := view{text: text}
	var all []hit
	for layer := 0; ; layer++ {
		sc := scanner{s: s, v: &v, t: v.text, end: -1}
		for _, dots := range []string{"...", "…"} {
			if strings.HasSuffix(sc.t, dots) {
				sc.end = len(sc.t) - len(dots)
			}
		}
		sc.long()
		if tokens && len(s.short.next) > 0 {
			sc.tokens()
		}
		all = append(all, sc.hits...)
		next, ok := v.decoded()
		if !ok || layer == maxLayers {
			break
		}
		v = next
	}
	if len(all) > 1 {
		slices.SortStableFunc(all, func(a, b hit) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	}
	return all
}

// A reading is one way to read the bytes before a place of a text: some escapes decoded, some
// taken as they are.
type reading struct {
	at     int // the place
	w      uint64
	n      int // bytes in w
	raw    int // bytes since the last one that was decoded
	starts [window]int32
}

func (r *reading) push(c byte, start int) {
	copy(r.starts[:], r.starts[1:])
	r.starts[window-1] = int32(start)
	r.w = r.w<<8 | uint64(folding[c])
	r.n = min(r.n+1, window)
}

// long looks for the patterns that count wherever they stand.
func (c *scanner) long() {
	x, t := &c.s.long, c.t
	if len(x.roots) == 0 || len(t) < window {
		return
	}
	var w uint64
	var others []reading // besides the one that decodes nothing
	for i := 0; i < len(t); i++ {
		b := t[i]
		if isLead[b] {
			if u, ok := decode(t, i); ok {
				r := reading{w: w, n: min(i, window)}
				for k := range r.starts {
					r.starts[k] = int32(i - window + k)
				}
				others = c.follow(others, r, &u, i)
			}
		}
		if len(others) > 0 {
			others = c.advance(others, i)
		}
		w = w<<8 | uint64(folding[b])
		if s := slot(w); x.filter[s>>6]&(1<<(s&63)) != 0 && i >= window-1 {
			c.candidate(w, i-window+1)
		}
	}
}

// follow adds the reading that decodes an escape.
func (c *scanner) follow(list []reading, r reading, u *unit, at int) []reading {
	for _, b := range u.text[:u.n] {
		if r.push(b, at); r.n == window {
			c.candidate(r.w, int(r.starts[0]))
		}
	}
	r.at, r.raw = at+u.size, 0
	for i := range list {
		if list[i].at == r.at && list[i].w == r.w && list[i].n == r.n && list[i].starts == r.starts {
			return list
		}
	}
	if len(list) < maxReadings {
		list = append(list, r)
	}
	return list
}

// advance reads one byte on with the readings that are at a place.
func (c *scanner) advance(list []reading, i int) []reading {
	u, escape := unit{}, false
	if isLead[c.t[i]] {
		u, escape = decode(c.t, i)
	}
	for k := 0; k < len(list); k++ {
		if list[k].at != i {
			continue
		}
		if escape {
			list = c.follow(list, list[k], &u, i)
		}
		r := &list[k]
		if r.push(c.t[i], i); r.n == window {
			c.candidate(r.w, int(r.starts[0]))
		}
		r.at++
		if r.raw++; r.raw >= window { // the reading that decodes nothing is the same by now
			list = slices.Delete(list, k, k+1)
			k--
		}
	}
	return list
}

// candidate looks whether a pattern stands where a text has the first bytes of one.
func (c *scanner) candidate(w uint64, start int) {
	root := c.s.long.root(w)
	if root == nil {
		return
	}
	c.best, c.dec = hit{start: start, end: -1}, c.dec[:0]
	c.walk(place{root, 0}, start, 0)
	if c.best.end > 0 {
		c.take(c.best)
	}
}

// walk follows a text along the trie, in every way to read it.
func (c *scanner) walk(at place, i int, shape uint32) {
	for {
		if at.k == len(at.n.label) {
			c.ends(at.n, i, shape)
		}
		if i == c.end && i > c.best.end && len(c.dec) >= window {
			c.best.end, c.best.p, c.best.shape, c.best.cut = i, at.n.any(), uint32(len(c.dec)), true
		}
		if i >= len(c.t) {
			return
		}
		b := c.t[i]
		if isLead[b] {
			if u, ok := decode(c.t, i); ok {
				next, on, had := at, true, len(c.dec)
				for _, d := range u.text[:u.n] {
					if next, on = next.step(folding[d]); !on {
						break
					}
					c.dec = append(c.dec, d)
				}
				if on {
					c.walk(next, i+u.size, mix(mix(shape, uint32(had)+1), uint32(u.kind)))
				}
				c.dec = c.dec[:had]
			}
		}
		next, on := at.step(folding[b])
		if !on {
			return
		}
		at, i, c.dec = next, i+1, append(c.dec, b)
	}
}

// ends notes the patterns that end at a node.
func (c *scanner) ends(n *node, i int, shape uint32) {
	if i <= c.best.end && !c.best.cut {
		return
	}
	for _, p := range n.ends {
		spelling, ok := c.spelled(p, shape)
		if !ok || p.token() && !c.whole(p, c.best.start, i) {
			continue
		}
		end := i // of what may be longer than what is looked for
		if len(p.text) > maxPattern {
			end = c.further(p.text[maxPattern:], i)
		}
		c.best.end, c.best.p, c.best.shape, c.best.cut = end, p, spelling, false
		return
	}
}

// spelled reports whether what was read is a pattern, in a case that it may have, and adds to a
// hash where it has another.
func (c *scanner) spelled(p *pattern, shape uint32) (uint32, bool) {
	for k, read := range c.dec {
		switch want := p.text[k]; {
		case read == want:
		case p.fold || lower(read) != lower(want): // a plus and a blank are alike
			shape = mix(mix(shape, uint32(k)+1), 'c')
		default:
			return 0, false
		}
	}
	return shape, true
}

// further is how far a text goes on as a long pattern does.
func (c *scanner) further(rest string, i int) int {
	for rest != "" && i < len(c.t) {
		if folding[c.t[i]] == folding[rest[0]] {
			rest, i = rest[1:], i+1
			continue
		}
		if !isLead[c.t[i]] {
			break
		}
		u, ok := decode(c.t, i)
		if !ok || !strings.HasPrefix(rest, string(u.text[:u.n])) {
			break
		}
		rest, i = rest[u.n:], i+u.size
	}
	return i
}

// mix adds a number to a hash of spellings, which is never 0.
func mix(h, v uint32) uint32 { return (h^v)*16777619 | 1 }

// tokens looks for the patterns that count as whole tokens.
func (c *scanner) tokens() {
	for i := range len(c.t) {
		if !c.s.begins[c.t[i]] || i > 0 && isWord(c.t[i-1]) && isWord(c.t[i]) {
			continue
		}
		c.best, c.dec = hit{start: i, end: -1}, c.dec[:0]
		c.end = -1 // a token that was cut off is none
		c.walk(place{&c.s.short, 0}, i, 0)
		if c.best.end > 0 && !c.s.public(c.t, c.best.start, c.best.end) {
			c.take(c.best)
		}
	}
}

// whole reports whether no word goes on at the end of a token.
func (c *scanner) whole(p *pattern, start, end int) bool {
	after := end == len(c.t) || !isWord(c.t[end]) || !isWord(c.t[end-1])
	before := start == 0 || !isWord(c.t[start-1]) || !isWord(c.t[start])
	return before && after
}

// take notes a hit, at its place in the text that was given.
func (c *scanner) take(h hit) {
	start, end := h.start, h.end
	if h.p.base64 && !h.cut {
		// What the characters at the ends say besides tells one place from another.
		if h.p.head && start > 0 && isBase64(c.t[start-1]) {
			start--
			h.shape = mix(h.shape, uint32(c.t[start]))
		}
		if h.p.tail && end < len(c.t) && isBase64(c.t[end]) {
			h.shape = mix(h.shape, uint32(c.t[end])<<8)
			end++
		}
		for n := 0; n < 2 && end < len(c.t) && c.t[end] == '='; n++ {
			h.shape = mix(h.shape, '=')
			end++
		}
	}
	if !h.cut {
		h.shape = c.v.spelling(h.shape, h.start, h.end)
	}
	h.start, h.end = c.v.at(start), c.v.end(end)
	if n := len(c.hits); n > 0 { // the same over and over
		if last := &c.hits[n-1]; last.p == h.p && last.shape == h.shape && h.start >= last.start && h.start < last.end {
			last.end = max(last.end, h.end)
			return
		}
	}
	c.hits = append(c.hits, h)
}

func isBase64(c byte) bool { return isWord(c) && c < 0x80 || c == '+' || c == '/' || c == '-' }

// placeholder is what stands in the place of a hit.
func (h *hit) placeholder() string {
	var b strings.Builder
	b.WriteString(opening + h.p.of.name)
	if h.p.form != "" {
		b.WriteString(":" + h.p.form)
	}
	switch {
	case h.cut:
		fmt.Fprintf(&b, "~cut%d", h.shape)
	case h.shape != 0:
		fmt.Fprintf(&b, "~%04x", (h.shape^h.shape>>16)&0xffff)
	}
	b.WriteByte(']')
	return b.String()
}

// replace puts placeholders in the place of hits, which are in order. One within another is left
// out; where two overlap both stand there.
func replace(text string, hits []hit) string {
	var b strings.Builder
	from := 0 // of what is not written yet
	last := ""
	for _, h := range hits {
		if h.end <= from {
			continue
		}
		if h.start > from {
			b.WriteString(text[from:h.start])
		}
		if next := h.placeholder(); h.start >= from || next != last {
			b.WriteString(next)
			last = next
		}
		from = h.end
	}
	b.WriteString(text[from:])
	return b.String()
}
