package catalogs

import (
	"regexp"
	"strings"
	"testing"
)

// asRegexp is the oracle of matching: a parameter is a segment's text of at least one
// character, a tail is the rest of the path.
func asRegexp(template string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	for rest := template; rest != ""; {
		if rest[0] != '{' {
			n := strings.IndexByte(rest, '{')
			if n < 0 {
				n = len(rest)
			}
			b.WriteString(regexp.QuoteMeta(rest[:n]))
			rest = rest[n:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if strings.HasSuffix(rest[:end], "...") {
			b.WriteString("(?s:.*)")
		} else {
			b.WriteString("[^/]+")
		}
		rest = rest[end+1:]
	}
	return regexp.MustCompile(b.String() + "$")
}

var templates = []string{
	"/", "/a", "/a/", "/A", "/{x}", "/{x}/", "/a/{x}", "/{x}/a", "/a/b", "/a/{x}/c", "/{x}/{y}", "/{x...}", "/a/{x...}",
	"/a/b/{x...}", "/a.{x}", "/{x}.json", "/{x}.{y}", "/a{x}b", "/{x}:run", "/{x}-{y}-{z}", "/a//b",
}

// paths are all concatenations of a few pieces, so that edges of every kind occur.
func paths() (out []string) {
	pieces := []string{"", "a", "b", "A", "c", "a.json", "axb", "ab", "x:run", "a-b-c", "a--c", ".json"}
	for _, p := range pieces {
		out = append(out, "/"+p)
		for _, q := range pieces {
			out = append(out, "/"+p+"/"+q)
			for _, r := range []string{"", "a", "b", "c"} {
				out = append(out, "/"+p+"/"+q+"/"+r)
			}
		}
	}
	return out
}

func TestTemplateMatch(t *testing.T) {
	all := paths()
	for _, text := range templates {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			t.Fatal(err)
		}
		oracle := asRegexp(text)
		for _, p := range all {
			if got, want := tmpl.Match(p), oracle.MatchString(p); got != want {
				t.Errorf("%s matches %s: %v, want %v", text, p, got, want)
			}
		}
	}
}

// Where some path is of both templates, Overlaps must say so. It may say so where
// none is, but only for segments that mix text and parameters.
func TestTemplateOverlaps(t *testing.T) {
	all := paths()
	for _, a := range templates {
		for _, b := range templates {
			ta, _ := ParseTemplate(a)
			tb, _ := ParseTemplate(b)
			ra, rb := asRegexp(a), asRegexp(b)
			witness := ""
			for _, p := range all {
				if ra.MatchString(p) && rb.MatchString(p) {
					witness = p
				}
			}
			got := ta.Overlaps(tb)
			mixed := regexp.MustCompile(`[^/]\{|\}[^/]`).MatchString(a + " " + b)
			if witness != "" && !got {
				t.Errorf("%s and %s both match %s", a, b, witness)
			}
			if witness == "" && got && !mixed {
				t.Errorf("%s and %s are said to overlap", a, b)
			}
			if got != tb.Overlaps(ta) {
				t.Errorf("%s and %s: not symmetric", a, b)
			}
		}
	}
}

func TestTemplateParts(t *testing.T) {
	tmpl, err := ParseTemplate("/a/{id}/{x}.json/{rest...}")
	if err != nil {
		t.Fatal(err)
	}
	if got := tmpl.Key(); got != "/a/{}/{}.json/{...}" {
		t.Errorf("Key %s", got)
	}
	if got := strings.Join(tmpl.Params(), ","); got != "id,x,rest" {
		t.Errorf("Params %s", got)
	}
	if got := tmpl.Expand(strings.ToUpper); got != "/a/ID/X.json/REST" {
		t.Errorf("Expand %s", got)
	}
	if EndpointKey("get", "/a/{x}") != EndpointKey("GET", "/a/{y}") || EndpointKey("GET", "/a") == EndpointKey("GET", "/a/") {
		t.Error("identity: parameter names do not matter, slashes do")
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range append(templates, "/{", "/}", "/{a}{b}", "/{a...}/b", "a", "", "/{{a}}", "/a?b") {
		f.Add(s, "/a/b")
	}
	f.Fuzz(func(t *testing.T, text, path string) {
		tmpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		if tmpl.Match(path) != asRegexp(text).MatchString(path) && strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "\n") {
			t.Errorf("%q matches %q: %v", text, path, tmpl.Match(path))
		}
		again, err := ParseTemplate(tmpl.Expand(func(name string) string { return "{" + name + "}" }))
		if err != nil && !tmpl.tail {
			t.Errorf("%q expands to what cannot be parsed: %v", text, err)
		} else if err == nil && !tmpl.tail && again.Key() != tmpl.Key() {
			t.Errorf("%q has key %q and %q", text, tmpl.Key(), again.Key())
		}
		if !tmpl.Overlaps(tmpl) {
			t.Errorf("%q does not overlap itself", text)
		}
	})
}

func TestMatchGlob(t *testing.T) {
	patterns := []string{"*", "*:READ", "a*", "a*b", "*a*", "a", "", "a**b", "*:*:READ"}
	texts := []string{"", "a", "ab", "aab", "x:READ", ":READ", "READ", "b", "axb", "a:b:READ", "bab"}
	for _, p := range patterns {
		re := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
		for _, s := range texts {
			if got, want := matchGlob(p, s), re.MatchString(s); got != want {
				t.Errorf("%q matches %q: %v, want %v", p, s, got, want)
			}
		}
	}
}
