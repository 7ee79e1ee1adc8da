package perm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// operators are the characters that end an unquoted permission.
const operators = `&|(),"`

// maxDepth bounds nested parentheses.
const maxDepth = 100

// A SyntaxError says where a requirement's text is wrong.
type SyntaxError struct {
	Offset int    // byte offset in the text
	Msg    string // what was found and what was expected
}

func (e *SyntaxError) Error() string { return e.Msg }

// Parse reads a requirement in the grammar of the package documentation.
// Errors are of type [*SyntaxError], or [ErrTooLarge].
func Parse(text string) (Requirement, error) {
	p := parser{text: text}
	p.next()
	if p.tok == tokWord {
		switch word := p.value; word {
		case wordPublic, wordAuthenticated, wordNobody, wordUnknown:
			p.next()
			if p.tok != tokEnd {
				return Requirement{}, p.errorf(p.start, "%q stands alone and cannot be combined; write it as the whole requirement, or quote it if it is a permission", word)
			}
			return wordRequirement(word), nil
		}
	}
	r, err := p.or(0)
	if err != nil {
		return Requirement{}, err
	}
	if p.tok != tokEnd {
		return Requirement{}, p.unexpected("& or | or the end")
	}
	return r, nil
}

// MustParse is [Parse] for texts known to be right; it panics on an error.
func MustParse(text string) Requirement {
	r, err := Parse(text)
	if err != nil {
		panic(fmt.Sprintf("perm: %q: %v", text, err))
	}
	return r
}

// ParseSet reads a grant: "none", or permissions joined by "&".
func ParseSet(text string) (Set, error) {
	if strings.TrimSpace(text) == "none" {
		return Set{}, nil
	}
	r, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if r.kind != formula || len(r.clauses) != 1 {
		return nil, &SyntaxError{Msg: fmt.Sprintf("%q is not a list of permissions: expected permissions joined by &, or none", text)}
	}
	return r.clauses[0], nil
}

func wordRequirement(word string) Requirement {
	switch word {
	case wordPublic:
		return Public()
	case wordAuthenticated:
		return Authenticated()
	case wordUnknown:
		return Unknown()
	}
	return Nobody()
}

// isPlain reports whether a permission can be written without quotes: the lexer
// must read it back as itself.
func isPlain(s string) bool {
	switch s {
	case "", "none", wordPublic, wordAuthenticated, wordNobody, wordUnknown:
		return false
	}
	if !utf8.ValidString(s) || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i, c := range s {
		if strings.ContainsRune(operators, c) || !unicode.IsPrint(c) { // of all spaces only U+0020 is printable
			return false
		}
		if c == ' ' && s[i+1] == ' ' { // there is a next byte: the last is not a space
			return false
		}
	}
	return true
}

type token uint8

const (
	tokEnd token = iota
	tokWord
	tokQuoted
	tokAnd
	tokOr
	tokOpen
	tokClose
	tokBad
)

type parser struct {
	text  string
	pos   int // after the current token
	start int // of the current token
	tok   token
	value string // of a permission, or the message of tokBad
}

func (p *parser) next() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
	p.start, p.value = p.pos, ""
	if p.pos == len(p.text) {
		p.tok = tokEnd
		return
	}
	switch p.text[p.pos] {
	case '&':
		p.tok = tokAnd
	case '|':
		p.tok = tokOr
	case '(':
		p.tok = tokOpen
	case ')':
		p.tok = tokClose
	case ',':
		p.tok, p.value = tokBad, "unexpected comma: join alternatives with | and joint demands with &"
	case '"':
		p.quoted()
		return
	default:
		end := strings.IndexAny(p.text[p.pos:], operators)
		if end < 0 {
			end = len(p.text) - p.pos
		}
		word := strings.TrimRight(p.text[p.pos:p.pos+end], " \t\r\n")
		p.pos += len(word)
		p.tok, p.value = tokWord, word
		if word == "none" || !isPlain(word) && !isWord(word) {
			p.tok, p.value = tokBad, fmt.Sprintf("permission %q must be quoted as in Go: %s", word, strconv.Quote(word))
		}
		return
	}
	p.pos++
}

func isWord(s string) bool {
	return s == wordPublic || s == wordAuthenticated || s == wordNobody || s == wordUnknown
}

func (p *parser) quoted() {
	lit, err := strconv.QuotedPrefix(p.text[p.pos:])
	if err != nil {
		p.tok, p.value, p.pos = tokBad, "unterminated or malformed quoted permission", len(p.text)
		return
	}
	p.pos += len(lit)
	p.tok = tokQuoted
	p.value, _ = strconv.Unquote(lit) // QuotedPrefix accepts only what Unquote accepts
	if p.value == "" {
		p.tok, p.value = tokBad, "a permission cannot be empty"
	}
}

func (p *parser) or(depth int) (Requirement, error) {
	r, err := p.and(depth)
	for err == nil && p.tok == tokOr {
		p.next()
		var q Requirement
		if q, err = p.and(depth); err == nil {
			r, err = r.Or(q)
		}
	}
	return r, err
}

func (p *parser) and(depth int) (Requirement, error) {
	r, err := p.atom(depth)
	for err == nil && p.tok == tokAnd {
		p.next()
		var q Requirement
		if q, err = p.atom(depth); err == nil {
			r, err = r.And(q)
		}
	}
	return r, err
}

func (p *parser) atom(depth int) (Requirement, error) {
	switch p.tok {
	case tokWord:
		if isWord(p.value) {
			return Requirement{}, p.errorf(p.start, "%q stands alone and cannot be combined; write it as the whole requirement, or quote it if it is a permission", p.value)
		}
		fallthrough
	case tokQuoted:
		r := All(Permission(p.value))
		p.next()
		return r, nil
	case tokOpen:
		if depth == maxDepth {
			return Requirement{}, p.errorf(p.start, "parentheses are nested deeper than %d", maxDepth)
		}
		open := p.start
		p.next()
		r, err := p.or(depth + 1)
		if err != nil {
			return Requirement{}, err
		}
		if p.tok == tokEnd {
			return Requirement{}, p.errorf(open, "this parenthesis is never closed")
		}
		if p.tok != tokClose {
			return Requirement{}, p.unexpected("& or | or )")
		}
		p.next()
		return r, nil
	}
	return Requirement{}, p.unexpected("a permission")
}

func (p *parser) unexpected(want string) error {
	switch p.tok {
	case tokBad:
		return p.errorf(p.start, "%s", p.value)
	case tokEnd:
		if p.start == 0 || strings.TrimSpace(p.text) == "" {
			return p.errorf(0, "empty requirement: expected permissions joined by & and |, or public, authenticated, nobody, unknown")
		}
		return p.errorf(p.start, "requirement ends too early: expected %s", want)
	}
	found := p.text[p.start:p.pos]
	return p.errorf(p.start, "unexpected %q: expected %s", found, want)
}

func (p *parser) errorf(offset int, format string, args ...any) error {
	return &SyntaxError{Offset: offset, Msg: fmt.Sprintf(format, args...)}
}
