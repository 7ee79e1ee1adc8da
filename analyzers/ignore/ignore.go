package ignore

import (
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
)

// Analyzer reports comments that are meant to ignore a finding and do not.
var Analyzer = &analysis.Analyzer{
	Name:     "ignore",
	Doc:      "report //permcheck:ignore comments without a reason, or with nothing to ignore",
	Requires: []*analysis.Analyzer{guards.Analyzer, cors.Openings, recordfilter.Reaches},
	Run:      run,
}

func run(pass *analysis.Pass) (any, error) {
	res := pass.ResultOf[guards.Analyzer].(*guards.Result)
	if len(res.OwnIgnores) == 0 {
		return nil, nil
	}
	settings, err := res.Settings()
	if err != nil {
		return nil, err
	}
	problems, err := guards.Problems(pass)
	if err != nil {
		return nil, err
	}
	opened, err := cors.Problems(pass)
	if err != nil {
		return nil, err
	}
	missing, elsewhere, err := recordfilter.Problems(pass)
	if err != nil {
		return nil, err
	}
	problems = append(append(problems, opened...), missing...)
	// What one package does not report, the program may.
	declared, _, err := res.Declared()
	if err != nil {
		return nil, err
	}
	type line struct {
		file string
		line int
	}
	settled := map[line]bool{} // nothing that imports the package adds to what is said there
	for _, r := range declared {
		settled[line{r.File, r.Line}] = !r.Open && !r.Reported
		elsewhere = append(elsewhere, settings.Unresolved(r)...)
		if r.Open || r.Reported {
			for _, rule := range guards.InCode {
				elsewhere = append(elsewhere, settings.At(r, rule))
			}
		}
	}
	for _, u := range res.Found.Unresolved {
		elsewhere = append(elsewhere, guards.UnreadRegistration(u))
	}
	_, _, used := guards.Unignored(problems, res.OwnIgnores)
	_, _, maybe := guards.Unignored(elsewhere, res.OwnIgnores)
	guards.Report(pass, guards.CheckIgnores(res.OwnIgnores, used, func(ig guards.Ignore) bool {
		// An importer may register what this package only describes, or reach its checks.
		imported := pass.Pkg.Name() != "main" && ig.Rule != guards.RuleCORS && !settled[line{ig.File, ig.Covers}]
		return maybe[ig] || imported || settings.Catalog == nil
	}))
	return nil, nil
}
