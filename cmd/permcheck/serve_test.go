package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// A served is "permcheck serve" as a process of its own.
type served struct {
	cmd        *exec.Cmd
	API, Admin string
}

func serve(t *testing.T, args ...string) *served {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, append([]string{"serve"}, append(args, "--format", "json")...)...)
	cmd.Args[0] = "permcheck" // by this name the test binary is the program
	cmd.Env = append(os.Environ(), "PERMCHECK_ADMIN_TOKEN=secret")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	s := &served{cmd: cmd}
	if err := json.NewDecoder(out).Decode(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func call(method, url, secret, body string) (int, []byte, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, data, err
}

// A server that is killed while keys are made, changed and deleted has lost nothing that it
// had answered when it is started again.
func TestKilledServerKeepsItsKeys(t *testing.T) {
	dir := t.TempDir()
	catalog, state := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "keys")
	if err := os.WriteFile(catalog, []byte("permcheck: catalog/1\nname: c\npermissions: {a: , b: }\nendpoints: {GET /a: a, GET /b: b}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{} // secret -> status of GET /a
	for round := range 3 {
		s := serve(t, catalog, "--state", state)
		for secret, status := range want {
			if got, _, err := call("GET", s.API+"/a", secret, ""); err != nil || got != status {
				t.Fatalf("round %d: a key is answered %d, %v, before the server was killed %d", round, got, err, status)
			}
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		enough := make(chan bool, 1)
		for lane := range 4 {
			wg.Go(func() {
				for n := 0; ; n++ {
					status, data, err := call("POST", s.Admin+"/keys", "secret", fmt.Sprintf(`{"name":"%d-%d","grants":["a"]}`, lane, n))
					if err != nil {
						return // it was killed
					}
					var key struct{ ID, Secret string }
					if err := json.Unmarshal(data, &key); err != nil || status != 201 {
						t.Errorf("making a key: %d %s", status, data)
						return
					}
					answer := 200
					switch n % 4 {
					case 1:
						status, _, err = call("PATCH", s.Admin+"/keys/"+key.ID, "secret", `{"grants":["b"]}`)
						answer = 403
					case 2:
						status, _, err = call("POST", s.Admin+"/keys/"+key.ID+"/disable", "secret", "")
						answer = 401
					case 3:
						status, _, err = call("DELETE", s.Admin+"/keys/"+key.ID, "secret", "")
						answer = 401
					}
					if err != nil {
						return // whether this change was written is open
					}
					if status >= 300 {
						t.Errorf("changing a key: %d", status)
					}
					mu.Lock()
					want[key.Secret] = answer
					if len(want) > 40*(round+1) {
						select {
						case enough <- true:
						default:
						}
					}
					mu.Unlock()
				}
			})
		}
		<-enough
		if err := s.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		_ = s.cmd.Wait() // it says that it was killed
	}
}
