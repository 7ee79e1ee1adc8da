package strictyaml

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

// An Edit replaces the text of one scalar and leaves everything else of the file,
// comments and layout included, as it is.
type Edit struct {
	at   Node
	text string
	key  bool
}

// SetText returns the edit that makes the scalar's value text.
func (n Node) SetText(text string) Edit { return Edit{at: n, text: text} }

// SetKey is [Node.SetText] for the key of a mapping.
func (n Node) SetKey(text string) Edit { return Edit{at: n, text: text, key: true} }

// Apply returns data with the edits made. It leaves alone what it cannot replace
// without touching the layout: scalars of several lines, and values reached through
// an alias.
func Apply(data []byte, edits []Edit) []byte {
	lines := strings.SplitAfter(string(data), "\n")
	// From the end of a line to its beginning, so that columns stay right.
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b Edit) int {
		if d := b.at.n.Line - a.at.n.Line; d != 0 {
			return d
		}
		return b.at.n.Column - a.at.n.Column
	})
	for _, e := range edits {
		n := e.at.n
		if n.Kind != yaml.ScalarNode || n.Value == e.text || n.Line > len(lines) {
			continue
		}
		line := lines[n.Line-1]
		start := byteOffset(line, n.Column-1)
		end := scalarEnd(line, start, n.Value)
		if end < 0 {
			continue
		}
		text := quote(e.text, e.key, e.at.flow)
		lines[n.Line-1] = line[:start] + text + line[end:]
	}
	return []byte(strings.Join(lines, ""))
}

// byteOffset returns the offset of the given character of the line.
func byteOffset(line string, chars int) int {
	for i := range line {
		if chars == 0 {
			return i
		}
		chars--
	}
	return len(line)
}

// scalarEnd returns where the scalar that begins at start ends, or -1 when it does
// not end on this line.
func scalarEnd(line string, start int, value string) int {
	rest := line[start:]
	if rest == "" {
		return -1
	}
	switch rest[0] {
	case '\'':
		for i := 1; i < len(rest); i++ {
			if rest[i] == '\'' {
				if i+1 < len(rest) && rest[i+1] == '\'' {
					i++
					continue
				}
				return start + i + 1
			}
		}
		return -1
	case '"':
		for i := 1; i < len(rest); i++ {
			switch rest[i] {
			case '\\':
				i++
			case '"':
				return start + i + 1
			}
		}
		return -1
	}
	if !strings.HasPrefix(rest, value) {
		return -1
	}
	return start + len(value)
}

// QuoteKey returns text as it is written for the key of a block mapping: as it is, or
// quoted where it would be read as something else.
func QuoteKey(text string) string { return quote(text, true, false) }

// QuoteValue is [QuoteKey] for a value.
func QuoteValue(text string) string { return quote(text, false, false) }

// QuoteFlow is [QuoteValue] for a value inside {...} or [...].
func QuoteFlow(text string) string { return quote(text, false, true) }

func quote(text string, key, flow bool) string {
	if plainScalar(text, key, flow) {
		return text
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		b, err := json.Marshal(text) // a JSON string is a double-quoted YAML scalar
		if err == nil {
			return string(b)
		}
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// plainScalar reports whether text can be written without quotes, as a key or a
// value, inside a flow collection or not.
func plainScalar(text string, key, flow bool) bool {
	source, at := "k: "+text, 1
	if key {
		source, at = text+": k", 0
	}
	if flow {
		source = "{" + source + "}"
	}
	var n yaml.Node
	if yaml.Unmarshal([]byte(source), &n) != nil || len(n.Content) != 1 || len(n.Content[0].Content) != 2 {
		return false
	}
	got := n.Content[0].Content[at]
	return got.Kind == yaml.ScalarNode && got.Value == text && got.ShortTag() == "!!str"
}

// An Entry is one entry of a mapping, to be written. Key and Value are their texts, not
// quoted yet.
type Entry struct {
	Key, Value string
	Comment    string // of the rest of the line; left out inside {...}
}

func (e Entry) block(indent int) string {
	line := strings.Repeat(" ", indent) + QuoteKey(e.Key) + ":"
	if e.Value != "" {
		line += " " + QuoteValue(e.Value)
	}
	if e.Comment != "" {
		line += "  # " + e.Comment
	}
	return line + "\n"
}

func (e Entry) flow() string {
	text := quote(e.Key, true, true) + ": "
	if e.Value != "" {
		text += QuoteFlow(e.Value)
	}
	return text
}

// InsertAfter returns data with entries behind that of the pair, in the same mapping and
// in its style: lines of their own, or inside {...}. Comments stay with what they
// precede.
func InsertAfter(data []byte, p Pair, entries []Entry) []byte {
	if p.Key.flow {
		at, _ := flowEnd(data, offset(data, p.Key.n))
		var b strings.Builder
		for _, e := range entries {
			b.WriteString(", " + e.flow())
		}
		return slices.Concat(data[:at], []byte(b.String()), data[at:])
	}
	return insertLines(data, p.lastLine(data), p.Key.n.Column-1, entries)
}

// InsertInto returns data with entries in the pair's value: a mapping without entries, or
// nothing at all.
func InsertInto(data []byte, p Pair, entries []Entry) []byte {
	if p.Value.IsMap() { // {}
		at := offset(data, p.Value.n) + 1
		texts := make([]string, len(entries))
		for i, e := range entries {
			texts[i] = e.flow()
		}
		return slices.Concat(data[:at], []byte(strings.Join(texts, ", ")), data[at:])
	}
	return insertLines(data, p.Key.n.Line, p.Key.n.Column+1, entries)
}

func insertLines(data []byte, after, indent int, entries []Entry) []byte {
	lines := strings.SplitAfter(string(data), "\n")
	var b strings.Builder
	for i, line := range lines {
		b.WriteString(line)
		if i+1 != after {
			continue
		}
		if !strings.HasSuffix(line, "\n") {
			b.WriteByte('\n')
		}
		for _, e := range entries {
			b.WriteString(e.block(indent))
		}
	}
	return []byte(b.String())
}

// Delete returns data without the pair's entry. Comments on lines of their own stay.
func Delete(data []byte, p Pair) []byte {
	if p.Key.flow {
		start := offset(data, p.Key.n)
		end, last := flowEnd(data, start)
		if last {
			for start > 0 && strings.IndexByte(" \n", data[start-1]) >= 0 {
				start--
			}
			if start > 0 && data[start-1] == ',' {
				start--
			}
		} else {
			for end++; end < len(data) && data[end] == ' '; end++ {
			}
		}
		return slices.Concat(data[:start], data[end:])
	}
	lines := strings.SplitAfter(string(data), "\n")
	first, last := p.Key.n.Line-1, p.lastLine(data)
	return []byte(strings.Join(slices.Concat(lines[:first], lines[last:]), ""))
}

// lastLine returns the last line of the pair's entry in a block mapping: the last one
// with text before the next node that is no part of it.
func (p Pair) lastLine(data []byte) int {
	last := p.Key.n.Line
	own := map[*yaml.Node]bool{}
	walk(p.Value.n, func(n *yaml.Node) {
		own[n] = true
		last = max(last, n.Line)
	})
	own[p.Key.n] = true
	lines := strings.Split(string(data), "\n")
	next := len(lines) + 1
	walk(p.Key.doc.Root.n, func(n *yaml.Node) {
		if !own[n] && n.Line > last {
			next = min(next, n.Line)
		}
	})
	for i := min(next-1, len(lines)); i > last; i-- {
		if text := strings.TrimSpace(lines[i-1]); text != "" && text[0] != '#' {
			return i
		}
	}
	return last
}

func walk(n *yaml.Node, visit func(*yaml.Node)) {
	if n == nil {
		return
	}
	visit(n)
	for _, c := range n.Content {
		walk(c, visit)
	}
}

// offset returns where the node begins in data.
func offset(data []byte, n *yaml.Node) int {
	at := 0
	for i, line := range strings.SplitAfter(string(data), "\n") {
		if i+1 == n.Line {
			return at + byteOffset(line, n.Column-1)
		}
		at += len(line)
	}
	return at
}

// flowEnd returns where the entry that begins at start ends inside {...}, without blanks
// behind it, and whether it is the last one.
func flowEnd(data []byte, start int) (end int, last bool) {
	depth, token := 0, true // token: a new scalar may begin here
	for i := start; i < len(data); i++ {
		c := data[i]
		switch {
		case token && (c == '"' || c == '\''):
			for i++; i < len(data) && data[i] != c; i++ {
				if c == '"' && data[i] == '\\' {
					i++
				}
			}
			if c == '\'' && i+1 < len(data) && data[i+1] == '\'' {
				continue // '' inside: what follows is read as the rest of the text
			}
			token = false
		case c == '#' && i > 0 && (data[i-1] == ' ' || data[i-1] == '\n'):
			for i < len(data) && data[i] != '\n' {
				i++
			}
		case c == '{' || c == '[':
			depth++
			token = true
		case depth == 0 && (c == ',' || c == '}'):
			end = i
			for end > start && (data[end-1] == ' ' || data[end-1] == '\n') {
				end--
			}
			if c == ',' {
				return i, false
			}
			if data[end-1] == ':' { // {a: }, whose blank belongs to a
				end = i
			}
			return end, true
		case c == '}' || c == ']':
			depth--
		case c == ',' || c == ':':
			token = true
		case c != ' ' && c != '\n':
			token = false
		}
	}
	return len(data), true
}
