package lateguard

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/guards"
)

// Analyzer reports guards that stand where they have no effect.
var Analyzer = &analysis.Analyzer{
	Name:     "lateguard",
	Doc:      "report guards added after the routes, or placed after the handlers, that they are meant for",
	Requires: []*analysis.Analyzer{guards.Analyzer},
	Run: func(pass *analysis.Pass) (any, error) {
		return nil, guards.Diagnose(pass, guards.RuleTooLate)
	},
}
