package strictyaml

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// pairOf finds the entry of a name, however deep.
func pairOf(t *testing.T, data []byte, name string) Pair {
	t.Helper()
	doc, err := Parse("x", data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	var found Pair
	var look func(n Node)
	look = func(n Node) {
		if !n.IsMap() {
			return
		}
		for _, p := range n.Pairs("a mapping") {
			if p.Name == name {
				found = p
			}
			look(p.Value)
		}
	}
	look(doc.Root)
	if found.Name == "" {
		t.Fatalf("no %q in\n%s", name, data)
	}
	return found
}

func TestInsertAndDelete(t *testing.T) {
	for _, tt := range []struct{ name, text, at, inserted, deleted string }{
		{"block", "a: 1\nb: 2 # two\n# about c\nc: 3\n", "b", "a: 1\nb: 2 # two\nx: 'y: z'  # why\n# about c\nc: 3\n", "a: 1\n# about c\nc: 3\n"},
		{"last without a newline", "a: 1\nb: 2", "b", "a: 1\nb: 2\nx: 'y: z'  # why\n", "a: 1\n"},
		{"nested, before another section", "s:\n  a: 1\n\n  # end\nt: 2\n", "a", "s:\n  a: 1\n  x: 'y: z'  # why\n\n  # end\nt: 2\n", "s:\n\n  # end\nt: 2\n"},
		{"a value of several lines", "a: {b: 1,\n  c: 2\n  }\nd: |\n  text\n  # text too\n", "a", "a: {b: 1,\n  c: 2\n  }\nx: 'y: z'  # why\nd: |\n  text\n  # text too\n", "d: |\n  text\n  # text too\n"},
		{"flow", "m: {a: 1, b: , c: 'x''}', d: \"}\\\"\"}\n", "b", "m: {a: 1, b: , x: 'y: z', c: 'x''}', d: \"}\\\"\"}\n", "m: {a: 1, c: 'x''}', d: \"}\\\"\"}\n"},
		{"flow, quoted", "m: {a: 1, c: 'x''}', d: \"}\\\"\"}\n", "c", "m: {a: 1, c: 'x''}', x: 'y: z', d: \"}\\\"\"}\n", "m: {a: 1, d: \"}\\\"\"}\n"},
		{"flow, last of nothing", "m: {a: 1, b: }\n", "b", "m: {a: 1, b: , x: 'y: z'}\n", "m: {a: 1}\n"},
		{"flow, last", "m: {a: 1, d: [it's, {b: 2}] }\n", "d", "m: {a: 1, d: [it's, {b: 2}], x: 'y: z' }\n", "m: {a: 1 }\n"},
		{"flow over lines", "m: {a: 1, # one\n  b: 2}\n", "a", "m: {a: 1, x: 'y: z', # one\n  b: 2}\n", "m: {# one\n  b: 2}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := []byte(tt.text)
			if got := InsertAfter(data, pairOf(t, data, tt.at), []Entry{{"x", "y: z", "why"}}); string(got) != tt.inserted {
				t.Errorf("inserted\n%s\nwant\n%s", got, tt.inserted)
			}
			if got := Delete(data, pairOf(t, data, tt.at)); string(got) != tt.deleted {
				t.Errorf("deleted\n%s\nwant\n%s", got, tt.deleted)
			}
		})
	}
	for text, want := range map[string]string{
		"a:\nb: {}\n":    "a:\n  x: 1\nb: {}\n",
		"a: {}\nb: {}\n": "a: {x: 1}\nb: {}\n",
	} {
		if got := InsertInto([]byte(text), pairOf(t, []byte(text), "a"), []Entry{{"x", "1", ""}}); string(got) != strings.ReplaceAll(want, "1", "'1'") {
			t.Errorf("into %q: %q", text, got)
		}
	}
}

// Where the new entry can be read back, everything else is as it was. Callers read back
// what they wrote, since YAML has layouts that are not edited.
func FuzzInsertAfter(f *testing.F) {
	for _, s := range []string{"a: 1\nb: 2 # two\n# c\nc: 3\n", "a: {b: , c: 'x''}'}\n", "s:\n  a: {b: [1, 2],\n    c: d}\n", "a: {b: it's}\n", "? x\n: y\n", "a: &x {b: c}\nd: *x\n"} {
		f.Add(s, "k", "v & w | x")
	}
	f.Fuzz(func(t *testing.T, text, key, value string) {
		data := []byte(text)
		doc, err := Parse("x", data)
		if err != nil || !doc.Root.IsMap() || bytes.ContainsAny(data, "\r&*?!\t") || value == "" || strings.TrimSpace(key) != key || key == "" || strings.ContainsAny(key+value, "\n\r") {
			return
		}
		pairs := doc.Root.Pairs("a mapping")
		if len(pairs) == 0 || doc.Err() != nil {
			return
		}
		for _, p := range pairs {
			if p.Name == key {
				return
			}
		}
		out := InsertAfter(data, pairs[0], []Entry{{Key: key, Value: value}})
		var before, after map[string]any
		if yaml.Unmarshal(data, &before) != nil || yaml.Unmarshal(out, &after) != nil || after[key] != value {
			return
		}
		delete(after, key)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%q became %q", text, out)
		}
	})
}
