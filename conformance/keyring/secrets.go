package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// maxAnswer bounds an answer to a sign-in or a list.
const maxAnswer = 1 << 20

// PlanKeys returns the keys of the profile as a plan takes them.
func (p *Profile) PlanKeys() []conformance.Key {
	keys := []conformance.Key{}
	for _, k := range p.Keys {
		key := conformance.Key{Name: k.Name, Grants: k.Grants, Sharing: p.narrowing(k.Sharing), Lists: k.Lists}
		if !k.enabled() {
			key.Kind, key.State = conformance.ParkedKey, k.State
		}
		keys = append(keys, key)
	}
	return keys
}

// narrowing are the options that hide something: one without conditions shows every record.
func (p *Profile) narrowing(sharing map[string]string) map[string]string {
	out := map[string]string{}
	for object, option := range sharing {
		for _, r := range p.records {
			for _, o := range r.Sharing {
				if r.Object == object && o.Name == option && len(o.Conditions) > 0 {
					out[object] = option
				}
			}
		}
	}
	return out
}

func (k *Key) enabled() bool { return k.State == "" || k.State == "enabled" }

// SignIn looks up the secrets of the plan's keys and exchanges them for tokens where the
// profile says so. Keys whose secret cannot be looked up or exchanged are reported all at
// once.
func (p *Profile) SignIn(ctx context.Context, plan *conformance.Plan, target *url.URL) ([]conformance.Credential, error) {
	secrets := map[string]string{}
	owner := map[signIn]string{}
	var errs strictyaml.Errors
	for i := range p.Keys {
		k := &p.Keys[i]
		secret, err := k.lookUp(ctx, filepath.Dir(p.File))
		p.keep("the_secret_of_"+k.Name, k.Secret, secret, k.User)
		who := signIn{secret: secret}
		if p.Auth.JWT != nil || p.Auth.Exchange != nil {
			who.user = k.User // who signs in
		}
		if p.Auth.Exchange.scoped() {
			who.scopes = k.scopes() // one client may ask for several sets of scopes
		}
		if err == nil && owner[who] != "" {
			err = fmt.Errorf("key %s has the same secret as key %s", k.Name, owner[who])
		}
		if err != nil {
			errs = append(errs, &strictyaml.Error{File: k.Pos.File, Line: k.Pos.Line, Column: k.Pos.Column, Msg: err.Error()})
			continue
		}
		owner[who] = k.Name
		secrets[k.Name] = secret
	}
	if len(errs) > 0 {
		return nil, errs
	}
	creds := make([]conformance.Credential, len(plan.Keys))
	var like conformance.Credential
	for i, pk := range plan.Keys {
		j := slices.IndexFunc(p.Keys, func(k Key) bool { return k.Name == pk.Name })
		if j < 0 {
			continue
		}
		k := &p.Keys[j]
		cred, err := p.credential(ctx, target, signIn{k.User, secrets[k.Name], k.scopes()})
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err != nil && !k.enabled() {
			continue // refused at the door already: there is nothing to show
		}
		if err != nil {
			errs = append(errs, &strictyaml.Error{File: k.Pos.File, Line: k.Pos.Line, Column: k.Pos.Column, Msg: fmt.Sprintf("signing in key %s: %v", k.Name, err)})
			continue
		}
		cred.Named(envOf(k, p))
		if creds[i] = cred; k.enabled() {
			like = cred
		}
	}
	if len(errs) > 0 {
		return nil, errs
	}
	addBadKeys(plan, creds, like)
	return creds, nil
}

// credential makes of user, secret and scopes what requests show.
func (p *Profile) credential(ctx context.Context, target *url.URL, who signIn) (conformance.Credential, error) {
	c, err := p.show(ctx, target, &p.Auth, part{who, ""})
	var refused *conformance.SignInRefused
	if err != nil && (len(p.Auth.Below) == 0 || !errors.As(err, &refused)) {
		return c, err
	}
	in := err == nil
	for i := range p.Auth.Below {
		b := &p.Auth.Below[i]
		below, failed := p.show(ctx, target, &b.Auth, part{who, b.Prefix})
		if failed != nil && !errors.As(failed, &refused) {
			return c, failed
		}
		in = in || failed == nil
		// To a part that does not let it in, a key is shown as it is.
		c.Below = append(c.Below, conformance.Below{Prefix: b.Prefix, Credential: below})
	}
	if !in {
		return c, err
	}
	return c, nil
}

// show is how a key is shown to one part of the API. With an error it is shown as it is.
func (p *Profile) show(ctx context.Context, target *url.URL, auth *Auth, who part) (conformance.Credential, error) {
	c := conformance.Credential{Header: auth.Header, Query: auth.Query, Scheme: auth.Scheme, Secret: who.secret, KeyID: who.user, KeySecret: who.secret}
	for name, value := range auth.With {
		if c.With == nil {
			c.With = map[string]string{}
		}
		c.With[name] = strings.ReplaceAll(value, "$user", who.user)
	}
	tokens, err := p.tokens(ctx, target, auth, who)
	if err != nil {
		return c, err
	}
	if tokens != nil {
		c.Secret, c.Tokens, c.Issued = tokens.Current(), tokens, auth.Exchange != nil
	}
	if auth.Basic {
		c.Secret = base64.StdEncoding.EncodeToString([]byte(who.user + ":" + who.secret))
	}
	return c, nil
}

// minted is a key that a provisioner made, with the credential that its secret gives.
func (p *Profile) minted(ctx context.Context, target *url.URL, key conformance.MintedKey, user, secret string) (conformance.MintedKey, error) {
	if strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return key, errors.New("the provisioner gave a secret with control characters")
	}
	p.Secrets.Add(redact.Secret{Name: "PC_MINTED", Value: secret, User: user})
	cred, err := p.credential(ctx, target, signIn{user: user, secret: secret})
	if err != nil {
		return key, fmt.Errorf("signing in a key that was made: %w", err)
	}
	key.Credential = cred
	return key, nil
}

// envOf names the variable that stands for a key's secret in reports, and what it holds where
// the name does not say so.
func envOf(k *Key, p *Profile) (env, note string) {
	env = "PC_" + strings.Map(func(r rune) rune {
		if r == '.' || r == '-' {
			return '_'
		}
		return r
	}, strings.ToUpper(k.Name))
	note = "the secret of key " + k.Name
	if k.Secret.Env != "" {
		env, note = k.Secret.Env, ""
	}
	switch {
	case p.Auth.Exchange != nil:
		env, note = env+"_TOKEN", "the token that signing in key "+k.Name+" gives"
	case p.Auth.JWT != nil:
		env, note = env+"_TOKEN", "a token signed with the secret of key "+k.Name
	}
	if p.Auth.Basic {
		env, note = env+"_BASIC", "user:secret of key "+k.Name+" in base64"
	}
	return env, note
}

// scopes is what a sign-in asks for: what the profile says, else the key's grants.
func (k *Key) scopes() string {
	if k.Scopes != "" {
		return k.Scopes
	}
	names := make([]string, len(k.Grants))
	for i, p := range k.Grants {
		names[i] = string(p)
	}
	return strings.Join(names, " ")
}

// scoped reports whether the exchange asks for scopes.
func (x *Exchange) scoped() bool {
	if x == nil {
		return false
	}
	for _, v := range x.JSON {
		if s, ok := v.(string); ok && strings.Contains(s, "$scopes") {
			return true
		}
	}
	for _, v := range x.Form {
		if strings.Contains(v, "$scopes") {
			return true
		}
	}
	return false
}

// keep notes a secret that was looked up, so that nothing which is written holds it. It is named
// by where it was found, or else as it is called here.
func (p *Profile) keep(name string, ref SecretRef, secret, user string) {
	if ref.Env != "" {
		name = ref.Env
	}
	p.Secrets.Add(redact.Secret{Name: name, Value: secret, User: user})
}

// lookUp reads the secret of a key. Errors never hold it.
func (k *Key) lookUp(ctx context.Context, dir string) (string, error) {
	secret, err := k.Secret.lookUp(ctx, dir)
	if err != nil {
		err = fmt.Errorf("key %s: %w", k.Name, err)
	}
	return secret, err
}

// lookUp reads the secret. Errors never hold it.
func (s SecretRef) lookUp(ctx context.Context, dir string) (string, error) {
	secret := ""
	switch {
	case s.Env != "":
		v, ok := os.LookupEnv(s.Env)
		if !ok || v == "" {
			return "", fmt.Errorf("the environment variable %s is not set: export %s with the key's secret", s.Env, s.Env)
		}
		secret = v
	case s.File != "":
		data, err := readSecret(s.File, dir)
		if err != nil {
			return "", err
		}
		secret = strings.TrimRight(string(data), "\r\n")
	default:
		ctx, cancel := context.WithTimeout(ctx, commandTimeout)
		defer cancel()
		data, err := runCommand(ctx, s.Command, dir, nil)
		if err != nil {
			return "", err
		}
		secret = strings.TrimRight(string(data), "\r\n")
	}
	if secret == "" || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", errors.New("its secret is empty or holds control characters")
	}
	return secret, nil
}

// readSecret reads a file that only its owner may read.
func readSecret(where, dir string) ([]byte, error) {
	if !filepath.IsAbs(where) {
		where = filepath.Join(dir, where)
	}
	f, err := os.Open(where)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", where)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("others than the owner may read %s (mode %04o): chmod 600 %s", where, info.Mode().Perm(), where)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxSecret {
		return nil, fmt.Errorf("%s is larger than %d kB", where, maxSecret>>10)
	}
	return data, nil
}

// httpClient is for sign-ins and lists: it follows no redirects.
var httpClient = &http.Client{
	Timeout:       15 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// fetchJSON sends a request and decodes a 2xx answer.
func fetchJSON(req *http.Request) (any, error) {
	resp, err := httpClient.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address may hold a key
		}
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, &conformance.SignInRefused{Status: resp.StatusCode}
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, errors.New("answered something else than JSON")
	}
	return v, nil
}

// at follows a path such as data.0.id into a JSON value; nil when it leads nowhere.
func at(v any, path string) any {
	for _, step := range strings.Split(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// Given names the path parameters that the profile states values for.
func (p *Profile) Given() conformance.Given {
	g := conformance.Given{Expendable: slices.Sorted(maps.Keys(p.Expendable))}
	for i := range p.IDs {
		g.IDs = append(g.IDs, p.IDs[i].Param)
	}
	return g
}

// Objects returns the values of path parameters that the profile states or says where to
// read.
func (p *Profile) Objects(plan *conformance.Plan, creds []conformance.Credential, target *url.URL) conformance.Objects {
	o := &profileObjects{p: p, values: map[string]func() (string, error){}}
	for i := range p.IDs {
		id := &p.IDs[i]
		o.values[id.Param] = sync.OnceValues(func() (string, error) {
			if id.From == nil {
				return id.Value, nil
			}
			v, err := readID(id, plan, creds, target)
			if err != nil {
				return "", fmt.Errorf("reading {%s} from %s: %w", id.Param, id.From, err)
			}
			return v, nil
		})
	}
	return o
}

// readID reads an id with the key that holds most of those which the catalog admits.
func readID(id *ID, plan *conformance.Plan, creds []conformance.Credential, target *url.URL) (string, error) {
	key := plan.StrongestKey(id.From)
	if key < 0 {
		return "", errors.New("no key of the profile is admitted there")
	}
	req, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(target.String(), "/")+id.From.Path, nil)
	if err != nil {
		return "", err
	}
	creds[key].Apply(req)
	v, err := fetchJSON(req)
	if err != nil {
		return "", err
	}
	switch found := at(v, id.Field).(type) {
	case string:
		if found != "" {
			return found, nil
		}
	case json.Number:
		return found.String(), nil
	}
	return "", fmt.Errorf("the answer has no id at %s", id.Field)
}

// profileObjects gives the same values to every request; for writes an expendable one
// where there is one, in turn.
type profileObjects struct {
	p      *Profile
	values map[string]func() (string, error)
	turn   atomic.Int64
}

func (o *profileObjects) Params(_ context.Context, _, template string, write bool) (conformance.Params, error) {
	t, err := catalogs.ParseTemplate(template)
	if err != nil {
		return conformance.Params{}, err
	}
	out := conformance.Params{Values: map[string]string{}, Shared: true}
	names := t.Params()
	turn := int(o.turn.Add(1))
	for _, name := range names {
		if list := o.p.Expendable[name]; write && len(list) > 0 {
			out.Values[name] = list[turn%len(list)]
			out.Spare = append(out.Spare, name)
			continue
		}
		if value := o.values[name]; value != nil {
			if out.Values[name], err = value(); err != nil {
				return out, err
			}
		}
	}
	out.Expendable = len(names) > 0 && len(out.Spare) == len(names)
	return out, nil
}
