package witness

import (
	"slices"
	"testing"
)

// What the go command says beside its errors is no package that could not be read.
func TestParseErrors(t *testing.T) {
	const said = `go: downloading example.com/x v1.0.0
# github.com/mattn/go-sqlite3
In file included from sqlite3-binding.c:1:
sqlite3-binding.c:128009:10: warning: assignment discards qualifier [-Wdiscarded-qualifiers]
sqlite3-binding.c:128009:10: note: declared here
# example.com/m/native
native.c:3:1: warning: unused
native.c:4:1: error: unknown type name 'strng'
# example.com/m/tested
# [example.com/m/tested]
vet: tested/t_test.go:3:28: undefined: x
# example.com/m/variant [example.com/m/variant.test]
variant/v_test.go:9:9: undefined: y
# example.com/m/broken
broken/b.go:2:23: cannot use "x"
`
	var p Program
	broken := p.parseErrors(said)
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Package)
	}
	if want := []string{"example.com/m/native", "example.com/m/tested", "example.com/m/variant", "example.com/m/broken"}; !slices.Equal(got, want) {
		t.Errorf("not read: %q, want %q", got, want)
	}
	if len(broken) != 2 || broken["example.com/m/broken"] != `broken/b.go:2:23: cannot use "x"` || broken["example.com/m/native"] == "" {
		t.Errorf("not compiled: %q", broken)
	}
}
