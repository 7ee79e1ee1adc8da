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
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(`{"data":[{"id":"7f31","title":"an engineer"}]}`)) // the client may be gone
	}))
	defer server.Close()
	p, err := conformance.NewPlan(many(probes/8), conformance.PlanOptions{Checks: matrixChecks(t)})
	if err != nil {
		t.Fatal(err)
	}
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
	_, sent, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, server.URL), Credentials: creds, Reference: true,
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
	first, last := samples[1], samples[10]
	if first == 0 || last == 0 {
		t.Fatalf("%d samples of %d requests", len(samples), len(p.Requests))
	}
	t.Logf("%d probes, %d requests: %.1f MB held after a tenth, %.1f MB at the end; bound: %d MB more", len(p.Probes), sent.Requests, float64(first)/1e6, float64(last)/1e6, memoryBound>>20)
	if last-first > memoryBound {
		t.Errorf("memory grew by %.1f MB", float64(last-first)/1e6)
	}
}
