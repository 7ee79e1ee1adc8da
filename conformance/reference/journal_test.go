package reference_test

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/conformance/reference"
)

// openState starts a server that keeps its keys in a file. It is never closed in order: what
// it leaves behind is what a killed server does.
func openState(t *testing.T, path string) (*board, error) {
	t.Helper()
	srv, err := reference.New(reference.Board(), reference.Options{AdminToken: token, State: path})
	if err != nil {
		return nil, err
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	t.Cleanup(func() { srv.Close() })
	return &board{fixture: &fixture{t, srv, api.URL, admin.URL}}, nil
}

// Whatever was answered is there again when the server is started on what it has written,
// cut off anywhere behind the last answer.
func TestKeysSurviveTheServer(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	b, err := openState(t, path)
	if err != nil {
		t.Fatal(err)
	}
	plainID, plain := b.mint(map[string]any{"grants": []string{"stats.read"}, "name": "plain", "owner": "ada"})
	parkedID, parked := b.mint(map[string]any{"grants": []string{"stats.read"}})
	goneID, gone := b.mint(map[string]any{"grants": []string{"stats.read"}})
	_, scoped := b.mint(map[string]any{"grants": []string{"positions.read"}, "sharing": map[string]string{"position": "published"}})
	_, listed := b.mint(map[string]any{"grants": []string{"employees.read"}, "lists": map[string]any{"readable": []string{"pay"}}})
	_, expired := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": -5})
	turnedID, old := b.mint(map[string]any{"grants": []string{"stats.read"}})
	b.acts("POST", "/keys/"+parkedID+"/disable", nil)
	b.acts("DELETE", "/keys/"+goneID, nil)
	b.acts("POST", "/owners/bob/disable", nil)
	_, body := b.adminCall("POST", "/keys/"+turnedID+"/rotate", nil)
	turned := fmt.Sprint(body["secret"])
	b.acts("PATCH", "/keys/"+plainID, map[string]any{"grants": []string{"stats.read", "keys.read"}})
	want := func(b *board) string {
		return strings.Join([]string{b.st(plain, "GET /v1/stats"), b.st(plain, "GET /v1/keys"), b.st(parked, "GET /v1/stats"), b.st(gone, "GET /v1/stats"),
			b.n(scoped, "GET /v1/positions"), fmt.Sprint(b.field(listed, "GET /v1/employees/employees-1", "first_name"), b.field(listed, "GET /v1/employees/employees-1", "pay")),
			b.st(expired, "GET /v1/stats"), b.st(old, "GET /v1/stats"), b.st(turned, "GET /v1/stats")}, " ")
	}
	right := "200 200 401 401 8 absent3011 401 401 200"
	if got := want(b); got != right {
		t.Fatalf("before: %s, want %s", got, right)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{plain, parked, scoped, turned} {
		if strings.Contains(string(data), secret) || strings.Contains(string(data), secret[6:20]) {
			t.Error("the file holds a secret")
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if _, err := openState(t, path); err == nil || !strings.Contains(err.Error(), "in use by another server") {
		t.Errorf("two servers on one file: %v", err)
	}
	// Killed while it was writing the next entry, at every length of that.
	next := `{"key":{"id":"key-99","name":"x","state":"enabled"`
	for cut := 0; cut <= len(next); cut += 7 {
		killed := filepath.Join(dir, fmt.Sprintf("killed-%d", cut))
		if err := os.WriteFile(killed, append(append([]byte{}, data...), next[:cut]...), 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := openState(t, killed)
		if err != nil {
			t.Fatal(err)
		}
		if got := want(again); got != right {
			t.Errorf("cut at %d: %s, want %s", cut, got, right)
		}
		id, s := again.mint(map[string]any{"grants": []string{"stats.read"}})
		if id != "key-8" || again.st(s, "GET /v1/stats") != "200" {
			t.Errorf("the next key is %s", id)
		}
		again.srv.Close()
		third, err := openState(t, killed)
		if err != nil {
			t.Fatal(err)
		}
		if got := want(third) + " " + third.st(s, "GET /v1/stats"); got != right+" 200" {
			t.Errorf("started a third time: %s", got)
		}
	}
	for what, bad := range map[string]string{
		"expected a journal":     "{}\n",
		"no entry of a journal":  strings.Replace(string(data), `{"key"`, `{"kee"`, 1),
		"the hash of its secret": strings.Replace(string(data), `"hash":"`, `"hash":"zz`, 1),
		"for catalog \"other\"":  strings.Replace(string(data), `"catalog":"board"`, `"catalog":"other"`, 1),
	} {
		file := filepath.Join(dir, "bad")
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openState(t, file); err == nil || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), file+":") {
			t.Errorf("%s: %v", what, err)
		}
		if now, _ := os.ReadFile(file); string(now) != bad {
			t.Errorf("%s: the file was overwritten", what)
		}
	}
}
