package conformance_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/reference"
)

// many is a catalog of n reads.
func many(n int) *catalogs.Catalog {
	c := &catalogs.Catalog{Name: "many"}
	for i := range 20 {
		c.Permissions = append(c.Permissions, catalogs.Permission{ID: perm.Permission(fmt.Sprintf("p%02d", i))})
	}
	for i := range n {
		need := perm.All(c.Permissions[i%20].ID)
		c.Endpoints = append(c.Endpoints, catalogs.Endpoint{Method: "GET", Path: fmt.Sprintf("/things/%d", i), Requires: &need})
	}
	return c
}

var matrixIDs = []string{"over-grant", "under-grant", "anonymous-admitted", "bad-key-admitted", "default-allow", "refusal-form", "effect-despite-refusal"}

// matrixChecks are the checks that send each request of the plan once.
func matrixChecks(tb testing.TB) []*conformance.Check {
	tb.Helper()
	checks, err := conformance.SelectChecks(matrixIDs, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return checks
}

// Probes a second on loopback, beside the plain client of net/http with as many connections
// on the same requests, in turn. The ratio is to stay above 0.6.
func BenchmarkRequests(b *testing.B) {
	c := many(500)
	srv, err := reference.New(c, reference.Options{})
	if err != nil {
		b.Fatal(err)
	}
	api := httptest.NewServer(srv.API())
	defer api.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: matrixChecks(b)})
	if err != nil {
		b.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind == conformance.ValidKey {
			_, secret, err := srv.Mint(k.Name, k.Grants)
			if err != nil {
				b.Fatal(err)
			}
			creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: secret}
		}
	}
	for _, connections := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(connections), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
			defer client.CloseIdleConnections()
			var probing, plain time.Duration
			for b.Loop() {
				start := time.Now()
				answers, _, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(b, api.URL), Disposable: true, Credentials: creds,
					Reference: true, Objects: noObjects{}, Limits: conformance.Limits{Connections: connections}})
				if err != nil {
					b.Fatal(err)
				}
				if r := conformance.Judge(p, answers); r.Count[conformance.Fail] > 0 || r.Proven != r.Total() {
					b.Fatal(r.FirstLine())
				}
				probing += time.Since(start)
				start = time.Now()
				plainly(b, client, api.URL, p, creds, connections)
				plain += time.Since(start)
			}
			n := float64(len(p.Requests) * b.N)
			b.ReportMetric(n/probing.Seconds(), "probes/s")
			b.ReportMetric(n/plain.Seconds(), "plain/s")
			b.ReportMetric(plain.Seconds()/probing.Seconds(), "ratio")
		})
	}
}

// plainly sends the requests of a plan and does nothing with the answers.
func plainly(b *testing.B, client *http.Client, api string, p *conformance.Plan, creds []conformance.Credential, connections int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(p.Requests); i = int(next.Add(1)) - 1 {
				req, err := http.NewRequest("GET", api+p.Rows[p.Requests[i].Row].Path, nil)
				if err != nil {
					b.Error(err)
					return
				}
				creds[p.Requests[i].Key].Apply(req)
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

func BenchmarkPlan(b *testing.B) {
	c := many(5000)
	for b.Loop() {
		if _, err := conformance.NewPlan(c, conformance.PlanOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
