package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

const boardCatalog = `permcheck: catalog/1
name: jobs
permissions: {read: , salary: }
refused: {anonymous: 401, forbidden: 403}
credentials: {states: {enabled: admitted, disabled: refused}, actions: {disable: disabled}}
browsers: blocked
endpoints:
  GET /jobs: {requires: read, lists: job}
  GET /jobs/{id}: {requires: read, gets: job}
  GET /me: authenticated
records:
  job: {sharing: {all: {}, open: {secret: false}}}
fields: {job: {salary: salary}}
`

// A board is a small server of that catalog with one switch for each mistake. It is right as
// long as no switch is set.
type board struct {
	mu       sync.Mutex
	keys     map[string]*boardKey
	next     int
	disabled map[string]bool

	slashOpen, cors, deadKeys, leaksField, leaksRecord, loses bool
	// flaky: what it does wrong it does once only, the first time or, when the matrix has
	// occasions too, the one after those.
	flaky             bool
	occasions, before int
}

type boardKey struct {
	grants  perm.Set
	sharing string
}

func newBoard() *board {
	b := &board{keys: map[string]*boardKey{}, disabled: map[string]bool{}}
	for name, k := range map[string]*boardKey{
		"full": {perm.NewSet("read", "salary"), ""}, "none": {perm.Set{}, ""}, "reader": {perm.NewSet("read"), ""}, "open": {perm.NewSet("read", "salary"), "open"},
	} {
		b.keys[name+"-secret"] = k
	}
	return b
}

// errs reports whether a switch is on now.
func (b *board) errs(on bool) bool {
	if !on {
		return false
	}
	b.occasions++
	return !b.flaky || b.occasions == b.before+1
}

func (b *board) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if r.Header.Get("Origin") != "" && b.errs(b.cors) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
	}
	path := r.URL.Path
	secret := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	key := b.keys[secret]
	if strings.HasSuffix(path, "/") {
		if !b.errs(b.slashOpen) {
			reply(404, map[string]string{"error": "not_found"})
			return
		}
		path, key = strings.TrimSuffix(path, "/"), b.keys["full-secret"]
	}
	if !slices.Contains([]string{"/jobs", "/me"}, path) && !strings.HasPrefix(path, "/jobs/") {
		reply(404, map[string]string{"error": "not_found"})
		return
	}
	if key == nil || b.disabled[secret] && !b.errs(b.deadKeys) {
		reply(401, map[string]string{"error": "who"})
		return
	}
	if path == "/me" {
		reply(200, map[string]any{"grants": key.grants})
		return
	}
	if !slices.Contains(key.grants, perm.Permission("read")) {
		reply(403, map[string]string{"error": "no_permission"})
		return
	}
	var shown []map[string]any
	for i := range 7 {
		job := map[string]any{"id": i + 1, "title": fmt.Sprintf("Job number %d", i+1), "secret": i%3 == 0}
		if slices.Contains(key.grants, perm.Permission("salary")) || b.leaksField {
			job["salary"] = 50_000 + 100*i
		}
		if key.sharing == "open" && i%3 == 0 && !(i == 3 && b.errs(b.leaksRecord)) || key.sharing == "open" && i == 1 && b.errs(b.loses) {
			continue
		}
		shown = append(shown, job)
	}
	if id := strings.TrimPrefix(path, "/jobs/"); id != path {
		for _, job := range shown {
			if fmt.Sprint(job["id"]) == id {
				reply(200, job)
				return
			}
		}
		reply(404, map[string]string{"error": "not_found"})
		return
	}
	start, _ := strconv.Atoi(r.URL.Query().Get("cursor"))
	start = min(max(start, 0), len(shown))
	page := shown[start:min(start+3, len(shown))]
	var next any
	if start+3 < len(shown) {
		next = fmt.Sprint(start + 3)
	}
	reply(200, map[string]any{"data": page, "total": len(shown), "next": next})
}

// Can, Mint and Do make the board a provisioner of its own keys.
func (b *board) Can(a conformance.Action) bool {
	return a == "" || a == conformance.Disable || a == conformance.Delete
}

func (b *board) Mint(_ context.Context, spec conformance.KeySpec) (conformance.MintedKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	secret := fmt.Sprintf("minted-secret-%d", b.next)
	b.keys[secret] = &boardKey{spec.Grants, spec.Sharing["job"]}
	return conformance.MintedKey{ID: secret, Credential: conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: secret}}, nil
}

func (b *board) Do(_ context.Context, k conformance.MintedKey, action conformance.Action, _ conformance.KeySpec) (conformance.MintedKey, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if action == conformance.Delete {
		delete(b.keys, k.ID)
	} else {
		b.disabled[k.ID] = true
	}
	return k, nil
}

type firstJob struct{}

func (firstJob) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{Values: map[string]string{"id": "2"}, Shared: true}, nil
}

// probeBoard probes a board with the keys of its own and returns the report too, as text and
// JSON.
func probeBoard(t *testing.T, b *board) (*conformance.Result, string) {
	t.Helper()
	srv := httptest.NewServer(b)
	defer srv.Close()
	return probeBoardAt(t, b, srv.URL)
}

// probeBoardAt is probeBoard for a board that is served at an address.
func probeBoardAt(t *testing.T, b *board, base string) (*conformance.Result, string) {
	t.Helper()
	checks, err := conformance.SelectChecks(append(slices.Clone(matrixIDs), "path-trailing-slash", "cors-simple", "disabled-key", "field-hidden", "list-records"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r, out := reportOfBoard(t, b, checks, conformance.Target{Base: parse(t, base)})
	return r.Result, out
}

// salary is a value of the board, as a word: the same digits may stand in a hash.
var salary = regexp.MustCompile(`\b50100\b`)

// reportOfBoard probes a board with some checks; nil: all of them. more says where it is
// served, and what the target is to have besides.
func reportOfBoard(t *testing.T, b *board, checks []*conformance.Check, more conformance.Target) (*conformance.Report, string) {
	t.Helper()
	c, err := catalogs.Parse("jobs.yaml", []byte(boardCatalog))
	if err != nil {
		t.Fatal(err)
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: checks, Keys: []conformance.Key{
		{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}, {Name: "reader", Grants: perm.NewSet("read")},
		{Name: "open", Grants: c.Universe(), Sharing: map[string]string{"job": "open"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind != conformance.NoKey {
			creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: k.Name + "-secret", Env: "PC_" + strings.ToUpper(k.Name)}
		}
	}
	target := conformance.Target{Base: more.Base, Disposable: true, Credentials: creds, Objects: firstJob{}, Provisioner: b, Writes: conformance.WritesAll,
		Limits: conformance.Limits{Connections: max(4, more.Limits.Connections), Timeout: more.Limits.Timeout}, Tape: more.Tape, BuildHeader: more.BuildHeader, Within: atOnce}
	if more.Objects != nil {
		target.Objects = more.Objects
	}
	answers, sent, err := conformance.Run(context.Background(), p, target)
	if err != nil {
		t.Fatal(err)
	}
	if len(sent.Left) > 0 {
		t.Errorf("left behind: %v", sent.Left)
	}
	for secret := range b.keys {
		if strings.HasPrefix(secret, "minted-") {
			t.Errorf("key %s was not taken away", secret)
		}
	}
	r := &conformance.Report{Result: conformance.Judge(p, answers), Sent: sent, Target: target.Base, Credentials: creds, CatalogRef: "jobs"}
	var out bytes.Buffer
	r.WriteText(&out, report.NewStyles(false))
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	// No secret and no value that the server shows reaches a report.
	for _, not := range []string{"-secret\"", "Bearer full", "minted-secret", "Job number"} {
		if strings.Contains(out.String(), not) {
			t.Errorf("the report holds %q", not)
		}
	}
	if salary.MatchString(out.String()) {
		t.Error("the report holds a salary")
	}
	return r, out.String()
}

// Each switch is found by the check for it and by no other; a board without mistakes gives
// nothing; a mistake that is seen once and not again is unstable.
func TestExperiments(t *testing.T) {
	for _, tt := range []struct {
		check string
		once  bool // it is also tried as a mistake that is made once
		set   func(*board)
	}{
		{"", false, func(*board) {}},
		{"path-trailing-slash", true, func(b *board) { b.slashOpen = true }},
		{"cors-simple", true, func(b *board) { b.cors = true }},
		{"disabled-key", false, func(b *board) { b.deadKeys = true }},
		{"field-hidden", false, func(b *board) { b.leaksField = true }},
		{"list-records", false, func(b *board) { b.leaksRecord = true }},
		{"list-records", true, func(b *board) { b.loses, b.before = true, 2 }},
	} {
		for _, flaky := range []bool{false, true} {
			if flaky && !tt.once {
				continue
			}
			t.Run(fmt.Sprintf("%s flaky=%v", tt.check, flaky), func(t *testing.T) {
				b := newBoard()
				tt.set(b)
				b.flaky = flaky
				r, out := probeBoard(t, b)
				found, unstable := false, false
				for i, v := range r.Verdicts {
					check := r.Plan.Probes[i].Check
					unstable = unstable || v == conformance.Inconclusive && strings.HasPrefix(r.Reasons[i], "unstable: ")
					switch {
					case v == conformance.Fail && check == tt.check:
						found = true
					case v == conformance.Fail || tt.check == "" && v != conformance.Pass && !narrowedKey(r, i):
						t.Errorf("%s", describe(r, i))
					}
				}
				if found != (tt.check != "" && !flaky) || unstable != flaky {
					t.Errorf("found %v, unstable %v\n%s", found, unstable, out)
				}
			})
		}
	}
}

// narrowedKey reports whether a probe is about a key whose records are limited.
func narrowedKey(r *conformance.Result, i int) bool {
	_, key, _ := r.Plan.About(&r.Plan.Probes[i])
	return key >= 0 && r.Plan.Keys[key].Narrowed()
}
