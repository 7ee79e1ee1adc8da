package analyzers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/token"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// RecordCategory is the category of the diagnostics that [Records] reports.
const RecordCategory = "permcheck-record"

// A Record is what one package contributes to the whole program.
type Record struct {
	Package    string
	Routes     []*guards.Route
	Unresolved []routes.Unresolved
	Called     []string
}

// Records reports the package's [Record] as one diagnostic, its message being JSON,
// if its flag "emit" is set: so it travels through any driver that prints
// diagnostics, and through the go command's cache.
var Records = &analysis.Analyzer{
	Name:     "records",
	Doc:      "print the package's routes for permcheck vet and permcheck routes (needs -records.emit)",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run:      runRecords,
}

var emit bool

func init() { // the flag must exist before a driver parses its arguments
	Records.Flags.BoolVar(&emit, "emit", false, "print the package's routes as diagnostics")
}

func runRecords(pass *analysis.Pass) (any, error) {
	res := pass.ResultOf[guards.Analyzer].(*guards.Result)
	if !emit || len(res.Routes) == 0 && len(res.Unresolved) == 0 && len(res.Called) == 0 {
		return nil, nil
	}
	rec := Record{Package: pass.Pkg.Path(), Unresolved: res.Unresolved, Called: res.Called}
	for _, r := range res.Routes {
		// Of a guard only its name matters from here on.
		slim := *r
		bare := *r.Route
		slim.Route = &bare
		bare.Guards = nil
		for _, g := range r.Guards {
			bare.Guards = append(bare.Guards, routes.Guard{Func: g.Func, File: g.File, Line: g.Line, Column: g.Column, Args: textArgs(g.Args)})
		}
		rec.Routes = append(rec.Routes, &slim)
	}
	data, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	pos := token.NoPos
	if len(pass.Files) > 0 {
		pos = pass.Files[0].Package
	}
	pass.Report(analysis.Diagnostic{Pos: pos, Category: RecordCategory, Message: string(data)})
	return nil, nil
}

// textArgs keeps the arguments that are constant texts.
func textArgs(args []routes.GuardArg) (out []routes.GuardArg) {
	for _, a := range args {
		if a.Why == "" && slices.ContainsFunc(a.Consts, func(c routes.Const) bool { return c.Kind == "string" }) {
			out = append(out, routes.GuardArg{Index: a.Index, Consts: a.Consts})
		}
	}
	return out
}

// A Program is what all packages together serve.
type Program struct {
	Routes     []*guards.Route
	Unresolved []routes.Unresolved
}

// Merge makes one program of the packages' records. A route that its own package
// could not see wrapped or mounted gives way to what an importer that calls it found
// at the same place; nothing gives way to nothing.
func Merge(records []Record) *Program {
	called := map[string]bool{}
	for _, rec := range records {
		for _, name := range rec.Called {
			called[name] = true
		}
	}
	type place struct {
		file         string
		line, column int
		method       string
	}
	at := func(r *guards.Route) place { return place{r.File, r.Line, r.Column, r.Method} }
	final := map[place]bool{} // where an evaluation that no importer repeats found a route
	for _, rec := range records {
		for _, r := range rec.Routes {
			if !called[r.Entry] {
				final[at(r)] = true
			}
		}
	}
	p := &Program{}
	seen := map[string]*guards.Route{}
	for _, rec := range records {
		for _, r := range rec.Routes {
			if called[r.Entry] && final[at(r)] {
				continue
			}
			requires := "-"
			if r.Requires != nil {
				requires = r.Requires.String()
			}
			key := fmt.Sprintf("%s\x00%s\x00%v\x00%s", r.Method, r.Path, at(r), requires)
			if old := seen[key]; old != nil {
				old.Conditional = old.Conditional && r.Conditional
				old.Dynamic = old.Dynamic && r.Dynamic
				continue
			}
			seen[key] = r
			p.Routes = append(p.Routes, r)
		}
		for _, u := range rec.Unresolved {
			if !slices.Contains(p.Unresolved, u) {
				p.Unresolved = append(p.Unresolved, u)
			}
		}
	}
	slices.SortStableFunc(p.Routes, func(a, b *guards.Route) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	slices.SortStableFunc(p.Unresolved, func(a, b routes.Unresolved) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Reason, b.Reason))
	})
	return p
}
