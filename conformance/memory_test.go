package conformance_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

// memoryBound is how much more memory a run may hold at its end than after a tenth of it.
const memoryBound = 16 << 20

// What a run holds does not grow with what it has sent: the plan and a place for each answer
// are there from the start. PERMCHECK_PROBES=1000000 makes it a million.
func TestMemoryIsFlat(t *testing.T) {
	probes := 20_000
	if text := os.Getenv("PERMCHECK_PROBES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		probes = n
	}
	c := many(probes/7 + 1)
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: matrixChecks(t)})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Probes) < probes {
		t.Fatalf("%d probes, expected at least %d", len(p.Probes), probes)
	}
	need := map[string]perm.Requirement{}
	for _, e := range c.Endpoints {
		need[e.Path] = *e.Requires
	}
	keys := map[string]perm.Set{}
	for i, k := range p.Keys {
		if k.Kind == conformance.ValidKey {
			keys["Bearer key-"+strconv.Itoa(i)] = k.Grants
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		grants, known := keys[r.Header.Get("Authorization")]
		requires, found := need[r.URL.Path]
		switch {
		case !found:
			w.WriteHeader(http.StatusNotFound)
		case !known:
			w.WriteHeader(http.StatusUnauthorized)
		case !requires.Admits(grants):
			w.WriteHeader(http.StatusForbidden)
		}
		_, _ = w.Write([]byte(`{"data":[{"id":"7f31","title":"an engineer"}]}`)) // the client may be gone
	}))
	defer server.Close()
	creds := make([]conformance.Credential, len(p.Keys))
	for i := range creds {
		creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: "key-" + strconv.Itoa(i), Env: "PC"}
	}
	creds[0] = conformance.Credential{}
	held := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var mu sync.Mutex
	samples := map[int]int64{}
	answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, server.URL), Credentials: creds, Reference: true,
		Progress: func(done, total int) {
			if tenth := max(1, total/10); done%tenth == 0 {
				mu.Lock()
				defer mu.Unlock()
				samples[done/tenth] = held()
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if r := conformance.Judge(p, answers); r.Answers.Cut != "" || r.Count[conformance.Inconclusive] > 0 {
		t.Errorf("%s; cut %q", r.FirstLine(), r.Answers.Cut)
	}
	first, last := samples[1], samples[10]
	if first == 0 || last == 0 {
		t.Fatalf("%d samples of %d requests", len(samples), len(p.Requests))
	}
	t.Logf("%d probes, %d requests: %.1f MB held after a tenth, %.1f MB at the end; bound: %d MB more", len(p.Probes), sent.Requests, float64(first)/1e6, float64(last)/1e6, memoryBound>>20)
	if last-first > memoryBound {
		t.Errorf("memory grew by %.1f MB", float64(last-first)/1e6)
	}
}
