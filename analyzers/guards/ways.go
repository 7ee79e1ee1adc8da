package guards

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/types"
	"maps"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
)

// A Truth is what is known of a yes-or-no question.
type Truth uint8

// The answers. The zero value: nobody can tell.
const (
	Untold Truth = iota
	No
	Yes
)

// A Way is what a function does with the requests that it is given.
type Way struct {
	Func string // function key, or file:line:column of a literal
	// Refuses says whether it ends requests because of who calls: with 401 or 403, or with
	// an error or a page that means the same. Validation, limits and "not found" do not.
	Refuses Truth
	Answers string // as catalogs.Routed has it
}

// ways are the functions that are known, and the packages that were looked at: what these
// have and ways lacks neither refuses nor answers anything special.
type ways struct {
	known  map[string]Way
	looked map[string]bool
}

// refuses reports whether a function refuses.
func (w *ways) refuses(key string) Truth {
	if way, ok := w.known[key]; ok {
		return way.Refuses
	}
	if pkg := packageOf(key); pkg != "" && (w.looked[pkg] || standard(pkg)) {
		return No
	}
	return Untold
}

// packageOf is the import path in a function key.
func packageOf(key string) string {
	slash := strings.LastIndexByte(key, '/')
	dot := strings.IndexByte(key[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return key[:slash+1+dot]
}

// standardRoots are the folders of the standard library (https://pkg.go.dev/std). A module may
// have a name without a dot, too.
var standardRoots = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`archive bufio bytes cmp compress container context crypto database debug embed encoding errors
		expvar flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort
		strconv strings structs sync syscall testing text time unicode unique unsafe vendor weak`) {
		m[name] = true
	}
	return m
}()

// standard reports whether an import path is of the standard library.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return standardRoots[first]
}

// describe fills in what is known of the ways that requests take to the routes.
func (w *ways) describe(found []*routes.Route) {
	for _, r := range found {
		r.Answers = w.answers(r)
		asks := w.guards(r.Guards)
		handler := w.refuses(FuncKey(r.Handler))
		if r.Literal != "" {
			handler = w.literal(r.Literal)
		}
		asks = append(asks, handler)
		r.Asks = slices.Contains(asks, Yes)
		r.MayAsk = !r.Asks && slices.Contains(asks[:len(asks)-1], Untold)
	}
}

func (w *ways) literal(place string) Truth {
	if way, ok := w.known[place]; ok {
		return way.Refuses
	}
	return No
}

// guards says of each guard whether it refuses.
func (w *ways) guards(gs []routes.Guard) []Truth {
	var out []Truth
	for _, g := range gs {
		t := Untold
		switch {
		case g.Literal != "":
			t = w.literal(g.Literal)
		case g.Func != "":
			t = w.refuses(FuncKey(g.Func))
		}
		if g.Answers && t != Yes { // a check in the handler: what it is worth is told by the handler
			t = No
		}
		if slices.Contains(w.guards(g.Nested), Yes) {
			t = Yes
		}
		if t == Yes && (g.Maybe || g.Partly) {
			t = Untold
		}
		out = append(out, t)
	}
	return out
}

// standardAnswers are handlers of the standard library that serve no endpoint.
var standardAnswers = map[string]string{
	"net/http.FileServer": catalogs.AnswersPage, "net/http.FileServerFS": catalogs.AnswersPage,
	"net/http.ServeFile": catalogs.AnswersPage, "net/http.ServeFileFS": catalogs.AnswersPage, "net/http.ServeContent": catalogs.AnswersPage,
	"net/http.NotFound": catalogs.AnswersRefusal, "net/http.NotFoundHandler": catalogs.AnswersRefusal,
	"net/http.Redirect": catalogs.AnswersRedirect, "net/http.RedirectHandler": catalogs.AnswersRedirect,
}

// answers says what a route's handler does.
func (w *ways) answers(r *routes.Route) string {
	key := FuncKey(r.Handler)
	if r.Literal != "" {
		return w.known[r.Literal].Answers
	}
	if a, ok := standardAnswers[key]; ok {
		return a
	}
	if way, ok := w.known[key]; ok && way.Answers != "" {
		return way.Answers
	}
	pkg := packageOf(key)
	switch {
	case key == "", !sameModule(pkg, r.Package):
		return catalogs.AnswersOpaque // a proxy, pprof, a library's handler
	}
	return ""
}

// sameModule reports whether two packages are of one module, as far as their names tell.
func sameModule(a, b string) bool {
	head := func(p string) string {
		parts := strings.SplitN(p, "/", 4)
		if !strings.Contains(parts[0], ".") {
			return parts[0]
		}
		return strings.Join(parts[:min(3, len(parts))], "/")
	}
	return a == b || head(a) == head(b)
}

// inferWays looks at every function of a package that handles requests. Deps are the ways
// of what it imports.
func inferWays(pass *analysis.Pass, deps *ways) []Way {
	if !web(pass.Pkg) {
		return nil
	}
	in := &inferrer{pass: pass, deps: deps, bodies: map[*types.Func]*body{}, state: map[*types.Func]Truth{}}
	var literals []*body
	for _, file := range pass.Files {
		for _, d := range file.Decls {
			fd, ok := d.(*ast.FuncDecl)
			if ok && fd.Body != nil {
				if f, ok := pass.TypesInfo.Defs[fd.Name].(*types.Func); ok {
					in.bodies[f] = in.read(fd.Body, "")
				}
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if lit, ok := n.(*ast.FuncLit); ok && in.serves(lit) {
					p := routes.Position(pass, lit.Pos())
					literals = append(literals, in.read(lit.Body, fmt.Sprintf("%s:%d:%d", p.Filename, p.Line, p.Column)))
				}
				return true
			})
		}
	}
	in.fix()
	var out []Way
	for f, b := range in.bodies {
		if w := (Way{FuncKey(f.FullName()), in.state[f], b.answers(in)}); w.Refuses != No || w.Answers != "" {
			out = append(out, w)
		}
	}
	for _, b := range literals {
		if w := (Way{b.place, in.truth(b), b.answers(in)}); w.Refuses != No || w.Answers != "" {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b Way) int { return strings.Compare(a.Func, b.Func) })
	return out
}

// web reports whether a package may handle requests: it imports net/http, or a library that
// does.
func web(pkg *types.Package) bool {
	http := func(p *types.Package) bool {
		return p.Path() == "net/http" || p.Path() == "github.com/valyala/fasthttp" || p.Path() == "google.golang.org/grpc/status"
	}
	return slices.ContainsFunc(pkg.Imports(), func(p *types.Package) bool {
		return http(p) || slices.ContainsFunc(p.Imports(), http)
	})
}

// A body is what was seen in a function.
type body struct {
	place    string // of a literal
	refusal  bool   // 401, 403, or what means the same
	settled  bool   // another status: when it ends a request, then by that
	recovers bool
	early    bool          // it leaves before its end
	calls    []*types.Func // that are given the request
	dynamic  bool          // something that is not known is given the request
	page     bool          // it sends a file, or a page that it makes of a template
	gone     bool          // 404, 405, 410 or 501
	redirect bool
	login    bool          // the redirect is to where people sign in
	user     bool          // it calls a function that is not known
	others   []*types.Func // that are neither the standard library's, nor the request's, nor helpers
	hands    bool          // it hands the request to a handler that it holds
}

// inferrer looks at the functions of one package.
type inferrer struct {
	pass   *analysis.Pass
	deps   *ways
	bodies map[*types.Func]*body
	state  map[*types.Func]Truth
}

// serves reports whether a function literal may be a handler or a middleware: it is given a
// request, or something that is, or returns it.
func (in *inferrer) serves(lit *ast.FuncLit) bool {
	sig, ok := in.pass.TypesInfo.TypeOf(lit).(*types.Signature)
	if !ok {
		return false
	}
	for _, list := range []*types.Tuple{sig.Params(), sig.Results()} {
		for v := range list.Variables() {
			switch v.Type().Underlying().(type) {
			case *types.Signature:
				return true
			case *types.Interface:
				if named, ok := types.Unalias(v.Type()).(*types.Named); ok && named.Obj().Name() == "Handler" {
					return true
				}
			}
			if isRequest(v.Type()) {
				return true
			}
		}
	}
	return false
}

// fix finds which functions refuse, to a fixed point: one refuses if it calls one that does.
func (in *inferrer) fix() {
	for f, b := range in.bodies {
		in.state[f] = No
		if b.refusal && !b.recovers {
			in.state[f] = Yes
		}
	}
	for changed := true; changed; {
		changed = false
		for f, b := range in.bodies {
			if t := in.truth(b); t != in.state[f] && in.state[f] == No {
				in.state[f], changed = t, true
			} else if t == Yes && in.state[f] == Untold {
				in.state[f], changed = Yes, true
			}
		}
	}
}

// truth says whether a body refuses, by what is known of what it calls.
func (in *inferrer) truth(b *body) Truth {
	if b.recovers {
		return No
	}
	if b.refusal || b.login && b.early {
		return Yes
	}
	untold := b.early && b.dynamic && !b.settled
	for _, f := range b.calls {
		switch in.of(f) {
		case Yes:
			return Yes
		case Untold:
			untold = untold || b.early && !b.settled
		}
	}
	if untold {
		return Untold
	}
	return No
}

func (in *inferrer) of(f *types.Func) Truth {
	if _, ok := in.bodies[f]; ok {
		return in.state[f]
	}
	return in.deps.refuses(FuncKey(f.FullName()))
}

// words mean 401 or 403 in the names of functions, errors and codes.
var words = []string{"unauthorized", "unauthenticated", "forbidden", "permissiondenied", "accessdenied", "notauthorized", "notauthenticated"}

func refusing(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) })
}

// read looks at the body of a function, and at those of the literals in it.
func (in *inferrer) read(block *ast.BlockStmt, place string) *body {
	b := &body{place: place}
	info := in.pass.TypesInfo
	compared := map[ast.Expr]bool{} // what a request is compared with, and not given
	ast.Inspect(block, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			compared[ast.Unparen(n.X)], compared[ast.Unparen(n.Y)] = true, true
		case *ast.CaseClause:
			for _, e := range n.List {
				compared[ast.Unparen(e)] = true
			}
		case *ast.IfStmt:
			if leaves(n.Body) {
				b.early = true
			}
		case *ast.CallExpr:
			in.call(b, n)
		case *ast.Ident:
			if _, variable := info.Uses[n].(*types.Var); variable && refusing(n.Name) && !compared[n] && isError(info.TypeOf(n)) {
				b.refusal = true
			}
		}
		if e, ok := n.(ast.Expr); ok && !compared[e] {
			b.status(info.Types[e].Value)
		}
		return true
	})
	return b
}

// status notes a constant that is an HTTP status.
func (b *body) status(v constant.Value) {
	if v == nil || v.Kind() != constant.Int {
		return
	}
	switch n, _ := constant.Int64Val(v); n {
	case 401, 403:
		b.refusal = true
	case 404, 405, 410, 501:
		b.gone, b.settled = true, true
	case 400, 406, 408, 409, 411, 413, 415, 422, 429, 500, 502, 503, 504:
		b.settled = true
	}
}

// leaves reports whether a block ends the function.
func leaves(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	_, ok := b.List[len(b.List)-1].(*ast.ReturnStmt)
	return ok
}

// call notes what a call does.
func (in *inferrer) call(b *body, call *ast.CallExpr) {
	info := in.pass.TypesInfo
	if id, ok := ast.Unparen(call.Fun).(*ast.Ident); ok {
		switch obj := info.Uses[id].(type) {
		case *types.Builtin:
			b.recovers = b.recovers || obj.Name() == "recover"
			return
		case *types.TypeName:
			return // a conversion
		}
	}
	if info.Types[call.Fun].IsType() {
		return
	}
	f := callee(info, call)
	given := slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return isRequest(info.TypeOf(a)) })
	if f == nil {
		// A parameter or variable that holds a function: the next handler, most of the time.
		b.user = true
		b.hands = b.hands || given
		return
	}
	in.known(b, call, f.Origin(), given)
}

// known notes what a call of a function that is known does.
func (in *inferrer) known(b *body, call *ast.CallExpr, f *types.Func, given bool) {
	name, recv := f.Name(), f.Signature().Recv()
	ofRequest := recv != nil && isRequest(recv.Type())
	given = given || ofRequest
	b.refusal = b.refusal || refusing(name)
	switch answer := standardAnswers[FuncKey(f.FullName())]; {
	case answer == catalogs.AnswersPage, pageMethod(f, recv):
		b.page = true
	case answer == catalogs.AnswersRefusal:
		b.gone, b.settled = true, true
	case answer == catalogs.AnswersRedirect, name == "Redirect" && ofRequest:
		b.redirect = true
		b.login = b.login || slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return signIn(in.pass.TypesInfo.Types[a].Value) })
	}
	if f.Pkg() == nil {
		return // error.Error
	}
	own := !standard(f.Pkg().Path()) && !ofRequest
	abstract := recv != nil && types.IsInterface(recv.Type())
	b.hands = b.hands || abstract && name == "ServeHTTP"
	b.dynamic = b.dynamic || abstract && given && own
	if own && !in.helper(f) {
		b.others = append(b.others, f)
	}
	if given || own && returnsError(f) {
		b.calls = append(b.calls, f)
	}
}

// helper reports whether a function of the package makes plain values of plain values: the path
// of a file, say, but no record of anybody.
func (in *inferrer) helper(f *types.Func) bool {
	sig := f.Signature()
	if f.Pkg() != in.pass.Pkg || sig.Recv() != nil || sig.Results().Len() == 0 {
		return false
	}
	for _, list := range []*types.Tuple{sig.Params(), sig.Results()} {
		for v := range list.Variables() {
			if _, plain := v.Type().Underlying().(*types.Basic); !plain && !isError(v.Type()) {
				return false
			}
		}
	}
	return true
}

// pageMethod reports whether a method answers with a file, or with a page made of a template.
func pageMethod(f *types.Func, recv *types.Var) bool {
	if recv == nil || f.Pkg() == nil {
		return false
	}
	switch f.Pkg().Path() {
	case "embed", "io/fs":
		return f.Name() == "ReadFile" || f.Name() == "Open"
	case "html/template", "text/template":
		return strings.HasPrefix(f.Name(), "Execute")
	}
	switch f.Name() {
	case "File", "FileFromFS", "FileAttachment", "SendFile", "Inline", "HTML", "Render":
		return isRequest(recv.Type())
	}
	return false
}

// returnsError reports whether a function's last result is an error.
func returnsError(f *types.Func) bool {
	res := f.Signature().Results()
	return res.Len() > 0 && isError(res.At(res.Len()-1).Type())
}

func signIn(v constant.Value) bool {
	if v == nil || v.Kind() != constant.String {
		return false
	}
	s := strings.ToLower(constant.StringVal(v))
	return strings.Contains(s, "login") || strings.Contains(s, "signin") || strings.Contains(s, "sign-in") || strings.Contains(s, "/auth")
}

// isRequest reports whether a value stands for a request or its answer.
func isRequest(t types.Type) bool {
	if t == nil {
		return false
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return false
	}
	switch name := n.Obj().Name(); name {
	case "Request", "ResponseWriter":
		return n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "net/http"
	case "Context", "Ctx", "RequestCtx":
		return n.Obj().Pkg() != nil && n.Obj().Pkg().Path() != "context"
	}
	return false
}

// answers says what a body answers if it is no ordinary handler: nothing else of the program has
// a part in it.
func (b *body) answers(in *inferrer) string {
	ordinary := b.user || slices.ContainsFunc(b.others, func(f *types.Func) bool {
		own := in.bodies[f]
		return own == nil || !own.page || own.user || len(own.others) > 0
	})
	switch {
	case b.hands && !b.page:
		return catalogs.AnswersOpaque
	case b.refusal || ordinary:
	case b.page:
		return catalogs.AnswersPage
	case b.redirect:
		return catalogs.AnswersRedirect
	case b.gone && !b.early:
		return catalogs.AnswersRefusal
	}
	return ""
}

// addWays adds what a fact says of the functions of a package.
func (f *Fact) addWays(w *ways, pkg string) {
	if f.Looked {
		w.looked[pkg] = true
	}
	for _, way := range f.Ways {
		w.known[way.Func] = way
	}
}

// carriedWays are the ways of what a package's program mentions, for its importers.
func carriedWays(own []Way, mentioned map[string]bool, deps *ways) []Way {
	out := slices.Clone(own)
	have := map[string]bool{}
	for _, w := range own {
		have[w.Func] = true
	}
	for _, name := range slices.Sorted(maps.Keys(mentioned)) {
		key := FuncKey(name)
		if have[key] {
			continue
		}
		have[key] = true
		if w, ok := deps.known[key]; ok {
			out = append(out, w)
		} else if t := deps.refuses(key); t == No && !standard(packageOf(key)) && packageOf(key) != "" {
			out = append(out, Way{Func: key, Refuses: No})
		}
	}
	return out
}
