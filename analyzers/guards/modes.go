package guards

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"

	"golang.org/x/tools/go/analysis"
)

// A Mode says how several permissions given to one guard combine.
type Mode uint8

// The modes. The zero value: it is not plain.
const (
	Unclear Mode = iota
	AllOf
	AnyOf
)

// A Fact tells importers how the guards of a package combine what they are given.
// It holds no map: facts must be encoded alike each time.
type Fact struct {
	Guards []GuardMode
	Ways   []Way
	Looked bool // every function of the package that is not among Ways refuses nothing
}

// A GuardMode is how one parameter of a function combines what it is given.
type GuardMode struct {
	Func  string // function key
	Param int    // from 0; a receiver does not count
	Mode  Mode
}

func newFact(modes map[string]map[int]Mode) *Fact {
	f := &Fact{}
	for _, name := range slices.Sorted(maps.Keys(modes)) {
		for _, param := range slices.Sorted(maps.Keys(modes[name])) {
			f.Guards = append(f.Guards, GuardMode{name, param, modes[name][param]})
		}
	}
	return f
}

func (f *Fact) addTo(modes map[string]map[int]Mode) {
	for _, g := range f.Guards {
		if modes[g.Func] == nil {
			modes[g.Func] = map[int]Mode{}
		}
		modes[g.Func][g.Param] = g.Mode
	}
}

// AFact marks Fact as a fact.
func (*Fact) AFact() {}

func (f *Fact) String() string { return fmt.Sprintf("guards(%d functions)", len(f.Guards)) }

// modes infers the modes of the package's functions that take several values.
type modes struct {
	pass    *analysis.Pass
	decls   map[*types.Func]*ast.FuncDecl
	found   map[*types.Func]map[int]Mode
	imports func(*types.Func) map[int]Mode
}

func inferModes(pass *analysis.Pass) map[string]map[int]Mode {
	m := &modes{pass: pass, decls: map[*types.Func]*ast.FuncDecl{}, found: map[*types.Func]map[int]Mode{}}
	m.imports = func(f *types.Func) map[int]Mode {
		var fact Fact
		if f.Pkg() != nil && pass.ImportPackageFact(f.Pkg(), &fact) {
			modes := map[string]map[int]Mode{}
			fact.addTo(modes)
			return modes[FuncKey(f.FullName())]
		}
		return nil
	}
	for _, file := range pass.Files {
		for _, d := range file.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				if f, ok := pass.TypesInfo.Defs[fd.Name].(*types.Func); ok && takesSeveral(f.Signature()) {
					m.decls[f] = fd
				}
			}
		}
	}
	out := map[string]map[int]Mode{}
	for f := range m.decls {
		if got := m.of(f); len(got) > 0 {
			out[FuncKey(f.FullName())] = got
		}
	}
	return out
}

func takesSeveral(sig *types.Signature) bool {
	for v := range sig.Params().Variables() {
		if isSeveral(v.Type()) {
			return true
		}
	}
	return false
}

// isSeveral reports whether a type is a slice of texts or numbers.
func isSeveral(t types.Type) bool {
	s, ok := t.Underlying().(*types.Slice)
	if !ok {
		return false
	}
	b, ok := s.Elem().Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsString|types.IsInteger) != 0 && b.Kind() != types.Byte
}

func (m *modes) of(f *types.Func) map[int]Mode {
	if got, ok := m.found[f]; ok {
		return got
	}
	m.found[f] = nil // while it is looked at: recursion says nothing
	fd := m.decls[f]
	if fd == nil {
		got := m.imports(f)
		m.found[f] = got
		return got
	}
	got := map[int]Mode{}
	params := f.Signature().Params()
	for i := range params.Len() {
		if v := params.At(i); isSeveral(v.Type()) {
			if mode := m.param(fd.Body, v); mode != Unclear {
				got[i] = mode
			}
		}
	}
	m.found[f] = got
	return got
}

// param looks at every use of a parameter; they must agree.
func (m *modes) param(body ast.Node, v *types.Var) Mode {
	info := m.pass.TypesInfo
	is := func(e ast.Expr) bool {
		id, ok := ast.Unparen(e).(*ast.Ident)
		return ok && info.Uses[id] == v
	}
	result, clash := Unclear, false
	note := func(mode Mode) {
		if mode != Unclear && result != Unclear && mode != result {
			clash = true
		}
		if mode != Unclear {
			result = mode
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if is(n.X) {
				note(m.loop(n))
			}
		case *ast.CallExpr:
			f := callee(info, n)
			if f == nil {
				return true
			}
			for i, a := range n.Args {
				if !is(a) {
					continue
				}
				if f.Pkg() != nil && f.Pkg().Path() == "slices" && (f.Name() == "ContainsFunc" || f.Name() == "IndexFunc" || f.Name() == "Contains") && i == 0 {
					note(AnyOf)
				} else {
					note(m.of(f.Origin())[i])
				}
			}
		}
		return true
	})
	if clash {
		return Unclear
	}
	return result
}

func callee(info *types.Info, call *ast.CallExpr) *types.Func {
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		fn, _ := info.Uses[f].(*types.Func)
		return fn
	case *ast.SelectorExpr:
		fn, _ := info.Uses[f.Sel].(*types.Func)
		return fn
	}
	return nil
}

// loop reads a loop over the permissions: one that leaves at the first that is
// missing needs all, one that goes on at the first that is held needs any.
func (m *modes) loop(loop *ast.RangeStmt) Mode {
	if len(loop.Body.List) == 0 {
		return Unclear
	}
	st, ok := loop.Body.List[len(loop.Body.List)-1].(*ast.IfStmt)
	if !ok || st.Else != nil {
		return Unclear
	}
	switch missing, ok := m.missing(st.Cond, loop); {
	case !ok:
	case missing && m.outcome(st.Body) == refused:
		return AllOf
	case !missing && m.outcome(st.Body) == admitted:
		return AnyOf
	}
	return Unclear
}

// missing reports whether a condition holds when the permission, the element of a loop,
// is not held.
func (m *modes) missing(cond ast.Expr, loop *ast.RangeStmt) (missing, ok bool) {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			missing, ok = m.missing(e.X, loop)
			return !missing, ok
		}
	case *ast.CallExpr, *ast.IndexExpr:
		return false, true
	case *ast.Ident:
		return false, true
	case *ast.BinaryExpr:
		if m.pass.TypesInfo.Types[e.Y].IsNil() && isError(m.pass.TypesInfo.TypeOf(e.X)) {
			return e.Op == token.NEQ, e.Op == token.NEQ || e.Op == token.EQL
		}
		// role == p: what the caller has is compared with each.
		if elem, ok := loop.Value.(*ast.Ident); ok && (e.Op == token.EQL || e.Op == token.NEQ) {
			for _, side := range []ast.Expr{e.X, e.Y} {
				if id, ok := ast.Unparen(side).(*ast.Ident); ok && m.pass.TypesInfo.Uses[id] != nil && m.pass.TypesInfo.Uses[id] == m.pass.TypesInfo.Defs[elem] {
					return e.Op == token.NEQ, true
				}
			}
		}
	}
	return false, false
}

func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

type outcome uint8

const (
	unclear outcome = iota
	admitted
	refused
)

// outcome reads what a block does with the request.
func (m *modes) outcome(b *ast.BlockStmt) outcome {
	info := m.pass.TypesInfo
	serves := false
	ast.Inspect(b, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f := callee(info, call); f != nil && (f.Name() == "ServeHTTP" || f.Name() == "Next") {
				serves = true
			}
			// next(w, r): a function value that was given
			if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
				if v, ok := info.Uses[id].(*types.Var); ok && v.Type() != nil {
					serves = true
				}
			}
		}
		return true
	})
	if serves {
		return admitted
	}
	for i := len(b.List) - 1; i >= 0; i-- {
		switch st := b.List[i].(type) {
		case *ast.ReturnStmt:
			if len(st.Results) == 0 {
				return refused // leaves without serving
			}
			switch last := st.Results[len(st.Results)-1]; {
			case info.Types[last].IsNil():
				return admitted
			case isError(info.TypeOf(last)):
				return refused
			default:
				return truthOf(info, last)
			}
		case *ast.AssignStmt:
			if len(st.Rhs) == 1 {
				if o := truthOf(info, st.Rhs[0]); o != unclear {
					return o
				}
			}
		case *ast.BranchStmt:
			if st.Tok == token.BREAK {
				continue
			}
			return unclear
		}
	}
	return unclear
}

func truthOf(info *types.Info, e ast.Expr) outcome {
	if tv := info.Types[e]; tv.Value != nil {
		switch tv.Value.String() {
		case "true":
			return admitted
		case "false":
			return refused
		}
	}
	return unclear
}
