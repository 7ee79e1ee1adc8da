package routes

import (
	"go/ast"
	"go/token"
	"go/types"
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
		out.ErrCheck = s.c.comparesNil(st.Cond)
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
func (c *compiler) comparesNil(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			return c.comparesNil(e.X) || c.comparesNil(e.Y)
		case token.EQL, token.NEQ:
			return c.info.Types[e.X].IsNil() || c.info.Types[e.Y].IsNil()
		}
	case *ast.CallExpr: // errors.Is, errors.As
		if f := c.calleeFunc(ast.Unparen(e.Fun)); f != nil && f.Pkg() != nil && f.Pkg().Path() == "errors" {
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
