package keyring_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

// The test binary is also the command that profiles of these tests name.
const (
	asProvisioner = "PERMCHECK_TEST_PROVISIONER" // address of the admin API
	asSecret      = "PERMCHECK_TEST_SECRET"      // what to print
)

func TestMain(m *testing.M) {
	switch {
	case len(os.Args) > 1 && os.Args[1] == "provision":
		if err := provision(os.Getenv(asProvisioner)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	case len(os.Args) > 1 && os.Args[1] == "secret":
		fmt.Println(os.Getenv(asSecret))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// provision does one action against the reference server's admin API, as a user's script
// would.
func provision(admin string) error {
	var in struct {
		Version          int
		Action, ID, Name string
		Grants           []string
	}
	dec := json.NewDecoder(os.Stdin)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return err
	}
	if in.Version != 1 {
		return fmt.Errorf("version %d", in.Version)
	}
	method, path := "POST", "/keys/"+in.ID+"/"+in.Action
	var body any
	switch in.Action {
	case "can":
		fmt.Println(`{"actions": ["mint", "regrant", "disable", "delete"]}`)
		return nil
	case "mint":
		path, body = "/keys", map[string]any{"name": in.Name, "grants": in.Grants}
	case "regrant":
		method, path, body = "PATCH", "/keys/"+in.ID, map[string]any{"grants": in.Grants}
	case "delete":
		method, path = "DELETE", "/keys/"+in.ID
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequest(method, admin+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer an admin token")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var out struct{ ID, Secret, Error string }
	_ = json.NewDecoder(resp.Body).Decode(&out) // a deleted key has no answer
	return json.NewEncoder(os.Stdout).Encode(out)
}

// Each kind of provisioner makes a key that works, narrows it, disables it and deletes it.
func TestProvisioners(t *testing.T) {
	srv, err := reference.New(testCatalog(t), reference.Options{AdminToken: "an admin token"})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	defer api.Close()
	defer admin.Close()
	t.Setenv(asProvisioner, admin.URL)
	t.Setenv("TEST_ADMIN", "an admin token")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	apiURL, adminURL := mustParse(t, api.URL), mustParse(t, admin.URL)
	profile := func(text string) conformance.Provisioner {
		p, err := keyring.ParseProfile(filepath.Join(dir, "p.yaml"), []byte("permcheck: probe/1\nkeys: {full: {grants: all, secret: env:X}}\n"+text), testCatalog(t))
		if err != nil {
			t.Fatal(err)
		}
		prov, err := p.Provisioner(context.Background(), apiURL)
		if err != nil {
			t.Fatal(err)
		}
		return prov
	}
	for name, prov := range map[string]conformance.Provisioner{
		"admin":                    keyring.NewAdmin(adminURL, "an admin token"),
		"command":                  profile("provision: {command: [" + exe + ", provision]}"),
		"command below the folder": profile("provision: {command: [./keys, provision]}"),
		"http": profile(`provision:
  url: ` + admin.URL + `
  header: {Authorization: Bearer $secret}
  secret: env:TEST_ADMIN
  mint: {call: POST /keys, json: {name: $name, grants: $grants, state: enabled}, id: id, secret: secret}
  regrant: {call: PATCH /keys/$id, json: {grants: $grants}}
  disable: {call: POST /keys/$id/disable}
  delete: {call: DELETE /keys/$id}
`),
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			if !prov.Can("") || !prov.Can(conformance.Disable) || prov.Can("fly") {
				t.Fatal("it does not know what it can do")
			}
			key, err := prov.Mint(ctx, conformance.KeySpec{Name: "made by a test", Grants: perm.NewSet("read")})
			if err != nil {
				t.Fatal(err)
			}
			status := func(path string) int {
				req, err := http.NewRequest("GET", api.URL+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				key.Credential.Apply(req)
				resp, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				return resp.StatusCode
			}
			if got := status("/positions"); got != 200 {
				t.Errorf("the new key is answered %d", got)
			}
			for _, step := range []struct {
				action conformance.Action
				grants perm.Set
				want   int
			}{
				{conformance.Regrant, perm.NewSet("write"), 403}, {conformance.Regrant, perm.Set{}, 403}, {conformance.Regrant, perm.NewSet("read"), 200},
				{conformance.Disable, nil, 401}, {conformance.Delete, nil, 401},
			} {
				if key, err = prov.Do(ctx, key, step.action, conformance.KeySpec{Grants: step.grants}); err != nil {
					t.Fatalf("%s: %v", step.action, err)
				}
				if got := status("/positions"); got != step.want {
					t.Errorf("after %s %v: %d, want %d", step.action, step.grants, got, step.want)
				}
			}
			if _, err := prov.Do(ctx, key, conformance.Delete, conformance.KeySpec{}); name == "http" && (err == nil || strings.Contains(err.Error(), key.Credential.Secret)) {
				t.Errorf("deleting it again: %v", err)
			}
		})
	}
}

// A program prints a secret; what goes wrong with a program is told, without a secret.
func TestCommands(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(asSecret, "s3cr3t of a command")
	keys := func(command string) string { return "keys: {a: {grants: all, secret: {command: [" + command + "]}}}" }
	_, _, creds, err := signIn(t, "", keys(exe+", secret"), "http://127.0.0.1:1")
	if err != nil || creds[3].Secret != "s3cr3t of a command" || creds[3].Env != "PC_A" {
		t.Errorf("%v %+v", err, creds)
	}
	for command, want := range map[string]string{
		"./no-such-program":               "no-such-program",
		"sh, -c, 'echo s3cr3t; exit 3'":   "exit status 3",
		"sh, -c, 'echo oops >&2; exit 3'": "exit status 3: oops",
		"sh, -c, 'true'":                  "is empty",
		"sh, -c, 'yes s3cr3t'":            "", // bounded, by the pipe or by its size
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		p, perr := keyring.ParseProfile("p.yaml", []byte("permcheck: probe/1\n"+keys(command)), testCatalog(t))
		if perr != nil {
			t.Fatal(perr)
		}
		plan, perr := conformance.NewPlan(testCatalog(t), conformance.PlanOptions{Keys: p.PlanKeys()})
		if perr != nil {
			t.Fatal(perr)
		}
		_, err := p.SignIn(ctx, plan, mustParse(t, "http://127.0.0.1:1"))
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
	}
}

func mustParse(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The profiles that the documentation shows are read.
func TestDocumentedProfiles(t *testing.T) {
	data, err := os.ReadFile("../../docs/probe.md")
	if err != nil {
		t.Fatal(err)
	}
	const catalog = `permcheck: catalog/1
name: docs
permissions: {"Position:READ": , "Position:WRITE": }
credentials: {states: {disabled: refused}}
endpoints:
  GET /me: authenticated
  GET /positions: {requires: "Position:READ", lists: position}
  POST /positions: "Position:WRITE"
  GET /positions/{positionId}: "Position:READ"
  GET /systems/{systemId}: "Position:READ"
records:
  position: {sharing: {all: {}, published: {published: true}}}
`
	c, err := catalogs.Parse("docs.yaml", []byte(catalog))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```yaml\n")[1:]
	for i, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if strings.Contains(text, "permcheck: catalog/1") { // the profiles below are for it
			if c, err = catalogs.Parse("docs.yaml", []byte(text)); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			continue
		}
		if _, err := keyring.ParseProfile(fmt.Sprintf("block-%d.yaml", i+1), []byte(text), c); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	if len(blocks) < 9 {
		t.Errorf("%d profiles in the documentation", len(blocks))
	}
}
