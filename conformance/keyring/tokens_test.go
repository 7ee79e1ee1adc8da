package keyring_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
)

// issuer is an API with tokens: it signs clients in, and serves GET /positions and
// GET /positions/{id} to tokens of the scope read.
type issuer struct {
	mu      sync.Mutex
	signIns int
	tokens  map[string]*issued
	// How its tokens end.
	lifetime int  // seconds; 0: they live on and no answer says so
	uses     int  // after so many uses; 0: never
	rotates  bool // each answer has the next one
	keeps    bool // a scope has one token, and answers that admit show it again
	reused   int  // how often a token was shown that another had followed
}

type issued struct {
	scope string
	uses  int
	ends  time.Time
	spent bool
}

func (s *issuer) issue(scope string) string {
	for token, t := range s.tokens {
		if s.keeps && t.scope == scope {
			return token
		}
	}
	token := fmt.Sprintf("token-%d-%s", len(s.tokens)+1, strings.ReplaceAll(scope, " ", "-"))
	s.tokens[token] = &issued{scope: scope}
	if s.lifetime > 0 {
		s.tokens[token].ends = time.Now().Add(time.Duration(s.lifetime) * time.Second)
	}
	return token
}

func (s *issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/token" {
		user, secret, _ := r.BasicAuth()
		if err := r.ParseForm(); err != nil || user != "client" || secret != "s3cr3t" || r.PostForm.Get("grant_type") != "client_credentials" {
			w.WriteHeader(400)
			return
		}
		s.signIns++
		answer := map[string]any{"access_token": s.issue(r.PostForm.Get("scope"))}
		if s.lifetime > 0 {
			answer["expires_in"] = s.lifetime
		}
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	token := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if token != nil && token.spent {
		s.reused++
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	if token == nil || token.spent || s.lifetime > 0 && time.Now().After(token.ends) || s.uses > 0 && token.uses >= s.uses {
		w.WriteHeader(401)
		return
	}
	token.uses++
	if s.rotates {
		token.spent = true
		w.Header().Set("X-Next-Token", "Bearer "+s.issue(token.scope))
	}
	if !strings.Contains(token.scope, "read") {
		w.WriteHeader(403)
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/positions") {
		w.WriteHeader(404)
		return
	}
	if s.keeps {
		w.Header().Set("X-Next-Token", r.Header.Get("Authorization"))
	}
	_, _ = w.Write([]byte(`{"data":[{"id":"7"}]}`))
}

// Client credentials give tokens by scope set, each signed in once. They are renewed before
// they end, and once when they ended early; those that are good for one request are used one
// after the other.
func TestTokensOfARun(t *testing.T) {
	t.Setenv("TEST_CLIENT", "s3cr3t")
	for name, tt := range map[string]struct {
		server  *issuer
		auth    string
		most    int // sign-ins
		atLeast int
	}{
		"cached":      {&issuer{}, "", 3, 3},
		"short-lived": {&issuer{lifetime: 1}, "", 1000, 3},
		"ended early": {&issuer{uses: 4}, "", 1000, 4},
		"rotating":    {&issuer{rotates: true}, ", rotates: header X-Next-Token", 3, 3},
		// One that is refused first comes back with the second sign-in.
		"not rotating after all": {&issuer{keeps: true}, ", rotates: header X-Next-Token", 6, 3},
	} {
		t.Run(name, func(t *testing.T) {
			s := tt.server
			s.tokens = map[string]*issued{}
			srv := httptest.NewServer(s)
			defer srv.Close()
			profile := `
auth: {exchange: {url: /token, basic: true, form: {grant_type: client_credentials, scope: $scopes}, token: access_token` + tt.auth + `}}
ids: {id: "7"}
keys:
  full: {grants: all, user: client, secret: env:TEST_CLIENT}
  reader: {grants: read, user: client, secret: env:TEST_CLIENT}
  writer: {grants: write, user: client, secret: env:TEST_CLIENT, scopes: other}
`
			p, plan, creds, err := signIn(t, "", profile, srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			if name == "short-lived" {
				time.Sleep(1100 * time.Millisecond)
			}
			target := mustParse(t, srv.URL)
			answers, _, err := conformance.Run(context.Background(), plan, conformance.Target{Base: target, Disposable: true, Credentials: creds, Objects: p.Objects(plan, creds, target),
				Limits: conformance.Limits{Connections: 8}})
			if err != nil {
				t.Fatal(err)
			}
			r := conformance.Judge(plan, answers)
			for i, pr := range plan.Probes {
				row, _, _ := plan.About(&pr)
				if v := r.Verdicts[i]; plan.Rows[row].Reads && pr.Request >= 0 && v != conformance.Pass && !plan.Rows[row].Limits {
					t.Errorf("%s %s as %s: %s %s", pr.Check, &plan.Rows[row], plan.KeyName(&pr), v, r.Reasons[i])
				}
			}
			if r.Count[conformance.Fail] > 0 {
				t.Errorf("findings: %v", r.Groups)
			}
			if s.signIns < tt.atLeast || s.signIns > tt.most {
				t.Errorf("signed in %d times, expected %d to %d", s.signIns, tt.atLeast, tt.most)
			}
			if s.reused > 0 {
				t.Errorf("%d requests showed a token that was used up", s.reused)
			}
		})
	}
}

// A token is made as RFC 7519 and RFC 7515 say, and a server that checks it lets it in.
func TestJWT(t *testing.T) {
	t.Setenv("TEST_JWT", "the shared secret")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
		if len(parts) != 3 {
			w.WriteHeader(401)
			return
		}
		mac := hmac.New(sha256.New, []byte("the shared secret"))
		mac.Write([]byte(parts[0] + "." + parts[1]))
		sum, err := base64.RawURLEncoding.DecodeString(parts[2])
		if err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
			w.WriteHeader(401)
			return
		}
		var header, claims struct {
			Alg, Iss, Kid string
			Exp, Iat      int64
		}
		decode := func(part string, into any) {
			data, err := base64.RawURLEncoding.DecodeString(part)
			if err == nil {
				err = json.Unmarshal(data, into)
			}
			if err != nil {
				t.Errorf("part %q: %v", part, err)
			}
		}
		decode(parts[0], &header)
		decode(parts[1], &claims)
		now := time.Now().Unix()
		if header.Alg != "HS256" || header.Kid != "key-7" || claims.Iss != "key-7" || claims.Exp < now || claims.Exp > now+121 || claims.Iat > now {
			w.WriteHeader(401)
			return
		}
		_, _ = w.Write([]byte(`{"data":[{"id":"7"}]}`))
	}))
	defer srv.Close()
	const auth = "auth: {jwt: {claims: {iss: $user}, header: {kid: $user}, lifetime: 2m}, send: bearer}\ncontrol: GET /positions\n"
	_, plan, creds, err := signIn(t, "", auth+"keys: {full: {grants: all, user: key-7, secret: env:TEST_JWT}}", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err := conformance.CheckKeys(context.Background(), plan, conformance.Target{Base: mustParse(t, srv.URL), Disposable: true, Credentials: creds})
	if err != nil || len(got) != 1 || got[0].Check != conformance.Pass {
		t.Errorf("%+v %v", got, err)
	}
	// Signed with another secret, it is refused, and the check says so.
	t.Setenv("TEST_JWT", "a mistyped secret")
	_, plan, creds, err = signIn(t, "", auth+"keys: {full: {grants: all, user: key-7, secret: env:TEST_JWT}}", srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	got, err = conformance.CheckKeys(context.Background(), plan, conformance.Target{Base: mustParse(t, srv.URL), Disposable: true, Credentials: creds})
	if err != nil || len(got) != 1 || got[0].Check != conformance.Fail || got[0].Status != 401 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := keyring.ParseProfile("p.yaml", []byte("permcheck: probe/1\nauth: {jwt: {claims: {iss: a}, lifetime: 5s}}\nkeys: {a: {grants: all, secret: env:A}}"), testCatalog(t)); err == nil ||
		!strings.Contains(err.Error(), "expected a duration from 1m to 24h") {
		t.Errorf("a short lifetime: %v", err)
	}
}

// A vendor's API of two parts: v1 gives tokens for one request, v2 one that lasts; below
// /v1/static the secret itself is shown, with a header beside it. Admin makes keys of id and
// secret alone.
func TestMintedKeysSignInAsTheVendorDoes(t *testing.T) {
	var mu sync.Mutex
	secrets, v1, v2 := map[string]string{}, map[string]string{}, map[string]string{}
	n := 0
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		refuse := func() { w.WriteHeader(401) }
		switch r.URL.Path {
		case "/v1/auth":
			var in map[string]string
			_ = json.NewDecoder(r.Body).Decode(&in)
			if in["client_id"] == "" || secrets[in["client_id"]] != in["client_secret"] || in["client_id"] == "static" {
				refuse()
				return
			}
			v1[fmt.Sprint("one-", n)] = in["client_id"]
			fmt.Fprintf(w, `{"data":{"token":"one-%d"}}`, n)
		case "/v2/token":
			id, secret, _ := r.BasicAuth()
			if r.PostFormValue("grant_type") != "client_credentials" || secrets[id] != secret {
				refuse()
				return
			}
			v2[fmt.Sprint("two-", n)] = id
			fmt.Fprintf(w, `{"access_token":"two-%d"}`, n)
		case "/v1/things":
			if v1[token] == "" {
				refuse()
				return
			}
			id := v1[token]
			delete(v1, token)
			v1[fmt.Sprint("one-", n)] = id
			w.Header().Set("Authorization", fmt.Sprint("Bearer one-", n))
			fmt.Fprintf(w, "%q", id)
		case "/v2/things":
			if v2[token] == "" {
				refuse()
				return
			}
			fmt.Fprintf(w, "%q", v2[token])
		case "/v1/static/things":
			if r.Header.Get("X-Company-Id") == "" || secrets[r.Header.Get("X-Company-Id")] != token {
				refuse()
			}
		}
	}))
	defer api.Close()
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		id := fmt.Sprint("client-", n)
		secrets[id] = fmt.Sprint("secret-of-", id)
		_ = json.NewEncoder(w).Encode(map[string]string{"id": id, "secret": secrets[id]})
	}))
	defer admin.Close()
	c, err := catalogs.Parse("c.yaml", []byte("permcheck: catalog/1\nname: c\npermissions: {read: }\nendpoints:\n  GET /v1/things: read\n  GET /v2/things: read\n  GET /v1/static/things: read\n"))
	if err != nil {
		t.Fatal(err)
	}
	manners, err := keyring.ParseManners("profile.yaml", []byte(`
auth:
  exchange: {url: /v1/auth, json: {client_id: $user, client_secret: $secret}, token: data.token, rotates: header Authorization}
  below:
    /v2/: {exchange: {url: /v2/token, form: {grant_type: client_credentials}, basic: true, token: access_token}}
    /v1/static/: {send: bearer, with: {X-Company-ID: $user}}
dialect: {list: data}
`), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	ring := keyring.NewAdmin(mustParse(t, admin.URL), "token")
	ring.Manners, ring.API = manners, mustParse(t, api.URL)
	p, err := conformance.NewPlan(c, conformance.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	creds, err := ring.MintPlan(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	target := conformance.Target{Base: mustParse(t, api.URL), Credentials: creds, Reference: true, Provisioner: ring}
	answers, _, err := conformance.Run(ctx, p, target)
	if err != nil {
		t.Fatal(err)
	}
	for i, req := range p.Requests {
		row, key, status := &p.Rows[req.Row], &p.Keys[req.Key], answers.Observations[i].Status
		if row.Endpoint == nil {
			continue
		}
		want := 200
		if key.Kind != conformance.ValidKey {
			want = 401
		}
		if status != want {
			t.Errorf("%s as %s is answered %d, expected %d", row, key.Name, status, want)
		}
	}
	// Of the user's own profile each key wins that it has.
	own, err := keyring.ParseProfile("own.yaml", []byte("permcheck: probe/1\nauth: {send: header X-Key}\nkeys: {full: {grants: all, secret: env:PC_FULL}}\n"), c)
	if err != nil {
		t.Fatal(err)
	}
	if own.Under(manners); own.Auth.Header != "X-Key" || own.Auth.Exchange != nil || own.Dialect == nil {
		t.Errorf("the profile's own auth is lost, or the dialect of the manners is: %+v", own.Auth)
	}
	other, err := keyring.ParseProfile("own.yaml", []byte("permcheck: probe/1\nkeys: {full: {grants: all, secret: env:PC_FULL}}\n"), c)
	if err != nil {
		t.Fatal(err)
	}
	if other.Under(manners); other.Auth.Exchange == nil || len(other.Auth.Below) != 2 {
		t.Errorf("the auth of the manners is not taken over: %+v", other.Auth)
	}
	for text, want := range map[string]string{
		"auth: {below: {v2: {send: bearer}}}":                      "expected the beginning of paths",
		"auth: {below: {/v2/: {below: {/v3/: {send: bearer}}}}}":   "below",
		"keys: {full: {grants: all, secret: env:PC}}":              "keys",
		"auth: {jwt: {}, exchange: {url: /t, json: {}, token: t}}": "shown in one way",
	} {
		if _, err := keyring.ParseManners("m.yaml", []byte(text), c); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "m.yaml:1:") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
