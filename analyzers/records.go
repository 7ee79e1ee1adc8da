package analyzers

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/token"
	"maps"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// RecordCategory is the category of the diagnostics that [Records] reports.
const RecordCategory = "permcheck-record"

// A Record is what one package contributes to the whole program. It does not depend
// on any catalog.
type Record struct {
	Package    string
	Routes     []RecordedRoute
	Guards     []routes.Guard // those of all routes, each once
	Modes      map[string]map[int]guards.Mode
	Unresolved []routes.Unresolved
	Called     []string
	Ignores    []guards.Ignore
	Openings   []cors.Opening
	Looked     bool // for what its functions reach
	Reaches    []recordfilter.Reach
}

// A RecordedRoute is a route whose guards are indexes into its record's.
type RecordedRoute struct {
	routes.Route
	Passes []int
}

// Records reports the package's [Record] as one diagnostic, its message being JSON,
// if its flag "emit" is set: so it travels through any driver that prints
// diagnostics, and through the go command's cache.
var Records = &analysis.Analyzer{
	Name:     "records",
	Doc:      "print the package's routes for permcheck vet and permcheck routes (needs -records.emit)",
	Requires: []*analysis.Analyzer{guards.Analyzer, cors.Openings, recordfilter.Reaches},
	Run:      runRecords,
}

var emit bool

func init() { // the flag must exist before a driver parses its arguments
	Records.Flags.BoolVar(&emit, "emit", false, "print the package's routes as diagnostics")
}

func runRecords(pass *analysis.Pass) (any, error) {
	res := pass.ResultOf[guards.Analyzer].(*guards.Result)
	found := res.Found
	if emit && found.Err != nil {
		return nil, found.Err
	}
	openings := pass.ResultOf[cors.Openings].([]cors.Opening)
	reach := pass.ResultOf[recordfilter.Reaches].(*recordfilter.Result)
	if !emit || !reach.Looked && len(openings) == 0 && len(found.Routes) == 0 && len(found.Unresolved) == 0 && len(found.Called) == 0 && len(res.OwnIgnores) == 0 {
		return nil, nil
	}
	rec := Record{
		Package: pass.Pkg.Path(), Unresolved: found.Unresolved, Called: found.Called, Modes: map[string]map[int]guards.Mode{},
		Ignores: res.OwnIgnores, Openings: openings, Looked: reach.Looked, Reaches: reach.Own,
	}
	index := map[string]int{}
	for _, r := range found.Routes {
		out := RecordedRoute{Route: *r}
		out.Guards = nil
		for _, g := range r.Guards {
			text, err := json.Marshal(g)
			if err != nil {
				return nil, err
			}
			i, ok := index[string(text)]
			if !ok {
				i = len(rec.Guards)
				index[string(text)] = i
				rec.Guards = append(rec.Guards, g)
				addModes(rec.Modes, g, res.Modes)
			}
			out.Passes = append(out.Passes, i)
		}
		rec.Routes = append(rec.Routes, out)
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

// addModes copies what is known of a guard and those inside it.
func addModes(to map[string]map[int]guards.Mode, g routes.Guard, from map[string]map[int]guards.Mode) {
	if m := from[guards.FuncKey(g.Func)]; m != nil {
		to[guards.FuncKey(g.Func)] = m
	}
	for _, n := range g.Nested {
		addModes(to, n, from)
	}
}

// A Program is what all packages together serve.
type Program struct {
	Routes     []*routes.Route
	Modes      map[string]map[int]guards.Mode
	Unresolved []routes.Unresolved
	Ignores    []guards.Ignore
	Openings   []cors.Opening
	Reaches    recordfilter.Known
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
	at := func(r *routes.Route) place { return place{r.File, r.Line, r.Column, r.Method} }
	final := map[place]bool{} // where an evaluation that no importer repeats found a route
	for _, rec := range records {
		for i := range rec.Routes {
			if r := &rec.Routes[i].Route; !called[r.Entry] {
				final[at(r)] = true
			}
		}
	}
	p := &Program{Modes: map[string]map[int]guards.Mode{}}
	seen := map[string]*routes.Route{}
	for _, rec := range records {
		maps.Copy(p.Modes, rec.Modes)
		for i := range rec.Routes {
			r := &rec.Routes[i].Route
			if called[r.Entry] && final[at(r)] {
				continue
			}
			key := fmt.Sprintf("%s\x00%v", r.Path, at(r))
			for _, g := range rec.Routes[i].Passes {
				r.Guards = append(r.Guards, rec.Guards[g])
				key += fmt.Sprintf("\x00%v", rec.Guards[g])
			}
			if old := seen[key]; old != nil {
				old.Conditional = old.Conditional && r.Conditional
				old.Dynamic = old.Dynamic && r.Dynamic
				continue
			}
			seen[key] = r
			p.Routes = append(p.Routes, r)
		}
		for _, ig := range rec.Ignores {
			if !slices.Contains(p.Ignores, ig) {
				p.Ignores = append(p.Ignores, ig)
			}
		}
		if rec.Looked {
			p.Reaches.Add(rec.Package, rec.Reaches)
		}
		for _, o := range rec.Openings {
			if !slices.Contains(p.Openings, o) {
				p.Openings = append(p.Openings, o)
			}
		}
		for _, u := range rec.Unresolved {
			if !slices.Contains(p.Unresolved, u) {
				p.Unresolved = append(p.Unresolved, u)
			}
		}
	}
	slices.SortStableFunc(p.Routes, func(a, b *routes.Route) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	slices.SortStableFunc(p.Unresolved, func(a, b routes.Unresolved) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Reason, b.Reason))
	})
	return p
}
