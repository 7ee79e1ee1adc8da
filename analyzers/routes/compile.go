package routes

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/constant"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A compiler turns the functions of one package that matter for routing into a
// program.
type compiler struct {
	pass  *analysis.Pass
	info  *types.Info
	table *table
	facts func(*types.Package) *Fact
	ours  bool // the package is of the module that is analyzed, not of one that it needs

	decls    map[*types.Func]*ast.FuncDecl
	order    []*types.Func // decls in source order
	touching map[*types.Func]bool
	state    map[*types.Func]bool // see findState
	queue    []*types.Func
	queued   map[*types.Func]bool
	valued   map[*types.Func]bool
	globals  map[*types.Var]*global
	setters  map[*types.Var][]*types.Func
	inits    map[*types.Var]initOf
	taken    map[*types.Var]bool
	notes    map[string]map[int]string
	readers  map[*types.Func]*reader // of functions with checks
	kept     map[*types.Func]bool    // those that callers are told of
	unneeded *types.Func             // whose body is not needed, though it is mentioned
	std      map[string]bool         // import paths without a dot: is it the standard library's?
	starts   []*types.Func           // the package's functions named init, in source order
	loads    int                     // how many variables load compiled
	inWrites bool                    // see writes
	prog     *program
}

type initOf struct {
	value ast.Expr
	index int
}

// compile returns the package's program, or nil if nothing in it can matter. Unless
// routing is set, the package can register nothing, and only what its functions demand
// is read.
func compile(pass *analysis.Pass, t *table, facts func(*types.Package) *Fact, routing bool) *program {
	if Standard(pass) {
		return nil
	}
	c := &compiler{
		pass: pass, info: pass.TypesInfo, table: t, facts: facts, ours: pass.Module == nil || pass.Module.Version == "",
		decls: map[*types.Func]*ast.FuncDecl{}, touching: map[*types.Func]bool{}, state: map[*types.Func]bool{},
		std:    map[string]bool{},
		queued: map[*types.Func]bool{}, valued: map[*types.Func]bool{}, globals: map[*types.Var]*global{},
		prog: &program{Path: pass.Pkg.Path()},
	}
	for _, file := range pass.Files {
		if isTest(pass.Fset, file) {
			continue
		}
		for _, d := range file.Decls {
			if fd, ok := d.(*ast.FuncDecl); ok && fd.Body != nil {
				// What the configuration says of a function stands for its body.
				if f, ok := c.info.Defs[fd.Name].(*types.Func); ok && !c.described(f) {
					c.decls[f] = fd
					c.order = append(c.order, f)
					if fd.Recv == nil && f.Name() == "init" {
						c.starts = append(c.starts, f)
					}
				}
			}
		}
	}
	c.findDemands()
	if routing {
		c.findTouching()
		for _, f := range c.order {
			sig := f.Signature()
			// A function that makes handlers or middleware may say what it demands; so may
			// a handler. Both matter only to whoever registers it.
			if c.touching[f] || c.makesHandler(sig) || c.isHandlerSig(sig) || c.returnsTable(sig) {
				c.need(f)
			}
		}
		c.findState()
		c.findGlobalRouters()
	}
	c.drain()
	for _, f := range c.order {
		if c.kept[f] && !c.queued[f] {
			c.queued[f] = true
			c.onlyChecks(f)
			c.drain()
		}
	}
	c.needMakers()
	c.prog.Funcs = slices.DeleteFunc(c.prog.Funcs, func(f *fn) bool {
		return f.Handler && !f.Full && len(f.Checks) == 0 && f.Note == "" && len(f.Security) == 0
	})
	if len(c.prog.Funcs) == 0 && len(c.prog.Globals) == 0 {
		return nil
	}
	for f := range c.valued {
		for _, g := range c.prog.Funcs {
			if g.Name == f.FullName() {
				g.Valued = true
			}
		}
	}
	c.prog.index()
	return c.prog
}

// needMakers compiles the functions that make what has methods with checks: a method
// may check what its receiver was made with, and an interface may hold it.
func (c *compiler) needMakers() {
	made := map[string]bool{}
	for f := range c.kept {
		if recv := f.Signature().Recv(); recv != nil && c.ours {
			made[typeName(recv.Type())] = true
		}
	}
	if len(made) == 0 {
		return
	}
	for _, f := range c.order {
		if f.Signature().Recv() != nil {
			continue
		}
		for v := range f.Signature().Results().Variables() {
			if made[typeName(v.Type())] {
				c.need(f)
			}
		}
	}
	c.drain()
}

func (c *compiler) drain() {
	for len(c.queue) > 0 {
		f := c.queue[0]
		c.queue = c.queue[1:]
		c.function(f)
	}
}

// imported reports whether a function of another package touches routers.
func (c *compiler) imported(f *types.Func) bool {
	fact := c.facts(f.Pkg())
	if fact == nil {
		return false
	}
	_, ok := slices.BinarySearch(fact.Touching, f.FullName())
	return ok
}

// importedDemand reports whether a function of another package has checks.
func (c *compiler) importedDemand(f *types.Func) bool {
	fact := c.facts(f.Pkg())
	if fact == nil {
		return false
	}
	_, ok := slices.BinarySearch(fact.Demanding, f.FullName())
	return ok
}

// findState marks the methods that change or hand on what a router of the user's own
// remembers, such as a prefix, though they register nothing: methods of the types
// that have registering methods, if they call a function that they are given, return
// such a type, or assign.
func (c *compiler) findState() {
	stateful := map[string]bool{}
	for f := range c.touching {
		if recv := f.Signature().Recv(); recv != nil {
			stateful[typeName(recv.Type())] = true
		}
	}
	hands := func(t types.Type) bool { return stateful[typeName(t)] }
	for _, f := range c.order {
		sig := f.Signature()
		if c.touching[f] || c.isHandlerSig(sig) {
			continue
		}
		marked := false
		for v := range sig.Results().Variables() {
			marked = marked || hands(v.Type())
		}
		if recv := sig.Recv(); recv != nil && hands(recv.Type()) {
			marked = marked || assigns(c.decls[f].Body)
		}
		for v := range sig.Params().Variables() {
			cb, ok := v.Type().Underlying().(*types.Signature)
			if !ok || c.isHandlerSig(cb) || c.isMiddleware(cb) {
				continue
			}
			marked = marked || sig.Recv() != nil && hands(sig.Recv().Type())
			for p := range cb.Params().Variables() {
				marked = marked || hands(p.Type())
			}
		}
		if marked {
			c.state[f] = true
			c.need(f)
		}
	}
}

func isTest(fset *token.FileSet, file *ast.File) bool {
	return strings.HasSuffix(fset.Position(file.Package).Filename, "_test.go")
}

// Standard reports whether the package is the standard library's, whose own
// registrations (net/http/pprof, expvar) nobody asks about here.
func Standard(pass *analysis.Pass) bool {
	if len(pass.Files) == 0 { // package unsafe
		return true
	}
	return StandardFile(pass.Fset.Position(pass.Files[0].Package).Filename)
}

// StandardFile reports whether a file is one of the standard library's.
func StandardFile(name string) bool {
	root := build.Default.GOROOT
	return root != "" && strings.HasPrefix(name, filepath.Join(root, "src")+string(filepath.Separator))
}

// rowKey turns types.Func.FullName into the key of a row: no parentheses, no star.
func rowKey(fullName string) string {
	plain := plainName.Replace(fullName)
	if i := strings.IndexByte(plain, '['); i >= 0 { // type parameters of a receiver
		if j := strings.LastIndexByte(plain, ']'); j > i {
			plain = plain[:i] + plain[j+1:]
		}
	}
	return plain
}

var plainName = strings.NewReplacer("(", "", ")", "", "*", "")

func (c *compiler) row(f *types.Func) (rowRef, bool) {
	if f.Pkg() == nil || !c.table.pkgs[f.Pkg().Path()] {
		return rowRef{}, false
	}
	r, ok := c.table.rows[rowKey(f.FullName())]
	return r, ok
}

// described reports whether the configuration says what a function does.
func (c *compiler) described(f *types.Func) bool {
	r, ok := c.row(f)
	return ok && c.table.own != nil && c.table.own.specs[r.spec]
}

// findTouching marks the functions that register or build routers, themselves or
// through functions of this package that they mention.
func (c *compiler) findTouching() {
	mentions := map[*types.Func][]*types.Func{} // callee -> those that mention it
	var work []*types.Func
	for _, f := range c.order {
		if c.mentionsRouter(c.decls[f].Body, func(callee *types.Func) { mentions[callee] = append(mentions[callee], f) }) ||
			c.handsRouter(f.Signature()) {
			c.touching[f] = true
			work = append(work, f)
		}
	}
	for len(work) > 0 {
		f := work[len(work)-1]
		work = work[:len(work)-1]
		for _, m := range mentions[f] {
			if !c.touching[m] {
				c.touching[m] = true
				work = append(work, m)
			}
		}
	}
}

// mentionsRouter reports whether the node uses a row that does something, a value of
// router type, or a function of another package that does. It calls own for each
// function of this package.
func (c *compiler) mentionsRouter(n ast.Node, own func(*types.Func)) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && len(c.table.tables) > 0 && c.table.tables[typeName(c.info.TypeOf(lit))] != nil {
			found = true
		}
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		switch obj := c.info.Uses[id].(type) {
		case *types.Func:
			f := obj.Origin()
			if f.Pkg() == c.pass.Pkg && !c.described(f) {
				if own != nil {
					own(f)
				}
				if sig := f.Signature(); sig.Recv() != nil && types.IsInterface(sig.Recv().Type()) && c.registers(sig) {
					found = true
				}
			} else if r, ok := c.row(f); ok {
				found = found || r.row.Do != Ignore && r.row.Do != Delegate
			} else if sig := f.Signature(); sig.Recv() != nil && types.IsInterface(sig.Recv().Type()) && c.registers(sig) {
				found = true
			} else if c.imported(f) {
				found = true
			}
		case *types.Var:
			if c.routerType(obj.Type()) != "" || c.table.builders[typeName(obj.Type())] || isGlobal(obj) && c.isRegistry(obj.Type()) {
				found = true
			} else if sig, ok := obj.Type().Underlying().(*types.Signature); ok && c.registers(sig) {
				found = true
			} else if obj.Name() == "Handler" && obj.IsField() && obj.Pkg() != nil && obj.Pkg().Path() == "net/http" {
				found = true
			}
		case *types.TypeName:
			if c.routerType(obj.Type()) != "" || c.table.tables[typeName(obj.Type())] != nil || c.table.builders[typeName(obj.Type())] {
				found = true
			}
		}
		return true
	})
	return found
}

// registers reports whether a signature looks like a home-made registration: it
// takes a path and a handler.
func (c *compiler) registers(sig *types.Signature) bool {
	text, handler := false, false
	for v := range sig.Params().Variables() {
		t := v.Type()
		if b, ok := t.Underlying().(*types.Basic); ok && b.Kind() == types.String {
			text = true
		}
		if sl, ok := t.Underlying().(*types.Slice); ok {
			t = sl.Elem() // of a variadic parameter
		}
		if c.isHandler(t) {
			handler = true
		}
	}
	return text && handler
}

// handsRouter reports whether a function takes or returns a router.
func (c *compiler) handsRouter(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		if c.routerType(v.Type()) != "" {
			return true
		}
	}
	return false
}

// makesHandler reports whether a function returns handlers or middleware.
func (c *compiler) makesHandler(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		if c.isHandler(v.Type()) || c.isMiddleware(v.Type()) {
			return true
		}
	}
	return false
}

// returnsTable reports whether a function returns structs with handlers in them.
func (c *compiler) returnsTable(sig *types.Signature) bool {
	for v := range sig.Results().Variables() {
		t := v.Type()
		switch u := t.Underlying().(type) {
		case *types.Slice:
			t = u.Elem()
		case *types.Map:
			t = u.Elem()
		default:
			continue
		}
		if c.isHandler(t) {
			return true
		}
		if s, ok := deref(t).Underlying().(*types.Struct); ok {
			for f := range s.Fields() {
				if c.isHandler(f.Type()) {
					return true
				}
			}
		}
	}
	return false
}

// isRegistry reports whether a package variable of the type can hold what others add
// for a loop that registers it: handlers, structs with handlers, or functions and values
// that are given a router.
func (c *compiler) isRegistry(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Slice:
		t = u.Elem()
	case *types.Map:
		t = u.Elem()
	default:
		return false
	}
	given := func(sig *types.Signature) bool {
		for v := range sig.Params().Variables() {
			if c.routerType(v.Type()) != "" {
				return true
			}
		}
		return false
	}
	switch u := deref(t).Underlying().(type) {
	case *types.Signature:
		return given(u)
	case *types.Interface:
		for m := range u.Methods() {
			if given(m.Signature()) {
				return true
			}
		}
	case *types.Struct:
		for f := range u.Fields() {
			if sig, ok := f.Type().Underlying().(*types.Signature); ok && (c.isHandlerSig(sig) || given(sig)) {
				return true
			}
		}
	}
	return false
}

func deref(t types.Type) types.Type {
	t = types.Unalias(t)
	if p, ok := t.(*types.Pointer); ok {
		return types.Unalias(p.Elem())
	}
	return t
}

// typeName returns "import/path.Name" of a named type or a pointer to one.
func typeName(t types.Type) string {
	if t == nil {
		return ""
	}
	n, ok := deref(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return ""
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name()
}

func (c *compiler) routerType(t types.Type) string {
	n, ok := deref(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil || !c.table.pkgs[n.Obj().Pkg().Path()] {
		return ""
	}
	name := n.Obj().Pkg().Path() + "." + n.Obj().Name()
	if c.table.types[name] == nil {
		return ""
	}
	return name
}

func (c *compiler) isHandler(t types.Type) bool {
	if n, ok := deref(t).(*types.Named); ok && n.Obj().Pkg() != nil && c.table.handlers[typeName(n)] {
		return true
	}
	sig, ok := t.Underlying().(*types.Signature)
	return ok && c.isHandlerSig(sig)
}

func (c *compiler) isHandlerSig(sig *types.Signature) bool {
	for v := range sig.Params().Variables() {
		if c.table.contexts[typeName(v.Type())] {
			return true
		}
	}
	return false
}

func (c *compiler) isMiddleware(t types.Type) bool {
	sig, ok := t.Underlying().(*types.Signature)
	if !ok || sig.Results().Len() == 0 || !c.isHandler(sig.Results().At(0).Type()) {
		return false
	}
	for v := range sig.Params().Variables() {
		if c.isHandler(v.Type()) {
			return true
		}
	}
	return false
}

func (c *compiler) need(f *types.Func) {
	f = f.Origin()
	if !c.queued[f] && c.decls[f] != nil && f != c.unneeded {
		c.queued[f] = true
		c.queue = append(c.queue, f)
	}
}

// findGlobalRouters compiles package variables that are routers or are made by code
// that registers.
func (c *compiler) findGlobalRouters() {
	c.findInits()
	for _, file := range c.pass.Files {
		if isTest(c.pass.Fset, file) {
			continue
		}
		for _, d := range file.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			for _, spec := range gd.Specs {
				for _, id := range spec.(*ast.ValueSpec).Names {
					v, ok := c.info.Defs[id].(*types.Var)
					if !ok {
						continue
					}
					init, hasInit := c.inits[v]
					if hasInit && c.routerType(v.Type()) == "" && !c.makesHandlerType(v.Type()) && c.adds(init.value) {
						c.load(init.value)
						continue
					}
					if id.Name == "_" {
						continue
					}
					if c.routerType(v.Type()) != "" || hasInit && (c.makesHandlerType(v.Type()) || c.mentionsTouching(init.value)) {
						c.global(v)
					}
				}
			}
		}
	}
}

// adds reports whether a variable's initial value is a call that may register something,
// as in var _ = registry.Add(func(r chi.Router) { ... }).
func (c *compiler) adds(value ast.Expr) bool {
	call, ok := ast.Unparen(value).(*ast.CallExpr)
	if !ok {
		return false
	}
	f := c.calleeFunc(ast.Unparen(call.Fun))
	if f == nil {
		return false
	}
	if _, isRow := c.row(f); isRow {
		return false
	}
	for v := range f.Signature().Results().Variables() {
		if b, ok := v.Type().Underlying().(*types.Basic); !ok || b.Info()&types.IsBoolean == 0 {
			if _, ok := v.Type().Underlying().(*types.Struct); !ok && !isError(v.Type()) {
				return false // what it returns is what it is called for
			}
		}
	}
	return slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return c.mentionsTouching(a) })
}

// load compiles the initial value of a variable as a function that runs when the package
// is loaded.
func (c *compiler) load(value ast.Expr) {
	out := c.newFn(value.Pos())
	c.loads++
	out.Name = fmt.Sprintf("%s.init.var.%d", c.pass.Pkg.Path(), c.loads)
	out.Init, out.Full, out.Touches = true, true, true
	s := &scope{c: c, fn: out, slots: map[types.Object]int{}, name: out.Name}
	if st := s.effect(value); st != nil {
		out.Body = []*stmt{st}
		c.prog.Funcs = append(c.prog.Funcs, out)
	}
}

func (c *compiler) makesHandlerType(t types.Type) bool { return c.isHandler(t) || c.isMiddleware(t) }

func (c *compiler) mentionsTouching(n ast.Node) bool {
	touches := false
	return c.mentionsRouter(n, func(f *types.Func) { touches = touches || c.touching[f] }) || touches
}

func (c *compiler) findInits() {
	c.inits = map[*types.Var]initOf{}
	for _, file := range c.pass.Files {
		if isTest(c.pass.Fset, file) {
			continue
		}
		for _, d := range file.Decls {
			gd, ok := d.(*ast.GenDecl)
			if !ok || gd.Tok != token.VAR {
				continue
			}
			for _, s := range gd.Specs {
				vs := s.(*ast.ValueSpec)
				for i, id := range vs.Names {
					v, ok := c.info.Defs[id].(*types.Var)
					switch {
					case !ok:
					case len(vs.Values) == len(vs.Names):
						c.inits[v] = initOf{vs.Values[i], 0}
					case len(vs.Values) == 1:
						c.inits[v] = initOf{vs.Values[0], i}
					}
				}
			}
		}
	}
}

// findSetters notes which functions assign which package variables.
func (c *compiler) findSetters() {
	c.setters = map[*types.Var][]*types.Func{}
	for _, f := range c.order {
		note := func(e ast.Expr) {
			var id *ast.Ident
			switch e := ast.Unparen(e).(type) {
			case *ast.Ident:
				id = e
			case *ast.SelectorExpr:
				id = e.Sel
			default:
				return
			}
			if v, ok := c.info.Uses[id].(*types.Var); ok && isGlobal(v) && v.Pkg() == c.pass.Pkg {
				if l := c.setters[v]; len(l) == 0 || l[len(l)-1] != f {
					c.setters[v] = append(l, f)
				}
			}
		}
		ast.Inspect(c.decls[f].Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					note(l)
				}
			case *ast.IncDecStmt:
				note(n.X)
			case *ast.UnaryExpr:
				if n.Op == token.AND { // flag.StringVar(&v, ...) may set it
					note(n.X)
				}
			}
			return true
		})
	}
}

func isGlobal(v *types.Var) bool { return v.Pkg() != nil && v.Parent() == v.Pkg().Scope() }

func globalName(v *types.Var) string { return v.Pkg().Path() + "." + v.Name() }

// global compiles a package variable of this package.
func (c *compiler) global(v *types.Var) {
	if c.globals[v] != nil || v.Pkg() != c.pass.Pkg {
		return
	}
	g := &global{Name: globalName(v), Router: c.routerType(v.Type())}
	c.globals[v] = g
	c.prog.Globals = append(c.prog.Globals, g)
	if c.setters == nil {
		c.findSetters()
	}
	if c.inits == nil {
		c.findInits()
	}
	if init, ok := c.inits[v]; ok {
		g.InitIn = &fn{Name: c.pass.Pkg.Path() + ".init", File: Position(c.pass, init.value.Pos()).Filename}
		s := &scope{c: c, fn: g.InitIn, slots: map[types.Object]int{}, name: c.pass.Pkg.Path() + ".glob."}
		g.Init, g.Index = s.expr(init.value), init.index
	}
	// What runs when the package is loaded may set it through another function.
	for _, f := range c.starts {
		if !slices.Contains(c.setters[v], f) && slices.ContainsFunc(c.setters[v], func(set *types.Func) bool { return c.mentionsFunc(f, set) }) {
			g.Setters = append(g.Setters, c.fullName(f))
			c.need(f)
		}
	}
	for _, f := range c.setters[v] {
		g.Setters = append(g.Setters, c.fullName(f))
		c.need(f)
	}
}

// mentionsFunc reports whether the body of a function names another function.
func (c *compiler) mentionsFunc(f, other *types.Func) bool {
	found := false
	ast.Inspect(c.decls[f].Body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !found {
			if u, ok := c.info.Uses[id].(*types.Func); ok {
				found = u.Origin() == other
			}
		}
		return !found
	})
	return found
}

// fullName names a function of this package. Of those called init there may be several,
// which the linker numbers.
func (c *compiler) fullName(f *types.Func) string {
	if i := slices.Index(c.starts, f); i >= 0 {
		return f.FullName() + "." + strconv.Itoa(i)
	}
	return f.FullName()
}

// function compiles a declared function.
func (c *compiler) function(f *types.Func) {
	out, s := c.declared(f)
	s.body(c.decls[f].Body, f.Signature(), out.Touches, c.readers[f])
}

// onlyChecks compiles what a function demands of its callers.
func (c *compiler) onlyChecks(f *types.Func) {
	out, s := c.declared(f)
	out.Checks = s.checks(c.readers[f])
}

// declared begins to compile a declared function.
func (c *compiler) declared(f *types.Func) (*fn, *scope) {
	fd := c.decls[f]
	out := c.newFn(fd.Name.Pos())
	out.Name = c.fullName(f)
	out.Init = slices.Contains(c.starts, f)
	out.Exported = f.Exported()
	out.Touches = c.touching[f] || c.state[f]
	out.Note, out.Security = directive(fd.Doc), security(fd.Doc)
	if out.Demands = c.kept[f]; out.Demands && fd.Recv != nil {
		out.Sig = signature(f)
	}
	s := &scope{c: c, fn: out, slots: map[types.Object]int{}, name: out.Name}
	if fd.Recv != nil {
		out.Recv = true
		s.params(fd.Recv)
	}
	s.params(fd.Type.Params)
	s.results(fd.Type.Results)
	out.Variadic = f.Signature().Variadic()
	c.prog.Funcs = append(c.prog.Funcs, out)
	return out, s
}

func (c *compiler) newFn(pos token.Pos) *fn {
	p := Position(c.pass, pos)
	return &fn{File: p.Filename, Line: int32(p.Line), Col: int32(p.Column)}
}

// maxDispatch is the length in bytes of the longest handler that is opened up because it
// hands requests on: one that answers most of them itself is longer than a dispatcher.
const maxDispatch = 40_000

// body compiles what matters of a function's body, of which r read the checks.
func (s *scope) body(b *ast.BlockStmt, sig *types.Signature, touches bool, r *reader) {
	out, c := s.fn, s.c
	out.Handler = c.isHandlerSig(sig)
	if r != nil {
		out.Checks = s.checks(r)
	}
	if out.Handler {
		out.HandsOn = c.handsOn(b)
		// A handler is opened up only if it hands the request to another one.
		if !touches && !(s.delegates(b) && b.End()-b.Pos() < maxDispatch) {
			return
		}
	} else if !touches && (sig.Results().Len() == 0 && !assigns(b) || b.End()-b.Pos() > 12000) {
		return
	}
	out.Full = true
	out.Body = s.stmts(b.List)
}

// assigns reports whether a body assigns to a variable that it does not declare there.
func assigns(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && a.Tok != token.DEFINE {
			found = true
		}
		return !found
	})
	return found
}

// delegates reports whether the body calls ServeHTTP or another Delegate row.
func (s *scope) delegates(b *ast.BlockStmt) bool {
	found := false
	ast.Inspect(b, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && !found {
			if f, ok := s.c.info.Uses[id].(*types.Func); ok && f.Name() == "ServeHTTP" {
				found = true
			}
		}
		return !found
	})
	return found
}

// A scope gives the slots of one function's variables.
type scope struct {
	c     *compiler
	fn    *fn
	slots map[types.Object]int
	lets  map[types.Object]ast.Expr // variables that stand for one expression, while checks are compiled
	up    *scope
	name  string // for the names of literals
	lits  int
}

func (s *scope) slot(obj types.Object) int {
	if n, ok := s.slots[obj]; ok {
		return n
	}
	n := s.fn.Slots
	s.fn.Slots++
	s.slots[obj] = n
	return n
}

func (s *scope) params(fields *ast.FieldList) {
	if fields == nil {
		return
	}
	for _, f := range fields.List {
		router := s.c.routerType(s.c.info.TypeOf(f.Type))
		if len(f.Names) == 0 {
			s.fn.Slots++
			s.fn.Params = append(s.fn.Params, param{Router: router})
		}
		for _, id := range f.Names {
			if obj := s.c.info.Defs[id]; obj != nil {
				s.slot(obj)
			} else {
				s.fn.Slots++
			}
			s.fn.Params = append(s.fn.Params, param{id.Name, router})
		}
	}
}

func (s *scope) results(fields *ast.FieldList) {
	if fields == nil {
		return
	}
	for _, f := range fields.List {
		for _, id := range f.Names {
			if obj := s.c.info.Defs[id]; obj != nil {
				s.fn.Named = append(s.fn.Named, s.slot(obj))
			}
		}
	}
}

func (s *scope) at(e *expr, n ast.Node) *expr {
	p := s.c.pass.Fset.Position(n.Pos())
	e.Line, e.Col = int32(p.Line), int32(p.Column)
	return e
}

func unknownExpr(why string) *expr { return &expr{Op: opUnknown, Str: why} }

// expr compiles an expression.
func (s *scope) expr(e ast.Expr) *expr {
	if e == nil {
		return nil
	}
	x := s.plainExpr(e)
	if tv, ok := s.c.info.Types[e]; ok && tv.Type != nil && x.Op != opConst {
		if tup, ok := tv.Type.(*types.Tuple); ok {
			if tup.Len() > 0 {
				x.Router = s.c.routerType(tup.At(0).Type())
			}
		} else if r := s.c.routerType(tv.Type); r != "" {
			x.Router = r
		}
	}
	return x
}

func (s *scope) plainExpr(e ast.Expr) *expr {
	info := s.c.info
	if tv, ok := info.Types[e]; ok {
		if tv.Value != nil {
			return s.constant(e, tv)
		}
		if tv.IsNil() {
			return &expr{Op: opConst}
		}
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return s.plainExpr(e.X)
	case *ast.Ident:
		return s.object(e, info.ObjectOf(e))
	case *ast.SelectorExpr:
		sel := info.Selections[e]
		if sel == nil {
			return s.object(e, info.Uses[e.Sel])
		}
		x := s.expr(e.X)
		t := sel.Recv()
		path := sel.Index()
		for _, i := range path[:len(path)-1] {
			st, ok := deref(t).Underlying().(*types.Struct)
			if !ok {
				break
			}
			f := st.Field(i)
			x = s.at(&expr{Op: opField, Str: f.Name(), Type: typeName(t), Args: []*expr{x}, Router: s.c.routerType(f.Type())}, e)
			t = f.Type()
		}
		switch sel.Kind() {
		case types.FieldVal:
			return s.at(&expr{Op: opField, Str: e.Sel.Name, Type: typeName(t), Args: []*expr{x}}, e)
		case types.MethodVal:
			f := sel.Obj().(*types.Func).Origin()
			s.c.valued[f] = true
			s.c.need(f)
			return s.at(&expr{Op: opMethod, Name: f.FullName(), Str: rowKey(f.FullName()), Args: []*expr{x}, Dynamic: types.IsInterface(t)}, e)
		}
		return unknownExpr("method expression")
	case *ast.CallExpr:
		return s.call(e)
	case *ast.FuncLit:
		return s.lit(e)
	case *ast.CompositeLit:
		return s.composite(e)
	case *ast.UnaryExpr:
		switch e.Op {
		case token.AND:
			return s.expr(e.X)
		case token.NOT:
			return &expr{Op: opNot, Args: []*expr{s.expr(e.X)}}
		}
	case *ast.StarExpr:
		return s.expr(e.X)
	case *ast.BinaryExpr:
		return s.at(&expr{Op: opBinary, Str: e.Op.String(), Args: []*expr{s.expr(e.X), s.expr(e.Y)}}, e)
	case *ast.IndexExpr:
		if tv := info.Types[e.X]; tv.Type != nil {
			if _, ok := tv.Type.Underlying().(*types.Signature); ok {
				return s.expr(e.X) // instantiation
			}
		}
		return s.at(&expr{Op: opIndex, Args: []*expr{s.expr(e.X), s.expr(e.Index)}}, e)
	case *ast.IndexListExpr:
		return s.expr(e.X)
	case *ast.SliceExpr:
		return &expr{Op: opSlice, Args: []*expr{s.expr(e.X), orNil(s.expr(e.Low)), orNil(s.expr(e.High))}}
	case *ast.TypeAssertExpr:
		return s.expr(e.X)
	}
	return unknownExpr("an expression that is not followed")
}

// orNil keeps gob from meeting a nil pointer in a slice.
func orNil(e *expr) *expr {
	if e == nil {
		return &expr{Op: opConst}
	}
	return e
}

func (s *scope) constant(e ast.Expr, tv types.TypeAndValue) *expr {
	x := s.at(&expr{Op: opConst, Type: typeName(tv.Type)}, e)
	switch v := tv.Value; v.Kind() {
	case constant.String:
		x.Kind, x.Str = 's', constant.StringVal(v)
	case constant.Bool:
		x.Kind, x.Str = 'b', v.String()
	case constant.Int:
		x.Kind, x.Str = 'i', v.ExactString()
	default:
		x.Kind, x.Str = 'f', v.ExactString()
	}
	var obj types.Object
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		obj = s.c.info.Uses[e]
	case *ast.SelectorExpr:
		obj = s.c.info.Uses[e.Sel]
	}
	if k, ok := obj.(*types.Const); ok && k.Pkg() != nil {
		x.Name = k.Pkg().Path() + "." + k.Name()
	}
	return x
}

func (s *scope) object(n ast.Expr, obj types.Object) *expr {
	switch obj := obj.(type) {
	case *types.Var:
		if isGlobal(obj) {
			s.c.global(obj)
			return s.at(&expr{Op: opGlobal, Name: globalName(obj)}, n)
		}
		if e := s.lets[obj]; e != nil {
			return s.plainExpr(e)
		}
		for depth, sc := 0, s; sc != nil; depth, sc = depth+1, sc.up {
			if slot, ok := sc.slots[obj]; ok {
				return s.at(&expr{Op: opLocal, N: slot, Depth: depth, Str: obj.Name()}, n)
			}
		}
		return s.at(&expr{Op: opLocal, N: s.slot(obj), Str: obj.Name()}, n)
	case *types.Func:
		f := obj.Origin()
		s.c.valued[f] = true
		s.c.need(f)
		return s.at(&expr{Op: opFunc, Name: f.FullName(), Str: rowKey(f.FullName())}, n)
	}
	return unknownExpr("an identifier that is not followed")
}

func (s *scope) composite(e *ast.CompositeLit) *expr {
	t := s.c.info.TypeOf(e)
	x := s.at(&expr{Type: typeName(t)}, e)
	switch u := deref(t).Underlying().(type) {
	case *types.Struct:
		x.Op = opStruct
		if s.c.table.tables[x.Type] != nil {
			x.Note = s.c.note(e.Pos())
		}
		for i, el := range e.Elts {
			key, val := "", el
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				key, val = kv.Key.(*ast.Ident).Name, kv.Value
			} else if i < u.NumFields() {
				key = u.Field(i).Name()
			}
			x.Keys = append(x.Keys, key)
			x.Args = append(x.Args, s.expr(val))
		}
		s.zeroFields(x, u)
	case *types.Slice, *types.Array:
		x.Op = opList
		for _, el := range e.Elts {
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				el = kv.Value
			}
			x.Args = append(x.Args, s.expr(el))
		}
	case *types.Map:
		x.Op = opMap
		for _, el := range e.Elts {
			if kv, ok := el.(*ast.KeyValueExpr); ok {
				x.Args = append(x.Args, s.expr(kv.Key), s.expr(kv.Value))
			}
		}
	default:
		return unknownExpr("a composite literal that is not followed")
	}
	return x
}

// zeroFields gives the fields that a literal leaves out their zero values, where
// nothing but assignments can set them later: a configuration that is decoded into a
// struct cannot reach what is not exported, or a list of functions.
func (s *scope) zeroFields(x *expr, st *types.Struct) {
	for f := range st.Fields() {
		if f.Embedded() || slices.Contains(x.Keys, f.Name()) || s.c.addressed()[f] {
			continue
		}
		switch u := f.Type().Underlying().(type) {
		case *types.Basic:
			if u.Info()&types.IsString == 0 || f.Exported() {
				continue
			}
			x.Args = append(x.Args, &expr{Op: opConst, Kind: 's'})
		case *types.Slice:
			if f.Exported() && !s.c.isHandler(u.Elem()) && !s.c.isMiddleware(u.Elem()) {
				continue
			}
			x.Args = append(x.Args, &expr{Op: opList})
		default:
			continue
		}
		x.Keys = append(x.Keys, f.Name())
	}
}

// addressed is the set of fields whose address the package takes: others may set them.
func (c *compiler) addressed() map[*types.Var]bool {
	if c.taken != nil {
		return c.taken
	}
	c.taken = map[*types.Var]bool{}
	for _, file := range c.pass.Files {
		ast.Inspect(file, func(n ast.Node) bool {
			if u, ok := n.(*ast.UnaryExpr); ok && u.Op == token.AND {
				if sel, ok := ast.Unparen(u.X).(*ast.SelectorExpr); ok {
					if v, ok := c.info.Uses[sel.Sel].(*types.Var); ok {
						c.taken[v] = true
					}
				}
			}
			return true
		})
	}
	return c.taken
}

func (s *scope) lit(e *ast.FuncLit) *expr {
	out := s.c.newFn(e.Pos())
	s.lits++
	if s.up == nil && !strings.HasSuffix(s.name, ".") {
		out.Name = s.name + ".func" + strconv.Itoa(s.lits)
	} else if s.up == nil {
		out.Name = s.name + ".func" + strconv.Itoa(s.lits)
	} else {
		out.Name = s.name + "." + strconv.Itoa(s.lits)
	}
	sig, ok := s.c.info.TypeOf(e).(*types.Signature)
	if !ok {
		return unknownExpr("a function literal without a type")
	}
	in := &scope{c: s.c, fn: out, slots: map[types.Object]int{}, up: s, name: out.Name}
	in.params(e.Type.Params)
	in.results(e.Type.Results)
	out.Variadic = sig.Variadic()
	out.Note = s.c.note(e.Pos())
	touches := s.c.mentionsTouching(e.Body)
	out.Touches = touches
	var r *reader
	if s.c.mayDemand(sig) {
		r = s.c.demands(e.Body, sig, s.c.ours)
	}
	in.body(e.Body, sig, touches, r)
	return s.at(&expr{Op: opLit, Fn: out}, e)
}

func (s *scope) call(e *ast.CallExpr) *expr {
	info := s.c.info
	fun := ast.Unparen(e.Fun)
	if tv := info.Types[fun]; tv.IsType() {
		if len(e.Args) == 1 {
			return s.expr(e.Args[0])
		}
		return unknownExpr("a conversion that is not followed")
	}
	if id, ok := fun.(*ast.Ident); ok {
		if b, ok := info.Uses[id].(*types.Builtin); ok {
			return s.builtin(b.Name(), e)
		}
	}
	x := s.at(&expr{Op: opCall, Spread: e.Ellipsis.IsValid()}, e)
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		// In a chain over several lines, the method's name is where a reader looks.
		x = s.at(x, sel.Sel)
	}
	callee := s.c.calleeFunc(fun)
	valued := callee != nil && s.c.valued[callee]
	fx := s.expr(fun)
	if callee != nil && !valued {
		delete(s.c.valued, callee) // calling is no use as a value
	}
	x.Args = append(x.Args, fx)
	for _, a := range e.Args {
		x.Args = append(x.Args, s.expr(a))
	}
	x.Dynamic = callee == nil || fx.Dynamic
	if sig, ok := info.TypeOf(fun).Underlying().(*types.Signature); ok {
		x.Handler = s.c.makesHandler(sig)
		for v := range sig.Params().Variables() {
			if s.c.routerType(v.Type()) != "" || s.c.table.builders[typeName(v.Type())] {
				x.Takes = true
			}
		}
	}
	x.Note = s.c.note(e.Pos())
	if x.Note == "" {
		if sel, ok := fun.(*ast.SelectorExpr); ok {
			x.Note = s.c.note(sel.Sel.Pos())
		}
	}
	return x
}

func (c *compiler) calleeFunc(fun ast.Expr) *types.Func {
	switch f := fun.(type) {
	case *ast.Ident:
		if fn, ok := c.info.Uses[f].(*types.Func); ok {
			return fn.Origin()
		}
	case *ast.SelectorExpr:
		if fn, ok := c.info.Uses[f.Sel].(*types.Func); ok {
			return fn.Origin()
		}
	case *ast.IndexExpr:
		return c.calleeFunc(ast.Unparen(f.X))
	case *ast.IndexListExpr:
		return c.calleeFunc(ast.Unparen(f.X))
	}
	return nil
}

func (s *scope) builtin(name string, e *ast.CallExpr) *expr {
	switch name {
	case "make":
		switch s.c.info.TypeOf(e).Underlying().(type) {
		case *types.Map:
			return s.at(&expr{Op: opMap}, e)
		case *types.Slice:
			return s.at(&expr{Op: opList}, e)
		}
	case "new":
		x := s.at(&expr{Op: opStruct, Type: typeName(s.c.info.TypeOf(e))}, e)
		if u, ok := deref(s.c.info.TypeOf(e)).Underlying().(*types.Struct); ok {
			s.zeroFields(x, u)
		}
		return x
	case "append", "len":
		x := s.at(&expr{Op: opBuiltin, Name: name, Spread: e.Ellipsis.IsValid()}, e)
		for _, a := range e.Args {
			x.Args = append(x.Args, s.expr(a))
		}
		return x
	}
	return unknownExpr("the result of " + name)
}

// note returns the permcheck directive that speaks of the line of pos.
func (c *compiler) note(pos token.Pos) string {
	if c.notes == nil {
		c.notes = map[string]map[int]string{}
		for _, file := range c.pass.Files {
			for _, d := range Directives(c.pass, file) {
				if d.Verb != "requires" && d.Verb != "public" {
					continue
				}
				if c.notes[d.File] == nil {
					c.notes[d.File] = map[int]string{}
				}
				c.notes[d.File][d.Covers] = strings.TrimSpace(d.Verb + " " + d.Text)
			}
		}
	}
	if len(c.notes) == 0 {
		return ""
	}
	p := Position(c.pass, pos)
	return c.notes[p.Filename][p.Line]
}

// directive returns the permcheck directive of a doc comment.
func directive(doc *ast.CommentGroup) string {
	if doc == nil {
		return ""
	}
	for _, cm := range doc.List {
		if d := directiveText(cm.Text); d != "" {
			return d
		}
	}
	return ""
}

func directiveText(comment string) string {
	d, ok := strings.CutPrefix(comment, "//permcheck:")
	if !ok {
		return ""
	}
	if verb, _, _ := strings.Cut(d, " "); verb != "requires" && verb != "public" {
		return ""
	}
	d, _, _ = strings.Cut(d, " //")
	return strings.TrimSpace(d)
}
