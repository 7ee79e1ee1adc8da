package routes

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// A Spec describes one router library as data. The evaluator knows what the actions
// mean; a spec says which functions and methods perform them and what their
// arguments are. Adding a router is adding a Spec.
type Spec struct {
	Name  string   // as records name it: "chi"
	Types []string // "import/path.Type" of routers and views of them, pointers and interfaces alike
	// Builders lists the types of routes under construction: see [Begin].
	Builders []string
	// Handlers lists types, besides functions over http.ResponseWriter, whose values
	// serve requests. Each is "import/path.Type".
	Handlers []string
	// Contexts lists types such that a function with a parameter of one of them
	// serves requests: "github.com/gin-gonic/gin.Context".
	Contexts []string
	Rows     []Row
	// Default is the package variable, "import/path.Var", that holds the router of
	// functions that are not given one; it is of the
	// first of Types.
	Default string
	// Path turns a pattern of the library into host, method and template. The method
	// is empty where patterns carry none.
	Path func(pattern string) (method, path string, err error)
	// Variants are the other patterns that a pattern stands for, as where it ends in a
	// parameter that is optional. Nil: none.
	Variants func(pattern string) []string
	// Join appends a pattern to the prefix of a group, which may be empty. Nil: one
	// slash between them.
	Join func(prefix, pattern string) string
	// Strips says that a mounted router of the same library sees paths without the
	// mount's prefix.
	Strips bool
	// Below is what a prefix that middleware is kept by lacks to be a pattern of the
	// paths that it covers: "/*", or "*" if it covers /apix where it is /api.
	Below string
	// Precedence is the order in which the library chooses among routes that match a path.
	Precedence catalogs.Precedence
	// Pure evaluates functions of the library that make patterns, by their key.
	Pure map[string]func(args []any) (string, bool)
}

// Order says which routes of a router a middleware covers.
type Order uint8

// The orders.
const (
	Later  Order = iota // routes registered afterwards by the same view of the router, or by a group made of it afterwards
	Linked              // as Later, but groups made before are covered too; given by the row of the group
	All                 // every route of the router, earlier ones too
	Front               // as All, and it runs before all others
	Below               // routes registered afterwards by any view, if their path lies below the prefix
)

// A Row says what one function or method does.
type Row struct {
	// Func is "import/path.Func", or "import/path.Type.Method" for a method.
	Func string
	Do   Action

	Router     Arg    // argument that is the router; None: the receiver, or the default router
	Method     string // HTTP methods separated by commas, or AnyMethod; empty: see MethodArg, or in the pattern
	MethodArg  Arg    // argument that holds the method or a list of methods
	Path       Arg    // argument that holds the pattern or prefix; None: the router's own prefix
	Suffix     string // what the library appends to the pattern
	Handler    Arg    // argument that holds the handler, sub-router or closure
	Middleware Arg    // first argument that holds middleware; see Rest
	Rest       bool   // Middleware, MethodArg or Routes and all that follow it, up to Handler if that is Last
	Order      Order  // of a Use, or of a Group's Middleware
	// ByKind says that the arguments of a Use are told apart by what they are: texts
	// are prefixes, routers are mounted, the rest is middleware.
	ByKind bool
	// Routes is the argument that holds a struct, or a list of structs, that describe
	// routes; Fields names the fields in which they do.
	Routes Arg
	Fields Fields
	// Claim is the argument that describes the route and may name permissions.
	Claim Arg
	// Mapping is the argument that tells which method of the struct Handler serves
	// which HTTP methods: "get,post:Name;delete:Other", * for any.
	Mapping Arg
	// Options is the first of the arguments that are options: what rows with Link
	// return. They act on the router that the row makes, or on a view of it.
	Options Arg
	Link    bool // returns an option, a function that does this row's action to the router it is applied to
}

// Fields names the fields of a struct that describes a route; empty: there is none.
type Fields struct{ Method, Path, Handler, Middleware, Claim string }

// An Arg names an argument of a call.
type Arg int8

// Arguments count from 1, so that a row's zero value names none.
const (
	None   Arg = 0
	First  Arg = 1
	Second Arg = 2
	Third  Arg = 3
	Fourth Arg = 4
	Last   Arg = -1
	Self   Arg = -2 // the call itself: of an option that demands something
)

// AnyMethod is the method of routes that serve every method.
const AnyMethod = "*"

// An Action is what a row does.
type Action uint8

// The actions.
const (
	Ignore   Action = iota // nothing: not a route; a receiver of router type is returned as it is
	Make                   // returns a new router, with the prefix Path; with Handler, one that has that route
	Register               // a route
	Mount                  // Handler serves everything below Path
	Group                  // returns, and passes to the closure Handler, a view of the router with Path and Middleware
	Sub                    // as Group, but with a router of its own, mounted at Path
	Rebase                 // appends Path to the router's own prefix
	Adapt                  // returns a view of Router, under the type and syntax of this library
	Use                    // adds Middleware to the router
	Unuse                  // takes middleware away again: which, is not read
	Strip                  // returns Handler without the prefix Path
	Serve                  // Handler is served as a whole
	Chain                  // returns its arguments as a list of middleware
	Apply                  // wraps Handler by the list of middleware that is the receiver
	Wrap                   // returns Routes, the handler of each wrapped by Middleware
	Delegate               // the receiver answers a request that a handler was given
	Reflect                // makes routes of the methods or comments of the values it is given: they are not read

	// A route may be built in steps. It exists when it has a Handler.
	Begin        // starts a route on the router with what the row says of it, and returns it
	BeginPrefix  // as Begin; Path and all below it
	Draft        // as Begin, but the route counts only once it is given to an Attach
	Refine       // adds what the row says to the route that is the receiver, and returns it
	RefinePrefix // as Refine; Path and all below it
	Nest         // returns a new router for what the route that is the receiver matches
	Attach       // registers the route that is Handler
)

// specs lists the routers that are known, one file each.
var specs = []*Spec{
	netHTTP, chi, gin, echo4, echo5, gorillaMux, fiber2, fiber3,
	httpRouter, goRestful, huma, goZero, beego, connect, grpcGateway,
}

// IsContext reports whether a type, "import/path.Type", is one that a router gives to
// its handlers.
func IsContext(name string) bool { return known.contexts[name] }

// Specs returns the routers that are known. They must not be changed.
func Specs() []*Spec { return slices.Clone(specs) }

// A table is the index of the specs.
type table struct {
	rows     map[string]rowRef
	types    map[string]*Spec
	builders map[string]bool
	handlers map[string]bool
	contexts map[string]bool
	defaults map[string]*Spec
	pure     map[string]func([]any) (string, bool)
	pkgs     map[string]bool // packages that declare any of them
	tables   map[string]*tableSpec
	// described are the types of structs that tell what a route demands which a router
	// registers.
	described map[string]*catalogs.TableConfig
	guards    map[string]bool // functions that the configuration names as guards
	own       *ownConfig      // what the configuration adds; nil: nothing
}

type rowRef struct {
	spec *Spec
	row  *Row
}

var known = newTable(specs)

func newTable(specs []*Spec) *table {
	t := &table{
		rows: map[string]rowRef{}, types: map[string]*Spec{}, builders: map[string]bool{},
		handlers: map[string]bool{}, contexts: map[string]bool{"net/http.ResponseWriter": true, "net/http.Request": true},
		defaults: map[string]*Spec{}, pure: map[string]func([]any) (string, bool){}, pkgs: map[string]bool{},
		tables: map[string]*tableSpec{},
	}
	for _, s := range specs {
		for _, name := range s.Types {
			t.types[name] = s
			t.pkgs[pkgOf(name)] = true
		}
		for _, name := range s.Builders {
			t.builders[name] = true
			t.pkgs[pkgOf(name)] = true
		}
		for _, name := range s.Handlers {
			t.handlers[name] = true
		}
		for _, name := range s.Contexts {
			t.contexts[name] = true
		}
		for name, f := range s.Pure {
			t.pure[name] = f
		}
		if s.Default != "" {
			t.defaults[s.Default] = s
		}
		for i := range s.Rows {
			r := &s.Rows[i]
			t.rows[r.Func] = rowRef{s, r}
			t.pkgs[pkgOf(r.Func)] = true
		}
	}
	return t
}

// pkgOf returns the import path of "import/path.Name" or "import/path.Type.Method".
func pkgOf(name string) string {
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return name
	}
	end := slash + dot
	// A path may end in a major version, as gopkg.in's do.
	if v := name[end+1:]; strings.HasPrefix(v, "v") {
		if digits := strings.TrimLeft(v[1:], "0123456789"); len(digits) < len(v)-1 && strings.HasPrefix(digits, ".") {
			end += len(v) - len(digits) + 1
		}
	}
	return name[:end]
}

// method finds the row for a method called on a router of the given type, when the
// call itself went through another interface.
func (t *table) method(routerType, method string) (rowRef, bool) {
	if r, ok := t.rows[routerType+"."+method]; ok {
		return r, true
	}
	if s := t.types[routerType]; s != nil { // promoted from an embedded router of the library
		for _, other := range s.Types {
			if r, ok := t.rows[other+"."+method]; ok {
				return r, true
			}
		}
	}
	return rowRef{}, false
}

// each returns the rows given, once for each of the types: their Func is the name of
// a method.
func each(types []string, rows ...Row) []Row {
	out := make([]Row, 0, len(types)*len(rows))
	for _, t := range types {
		for _, r := range rows {
			r.Func = t + "." + r.Func
			out = append(out, r)
		}
	}
	return out
}

// verbs returns a row for each of the methods: the method's name is cased as spell
// says, and is the row's Method.
func verbs(row Row, spell func(string) string, methods ...string) []Row {
	out := make([]Row, 0, len(methods))
	for _, m := range methods {
		r := row
		r.Func, r.Method = spell(m), m
		out = append(out, r)
	}
	return out
}

// upper and title spell the names of methods GET and Get.
func upper(method string) string { return method }

func title(method string) string { return method[:1] + strings.ToLower(method[1:]) }

// ignored returns rows that do nothing.
func ignored(names ...string) []Row {
	out := make([]Row, len(names))
	for i, n := range names {
		out[i] = Row{Func: n}
	}
	return out
}

// join appends a pattern to a prefix.
func (s *Spec) join(prefix, pattern konst) konst {
	if s.Join == nil {
		return join2(prefix, pattern)
	}
	out := text(s.Join(prefix.text, pattern.text))
	out.dyn, out.in, out.of = prefix.dyn || pattern.dyn, pattern.in, pattern.of
	return out
}
