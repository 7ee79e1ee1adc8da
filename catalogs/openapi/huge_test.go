package openapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Large texts, right and wrong, are read or refused at once and without taking many times
// their size in memory.
func TestHuge(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: documents of 40 MB are left out")
	}
	const size = 40 << 20 // more than may be parsed as YAML
	fill := func(head, item, tail string) []byte {
		var b strings.Builder
		b.Grow(size + 4096)
		b.WriteString(head)
		for n := 0; b.Len() < size; n++ {
			fmt.Fprintf(&b, item, n)
		}
		b.WriteString(tail)
		return []byte(b.String())
	}
	prose := strings.Repeat("words ", 100)
	jsonHead := `{"openapi": "3.1.0", "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X"}}, "schemas": {`
	jsonItem := `"S%d": {"description": "` + prose + `"},` + "\n"
	jsonTail := `"Z": {}}}, "paths": {"/a": {"get": {"security": [{"key": []}]}}}}`
	yamlHead := "openapi: 3.1.0\npaths:\n  /a:\n    get: {security: [{key: []}]}\ncomponents:\n  securitySchemes:\n    key: {type: apiKey, in: header, name: X}\n  schemas:\n"
	yamlItem := "    S%d:\n      description: " + prose + "\n"
	for _, tt := range []struct {
		name string
		text []byte
		want string // part of the error; empty: one operation is read
	}{
		{"JSON", fill(jsonHead, jsonItem, jsonTail), ""},
		{"JSON that is cut off", fill(jsonHead, jsonItem, ""), "the JSON ends too early: the file is cut off"},
		{"JSON with a mistake at its end", fill(jsonHead, jsonItem, jsonTail[:len(jsonTail)-1]+"]"), `invalid JSON: invalid character ']' after object key:value pair`},
		{"JSON of brackets", []byte(strings.Repeat("[", size)), "d.yaml:1:10001: invalid JSON: "},
		{"JSON of operations", fill(`{"openapi": "3.1.0", "paths": {`, `"/%d": {"get": {}},`, `"/": {}}}`), "this has more than 250000 keys"},
		{"YAML", fill(yamlHead, yamlItem, ""), ""},
		{"YAML that is cut off", fill(yamlHead, yamlItem, `    S: "cut`), "but something here cannot be stepped over"},
		{"YAML of dashes", []byte(strings.Repeat("- ", size/2)), "d.yaml:1: this file has more than 32 MB of YAML"},
		{"YAML of brackets", []byte("a: " + strings.Repeat("[", size)), "d.yaml:1: this file has more than 32 MB of YAML"},
		{"more than a document may have", make([]byte, MaxSize+1), "d.yaml: the file is larger than 100 MB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			doc, err := Parse("d.yaml", tt.text, Options{})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			switch {
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			case tt.want == "" && (err != nil || len(doc.Operations) != 1):
				t.Errorf("%v", err)
			}
			// All that is ever allocated, of which much is free again.
			if used := after.TotalAlloc - before.TotalAlloc; used > 5*size {
				t.Errorf("%d MB were allocated for %d MB", used>>20, len(tt.text)>>20)
			}
			if took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

// What editors and systems put around a text changes nothing.
func TestByteOrderMarkAndLineEnds(t *testing.T) {
	const text = "openapi: 3.1.0\npaths:\n  /a:\n    get:\n      description: |\n        x\n      security: [{key: []}]\n"
	for name, data := range map[string]string{
		"as it is": text, "byte order mark": "\ufeff" + text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "both": "\ufeff" + strings.ReplaceAll(text, "\n", "\r\n"),
		"JSON":                        `{"openapi": "3.1.0", "paths": {"/a": {"get": {"security": [{"key": []}]}}}}`,
		"JSON with a byte order mark": "\ufeff" + `{"openapi": "3.1.0", "paths": {"/a": {"get": {"security": [{"key": []}]}}}}`,
	} {
		doc, err := Parse("d.yaml", []byte(data), Options{})
		if err != nil || len(doc.Operations) != 1 || len(doc.Operations[0].Security) != 1 {
			t.Errorf("%s: %+v, %v", name, doc, err)
		}
	}
}
