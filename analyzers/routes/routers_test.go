package routes

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What is read from registrations on several routers, in the forms that real servers
// have. The order rules of each router are tested on the router itself, in the module
// oracle.
func TestRouters(t *testing.T) { golden(t, "routers") }

// What servers that were never looked at before did otherwise.
func TestUnseen(t *testing.T) { golden(t, "unseen") }

// What only one side of a branch adds to a list, or leaves in it, is not certain.
func TestJoins(t *testing.T) { golden(t, "joins") }

// What libraries find by reflection is never passed over.
func TestReflected(t *testing.T) { golden(t, "reflected") }

// A router of one's own, and the table of a home-made matcher, that a configuration
// describes. Neither could be read without it.
func TestConfigured(t *testing.T) {
	for _, pkg := range []string{"ownrouter", "owntable"} {
		t.Run(pkg, func(t *testing.T) {
			t.Setenv(ConfigEnv, filepath.Join("..", "..", "testdata", "src", pkg, "permcheck.yaml"))
			golden(t, pkg)
		})
	}
}

// golden compares what is read from a package with routes.golden beside it.
func golden(t *testing.T, pkg string) {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range analysistest.Run(t, dir, Analyzer, pkg) {
		res := r.Result.(*Result)
		if res.Err != nil {
			t.Fatal(res.Err)
		}
		for _, route := range res.Routes {
			fmt.Fprintf(&b, "%d %s %s %s", route.Line, route.Method, route.Path, route.Handler[strings.LastIndexByte(route.Handler, '/')+1:])
			for _, g := range route.Guards {
				fmt.Fprintf(&b, " | %s", g.Func[strings.LastIndexByte(g.Func, '.')+1:])
				for _, a := range g.Args {
					for _, c := range a.Consts {
						b.WriteString(" " + c.Value)
					}
				}
				if g.Maybe {
					b.WriteString(" maybe")
				}
				if g.Why != "" {
					b.WriteString(" not known")
				}
			}
			if route.Conditional {
				b.WriteString(" (conditional)")
			}
			if route.Dynamic {
				b.WriteString(" (dynamic)")
			}
			b.WriteByte('\n')
		}
		for _, u := range res.Unresolved {
			fmt.Fprintf(&b, "%d unresolved: %s\n", u.Line, u.Reason)
		}
	}
	golden := filepath.Join(dir, "src", pkg, "routes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("read\n%s\nwant\n%s", b.String(), want)
	}
}
