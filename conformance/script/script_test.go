package script_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/script"
	"github.com/permcheck/permcheck/internal/report"
)

const catalogText = `permcheck: catalog/1
name: jobs
permissions: {read: , write: }
endpoints:
  GET /jobs: read
  GET /jobs/{id}: read
  POST /jobs: write
`

// jobs is a small API. cors says that it opens itself to pages of any origin.
func jobs(cors bool, sent *atomic.Int32) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if cors && r.Header.Get("Origin") != "" {
			w.Header().Set("Access-Control-Allow-Origin", "*")
		}
		reply := func(status int, v any) {
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(v)
		}
		key := r.Header.Get("X-Api-Key")
		switch {
		case key != "full-secret" && key != "none-secret":
			reply(401, map[string]string{"error": "who"})
		case key == "none-secret":
			reply(403, map[string]string{"error": "no"})
		case r.URL.Path == "/busy":
			reply(503, nil)
		case r.Method == "POST":
			var body map[string]any
			_ = json.NewDecoder(r.Body).Decode(&body)
			reply(201, body)
		case r.URL.Path == "/jobs":
			reply(200, map[string]any{"total": 2, "data": []any{map[string]any{"id": 1, "title": "cook \x1b[2J", "tags": []string{"a"}}, map[string]any{"id": 2, "title": nil}}})
		default:
			reply(200, map[string]any{"id": 1, "title": "cook"})
		}
	})
}

type ids struct{}

func (ids) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{Values: map[string]string{"id": "1"}, Expendable: true}, nil
}

// perform runs one script and returns its verdict, its reason, the whole report, and what was
// sent for it.
func perform(t *testing.T, text string, cors bool, writes conformance.WritePolicy) (conformance.Verdict, string, string, int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a check.txtar"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts, err := script.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogs.Parse("jobs.yaml", []byte(catalogText))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.SelectChecks([]string{"scripts"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: checks, Scripts: scripts.Scripts,
		Keys: []conformance.Key{{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Probes) != 1 {
		t.Fatalf("%d probes", len(p.Probes))
	}
	var sent atomic.Int32
	server := httptest.NewServer(jobs(cors, &sent))
	defer server.Close()
	base, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind != conformance.NoKey {
			creds[i] = conformance.Credential{Header: "X-Api-Key", Secret: k.Name + "-secret", Env: "PC_" + strings.ToUpper(k.Name)}
		}
	}
	answers, facts, err := conformance.Run(context.Background(), p, conformance.Target{Base: base, Disposable: true, Credentials: creds, Writes: writes, Scripts: scripts, Objects: ids{}})
	if err != nil {
		t.Fatal(err)
	}
	r := &conformance.Report{Result: conformance.Judge(p, answers), Sent: facts, Target: base, Credentials: creds, CatalogRef: "jobs.yaml", Writes: writes}
	var out bytes.Buffer
	for _, format := range conformance.Formats {
		if err := r.Write(&out, format, report.NewStyles(false)); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(out.String(), "full-secret") || strings.ContainsRune(out.String(), 0x1b) {
		t.Errorf("a report holds a secret or an escape:\n%s", out.String())
	}
	return r.Verdicts[0], r.Reasons[0], out.String(), int(sent.Load())
}

func TestCommands(t *testing.T) {
	const pass, fail, open = conformance.Pass, conformance.Fail, conformance.Inconclusive
	for _, tt := range []struct {
		script string
		want   conformance.Verdict
		reason string
	}{
		{"as full\nrequest GET /jobs\nstatus 200\nstatus 2xx 404\n! status 403", pass, ""},
		{"as none\nrequest GET /jobs\nstatus 200", fail, "a check.txtar:3: answered 403 to GET /jobs as none, expected 200"},
		{"as full\nrequest GET /jobs\n! status 2xx", fail, "a check.txtar:3: answered 200 to GET /jobs as full, expected anything but 2xx"},
		{"request GET /jobs\nstatus 401\nas unknown\nrequest GET /jobs\nstatus 401\nas malformed\nrequest GET /jobs\nstatus 401", pass, ""},
		{"as full\nrequest GET /jobs\njson data.0.title\njson data.*.id 2\njson total 2\njson data.0.tags '[\"a\"]'\njson data.1.title null\n! json data.0.salary\n! json data.*.id 3\n! json total 3", pass, ""},
		{"as full\nrequest GET /jobs\n! json data.*.title", fail, "a check.txtar:3: the answer to GET /jobs as full has data.*.title, expected none"},
		{"as full\nrequest GET /jobs\njson salary", fail, "a check.txtar:3: the answer to GET /jobs as full has no salary"},
		{"as full\nrequest GET /jobs\njson total 3", fail, "a check.txtar:3: total in the answer to GET /jobs as full is not 3"},
		{"as full\nrequest GET /jobs\n! json total 2", fail, "a check.txtar:3: total in the answer to GET /jobs as full is 2, expected anything else"},
		{"as full\nrequest GET /jobs/{id}\njson title cook\nrequest GET /jobs/1\nsame-as previous\n! same-as none\nrequest GET /jobs\n! same-as previous", pass, ""},
		{"as full\nrequest GET /jobs\nsame-as none", fail, "a check.txtar:3: GET /jobs as full is answered 200, none is answered 403"},
		{"as none\nrequest GET /jobs\n! same-as none", fail, "a check.txtar:3: GET /jobs as none is answered as none is, expected another answer"},
		{"as full\nrequest GET /jobs\nrequest GET /jobs/1\nsame-as previous", fail, "a check.txtar:4: GET /jobs/1 as full is answered with another body than previous is"},
		{"as full\nrequest GET /jobs\ncors-blocked\ncors-blocked https://evil.example", pass, ""},
		{"as full\nrequest GET /jobs\n! cors-blocked", fail, "a check.txtar:3: GET /jobs as full is blocked for pages of https://permcheck.invalid, expected that it is not"},
		{"as full\nrequest POST /jobs body.json\nstatus 201\njson title 'a job'\n! json salary\n-- body.json --\n{\"title\": \"a job\"}", pass, ""},
		{"as full\nrequest GET /busy\nstatus 503", pass, ""},
		{"as full\nrequest GET /busy\nstatus 200", open, "answered 503, which says nothing about permission"},
		{"as full\nrequest GET /busy\n! json data", open, "answered 503, which says nothing about permission"},
		{"as nobody", open, `no key "nobody": expected one of anonymous, malformed, unknown, full, none`},
		{"request GET", open, "usage: request METHOD /PATH [BODY-FILE]"},
		{"request GET /jobs/{uid}", open, "the catalog has no such path"},
		{"status 200", open, "there is no answer yet"},
		{"request GET /jobs\nstatus ok", open, `"ok" is no status`},
		{"as full\nrequest GET /jobs\nrespond", open, "the script does not run"},
		{"exists nothing", open, "the script does not run"},
		{"as full", open, "the script sends nothing"},
		{"skip", open, "the script skipped itself"},
	} {
		verdict, reason, out, _ := perform(t, tt.script, false, conformance.WritesAll)
		if verdict != tt.want || tt.want == fail && reason != tt.reason || !strings.Contains(reason, tt.reason) {
			t.Errorf("%q: %v, %q, expected %v, %q", tt.script, verdict, reason, tt.want, tt.reason)
		}
		if tt.want == fail && (!strings.Contains(out, "a check.txtar:1:1: error: script:a check: a hand-written check does not hold [script]") || !strings.Contains(out, tt.reason)) {
			t.Errorf("%q: the report does not say so:\n%s", tt.script, out)
		}
	}
	if v, reason, _, _ := perform(t, "as full\nrequest GET /jobs\ncors-blocked", true, conformance.WritesNone); v != fail || !strings.Contains(reason, "the answer has Access-Control-Allow-Origin") {
		t.Errorf("an open server: %v, %q", v, reason)
	}
}

// What writes is sent only where writes are, and once; what reads and fails is repeated.
func TestWritesAndRepeats(t *testing.T) {
	const write = "as full\nrequest POST /jobs body.json\nstatus 403\n-- body.json --\n{}"
	verdict, reason, _, none := perform(t, write, false, conformance.WritesNone)
	if verdict != conformance.Skipped || !strings.Contains(reason, "--writes none") {
		t.Errorf("%v, %q", verdict, reason)
	}
	if verdict, _, _, sent := perform(t, write, false, conformance.WritesAll); verdict != conformance.Fail || sent != none+1 {
		t.Errorf("%v after %d requests, %d without it: a write is sent once", verdict, sent, none)
	}
	if verdict, _, _, sent := perform(t, "as full\nrequest GET /jobs\nstatus 403", false, conformance.WritesNone); verdict != conformance.Fail || sent != none+3 {
		t.Errorf("%v after %d requests, %d without it: a read that fails is sent twice more", verdict, sent, none)
	}
	if verdict, _, _, _ := perform(t, "exec true", false, conformance.WritesNone); verdict != conformance.Skipped {
		t.Errorf("a script that runs a program: %v", verdict)
	}
}

func TestOpen(t *testing.T) {
	if _, err := script.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a folder that is not there is opened")
	}
	dir := t.TempDir()
	if _, err := script.Open(dir); err == nil || !strings.Contains(err.Error(), ".txtar") {
		t.Errorf("an empty folder: %v", err)
	}
	for _, name := range []string{"a.txt", "a.txtar"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := script.Open(dir); err == nil || !strings.Contains(err.Error(), "have one name") {
		t.Errorf("two checks of one name: %v", err)
	}
}
