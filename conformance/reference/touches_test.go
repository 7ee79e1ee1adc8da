package reference_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

// A twin is a server asked without a network.
type twin struct {
	t          *testing.T
	srv        *reference.Server
	api, admin http.Handler
	secrets    []string
}

func newTwin(t *testing.T, c *catalogs.Catalog, senders []map[string]any, faults ...string) (*twin, error) {
	srv, err := reference.New(c, reference.Options{AdminToken: token, Faults: faults, BlockOrigins: true})
	if err != nil {
		return nil, err
	}
	tw := &twin{t: t, srv: srv, api: srv.API(), admin: srv.Admin()}
	for _, of := range senders {
		secret := ""
		if of != nil {
			data, err := json.Marshal(of)
			if err != nil {
				t.Fatal(err)
			}
			status, body := tw.send(tw.admin, "POST", "/keys", token, string(data))
			if status != 201 {
				t.Fatalf("minting %v: %d %s", of, status, body)
			}
			var made struct{ Secret string }
			if err := json.Unmarshal(body, &made); err != nil {
				t.Fatal(err)
			}
			secret = made.Secret
		}
		tw.secrets = append(tw.secrets, secret)
	}
	return tw, nil
}

func (tw *twin) send(h http.Handler, method, path, secret, body string) (int, []byte) {
	req, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		tw.t.Fatal(err)
	}
	req.RemoteAddr, req.RequestURI = "127.0.0.1:40002", path
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code, w.Body.Bytes()
}

// path fills a template with objects that are there; writes get new ones.
func (tw *twin) path(row *catalogs.Endpoint) string {
	if !strings.Contains(row.Path, "{") {
		return row.Path
	}
	data, err := json.Marshal(map[string]any{"method": row.Method, "path": row.Path, "new": !row.Reads()})
	if err != nil {
		tw.t.Fatal(err)
	}
	_, body := tw.send(tw.admin, "POST", "/objects", token, string(data))
	var out struct{ Params map[string]string }
	if err := json.Unmarshal(body, &out); err != nil {
		tw.t.Fatal(err)
	}
	tmpl, err := catalogs.ParseTemplate(row.Path)
	if err != nil {
		tw.t.Fatal(err)
	}
	return tmpl.Expand(func(name string) string { return out.Params[name] })
}

// An outcome is one answer to the battery.
type outcome struct {
	status int
	body   string
}

// battery sends a plain request to every row as every sender: first all reads, so that they
// show the same state everywhere, then the writes.
func (tw *twin) battery(c *catalogs.Catalog, senders []map[string]any, each func(row *catalogs.Endpoint, who int, o outcome)) {
	for _, reads := range []bool{true, false} {
		for i := range c.Endpoints {
			row := &c.Endpoints[i]
			if row.Reads() != reads {
				continue
			}
			for who := range senders {
				if !reads && who > 2 {
					break
				}
				body := ""
				if row.Method != "GET" && row.Method != "DELETE" {
					body = fmt.Sprintf(`{"name":"%d"}`, who)
				}
				status, answer := tw.send(tw.api, row.Method, tw.path(row), tw.secrets[who], body)
				each(row, who, outcome{status, string(answer)})
			}
		}
	}
}

// What a fault says that it leaves alone is the same on the right server: the status of every
// plain request where Touches says no, and the whole answer where Reaches says no.
func TestFaultsTouchNothingElse(t *testing.T) {
	for _, ref := range []string{"board", "vendor:comeet", "vendor:personio"} {
		load := func() *catalogs.Catalog {
			if ref == "board" {
				return reference.Board()
			}
			c, err := catalogs.Load(ref)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		c := load()
		var all []perm.Permission
		for _, p := range c.Permissions {
			all = append(all, p.ID)
		}
		grants := [][]perm.Permission{nil, {}, all, all[:1], all[len(all)/2:]}
		senders := []map[string]any{nil}
		for _, g := range grants[1:] {
			senders = append(senders, map[string]any{"grants": g})
		}
		if ref == "board" { // keys whose rows and fields are limited besides
			senders = append(senders,
				map[string]any{"grants": []string{"positions.read", "applications.read", "candidates.own"}, "sharing": map[string]string{"position": "published"}},
				map[string]any{"grants": []string{"positions.update", "departments.read", "employees.read"}, "lists": map[string]any{"readable": []string{"pay"}}})
		}
		server, err := newTwin(t, load(), senders)
		if err != nil {
			t.Fatal(err)
		}
		var right []outcome
		server.battery(c, senders, func(_ *catalogs.Endpoint, _ int, o outcome) { right = append(right, o) })
		planted, touched := 0, 0
		for _, f := range reference.Faults {
			wrong, err := newTwin(t, load(), senders, f.Name)
			if err != nil {
				if !strings.Contains(err.Error(), "cannot apply") || ref == "board" {
					t.Errorf("%s on %s: %v", f.Name, ref, err)
				}
				continue
			}
			planted++
			n := -1
			wrong.battery(c, senders, func(row *catalogs.Endpoint, who int, o outcome) {
				n++
				kind, same := reference.Valid, right[n]
				if who == 0 {
					kind = reference.Anonymous
				}
				reached := wrong.srv.Reaches(row.Method, row.Path)
				if o.status != same.status {
					touched++
					if !reached || who < len(grants) && !wrong.srv.Touches(row.Method, row.Path, kind, grants[who]) {
						t.Errorf("%s on %s: %s as %v is answered %d, by the right server %d", f.Name, ref, row, senders[who], o.status, same.status)
					}
				}
				if !reached && row.Reads() && o.body != same.body {
					t.Errorf("%s on %s: %s as %v is answered %s, by the right server %s", f.Name, ref, row, senders[who], o.body, same.body)
				}
			})
		}
		t.Logf("%s: %d of %d faults can be planted; %d plain requests are answered with another status", ref, planted, len(reference.Faults), touched)
		if touched == 0 {
			t.Errorf("no fault is noticed on %s: nothing was compared", ref)
		}
	}
}

// Requests side by side, on a right server and on one that is wrong in every way at once: for
// the race detector.
func TestSideBySide(t *testing.T) {
	var names []string
	for _, f := range reference.Faults {
		names = append(names, f.Name)
	}
	c := reference.Board()
	var all []perm.Permission
	for _, p := range c.Permissions {
		all = append(all, p.ID)
	}
	senders := []map[string]any{nil, {"grants": all}, {"grants": all[:3], "sharing": map[string]string{"position": "published"}}}
	for _, faults := range [][]string{nil, names} {
		tw, err := newTwin(t, reference.Board(), senders, faults...)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				answered := 0
				tw.battery(c, senders, func(_ *catalogs.Endpoint, _ int, o outcome) {
					if o.status >= 200 && o.status < 500 {
						answered++
					}
				})
				if answered < len(c.Endpoints) {
					t.Errorf("only %d requests are answered", answered)
				}
			})
		}
		wg.Wait()
	}
}
