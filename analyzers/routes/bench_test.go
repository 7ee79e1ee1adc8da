package routes

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
)

// generated returns the source of a package with n routes: in groups of ten on muxes
// of their own, registered through a wrapper, each mounted under its prefix.
func generated(n int) string {
	var b strings.Builder
	b.WriteString("package p\n\nimport \"net/http\"\n\ntype s struct{ mux *http.ServeMux; prefix string }\n\n" +
		"func (s *s) get(path, perm string, h http.HandlerFunc) { s.mux.Handle(\"GET \"+s.prefix+path, need(perm)(h)) }\n\n" +
		"func need(p string) func(http.Handler) http.Handler { return func(h http.Handler) http.Handler { return h } }\n\n" +
		"func h(w http.ResponseWriter, r *http.Request) {}\n\n")
	for g := range n / 10 {
		fmt.Fprintf(&b, "func group%d(mux *http.ServeMux) {\n\ts := &s{mux, \"/g%d\"}\n", g, g)
		for i := range 10 {
			fmt.Fprintf(&b, "\ts.get(\"/r%d/{id}\", \"perm%d\", h)\n", i, i)
		}
		b.WriteString("}\n\n")
	}
	b.WriteString("func serve() {\n\tmux := http.NewServeMux()\n")
	for g := range n / 10 {
		fmt.Fprintf(&b, "\tgroup%d(mux)\n", g)
	}
	b.WriteString("\thttp.ListenAndServe(\":80\", mux)\n}\n")
	return b.String()
}

func pass(tb testing.TB, src string) *analysis.Pass {
	tb.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", src, parser.ParseComments)
	if err != nil {
		tb.Fatal(err)
	}
	info := &types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		Implicits: map[ast.Node]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
	}
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	pkg, err := conf.Check("p", fset, []*ast.File{file}, info)
	if err != nil {
		tb.Fatal(err)
	}
	return &analysis.Pass{
		Analyzer: Analyzer, Fset: fset, Files: []*ast.File{file}, Pkg: pkg, TypesInfo: info,
		AllPackageFacts:   func() []analysis.PackageFact { return nil },
		ImportPackageFact: func(*types.Package, analysis.Fact) bool { return false },
		ExportPackageFact: func(analysis.Fact) {},
	}
}

func BenchmarkAnalyzer(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		p := pass(b, generated(n))
		b.Run(fmt.Sprintf("routes=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				v, err := run(p)
				if err != nil {
					b.Fatal(err)
				}
				if got := len(v.(*Result).Routes); got != n {
					b.Fatalf("%d routes, want %d", got, n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/route")
		})
	}
}
