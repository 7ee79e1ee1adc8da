package routes

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

const beegoPkg = "github.com/beego/beego/v2/server/web"

// beego is github.com/beego/beego/v2. A controller's methods serve as the mapping
// says, or all methods if there is none. Filters are kept by path and cover earlier
// routes too; they are not read as middleware.
var beego = &Spec{
	Name:       "beego",
	Precedence: catalogs.StaticFirst,
	Types:      []string{beegoPkg + ".HttpServer", beegoPkg + ".Namespace"},
	Contexts:   []string{"github.com/beego/beego/v2/server/web/context.Context"},
	Default:    beegoPkg + ".BeeApp",
	Path:       beegoPattern,
	Variants:   beegoOptional,
	Join:       fiberJoin,
	Strips:     true,
	Rows:       beegoRows(),
}

func beegoRows() []Row {
	controller := Row{Do: Register, Path: First, Handler: Second, Mapping: Third}
	handler := Row{Do: Register, Method: AnyMethod, Path: First, Handler: Second}
	verb := Row{Do: Register, Path: First, Handler: Second}
	methods := []string{"GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH"}
	set := func(spell func(string) string) []Row {
		out := verbs(verb, func(m string) string { return spell(title(m)) }, methods...)
		out = append(out, verbs(verb, func(m string) string { return spell("Ctrl" + title(m)) }, methods...)...)
		for name, r := range map[string]Row{"Router": controller, "Handler": handler, "Any": handler, "CtrlAny": handler} {
			r.Func = spell(name)
			out = append(out, r)
		}
		return out
	}
	plain := func(name string) string { return name }
	rows := each([]string{beegoPkg + ".HttpServer", beegoPkg + ".Namespace"}, set(plain)...)
	rows = append(rows, set(func(name string) string { return beegoPkg + "." + name })...)
	for _, r := range set(func(name string) string { return beegoPkg + ".NS" + name }) {
		r.Link = true
		rows = append(rows, r)
	}
	// Routes of a controller's method names and comments, and of options.
	byReflection := ignored("AutoRouter", "AutoPrefix", "Include", "RESTRouter", "RouterWithOpts")
	for i := range byReflection {
		byReflection[i].Do = Reflect
	}
	rows = append(rows, each([]string{beegoPkg + ".HttpServer", beegoPkg}, byReflection...)...)
	rows = append(rows, each([]string{beegoPkg + ".Namespace"}, byReflection[:3]...)...)
	for _, r := range byReflection[:3] {
		rows = append(rows, Row{Func: beegoPkg + ".NS" + r.Func, Do: Reflect, Link: true})
	}
	return append(rows,
		Row{Func: beegoPkg + ".NewHttpSever", Do: Make},
		Row{Func: beegoPkg + ".NewHttpServerWithCfg", Do: Make},
		Row{Func: beegoPkg + ".NewNamespace", Do: Make, Path: First, Options: Second},
		Row{Func: beegoPkg + ".NSNamespace", Do: Sub, Path: First, Options: Second, Link: true},
		Row{Func: beegoPkg + ".NSBefore", Do: Use, Middleware: First, Rest: true, Order: All, Link: true},
		Row{Func: beegoPkg + ".Namespace.Filter", Do: Use, Middleware: Second, Rest: true, Order: All},
		Row{Func: beegoPkg + ".Namespace.Namespace", Do: Mount, Handler: First, Rest: true},
		Row{Func: beegoPkg + ".AddNamespace", Do: Mount, Handler: First, Rest: true},
	)
}

// beegoOptional lists what a pattern is without its optional segments.
func beegoOptional(pattern string) []string {
	before, name, ok := strings.Cut(pattern, "/?:")
	if !ok {
		return nil
	}
	rest := ""
	if i := strings.IndexByte(name, '/'); i >= 0 {
		name, rest = name[:i], name[i:]
	}
	out := []string{before + rest}
	if before+rest == "" {
		out[0] = "/"
	}
	for _, r := range beegoOptional(rest) {
		out = append(out, before+"/:"+name+r, before+r)
	}
	return out
}

// beegoPattern reads :name, ?:name, :name:type, :name(regexp), * and *.*.
func beegoPattern(pattern string) (method, path string, err error) {
	if pattern == "" {
		return AnyMethod, "/", nil
	}
	segments := strings.Split(slashed(pattern), "/")
	for i, s := range segments {
		switch s = strings.TrimPrefix(s, "?"); {
		case s == "*" || s == "*.*":
			if i != len(segments)-1 {
				return "", "", fmt.Errorf("pattern %q has * before its end", pattern)
			}
			segments[i] = tail
		case strings.HasPrefix(s, ":"):
			name := s[1:]
			if j := strings.IndexAny(name, ":("); j >= 0 {
				name = name[:j]
			}
			segments[i] = "{" + name + "}"
		}
	}
	return AnyMethod, strings.Join(segments, "/"), nil
}
