package script_test

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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/script"
	"github.com/permcheck/permcheck/internal/report"
)

const deskCatalog = `permcheck: catalog/1
name: desk
permissions: {read: , salary: , write: {aliases: [WRITE]}}
credentials: {grants-change: on-reenable, states: {enabled: admitted, revoked: refused}, actions: {revoke: revoked, enable: enabled}}
endpoints:
  GET /jobs: {requires: read, lists: job}
  GET /jobs/{id}: {requires: read, gets: job}
  POST /jobs/search: {requires: read, effect: read, lists: job}
  POST /jobs: write
  DELETE /jobs/{id}: write
  GET /health: public
  GET /people: unknown
records: {job: {sharing: {all: {}, open: {open: true}}}}
fields: {job: {salary: salary}}
`

// A desk is an API whose clients sign in: POST /token takes id and secret. It is its own
// provisioner, and notes all that it is told.
type desk struct {
	mu     sync.Mutex
	keys   map[string]*deskKey // by id
	tokens map[string]string   // token -> id
	jobs   map[string]bool     // id -> open
	next   int
	late   time.Duration // until a change of state is in force
	leaky  bool          // sharing is ignored
	empty  bool          // a narrowed key sees no rows
	bodies []string
}

type deskKey struct {
	secret  string
	grants  perm.Set
	share   string
	revoked bool
	since   time.Time
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	d.bodies = append(d.bodies, body.String())
	w.Header().Set("Content-Type", "application/json")
	reply := func(status int, v any) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if r.URL.Path == "/health" {
		reply(200, map[string]bool{"ok": true})
		return
	}
	if r.URL.Path == "/token" {
		var in struct{ ID, Secret string }
		_ = json.Unmarshal(body.Bytes(), &in)
		k := d.keys[in.ID]
		if k == nil || k.secret != in.Secret || k.revoked {
			reply(400, map[string]string{"error": "no"})
			return
		}
		d.next++
		token := fmt.Sprint("token-of-desk-", d.next)
		d.tokens[token] = in.ID
		w.Header().Set("Authorization", "Bearer "+token)
		reply(200, map[string]any{"data": map[string]string{"token": token}})
		return
	}
	k := d.keys[d.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]]
	if k == nil || k.revoked && time.Since(k.since) > d.late {
		reply(401, map[string]string{"error": "who"})
		return
	}
	need := perm.Permission("read")
	if r.Method == "POST" && r.URL.Path == "/jobs" || r.Method == "DELETE" {
		need = "write"
	}
	if !k.grants.Has(need) {
		reply(403, map[string]string{"error": "no"})
		return
	}
	job := func(id string) map[string]any {
		v := map[string]any{"id": id, "open": d.jobs[id], "owner": map[string]any{"name": "ann " + id}}
		if k.grants.Has("salary") {
			v["salary"] = 100
		} else {
			v["salary"] = nil
		}
		return v
	}
	sees := func(id string) bool {
		open, ok := d.jobs[id]
		return ok && (k.share != "open" || open || d.leaky)
	}
	id, one := strings.CutPrefix(r.URL.Path, "/jobs/")
	switch {
	case r.Method == "POST" && r.URL.Path == "/jobs":
		d.next++
		id := fmt.Sprint("made-", d.next)
		d.jobs[id] = true
		reply(201, job(id))
	case r.Method == "DELETE":
		delete(d.jobs, id)
		reply(204, nil)
	case d.empty && k.share == "open" && !one:
		reply(200, map[string]any{"data": []any{}})
	case r.Method == "POST" || !one:
		list := []any{}
		for id := range d.jobs {
			if sees(id) {
				list = append(list, job(id))
			}
		}
		slices.SortFunc(list, func(a, b any) int {
			return strings.Compare(a.(map[string]any)["id"].(string), b.(map[string]any)["id"].(string))
		})
		reply(200, map[string]any{"data": list})
	case sees(id):
		reply(200, job(id))
	default:
		reply(404, map[string]string{"error": "none"})
	}
}

func (d *desk) admin(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var in struct {
		Grants  perm.Set
		Sharing map[string]string
	}
	_ = json.NewDecoder(r.Body).Decode(&in)
	out := map[string]string{}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case r.Method == "POST" && len(parts) == 1:
		d.next++
		id := fmt.Sprint("client-", d.next)
		d.keys[id] = &deskKey{secret: fmt.Sprint("desk-secret-", d.next), grants: in.Grants, share: in.Sharing["job"]}
		out["id"], out["secret"] = id, d.keys[id].secret
	case r.Method == "DELETE":
		delete(d.keys, parts[1])
	case r.Method == "PATCH" && d.keys[parts[1]].grants.Has("salary"):
		w.WriteHeader(http.StatusConflict) // such keys are the desk's own
		return
	case r.Method == "PATCH":
		d.keys[parts[1]].grants = in.Grants
	case parts[2] == "revoke" || parts[2] == "enable":
		d.keys[parts[1]].revoked, d.keys[parts[1]].since = parts[2] == "revoke", time.Now()
	}
	_ = json.NewEncoder(w).Encode(out)
}

type deskIDs struct{}

func (deskIDs) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{Values: map[string]string{"id": "2"}, Expendable: true}, nil
}

// onDesk runs one script on a desk, and returns its verdict, its reason and what is observed.
func onDesk(t *testing.T, d *desk, text string, provisioned bool, writes conformance.WritePolicy) (conformance.Verdict, string, string) {
	t.Helper()
	d.keys, d.tokens, d.jobs = map[string]*deskKey{"full": {secret: "secret-of-full", grants: perm.NewSet("read", "salary", "write")}, "poor": {secret: "secret-of-poor", grants: perm.Set{}}},
		map[string]string{}, map[string]bool{"1": false, "2": true, "3": true}
	api, adminAPI := httptest.NewServer(d), httptest.NewServer(http.HandlerFunc(d.admin))
	defer api.Close()
	defer adminAPI.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "check.txtar"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	scripts, err := script.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalogs.Parse("desk.yaml", []byte(deskCatalog))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PC_FULL", "secret-of-full")
	t.Setenv("PC_POOR", "secret-of-poor")
	profile, err := keyring.ParseProfile("desk-profile.yaml", []byte(`permcheck: probe/1
auth: {exchange: {url: /token, json: {id: $user, secret: $secret}, token: data.token}}
keys:
  full: {grants: all, user: full, secret: env:PC_FULL}
  poor: {grants: none, user: poor, secret: env:PC_POOR}
`), c)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.SelectChecks([]string{"scripts"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: checks, Scripts: scripts.Scripts, Keys: profile.PlanKeys()})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	target := conformance.Target{Disposable: true, Writes: writes, Scripts: scripts, Objects: deskIDs{}, Within: 400 * time.Millisecond}
	if target.Base, err = url.Parse(api.URL); err != nil {
		t.Fatal(err)
	}
	if target.Credentials, err = profile.SignIn(ctx, p, target.Base); err != nil {
		t.Fatal(err)
	}
	if provisioned {
		address, err := url.Parse(adminAPI.URL)
		if err != nil {
			t.Fatal(err)
		}
		ring := keyring.NewAdmin(address, "")
		ring.Manners, ring.API = profile, target.Base
		target.Provisioner = ring
	}
	archive := filepath.Join(dir, "all.har")
	har, err := conformance.NewHAR(archive, "test")
	if err != nil {
		t.Fatal(err)
	}
	target.Tape = conformance.Tapes{har}
	answers, facts, err := conformance.Run(ctx, p, target)
	if err != nil {
		t.Fatal(err)
	}
	if err := har.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"token-of-desk", "secret-of", "desk-secret"} {
		if i := strings.Index(string(kept), secret); i >= 0 {
			t.Errorf("%q: the archive holds %q: %s", text, secret, kept[max(0, i-200):i+50])
		}
	}
	delete(d.jobs, "1")
	delete(d.jobs, "2")
	delete(d.jobs, "3")
	if len(facts.Left) > 0 || len(d.keys) != 2 || len(d.jobs) > 0 {
		t.Errorf("%q: left behind: %v, %d keys, jobs %v", text, facts.Left, len(d.keys)-2, d.jobs)
	}
	r := &conformance.Report{Result: conformance.Judge(p, answers), Sent: facts, Target: target.Base, Credentials: target.Credentials, CatalogRef: "desk.yaml", Writes: writes}
	var out bytes.Buffer
	for _, format := range conformance.Formats {
		if err := r.Write(&out, format, report.NewStyles(false)); err != nil {
			t.Fatal(err)
		}
	}
	for _, secret := range []string{"token-of-desk", "secret-of", "desk-secret", "client-", "ann "} {
		if strings.Contains(out.String(), secret) {
			i := strings.Index(out.String(), secret)
			t.Errorf("%q: a report holds %q: %s", text, secret, out.String()[max(0, i-100):i+50])
		}
	}
	return r.Verdicts[0], r.Reasons[0], answers.Records[0].Facts["observed"]
}

func TestCommandsWithKeysAndValues(t *testing.T) {
	const pass, fail, open = conformance.Pass, conformance.Fail, conformance.Inconclusive
	const all = conformance.WritesAll
	for _, tt := range []struct {
		script string
		want   conformance.Verdict
		reason string
	}{
		// Access is judged as everywhere.
		{"key reader read\nkey none none\nas reader\nrequest GET /jobs\nadmitted\n! refused\nas none\nrequest GET /jobs\nrefused\n! admitted", pass, ""},
		{"key none none\nas none\nrequest GET /jobs\nadmitted", fail, "check.txtar:4: answered 403 to GET /jobs as none, expected that it is admitted"},
		{"key r read\nas r\nrequest GET /jobs\nrefused", fail, "check.txtar:4: answered 200 to GET /jobs as r, expected a refusal"},
		{"key r read\nas r\nrequest GET /jobs/nothing\nrefused", open, "a refusal proves nothing"},
		{"key r read\nas r\nrequest GET /jobs/nothing\nadmitted", open, "answered 404"},
		{"key r read\nas r\nrequest POST /jobs body\nrefused\n-- body --\n{}", pass, ""},
		{"key w write\nas w\nrequest DELETE /jobs/{id}\nadmitted\nkey r read\nas r\nrequest DELETE /jobs/{id}\nrefused", pass, ""},
		{"key r read\nas r\nevery reads admitted\nevery writes refused", pass, ""},
		{"key r read\nas r\nevery reads refused", fail, "check.txtar:3: r is answered 200 to GET /jobs, 200 to GET /jobs/{id}, 200 to POST /jobs/search, expected that every one of them is refused"},
		{"key r read\nas r\nevery rows refused asking wri*", pass, ""},
		{"key r read\nas r\nevery rows refused asking x*", open, "the catalog has no such row"},
		{"every jobs refused", open, "usage: every"},
		// Records and fields.
		{"key a read\nkey o read sharing job=open\nas a\nrequest GET /jobs\nset ALL data id\nset OPEN data id open=true\nfind SHUT data id open=false\nneed ! set-equal ALL OPEN\nas o\nrequest GET /jobs\nset SEEN data id\nset-equal SEEN OPEN\nset-within SEEN ALL\n! set-within ALL SEEN\nset NONE data id id=none\nset-empty NONE\nset-disjoint NONE ALL\nset TWO = 2 3\nset-equal TWO OPEN\nrequest GET /jobs/$SHUT\n! status 2xx\nrefused", pass, ""},
		{"key a read\nas a\nrequest GET /jobs\nset ALL data id\nset OPEN data id open=true\nset-equal ALL OPEN", fail, "check.txtar:6: expected that ALL and OPEN have the same values: 3 and 2, of which 1 and 0 are in one only"},
		{"key a read\nas a\nrequest GET /jobs\nset ALL data id\n! set-within ALL ALL", fail, "check.txtar:5: expected not that ALL is within ALL: 0 of its 3 values are not"},
		{"key a read\nas a\nrequest GET /jobs\nset X data id open!=true\nset-empty X", fail, "check.txtar:5: expected that X is empty: it has 1 values"},
		{"key a read\nkey s read & salary\nas a\nrequest GET /jobs\nabsent-or-null data.*.salary\nas s\nrequest GET /jobs\n! absent-or-null data.*.salary", pass, ""},
		{"key s read & salary\nas s\nrequest GET /jobs\nabsent-or-null data.*.salary", fail, "check.txtar:4: the answer to GET /jobs as s has a value at data.*.salary, expected none"},
		{"key a read\nas a\nrequest GET /jobs\n! absent-or-null data.*.salary", fail, "check.txtar:4: the answer to GET /jobs as a has no value at data.*.salary"},
		// Values.
		{"as full\nrequest GET /jobs\ntake id data.0.id\nrequest GET /jobs/{id}\njson id $id\nlet name 'ann '$id\nrequest GET /jobs/$id\njson owner.name $name\nrequest POST /jobs body\n-- body --\n{\"x\": \"$name \\\" $mark\", \"$$ref\": 1}", pass, ""},
		{"as full\nrequest POST /jobs body\n-- body --\n{\"$ref\": 1}", open, "there is no variable $ref"},
		{"as full\nrequest GET /jobs\ntake X data.9.id", open, "the answer to GET /jobs as full has no data.9.id"},
		{"as full\nrequest GET /jobs\nfind X data id open=maybe", open, "has nothing in data with id where open=maybe"},
		{"as full\nrequest GET /jobs\nset X nowhere id", open, "has no list at nowhere"},
		{"as full\nrequest GET /jobs/$nothing", open, "there is no variable $nothing"},
		{"as full\nset-empty X", open, "there is no set X"},
		{"as full\nrequest GET /jobs/1\nmembers M .owner\n", open, "has no object at .owner"},
		{"as full\nrequest GET /jobs\nmembers M data.*\nset WANT = id open owner salary\nset-equal M WANT\nset ALL data id\nset ONE = 1 3\nset-minus REST ALL ONE\npick id REST\nrequest GET /jobs/$id\njson id 2\nset-minus NONE ONE ALL\nset-empty NONE", pass, ""},
		{"as full\nrequest GET /jobs\nset NONE data id id=none\npick id NONE", open, "NONE is empty"},
		{"as full\nrequest GET /jobs\ntake A data.0.id\ntake B data.1.id\nlet C $A\n[same:A,B] status 404\n[!same:A,B] status 200\n[!same:A,C] status 404\n[same:A,C] status 403", fail, "check.txtar:9: answered 200 to GET /jobs as full, expected 403"},
		{"as full\nrequest GET /jobs\n[same:A,B] status 200", open, "[same:A,B]: expected [same:A,B] with two variables"},
		{"as full\nrequest GET /jobs/2\nmembers HAS .\nset KNOWN = id open owner\nset-minus MORE HAS KNOWN\nset SALARY = salary\nset-equal MORE SALARY\npick FIELD MORE\njson $FIELD 100\nlet F salary\n[same:FIELD,F] status 200\n[!same:FIELD,F] status 500", pass, ""},
		{"as full\nrequest GET /jobs\nmembers X data", open, "has no object at data"},
		{"as full\nset X = a\nset-minus Y X X\npick Z Y", open, "Y is empty"},
		// Tokens.
		{"key k read\nrequest POST /token body\nstatus 200\ntake T data.token\ntake-header H Authorization\nbearer $T\nrequest GET /jobs\nadmitted\nheader Authorization Bearer $H\nas anonymous\nrequest GET /jobs\nstatus 200\n-- body --\n{\"id\": \"$k.id\", \"secret\": \"$k.secret\"}", pass, ""},
		{"key k read\ntoken T k\nsign-in k\nbearer $T\nrequest GET /jobs\nstatus 200\nbearer wrong\nrequest GET /jobs\nstatus 401", pass, ""},
		{"key k read\nsign-in k\nrevoke k\n! sign-in k\nenable k\nsign-in k\nas k\nrequest GET /jobs\nadmitted", pass, ""},
		{"key k read\nrevoke k\nsign-in k", fail, "check.txtar:3: signing in key k is answered 400"},
		{"key k read\n! sign-in k", fail, "check.txtar:2: key k still signs in"},
		{"jwt T secret=s iss=full exp=now+10m n=1\nbearer $T\nrequest GET /jobs\nstatus 401", pass, ""},
		// Life cycle.
		{"key k read\nas k\nrequest GET /jobs\nadmitted\nrevoke k\nrequest GET /jobs\nrefused\nenable k\nrequest GET /jobs\nadmitted\nregrant k none\nrequest GET /jobs\nrefused\ndo k revoke\ndelete k", pass, ""},
		{"key k read & salary\n! regrant k none\nas k\nrequest GET /jobs\nadmitted", pass, ""},
		{"key k read\n! regrant k none", fail, "check.txtar:2: the grant of key k is changed, expected that it cannot be"},
		{"revoke full", open, `no key "full" was made by this script`},
		{"key k read\ndo k melt", open, "nothing says how to melt a key"},
		{"key k reed\nas k", open, "expected a grant"},
		{"key k read sharing job=half", open, "the catalog has no sharing option half of job"},
		{"key k read list x=y", open, "the catalog has no allow list x"},
		{"key anonymous read", open, "the name anonymous is taken"},
		{"as full\nsleep 1ms\nrequest GET /jobs\nsleep 3h", open, "expected a duration up to 2m"},
		// The catalog.
		{"catalog requires GET /jobs read\n! catalog requires GET /jobs write\ncatalog opens GET /jobs read\n! catalog opens POST /jobs read\ncatalog permission salary\n! catalog permission tea\ncatalog same write, WRITE\ncatalog permissions 3\ncatalog rows 7\ncatalog rows 3 read\ncatalog field job salary salary\n! catalog lint near-miss-permission", pass, ""},
		{"catalog requires GET /jobs write", fail, `check.txtar:1: the catalog asks for "read" at GET /jobs`},
		{"catalog requires GET /tea read", fail, "the catalog has no row GET /tea"},
		{"catalog requires GET /jobs tea", open, `the catalog has no permission "tea"`},
		{"catalog lint tea", open, `"tea" is no lint`},
		{"catalog drink tea", open, "usage: [!] catalog"},
		// What nobody states.
		{"as full\nneed status 403", open, "there is no answer yet"},
		{"as full\nrequest GET /jobs\nneed status 403\nstatus 404", open, "answered 200 to GET /jobs as full, expected 403"},
		{"inconclusive no page says how", open, "no page says how"},
		{"need", open, "usage: need"},
		{"tell X drink", open, "expected an expectation"},
	} {
		verdict, reason, _ := onDesk(t, &desk{}, tt.script, true, all)
		if verdict != tt.want || tt.want == fail && !strings.HasSuffix(reason, tt.reason) || !strings.Contains(reason, tt.reason) {
			t.Errorf("%q:\n%v, %q, expected %v, %q", tt.script, verdict, reason, tt.want, tt.reason)
		}
	}
}

func TestObserve(t *testing.T) {
	verdict, reason, seen := onDesk(t, &desk{}, "key r read\nas r\nrequest GET /jobs/1\ntell OPEN json open true\ntell ADMITTED admitted\ntake WHO owner.name\nrequest GET /jobs\nset S data id\nobserve 'answered $status, open: $OPEN, admitted: $ADMITTED, rows: $S.count, by $WHO'\nobserve more", true, conformance.WritesAll)
	if want := "answered 200, open: no, admitted: yes, rows: 3, by $WHO; more"; verdict != conformance.Pass || seen != want {
		t.Errorf("%v, %q, observed %q, expected %q", verdict, reason, seen, want)
	}
}

// A change of a key that takes its time is waited for; one that never comes is a finding.
func TestChangesAreWaitedFor(t *testing.T) {
	const text = "key k read\nas k\nrequest GET /jobs\nadmitted\nrevoke k\nrequest GET /jobs\nrefused"
	if v, reason, _ := onDesk(t, &desk{late: 150 * time.Millisecond}, text, true, conformance.WritesAll); v != conformance.Pass {
		t.Errorf("a change that takes its time: %v, %s", v, reason)
	}
	if v, reason, _ := onDesk(t, &desk{late: time.Hour}, text, true, conformance.WritesAll); v != conformance.Fail || !strings.Contains(reason, "answered 200 to GET /jobs as k, expected a refusal") {
		t.Errorf("a change that never comes: %v, %s", v, reason)
	}
	const shared = "key a read\nkey o read sharing job=open\nas a\nrequest GET /jobs\nset OPEN data id open=true\nas o\nrequest GET /jobs\nset SEEN data id\nset-equal SEEN OPEN"
	if v, reason, _ := onDesk(t, &desk{leaky: true}, shared, true, conformance.WritesAll); v != conformance.Fail || !strings.Contains(reason, "check.txtar:9: expected that SEEN and OPEN have the same values: 3 and 2") {
		t.Errorf("a server that ignores sharing: %v, %s", v, reason)
	}
}

// An empty list may be a refusal, or all that a narrowed key has.
func TestEmptyLists(t *testing.T) {
	for text, want := range map[string]conformance.Verdict{
		"key o read sharing job=open\nas o\nrequest GET /jobs\nrefused":  conformance.Pass,
		"key o read sharing job=open\nas o\nrequest GET /jobs\nadmitted": conformance.Inconclusive,
	} {
		if v, reason, _ := onDesk(t, &desk{empty: true}, text, true, conformance.WritesAll); v != want {
			t.Errorf("%q: %v, %s", text, v, reason)
		}
	}
}

// Where keys cannot be made those of the profile do, if there is just the right one.
func TestKeysOfTheProfile(t *testing.T) {
	for _, tt := range []struct {
		script string
		want   conformance.Verdict
		reason string
		writes conformance.WritePolicy
		makes  bool
	}{
		{"key a all\nkey n none\nas a\nrequest GET /jobs\nadmitted\nas n\nrequest GET /jobs\nrefused", conformance.Pass, "", conformance.WritesNone, false},
		{"key r read\nas r\nrequest GET /jobs", conformance.Inconclusive, "needs a key that holds read: add it to the profile, or say how keys are made (provision:)", conformance.WritesAll, false},
		{"key o all sharing job=open", conformance.Inconclusive, "needs a key that holds all (job open): add it", conformance.WritesAll, false},
		{"key o all sharing job=all\nas o\nrequest GET /jobs\nadmitted", conformance.Pass, "", conformance.WritesNone, false},
		{"key a all\nrevoke a", conformance.Inconclusive, "needs a key of its own that holds all, to change it", conformance.WritesAll, false},
		{"key r read\nas r\nrequest GET /jobs", conformance.Inconclusive, "or allow that keys are made (--writes)", conformance.WritesNone, true},
		{"key a all\nrevoke a", conformance.Skipped, "--writes none", conformance.WritesNone, true},
		// What is not expendable is left alone with --writes disposable, what the script made is not.
		{"as full\nrequest GET /jobs\ntake ONE data.0.id\nrequest DELETE /jobs/$ONE", conformance.Skipped, "not expendable", conformance.WritesDisposable, false},
		{"as full\nrequest DELETE /jobs/1", conformance.Skipped, "not expendable", conformance.WritesDisposable, false},
		{"as full\nlet id 1\nrequest DELETE /jobs/{id}", conformance.Skipped, "not expendable", conformance.WritesDisposable, false},
		{"as full\nrequest POST /people", conformance.Skipped, "not expendable", conformance.WritesDisposable, false},
		{"as full\nrequest DELETE /jobs/{id}\nadmitted", conformance.Pass, "", conformance.WritesDisposable, false},
		{"as full\nrequest POST /jobs body\nstatus 201\ntake NEW id\nrequest DELETE /jobs/$NEW\nadmitted\n-- body --\n{}", conformance.Pass, "", conformance.WritesDisposable, false},
	} {
		if v, reason, _ := onDesk(t, &desk{}, tt.script, tt.makes, tt.writes); v != tt.want || !strings.Contains(reason, tt.reason) {
			t.Errorf("%q: %v, %q, expected %v, %q", tt.script, v, reason, tt.want, tt.reason)
		}
	}
}
