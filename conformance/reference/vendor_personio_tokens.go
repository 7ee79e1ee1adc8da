package reference

import (
	"crypto/rand"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

const (
	personioTokenLife = 24 * time.Hour
	maxPersonioTokens = 500_000
	// personioCompany is the id of the company that the server's data are of.
	personioCompany = "4711"
)

var errSystemKey = errors.New("the system made this credential: its rights cannot be edited")

// A personioPass is one token that was issued for a key.
type personioPass struct {
	token   string
	key     *key // as it was then
	v2      bool
	scopes  []perm.Permission // those that were asked for; nil: all that the key holds
	expires time.Time
	// once says that it is good for one request. ended, that it is good for none any more.
	once, ended bool
}

// personioTokens are the tokens that a server has issued. They end with it: only keys are kept
// in its journal.
type personioTokens struct {
	mu     sync.Mutex
	tokens map[string]*personioPass
	stable map[string]*personioPass // of v1, by the id of a key
}

// before answers what asks for a token or ends one, and reads forms ahead.
func (p *personio) before(c *call) bool {
	if c.rt == nil {
		return false
	}
	if p.metered(c) {
		return true
	}
	switch c.rt.row.String() {
	case "POST /v1/auth":
		p.signInV1(c)
	case "POST /v2/auth/token":
		p.signInV2(c)
	case "POST /v2/auth/revoke":
		p.revoke(c)
	default:
		if form, ok := c.form(); ok {
			c.readAhead = form
		}
		return false
	}
	return true
}

// form reads the fields of a form; false if the body is none. A field that is repeated counts
// once, and files are left out.
func (c *call) form() (object, bool) {
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != formType && media != "multipart/form-data" {
		return nil, false
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	if media == formType {
		err = c.r.ParseForm()
	} else {
		err = c.r.ParseMultipartForm(maxBody)
	}
	if err != nil {
		return nil, false
	}
	out := object{}
	for name, values := range c.r.PostForm {
		nameOfField(name, values[0], out)
	}
	if c.r.MultipartForm != nil {
		for name, values := range c.r.MultipartForm.Value {
			nameOfField(name, values[0], out)
		}
		_ = c.r.MultipartForm.RemoveAll() // temporary files; there are none below maxBody
	}
	return out, true
}

// nameOfField puts employee[first_name] where JSON has it.
func nameOfField(name, value string, into object) {
	outer, inner, nested := strings.Cut(strings.TrimSuffix(name, "]"), "[")
	if !nested || strings.ContainsAny(inner, "[]") {
		into[strings.NewReplacer("[", "_", "]", "").Replace(name)] = value
		return
	}
	o, ok := into[outer].(map[string]any)
	if !ok {
		o = map[string]any{}
		into[outer] = o
	}
	o[inner] = value
}

// client finds the key of a client id and secret. A key that opens v1 recruiting only is no
// client: its secret is shown itself.
func (p *personio) client(id, secret string) (Caller, *key) {
	if !p.s.knows(id, secret) {
		return Unknown, nobody
	}
	who, k := p.s.keyByID(id, nil)
	if who == Valid && madeBySystem(k) {
		return Unknown, nobody
	}
	return who, k
}

// signInV1 is POST /v1/auth: JSON, a form, or as it once was the query.
func (p *personio) signInV1(c *call) {
	from, ok := c.form()
	if !ok {
		from, _ = readObject(c.w, c.r) // what cannot be read holds no credentials
	}
	id, secret := textOf(from["client_id"]), textOf(from["client_secret"])
	if id == "" && secret == "" {
		q := c.r.URL.Query()
		id, secret = q.Get("client_id"), q.Get("client_secret")
	}
	who, k := p.client(id, secret)
	if who != Valid {
		status := http.StatusUnauthorized
		if p.s.switches["wrong-credentials"] == "403" {
			status = http.StatusForbidden
		}
		p.reply(c, status, object{"success": false, "error": object{"code": status, "message": "Wrong credentials"}})
		return
	}
	t := p.issueV1(k)
	if t == nil {
		p.reply(c, http.StatusServiceUnavailable, nil)
		return
	}
	p.reply(c, http.StatusOK, object{"success": true, "data": object{
		"token": t.token, "expires_in": int(t.expires.Sub(p.s.now()).Round(time.Second).Seconds()), "scope": scopeText(k.granted)}})
}

// signInV2 is POST /v2/auth/token: client credentials in a form.
func (p *personio) signInV2(c *call) {
	from, ok := c.form()
	fail := func(code, why string) {
		c.w.Header().Set("Content-Type", "application/problem+json")
		p.reply(c, http.StatusBadRequest, object{"error": code, "error_description": why, "error_uri": nil,
			"timestamp": p.s.now().UTC().Format(time.RFC3339), "trace_id": traceID(), "meta": object{}})
	}
	id, secret := textOf(from["client_id"]), textOf(from["client_secret"])
	switch {
	case !ok || id == "" || secret == "" || textOf(from["grant_type"]) == "":
		fail("invalid_request", "grant_type, client_id and client_secret are needed, as a form")
		return
	case textOf(from["grant_type"]) != "client_credentials":
		fail("unsupported_grant_type", "the grant type is client_credentials")
		return
	}
	who, k := p.client(id, secret)
	if who != Valid {
		code := "invalid_client"
		if known := p.s.keys.get(id); known != nil && known.state != stateEnabled && p.s.knows(id, secret) {
			code = p.s.switches["disabled-error"]
		}
		fail(code, "the client is not known or not enabled")
		return
	}
	t := &personioPass{key: k, v2: true, once: p.s.wrong(nil, "v2-token-rotates")}
	held := k.granted
	if asked := strings.Fields(textOf(from["scope"])); len(asked) > 0 {
		t.scopes = []perm.Permission{}
		for _, name := range asked {
			scope, known := p.s.vocab.known[perm.Permission(name)]
			switch {
			case !known || scope == systemKey:
				fail("invalid_scope", "there is no such scope")
				return
			case !k.holds[scope]:
				fail(p.s.switches["scope-not-held"], "the client doesn't have access to all attributes in the requested scope")
				return
			}
			t.scopes = append(t.scopes, scope)
		}
		held = t.scopes
		if p.s.wrong(nil, "scope-ignored") {
			t.scopes = nil
		}
	}
	if !p.issue(t) {
		p.reply(c, http.StatusServiceUnavailable, nil)
		return
	}
	p.reply(c, http.StatusOK, object{"access_token": t.token, "token_type": "Bearer", "expires_in": int(personioTokenLife.Seconds()), "scope": scopeText(held)})
}

// revoke is POST /v2/auth/revoke. It says the same whether there was such a token or not.
func (p *personio) revoke(c *call) {
	form, ok := c.form()
	token, _ := form["token"].(string)
	if p.s.switches["revoke-needs-token"] == "yes" {
		if who, _ := p.s.caller(c.r, c.rt); who != Valid {
			c.refuse(true)
			return
		}
	}
	if !ok || token == "" {
		p.reply(c, http.StatusBadRequest, nil)
		return
	}
	p.mu.Lock()
	if t := p.tokens[token]; t != nil {
		t.ended = true
	}
	p.mu.Unlock()
	p.reply(c, http.StatusOK, nil)
}

// reply answers with a body that needs no shaping.
func (p *personio) reply(c *call, status int, body any) {
	c.cors(status)
	writeReply(c.w, c.r.Method, status, body)
}

// issueV1 makes a v1 token; a stable one is the same for 24 hours. Nil: there are too many.
func (p *personio) issueV1(k *key) *personioPass {
	t := &personioPass{key: k}
	if p.s.switches["v1-tokens"] == "rotating" {
		t.once = true
		if !p.issue(t) {
			return nil
		}
		return t
	}
	p.mu.Lock()
	had := p.stable[k.id]
	if had != nil && !had.ended && had.key.hash == k.hash && p.s.now().Before(had.expires) {
		p.mu.Unlock()
		return had
	}
	p.mu.Unlock()
	if !p.issue(t) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stable[k.id] = t
	return t
}

// issue gives a token its text and its life. It reports false when there are too many.
func (p *personio) issue(t *personioPass) bool {
	t.token = rand.Text() + rand.Text()
	if t.v2 || !t.once {
		t.token = "papi-" + t.token
	}
	now := p.s.now()
	t.expires = now.Add(personioTokenLife)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tokens) >= maxPersonioTokens {
		for text, old := range p.tokens { // those that are of no use any more
			if old.ended || now.After(old.expires) {
				delete(p.tokens, text)
			}
		}
	}
	if len(p.tokens) >= maxPersonioTokens {
		return false
	}
	p.tokens[t.token] = t
	return true
}

// find returns the token of a text. A server that is wrong about texts finds others too.
func (p *personio) find(text string, rt *route) *personioPass {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.tokens[text]; t != nil || len(p.s.planted) == 0 {
		return t
	}
	for _, t := range p.tokens {
		if len(text) >= comparedChars && strings.HasPrefix(t.token, text[:comparedChars]) && p.s.wrong(rt, "key-prefix-compared") ||
			strings.EqualFold(t.token, text) && p.s.wrong(rt, "key-case-ignored") {
			return t
		}
	}
	return nil
}

// identify finds the key of a token. Only v1 recruiting is shown the secret of a key.
func (p *personio) identify(secret string, rt *route) (Caller, *key, bool) {
	if !wellFormed(secret) {
		return Malformed, nobody, false
	}
	t := p.find(secret, rt)
	if recruiting(rt) && !(t != nil && p.s.wrong(rt, "recruiting-takes-tokens")) {
		return Unknown, nobody, t != nil
	}
	if t == nil || !p.good(t, rt) {
		return Unknown, nobody, true
	}
	who, k := p.s.keyByID(t.key.id, rt)
	if who != Valid {
		now := p.s.keys.get(t.key.id)
		switch {
		case now == nil && p.s.switches["tokens-after-disconnect"] == "stale":
		case now != nil && now.state != stateEnabled && p.s.switches["tokens-after-disable"] == "stale":
		default:
			return who, nobody, true
		}
		k = t.key
	}
	held := *k
	if recruiting(rt) {
		held.holds = p.s.vocab.holdings([]perm.Permission{systemKey})
		return Valid, &held, true
	}
	if t.scopes == nil && p.s.switches["tokens-after-regrant"] == "live" {
		return Valid, k, true
	}
	if p.s.switches["tokens-after-regrant"] == "stale" {
		held.inForce, held.holds, held.lists = t.key.inForce, t.key.holds, t.key.lists
	}
	if t.scopes != nil {
		var scoped []perm.Permission
		for _, scope := range t.scopes {
			if held.holds[scope] {
				scoped = append(scoped, scope)
			}
		}
		held.inForce, held.holds = scoped, p.s.vocab.holdings(scoped)
	}
	return Valid, &held, true
}

// good reports whether a token opens anything on a route.
func (p *personio) good(t *personioPass, rt *route) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.ended && !(t.once && p.s.wrong(nil, "spent-token-works")) || !p.s.now().Before(t.expires) {
		return false
	}
	return rt == nil || p.s.switches["token-reach"] == "both" || t.v2 == isV2(rt.row.Path)
}

// caller identifies the sender. A token that is good for one request is spent by it.
func (p *personio) caller(c *call) (Caller, *key, bool) {
	who, k := p.s.caller(c.r, c.rt)
	if recruiting(c.rt) {
		who, k = p.recruiter(c, who, k)
		return who, k, true
	}
	text, ok := bearer(c.r)
	if who != Valid || !ok {
		return who, k, true
	}
	if t := p.find(text, c.rt); t != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		if t.once && t.ended && !p.s.wrong(nil, "spent-token-works") {
			return Unknown, nobody, true // another request was faster
		}
		t.ended = t.ended || t.once
		c.own = t
	}
	return who, k, true
}

// recruiter identifies who calls v1 recruiting: a key and the id of the company, in headers, or
// for the old call in its form.
func (p *personio) recruiter(c *call, who Caller, k *key) (Caller, *key) {
	company := c.r.Header.Get("X-Company-ID")
	if c.rt.row.Path == applicantPath {
		if token := textOf(c.readAhead["access_token"]); token != "" {
			who, k = p.s.identify(token, c.rt)
			company = textOf(c.readAhead["company_id"])
		} else if p.s.switches["applicant-key"] == "form" {
			return Anonymous, nobody
		}
	}
	if who == Valid && company != personioCompany && !p.s.wrong(c.rt, "company-id-ignored") {
		return Unknown, nobody
	}
	return who, k
}

// keyChanged ends the tokens of a credential that was reset. It is called with the keys locked.
func (p *personio) keyChanged(was, now *key) {
	if was == nil || now == nil || was.hash == now.hash || p.s.switches["tokens-after-reset"] == "stale" || p.s.wrong(nil, "rotation-keeps-old-secret") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tokens {
		if t.key.id == was.id && t.key.hash == was.hash {
			t.ended, t.once = true, false
		}
	}
}

// next puts the token of the next request into the answer to one that went well. A stable
// token is its own successor.
func (p *personio) next(c *call, status int) {
	t, ok := c.own.(*personioPass)
	if !ok || status >= 300 || t.v2 || isV2(c.r.URL.Path) {
		return
	}
	if t.once {
		after := &personioPass{key: t.key, once: true}
		if !p.issue(after) {
			return
		}
		t = after
	}
	c.w.Header().Set("Authorization", "Bearer "+t.token)
}

// scopeText is a grant as answers show it.
func scopeText(grant []perm.Permission) string {
	var names []string
	for _, p := range grant {
		if p != systemKey {
			names = append(names, string(p))
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func traceID() string { return strings.ToLower(rand.Text()[:16]) }
