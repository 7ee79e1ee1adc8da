package routes

import (
	"go/ast"
	"go/build"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

func (s *scope) stmts(list []ast.Stmt) []*stmt {
	var out []*stmt
	for _, st := range list {
		if x := s.stmt(st); x != nil {
			out = append(out, x)
		}
	}
	return out
}

func (s *scope) stmt(st ast.Stmt) *stmt {
	switch st := st.(type) {
	case *ast.ExprStmt:
		return s.effect(st.X)
	case *ast.GoStmt:
		return s.effect(st.Call)
	case *ast.DeferStmt:
		return s.effect(st.Call)
	case *ast.AssignStmt:
		return s.assign(st)
	case *ast.IncDecStmt:
		return &stmt{Op: stAssign, L: []*expr{s.expr(st.X)}, R: []*expr{unknownExpr("a counter")}}
	case *ast.DeclStmt:
		gd, ok := st.Decl.(*ast.GenDecl)
		if !ok || gd.Tok != token.VAR {
			return nil
		}
		out := &stmt{Op: stBlock}
		for _, spec := range gd.Specs {
			vs := spec.(*ast.ValueSpec)
			a := &stmt{Op: stAssign}
			for _, id := range vs.Names {
				a.L = append(a.L, s.expr(id))
			}
			for _, v := range vs.Values {
				a.R = append(a.R, s.expr(v))
			}
			if len(vs.Values) == 0 {
				for _, id := range vs.Names {
					a.R = append(a.R, s.zero(s.c.info.TypeOf(id), id))
				}
			}
			out.Body = append(out.Body, a)
		}
		return out
	case *ast.BlockStmt:
		return &stmt{Op: stBlock, Body: s.stmts(st.List)}
	case *ast.LabeledStmt:
		return s.stmt(st.Stmt)
	case *ast.IfStmt:
		out := &stmt{Op: stIf}
		var pre *stmt
		if st.Init != nil {
			pre = s.stmt(st.Init)
		}
		out.R = []*expr{s.expr(st.Cond)}
		out.ErrCheck = s.comparesNil(st.Cond)
		out.Body = s.stmts(st.Body.List)
		if st.Else != nil {
			if x := s.stmt(st.Else); x != nil {
				out.Else = []*stmt{x}
			}
		}
		if pre != nil {
			return &stmt{Op: stBlock, Body: []*stmt{pre, out}}
		}
		return out
	case *ast.RangeStmt:
		out := &stmt{Op: stRange, R: []*expr{s.expr(st.X)}}
		for _, e := range []ast.Expr{st.Key, st.Value} {
			if id, ok := e.(*ast.Ident); e == nil || ok && id.Name == "_" {
				out.L = append(out.L, unknownExpr(""))
			} else {
				out.L = append(out.L, s.expr(e))
			}
		}
		out.Body = s.stmts(st.Body.List)
		return out
	case *ast.ForStmt:
		out := &stmt{Op: stLoop}
		if st.Cond != nil {
			out.R = []*expr{s.expr(st.Cond)}
		}
		out.Body = s.stmts(st.Body.List)
		if st.Init != nil {
			if pre := s.stmt(st.Init); pre != nil {
				return &stmt{Op: stBlock, Body: []*stmt{pre, out}}
			}
		}
		return out
	case *ast.SwitchStmt:
		out := &stmt{Op: stSwitch}
		if st.Tag != nil {
			out.R = []*expr{s.expr(st.Tag)}
		}
		for _, cc := range st.Body.List {
			cc := cc.(*ast.CaseClause)
			k := caseClause{Default: cc.List == nil}
			for _, e := range cc.List {
				k.Exprs = append(k.Exprs, s.expr(e))
			}
			k.Body = s.stmts(cc.Body)
			out.Cases = append(out.Cases, k)
		}
		if st.Init != nil {
			if pre := s.stmt(st.Init); pre != nil {
				return &stmt{Op: stBlock, Body: []*stmt{pre, out}}
			}
		}
		return out
	case *ast.TypeSwitchStmt:
		// The value keeps its identity in each clause.
		out := &stmt{Op: stSwitch}
		var from *expr
		if a, ok := st.Assign.(*ast.AssignStmt); ok {
			if ta, ok := ast.Unparen(a.Rhs[0]).(*ast.TypeAssertExpr); ok {
				from = s.expr(ta.X)
			}
		}
		for _, cc := range st.Body.List {
			cc := cc.(*ast.CaseClause)
			k := caseClause{Exprs: []*expr{unknownExpr("a type")}}
			if obj := s.c.info.Implicits[cc]; obj != nil && from != nil {
				k.Body = append(k.Body, &stmt{Op: stAssign, L: []*expr{{Op: opLocal, N: s.slot(obj)}}, R: []*expr{from}})
			}
			k.Body = append(k.Body, s.stmts(cc.Body)...)
			out.Cases = append(out.Cases, k)
		}
		return out
	case *ast.SelectStmt:
		out := &stmt{Op: stSwitch}
		for _, cc := range st.Body.List {
			cc := cc.(*ast.CommClause)
			out.Cases = append(out.Cases, caseClause{Exprs: []*expr{unknownExpr("a channel")}, Body: s.stmts(cc.Body)})
		}
		return out
	case *ast.ReturnStmt:
		out := &stmt{Op: stReturn}
		for _, e := range st.Results {
			out.R = append(out.R, s.expr(e))
		}
		return out
	}
	return nil
}

// effect compiles a call made for its effect, or nothing if it cannot have one.
func (s *scope) effect(e ast.Expr) *stmt {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return nil
	}
	x := s.expr(call)
	if x.Op == opCall && !s.matters(x) {
		return nil
	}
	return &stmt{Op: stExpr, R: []*expr{x}}
}

// matters reports whether a call can register anything, by what it calls or by what
// it is given.
func (s *scope) matters(x *expr) bool {
	switch x.Op {
	case opLit:
		return x.Fn.Full && x.Fn.Touches
	case opStruct:
		if s.c.table.tables[x.Type] != nil {
			return true
		}
	case opCall:
		if x.Dynamic || x.Takes {
			return true
		}
		f := x.Args[0]
		if pkg := pkgOf(f.Str); pkg == s.c.pass.Pkg.Path() || s.c.table.pkgs[pkg] {
			if _, ok := s.c.table.rows[f.Str]; ok || pkg == s.c.pass.Pkg.Path() {
				return true
			}
		} else if s.c.importedName(pkg, f.Name) {
			return true
		}
	}
	if x.Router != "" {
		return true
	}
	for _, a := range x.Args {
		if s.matters(a) {
			return true
		}
	}
	return false
}

// zero is the zero value of a declared variable.
func (s *scope) zero(t types.Type, at ast.Expr) *expr {
	t = types.Unalias(t)
	if _, isPtr := t.(*types.Pointer); isPtr {
		return &expr{Op: opConst}
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		x := s.at(&expr{Op: opStruct, Type: typeName(t), Router: s.c.routerType(t)}, at)
		s.zeroFields(x, u)
		return x
	case *types.Slice:
		return s.at(&expr{Op: opList}, at)
	case *types.Basic:
		if u.Info()&types.IsString != 0 {
			return s.at(&expr{Op: opConst, Kind: 's'}, at)
		}
		if u.Info()&types.IsBoolean != 0 {
			return s.at(&expr{Op: opConst, Kind: 'b', Str: "false"}, at)
		}
	}
	return &expr{Op: opConst}
}

func (s *scope) assign(st *ast.AssignStmt) *stmt {
	out := &stmt{Op: stAssign}
	for _, l := range st.Lhs {
		if id, ok := l.(*ast.Ident); ok && id.Name == "_" {
			out.L = append(out.L, unknownExpr(""))
		} else {
			out.L = append(out.L, s.expr(l))
		}
	}
	for i, r := range st.Rhs {
		x := s.expr(r)
		switch {
		case st.Tok == token.ADD_ASSIGN:
			x = s.at(&expr{Op: opBinary, Str: "+", Args: []*expr{out.L[i], x}}, st)
		case st.Tok != token.ASSIGN && st.Tok != token.DEFINE:
			x = unknownExpr("an arithmetic assignment")
		case isStructValue(s.c.info.TypeOf(r)) && x.Op != opStruct && x.Op != opCall:
			x = s.at(&expr{Op: opCopy, Args: []*expr{x}}, r)
		}
		out.R = append(out.R, x)
	}
	return out
}

func isStructValue(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Struct)
	return ok
}

// comparesNil reports whether a condition is about an error, a nil value or an ok
// flag that came with a value.
func (s *scope) comparesNil(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			return s.comparesNil(e.X) || s.comparesNil(e.Y)
		case token.EQL, token.NEQ:
			return s.c.info.Types[e.X].IsNil() || s.c.info.Types[e.Y].IsNil()
		}
	case *ast.CallExpr: // errors.Is, errors.As
		if f := s.calleeFunc(ast.Unparen(e.Fun)); f != nil && f.Pkg() != nil && f.Pkg().Path() == "errors" {
			return true
		}
	}
	return false
}

// importedName reports whether a function of another package touches routers.
func (c *compiler) importedName(pkg, fullName string) bool {
	for _, imp := range c.pass.Pkg.Imports() {
		if imp.Path() == pkg {
			return c.importedFull(imp, fullName)
		}
	}
	return false
}

func (c *compiler) importedFull(p *types.Package, fullName string) bool {
	var fact Fact
	if !c.pass.ImportPackageFact(p, &fact) {
		return false
	}
	for _, n := range fact.Touching {
		if n == fullName {
			return true
		}
	}
	return false
}

// checks finds the calls that decide at the top of a handler's body whether it goes
// on. It stops at the first statement that could already serve something.
func (s *scope) checks(b *ast.BlockStmt) []*check {
	pending := map[types.Object]*ast.CallExpr{}
	var out []*check
	for _, st := range b.List {
		switch st := st.(type) {
		case *ast.AssignStmt:
			s.pend(pending, st)
		case *ast.DeclStmt, *ast.DeferStmt, *ast.EmptyStmt:
		case *ast.ExprStmt:
		case *ast.IfStmt:
			if a, ok := st.Init.(*ast.AssignStmt); ok {
				s.pend(pending, a)
			}
			found := s.decides(st.Cond, pending, true)
			leaves := endsInReturn(st.Body)
			switch {
			case len(found) > 0 && leaves && st.Else == nil:
				for _, f := range found {
					call := s.expr(f.call)
					if call.Op == opCall {
						out = append(out, &check{Call: call, Clear: f.clear})
					}
				}
			case leaves && !s.refuses(st.Body) && !s.comparesNil(st.Cond):
				return out
			case !leaves && s.writes(st.Body):
				return out
			}
		default:
			return out
		}
	}
	return out
}

func (s *scope) pend(pending map[types.Object]*ast.CallExpr, a *ast.AssignStmt) {
	if len(a.Rhs) != 1 {
		return
	}
	call, ok := ast.Unparen(a.Rhs[0]).(*ast.CallExpr)
	if !ok {
		return
	}
	for _, l := range a.Lhs {
		if id, ok := l.(*ast.Ident); ok {
			if obj := s.c.info.ObjectOf(id); obj != nil {
				pending[obj] = call
			}
		}
	}
}

type decision struct {
	call  *ast.CallExpr
	clear bool
}

// decides finds the calls that a condition for leaving depends on.
func (s *scope) decides(cond ast.Expr, pending map[types.Object]*ast.CallExpr, positive bool) []decision {
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return s.decides(e.X, pending, !positive)
		}
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LOR:
			if positive {
				return append(s.decides(e.X, pending, positive), s.decides(e.Y, pending, positive)...)
			}
		case token.LAND:
			if !positive {
				return append(s.decides(e.X, pending, positive), s.decides(e.Y, pending, positive)...)
			}
		case token.NEQ, token.EQL:
			x := e.X
			if s.c.info.Types[e.X].IsNil() {
				x = e.Y
			} else if !s.c.info.Types[e.Y].IsNil() {
				return nil
			}
			if f := s.decides(x, pending, true); len(f) == 1 {
				f[0].clear = (e.Op == token.NEQ) == positive
				return f
			}
		}
	case *ast.CallExpr:
		if s.isGuardCall(e) {
			return []decision{{e, !positive}}
		}
	case *ast.Ident:
		if call := pending[s.c.info.ObjectOf(e)]; call != nil && s.isGuardCall(call) {
			return []decision{{call, !positive}}
		}
	}
	return nil
}

// isGuardCall reports whether a call can be a check of permissions: it is neither a
// conversion nor a function of the standard library.
func (s *scope) isGuardCall(e *ast.CallExpr) bool {
	if f := s.calleeFunc(ast.Unparen(e.Fun)); f != nil && f.Pkg() != nil && f.Pkg() != s.c.pass.Pkg {
		return !s.c.isStdPath(f.Pkg().Path())
	}
	return !s.c.info.Types[e.Fun].IsType()
}

// isStdPath reports whether an import path is one of the standard library's.
func (c *compiler) isStdPath(path string) bool {
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		return false
	}
	std, ok := c.std[path]
	if !ok {
		_, err := os.Stat(filepath.Join(build.Default.GOROOT, "src", filepath.FromSlash(path)))
		std = err == nil
		c.std[path] = std
	}
	return std
}

func endsInReturn(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch st := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt:
		return true
	case *ast.ExprStmt:
		if call, ok := st.X.(*ast.CallExpr); ok {
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
				return true
			}
		}
	}
	return false
}

// refuses reports whether a block answers with an error.
func (s *scope) refuses(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if f := s.calleeFunc(ast.Unparen(call.Fun)); f != nil && (f.FullName() == "net/http.Error" || f.Name() == "WriteHeader") {
				found = true
			}
		}
		return !found
	})
	return found
}

// writes reports whether a block that falls through could already answer: it calls
// something with the response writer.
func (s *scope) writes(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := s.c.info.Uses[id].(*types.Var); ok && typeName(v.Type()) == "net/http.ResponseWriter" {
				found = true
			}
		}
		return !found
	})
	return found
}
