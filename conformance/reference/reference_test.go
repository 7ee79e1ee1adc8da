package reference_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

const token = "the admin token of this test"

// A running server and what talks to it.
type fixture struct {
	t          testing.TB
	srv        *reference.Server
	api, admin string
}

func start(t *testing.T, catalog string, faults ...string) *fixture {
	t.Helper()
	c, err := catalogs.Parse("test.yaml", []byte("permcheck: catalog/1\nname: test\n"+catalog))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := reference.New(c, reference.Options{AdminToken: token, Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	return &fixture{t, srv, api.URL, admin.URL}
}

// key mints a key through the admin API.
func (f *fixture) key(grants ...perm.Permission) (id, secret string) {
	f.t.Helper()
	if grants == nil {
		grants = []perm.Permission{}
	}
	status, body := f.adminCall("POST", "/keys", map[string]any{"name": "k", "grants": grants})
	if status != http.StatusCreated {
		f.t.Fatalf("minting: %d %v", status, body)
	}
	return body["id"].(string), body["secret"].(string)
}

func (f *fixture) adminCall(method, path string, in any) (int, map[string]any) {
	f.t.Helper()
	data, err := json.Marshal(in)
	if err != nil {
		f.t.Fatal(err)
	}
	status, body, _ := send(f.t, method, f.admin+path, string(data), "Authorization", "Bearer "+token)
	return status, body
}

// call sends a request to the API; secret "" sends no key.
func (f *fixture) call(secret, method, path, body string) (int, map[string]any, http.Header) {
	f.t.Helper()
	if secret == "" {
		return send(f.t, method, f.api+path, body)
	}
	return send(f.t, method, f.api+path, body, "Authorization", "Bearer "+secret)
}

func send(t testing.TB, method, url, body string, headers ...string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &v); err != nil {
			t.Fatalf("%s %s: %s is not JSON: %v", method, url, data, err)
		}
	}
	return resp.StatusCode, v, resp.Header
}

const positions = `
permissions: {read: , write: , all: {implies: "*"}, delta: {aliases: [d]}}
refused: {anonymous: {status: 401, body: {error: who}}, forbidden: {status: 403, body: {error: no_permission, code: 7}}}
browsers: blocked
endpoints:
  GET /positions: {requires: read, lists: position}
  POST /positions: write
  GET /positions/{id}: {requires: read, gets: position}
  PATCH /positions/{id}: write
  DELETE /positions/{id}: write
  POST /positions/search: {requires: read, effect: read}
  GET /delta: d
  GET /me: authenticated
  GET /open: public
  GET /closed: nobody
  GET /unsaid: unknown
  GET /own: {requires: read, refused: {forbidden: 404}}
  PUT /settings: write
  GET /settings: read
`

func TestDecisions(t *testing.T) {
	f := start(t, positions)
	_, none := f.key()
	_, read := f.key("read")
	_, write := f.key("write")
	_, all := f.key("all")
	_, delta := f.key("d")
	for _, tt := range []struct {
		who, secret, call string
		want              int
	}{
		{"nobody", "", "GET /positions", 401}, {"none", none, "GET /positions", 403},
		{"read", read, "GET /positions", 200}, {"write", write, "GET /positions", 403}, {"all", all, "GET /positions", 200},
		{"read", read, "POST /positions", 403}, {"write", write, "POST /positions", 201},
		{"read", read, "GET /positions/positions-1", 200}, {"read", read, "GET /positions/nowhere", 404},
		{"none", none, "GET /positions/nowhere", 403}, // decided before it is looked up
		{"read", read, "POST /positions/search", 200}, {"write", write, "POST /positions/search", 403},
		{"delta", delta, "GET /delta", 200}, {"read", read, "GET /delta", 403},
		{"none", none, "GET /me", 200}, {"nobody", "", "GET /me", 401},
		{"nobody", "", "GET /open", 200}, {"none", none, "GET /open", 200}, {"unknown", strings.Repeat("x", 30), "GET /open", 200},
		{"all", all, "GET /closed", 403}, {"nobody", "", "GET /closed", 401}, {"all", all, "GET /unsaid", 403},
		{"none", none, "GET /own", 404},
		{"unknown", strings.Repeat("x", 30), "GET /positions", 401}, {"malformed", "short", "GET /positions", 401},
		{"read", read, "HEAD /positions", 200}, {"none", none, "HEAD /positions", 403},
		{"all", all, "GET /nowhere", 404}, {"all", all, "PUT /positions", 405}, {"all", all, "OPTIONS /positions", 405},
		{"all", all, "GET /positions/", 404}, {"all", all, "GET //positions", 404}, {"all", all, "GET /POSITIONS", 404},
		{"all", all, "GET /x/../positions", 404}, {"all", all, "GET /%70ositions", 200}, {"all", all, "GET /positions%2fpositions-1", 404},
	} {
		method, path, _ := strings.Cut(tt.call, " ")
		body := ""
		if method == "POST" {
			body = "{}"
		}
		if got, _, _ := f.call(tt.secret, method, path, body); got != tt.want {
			t.Errorf("%s as %s: %d, want %d", tt.call, tt.who, got, tt.want)
		}
	}
}

func TestFormsOfRefusal(t *testing.T) {
	f := start(t, positions)
	_, none := f.key()
	_, body, h := f.call("", "GET", "/positions", "")
	if body["error"] != "who" || h.Get("WWW-Authenticate") == "" {
		t.Errorf("without a key: %v %v", body, h)
	}
	_, body, _ = f.call(none, "GET", "/positions", "")
	if body["error"] != "no_permission" || body["code"] != 7.0 {
		t.Errorf("without the grant: %v", body)
	}
	status, _, h := f.call(none, "PUT", "/positions", "{}")
	if status != 405 || h.Get("Allow") != "GET, POST" {
		t.Errorf("method that the path lacks: %d, Allow %q", status, h.Get("Allow"))
	}
	_, secret := f.key("read")
	for _, origin := range []string{"https://example.com", "null"} {
		for _, method := range []string{"GET", "OPTIONS"} {
			_, _, h := send(t, method, f.api+"/positions", "", "Authorization", "Bearer "+secret, "Origin", origin, "Access-Control-Request-Method", "GET")
			for name := range h {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s with Origin %s: %s", method, origin, name)
				}
			}
		}
	}
	status, _, _ = send(t, "GET", f.api+"/positions", "", "Authorization", "Bearer "+secret, "Authorization", "Bearer "+secret)
	if status != 401 {
		t.Errorf("two credentials: %d", status)
	}
	status, _, _ = send(t, "GET", f.api+"/positions?access_token="+secret, "")
	if status != 401 {
		t.Errorf("key in the query: %d", status)
	}
}

// Writes happen, refused ones do not, and reads show it.
func TestWrites(t *testing.T) {
	f := start(t, positions)
	_, read := f.key("read")
	_, write := f.key("write")
	total := func() float64 {
		_, body, _ := f.call(read, "GET", "/positions", "")
		return body["total"].(float64)
	}
	if total() != 3 {
		t.Fatalf("%v objects are seeded", total())
	}
	_, made, _ := f.call(write, "POST", "/positions", `{"name":"new","id":"chosen-by-the-client"}`)
	id := made["id"].(string)
	if id == "chosen-by-the-client" || total() != 4 {
		t.Errorf("created %v, then %v objects", made, total())
	}
	for _, body := range []string{`{"name":"x"`, `"text"`, `[1]`, ``} {
		status, _, _ := f.call(read, "PATCH", "/positions/"+id, body)
		if status != 403 {
			t.Errorf("refused write with body %s: %d", body, status)
		}
	}
	f.call(read, "DELETE", "/positions/"+id, "")
	if _, o, _ := f.call(read, "GET", "/positions/"+id, ""); o["name"] != "new" {
		t.Errorf("after refused writes: %v", o)
	}
	if status, o, _ := f.call(write, "PATCH", "/positions/"+id, `{"name":"changed","id":"other"}`); status != 200 || o["id"] != id {
		t.Errorf("update: %d %v", status, o)
	}
	if _, o, _ := f.call(read, "GET", "/positions/"+id, ""); o["name"] != "changed" {
		t.Errorf("after the update: %v", o)
	}
	if status, _, _ := f.call(write, "DELETE", "/positions/"+id, ""); status != 204 || total() != 3 {
		t.Errorf("delete: %d, %v objects left", status, total())
	}
	if status, _, _ := f.call(write, "DELETE", "/positions/"+id, ""); status != 404 {
		t.Errorf("deleting again: %d", status)
	}
	if status, _, _ := f.call(write, "PATCH", "/positions/positions-1", `{"name":`); status != 400 {
		t.Errorf("broken JSON: %d", status)
	}
	if status, _, _ := f.call(write, "PATCH", "/positions/positions-1", `{"name":"`+strings.Repeat("x", 2<<20)+`"}`); status != 413 {
		t.Errorf("2 MB body: %d", status)
	}
	f.call(write, "PUT", "/settings", `{"colour":"blue"}`)
	if _, body, _ := f.call(read, "GET", "/settings", ""); !strings.Contains(fmt.Sprint(body), "blue") {
		t.Errorf("settings: %v", body)
	}
	if status, _, _ := f.call(write, "PUT", "/settings", `{}`); status != 200 {
		t.Errorf("settings again: %d", status)
	}
}

// A write that is refused happens all the same where that fault is planted, and only there.
func TestEffectFault(t *testing.T) {
	f := start(t, positions, "effect-before-refusal@DELETE /positions/{id}")
	_, none := f.key()
	_, read := f.key("read")
	if status, _, _ := f.call(none, "DELETE", "/positions/positions-1", ""); status != 403 {
		t.Errorf("refused with %d", status)
	}
	if status, _, _ := f.call(read, "GET", "/positions/positions-1", ""); status != 404 {
		t.Errorf("the object is there: %d", status)
	}
	f.call(none, "PATCH", "/positions/positions-2", `{"name":"changed"}`)
	if _, o, _ := f.call(read, "GET", "/positions/positions-2", ""); o["name"] == "changed" {
		t.Error("another route has the fault too")
	}
	if !f.srv.Touches("DELETE", "/positions/{id}", reference.Valid, nil) || f.srv.Touches("PATCH", "/positions/{id}", reference.Valid, nil) ||
		f.srv.Touches("DELETE", "/positions/{id}", reference.Valid, []perm.Permission{"write"}) {
		t.Error("the fault says wrongly what it touches")
	}
}

func TestKeyLife(t *testing.T) {
	f := start(t, positions)
	id, secret := f.key("read")
	get := func() int { s, _, _ := f.call(secret, "GET", "/positions", ""); return s }
	step := func(what, method, path string, in any, want int) {
		t.Helper()
		if status, body := f.adminCall(method, "/keys/"+id+path, in); status >= 300 {
			t.Errorf("%s: %d %v", what, status, body)
		}
		if got := get(); got != want {
			t.Errorf("after %s: %d, want %d", what, got, want)
		}
	}
	step("disable", "POST", "/disable", nil, 401)
	step("enable", "POST", "/enable", nil, 200)
	step("narrowing", "PATCH", "", map[string]any{"grants": []string{"write"}}, 403)
	step("widening", "PATCH", "", map[string]any{"grants": []string{"write", "read"}}, 200)
	step("revoke", "POST", "/revoke", nil, 401)
	step("enable", "POST", "/enable", nil, 200)
	step("delete", "DELETE", "", nil, 401)
	if status, _ := f.adminCall("GET", "/keys/"+id, nil); status != 404 {
		t.Errorf("a deleted key is shown: %d", status)
	}
}

// Where the catalog says so a changed grant waits until the key was revoked and enabled.
func TestGrantsInForceOnReenable(t *testing.T) {
	f := start(t, "credentials: {grants-change: on-reenable}"+positions)
	id, secret := f.key("write")
	get := func() int { s, _, _ := f.call(secret, "GET", "/positions", ""); return s }
	f.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{"read"}})
	if got := get(); got != 403 {
		t.Errorf("in force at once: %d", got)
	}
	f.adminCall("POST", "/keys/"+id+"/disable", nil)
	f.adminCall("POST", "/keys/"+id+"/enable", nil)
	if got := get(); got != 403 {
		t.Errorf("in force after disable and enable: %d", got)
	}
	f.adminCall("POST", "/keys/"+id+"/revoke", nil)
	f.adminCall("POST", "/keys/"+id+"/enable", nil)
	if got := get(); got != 200 {
		t.Errorf("not in force after revoke and enable: %d", got)
	}
}

func TestAdminRefuses(t *testing.T) {
	f := start(t, positions)
	for _, auth := range []string{"", "Bearer ", "Bearer wrong", token} {
		status, _, h := send(t, "GET", f.admin+"/keys", "", "Authorization", auth)
		if status != 401 || h.Get("WWW-Authenticate") == "" {
			t.Errorf("admin with %q: %d", auth, status)
		}
	}
	for _, tt := range []struct {
		method, path, body, want string
		status                   int
	}{
		{"POST", "/keys", `{"grants":["nonsense"]}`, `no permission "nonsense"`, 422},
		{"POST", "/keys", `{"grant":["read"]}`, "unknown field", 400},
		{"POST", "/keys", `{"grants":[],"state":"asleep"}`, `"asleep" is not a state`, 422},
		{"POST", "/keys", `{}{}`, "one JSON object", 400},
		{"POST", "/keys", ``, "reading the body", 400},
		{"PATCH", "/keys/key-99", `{"grants":[]}`, "no such key", 404},
		{"PATCH", "/keys/key-99", `{}`, "grants is missing", 422},
		{"DELETE", "/keys/key-99", ``, "no such key", 404},
		{"POST", "/objects", `{"method":"GET","path":"/nowhere"}`, "no endpoint GET /nowhere", 404},
	} {
		status, body, _ := send(t, tt.method, f.admin+tt.path, tt.body, "Authorization", "Bearer "+token)
		if text := fmt.Sprint(body["error"]); status != tt.status || !strings.Contains(text, tt.want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", tt.method, tt.path, tt.body, status, text, tt.status, tt.want)
		}
	}
	status, parked := f.adminCall("POST", "/keys", map[string]any{"grants": []string{"read"}, "state": "disabled"})
	if got, _, _ := f.call(fmt.Sprint(parked["secret"]), "GET", "/positions", ""); status != 201 || got != 401 {
		t.Errorf("a key made disabled: %d, then %d", status, got)
	}
	_, secret := f.key("read")
	_, list := f.adminCall("GET", "/keys", nil)
	if text := fmt.Sprint(list); strings.Contains(text, secret) || !strings.Contains(text, "key-1") {
		t.Errorf("the list of keys: %s", text)
	}
}

// A server without a token has no admin API at all.
func TestNoAdminToken(t *testing.T) {
	c, err := catalogs.Parse("test.yaml", []byte("permcheck: catalog/1\nname: t\nendpoints: {GET /x: public}\n"))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := reference.New(c, reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/keys", nil)
	r.Header.Set("Authorization", "Bearer ")
	srv.Admin().ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("admin without a token: %d", w.Code)
	}
}

// Serve ends with its context, and says when an address stops working.
func TestServeEnds(t *testing.T) {
	c, err := catalogs.Parse("test.yaml", []byte("permcheck: catalog/1\nname: t\nendpoints: {GET /x: public}\n"))
	if err != nil {
		t.Fatal(err)
	}
	srv, err := reference.New(c, reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, broken := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		api, admin := listen(), listen()
		done := make(chan error, 1)
		go func() { done <- srv.Serve(ctx, api, admin) }()
		if status, _, _ := send(t, "GET", "http://"+api.Addr().String()+"/x", ""); status != 200 {
			t.Errorf("serving: %d", status)
		}
		spare, err := net.Dial("tcp", api.Addr().String()) // as clients open them
		if err != nil {
			t.Fatal(err)
		}
		defer spare.Close()
		time.Sleep(20 * time.Millisecond)
		began := time.Now()
		if broken {
			admin.Close()
		} else {
			cancel()
		}
		select {
		case err := <-done:
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("ending took %s", took)
			}
			if broken != (err != nil) || broken && !errors.Is(err, net.ErrClosed) {
				t.Errorf("broken %t: %v", broken, err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the server does not end")
		}
		cancel()
	}
}

// Of overlapping rows the more concrete one answers, whatever their order.
func TestOverlappingRows(t *testing.T) {
	rows := []string{
		"GET /p/{id}", "GET /p/batch", "POST /p/{id}", "GET /{any}/batch/x", "GET /p/{id}/x",
		"GET /f/{name}.json", "GET /f/{name}", "GET /f/{rest...}", "ANY /p/{id}", "GET /f/a.json",
	}
	want := map[string]string{
		"GET /p/1": "GET /p/{id}", "GET /p/batch": "GET /p/batch", "POST /p/batch": "POST /p/{id}", "PUT /p/1": "ANY /p/{id}",
		"GET /p/batch/x": "GET /p/{id}/x", "GET /q/batch/x": "GET /{any}/batch/x", "GET /f/b.json": "GET /f/{name}.json",
		"GET /f/b": "GET /f/{name}", "GET /f/b/c": "GET /f/{rest...}", "GET /f/a.json": "GET /f/a.json", "DELETE /p/batch": "ANY /p/{id}",
	}
	for turn := range 2 {
		var catalog bytes.Buffer
		catalog.WriteString("permissions:\n")
		for i := range rows {
			fmt.Fprintf(&catalog, "  p%d:\n", i)
		}
		catalog.WriteString("endpoints:\n")
		index := map[string]int{}
		for i := range rows {
			row := rows[i]
			if turn == 1 {
				row = rows[len(rows)-1-i]
			}
			index[row] = i
			fmt.Fprintf(&catalog, "  %s: p%d\n", row, i)
		}
		f := start(t, catalog.String())
		for call, row := range want {
			method, path, _ := strings.Cut(call, " ")
			_, right := f.key(perm.Permission(fmt.Sprintf("p%d", index[row])))
			if status, _, _ := f.call(right, method, path, "{}"); status == 403 {
				t.Errorf("turn %d: %s is not answered by %s", turn, call, row)
			}
		}
	}
}
