package keyring

import (
	"bytes"
	"cmp"
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

	// Manners say how the API that the keys are for is signed in to; nil: a key's secret is sent
	// as a bearer token. API is its address.
	Manners *Profile
	API     *url.URL

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

// MintPlan makes the keys of a plan and returns a credential for each, those that are no
// keys included.
func (a *Admin) MintPlan(ctx context.Context, p *conformance.Plan) ([]conformance.Credential, error) {
	creds := make([]conformance.Credential, len(p.Keys))
	a.ids = make([]string, len(p.Keys))
	var like conformance.Credential
	for i, k := range p.Keys {
		if k.Kind != conformance.ValidKey {
			continue
		}
		key, err := a.Mint(ctx, conformance.KeySpec{Name: k.Name, Grants: k.Grants, Sharing: k.Sharing, Lists: k.Lists})
		if err != nil {
			return nil, fmt.Errorf("making the key %q: %w", k.Name, err)
		}
		a.ids[i] = key.ID
		env := fmt.Sprintf("PC_K%d", i)
		if k.Name == "none" || k.Name == "all" {
			env = "PC_" + strings.ToUpper(k.Name)
		}
		creds[i] = key.Credential
		creds[i].NamedAfter(env)
		like = key.Credential
	}
	addBadKeys(p, creds, like)
	return creds, nil
}

// Can reports whether there is a way to do the action: all of the usual ones.
func (a *Admin) Can(action conformance.Action) bool {
	return action == "" || adminCalls[action].path != ""
}

// adminCalls are the requests of the actions.
var adminCalls = map[conformance.Action]struct{ method, path string }{
	conformance.Regrant:      {"PATCH", "/keys/{id}"},
	conformance.Expire:       {"PATCH", "/keys/{id}"},
	conformance.Disable:      {"POST", "/keys/{id}/disable"},
	conformance.Enable:       {"POST", "/keys/{id}/enable"},
	conformance.Revoke:       {"POST", "/keys/{id}/revoke"},
	conformance.Delete:       {"DELETE", "/keys/{id}"},
	conformance.Rotate:       {"POST", "/keys/{id}/rotate"},
	conformance.DisableOwner: {"POST", "/owners/{owner}/disable"},
	conformance.EnableOwner:  {"POST", "/owners/{owner}/enable"},
}

// Mint makes one key.
func (a *Admin) Mint(ctx context.Context, spec conformance.KeySpec) (conformance.MintedKey, error) {
	in := map[string]any{"name": spec.Name, "grants": append(perm.Set{}, spec.Grants...)} // never null
	if len(spec.Sharing) > 0 {
		in["sharing"] = spec.Sharing
	}
	if len(spec.Lists) > 0 {
		in["lists"] = spec.Lists
	}
	if !spec.Expires.IsZero() {
		in["expires_at"] = spec.Expires.UTC().Format(time.RFC3339Nano)
	}
	if spec.Owner != "" {
		in["owner"] = spec.Owner
	}
	var out adminKey
	if err := a.call(ctx, "POST", "/keys", in, &out); err != nil {
		return conformance.MintedKey{}, err
	}
	return a.shown(ctx, conformance.MintedKey{ID: out.ID, Owner: spec.Owner}, out)
}

// adminKey is what the admin API says of a key.
type adminKey struct{ ID, User, Secret string }

// Export returns what the admin API's key of an id and a secret shows, by the variables that stand
// for it where env is that of its secret.
func (a *Admin) Export(ctx context.Context, env, id, secret string) (map[string]string, error) {
	key, err := a.shown(ctx, conformance.MintedKey{ID: id}, adminKey{ID: id, Secret: secret})
	if err != nil {
		return nil, err
	}
	key.Credential.NamedAfter(env)
	return key.Credential.Variables(), nil
}

// shown is a key with the credential that its secret gives.
func (a *Admin) shown(ctx context.Context, key conformance.MintedKey, of adminKey) (conformance.MintedKey, error) {
	user := cmp.Or(of.User, key.ID)
	if a.Manners != nil {
		return a.Manners.minted(ctx, a.API, key, user, of.Secret)
	}
	key.Credential = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: of.Secret, KeyID: user, KeySecret: of.Secret}
	return key, nil
}

// Do does an action to a key.
func (a *Admin) Do(ctx context.Context, key conformance.MintedKey, action conformance.Action, spec conformance.KeySpec) (conformance.MintedKey, error) {
	c, ok := adminCalls[action]
	if !ok {
		return key, fmt.Errorf("the admin API has no action %q", action)
	}
	var in any
	switch action {
	case conformance.Regrant:
		in = map[string]any{"grants": append(perm.Set{}, spec.Grants...)}
	case conformance.Expire:
		in = map[string]any{"expires_at": spec.Expires.UTC().Format(time.RFC3339Nano)}
	}
	var out adminKey
	err := a.call(ctx, c.method, strings.NewReplacer("{id}", url.PathEscape(key.ID), "{owner}", url.PathEscape(key.Owner)).Replace(c.path), in, &out)
	if err == nil && out.Secret+out.User != "" {
		out.Secret = cmp.Or(out.Secret, key.Credential.KeySecret)
		return a.shown(ctx, key, out)
	}
	return key, err
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
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
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
		if resp.StatusCode == http.StatusConflict {
			return fmt.Errorf("admin API: %s %s: %w", method, path, conformance.ErrNotEditable)
		}
		return fmt.Errorf("admin API: %s %s: %s %s", method, path, resp.Status, failed.Error)
	}
	if len(data) == 0 {
		return nil
	}
	return json.Unmarshal(data, out)
}
