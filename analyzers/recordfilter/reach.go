package recordfilter

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// A Reach is what is known of one function. Functions that reach nothing, for sure,
// have none.
type Reach struct {
	// Func is the function as types.Func.FullName writes it, or file:line:column of a
	// function literal.
	Func    string
	Filters []string // keys of the filters that it reaches
	Unsure  string   // the first call that cannot be followed, if there is one
}

// A Fact tells importers what the functions of a package reach. A package that was not
// looked at has none.
type Fact struct{ Funcs []Reach }

// AFact marks Fact as a fact.
func (*Fact) AFact() {}

func (f *Fact) String() string { return fmt.Sprintf("reaches(%d functions)", len(f.Funcs)) }

// Known is what is known of the functions of several packages.
type Known struct {
	Packages map[string]bool // that were looked at
	Funcs    map[string]Reach
}

// Add adds what is known of a package.
func (k *Known) Add(pkg string, funcs []Reach) {
	if k.Packages == nil {
		k.Packages, k.Funcs = map[string]bool{}, map[string]Reach{}
	}
	k.Packages[pkg] = true
	for _, r := range funcs {
		k.Funcs[r.Func] = r
	}
}

// Result is what [Reaches] finds.
type Result struct {
	Looked bool    // the package was looked at
	Own    []Reach // of its functions
	Known  Known   // of those and its imports'
}

// Reaches finds which functions of a package reach the filters that the configuration
// of its module names. It reports nothing; its result is a *[Result].
var Reaches = &analysis.Analyzer{
	Name:       "recordreaches",
	Doc:        "find functions that reach the configured record filters",
	Run:        find,
	ResultType: reflect.TypeFor[*Result](),
	FactTypes:  []analysis.Fact{new(Fact)},
}

func find(pass *analysis.Pass) (any, error) {
	res := &Result{}
	if routes.Standard(pass) || pass.Module != nil && pass.Module.Version != "" {
		return res, nil // nothing outside the module can call its functions by name
	}
	names, err := guards.FilterFuncs(filepath.Dir(pass.Fset.Position(pass.Files[0].Package).Filename))
	if err != nil || len(names) == 0 {
		return res, nil // guards reports the error, where there are routes to hold against it
	}
	w := &walker{
		pass: pass, filters: map[string]bool{}, imported: map[string]Reach{}, std: map[string]bool{},
		nodes: map[string]*node{},
	}
	for _, n := range names {
		w.filters[n] = true
	}
	for _, pf := range pass.AllPackageFacts() {
		if f, ok := pf.Fact.(*Fact); ok && pf.Package != pass.Pkg {
			res.Known.Add(pf.Package.Path(), f.Funcs)
		}
	}
	w.imported = res.Known.Funcs
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.Package).Filename, "_test.go") {
			continue
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if f, ok := pass.TypesInfo.Defs[d.Name].(*types.Func); ok && d.Body != nil {
					w.function(f.FullName(), d.Body)
				}
			default: // literals in package variables
				w.literals(d)
			}
		}
	}
	w.spread()
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		n := w.nodes[name]
		if len(n.filters) > 0 || n.unsure != "" {
			res.Own = append(res.Own, Reach{name, slices.Sorted(maps.Keys(n.filters)), n.unsure})
		}
	}
	res.Looked = true
	res.Known.Add(pass.Pkg.Path(), res.Own)
	pass.ExportPackageFact(&Fact{res.Own})
	return res, nil
}

type node struct {
	filters map[string]bool
	unsure  string
	calls   map[string]bool // functions of the package that it mentions
}

type walker struct {
	pass     *analysis.Pass
	filters  map[string]bool
	imported map[string]Reach
	std      map[string]bool
	nodes    map[string]*node
}

// function reads a function's body, the literals in it included, and those literals
// again as functions of their own.
func (w *walker) function(name string, body *ast.BlockStmt) {
	n := &node{filters: map[string]bool{}, calls: map[string]bool{}}
	w.nodes[name] = n
	info := w.pass.TypesInfo
	plain := w.plainLocals(body)
	ast.Inspect(body, func(x ast.Node) bool {
		switch x := x.(type) {
		case *ast.Ident:
			// To mention a function is taken for calling it: values are called by others.
			if f, ok := info.Uses[x].(*types.Func); ok {
				w.mention(n, f.Origin(), x.Pos())
			}
		case *ast.CallExpr:
			w.value(n, ast.Unparen(x.Fun), plain)
		}
		return true
	})
	w.literals(body)
}

func (w *walker) literals(in ast.Node) {
	ast.Inspect(in, func(x ast.Node) bool {
		if lit, ok := x.(*ast.FuncLit); ok {
			w.function(routes.Position(w.pass, lit.Pos()).String(), lit.Body)
			return false // it reads its own
		}
		return true
	})
}

func (w *walker) mention(n *node, f *types.Func, at token.Pos) {
	key := guards.FuncKey(f.FullName())
	switch {
	case w.filters[key]:
		n.filters[key] = true
	case f.Pkg() == nil: // error.Error
	case f.Signature().Recv() != nil && types.IsInterface(f.Signature().Recv().Type()):
		typ := key[:strings.LastIndexByte(key, '.')]
		if f.Name() == "ServeHTTP" || !w.standard(f.Pkg().Path()) && !routes.IsContext(typ) {
			w.unsure(n, at, guards.Short(f.FullName())+" is called through an interface")
		}
	case f.Pkg() == w.pass.Pkg:
		n.calls[f.FullName()] = true
	default:
		if r, ok := w.imported[f.FullName()]; ok {
			for _, k := range r.Filters {
				n.filters[k] = true
			}
			if n.unsure == "" {
				n.unsure = r.Unsure
			}
		}
	}
}

func (w *walker) unsure(n *node, at token.Pos, why string) {
	if n.unsure == "" {
		p := w.pass.Fset.Position(at)
		n.unsure = fmt.Sprintf("%s (%s:%d)", why, filepath.Base(p.Filename), p.Line)
	}
}

// value deals with the call of a function value.
func (w *walker) value(n *node, fun ast.Expr, plain map[types.Object]bool) {
	info := w.pass.TypesInfo
	if tv := info.Types[fun]; tv.IsType() || tv.IsBuiltin() {
		return
	}
	switch f := fun.(type) {
	case *ast.Ident:
		if v, ok := info.Uses[f].(*types.Var); ok && !plain[v] {
			w.unsure(n, f.Pos(), "the function value "+f.Name+" is called")
		}
	case *ast.SelectorExpr:
		if _, ok := info.Uses[f.Sel].(*types.Var); ok {
			w.unsure(n, f.Pos(), "the function value "+f.Sel.Name+" is called")
		}
	case *ast.IndexExpr:
		if _, ok := info.TypeOf(f.X).Underlying().(*types.Signature); !ok {
			w.unsure(n, f.Pos(), "a function value is called")
		}
	}
}

// plainLocals finds the local variables that hold only functions which are mentioned
// or made in the same body.
func (w *walker) plainLocals(body *ast.BlockStmt) map[types.Object]bool {
	info := w.pass.TypesInfo
	out, spoilt := map[types.Object]bool{}, map[types.Object]bool{}
	note := func(l, r ast.Expr) {
		id, ok := ast.Unparen(l).(*ast.Ident)
		if !ok {
			return
		}
		obj := info.ObjectOf(id)
		ok = false
		switch r := ast.Unparen(r).(type) {
		case *ast.FuncLit:
			ok = true
		case *ast.Ident:
			_, ok = info.Uses[r].(*types.Func)
		case *ast.SelectorExpr:
			_, ok = info.Uses[r.Sel].(*types.Func)
		case *ast.CallExpr:
			switch f := ast.Unparen(r.Fun).(type) {
			case *ast.Ident:
				_, ok = info.Uses[f].(*types.Func)
			case *ast.SelectorExpr:
				_, ok = info.Uses[f.Sel].(*types.Func)
			}
		}
		if ok {
			out[obj] = true
		} else {
			spoilt[obj] = true
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, l := range n.Lhs {
				if len(n.Rhs) == len(n.Lhs) {
					note(l, n.Rhs[i])
				} else {
					note(l, n.Rhs[0])
				}
			}
		case *ast.ValueSpec:
			for i, l := range n.Names {
				if i < len(n.Values) {
					note(l, n.Values[i])
				}
			}
		}
		return true
	})
	maps.DeleteFunc(out, func(o types.Object, _ bool) bool { return spoilt[o] })
	return out
}

func (w *walker) standard(path string) bool {
	std, ok := w.std[path]
	if !ok {
		if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
			_, err := os.Stat(filepath.Join(build.Default.GOROOT, "src", filepath.FromSlash(path)))
			std = err == nil
		}
		w.std[path] = std
	}
	return std
}

// spread gives each function what those that it mentions reach.
func (w *walker) spread() {
	callers := map[string][]string{}
	var work []string
	for _, name := range slices.Sorted(maps.Keys(w.nodes)) {
		for c := range w.nodes[name].calls {
			callers[c] = append(callers[c], name)
		}
		work = append(work, name)
	}
	for len(work) > 0 {
		from := w.nodes[work[len(work)-1]]
		callees := callers[work[len(work)-1]]
		work = work[:len(work)-1]
		for _, name := range callees {
			to := w.nodes[name]
			before, unsure := len(to.filters), to.unsure
			maps.Copy(to.filters, from.filters)
			// The least reason: the order of the walk must not show.
			if from.unsure != "" && (to.unsure == "" || from.unsure < to.unsure) {
				to.unsure = from.unsure
			}
			if len(to.filters) != before || to.unsure != unsure {
				work = append(work, name)
			}
		}
	}
}
