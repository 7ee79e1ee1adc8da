package guards_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Checks below the handler: what each route demands stands beside its registration,
// written by hand. A check that some requests do not meet, or whose refusal does not
// plainly end the request, makes it unknown, never declared.
func TestDeep(t *testing.T) { demands(t, "deep") }

// The bodies of handlers of several routers.
func TestIdioms(t *testing.T) { demands(t, "idioms") }

// A router registers what structs describe, and a field of theirs tells what a route
// demands.
func TestDescribed(t *testing.T) { demands(t, "described") }

// demands holds what the routes of a package demand against the comments "= DEMAND" at
// the lines of their registrations, or of the patterns that a loop registers.
func demands(t *testing.T, pkg string) {
	t.Helper()
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", pkg, "permcheck.yaml"))
	compared := 0
	for _, run := range analysistest.Run(t, testdata, guards.Analyzer, pkg) {
		declared, _, err := run.Result.(*guards.Result).Declared()
		if err != nil {
			t.Fatal(err)
		}
		lines := map[string][]string{}
		for _, r := range declared {
			if lines[r.File] == nil {
				text, err := os.ReadFile(r.File)
				if err != nil {
					t.Fatal(err)
				}
				lines[r.File] = strings.Split(string(text), "\n")
			}
			got := "nothing"
			if r.Requires != nil {
				got = r.Requires.String()
			}
			_, want, ok := strings.Cut(lines[r.File][r.Line-1], "// = ")
			if !ok { // registered in a loop
				for _, line := range lines[r.File] {
					if strings.Contains(line, strconv.Quote(r.Method+" "+r.Path)) {
						_, want, ok = strings.Cut(line, "// = ")
					}
				}
			}
			if compared++; !ok || got != want {
				t.Errorf("%s:%d: %s %s demands %s, want %s; not read: %v", filepath.Base(r.File), r.Line, r.Method, r.Path, got, want, r.Unread)
			}
		}
		for file, text := range lines {
			if n := strings.Count(strings.Join(text, "\n"), "// = "); n > compared {
				t.Errorf("%s: %d of %d routes were found", filepath.Base(file), compared, n)
			}
		}
	}
}
