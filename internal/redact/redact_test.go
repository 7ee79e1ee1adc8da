package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/internal/redact"
)

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// each encodes every byte, or every character where the format is not one of bytes.
func each(format string) func(string) string { return every(1, format) }

// some encodes every third.
func some(format string) func(string) string { return every(3, format) }

func every(n int, format string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		if strings.HasPrefix(format, "%%") {
			for i, c := range []byte(s) {
				if i%n == n/2 {
					fmt.Fprintf(&b, format, c)
				} else {
					b.WriteByte(c)
				}
			}
			return b.String()
		}
		for i, r := range []rune(s) {
			if i%n == n/2 {
				fmt.Fprintf(&b, format, r)
			} else {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
}

// wayToWrite is one spelling of a secret.
type wayToWrite struct {
	name  string
	least int // length of secrets that it counts for
	write func(string) string
}

// ways are those of which none may be written.
func ways() []wayToWrite {
	list := []wayToWrite{
		{"raw", 8, func(s string) string { return s }},
		{"path", 8, url.PathEscape}, {"query", 8, url.QueryEscape},
		{"percent upper", 8, each("%%%02X")}, {"percent lower", 8, each("%%%02x")}, {"percent some", 8, some("%%%02X")}, {"percent some lower", 8, some("%%%02x")},
		{"percent twice", 8, func(s string) string { return url.PathEscape(each("%%%02X")(s)) }},
		{"json", 8, func(s string) string { b, _ := json.Marshal(s); return string(b[1 : len(b)-1]) }},
		{"json slashes", 8, func(s string) string { return strings.ReplaceAll(s, "/", `\/`) }},
		{"json u", 8, each(`\u%04x`)}, {"json u upper", 8, each(`\u%04X`)}, {"json u some", 8, some(`\u%04x`)},
		{"html", 8, html.EscapeString}, {"html decimal", 8, each("&#%d;")}, {"html hex", 8, each("&#x%x;")}, {"html some", 8, some("&#%d;")}, {"html hex upper", 8, each("&#X%X;")},
		{"hex", 8, func(s string) string { return hex.EncodeToString([]byte(s)) }}, {"hex upper", 8, func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }},
		{"reversed", 12, reversed}, {"upper", 12, strings.ToUpper}, {"lower", 12, strings.ToLower}, {"reversed upper", 12, func(s string) string { return strings.ToUpper(reversed(s)) }},
		{"percent of upper", 12, func(s string) string { return some("%%%02X")(strings.ToUpper(s)) }},
	}
	for name, enc := range map[string]*base64.Encoding{"std": base64.StdEncoding, "raw std": base64.RawStdEncoding, "url": base64.URLEncoding, "raw url": base64.RawURLEncoding} {
		for _, before := range []string{"", "u:", "us:", "admin:", "some user:"} {
			for _, after := range []string{"", "!", "\n\n"} {
				list = append(list, wayToWrite{fmt.Sprintf("base64 %s %q %q", name, before, after), 8, func(s string) string { return enc.EncodeToString([]byte(before + s + after)) }})
			}
		}
	}
	return list
}

var someSecrets = []string{"full-key-1234567890", "none-key-1234567890", "s3cret99", "pa/ss+wo=rd?&<x>", `quo"te\back'slash`, "ünïcødé-këy-ß", "AKIAIOSFODNN7EXAMPLE", "p%41ercent%2Fkey", "with space and tab"}

// base64Core is what all characters of a base64 text say about the secret alone, wherever in
// a longer text it stands: six characters of it give four bytes away.
func tellsBase64(out, secret string) bool {
	for before := range 3 {
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all := enc.EncodeToString([]byte("\x00\x00"[:before] + secret))
			from, to := (8*before+5)/6, 8*(before+len(secret))/6
			if strings.Contains(out, all[from:to]) {
				return true
			}
		}
	}
	return false
}

func TestEveryWayToWriteASecret(t *testing.T) {
	for _, secret := range someSecrets {
		set := redact.New()
		set.Add(redact.Secret{Name: "mine", Value: secret, User: "admin"}, redact.Secret{Name: "other", Value: "another-secret-42"})
		n := len([]rune(secret))
		for _, w := range ways() {
			if n < w.least {
				continue
			}
			written := w.write(secret)
			for _, around := range []string{"%s", "a %s b", `{"k":"%s"}`, "/keys/%s/x?y=1", "x%sy", "<p title='%s'>"} {
				text := strings.Replace(around, "%s", written, 1)
				got := set.Text(text)
				if strings.Contains(got, written) || strings.Contains(got, secret) || tellsBase64(got, secret) {
					t.Errorf("%s of %q: %q became %q", w.name, secret, text, got)
				}
				if !strings.Contains(got, "[secret:mine") {
					t.Errorf("%s of %q: %q became %q, without its placeholder", w.name, secret, text, got)
				}
				if again := set.Text(got); again != got {
					t.Errorf("%s of %q: %q became %q the second time", w.name, secret, got, again)
				}
			}
		}
	}
}

// Two texts that differ still differ.
func TestPlacesStayApart(t *testing.T) {
	set := redact.New()
	for i, s := range someSecrets {
		set.Add(redact.Secret{Name: fmt.Sprintf("k%d", i), Value: s})
	}
	from := map[string]string{}
	for _, s := range someSecrets {
		for _, w := range ways() {
			text := "/keys/" + w.write(s)
			got := set.Text(text)
			if was, ok := from[got]; ok && was != text {
				t.Errorf("%q and %q both became %q", was, text, got)
			}
			from[got] = text
		}
	}
}

func TestShortSecretsAreTokens(t *testing.T) {
	set := redact.New()
	set.Add(redact.Secret{Name: "short", Value: "read"})
	for text, want := range map[string]string{
		"already spreading a thread": "already spreading a thread",
		"/keys/read":                 "/keys/[secret:short]",
		`"read"`:                     `"[secret:short]"`,
		"read_all readers":           "read_all readers",
		"keys:read":                  "keys:[secret:short]",
		"Read":                       "Read",
	} {
		if got := set.Text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	if got := set.Sentence("cannot read it"); got != "cannot read it" {
		t.Errorf("a sentence became %q", got)
	}
	set.Publish("keys:read")
	if got := set.Text("needs keys:read, not read"); got != "needs keys:read, not [secret:short]" {
		t.Errorf("public words: %q", got)
	}
	if names := set.Short(); !slices.Equal(names, []string{"short"}) {
		t.Errorf("short secrets %q", names)
	}
}

// A name that holds a secret is not used.
func TestNamesHoldNoSecret(t *testing.T) {
	set := redact.New()
	set.Add(redact.Secret{Name: "the-secret-itself", Value: "the-secret-itself"}, redact.Secret{Name: "the-other-secret", Value: "abcdefghijkl"})
	set.Add(redact.Secret{Name: "x", Value: "the-other-secret"})
	for _, text := range []string{"the-secret-itself", "abcdefghijkl", "the-other-secret"} {
		got := set.Text(text)
		if strings.Contains(got, "the-secret") || strings.Contains(got, "the-other") || !strings.HasPrefix(got, "[secret:") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestJSONStaysJSON(t *testing.T) {
	set := redact.New()
	set.Add(redact.Secret{Name: "a", Value: "nabcdefghij"}, redact.Secret{Name: "n", Value: "1234567890123"}, redact.Secret{Name: "q", Value: `a":"b-and-more`})
	for _, doc := range []string{`{"nabcdefghij":["\nabcdefghij","\u006eabcdefghij",1234567890123]}`, `{"x":"a\":\"b-and-more"}`, `{"a":"b-and-more"}`, `"\u202e"`, `12345678901230`} {
		got := set.JSON([]byte(doc))
		if !json.Valid(got) {
			t.Errorf("%s became %s", doc, got)
		}
	}
}

func TestDeep(t *testing.T) {
	type inner struct {
		Text  string
		Names map[string][]string
		own   string
	}
	type outer struct {
		P    *inner
		List []inner
		Any  any
		N    int
	}
	set := redact.New()
	set.Add(redact.Secret{Name: "k", Value: "full-key-1234567890"})
	in := inner{"a full-key-1234567890", map[string][]string{"full-key-1234567890": {"x", "full-key-1234567890"}}, "full"}
	v := outer{P: &in, List: []inner{in, {Text: "plain"}}, Any: in, N: 3}
	before := fmt.Sprintf("%+v %+v", in, v.List)
	got := redact.Deep(set, v)
	if fmt.Sprintf("%+v %+v", in, v.List) != before {
		t.Error("what was given was changed")
	}
	if text := fmt.Sprintf("%+v %+v", *got.P, got); strings.Contains(text, "1234567890") || !strings.Contains(text, "own:full") || got.N != 3 || got.List[1].Text != "plain" {
		t.Errorf("%s", text)
	}
	if none := redact.Deep(set, &in.Names); none == &in.Names {
		t.Error("a map with a secret was given back")
	}
}

// Fuzzing: no way to write the secret stays, JSON stays JSON, and nothing changes the second
// time.
func FuzzText(f *testing.F) {
	list := ways()
	for i := range list {
		f.Add("full-key-1234567890", "before", "after", uint8(i))
	}
	f.Add(`a"b\c/d<e>&f`, `{"a":"`, `"}`, uint8(1))
	f.Add("nabcdefgh", `{"a":"\`, `"}`, uint8(0))
	f.Fuzz(func(t *testing.T, secret, before, after string, way uint8) {
		n := len([]rune(secret))
		if n < redact.Long || n > 60 || strings.ToValidUTF8(secret, "") != secret || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return
		}
		w := list[int(way)%len(list)]
		if n < w.least {
			w = list[0]
		}
		set := redact.New()
		set.Add(redact.Secret{Name: "k", Value: secret})
		written := w.write(secret)
		text := before + written + after
		got := set.Text(text)
		if strings.Contains(got, secret) && !strings.Contains("[secret:k~0123456789abcdef]", secret) && !strings.HasPrefix(secret, "[secret") {
			t.Errorf("%s: %q became %q", w.name, text, got)
		}
		if json.Valid([]byte(text)) {
			if doc := set.JSON([]byte(text)); !json.Valid(doc) {
				t.Errorf("%s became %s", text, doc)
			}
		}
		doc, err := json.Marshal(map[string]string{before: written, written: after})
		if err != nil {
			t.Fatal(err)
		}
		if out := set.JSON(doc); !json.Valid(out) {
			t.Errorf("%s became %s", doc, out)
		}
	})
}
