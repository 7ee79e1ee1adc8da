package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

const strictDocument = `openapi: 3.0.3
info: {title: hire, version: "1"}
paths:
  /positions:
    post: {requestBody: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/Position'}}}}, responses: {default: {description: d}}}
  /positions/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    patch: {requestBody: {required: true, content: {application/json: {schema: {type: object, required: [a], properties: {a: {type: string, minLength: 5, maxLength: 2}}}}}}, responses: {default: {description: d}}}
components:
  schemas:
    Position:
      type: object
      additionalProperties: false
      required: [id, title, state, opened, owner, tags]
      properties:
        id: {type: string, readOnly: true}
        title: {type: string, minLength: 3, maxLength: 200}
        state: {type: string, enum: [draft, open]}
        opened: {type: string, format: date-time}
        owner: {oneOf: [{type: object, required: [mail], properties: {mail: {type: string, format: email}}}, {type: integer, multipleOf: 10, minimum: 5}]}
        tags: {type: array, minItems: 2, uniqueItems: true, items: {type: string, pattern: '^[A-Z]{2}-[0-9]+$'}}
`

// A server that validates each body takes what a probe sends with the server's document; for
// which operation no body could be made is said.
func TestProbeSendsBodiesThatStrictServersTake(t *testing.T) {
	dir := probeDir(t, `auth: {send: header X-Api-Key}
environment: disposable
keys: {full: {grants: all, secret: env:PC_FULL}, none: {grants: none, secret: env:PC_NONE}}
ids: {id: "1"}
`)
	t.Setenv("PC_FULL", "full-secret-0001")
	t.Setenv("PC_NONE", "none-secret-0001")
	file := filepath.Join(dir, "api.yaml")
	if err := os.WriteFile(file, []byte(strictDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	var taken atomic.Int64
	var refused atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-Api-Key")
		switch {
		case r.URL.Path == "/health":
		case key != "full-secret-0001" && key != "none-secret-0001":
			w.WriteHeader(401)
		case key == "none-secret-0001" && r.URL.Path != "/me":
			w.WriteHeader(403)
		case r.Method == http.MethodPost && r.URL.Path == "/positions":
			route, params, err := router.FindRoute(r)
			if err == nil {
				err = openapi3filter.ValidateRequest(r.Context(), &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route})
			}
			if err != nil {
				refused.Store(err.Error())
				w.WriteHeader(400)
				return
			}
			taken.Add(1)
			w.WriteHeader(201)
		}
	}))
	defer server.Close()
	code, out, errOut := runProbe(t.Context(), dir, server.URL, "--writes", "all", "--openapi", file, "--only", "operations")
	if taken.Load() == 0 {
		t.Errorf("no body was taken: exit %d\n%s\n%s", code, out, errOut)
	}
	if text, bad := refused.Load().(string); bad {
		t.Errorf("a body was refused: %s", text)
	}
	if want := "api.yaml: PATCH /positions/{id}: no body can be made: /a: no text was found for its length"; !strings.Contains(errOut, want) {
		t.Errorf("%q is not in %s", want, errOut)
	}
}
