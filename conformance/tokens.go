package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// renewBefore is how long before it expires a token is renewed, at most: a short-lived one is
// used for three quarters of its life.
const renewBefore = 15 * time.Second

// maxTokens bounds how many tokens of one key are remembered.
const maxTokens = 1000

// A SignInRefused says that a target answered a sign-in with something else than 2xx.
type SignInRefused struct{ Status int }

func (e *SignInRefused) Error() string { return fmt.Sprintf("answered %d", e.Status) }

// Tokens is a secret that changes during a run: a token that is got for a key, is renewed
// before it expires and once when it is refused though it should not be. It may be used
// concurrently.
type Tokens struct {
	// Fetch gets a new token and says when it expires; the zero time: it is not known. Its
	// errors hold no secret.
	Fetch func(context.Context) (token string, expires time.Time, err error)
	// Rotates names the response header with the token of the next request, for tokens that
	// are good for one: requests with them go one after the other. Empty: they do not.
	Rotates string

	mu      sync.Mutex
	token   string
	stable  bool      // the next token was the same: they do not rotate here
	expires time.Time // the zero time: not known
	renewAt time.Time
	used    []string
	told    func(token string) // is told each token; nil: nobody is
	failed  error
}

// NewTokens returns a secret whose first token is already there.
func NewTokens(token string, expires time.Time, rotates string, fetch func(context.Context) (string, time.Time, error)) *Tokens {
	t := &Tokens{Fetch: fetch, Rotates: rotates}
	t.set(token, expires)
	return t
}

func (t *Tokens) set(token string, expires time.Time) {
	t.stable = t.stable || len(t.used) > 0 && token == t.used[len(t.used)-1]
	t.token, t.expires = token, expires
	t.renewAt = expires.Add(-min(renewBefore, time.Until(expires)/4))
	if len(t.used) < maxTokens {
		t.used = append(t.used, token)
	}
	if t.told != nil {
		t.told(token)
	}
}

// Current is the token of the moment.
func (t *Tokens) Current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.token
}

// knows reports whether a token was one of these. Another secret in a credential was put
// there on purpose.
func (t *Tokens) knows(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, u := range t.used {
		if u == token || token != "" && token == t.token {
			return true
		}
	}
	return false
}

// take returns the token to show now. done is told what came back; a token that rotates is
// locked until then.
func (t *Tokens) take(ctx context.Context) (token string, done func(http.Header), err error) {
	t.mu.Lock()
	if t.token == "" || !t.expires.IsZero() && time.Now().After(t.renewAt) {
		if err := t.renewLocked(ctx); err != nil {
			t.mu.Unlock()
			return "", nil, err
		}
	}
	token = t.token
	if t.Rotates == "" || t.stable {
		t.mu.Unlock()
		return token, func(http.Header) {}, nil
	}
	return token, func(answer http.Header) {
		defer t.mu.Unlock()
		next := strings.TrimSpace(strings.TrimPrefix(answer.Get(t.Rotates), "Bearer "))
		if next == "" {
			t.token = "" // it is used up: the next request signs in again
			return
		}
		t.set(next, t.expires)
	}, nil
}

// renew gets a new token in place of one that was refused; nothing happens when somebody has
// renewed it already.
func (t *Tokens) renew(ctx context.Context, refused string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token != refused && t.token != "" {
		return nil
	}
	return t.renewLocked(ctx)
}

func (t *Tokens) renewLocked(ctx context.Context) error {
	if t.failed != nil {
		return t.failed
	}
	token, expires, err := t.Fetch(ctx)
	if err != nil {
		if ctx.Err() == nil {
			t.failed = fmt.Errorf("renewing the token: %w", err) // once is enough to know
			return t.failed
		}
		return err
	}
	t.set(token, expires)
	return nil
}

// tell tells each token that was used, and each that will be.
func (t *Tokens) tell(told func(token string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, token := range t.used {
		told(token)
	}
	t.told = told
}
