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

// Probes a second on loopback, beside the plain client of net/http with as many
// connections on the same requests.
func BenchmarkRequests(b *testing.B) {
	c := many(500)
	srv, err := reference.New(c, reference.Options{})
	if err != nil {
		b.Fatal(err)
	}
	api := httptest.NewServer(srv.API())
	defer api.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{})
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
		b.Run(fmt.Sprintf("probe/%d", connections), func(b *testing.B) {
			for b.Loop() {
				answers, _, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(b, api.URL), Credentials: creds,
					Reference: true, Objects: noObjects{}, Limits: conformance.Limits{Connections: connections}})
				if err != nil {
					b.Fatal(err)
				}
				if r := conformance.Judge(p, answers); r.Count[conformance.Fail] > 0 || r.Proven != r.Total() {
					b.Fatal(r.FirstLine())
				}
			}
			b.ReportMetric(float64(len(p.Requests)*b.N)/b.Elapsed().Seconds(), "req/s")
		})
		b.Run(fmt.Sprintf("plain/%d", connections), func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
			defer client.CloseIdleConnections()
			for b.Loop() {
				var next atomic.Int64
				var wg sync.WaitGroup
				for range connections {
					wg.Go(func() {
						for i := int(next.Add(1)) - 1; i < len(p.Requests); i = int(next.Add(1)) - 1 {
							req, err := http.NewRequest("GET", api.URL+p.Rows[p.Requests[i].Row].Path, nil)
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
			b.ReportMetric(float64(len(p.Requests)*b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}

func BenchmarkPlan(b *testing.B) {
	c := many(5000)
	for b.Loop() {
		if _, err := conformance.NewPlan(c, conformance.PlanOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
