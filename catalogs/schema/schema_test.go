package schema_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/schema"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Catalog1))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("catalog.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("catalog.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// Whatever the decoder accepts, an editor must not underline.
func TestAcceptsWhatTheDecoderAccepts(t *testing.T) {
	s := compile(t)
	var files []string
	for _, glob := range []string{"../vendors/*.yaml", "../testdata/formats/*.yaml", "../testdata/include/*.yaml", "../testdata/include/parts/*.yaml"} {
		fs, err := filepath.Glob(glob)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fs...)
	}
	if len(files) < 9 {
		t.Fatalf("only %d files", len(files))
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, s, string(data)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// What the schema can see, it refuses as the decoder does.
func TestRefusesWithTheDecoder(t *testing.T) {
	s := compile(t)
	head := "permcheck: catalog/1\nname: x\npermissions: {a: }\n"
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{head, true},
		{head + "endpoints: {GET /a: a, S: {POST /b: {requires: public, odd: why}}}", true},
		{head + "records: {o: {sharing: {all: {}}, hidden: 404, a: {x: {not: 1}}}}", true},
		{head + "endpoints: {GET /v1/a: a}\nsame-as: {/v2: /v1, /v3: {of: /v1, except: [GET /v3/a]}}", true},
		{head + "endpoints: {GET /v1/a: a}\nsame-as: {/v2: {except: []}}", false},
		{head + "endpoints: {GET /v1/a: a}\nsame-as: {v2: /v1}", false},
		{head + "endpoints: {GET /v1/a: a}\nsame-as: {/v2: [/v1]}", false},
		{"name: x", false},
		{"permcheck: catalog/2\nname: x", false},
		{head + "endpoint: {}", false},
		{head + "endpoints: {GET /a: 5}", false},
		{head + "endpoints: {GET /a: [a]}", false},
		{head + "endpoints: {GET /a: {effect: read}}", false},
		{head + "endpoints: {GET /a: {requires: a, effect: reads}}", false},
		{head + "endpoints: {GET /a: {requires: a, needs: b}}", false},
		{head + "endpoints: {S: {T: {GET /a: a}}}", false},
		{head + "endpoints: {S: a}", false},
		{head + "refused: {anonymous: 99}", false},
		{head + "refused: {forbidden: {body: {e: x}}}", false},
		{head + "browsers: closed", false},
		{head + "fields: {o: {f: {evidence: inferred}}}", false},
		{head + "allow-lists: {l: {always: [id]}}", false},
		{head + "credentials: {states: {on: yes-please}}", false},
		{head + "records: {o: {hidden: 9}}", false},
		{head + "include: parts.yaml", false},
	} {
		schemaErr := validate(t, s, tt.text)
		_, decodeErr := catalogs.Parse("x.yaml", []byte(tt.text))
		if (schemaErr == nil) != tt.ok || (decodeErr == nil) != tt.ok {
			t.Errorf("%s\nschema: %v\ndecoder: %v\nwant accepted: %v", strings.TrimPrefix(tt.text, head), schemaErr, decodeErr, tt.ok)
		}
	}
}
