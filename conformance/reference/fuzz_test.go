package reference_test

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

// Whatever bytes come, the server answers, and never with a row or a field that the sender
// may not see. The words of hidden rows and fields are looked for in every answer.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/positions?include=applications,department&fields=title,salary&sort=-salary,department.name&filter[state]=open&limit=3 HTTP/1.1\r\n\r\n",
		"GET /v1/positions/positions-1 HTTP/1.1\r\nIf-None-Match: *\r\nRange: bytes=0-1\r\n\r\n",
		"GET /v1/applications?filter[position][title]=x&sort=position.salary&ids=applications-1,applications-2 HTTP/1.1\r\n\r\n",
		"POST /v1/positions/batch HTTP/1.1\r\nContent-Length: 63\r\n\r\n{\"ids\":[\"positions-3\",\"positions-1\"],\"set\":{\"published\":false}}",
		"POST /v1/positions/batch-fetch HTTP/1.1\r\nContent-Length: 31\r\n\r\n{\"ids\":[\"positions-1\",1,null,[]]}",
		"PATCH /v1/positions/positions-3 HTTP/1.1\r\nContent-Length: 42\r\n\r\n{\"id\":\"positions-1\",\"department_id\":{\"a\":1}}",
		"GET //v1/./positions/%70ositions-1%2f..;a=b.json HTTP/1.1\r\nX-Original-URL: /v1/keys\r\n\r\n",
		"POST /v1/keys HTTP/1.1\r\nContent-Length: 64\r\n\r\n{\"grants\":[\"positions.read\"],\"sharing\":{\"position\":7},\"lists\":[]}",
		"OPTIONS /v1/positions HTTP/1.1\r\nOrigin: null\r\nAccess-Control-Request-Method: GET\r\n\r\n",
		"GET /v1/departments/departments-1?include=positions&cursor=cm93czox HTTP/1.1\r\n\r\n",
		"FOO * HTTP/1.1\r\n\r\n", "GET http://x/v1/me HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	plain, hidden, secret := serveFor(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("otation")) { // gives the key of this test a new secret
			return
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		req.RemoteAddr = "127.0.0.1:1"
		if len(req.Header["Authorization"]) == 0 {
			req.Header.Set("Authorization", "Bearer "+secret)
		}
		w := httptest.NewRecorder()
		plain.ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Fatalf("status %d", w.Code)
		}
		answer := w.Body.String()
		for word, where := range hidden {
			if strings.Contains(answer, word) && !bytes.Contains(data, []byte(word)) {
				t.Fatalf("the answer %d to %q shows %s: %s", w.Code, data, where, answer)
			}
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Fatalf("%s on %q", name, data)
			}
		}
	})
}

// serveFor returns a server, the words that a limited key must never be shown and where they
// stand, and the key.
func serveFor(f *testing.F) (http.Handler, map[string]string, string) {
	srv, err := reference.New(reference.Board(), reference.Options{AdminToken: token})
	if err != nil {
		f.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	f.Cleanup(api.Close)
	f.Cleanup(admin.Close)
	b := &board{fixture: &fixture{t: f, srv: srv, api: api.URL, admin: admin.URL}}
	var grants []perm.Permission
	for _, p := range reference.Board().Permissions {
		switch p.ID {
		case "positions.read_salary", "positions.notes", "candidates.others", "candidates.contact":
		case "keys.manage", "positions.manage", "positions.delete": // what it changes would be another's
		default:
			grants = append(grants, p.ID)
		}
	}
	_, secret := b.mint(map[string]any{"grants": grants, "sharing": map[string]string{"position": "published"}, "lists": map[string]any{"readable": []string{"first_name"}}})
	hidden := map[string]string{}
	note := func(o map[string]any, name, where string) {
		if text, ok := o[name].(string); ok {
			hidden[text[strings.LastIndexByte(text, ' ')+1:]] = where + "." + name
		}
	}
	for _, o := range b.whole("position") {
		note(o, "internal_notes", "a position")
		if o["published"] == false {
			note(o, "title", "a hidden position")
		}
	}
	for _, o := range b.whole("candidate") {
		note(o, "full_name", "a hidden candidate")
		note(o, "phone", "a hidden candidate")
	}
	for _, o := range b.whole("employee") {
		note(o, "last_name", "an employee")
	}
	byID := map[any]map[string]any{}
	for _, o := range b.whole("position") {
		byID[o["id"]] = o
	}
	for _, o := range b.whole("application") {
		if byID[o["position_id"]]["published"] == false {
			note(o, "letter", "an application of a hidden position")
		}
	}
	if len(hidden) < 30 {
		f.Fatalf("only %d words are hidden", len(hidden))
	}
	return srv.API(), hidden, secret
}

// The same bytes to a server with every fault that can stand beside the others: it must be
// wrong, and must not break.
func FuzzServeWithFaults(f *testing.F) {
	f.Add([]byte("GET /v1/POSITIONS/?access_token=x&_method=DELETE&callback=a HTTP/1.1\r\nOrigin: https://a.b\r\nX-Original-URL: /%zz\r\nX-HTTP-Method-Override: DELETE\r\n\r\n"))
	f.Add([]byte("POST /v1/positions/%2e%2e/;a=b//positions-1.json HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 14\r\n\r\n_method=DELETE"))
	f.Add([]byte("GET / HTTP/1.1\r\nAuthorization: Basic !!!\r\nAuthorization: Bearer \r\nCookie: a=b\r\n\r\n"))
	var names []string
	for _, fault := range reference.Faults {
		if fault.Name != "cors-origin-served" {
			names = append(names, fault.Name)
		}
	}
	srv, err := reference.New(reference.Board(), reference.Options{Faults: names, Traps: []string{"T13", "T14", "T17"}})
	if err != nil {
		f.Fatal(err)
	}
	api := srv.API()
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Fatalf("status %d", w.Code)
		}
	})
}
