package undeclared

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Analyzer reports routes that declare no permission.
var Analyzer = &analysis.Analyzer{
	Name:     "undeclared",
	Doc:      "report HTTP routes that declare no permission",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		return nil, guards.Diagnose(pass, guards.RuleUndeclared)
	},
}
