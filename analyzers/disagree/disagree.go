package disagree

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Analyzer reports routes of which two declarations differ.
var Analyzer = &analysis.Analyzer{
	Name:     "disagree",
	Doc:      "report HTTP routes whose comment or metadata says other permissions than their code demands",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		return nil, guards.Diagnose(pass, guards.RuleDisagree)
	},
}
