package routes

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"maps"
	"slices"
)

// The compiler turns the functions that matter for routing into a small program of
// these nodes, and the evaluator runs it. The nodes name types and functions by
// text, so that a package's program travels to its importers as a fact and a call
// into it is evaluated there with the caller's own prefix and guards.

type op uint8

const (
	opUnknown op = iota // Str: why nothing is known
	opConst             // Kind, Str: the value; Name: the constant's object, if it has one
	opLocal             // N, Depth: slot N of the Depth-th enclosing function
	opGlobal            // Name
	opFunc              // Name
	opMethod            // Name, Args[0] the receiver
	opField             // Str: the field, Type: the struct's type, Args[0]
	opCall              // Args[0] the callee, then the arguments
	opLit               // Fn
	opStruct            // Type, Keys, Args
	opList              // Args
	opMap               // Args: key, value, key, value ...
	opBinary            // Str: the operator, Args
	opNot               // Args[0]
	opIndex             // Args: container, index
	opSlice             // Args: container, low, high (nil when absent)
	opCopy              // Args[0]: a struct copied by assignment
	opBuiltin           // Name, Args
)

// An expr is one expression. Gob writes only the members that are set.
type expr struct {
	Op        op
	Kind      byte // of a constant: s, i, b, or 0 for nil
	N, Depth  int
	Str       string
	Name      string
	Type      string // type of a literal, of a constant, or of the struct that has a field
	Router    string // the router type of the expression's value
	Note      string // permcheck comment directive at a call
	Keys      []string
	Args      []*expr
	Fn        *fn
	Line, Col int32
	Spread    bool // a call's last argument is passed with ...
	Dynamic   bool // a method called through an interface, or a function value
	Handler   bool // a call whose result is a handler or middleware
	Takes     bool // a call of a function with a parameter of router type
}

type stmtOp uint8

const (
	stExpr   stmtOp = iota // R[0]
	stAssign               // L, R; len(R) may be 1 with several L
	stIf                   // R[0] the condition, Body, Else; ErrCheck
	stRange                // L: key, value; R[0]; Body
	stLoop                 // R[0] the condition or nothing, Body
	stSwitch               // R[0] the tag (or nil), Cases
	stBlock                // Body
	stReturn               // R
)

type stmt struct {
	Op       stmtOp
	L, R     []*expr
	Body     []*stmt
	Else     []*stmt
	Cases    []caseClause
	ErrCheck bool // an if that compares with nil: leaving in it is not a condition
}

type caseClause struct {
	Exprs   []*expr
	Default bool
	Body    []*stmt
}

// A fn is one compiled function or function literal.
type fn struct {
	Name      string // as types.Func.FullName writes it; literals add .func1
	File      string
	Line, Col int32
	Params    []param // the receiver first, if there is one
	Recv      bool
	Init      bool // runs when the package is loaded
	Variadic  bool
	Named     []int // slots of named results
	Slots     int
	Body      []*stmt
	Checks    []*check // calls that decide whether it goes on
	Sig       string   // of a method that Demands: see signature
	Note      string   // permcheck directive of the doc comment
	Security  []string // what its doc comment says after @Security, as swaggo reads it
	Handler   bool     // a handler's signature
	HandsOn   bool     // a handler that calls the next one
	Exported  bool     // importers can call it
	Full      bool     // Body is compiled
	Touches   bool     // registers or builds routers, itself or through what it calls
	Demands   bool     // its checks matter to its callers
	Valued    bool     // used as a value, so that calls of it cannot all be seen

	pkg string // import path, once asked for
}

// place is where the function is written, as token.Position has it.
func (f *fn) place() string { return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Col) }

type param struct {
	Name   string
	Router string // router type, if it has one
}

// A global is a package variable.
type global struct {
	Name    string
	Init    *expr
	InitIn  *fn // the pseudo function that Init is compiled in
	Index   int // result of Init to take, for var a, b = f()
	Router  string
	Setters []string // functions that assign it
}

// A program is what one package contributes.
type program struct {
	Path    string
	Funcs   []*fn
	Globals []*global
	// Linked and LinkedGlobals are what it calls and reads of other packages: an
	// importer of this package need not have their facts.
	Linked        []*fn
	LinkedGlobals []*global

	funcs   map[string]*fn
	globals map[string]*global
}

func (p *program) index() {
	p.funcs = make(map[string]*fn, len(p.Funcs))
	for _, f := range slices.Concat(p.Funcs, p.Linked) {
		p.funcs[f.Name] = f
	}
	p.globals = make(map[string]*global, len(p.Globals))
	for _, g := range slices.Concat(p.Globals, p.LinkedGlobals) {
		p.globals[g.Name] = g
	}
}

// A Fact carries a package's program to its importers: the summary of what its
// functions register, relative to what they are given. It is kept encoded until an
// importer calls one of the functions named.
type Fact struct {
	Routing   bool     // the package can register or make what is registered
	Touching  []string // functions that register or build routers
	Demanding []string // functions with checks that matter to their callers
	// Closed names routes that the package itself accounts for, as routeKey writes
	// them: an importer that meets them again need not report them.
	Closed []string
	Links  []string // packages that the program carries functions of
	// Starts names the functions of other packages that this one calls when it is
	// loaded: they may add to a list there.
	Starts  []string
	Program []byte
}

// AFact marks Fact as a fact.
func (*Fact) AFact() {}

func (f *Fact) String() string { return fmt.Sprintf("routes(%d functions)", len(f.Touching)) }

// calls reports the function of every call with a static callee.
func (x *expr) calls(f func(name string)) {
	if x.Op == opCall && (x.Args[0].Op == opFunc || x.Args[0].Op == opMethod) {
		f(x.Args[0].Name)
	}
}

// mention reports the function or package variable that an expression names.
func (x *expr) mention(f func(name string, isGlobal bool)) {
	switch x.Op {
	case opFunc, opMethod:
		f(x.Name, false)
	case opGlobal:
		f(x.Name, true)
	}
}

// walk calls f for every expression of a function, those of its literals too.
func (x *fn) walk(f func(*expr)) {
	walkStmts(x.Body, f)
	for _, c := range x.Checks {
		c.walk(f)
	}
}

func walkStmts(l []*stmt, f func(*expr)) {
	for _, s := range l {
		for _, x := range s.L {
			x.walk(f)
		}
		for _, x := range s.R {
			x.walk(f)
		}
		walkStmts(s.Body, f)
		walkStmts(s.Else, f)
		for _, c := range s.Cases {
			for _, x := range c.Exprs {
				x.walk(f)
			}
			walkStmts(c.Body, f)
		}
	}
}

func (x *expr) walk(f func(*expr)) {
	if x == nil {
		return
	}
	f(x)
	if x.Fn != nil {
		x.Fn.walk(f)
	}
	for _, a := range x.Args {
		a.walk(f)
	}
}

// link adds to the program what it needs of other packages, as find and findGlobal
// have it. It returns the names of those packages, and every function mentioned, as
// rows write them.
func (p *program) link(find func(string) *fn, findGlobal func(string) *global) (packages []string, names map[string]bool) {
	pkgs, seen := map[string]bool{}, map[string]bool{}
	names = map[string]bool{}
	var visit func(name string, isGlobal bool)
	visitGlobal := func(g *global) {
		g.Init.walk(func(e *expr) { e.mention(visit) })
		for _, s := range g.Setters {
			visit(s, false)
		}
	}
	visit = func(name string, isGlobal bool) {
		if !isGlobal {
			names[rowKey(name)] = true
		}
		pkg := pkgOf(rowKey(name))
		if pkg == p.Path || seen[name] {
			return
		}
		seen[name] = true
		if isGlobal {
			if g := findGlobal(name); g != nil {
				p.LinkedGlobals = append(p.LinkedGlobals, g)
				pkgs[pkg] = true
				visitGlobal(g)
			}
		} else if f := find(name); f != nil {
			p.Linked = append(p.Linked, f)
			pkgs[pkg] = true
			f.walk(func(e *expr) { e.mention(visit) })
		}
	}
	for _, f := range p.Funcs {
		f.walk(func(e *expr) { e.mention(visit) })
	}
	for _, g := range p.Globals {
		visitGlobal(g)
	}
	p.index()
	return slices.Sorted(maps.Keys(pkgs)), names
}

// starts returns the functions of other packages that are called when this one is loaded.
func (p *program) starts() []string {
	set := map[string]bool{}
	for _, f := range p.Funcs {
		if !f.Init {
			continue
		}
		f.walk(func(x *expr) {
			x.calls(func(name string) {
				if pkgOf(rowKey(name)) != p.Path {
					set[name] = true
				}
			})
		})
	}
	return slices.Sorted(maps.Keys(set))
}

func (p *program) encode() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(p)
	return b.Bytes(), err
}

func decodeProgram(data []byte) (*program, error) {
	p := new(program)
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(p); err != nil {
		return nil, err
	}
	p.index()
	return p, nil
}
