package conformance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
)

const readCatalog = `permcheck: catalog/1
name: jobs
permissions:
  admin: {implies: "*"}
  read:
  write:
  extra:
endpoints:
  GET /jobs: read
  PUT /jobs: write & extra | admin
  GET /me: authenticated
  GET /open: public
  GET /gone: nobody
  GET /dark: unknown
`

func loadReadCatalog(string) (*catalogs.Catalog, error) {
	return catalogs.Parse("catalog.yaml", []byte(readCatalog))
}

// probes makes a report of lines "CHECK METHOD PATH KEY EXPECT VERDICT".
func probes(lines ...string) []byte {
	var b strings.Builder
	b.WriteString(`{"version": 1, "catalog": "catalog.yaml", "boundary": {"unproven": []}, "probes": [`)
	for i, line := range lines {
		w := strings.Split(line, ",")
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, `{"id": "%d", "check": %q, "method": %q, "path": %q, "key": %q, "expect": %q, "status": 0, "verdict": %q}`, i, w[0], w[1], w[2], w[3], w[4], w[5])
	}
	return []byte(b.String() + "]}")
}

func TestReadReport(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lines    []string
		endpoint string
		want     string
	}{
		{"all passed", []string{"over-grant,GET,/jobs,none,refuse,pass", "under-grant,GET,/jobs,read,admit,pass"}, "GET /jobs", "read"},
		{"nothing decided", []string{"over-grant,GET,/jobs,none,refuse,inconclusive"}, "GET /jobs", "unknown"},
		{"one point open", []string{"over-grant,GET,/jobs,none,refuse,pass", "under-grant,GET,/jobs,read,admit,skipped"}, "GET /jobs", "unknown"},
		{"not probed", []string{"over-grant,GET,/jobs,none,refuse,pass"}, "PUT /jobs", "unknown"},
		{"anybody", []string{"anonymous-admitted,GET,/jobs,anonymous,refuse,fail"}, "GET /jobs", "public"},
		{"any text as a key", []string{"bad-key-admitted,GET,/jobs,malformed,refuse,fail"}, "GET /jobs", "public"},
		{"a key too many", []string{"over-grant,GET,/jobs,write,refuse,fail"}, "GET /jobs", "read | write"},
		{"any key", []string{"over-grant,GET,/jobs,none,refuse,fail"}, "GET /jobs", "authenticated"},
		{"a key of a profile", []string{"over-grant,GET,/jobs,ci-key,refuse,fail"}, "GET /jobs", "key ci-key | read"},
		{"an alternative refused", []string{"under-grant,PUT,/jobs,admin,admit,fail"}, "PUT /jobs", "nobody"}, // admin implies the others too
		{"the other refused", []string{"under-grant,PUT,/jobs,extra & write,admit,fail"}, "PUT /jobs", "admin"},
		{"a profile's key refused", []string{"under-grant,GET,/jobs,ci-key,admit,fail"}, "GET /jobs", "more than key ci-key holds & read"},
		{"closed to keys without permissions", []string{"under-grant,GET,/me,none,admit,fail", "under-grant,GET,/me,read,admit,pass"}, "GET /me", "nobody"},
		{"public closed", []string{"under-grant,GET,/open,anonymous,admit,fail"}, "GET /open", "authenticated"},
		{"nobody but one", []string{"over-grant,GET,/gone,admin,refuse,fail"}, "GET /gone", "admin"},
		{"refused, and done all the same", []string{"over-grant,PUT,/jobs,read,refuse,pass", "effect-despite-refusal,PUT,/jobs,read,refuse,fail"}, "PUT /jobs", "admin | read | extra & write"},
		{"the form of a refusal is no access", []string{"over-grant,GET,/jobs,none,refuse,pass", "refusal-form,GET,/jobs,none,refuse,fail"}, "GET /jobs", "read"},
		{"a path that nobody listed", []string{"default-allow,GET,/hidden,anonymous,refuse,fail"}, "GET /hidden", "public"},
		{"a path that is not there", []string{"default-allow,GET,/hidden,anonymous,refuse,pass"}, "GET /hidden", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ReadReport("run.json", probes(tt.lines...), loadReadCatalog)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			method, path, _ := strings.Cut(tt.endpoint, " ")
			if e, ok := c.Endpoint(method, path); ok {
				got = e.Requires.String()
				if tt.name != "not probed" && (e.Pos.File != "run.json" || e.Pos.Line == 0) {
					t.Errorf("position %v", e.Pos)
				}
			}
			if got != tt.want {
				t.Errorf("%s requires %q, want %q", tt.endpoint, got, tt.want)
			}
		})
	}
	unproven := strings.Replace(string(probes("under-grant,GET,/jobs,read,admit,pass")), `"unproven": []`, `"unproven": [{"method": "GET", "path": "/jobs", "expect": "refuse", "grant": "none", "reason": "r"}]`, 1)
	c, err := ReadReport("run.json", []byte(unproven), loadReadCatalog)
	if err != nil {
		t.Fatal(err)
	}
	if e, _ := c.Endpoint("GET", "/jobs"); !e.Requires.IsUnknown() {
		t.Errorf("with a point of the boundary open it requires %s", e.Requires)
	}
}

func FuzzReadReport(f *testing.F) {
	f.Add(probes("over-grant,GET,/jobs,none,refuse,pass", "default-allow,GET,/x,anonymous,refuse,fail"))
	f.Add([]byte("{\"version\": 1, \"probes\": [{}\n,\t]}"))
	f.Add([]byte("\xef\xbb\xbf{\"probes\": 1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ReadReport("run.json", data, loadReadCatalog)
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
