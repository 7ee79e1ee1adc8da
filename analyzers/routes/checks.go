package routes

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// A handler may check permissions itself, or leave that to what it calls. The compiler
// reads in the body of a function which calls decide whether it goes on, and what it
// returns where they refuse; so what a helper or a service demands is known to its
// callers, across packages. Which of the constants are permissions only the catalog
// tells, so the checks of a function are the same whatever catalog there is.

// An outcome is a set of ways in which a function can tell its caller that it did not
// go on.
type outcome uint8

const (
	asError  outcome = 1 << iota // an error that is not nil
	asFalse                      // false
	asTrue                       // true
	asNil                        // nil, where something was asked for
	asReturn                     // it returns nothing
	asAnswer                     // to a request: it is answered, and nothing is done
)

// plain are the outcomes of a call by which it refuses plainly.
const plainly = asError | asFalse | asNil

// A check is a call whose result decides whether a function goes on.
type check struct {
	Call *expr
	On   outcome // of the call, where it refuses; 0: whatever of its own the function says
	Says outcome // what the function then says: one of these
	// Partly: some ways through the function do not meet it, or it is not plain that it
	// refuses.
	Partly bool
	// Last: the function ends with this call. What the callee demands counts, not what it
	// is given: its result may be all that the function is for.
	Last   bool
	Either bool     // Of are alternatives
	Of     []*check // in place of Call
	// Over is a list of which Elem takes each element in turn.
	Over, Elem *expr
	Sig        string // of a method called through an interface
}

func (c *check) walk(f func(*expr)) {
	c.Call.walk(f)
	c.Over.walk(f)
	for _, o := range c.Of {
		o.walk(f)
	}
}

// A demand is a check in the syntax tree.
type demand struct {
	call         *ast.CallExpr
	on, says     outcome
	partly, last bool
	either       bool
	of           []*demand
	over         ast.Expr
	elem         *ast.Ident
}

// A reader reads the checks in one function's body.
type reader struct {
	c       *compiler
	sig     *types.Signature
	handler bool
	// alive is what every return so far says: an outcome that is missing may be returned
	// without having met the checks that follow.
	alive   outcome
	pending map[types.Object]*ast.CallExpr
	lets    map[types.Object]ast.Expr
	covered map[*ast.CallExpr]bool
	out     []*demand
}

// demands reads the checks of a function's body, and the definitions of its variables
// that are constant. sweep says that what only some ways meet is looked for too.
func (c *compiler) demands(b *ast.BlockStmt, sig *types.Signature, sweep bool) *reader {
	r := &reader{
		c: c, sig: sig, handler: c.isHandlerSig(sig), alive: ^outcome(0), pending: map[types.Object]*ast.CallExpr{},
		lets: map[types.Object]ast.Expr{}, covered: map[*ast.CallExpr]bool{},
	}
	r.stmts(b.List, true)
	if sweep {
		r.sweep(b)
	}
	r.settle(b)
	return r
}

func (r *reader) add(d *demand, says outcome) {
	if d != nil {
		d.says |= says & r.alive
		r.out = append(r.out, d)
	}
}

// stmts reads statements; ends says that the function ends with them.
func (r *reader) stmts(list []ast.Stmt, ends bool) {
	for i, st := range list {
		last := ends && i == len(list)-1
		switch st := st.(type) {
		case *ast.AssignStmt:
			r.define(st.Lhs, st.Rhs)
		case *ast.DeclStmt:
			if gd, ok := st.Decl.(*ast.GenDecl); ok && gd.Tok == token.VAR {
				for _, spec := range gd.Specs {
					vs := spec.(*ast.ValueSpec)
					var names []ast.Expr
					for _, id := range vs.Names {
						names = append(names, id)
					}
					r.define(names, vs.Values)
				}
			}
		case *ast.DeferStmt, *ast.EmptyStmt:
		case *ast.BlockStmt:
			r.stmts(st.List, last)
		case *ast.ExprStmt:
			call, ok := ast.Unparen(st.X).(*ast.CallExpr)
			switch {
			case !ok:
			case last && r.sig.Results().Len() == 0:
				r.tail(call, asReturn|asAnswer)
			case r.c.writes(call):
				r.alive &^= asAnswer // it may be answered already
			}
		case *ast.ReturnStmt:
			r.returns(st)
			return
		case *ast.IfStmt:
			if r.alternatives(list[i:]) {
				return
			}
			r.branch(st, last)
		case *ast.SwitchStmt:
			if st.Tag != nil {
				r.passes(st)
				continue
			}
			if a, ok := st.Init.(*ast.AssignStmt); ok {
				r.define(a.Lhs, a.Rhs)
			}
			for _, cc := range st.Body.List {
				if cc := cc.(*ast.CaseClause); len(cc.List) == 1 {
					r.leave(cc.List[0], &ast.BlockStmt{List: cc.Body, Lbrace: cc.Pos(), Rbrace: cc.End()}, last)
				} else {
					r.passes(cc)
				}
			}
		case *ast.RangeStmt:
			r.loop(st, list[i+1:])
		default:
			r.passes(st)
		}
	}
}

// define notes what variables are set to.
func (r *reader) define(lhs, rhs []ast.Expr) {
	for i, l := range lhs {
		id, ok := l.(*ast.Ident)
		if !ok {
			continue
		}
		obj := r.c.info.ObjectOf(id)
		if obj == nil || len(rhs) == 0 {
			continue
		}
		e := rhs[0]
		if len(rhs) == len(lhs) {
			e = rhs[i]
			_, isList := ast.Unparen(e).(*ast.CompositeLit)
			if r.c.info.Defs[id] != nil && (r.c.info.Types[e].Value != nil || isList || r.c.choosesName(e)) {
				r.lets[obj] = e
			}
		}
		delete(r.pending, obj)
		if call, ok := ast.Unparen(e).(*ast.CallExpr); ok {
			r.pending[obj] = call
		}
	}
}

// branch reads an if statement.
func (r *reader) branch(st *ast.IfStmt, last bool) {
	if a, ok := st.Init.(*ast.AssignStmt); ok {
		r.define(a.Lhs, a.Rhs)
	}
	void := r.sig.Results().Len() == 0
	rest, _ := st.Else.(*ast.BlockStmt)
	switch {
	case endsInReturn(st.Body):
		r.leave(st.Cond, st.Body, false)
	case last && void && st.Else == nil && !r.c.refuses(st.Body):
		// Nothing is done but where the condition holds.
		r.add(r.need(st.Cond, true), asReturn|asAnswer)
		r.stmts(st.Body.List, true)
		return
	case last && void && rest != nil && r.c.refuses(rest) && !r.c.refuses(st.Body):
		r.add(r.need(st.Cond, true), asReturn|asAnswer)
		r.stmts(st.Body.List, true)
		return
	case last && void && st.Else != nil && r.c.refuses(st.Body):
		r.leave(st.Cond, st.Body, true)
	default:
		r.passes(st)
		return
	}
	switch e := st.Else.(type) {
	case *ast.IfStmt:
		r.branch(e, last)
	case *ast.BlockStmt:
		r.stmts(e.List, last)
	}
}

// leave reads a branch that leaves the function, or ends it.
func (r *reader) leave(cond ast.Expr, body *ast.BlockStmt, ends bool) {
	if !ends && !endsInReturn(body) {
		r.passes(body)
		return
	}
	d := r.need(cond, false)
	harmless := r.harmless(body, cond, d)
	leaves := func(answers bool) outcome {
		says := ^outcome(0)
		for _, ret := range returnsIn(body) {
			says &= r.says(ret, cond, answers)
		}
		if !endsInReturn(body) {
			says &= asReturn
			if answers {
				says |= asAnswer
			}
		}
		return says
	}
	says := leaves(harmless || d != nil)
	r.add(d, says)
	if harmless || d == nil {
		r.alive &= says
	} else {
		r.alive &= leaves(false)
	}
	for _, st := range body.List {
		if !isSimple(st) {
			r.inner(st, nil)
		}
	}
}

// passes goes over a statement that the function may leave, and may answer in.
func (r *reader) passes(n ast.Node) { r.inner(n, nil) }

// inner goes over what is not at the top of a body: a branch that leaves the function
// without having answered an error, or that answers and goes on, lets requests by that
// the checks which follow do not meet. cond is the condition of the block.
func (r *reader) inner(n ast.Node, cond ast.Expr) {
	block := func(list []ast.Stmt, n ast.Node) {
		for i, st := range list {
			ret, leaves := st.(*ast.ReturnStmt)
			if leaves && i == len(list)-1 {
				b := &ast.BlockStmt{List: list, Lbrace: n.Pos(), Rbrace: n.End()}
				r.alive &= r.says(ret, cond, r.harmless(b, cond, nil))
				// What it says before it leaves has been judged.
				for _, st := range list[:i] {
					if !isSimple(st) {
						r.inner(st, nil)
					}
				}
				return
			}
		}
		for _, st := range list {
			r.inner(st, nil)
		}
	}
	switch n := n.(type) {
	case nil:
	case *ast.BlockStmt:
		block(n.List, n)
	case *ast.CaseClause:
		block(n.Body, n)
	case *ast.CommClause:
		block(n.Body, n)
	case *ast.IfStmt:
		if r.handler && (n.Init != nil && r.c.writes(n.Init) || r.c.writes(n.Cond)) {
			r.alive &^= asAnswer
		}
		r.inner(n.Body, n.Cond)
		if n.Else != nil {
			r.inner(n.Else, nil)
		}
	case *ast.SwitchStmt:
		r.inner(n.Body, nil)
	case *ast.TypeSwitchStmt:
		r.inner(n.Body, nil)
	case *ast.SelectStmt:
		r.inner(n.Body, nil)
	case *ast.ForStmt:
		r.inner(n.Body, nil)
	case *ast.RangeStmt:
		r.inner(n.Body, nil)
	case *ast.LabeledStmt:
		r.inner(n.Stmt, nil)
	case *ast.ReturnStmt:
		r.alive &= r.says(n, nil, false)
	default:
		if r.handler && r.c.writes(n) {
			r.alive &^= asAnswer
		}
	}
}

func isSimple(st ast.Stmt) bool {
	switch st.(type) {
	case *ast.BlockStmt, *ast.IfStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.ForStmt, *ast.RangeStmt, *ast.LabeledStmt:
		return false
	}
	return true
}

// harmless reports whether a branch that leaves a handler does so with nothing done: it
// answers an error, or does not do anything, or its condition is that something failed. d
// is what the condition demands. A branch that answers in another way may be a success,
// which no later check can prevent.
func (r *reader) harmless(body *ast.BlockStmt, cond ast.Expr, d *demand) bool {
	if r.c.refuses(body) || cond != nil && r.c.failed(cond) || r.c.silent(body) {
		return true
	}
	decides := false
	if d != nil {
		eachCall([]*demand{d}, func(d *demand) {
			f := r.c.calleeFunc(ast.Unparen(d.call.Fun))
			decides = decides || r.c.hasConst(d.call) || f != nil && r.c.table.guards[rowKey(f.FullName())]
		})
	}
	return decides
}

// failed reports whether a condition is that something went wrong: an error is not nil,
// or something asked for is.
func (c *compiler) failed(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			return c.failed(e.X) || c.failed(e.Y)
		case token.EQL, token.NEQ:
			x := e.X
			if c.info.Types[e.X].IsNil() {
				x = e.Y
			} else if !c.info.Types[e.Y].IsNil() {
				v, ok := c.info.Uses[orIdent(rootIdent(e.Y))].(*types.Var) // err == sql.ErrNoRows
				return ok && e.Op == token.EQL && isGlobal(v) && isError(v.Type())
			}
			return isError(c.info.TypeOf(x)) == (e.Op == token.NEQ)
		}
	case *ast.CallExpr: // errors.Is, errors.As
		f := c.calleeFunc(ast.Unparen(e.Fun))
		return f != nil && f.Pkg() != nil && f.Pkg().Path() == "errors"
	}
	return false
}

// silent reports whether nothing happens in a block: no call but of the standard library,
// and that without the response writer.
func (c *compiler) silent(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			f := c.calleeFunc(ast.Unparen(call.Fun))
			tv := c.info.Types[ast.Unparen(call.Fun)]
			found = found || !tv.IsType() && !tv.IsBuiltin() && (f == nil || f.Pkg() != nil && !c.isStdPath(f.Pkg().Path()))
		}
		return !found
	})
	return !found && !c.writes(b)
}

// alternatives reads statements of which each may go on, and the last refuses:
//
//	if user.Can(a) { return nil }
//	if user.Can(b) { return nil }
//	return errRefused
//
// It reports whether they cannot be read otherwise: where the results are true and
// false, the caller may take either for the refusal.
func (r *reader) alternatives(list []ast.Stmt) bool {
	var conds []ast.Expr
	var on outcome // what those that go on say
	i := 0
	for ; i < len(list); i++ {
		st, ok := list[i].(*ast.IfStmt)
		if !ok || st.Init != nil || st.Else != nil || !endsInReturn(st.Body) || r.c.refuses(st.Body) {
			break
		}
		for _, ret := range returnsIn(st.Body) {
			on |= r.says(ret, st.Cond, false) &^ asReturn
		}
		conds = append(conds, st.Cond)
	}
	rest := &ast.BlockStmt{List: list[i:]}
	if len(conds) == 0 || len(rest.List) == 0 {
		return false
	}
	for _, st := range rest.List {
		switch st.(type) {
		case *ast.ExprStmt, *ast.AssignStmt, *ast.ReturnStmt:
		default:
			return false
		}
	}
	says := asReturn | asAnswer
	if ret, ok := rest.List[len(rest.List)-1].(*ast.ReturnStmt); ok && r.sig.Results().Len() > 0 {
		if says = r.says(ret, nil, r.c.refuses(rest)); len(rest.List) > 1 && !r.c.refuses(rest) {
			return false
		}
	} else if !r.c.refuses(rest) {
		return false
	}
	if says&^asReturn == 0 || says&on != 0 {
		return false
	}
	d := &demand{either: true}
	for _, c := range conds {
		alt := r.need(c, true)
		if alt == nil {
			d.partly = true
		} else {
			d.of = append(d.of, alt)
		}
	}
	if len(d.of) == 0 {
		return false
	}
	r.add(d, says)
	return on == 0
}

// loop reads a loop over a list: each element is checked, or any of them will do, as in
//
//	for _, p := range perms {
//		if user.Can(p) { return true }
//	}
//	return false
func (r *reader) loop(st *ast.RangeStmt, rest []ast.Stmt) {
	elem, _ := st.Value.(*ast.Ident)
	if elem == nil || len(st.Body.List) == 0 || r.c.info.Defs[elem] == nil {
		r.passes(st)
		return
	}
	end, ok := st.Body.List[len(st.Body.List)-1].(*ast.IfStmt)
	for _, other := range st.Body.List[:len(st.Body.List)-1] {
		a, isAssign := other.(*ast.AssignStmt)
		if ok = ok && isAssign; ok {
			r.define(a.Lhs, a.Rhs)
		}
	}
	if !ok || end.Else != nil || !endsInReturn(end.Body) {
		r.passes(st)
		return
	}
	if a, ok := end.Init.(*ast.AssignStmt); ok {
		r.define(a.Lhs, a.Rhs)
	}
	ret, _ := end.Body.List[len(end.Body.List)-1].(*ast.ReturnStmt)
	d := r.need(end.Cond, false)
	if d == nil || ret == nil {
		r.passes(st)
		return
	}
	answers := r.c.refuses(end.Body)
	says := r.says(ret, end.Cond, answers || r.handler && d.on != asTrue)
	if len(rest) == 1 { // it may go on at the first that is held
		if final, ok := rest[0].(*ast.ReturnStmt); ok {
			if refusal := r.says(final, nil, false); refusal != 0 && refusal&says&^asReturn == 0 {
				some := r.need(end.Cond, true)
				r.add(&demand{either: true, over: st.X, elem: elem, of: []*demand{some}}, refusal)
			}
		}
	}
	r.add(&demand{over: st.X, elem: elem, of: []*demand{d}}, says)
	r.alive &= says
}

// tail reads a call that the function ends with, and what it is given.
func (r *reader) tail(call *ast.CallExpr, says outcome) {
	for _, a := range call.Args {
		switch a := ast.Unparen(a).(type) {
		case *ast.CallExpr:
			if r.c.isGuardCall(a) && r.c.returnsError(a) {
				r.covered[a] = true
				r.add(&demand{call: a, on: asError, last: true}, says)
			}
		case *ast.Ident:
			if p := r.pending[r.c.info.ObjectOf(a)]; p != nil && isError(r.c.info.TypeOf(a)) && r.c.isGuardCall(p) {
				r.covered[p] = true
				r.add(&demand{call: p, on: asError, last: true}, says)
			}
		}
	}
	if r.c.isGuardCall(call) && !r.c.ofContext(call) {
		r.covered[call] = true
		r.add(&demand{call: call, last: true}, says)
	}
}

// ofContext reports whether a call is of a method of what a router gives its handlers.
func (c *compiler) ofContext(call *ast.CallExpr) bool {
	f := c.calleeFunc(ast.Unparen(call.Fun))
	return f != nil && f.Signature().Recv() != nil && c.table.contexts[typeName(f.Signature().Recv().Type())]
}

// returns reads the return statement that the function ends with.
func (r *reader) returns(ret *ast.ReturnStmt) {
	if len(ret.Results) == 0 {
		return
	}
	end := ast.Unparen(ret.Results[len(ret.Results)-1])
	results := r.sig.Results()
	t := results.At(results.Len() - 1).Type()
	if b, ok := t.Underlying().(*types.Basic); ok && b.Kind() == types.Bool && len(ret.Results) == results.Len() {
		r.add(r.need(end, true), asFalse)
		return
	}
	says := asError | asAnswer
	if !isError(t) {
		says = asNil | asAnswer
	}
	switch e := end.(type) {
	case *ast.CallExpr:
		r.tail(e, says)
	case *ast.Ident:
		if p := r.pending[r.c.info.ObjectOf(e)]; p != nil && r.c.isGuardCall(p) {
			r.covered[p] = true
			r.add(&demand{call: p, last: true}, says)
		}
	}
}

// says tells what a return statement says to the caller. cond is the condition under
// which it is reached; answers, that it refuses a request.
func (r *reader) says(ret *ast.ReturnStmt, cond ast.Expr, answers bool) outcome {
	if ret == nil { // panic
		return ^outcome(0)
	}
	results := r.sig.Results()
	var out outcome
	if r.handler && answers {
		out = asAnswer
	}
	if results.Len() == 0 {
		return out | asReturn
	}
	if len(ret.Results) == 0 { // the named results: an error that was found
		v := results.At(results.Len() - 1)
		if isError(v.Type()) && cond != nil && r.c.mentions(cond, v) {
			out |= asError | asAnswer
		}
		return out
	}
	if len(ret.Results) != results.Len() {
		return out
	}
	for i, e := range ret.Results {
		t := results.At(i).Type()
		tv := r.c.info.Types[e]
		switch {
		case isError(t):
			if !tv.IsNil() && r.surely(e, cond, ret.Results[:i]) {
				out |= asError | asAnswer
			}
		case tv.IsNil():
			out |= asNil
		case tv.Value != nil && tv.Value.Kind() == constant.Bool:
			if constant.BoolVal(tv.Value) {
				out |= asTrue
			} else {
				out |= asFalse
			}
		}
	}
	return out
}

// surely reports whether an expression is an error that is not nil.
func (r *reader) surely(e ast.Expr, cond ast.Expr, before []ast.Expr) bool {
	info := r.c.info
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		v, ok := info.Uses[e].(*types.Var)
		return ok && (isGlobal(v) || cond != nil && r.c.mentions(cond, v))
	case *ast.SelectorExpr:
		v, ok := info.Uses[e.Sel].(*types.Var)
		return ok && isGlobal(v)
	case *ast.UnaryExpr:
		return e.Op == token.AND
	case *ast.CompositeLit:
		return true
	case *ast.CallExpr:
		if !types.IsInterface(info.TypeOf(e)) {
			return true // of an error type of its own
		}
		if f := r.c.calleeFunc(ast.Unparen(e.Fun)); f != nil && f.Pkg() != nil && (f.Pkg().Path() == "errors" || f.Pkg().Path() == "fmt") {
			return true
		}
		if f := r.c.calleeFunc(ast.Unparen(e.Fun)); f == nil || f.Signature().Recv() != nil && len(before) == 0 {
			return false // it may do its work, or answer, and find nothing wrong
		}
		if len(before) > 0 { // beside nothing: what makes an error
			return !slices.ContainsFunc(before, func(b ast.Expr) bool { return !r.c.isZero(b) })
		}
		for _, a := range e.Args {
			id, _ := ast.Unparen(a).(*ast.Ident)
			v, _ := info.Uses[orIdent(id)].(*types.Var)
			known := v != nil && isError(v.Type()) && cond != nil && r.c.mentions(cond, v)
			if info.Types[a].Value == nil && !known {
				return false
			}
		}
		return len(e.Args) > 0
	}
	return false
}

var noIdent = &ast.Ident{}

func orIdent(id *ast.Ident) *ast.Ident {
	if id == nil {
		return noIdent
	}
	return id
}

func (c *compiler) isZero(e ast.Expr) bool {
	tv := c.info.Types[e]
	if tv.IsNil() {
		return true
	}
	if lit, ok := ast.Unparen(e).(*ast.CompositeLit); ok {
		return len(lit.Elts) == 0
	}
	if tv.Value == nil {
		return false
	}
	switch tv.Value.Kind() {
	case constant.Bool:
		return !constant.BoolVal(tv.Value)
	case constant.String:
		return constant.StringVal(tv.Value) == ""
	}
	return constant.Sign(tv.Value) == 0
}

func isError(t types.Type) bool {
	return t != nil && types.Implements(t, types.Universe.Lookup("error").Type().Underlying().(*types.Interface))
}

func (c *compiler) mentions(n ast.Node, v types.Object) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && c.info.Uses[id] == v {
			found = true
		}
		return !found
	})
	return found
}

// returnsIn lists the return statements in a node that leave the function, and nil for
// a panic at its end.
func returnsIn(n ast.Node) []*ast.ReturnStmt {
	var out []*ast.ReturnStmt
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			out = append(out, n)
		}
		return true
	})
	if len(out) == 0 {
		out = append(out, nil)
		if b, ok := n.(*ast.BlockStmt); !ok || !endsInReturn(b) {
			out = nil
		}
	}
	return out
}

// need finds what must have agreed where a condition has the given value.
func (r *reader) need(cond ast.Expr, value bool) *demand {
	info := r.c.info
	refusing := asTrue
	if value {
		refusing = asFalse
	}
	switch e := ast.Unparen(cond).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return r.need(e.X, !value)
		}
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			x, y := r.need(e.X, value), r.need(e.Y, value)
			if (e.Op == token.LAND) != value { // one of them is enough
				switch {
				case x == nil && y == nil:
					return nil
				case x == nil:
					y.partly = true
					return y
				case y == nil:
					x.partly = true
					return x
				}
				return &demand{either: true, of: []*demand{x, y}}
			}
			switch {
			case x == nil:
				return y
			case y == nil:
				return x
			}
			return &demand{of: []*demand{x, y}}
		case token.NEQ, token.EQL:
			x := e.X
			if info.Types[e.X].IsNil() {
				x = e.Y
			} else if !info.Types[e.Y].IsNil() {
				return nil
			}
			call := r.callOf(x)
			if call == nil {
				return nil
			}
			d := &demand{call: call}
			goesOnNil := (e.Op == token.EQL) == value
			switch t := info.TypeOf(x); {
			case isError(t) && goesOnNil:
				d.on = asError
				// Of two results, the other is the answer.
				d.partly = r.c.returnsBool(call)
			case goesOnNil:
				d.on = asError
			case !isError(t):
				d.on = asNil
			default:
				d.on = asTrue // an error lets it go on: not plain
			}
			return d
		}
	case *ast.CallExpr:
		if r.c.isGuardCall(e) {
			// A method of what a call returned: user := Auth(r, p); user.Refused()
			if sel, ok := ast.Unparen(e.Fun).(*ast.SelectorExpr); ok && len(e.Args) < 2 && !r.c.hasConst(e) {
				if id, ok := ast.Unparen(sel.X).(*ast.Ident); ok {
					if made := r.pending[info.ObjectOf(id)]; made != nil && r.c.isGuardCall(made) && r.c.hasConst(made) && r.c.isLocal(info.ObjectOf(id)) {
						r.covered[e], r.covered[made] = true, true
						on := asTrue
						switch info.TypeOf(made).Underlying().(type) {
						case *types.Struct, *types.Pointer: // not the answer itself: what it was made with is asked for
							on = asNil
						}
						return &demand{of: []*demand{{call: e, on: refusing}, {call: made, on: on}}}
					}
				}
			}
			r.covered[e] = true
			return &demand{call: e, on: refusing}
		}
	case *ast.Ident:
		if call := r.callOf(e); call != nil && types.Identical(info.TypeOf(e).Underlying(), types.Typ[types.Bool]) {
			return &demand{call: call, on: refusing}
		}
	}
	return nil
}

func (c *compiler) isLocal(obj types.Object) bool {
	v, ok := obj.(*types.Var)
	return ok && !isGlobal(v) && !v.IsField()
}

// callOf returns the call whose result an expression is.
func (r *reader) callOf(e ast.Expr) *ast.CallExpr {
	var call *ast.CallExpr
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		call = e
	case *ast.Ident:
		call = r.pending[r.c.info.ObjectOf(e)]
	}
	if call == nil || !r.c.isGuardCall(call) {
		return nil
	}
	r.covered[call] = true
	return call
}

// sweep finds what only some ways through a body meet: decisions that are not at its
// top, and calls whose result does not plainly decide.
func (r *reader) sweep(b *ast.BlockStmt) {
	ast.Inspect(b, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			r.define(n.Lhs, n.Rhs)
		case *ast.IfStmt:
			if a, ok := n.Init.(*ast.AssignStmt); ok {
				r.define(a.Lhs, a.Rhs)
			}
			before := len(r.covered)
			if d := r.need(n.Cond, false); d != nil && len(r.covered) > before {
				d.partly = true
				r.out = append(r.out, d)
			}
		case *ast.ReturnStmt:
			if len(n.Results) > 0 {
				end := n.Results[len(n.Results)-1]
				call, ok := ast.Unparen(end).(*ast.CallExpr)
				before := len(r.covered)
				if ok && !r.handler && !r.covered[call] && r.c.isGuardCall(call) && r.c.returnsError(call) {
					r.covered[call] = true
					r.out = append(r.out, &demand{call: call, on: asError, partly: true})
				} else if b, ok := r.c.info.TypeOf(end).Underlying().(*types.Basic); ok && b.Info()&types.IsBoolean != 0 {
					if d := r.need(end, true); d != nil && len(r.covered) > before {
						d.partly = true
						r.out = append(r.out, d)
					}
				}
			}
		}
		return true
	})
	ast.Inspect(b, func(n ast.Node) bool {
		if n, ok := n.(*ast.CallExpr); ok && !r.covered[n] && r.c.calleeFunc(ast.Unparen(n.Fun)) != nil && r.c.isGuardCall(n) {
			r.covered[n] = true
			r.out = append(r.out, &demand{call: n, on: asError, partly: true, last: true})
		}
		return true
	})
}

// settle forgets the definitions of variables that are assigned again.
func (r *reader) settle(b *ast.BlockStmt) {
	if len(r.lets) == 0 {
		return
	}
	forget := func(e ast.Expr) {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok {
			delete(r.lets, r.c.info.Uses[id])
		}
	}
	ast.Inspect(b, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, l := range n.Lhs {
				if x, ok := l.(*ast.IndexExpr); ok {
					l = x.X
				}
				forget(l)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				forget(n.X)
			}
		case *ast.IncDecStmt:
			forget(n.X)
		}
		return true
	})
}

func (c *compiler) returnsError(call *ast.CallExpr) bool {
	switch t := c.info.TypeOf(call).(type) {
	case *types.Tuple:
		return t.Len() > 0 && isError(t.At(t.Len()-1).Type())
	default:
		return isError(t)
	}
}

func (c *compiler) returnsBool(call *ast.CallExpr) bool {
	t, ok := c.info.TypeOf(call).(*types.Tuple)
	for i := 0; ok && i < t.Len(); i++ {
		if b, ok := t.At(i).Type().Underlying().(*types.Basic); ok && b.Kind() == types.Bool {
			return true
		}
	}
	return false
}

// givesWriter reports whether a call is given the response writer.
func (c *compiler) givesWriter(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return typeName(c.info.TypeOf(a)) == "net/http.ResponseWriter" })
}

// refuses reports whether a block answers with an error, or sends the caller elsewhere.
func (c *compiler) refuses(b ast.Node) bool { return c.answersError(b, 0) }

// answersError looks into functions of this package that answer for the block too.
func (c *compiler) answersError(b ast.Node, depth int) bool {
	found := false
	status := func(e ast.Expr) int64 {
		tv := c.info.Types[e]
		if tv.Value == nil || tv.Value.Kind() != constant.Int {
			return 0
		}
		n, _ := constant.Int64Val(tv.Value)
		return n
	}
	ast.Inspect(b, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || found {
			return !found
		}
		f := c.calleeFunc(ast.Unparen(call.Fun))
		switch {
		case f == nil:
		case f.Name() == "WriteHeader" && len(call.Args) == 1:
			n := status(call.Args[0])
			found = n == 0 || 300 <= n && n < 600
		case f.FullName() == "net/http.Error", f.FullName() == "net/http.NotFound", f.FullName() == "net/http.Redirect":
			found = true
		default:
			answers := c.answers(call)
			for _, a := range call.Args { // a status of an error, or the error
				n := status(a)
				found = found || 400 <= n && n < 600 || f.Name() == "Redirect" && 300 <= n && n < 400 ||
					answers && isError(c.info.TypeOf(a)) && !c.info.Types[a].IsNil()
			}
			if fd := c.decls[f.Origin()]; fd != nil && !found && answers && depth < 2 {
				found = c.answersError(fd.Body, depth+1) && !c.succeeds(fd.Body)
			}
		}
		return !found
	})
	return found
}

// answers reports whether a call is given what a request is answered with.
func (c *compiler) answers(call *ast.CallExpr) bool {
	return c.givesWriter(call) || c.ofContext(call) ||
		slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return c.table.contexts[typeName(c.info.TypeOf(a))] })
}

// succeeds reports whether a body mentions a status of success.
func (c *compiler) succeeds(b ast.Node) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok && !found {
			if tv := c.info.Types[e]; tv.Value != nil && tv.Value.Kind() == constant.Int {
				n, _ := constant.Int64Val(tv.Value)
				found = 200 <= n && n < 300
			}
		}
		return !found
	})
	return found
}

// hasConst reports whether a call is given a constant that could name a permission.
func (c *compiler) hasConst(call *ast.CallExpr) bool {
	return slices.ContainsFunc(call.Args, c.namesOne)
}

// choosesName reports whether an expression is a call of a function of this package that
// returns one of several constants which could name a permission.
func (c *compiler) choosesName(e ast.Expr) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	f := c.calleeFunc(ast.Unparen(call.Fun))
	if f == nil || c.decls[f] == nil || f.Signature().Results().Len() != 1 {
		return false
	}
	if b, ok := f.Signature().Results().At(0).Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsString == 0 {
		return false
	}
	return slices.ContainsFunc(returnsIn(c.decls[f].Body), func(ret *ast.ReturnStmt) bool {
		return ret != nil && len(ret.Results) == 1 && c.namesOne(ret.Results[0])
	})
}

func (c *compiler) namesOne(e ast.Expr) bool {
	e = ast.Unparen(e)
	if lit, ok := e.(*ast.CompositeLit); ok {
		return slices.ContainsFunc(lit.Elts, c.namesOne)
	}
	tv := c.info.Types[e]
	if tv.Value == nil {
		return false
	}
	switch tv.Value.Kind() {
	case constant.String:
		return couldName(constant.StringVal(tv.Value))
	case constant.Int:
		var obj types.Object
		switch e := e.(type) {
		case *ast.Ident:
			obj = c.info.Uses[e]
		case *ast.SelectorExpr:
			obj = c.info.Uses[e.Sel]
		}
		k, ok := obj.(*types.Const)
		return ok && k.Pkg() != nil && !c.isStdPath(k.Pkg().Path())
	}
	return false
}

// couldName reports whether a text could be the name of a permission: see the grammar
// of requirements.
func couldName(s string) bool {
	if s == "" || len(s) > 120 {
		return false
	}
	return strings.ContainsFunc(s, unicode.IsLetter) && !strings.ContainsAny(s, "%\n\t{}<>=?\"'`&|()") || s == "*"
}

// isGuardCall reports whether a call can be a check of permissions: it is neither a
// conversion nor a function of the standard library.
func (c *compiler) isGuardCall(e *ast.CallExpr) bool {
	if f := c.calleeFunc(ast.Unparen(e.Fun)); f != nil && f.Pkg() != nil && f.Pkg() != c.pass.Pkg {
		return !c.isStdPath(f.Pkg().Path())
	}
	tv := c.info.Types[ast.Unparen(e.Fun)]
	return !tv.IsType() && !tv.IsBuiltin()
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

// writes reports whether what falls through could already answer: it does something with
// the response writer besides setting headers.
func (c *compiler) writes(n ast.Node) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if n.Sel.Name == "Header" && typeName(c.info.TypeOf(n.X)) == "net/http.ResponseWriter" {
				return false
			}
		case *ast.CallExpr:
			f := c.calleeFunc(ast.Unparen(n.Fun))
			if f == nil || f.Pkg() == nil {
				break
			}
			if name := f.FullName(); name == "net/http.SetCookie" || name == "net/http.MaxBytesReader" {
				return false
			}
			// A function of this package that only sets headers.
			fd := c.decls[f.Origin()]
			if fd != nil && fd.Recv == nil && c.givesWriter(n) && !c.inWrites && f.Signature().Results().Len() == 0 {
				c.inWrites = true
				only := !c.writes(fd.Body)
				c.inWrites = false
				if only {
					return false
				}
			}
		case *ast.Ident:
			if v, ok := c.info.Uses[n].(*types.Var); ok && typeName(v.Type()) == "net/http.ResponseWriter" {
				found = true
			}
		}
		return !found
	})
	return found
}

// findDemands reads the checks of the functions that may tell their callers of them,
// and keeps those that could name a permission, themselves or by what they call.
func (c *compiler) findDemands() {
	c.readers, c.kept = map[*types.Func]*reader{}, map[*types.Func]bool{}
	callers := map[*types.Func][]*types.Func{}
	var work []*types.Func
	for _, f := range c.order {
		sig := f.Signature()
		if !c.mayDemand(sig) {
			continue
		}
		r := c.demands(c.decls[f].Body, sig, c.ours)
		if len(r.out) == 0 {
			continue
		}
		c.readers[f] = r
		eachCall(r.out, func(d *demand) {
			if callee := c.calleeFunc(ast.Unparen(d.call.Fun)); callee != nil && callee.Pkg() == c.pass.Pkg {
				callers[callee] = append(callers[callee], f)
			}
			if !c.kept[f] && r.interesting(d) {
				c.kept[f] = true
				work = append(work, f)
			}
		})
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		for _, caller := range callers[f] {
			if !c.kept[caller] {
				c.kept[caller] = true
				work = append(work, caller)
			}
		}
	}
}

func eachCall(ds []*demand, f func(*demand)) {
	for _, d := range ds {
		if d.call != nil {
			f(d)
		}
		eachCall(d.of, f)
	}
}

// mayDemand reports whether a function can tell its caller that it refused. Of other
// modules only those matter that are given a request or its context.
func (c *compiler) mayDemand(sig *types.Signature) bool {
	if c.isHandlerSig(sig) {
		return true
	}
	n := sig.Results().Len()
	if n == 0 {
		return false
	}
	tells := false
	for v := range sig.Results().Variables() {
		switch u := v.Type().Underlying().(type) {
		case *types.Basic:
			tells = tells || u.Kind() == types.Bool
		case *types.Pointer, *types.Interface:
			tells = tells || n == 1 || isError(v.Type())
		}
	}
	if !tells || c.ours {
		return tells
	}
	for v := range sig.Params().Variables() {
		if name := typeName(v.Type()); name == "context.Context" || c.table.contexts[name] {
			return true
		}
	}
	return false
}

// interesting reports whether a call could say anything of a permission.
func (r *reader) interesting(d *demand) bool {
	c := r.c
	callee := c.calleeFunc(ast.Unparen(d.call.Fun))
	if callee != nil {
		if c.kept[callee] || callee.Pkg() != c.pass.Pkg && c.importedDemand(callee) || c.table.guards[rowKey(callee.FullName())] {
			return true
		}
		if c.ours && !(d.partly && d.last) && c.ownInterface(callee) {
			return true
		}
	}
	if d.last && d.partly {
		return false
	}
	return slices.ContainsFunc(d.call.Args, func(a ast.Expr) bool {
		if c.namesOne(a) {
			return true
		}
		switch a := ast.Unparen(a).(type) {
		case *ast.Ident:
			let := r.lets[c.info.Uses[a]]
			return let != nil && (c.namesOne(let) || c.choosesName(let)) || r.elemNames(d, a)
		case *ast.BinaryExpr, *ast.CallExpr: // made of what the function is given
			return r.ofParam(a)
		case *ast.SelectorExpr: // what the receiver was made with
			recv := r.sig.Recv()
			id, ok := ast.Unparen(a.X).(*ast.Ident)
			b, basic := c.info.TypeOf(a).Underlying().(*types.Basic)
			return ok && recv != nil && c.info.Uses[id] == recv && basic && b.Info()&(types.IsString|types.IsInteger) != 0
		}
		return false
	})
}

// elemNames reports whether an identifier is the element of a loop over constants.
func (r *reader) elemNames(d *demand, id *ast.Ident) bool {
	obj := r.c.info.Uses[id]
	for _, o := range r.out {
		if o.elem == nil || r.c.info.Defs[o.elem] != obj || obj == nil {
			continue
		}
		over := o.over
		if l, ok := ast.Unparen(over).(*ast.Ident); ok && r.lets[r.c.info.Uses[l]] != nil {
			over = r.lets[r.c.info.Uses[l]]
		}
		v, _ := r.c.info.Uses[orIdent(rootIdent(over))].(*types.Var)
		return r.c.namesOne(over) || v != nil && isGlobal(v)
	}
	return false
}

func rootIdent(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	}
	return nil
}

func (r *reader) ofParam(e ast.Expr) bool {
	for v := range r.sig.Params().Variables() {
		if b, ok := v.Type().Underlying().(*types.Basic); ok && b.Info()&types.IsString != 0 && r.c.mentions(e, v) {
			return true
		}
	}
	return false
}

// ownInterface reports whether a function is a method of an interface of this module.
func (c *compiler) ownInterface(f *types.Func) bool {
	recv := f.Signature().Recv()
	if recv == nil || !types.IsInterface(recv.Type()) || f.Pkg() == nil {
		return false
	}
	if f.Pkg() == c.pass.Pkg {
		return true
	}
	return c.pass.Module != nil && (f.Pkg().Path() == c.pass.Module.Path || strings.HasPrefix(f.Pkg().Path(), c.pass.Module.Path+"/"))
}

// checks compiles what was read of a body.
func (s *scope) checks(r *reader) []*check {
	s.lets = r.lets
	var out []*check
	for _, d := range r.out {
		wanted := r.handler && !d.last && !d.partly // whatever it is: the configuration may name it
		if !wanted {
			eachCall([]*demand{d}, func(d *demand) { wanted = wanted || r.interesting(d) })
		}
		if wanted && len(out) < maxChecks {
			if c := s.check(d); c != nil {
				out = append(out, c)
			}
		}
	}
	s.lets = nil
	return out
}

// maxChecks bounds what is kept of one function.
const maxChecks = 64

func (s *scope) check(d *demand) *check {
	c := &check{On: d.on, Says: d.says, Partly: d.partly, Last: d.last, Either: d.either}
	for _, o := range d.of {
		if x := s.check(o); x != nil {
			c.Of = append(c.Of, x)
		} else if d.either {
			c.Partly = true
		}
	}
	if d.over != nil {
		c.Over, c.Elem = s.expr(d.over), s.expr(d.elem)
	}
	if d.call == nil {
		return c
	}
	callee := s.c.calleeFunc(ast.Unparen(d.call.Fun))
	if callee != nil && s.c.ownInterface(callee) {
		c.Sig = signature(callee)
	}
	// Of the callee only its checks matter.
	s.c.unneeded = callee
	c.Call = s.expr(d.call)
	s.c.unneeded = nil
	if c.Call.Op != opCall {
		return nil
	}
	return c
}

// signature writes a method's type, so that those of an interface and of what it may
// hold can be compared.
func signature(f *types.Func) string {
	sig := f.Signature()
	var b strings.Builder
	for _, t := range []*types.Tuple{sig.Params(), sig.Results()} {
		b.WriteByte('(')
		for v := range t.Variables() {
			b.WriteString(types.TypeString(v.Type(), nil) + ",")
		}
		b.WriteByte(')')
	}
	return b.String()
}
