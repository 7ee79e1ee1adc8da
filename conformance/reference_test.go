package conformance_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

// catalogNames are the catalogs that every fault is tried on.
var catalogNames = []string{"testdata/small.yaml", "testdata/formulas.yaml", "reference/board.yaml", "vendor:eightfold", "vendor:comeet", "vendor:personio"}

func load(t testing.TB, ref string) *catalogs.Catalog {
	t.Helper()
	c, err := catalogs.Load(ref)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// probe runs the whole of it over real HTTP against a reference server.
func probe(t testing.TB, c *catalogs.Catalog, faults ...string) (*conformance.Result, *reference.Server, error) {
	t.Helper()
	const token = "an admin token"
	srv, err := reference.New(c, reference.Options{Faults: faults, AdminToken: token})
	if err != nil {
		return nil, nil, err
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	defer api.Close()
	defer admin.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	a := keyring.NewAdmin(parse(t, admin.URL), token)
	creds, err := a.MintPlan(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	answers, _, err := conformance.Run(context.Background(), p, conformance.Target{
		Base: parse(t, api.URL), Credentials: creds, Reference: true, Objects: a, Provisioner: a, Writes: conformance.WritesAll,
		Limits: conformance.Limits{Connections: 8},
	})
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Judge(p, answers), srv, nil
}

func parse(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The server that does as its catalog says gives no finding, and nothing stays open.
func TestCleanServerIsProven(t *testing.T) {
	for _, name := range catalogNames {
		t.Run(name, func(t *testing.T) {
			c := load(t, name)
			r, _, err := probe(t, c)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r.FirstLine(), "requests", len(r.Plan.Requests), "keys", len(r.Plan.Keys))
			for i, v := range r.Verdicts {
				if v == conformance.Inconclusive && r.Plan.Probes[i].Request < 0 {
					t.Log(describe(r, i)) // the catalog's data may have nothing to see; the matrix must be whole
					continue
				}
				if v == conformance.Fail || v == conformance.Inconclusive {
					t.Errorf("%s", describe(r, i))
				}
			}
			if r.Proven != r.Total() || r.Total() == 0 {
				t.Errorf("proven %d of %d; unproven: %+v", r.Proven, r.Total(), r.Unproven())
			}
			if len(r.Groups) != 0 || len(r.Dead) != 0 {
				t.Errorf("groups %v, dead keys %v", r.Groups, r.Dead)
			}
		})
	}
}

func describe(r *conformance.Result, i int) string {
	pr := r.Plan.Probes[i]
	row, _, expect := r.Plan.About(&pr)
	status := 0
	if pr.Request >= 0 {
		status = r.Answers.Observations[pr.Request].Status
	} else if x := r.Answers.Records[pr.Question].Last(); x != nil {
		status = x.Status
	}
	return fmt.Sprintf("%s: %s %s as %q, expected %s, got %d: %s", r.Verdicts[i], pr.Check, &r.Plan.Rows[row],
		r.Plan.KeyName(&pr), expect, status, r.Reasons[i])
}

// Each fault, planted on many of the routes that it suits where it is one of a route, is found
// by the check that it names, and no failed probe is about an endpoint and key that
// the server says the fault leaves alone.
func TestEachFaultIsFoundByItsCheck(t *testing.T) {
	planted := map[string]bool{}
	fired := map[string]bool{}
	for _, name := range catalogNames {
		c := load(t, name)
		for n, f := range reference.Faults {
			if f.Check == "" {
				continue // no check of the matrix finds it
			}
			places := []string{f.Name}
			if strings.HasPrefix(name, "testdata/") {
				for i := n % 3; i < len(c.Endpoints); i += 3 { // each fault on other rows
					places = append(places, f.Name+"@"+c.Endpoints[i].String())
				}
			}
			for _, place := range places {
				r, srv, err := probe(t, c, place)
				if err != nil {
					if !strings.Contains(err.Error(), "cannot ") {
						t.Errorf("%s on %s: %v", place, name, err)
					}
					continue
				}
				planted[f.Name] = true
				found := false
				for i, v := range r.Verdicts {
					if v != conformance.Fail {
						continue
					}
					pr := r.Plan.Probes[i]
					found = found || pr.Check == f.Check
					fired[pr.Check] = true
					at, who, _ := r.Plan.About(&pr)
					row := &r.Plan.Rows[at]
					if who >= 0 && !srv.Touches(row.Method, row.Path, caller(r.Plan.Keys[who].Kind), []perm.Permission(r.Plan.Keys[who].Grants)) {
						t.Errorf("%s on %s: false alarm: %s", place, name, describe(r, i))
					}
				}
				if len(r.Groups) > 0 && r.Groups[0].Check != f.Check {
					t.Errorf("%s on %s: the first finding is of %s, not of %s", place, name, r.Groups[0].Check, f.Check)
				}
				if !found {
					t.Errorf("%s on %s: not found by %s; %s", place, name, f.Check, r.FirstLine())
				}
			}
		}
	}
	for _, f := range reference.Faults {
		if f.Check != "" && !planted[f.Name] {
			t.Errorf("fault %s was planted on no catalog", f.Name)
		}
	}
	for _, check := range conformance.Checks {
		if experiment := check.Doc != "" && slices.Contains(awaiting, check.ID); experiment {
			continue
		}
		if !fired[check.ID] {
			t.Errorf("no fault fires the check %s", check.ID)
		}
		if !slices.ContainsFunc(reference.Faults, func(f reference.Fault) bool { return f.Check == check.ID }) {
			t.Errorf("no fault is seeded for the check %s", check.ID)
		}
	}
}

// awaiting are checks whose fault the reference server does not have yet; their own tests
// hold them against servers of their own.
var awaiting = []string{"disabled-key", "path-trailing-slash", "list-records", "field-hidden", "cors-simple"}

func caller(kind conformance.KeyKind) reference.Caller {
	switch kind {
	case conformance.NoKey:
		return reference.Anonymous
	case conformance.BadMalformed:
		return reference.Malformed
	case conformance.BadUnknown:
		return reference.Unknown
	}
	return reference.Valid
}
