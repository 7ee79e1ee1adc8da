package cli

import (
	"strings"
	"testing"
)

func FuzzParseGrants(f *testing.F) {
	f.Add([]byte("permcheck: grants/1\nroles:\n  a: all except x & y\n  b: none\n  c: \"odd:name\" & z\n"))
	f.Add([]byte("permcheck: probe/1\nkeys:\n  a: {grants: all, secret: env:A}\n  b: {secret: env:B}\n"))
	f.Add([]byte("roles: [a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		grants, err := parseGrants("g.yaml", data)
		if err == nil && len(grants) == 0 {
			t.Error("nobody is listed, and that is no error")
		}
		for _, g := range grants {
			if err == nil && (g.Pos.Line == 0 || !g.All && len(g.Except) > 0) {
				t.Errorf("%+v", g)
			}
		}
		if err != nil && !strings.HasPrefix(err.Error(), "g.yaml") {
			t.Errorf("no place: %v", err)
		}
	})
}
