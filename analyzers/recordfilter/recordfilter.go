package recordfilter

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
)

// Analyzer reports handlers that never reach the filter of the records they return.
var Analyzer = &analysis.Analyzer{
	Name:     "recordfilter",
	Doc:      "report handlers of records shared in part that never reach the configured filter",
	Requires: []*analysis.Analyzer{guards.Analyzer, Reaches},
	Run: func(pass *analysis.Pass) (any, error) {
		problems, _, err := Problems(pass)
		guards.Report(pass, problems)
		return nil, err
	},
}

// Problems returns the missing filters of the package's routes, and those of which it
// is not known whether they are missing. The pass must require [guards.Analyzer] and
// [Reaches].
func Problems(pass *analysis.Pass) (missing, unsure []guards.Problem, err error) {
	known := &pass.ResultOf[Reaches].(*Result).Known
	if known.Packages == nil {
		return nil, nil, nil
	}
	declared, settings, err := pass.ResultOf[guards.Analyzer].(*guards.Result).Declared()
	for _, r := range declared {
		if !r.Open && !r.Reported {
			m, u := Check(settings, r, known)
			missing, unsure = append(missing, m...), append(unsure, u...)
		}
	}
	return missing, unsure, err
}

// Check holds a route against the catalog's rules about records: missing are filters
// that its handler does not reach, unsure those of which that is not known.
func Check(s *guards.Settings, r *guards.Route, known *Known) (missing, unsure []guards.Problem) {
	if s.Catalog == nil {
		return nil, nil
	}
	if _, ok := s.Ignored(r); ok {
		return nil, nil
	}
	for _, row := range s.Rows(r) {
		for _, object := range []string{row.Lists, row.Gets} {
			filter, ok := s.Filter(object)
			if !ok || known.passes(r, guards.FuncKey(filter)) {
				continue
			}
			p := s.At(r, guards.RuleRecordFilter)
			p.Args = []string{object}
			p.Evidence = []string{"catalog: " + row.Pos.String()}
			subject := r.Method + " " + s.Path(r)
			if why := known.unsure(r); why != "" {
				p.Rule = guards.RuleUnresolved
				p.Message = fmt.Sprintf("whether %s reaches %s, which filters records of %s, is not known: %s", subject, guards.Short(filter), object, why)
				p.Fix = "Call the filter where it can be followed, or ignore unresolved here with the reason why the records are filtered."
				unsure = append(unsure, p)
				continue
			}
			p.Message = fmt.Sprintf("%s returns records of %s, but %s never reaches %s", subject, object, guards.Short(r.Handler), guards.Short(filter))
			missing = append(missing, p)
		}
	}
	return missing, unsure
}

// passes reports whether the route's handler, or what its requests pass before,
// reaches a filter.
func (k *Known) passes(r *guards.Route, filter string) bool {
	reaches := func(name string) bool {
		return guards.FuncKey(name) == filter || slices.Contains(k.Funcs[name].Filters, filter)
	}
	var in func([]routes.Guard) bool
	in = func(gs []routes.Guard) bool {
		return slices.ContainsFunc(gs, func(g routes.Guard) bool { return reaches(g.Func) || in(g.Nested) })
	}
	return reaches(r.Handler) || reaches(r.Literal) || in(r.Guards)
}

// unsure says why it is not known what a route's handler reaches; empty: it is known.
func (k *Known) unsure(r *guards.Route) string {
	if r.Handler == "" {
		return "its handler is not known"
	}
	name := guards.FuncKey(r.Handler)
	slash := strings.LastIndexByte(name, '/') + 1
	pkg, _, _ := strings.Cut(name[slash:], ".")
	if !k.Packages[name[:slash]+pkg] {
		return "the package of " + guards.Short(r.Handler) + " was not read"
	}
	if r.Literal != "" {
		return k.Funcs[r.Literal].Unsure
	}
	return k.Funcs[r.Handler].Unsure
}
