package openapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzJSONWalk holds the walker that steps over JSON against encoding/json.
func FuzzJSONWalk(f *testing.F) {
	for _, s := range []string{`{}`, `[]`, ` {"a" : [1, -2.5e3 , "x\"]}\\", true,false , null] , "b":{"":{}}}`, `"\u00e4\ud83d\ude00\ud800"`, `[[[]],{"k":"\\"}]`, `7`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !json.Valid(data) || len(data) > 1<<12 {
			return
		}
		src := &source{file: "fuzz", data: data, visits: new(int)}
		*src.visits = spareVisits
		src.root = node{src: src, off: skipSpace(data, 0)}
		if end := skipSpace(data, skipValue(data, src.root.off)); end != len(data) {
			t.Fatalf("%q: the value ends at %d of %d", data, end, len(data))
		}
		got, err := src.root.value()
		if err != nil {
			return // a key that is there twice, or nesting beyond the bound
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var want any
		if err := dec.Decode(&want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v, want %#v", data, got, want)
		}
	})
}

func TestPositionsInLongLines(t *testing.T) {
	text := []byte(`{"` + string(bytes.Repeat([]byte("ä"), 5000)) + "\": 1,\n\n \"ü\": [2, 3]}")
	src := &source{file: "f", data: text}
	for off, want := range map[int][2]int{0: {1, 1}, 10002: {1, 5003}, len(text) - 2: {3, 12}} {
		if p := src.position(off); p.Line != want[0] || p.Column != want[1] {
			t.Errorf("byte %d (%q): got %d:%d, want %v", off, text[off], p.Line, p.Column, want)
		}
	}
}
