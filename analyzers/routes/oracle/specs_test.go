package oracle

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/analyzers/routes"
)

// sources finds the folders of the packages that the specs name.
func sources(t *testing.T, paths map[string]bool) map[string]string {
	t.Helper()
	args := []string{"list", "-tags=libraries", "-find", "-json=ImportPath,Dir"}
	for p := range paths {
		args = append(args, p)
	}
	var stderr bytes.Buffer
	cmd := exec.Command("go", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.Bytes())
	}
	dirs := map[string]string{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct{ ImportPath, Dir string }
		if err := d.Decode(&p); err == io.EOF {
			return dirs
		} else if err != nil {
			t.Fatal(err)
		}
		dirs[p.ImportPath] = p.Dir
	}
}

// A declared package: its functions and methods by the keys that rows use, its types
// and its variables.
type declared struct {
	funcs map[string]*ast.FuncType
	names map[string]bool
}

func declarations(t *testing.T, path, dir string) declared {
	t.Helper()
	d := declared{map[string]*ast.FuncType{}, map[string]bool{}}
	pkgs, err := parser.ParseDir(token.NewFileSet(), dir, func(i fs.FileInfo) bool { return !strings.HasSuffix(i.Name(), "_test.go") }, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pkgs {
		if p.Name == "main" {
			continue
		}
		for _, file := range p.Files {
			for _, decl := range file.Decls {
				switch decl := decl.(type) {
				case *ast.FuncDecl:
					key := path + "."
					if decl.Recv != nil {
						recv := strings.TrimPrefix(types.ExprString(decl.Recv.List[0].Type), "*")
						recv, _, _ = strings.Cut(recv, "[")
						key += recv + "."
					}
					d.funcs[key+decl.Name.Name] = decl.Type
				case *ast.GenDecl:
					for _, s := range decl.Specs {
						switch s := s.(type) {
						case *ast.ValueSpec:
							for _, n := range s.Names {
								d.names[path+"."+n.Name] = true
							}
						case *ast.TypeSpec:
							d.names[path+"."+s.Name.Name] = true
							i, ok := s.Type.(*ast.InterfaceType)
							if !ok {
								continue
							}
							for _, m := range i.Methods.List {
								for _, n := range m.Names {
									d.funcs[path+"."+s.Name.Name+"."+n.Name] = m.Type.(*ast.FuncType)
								}
							}
						}
					}
				}
			}
		}
	}
	return d
}

// parameters returns the types of a function's parameters as they are written.
func parameters(f *ast.FuncType) []string {
	var out []string
	for _, field := range f.Params.List {
		for range max(1, len(field.Names)) {
			out = append(out, types.ExprString(field.Type))
		}
	}
	return out
}

func packageOf(name string) string {
	slash := strings.LastIndexByte(name, '/') + 1
	return name[:slash+strings.IndexByte(name[slash:], '.')]
}

// Every type and function that a spec names is there, and its arguments can be what
// the row says; every exported method of its types that takes a handler has a row.
func TestSpecs(t *testing.T) {
	paths := map[string]bool{}
	for _, s := range routes.Specs() {
		for _, r := range s.Rows {
			paths[packageOf(r.Func)] = true
		}
		for _, names := range [][]string{s.Types, s.Builders, s.Handlers, s.Contexts} {
			for _, n := range names {
				paths[packageOf(n)] = true
			}
		}
	}
	dirs := sources(t, paths)
	decls := map[string]declared{}
	for path, dir := range dirs {
		decls[path] = declarations(t, path, dir)
	}
	for _, s := range routes.Specs() {
		rows := map[string]bool{}
		for _, r := range s.Rows {
			if rows[r.Func] {
				t.Errorf("%s has two rows", r.Func)
			}
			rows[r.Func] = true
		}
		exists := func(names ...string) {
			for _, n := range names {
				if n != "" && !decls[packageOf(n)].names[n] {
					t.Errorf("%s: %s is not declared", s.Name, n)
				}
			}
		}
		exists(s.Types...)
		exists(s.Builders...)
		exists(s.Handlers...)
		exists(s.Contexts...)
		exists(s.Default)
		for _, r := range s.Rows {
			f := decls[packageOf(r.Func)].funcs[r.Func]
			if f == nil {
				t.Errorf("%s: %s is not declared", s.Name, r.Func)
				continue
			}
			checkRoles(t, r, parameters(f))
		}
		for _, typ := range append(append([]string(nil), s.Types...), s.Builders...) {
			for key, f := range decls[packageOf(typ)].funcs {
				method, ok := strings.CutPrefix(key, typ+".")
				if !ok || !ast.IsExported(method) || rows[key] {
					continue
				}
				for _, p := range parameters(f) {
					if strings.Contains(p, "Handler") || strings.Contains(p, "Middleware") || strings.HasSuffix(p, "Handle") {
						t.Errorf("%s: %s takes a %s and has no row", s.Name, key, p)
					}
				}
			}
		}
	}
}

// checkRoles compares what a row says of its arguments with the parameters.
func checkRoles(t *testing.T, r routes.Row, params []string) {
	at := func(role string, a routes.Arg) string {
		switch {
		case a == routes.None || a == routes.Self:
			return ""
		case a == routes.Last && len(params) > 0:
			return params[len(params)-1]
		case int(a) > len(params):
			t.Errorf("%s: the row names argument %d as the %s, there are %d", r.Func, a, role, len(params))
			return ""
		}
		return params[a-1]
	}
	isText := func(p string) bool {
		switch strings.TrimPrefix(strings.TrimPrefix(p, "..."), "[]") {
		case "string", "Pattern":
			return true
		}
		return false
	}
	for role, a := range map[string]routes.Arg{"path": r.Path, "method": r.MethodArg, "mapping": r.Mapping} {
		if p := at(role, a); p != "" && !isText(p) {
			t.Errorf("%s: argument %d is a %s, not a %s", r.Func, a, p, role)
		}
	}
	for role, a := range map[string]routes.Arg{"handler": r.Handler, "middleware": r.Middleware, "router": r.Router, "table": r.Routes, "claim": r.Claim} {
		if p := at(role, a); p != "" && isText(p) {
			t.Errorf("%s: argument %d is a %s, not a %s", r.Func, a, p, role)
		}
	}
	variadic := len(params) > 0 && strings.HasPrefix(params[len(params)-1], "...")
	if r.Rest && !variadic {
		t.Errorf("%s is not variadic", r.Func)
	}
	if r.Middleware > 0 && int(r.Middleware) == len(params) && variadic && !r.Rest && r.Handler != routes.Last {
		t.Errorf("%s: the middleware is variadic, the row names one", r.Func)
	}
	if r.Handler == routes.Last && !variadic && r.Middleware != routes.None {
		t.Errorf("%s: the last of several handlers, but it is not variadic", r.Func)
	}
}

// The stubs that the tests of the main module compile against have the signatures of
// the libraries.
func TestStubs(t *testing.T) {
	root := filepath.Join("..", "..", "..", "testdata", "src")
	for _, path := range []string{
		"github.com/gin-gonic/gin", "github.com/go-chi/chi/v5", "github.com/gofiber/fiber/v2", "github.com/gorilla/mux", "github.com/labstack/echo/v4",
		"github.com/beego/beego/v2/server/web",
		"github.com/danielgtaylor/huma/v2", "github.com/emicklei/go-restful/v3",
		"github.com/labstack/echo/v4/middleware", "github.com/gofiber/fiber/v2/middleware/cors",
		"github.com/rs/cors", "github.com/go-chi/cors", "github.com/gin-contrib/cors", "github.com/gorilla/handlers",
	} {
		real := declarations(t, path, sources(t, map[string]bool{path: true})[path])
		stub := declarations(t, path, filepath.Join(root, filepath.FromSlash(path)))
		if len(stub.funcs) == 0 {
			t.Errorf("%s has no stub", path)
		}
		for key, f := range stub.funcs {
			r := real.funcs[key]
			if r == nil {
				t.Errorf("%s is not in the library", key)
			} else if got, want := signature(f), signature(r); got != want {
				t.Errorf("%s is %s, in the library %s", key, got, want)
			}
		}
		for name := range stub.names {
			if !real.names[name] {
				t.Errorf("%s is not in the library", name)
			}
		}
	}
}

// signature writes the types of parameters and results.
func signature(f *ast.FuncType) string {
	s := "(" + strings.Join(parameters(f), ", ") + ")"
	if f.Results != nil {
		s += " (" + strings.Join(parameters(&ast.FuncType{Params: f.Results}), ", ") + ")"
	}
	return s
}
