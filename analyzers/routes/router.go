package routes

import (
	"strings"
)

// A Spec describes one router library as data. The evaluator knows what the actions
// mean; a spec says which functions and methods perform them and what their
// arguments are. Adding a router is adding a Spec.
type Spec struct {
	Name  string   // as records name it: "chi"
	Types []string // "import/path.Type" of routers, pointers and interfaces alike
	// Handlers lists types, besides functions over http.ResponseWriter, whose values
	// serve requests. Each is "import/path.Type".
	Handlers []string
	Rows     []Row
	// Path turns a pattern of the library into host, method and template. The method
	// is empty where patterns carry none.
	Path func(pattern string) (method, path string, err error)
	// UseOrder says which routes a middleware added to a router covers.
	UseOrder Order
	// Strips says that a mounted router of the same library sees paths without the
	// mount's prefix.
	Strips bool
}

// Order says which routes of a router a middleware covers.
type Order uint8

// The orders.
const (
	Later Order = iota // routes registered afterwards
	All                // every route of the router, earlier ones too
)

// A Row says what one function or method does.
type Row struct {
	// Func is "import/path.Func", or "import/path.Type.Method" for a method.
	Func string
	Do   Action

	Method     string // the HTTP method, or AnyMethod; empty: see MethodArg, or in the pattern
	MethodArg  Arg    // argument that holds the method or a list of methods
	Path       Arg    // argument that holds the pattern or prefix
	Handler    Arg    // argument that holds the handler, sub-router or closure
	Middleware Arg    // first argument that holds middleware; see Rest
	Rest       bool   // Middleware and all that follow it, up to Handler if that is Last
}

// An Arg names an argument of a call.
type Arg int8

// Arguments count from 1, so that a row's zero value names none.
const (
	None   Arg = 0
	First  Arg = 1
	Second Arg = 2
	Third  Arg = 3
	Last   Arg = -1
)

// AnyMethod is the method of routes that serve every method.
const AnyMethod = "*"

// An Action is what a row does.
type Action uint8

// The actions.
const (
	Ignore   Action = iota // nothing: not a route
	Make                   // returns a new router
	Register               // a route
	Mount                  // Handler serves everything below Path
	Group                  // returns, and passes to the closure Handler, a view of the router with Path and Middleware
	Sub                    // as Group, but with a router of its own, mounted at Path
	Use                    // adds Middleware to the router
	Strip                  // returns Handler without the prefix Path
	Serve                  // Handler is served as a whole
	Chain                  // returns its arguments as a list of middleware
	Apply                  // wraps Handler by the list of middleware that is the receiver
	Delegate               // the receiver answers a request that a handler was given
)

// specs lists the routers that are known, one file each.
var specs = []*Spec{netHTTP, chi}

// A table is the index of the specs.
type table struct {
	rows     map[string]rowRef
	types    map[string]*Spec
	handlers map[string]bool
	pkgs     map[string]bool // packages that declare any of them
}

type rowRef struct {
	spec *Spec
	row  *Row
}

var known = newTable(specs)

func newTable(specs []*Spec) *table {
	t := &table{map[string]rowRef{}, map[string]*Spec{}, map[string]bool{}, map[string]bool{}}
	for _, s := range specs {
		for _, name := range s.Types {
			t.types[name] = s
			t.pkgs[pkgOf(name)] = true
		}
		for _, name := range s.Handlers {
			t.handlers[name] = true
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
	if dot := strings.IndexByte(name[slash:], '.'); dot >= 0 {
		return name[:slash+dot]
	}
	return name
}

// method finds the row for a method called on a router of the given type, when the
// call itself went through another interface.
func (t *table) method(routerType, method string) (rowRef, bool) {
	r, ok := t.rows[routerType+"."+method]
	return r, ok
}
