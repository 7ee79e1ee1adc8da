package golangci

import (
	"github.com/golangci/plugin-module-register/register"
	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/analyzers/guards"
)

func init() { // how golangci-lint finds its plugins
	register.Plugin("permcheck", New)
}

// New returns the plugin. It takes no settings.
func New(settings any) (register.LinterPlugin, error) {
	_, err := register.DecodeSettings[struct{}](settings)
	return plugin{}, err
}

type plugin struct{}

// GetLoadMode says that the analyzers need types.
func (plugin) GetLoadMode() string { return register.LoadModeTypesInfo }

// BuildAnalyzers returns the suite, and one analyzer more that reports nothing: its name
// carries a hash of the catalogs and the configuration. golangci-lint keeps findings by
// package and by the names of a linter's analyzers; it knows nothing of files that a
// linter reads, so without the name it would repeat what an older catalog led to.
func (plugin) BuildAnalyzers() ([]*analysis.Analyzer, error) {
	stamp := &analysis.Analyzer{
		Name: "catalog_" + guards.Hash(".")[:16],
		Doc:  "reports nothing; its name stands for the catalogs that the findings depend on",
		Run:  func(*analysis.Pass) (any, error) { return nil, nil },
	}
	return append([]*analysis.Analyzer{stamp}, analyzers.Suite...), nil
}
