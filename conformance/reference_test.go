package conformance_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

// TestMain lets more tests run at a time than there are cores: most of them wait for a server.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", "6"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// atOnce is how long a change of a key may take at servers that change it before they answer.
const atOnce = 200 * time.Millisecond

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
func probe(t testing.TB, c *catalogs.Catalog, checks []*conformance.Check, faults ...string) (*conformance.Result, *reference.Server, error) {
	t.Helper()
	const token = "an admin token"
	srv, err := reference.New(c, reference.Options{Faults: faults, AdminToken: token})
	if err != nil {
		return nil, nil, err
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	defer api.Close()
	defer admin.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Shares: true, Checks: checks})
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
		Limits: conformance.Limits{Connections: 8}, Within: atOnce,
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
			t.Parallel()
			c := load(t, name)
			r, _, err := probe(t, c, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Log(r.FirstLine(), "requests", len(r.Plan.Requests), "keys", len(r.Plan.Keys))
			for i, v := range r.Verdicts {
				if v == conformance.Inconclusive && r.Plan.Probes[i].Request < 0 && name != boardName {
					t.Log(describe(r, i)) // the catalog's data may have nothing to see; the board's has everything
					continue
				}
				if v == conformance.Fail || v == conformance.Inconclusive {
					t.Errorf("%s", describe(r, i))
					if pr := &r.Plan.Probes[i]; pr.Request < 0 {
						record, _ := json.Marshal(r.Answers.Records[pr.Question])
						t.Logf("%s", record)
					}
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

// found is the check that must find a fault, before all others; "" when no check does.
func found(f *reference.Fault) string {
	for _, c := range conformance.Checks {
		if f.Check == c.ID || slices.Contains(c.Finds, f.Name) {
			return c.ID
		}
	}
	return ""
}

// board is the catalog that has everything.
const boardName = "reference/board.yaml"

// furtherPlaces are routes of the board on which a fault looks otherwise than on its first.
var furtherPlaces = map[string][]string{
	"existence-by-status": {"existence-by-status@PATCH /v1/positions/{id}"},
	"existence-by-body":   {"existence-by-body@DELETE /v1/positions/{id}"},
}

// Each fault, planted on many of the routes that it suits where it is one of a route, is found
// by the check that must find it, and no failed probe is about an endpoint and key that
// the server says the fault leaves alone, or of a check of another matter.
func TestEachFaultIsFoundByItsCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: internal/mutants tries every fault")
	}
	var mu sync.Mutex
	planted := map[string]bool{}
	fired := map[string]bool{}
	t.Run("faults", func(t *testing.T) {
		for _, name := range catalogNames {
			c := load(t, name)
			for n := range reference.Faults {
				f := &reference.Faults[n]
				check := found(f)
				if check == "" || !ofMatrix(check) && name != boardName {
					continue
				}
				t.Run(f.Name+" "+name, func(t *testing.T) {
					t.Parallel() // most of them wait
					c := c
					if f.Name == "cors-origin-served" {
						c = reference.Board() // which does not state this, so that other faults of CORS can be seen
						c.Refused.Origin = catalogs.Denial{Status: 403}
					}
					// Whether other checks are silent is measured by internal/mutants, with all of them.
					checks, err := conformance.SelectChecks(append(slices.Clone(matrixIDs), check), nil)
					if err != nil {
						t.Fatal(err)
					}
					places := []string{f.Name}
					if name == boardName {
						places = append(places, furtherPlaces[f.Name]...)
					}
					if strings.HasPrefix(name, "testdata/") {
						for i := n % 3; i < len(c.Endpoints); i += 3 { // each fault on other rows
							places = append(places, f.Name+"@"+c.Endpoints[i].String())
						}
					}
					for _, place := range places {
						r, srv, err := probe(t, c, checks, place)
						if err != nil {
							if !strings.Contains(err.Error(), "cannot ") {
								t.Errorf("%s on %s: %v", place, name, err)
							}
							continue
						}
						mu.Lock()
						planted[f.Name] = true
						for i, v := range r.Verdicts {
							if v == conformance.Fail {
								fired[r.Plan.Probes[i].Check] = true
							}
						}
						mu.Unlock()
						seen := false
						for i, v := range r.Verdicts {
							if v != conformance.Fail {
								continue
							}
							pr := r.Plan.Probes[i]
							seen = seen || pr.Check == check
							if !mayFail(srv, f, check, r.Plan, &pr) && !caused(r, i, check) {
								t.Errorf("%s on %s: false alarm: %s", place, name, describe(r, i))
							}
						}
						if len(r.Groups) > 0 && r.Groups[0].Check != check {
							t.Errorf("%s on %s: the first finding is of %s, not of %s", place, name, r.Groups[0].Check, check)
						}
						if !seen {
							t.Errorf("%s on %s: not found by %s; %s", place, name, check, r.FirstLine())
						}
					}
				})
			}
		}
	})
	for n := range reference.Faults {
		if f := &reference.Faults[n]; found(f) != "" && !planted[f.Name] {
			t.Errorf("fault %s was planted on no catalog", f.Name)
		}
	}
	for _, check := range conformance.Checks {
		if !fired[check.ID] {
			t.Errorf("no fault fires the check %s", check.ID)
		}
	}
}

// ofMatrix reports whether a check looks at single requests.
func ofMatrix(check string) bool { return slices.Contains(matrixIDs, check) }

// caused reports whether a failed probe is reported with a finding of the check, as a
// consequence of what that found.
func caused(r *conformance.Result, probe int, check string) bool {
	return slices.ContainsFunc(r.Groups, func(g conformance.Group) bool { return g.Cause.Check == check && slices.Contains(g.Probes, probe) })
}

// mayFail reports whether a probe may fail under a fault: it is of the check that finds the
// fault or of another about the same matter, and the fault can be noticed there.
func mayFail(srv *reference.Server, f *reference.Fault, check string, p *conformance.Plan, pr *conformance.Probe) bool {
	at, who, _ := p.About(pr)
	row := &p.Rows[at]
	if pr.Request >= 0 {
		return srv.Touches(row.Method, row.Path, caller(p.Keys[who].Kind), []perm.Permission(p.Keys[who].Grants))
	}
	i := slices.IndexFunc(conformance.Checks, func(c *conformance.Check) bool { return c.ID == pr.Check })
	return (pr.Check == check || conformance.Checks[i].Category == string(f.Aspect)) && srv.Reaches(row.Method, row.Path)
}

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
