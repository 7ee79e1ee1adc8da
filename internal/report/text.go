package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/fatih/color"
)

// Styles are the colours of text output. They print plainly when colour is off.
type Styles struct {
	Bold, Dim, Good, Bad, Warn, Note *color.Color
}

// NewStyles returns the styles for an output; enabled decides whether they colour.
func NewStyles(enabled bool) Styles {
	mk := func(attrs ...color.Attribute) *color.Color {
		c := color.New(attrs...)
		if enabled {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c
	}
	return Styles{
		Bold: mk(color.Bold), Dim: mk(color.Faint), Good: mk(color.FgGreen),
		Bad: mk(color.FgRed, color.Bold), Warn: mk(color.FgYellow), Note: mk(color.FgCyan),
	}
}

// Severity returns the style of a severity.
func (s Styles) Severity(v Severity) *color.Color {
	switch v {
	case Error:
		return s.Bad
	case Warning:
		return s.Warn
	}
	return s.Note
}

// WriteFinding prints one finding: position, severity, message and rule on the first
// line, then evidence and what to do next.
func (s Styles) WriteFinding(w io.Writer, f *Finding) {
	if f.Position.File != "" {
		fmt.Fprintf(w, "%s: ", s.Bold.Sprint(Clean(f.Position.String())))
	}
	sev := f.Severity()
	fmt.Fprintf(w, "%s: %s %s\n", s.Severity(sev).Sprint(sev), Clean(f.Message), s.Dim.Sprintf("[%s]", f.Rule))
	for _, e := range f.Evidence {
		fmt.Fprintf(w, "    %s\n", Clean(e))
	}
	if fix := f.fix(); fix != "" {
		fmt.Fprintf(w, "    %s %s\n", s.Note.Sprint("next:"), Clean(fix))
	}
}

// Clean makes text from outside (a server, a document) safe to print on a
// terminal: control characters, invalid UTF-8 and directional overrides are shown
// as escapes, and the text is cut after 2,000 bytes.
func Clean(s string) string {
	const limit = 2000
	if len(s) > limit {
		s = s[:limit] + "..."
	}
	bad := func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, bad) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case bad(r):
			q := fmt.Sprintf("%+q", r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// PlainJSON is a JSON document in which characters that a terminal would act on, or not show, are
// escapes. Its values are the same.
func PlainJSON(doc []byte) []byte { return escaped(doc, `\u%04x`) }

// visibleJSON is a JSON document in which those characters are shown as escapes by whoever
// shows its texts, as [Clean] has them.
func visibleJSON(doc []byte) []byte { return escaped(doc, `\\u%04x`) }

// escaped is a document with odd characters in the form of an escape.
func escaped(doc []byte, form string) []byte {
	odd := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) }
	if bytes.IndexFunc(doc, odd) < 0 {
		return doc
	}
	var b bytes.Buffer
	b.Grow(len(doc) + len(doc)/16)
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case !odd(r) || r == utf8.RuneError && n == 1:
			b.Write(doc[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, form+form, high, low)
		default:
			fmt.Fprintf(&b, form, r)
		}
		doc = doc[n:]
	}
	return b.Bytes()
}

// CleanLines is [Clean] for each line of a text.
func CleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return strings.Join(lines, "\n")
}
