package analyzers

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/disagree"
	"github.com/permcheck/permcheck/analyzers/ignore"
	"github.com/permcheck/permcheck/analyzers/lateguard"
	"github.com/permcheck/permcheck/analyzers/mismatch"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
	"github.com/permcheck/permcheck/analyzers/undeclared"
	"github.com/permcheck/permcheck/analyzers/unknownperm"
)

// Suite lists every analyzer.
var Suite = []*analysis.Analyzer{
	undeclared.Analyzer,
	unknownperm.Analyzer,
	mismatch.Analyzer,
	disagree.Analyzer,
	lateguard.Analyzer,
	cors.Analyzer,
	recordfilter.Analyzer,
	ignore.Analyzer,
}
