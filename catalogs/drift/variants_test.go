package drift_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// TestVariants compares many small documents of one kind. Each file under testdata/variants
// has, for a case NAME, files NAME/old/..., NAME/new/... and NAME/want; the first file of a
// side is the document, the others are what it refers to. A file stands for both sides as
// NAME/both/....
func TestVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/variants/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no variants", err)
	}
	for _, file := range files {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		sides := map[string][]txtar.File{} // by NAME/old and NAME/new
		wants := map[string]*txtar.File{}
		for i := range ar.Files {
			f := &ar.Files[i]
			name, rest, _ := strings.Cut(f.Name, "/")
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			if rest == "want" {
				wants[name] = f
				continue
			}
			of, path, _ := strings.Cut(rest, "/")
			for _, s := range []string{"old", "new"} {
				if of == s || of == "both" {
					sides[name+"/"+s] = append(sides[name+"/"+s], txtar.File{Name: path, Data: f.Data})
				}
			}
		}
		for _, name := range names {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				old, now, want := sides[name+"/old"], sides[name+"/new"], wants[name]
				if len(old) == 0 || len(now) == 0 || want == nil {
					t.Fatal("expected files of old, of new, and want")
				}
				got := outcome(t, old, now)
				if *update {
					want.Data = []byte(got)
				} else if got != string(want.Data) {
					t.Errorf("got:\n%swant:\n%s", got, want.Data)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// outcome compares two documents, each the first of its files, and says what came of it.
func outcome(t *testing.T, old, now []txtar.File) string {
	var docs [2]*openapi.Document
	for i, files := range [][]txtar.File{old, now} {
		fsys := fstest.MapFS{}
		for _, f := range files {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
		d, err := openapi.Parse(files[0].Name, files[0].Data, openapi.Options{Files: fsys})
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		docs[i] = d
	}
	r, err := drift.Compare(drift.Side{Document: docs[0]}, drift.Side{Document: docs[1]}, drift.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := describe(r)
	for _, p := range docs[1].Problems {
		out += "problem " + p.Pos.String() + ": " + p.Message + "\n"
	}
	return out
}
