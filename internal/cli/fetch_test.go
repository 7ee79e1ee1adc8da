package cli

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/openapi"
)

const fetched = `{"openapi": "3.1.0", "paths": {"/jobs": {"get": {"security": [{"key": []}]}}},
 "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}}}`

// diffURL compares a document at an address with a file and returns the exit code and all
// that was printed.
func diffURL(t *testing.T, address string, args ...string) (int, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, []byte(fetched), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := Run(context.Background(), append([]string{"diff", address, file}, args...), strings.NewReader(""), &out, &out)
	return code, out.String()
}

func TestFetch(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the test server's certificate is made known by SSL_CERT_FILE, which only Linux reads")
	}
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" || r.URL.RawQuery != "" {
			t.Errorf("another host was told %v %s", r.Header, r.URL)
		}
		fmt.Fprint(w, fetched)
	}))
	defer other.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, fetched) }))
	defer plain.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		user, password, ok := r.BasicAuth()
		if r.URL.Query().Has("private") && !(ok && user == "me" && password == "hunter2") {
			http.Error(w, "who are you, hunter2?", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, fetched)
	})
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
	}
	mux.HandleFunc("/here", redirect("/openapi.json"))
	mux.HandleFunc("/there", redirect(other.URL+"/a.json"))
	mux.HandleFunc("/plain", redirect(plain.URL+"/a.json"))
	mux.HandleFunc("/round", redirect("/round"))
	mux.HandleFunc("/file", redirect("file:///etc/passwd"))
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><html></html>") })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, fetched[:20])
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		block := bytes.Repeat([]byte("#\n"), 1<<19)
		for range openapi.MaxSize>>20 + 8 {
			if _, err := w.Write(block); err != nil {
				return // it was told to stop
			}
		}
	})
	server := httptest.NewTLSServer(mux)
	defer server.Close()

	roots := filepath.Join(t.TempDir(), "roots.pem")
	var certs []byte
	for _, s := range []*httptest.Server{server, other} {
		certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})...)
	}
	if err := os.WriteFile(roots, certs, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", roots)
	secret := strings.Replace(server.URL, "https://", "https://me:hunter2@", 1)

	for _, tt := range []struct {
		name, address string
		args          []string
		code          int
		want          string
	}{
		{"a document", server.URL + "/openapi.json", nil, exitOK, server.URL + "/openapi.json -> "},
		{"credentials", secret + "/openapi.json?private=1&token=hunter2", nil, exitOK, "no change in access"},
		{"wrong credentials", server.URL + "/openapi.json?private=1&token=hunter2", nil, exitFailed, "/openapi.json: the server answered 401 Unauthorized: expected the document"},
		{"redirected here", secret + "/here", nil, exitOK, "no change in access"},
		{"redirected elsewhere", server.URL + "/there", nil, exitOK, "no change in access"},
		{"redirected elsewhere with credentials", secret + "/there", nil, exitFailed, "/there: it redirects to " + other.URL + "/a.json, which is not given the credentials of this address"},
		{"redirected elsewhere with a token", server.URL + "/there?token=hunter2", nil, exitFailed, "which is not given the credentials"},
		{"redirected to no encryption", server.URL + "/plain", nil, exitFailed, "it redirects to " + plain.URL + "/a.json: an address without encryption is not read"},
		{"the same, allowed", server.URL + "/plain", []string{"--allow-http"}, exitOK, "no change in access"},
		{"with credentials it is not", secret + "/plain", []string{"--allow-http"}, exitFailed, "which is not given the credentials"},
		{"redirected to a file", server.URL + "/file", nil, exitFailed, `a "file" address is not read`},
		{"round and round", server.URL + "/round", nil, exitFailed, "redirected more than 5 times"},
		{"nothing there", server.URL + "/nothing", nil, exitFailed, "the server answered 404 Not Found"},
		{"a web page", server.URL + "/page", nil, exitFailed, "/page: neither an OpenAPI document nor a catalog"},
		{"cut off", server.URL + "/cut", nil, exitFailed, "the answer was cut off"},
		{"endless", server.URL + "/endless", nil, exitFailed, "larger than 100 MB"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out := diffURL(t, tt.address, tt.args...)
			if code != tt.code || !strings.Contains(out, tt.want) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, tt.code, tt.want, out)
			}
			if strings.Contains(out, "hunter2") {
				t.Errorf("a secret is repeated:\n%s", out)
			}
		})
	}
}
