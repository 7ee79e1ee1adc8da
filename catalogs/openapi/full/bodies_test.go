package full_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
)

const withBodies = `openapi: 3.0.3
info: {title: t, version: "1"}
servers: [{url: https://api.example.com/v1}]
paths:
  /positions:
    post:
      requestBody: {$ref: '#/components/requestBodies/Position'}
      responses: {default: {description: d}}
  /positions/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    patch:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Position'}, example: {title: an example here, state: open, department: {head: 1}, tags: [00000000-0000-4000-8000-000000000001], opened: '2020-01-01T00:00:00Z', note: n}}}}
      responses: {default: {description: d}}
    put:
      requestBody: {content: {application/json: {schema: {allOf: [{$ref: '#/components/schemas/Position'}, {type: object, required: [extra], properties: {extra: {type: integer, minimum: 5}}}]}}}}
      responses: {default: {description: d}}
components:
  requestBodies:
    Position: {content: {application/json: {schema: {$ref: '#/components/schemas/Position'}}}}
  schemas:
    Position:
      type: object
      required: [id, title, state, department, tags, opened]
      properties:
        id: {type: string, readOnly: true}
        title: {type: string, minLength: 12, maxLength: 20}
        name: {type: string}
        note: {type: string}
        state: {type: string, enum: [draft, open]}
        department: {$ref: '#/components/schemas/Department'}
        tags: {type: array, minItems: 1, items: {type: string, format: uuid}}
        opened: {type: string, format: date-time}
        parent: {$ref: '#/components/schemas/Position'}
    Department: {type: object, required: [head], properties: {head: {oneOf: [{type: integer}, {type: string}]}}}
`

// What is made from a schema is valid against it, as the full reader of the document says.
func TestBodies(t *testing.T) {
	made, err := full.Bodies("api.yaml", []byte(withBodies))
	if err != nil {
		t.Fatal(err)
	}
	if len(made.Doubts) > 0 {
		t.Error(made.Doubts)
	}
	got := made.Bodies
	doc, err := openapi3.NewLoader().LoadFromData([]byte(withBodies))
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			body, ok := got[catalogs.EndpointKey(method, "/v1"+path)]
			if !ok || got[catalogs.EndpointKey(method, path)] == nil {
				t.Errorf("%s %s has no body", method, path)
				continue
			}
			data, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(data, &v); err != nil {
				t.Fatal(err)
			}
			if method == "PATCH" {
				if !strings.Contains(string(data), `"title":"an example here"`) {
					t.Errorf("the document's own example is %s", data)
				}
			}
			schema := op.RequestBody.Value.Content.Get("application/json").Schema.Value
			if err := schema.VisitJSON(v, openapi3.VisitAsRequest()); err != nil {
				t.Errorf("%s %s: %s is not valid: %v", method, path, data, err)
			}
			if method != "PATCH" && strings.Contains(string(data), "note") || method != "PATCH" && !strings.Contains(string(data), `"name"`) {
				t.Errorf("%s: members that are not required are left out, but for the name", data)
			}
		}
	}
	if _, err := full.Bodies("x.yaml", []byte("a: 1")); err == nil || !strings.Contains(err.Error(), "not an OpenAPI document") {
		t.Errorf("no document: %v", err)
	}
}

// A part that the library refuses, or that is in another file, spoils only the operations that
// need it.
func TestBodiesOfRefusedDocuments(t *testing.T) {
	const text = `openapi: 3.0.3
info: {title: t, version: "1"}
servers: [{url: 'https://{host}/v{n}', variables: {host: {default: h}, n: {default: 2}}}]
x-all: &all {type: object, required: [on]}
paths:
  /good:
    post:
      requestBody: {content: {text/plain: {}, application/merge-patch+json: {schema: {type: string}}, 'application/json; charset=utf-8': {schema: {$ref: '#/components/schemas/Good'}}}}
    put:
      requestBody: {content: {'*/*': {schema: {$ref: '#/paths/~1good/post/x-list/0'}}}}
      x-list: []
    patch:
      requestBody: {content: {application/json: {schema: {<<: *all, properties: {on: {enum: [2020-01-01]}}}}}}
  /bad:
    post: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Bad'}}}}}
    put: {requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Bad'}, example: {a: 1}}}}}
  /file:
    post: {requestBody: {content: {application/json: {schema: {$ref: 'other.yaml'}}}}}
  /form:
    post: {requestBody: {content: {application/x-www-form-urlencoded: {schema: {type: object}}}}}
  /example:
    post: {requestBody: {content: {application/json: {examples: {a: {$ref: '#/components/examples/E'}}}}}}
    put: {requestBody: {content: {application/json: {schema: {type: integer}, example: text, examples: {b: {value: 5}}}}}}
    patch: {requestBody: {content: {application/json: {schema: {type: integer, minimum: 3}, example: text}}}}
    delete: {requestBody: {content: {application/json: {}}}}
  /broken: 7
components:
  examples: {E: {value: [1]}}
  schemas:
    Good: {type: object, required: [a], properties: {a: {$ref: '#/components/schemas/Text'}}}
    Text: {type: string}
    Bad: {type: object, properties: {a: 5}}
`
	made, err := full.Bodies("api.yaml", []byte(strings.Replace(text, "x-list: []", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(made.Bodies)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"PATCH /example":3,"PATCH /good":{"on":"2020-01-01"},"PATCH /v2/example":3,"PATCH /v2/good":{"on":"2020-01-01"},` +
		`"POST /example":[1],"POST /good":{"a":"permcheck"},"POST /v2/example":[1],"POST /v2/good":{"a":"permcheck"},` +
		`"PUT /bad":{"a":1},"PUT /example":5,"PUT /v2/bad":{"a":1},"PUT /v2/example":5}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	var doubts []string
	for _, d := range made.Doubts {
		doubts = append(doubts, d.String())
	}
	for i, want := range []string{
		"POST /bad: its schema cannot be read: ",
		"PUT /bad: its example is sent though it was not found to fit its schema: its schema cannot be read: ",
		"DELETE /example: it has no schema and no example",
		`POST /file: its schema cannot be read: the reference to "other.yaml" leads out of the document and is not followed`,
		"PUT /good: its schema cannot be read: ",
	} {
		if i >= len(doubts) || !strings.HasPrefix(doubts[i], want) {
			t.Errorf("doubt %d: want %s in %q", i, want, doubts)
		}
	}
	if len(doubts) != 5 {
		t.Errorf("%d doubts: %q", len(doubts), doubts)
	}
}

// Documents of version 2.0 say it in their own words.
func TestBodiesOfVersion2(t *testing.T) {
	made, err := full.Bodies("api.json", []byte(`{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "basePath": "/v2/", "paths": {
		"/a": {"post": {"parameters": [{"in": "query", "name": "q", "type": "string"}, {"$ref": "#/parameters/B"}], "responses": {}}},
		"/b": {"parameters": [{"in": "body", "name": "b", "schema": {"type": "array", "minItems": 2, "items": {"$ref": "#/definitions/N"}}}], "put": {"responses": {}}},
		"/c": {"post": {"parameters": [{"in": "body", "name": "b", "schema": {"$ref": "#/definitions/Pet"}}]}},
		"/d": {"post": {"parameters": [{"in": "body", "name": "b", "schema": {"type": "object", "properties": 5}}]}}},
		"parameters": {"B": {"in": "body", "name": "b", "schema": {"$ref": "#/definitions/A"}}},
		"definitions": {"A": {"type": "object", "required": ["n", "id"], "properties": {"n": {"$ref": "#/definitions/N"}, "id": {"type": "string", "readOnly": true}}}, "N": {"type": "number", "minimum": 3},
			"Pet": {"type": "object", "discriminator": "kind", "required": ["kind"], "properties": {"kind": {"type": "string"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"POST /a": `{"n":3}`, "POST /v2/a": `{"n":3}`, "PUT /v2/b": `[3,3]`, "POST /c": `{"kind":"permcheck"}`, "POST /d": "null"} {
		data, err := json.Marshal(made.Bodies[key])
		if err != nil || string(data) != want {
			t.Errorf("%s: got %s, want %s", key, data, want)
		}
	}
	if len(made.Doubts) != 1 || !strings.HasPrefix(made.Doubts[0].String(), "POST /d: its schema cannot be read") {
		t.Error(made.Doubts)
	}
}

// Documents that try to make it large or endless end in an error or a doubt.
func TestHostileBodies(t *testing.T) {
	bomb := "openapi: 3.0.3\nx0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		bomb += fmt.Sprintf("x%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i+1, i+1, i, i, i, i, i, i, i, i, i, i)
	}
	for name, text := range map[string]string{
		"aliases":         bomb + "paths: {}\n",
		"alias in itself": "openapi: 3.0.3\npaths: &p {/a: *p}\n",
		"deep":            "openapi: 3.0.3\npaths: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
	} {
		if _, err := full.Bodies("d.yaml", []byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	wide := `{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}},
		"components": {"schemas": {"A": {"type": "object", "required": ["a", "b", "c", "d"], "properties": {
			"a": {"oneOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}]}, "b": {"anyOf": [{"$ref": "#/components/schemas/A"}, {"$ref": "#/components/schemas/A"}]},
			"c": {"$ref": "#/components/schemas/A"}, "d": {"$ref": "#/components/schemas/A"}}}}}}`
	made, err := full.Bodies("d.json", []byte(wide))
	if err != nil || len(made.Bodies) > 0 || len(made.Doubts) != 1 {
		t.Errorf("%v %v", made, err)
	}
}

// No document makes it panic or run on.
func FuzzBodies(f *testing.F) {
	f.Add(withBodies)
	f.Add(`{"openapi":"3.1.0","paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/x"}}}}}}},"x":{"type":["object"],"properties":{"name":{"$ref":"#/x"}}}}`)
	f.Add(`{"openapi":"3.0.0","paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/x"}}}}}}},"x":{"properties":{"name":{"$ref":"#/x"}}}}`)
	f.Add(`{"swagger":"2.0","basePath":"/v2/","paths":{"/a":{"post":{"parameters":[{"in":"body","schema":{"type":"array","minItems":3,"items":{"type":"number","maximum":-1}}}]}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := full.Bodies("f", []byte(text))
		if (got == nil) == (err == nil) {
			t.Fatal("either bodies or an error")
		}
		if got != nil {
			if _, err := json.Marshal(got.Bodies); err != nil {
				t.Fatal(err)
			}
		}
	})
}
