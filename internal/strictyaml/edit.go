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
