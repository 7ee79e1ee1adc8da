package conformance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"context"
	"net/http/httptest"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

func TestScratch(t *testing.T) {
	if os.Getenv("SCRATCH") == "" {
		t.Skip("scratch")
	}
	cat := os.Getenv("CAT")
	if cat == "" {
		cat = "reference/board.yaml"
	}
	c := load(t, cat)
	var traps []string
	if v := os.Getenv("TRAPS"); v != "" {
		traps = strings.Split(v, ",")
	}
	var places []string
	switch f := os.Getenv("SCRATCH"); f {
	case "clean":
		places = []string{""}
	case "traps":
		for _, tr := range reference.Traps {
			if tr.Name != "" {
				places = append(places, "trap:"+tr.Name)
			}
		}
	case "all":
		for _, f := range reference.Faults {
			for _, ch := range conformance.Checks {
				for _, n := range ch.Finds {
					if n == f.Name {
						places = append(places, f.Name)
					}
				}
			}
		}
	default:
		places = strings.Split(f, ",")
	}
	for _, place := range places {
		opts := reference.Options{AdminToken: "tok", Traps: traps}
		if tr, ok := strings.CutPrefix(place, "trap:"); ok {
			opts.Traps = []string{tr}
		} else if place != "" {
			opts.Faults = []string{place}
		}
		srv, err := reference.New(c, opts)
		if err != nil {
			t.Log(place, err)
			continue
		}
		api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
		checks := conformance.Checks
		if v := os.Getenv("ONLY"); v != "" {
			checks, err = conformance.SelectChecks(strings.Split(v, ","), nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		p, err := conformance.NewPlan(c, conformance.PlanOptions{Shares: true, Checks: checks})
		if err != nil {
			t.Fatal(err)
		}
		a := keyring.NewAdmin(parse(t, admin.URL), "tok")
		creds, err := a.MintPlan(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{
			Base: parse(t, api.URL), Credentials: creds, Reference: true, Objects: a, Provisioner: a, Writes: conformance.WritesAll,
			Limits: conformance.Limits{Connections: 8},
		})
		if err != nil {
			t.Log(place, err)
			continue
		}
		r := conformance.Judge(p, answers)
		api.Close()
		admin.Close()
		fmt.Printf("== %s: %s; %d requests %v probes %d left %v\n", place, r.FirstLine(), sent.Requests, time.Since(start).Round(time.Millisecond), len(p.Probes), sent.Left)
		for _, g := range r.Groups {
			fmt.Printf("   G %-20s %s (%s) %d\n", g.Check, g.Subject, g.Cause.ID, len(g.Probes))
		}
		sum := map[string]int{}
		for i, v := range r.Verdicts {
			pr := p.Probes[i]
			if pr.Request >= 0 && v != conformance.Fail {
				continue
			}
			sum[pr.Check+" "+v.String()]++
			if os.Getenv("V") != "" && v != conformance.Pass && strings.Contains(os.Getenv("V"), v.String()[:2]) {
				var row int
				row, _, _ = p.About(&pr)
				_ = row
				q := ""
				if pr.Request < 0 {
					qq := p.Questions[pr.Question]
					q = qq.Object + "/" + qq.Field + "/" + qq.Variant
				}
				fmt.Printf("     %s [%s]\n", describe(r, i), q)
			}
		}
		if os.Getenv("SUM") != "" {
			for _, ch := range checks {
				fmt.Printf("   %-22s", ch.ID)
				for _, v := range []string{"pass", "fail", "inconclusive", "skipped"} {
					fmt.Printf(" %s %d", v, sum[ch.ID+" "+v])
				}
				fmt.Println()
			}
		}
	}
}
