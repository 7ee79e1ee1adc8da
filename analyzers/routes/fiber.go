package routes

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

const (
	fiber2Pkg = "github.com/gofiber/fiber/v2"
	fiber3Pkg = "github.com/gofiber/fiber/v3"
)

// fiber2 is github.com/gofiber/fiber/v2. The last handler answers, those before it
// are middleware. Middleware is kept by path: it covers the routes below its prefix
// that are registered afterwards, by whatever group. The HEAD routes that Get adds
// are not listed.
var fiber2 = &Spec{
	Name:       "fiber",
	Precedence: catalogs.FirstRegistered,
	Types:      []string{fiber2Pkg + ".App", fiber2Pkg + ".Group", fiber2Pkg + ".Router"},
	Contexts:   []string{fiber2Pkg + ".Ctx"},
	Path:       fiberPattern,
	Variants:   fiberOptional,
	Join:       fiberJoin,
	Below:      "*",
	Strips:     true,
	Rows: append(fiberRows(fiber2Pkg), each([]string{fiber2Pkg + ".App", fiber2Pkg + ".Group", fiber2Pkg + ".Router"},
		Row{Func: "Static", Do: Register, Method: "GET,HEAD", Path: First, Suffix: "/*"},
		Row{Func: "Mount", Do: Mount, Path: First, Handler: Second},
	)...),
}

// fiber3 is github.com/gofiber/fiber/v3.
var fiber3 = &Spec{
	Name:       "fiber",
	Precedence: catalogs.FirstRegistered,
	Types:      []string{fiber3Pkg + ".App", fiber3Pkg + ".Group", fiber3Pkg + ".Router", fiber3Pkg + ".Register", fiber3Pkg + ".Registering"},
	Contexts:   []string{fiber3Pkg + ".Ctx"},
	Path:       fiberPattern,
	Variants:   fiberOptional,
	Join:       fiberJoin,
	Below:      "/*",
	Strips:     true,
	Rows:       append(fiberRows(fiber3Pkg), fiber3Rows()...),
}

var fiberMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

func fiberRows(pkg string) []Row {
	route := Row{Do: Register, Path: First, Handler: Last, Middleware: Second, Rest: true}
	all, add := route, route
	all.Func, all.Method = "All", AnyMethod
	add.Func, add.MethodArg, add.Path, add.Middleware = "Add", First, Second, Third
	rows := each([]string{pkg + ".App", pkg + ".Group", pkg + ".Router"}, append(
		verbs(route, title, fiberMethods...),
		all, add,
		Row{Func: "Use", Do: Use, Middleware: First, Rest: true, ByKind: true, Order: Below},
		Row{Func: "Group", Do: Group, Path: First, Middleware: Second, Rest: true, Order: Below},
		Row{Func: "Route", Do: Group, Path: First, Handler: Second},
		Row{Func: "Name"},
	)...)
	return append(rows, Row{Func: pkg + ".New", Do: Make}, Row{Func: pkg + ".App.SetTLSHandler"})
}

func fiber3Rows() []Row {
	chain := Row{Do: Register, Handler: Last, Middleware: First, Rest: true}
	add := chain
	add.Func, add.MethodArg, add.Middleware = "Add", First, Second
	rows := each([]string{fiber3Pkg + ".Register", fiber3Pkg + ".Registering"}, append(
		verbs(chain, title, fiberMethods...),
		add,
		Row{Func: "All", Do: Use, Middleware: First, Rest: true, Order: Below},
		Row{Func: "RouteChain", Do: Group, Path: First},
	)...)
	rows = append(rows, each([]string{fiber3Pkg + ".App", fiber3Pkg + ".Group", fiber3Pkg + ".Router"},
		Row{Func: "RouteChain", Do: Group, Path: First},
	)...)
	return append(rows, Row{Func: fiber3Pkg + ".NewWithCustomCtx", Do: Make})
}

func fiberJoin(prefix, pattern string) string {
	if pattern == "" {
		return prefix
	}
	return strings.TrimRight(prefix, "/") + slashed(pattern)
}

// fiberOptional lists what a pattern is without the optional parameters at its end.
func fiberOptional(pattern string) []string {
	var out []string
	for {
		i := strings.LastIndexByte(pattern, ':')
		if i < 1 || !strings.HasSuffix(pattern, "?") || strings.ContainsAny(pattern[i+1:len(pattern)-1], "/-.?*+\\") {
			return out
		}
		pattern = pattern[:i]
		if p := strings.TrimSuffix(pattern, "/"); p != "" {
			pattern = p
		}
		out = append(out, pattern)
	}
}

// fiberPattern reads a fiber pattern: :name, :name?, :name<constraints>, *, + and
// \-escapes. A parameter ends at a slash, a dash, a dot or another parameter. One
// that is optional is taken to be there: see fiberOptional.
func fiberPattern(pattern string) (method, path string, err error) {
	var b strings.Builder
	pattern = slashed(pattern)
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '\\':
			if i++; i < len(pattern) {
				b.WriteByte(pattern[i])
			}
		case '*', '+':
			rest := strings.TrimLeft(pattern[i+1:], "0123456789")
			if rest == "" {
				b.WriteString(tail)
			} else {
				b.WriteString("{path}")
			}
			i = len(pattern) - len(rest) - 1
		case ':':
			j := i + 1
			for j < len(pattern) && !strings.ContainsRune("/-.:?<*+", rune(pattern[j])) {
				j++
			}
			name := pattern[i+1 : j]
			if name == "" {
				return "", "", fmt.Errorf("pattern %q has a parameter without a name", pattern)
			}
			if j < len(pattern) && pattern[j] == '<' {
				end := strings.IndexByte(pattern[j:], '>')
				if end < 0 {
					return "", "", fmt.Errorf("pattern %q has a constraint without its end", pattern)
				}
				j += end + 1
			}
			if j < len(pattern) && pattern[j] == '?' {
				j++
			}
			b.WriteString("{" + name + "}")
			i = j - 1
		default:
			b.WriteByte(c)
		}
	}
	return AnyMethod, b.String(), nil
}
