package routes

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

const muxPkg = "github.com/gorilla/mux"

// gorillaMux is github.com/gorilla/mux. Every method of a Router or Route adds to a
// route that exists once it has a handler. A router's middleware covers all its
// routes and subrouters, earlier ones too.
var gorillaMux = &Spec{
	Name:       "gorilla/mux",
	Precedence: catalogs.FirstRegistered,
	Types:      []string{muxPkg + ".Router"},
	Builders:   []string{muxPkg + ".Route"},
	Path:       muxPattern,
	Strips:     true,
	Rows:       muxRows(),
}

func muxRows() []Row {
	rows := []Row{{Func: muxPkg + ".NewRouter", Do: Make}}
	for typ, do := range map[string][2]Action{".Router.": {Begin, BeginPrefix}, ".Route.": {Refine, RefinePrefix}} {
		add := func(name string, r Row) {
			r.Func, r.Do = muxPkg+typ+name, do[0]
			rows = append(rows, r)
		}
		add("Methods", Row{MethodArg: First, Rest: true})
		add("Path", Row{Path: First})
		for _, name := range []string{"Headers", "Host", "MatcherFunc", "Name", "Queries", "Schemes", "BuildVarsFunc"} {
			add(name, Row{})
		}
		rows = append(rows, Row{Func: muxPkg + typ + "PathPrefix", Do: do[1], Path: First})
	}
	rows = append(rows, each([]string{muxPkg + ".Router"},
		Row{Func: "NewRoute", Do: Begin},
		Row{Func: "Handle", Do: Begin, Path: First, Handler: Second},
		Row{Func: "HandleFunc", Do: Begin, Path: First, Handler: Second},
		Row{Func: "Use", Do: Use, Middleware: First, Rest: true, Order: All},
		Row{Func: "ServeHTTP", Do: Delegate},
	)...)
	rows = append(rows, each([]string{muxPkg + ".Router"}, ignored("StrictSlash", "SkipClean", "UseEncodedPath", "Get", "GetRoute", "Match", "Walk")...)...)
	return append(rows, each([]string{muxPkg + ".Route"},
		Row{Func: "Handler", Do: Refine, Handler: First},
		Row{Func: "HandlerFunc", Do: Refine, Handler: First},
		Row{Func: "HeadersRegexp", Do: Refine},
		Row{Func: "Subrouter", Do: Nest},
	)...)
}

// muxPattern reads a gorilla/mux pattern, whose expressions match slashes too: a final
// {name:.*} is the rest of the path.
func muxPattern(pattern string) (method, path string, err error) {
	for _, expr := range []string{":.*}", ":.+}"} {
		if base, ok := strings.CutSuffix(pattern, expr); ok && strings.Count(base, "{") == strings.Count(base, "}")+1 {
			pattern = base[:strings.LastIndexByte(base, '{')] + tail
		}
	}
	return bracePattern(pattern)
}

// bracePattern reads patterns of gorilla/mux and their kin: {name}, {name:regexp}.
func bracePattern(pattern string) (method, path string, err error) {
	if !strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, baseMark) && pattern != "" {
		return "", "", fmt.Errorf("pattern %q must begin with /", pattern)
	}
	path, err = braceParams(pattern)
	return AnyMethod, path, err
}
