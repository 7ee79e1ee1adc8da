package openapi

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// samePruned holds what is read from a text with parts left out against what is read from
// the whole text, and reports whether anything was left out.
func samePruned(t *testing.T, data []byte, opts Options) bool {
	t.Helper()
	whole, _, wholeErr := parse("d.yaml", data, opts, nil)
	if wholeErr != nil {
		// A mistake in what was left out may go unseen.
		return false
	}
	quick, err := Parse("d.yaml", data, opts)
	if err != nil {
		t.Fatalf("pruned: %v\n%s", err, data)
	}
	if !reflect.DeepEqual(whole, quick) {
		t.Fatalf("whole:\n%+v\npruned:\n%+v\n%s", whole, quick, data)
	}
	_, pruned, err := parse("d.yaml", data, opts, func(b []byte) ([]byte, int) { return prune(b, map[string]bool{"x-needs": true}) })
	return err == nil && pruned
}

const prunable = `---
# a comment with "a quote
openapi: 3.1.0
info:
  title: |
    paths:
      /no: {get: }
  description: "text that goes on
    in the next line: and on"
security: [{key: []}, {oauth: ["a b", c]}]  # all of it
paths:
  "/a":
    parameters:
    - name: id
      in: path
    get: &anchor
      security: []
  '/b/{id}':
    summary: it's a plain text
    post:
      operationId: makeB
      tags: [one, {two: "]"}]
      description: >-2
            folded
          security: []
      requestBody:
        content:
          application/json:
            example: {"a": [1, 2],
              "b": "x"}
      x-needs: [read]
      responses:
        "200":
          description: 'it''s
            fine'
      servers:
      - url: /v1
        description: not dropped
  ? /a/very/long/path
  : put:
      description: plain text
        'that goes on "not
        %so
      tags: &one
      - &two
        a: b
      security: []
    additionalOperations:
      tags:
        security: []
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Key}
    oauth:
      type: oauth2
      flows:
        clientCredentials:
          tokenUrl: https://id.example/token
          scopes:
            c: a scope
  schemas:
    A:
      type: object
`

func TestPruneIsWhole(t *testing.T) {
	opts := Options{Extensions: []Extension{{Name: "x-needs", Shape: "all-of-list"}}}
	if e, err := ParseExtension("x-needs:all-of-list"); err != nil {
		t.Fatal(err)
	} else {
		opts.Extensions[0] = e
	}
	text := strings.Replace(prunable, "&anchor", "", 1)
	if !samePruned(t, []byte(text), opts) {
		t.Error("nothing was left out")
	}
	for _, lines := range []string{"\r\n", "\n"} {
		if !samePruned(t, []byte(strings.ReplaceAll(text, "\n", lines)), opts) {
			t.Errorf("with lines that end in %q nothing was left out", lines)
		}
	}
	doc, err := Parse("d.yaml", []byte(text), opts)
	if err != nil || len(doc.Operations) != 4 || doc.Operations[1].Pos.Line != 20 || doc.Operations[1].Base != "/v1" {
		t.Errorf("%+v, %v", doc, err)
	}
	// What indentation does not tell is not guessed.
	for _, odd := range []string{
		prunable,
		"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: \"text\nsecurity: [{}]\"\n      security: [{k: []}]\n",
		"openapi: 3.1.0\ninfo: {title: [a,\n  b]}\npaths:\n  /a:\n    get:\n      tags: ['a\n\n security: x']\n      security: []\n",
		"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: x\u2028security: []\n",
		"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: x\rsecurity: []\n",
		"openapi: 3.1.0\npaths:\n  /a:\r\r\n    get:\n      description: x\n      security: []\n",
		"openapi: 3.1.0\n? \n: a\npaths:\n  ? /b\n  : &x\n    get: {}\n  /a:\n    get:\n      ? description\n      : x\n      security: []\n",
		"openapi: 3.1.0\npaths:\n  /a: {$ref: '#/components/parameters/A'}\ncomponents:\n  parameters:\n    A:\n      get:\n        security: [{k: []}]\n",
		"openapi: 3.1.0\nx-a: &a {k: []}\ninfo: &a {z: []}\npaths:\n  /a:\n    get:\n      security: [*a]\n",
		"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description:\n      tags:\n      - |\n       a",
		"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      tags:\n      - a\n      security: [{k: []}]\n      description: |\n\n        x\n\n\n    put:\n      security: []\n",
		"swagger: '2.0'\ndefinitions:\n  A: {a: \"b\"}\npaths:\n  /a:\n    get:\n      security:\n      - k: []\n      parameters:\n      -\n        name: x\n",
	} {
		samePruned(t, []byte(odd), Options{})
	}
}

// TestPruneRealDocuments reads real documents both ways.
func TestPruneRealDocuments(t *testing.T) {
	dir := os.Getenv("PERMCHECK_OPENAPI_REAL")
	if dir == "" {
		t.Skip("PERMCHECK_OPENAPI_REAL is not set: a folder of documents")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if pruned := samePruned(t, data, Options{}); !pruned && len(data) > 1<<20 {
			t.Errorf("%s: nothing was left out", filepath.Base(file))
		}
	}
}

// FuzzPrune looks for texts of which pruning changes the meaning.
func FuzzPrune(f *testing.F) {
	f.Add([]byte(prunable))
	f.Add([]byte(strings.Replace(prunable, "&anchor", "", 1)))
	f.Add([]byte("openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: 'a\n        b'\n      tags:\n      - |\n       x\n      -\n        - k: >+1\n          y\n      security: [{k: []}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) { samePruned(t, data, Options{}) })
}

// What is left out of a path item keeps its key, with nothing behind it. That must not look
// like an operation.
func TestLeftOutIsNoOperation(t *testing.T) {
	for name := range droppedOperation {
		if mayBeOperation(field{key: name}) {
			t.Errorf("%s is taken for an operation where it is left out", name)
		}
	}
}
