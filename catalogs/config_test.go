package catalogs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindConfig(t *testing.T) {
	dir := filepath.Join("testdata", "config")
	c, err := FindConfig(filepath.Join(dir, "base"))
	if err != nil {
		t.Fatal(err)
	}
	abs, _ := filepath.Abs(dir)
	join := func(p string) string { return filepath.Join(abs, filepath.FromSlash(p)) }
	if c.Path != join(ConfigName) || len(c.Files()) != 2 {
		t.Errorf("read %s and %v", c.Path, c.Files())
	}
	if c.Catalog != join("api/permissions.yaml") || c.Known != join("base/known.yaml") || c.Document[0] != join("api/openapi.yaml") {
		t.Errorf("paths %q %q %q: each is relative to the file that names it", c.Catalog, c.Known, c.Document)
	}
	if c.FailOn != "warning" || c.OpenAPI.Scopes != "any" || c.BasePath["code"] != "/api/v2" || c.Code[0] != "./..." {
		t.Errorf("%+v", c)
	}
	if len(c.RecordFilters) != 1 || c.RecordFilters[0].Object != "position" || c.RecordFilters[0].Func != "example.com/store.Visible" {
		t.Errorf("record filters %+v", c.RecordFilters)
	}
	if len(c.Guards) != 3 || c.Guards[0].Args != "any-of" || c.Guards[2].Requires != "Admin" || len(c.IgnoreRoutes) != 2 {
		t.Errorf("guards %+v, ignored %+v: what a file adds stands after what it extends", c.Guards, c.IgnoreRoutes)
	}

	if len(c.Routers) != 1 || c.Routers[0].Name != "web" || c.Routers[0].Patterns != "colon" || c.Routers[0].Rows[1].Middleware != 3 ||
		len(c.RouteTables) != 1 || c.RouteTables[0].Permissions != "Needs" {
		t.Errorf("routers %+v, tables %+v", c.Routers, c.RouteTables)
	}

	// Without a file, up to the root of the repository, the configuration is empty.
	repo := t.TempDir()
	if err := os.MkdirAll(filepath.Join(repo, ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	if c, err := FindConfig(repo); err != nil || c.Path != "" || c.Catalog != "" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestConfigErrors(t *testing.T) {
	file := filepath.Join("testdata", "config", "bad.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = LoadConfig(file)
	errs, ok := err.(Errors)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	want := 0
	for i, line := range strings.Split(string(data), "\n") {
		for _, w := range strings.Split(line, "# ERROR ")[1:] {
			want++
			found := false
			for _, e := range errs {
				found = found || e.Line == i+1 && e.Column > 0 && strings.Contains(e.Msg, strings.TrimSpace(w))
			}
			if !found {
				t.Errorf("line %d: not reported: %s", i+1, w)
			}
		}
	}
	if len(errs) != want {
		t.Errorf("%d errors, want %d:\n%v", len(errs), want, err)
	}
	if _, err := LoadConfig("testdata/config/none.yaml"); err == nil || !strings.Contains(err.Error(), "configuration testdata/config/none.yaml") {
		t.Errorf("%v", err)
	}
}
