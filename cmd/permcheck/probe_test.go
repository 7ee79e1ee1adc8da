package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// While a run lasts a second one of the same target and keys is refused; one that was killed
// holds nothing up, and goes on where it was killed.
func TestKilledProbeGoesOn(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 60
	dir := t.TempDir()
	catalog := "permcheck: catalog/1\nname: c\npermissions: {a: }\nendpoints:\n"
	for i := range rows {
		catalog += fmt.Sprintf("  GET /r%d: a\n", i)
	}
	profile := "permcheck: probe/1\nauth: {send: header X-Api-Key}\nkeys:\n  full: {grants: all, secret: env:PC_FULL}\n  none: {grants: none, secret: env:PC_NONE}\n"
	for name, text := range map[string]string{"c.yaml": catalog, "probe.yaml": profile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var seen atomic.Int64
	var slow atomic.Bool
	slow.Store(true)
	reached := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen.Add(1) == rows {
			close(reached)
		}
		if slow.Load() {
			time.Sleep(10 * time.Millisecond)
		}
		switch {
		case !strings.HasPrefix(r.URL.Path, "/r"):
			w.WriteHeader(404)
		case r.Header.Get("X-Api-Key") == "full-secret":
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"id":1}`)) // the client may have been killed
		case r.Header.Get("X-Api-Key") == "none-secret":
			w.WriteHeader(403)
		default:
			w.WriteHeader(401)
		}
	}))
	defer server.Close()
	probe := func(out, errOut *bytes.Buffer) *exec.Cmd {
		cmd := exec.Command(exe, "probe", "c.yaml", "--target", server.URL, "--profile", "probe.yaml", "--depth", "exhaustive", "--connections", "1", "--rate", "100000",
			"--only", "operations,authentication", "--skip", "routing", "--format", "json")
		cmd.Args[0] = "permcheck"
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PC_FULL=full-secret", "PC_NONE=none-secret", "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "HOME="+dir)
		cmd.Stdout, cmd.Stderr = out, errOut
		return cmd
	}
	var out, errOut bytes.Buffer
	first := probe(&out, &errOut)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-time.After(60 * time.Second):
		t.Fatalf("%d requests came: %s", seen.Load(), errOut.String())
	}
	var otherOut, otherErr bytes.Buffer
	second := probe(&otherOut, &otherErr)
	_ = second.Run() // its exit code says how it ended
	if second.ProcessState.ExitCode() != 2 || !strings.Contains(otherErr.String(), fmt.Sprintf("process %d on ", first.Process.Pid)) {
		t.Errorf("a second run beside the first: exit %d, %s", second.ProcessState.ExitCode(), otherErr.String())
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	before := seen.Load()
	slow.Store(false)
	otherOut.Reset()
	otherErr.Reset()
	third := probe(&otherOut, &otherErr)
	_ = third.Run()
	if third.ProcessState.ExitCode() != 0 {
		t.Fatalf("after a kill: exit %d, %s", third.ProcessState.ExitCode(), otherErr.String())
	}
	var report struct {
		Boundary struct{ Proven, Total int }
		Run      struct{ Resumed int }
		Answers  []any
	}
	if err := json.Unmarshal(otherOut.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Run.Resumed < rows/2 || !strings.Contains(otherErr.String(), "going on with a run that began at") {
		t.Errorf("resumed %d of the %d requests before it was killed: %s", report.Run.Resumed, before, otherErr.String())
	}
	if report.Boundary.Proven != report.Boundary.Total || report.Boundary.Total == 0 {
		t.Errorf("proven %d of %d", report.Boundary.Proven, report.Boundary.Total)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "cache", "permcheck", "journal", "*")); err != nil || len(left) > 0 {
		t.Errorf("the journal of a run that ended is still there: %v, %v", left, err)
	}
}
