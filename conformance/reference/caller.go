package reference

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"
)

// A Caller is what a request proves about its sender.
type Caller uint8

const (
	Anonymous Caller = iota // no credential was sent
	Malformed               // a credential that cannot be one of this server's
	Unknown                 // well formed, but no key that is admitted
	Valid                   // a key that is enabled, not expired, and whose owner is not disabled
)

// maxCredential bounds a secret or a token, in bytes.
const maxCredential = 8 << 10

// caller identifies a request. The key is nobody unless the caller is Valid.
func (s *Server) caller(r *http.Request, rt *route) (Caller, *key) {
	if len(s.planted) > 0 {
		if who, k, ok := s.misidentify(r, rt); ok {
			return who, k
		}
	}
	headers := r.Header["Authorization"]
	switch len(headers) {
	case 0:
		return Anonymous, nobody
	case 1:
	default:
		return Malformed, nobody
	}
	scheme, secret, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Malformed, nobody
	}
	if who, k, known := s.manners.identify(secret, rt); known {
		return who, k
	}
	if !wellFormed(secret) {
		return Malformed, nobody
	}
	return s.keyBySecret(secret, rt)
}

// wellFormed reports whether a text could be a secret or a token of this server.
func wellFormed(secret string) bool {
	return len(secret) >= 20 && len(secret) <= maxCredential && !strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// identify finds the key that a credential shows: the key's secret, or what the vendor's
// clients show in its place.
func (s *Server) identify(credential string, rt *route) (Caller, *key) {
	if who, k, known := s.manners.identify(credential, rt); known {
		return who, k
	}
	return s.keyBySecret(credential, rt)
}

// keyBySecret finds the key of a secret.
func (s *Server) keyBySecret(secret string, rt *route) (Caller, *key) {
	hash := sha256.Sum256([]byte(secret))
	s.keys.mu.RLock()
	k := s.keys.byHash[hash]
	s.keys.mu.RUnlock()
	if k == nil && len(s.planted) > 0 {
		return s.judgeKey(nil, secret, hash, rt)
	}
	return s.callerOf(k, rt)
}

// callerOf decides about the sender who has shown a key, which may be nil, to be his.
func (s *Server) callerOf(k *key, rt *route) (Caller, *key) {
	if len(s.planted) > 0 && k != nil {
		return s.judgeKey(k, "", k.hash, rt)
	}
	if k != nil && k.state == stateEnabled && !s.keys.ownerDisabled(k.owner) && (k.expires.IsZero() || s.now().Before(k.expires)) {
		return Valid, s.lagging(k)
	}
	return Unknown, nobody
}

// judgeKey is identify on a server with faults.
func (s *Server) judgeKey(k *key, secret string, hash [sha256.Size]byte, rt *route) (Caller, *key) {
	introspects := rt != nil && rt.kind == kindIdentity && s.wrong(rt, "introspection-accepts-dead-keys")
	ks := s.keys
	if k == nil {
		ks.mu.RLock()
		dead, rotated := ks.dead[hash], ks.byID[ks.rotated[hash]]
		ks.mu.RUnlock()
		switch {
		case dead != nil && (introspects || s.wrong(rt, "deleted-key-works") && s.mistaken.used(dead.id)):
			k = dead
		case rotated != nil && (introspects || s.wrong(rt, "rotation-keeps-old-secret")):
			k = rotated
		case s.wrong(rt, "key-prefix-compared"):
			k = s.keyLike(func(k *key) bool { return len(secret) >= comparedChars && k.prefix == secret[:comparedChars] })
		case s.wrong(rt, "key-case-ignored"):
			k = s.keyLike(func(k *key) bool {
				// Secrets are in upper case but for their beginning.
				upper := strings.ToUpper(secret[min(len(secret), len(secretPrefix)):])
				return sha256.Sum256([]byte(secretPrefix+upper)) == k.hash
			})
		}
		if k == nil {
			return Unknown, nobody
		}
	}
	expires := k.expires
	switch {
	case expires.IsZero():
	case s.wrong(rt, "expiry-in-wrong-zone"):
		expires = expires.Add(2 * time.Hour)
	case s.wrong(rt, "expiry-too-early"):
		expires = expires.Add(-2 * time.Hour)
	}
	if s.wrong(rt, "reenabled-key-refused") && s.mistaken.wasParked(k.id, k.state != stateEnabled) {
		return Unknown, nobody
	}
	switch {
	case introspects:
	case k.state == stateDisabled && !s.wrong(rt, "disabled-key-works"),
		k.state == stateRevoked && !s.wrong(rt, "revoked-key-works"),
		k.owner != "" && s.keys.ownerDisabled(k.owner) && !s.wrong(rt, "owner-disabled-key-lives"),
		!expires.IsZero() && !s.now().Before(expires) && !s.wrong(rt, "expired-key-works"):
		return Unknown, nobody
	}
	s.mistaken.use(k.id)
	k = s.stale(k, rt)
	return Valid, s.lagging(k)
}

func (s *Server) keyLike(like func(*key) bool) *key {
	s.keys.mu.RLock()
	defer s.keys.mu.RUnlock()
	for _, k := range s.keys.byID {
		if like(k) {
			return k
		}
	}
	return nil
}

// strongestID is the id of no key that was made.
const strongestID = "key-0"

// strongest is the key that holds most, which a server takes that mistakes its caller.
func (s *Server) strongest() *key {
	all := s.vocab.holdings(s.vocab.ids)
	return &key{id: strongestID, name: "root", state: stateEnabled, granted: s.vocab.ids, inForce: s.vocab.ids, holds: all}
}

// misidentify looks for a credential in places, or believes claims, that a right server
// ignores. It reports false where it makes no difference.
func (s *Server) misidentify(r *http.Request, rt *route) (Caller, *key, bool) {
	headers := r.Header["Authorization"]
	found := func(secret string) (Caller, *key, bool) {
		who, k := s.identify(secret, rt)
		return who, k, who == Valid
	}
	names := []string{"access_token", "api_key", "apikey", "key", "token", "auth"}
	query := ""
	for _, name := range names {
		if query == "" && r.URL.RawQuery != "" {
			query = r.URL.Query().Get(name)
		}
	}
	if query != "" {
		if s.wrong(rt, "second-credential-wins") && len(headers) > 0 || s.wrong(rt, "key-in-query") && len(headers) == 0 {
			return found(query)
		}
	}
	if len(headers) > 1 && s.wrong(rt, "second-credential-wins") {
		if scheme, secret, _ := strings.Cut(headers[len(headers)-1], " "); strings.EqualFold(scheme, "Bearer") {
			return found(secret)
		}
	}
	if len(headers) == 0 && s.wrong(rt, "key-in-cookie") {
		for _, cookie := range r.Cookies() {
			if who, k, ok := found(cookie.Value); ok {
				return who, k, ok
			}
		}
	}
	if len(headers) == 1 {
		scheme, secret, _ := strings.Cut(headers[0], " ")
		secret = strings.TrimSpace(secret)
		switch {
		case s.wrong(rt, "empty-key-accepted") && (secret == "" || secret == "null" || secret == "undefined"):
			return Valid, s.strongest(), true
		case s.wrong(rt, "wrong-scheme-accepted") && !strings.EqualFold(scheme, "Bearer"):
			if strings.EqualFold(scheme, "Basic") {
				plain, err := base64.StdEncoding.DecodeString(secret)
				if err != nil {
					return Malformed, nobody, false
				}
				user, password, _ := strings.Cut(string(plain), ":")
				if who, k, ok := found(user); ok {
					return who, k, true
				}
				return found(password)
			}
			if secret == "" {
				secret = scheme
			}
			return found(secret)
		}
	}
	if len(headers) != 1 {
		return Anonymous, nobody, false
	}
	_, secret, _ := strings.Cut(headers[0], " ")
	who, k := s.identify(secret, rt)
	if who != Valid {
		if s.wrong(rt, "invalid-key-is-anonymous") {
			return Anonymous, nobody, true
		}
		return who, k, false
	}
	if s.wrong(rt, "impersonation-header") {
		for _, name := range []string{"X-Impersonate", "X-Impersonate-User", "X-User-Id", "X-User", "On-Behalf-Of", "X-On-Behalf-Of"} {
			if as := r.Header.Get(name); as != "" {
				if other := s.keyLike(func(k *key) bool { return k.id == as || k.name == as || k.owner != "" && k.owner == as }); other != nil {
					return Valid, other, true
				}
			}
		}
	}
	if s.wrong(rt, "role-header-trusted") {
		for _, claim := range []string{r.Header.Get("X-Role"), r.Header.Get("X-Roles"), r.Header.Get("X-User-Role"), r.URL.Query().Get("role")} {
			if strings.EqualFold(claim, "admin") || strings.EqualFold(claim, "root") {
				all := *k
				all.inForce, all.holds = s.vocab.ids, s.vocab.holdings(s.vocab.ids)
				return Valid, &all, true
			}
		}
	}
	return who, k, false
}
