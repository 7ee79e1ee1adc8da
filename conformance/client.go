package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Bounds on what a server can make the client do.
const (
	maxResponseBody   = 1 << 20
	maxResponseHeader = 64 << 10
	maxRetries        = 2
	maxRetryWait      = 10 * time.Second
)

// A Credential is how a key is shown in a request. The zero value shows none.
type Credential struct {
	Header string // header that carries it; empty: none does
	Query  string // query parameter that carries it; empty: none does
	Scheme string // what stands before the secret in the header, such as "Bearer"
	Secret string
	// Issued says that the target made the secret in answer to a sign-in, so that it is
	// known to be valid.
	Issued bool
	// Tokens is where Secret comes from when it changes during the run; nil: it does not. A
	// Secret that is none of its tokens is shown as it is, an empty one too.
	Tokens *Tokens
	// With are further headers that go with it and hold no secret.
	With map[string]string
	// Below are other ways to show the same key, for requests to paths that begin so; the
	// longest such beginning counts.
	Below []Below
	// KeyID and KeySecret are what the keyring has: Secret is the latter itself, or a token that
	// was made of both or got for them.
	KeyID, KeySecret string
	// Env is the environment variable that stands for the secret wherever a report
	// shows the request.
	Env string
	// EnvNote says what that variable holds, where its name does not.
	EnvNote string
}

// A Below is how a key is shown to a part of an API.
type Below struct {
	Prefix     string // of paths, such as /v1/
	Credential Credential
}

// TokenSuffix ends the variable of what a key shows where that is not the secret which it has.
const TokenSuffix = "_TOKEN"

// variable is the variable of what the key shows, where env is that of its secret.
func (c *Credential) variable(env string) string {
	if c.Tokens != nil || slices.ContainsFunc(c.Below, func(b Below) bool { return b.Credential.Tokens != nil }) {
		return env + TokenSuffix
	}
	return env
}

// NamedAfter is [Credential.Named] with the variable that the keyring exports the key's secret
// as.
func (c *Credential) NamedAfter(env string) { c.Named(c.variable(env), "") }

// Variables returns what is shown, by the variable that stands for it: to the API as a whole, and
// to parts of it.
func (c *Credential) Variables() map[string]string {
	out := map[string]string{}
	for _, of := range append([]Below{{"", *c}}, c.Below...) {
		secret := of.Credential.Secret
		if t := of.Credential.Tokens; t != nil {
			secret = t.Current()
		}
		out[of.Credential.Env] = secret
	}
	return out
}

// at is how the key is shown to a path.
func (c *Credential) at(path string) Credential {
	out, best := *c, ""
	for i := range c.Below {
		if b := &c.Below[i]; strings.HasPrefix(path, b.Prefix) && len(b.Prefix) > len(best) {
			out, best = b.Credential, b.Prefix
		}
	}
	out.Below = nil
	return out
}

// Named gives the credential the variables that stand for it in reports; note says what they
// hold where their names do not.
func (c *Credential) Named(env, note string) {
	c.Env, c.EnvNote = env, note
	below := make([]Below, len(c.Below)) // a credential is copied, its parts are not
	for i, b := range c.Below {
		b.Credential.Env, b.Credential.EnvNote = env+"_"+variable(strings.Trim(b.Prefix, "/")), note
		if note != "" {
			b.Credential.EnvNote += " for " + b.Prefix
		}
		below[i] = b
	}
	if len(below) > 0 {
		c.Below = below
	}
}

// value is what the header or the parameter holds, for a secret or what stands for it.
func (c *Credential) value(secret string) string {
	if c.Scheme != "" {
		return c.Scheme + " " + secret
	}
	return secret
}

// renewed puts the token of the moment into the credential. done is to be told the header of
// the answer.
func (c *Credential) renewed(ctx context.Context) (done func(http.Header), err error) {
	if c.Tokens == nil || !c.Tokens.knows(c.Secret) {
		return func(http.Header) {}, nil
	}
	c.Secret, done, err = c.Tokens.take(ctx)
	return done, err
}

// Apply shows the key in a request.
func (c *Credential) Apply(req *http.Request) {
	if c.Query != "" {
		q := req.URL.Query()
		q.Set(c.Query, c.Secret)
		req.URL.RawQuery = q.Encode()
	}
	if c.Header != "" {
		req.Header.Set(c.Header, c.value(c.Secret))
	}
	for name, value := range c.With {
		req.Header.Set(name, value)
	}
}

// Limits bound a run. Zero values mean the defaults in brackets, the second one for a reference
// server and a disposable target on this machine.
type Limits struct {
	Rate        float64       // requests a second (10; unlimited)
	Connections int           // at a time (4; 32)
	Requests    int           // in all, retries included (100,000; 10,000,000)
	Deadline    time.Duration // for the whole run (1 hour)
	Timeout     time.Duration // for one request (10 seconds)
}

// withDefaults fills in what is not set.
func (l Limits) withDefaults(ours bool) Limits {
	def := Limits{Rate: 10, Connections: 4, Requests: 100_000, Deadline: time.Hour, Timeout: 10 * time.Second}
	if ours {
		def.Rate, def.Connections, def.Requests = 0, 32, 10_000_000
	}
	if l.Rate == 0 {
		l.Rate = def.Rate
	}
	if l.Connections == 0 {
		l.Connections = def.Connections
	}
	if l.Requests == 0 {
		l.Requests = def.Requests
	}
	if l.Deadline == 0 {
		l.Deadline = def.Deadline
	}
	if l.Timeout == 0 {
		l.Timeout = def.Timeout
	}
	return l
}

// IsLoopback reports whether a target is this machine.
func IsLoopback(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A client sends requests. It never follows a redirect, so that a key is never sent
// to another place than the one that was named; it reads at most 1 MB of an answer
// and never unpacks a compressed one. It uses the transport itself: all that an [http.Client]
// adds is what must not happen here, redirects and cookies.
type client struct {
	base *url.URL
	// prefix is the escaped path of the base, address the base without any path.
	prefix  string
	address url.URL
	kept    *http.Transport // keeps connections open
	anew    *http.Transport // opens one for each request
	pace    *rate.Limiter
	budget  atomic.Int64
	limits  Limits
	tape    func(x *exchange, t *Taped) string // takes every exchange down; nil: nothing does
}

func newClient(base *url.URL, limits Limits) *client {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConnsPerHost:    limits.Connections,
		MaxConnsPerHost:        limits.Connections,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true,
	}
	single := transport.Clone()
	single.DisableKeepAlives = true
	c := &client{
		base: base, limits: limits, kept: transport, anew: single,
		prefix: strings.TrimSuffix(base.EscapedPath(), "/"), address: url.URL{Scheme: base.Scheme, Host: base.Host},
	}
	if limits.Rate > 0 {
		c.pace = rate.NewLimiter(rate.Limit(limits.Rate), 1)
	}
	c.budget.Store(int64(limits.Requests))
	return c
}

func (c *client) close() { c.kept.CloseIdleConnections() }

// errBudget ends a run that has sent as many requests as it may.
var errBudget = errors.New("the request budget is used up (limits: requests)")

// An exchange is one request to send.
type exchange struct {
	method string
	path   string // escaped
	query  string // encoded, without "?"; the key's parameter is added to it
	cred   Credential
	body   []byte      // nil: none; else JSON, unless header has another Content-Type
	header http.Header // further headers; nil: none. Host stands for the name of the host.
	repeat bool        // sending it again does no harm
	anew   bool        // on a connection of its own
	admits bool        // the catalog says that it is admitted
	free   bool        // it does not count: it takes away what the run made
}

// A reply is what came back.
type reply struct {
	status    int
	body      []byte // at most maxResponseBody
	truncated bool
	html      bool
	header    http.Header
	file      string // that the body was kept in
}

// answer is the reply as experiments see it.
func (r *reply) answer() *Answer {
	return &Answer{Status: r.status, Header: r.header, Body: r.body, Truncated: r.truncated, HTML: r.html, File: r.file}
}

// send sends a request, again after 429 and 503 and, where that does no harm, after
// 5xx and broken connections.
func (c *client) send(ctx context.Context, x exchange) (*reply, error) {
	renewed := false
	x.cred = x.cred.at(x.path)
	for try := 0; ; try++ {
		r, err := c.once(ctx, &x)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if errors.Is(err, errBudget) || try == maxRetries {
			return r, err
		}
		switch {
		case err != nil:
			if !x.repeat || isTimeout(err) {
				return nil, err
			}
		case r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable:
		case r.status >= 500 && x.repeat:
		case r.status == http.StatusUnauthorized && x.admits && !renewed && x.cred.Tokens != nil:
			// A token that is refused where the key is admitted may have ended early.
			renewed = true
			if x.cred.Tokens.renew(ctx, x.cred.Secret) != nil {
				return r, nil
			}
			x.cred.Secret = x.cred.Tokens.Current()
			try--
			continue
		default:
			return r, nil
		}
		var header http.Header
		if r != nil {
			header = r.header
		}
		if waited, cut := pause(ctx, header, try); cut != nil {
			return nil, cut
		} else if !waited {
			return r, err
		}
	}
}

// pause waits as long as an answer asks for, else longer with each try. It reports false
// when that is longer than a run waits, and an error when the context ends.
func pause(ctx context.Context, header http.Header, try int) (bool, error) {
	wait := time.Duration(100<<try) * time.Millisecond
	if asked, ok := retryAfter(header, time.Now()); ok {
		wait = asked
	}
	if wait > maxRetryWait {
		return false, nil
	}
	select {
	case <-time.After(wait):
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// retryAfter reads the header in both of its forms.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	text := h.Get("Retry-After")
	if secs, err := strconv.Atoi(text); err == nil && secs >= 0 {
		return time.Duration(min(secs, 86400)) * time.Second, true
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

func (c *client) once(ctx context.Context, x *exchange) (*reply, error) {
	if !x.free {
		if err := c.admit(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.Timeout)
	defer cancel()
	done, err := x.cred.renewed(ctx)
	if err != nil {
		return nil, err
	}
	var answered http.Header
	defer func() { done(answered) }()
	req, err := c.request(ctx, x)
	if err != nil {
		return nil, err
	}
	through := c.kept
	if x.anew {
		through = c.anew
	}
	began := time.Now()
	reply, err := exchangeOver(through, req)
	if reply != nil {
		answered = reply.header
	}
	c.taped(x, began, req.Method, req.URL.String(), req.Header, reply, err)
	return reply, err
}

// exchangeOver sends a request and reads its answer, up to the bound.
func exchangeOver(through http.RoundTripper, req *http.Request) (*reply, error) {
	resp, err := through.RoundTrip(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if n := resp.ContentLength; n > 0 && n < maxResponseBody {
		body.Grow(int(n) + bytes.MinRead) // as much as one read to the end wants to have free
	}
	if _, err := body.ReadFrom(io.LimitReader(resp.Body, maxResponseBody+1)); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", withoutURL(err))
	}
	return newReply(resp, body.Bytes()), nil
}

// taped hands an exchange to the tape, if there is one.
func (c *client) taped(x *exchange, began time.Time, method, address string, header http.Header, r *reply, err error) {
	if c.tape == nil {
		return
	}
	t := &Taped{At: began, Took: time.Since(began), Method: method, URL: address, Header: header, Body: x.body}
	if err != nil {
		t.Problem = err.Error()
	}
	if r == nil {
		c.tape(x, t)
		return
	}
	t.Status, t.Answered, t.Answer, t.Truncated = r.status, r.header, r.body, r.truncated
	r.file = c.tape(x, t)
}

// admit waits until one more request may be sent, and counts it.
func (c *client) admit(ctx context.Context) error {
	if c.pace != nil {
		if err := c.pace.Wait(ctx); err != nil {
			return err
		}
	}
	if c.budget.Add(-1) < 0 {
		return errBudget
	}
	return nil
}

// newReply takes an answer whose body was read up to one byte beyond the bound.
func newReply(resp *http.Response, body []byte) *reply {
	r := &reply{status: resp.StatusCode, body: body, header: resp.Header}
	if len(body) > maxResponseBody {
		r.body, r.truncated = body[:maxResponseBody], true
	}
	r.html = strings.HasPrefix(strings.ToLower(strings.TrimSpace(resp.Header.Get("Content-Type"))), "text/html")
	return r
}

func (c *client) request(ctx context.Context, x *exchange) (*http.Request, error) {
	u := c.address
	escaped := c.prefix + x.path
	var err error
	if u.Path, err = url.PathUnescape(escaped); err != nil {
		return nil, fmt.Errorf("path %q: %w", escaped, err)
	}
	u.RawPath = escaped
	u.RawQuery = x.query
	req := (&http.Request{Method: x.method, URL: &u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{
		"User-Agent": {"permcheck"}, "Accept": {"application/json, */*;q=0.5"},
	}}).WithContext(ctx)
	if x.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.ContentLength = int64(len(x.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
		req.Body, _ = req.GetBody() // it has no error
		if len(x.body) == 0 {
			req.Body = http.NoBody
		}
	}
	x.cred.Apply(req)
	for name, values := range x.header {
		switch {
		case name == "Host" && len(values) > 0:
			req.Host = values[0]
		case name == "Authorization" || name == "Cookie":
			req.Header[name] = append(req.Header[name], values...) // a second credential beside the first
		default:
			req.Header[name] = values
		}
	}
	return req, nil
}

// withoutURL removes the URL from an error of net/http: a key may stand in its query.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}
