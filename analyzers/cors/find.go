package cors

import (
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// header is what a server sets to let pages of an origin read its answers.
const header = "Access-Control-Allow-Origin"

// openers are the functions whose use opens an API to browsers, as
// "import/path.Func". What they are configured with does not matter: without origins
// those of rs/cors and its kin allow all, the others cannot be used.
var openers = map[string]bool{
	"github.com/rs/cors.Default":                            true,
	"github.com/rs/cors.AllowAll":                           true,
	"github.com/rs/cors.New":                                true,
	"github.com/go-chi/cors.AllowAll":                       true,
	"github.com/go-chi/cors.Handler":                        true,
	"github.com/go-chi/cors.New":                            true,
	"github.com/gin-contrib/cors.Default":                   true,
	"github.com/gin-contrib/cors.New":                       true,
	"github.com/gorilla/handlers.CORS":                      true,
	"github.com/labstack/echo/v4/middleware.CORS":           true,
	"github.com/labstack/echo/v4/middleware.CORSWithConfig": true,
	"github.com/labstack/echo/v5/middleware.CORS":           true,
	"github.com/labstack/echo/v5/middleware.CORSWithConfig": true,
	"github.com/gofiber/fiber/v2/middleware/cors.New":       true,
	"github.com/gofiber/fiber/v3/middleware/cors.New":       true,
}

// setters are the methods that set a response header, as "import/path.Type.Method":
// the first argument names it.
var setters = map[string]bool{
	"net/http.Header.Set":                                             true,
	"net/http.Header.Add":                                             true,
	"github.com/gin-gonic/gin.Context.Header":                         true,
	"github.com/gofiber/fiber/v2.Ctx.Set":                             true,
	"github.com/gofiber/fiber/v2.Ctx.Append":                          true,
	"github.com/gofiber/fiber/v3.Ctx.Set":                             true,
	"github.com/gofiber/fiber/v3.Ctx.Append":                          true,
	"github.com/valyala/fasthttp.ResponseHeader.Set":                  true,
	"github.com/valyala/fasthttp.ResponseHeader.Add":                  true,
	"github.com/beego/beego/v2/server/web/context.BeegoOutput.Header": true,
}

// An Opening is a place in code that opens an API to browsers.
type Opening struct {
	What string // the function, or the header
	guards.Place
}

// Openings finds the openings of a package, whatever any catalog says. It reports
// nothing; its result is a []Opening.
var Openings = &analysis.Analyzer{
	Name:       "corsopenings",
	Doc:        "find code that lets web pages of other origins call the API",
	Run:        find,
	ResultType: reflect.TypeFor[[]Opening](),
}

func find(pass *analysis.Pass) (any, error) {
	var out []Opening
	if routes.Standard(pass) {
		return out, nil
	}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.Package).Filename, "_test.go") {
			continue
		}
		add := func(n ast.Node, what string) {
			p := routes.Position(pass, n.Pos())
			out = append(out, Opening{what, guards.Place{File: p.Filename, Line: p.Line, Column: p.Column}})
		}
		isHeader := func(e ast.Expr) bool {
			v := pass.TypesInfo.Types[e].Value
			return v != nil && v.Kind() == constant.String && strings.EqualFold(constant.StringVal(v), header)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if f, ok := pass.TypesInfo.Uses[n.Sel].(*types.Func); ok && openers[guards.FuncKey(f.FullName())] {
					add(n, guards.Short(f.FullName()))
				}
			case *ast.CallExpr:
				sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
				if !ok || len(n.Args) == 0 || !isHeader(n.Args[0]) {
					break
				}
				if f, ok := pass.TypesInfo.Uses[sel.Sel].(*types.Func); ok && setters[guards.FuncKey(f.FullName())] {
					add(n, header)
				}
			case *ast.AssignStmt: // w.Header()["Access-Control-Allow-Origin"] = ...
				for _, l := range n.Lhs {
					if ix, ok := ast.Unparen(l).(*ast.IndexExpr); ok && isHeader(ix.Index) && isHTTPHeader(pass.TypesInfo.TypeOf(ix.X)) {
						add(n, header)
					}
				}
			}
			return true
		})
	}
	return out, nil
}

func isHTTPHeader(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "net/http" && n.Obj().Name() == "Header"
}

// Functions returns the functions that open an API to browsers: "import/path.Func", or
// "import/path.Type.Method" of those that set a header.
func Functions() []string {
	all := maps.Clone(openers)
	maps.Copy(all, setters)
	return slices.Sorted(maps.Keys(all))
}
