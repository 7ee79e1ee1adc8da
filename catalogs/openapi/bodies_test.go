package openapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
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
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Position'}, example: {title: an example}}}}
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
	got, err := openapi.Bodies("api.yaml", []byte(withBodies))
	if err != nil {
		t.Fatal(err)
	}
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
				if string(data) != `{"title":"an example"}` {
					t.Errorf("the document's own example is %s", data)
				}
				continue
			}
			schema := op.RequestBody.Value.Content.Get("application/json").Schema.Value
			if err := schema.VisitJSON(v, openapi3.VisitAsRequest()); err != nil {
				t.Errorf("%s %s: %s is not valid: %v", method, path, data, err)
			}
			if strings.Contains(string(data), "note") || !strings.Contains(string(data), `"name"`) {
				t.Errorf("%s: members that are not required are left out, but for the name", data)
			}
		}
	}
	if _, err := openapi.Bodies("x.yaml", []byte("a: 1")); err == nil || !strings.Contains(err.Error(), "not an OpenAPI document") {
		t.Errorf("no document: %v", err)
	}
}

// No document makes it panic or run on.
func FuzzBodies(f *testing.F) {
	f.Add(withBodies)
	f.Add(`{"openapi":"3.1.0","paths":{"/a":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/x"}}}}}}},"x":{"type":["object"],"properties":{"name":{"$ref":"#/x"}}}}`)
	f.Add(`{"swagger":"2.0","basePath":"/v2/","paths":{"/a":{"post":{"parameters":[{"in":"body","schema":{"type":"array","minItems":3,"items":{"type":"number","maximum":-1}}}]}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := openapi.Bodies("f", []byte(text))
		if (got == nil) == (err == nil) {
			t.Fatal("either bodies or an error")
		}
	})
}
