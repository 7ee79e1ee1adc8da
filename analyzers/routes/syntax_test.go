package routes

import (
	"strings"
	"testing"
)

// Patterns of each library, and the templates that its documentation says they are.
func TestSyntax(t *testing.T) {
	for _, c := range []struct {
		spec       *Spec
		pattern    string
		path, fail string
	}{
		{gin, "/users/:id/files/*name", "/users/{id}/files/{path...}", ""},
		{gin, "/cmd_:tool/", "/cmd_{tool}/", ""},
		{gin, "/a/*b/c", "", `pattern "/a/*b/c" has * before its end`},
		{gin, "/a/:/c", "", `pattern "/a/:/c" has a parameter without a name`},
		{echo4, "", "/", ""},
		{echo4, "/files*", "/files{path...}", ""},
		{gorillaMux, "/a/{id:[0-9]{2}}/{b}", "/a/{id}/{b}", ""},
		{gorillaMux, "/a/{rest:.*}", "/a/{path...}", ""},
		{gorillaMux, "/a/{rest:.*}/b", "/a/{rest}/b", ""},
		{gorillaMux, "a", "", `pattern "a" must begin with /`},
		{fiber2, "/a/:b?/:c<int;min(3)>-:d.:e", "/a/{b}/{c}-{d}.{e}", ""},
		{fiber2, `/name\:verb`, "/name:verb", ""},
		{fiber2, "/shop/*1/x/*2", "/shop/{path}/x/{path...}", ""},
		{fiber2, "/files/+", "/files/{path...}", ""},
		{fiber2, "a", "/a", ""},
		{fiber2, "/:a<int", "", `pattern "/:a<int" has a constraint without its end`},
		{fiber2, "/:", "", `pattern "/:" has a parameter without a name`},
		{goRestful, "/a/{b:[a-z]+}/{rest:*}", "/a/{b}/{path...}", ""},
		{beego, "/a/?:id:int/:n([0-9]+)/*.*", "/a/{id}/{n}/{path...}", ""},
		{beego, "/*/a", "", `pattern "/*/a" has * before its end`},
		{grpcGateway, "/v1/{name=shelves/*/books/*}:move", "/v1/shelves/{name}/books/{name}:move", ""},
		{grpcGateway, "/v1/{path=**}", "/v1/{path...}", ""},
		{grpcGateway, "/v1/{a", "", `pattern "/v1/{a" has unbalanced braces`},
	} {
		_, path, err := c.spec.Path(c.pattern)
		switch {
		case c.fail != "" && (err == nil || err.Error() != c.fail):
			t.Errorf("%s %q: error %v, want %s", c.spec.Name, c.pattern, err, c.fail)
		case c.fail == "" && (err != nil || path != c.path):
			t.Errorf("%s %q: %q %v, want %q", c.spec.Name, c.pattern, path, err, c.path)
		}
	}
}

// No pattern makes a reader panic, and what it gives is a path.
func FuzzSyntax(f *testing.F) {
	for _, s := range []string{"", "/", "*", "/:a?", "/:a<x>", `\`, "/{a:*}", "/{a=**}:v", "?:x", "/a*b", "+1", "/:a:b", "{=", "/x" + baseMark} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		for _, s := range specs {
			_, path, err := s.Path(pattern)
			if err == nil && !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, baseMark) && (pattern != "" || path != "") {
				t.Errorf("%s: %q gives %q", s.Name, pattern, path)
			}
			if s.Join != nil {
				_ = s.Join("/a", pattern) + s.Join(pattern, "/a")
			}
		}
	})
}

// Opcodes of any kind are read or refused.
func FuzzOpcodes(f *testing.F) {
	f.Add([]byte{2, 0, 2, 1, 1, 0, 4, 1, 5, 2}, "v1,items,id", "verb")
	f.Add([]byte{4, 3, 5, 9}, "", "")
	f.Fuzz(func(t *testing.T, codes []byte, pool, verb string) {
		var ops, names []any
		for _, c := range codes {
			ops = append(ops, int(c))
		}
		for _, n := range strings.Split(pool, ",") {
			names = append(names, n)
		}
		if path, ok := opcodePattern([]any{1, ops, names, verb}); ok && !strings.HasPrefix(path, "/") {
			t.Errorf("gives %q", path)
		}
	})
}

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		under, path string
		yes, maybe  bool
	}{
		{"/{path...}", "/a", true, false},
		{"/a/{path...}", "/a", true, false},
		{"/a/{path...}", "/a/b/c", true, false},
		{"/a/{path...}", "/ab", false, false},
		{"/a{path...}", "/ab", true, false},
		{"/a/{path...}", "/b", false, false},
		{"/a/{path...}", "/{x}/b", true, true},
		{"/a/{x}/{path...}", "/a/b/c", true, false},
		{"/a/b/{path...}", "/a", false, false},
		{"/a/b/{path...}", "/a/{path...}", true, true},
		{"/a", "/a", true, false},
		{"/a", "/a/b", false, false},
		{"/a/{path...}", baseMark + "/b", true, true},
	} {
		if yes, maybe := covers(c.under, c.path); yes != c.yes || maybe != c.maybe {
			t.Errorf("covers(%q, %q) = %v, %v", c.under, c.path, yes, maybe)
		}
	}
}
