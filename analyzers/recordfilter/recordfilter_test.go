package recordfilter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
)

func Test(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "records.yaml"))
	analysistest.Run(t, testdata, recordfilter.Analyzer, "recordfilter")
}

// Without configuration nothing is looked at; an object that the catalog does not have
// is a mistake in it, which must not keep the rule silent.
func TestConfiguration(t *testing.T) {
	testdata, err := filepath.Abs("../../testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, filepath.Join(testdata, "src", "permcheck.yaml"))
	names, err := guards.FilterFuncs(".")
	if err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}

	dir := t.TempDir()
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte("permcheck: config/1\ncatalog: "+filepath.Join(testdata, "src", "records-catalog.yaml")+"\nrecord-filters: {postion: a.b/c.F}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(guards.ConfigEnv, file)
	_, err = guards.LoadSettings(".")
	if err == nil || !strings.Contains(err.Error(), `config.yaml:3:18: record-filters: catalog positions says nothing of records of "postion"; did you mean position?`) {
		t.Errorf("%v", err)
	}
}
