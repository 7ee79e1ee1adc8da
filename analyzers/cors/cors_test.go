package cors_test

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
)

func Test(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "blocked.yaml"))
	analysistest.Run(t, testdata, cors.Analyzer, "cors")
}

// A catalog that does not keep browsers out has nothing against any of it.
func TestAllowed(t *testing.T) {
	s := &guards.Settings{Catalog: &catalogs.Catalog{Browsers: catalogs.BrowsersAllowed}}
	if got := cors.Check(s, []cors.Opening{{What: "cors.Default"}}); got != nil {
		t.Errorf("%+v", got)
	}
}
