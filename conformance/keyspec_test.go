package conformance_test

import (
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

const specCatalog = `permcheck: catalog/1
name: c
permissions: {a read: , b: }
allow-lists: {shown: {of: thing}}
endpoints:
  GET /things: {requires: a read, lists: thing}
records: {thing: {sharing: {all: {}, open: {open: true}}}}
`

func TestParseKeySpec(t *testing.T) {
	c, err := catalogs.Parse("c.yaml", []byte(specCatalog))
	if err != nil {
		t.Fatal(err)
	}
	got, err := conformance.ParseKeySpec(strings.Fields("a read & b sharing thing=open list shown=x,y expires 5s"), c)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Grants.Equal(perm.NewSet("a read", "b")) || got.Sharing["thing"] != "open" || strings.Join(got.Lists["shown"], " ") != "x y" || got.Expires.IsZero() {
		t.Errorf("%+v", got)
	}
	if got, err := conformance.ParseKeySpec([]string{"none", "list", "shown="}, c); err != nil || got.Lists["shown"] != nil || len(got.Lists) != 1 {
		t.Errorf("an empty list: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"":                      "expected a grant",
		"c":                     `no permission "c"`,
		"b sharing":             "sharing: says nothing",
		"b sharing thing":       "expected NAME=VALUE",
		"b sharing thing=half":  "no sharing option half of thing",
		"b sharing x=open":      "no sharing option open of x",
		"b list x=y":            "no allow list x",
		"b expires never":       "expected a duration",
		"b expires -1s":         "expected a duration",
		"b list shown=x so=on":  "so=on: says nothing",
		"b list shown=x so on=": "so: expected sharing",
	} {
		if _, err := conformance.ParseKeySpec(strings.Fields(text), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, expected %q", text, err, want)
		}
	}
}

func FuzzParseKeySpec(f *testing.F) {
	c, err := catalogs.Parse("c.yaml", []byte(specCatalog))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"all", "none", "a read & b sharing thing=open", "all except b list shown=x expires 2s", "b sharing =", "list list", "\"a read\" sharing thing=all"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := conformance.ParseKeySpec(strings.Fields(text), c)
		if err != nil {
			return
		}
		for _, p := range spec.Grants {
			if _, ok := c.Canonical(p); !ok {
				t.Errorf("%q grants %q, which the catalog does not have", text, p)
			}
		}
	})
}
