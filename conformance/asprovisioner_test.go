package conformance_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
)

// Where keys are made by requests to the target itself, those requests do nothing for a key
// that may do nothing; a server whose key management is open is found by them.
func TestProvisionersRequestsByOthers(t *testing.T) {
	c := reference.Board()
	checks, err := conformance.SelectChecks(append([]string{"key-mints-stronger"}, matrixIDs...), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		faults string // joined by spaces
		at     string // where the provisioner's requests go; empty: to the target
		want   conformance.Verdict
		says   string
	}{
		{"", "", conformance.Pass, ""},
		{"key-management-open", "", conformance.Fail, ": delete"},
		{"key-management-open key-mints-stronger key-edits-stronger", "", conformance.Fail, ": delete, disable, mint, regrant"},
		{"key-management-open", "elsewhere", conformance.Skipped, "do not go to the target"},
	} {
		t.Run(tt.faults+" "+tt.at, func(t *testing.T) {
			t.Parallel()
			srv, err := reference.New(c, reference.Options{Faults: strings.Fields(tt.faults)})
			if err != nil {
				t.Fatal(err)
			}
			api := httptest.NewServer(srv.API())
			defer api.Close()
			admin := api.URL
			if tt.at != "" {
				other := httptest.NewServer(srv.API())
				defer other.Close()
				admin = other.URL
			}
			p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: checks, Keys: []conformance.Key{{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}}})
			if err != nil {
				t.Fatal(err)
			}
			creds := make([]conformance.Credential, len(p.Keys))
			for i, k := range p.Keys {
				if k.Kind == conformance.ValidKey {
					_, secret, err := srv.Mint(k.Name, k.Grants)
					if err != nil {
						t.Fatal(err)
					}
					creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: secret, Env: "PC_" + strings.ToUpper(k.Name)}
				} else if k.Kind != conformance.NoKey {
					creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: "a-key-that-was-never-made", Env: "PC_BAD"}
				}
			}
			full := creds[3]
			profile, err := keyring.ParseProfile("probe.yaml", []byte(fmt.Sprintf(`permcheck: probe/1
keys: {full: {grants: all, secret: env:PC_FULL}}
provision:
  url: %s
  header: {Authorization: Bearer %s}
  mint: {call: POST /v1/keys, json: {name: $name, grants: $grants}, id: id, secret: secret}
  regrant: {call: PATCH /v1/keys/$id, json: {grants: $grants}}
  disable: {call: PATCH /v1/keys/$id, json: {state: disabled}}
  delete: {call: DELETE /v1/keys/$id}
`, admin, full.Secret)), c)
			if err != nil {
				t.Fatal(err)
			}
			prov, err := profile.Provisioner(context.Background(), parse(t, api.URL))
			if err != nil {
				t.Fatal(err)
			}
			answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, api.URL), Disposable: true, Credentials: creds, Provisioner: prov,
				Writes: conformance.WritesAll, Limits: conformance.Limits{Connections: 4}, Within: atOnce})
			if err != nil {
				t.Fatal(err)
			}
			r := conformance.Judge(p, answers)
			asked := false
			for i, pr := range p.Probes {
				if pr.Check != "key-mints-stronger" || p.Questions[pr.Question].Subject != "credential:mint" {
					continue
				}
				asked = true
				if r.Verdicts[i] != tt.want || !strings.Contains(r.Reasons[i], tt.says) {
					t.Errorf("%s (%s), want %s with %q", r.Verdicts[i], r.Reasons[i], tt.want, tt.says)
				}
			}
			if !asked {
				t.Error("nothing was asked")
			}
			for _, left := range sent.Left { // of other things the board has rows that only make them
				if strings.HasPrefix(left, "key ") {
					t.Errorf("left behind: %v", left)
				}
			}
		})
	}
}
