package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/analyzers/guards"
)

// Every rule of vet is documented by its analyzer, and expected by a // want in the
// test data of the analyzer that reports it; or it is only the whole program's, where
// a script expects it.
func TestVetRules(t *testing.T) {
	program := map[string]string{
		"endpoint-without-route": "one package cannot know what no package registers",
		"unresolved":             "it is no diagnostic: the summary counts it",
		"answered-by-weaker":     "one package cannot know what the others register",
	}
	wants := wanted(t)
	scripts := scripts(t)
	for rule := range vetRules {
		doc := analyzers.Doc(rule)
		for _, part := range []string{"Why:", "Bad", "Good", "When to ignore:"} {
			if !strings.Contains(doc, part) {
				t.Errorf("%s: its doc.go has no section # Rule %s with %q", rule, rule, part)
			}
		}
		if _, ok := program[rule]; ok {
			if !strings.Contains(scripts, "["+rule+"]") {
				t.Errorf("%s: no script expects it", rule)
			}
		} else if !wants[rule] {
			t.Errorf("%s: no // want expects it", rule)
		}
		if _, only := program[rule]; rule != "endpoint-without-route" && !strings.HasPrefix(rule, "ignore-") && !slices.Contains(guards.InCode, rule) {
			t.Errorf("%s: no comment can ignore it (only the program's: %v)", rule, only)
		}
	}
	if analyzers.Doc("no-such-rule") != "" {
		t.Error("a rule that does not exist is documented")
	}
}

// messages tells by its text which rule a // want expects.
var messages = map[string]*regexp.Regexp{
	"undeclared":            regexp.MustCompile(`declares no permission`),
	"unknown-permission":    regexp.MustCompile(`is given .*, which catalog .* does not have`),
	"mismatch":              regexp.MustCompile(`less than the catalog's|, the catalog `),
	"stricter":              regexp.MustCompile(`more than the catalog's`),
	"takes-over-stricter":   regexp.MustCompile(`takes requests from`),
	"route-not-in-catalog":  regexp.MustCompile(`but the catalog does not have it`),
	"declarations-disagree": regexp.MustCompile(`says .*, but the code demands`),
	"guard-too-late":        regexp.MustCompile(`is added too late`),
	"cors-opened":           regexp.MustCompile(`lets web pages call the API`),
	"record-filter-missing": regexp.MustCompile(`never reaches`),
	"ignore-without-reason": regexp.MustCompile(`needs the reason`),
	"ignore-unmatched":      regexp.MustCompile(`nothing to ignore here`),
}

func wanted(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	err := filepath.WalkDir(filepath.Join("..", "..", "testdata", "src"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") {
			return err
		}
		data, err := os.ReadFile(name)
		for line := range strings.Lines(string(data)) {
			_, want, _ := strings.Cut(line, "// want ")
			for rule, message := range messages {
				out[rule] = out[rule] || message.MatchString(want)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scripts(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "testdata", "script", "vet*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}
