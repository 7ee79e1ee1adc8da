package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every entry of the list is about a text that is there, once: a stale one tests nothing.
func TestMutantsAreFresh(t *testing.T) {
	t.Chdir("../../..")
	mutants, err := load("internal/tools/mutate/mutants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(mutants) < 32 {
		t.Errorf("%d mutants, expected 32 at least", len(mutants))
	}
	for _, m := range mutants {
		if _, err := m.mutate(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// The tool tells a mutant that tests see from one that they do not, and from a stale one.
func TestVerdicts(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{
		"go.mod":      "module x\n\ngo 1.26\n",
		"x.go":        "package x\n\nfunc Twice(n int) int { return n + n }\n\nfunc Half(n int) int { return n / 2 }\n",
		"x_test.go":   "package x\n\nimport \"testing\"\n\nfunc TestTwice(t *testing.T) {\n\tif Twice(3) != 6 {\n\t\tt.Fatal()\n\t}\n}\n",
		"seen.yaml":   "- {name: a, file: x.go, old: n + n, new: n * n}\n",
		"unseen.yaml": "- {name: a, file: x.go, old: n / 2, new: n / 3}\n",
		"stale.yaml":  "- {name: a, file: x.go, old: n - 2, new: n / 3}\n",
		"broken.yaml": "- {name: a, file: x.go, old: n / 2, new: n /}\n",
		"typo.yaml":   "- {name: a, fil: x.go, old: n / 2, new: n / 3}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for list, want := range map[string]int{"seen.yaml": 0, "unseen.yaml": 1, "stale.yaml": 2, "broken.yaml": 2, "typo.yaml": 2} {
		if code, err := run(list, "", 1); code != want {
			t.Errorf("%s: exit code %d (%v), want %d", list, code, err, want)
		}
	}
	if _, err := load("typo.yaml"); err == nil || !strings.Contains(err.Error(), "typo.yaml") {
		t.Errorf("a misspelt key: %v", err)
	}
}
