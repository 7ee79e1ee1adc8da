package strictyaml

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"Position:READ", "Position:WRITE", "Profile:READ", "blocked", "allowed", "GET", "PUT", "PATCH"}
	for _, tt := range []struct{ word, want string }{
		{"Position:REED", "Position:READ"},
		{"position_read", "Position:READ"},
		{"position:read", "Position:READ"},
		{"Positoin:WRITE", "Position:WRITE"},
		{"block", "blocked"},
		{"PTACH", "PATCH"},
		{"PET", ""}, // as near to GET as to PUT
		{"", ""},
		{"entirely different", ""},
		{strings.Repeat("x", 10000), ""},
	} {
		if got := Nearest(tt.word, words); got != tt.want {
			t.Errorf("Nearest(%q) = %q, want %q", Excerpt(tt.word), got, tt.want)
		}
	}
}

func TestAliasesAreBounded(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'k'; c++ {
		prev := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+prev+", ", 8) + "*" + prev + "]\n"
	}
	doc, err := Parse("bomb.yaml", []byte(bomb))
	if err != nil {
		return // refused by the library is as good
	}
	for _, p := range doc.Root.Pairs("a mapping") {
		if got := len(p.Value.Items("a list")); got != 9 {
			t.Errorf("%s has %d items", p.Name, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a: 1\n", "- x\n- {a: b}\n", "&a a: *a\n", "<<: {a: 1}\n", "a: !!binary aGk=\n", "\ufeffa: b\n", "a: |\n  x\n", "? [a]\n: b\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse("f.yaml", data)
		if err != nil {
			if _, ok := err.(Errors); !ok {
				t.Fatalf("error of type %T", err)
			}
			return
		}
		for _, p := range doc.Root.Pairs("a mapping") {
			p.Value.Text("text")
			p.Value.Items("a list")
			p.Value.Scalar()
		}
		if es, ok := doc.Err().(Errors); ok {
			for _, e := range es {
				if e.Line < 0 || len(e.Msg) > 2000 {
					t.Errorf("error %v", e)
				}
			}
		}
	})
}
