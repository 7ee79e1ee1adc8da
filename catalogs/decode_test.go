package catalogs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The three extracts of the format's description, as people write them.
func TestParseExamples(t *testing.T) {
	for _, name := range []string{"eightfold", "comeet", "personio"} {
		t.Run(name, func(t *testing.T) {
			c, err := Load(filepath.Join("testdata", "formats", name+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			if c.Name != name || len(c.Endpoints) == 0 {
				t.Errorf("read %d endpoints of %q", len(c.Endpoints), c.Name)
			}
		})
	}
}

func TestParseValues(t *testing.T) {
	c, err := Load(filepath.Join("testdata", "formats", "comeet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	e, ok := c.Endpoint("get", "/positions/{other}")
	if !ok || e.Requires.String() != "positions.read" || e.Gets != "position" || e.Evidence != "inferred" || e.Source != "perms" {
		t.Errorf("GET /positions/{uid}: %+v", e)
	}
	e, _ = c.Endpoint("DELETE", "/person/{uid}")
	if e.Evidence != "documented" || e.Source != "person" {
		t.Errorf("DELETE /person/{uid}: %+v", e)
	}
	e, _ = c.Endpoint("GET", "/deleted-candidates")
	if !e.Requires.IsUnknown() {
		t.Errorf("GET /deleted-candidates requires %v", e.Requires)
	}
	if got := c.Refused.Forbidden; got.Status != 403 || got.Body["error"] != "no_permission" {
		t.Errorf("refused.forbidden: %+v", got)
	}
	if got := c.Records[0]; got.Object != "position" || len(got.Sharing) != 3 ||
		got.Sharing[1].Conditions[0] != (Condition{Attribute: "discreet", Value: "false"}) {
		t.Errorf("records[0]: %+v", got)
	}
	if got := c.Records[1].Grants[1]; got.Name != "candidates.others" || got.Conditions[0] != (Condition{"source", "$self", true}) {
		t.Errorf("records[1].Grants[1]: %+v", got)
	}
	if c.Browsers != BrowsersBlocked || c.Credentials.GrantsChange != "on-reenable" {
		t.Errorf("browsers %q, grants-change %q", c.Browsers, c.Credentials.GrantsChange)
	}
}

// What a wrong key gets may differ from what none gets, and a record may be a part of another by its
// rule alone.
func TestInvalidAndPartOf(t *testing.T) {
	c, err := Parse("c.yaml", []byte(`permcheck: catalog/1
name: c
permissions: {r: }
refused: {anonymous: 403, invalid: 401}
endpoints:
  GET /a: {requires: r, lists: a, refused: {anonymous: 404}}
records: {a: {part-of: b}, b: {part-of: c}, c: {sharing: {all: {}}}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Refused.Anonymous.Status != 403 || c.Refused.WithKey().Status != 401 || c.Endpoints[0].Refused.WithKey().Status != 404 {
		t.Errorf("%+v %+v", c.Refused, c.Endpoints[0].Refused)
	}
	if !c.PartOf("a", "c") || !c.PartOf("b", "b") || c.PartOf("c", "a") {
		t.Errorf("%+v", c.Records)
	}
}

// Each file under testdata/bad holds mistakes; the comment "# ERROR text" at the end of
// a line says what must be reported there, and nothing else may be.
func TestParseErrors(t *testing.T) {
	files, _ := filepath.Glob("testdata/bad/*.yaml")
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int][]string{}
			for i, line := range strings.Split(string(data), "\n") {
				for _, w := range strings.Split(line, "# ERROR ")[1:] {
					want[i+1] = append(want[i+1], strings.TrimSpace(w))
				}
			}
			_, err = Load(file)
			errs, ok := err.(Errors)
			if !ok {
				t.Fatalf("got %T %v, want Errors", err, err)
			}
			for _, e := range errs {
				if e.Column == 0 {
					t.Errorf("no column: %v", e)
				}
				found := false
				for i, w := range want[e.Line] {
					if strings.Contains(e.Msg, w) {
						want[e.Line] = append(want[e.Line][:i:i], want[e.Line][i+1:]...)
						found = true
						break
					}
				}
				if !found {
					t.Errorf("unexpected: %v", e)
				}
			}
			for line, ws := range want {
				for _, w := range ws {
					t.Errorf("%s:%d: not reported: %q", file, line, w)
				}
			}
		})
	}
}

func TestLoadRefusesOtherFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := "permcheck: catalog/1\nname: x\n"
	secret := write("outside.yaml", head)
	if err := os.MkdirAll(filepath.Join(dir, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "in", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"empty.yaml", "", "file is empty"},
		{"blank.yaml", "# only a comment\n", "no YAML document"},
		{"binary.yaml", "a: \x00\x01", "binary file"},
		{"tab.yaml", "permcheck: catalog/1\nname: x\nendpoints:\n\tGET /a: public\n", "tab.yaml:4:1: a tab"},
		{"two.yaml", head + "---\nname: y\n", "second YAML document"},
		{"list.yaml", "- a\n", "expected a catalog"},
		{"truncated.yaml", head + "endpoints: {GET /a: ", "truncated.yaml:"},
		{"other.yaml", "openapi: 3.0.0\n", "expected the key permcheck: catalog/1"},
		{"long.yaml", head + "endpoints:\n  GET /a: \"" + strings.Repeat("x & ", 1<<18) + "\"\n", "long.yaml:4:"},
		{"in/up.yaml", head + "include: [../outside.yaml]\n", "below the folder"},
		{"in/abs.yaml", head + "include: [/etc/passwd]\n", "below the folder"},
		{"in/link-out.yaml", head + "include: [link.yaml]\n", "link-out.yaml:3:11: include \"link.yaml\""},
		{"in/missing.yaml", head + "include: [nothing.yaml]\n", "nothing.yaml\": no such file"},
		{"in/self.yaml", head + "include: [self.yaml]\n", "included already"},
		{"in/folder.yaml", head + "include: [.]\n", "folder.yaml:3:11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(write(tt.name, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant an error with %q", err, tt.want)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the message is %d bytes long", len(err.Error()))
			}
		})
	}
	for ref, want := range map[string]string{
		dir:                             "is a directory",
		filepath.Join(dir, "none.yaml"): "does not exist",
		"vendor:eightfould":             "did you mean vendor:eightfold?",
		"vendor:../x":                   "no vendor",
	} {
		if _, err := Load(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Load(%q): %v, want %q", ref, err, want)
		}
	}
}

func TestInclude(t *testing.T) {
	c, files, err := LoadWithFiles("testdata/include/root.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Endpoints) != 3 || len(files) != 3 {
		t.Errorf("%d endpoints of %d files", len(c.Endpoints), len(files))
	}
	e, _ := c.Endpoint("GET", "/b/{id}")
	if want := filepath.FromSlash("testdata/include/parts/b.yaml"); e.Pos.File != want {
		t.Errorf("position %v, want one in %s", e.Pos, want)
	}
	if e.Source != "guide" || e.Evidence != "inferred" {
		t.Errorf("an included file has defaults of its own: %+v", e)
	}
}

func FuzzParse(f *testing.F) {
	for _, glob := range []string{"testdata/formats/*.yaml", "testdata/bad/*.yaml", "vendors/*.yaml"} {
		files, _ := filepath.Glob(glob)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("a: &a [*a]\npermcheck: *a"))
	f.Add([]byte("permcheck: catalog/1\nname: x\nendpoints: &e\n  s: *e\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("fuzz.yaml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("catalog %v, error %v", c, err)
		}
		if err != nil {
			return
		}
		for _, e := range c.Endpoints {
			if e.Requires == nil {
				t.Errorf("%s has no requirement", &e)
			}
			if !e.Pos.IsValid() {
				t.Errorf("%s has no position", &e)
			}
		}
		c.Implications()
	})
}
