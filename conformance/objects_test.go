package conformance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

// memory is a ledger that a test can look at.
type memory struct {
	mu   sync.Mutex
	open []conformance.Made
	all  int
}

func (m *memory) Made(x conformance.Made) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, x)
	m.all++
	return nil
}

func (m *memory) Gone(x conformance.Made) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = slices.DeleteFunc(m.open, func(o conformance.Made) bool { return o == x })
	return nil
}

// strangers is a server that permcheck has keys of and no other door to.
type strangers struct {
	plan   *conformance.Plan
	target conformance.Target
	ledger *memory
	admin  *httptest.Server
}

const adminToken = "an admin token"

func stranger(t *testing.T, catalog string, writes conformance.WritePolicy, opts reference.Options) *strangers {
	t.Helper()
	return strangerOf(t, load(t, catalog), writes, opts)
}

func strangerOf(t *testing.T, c *catalogs.Catalog, writes conformance.WritePolicy, opts reference.Options) *strangers {
	t.Helper()
	opts.AdminToken = adminToken
	srv, err := reference.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	whole, err := conformance.NewPlan(c, conformance.PlanOptions{Shares: true})
	if err != nil {
		t.Fatal(err)
	}
	var keys []conformance.Key
	for _, k := range whole.Keys {
		if k.Kind == conformance.ValidKey {
			keys = append(keys, k)
		}
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	a := keyring.NewAdmin(parse(t, admin.URL), adminToken)
	creds, err := a.MintPlan(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	ledger := &memory{}
	return &strangers{p, conformance.Target{Base: parse(t, api.URL), Disposable: true, Credentials: creds, Provisioner: a, Writes: writes, Ledger: ledger,
		Limits: conformance.Limits{Connections: 4}}, ledger, admin}
}

// objects counts the objects of each kind, as the admin API of the server sees them.
func (s *strangers) objects(t *testing.T, kinds ...string) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, kind := range kinds {
		req, err := http.NewRequest("GET", s.admin.URL+"/objects/"+kind, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+adminToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("%s: %d %v", kind, resp.StatusCode, err)
		}
		list, _ := got.([]any)
		if m, ok := got.(map[string]any); ok {
			for _, v := range m {
				if l, ok := v.([]any); ok {
					list = l
				}
			}
		}
		out[kind] = len(list)
	}
	return out
}

// Nobody states an id: those of reads come from lists, those of writes from objects that are
// made for them, and all that was made is gone afterwards.
func TestIDsAreFoundAndObjectsMade(t *testing.T) {
	for _, writes := range []conformance.WritePolicy{conformance.WritesNone, conformance.WritesDisposable, conformance.WritesAll} {
		t.Run(string(writes), func(t *testing.T) {
			t.Parallel()
			s := stranger(t, boardName, writes, reference.Options{})
			kinds := []string{"position", "application", "candidate", "department", "key"}
			before := s.objects(t, kinds...)
			answers, sent, err := conformance.Run(context.Background(), s.plan, s.target)
			if err != nil {
				t.Fatal(err)
			}
			r := conformance.Judge(s.plan, answers)
			after := s.objects(t, kinds...)
			t.Log(r.FirstLine(), "made", s.ledger.all, "left", len(sent.Left))
			reasons := map[string]int{}
			for i, v := range r.Verdicts {
				switch v {
				case conformance.Fail:
					t.Errorf("%s", describe(r, i))
				case conformance.Inconclusive, conformance.Skipped:
					reasons[r.Reasons[i]]++
				}
			}
			for reason, n := range reasons {
				t.Log(n, reason)
			}
			if writes != conformance.WritesAll && fmt.Sprint(before) != fmt.Sprint(after) {
				t.Errorf("before %v, after %v", before, after)
			}
			if len(s.ledger.open) != len(sent.Left) || writes != conformance.WritesAll && len(sent.Left) > 0 {
				t.Errorf("left behind: %v %v", sent.Left, s.ledger.open)
			}
			least := map[conformance.WritePolicy]int{conformance.WritesNone: 90, conformance.WritesDisposable: 110, conformance.WritesAll: 150}[writes]
			if r.Proven < least {
				t.Errorf("proven %d, expected %d and more", r.Proven, least)
			}
		})
	}
}
