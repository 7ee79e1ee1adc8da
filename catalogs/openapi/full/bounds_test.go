package full

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The library's check has no bound of its own. Schemas that share parts many times over do not
// hold a run up, and what was not made is said.
func TestSlowSchemas(t *testing.T) {
	defer func(before time.Duration) { maxMaking = before }(maxMaking)
	maxMaking = 20 * time.Millisecond
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: t, version: '1'}\ncomponents:\n  schemas:\n")
	const levels = 20
	for i := range levels {
		fmt.Fprintf(&b, "    A%d: {type: object, allOf: [{$ref: '#/components/schemas/A%d'}, {$ref: '#/components/schemas/A%d'}]}\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "    A%d: {type: object}\npaths:\n", levels)
	for _, path := range []string{"a", "b"} {
		fmt.Fprintf(&b, "  /%s: {post: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/A0'}}}}}}\n", path)
	}
	made, err := Bodies("d.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	want := "[POST /a: no body was made: it took longer than 20ms POST /b: no body was made: an operation before it took too long]"
	if got := fmt.Sprint(made.Doubts); got != want || len(made.Bodies) > 0 {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What is made from a pattern matches it and is as long as it was asked to be.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{`^[A-Z]{3}-\d{2,4}$`, `^(a|bc)*d?$`, `[^a-z]+`, `(?i)\bx\B`, `^\u0041.$`, `a{2}{3}`, `((a*)*)*`, `^(?:0|[1-9]\d{0,9})$`, `\p{Greek}`} {
		f.Add(p, uint64(0), uint64(20), 0)
		f.Add(p, uint64(5), uint64(5), 3)
	}
	f.Fuzz(func(t *testing.T, pattern string, least, most uint64, nth int) {
		if len(pattern) > 200 || least > 2000 || nth < 0 || nth > 1000 {
			return
		}
		s := &shape{patterns: []string{pattern}, minLen: least, maxLen: &most}
		v, err := s.text("", nth)
		if err != nil {
			return
		}
		text, _ := v.(string)
		re, err := regexp.Compile(goPattern(pattern))
		if err != nil {
			t.Fatal("a text was made of a pattern that cannot be compiled")
		}
		if n := uint64(utf8.RuneCountInString(text)); !re.MatchString(text) || n < least || n > most {
			t.Fatalf("%q for %q, %d to %d characters", text, pattern, least, most)
		}
	})
}
