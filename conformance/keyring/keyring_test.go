package keyring_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
)

const catalogText = `
permcheck: catalog/1
name: hire
permissions: {read: , write: , admin: {implies: "*"}}
endpoints:
  GET /positions: {requires: read, lists: position}
  GET /positions/{id}: {requires: read, gets: position}
  DELETE /positions/{id}: write
  GET /unknown: unknown
records:
  position: {sharing: {all: {}, published: {published: true}}}
allow-lists:
  readable: {of: position, always: [id], unlisted: omitted}
`

// wholeProfile uses every key of the format.
const wholeProfile = `
permcheck: probe/1
catalog: hire.yaml
target: https://staging.example.com/api
environment: staging
auth: {exchange: {url: /oauth/token, json: {grantType: password, username: $user, password: $secret, n: 1}, token: data.access_token}, send: header X-Token}
control: GET /positions
build: header X-Build-Id
keys:
  full: {grants: all, user: qa@example.com, secret: env:TEST_FULL}
  none: {grants: none, user: qa@example.com, secret: env:TEST_NONE}
  reader: {grants: read & write, secret: file:reader.secret}
  most: {grants: all except write, secret: env:TEST_MOST}
  shared: {grants: read, sharing: {position: published}, secret: env:TEST_SHARED}
  listed: {grants: read, lists: {readable: [id, title]}, secret: env:TEST_LISTED}
  parked: {grants: read, state: disabled, lifecycle: true, secret: env:TEST_PARKED}
refused: {anonymous: 401, forbidden: {status: 403, body: {error: no}}}
ids: {id: {from: GET /positions, field: data.0.id}}
writes: disposable
expendable: {id: [sandbox, 7]}
limits: {rate: 600/m, connections: 4, requests: 5000, deadline: 15m, timeout: 2s}
require: {proven: 95%, controls: all}
`

func testCatalog(t testing.TB) *catalogs.Catalog {
	t.Helper()
	c, err := catalogs.Parse("hire.yaml", []byte(catalogText))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWholeProfile(t *testing.T) {
	p, err := keyring.ParseProfile("dir/probe.yaml", []byte(wholeProfile), testCatalog(t))
	if err != nil {
		t.Fatal(err)
	}
	if p.Catalog != filepath.Join("dir", "hire.yaml") || p.Target.Host != "staging.example.com" || p.Environment != "staging" || p.BuildHeader != "X-Build-Id" {
		t.Errorf("head: %+v", p)
	}
	if x := p.Auth.Exchange; x == nil || x.Token != "data.access_token" || x.JSON["n"] != 1 || p.Auth.Header != "X-Token" || p.Auth.Scheme != "" {
		t.Errorf("auth: %+v", p.Auth)
	}
	if len(p.Keys) != 7 || !p.Keys[0].Grants.Equal(testCatalog(t).Universe()) || len(p.Keys[1].Grants) != 0 || len(p.Keys[3].Grants) != 2 {
		t.Errorf("keys: %+v", p.Keys)
	}
	if p.Limits != (conformance.Limits{Rate: 10, Connections: 4, Requests: 5000, Deadline: 15 * time.Minute, Timeout: 2 * time.Second}) {
		t.Errorf("limits: %+v", p.Limits)
	}
	if p.Require.Proven != 0.95 || !p.Require.Controls || p.Writes != conformance.WritesDisposable || len(p.Expendable["id"]) != 2 {
		t.Errorf("rest: %+v", p)
	}
	if p.Refused[conformance.ListRow].Anonymous.Status != 401 || p.Refused[conformance.WriteRow].Forbidden.Body["error"] != "no" {
		t.Errorf("refused: %+v", p.Refused)
	}
	plan := p.PlanKeys()
	if len(plan) != 7 || plan[6].Kind != conformance.ParkedKey || plan[6].State != "disabled" || !plan[4].Narrowed() || !plan[5].Narrowed() || plan[0].Narrowed() {
		t.Errorf("keys of the plan: %+v", plan)
	}
}

// A state in which the catalog admits keys is another name for being enabled.
func TestStateThatIsAdmitted(t *testing.T) {
	c, err := catalogs.Parse("hire.yaml", []byte(strings.Replace(catalogText, "endpoints:", "credentials: {states: {active: admitted, locked: refused}}\nendpoints:", 1)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := keyring.ParseProfile("p.yaml", []byte("permcheck: probe/1\nkeys:\n  a: {grants: all, state: active, secret: env:A}\n  l: {grants: all, state: locked, secret: env:L}\n"), c)
	if err != nil {
		t.Fatal(err)
	}
	if plan := p.PlanKeys(); plan[0].Kind != conformance.ValidKey || plan[1].Kind != conformance.ParkedKey {
		t.Errorf("keys of the plan: %+v", plan)
	}
}

// No message about a profile repeats what stands where a secret should be named.
func TestSecretsAreNotRepeated(t *testing.T) {
	for _, text := range []string{"hunter2", "env:hunter2 with spaces", "file:", "plain:hunter2", "'env:'", "12345678"} {
		profile := "permcheck: probe/1\nkeys:\n  full: {grants: all, secret: " + text + "}\n"
		_, err := keyring.ParseProfile("p.yaml", []byte(profile), testCatalog(t))
		if err == nil {
			t.Errorf("%s is accepted", text)
		} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "12345678") {
			t.Errorf("%s is repeated: %v", text, err)
		}
	}
}

// signIn parses a profile in a folder and signs its keys in.
func signIn(t *testing.T, dir, profile, target string) (*keyring.Profile, *conformance.Plan, []conformance.Credential, error) {
	t.Helper()
	c := testCatalog(t)
	p, err := keyring.ParseProfile(filepath.Join(dir, "p.yaml"), []byte("permcheck: probe/1\n"+profile), c)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: p.PlanKeys()})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	creds, err := p.SignIn(context.Background(), plan, u)
	return p, plan, creds, err
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "the-secret\r\n", 0o600)
	write("group", "the-secret", 0o640)
	write("world", "the-secret", 0o604)
	write("empty", "\n", 0o600)
	write("lines", "the-secret\nX-Injected: yes", 0o600)
	write("large", strings.Repeat("s", 100<<10), 0o600)
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"good": "", "group": "mode 0640", "world": "mode 0604", "empty": "is empty", "lines": "control characters",
		"large": "larger than 64 kB", "folder": "is not a file", "absent": "no such file",
	} {
		_, _, creds, err := signIn(t, dir, "keys: {full: {grants: all, secret: 'file:"+file+"'}}", "http://127.0.0.1:1")
		switch {
		case want == "" && (err != nil || creds[3].Secret != "the-secret" || creds[3].Header != "Authorization" || creds[3].Scheme != "Bearer"):
			t.Errorf("%s: %v %+v", file, err, creds)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "the-secret")):
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

func TestSecretVariables(t *testing.T) {
	t.Setenv("TEST_A", "same")
	t.Setenv("TEST_B", "same")
	t.Setenv("TEST_EMPTY", "")
	_, _, _, err := signIn(t, "", "keys:\n  a: {grants: all, secret: env:TEST_A}\n  b: {grants: none, secret: env:TEST_B}\n  c: {grants: read, secret: env:TEST_EMPTY}\n  d: {grants: read, secret: env:TEST_UNSET_42}\n", "http://127.0.0.1:1")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"p.yaml:4:3: key b has the same secret as key a", "p.yaml:5:3: key c: the environment variable TEST_EMPTY is not set", "p.yaml:6:3: key d:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	_, plan, creds, err := signIn(t, "", "auth: {send: basic}\nkeys: {a: {grants: all, user: me, secret: env:TEST_A}}", "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest("GET", "/", nil)
	creds[3].Apply(req)
	if user, secret, _ := req.BasicAuth(); user != "me" || secret != "same" || plan.Keys[3].Name != "a" {
		t.Errorf("basic: %q %q", user, secret)
	}
	_, _, creds, err = signIn(t, "", "auth: {send: query api_key}\nkeys: {a: {grants: all, secret: env:TEST_A}}", "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	req = httptest.NewRequest("GET", "/?x=1", nil)
	creds[3].Apply(req)
	if req.URL.RawQuery != "api_key=same&x=1" || len(req.Header["Authorization"]) != 0 {
		t.Errorf("query: %s", req.URL.RawQuery)
	}
}

// The exchange sends what the profile says, and tells what went wrong without the secret.
func TestExchange(t *testing.T) {
	t.Setenv("TEST_A", "pass$word\"")
	answer, status := `{"data":{"access_token":"token-1"}}`, 200
	var got map[string]any
	var form url.Values
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, form = nil, nil
		if r.Header.Get("Content-Type") == "application/json" {
			_ = json.NewDecoder(r.Body).Decode(&got)
		} else if r.ParseForm() == nil {
			form = r.PostForm
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(answer))
	}))
	defer srv.Close()
	const keys = "\nkeys: {a: {grants: all, user: me, secret: env:TEST_A}}"
	const byJSON = "auth: {exchange: {url: /token, json: {u: $user, p: 'x-$secret', n: 1}, token: data.access_token}}" + keys
	_, _, creds, err := signIn(t, "", byJSON, srv.URL)
	if err != nil || creds[3].Secret != "token-1" || creds[3].Env != "TEST_A_TOKEN" {
		t.Fatalf("%v %+v", err, creds)
	}
	if got["u"] != "me" || got["p"] != `x-pass$word"` || got["n"] != 1.0 {
		t.Errorf("sent %v", got)
	}
	if _, _, _, err = signIn(t, "", "auth: {exchange: {url: '"+srv.URL+"/t', form: {a: '$secret'}, token: data.access_token}}"+keys, "http://127.0.0.1:1"); err != nil || form.Get("a") != `pass$word"` {
		t.Errorf("form: %v %v", err, form)
	}
	for _, tt := range []struct {
		answer string
		status int
		want   string
	}{
		{`{"error":"pass$word"}`, 401, "answered 401"}, {`<html>`, 200, "something else than JSON"},
		{`{"data":{}}`, 200, "without a token at data.access_token"}, {`{"data":{"access_token":"a\nb"}}`, 200, "without a token"},
		{`{"data":{"access_token":7}}`, 200, "without a token"},
	} {
		answer, status = tt.answer, tt.status
		_, _, _, err := signIn(t, "", byJSON, srv.URL)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "pass$word") {
			t.Errorf("%s: %v, want %q", tt.answer, err, tt.want)
		}
	}
}

// Ids are read once, with a key that is admitted; writes get an expendable object only.
func TestObjects(t *testing.T) {
	t.Setenv("TEST_A", "secret-a")
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Header.Get("Authorization") != "Bearer secret-a" || r.URL.Path != "/positions" {
			w.WriteHeader(403)
			return
		}
		_, _ = w.Write([]byte(`{"data":[{"id":12345678901234567890},{"id":"b"}]}`))
	}))
	defer srv.Close()
	p, plan, creds, err := signIn(t, "", "ids: {id: {from: GET /positions, field: data.0.id}}\nexpendable: {id: [x, y]}\nkeys: {a: {grants: all, secret: env:TEST_A}}", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(srv.URL)
	objects := p.Objects(plan, creds, u)
	for range 2 {
		got, err := objects.Params(context.Background(), "GET", "/positions/{id}", false)
		if err != nil || got.Values["id"] != "12345678901234567890" || got.Expendable {
			t.Fatalf("read: %+v %v", got, err)
		}
	}
	if calls != 1 {
		t.Errorf("the list was read %d times", calls)
	}
	seen := map[string]bool{}
	for range 2 {
		got, err := objects.Params(context.Background(), "DELETE", "/positions/{id}", true)
		if err != nil || !got.Expendable {
			t.Fatalf("write: %+v %v", got, err)
		}
		seen[got.Values["id"]] = true
	}
	if !seen["x"] || !seen["y"] {
		t.Errorf("writes got %v", seen)
	}
	if got, err := objects.Params(context.Background(), "POST", "/positions", true); err != nil || got.Expendable {
		t.Errorf("a write without parameters: %+v %v", got, err)
	}
}

func TestLookalike(t *testing.T) {
	for _, secret := range []string{"sk_live_4eC39HqLyjWDarjtT1zdp7dc", "short", "", "a-b-c-D-9", "eyJhbGciOi.eyJpc3M.c2ln"} {
		got := keyring.Lookalike(secret)
		if secret != "" && (len(got) != len(secret) || got == secret) {
			t.Errorf("%q looks like %q", got, secret)
		}
		if strings.HasPrefix(secret, "sk_live_") && !strings.HasPrefix(got, "sk_live_") {
			t.Errorf("%q lost its prefix", got)
		}
	}
}

// No text makes the profile parser panic, and nothing that it accepts holds a literal secret.
func FuzzParseProfile(f *testing.F) {
	f.Add(wholeProfile)
	f.Add("permcheck: probe/1\nkeys: {a: {grants: read, secret: env:A}}\n")
	f.Add("permcheck: probe/1\nkeys:\n")
	f.Add("keys: [1]")
	c := testCatalog(f)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := keyring.ParseProfile("p.yaml", []byte(text), c)
		if (p == nil) == (err == nil) {
			t.Fatal("either a profile or an error")
		}
		if err != nil {
			return
		}
		if len(p.Keys) == 0 {
			t.Fatal("a profile without keys is accepted")
		}
		for _, k := range p.Keys {
			if k.Secret.Env == "" && k.Secret.File == "" && len(k.Secret.Command) == 0 {
				t.Fatalf("key %s has no secret", k.Name)
			}
			if !k.Grants.SubsetOf(c.Universe()) {
				t.Fatalf("key %s holds %s", k.Name, k.Grants)
			}
		}
	})
}
