package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const probeCatalog = `permcheck: catalog/1
name: hire
permissions: {read: , write: , admin: {implies: "*"}}
endpoints:
  GET /positions: read
  POST /positions: write
  GET /positions/{id}: read
  PATCH /positions/{id}: write
  GET /reports: read & write
  GET /me: authenticated
  GET /health: public
`

// served starts "permcheck serve" and returns its address; the secrets of its keys are
// exported to this process.
func startServe(t *testing.T, dir string, args ...string) string {
	t.Helper()
	in, closeIn := io.Pipe()
	out, outW := io.Pipe()
	done := make(chan int, 1)
	go func() {
		done <- Run(context.Background(), append([]string{"serve", filepath.Join(dir, "hire.yaml"), "--until-eof"}, args...), in, outW, io.Discard)
		outW.Close()
	}()
	t.Cleanup(func() {
		closeIn.Close()
		go io.Copy(io.Discard, out)
		if code := <-done; code != 0 {
			t.Errorf("serve ended with %d", code)
		}
	})
	export := regexp.MustCompile(`^export ([A-Z0-9_]+)=(.*)$`)
	api := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := export.FindStringSubmatch(lines.Text()); m != nil {
			if m[1] == "PC_API" {
				api = m[2]
			}
			t.Setenv(m[1], m[2])
		}
		if admin, ok := strings.CutPrefix(lines.Text(), "admin API: "); ok {
			t.Setenv("PC_ADMIN_API", admin)
			return api
		}
	}
	t.Fatal("serve said nothing")
	return ""
}

func probeDir(t *testing.T, profile string) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	for name, text := range map[string]string{"hire.yaml": probeCatalog, "probe.yaml": "permcheck: probe/1\n" + profile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func runProbe(ctx context.Context, dir, target string, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = Run(ctx, append([]string{"probe", filepath.Join(dir, "hire.yaml"), "--target", target, "--profile", filepath.Join(dir, "probe.yaml"), "--rate", "100000"}, args...),
		strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

// wholeKeyring proves the whole boundary of the catalog.
var wholeKeyring = []string{
	"PC_FULL=all", "PC_NONE=none", "PC_READ=read", "PC_WRITE=write", "PC_ADMIN=admin", "PC_BOTH=read & write",
}

const wholeKeys = `ids: {id: {from: GET /positions, field: data.0.id}}
control: GET /me
build: header X-Build
require: {proven: 100%, controls: all}
keys:
  full: {grants: all, secret: env:PC_FULL}
  none: {grants: none, secret: env:PC_NONE}
  read: {grants: read, secret: env:PC_READ}
  write: {grants: write, secret: env:PC_WRITE}
  admin: {grants: admin, secret: env:PC_ADMIN}
  both: {grants: read & write, secret: env:PC_BOTH}
`

func keyFlags() (flags []string) {
	for _, k := range wholeKeyring {
		flags = append(flags, "--key", k)
	}
	return flags
}

func TestProbeTarget(t *testing.T) {
	dir := probeDir(t, wholeKeys)
	api := startServe(t, dir, keyFlags()...)
	code, out, errOut := runProbe(t.Context(), dir, api, "--writes", "all")
	if code != 0 || !strings.HasPrefix(out, "proven 25 of 25, failed 0, inconclusive 0\n") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if !strings.Contains(out, "endpoint") || !regexp.MustCompile(`(?m)^GET /reports +ok +ok +ok +ok +ok +ok +ok +ok$`).MatchString(out) {
		t.Errorf("the matrix has no column for each key:\n%s", out)
	}
	for _, k := range wholeKeyring {
		name, _, _ := strings.Cut(k, "=")
		if strings.Contains(out+errOut, os.Getenv(name)) {
			t.Errorf("the report holds the secret %s", name)
		}
	}

	// Without writes their points stay open, which is less than the profile requires.
	code, out, errOut = runProbe(t.Context(), dir, api, "--writes", "none")
	if code != 2 || !strings.HasPrefix(out, "proven 17 of 25, ") || !strings.Contains(errOut, "68.0% of the boundary is decided, the profile requires 100.0%") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}

	// A mistyped key is no proof of anything.
	right := os.Getenv("PC_READ")
	t.Setenv("PC_READ", "pcref_MISTYPEDMISTYPEDMISTYPED")
	code, out, errOut = runProbe(t.Context(), dir, api, "--writes", "all")
	if code != 2 || !strings.Contains(out, "key read shows no sign of life") || !strings.Contains(out, "its control call failed: GET /me before the probes answered 401, expected 2xx") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	t.Setenv("PC_READ", right)

	// A run that is interrupted is not whole.
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	code, out, errOut = runProbe(ctx, dir, api, "--rate", "20")
	if code != 2 || !strings.Contains(errOut, "the run was cut short: ") && !strings.Contains(errOut, "the profile requires") {
		t.Errorf("interrupted: exit %d\n%s%s", code, out, errOut)
	}
}

// Only objects that the profile calls expendable are written to.
func TestProbeDisposable(t *testing.T) {
	profile := strings.Replace(wholeKeys, "require: {proven: 100%, controls: all}", "writes: disposable\nexpendable: {id: [positions-2]}", 1)
	dir := probeDir(t, profile)
	api := startServe(t, dir, keyFlags()...)
	code, out, errOut := runProbe(t.Context(), dir, api)
	if code != 0 || !strings.HasPrefix(out, "proven 21 of 25, failed 0, inconclusive 0\n") ||
		!strings.Contains(out, "the object is not expendable (--writes disposable): 4 points, such as POST /positions") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	req, err := http.NewRequest("GET", api+"/positions", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("PC_FULL"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID, Name string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Data) != 3 {
		t.Errorf("%d objects, three were seeded", len(list.Data))
	}
	for _, o := range list.Data {
		if written := strings.HasPrefix(o.Name, "permcheck"); written != (o.ID == "positions-2") {
			t.Errorf("%s is named %q", o.ID, o.Name)
		}
	}
}

// With one key of the user's own, and a way to make keys, the run makes those that it needs.
func TestProbeMakesKeys(t *testing.T) {
	t.Setenv(adminTokenEnv, "a token for the admin API of a test")
	dir := probeDir(t, "")
	api := startServe(t, dir, "--key", "PC_FULL=all")
	// An admin API that makes no keys without permissions.
	there, err := url.Parse(os.Getenv("PC_ADMIN_API"))
	if err != nil {
		t.Fatal(err)
	}
	var made, deleted atomic.Int32
	forward := httputil.NewSingleHostReverseProxy(there)
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPost:
			body, _ := io.ReadAll(r.Body) // what does not arrive is refused behind this
			if bytes.Contains(body, []byte(`"grants":[]`)) {
				http.Error(w, "a key needs a grant", http.StatusBadRequest)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			made.Add(1)
		case http.MethodDelete:
			deleted.Add(1)
		}
		forward.ServeHTTP(w, r)
	}))
	defer admin.Close()
	profile := `permcheck: probe/1
ids: {id: {from: GET /positions, field: data.0.id}}
keys: {full: {grants: all, secret: env:PC_FULL}}
provision:
  url: ` + admin.URL + `
  header: {Authorization: Bearer $secret}
  secret: env:` + adminTokenEnv + `
  mint: {call: POST /keys, json: {name: $name, grants: $grants}, id: id, secret: secret}
  delete: {call: DELETE /keys/$id}
`
	if err := os.WriteFile(filepath.Join(dir, "probe.yaml"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := runProbe(t.Context(), dir, api, "--writes", "all", "--only", "operations")
	if code != 0 || !strings.HasPrefix(out, "proven 17 of 19, failed 0, ") || !strings.Contains(errOut, "note: no key that holds none can be made: ") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if made.Load() == 0 || made.Load() != deleted.Load() {
		t.Errorf("%d keys were made and %d deleted", made.Load(), deleted.Load())
	}
	made.Store(0)
	code, out, errOut = runProbe(t.Context(), dir, api, "--writes", "none", "--only", "operations")
	if code != 0 || made.Load() != 0 {
		t.Errorf("without writes: exit %d, %d keys made\n%s%s", code, made.Load(), out, errOut)
	}
	code, out, errOut = runProbe(t.Context(), dir, api, "--writes", "all", "--only", "operations", "--make-keys", "0")
	if code != 0 || made.Load() != 0 || strings.HasPrefix(out, "proven 17 of 19") {
		t.Errorf("exit %d, %d keys made\n%s%s", code, made.Load(), out, errOut)
	}
	t.Setenv(adminTokenEnv, "another token")
	code, _, errOut = runProbe(t.Context(), dir, api, "--writes", "disposable")
	if code != 2 || !strings.Contains(errOut, "the first 3 keys cannot be made") || !strings.Contains(errOut, "--make-keys 0") {
		t.Errorf("exit %d\n%s", code, errOut)
	}
}

func TestProbeTargetWithFaults(t *testing.T) {
	dir := probeDir(t, wholeKeys)
	api := startServe(t, dir, append(keyFlags(), "--fault", "or-instead-of-and")...)
	code, out, errOut := runProbe(t.Context(), dir, api, "--writes", "all")
	if code != 1 {
		t.Errorf("exit %d\n%s", code, errOut)
	}
	for _, want := range []string{
		"proven 23 of 25, failed 2, inconclusive 0\n",
		"error: GET /reports: a key is admitted without the permission; the catalog asks for \"read & write\" [over-grant]\n",
		"    with a key that holds read: expected a refusal, observed 200\n",
		"    curl -i -H \"Authorization: Bearer $PC_READ\" " + api + "/reports\n",
		"A part of the permissions that are demanded together, or another one, is enough (1 finding, 1 endpoint)\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code, _, _ := runProbe(t.Context(), dir, api, "--writes", "all", "--fail-on", "none"); code != 0 {
		t.Errorf("--fail-on none: exit %d", code)
	}
}

// A target that is no API, or none at all, is exit 2 with what to do.
func TestProbeUnusableTarget(t *testing.T) {
	t.Setenv("PC_FULL", "a-secret-of-the-test")
	dir := probeDir(t, "keys: {full: {grants: all, secret: env:PC_FULL}}\nlimits: {timeout: 300ms}\n")
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
	}))
	defer pages.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	for target, want := range map[string]string{
		pages.URL:  "answers web pages (text/html), not an API, whatever the path: give the address of the API",
		silent.URL: "does not answer within 300ms: check that the server is running",
	} {
		code, out, errOut := runProbe(t.Context(), dir, target)
		if code != 2 || out != "" || !strings.Contains(errOut, want) {
			t.Errorf("exit %d, %q, %q; want %q", code, out, errOut, want)
		}
	}
}

const jobsCatalog = `permcheck: catalog/1
name: jobs
permissions: {read: , write: }
endpoints:
  GET /jobs: {requires: read, lists: job}
  POST /jobs: write
  GET /jobs/{id}: {requires: read, gets: job}
  PATCH /jobs/{id}: write
  DELETE /jobs/{id}: write
  GET /me: authenticated
`

const jobsKeys = `keys:
  full: {grants: all, secret: env:PC_FULL}
  none: {grants: none, secret: env:PC_NONE}
  read: {grants: read, secret: env:PC_READ}
  write: {grants: write, secret: env:PC_WRITE}
`

// jobs starts a server of that catalog and writes a profile for it.
func jobs(t *testing.T, profile string, args ...string) (dir, api string) {
	t.Helper()
	dir = probeDir(t, jobsKeys+profile)
	if err := os.WriteFile(filepath.Join(dir, "hire.yaml"), []byte(jobsCatalog), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, startServe(t, dir, append([]string{"--key", "PC_FULL=all", "--key", "PC_NONE=none", "--key", "PC_READ=read", "--key", "PC_WRITE=write"}, args...)...)
}

// titles lists the names of the jobs that there are.
func titles(t *testing.T, api string) (names []string) {
	t.Helper()
	req, err := http.NewRequest("GET", api+"/jobs", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+os.Getenv("PC_FULL"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID, Name string } }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, o := range list.Data {
		names = append(names, o.ID+" "+o.Name)
	}
	return names
}

// Nothing is written on this machine either unless somebody says so, and every form of the report,
// the plan and the first line of the progress say what policy it was and what was not sent.
func TestProbeWritesNothingUnasked(t *testing.T) {
	dir, api := jobs(t, "")
	before := titles(t, api)
	const none = "writes: none; 3 of 6 endpoints not sent because of it"
	for format, want := range map[string]string{
		"text": none, "html": none[len("writes: "):], "github": "%0A" + none, "sarif": none, "markdown": none,
		"junit": `name="writes" value="` + none[len("writes: "):], "json": `"endpoints_not_sent": 3`,
	} {
		code, out, errOut := runProbe(t.Context(), dir, api, "--only", "operations", "--format", format)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d, no %q in\n%s%s", format, code, want, out, errOut)
		}
		if !strings.HasPrefix(errOut, "probing "+api+"; "+none+"\n") {
			t.Errorf("progress begins with %q", errOut)
		}
	}
	if after := titles(t, api); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("before %v, after %v", before, after)
	}
	if code, out, _ := runProbe(t.Context(), dir, api, "--plan"); code != 0 || !strings.Contains(out, none+"\n") || !strings.Contains(out, "not sent (--writes none): POST /jobs\n") {
		t.Errorf("plan: exit %d\n%s", code, out)
	}
	if code, out, _ := runProbe(t.Context(), dir, api, "--plan", "--format", "json", "--writes", "all"); code != 0 || !strings.Contains(out, `"writes": "all"`) || !strings.Contains(out, `"not_sent": []`) {
		t.Errorf("plan: exit %d\n%s", code, out)
	}

	profile := filepath.Join(dir, "probe.yaml")
	data, err := os.ReadFile(profile)
	if err == nil {
		err = os.WriteFile(profile, append(data, "environment: disposable\n"...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := runProbe(t.Context(), dir, api); code != 0 || !strings.Contains(out, "\nwrites: disposable; 0 of 6 endpoints not sent because of it\n") {
		t.Errorf("a disposable target: exit %d\n%s%s", code, out, errOut)
	}
	if code, out, errOut := runProbe(t.Context(), dir, api, "--writes", "none"); code != 0 || !strings.Contains(out, "\n"+none+"\n") {
		t.Errorf("a disposable target, and --writes none: exit %d\n%s%s", code, out, errOut)
	}
}

// With writes to disposable objects alone the whole boundary is proven, and the server is as
// it was; an interrupted run takes away what it made, and what a killed one left is taken away
// by --clean.
func TestProbeMakesAndTakesAway(t *testing.T) {
	dir, api := jobs(t, "writes: disposable\n")
	before := titles(t, api)
	code, out, errOut := runProbe(t.Context(), dir, api)
	if code != 0 || !strings.HasPrefix(out, "proven 17 of 17, failed 0, inconclusive 0\n") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	if after := titles(t, api); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("before %v, after %v", before, after)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	code, _, errOut = runProbe(ctx, dir, api, "--rate", "40")
	if code != 2 || !strings.Contains(errOut, "the run was cut short") {
		t.Errorf("interrupted: exit %d\n%s", code, errOut)
	}
	if after := titles(t, api); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("before %v, after the interrupted run %v", before, after)
	}

	ledger := filepath.Join(dir, "ledger.jsonl")
	line := `{"made":{"kind":"object","id":"jobs-1","path":"/jobs/jobs-1","name":"permcheck-x-1."}}`
	if err := os.WriteFile(ledger, []byte(line+"\n"+line[:20]), 0o600); err != nil { // killed while it wrote
		t.Fatal(err)
	}
	if _, _, errOut = runProbe(t.Context(), dir, api, "--ledger", ledger, "--only", "default-allow"); !strings.Contains(errOut, "earlier runs have left 1 thing at") {
		t.Errorf("nothing is said of what is left:\n%s", errOut)
	}
	code, out, errOut = runProbe(t.Context(), dir, api, "--ledger", ledger, "--clean")
	if code != 0 || !strings.HasPrefix(out, "took away 1 thing ") || len(titles(t, api)) != len(before)-1 {
		t.Errorf("clean: exit %d\n%s%s", code, out, errOut)
	}
	if data, err := os.ReadFile(ledger); err != nil || len(data) != 0 {
		t.Errorf("the ledger still holds %q %v", data, err)
	}
	if err := os.WriteFile(ledger, []byte("{}\nno ledger\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut = runProbe(t.Context(), dir, api, "--ledger", ledger, "--clean"); code != 2 || !strings.Contains(errOut, "ledger.jsonl:2: this is no line of a ledger") {
		t.Errorf("a broken ledger: exit %d\n%s", code, errOut)
	}
}

// Forms of refusal are learned once and written down; another form is then a finding.
func TestCalibrate(t *testing.T) {
	dir, api := jobs(t, "")
	code, out, errOut := runProbe(t.Context(), dir, api, "--calibrate")
	if code != 0 || out != "refused:\n  anonymous: 401\n  forbidden: 403\n" || !strings.Contains(errOut, "written to ") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	profile, err := os.ReadFile(filepath.Join(dir, "probe.yaml"))
	if err != nil || !strings.HasSuffix(string(profile), out) || !strings.Contains(string(profile), "# Learned from 127.0.0.1:") {
		t.Errorf("%v\n%s", err, profile)
	}
	if code, out, errOut = runProbe(t.Context(), dir, api); code != 0 || strings.Contains(out, "learned") {
		t.Errorf("calibrated: exit %d\n%s%s", code, out, errOut)
	}
	if code, out, errOut = runProbe(t.Context(), dir, api, "--calibrate"); code != 2 || !strings.Contains(errOut, "every one is stated already") {
		t.Errorf("twice: exit %d\n%s%s", code, out, errOut)
	}
	// The same keys on a server that hides what it refuses.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req := r.Clone(r.Context())
		req.RequestURI = ""
		target, _ := http.NewRequest(r.Method, api, nil)
		req.URL.Scheme, req.URL.Host, req.Host = target.URL.Scheme, target.URL.Host, target.URL.Host
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			w.WriteHeader(502)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode == 403 {
			resp.StatusCode = 404
		}
		w.Header().Set("Content-Type", resp.Header.Get("Content-Type"))
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	defer front.Close()
	code, out, errOut = runProbe(t.Context(), dir, front.URL)
	if code != 1 || !strings.Contains(out, "[refusal-form]") || !strings.Contains(out, "expected 403, observed 404") {
		t.Errorf("another form: exit %d\n%s%s", code, out, errOut)
	}
}

func TestKeysCheck(t *testing.T) {
	dir, api := jobs(t, "")
	check := func() (int, string, string) {
		var o, e bytes.Buffer
		code := Run(t.Context(), []string{"keys", "check", filepath.Join(dir, "hire.yaml"), "--target", api, "--profile", filepath.Join(dir, "probe.yaml")}, strings.NewReader(""), &o, &e)
		return code, o.String(), e.String()
	}
	code, out, errOut := check()
	if code != 0 || strings.Count(out, "GET /me answered 200\n") != 4 {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	t.Setenv("PC_READ", "pcref_MISTYPEDMISTYPEDMISTYPED")
	code, out, errOut = check()
	if code != 2 || !strings.Contains(out, "FAIL   read                 GET /me now answered 401, expected 2xx\n") || !strings.Contains(errOut, "1 of 4 keys are not known to be right") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
}

// A key that the profile says is out of use must be refused, as the catalog says of its state.
func TestParkedKey(t *testing.T) {
	dir, api := jobs(t, "  parked: {grants: read, state: disabled, secret: env:PC_PARKED}\n", "--key", "PC_PARKED=read")
	catalog := strings.Replace(jobsCatalog, "endpoints:", "credentials: {states: {enabled: admitted, disabled: refused}}\nendpoints:", 1)
	if err := os.WriteFile(filepath.Join(dir, "hire.yaml"), []byte(catalog), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := runProbe(t.Context(), dir, api, "--only", "disabled-key")
	if code != 1 || !strings.Contains(out, "error: credential:disabled: a disabled key still works [disabled-key]\n    with key parked: answered 200 ") {
		t.Errorf("a key that works on: exit %d\n%s%s", code, out, errOut)
	}
	t.Setenv("PC_PARKED", "pcref_NEVERMADENEVERMADENEVERMADE")
	asked := regexp.MustCompile(`"check": "disabled-key", .*"key": "parked", .*"verdict": "pass"`)
	if code, out, errOut = runProbe(t.Context(), dir, api, "--only", "disabled-key", "--format", "json"); code != 0 || len(asked.FindAllString(out, -1)) != 3 {
		t.Errorf("a dead key: exit %d\n%s%s", code, out, errOut)
	}
}
