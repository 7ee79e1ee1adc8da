package mismatch

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Analyzer reports routes whose code and catalog demand different permissions.
var Analyzer = &analysis.Analyzer{
	Name:     "mismatch",
	Doc:      "report HTTP routes that demand other permissions than the catalog",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		return nil, guards.Diagnose(pass, guards.RuleMismatch, guards.RuleStricter, guards.RuleNotInCatalog, guards.RuleTakesOver)
	},
}
