package strictyaml

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// MaxSize is the largest file that is read, in bytes.
const MaxSize = 32 << 20

// maxErrors bounds how many errors of one document are kept.
const maxErrors = 100

// An Error is one mistake in a file.
type Error struct {
	File         string
	Line, Column int // from 1; 0 when not known
	Msg          string
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.File + ": " + e.Msg
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

// Errors is every mistake found, ordered by file and position.
type Errors []*Error

func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// A Doc is one parsed document and the errors recorded against it.
type Doc struct {
	File string
	Root Node
	errs Errors
	more int // errors beyond maxErrors
}

// A Node is one value of a document.
type Node struct {
	doc  *Doc
	n    *yaml.Node
	flow bool // inside [...] or {...}
}

// A Pair is one entry of a mapping.
type Pair struct {
	Key   Node
	Name  string // the key's text
	Value Node
}

// Parse reads one YAML document. Syntax errors are returned at once, as [Errors].
func Parse(file string, data []byte) (*Doc, error) {
	fail := func(line, col int, format string, args ...any) (*Doc, error) {
		return nil, Errors{{File: file, Line: line, Column: col, Msg: fmt.Sprintf(format, args...)}}
	}
	if len(data) > MaxSize {
		return fail(0, 0, "file is larger than %d MB", MaxSize>>20)
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return fail(1+bytes.Count(data[:i], []byte("\n")), 0, "this is a binary file, not YAML")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return fail(0, 0, "file is empty")
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var root, second yaml.Node
	if err := dec.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			return fail(0, 0, "file holds no YAML document, only comments")
		}
		return nil, Errors{SyntaxError(file, data, err)}
	}
	if err := dec.Decode(&second); err == nil {
		return fail(second.Line, second.Column, "a second YAML document begins here: expected one document")
	} else if !errors.Is(err, io.EOF) {
		return nil, Errors{SyntaxError(file, data, err)}
	}
	d := &Doc{File: file}
	d.Root = Node{doc: d, n: &root}
	if root.Kind == yaml.DocumentNode {
		if len(root.Content) == 0 {
			return fail(0, 0, "file holds no YAML document, only comments")
		}
		d.Root = Node{doc: d, n: root.Content[0]}
	}
	return d, nil
}

// SyntaxError turns an error of the YAML library into one with a position, and
// says what is meant where a beginner would not guess it.
func SyntaxError(file string, data []byte, err error) *Error {
	e := &Error{File: file, Msg: strings.TrimPrefix(err.Error(), "yaml: ")}
	var load *yaml.LoadError
	if errors.As(err, &load) {
		e.Msg, e.Line, e.Column = load.Message, load.Mark.Line, load.Mark.Column
	}
	if rest, ok := strings.CutPrefix(e.Msg, "line "); ok {
		if num, msg, ok := strings.Cut(rest, ": "); ok {
			if n, convErr := strconv.Atoi(num); convErr == nil {
				e.Line, e.Msg = n, msg
			}
		}
	}
	if e.Line > 0 {
		lines := bytes.Split(data, []byte("\n"))
		if e.Line <= len(lines) {
			line := lines[e.Line-1]
			if indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; bytes.IndexByte(indent, '\t') >= 0 {
				e.Column = 1 + bytes.IndexByte(line, '\t')
				e.Msg = "a tab in the indentation: YAML indents with spaces only"
			}
		}
	}
	return e
}

// Err returns the recorded errors as [Errors], or nil.
func (d *Doc) Err() error {
	if len(d.errs) == 0 {
		return nil
	}
	es := slices.Clone(d.errs)
	es.sort()
	if d.more > 0 {
		es = append(es, &Error{File: d.File, Msg: fmt.Sprintf("%d more errors", d.more)})
	}
	return es
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Join merges the errors of several files, nil ones included, in order of file and
// position. Errors of other types stand first.
func Join(errs ...error) error {
	var all Errors
	var other []error
	for _, err := range errs {
		var es Errors
		switch {
		case err == nil:
		case errors.As(err, &es):
			all = append(all, es...)
		default:
			other = append(other, err)
		}
	}
	if len(other) > 0 {
		if len(all) > 0 {
			other = append(other, all)
		}
		return errors.Join(other...)
	}
	if len(all) == 0 {
		return nil
	}
	all.sort()
	return all
}

// Errorf records an error at the node.
func (n Node) Errorf(format string, args ...any) {
	n.ErrorAt(0, format, args...)
}

// ErrorAt records an error inside the node's text, offset characters from its
// beginning.
func (n Node) ErrorAt(offset int, format string, args ...any) {
	if len(n.doc.errs) == maxErrors {
		n.doc.more++
		return
	}
	if offset > 0 && n.n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		offset = 0
	}
	if n.n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && offset > 0 {
		offset++
	}
	n.doc.errs = append(n.doc.errs, &Error{n.doc.File, n.n.Line, n.n.Column + offset, fmt.Sprintf(format, args...)})
}

// File returns the name of the node's file.
func (n Node) File() string { return n.doc.File }

// Line returns the node's line, from 1.
func (n Node) Line() int { return n.n.Line }

// Column returns the node's column in characters, from 1.
func (n Node) Column() int { return n.n.Column }

// IsZero reports whether the node is absent (not the same as null).
func (n Node) IsZero() bool { return n.n == nil }

// resolve follows an alias. The YAML library has checked that it leads somewhere.
func (n Node) resolve() *yaml.Node {
	m := n.n
	for i := 0; m.Kind == yaml.AliasNode && i < 10; i++ {
		m = m.Alias
	}
	return m
}

// IsNull reports whether the value is null or left out after its key.
func (n Node) IsNull() bool {
	m := n.resolve()
	return m.Kind == yaml.ScalarNode && m.ShortTag() == "!!null"
}

// IsMap reports whether the value is a mapping.
func (n Node) IsMap() bool { return n.resolve().Kind == yaml.MappingNode }

// IsList reports whether the value is a list.
func (n Node) IsList() bool { return n.resolve().Kind == yaml.SequenceNode }

// Value is a scalar's text, whatever its type; empty for other nodes.
func (n Node) Value() string {
	if m := n.resolve(); m.Kind == yaml.ScalarNode {
		return m.Value
	}
	return ""
}

// Scalar is a scalar's value as JSON would have it: a string, int, float64, bool, or
// nil.
func (n Node) Scalar() any {
	m := n.resolve()
	var v any
	if m.Kind != yaml.ScalarNode || m.Decode(&v) != nil {
		return m.Value
	}
	switch v.(type) {
	case nil, bool, int, float64, string:
		return v
	}
	return m.Value // a date or another type that JSON has no form for
}

// describe names what stands at the node, for messages.
func (n Node) describe() string {
	m := n.resolve()
	switch m.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch m.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "the boolean " + Excerpt(m.Value)
	case "!!int", "!!float":
		return "the number " + Excerpt(m.Value)
	case "!!timestamp":
		return "the date " + Excerpt(m.Value)
	case "!!str":
		return fmt.Sprintf("%q", Excerpt(m.Value))
	}
	return fmt.Sprintf("a value of type %s", m.ShortTag())
}

// Text returns the node's text. Anything else than a non-empty string is an error;
// want says what was expected, such as "a permission".
func (n Node) Text(want string) (string, bool) {
	m := n.resolve()
	if m.Kind != yaml.ScalarNode || m.ShortTag() != "!!str" {
		hint := ""
		if m.Kind == yaml.ScalarNode && m.ShortTag() != "!!null" {
			hint = fmt.Sprintf("; if text is meant, quote it: %q", Excerpt(m.Value))
		}
		n.Errorf("expected %s, found %s%s", want, n.describe(), hint)
		return "", false
	}
	if strings.TrimSpace(m.Value) == "" {
		n.Errorf("expected %s, found empty text", want)
		return "", false
	}
	return m.Value, true
}

// Int returns the node's integer within the bounds.
func (n Node) Int(want string, least, most int) (int, bool) {
	m := n.resolve()
	if m.Kind == yaml.ScalarNode && m.ShortTag() == "!!int" {
		if i, err := strconv.Atoi(m.Value); err == nil && i >= least && i <= most {
			return i, true
		}
	}
	n.Errorf("expected %s, found %s", want, n.describe())
	return 0, false
}

// Bool returns the node's boolean.
func (n Node) Bool(want string) (value, ok bool) {
	m := n.resolve()
	if m.Kind == yaml.ScalarNode && m.ShortTag() == "!!bool" {
		return strings.EqualFold(m.Value, "true"), true
	}
	n.Errorf("expected %s (true or false), found %s", want, n.describe())
	return false, false
}

// OneOf returns the node's text when it is one of the words.
func (n Node) OneOf(want string, words ...string) (string, bool) {
	if v := n.Value(); slices.Contains(words, v) {
		return v, true
	}
	hint := ""
	if near := Nearest(n.Value(), words); near != "" {
		hint = fmt.Sprintf("; did you mean %s?", near)
	}
	n.Errorf("expected %s (%s), found %s%s", want, strings.Join(words, ", "), n.describe(), hint)
	return "", false
}

// Pairs returns the entries of a mapping in file order. A duplicate key, a key that
// is not text, and any other kind of value are errors; null is an empty mapping.
func (n Node) Pairs(want string) []Pair {
	m := n.resolve()
	if n.IsNull() {
		return nil
	}
	if m.Kind != yaml.MappingNode {
		n.Errorf("expected %s, found %s", want, n.describe())
		return nil
	}
	flow := n.flow || m.Style&yaml.FlowStyle != 0
	first := map[string]int{}
	pairs := make([]Pair, 0, len(m.Content)/2)
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := Node{n.doc, m.Content[i], flow}
		k := key.resolve()
		if k.Kind != yaml.ScalarNode {
			key.Errorf("expected a key that is text, found %s", key.describe())
			continue
		}
		if k.Value == "<<" && k.ShortTag() == "!!merge" {
			key.Errorf("merge keys (<<) are not supported: write the values out")
			continue
		}
		if line, dup := first[k.Value]; dup {
			key.Errorf("duplicate key %q: it is already on line %d", Excerpt(k.Value), line)
			continue
		}
		first[k.Value] = key.Line()
		pairs = append(pairs, Pair{key, k.Value, Node{n.doc, m.Content[i+1], flow}})
	}
	return pairs
}

// A Field decodes the value of one known key.
type Field struct {
	Name   string
	Decode func(Node)
}

// Fields decodes a mapping with the given keys. An unknown key is an error that names
// the nearest known one.
func (n Node) Fields(want string, fields ...Field) {
	for _, p := range n.Pairs(want) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == p.Name })
		if i < 0 {
			names := make([]string, len(fields))
			for j, f := range fields {
				names[j] = f.Name
			}
			hint := "expected one of " + strings.Join(names, ", ")
			if near := Nearest(p.Name, names); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			}
			p.Key.Errorf("unknown key %q: %s", Excerpt(p.Name), hint)
			continue
		}
		fields[i].Decode(p.Value)
	}
}

// Items returns the elements of a list; null is an empty list.
func (n Node) Items(want string) []Node {
	m := n.resolve()
	if n.IsNull() {
		return nil
	}
	if m.Kind != yaml.SequenceNode {
		n.Errorf("expected %s, found %s", want, n.describe())
		return nil
	}
	flow := n.flow || m.Style&yaml.FlowStyle != 0
	items := make([]Node, len(m.Content))
	for i, c := range m.Content {
		items[i] = Node{n.doc, c, flow}
	}
	return items
}

// Texts returns the texts of a list.
func (n Node) Texts(want, item string) []string {
	var out []string
	for _, it := range n.Items(want) {
		if s, ok := it.Text(item); ok {
			out = append(out, s)
		}
	}
	return out
}

// Excerpt cuts a value to a length that fits into a message.
func Excerpt(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

// Nearest returns the candidate that a misspelt word most likely means: equal but
// for case, spaces, hyphens and underscores, or within an edit distance of a third
// of its length, at most three. It returns "" when there is none, or when two are
// equally near.
func Nearest(word string, candidates []string) string {
	if word == "" || len(word) > 200 {
		return ""
	}
	best, bestDist, tie := "", 4, false
	for _, c := range candidates {
		if c == word {
			continue
		}
		// Ties count, so the distance must be exact up to the best one so far.
		d := Distance(fold(word), fold(c), bestDist+1)
		switch {
		case d > max(len(word), len(c))/3 && d > 0:
		case d < bestDist:
			best, bestDist, tie = c, d, false
		case d == bestDist && best != "" && c != best:
			tie = true
		}
	}
	if tie {
		return ""
	}
	return best
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// Distance counts the bytes to insert, drop, replace or swap with their neighbour in
// order to make b of a; it is limit when it is not below limit.
func Distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return min(prev[len(b)], limit)
}
