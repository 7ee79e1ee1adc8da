package lateguard_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/lateguard"
	"github.com/permcheck/permcheck/analyzers/undeclared"
)

func Test(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "permcheck.yaml"))
	analysistest.Run(t, testdata, lateguard.Analyzer, "lateguard")
	// The routes themselves stay findings of their own, which name the cause.
	analysistest.Run(t, testdata, undeclared.Analyzer, "lateguard/routes")
}
