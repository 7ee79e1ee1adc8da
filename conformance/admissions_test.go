package conformance_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

const gateCatalog = `permcheck: catalog/1
name: gate
permissions: {read: , write: }
refused: {anonymous: 401, forbidden: 403}
credentials: {states: {enabled: admitted, disabled: refused, revoked: refused, expired: refused, removed: gone, paused: unknown}}
endpoints:
  GET /first: read
  GET /second: read
  GET /things: {requires: read, lists: thing}
  GET /things/{id}: {requires: read, gets: thing}
  POST /things: write
  DELETE /things/{id}: write
  GET /things/secret: unknown
  GET /open: public
`

// A gate is a small server of that catalog. It is right but where open says something else.
type gate struct {
	mu    sync.Mutex
	calls map[string]int // by who, method and path
	// open returns the answer to a sender that is to be refused, of which it is the n-th request of
	// its kind; 0: it is refused. The media type is JSON unless the body is a page.
	open func(r *http.Request, who string, n int) (status int, body string)
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply := func(status int, body string) {
		kind := "application/json"
		if strings.HasPrefix(body, "<") {
			kind = "text/html"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-store")
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	who, known := strings.CutSuffix(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), "-secret-of-the-gate")
	if !known && who != "" {
		who = "unknown"
	}
	status, body := 404, `{"error":"not_found"}`
	id, isThing := strings.CutPrefix(r.URL.Path, "/things/")
	switch {
	case r.Method == "GET" && (r.URL.Path == "/first" || r.URL.Path == "/second"):
		status, body = 200, fmt.Sprintf(`{"title":"the answer of %s, 4711"}`, r.URL.Path)
	case r.Method == "GET" && r.URL.Path == "/things":
		status, body = 200, `{"data":[{"id":"t-1","title":"thing 1 of them"},{"id":"t-2","title":"thing 2 of them"}]}`
	case r.Method == "GET" && (id == "t-1" || id == "t-2"):
		status, body = 200, fmt.Sprintf(`{"id":%q,"title":"thing %s of them"}`, id, id)
	case r.Method == "POST" && r.URL.Path == "/things":
		status, body = 201, `{"id":"t-3"}`
	case r.Method == "DELETE" && isThing:
		status, body = 204, ""
	case r.Method == "GET" && r.URL.Path == "/open":
		reply(200, `{"state":"open for everybody"}`)
		return
	default:
		if !isThing || r.Method != "GET" {
			reply(405, `{"error":"method"}`)
			return
		}
	}
	if who == "full" {
		reply(status, body)
		return
	}
	g.mu.Lock()
	name := who + " " + r.Method + " " + r.URL.Path
	g.calls[name]++
	n := g.calls[name]
	g.mu.Unlock()
	if g.open != nil {
		if status, other := g.open(r, who, n); status > 0 {
			if other == "" {
				other = body
			}
			reply(status, other)
			return
		}
	}
	if who == "none" {
		reply(403, `{"error":"no_permission"}`)
		return
	}
	reply(401, `{"error":"who"}`)
}

// probeGate probes a gate with a full key, one without permissions and, where a state is named,
// one that is in it. only are checks; nil: all.
func probeGate(t *testing.T, catalog, state string, only []string, open func(*http.Request, string, int) (int, string)) *conformance.Report {
	t.Helper()
	c, err := catalogs.Parse("gate.yaml", []byte(catalog))
	if err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.SelectChecks(only, nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := []conformance.Key{{Name: "full", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}}
	if state != "" {
		keys = append(keys, conformance.Key{Name: "parked", Kind: conformance.ParkedKey, Grants: c.Universe(), State: state})
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: keys, Checks: checks})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(&gate{calls: map[string]int{}, open: open})
	defer srv.Close()
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind == conformance.NoKey {
			continue
		}
		creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: k.Name + "-secret-of-the-gate", Env: "PC_" + strings.ToUpper(k.Name)}
		if k.Kind == conformance.BadMalformed || k.Kind == conformance.BadUnknown {
			creds[i].Secret = k.Name + "-of-nobody"
		}
	}
	target := conformance.Target{Base: parse(t, srv.URL), Credentials: creds, Disposable: true, Writes: conformance.WritesAll, Limits: conformance.Limits{Connections: 4}, Within: atOnce}
	answers, sent, err := conformance.Run(context.Background(), p, target)
	if err != nil {
		t.Fatal(err)
	}
	return &conformance.Report{Result: conformance.Judge(p, answers), Sent: sent, Target: target.Base, Credentials: creds, CatalogRef: "gate", Writes: target.Writes}
}

// foundIn lists the rules and subjects of a report's findings.
func foundIn(r *conformance.Report) []string {
	var out []string
	for _, f := range r.Findings() {
		out = append(out, f.Rule+" of "+f.Subject)
	}
	slices.Sort(out)
	return out
}

// at answers a sender on a path.
func at(who, path string, status int, body string) func(*http.Request, string, int) (int, string) {
	return func(r *http.Request, sender string, _ int) (int, string) {
		if sender == who && r.URL.Path == path {
			return status, body
		}
		return 0, ""
	}
}

// A 2xx to a sender that the catalog refuses is one finding, whichever check sent the request;
// what the catalog does not say, and what gives nothing away, is none.
func TestAdmissions(t *testing.T) {
	unstated := strings.Replace(gateCatalog, "refused: {anonymous: 401, forbidden: 403}\n", "", 1)
	for _, tt := range []struct {
		name, catalog, state string
		only                 []string
		open                 func(*http.Request, string, int) (int, string)
		want                 []string
		seen                 string // stands in the evidence
	}{
		{name: "a right server", state: "disabled"},
		{name: "disabled", state: "disabled", open: at("parked", "/second", 200, ""), want: []string{"disabled-key of credential:disabled"}, seen: "GET /second"},
		{name: "disabled, no form stated", catalog: unstated, state: "disabled", open: at("parked", "/second", 200, ""), want: []string{"disabled-key of credential:disabled"}, seen: "GET /second"},
		{name: "disabled, 204", state: "disabled", open: at("parked", "/second", 204, ""), want: []string{"disabled-key of credential:disabled"}, seen: "GET /second"},
		{name: "disabled, everywhere", state: "disabled", open: func(_ *http.Request, who string, _ int) (int, string) {
			return map[string]int{"parked": 200}[who], ""
		}, want: []string{"disabled-key of credential:disabled"}, seen: "GET /first"},
		{name: "revoked", state: "revoked", open: at("parked", "/second", 200, ""), want: []string{"revoked-key of credential:revoked"}, seen: "GET /second"},
		{name: "expired", state: "expired", open: at("parked", "/things/t-1", 200, ""), want: []string{"expired-key of credential:expired"}, seen: "GET /things/{id}"},
		{name: "gone", state: "removed", open: at("parked", "/second", 200, ""), want: []string{"deleted-key of credential:removed"}, seen: "GET /second"},
		{name: "the form of refusals alone", state: "revoked", only: []string{"refusal-form"}, open: at("parked", "/second", 200, ""),
			want: []string{"revoked-key of credential:revoked"}, seen: "(seen by refusal-form)"},
		{name: "the form of refusals alone, no key", only: []string{"refusal-form"}, open: at("", "/second", 200, ""),
			want: []string{"anonymous-admitted of GET /second"}, seen: "with no key: answered 200 to GET /second (seen by refusal-form)"},
		{name: "the form of refusals alone, an unknown key", only: []string{"refusal-form"}, open: at("unknown", "/second", 200, ""),
			want: []string{"bad-key-admitted of GET /second"}, seen: "(seen by refusal-form)"},
		{name: "the effect of writes alone", only: []string{"effect-despite-refusal"}, open: at("none", "/things", 201, `{"id":"t-4"}`),
			want: []string{"over-grant of POST /things"}, seen: "(seen by effect-despite-refusal)"},
		{name: "an address that is new", open: func(r *http.Request, who string, _ int) (int, string) {
			if who == "none" && r.URL.Query().Has("permcheck") && r.URL.Path == "/second" {
				return 200, ""
			}
			return 0, ""
		}, want: []string{"over-grant of GET /second"}, seen: "(seen by shared-cache, refused at first)"},
		{name: "a new connection", open: func(r *http.Request, who string, _ int) (int, string) {
			if who == "none" && r.Close && r.URL.Path == "/first" && r.URL.RawQuery == "" {
				return 200, ""
			}
			return 0, ""
		}, want: []string{"over-grant of GET /first"}, seen: "(seen by replicas-agree, a new connection)"},
		{name: "once", open: func(r *http.Request, who string, n int) (int, string) {
			if who == "" && r.URL.Path == "/second" && n == 1 {
				return 200, ""
			}
			return 0, ""
		}, want: []string{"anonymous-admitted of GET /second"}, seen: "not every request is decided alike"},
		{name: "a record that is not there", only: []string{"existence-refused"}, open: func(r *http.Request, who string, _ int) (int, string) {
			if who == "none" && strings.HasPrefix(r.URL.Path, "/things/t-19") {
				return 200, `{"id":null}`
			}
			return 0, ""
		}, want: []string{"over-grant of GET /things/{id}"}, seen: "(seen by existence-refused, absent)"},
		{name: "a part of a record", only: []string{"existence-refused"}, open: func(r *http.Request, who string, _ int) (int, string) {
			if who == "none" && r.Header.Get("Range") != "" {
				return 206, "{"
			}
			return 0, ""
		}, want: []string{"over-grant of GET /things/{id}"}, seen: "(seen by existence-refused, there with Range)"},
		{name: "a write of another type", open: func(r *http.Request, who string, n int) (int, string) {
			if who == "none" && r.Method == "POST" && r.Header.Get("Content-Type") == "text/plain" {
				return 202, `"queued"`
			}
			return 0, ""
		}, want: []string{"over-grant of POST /things"}, seen: "(seen by content-type, as plain text)"},
		{name: "a GET with a body", open: func(r *http.Request, who string, _ int) (int, string) {
			if who == "none" && r.ContentLength > 0 && r.Method == "GET" && r.URL.Path == "/things" {
				return 200, `{"data":[{"x":1}]}`
			}
			return 0, ""
		}, want: []string{"over-grant of GET /things"}, seen: "(seen by get-with-body, GET with a JSON body)"},
		{name: "another word than the key", open: func(r *http.Request, who string, _ int) (int, string) {
			if r.Header.Get("Authorization") == "Bearer null" && r.URL.Path == "/first" {
				return 200, `{"guest":true}`
			}
			return 0, ""
		}, want: []string{"key-empty of GET /first"}, seen: "(seen by key-empty, the key null)"},
		{name: "a page to sign in", state: "disabled", open: func(_ *http.Request, who string, _ int) (int, string) {
			return map[string]int{"": 200, "unknown": 200, "none": 200, "parked": 200}[who], "<form>"
		}},
		{name: "an empty list", catalog: unstated, state: "disabled", open: at("parked", "/things", 200, `{"data":[]}`)},
		{name: "a state that the catalog does not know", state: "paused", open: func(_ *http.Request, who string, _ int) (int, string) {
			return map[string]int{"parked": 200}[who], ""
		}},
		{name: "a row that the catalog does not know", state: "disabled", open: func(r *http.Request, who string, _ int) (int, string) {
			if r.URL.Path == "/things/secret" {
				return 200, ""
			}
			return 0, ""
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			catalog := tt.catalog
			if catalog == "" {
				catalog = gateCatalog
			}
			r := probeGate(t, catalog, tt.state, tt.only, tt.open)
			if got := foundIn(r); !slices.Equal(got, tt.want) {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			if n := r.Count[conformance.Fail]; (n > 0) != (len(tt.want) > 0) {
				t.Errorf("%d failed", n)
			}
			for _, f := range r.Findings() {
				if !strings.Contains(strings.Join(f.Evidence, "\n"), tt.seen) {
					t.Errorf("%s\n%s\nlacks %q", f.Message, strings.Join(f.Evidence, "\n"), tt.seen)
				}
			}
		})
	}
}

// What checks of the life of keys see besides what they ask is a finding too: a key that they made
// and ended, on the way to something else.
func TestAdmissionsOfMadeKeys(t *testing.T) {
	t.Parallel()
	c := load(t, boardName)
	for _, tt := range []struct{ only, fault, want, seen string }{
		{"reenabled-key", "disabled-key-works", "disabled-key of credential:disable", "(seen by reenabled-key, disabled)"},
		{"dead-key-introspection", "disabled-key-works", "disabled-key of credential:disable", "(seen by dead-key-introspection, dead)"},
		{"dead-key-introspection", "deleted-key-works", "deleted-key of credential:delete", "(seen by dead-key-introspection, dead)"},
		{"existence-hidden", "get-unfiltered", "record-by-id of sharing:position GET /v1/positions/{id}", "(seen by existence-hidden, hidden)"},
		{"dead-key-introspection", "revoked-key-works", "revoked-key of credential:revoke", "(seen by dead-key-introspection, dead)"},
	} {
		t.Run(tt.only+" "+tt.fault, func(t *testing.T) {
			t.Parallel()
			checks, err := conformance.SelectChecks([]string{tt.only}, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := probedBy(t, c, checks, conformance.Shard{}, 0, tt.fault)
			list := r.Findings()
			if len(list) != 1 || list[0].Rule+" of "+list[0].Subject != tt.want || !strings.Contains(strings.Join(list[0].Evidence, "\n"), tt.seen) {
				t.Errorf("found %q", foundIn(r))
				for _, f := range list {
					t.Log(strings.Join(f.Evidence, "\n"))
				}
			}
			// The report is worked out again from its evidence, if that is of its plan.
			data := asJSON(t, r)
			if again, err := recorded(t, data).Verify(c); err != nil || len(again) > 0 {
				t.Errorf("%v %q", err, again)
			}
			for _, not := range []string{`"row": 99999`, `"row": -1`} {
				edited := regexp.MustCompile(`"admission": \{"row": \d+`).ReplaceAll(data, []byte(`"admission": {`+not))
				if _, err := recorded(t, edited).Verify(c); err == nil || !strings.Contains(err.Error(), "that its plan does not have") {
					t.Errorf("%s: %v", not, err)
				}
			}
		})
	}
}

// A known finding about a state of keys is accepted, and reported once it is gone.
func TestKnownAdmission(t *testing.T) {
	known, err := report.ParseKnown("known.yaml", []byte("- {rule: disabled-key, endpoint: \"credential:disabled\", reason: agreed, owner: team-a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	r := probeGate(t, gateCatalog, "disabled", nil, at("parked", "/second", 200, ""))
	r.Accept(known, time.Now())
	if got := foundIn(r); len(got) > 0 || len(r.Known) != 1 {
		t.Errorf("found %q, known %v", got, r.Known)
	}
	r = probeGate(t, gateCatalog, "disabled", nil, nil)
	r.Accept(known, time.Now())
	if len(r.About) != 1 || !strings.Contains(r.About[0].Message, "passes now") {
		t.Errorf("about the file: %+v", r.About)
	}
}
