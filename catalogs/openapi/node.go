package openapi

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"regexp"
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

const (
	// MaxSize is the largest document that is read, in bytes, files that it
	// refers to included.
	MaxSize = 100 << 20

	// maxYAML is how much YAML is parsed, in bytes, without what prune leaves out: a parsed
	// text takes some thirty times its size in memory.
	maxYAML = 32 << 20

	// maxFields is how many keys an object may have of those that are looked at.
	maxFields = 250_000

	// spareVisits is how many values are looked at besides one for each byte of
	// the text. Only aliases, merge keys and references can make it that many.
	spareVisits = 100_000
)

// A source is the text of one file, read as JSON or as YAML.
type source struct {
	file   string
	name   string // below the root of the document's files; empty: the document itself
	dir    string // folder of name, for references
	data   []byte
	root   node
	pruned bool // parts of it were left out before it was parsed
	visits *int // how many values may still be looked at, shared by all files of a document

	// Byte offsets of line starts, and the number of characters before every
	// blockSize-th byte: made when the first position in a JSON text is asked for.
	lines, blocks []int
}

const blockSize = 4096

// A node is one value of a source. A JSON value is kept as its offset and read
// when it is asked for; a YAML value is a node of the YAML library.
type node struct {
	src *source
	y   *yaml.Node
	off int
}

// A field is one entry of an object.
type field struct {
	key   string
	at    catalogs.Pos // of the key
	value node
}

type kind uint8

const (
	null kind = iota
	scalar
	list
	object
)

func (k kind) String() string {
	return [...]string{"null", "a plain value", "a list", "a mapping"}[k]
}

// A pruning leaves out what is not needed of a text in YAML. It returns nil where it gives
// up, and the line that it could not step over, if there is one.
type pruning func(text []byte) (rest []byte, line int)

// parseSource reads the text of a file. Text that begins with a brace or a bracket
// is read as JSON, and as YAML where it is not valid JSON: YAML has such forms too.
// pruned, if not nil, may leave out what is not needed of a text in YAML.
func parseSource(file string, data []byte, visits *int, pruned pruning) (*source, error) {
	s := &source{file: file, data: UTF8(data), visits: visits}
	fail := func(line int, format string, args ...any) (*source, error) {
		return nil, &strictyaml.Error{File: file, Line: line, Msg: fmt.Sprintf(format, args...)}
	}
	*visits += len(data)
	trimmed := bytes.TrimSpace(s.data)
	switch {
	case len(data) > MaxSize:
		return fail(0, "the file is larger than %d MB", MaxSize>>20)
	case len(trimmed) == 0:
		return fail(0, "the file is empty: expected an OpenAPI document")
	case bytes.IndexByte(s.data, 0) >= 0 || !utf8.Valid(trimmed[:min(len(trimmed), 512)]) && !utf8.Valid(trimmed):
		return fail(0, "this is binary data: expected an OpenAPI document in YAML or JSON")
	}
	looksJSON := trimmed[0] == '{' || trimmed[0] == '['
	if looksJSON {
		if json.Valid(s.data) {
			s.root = node{src: s, off: skipSpace(s.data, 0)}
			return s, nil
		}
	}
	text, stuck := s.data, 0
	if pruned != nil && !looksJSON {
		rest, line := pruned(text)
		if stuck = line; rest != nil {
			text, s.pruned = rest, true
		}
	}
	if len(text) > maxYAML {
		if looksJSON {
			return nil, s.jsonError()
		}
		return fail(stuck, "this file has more than %d MB of YAML, so only its paths and security can be parsed, but something here cannot be stepped over (a text or list that is not closed, a tab, a tag): mend it, or give the document as JSON", maxYAML>>20)
	}
	root, err := parseYAML(file, text)
	if err != nil && s.pruned {
		return parseSource(file, data, visits, nil)
	}
	if err != nil {
		if looksJSON {
			err = s.jsonError()
		}
		return nil, err
	}
	s.data = nil
	s.root = node{src: s, y: root}
	return s, nil
}

var yamlVersion = regexp.MustCompile(`(?m)^%YAML[ \t]+1\.[0-9]`)

// withoutVersion makes a comment of the line that says which YAML 1.x this is: the library
// refuses all but its own, and they do not differ in what is read here.
func withoutVersion(data []byte) []byte {
	if !bytes.Contains(data, []byte("%YAML")) {
		return data
	}
	head, _, _ := bytes.Cut(data, []byte("\n---"))
	at := yamlVersion.FindIndex(head)
	if at == nil {
		return data
	}
	out := bytes.Clone(data)
	out[at[0]] = '#'
	return out
}

// UTF8 returns the text of a document in UTF-8, without a byte order mark.
func UTF8(data []byte) []byte { return bytes.TrimPrefix(utf8Text(data), []byte("\xef\xbb\xbf")) }

// utf8Text returns a text that is written in UTF-16, which its byte order mark tells, in UTF-8.
func utf8Text(data []byte) []byte {
	if len(data) < 2 || len(data)%2 != 0 {
		return data
	}
	var order binary.ByteOrder
	switch {
	case data[0] == 0xfe && data[1] == 0xff:
		order = binary.BigEndian
	case data[0] == 0xff && data[1] == 0xfe:
		order = binary.LittleEndian
	default:
		return data
	}
	units := make([]uint16, 0, len(data)/2)
	for i := 2; i < len(data); i += 2 {
		units = append(units, order.Uint16(data[i:]))
	}
	text := string(utf16.Decode(units))
	if strings.ContainsAny(text, "\x00\ufeff\ufffd") {
		return data // the mark was chance
	}
	return []byte(text)
}

// parseYAML reads one YAML document.
func parseYAML(file string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(withoutVersion(data)))
	var root, second yaml.Node
	if err := dec.Decode(&root); errors.Is(err, io.EOF) {
		return nil, &strictyaml.Error{File: file, Msg: "the file holds only comments: expected an OpenAPI document"}
	} else if err != nil {
		return nil, strictyaml.SyntaxError(file, data, err)
	}
	if err := dec.Decode(&second); err == nil {
		return nil, &strictyaml.Error{File: file, Line: second.Line, Column: second.Column, Msg: "a second YAML document begins here: expected one"}
	} else if !errors.Is(err, io.EOF) {
		return nil, strictyaml.SyntaxError(file, data, err)
	}
	n := &root
	if n.Kind == yaml.DocumentNode {
		if len(n.Content) == 0 {
			return nil, &strictyaml.Error{File: file, Msg: "the file holds only comments: expected an OpenAPI document"}
		}
		n = n.Content[0]
	}
	return n, nil
}

// jsonError says where the text stops being JSON.
func (s *source) jsonError() error {
	var v json.RawMessage
	err := json.Unmarshal(s.data, &v)
	end := len(bytes.TrimRight(s.data, " \t\r\n"))
	off, msg := end, "the JSON ends too early: the file is cut off"
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && int(syntax.Offset) <= end {
		off = max(0, int(syntax.Offset)-1)
		msg = "invalid JSON: " + syntax.Error()
		if strings.HasSuffix(msg, "after top-level value") {
			msg = "more text follows the JSON document"
		} else if off == end-1 && strings.Contains(msg, "unexpected end") {
			off, msg = end, "the JSON ends too early: the file is cut off"
		}
	}
	p := s.position(off)
	return &strictyaml.Error{File: s.file, Line: p.Line, Column: p.Column, Msg: msg}
}

// position turns a byte offset of a JSON text into a line and column.
func (s *source) position(off int) catalogs.Pos {
	if s.lines == nil {
		s.lines = make([]int, 1, 1+bytes.Count(s.data, []byte("\n")))
		for i := 0; ; {
			j := bytes.IndexByte(s.data[i:], '\n')
			if j < 0 {
				break
			}
			i += j + 1
			s.lines = append(s.lines, i)
		}
		chars := 0
		for i := 0; i < len(s.data); i += blockSize {
			s.blocks = append(s.blocks, chars)
			chars += starts(s.data[i:min(i+blockSize, len(s.data))])
		}
	}
	off = min(off, len(s.data))
	line := sort.Search(len(s.lines), func(i int) bool { return s.lines[i] > off })
	return catalogs.Pos{File: s.file, Line: line, Column: 1 + s.chars(off) - s.chars(s.lines[line-1])}
}

// chars returns the number of characters before a byte offset.
func (s *source) chars(off int) int {
	if len(s.blocks) == 0 {
		return 0
	}
	b := min(off/blockSize, len(s.blocks)-1)
	return s.blocks[b] + starts(s.data[b*blockSize:off])
}

// starts counts the bytes that begin a UTF-8 sequence, so that text may be counted
// in pieces. Eight bytes are looked at at once: where there are many operations, the whole
// text is counted.
func starts(b []byte) int {
	n := len(b)
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		n -= bits.OnesCount64(w >> 7 &^ (w >> 6) & 0x0101010101010101) // 10xxxxxx goes on
	}
	for _, c := range b {
		if c&0xC0 == 0x80 {
			n--
		}
	}
	return n
}

// visit counts a value that is looked at.
func (n node) visit() error {
	if *n.src.visits--; *n.src.visits < 0 {
		return n.errorf("the document expands to many times its size: too many YAML aliases or references")
	}
	return nil
}

func (n node) errorf(format string, args ...any) error {
	p := n.pos()
	return &strictyaml.Error{File: p.File, Line: p.Line, Column: p.Column, Msg: fmt.Sprintf(format, args...)}
}

func (n node) isZero() bool { return n.src == nil }

func (n node) pos() catalogs.Pos {
	if n.y != nil {
		return catalogs.Pos{File: n.src.file, Line: n.y.Line, Column: n.y.Column}
	}
	return n.src.position(n.off)
}

// target follows YAML aliases.
func (n node) target() *yaml.Node {
	y := n.y
	for y.Kind == yaml.AliasNode && y.Alias != nil {
		y = y.Alias
	}
	return y
}

func (n node) kind() kind {
	if n.y != nil {
		switch y := n.target(); {
		case y.Kind == yaml.MappingNode:
			return object
		case y.Kind == yaml.SequenceNode:
			return list
		case y.Kind == yaml.ScalarNode && y.ShortTag() != "!!null":
			return scalar
		}
		return null
	}
	switch n.src.data[n.off] {
	case '{':
		return object
	case '[':
		return list
	case 'n':
		return null
	}
	return scalar
}

// text returns the text of a plain value, as it is written unless it is a string.
func (n node) text() (string, bool) {
	if n.kind() != scalar {
		return "", false
	}
	if n.y != nil {
		return n.target().Value, true
	}
	raw := n.src.data[n.off:skipValue(n.src.data, n.off)]
	if raw[0] != '"' {
		return string(raw), true
	}
	return unquote(raw), true
}

func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s) // valid already
	return s
}

// fields returns the entries of an object in the order of the text, YAML merge keys
// applied. A key that is there twice is an error, as RFC 8259 and YAML have it:
// readers differ in which one counts.
func (n node) fields() ([]field, error) {
	if n.kind() != object {
		return nil, nil
	}
	var out []field
	var err error
	if n.y != nil {
		out, err = n.yamlFields(0)
	} else {
		out, err = n.jsonFields()
	}
	if err != nil {
		return nil, err
	}
	var seen map[string]int
	for i, f := range out {
		first := -1
		if len(out) <= 8 {
			for j := range out[:i] {
				if out[j].key == f.key {
					first = j
				}
			}
		} else {
			if seen == nil {
				seen = make(map[string]int, len(out))
			}
			if j, ok := seen[f.key]; ok {
				first = j
			}
			seen[f.key] = i
		}
		if first >= 0 {
			at := f.pos()
			return nil, &strictyaml.Error{File: at.File, Line: at.Line, Column: at.Column,
				Msg: fmt.Sprintf("key %q is here twice: first at line %d; remove one, since readers differ in which one counts", f.key, out[first].pos().Line)}
		}
	}
	return out, nil
}

// pos returns the position of the key.
func (f *field) pos() catalogs.Pos {
	if f.value.y == nil && f.at.Line == 0 {
		return f.value.src.position(f.at.Column)
	}
	return f.at
}

// jsonFields leaves the byte offset of each key in at.Column, with line 0:
// positions are computed for the few keys that are reported.
func (n node) jsonFields() ([]field, error) {
	b := n.src.data
	var out []field
	i := skipSpace(b, n.off+1)
	for b[i] != '}' {
		if err := n.visit(); err != nil {
			return nil, err
		}
		if len(out) >= maxFields {
			return nil, n.errorf("this has more than %d keys", maxFields)
		}
		key := i
		i = skipString(b, i)
		f := field{key: unquote(b[key:i]), at: catalogs.Pos{Column: key}}
		i = skipSpace(b, i)
		i = skipSpace(b, i+1) // behind the colon
		f.value = node{src: n.src, off: i}
		out = append(out, f)
		if i = skipSpace(b, skipValue(b, i)); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return out, nil
}

const maxMergeDepth = 100

// yamlFields returns own entries first, then merged ones whose keys are not there
// yet: an entry beats a merged one, and an earlier merge a later one.
func (n node) yamlFields(depth int) ([]field, error) {
	y := n.target()
	if depth > maxMergeDepth {
		return nil, n.errorf("merge keys are nested more than %d deep", maxMergeDepth)
	}
	var out []field
	var merges []*yaml.Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		if err := n.visit(); err != nil {
			return nil, err
		}
		k, v := y.Content[i], y.Content[i+1]
		kn := node{src: n.src, y: k}
		if k.ShortTag() == "!!merge" {
			merges = append(merges, v)
			continue
		}
		name, ok := kn.text()
		if !ok && kn.kind() != null {
			return nil, kn.errorf("%s cannot be a key: expected text", kn.kind())
		}
		out = append(out, field{key: name, at: kn.pos(), value: node{src: n.src, y: v}})
	}
	if len(merges) == 0 {
		return out, nil
	}
	have := map[string]bool{}
	for _, f := range out {
		have[f.key] = true
	}
	for _, m := range merges {
		parts := []node{{src: n.src, y: m}}
		if parts[0].kind() == list {
			parts, _ = parts[0].items()
		}
		for _, p := range parts {
			if p.kind() != object {
				return nil, p.errorf("a merge key needs a mapping, not %s", p.kind())
			}
			more, err := p.yamlFields(depth + 1)
			if err != nil {
				return nil, err
			}
			for _, f := range more {
				if !have[f.key] {
					have[f.key] = true
					out = append(out, f)
				}
			}
		}
	}
	return out, nil
}

// get returns the value of one key of an object.
func (n node) get(key string) (node, bool, error) {
	fs, err := n.fields()
	if err != nil {
		return node{}, false, err
	}
	for _, f := range fs {
		if f.key == key {
			return f.value, true, nil
		}
	}
	return node{}, false, nil
}

// items returns the values of a list.
func (n node) items() ([]node, error) {
	if n.kind() != list {
		return nil, nil
	}
	var out []node
	if n.y != nil {
		for _, c := range n.target().Content {
			if err := n.visit(); err != nil {
				return nil, err
			}
			out = append(out, node{src: n.src, y: c})
		}
		return out, nil
	}
	b := n.src.data
	for i := skipSpace(b, n.off+1); b[i] != ']'; {
		if err := n.visit(); err != nil {
			return nil, err
		}
		out = append(out, node{src: n.src, off: i})
		if i = skipSpace(b, skipValue(b, i)); b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return out, nil
}

// value returns the whole value as encoding/json would: maps, lists, strings,
// numbers as json.Number, booleans and nil. It is for small values only.
func (n node) value() (any, error) { return n.valueAt(0) }

func (n node) valueAt(depth int) (any, error) {
	if depth > maxMergeDepth {
		return nil, n.errorf("values are nested more than %d deep", maxMergeDepth)
	}
	switch n.kind() {
	case object:
		fs, err := n.fields()
		if err != nil {
			return nil, err
		}
		m := make(map[string]any, len(fs))
		for _, f := range fs {
			if m[f.key], err = f.value.valueAt(depth + 1); err != nil {
				return nil, err
			}
		}
		return m, nil
	case list:
		is, err := n.items()
		if err != nil {
			return nil, err
		}
		l := make([]any, len(is))
		for i := range is {
			if l[i], err = is[i].valueAt(depth + 1); err != nil {
				return nil, err
			}
		}
		return l, nil
	case scalar:
		if n.y == nil {
			var v any
			dec := json.NewDecoder(bytes.NewReader(n.src.data[n.off:skipValue(n.src.data, n.off)]))
			dec.UseNumber()
			err := dec.Decode(&v)
			return v, err
		}
		y := n.target()
		switch y.ShortTag() {
		case "!!bool":
			return strings.EqualFold(y.Value, "true"), nil
		case "!!int", "!!float":
			if json.Valid([]byte(y.Value)) {
				return json.Number(y.Value), nil
			}
		}
		return y.Value, nil
	}
	return nil, nil
}

// canonical returns the value as JSON with sorted keys: equal values have equal
// text, in JSON and YAML alike.
func (n node) canonical() string {
	v, err := n.value()
	if err != nil {
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
