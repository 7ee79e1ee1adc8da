package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/reference"
	"github.com/permcheck/permcheck/conformance/suites"
)

var updateDocs = flag.Bool("update", false, "write the generated parts of docs/vendors anew")

const (
	beginGenerated = "<!-- generated: "
	endGenerated   = "<!-- end -->"
)

// A page on a vendor repeats what the catalog, the server and the suite have between
// "<!-- generated: KIND -->" and "<!-- end -->". KIND is one of these.
var generated = map[string]func(vendor string, c *catalogs.Catalog) string{
	"permissions": func(_ string, c *catalogs.Catalog) string {
		t := table("permission", "label", "opens")
		for i := range c.Permissions {
			p := &c.Permissions[i]
			n := 0
			for j := range c.Endpoints {
				if r := c.Endpoints[j].Requires; r != nil && slices.Contains(r.Permissions(), p.ID) {
					n++
				}
			}
			t.row(code(string(p.ID)), p.Label, fmt.Sprint(n))
		}
		return t.String()
	},
	"figures": func(vendor string, c *catalogs.Catalog) string {
		unknown, judged := 0, 0
		for i := range c.Endpoints {
			if r := c.Endpoints[i].Requires; r != nil && r.IsUnknown() {
				unknown++
			}
		}
		statements := suites.Of(vendor).Statements
		for _, s := range statements {
			if !s.Observed() {
				judged++
			}
		}
		return fmt.Sprintf("%d endpoints, %d of them with a requirement that nobody documents; %d permissions; %d statements, %d of them observed and not judged.\n",
			len(c.Endpoints), unknown, len(c.Permissions), len(statements), len(statements)-judged)
	},
	"unknown": func(_ string, c *catalogs.Catalog) string {
		t := table("endpoint", "documented at")
		for i := range c.Endpoints {
			if e := &c.Endpoints[i]; e.Requires != nil && e.Requires.IsUnknown() {
				t.row(code(e.String()), c.Sources[e.Source])
			}
		}
		return t.String()
	},
	"switches": func(vendor string, _ *catalogs.Catalog) string {
		t := table("switch", "values, the default first", "what it decides", "where the question comes from")
		for _, s := range reference.Switches(vendor) {
			t.row(code(s.Name), code(strings.Join(s.Values, "`, `")), s.What, s.Source)
		}
		return t.String()
	},
	"faults": func(vendor string, _ *catalogs.Catalog) string {
		t := table("fault", "what the server does")
		for _, f := range reference.FaultsOf(vendor) {
			t.row(code(f.Name), f.What)
		}
		return t.String()
	},
	"statements": func(vendor string, _ *catalogs.Catalog) string {
		t := table("statement", "says", "evidence", "source", "fails with")
		for _, s := range suites.Of(vendor).Statements {
			var faults []string
			for _, f := range s.Faults {
				text := "--fault " + f.Plant
				if strings.Contains(f.Plant, " ") {
					text = "--fault '" + f.Plant + "'"
				}
				if f.Plant == "" {
					text = "--switch " + f.Switch
				}
				faults = append(faults, code(text))
			}
			fails := strings.Join(faults, ", ")
			if s.Observed() {
				fails = "observed only"
			}
			t.row(code(s.ID), s.Says, s.Evidence, strings.Join(s.Sources, " "), fails)
		}
		return t.String()
	},
	"oddities": func(_ string, c *catalogs.Catalog) string {
		t := table("where", "what looks wrong", "answer", "lint")
		for _, l := range c.Lint() {
			t.row(code(l.Subject), l.Message, l.Odd, code(l.Rule))
		}
		return t.String()
	},
}

// Every vendor has a page, and what it repeats is so. go test ./internal/cli -run VendorDocs -update
// writes the generated parts anew.
func TestVendorDocs(t *testing.T) {
	for _, vendor := range catalogs.Vendors() {
		c, err := catalogs.Load(catalogs.VendorPrefix + vendor)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "..", "docs", "vendors", vendor+".md")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Errorf("%v: every vendor has a page", err)
			continue
		}
		var kinds []string
		want, err := regenerate(string(data), func(kind string) (string, error) {
			make, ok := generated[kind]
			if !ok {
				return "", fmt.Errorf("no part of a page is called %q", kind)
			}
			kinds = append(kinds, kind)
			return make(vendor, c), nil
		})
		switch {
		case err != nil:
			t.Errorf("%s: %v", file, err)
			continue
		case want == string(data):
		case *updateDocs:
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s is not as the catalog, the server and the suite are: run go test ./internal/cli -run VendorDocs -update and read the difference", file)
		}
		for _, kind := range []string{"switches", "statements"} {
			if !slices.Contains(kinds, kind) {
				t.Errorf("%s has no part %q", file, beginGenerated+kind+" -->")
			}
		}
	}
}

// regenerate replaces the generated parts of a page.
func regenerate(page string, make func(kind string) (string, error)) (string, error) {
	var out strings.Builder
	for n := 1; ; n++ {
		before, rest, more := strings.Cut(page, beginGenerated)
		out.WriteString(before)
		if !more {
			return out.String(), nil
		}
		kind, rest, ok := strings.Cut(rest, " -->\n")
		_, after, ended := strings.Cut(rest, endGenerated)
		if !ok || !ended || strings.Contains(rest[:len(rest)-len(after)], beginGenerated) {
			return "", fmt.Errorf("generated part %d: expected %sKIND --> and then %s", n, beginGenerated, endGenerated)
		}
		text, err := make(kind)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s%s -->\n%s%s", beginGenerated, kind, text, endGenerated)
		page = after
	}
}

// A markdownTable is written row by row.
type markdownTable struct{ strings.Builder }

func table(columns ...string) *markdownTable {
	t := &markdownTable{}
	t.row(columns...)
	t.WriteString(strings.Repeat("|---", len(columns)) + "|\n")
	return t
}

func (t *markdownTable) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.ReplaceAll(c, "|", `\|`)
	}
	t.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

func code(text string) string { return "`" + text + "`" }

func TestRegenerate(t *testing.T) {
	const page = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n"
	got, err := regenerate(page, func(kind string) (string, error) { return kind + " is new\n", nil })
	if want := "a\n<!-- generated: x -->\nx is new\n<!-- end -->\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, bad := range []string{"<!-- generated: x -->\n", "<!-- generated: x\n<!-- end -->", "<!-- generated: x -->\n<!-- generated: y -->\n<!-- end -->"} {
		if got, err := regenerate(bad, func(string) (string, error) { return "", nil }); err == nil {
			t.Errorf("%q gives %q", bad, got)
		}
	}
}
