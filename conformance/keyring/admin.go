package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

// An Admin is a client of the reference server's admin API. It makes keys, and objects
// for requests to act on.
type Admin struct {
	Base  *url.URL
	Token string

	client http.Client
	ids    []string // of the minted keys, by their number in the plan
}

// NewAdmin returns a client of the admin API at base.
func NewAdmin(base *url.URL, token string) *Admin {
	return &Admin{Base: base, Token: token, client: http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Mint makes the keys of a plan and returns a credential for each, those that are no
// keys included.
func (a *Admin) Mint(ctx context.Context, p *conformance.Plan) ([]conformance.Credential, error) {
	creds := make([]conformance.Credential, len(p.Keys))
	a.ids = make([]string, len(p.Keys))
	sample := ""
	for i, k := range p.Keys {
		if k.Kind != conformance.ValidKey {
			continue
		}
		var out struct{ ID, Secret string }
		grants := k.Grants
		if grants == nil {
			grants = perm.Set{}
		}
		if err := a.call(ctx, "POST", "/keys", map[string]any{"name": k.Name, "grants": grants}, &out); err != nil {
			return nil, fmt.Errorf("making the key %q: %w", k.Name, err)
		}
		a.ids[i] = out.ID
		env := fmt.Sprintf("PC_K%d", i)
		if k.Name == "none" || k.Name == "all" {
			env = "PC_" + strings.ToUpper(k.Name)
		}
		creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: out.Secret, Env: env}
		sample = out.Secret
	}
	addBadKeys(p, creds, conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: sample})
	return creds, nil
}

// Params makes a new object for a write, or names one that is there already.
func (a *Admin) Params(ctx context.Context, method, template string, write bool) (conformance.Params, error) {
	return a.params(ctx, map[string]any{"method": method, "path": template, "new": write})
}

// ParamsFor is Params with objects that a minted key sees.
func (a *Admin) ParamsFor(ctx context.Context, key int, method, template string, write bool) (conformance.Params, error) {
	return a.params(ctx, map[string]any{"method": method, "path": template, "new": write, "key": a.ids[key]})
}

func (a *Admin) params(ctx context.Context, question map[string]any) (conformance.Params, error) {
	var out struct{ Params map[string]string }
	err := a.call(ctx, "POST", "/objects", question, &out)
	return conformance.Params{Values: out.Params, Expendable: true}, err
}

// call sends one request with a JSON body and decodes the answer.
func (a *Admin) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(a.Base.String(), "/")+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+a.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var failed struct{ Error string }
		_ = json.Unmarshal(data, &failed) // without a message the status has to do
		return fmt.Errorf("admin API: %s %s: %s %s", method, path, resp.Status, failed.Error)
	}
	return json.Unmarshal(data, out)
}
