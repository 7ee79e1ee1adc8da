package openapi

import (
	"bytes"
	"slices"
	"strings"
)

// Nine tenths of a document in YAML are schemas, examples and prose, which say nothing
// about access but cost as much to parse as the rest. prune blanks them in the text
// before it is parsed; every line that is left keeps its number.
//
// It knows only the block style that nearly all documents are written in, and gives up on
// what it cannot follow by indentation, quotes and brackets: tags, tabs, complex keys, line
// breaks that only YAML knows, a second document; and on aliases that may stand for
// something that was left out. Then, and whenever what is read from the rest is not
// entirely clean (a reference into what was left out, say), the whole text is parsed.
// FuzzPrune holds the two readings against each other.

func words(list string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(list) {
		m[w] = true
	}
	return m
}

var (
	droppedAtRoot     = words("info tags externalDocs definitions parameters responses")
	droppedComponents = words("schemas responses parameters examples requestBodies headers links")
	// Members of operations and of path items.
	droppedOperation = words("responses requestBody parameters description summary externalDocs x-codeSamples")
)

// maxLevels bounds how deep the keys may be that are followed.
const maxLevels = 1000

// prune returns the text without what says nothing about access. It returns nil where
// there is nothing to leave out, and where it gives up, with the line if it is one.
// Members of operations whose names keep holds stay.
func prune(data []byte, keep map[string]bool) (rest []byte, line int) {
	for _, br := range []string{"\u0085", "\u2028", "\u2029"} {
		if i := bytes.Index(data, []byte(br)); i >= 0 {
			return nil, 1 + bytes.Count(data[:i], []byte("\n"))
		}
	}
	p := pruner{data: data, keep: keep, scalar: -1, out: make([]byte, 0, len(data)/8)}
	begun := 0 // line of what is open
	for n := 1; p.next < len(data); n++ {
		if !p.open.any() {
			begun = n
		}
		if !p.line() || len(p.path) > maxLevels {
			return nil, begun
		}
	}
	switch {
	case p.open.any():
		return nil, begun
	case p.dropped == 0, p.anchors && (p.aliases || p.open.aliases):
		return nil, 0
	}
	if !bytes.HasSuffix(data, []byte("\n")) {
		// A text in a block has the line break that stands behind it, or none.
		p.out = bytes.TrimSuffix(p.out, []byte("\n"))
	}
	return p.out, 0
}

type pruner struct {
	data    []byte
	next    int // offset of the next line
	out     []byte
	keep    map[string]bool
	path    []level // the keys that the current line is below
	dropped int

	// dropping says that lines below the column floor belong to what is left out;
	// items that items at the very column do too.
	dropping bool
	floor    int
	items    bool

	anchors bool // what is left out has anchors
	aliases bool // what stays has aliases
	content bool // a line that is no comment has been seen
	scalar  int  // column that the lines of a text are deeper than; -1: there is none
	open    open // a quoted text or a flow collection that goes on
	inner   int  // column that the lines of open must be deeper than
}

// A level is a key, or the "-" of a list, and its column.
type level struct {
	column   int
	key      []byte
	explicit bool // written behind "?"
}

var dash = []byte("-")

func (l level) isItem() bool { return len(l.key) == 1 && l.key[0] == '-' }

// line takes one line. It returns false where the text is not understood.
func (p *pruner) line() bool {
	start, end := p.next, len(p.data)
	if i := bytes.IndexByte(p.data[start:], '\n'); i >= 0 {
		end = start + i + 1
	}
	p.next = end
	line := bytes.TrimSuffix(bytes.TrimSuffix(p.data[start:end], []byte("\n")), []byte("\r"))
	if bytes.IndexByte(line, '\r') >= 0 {
		return false // a line break of its own
	}
	column := 0
	for column < len(line) && line[column] == ' ' {
		column++
	}
	text := line[column:]
	blank := len(bytes.Trim(text, " \t")) == 0
	if p.open.any() {
		if !blank && column <= p.inner {
			return false
		}
		p.write(line)
		return p.open.feed(text)
	}
	if p.scalar >= 0 {
		if blank || column > p.scalar {
			p.write(line)
			return true
		}
		p.scalar = -1
	}
	if blank || text[0] == '#' {
		p.write(line)
		return true
	}
	first := !p.content
	p.content = true
	if first && bytes.HasPrefix(line, []byte("---")) && (len(line) == 3 || line[3] == ' ' && ends(line[3:])) {
		p.write(line)
		return true
	}
	if text[0] == '\t' || column == 0 && (text[0] == '%' || bytes.HasPrefix(text, []byte("---")) || bytes.HasPrefix(text, []byte("..."))) {
		return false
	}
	if p.dropping && column <= p.floor && !(p.items && column == p.floor && isItem(text)) {
		p.dropping = false
	}
	isValue := text[0] == ':' && (len(text) == 1 || text[1] == ' ') // of a key behind "?"
	for n := len(p.path); n > 0 && p.path[n-1].column >= column && !(isValue && p.path[n-1].column == column); n-- {
		p.path = p.path[:n-1]
	}
	if isValue {
		if n := len(p.path); n == 0 || p.path[n-1].column != column || !p.path[n-1].explicit {
			return false
		}
		rest := bytes.TrimLeft(text[1:], " ")
		column += len(text) - len(rest)
		if text = rest; len(text) == 0 || text[0] == '#' {
			p.write(line)
			return true
		}
	}
	for isItem(text) && len(p.path) <= maxLevels {
		p.path = append(p.path, level{column: column, key: dash})
		rest := bytes.TrimLeft(text[1:], " ")
		column += len(text) - len(rest)
		if text = rest; len(text) == 0 || text[0] == '#' {
			p.write(line)
			return true
		}
	}
	if key, ok := bytes.CutPrefix(text, []byte("? ")); ok {
		if key = bytes.TrimLeft(key, " "); len(key) == 0 {
			return false
		}
		_, _, isKey, ok := splitKey(key)
		p.write(line)
		p.path = append(p.path, level{column: column, key: key, explicit: true})
		return ok && !isKey && strings.IndexByte("\"'[{|>*# ", key[0]) < 0 && p.value(key, column)
	}
	rest := p.anchor(text)
	if len(rest) == 0 {
		p.write(line)
		return true
	}
	key, value, isKey, ok := splitKey(rest)
	if !ok {
		return false
	}
	if !isKey { // an item, or text that is all there is
		p.write(line)
		return p.value(rest, column)
	}
	if !p.dropping && p.drops(key) {
		p.dropped++
		p.dropping, p.floor = true, column
		p.items = len(value) == 0 || value[0] == '#'
		// The key stays without its value, so that one that is there twice is noticed.
		p.out = append(append(p.out, line[:len(line)-len(value)]...), '\n')
	} else {
		p.write(line)
	}
	p.path = append(p.path, level{column: column, key: key})
	return p.value(value, column)
}

// value looks at what stands behind a key or as an item, at or behind a column. A text,
// plain or in a block, goes on in the lines that are deeper than its key or its "-".
func (p *pruner) value(text []byte, column int) bool {
	if n := len(p.path); n > 0 {
		column = p.path[n-1].column
	}
	if text = p.anchor(text); len(text) == 0 {
		return true
	}
	switch text[0] {
	case '#':
	case '*':
		p.aliases = p.aliases || !p.dropping
	case '&', '!', '?', '@', '`', '%', ',':
		return false
	case '|', '>':
		header := bytes.TrimLeft(text[1:], "+-123456789")
		if !ends(header) {
			return false
		}
		p.scalar = column
	case '"', '\'', '[', '{':
		p.inner = column
		return p.open.feed(text)
	default:
		p.scalar = column
	}
	return true
}

// anchor returns the text behind an anchor, which an alias in what stays might mean.
func (p *pruner) anchor(text []byte) []byte {
	if len(text) == 0 || text[0] != '&' {
		return text
	}
	p.anchors = p.anchors || p.dropping
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		return bytes.TrimLeft(text[i:], " ")
	}
	return nil
}

func (p *pruner) write(line []byte) {
	if !p.dropping {
		p.out = append(p.out, line...)
	}
	p.out = append(p.out, '\n')
}

// drops reports whether the value of a key below the current path says nothing about
// access.
func (p *pruner) drops(key []byte) bool {
	at := p.path
	if len(at) > 3 || slices.ContainsFunc(at, level.isItem) {
		return false
	}
	switch len(at) {
	case 0:
		return droppedAtRoot[string(key)]
	case 1:
		return string(at[0].key) == "components" && droppedComponents[string(key)]
	case 3: // of an operation; what else a path item holds may name anything so
		if !slices.Contains(methods, strings.ToLower(string(at[2].key))) {
			return false
		}
	}
	return (string(at[0].key) == "paths" || string(at[0].key) == "webhooks") && droppedOperation[string(key)] && !p.keep[string(key)]
}

func isItem(text []byte) bool {
	return text[0] == '-' && (len(text) == 1 || text[1] == ' ')
}

// splitKey splits a line into key and value, if it has a key.
func splitKey(text []byte) (key, value []byte, isKey, ok bool) {
	end := 0
	switch text[0] {
	case '&', '!', '?', '@', '`', '%', ',':
		return nil, nil, false, false
	case '[', '{', '|', '>', '*':
		return nil, nil, false, true
	case '"', '\'':
		if end = closing(text, 1, text[0]); end < 0 {
			return nil, nil, false, true // a text that goes on in the next line
		}
		rest := bytes.TrimLeft(text[end:], " ")
		if len(rest) == 0 || rest[0] != ':' {
			return nil, nil, false, true
		}
		key = text[1 : end-1]
		end = len(text) - len(rest)
		if bytes.ContainsAny(key, `\'"`) || end+1 < len(text) && text[end+1] != ' ' {
			return nil, nil, false, false
		}
	default:
		for ; ; end++ {
			i := bytes.IndexByte(text[end:], ':')
			if i < 0 {
				return nil, nil, false, true
			}
			if end += i; end+1 == len(text) || text[end+1] == ' ' {
				break
			}
			if text[end+1] == '\t' {
				return nil, nil, false, false
			}
		}
		if bytes.Contains(text[:end], []byte(" #")) {
			return nil, nil, false, true // in a comment
		}
		key = bytes.TrimRight(text[:end], " ")
	}
	value = bytes.TrimLeft(text[end+1:], " ")
	return key, value, true, len(value) == 0 || value[0] != '\t'
}

// closing returns the offset behind a quoted text that has begun before offset i, or -1
// if it goes on in the next line.
func closing(text []byte, i int, quote byte) int {
	for ; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] == quote && quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return -1
}

// open is a quoted text or a flow collection that may go on in the next line.
type open struct {
	quote byte
	depth int
	prev  byte // last character of a flow collection that is no space
	// aliases says that some flow collection has an alias.
	aliases bool
}

func (o *open) any() bool { return o.quote != 0 || o.depth > 0 }

// feed takes one more line. It returns false where it does not understand it.
func (o *open) feed(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if o.quote != 0 {
			if i = closing(text, i, o.quote); i < 0 {
				return true
			}
			o.quote, o.prev = 0, '"'
			if o.depth == 0 {
				return ends(text[i:])
			}
			if i == len(text) {
				break
			}
		}
		c := text[i]
		// Where a value begins. Right behind a colon it may be part of a plain text.
		first := o.depth == 0 || strings.IndexByte("[{,:", o.prev) >= 0 && (i == 0 || text[i-1] != ':')
		switch c {
		case ' ':
			continue
		case '\t', '&', '!':
			return false
		case '*':
			o.aliases = o.aliases || first
		case '#':
			if i == 0 || strings.IndexByte(" [{,:]}\"'", text[i-1]) >= 0 {
				return false
			}
		case '"', '\'':
			if !first {
				return false
			}
			o.quote = c
		case '[', '{':
			if !first {
				return false
			}
			o.depth++
		case ']', '}':
			if o.depth--; o.depth == 0 {
				return ends(text[i+1:])
			}
		default:
			if o.depth == 0 {
				return false
			}
		}
		o.prev = c
	}
	return true
}

// ends reports whether nothing but a comment is left of a line.
func ends(rest []byte) bool {
	text := bytes.TrimLeft(rest, " ")
	return len(text) == 0 || text[0] == '#' && len(text) < len(rest)
}
