package main

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/permcheck/permcheck/internal/vettool"
)

var update = flag.Bool("update", false, "rewrite golden files from the observed output")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"permcheck": main, "permcheck-vet": func() { os.Exit(vettool.Main(os.Args[1:], os.Stdout, os.Stderr)) }})
}

func TestScript(t *testing.T) {
	cache := t.TempDir() // what the tool itself keeps
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			// Scripts that run the go command share the caches of the one that runs this,
			// and name permcheck as a vet tool by its path.
			for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
				out, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				env.Setenv(name, strings.TrimSpace(string(out)))
			}
			env.Setenv("XDG_CACHE_HOME", cache)
			for name, command := range map[string]string{"PERMCHECK": "permcheck", "PERMCHECK_VET": "permcheck-vet"} {
				path, err := exec.LookPath(command)
				if err != nil {
					return err
				}
				env.Setenv(name, path)
			}
			return nil
		},
	})
}
