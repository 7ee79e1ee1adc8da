package redact

import (
	"html"
	"strings"
	"unicode/utf8"
)

// isLead marks the bytes that may begin an escape.
var isLead = [256]bool{'%': true, '\\': true, '&': true}

// maxUnit bounds the bytes that one escape stands for.
const maxUnit = 8

// A unit is one escape of a text, decoded.
type unit struct {
	text [maxUnit]byte
	n    int  // bytes of text
	size int  // bytes of the escape
	kind byte // how it is written
}

func (u *unit) rune(r rune) { u.n = utf8.EncodeRune(u.text[:], r) }

// decode reads the escape that begins at a place of a text; ok is false where none does.
func decode(t string, at int) (u unit, ok bool) {
	switch t[at] {
	case '%':
		return decodePercent(t[at:])
	case '\\':
		return decodeBackslash(t[at:])
	case '&':
		return decodeEntity(t[at:])
	}
	return u, false
}

// decodePercent reads %41, and %u0041 as some servers write it.
func decodePercent(t string) (u unit, ok bool) {
	if v, ok := hexDigits(t, 1, 2); ok {
		u.text[0], u.n, u.size, u.kind = byte(v), 1, 3, 'P'+digitCase(t[1:3])
		return u, true
	}
	if len(t) > 1 && (t[1] == 'u' || t[1] == 'U') {
		if v, ok := hexDigits(t, 2, 4); ok {
			u.rune(rune(v))
			u.size, u.kind = 6, 'W'+digitCase(t[2:6])
			return u, true
		}
	}
	return u, false
}

// decodeBackslash reads the escapes of JSON, JavaScript and Go, and a mark that is escaped, as
// markdown and shells have it.
func decodeBackslash(t string) (u unit, ok bool) {
	if len(t) < 2 {
		return u, false
	}
	u.n, u.size, u.kind = 1, 2, 'B'
	switch c := t[1]; c {
	case 'u', 'U':
		v, ok := hexDigits(t, 2, 4)
		if !ok {
			return u, false
		}
		u.size, u.kind = 6, 'J'+digitCase(t[2:6])
		if v >= 0xd800 && v < 0xdc00 && len(t) >= 12 && t[6] == '\\' && (t[7] == 'u' || t[7] == 'U') {
			if low, ok := hexDigits(t, 8, 4); ok && low >= 0xdc00 && low < 0xe000 {
				v, u.size = 0x10000+(v-0xd800)<<10+(low-0xdc00), 12
			}
		}
		u.rune(rune(v))
	case 'x':
		v, ok := hexDigits(t, 2, 2)
		if !ok {
			return u, false
		}
		u.text[0], u.size, u.kind = byte(v), 4, 'X'+digitCase(t[2:4])
	case 'b':
		u.text[0] = '\b'
	case 'f':
		u.text[0] = '\f'
	case 'n':
		u.text[0] = '\n'
	case 'r':
		u.text[0] = '\r'
	case 't':
		u.text[0] = '\t'
	default:
		if c <= ' ' || c >= 0x7f || isWord(c) {
			return u, false
		}
		u.text[0] = c
	}
	return u, true
}

// maxEntity bounds an HTML entity; the longest name has 31 letters.
const maxEntity = 34

// decodeEntity reads &amp; &#38; &#x26; and all other entities of HTML.
func decodeEntity(t string) (u unit, ok bool) {
	t = t[:min(len(t), maxEntity)]
	u.kind = 'E'
	if len(t) > 2 && t[1] == '#' {
		digits, base, at := "0123456789", rune(10), 2
		if t[2] == 'x' || t[2] == 'X' {
			digits, base, at, u.kind = "0123456789abcdef", 16, 3, 'H'
		}
		from, v := at, rune(0)
		for at < len(t) && v <= utf8.MaxRune {
			d := strings.IndexByte(digits, lower(t[at]))
			if d < 0 {
				break
			}
			v, at = v*base+rune(d), at+1
		}
		if at == from || v == 0 || v > utf8.MaxRune {
			return u, false
		}
		u.kind += digitCase(t[from:at]) + byte(at-from)<<3 // with zeros in front it is another text
		if at < len(t) && t[at] == ';' {
			at++
			u.kind ^= 4
		}
		if t[2] == 'X' {
			u.kind ^= 0x80
		}
		u.rune(v)
		u.size = at
		return u, true
	}
	end := strings.IndexByte(t, ';')
	if end < 2 {
		return u, false
	}
	text := html.UnescapeString(t[:end+1])
	if len(text) > maxUnit || text == t[:end+1] || strings.HasSuffix(text, ";") {
		return u, false // a name that is none, or one that ends before
	}
	u.n, u.size, u.kind = copy(u.text[:], text), end+1, 'N'
	return u, true
}

// hexDigits reads n hex digits at a place of a text.
func hexDigits(t string, at, n int) (v int, ok bool) {
	if len(t) < at+n {
		return 0, false
	}
	for _, c := range []byte(t[at : at+n]) {
		d := strings.IndexByte("0123456789abcdef", lower(c))
		if d < 0 {
			return 0, false
		}
		v = v<<4 | d
	}
	return v, true
}

// digitCase tells digits that are written in other case apart: 0 to 3.
func digitCase(digits string) (c byte) {
	for _, d := range []byte(digits) {
		if d >= 'a' {
			c |= 1
		} else if d >= 'A' {
			c |= 2
		}
	}
	return c
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// isWord reports whether a byte belongs to a word; those of all that is not ASCII do.
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// A view is a text as it reads when its escapes are decoded.
type view struct {
	text string
	// from maps each byte of text to where it begins in the text that was given, and the end to
	// its end; nil: it is that text.
	from []int32
	// kinds tell how each byte was written; 0: as it is. nil: all of them are.
	kinds []uint32
}

// at is where a place of the view is in the text that was given.
func (v *view) at(i int) int {
	if v.from == nil {
		return i
	}
	return int(v.from[i])
}

// end is where the byte before a place of the view ends in the text that was given.
func (v *view) end(i int) int {
	if v.from == nil {
		return i
	}
	for i < len(v.from)-1 && v.from[i] == v.from[i-1] {
		i++ // an escape that stands for several bytes is taken whole
	}
	return int(v.from[i])
}

// spelling adds to a hash how the bytes from one place to another were written.
func (v *view) spelling(h uint32, from, to int) uint32 {
	if v.kinds == nil {
		return h
	}
	for i, kind := range v.kinds[from:to] {
		if kind != 0 {
			h = mix(mix(h, uint32(i)+1), kind)
		}
	}
	return h
}

// decoded is the view with one more layer of escapes decoded; ok is false where it has none.
func (v *view) decoded() (out view, ok bool) {
	t := v.text
	first := strings.IndexAny(t, `%\&`)
	for first >= 0 {
		if _, is := decode(t, first); is {
			break
		}
		next := strings.IndexAny(t[first+1:], `%\&`)
		if next < 0 {
			return out, false
		}
		first += 1 + next
	}
	if first < 0 {
		return out, false
	}
	b := make([]byte, 0, len(t))
	out.from, out.kinds = make([]int32, 0, len(t)+1), make([]uint32, 0, len(t))
	add := func(c byte, i int, kind uint32) {
		b, out.from, out.kinds = append(b, c), append(out.from, int32(v.at(i))), append(out.kinds, kind)
	}
	for i := 0; i < len(t); {
		if isLead[t[i]] {
			if u, is := decode(t, i); is {
				kind := v.spelling(uint32(u.kind), i, i+u.size)
				for _, c := range u.text[:u.n] {
					add(c, i, kind)
				}
				i += u.size
				continue
			}
		}
		add(t[i], i, v.spelling(0, i, i+1))
		i++
	}
	out.from = append(out.from, int32(v.at(len(t))))
	out.text = string(b)
	return out, true
}
