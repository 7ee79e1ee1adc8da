package reference

import (
	"net/url"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

// The matcher agrees with the templates of package catalogs, which were written apart
// from it, on every path that needs no unescaping.
func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{
		{"/a/{id}", "/a/1"}, {"/a/{id}.json", "/a/x.json"}, {"/a/{x}-{y}", "/a/1-2-3"}, {"/a/{rest...}", "/a/b/c"},
		{"/a/{rest...}", "/a"}, {"/a/", "/a/"}, {"/", "/"}, {"/{a}/{b}", "//x"}, {"/x{a}x", "/xx"}, {"/a/{x/y}", "/a/b"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, template, path string) {
		tmpl, err := catalogs.ParseTemplate(template)
		if err != nil || strings.ContainsAny(path, "%") || url.PathEscape(template) == "" {
			return
		}
		parts, ok := splitRequestPath(path)
		if !ok {
			return
		}
		params, got := compile(template).match(parts)
		if want := tmpl.Match(path); got != want {
			t.Fatalf("%q matches %q: %t, want %t", template, path, got, want)
		}
		if got {
			back := tmpl.Expand(func(name string) string { return params[name] })
			if names := tmpl.Params(); len(names) == len(params) && back != path { // a name may stand twice
				t.Fatalf("%q with %v is %q, not %q", template, params, back, path)
			}
		}
	})
}
