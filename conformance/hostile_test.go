package conformance_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// secret is what no report may hold.
const secret = "s3cr3t-of-the-full-key"

// oneRead is a catalog with a single read.
func oneRead(requires string) *catalogs.Catalog {
	r := perm.MustParse(requires)
	return &catalogs.Catalog{
		Name: "one", Permissions: []catalogs.Permission{{ID: "a"}, {ID: "b"}},
		Endpoints: []catalogs.Endpoint{{Method: "GET", Path: "/things", Requires: &r}},
	}
}

// fixed probes a target with the keys full (all) and none, as a profile has them, and
// returns the whole text and JSON of the report too.
func fixed(t *testing.T, c *catalogs.Catalog, base string, limits conformance.Limits, control bool) (*conformance.Result, string, error) {
	t.Helper()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{
		{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind == conformance.NoKey {
			continue
		}
		creds[i] = conformance.Credential{Header: "X-Api-Key", Secret: k.Name + "-key", Env: "PC_" + strings.ToUpper(k.Name)}
		if k.Name == "full" {
			creds[i].Secret = secret
		}
	}
	target := conformance.Target{Base: parse(t, base), Disposable: true, Credentials: creds, Limits: limits, Objects: noObjects{}}
	if control {
		target.Control = &c.Endpoints[0]
	}
	answers, sent, err := conformance.Run(context.Background(), p, target)
	if err != nil {
		return nil, "", err
	}
	r := &conformance.Report{Result: conformance.Judge(p, answers), Sent: sent, Target: target.Base, Credentials: creds, CatalogRef: "one"}
	var out bytes.Buffer
	r.WriteText(&out, report.NewStyles(false))
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), secret) {
		t.Errorf("the report holds the secret:\n%s", out.String())
	}
	return r.Result, out.String(), nil
}

type noObjects struct{}

func (noObjects) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{}, errors.New("no objects")
}

// verdictOf returns the verdict of a check's probe with a key on GET /things.
func verdictOf(t *testing.T, r *conformance.Result, check, key string) (conformance.Verdict, string) {
	t.Helper()
	for i, pr := range r.Plan.Probes {
		if row, _, _ := r.Plan.About(&pr); pr.Check == check && r.Plan.KeyName(&pr) == key && r.Plan.Rows[row].Endpoint != nil {
			return r.Verdicts[i], r.Reasons[i]
		}
	}
	t.Fatalf("no probe of %s with key %s", check, key)
	return 0, ""
}

// enforce answers as a right server: 401 without a known key, 403 without the grant.
func enforce(admitted http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Api-Key") {
		case secret:
			admitted(w, r)
		case "none-key":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

var quick = conformance.Limits{Timeout: 500 * time.Millisecond, Deadline: 20 * time.Second, Connections: 2}

// Whatever a server does, the run ends, its answers are bounded, and no key leaves.
func TestHostileTargets(t *testing.T) {
	bomb := func() []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.Copy(z, io.LimitReader(zeros{}, 64<<20))
		z.Close()
		return b.Bytes()
	}()
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		want    conformance.Verdict // of the full key
	}{
		{"endless body", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, conformance.Pass},
		{"body that never ends", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, conformance.Inconclusive},
		{"gzip bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(bomb)
		}, conformance.Pass},
		{"10,000 headers", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 10_000 {
				w.Header().Set(fmt.Sprintf("X-Header-%d", i), "value")
			}
		}, conformance.Inconclusive},
		{"terminal escapes and invalid UTF-8", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html\u009b2J")
			fmt.Fprint(w, "\x1b]0;owned\x07\xff\xfe\u202e[")
		}, conformance.Pass},
		{"terminal escapes in a header", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "\x1b[2J")
		}, conformance.Inconclusive},
		{"connection reset", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
		}, conformance.Inconclusive},
		{"broken chunks", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
				conn.Close()
			}
		}, conformance.Inconclusive},
		{"status 600", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(600) }, conformance.Inconclusive},
		{"deep JSON", func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, strings.Repeat("[", 200_000))
		}, conformance.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			first := atomic.Bool{}
			srv := httptest.NewServer(enforce(func(w http.ResponseWriter, r *http.Request) {
				if !first.Swap(true) { // the run must get past its first request
					io.WriteString(w, `{"data":[1]}`)
					return
				}
				tt.handler(w, r)
			}))
			defer srv.Close()
			r, out, err := fixed(t, oneRead("a"), srv.URL, quick, false)
			if err != nil {
				t.Fatal(err)
			}
			if v, reason := verdictOf(t, r, "under-grant", "full"); v != tt.want {
				t.Errorf("full key: %s (%s), want %s", v, reason, tt.want)
			}
			if strings.ContainsAny(out, "\x1b\x07\u202e") {
				t.Errorf("the report holds control characters: %q", out)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// A redirect is an answer, never followed: the key must not reach another host.
func TestRedirectIsNotFollowed(t *testing.T) {
	var leaked atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("X-Api-Key") + r.URL.String())
	}))
	defer other.Close()
	srv := httptest.NewServer(enforce(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+"/steal", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	r, _, err := fixed(t, oneRead("a"), srv.URL, quick, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := leaked.Load(); got != nil {
		t.Errorf("the other host was called: %v", got)
	}
	if v, _ := verdictOf(t, r, "under-grant", "full"); v != conformance.Inconclusive {
		t.Errorf("a redirect counts as %s", v)
	}
	if v, _ := verdictOf(t, r, "over-grant", "none"); v != conformance.Inconclusive {
		t.Errorf("a refusal without a positive control counts as %s", v)
	}
}

// A target that cannot be probed is an error that says what to do.
func TestUnusableTargets(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // accepts in the kernel, never answers
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		for range 100 {
			if _, err := io.WriteString(conn, "H"); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}))
	defer slow.Close()
	pages := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!doctype html><title>Welcome</title>")
	}))
	defer pages.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, tt := range []struct{ name, base, want string }{
		{"silent", "http://" + silent.Addr().String(), "does not answer within 500ms"},
		{"slow headers", slow.URL, "does not answer within 500ms"},
		{"web pages", pages.URL, "answers web pages (text/html), not an API"},
		{"closed", closed.URL, "cannot be reached"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := fixed(t, oneRead("a"), tt.base, quick, false)
			var re *conformance.RunError
			if !errors.As(err, &re) || !strings.Contains(err.Error(), tt.want) || re.Next == "" {
				t.Errorf("got %v, want something with %q and what to do next", err, tt.want)
			}
		})
	}
}

// The deadline and the budget end a run; what was not sent is inconclusive.
func TestRunIsCutShort(t *testing.T) {
	for name, limits := range map[string]conformance.Limits{
		"deadline": {Deadline: 1500 * time.Millisecond, Connections: 1},
		"budget":   {Requests: 3, Connections: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var seen atomic.Int64 // the first answer is quick: a target must be reached to be cut short
			srv := httptest.NewServer(enforce(func(w http.ResponseWriter, _ *http.Request) {
				if seen.Add(1) > 1 {
					time.Sleep(2 * time.Second)
				}
				io.WriteString(w, `{}`)
			}))
			defer srv.Close()
			r, _, err := fixed(t, oneRead("a"), srv.URL, limits, false)
			if err != nil {
				t.Fatal(err)
			}
			if r.Answers.Cut == "" {
				t.Error("the run does not say that it was cut short")
			}
			if r.Count[conformance.Inconclusive] == 0 || r.Count[conformance.Fail] != 0 {
				t.Errorf("verdicts: %v", r.Count)
			}
		})
	}
}

// Right servers refuse in many ways; none of them is a finding where no form is stated.
func TestTraps(t *testing.T) {
	full := func(w http.ResponseWriter) { io.WriteString(w, `{"data":[{"id":1}],"total":1}`) }
	status := func(code int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { w.WriteHeader(code) }
	}
	empty := func(w http.ResponseWriter) { io.WriteString(w, `{"data":[],"total":0}`) }
	for _, tt := range []struct {
		name               string
		anonymous, refused func(http.ResponseWriter)
		want               conformance.Verdict // of the key none
		learned            string
	}{
		{"T1 404", status(404), status(404), conformance.Inconclusive, "404"}, // the key cannot be told from an unknown one
		{"T1 404 after 401", status(401), status(404), conformance.Pass, "404"},
		{"T2 401 for a missing grant", status(403), status(401), conformance.Pass, "401"},
		{"T3 empty list", status(401), empty, conformance.Pass, "200 with an empty list"},
		{"T4 422", status(401), status(422), conformance.Pass, "422"},
		{"T5 403 without a key", status(403), status(404), conformance.Pass, "404"},
		{"T11 429", status(401), status(429), conformance.Inconclusive, ""},
		{"T12 500", status(401), status(500), conformance.Inconclusive, ""},
		{"302 to a login page", status(302), status(403), conformance.Pass, "403"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path != "/things":
					w.WriteHeader(404)
				case r.Header.Get("X-Api-Key") == secret:
					full(w)
				case r.Header.Get("X-Api-Key") == "none-key":
					tt.refused(w)
				default:
					tt.anonymous(w)
				}
			}))
			defer srv.Close()
			r, _, err := fixed(t, oneRead("a"), srv.URL, quick, false)
			if err != nil {
				t.Fatal(err)
			}
			if r.Count[conformance.Fail] != 0 {
				t.Errorf("false alarm: %v", r.Groups)
			}
			if v, reason := verdictOf(t, r, "over-grant", "none"); v != tt.want {
				t.Errorf("key none: %s (%s), want %s", v, reason, tt.want)
			}
			if tt.learned != "" && r.Learned.Forbidden[tt.learned] != 1 {
				t.Errorf("learned %v, want %q once", r.Learned.Forbidden, tt.learned)
			}
		})
	}
}

// A mistyped key looks like perfect refusal: nothing that it shows counts.
func TestDeadKeys(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }))
	defer srv.Close()
	for _, control := range []bool{false, true} {
		r, out, err := fixed(t, oneRead("a"), srv.URL, quick, control)
		if err != nil {
			t.Fatal(err)
		}
		if r.Proven != 0 || r.Count[conformance.Fail] != 0 {
			t.Errorf("control %t: proven %d, verdicts %v", control, r.Proven, r.Count)
		}
		if len(r.Void) != 1 || r.Void[0] != "full" {
			t.Errorf("control %t: void keys %v, want full", control, r.Void)
		}
		if !strings.Contains(out, "key full shows no sign of life") {
			t.Errorf("the report says nothing about it:\n%s", out)
		}
	}
}

// A key whose token the server issued is alive, even where a refusal looks the same for
// every key.
func TestIssuedTokenIsAlive(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != secret {
			w.WriteHeader(401)
		}
	}))
	defer srv.Close()
	c := oneRead("a")
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{
		{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, issued := range []bool{false, true} {
		creds := make([]conformance.Credential, len(p.Keys))
		for i, k := range p.Keys {
			if k.Kind != conformance.NoKey {
				creds[i] = conformance.Credential{Header: "X-Api-Key", Secret: k.Name + "-key", Issued: issued && k.Kind == conformance.ValidKey}
			}
			if k.Name == "full" {
				creds[i].Secret = secret
			}
		}
		answers, _, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: creds})
		if err != nil {
			t.Fatal(err)
		}
		want := conformance.Inconclusive
		if issued {
			want = conformance.Pass
		}
		if v, reason := verdictOf(t, conformance.Judge(p, answers), "over-grant", "none"); v != want {
			t.Errorf("issued %t: %s (%s), want %s", issued, v, reason, want)
		}
	}
}

// A page to sign in is no sign of an over-grant, and no proof of a refusal either.
func TestSignInPage(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/things":
			w.WriteHeader(404)
		case r.Header.Get("X-Api-Key") == secret:
			io.WriteString(w, `{"data":[1]}`)
		default:
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, `<form action="/login">`)
		}
	}))
	defer srv.Close()
	r, _, err := fixed(t, oneRead("a"), srv.URL, quick, false)
	if err != nil {
		t.Fatal(err)
	}
	for check, key := range map[string]string{"over-grant": "none", "anonymous-admitted": "anonymous", "bad-key-admitted": "unknown"} {
		if v, _ := verdictOf(t, r, check, key); v != conformance.Inconclusive {
			t.Errorf("%s: %s, want inconclusive", check, v)
		}
	}
}

// An under-grant that goes away when it is asked again is unstable, not a finding.
func TestUnstableAnswer(t *testing.T) {
	var calls atomic.Int64
	srv := httptest.NewServer(enforce(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 3 { // the first is the run's first request, the second the key's control
			w.WriteHeader(403)
		}
	}))
	defer srv.Close()
	r, _, err := fixed(t, oneRead("a"), srv.URL, quick, false)
	if err != nil {
		t.Fatal(err)
	}
	if v, reason := verdictOf(t, r, "under-grant", "full"); v != conformance.Inconclusive || !strings.Contains(reason, "unstable") {
		t.Errorf("full: %s (%s)", v, reason)
	}
}

// A key that is refused like everybody while others are admitted has lost something:
// that is a finding only where the key is known to be alive.
func TestUnderGrantAsEmptyList(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("X-Api-Key") {
		case secret:
			io.WriteString(w, `[{"id":1}]`)
		case "none-key", "half-key":
			io.WriteString(w, `[]`)
		default:
			w.WriteHeader(401)
		}
	}))
	defer srv.Close()
	c := oneRead("a")
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{
		{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}, {Name: "half", Grants: perm.NewSet("a")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind != conformance.NoKey {
			creds[i] = conformance.Credential{Header: "X-Api-Key", Secret: k.Name + "-key"}
		}
		if k.Name == "full" {
			creds[i].Secret = secret
		}
	}
	answers, _, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: creds, Objects: noObjects{}})
	if err != nil {
		t.Fatal(err)
	}
	r := conformance.Judge(p, answers)
	if v, _ := verdictOf(t, r, "under-grant", "half"); v != conformance.Fail {
		t.Errorf("half: %s, want fail", v)
	}
	if v, _ := verdictOf(t, r, "over-grant", "none"); v != conformance.Pass {
		t.Errorf("none: %s, want pass", v)
	}
}

// 429 with Retry-After is waited for.
func TestRetryAfter(t *testing.T) {
	var calls atomic.Int64
	srv := httptest.NewServer(enforce(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1)%2 == 0 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		io.WriteString(w, `{}`)
	}))
	defer srv.Close()
	r, _, err := fixed(t, oneRead("a"), srv.URL, quick, false)
	if err != nil {
		t.Fatal(err)
	}
	if v, reason := verdictOf(t, r, "under-grant", "full"); v != conformance.Pass {
		t.Errorf("full: %s (%s)", v, reason)
	}
}

// The path is sent as it is meant: ids are escaped, the target's own path is kept.
func TestPathsAreEscaped(t *testing.T) {
	var paths = make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case paths <- r.RequestURI:
		default:
		}
		w.WriteHeader(401)
	}))
	defer srv.Close()
	need := perm.MustParse("a")
	c := &catalogs.Catalog{Name: "ids", Permissions: []catalogs.Permission{{ID: "a"}},
		Endpoints: []catalogs.Endpoint{{Method: "GET", Path: "/x/{id}/y", Requires: &need}}}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: []conformance.Key{{Name: "full", Grants: c.Universe()}}})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, srv.URL+"/base/"), Disposable: true,
		Credentials: make([]conformance.Credential, len(p.Keys)), Objects: oneID("../a b?c#d/é%")})
	if err != nil {
		t.Fatal(err)
	}
	close(paths)
	want := "/base/x/" + url.PathEscape("../a b?c#d/é%") + "/y"
	seen := false
	for got := range paths {
		seen = seen || got == want
		if !strings.HasPrefix(got, "/base/") {
			t.Errorf("sent %s", got)
		}
	}
	if !seen {
		t.Errorf("never sent %s", want)
	}
}

type oneID string

func (id oneID) Params(context.Context, string, string, bool) (conformance.Params, error) {
	return conformance.Params{Values: map[string]string{"id": string(id)}}, nil
}

// The JSON form has the members that other tools read, whatever else it has.
func TestJSONForm(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) }))
	defer srv.Close()
	_, out, err := fixed(t, oneRead("a"), srv.URL, quick, false)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(out[strings.Index(out, "\n{")+1:]), &doc); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		got  any
		want string
	}{
		{doc, "boundary build catalog ended findings learned plan_hash probes started summary target version"},
		{doc["findings"].([]any)[0], "fault key message rule severity subject"},
		{doc["boundary"], "proven total unproven"},
	} {
		for _, name := range strings.Fields(tt.want) {
			if _, ok := tt.got.(map[string]any)[name]; !ok {
				t.Errorf("there is no member %s", name)
			}
		}
	}
	probe := doc["probes"].([]any)[0].(map[string]any)
	for _, name := range strings.Fields("id check method path key expect status verdict") {
		if _, ok := probe[name]; !ok {
			t.Errorf("a probe has no %s", name)
		}
	}
}
