package full

import (
	"fmt"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
)

// A format is a kind of text: how to make the nth of them, and how to tell one.
type format struct {
	make func(nth int) string
	is   func(text string) error
}

// parses is a check by a function that reads the text.
func parses[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		return err
	}
}

func layout(l string) func(string) error {
	return func(text string) error {
		_, err := time.Parse(l, text)
		return err
	}
}

func matches(pattern string) func(string) error {
	re := regexp.MustCompile(pattern)
	return func(text string) error {
		if !re.MatchString(text) {
			return fmt.Errorf("%q is not of this format", text)
		}
		return nil
	}
}

// formats are those that OpenAPI and JSON Schema name. A text of another format is any text.
var formats = map[string]format{
	"date-time":     {func(n int) string { return day(n).Format(time.RFC3339) }, layout(time.RFC3339)},
	"date":          {func(n int) string { return day(n).Format(time.DateOnly) }, layout(time.DateOnly)},
	"time":          {func(n int) string { return fmt.Sprintf("00:%02d:%02dZ", n/60%60, n%60) }, layout("15:04:05Z07:00")},
	"duration":      {func(n int) string { return fmt.Sprintf("P%dD", n+1) }, matches(`^P[0-9YMWDTHS.]+$`)},
	"email":         {email, parses(mail.ParseAddress)},
	"idn-email":     {email, parses(mail.ParseAddress)},
	"hostname":      {host, matches(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)},
	"idn-hostname":  {host, matches(`.`)},
	"ipv4":          {func(n int) string { return fmt.Sprintf("192.0.2.%d", 1+n%254) }, address(netip.Addr.Is4)},
	"ipv6":          {func(n int) string { return fmt.Sprintf("2001:db8::%x", 1+n) }, address(netip.Addr.Is6)},
	"uri":           {link, absolute},
	"url":           {link, absolute},
	"iri":           {link, absolute},
	"uri-reference": {link, parses(url.Parse)},
	"iri-reference": {link, parses(url.Parse)},
	"uri-template":  {link, matches(`.`)},
	"uuid": {func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n) },
		matches(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)},
	"byte":         {func(n int) string { return "cGVybWNo" + strings.Repeat("AAAA", n) }, matches(`^[A-Za-z0-9+/_-]*=*$`)},
	"json-pointer": {func(n int) string { return "/" + strconv.Itoa(n) }, matches(`^(/|$)`)},
	"regex":        {func(n int) string { return "a{" + strconv.Itoa(n) + "}" }, parses(regexp.Compile)},
	"password":     {func(n int) string { return "permcheck-Passw0rd!" + suffix(n) }, matches(``)},
}

func day(n int) time.Time { return time.Date(2030, 1, 1+n, 0, 0, 0, 0, time.UTC) }
func email(n int) string  { return "permcheck" + suffix(n) + "@example.com" }
func host(n int) string   { return "permcheck" + suffix(n) + ".example.com" }
func link(n int) string   { return "https://example.com/" + suffix(n) }

func suffix(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func absolute(text string) error {
	u, err := url.Parse(text)
	if err == nil && !u.IsAbs() {
		err = fmt.Errorf("%q has no scheme", text)
	}
	return err
}

func address(is func(netip.Addr) bool) func(string) error {
	return func(text string) error {
		a, err := netip.ParseAddr(text)
		if err == nil && !is(a) {
			err = fmt.Errorf("%q is of the other version", text)
		}
		return err
	}
}

// formatChecks are the checks in the form that the library takes.
var formatChecks = func() map[string]openapi3.StringFormatValidator {
	out := map[string]openapi3.StringFormatValidator{}
	for name, f := range formats {
		out[name] = openapi3.NewCallbackValidator(f.is)
	}
	return out
}()

var codePoint = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// goPattern is a pattern of ECMAScript as Go writes it, as far as Go has it.
func goPattern(pattern string) string { return codePoint.ReplaceAllString(pattern, `\x{$1}`) }

func compile(pattern string) (*regexp.Regexp, error) { return regexp.Compile(goPattern(pattern)) }

// text is the nth text of a shape.
func (s *shape) text(at string, nth int) (any, error) {
	if s.minLen > maxText {
		return nil, failure(at, "it needs a text of %d characters; at most %d are made", s.minLen, maxText)
	}
	var patterns []*regexp.Regexp
	for _, p := range s.patterns {
		re, err := compile(p)
		if err != nil {
			return nil, failure(at, "its pattern %q cannot be checked: %v", p, err)
		}
		patterns = append(patterns, re)
	}
	fits := func(text string) bool {
		n := uint64(utf8.RuneCountInString(text))
		if n < s.minLen || s.maxLen != nil && n > *s.maxLen {
			return false
		}
		for _, name := range s.formats {
			if f, ok := formats[name]; ok && f.is(text) != nil {
				return false
			}
		}
		return !slices.ContainsFunc(patterns, func(re *regexp.Regexp) bool { return !re.MatchString(text) })
	}
	for _, name := range s.formats {
		if f, ok := formats[name]; ok {
			for _, text := range s.padded(f.make(nth)) {
				if fits(text) {
					return text, nil
				}
			}
		}
	}
	if text := s.plainText(nth); fits(text) {
		return text, nil
	}
	for _, p := range s.patterns {
		if text, ok := fromPattern(p, s.minLen, nth, fits); ok {
			return text, nil
		}
	}
	return nil, failure(at, "no text was found for its %s", s.demands())
}

// demands names what a text must fit.
func (s *shape) demands() string {
	var out []string
	for _, f := range s.formats {
		out = append(out, fmt.Sprintf("format %q", f))
	}
	for _, p := range s.patterns {
		out = append(out, fmt.Sprintf("pattern %q", p))
	}
	return strings.Join(append(out, "length"), ", ")
}

// padded is a text of a format, and ones that are long enough.
func (s *shape) padded(text string) []string {
	if missing := int(s.minLen) - utf8.RuneCountInString(text); missing > 0 {
		return []string{strings.Repeat("x", missing) + text, text + strings.Repeat("x", missing)}
	}
	short := strings.Replace(strings.Replace(text, "permcheck", "p", 1), "example.com", "a.io", 1)
	return []string{text, short}
}

// plainText is a text of no format, of the length that is asked for.
func (s *shape) plainText(nth int) string {
	text := "permcheck" + suffix(nth)
	if n := int(s.minLen) - len(text); n > 0 {
		text += strings.Repeat("x", n)
	}
	if s.maxLen != nil && uint64(len(text)) > *s.maxLen {
		n := int(*s.maxLen)
		if text = text[:n]; nth > 0 {
			tail := strconv.FormatInt(int64(nth), 36)
			text = text[:max(0, n-len(tail))] + tail[max(0, len(tail)-n):]
		}
	}
	return text
}

// fromPattern makes a text that a pattern matches.
func fromPattern(pattern string, minLen uint64, nth int, fits func(string) bool) (string, bool) {
	re, err := syntax.Parse(goPattern(pattern), syntax.Perl)
	if err != nil {
		return "", false
	}
	// Repetitions are made longer until the text is long enough, and alternatives are
	// taken in turn.
	for extra := 0; extra <= int(min(minLen, 1000))+2; extra++ {
		for alternative := range 4 {
			g := generator{extra: extra, alternative: nth + alternative, nth: nth, left: maxText}
			g.write(re)
			text := g.out.String()
			if g.left >= 0 && !g.failed && fits(text) {
				return text, true
			}
			if missing := int(minLen) - utf8.RuneCountInString(text); missing > 0 && missing < maxText {
				if padded := text + strings.Repeat("x", missing); fits(padded) {
					return padded, true
				}
			}
		}
	}
	return "", false
}

// A generator writes a text that a parsed pattern matches.
type generator struct {
	out                     strings.Builder
	extra, alternative, nth int
	left                    int // steps
	failed                  bool
}

func (g *generator) write(re *syntax.Regexp) {
	if g.left--; g.left < 0 {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		g.out.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		r, ok := pick(re.Rune, g.nth)
		g.failed = g.failed || !ok
		g.out.WriteRune(r)
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.out.WriteByte('x')
	case syntax.OpStar, syntax.OpQuest, syntax.OpPlus, syntax.OpRepeat:
		for range g.times(re) {
			g.write(re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			g.write(sub)
		}
	case syntax.OpAlternate:
		g.write(re.Sub[g.alternative%len(re.Sub)])
	case syntax.OpNoMatch:
		g.failed = true
	}
}

// times is how often something is repeated.
func (g *generator) times(re *syntax.Regexp) int {
	least, most := re.Min, re.Max
	switch re.Op {
	case syntax.OpStar:
		least, most = 0, -1
	case syntax.OpQuest:
		least, most = 0, 1
	case syntax.OpPlus:
		least, most = 1, -1
	}
	if most < 0 {
		return least + g.extra
	}
	return min(least+g.extra, most)
}

// pick returns the nth of the usual characters in a class, or else its first one.
func pick(class []rune, nth int) (rune, bool) {
	var usual []rune
	for _, r := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" {
		for i := 0; i+1 < len(class); i += 2 {
			if class[i] <= r && r <= class[i+1] {
				usual = append(usual, r)
			}
		}
	}
	switch {
	case len(usual) > 0:
		return usual[nth%len(usual)], true
	case len(class) == 0:
		return 0, false
	}
	return class[0], true
}
