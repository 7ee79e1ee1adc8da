package catalogs_test

import (
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

// The hash is that of what is said: comments, places and the file's name change nothing, any
// other edit does.
func TestHash(t *testing.T) {
	const text = `permcheck: catalog/1
name: small
permissions: {a: {label: A}, b: }
refused: {forbidden: {status: 403, body: {error: no}}}
endpoints:
  GET /x: a
  POST /x: {requires: a & b, effect: read}
records: {thing: {sharing: {all: {}, open: {secret: false}}}}
`
	hash := func(file, text string) string {
		t.Helper()
		c, err := catalogs.Parse(file, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c.Hash()
	}
	want := hash("a.yaml", text)
	if got := hash("b.yaml", strings.Replace(text, "endpoints:", "# about\nendpoints:", 1)); got != want {
		t.Error("a comment and another file name change the hash")
	}
	for _, edit := range [][2]string{{"a & b", "a | b"}, {"effect: read", "effect: write"}, {"label: A", "label: B"}, {"error: no", "error: yes"},
		{"status: 403", "status: 404"}, {"secret: false", "secret: true"}, {"GET /x", "GET /y"}, {"b: }", "b: , c: }"}} {
		changed := strings.Replace(text, edit[0], edit[1], 1)
		if changed == text {
			t.Fatalf("the text has no %q", edit[0])
		}
		if hash("a.yaml", changed) == want {
			t.Errorf("%q instead of %q leaves the hash as it was", edit[1], edit[0])
		}
	}
}
