package conformance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/conformance"
)

// A refusal that carries values of the full answer is a leak, whatever its status; one that
// only repeats what everybody may know is none.
func TestRefusalsThatLeak(t *testing.T) {
	const full = `{"data":[{"id":4711,"title":"Head of Research 7","docs":"https://example.com/docs/things"}]}`
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   conformance.Verdict
	}{
		{"plain", 403, `{"error":"no_permission"}`, conformance.Pass},
		{"quotes a title", 403, `{"error":"you may not see \"Head of Research 7\"","what":"Head of Research 7"}`, conformance.Fail},
		{"quotes an id", 404, `{"error":"hidden","id":4711}`, conformance.Fail},
		{"quotes it in a crash", 500, `{"error":"panic","row":{"title":"Head of Research 7"}}`, conformance.Fail},
		{"address of the documents", 403, `{"error":"see https://example.com/docs/things","docs":"https://example.com/docs/things"}`, conformance.Pass},
		{"repeats the path", 403, `{"error":"no access","path":"/things"}`, conformance.Pass},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Header.Get("X-Api-Key") == secret && r.URL.Path == "/things":
					fmt.Fprint(w, full)
				case r.URL.Path != "/things":
					w.WriteHeader(404)
				case r.Header.Get("X-Api-Key") == "none-key":
					w.WriteHeader(tt.status)
					fmt.Fprint(w, tt.body)
				default:
					w.WriteHeader(401)
				}
			}))
			defer srv.Close()
			r, out, err := fixed(t, oneRead("a"), srv.URL, quick, false)
			if err != nil {
				t.Fatal(err)
			}
			v, reason := verdictOf(t, r, "over-grant", "none")
			if v != tt.want || tt.want == conformance.Fail && !strings.Contains(reason, "values that only admitted keys see") {
				t.Errorf("%s (%s), want %s", v, reason, tt.want)
			}
			if strings.Contains(out, "Head of Research") {
				t.Error("the report holds what leaked")
			}
		})
	}
}

// A server that says every key again, wherever it can, gets none into a report.
func TestEchoedSecrets(t *testing.T) {
	b := newBoard()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		w.Header().Set("WWW-Authenticate", "Bearer realm="+key)
		w.Header().Set("Access-Control-Allow-Origin", "https://"+key+".example.com")
		w.Header().Set("Vary", key)
		w.Header().Set("X-"+key, "1")
		w.Header().Set("Location", "/"+key)
		b.ServeHTTP(echo{w, key}, r)
	}))
	defer srv.Close()
	r, out := probeBoardAt(t, b, srv.URL)
	if r.Count[conformance.Fail] == 0 {
		t.Error("CORS is open, and nothing is found")
	}
	for _, not := range []string{"full-secret", "open-secret", "minted-secret"} {
		if strings.Contains(strings.ToLower(out), not) {
			at := strings.Index(strings.ToLower(out), not)
			t.Errorf("the report holds %q: %q", not, out[max(0, at-100):at+50])
		}
	}
}

// echo puts the key into each JSON body, as a member's name and as a value.
type echo struct {
	http.ResponseWriter
	key string
}

func (e echo) Write(p []byte) (int, error) {
	if len(p) > 1 && p[0] == '{' && e.key != "" {
		p = []byte(fmt.Sprintf(`{"%s":1,"again":"%s",%s`, e.key, e.key, p[1:]))
	}
	_, err := e.ResponseWriter.Write(p)
	return len(p), err
}
