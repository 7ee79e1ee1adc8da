package vettool

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is kept of a package of the standard library is for the tool and the files that it came
// from; nothing is kept of any other, and old tools leave nothing.
func TestKeptStandard(t *testing.T) {
	// Asked before HOME moves: the go command may go on writing there in the background.
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	src := filepath.Join(strings.TrimSpace(string(root)), "src", "errors")
	tool := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(tool, []byte("one"), 0o700); err != nil {
		t.Fatal(err)
	}
	name := func(u stdUnit) string {
		t.Helper()
		kept, err := u.kept(tool)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	unit := stdUnit{ImportPath: "errors", GoVersion: "go1.26", GoFiles: []string{filepath.Join(src, "errors.go"), filepath.Join(src, "join.go")}}
	first := name(unit)
	other := unit
	other.GoFiles = unit.GoFiles[:1]
	if name(other) == first {
		t.Error("fewer files have the same name")
	}
	other = unit
	other.GoVersion = "go1.25"
	if name(other) == first {
		t.Error("another language version has the same name")
	}
	for _, files := range [][]string{nil, {tool}, {unit.GoFiles[0], tool}, {filepath.Join(src, "no-such.go")}} {
		if kept, err := (&stdUnit{GoFiles: files}).kept(tool); err == nil {
			t.Errorf("%q is kept as %s", files, kept)
		}
	}

	keep(first, []byte("types"))
	if data, err := os.ReadFile(first); err != nil || string(data) != "types" {
		t.Fatalf("kept %q, %v", data, err)
	}
	long := time.Now().Add(-2 * stdAge)
	if err := os.Chtimes(filepath.Dir(first), long, long); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tool, []byte("three"), 0o700); err != nil {
		t.Fatal(err)
	}
	second := name(unit)
	if filepath.Dir(second) == filepath.Dir(first) {
		t.Fatal("another tool has the same folder")
	}
	keep(second, []byte("types"))
	if _, err := os.Stat(filepath.Dir(first)); !os.IsNotExist(err) {
		t.Errorf("what an old tool left is still there: %v", err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(second)); len(entries) != 1 {
		t.Errorf("the folder holds %v", entries)
	}
}
