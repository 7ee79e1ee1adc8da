package cors

import (
	"fmt"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
)

// Analyzer reports code that opens an API to browsers against the catalog.
var Analyzer = &analysis.Analyzer{
	Name:     "cors",
	Doc:      "report code that lets web pages call an API which the catalog keeps from browsers",
	Requires: []*analysis.Analyzer{guards.Analyzer, Openings},
	Run: func(pass *analysis.Pass) (any, error) {
		problems, err := Problems(pass)
		guards.Report(pass, problems)
		return nil, err
	},
}

// Problems returns what the package's openings amount to. The pass must require
// [guards.Analyzer] and [Openings].
func Problems(pass *analysis.Pass) ([]guards.Problem, error) {
	found := pass.ResultOf[Openings].([]Opening)
	if len(found) == 0 {
		return nil, nil
	}
	settings, err := pass.ResultOf[guards.Analyzer].(*guards.Result).Settings()
	if err != nil {
		return nil, err
	}
	return Check(settings, found), nil
}

// Check holds openings against the catalog.
func Check(s *guards.Settings, found []Opening) []guards.Problem {
	if s.Catalog == nil || s.Catalog.Browsers != catalogs.BrowsersBlocked {
		return nil
	}
	var out []guards.Problem
	for _, o := range found {
		out = append(out, guards.Problem{
			Rule: guards.RuleCORS, Subject: "browser:" + o.What, Args: []string{o.File},
			Message: fmt.Sprintf("%s lets web pages call the API, which catalog %s keeps from browsers", o.What, s.Catalog.Name),
			File:    o.File, Line: o.Line, Column: o.Column,
		})
	}
	return out
}
