package oracle

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

type route struct {
	Method, Path string
	Requires     *string
}

// extracted runs permcheck on this package and returns what it says: endpoint to
// requirement.
func extracted(t *testing.T) map[string]string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "permcheck")
	build := exec.Command("go", "build", "-o", tool, "./cmd/permcheck")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.Command(tool, "routes", "--format", "json", ".")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Routes     []route
		Unresolved []struct{ Position, Reason string }
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for _, u := range got.Unresolved {
		t.Errorf("not read: %s: %s", u.Position, u.Reason)
	}
	all := map[string]string{}
	for _, r := range got.Routes {
		requires := ""
		if r.Requires != nil {
			requires = *r.Requires
		}
		key := r.Method + " " + r.Path
		if old, dup := all[key]; dup && old != requires {
			t.Errorf("%s twice: %q and %q", key, old, requires)
		}
		all[key] = requires
	}
	return all
}

var pathParam = regexp.MustCompile(`\{(\w+)[^}]*\}`)

// needs sends a request and returns the permissions of the middleware that it
// passed, sorted and joined as a requirement.
func needs(t *testing.T, h http.Handler, method, path string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
	if rec.Code != http.StatusOK {
		t.Errorf("%s %s answers %d", method, path, rec.Code)
	}
	perms := rec.Header().Values("Needs")
	slices.Sort(perms)
	return strings.Join(slices.Compact(perms), " & ")
}

func concrete(path string) string {
	path = strings.ReplaceAll(path, "{path...}", "7/8")
	return pathParam.ReplaceAllString(path, "7")
}

// Each route that chi has, permcheck reads, and no others; and what a request passes
// on its way is what permcheck says it demands.
func TestChi(t *testing.T) {
	got := extracted(t)
	want := map[string]string{}
	for _, h := range []http.Handler{ChiUse(), ChiWith(), ChiMount(), ChiIdioms()} {
		err := chi.Walk(h.(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			path = pathParam.ReplaceAllString(path, "{$1}")
			if p, ok := strings.CutSuffix(path, "*"); ok {
				path = p + "{path...}"
			}
			want[method+" "+path] = needs(t, h, method, concrete(path))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(want) < 20 {
		t.Fatalf("chi.Walk found only %d routes", len(want))
	}
	compare(t, got, want, func(path string) bool {
		return !strings.HasPrefix(path, "/mux/") && !strings.HasPrefix(path, "/nested/")
	})
}

// A ServeMux cannot be walked: the patterns are listed here again, each with a
// request that must reach it.
func TestServeMux(t *testing.T) {
	got := extracted(t)
	want := map[string]string{}
	for _, c := range []struct {
		h                            http.Handler
		method, send, path, endpoint string
	}{
		{MuxPatterns(), "GET", "GET", "/mux/items/7", "GET /mux/items/{id}"},
		{MuxPatterns(), "POST", "POST", "/mux/items", "POST /mux/items"},
		{MuxPatterns(), "*", "PURGE", "/mux/any", "* /mux/any"},
		{MuxPatterns(), "GET", "GET", "/mux/tree/x/y", "GET /mux/tree/{path...}"},
		{MuxPatterns(), "GET", "GET", "/mux/exact/", "GET /mux/exact/"},
		{MuxPatterns(), "GET", "GET", "/mux/rest/x/y", "GET /mux/rest/{path...}"},
		{MuxPatterns(), "DELETE", "DELETE", "/mux/items/7", "DELETE /mux/items/{id}"},
		{MuxNested(), "GET", "GET", "/nested/v1/users", "GET /nested/v1/users"},
		{MuxNested(), "POST", "POST", "/nested/v1/users", "POST /nested/v1/users"},
		{MuxNested(), "GET", "GET", "/nested/whole/x", "GET /nested/whole/x"},
	} {
		want[c.endpoint] = needs(t, c.h, c.send, c.path)
	}
	compare(t, got, want, func(path string) bool { return strings.HasPrefix(path, "/mux/") || strings.HasPrefix(path, "/nested/") })
}

func compare(t *testing.T, got, want map[string]string, mine func(path string) bool) {
	t.Helper()
	for k, w := range want {
		g, ok := got[k]
		if !ok {
			t.Errorf("%s is not read", k)
		} else if g != w {
			t.Errorf("%s: read %q, the router demands %q", k, g, w)
		}
	}
	for k := range got {
		_, path, _ := strings.Cut(k, " ")
		if _, ok := want[k]; !ok && mine(path) {
			t.Errorf("%s is read, but the router does not have it", k)
		}
	}
}
