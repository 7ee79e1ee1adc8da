package cli

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// A realRow is one operation of a table of permissions: method, path, permission,
// combine, source.
type realRow struct{ method, path, requires string }

// readTable reads the operations whose permissions come from the document itself.
func readTable(t *testing.T, file string) []realRow {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []realRow
	at := map[[2]string]int{}
	for _, r := range records[1:] {
		if r[4] != "x-permission" && r[4] != "security:oauth2" {
			continue
		}
		quoted := fmt.Sprintf("%q", r[2])
		k := [2]string{r[0], r[1]}
		i, ok := at[k]
		switch {
		case !ok && r[3] == "open":
			quoted = "authenticated"
			fallthrough
		case !ok:
			at[k] = len(rows)
			rows = append(rows, realRow{r[0], r[1], quoted})
		default:
			rows[i].requires += map[string]string{"all": " & ", "any": " | "}[r[3]] + quoted
		}
	}
	return rows
}

// TestDiffAgainstRealTables holds real documents against catalogs made from the tables
// beside them, as a user would: no change on what a table lists, and with ten rows edited
// exactly those ten.
func TestDiffAgainstRealTables(t *testing.T) {
	dir := os.Getenv("PERMCHECK_OPENAPI_REAL")
	if dir == "" {
		t.Skip("PERMCHECK_OPENAPI_REAL is not set: a folder of documents with NAME-permissions.csv")
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*-permissions.csv"))
	if err != nil || len(tables) == 0 {
		t.Fatal("no tables", err)
	}
	for _, table := range tables {
		t.Run(filepath.Base(table), func(t *testing.T) {
			name := strings.TrimSuffix(table, "-permissions.csv")
			document := name + ".yaml"
			if _, err := os.Stat(document); err != nil {
				document = name + "-base.yaml"
			}
			rows := readTable(t, table)
			compare := func() (changes map[string]string, added, total int) {
				t.Helper()
				var b strings.Builder
				permissions, listed := map[string]bool{"planted": true}, map[string]bool{}
				for _, r := range rows {
					requires := perm.MustParse(r.requires)
					for _, p := range requires.Permissions() {
						permissions[string(p)] = true
					}
				}
				b.WriteString("permcheck: catalog/1\nname: table\npermissions:\n")
				for _, p := range slices.Sorted(maps.Keys(permissions)) {
					fmt.Fprintf(&b, "  %s:\n", strictyaml.QuoteKey(p))
				}
				b.WriteString("endpoints:\n")
				for _, r := range rows {
					listed[r.method+" "+r.path] = true
					fmt.Fprintf(&b, "  %s: %s\n", strictyaml.QuoteKey(r.method+" "+r.path), strictyaml.QuoteValue(r.requires))
				}
				catalog := filepath.Join(t.TempDir(), "permissions.yaml")
				if err := os.WriteFile(catalog, []byte(b.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				var out, errOut bytes.Buffer
				Run(context.Background(), []string{"diff", catalog, document, "--format", "json"}, strings.NewReader(""), &out, &errOut)
				var got struct {
					Changes []struct{ Method, Path, Change string }
					Summary struct{ New int }
				}
				if err := json.Unmarshal(out.Bytes(), &got); err != nil {
					t.Fatalf("%v: %s", err, errOut.String())
				}
				changes = map[string]string{}
				for _, c := range got.Changes {
					if subject := c.Method + " " + c.Path; c.Change == "endpoint-added" && !listed[subject] {
						added++
					} else {
						changes[subject] = c.Change
					}
				}
				return changes, added, got.Summary.New
			}
			changes, added, total := compare()
			if len(changes) > 0 || added != total-len(rows) {
				t.Errorf("of %d endpoints %d are listed and %d added; changes %v", total, len(rows), added, changes)
			}
			want := map[string]string{}
			for i := 0; len(want) < 10; i += 17 {
				r := &rows[i%len(rows)]
				subject := r.method + " " + r.path
				if want[subject] != "" || r.requires == "authenticated" {
					continue
				}
				switch len(want) % 4 {
				case 0:
					r.requires, want[subject] = "("+r.requires+") & planted", "weakened"
				case 1:
					r.requires, want[subject] = r.requires+" | planted", "strengthened"
				case 2:
					r.requires, want[subject] = "planted", "incomparable"
				case 3:
					r.requires, want[subject] = "public", "strengthened"
				}
			}
			if changes, _, _ := compare(); !maps.Equal(changes, want) {
				t.Errorf("with ten rows edited: got %v, want %v", slices.Sorted(maps.Keys(changes)), slices.Sorted(maps.Keys(want)))
			}
		})
	}
}
