package guards_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// What is known of each route's way stands beside its registration, written by hand.
func TestWays(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "deep", "permcheck.yaml"))
	found := 0
	for _, run := range analysistest.Run(t, testdata, guards.Analyzer, "ways") {
		declared, _, err := run.Result.(*guards.Result).Declared()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range declared {
			text, err := os.ReadFile(r.File)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(text), "\n")
			_, want, ok := strings.Cut(lines[r.Line-1], "// = ")
			routed := r.Routed()
			got := "nothing"
			switch {
			case routed.Asks:
				got = "asks"
			case routed.MayAsk:
				got = "may ask"
			}
			if routed.Answers != "" {
				got += ", " + routed.Answers
			}
			if found++; !ok || got != want {
				t.Errorf("line %d: %s %s: %s, want %s", r.Line, r.Method, r.Path, got, want)
			}
			if r.Precedence != "most-specific" {
				t.Errorf("%s: precedence %q", r.Path, r.Precedence)
			}
		}
		if want := 29; found != want {
			t.Errorf("%d routes, want %d", found, want)
		}
	}
}
