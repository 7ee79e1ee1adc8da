package drift_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
)

var update = flag.Bool("update", false, "write what the cases under testdata print; read the difference before you keep it")

// side reads text as a catalog or a document.
func side(t testing.TB, name string, data []byte, opts openapi.Options) drift.Side {
	t.Helper()
	doc, err := openapi.Parse(name, data, opts)
	if err == nil {
		return drift.Side{Document: doc}
	}
	if !bytes.Contains(data, []byte("permcheck: "+catalogs.Version)) {
		t.Fatal(err)
	}
	c, err := catalogs.Parse(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return drift.Side{Catalog: c}
}

// settings reads lines such as "scopes any" into options.
func settings(t testing.TB, lines string) (d drift.Options, o openapi.Options) {
	t.Helper()
	d.Implies = map[string][]string{}
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "scopes":
			if scheme, ok := strings.CutSuffix(value, "=any"); ok {
				d.Scopes.ByScheme = map[string]bool{scheme: true}
			} else {
				d.Scopes.Any = value == "any"
			}
		case "implies":
			holder, implied, _ := strings.Cut(value, "=")
			d.Implies[holder] = append(d.Implies[holder], implied)
		case "extension":
			e, err := openapi.ParseExtension(value)
			if err != nil {
				t.Fatal(err)
			}
			o.Extensions = append(o.Extensions, e)
		case "base-path":
			d.BasePath = value
		case "permission-scheme":
			d.PermissionScheme = value
		case "":
		default:
			t.Fatalf("unknown setting %q", name)
		}
	}
	return d, o
}

func describe(r *drift.Result) string {
	var b strings.Builder
	for i := range r.Changes {
		c := &r.Changes[i]
		fmt.Fprintf(&b, "%s %s %s", c.Severity(), c.Class, c.Subject())
		if c.Anonymous {
			b.WriteString(" anonymous")
		}
		for _, part := range [][2]string{{"was", c.BasePath}, {"moved", c.MovedFrom}, {"falls", c.FallsTo}, {"scheme", c.Scheme}} {
			if part[1] != "" {
				fmt.Fprintf(&b, " %s=%s", part[0], part[1])
			}
		}
		show := func(s *string) string {
			if s == nil {
				return "-"
			}
			return *s
		}
		fmt.Fprintf(&b, ": %s -> %s\n", show(c.From), show(c.To))
		if !c.Position.IsValid() && !strings.HasPrefix(c.Path, "browser:") {
			fmt.Fprintf(&b, "  without a position\n")
		}
	}
	return b.String()
}

func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]*txtar.File{}
			for i := range ar.Files {
				parts[ar.Files[i].Name] = &ar.Files[i]
			}
			flags := ""
			if f := parts["flags"]; f != nil {
				flags = string(f.Data)
			}
			opts, read := settings(t, flags)
			from, to := side(t, "old.yaml", parts["old.yaml"].Data, read), side(t, "new.yaml", parts["new.yaml"].Data, read)
			r, err := drift.Compare(from, to, opts)
			if err != nil {
				t.Fatal(err)
			}
			got, want := describe(r), parts["want"]
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want.Data) {
				t.Errorf("%sgot:\n%swant:\n%s", ar.Comment, got, want.Data)
			}
			// Each side against itself is silent, whatever it holds.
			for _, s := range []drift.Side{from, to} {
				r, err := drift.Compare(s, s, opts)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(t.Name(), "reference") {
					continue // what a broken reference hides may differ
				}
				if len(r.Changes) > 0 {
					t.Errorf("against itself:\n%s", describe(r))
				}
			}
		})
	}
}

// TestCaseFolder runs a folder of pairs, base.yaml and head.yaml with expected.json,
// and holds each as a gate too.
func TestCaseFolder(t *testing.T) {
	dir := os.Getenv("PERMCHECK_OPENAPI_CASES")
	if dir == "" {
		t.Skip("PERMCHECK_OPENAPI_CASES is not set: a folder of cases with base.yaml, head.yaml and expected.json")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "expected.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			var expected struct {
				Changes []struct {
					Method, Path, Change, Scheme string
					Anonymous                    bool
					BasePath                     string `json:"base_path"`
					FallsTo                      string `json:"falls_to"`
					AlsoAccepted                 string `json:"also_accepted"`
				}
				Config struct {
					Scopes    string
					Extension string `json:"permission_extension"`
					Shape     string
					Implies   any
				}
			}
			readJSON(t, file, &expected)
			cfg := expected.Config
			var read openapi.Options
			if cfg.Extension != "" {
				e, err := openapi.ParseExtension(cfg.Extension + ":" + cfg.Shape)
				if err != nil {
					t.Fatal(err)
				}
				read.Extensions = append(read.Extensions, e)
			}
			opts := drift.Options{Scopes: openapi.Scopes{Any: cfg.Scopes == "any"}, Implies: implies(t, cfg.Implies)}
			r := compareFiles(t, filepath.Join(filepath.Dir(file), "base.yaml"), filepath.Join(filepath.Dir(file), "head.yaml"), read, opts)
			type line struct {
				method, path, change, scheme, base, falls string
				anonymous                                 bool
			}
			var got, want []string
			blocks, mustBlock, contested := false, false, false
			for i := range r.Changes {
				c := &r.Changes[i]
				got = append(got, fmt.Sprintf("%+v", line{c.Method, c.Path, string(c.Class), c.Scheme, c.BasePath, c.FallsTo, c.Anonymous}))
				blocks = blocks || c.Severity().Fails(report.Error)
			}
			for _, c := range expected.Changes {
				contested = contested || c.AlsoAccepted != ""
				if c.Change == "none" {
					continue
				}
				want = append(want, fmt.Sprintf("%+v", line{c.Method, c.Path, c.Change, c.Scheme, c.BasePath, c.FallsTo, c.Anonymous}))
				switch drift.Class(c.Change) {
				case drift.Weakened, drift.Incomparable, drift.SchemeChanged, drift.Unknown:
					mustBlock = mustBlock || !strings.HasPrefix(c.Path, "webhook:")
				case drift.Added:
					mustBlock = mustBlock || c.Anonymous
				case drift.Removed: // its requests are answered by a row that requires less
					mustBlock = mustBlock || c.FallsTo != ""
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s\ncontested: %v", strings.Join(got, "\n"), strings.Join(want, "\n"), contested)
			}
			if blocks != mustBlock {
				t.Errorf("as a gate: blocks %v, must block %v", blocks, mustBlock)
			}
		})
	}
}

// implies reads a hierarchy as cases write it: {"a": ["b"]}, {"a": "b"}, "a=b" or
// ["a=b"].
func implies(t testing.TB, v any) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	switch v := v.(type) {
	case nil:
	case string:
		holder, implied, ok := strings.Cut(v, "=")
		if !ok {
			t.Fatalf("implies %q", v)
		}
		out[holder] = strings.Split(implied, ",")
	case []any:
		for _, e := range v {
			for holder, implied := range implies(t, e) {
				out[holder] = append(out[holder], implied...)
			}
		}
	case map[string]any:
		for holder, e := range v {
			switch e := e.(type) {
			case string:
				out[holder] = append(out[holder], e)
			case []any:
				for _, i := range e {
					out[holder] = append(out[holder], fmt.Sprint(i))
				}
			}
		}
	}
	return out
}

// TestRealDocuments holds pairs of large documents, NAME-base and NAME-head, against
// the edits in NAME-changes.json.
func TestRealDocuments(t *testing.T) {
	dir := os.Getenv("PERMCHECK_OPENAPI_REAL")
	if dir == "" {
		t.Skip("PERMCHECK_OPENAPI_REAL is not set: a folder of documents NAME-base.*, NAME-head.* with NAME-changes.json")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-changes.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no pairs in %s: %v", dir, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, "-changes.json")
		t.Run(filepath.Base(name), func(t *testing.T) {
			base, err := filepath.Glob(name + "-base.*")
			if err != nil || len(base) != 1 {
				t.Fatal("no base", err)
			}
			var edits []struct{ Method, Path, Change string }
			readJSON(t, file, &edits)
			r := compareFiles(t, base[0], strings.Replace(base[0], "-base.", "-head.", 1), openapi.Options{}, drift.Options{})
			var got, want []string
			for _, c := range r.Changes {
				got = append(got, c.Method+" "+c.Path+" "+string(c.Class))
			}
			for _, e := range edits {
				want = append(want, e.Method+" "+e.Path+" "+e.Change)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*-permissions.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tables {
		name := strings.TrimSuffix(file, "-permissions.csv")
		t.Run(filepath.Base(name)+" with a catalog", func(t *testing.T) { againstTable(t, name, file) })
	}
	personio, err := filepath.Glob(filepath.Join(dir, "personio-*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	vendor, err := catalogs.Load("vendor:personio")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range personio {
		t.Run(filepath.Base(file), func(t *testing.T) {
			doc, err := openapi.Load(file, openapi.Options{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := drift.Compare(drift.Side{Catalog: vendor}, drift.Side{Document: doc}, drift.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range r.Changes {
				if c.Class != drift.Added && c.Class != drift.Removed {
					t.Errorf("%s: %s", c.Subject(), c.Class)
				}
			}
			if r.Summary.Unstated != len(doc.Operations) {
				t.Errorf("%d of %d operations are unstated", r.Summary.Unstated, len(doc.Operations))
			}
		})
	}
}

// againstTable holds a document against the permissions that a table lists for its
// operations (method, path, permission, combine, source), and then against the same
// table with ten rows changed.
func againstTable(t *testing.T, name, table string) {
	documents, err := filepath.Glob(name + ".yaml")
	if err == nil && len(documents) == 0 {
		documents, err = filepath.Glob(name + "-base.yaml")
	}
	if err != nil || len(documents) != 1 {
		t.Fatalf("no document for %s: %v", table, err)
	}
	f, err := os.Open(table)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	permissions := map[[2]string][]perm.Permission{}
	combine := map[[2]string]string{}
	var order [][2]string
	for _, r := range records[1:] {
		if r[4] != "x-permission" && r[4] != "security:oauth2" {
			continue // from elsewhere than the extension or the scheme
		}
		k := [2]string{r[0], r[1]}
		if _, ok := combine[k]; !ok {
			order = append(order, k)
		}
		combine[k] = r[3]
		if r[2] != "" {
			permissions[k] = append(permissions[k], perm.Permission(r[2]))
		}
	}
	c := &catalogs.Catalog{File: table}
	for _, k := range order {
		var req perm.Requirement
		switch combine[k] {
		case "all":
			req = perm.All(permissions[k]...)
		case "any":
			req = perm.Any(permissions[k]...)
		case "open":
			req = perm.Authenticated()
		default:
			t.Fatalf("%v: combine %q", k, combine[k])
		}
		c.Endpoints = append(c.Endpoints, catalogs.Endpoint{Method: k[0], Path: k[1], Requires: &req})
	}
	doc, err := openapi.Load(documents[0], openapi.Options{})
	if err != nil {
		t.Fatal(err)
	}
	changes := func() map[string]drift.Class {
		r, err := drift.Compare(drift.Side{Catalog: c}, drift.Side{Document: doc}, drift.Options{})
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]drift.Class{}
		for i := range r.Changes {
			ch := &r.Changes[i]
			_, listed := combine[[2]string{ch.Method, ch.Path}]
			if ch.Class == drift.Added && !listed {
				continue
			}
			out[ch.Subject()] = ch.Class
		}
		t.Logf("%d endpoints in the table, %d in the document, %d added, %d unstated, also admits %v",
			r.Summary.Old, r.Summary.New, r.Summary.Changes[drift.Added], r.Summary.Unstated, r.Summary.AlsoAdmits)
		return out
	}
	if got := changes(); len(got) > 0 {
		t.Errorf("against its own table: %v", got)
	}
	want := map[string]drift.Class{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if len(want) == 10 || i%17 != 0 || e.Requires.IsAuthenticated() {
			continue
		}
		other := perm.All("planted")
		switch len(want) % 4 {
		case 0: // the table asked for more than the document does
			other, err = e.Requires.And(other)
			want[e.String()] = drift.Weakened
		case 1:
			other, err = e.Requires.Or(other)
			want[e.String()] = drift.Strengthened
		case 2:
			want[e.String()] = drift.Incomparable
		case 3:
			other = perm.Public()
			want[e.String()] = drift.Strengthened
		}
		if err != nil {
			t.Fatal(err)
		}
		e.Requires = &other
	}
	if got := changes(); !maps.Equal(got, want) || len(want) != 10 {
		t.Errorf("with ten rows changed: got %v, want %v", got, want)
	}
}

func compareFiles(t testing.TB, base, head string, read openapi.Options, opts drift.Options) *drift.Result {
	t.Helper()
	a, err := openapi.Load(base, read)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openapi.Load(head, read)
	if err != nil {
		t.Fatal(err)
	}
	return compare(t, a, b, opts)
}

func readJSON(t testing.TB, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
