package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var files = map[string]string{
	"go.mod": "module example.com/app\n\ngo 1.26.0\n",
	"main.go": `package main

import (
	"net/http"

	"example.com/app/reports"
)

func require(h http.HandlerFunc, permission string) http.HandlerFunc { return h }

func handle(http.ResponseWriter, *http.Request) {}

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jobs", require(handle, "Job:READ"))
	mux.HandleFunc("POST /jobs", require(handle, "Job:WRITE"))
	mux.HandleFunc("DELETE /jobs/{id}", handle)
	reports.Routes(mux)
	_ = http.ListenAndServe(":8080", mux)
}
`,
	// Another package registers these: each finding stands, and is silenced, at its own line.
	"reports/reports.go": `package reports

import "net/http"

func handle(http.ResponseWriter, *http.Request) {}

func Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /reports", handle)
	mux.HandleFunc("GET /reports/{id}", handle) //nolint:permcheck // behind the VPN
	mux.HandleFunc("POST /reports", handle)
}
`,
	".permcheck.yaml": "permcheck: config/1\ncatalog: catalog.yaml\n",
	"catalog.yaml": `permcheck: catalog/1
name: app
permissions: {Job:READ: , Job:WRITE: }
endpoints:
  GET /jobs: Job:READ
  POST /jobs: Job:WRITE
  DELETE /jobs/{id}: Job:WRITE
`,
	".golangci.yml": `version: "2"
linters:
  default: none
  enable: [permcheck]
  settings:
    custom:
      permcheck: {type: module, description: permissions}
`,
}

// TestPlugin runs a real golangci-lint on a package with known findings, and again
// after the catalog was edited: its cache must not repeat the old verdict.
func TestPlugin(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "gcl")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	app := filepath.Join(dir, "app")
	if err := os.Mkdir(app, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(app, name)), 0o755), os.WriteFile(filepath.Join(app, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	run := func() []string {
		t.Helper()
		cmd := exec.Command(bin, "run", "--output.json.path=stdout", "--show-stats=false", "./...")
		cmd.Dir = app
		cmd.Env = append(os.Environ(), "GOLANGCI_LINT_CACHE="+filepath.Join(dir, "cache"), "GOWORK=off")
		var errOut bytes.Buffer
		cmd.Stderr = &errOut
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
			t.Fatalf("%v\n%s%s", err, out, errOut.Bytes())
		}
		var result struct {
			Issues []struct {
				FromLinter, Text string
				Pos              struct {
					Filename string
					Line     int
				}
			}
		}
		if err := json.Unmarshal(bytes.SplitN(out, []byte("\n"), 2)[0], &result); err != nil {
			t.Fatalf("%v\n%s%s", err, out, errOut.Bytes())
		}
		var got []string
		for _, i := range result.Issues {
			if i.FromLinter != "permcheck" {
				t.Errorf("a finding of %s: %s", i.FromLinter, i.Text)
			}
			rule, _, _ := strings.Cut(i.Text, ":")
			got = append(got, strings.Join([]string{rule, strings.Split(files[filepath.ToSlash(i.Pos.Filename)], "\n")[i.Pos.Line-1]}, " at"))
		}
		slices.Sort(got)
		return got
	}
	open := []string{
		`undeclared at	mux.HandleFunc("DELETE /jobs/{id}", handle)`,
		`undeclared at	mux.HandleFunc("GET /reports", handle)`,
		`undeclared at	mux.HandleFunc("POST /reports", handle)`,
	}
	if got := run(); !slices.Equal(got, open) {
		t.Errorf("first run: %q", got)
	}
	if got := run(); !slices.Equal(got, open) {
		t.Errorf("second run, from the cache: %q", got)
	}
	stricter := strings.Replace(files["catalog.yaml"], "GET /jobs: Job:READ", "GET /jobs: Job:READ & Job:WRITE", 1)
	if err := os.WriteFile(filepath.Join(app, "catalog.yaml"), []byte(stricter), 0o644); err != nil {
		t.Fatal(err)
	}
	want := append([]string{`mismatch at	mux.HandleFunc("GET /jobs", require(handle, "Job:READ"))`}, open...)
	if got := run(); !slices.Equal(got, want) {
		t.Errorf("after the catalog was edited: %q, want %q", got, want)
	}
	if err := os.WriteFile(filepath.Join(app, "catalog.yaml"), []byte(files["catalog.yaml"]), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := run(); !slices.Equal(got, open) {
		t.Errorf("after it was edited back: %q", got)
	}
}
