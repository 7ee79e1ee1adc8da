package openapi_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"

	"github.com/permcheck/permcheck/catalogs/openapi"
)

func TestExtensionValues(t *testing.T) {
	for _, test := range []struct{ extension, value, want string }{
		{"x-p:string", "a", "a"},
		{"x-p:string", "''", "public"},
		{"x-p:string", "~", "none"},
		{"x-p:string", "[a]", "unreadable"},
		{"x-p:all-of-list", "[b, a]", "a & b"},
		{"x-p:all-of-list", "a", "a"},
		{"x-p:all-of-list", "[]", "public"},
		{"x-p:all-of-list", "[[a]]", "unreadable"},
		{"x-p:any-of-list", "[b, a]", "a | b"},
		{"x-p:any-of-list", "[]", "unreadable"},
		{"x-p:any-of-list", "[{role: r, states: [s, t]}, {role: q}]", "q | r:s | r:t"},
		{"x-p:any-of-list", "[{states: [s]}]", "unreadable"},
		{"x-p:any-of-list", "[{role: r, states: []}]", "unreadable"},
		{"x-p:list-of-lists", "[[a, b], [c]]", "c | a & b"},
		{"x-p:list-of-lists", "[a, b]", "a & b"},
		{"x-p:list-of-lists", "[a, [b]]", "unreadable"},
		{"x-p:list-of-lists", "[[a], []]", "public"},
		{"x-p:list-of-lists", "[]", "unreadable"},
		{"x-p:operator-list", "{operator: and, permissions: [a, b]}", "a & b"},
		{"x-p:operator-list", "{operator: OR, permissions: [a, b]}", "a | b"},
		{"x-p:operator-list", "{operator: OR, permissions: []}", "unreadable"},
		{"x-p:operator-list", "{operator: AND, permissions: []}", "public"},
		{"x-p:operator-list", "{operator: AND}", "unreadable"},
		{"x-p:operator-list", "{operator: OPEN, permissions: [a]}", "public"},
		{"x-p:operator-list", "{permissions: [a]}", "a"},
		{"x-p:operator-list", "{permissions: [a, b]}", "unreadable"},
		{"x-p:operator-list", "{operator: OR, permissions: a}", "unreadable"},
		{"x-p:scheme-list", "[{scheme: s, scopes: [a, b]}, {scheme: s, state: Beta, scopes: [c]}]", "c | a & b"},
		{"x-p:scheme-list", "[{scheme: s}]", "unreadable"},
		{"x-p:prose:needs (\\w+)", "'It needs a, and needs b.'", "a & b"},
		{"x-p:prose:needs (\\w+)", "'It asks nothing.'", "none"},
		{"x-p:ignore", "{any: thing}", "none"},
	} {
		e, err := openapi.ParseExtension(test.extension)
		if err != nil {
			t.Fatal(err)
		}
		d, err := openapi.Parse("d", []byte("openapi: 3.0.3\npaths: {/a: {get: {x-p: "+test.value+"}}}\n"), openapi.Options{Extensions: []openapi.Extension{e}})
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		switch o := &d.Operations[0]; {
		case o.Unreadable != nil:
			got = "unreadable"
		case o.Permission != nil:
			got = o.Permission.String()
		}
		if got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.extension, test.value, got, test.want)
		}
	}
}

// TestConversionChangesNothing converts a 2.0 document with kin-openapi and reads
// both.
func TestConversionChangesNothing(t *testing.T) {
	const text = `{"swagger": "2.0", "info": {"title": "t", "version": "1"}, "host": "api.example", "basePath": "/v1", "schemes": ["https"],
		"security": [{"basic": []}],
		"securityDefinitions": {
			"basic": {"type": "basic"},
			"key": {"type": "apiKey", "in": "header", "name": "X-Key"},
			"code": {"type": "oauth2", "flow": "accessCode", "authorizationUrl": "https://id.example/a", "tokenUrl": "https://id.example/t", "scopes": {"r": "read"}},
			"app": {"type": "oauth2", "flow": "application", "tokenUrl": "https://id.example/t", "scopes": {"r": "read"}},
			"page": {"type": "oauth2", "flow": "implicit", "authorizationUrl": "https://id.example/a", "scopes": {"r": "read"}}},
		"paths": {"/a": {
			"get": {"responses": {"200": {"description": "ok"}}},
			"put": {"security": [], "responses": {"200": {"description": "ok"}}},
			"post": {"security": [{"code": ["r"], "key": []}, {"app": ["r"]}], "responses": {"200": {"description": "ok"}}},
			"delete": {"security": [{"page": ["r"]}, {}], "responses": {"200": {"description": "ok"}}}}}}`
	var old openapi2.T
	if err := json.Unmarshal([]byte(text), &old); err != nil {
		t.Fatal(err)
	}
	converted, err := openapi2conv.ToV3(&old)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(converted)
	if err != nil {
		t.Fatal(err)
	}
	read := func(data []byte) (out []string) {
		d, err := openapi.Parse("d", data, openapi.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(lines(t, d)) {
			_, line, _ = strings.Cut(line, " ")
			out = append(out, line)
		}
		for _, s := range d.Schemes {
			out = append(out, s.Name+" is "+s.Identity)
		}
		slices.Sort(out)
		return out
	}
	a, b := read([]byte(text)), read(data)
	if len(a) != 9 || !slices.Equal(a, b) {
		t.Errorf("2.0:\n%s\n3.0:\n%s", strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}
