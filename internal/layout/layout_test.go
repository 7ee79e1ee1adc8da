package layout

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/permcheck/permcheck"

// A layer says what the packages below one folder may import besides the standard
// library and packages of the same layer. The longest matching folder counts.
type layer struct {
	dir     string
	own     []string // folders of this module
	outside []string // modules of others
}

const (
	xtools     = "golang.org/x/tools"
	yaml       = "go.yaml.in/yaml/v4"
	cobra      = "github.com/spf13/cobra"
	color      = "github.com/fatih/color"
	kinopenapi = "github.com/getkin/kin-openapi"
)

// layers is the picture of design: imports go downward only.
var layers = []layer{
	{dir: "catalogs/perm"},
	{dir: "internal/strictyaml", outside: []string{yaml}},
	{dir: "catalogs", own: []string{"catalogs/perm", "internal/strictyaml"}},
	{dir: "catalogs/schema"},
	{dir: "catalogs/grants", own: []string{"catalogs", "catalogs/perm", "internal/strictyaml"}},
	{dir: "internal/report", own: []string{"catalogs", "internal/strictyaml"}, outside: []string{color, "github.com/owenrumney/go-sarif/v3", "github.com/jstemmer/go-junit-report/v2"}},
	{dir: "internal/redact"},
	{dir: "catalogs/openapi", own: []string{"catalogs", "catalogs/perm", "internal/strictyaml"}, outside: []string{yaml}},
	// Whole documents: the only package that links kin-openapi; see TestLightPackages.
	{dir: "catalogs/openapi/full", own: []string{"catalogs", "catalogs/perm", "catalogs/openapi"}, outside: []string{yaml, kinopenapi}},
	{dir: "catalogs/kong", own: []string{"catalogs", "catalogs/openapi", "internal/strictyaml"}, outside: []string{yaml}},
	{dir: "catalogs/verdict", own: []string{"catalogs/perm"}},
	{dir: "catalogs/drift", own: []string{"catalogs", "catalogs/perm", "catalogs/openapi", "catalogs/verdict", "internal/report"}},
	{dir: "internal/gate", own: []string{"catalogs", "catalogs/perm", "catalogs/openapi", "catalogs/drift", "internal/report"}},
	// What a linter imports stays light: no report, no OpenAPI, no command line.
	{dir: "analyzers", own: []string{"catalogs", "catalogs/perm", "catalogs/verdict", "internal/strictyaml"}, outside: []string{xtools, "github.com/golangci/plugin-module-register"}},
	{dir: "conformance", own: []string{"catalogs", "catalogs/perm", "conformance/suites", "internal/redact", "internal/report", "internal/strictyaml"}, outside: []string{"golang.org/x/time"}},
	{dir: "conformance/browser", outside: []string{"github.com/chromedp"}},
	{dir: "conformance/suites", outside: []string{"github.com/rogpeppe/go-internal"}},
	{dir: "conformance/script", own: []string{"catalogs", "catalogs/perm", "conformance", "conformance/suites"}, outside: []string{"github.com/rogpeppe/go-internal"}},
	// The reference server decides by its own lookup, or the harness would only prove
	// itself: see TestReferenceDecidesByItself.
	{dir: "conformance/reference", own: []string{"catalogs", "catalogs/perm"}},
	{dir: "internal/vettool", own: []string{"analyzers"}, outside: []string{xtools}},
	{dir: "internal/witness", own: []string{"analyzers", "internal/vettool", "catalogs", "catalogs/kong", "catalogs/openapi", "catalogs/openapi/full", "catalogs/drift", "conformance", "internal/report"}, outside: []string{"golang.org/x/mod"}},
	{dir: "internal/cli", own: []string{"analyzers", "catalogs", "catalogs/perm", "catalogs/openapi", "catalogs/openapi/full", "catalogs/drift", "catalogs/grants", "catalogs/schema",
		"conformance", "conformance/browser", "conformance/keyring", "conformance/reference", "conformance/script", "conformance/suites", "internal/gate", "internal/redact", "internal/report", "internal/strictyaml", "internal/vettool", "internal/witness"},
		outside: []string{cobra, color, xtools, "golang.org/x/term", "golang.org/x/time", "github.com/rogpeppe/go-internal/diff", "github.com/schollz/progressbar"}},
	{dir: "internal/layout"},
	{dir: "internal/vetbench", outside: []string{xtools}},
	{dir: "internal/driftbench"},
	{dir: "internal/corpuscheck", own: []string{"catalogs/perm"}},
	{dir: "internal/mutants", own: []string{"catalogs", "catalogs/perm", "conformance", "conformance/keyring", "conformance/reference"}},
	{dir: "internal/tools/mutate", outside: []string{yaml}},
	{dir: "internal/targets", own: []string{"catalogs"}},
	{dir: "cmd/permcheck", own: []string{"internal/cli"}},
	{dir: "cmd/permcheck-vet", own: []string{"internal/vettool"}},
}

type file struct {
	pkg     string // folder, slash-separated, relative to the module
	name    string
	imports []string
	source  string
}

// goFiles reads every Go file of the module but tests, test data and nested modules.
func goFiles(t *testing.T) (files []file) {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != "." {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := file{pkg: path.Dir(name), name: name, source: string(src)}
		for _, spec := range parsed.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d files found: the walk is broken", len(files))
	}
	return files
}

// What is started once for each package of a program, and what a linter links, stays light:
// kin-openapi compiles the meta-schemas of JSON Schema before main runs. Only one package
// imports it, and whoever reaches that one is the command.
func TestLightPackages(t *testing.T) {
	imports := map[string][]string{}
	for _, f := range goFiles(t) {
		imports[f.pkg] = append(imports[f.pkg], f.imports...)
	}
	reaches := func(from string) (heavy string) {
		seen := map[string]bool{from: true}
		for todo := []string{from}; len(todo) > 0; todo = todo[1:] {
			for _, imp := range imports[todo[0]] {
				if strings.HasPrefix(imp, kinopenapi) {
					return todo[0]
				}
				if own, ok := strings.CutPrefix(imp, module+"/"); ok && !seen[own] {
					seen[own] = true
					todo = append(todo, own)
				}
			}
		}
		return ""
	}
	light := 0
	for pkg := range imports {
		if pkg != "analyzers" && !strings.HasPrefix(pkg, "analyzers/") && !slices.Contains([]string{"internal/vettool", "cmd/permcheck-vet", "catalogs", "catalogs/openapi"}, pkg) {
			continue
		}
		light++
		if by := reaches(pkg); by != "" {
			t.Errorf("%s reaches kin-openapi by %s", pkg, by)
		}
	}
	if light < 10 {
		t.Errorf("only %d packages were looked at", light)
	}
	if by := reaches("cmd/permcheck"); by != "catalogs/openapi/full" {
		t.Errorf("the command reaches kin-openapi by %q: only catalogs/openapi/full may import it", by)
	}
}

func layerOf(pkg string) (layer, bool) {
	var best layer
	for _, l := range layers {
		if (pkg == l.dir || strings.HasPrefix(pkg, l.dir+"/")) && len(l.dir) > len(best.dir) {
			best = l
		}
	}
	return best, best.dir != ""
}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		l, ok := layerOf(f.pkg)
		if !ok {
			t.Errorf("%s: package %s belongs to no layer", f.name, f.pkg)
			continue
		}
		for _, imp := range f.imports {
			if problem := refuse(l, imp); problem != "" {
				t.Errorf("%s imports %s: %s", f.name, imp, problem)
			}
		}
	}
}

func refuse(l layer, imp string) string {
	first, _, _ := strings.Cut(imp, "/")
	own, isOwn := strings.CutPrefix(imp, module+"/")
	switch {
	case isOwn:
		target, ok := layerOf(own)
		if !ok {
			return "a package of no layer"
		}
		if target.dir == l.dir || slices.Contains(l.own, target.dir) {
			return ""
		}
		return l.dir + " may not import " + target.dir
	case !strings.Contains(first, "."):
		return "" // standard library
	}
	for _, m := range l.outside {
		if imp == m || strings.HasPrefix(imp, m+"/") {
			return ""
		}
	}
	return l.dir + " may not import this module"
}

// The rules themselves refuse what they are for.
func TestRulesCanFail(t *testing.T) {
	for _, tt := range []struct{ from, imp string }{
		{"catalogs/perm", yaml},
		{"catalogs", module + "/internal/report"},
		{"analyzers/routes", module + "/internal/report"},
		{"analyzers/golangci", kinopenapi + "/openapi3"},
		{"catalogs/openapi", kinopenapi + "/openapi3"}, // only its tests, and package full
		{"conformance/reference", module + "/conformance"},
		{"catalogs/drift", kinopenapi + "/openapi3"},
		{"cmd/permcheck", module + "/catalogs"},
	} {
		l, ok := layerOf(tt.from)
		if !ok || refuse(l, tt.imp) == "" {
			t.Errorf("%s may import %s", tt.from, tt.imp)
		}
	}
}

// The reference server must not use the algebra's decisions.
func TestReferenceDecidesByItself(t *testing.T) {
	decisions := []string{".Admits(", ".Entails(", "perm.Compare(", ".Boundary(", ".Expand(", ".Implications(", "NewImplications("}
	for _, f := range goFiles(t) {
		if f.pkg != "conformance/reference" {
			continue
		}
		for _, d := range decisions {
			if i := strings.Index(f.source, d); i >= 0 {
				t.Errorf("%s:%d uses %s", f.name, 1+strings.Count(f.source[:i], "\n"), d)
			}
		}
	}
}
