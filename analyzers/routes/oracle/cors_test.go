package oracle

import (
	"testing"

	"github.com/permcheck/permcheck/analyzers/cors"
)

// Every function that opens an API to browsers is one of its library.
func TestCORS(t *testing.T) {
	paths := map[string]bool{}
	for _, f := range cors.Functions() {
		paths[packageOf(f)] = true
	}
	dirs := sources(t, paths)
	for _, f := range cors.Functions() {
		pkg := packageOf(f)
		if dirs[pkg] == "" {
			t.Errorf("%s: its package was not found", f)
			continue
		}
		if declarations(t, pkg, dirs[pkg]).funcs[f] == nil {
			t.Errorf("%s is not in the library", f)
		}
	}
}
