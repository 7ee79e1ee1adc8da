package conformance_test

import (
	"context"
	"encoding/json"
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
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
)

// A shop keeps orders. Whatever it is told to do it does.
type shop struct {
	mu     sync.Mutex
	orders map[string]string // id -> title
	next   int
	writes []string
}

var orderPath = regexp.MustCompile(`^/orders/([^/:]+)(?:[/:](archive|notes|logo))?$`)

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	body, _ := io.ReadAll(r.Body)
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case key != "full-secret" && key != "none-secret":
		reply(401, map[string]string{"error": "who"})
		return
	case key == "none-secret":
		reply(403, map[string]string{"error": "no"})
		return
	}
	if r.Method == "HEAD" {
		r.Method = "GET"
	}
	if r.Method != "GET" {
		s.writes = append(s.writes, r.Method+" "+r.URL.Path)
	}
	m := orderPath.FindStringSubmatch(r.URL.Path)
	title, there := "", false
	if m != nil {
		title, there = s.orders[m[1]]
	}
	switch {
	case r.URL.Path == "/orders" && r.Method == "GET":
		list := []map[string]string{}
		for _, id := range sorted(s.orders) {
			list = append(list, map[string]string{"id": id, "title": s.orders[id]})
		}
		reply(200, map[string]any{"data": list})
	case r.URL.Path == "/orders" && r.Method == "POST":
		s.next++
		id := fmt.Sprintf("made-%d", s.next)
		s.orders[id] = string(body)
		reply(201, map[string]string{"id": id, "title": string(body)})
	case r.URL.Path == "/orders" && r.Method == "DELETE", r.URL.Path == "/orders/purge":
		s.orders = map[string]string{}
		reply(204, nil)
	case r.URL.Path == "/settings" || r.URL.Path == "/cache":
		reply(200, map[string]string{"theme": "dark blue, 1"})
	case m == nil:
		reply(404, map[string]string{"error": "no route"})
	case !there:
		reply(404, map[string]string{"error": "gone"})
	case r.Method == "GET":
		reply(200, map[string]string{"id": m[1], "title": title})
	case r.Method == "DELETE" && m[2] == "", m[2] == "archive":
		delete(s.orders, m[1])
		reply(204, nil)
	default:
		s.orders[m[1]] = string(body)
		reply(200, map[string]string{"id": m[1], "title": string(body)})
	}
}

func sorted(m map[string]string) []string {
	var out []string
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Nothing is written that the policy does not allow, and under none of them is an object ended that
// reads need: what is kept back is known before and told afterwards.
func TestWritePolicies(t *testing.T) {
	const head = "permcheck: catalog/1\nname: shop\npermissions: {read: , write: }\nendpoints:\n  GET /orders: {requires: read, lists: order}\n  GET /orders/{id}: {requires: read, gets: order}\n"
	const remove, create, archive = "  DELETE /orders/{id}: write\n", "  POST /orders: write\n", "  POST /orders/{id}/archive: write\n"
	for _, tt := range []struct {
		name, rows, profile string
		policy              conformance.WritePolicy
		unsent              []string
		sent                string // a write that reaches the target
	}{
		{"none", create + remove + "  PATCH /orders/{id}: write\n", "", "", []string{"POST /orders", "DELETE /orders/{id}", "PATCH /orders/{id}"}, ""},
		{"none, everything given up", create + remove, "expendable: {id: [a-1, a-2]}\n", conformance.WritesNone, []string{"POST /orders", "DELETE /orders/{id}"}, ""},
		{"disposable, nothing can be made", remove + "  PATCH /orders/{id}: write\n", "", conformance.WritesDisposable, []string{"DELETE /orders/{id}", "PATCH /orders/{id}"}, ""},
		{"disposable, what is made is taken away", create + remove + "  PATCH /orders/{id}: write\n", "", conformance.WritesDisposable, nil, "DELETE /orders/made-"},
		{"disposable, although an id is stated", create + remove, "ids: {id: a-1}\n", conformance.WritesDisposable, nil, "DELETE /orders/made-"},
		{"disposable, what is made would stay", create + archive, "", conformance.WritesDisposable, []string{"POST /orders", "POST /orders/{id}/archive"}, ""},
		{"all, a record that reads need", remove + "  PATCH /orders/{id}: write\n", "", conformance.WritesAll, []string{"DELETE /orders/{id}"}, "PATCH /orders/a-1"},
		{"all, a record that is stated", remove, "ids: {id: a-2}\n", conformance.WritesAll, []string{"DELETE /orders/{id}"}, ""},
		{"all, one of its own", create + remove, "ids: {id: a-2}\n", conformance.WritesAll, nil, "DELETE /orders/made-"},
		{"all, another one was given up", remove, "ids: {id: a-2}\nexpendable: {id: [a-3]}\n", conformance.WritesAll, nil, "DELETE /orders/a-3"},
		{"all, an archive", archive + "  POST /orders/{id}/notes: write\n", "", conformance.WritesAll, []string{"POST /orders/{id}/archive"}, "POST /orders/a-1/notes"},
		{"all, an archive of its own", create + archive, "", conformance.WritesAll, nil, "/archive"},
		{"all, a custom method", "  POST /orders/{id}:archive: write\n", "", conformance.WritesAll, []string{"POST /orders/{id}:archive"}, ""},
		{"all, everything at once", "  DELETE /orders: write\n  POST /orders/purge: write\n", "", conformance.WritesAll, []string{"DELETE /orders", "POST /orders/purge"}, ""},
		{"all, a part of a record", "  DELETE /orders/{id}/logo: write\n  GET /orders/{id}/logo: read\n", "", conformance.WritesAll, []string{"DELETE /orders/{id}/logo"}, ""},
		{"all, a part that nobody reads", "  DELETE /orders/{id}/logo: write\n", "", conformance.WritesAll, nil, "DELETE /orders/a-1/logo"},
		{"all, things that there is one of", "  DELETE /settings: write\n  GET /settings: read\n  DELETE /cache: write\n", "", conformance.WritesAll, []string{"DELETE /settings"}, "DELETE /cache"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := catalogs.Parse("shop.yaml", []byte(head+tt.rows))
			if err != nil {
				t.Fatal(err)
			}
			profile, err := keyring.ParseProfile("probe.yaml", []byte("permcheck: probe/1\nkeys: {full: {grants: all, secret: env:PC_FULL}, none: {grants: none, secret: env:PC_NONE}}\n"+tt.profile), c)
			if err != nil {
				t.Fatal(err)
			}
			s := &shop{orders: map[string]string{"a-1": "the first order", "a-2": "the second order", "a-3": "the third order"}}
			srv := httptest.NewServer(s)
			defer srv.Close()
			r := probeShop(t, c, profile, srv.URL, tt.policy)
			var held, known []string
			for _, e := range r.Withheld() {
				held = append(held, e.String())
			}
			for _, e := range r.Plan.Unsent(tt.policy, profile.Given(), false) {
				known = append(known, e.String())
			}
			if !slices.Equal(held, tt.unsent) || !slices.Equal(known, tt.unsent) {
				t.Errorf("not sent %q, known before %q, want %q", held, known, tt.unsent)
			}
			if tt.policy == "" || tt.policy == conformance.WritesNone {
				if len(s.writes) > 0 {
					t.Errorf("written: %q", s.writes)
				}
			} else if (tt.sent != "") != (len(s.writes) > 0) || !strings.Contains(strings.Join(s.writes, "\n"), tt.sent) {
				t.Errorf("written: %q, want %q", s.writes, tt.sent)
			}
			for _, id := range []string{"a-1", "a-2"} {
				if _, ok := s.orders[id]; !ok {
					t.Errorf("%s is gone; written: %q", id, s.writes)
				}
			}
			for i, v := range r.Verdicts {
				if v == conformance.Fail {
					t.Errorf("%s", describe(r.Result, i))
				}
			}
		})
	}
}

// An object that reads use is not ended because somebody gave it up, too.
func TestExpendableObjectInUse(t *testing.T) {
	c, err := catalogs.Parse("shop.yaml", []byte("permcheck: catalog/1\nname: shop\npermissions: {read: , write: }\nendpoints:\n  GET /orders/{id}: read\n  DELETE /orders/{id}: write\n"))
	if err != nil {
		t.Fatal(err)
	}
	profile, err := keyring.ParseProfile("probe.yaml", []byte("permcheck: probe/1\nkeys: {full: {grants: all, secret: env:PC_FULL}}\nids: {id: a-1}\nexpendable: {id: [a-1]}\n"), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range []conformance.WritePolicy{conformance.WritesDisposable, conformance.WritesAll} {
		s := &shop{orders: map[string]string{"a-1": "the only order"}}
		srv := httptest.NewServer(s)
		r := probeShop(t, c, profile, srv.URL, policy)
		srv.Close()
		if len(s.writes) > 0 || len(r.Withheld()) != 1 {
			t.Errorf("%s: written: %q", policy, s.writes)
		}
		reason := "it would use up what GET /orders/{id} reads; name another object under expendable: in the profile"
		if !slices.Contains(r.Reasons, reason) {
			t.Errorf("%s: no reason is %q: %q", policy, reason, r.Reasons)
		}
	}
}

func probeShop(t *testing.T, c *catalogs.Catalog, profile *keyring.Profile, address string, policy conformance.WritePolicy) *conformance.Report {
	t.Helper()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: profile.PlanKeys()})
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind != conformance.NoKey {
			creds[i] = conformance.Credential{Header: "Authorization", Scheme: "Bearer", Secret: k.Name + "-secret", Env: "PC_" + strings.ToUpper(k.Name)}
		}
	}
	target := conformance.Target{Base: parse(t, address), Credentials: creds, Disposable: true, Writes: policy, Objects: profile.Objects(p, creds, parse(t, address)), Within: atOnce}
	answers, sent, err := conformance.Run(context.Background(), p, target)
	if err != nil {
		t.Fatal(err)
	}
	return &conformance.Report{Result: conformance.Judge(p, answers), Sent: sent, Target: target.Base, Credentials: creds, CatalogRef: "shop", Writes: policy}
}

// A run keeps its pace on this machine too, unless the target is disposable.
func TestPaceOnThisMachine(t *testing.T) {
	srv := httptest.NewServer(enforce(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `[{"id":1}]`) }))
	defer srv.Close()
	p, err := conformance.NewPlan(oneRead("a"), conformance.PlanOptions{Checks: matrixChecks(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, disposable := range []bool{false, true} {
		began := time.Now()
		_, sent, err := conformance.Run(t.Context(), p, conformance.Target{Base: parse(t, srv.URL), Credentials: make([]conformance.Credential, len(p.Keys)), Disposable: disposable})
		if err != nil {
			t.Fatal(err)
		}
		if least := time.Duration(sent.Requests-1) * time.Second / 10; !disposable && time.Since(began) < least || sent.Requests < 5 {
			t.Errorf("%d requests in %s, want at least %s", sent.Requests, time.Since(began), least)
		}
	}
}
