package conformance_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

// switches turns keys of a board on and off, by their secret, and makes none.
type switches struct {
	b       *board
	mu      sync.Mutex
	touched []string
	stuck   bool // no key can be enabled again
}

func (s *switches) Can(a conformance.Action) bool {
	return a == conformance.Disable || a == conformance.Enable || a == conformance.Delete
}

func (s *switches) Mint(context.Context, conformance.KeySpec) (conformance.MintedKey, error) {
	return conformance.MintedKey{}, errors.New("no key can be made")
}

func (s *switches) Do(_ context.Context, k conformance.MintedKey, a conformance.Action, _ conformance.KeySpec) (conformance.MintedKey, error) {
	s.mu.Lock()
	s.touched = append(s.touched, k.ID+" "+string(a))
	s.mu.Unlock()
	if a == conformance.Enable && s.stuck {
		return k, errors.New("stuck")
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.disabled[k.ID+"-secret"] = a == conformance.Disable
	return k, nil
}

// Where nothing makes keys, the life of a key is tested on one that is marked for it, and on
// no other; it is disabled and enabled again, and never ended.
func TestMarkedKeys(t *testing.T) {
	for _, tt := range []struct {
		name                        string
		marked                      []string
		deadKeys, stuck             bool
		disabled, enabled, deletion conformance.Verdict
	}{
		{"right", []string{"reader"}, false, false, conformance.Pass, conformance.Pass, conformance.Skipped},
		{"disabled keys work", []string{"reader"}, true, false, conformance.Fail, conformance.Skipped, conformance.Skipped},
		{"no key is marked", nil, false, false, conformance.Skipped, conformance.Skipped, conformance.Skipped},
		{"the marked one is not admitted", []string{"none"}, false, false, conformance.Skipped, conformance.Skipped, conformance.Skipped},
		{"it cannot be enabled", []string{"reader"}, false, true, conformance.Pass, conformance.Inconclusive, conformance.Skipped},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBoard()
			b.deadKeys = tt.deadKeys
			srv := httptest.NewServer(b)
			defer srv.Close()
			c, err := catalogs.Parse("jobs.yaml", []byte(boardCatalog))
			if err != nil {
				t.Fatal(err)
			}
			c.Credentials.States["deleted"] = "gone"
			c.Credentials.Actions["enable"], c.Credentials.Actions["delete"] = "enabled", "deleted"
			checks, err := conformance.SelectChecks(append(slices.Clone(matrixIDs), "disabled-key", "reenabled-key", "deleted-key"), nil)
			if err != nil {
				t.Fatal(err)
			}
			p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: checks, Keys: []conformance.Key{
				{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}, {Name: "reader", Grants: perm.NewSet("read")},
			}})
			if err != nil {
				t.Fatal(err)
			}
			creds := make([]conformance.Credential, len(p.Keys))
			marked := map[int]conformance.MintedKey{}
			for i, k := range p.Keys {
				if k.Kind != conformance.NoKey {
					creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: k.Name + "-secret", Env: "PC_K"}
				}
				if slices.Contains(tt.marked, k.Name) {
					marked[i] = conformance.MintedKey{ID: k.Name, Credential: creds[i]}
				}
			}
			s := &switches{b: b, stuck: tt.stuck}
			answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: creds, Objects: firstJob{},
				Provisioner: s, Marked: marked, Writes: conformance.WritesAll, Limits: conformance.Limits{Connections: 8}, Within: atOnce})
			if err != nil {
				t.Fatal(err)
			}
			r := conformance.Judge(p, answers)
			want := map[string]conformance.Verdict{"disabled-key": tt.disabled, "reenabled-key": tt.enabled, "deleted-key": tt.deletion}
			asked := map[string]bool{}
			for i, pr := range p.Probes {
				if v, ok := want[pr.Check]; ok {
					asked[pr.Check] = true
					if r.Verdicts[i] != v {
						t.Errorf("%s: %s (%s), want %s", pr.Check, r.Verdicts[i], r.Reasons[i], v)
					}
				}
			}
			if len(asked) != len(want) {
				t.Errorf("asked only %v", asked)
			}
			for _, did := range s.touched {
				if !slices.Contains([]string{"reader disable", "reader enable"}, did) {
					t.Errorf("did %s", did)
				}
			}
			if (len(sent.Left) > 0) != tt.stuck {
				t.Errorf("left behind: %v", sent.Left)
			}
			if !tt.stuck && b.disabled["reader-secret"] {
				t.Error("the key stays disabled")
			}
		})
	}
}
