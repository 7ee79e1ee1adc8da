package routes

import (
	"bytes"
	"go/types"
	"testing"

	"golang.org/x/tools/go/analysis"
)

// The go command's cache and remote builds need facts that are the same each time.
func TestFactIsDeterministic(t *testing.T) {
	var facts [2]*Fact
	for i := range facts {
		p := pass(t, generated(50)+"\nvar base = \"/b\"\n\nfunc set() { base = \"/c\" }\n\nfunc more(m *http.ServeMux) { m.HandleFunc(base+\"/x\", h) }\n")
		p.ExportPackageFact = func(f analysis.Fact) { facts[i] = f.(*Fact) }
		p.ImportPackageFact = func(*types.Package, analysis.Fact) bool { return false }
		if _, err := run(p); err != nil {
			t.Fatal(err)
		}
	}
	if facts[0] == nil || len(facts[0].Program) == 0 {
		t.Fatal("no fact was exported")
	}
	if !bytes.Equal(facts[0].Program, facts[1].Program) {
		t.Error("two runs encode different programs")
	}
	if p, err := decodeProgram(facts[0].Program); err != nil || p.funcs["p.serve"] == nil {
		t.Errorf("the program does not come back: %v", err)
	}
}
