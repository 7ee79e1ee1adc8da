package conformance_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/reference"
)

// trapped probes a server that behaves in a way which is right and looks wrong.
func trapped(t *testing.T, c *catalogs.Catalog, trap string, bodies map[string]any) *conformance.Result {
	t.Helper()
	opts := reference.Options{AdminToken: adminToken}
	if trap != "" {
		opts.Traps = []string{trap}
	}
	s := strangerOf(t, c, conformance.WritesDisposable, opts)
	s.target.Bodies = bodies
	answers, _, err := conformance.Run(context.Background(), s.plan, s.target)
	if err != nil {
		t.Fatal(err)
	}
	return conformance.Judge(s.plan, answers)
}

// silent is the board's catalog without any form of refusal stated.
func silent(t *testing.T) *catalogs.Catalog {
	t.Helper()
	c := load(t, boardName)
	c.Refused = catalogs.Refused{}
	for i := range c.Endpoints {
		c.Endpoints[i].Refused = catalogs.Refused{}
	}
	return c
}

// Nothing of what is right and looks wrong is a finding, for a keyring that somebody else
// made and for one that can make keys.
func TestRightServersThatLookWrong(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short: internal/mutants tries every trap")
	}
	for _, trap := range reference.Traps {
		t.Run(trap.ID, func(t *testing.T) {
			t.Parallel()
			r := trapped(t, silent(t), trap.Name, nil)
			t.Log(trap.What, "--", r.FirstLine())
			for i, v := range r.Verdicts {
				if v == conformance.Fail {
					t.Errorf("%s", describe(r, i))
				}
			}
			if r.Proven < 60 {
				t.Errorf("proven %d: the trap made most of the run say nothing", r.Proven)
			}
		})
	}
}

// A body that is refused before anything is decided proves nothing; one that is right, as a
// profile or an OpenAPI document gives it, proves as much as on any other server.
func TestValidationFirst(t *testing.T) {
	c := silent(t)
	bodies := map[string]any{}
	for i := range c.Endpoints {
		if e := &c.Endpoints[i]; e.Method == http.MethodPost && !e.Reads() {
			bodies[catalogs.EndpointKey(e.Method, e.Path)] = map[string]any{"title": "$mark", "name": "$mark", "note": "a note", "email": "a@example.com"}
		}
	}
	create := func(r *conformance.Result) (passed, inconclusive int) {
		for i, pr := range r.Plan.Probes {
			if row, _, _ := r.Plan.About(&pr); r.Plan.Rows[row].String() == "POST /v1/positions" && pr.Check == "over-grant" {
				switch r.Verdicts[i] {
				case conformance.Pass:
					passed++
				case conformance.Inconclusive:
					inconclusive++
				case conformance.Fail:
					t.Errorf("%s", describe(r, i))
				}
			}
		}
		return passed, inconclusive
	}
	if passed, inconclusive := create(trapped(t, c, "validation-first", nil)); passed > 0 || inconclusive == 0 {
		t.Errorf("with a body of its own making: %d passed, %d inconclusive", passed, inconclusive)
	}
	if passed, inconclusive := create(trapped(t, c, "validation-first", bodies)); passed == 0 || inconclusive > 0 {
		t.Errorf("with a right body: %d passed, %d inconclusive", passed, inconclusive)
	}
}
