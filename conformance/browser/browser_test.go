package browser_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/permcheck/permcheck/conformance/browser"
)

// What a real browser lets a page read of servers that allow it in different ways.
func TestRead(t *testing.T) {
	b, err := browser.Start(context.Background())
	if errors.Is(err, browser.ErrNone) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	key := http.Header{"Authorization": {"Bearer secret"}}
	for _, tt := range []struct {
		name    string
		headers map[string]string
		options int // status of preflights
		reflect bool
		want    []string
	}{
		{name: "closed", options: 405},
		{name: "vary only", headers: map[string]string{"Vary": "Origin"}, options: 204},
		{name: "star", headers: map[string]string{"Access-Control-Allow-Origin": "*"}, options: 405, want: []string{"fetch", "XMLHttpRequest"}},
		{name: "star and the header", headers: map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "authorization"}, options: 204,
			want: []string{"fetch", "XMLHttpRequest", "fetch with the key", "XMLHttpRequest with the key"}},
		{name: "reflected with credentials", reflect: true, headers: map[string]string{"Access-Control-Allow-Credentials": "true"}, options: 405,
			want: []string{"fetch", "fetch with credentials", "XMLHttpRequest", "XMLHttpRequest with credentials"}},
		{name: "another origin", headers: map[string]string{"Access-Control-Allow-Origin": "https://example.com"}, options: 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for name, value := range tt.headers {
					w.Header().Set(name, value)
				}
				if tt.reflect {
					w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
				}
				if r.Method == http.MethodOptions {
					w.WriteHeader(tt.options)
					return
				}
				w.Write([]byte(`{"data":[]}`))
			}))
			defer srv.Close()
			got, err := b.Read(context.Background(), srv.URL+"/v1/positions", key)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("read by %q, want %q", got, tt.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Read(ctx, "http://127.0.0.1:1/", nil); err == nil {
		t.Error("reads although the run has ended")
	}
}
