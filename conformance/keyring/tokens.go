package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// defaultLifetime is how long a JWT is good for where the profile does not say.
const defaultLifetime = 5 * time.Minute

// A JWT is a token that is signed on this machine: HS256 (RFC 7518, section 3.2) with the
// key's secret.
type JWT struct {
	Claims   map[string]any // $user stands for the key's user
	Header   map[string]any // members besides alg and typ
	Lifetime time.Duration  // from iat to exp
}

// token makes a token.
func (j *JWT) token(user, secret string, now time.Time) (string, time.Time, error) {
	expires := now.Add(j.Lifetime)
	header := map[string]any{}
	for name, v := range j.Header {
		header[name] = withUser(v, user)
	}
	claims := map[string]any{"iat": now.Unix(), "exp": expires.Unix()}
	for name, v := range j.Claims {
		claims[name] = withUser(v, user)
	}
	token, err := conformance.SignJWT(header, claims, secret)
	return token, expires, err
}

func withUser(v any, user string) any {
	if s, ok := v.(string); ok {
		return strings.ReplaceAll(s, "$user", user)
	}
	return v
}

// A signIn is one set of credentials that a token is got for.
type signIn struct{ user, secret, scopes string }

// A part is a sign-in to a part of the API.
type part struct {
	signIn
	prefix string // "" is all of it
}

// tokenCache holds the tokens of one run, by key and scope set.
type tokenCache struct {
	mu sync.Mutex
	by map[part]*conformance.Tokens
}

// tokens returns the changing secret of a sign-in, which is signed in once; nil when the
// profile shows secrets themselves.
func (p *Profile) tokens(ctx context.Context, target *url.URL, auth *Auth, who part) (*conformance.Tokens, error) {
	if auth.JWT == nil && auth.Exchange == nil {
		return nil, nil
	}
	p.cache.mu.Lock()
	defer p.cache.mu.Unlock()
	if t := p.cache.by[who]; t != nil {
		return t, nil
	}
	fetch := func(ctx context.Context) (string, time.Time, error) {
		if j := auth.JWT; j != nil {
			return j.token(who.user, who.secret, time.Now())
		}
		token, expires, err := auth.Exchange.fetch(ctx, target, p, who.signIn)
		p.Secrets.Add(redact.Secret{Name: "PC_TOKEN", Value: token, User: who.user})
		return token, expires, err
	}
	token, expires, err := fetch(ctx)
	if err != nil {
		return nil, err
	}
	rotates := ""
	if auth.Exchange != nil {
		rotates = auth.Exchange.Rotates
	}
	t := conformance.NewTokens(token, expires, rotates, fetch)
	if p.cache.by == nil {
		p.cache.by = map[part]*conformance.Tokens{}
	}
	p.cache.by[who] = t
	return t, nil
}

// fetch sends the exchange. Its errors never hold the secret or the answer. p is the profile
// that it stands in.
func (x *Exchange) fetch(ctx context.Context, target *url.URL, p *Profile, who signIn) (string, time.Time, error) {
	var never time.Time
	fill := strings.NewReplacer("$user", who.user, "$secret", who.secret, "$scopes", who.scopes)
	var body []byte
	contentType := "application/json"
	if x.Form != nil {
		form := url.Values{}
		for name, v := range x.Form {
			form.Set(name, fill.Replace(v))
		}
		body, contentType = []byte(form.Encode()), "application/x-www-form-urlencoded"
	} else {
		members := map[string]any{}
		for name, v := range x.JSON {
			if s, ok := v.(string); ok {
				v = fill.Replace(s)
			}
			members[name] = v
		}
		var err error
		if body, err = json.Marshal(members); err != nil {
			return "", never, err
		}
	}
	where := x.URL
	if strings.HasPrefix(where, "/") {
		where = strings.TrimSuffix(target.String(), "/") + where
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return "", never, err
	}
	req.Header.Set("Content-Type", contentType)
	if x.Basic {
		req.SetBasicAuth(url.QueryEscape(who.user), url.QueryEscape(who.secret)) // RFC 6749, section 2.3.1
	}
	if !x.Authorization.isZero() {
		value, err := x.Authorization.lookUp(ctx, filepath.Dir(p.File))
		if err != nil {
			return "", never, fmt.Errorf("what the exchange asks for besides: %w", err)
		}
		p.keep("the_exchange_authorization", x.Authorization, value, "")
		if _, secret, ok := strings.Cut(value, " "); ok { // behind the scheme
			p.keep("the_exchange_authorization", x.Authorization, secret, "")
		}
		req.Header.Set("Authorization", value)
	}
	now := time.Now()
	v, err := fetchJSON(req)
	if err != nil {
		return "", never, err
	}
	token, ok := at(v, x.Token).(string)
	if !ok || token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", never, fmt.Errorf("%s answered without a token at %s", x.URL, x.Token)
	}
	seconds := at(v, siblingOf(x.Token, "expires_in")) // RFC 6749, section 5.1
	if x.Expires != "" {
		seconds = at(v, x.Expires)
	}
	if n, err := strconv.Atoi(text(seconds)); err == nil && n > 0 {
		return token, now.Add(time.Duration(min(n, 365*86400)) * time.Second), nil
	}
	return token, never, nil
}

// siblingOf is the path of another member beside the one at a path.
func siblingOf(path, name string) string {
	return path[:strings.LastIndexByte(path, '.')+1] + name
}

// jwt reads how a token is made on this machine.
func (d *decoder) jwt(n strictyaml.Node) *JWT {
	j := &JWT{Lifetime: defaultLifetime}
	members := func(into *map[string]any) func(strictyaml.Node) {
		return func(n strictyaml.Node) {
			*into = map[string]any{}
			for _, p := range n.Pairs("members of a JSON object") {
				(*into)[p.Name] = anyValue(p.Value)
			}
		}
	}
	n.Fields("a token that is made here",
		strictyaml.Field{Name: "claims", Decode: members(&j.Claims)},
		strictyaml.Field{Name: "header", Decode: members(&j.Header)},
		strictyaml.Field{Name: "lifetime", Decode: func(n strictyaml.Node) {
			v, err := time.ParseDuration(n.Value())
			if err != nil || v < time.Minute || v > 24*time.Hour {
				n.Errorf("expected a duration from 1m to 24h, such as 10m")
			}
			j.Lifetime = v
		}},
	)
	return j
}
