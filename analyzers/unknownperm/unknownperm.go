package unknownperm

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Analyzer reports permissions in code that the catalog does not have.
var Analyzer = &analysis.Analyzer{
	Name:     "unknownperm",
	Doc:      "report permissions demanded by code that the catalog does not have",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		return nil, guards.Diagnose(pass, guards.RuleUnknown)
	},
}
