// Command noop is the least vet tool there is: it exports one fact for each package and
// reports nothing. It is the floor that vetbench compares permcheck with.
package main

import (
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

type seen struct{ Path string }

func (*seen) AFact() {}

var analyzer = &analysis.Analyzer{
	Name:      "noop",
	Doc:       "exports one fact for each package",
	FactTypes: []analysis.Fact{new(seen)},
	Run: func(pass *analysis.Pass) (any, error) {
		pass.ExportPackageFact(&seen{pass.Pkg.Path()})
		return nil, nil
	},
}

func main() { unitchecker.Main(analyzer) }
