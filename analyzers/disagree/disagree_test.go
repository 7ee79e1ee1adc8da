package disagree_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/disagree"
	"github.com/permcheck/permcheck/analyzers/guards"
)

func Test(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "permcheck.yaml"))
	analysistest.Run(t, testdata, disagree.Analyzer, "disagree")
}
