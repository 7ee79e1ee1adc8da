package catalogs

import (
	"slices"
	"testing"
)

// A row stands for every prefix that shares it; a row of one's own wins, and chains are
// followed whatever order they are written in.
func TestSameAs(t *testing.T) {
	c, err := Parse("x.yaml", []byte(`permcheck: catalog/1
name: x
permissions: {A: , B: , C: }
endpoints:
  GET /api/v1/a: {requires: A, odd: "x"}
  GET /api/v1/a/{id}: A
  DELETE /api/v1/a/{id}: B
  DELETE /api/v2/a/{n}: C
  GET /api/v10/a: B
  GET /{tenant}/old: A
same-as:
  /api/v3: {of: /api/v2, except: ["DELETE /api/v3/a/{x}"]}
  /api/v2: /api/v1
  /{org}/old/copy: "/{tenant}/old"
  /alias: /api/v1/a
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range c.Endpoints {
		if e.SameAs != "" {
			if e.Odd != "" {
				t.Errorf("%s: odd is said of another row", &e)
			}
			got = append(got, e.String()+" = "+e.SameAs+": "+e.Requires.String())
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /alias/{id} = DELETE /api/v1/a/{id}: B",
		"GET /alias = GET /api/v1/a: A",
		"GET /alias/{id} = GET /api/v1/a/{id}: A",
		"GET /api/v2/a = GET /api/v1/a: A",
		"GET /api/v2/a/{id} = GET /api/v1/a/{id}: A",
		"GET /api/v3/a = GET /api/v2/a: A",
		"GET /api/v3/a/{id} = GET /api/v2/a/{id}: A",
		"GET /{org}/old/copy = GET /{tenant}/old: A",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	for _, l := range c.Lint() {
		if e, ok := c.Endpoint("GET", "/alias"); ok && l.Subject == e.String() {
			t.Errorf("a row that nobody wrote is linted: %+v", l)
		}
	}
	if _, err := Parse("x.yaml", []byte("permcheck: catalog/1\nname: x\npermissions: {A: }\nendpoints: {GET /a/x: A}\nsame-as: {/b: /c, /c: /b}\n")); err == nil {
		t.Error("prefixes that share nothing but each other are accepted")
	}
}
