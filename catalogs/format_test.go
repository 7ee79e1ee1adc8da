package catalogs

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFormat(t *testing.T) {
	in := "permcheck: catalog/1\r\nname: x   \n" + `permissions: {b: , a: , "public": , "x, y": }
endpoints:   # rows
    get   /b/{id} :   b&a   # aligned as the author likes
    GET /c: {requires: "(b | a) & b", effect: read} # joined
    GET /d: '"public" & a'
    any /e: >-
      b &
      a
    GET /f: "\"x, y\"|a"
    Section:
      GET /g: a | a & b
fields: {thing: {f: b|a, g: {requires: b & a}}}


`
	want := "permcheck: catalog/1\nname: x\n" + `permissions: {b: , a: , "public": , "x, y": }
endpoints:   # rows
    GET /b/{id} :   a & b   # aligned as the author likes
    GET /c: {requires: b, effect: read} # joined
    GET /d: a & "public"
    ANY /e: >-
      b &
      a
    GET /f: a | "x, y"
    Section:
      GET /g: a
fields: {thing: {f: a | b, g: {requires: a & b}}}
`
	got, err := Format("x.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	before, err := Parse("x.yaml", []byte(in))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Parse("x.yaml", got)
	if err != nil {
		t.Fatal(err)
	}
	for i := range before.Endpoints {
		b, a := before.Endpoints[i], after.Endpoints[i]
		if a.String() != b.String() || !a.Requires.Equal(*b.Requires) {
			t.Errorf("%s %s became %s %s", &b, b.Requires, &a, a.Requires)
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, glob := range []string{"testdata/formats/*.yaml", "testdata/include/*.yaml", "vendors/*.yaml"} {
		files, _ := filepath.Glob(glob)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("permcheck: catalog/1\nname: x\npermissions: {a: , b: }\nendpoints: {get /é/{a}: b&a, 'post /b': \"b|a\"}\n"))
	f.Add([]byte("permcheck: catalog/1\r\nname: x\nsources: {}\r\r\npermissions: {a: }\nendpoints:\n  GET /a: {requires: a, odd: text\r\r\r\n }\r\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		before, err := Parse("f.yaml", data)
		if err != nil {
			return
		}
		out, err := Format("f.yaml", data)
		if err != nil {
			t.Fatalf("a valid catalog cannot be formatted: %v", err)
		}
		again, err := Format("f.yaml", out)
		if err != nil || string(again) != string(out) {
			t.Fatalf("formatting twice differs: %v\n%q\n%q", err, out, again)
		}
		after, err := Parse("f.yaml", out)
		if err != nil || len(after.Endpoints) != len(before.Endpoints) {
			t.Fatalf("formatting broke the catalog: %v\n%s", err, out)
		}
		for i := range before.Endpoints {
			b, a := before.Endpoints[i], after.Endpoints[i]
			if a.String() != b.String() || !a.Requires.Equal(*b.Requires) {
				t.Fatalf("%s %s became %s %s", &b, b.Requires, &a, a.Requires)
			}
		}
	})
}
