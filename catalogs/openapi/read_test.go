package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs/openapi"
)

func requirement(t testing.TB, o *openapi.Operation) string {
	t.Helper()
	if o.Unreadable != nil {
		return "unreadable: " + o.Unreadable.Message
	}
	r, err := o.Requirement(openapi.Scopes{}, openapi.SchemeAtom)
	if err != nil {
		t.Fatal(err)
	}
	return r.String()
}

func lines(t testing.TB, d *openapi.Document) string {
	t.Helper()
	var b strings.Builder
	for i := range d.Operations {
		o := &d.Operations[i]
		p := o.Pos
		fmt.Fprintf(&b, "%d:%d %s %s%s: %s\n", p.Line, p.Column, o.Method, o.Base, o.Path, requirement(t, o))
	}
	return b.String()
}

func TestParse(t *testing.T) {
	const schemes = "components: {securitySchemes: {k: {type: http, scheme: bearer}, o: {type: oauth2}}}\n"
	for _, test := range []struct{ name, text, want string }{
		{"inheritance", `openapi: 3.0.3
security: [{k: []}]
paths:
  /a:
    security: []
    get: {}
    put: {security: []}
    post: {security: [{}]}
    delete: {security: [{o: [x, y]}, {k: [], o: []}]}
` + schemes, `6:5 GET /a: k
7:5 PUT /a: public
8:5 POST /a: public
9:5 DELETE /a: k & o | o & o[x] & o[y]
`},
		{"nothing said", "openapi: 3.1.0\npaths: {/a: {get: {}}}\n", "2:14 GET /a: public\n"},
		{"anchors and merge keys", `openapi: 3.0.3
x-base: &base {security: [{k: []}], operationId: base}
paths:
  /a: {get: {<<: *base}}
  /b: {get: {<<: *base, security: []}}
  /c: {get: {<<: [{security: [{o: []}]}, *base]}}
`, "4:8 GET /a: k\n5:8 GET /b: public\n6:8 GET /c: o\n"},
		{"servers", `openapi: 3.0.3
servers: [{url: 'https://h.example/root/'}, {url: /other}]
paths:
  /a: {get: {}}
  /b: {servers: [{url: '//h.example'}], get: {}, put: {servers: [{url: '{scheme}://h.example/{v}', variables: {scheme: {default: https}, v: {default: v3}}}]}}
  /c: {servers: [], get: {servers: [{url: relative/}]}}
`, "4:8 GET /root/a: public\n5:41 GET /b: public\n5:50 PUT /v3/b: public\n6:21 GET /relative/c: public\n"},
		{"2.0", `swagger: "2.0"
basePath: /v1/
security: [{b: []}]
securityDefinitions: {b: {type: basic}}
paths: {/a: {get: {}}}
`, "5:14 GET /v1/a: b\n"},
		{"JSON", "{\"openapi\": \"3.0.3\",\n \"paths\": {\"/\u00e4\\u0062\": {\"get\": {\"security\": [{\"k\": []}]}}}}", "2:25 GET /\u00e4b: k\n"},
		{"references", `openapi: 3.1.0
paths:
  /a: {$ref: '#/components/pathItems/A'}
  /b: {$ref: '#/paths/~1a', put: {}}
  /c: {$ref: '#/nowhere'}
  /d: {get: {$ref: '#/components/x-op'}}
  /e: {$ref: 'https://elsewhere.example/a.yaml'}
  /f: {$ref: '../outside.yaml'}
components:
  pathItems: {A: {get: {security: [{k: []}]}}}
  x-op: {security: [{o: []}]}
`, `10:19 GET /a: k
10:19 GET /b: k
4:29 PUT /b: public
5:3 * /c: unreadable: path "/c": $ref "#/nowhere": there is no "nowhere"
6:8 GET /d: o
7:3 * /e: unreadable: path "/e": $ref "https://elsewhere.example/a.yaml": only files below the document's folder are followed, by relative paths
8:3 * /f: unreadable: path "/f": $ref "../outside.yaml": only files below the document's folder are followed, or below the one that --refs-below names
`},
		{"misshapen", `openapi: 3.0.3
paths:
  /a: {get: {security: k}}
  /b: {get: {security: [k]}}
  /c: {get: {security: [{k: all}]}}
  /d: {get: {security: [{k: [[x]]}]}}
  /e: {get: [], put: ~}
  /f: 7
  /g: {get: {security: [{k: }]}, parameters: nonsense}
`, `3:8 GET /a: unreadable: security is a plain value: expected a list, [] for none
4:8 GET /b: unreadable: an alternative of security is a plain value: expected a mapping of scheme names, {} for none
5:8 GET /c: unreadable: the scopes of "k" are a plain value: expected a list
6:8 GET /d: unreadable: a scope of "k" is a list: expected text
7:8 GET /e: unreadable: GET /e: a list: expected an operation
7:17 PUT /e: unreadable: PUT /e: the operation is null: expected a mapping, or no put at all
8:3 * /f: unreadable: path "/f": a plain value: expected a path item
9:8 GET /g: k
`},
		{"webhooks and callbacks", `openapi: 3.1.0
security: [{k: []}]
webhooks: {fired: {post: {}}}
paths:
  /a: {post: {callbacks: {done: {'{$url}': {put: {security: []}}}}}}
`, "5:8 POST /a: k\n5:45 PUT callback:POST /a done {$url}: public\n3:20 POST webhook:fired: k\n"},
		{"an endless callback ends", `openapi: 3.1.0
paths:
  /a: &item {post: {callbacks: {x: {u: {$ref: '#/paths/~1a'}}}}}
`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := openapi.Parse("doc.yaml", []byte(test.text), openapi.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if n := len(d.Operations); n < 2 || n > 20 || len(d.Problems) == 0 {
					t.Errorf("%d operations, problems %v", n, d.Problems)
				}
				return
			}
			if got := lines(t, d); got != test.want {
				t.Errorf("got:\n%swant:\n%s", got, test.want)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	bomb := "openapi: 3.0.3\nx0: &a0 {k: v}\n"
	for i := range 24 {
		bomb += fmt.Sprintf("x%d: &a%d {<<: [*a%d, *a%d]}\n", i+1, i+1, i, i)
	}
	bomb += "paths: {/a: {get: *a24}}\n"
	for _, test := range []struct{ name, text, want string }{
		{"empty", " \n", "doc.yaml: the file is empty"},
		{"comments", "# nothing\n", "doc.yaml: the file holds only comments"},
		{"binary", "PK\x03\x04\x00\x00", "doc.yaml: this is binary data"},
		{"latin", strings.Repeat("\xff\xfe", 400), "doc.yaml: this is binary data"},
		{"tab", "openapi: 3.0.3\npaths:\n\t/a: {}\n", "doc.yaml:3:1: a tab in the indentation"},
		{"cut off JSON", `{"openapi": "3.0.3", "paths": {"/a": {`, "doc.yaml:1:39: the JSON ends too early"},
		{"broken JSON", "{\"openapi\": \"3.0.3\",\n \"paths\": {]}", "doc.yaml:2:12: invalid JSON"},
		{"two documents", "openapi: 3.0.3\n---\na: b\n", "a second YAML document begins here"},
		{"alias bomb", bomb, "too many YAML aliases"},
		{"duplicate method", "openapi: 3.0.3\npaths:\n  /a:\n    get: {}\n    get: {}\n", `doc.yaml:5:5: key "get" is here twice: first at line 4`},
		{"duplicate JSON key", "{\"openapi\": \"3.0.3\",\n\"paths\": {\"/a\": {\"get\": {}},\n\"/a\": {}}}", `doc.yaml:3:1: key "/a" is here twice: first at line 2`},
		{"other format", "asyncapi: 3.0.0\nchannels: {}\n", "expected the top-level key openapi or swagger; it has asyncapi, channels"},
		{"a list", "- a\n", "not an OpenAPI document"},
		{"version", "openapi: 4.0.0\npaths: {}\n", `OpenAPI version "4.0.0": expected 2.0 or 3.x`},
		{"no paths", "openapi: 3.0.3\n", "the document has no paths"},
		{"paths is a list", "openapi: 3.0.3\npaths: [a]\n", "doc.yaml:2:8: a list: expected a mapping of path items"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := openapi.Parse("doc.yaml", []byte(test.text), openapi.Options{})
			if err == nil {
				t.Fatalf("no error; operations:\n%s", lines(t, d))
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
}

func TestExternalReferences(t *testing.T) {
	files := fstest.MapFS{
		"paths/a.yaml":       {Data: []byte("get: {security: [{k: []}]}\nput: {$ref: 'ops/put.json#/op'}\n")},
		"paths/ops/put.json": {Data: []byte(`{"op": {"security": [{"o": ["x"]}]}}`)},
		"loop.yaml":          {Data: []byte("$ref: 'loop.yaml'\n")},
		"broken.yaml":        {Data: []byte("get: [\n")},
	}
	text := `openapi: 3.0.3
paths:
  /a: {$ref: ./paths/a.yaml}
  /b: {$ref: loop.yaml}
  /c: {$ref: broken.yaml}
  /d: {$ref: missing.yaml}
`
	d, err := openapi.Parse("api/doc.yaml", []byte(text), openapi.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range d.Operations {
		o := &d.Operations[i]
		req, _, _ := strings.Cut(requirement(t, o), ": $ref")
		got = append(got, fmt.Sprintf("%s %s %s", o.Pos, o, req))
	}
	want := []string{
		"api/paths/a.yaml:1:1 GET /a k",
		"api/paths/ops/put.json:1:9 PUT /a o & o[x]",
		`api/doc.yaml:4:3 * /b unreadable: path "/b"`,
		`api/doc.yaml:5:3 * /c unreadable: path "/c"`,
		`api/doc.yaml:6:3 * /d unreadable: path "/d"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLoadStaysInItsFolder tries to leave the document's folder through a symbolic
// link.
func TestLoadStaysInItsFolder(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "secret.yaml")
	inside := filepath.Join(dir, "api")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(inside, 0o777); err != nil {
		t.Fatal(err)
	}
	write(outside, "get: {security: []}\n")
	write(filepath.Join(inside, "doc.yaml"), "openapi: 3.0.3\npaths: {/a: {$ref: link.yaml}}\n")
	if err := os.Symlink(outside, filepath.Join(inside, "link.yaml")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	d, err := openapi.Load(filepath.Join(inside, "doc.yaml"), openapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Operations) != 1 || d.Operations[0].Unreadable == nil {
		t.Errorf("the link was followed: %+v", d.Operations)
	}
}

// TestAgreesWithFullLoad holds the narrow reader against kin-openapi's loader, which
// decodes the whole document and resolves every reference in its own way.
func TestAgreesWithFullLoad(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	if dir := os.Getenv("PERMCHECK_OPENAPI_REAL"); dir != "" {
		for _, pattern := range []string{"*.yaml", "*.json"} {
			more, _ := filepath.Glob(filepath.Join(dir, pattern))
			files = append(files, more...)
		}
	} else {
		t.Log("PERMCHECK_OPENAPI_REAL is not set: only the documents under testdata are compared")
	}
	for _, file := range files {
		if strings.HasSuffix(file, "-changes.json") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.HasPrefix(data, []byte("swagger")) {
				t.Skip("the full loader reads 3.x only")
			}
			loader := openapi3.NewLoader()
			loader.IsExternalRefsAllowed = true
			loader.Context = context.Background()
			full, err := loader.LoadFromDataWithPath(data, &url.URL{Path: filepath.ToSlash(file)})
			if err != nil {
				t.Skipf("the full loader refuses it: %v", err)
			}
			doc, err := openapi.Load(file, openapi.Options{})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{}
			for path, item := range full.Paths.Map() {
				for method, op := range item.Operations() {
					sec := full.Security
					if op.Security != nil {
						sec = *op.Security
					}
					want[method+" "+path] = spell(sec)
				}
			}
			got := map[string]string{}
			for i := range doc.Operations {
				o := &doc.Operations[i]
				if o.Kind != openapi.Endpoint {
					continue
				}
				if o.Unreadable != nil {
					t.Errorf("%s: %s", o, o.Unreadable.Message)
				}
				alts := []map[string][]string{}
				for _, alt := range o.Security {
					m := map[string][]string{}
					for _, u := range alt {
						m[u.Scheme] = u.Scopes
					}
					alts = append(alts, m)
				}
				got[o.String()] = spellMaps(alts)
			}
			if len(got) == 0 || len(got) != len(want) {
				t.Errorf("%d operations, the full load has %d", len(got), len(want))
			}
			for k, w := range want {
				if got[k] != w {
					t.Errorf("%s: got %s, the full load says %s", k, got[k], w)
				}
			}
		})
	}
}

func spell(sec openapi3.SecurityRequirements) string {
	alts := []map[string][]string{}
	for _, s := range sec {
		alts = append(alts, s)
	}
	return spellMaps(alts)
}

func spellMaps(alts []map[string][]string) string {
	for _, m := range alts {
		for k, v := range m {
			if len(v) == 0 {
				m[k] = []string{}
			}
		}
	}
	b, _ := json.Marshal(alts)
	return string(b)
}

func TestFormatError(t *testing.T) {
	_, err := openapi.Parse("x", []byte("permcheck: catalog/1\n"), openapi.Options{})
	var format *openapi.FormatError
	if !errors.As(err, &format) || !slices.Equal(format.Keys, []string{"permcheck"}) {
		t.Errorf("got %#v", err)
	}
}

func TestSchemeAtomsDiffer(t *testing.T) {
	seen := map[string]string{}
	names := []string{"", "a", "a[b]", `a"`, `"a[b]"`, "[", "b]"}
	for _, scheme := range names[1:] {
		for _, scope := range names {
			at := string(openapi.SchemeAtom(scheme, scope))
			if was, ok := seen[at]; ok {
				t.Errorf("%q is %s and %q, %q", at, was, scheme, scope)
			}
			seen[at] = fmt.Sprintf("%q, %q", scheme, scope)
		}
	}
}

func TestParseExtension(t *testing.T) {
	for text, want := range map[string]string{
		"x-a":                 "expected NAME:SHAPE",
		":string":             "expected NAME:SHAPE",
		"x-a:text":            `"text" is not a shape: expected one of string, all-of-list`,
		"x-a:string:x":        "nothing follows the shape",
		"description:prose":   "expected description:prose:REGEXP",
		"description:prose:(": "missing closing )",
	} {
		if _, err := openapi.ParseExtension(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// large is a document of n paths with schemas and examples around them, as real ones
// have.
func large(n int, asJSON bool) []byte {
	paths, schemas := map[string]any{}, map[string]any{}
	for i := range n {
		name := fmt.Sprintf("Thing%d", i)
		properties := map[string]any{}
		for k := range 20 {
			properties[fmt.Sprintf("property%d", k)] = map[string]any{"type": "string", "description": strings.Repeat("words about it ", 6), "example": "an example"}
		}
		schemas[name] = map[string]any{"type": "object", "properties": properties}
		body := map[string]any{"content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"$ref": "#/components/schemas/" + name}, "example": properties}}}
		paths[fmt.Sprintf("/things%d/{id}", i)] = map[string]any{
			"get":  map[string]any{"security": []any{map[string]any{"oauth": []any{"read"}}, map[string]any{"key": []any{}}}, "responses": map[string]any{"200": body}},
			"post": map[string]any{"requestBody": body, "responses": map[string]any{"200": body}},
		}
	}
	doc := map[string]any{"openapi": "3.0.3", "info": map[string]any{"title": "t", "version": "1"}, "security": []any{map[string]any{"key": []any{}}}, "paths": paths,
		"components": map[string]any{"schemas": schemas, "securitySchemes": map[string]any{"key": map[string]any{"type": "http", "scheme": "bearer"}}}}
	b, _ := json.MarshalIndent(doc, "", "  ")
	if !asJSON {
		b = append([]byte("# YAML for its first line\n"), b...)
	}
	return b
}

func BenchmarkParse(b *testing.B) {
	for _, format := range []string{"JSON", "YAML"} {
		data := large(500, format == "JSON")
		b.Run(format, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := openapi.Parse("doc", data, openapi.Options{})
				if err != nil || len(d.Operations) != 1000 {
					b.Fatal(err)
				}
			}
		})
	}
	data := large(500, true)
	b.Run("EncodingJSONToAny", func(b *testing.B) { // the floor to compare with
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("openapi: 3.0.3\nsecurity: [{k: []}]\npaths: {/a/{b}: {get: {security: [{o: [x]}, {}], x-permission: {operator: OR, permissions: [p]}}}}\n"))
	f.Add([]byte(`{"openapi":"3.1.0","paths":{"/a":{"$ref":"#/components/pathItems/A"}},"components":{"pathItems":{"A":{"get":{}}},"securitySchemes":{"k":{"type":"oauth2","flows":{"implicit":{"authorizationUrl":"u"}}}}}}`))
	f.Add([]byte("swagger: '2.0'\nbasePath: v1\nsecurityDefinitions: {o: {type: oauth2, flow: accessCode}, b: {type: basic}}\npaths: {/x: {post: {callbacks: {}}}}\n"))
	f.Add([]byte("openapi: 3.2.0\nwebhooks: {w: {additionalOperations: {COPY: {security: ~}}}}\npaths: &p {/a: {<<: *p, query: {x-exegesis-roles: [[a], [b, c]]}}}\n"))
	f.Add(large(1, true))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := openapi.Parse("fuzz", data, openapi.Options{})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		for i := range d.Operations {
			o := &d.Operations[i]
			if !o.Pos.IsValid() {
				t.Errorf("%s has no position", o)
			}
			if _, err := o.Requirement(openapi.Scopes{Any: true}, openapi.SchemeAtom); err != nil && o.Unreadable != nil {
				t.Log(err)
			}
		}
		if _, err := d.Project("", openapi.Scopes{}); err != nil {
			t.Log(err)
		}
	})
}
