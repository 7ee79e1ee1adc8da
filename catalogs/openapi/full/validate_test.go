package full_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

func problems(text string, opts openapi.Options) []string {
	var out []string
	for _, p := range full.Validate("api/d.yaml", []byte(text), opts) {
		out = append(out, p.Pos.String()+": "+p.Message)
	}
	return out
}

const head30 = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\n"

// Each thing that is forbidden is said once, at its place.
func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       []string // begin of each problem
	}{
		{"nothing", head30 + "paths: {'/a/{id}': {parameters: [{name: id, in: path, required: true, schema: {type: string}}], get: {responses: {default: {description: d}}}}}\n", nil},
		{"no title", "openapi: 3.0.3\ninfo: {version: '1'}\npaths: {}\n", []string{"api/d.yaml:2:1: invalid info: value of title must be a non-empty string"}},
		{"no paths", head30, []string{`api/d.yaml:1:1: invalid paths: must be an object`}},
		{"path parameter", head30 + "paths:\n  /a/{id}:\n    get: {responses: {default: {description: d}}}\n", []string{"api/d.yaml:4:3: invalid paths: operation GET /a/{id} must define exactly all path parameters"}},
		{"no responses", head30 + "paths:\n  /a:\n    get: {}\n", []string{"api/d.yaml:5:5: invalid paths: invalid path /a: invalid operation GET: value of responses must be"}},
		{"twin paths", head30 + "paths:\n  /a/{x}: {}\n  /a/{y}: {}\n", []string{"api/d.yaml:5:3: invalid paths: conflicting paths"}},
		{"twice an operationId", head30 + "paths:\n  /a: {get: {operationId: x, responses: {default: {description: d}}}}\n  /b: {get: {operationId: x, responses: {default: {description: d}}}}\n",
			[]string{"api/d.yaml:5:8: invalid paths: operations \"GET /a\" and \"GET /b\" have the same operation id"}},
		{"a type, wherever it is used", head30 + `paths:
  /a: {get: {responses: {default: {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}}
  /b: {get: {responses: {default: {description: d, content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}}}}
components:
  schemas:
    A:
      title: x
      type: strin
`, []string{`api/d.yaml:10:7: invalid components: schema "A": unsupported 'type' value "strin"`}},
		{"a field of 3.1", head30 + "paths: {}\nwebhooks: {}\n", []string{"api/d.yaml:4:1: field webhooks is for OpenAPI >=3.1"}},
		{"another field", head30 + "paths: {}\nx-ok: 1\npath: 1\n", []string{"api/d.yaml:5:1: "}},
		{"an example that does not fit, and a pattern of ECMAScript", head30 + "paths: {}\ncomponents: {schemas: {A: {type: integer, example: x}, B: {type: string, pattern: '(?=a)'}}}\n", nil},
		{"a default that does not fit", head30 + "paths: {}\ncomponents:\n  schemas:\n    A: {type: integer, default: x}\n", []string{`api/d.yaml:6:`}},
		{"2.0", "swagger: '2.0'\ninfo: {title: t, version: '1'}\npaths: {}\n", []string{"api/d.yaml:1:1: the document was not validated: only versions 3.0, 3.1 and 3.2 can be, and this is 2.0"}},
		{"later", "openapi: 3.9.0\ninfo: {title: t, version: '1'}\npaths: {}\n", []string{"api/d.yaml:1:1: the document was not validated: only versions 3.0, 3.1 and 3.2 can be"}},
		{"parts of another form", head30 + "paths:\n  /a:\n    get: {responses: 5}\n    put: {responses: {default: {description: d}}}\n  /b: 7\ncomponents:\n  schemas:\n    A: {properties: []}\n    B: {type: string}\n", []string{
			"api/d.yaml:10:5: components schemas A: ", "api/d.yaml:5:5: paths /a get: ", "api/d.yaml:7:3: paths /b: ", "api/d.yaml:1:1: the rest of the document was not validated"}},
		{"references that lead nowhere", head30 + "paths:\n  /a: {get: {responses: {default: {$ref: '#/components/responses/R'}}}}\n  /b: {get: {responses: {default: {$ref: '#/components/responses/R'}}}}\n  /c: {$ref: 'http://127.0.0.1:1/x.yaml'}\n", []string{
			"api/d.yaml:4:36: $ref \"#/components/responses/R\": it leads to nothing", "api/d.yaml:6:8: $ref \"http://127.0.0.1:1/x.yaml\": it is not followed", "api/d.yaml:1:1: the rest"}},
		{"no document", "[]\n", []string{"api/d.yaml:1:1: the document was not validated"}},
		{"a schema that is nothing but itself", "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    A: {default: 1, properties: {a: {$ref: '#/components/schemas/A'}}}\n    B: {type: strin}\n    C: {$ref: '#/components/schemas/B', properties: {x: {$ref: '#/components/schemas/A'}}}\n",
			[]string{`api/d.yaml:7:5: invalid components: schema "B": unsupported 'type' value "strin"`, `api/d.yaml:8:5: invalid components: schema "C"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := problems(test.text, openapi.Options{})
			ok := len(got) == len(test.want)
			for i := range got {
				ok = ok && strings.HasPrefix(got[i], test.want[i])
			}
			if !ok {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
			}
		})
	}
}

// JSON has places too, indented by tabs as well.
func TestValidateJSON(t *testing.T) {
	got := problems("{\"openapi\": \"3.0.3\",\n\t\"info\": {\"title\": \"t\", \"version\": \"1\"},\n\t\"paths\": {\n\t\t\"/a\": {\"get\": {}}}}", openapi.Options{})
	if len(got) != 1 || !strings.HasPrefix(got[0], "api/d.yaml:4:10: ") {
		t.Error(got)
	}
}

// Files below the folder of the document are validated with it, others are not opened.
func TestValidateFiles(t *testing.T) {
	files := fstest.MapFS{
		"api/d.yaml":        {},
		"api/parts/a.yaml":  {Data: []byte("A:\n  title: a\n  type: strin\nB: {$ref: '../../b.json#/x'}\n")},
		"b.json":            {Data: []byte("{\"x\":\n {\"type\": \"object\", \"properties\": {\"b\": {\"$ref\": \"b.json#/x\"}}}}")},
		"api/endless.yaml":  {Data: []byte("E: {items: {$ref: '#/E'}}\n")},
		"api/broken.yaml":   {Data: []byte("a: [")},
		"api/list.yaml":     {Data: []byte("- 1\n")},
		"api/unrelated.txt": {},
	}
	doc := func(ref string) string {
		return "openapi: 3.1.0\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    S: {$ref: '" + ref + "', properties: {p: {type: string}}}\n"
	}
	for ref, want := range map[string]string{
		"parts/a.yaml#/A":          "api/parts/a.yaml:3:3: ",
		"parts/a.yaml#/B":          "",
		"endless.yaml#/E":          "",
		"parts/a.yaml#/C":          `api/d.yaml:6:9: $ref "parts/a.yaml#/C": it leads to nothing`,
		"broken.yaml":              "api/d.yaml:6:9: $ref \"broken.yaml\": ",
		"gone.yaml":                "api/d.yaml:6:9: $ref \"gone.yaml\": ",
		"../../etc/passwd":         "api/d.yaml:6:9: $ref \"../../etc/passwd\": it is not followed",
		"/etc/passwd":              "api/d.yaml:6:9: $ref \"/etc/passwd\": it is not followed",
		"https://127.0.0.1:1/a":    "api/d.yaml:6:9: ",
		"file:///etc/passwd":       "api/d.yaml:6:9: ",
		"//127.0.0.1/share/a":      "api/d.yaml:6:9: ",
		"parts/../parts/a.yaml#/B": "",
	} {
		got := problems(doc(ref), openapi.Options{Files: files, Dir: "api"})
		if want == "" && len(got) > 0 || want != "" && (len(got) == 0 || !strings.HasPrefix(got[0], want)) {
			t.Errorf("%s: got %q, want %q", ref, got, want)
		}
	}
}

// What is found is bounded, and so is the time.
func TestValidateIsBounded(t *testing.T) {
	var many strings.Builder
	many.WriteString(head30 + "paths:\n")
	for i := range 120 {
		fmt.Fprintf(&many, "  /p%d: {get: {}}\n", i)
	}
	got := problems(many.String(), openapi.Options{})
	if len(got) != 51 || got[50] != "api/d.yaml:1:1: 70 more problems of this document are not listed" {
		t.Errorf("%d: %s", len(got), got[len(got)-1])
	}
}

// Whatever text it is, it ends, and what it says has a place in the text.
func FuzzValidate(f *testing.F) {
	f.Add(head30 + "paths: {/a: {get: {}}}\n")
	f.Add(withBodies)
	f.Add("openapi: 3.1.0\ninfo: {}\npaths: {}\ncomponents: {schemas: {A: {items: {$ref: '#/components/schemas/A'}, default: 1}, B: {$ref: '#/components/schemas/B', allOf: [{$ref: '#/components/schemas/A'}]}}}\n")
	f.Add("openapi: 3.1.0\ninfo: {}\npaths: {}\nComponents: {schemas: {A: {Items: {$ref: '#/components/schemas/A'}, default: 1}}}\n")
	f.Add(`{"openapi":"3.2.0","info":{"title":"t","version":"1"},"paths":{"/a":{"$ref":"#/paths/~1a","additionalOperations":{"COPY":{"callbacks":{"c":{"$ref":"#/components/callbacks/c"}}}}}},"components":{"callbacks":{"c":{"x":{"$ref":"#/paths/~1a"}}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 10_000 {
			return
		}
		var v any
		if json.Unmarshal([]byte(text), &v) != nil && yaml.Unmarshal([]byte(text), &v) != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, p := range full.Validate("f", []byte(text), openapi.Options{}) {
			if p.Message == "" || p.Pos.Line < 1 || p.Pos.Line > lines || strings.ContainsAny(p.Message, "\n\r") {
				t.Fatalf("%v of %d lines", p, lines)
			}
		}
	})
}
