package analyzers_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"
	"golang.org/x/tools/txtar"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// What is read from each idiom is what testdata/idioms.txtar says, and none of them is
// left out there: A1 to A38 register routes, B1 to B27 declare permissions.
func TestIdioms(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("..", "testdata", "idioms.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	if err := os.CopyFS(src, os.DirFS(filepath.Join("..", "testdata", "src"))); err != nil {
		t.Fatal(err) // the stubs of libraries
	}
	wants := map[string][]string{}
	var ids []string
	for _, f := range archive.Files {
		id, name, _ := strings.Cut(f.Name, "/")
		switch name {
		case "want":
			ids = append(ids, id)
			wants[id] = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case "elsewhere":
			wants[id] = nil
			script := filepath.Join("..", filepath.FromSlash(strings.TrimSpace(string(f.Data))))
			if text, err := os.ReadFile(script); err != nil || !strings.Contains(string(text), "Idiom "+id) {
				t.Errorf("%s is not in %s: %v", id, script, err)
			}
		default:
			path := filepath.Join(src, filepath.FromSlash(f.Name))
			if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, f.Data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for letter, n := range map[string]int{"A": 38, "B": 27} {
		for i := 1; i <= n; i++ {
			if _, ok := wants[fmt.Sprint(letter, i)]; !ok {
				t.Errorf("nothing says what is read from %s%d", letter, i)
			}
		}
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(src, ".permcheck.yaml"))
	read := &analysis.Analyzer{
		Name: "read", Doc: "what guards reads", Requires: []*analysis.Analyzer{guards.Analyzer}, ResultType: reflect.TypeFor[*guards.Result](),
		Run: func(pass *analysis.Pass) (any, error) { return pass.ResultOf[guards.Analyzer], nil },
	}
	read0 := map[string]bool{}
	for _, run := range analysistest.Run(t, dir, read, ids...) {
		id := run.Pass.Pkg.Path()
		if run.Result == nil || read0[id] {
			continue
		}
		read0[id] = true
		t.Run(id, func(t *testing.T) {
			got, err := readings(run.Result.(*guards.Result))
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Sorted(slices.Values(wants[id]))
			if !slices.Equal(got, want) {
				t.Errorf("read\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	if len(read0) != len(ids) {
		t.Errorf("%d of %d idioms were read", len(read0), len(ids))
	}
}

// readings writes what was read of a package as idioms.txtar has it, in order.
func readings(res *guards.Result) ([]string, error) {
	var out []string
	for _, u := range res.Found.Unresolved {
		out = append(out, "? "+u.Reason)
	}
	declared, settings, err := res.Declared()
	if err != nil {
		return nil, err
	}
	for _, r := range declared {
		line := r.Method + " " + r.Path + " "
		switch {
		case r.Requires == nil:
			line += "-"
		case r.Requires.IsUnknown() && len(r.Unread) > 0:
			line += "unknown: " + r.Unread[0].Reason
		default:
			line += r.Requires.String()
		}
		if r.Conditional {
			line += " conditional"
		}
		if r.Dynamic {
			line += " dynamic"
		}
		for _, p := range settings.Check(r) {
			switch p.Rule {
			case guards.RuleUnknown, guards.RuleTooLate, guards.RuleDisagree:
				line += "; " + p.Rule
			}
		}
		out = append(out, line)
	}
	if len(out) == 0 {
		out = []string{"none"}
	}
	slices.Sort(out)
	return out, nil
}
