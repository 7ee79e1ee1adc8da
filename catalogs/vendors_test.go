package catalogs

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// The tables under testdata/vendors were transcribed from the vendors' pages on
// their own; these tests read them without any code of this package and hold the
// embedded catalogs against every row, both ways.

func readTable(t *testing.T, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "vendors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, rec := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = rec[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func loadVendor(t *testing.T, name string) *Catalog {
	t.Helper()
	c, err := Load(VendorPrefix + name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// byText indexes a catalog's endpoints by "METHOD /path" as they are spelled.
func byText(t *testing.T, c *Catalog) map[string]*Endpoint {
	t.Helper()
	m := map[string]*Endpoint{}
	for i := range c.Endpoints {
		m[c.Endpoints[i].String()] = &c.Endpoints[i]
	}
	if len(m) != len(c.Endpoints) {
		t.Errorf("%d endpoints, %d spellings", len(c.Endpoints), len(m))
	}
	return m
}

func TestVendorsAreCanonical(t *testing.T) {
	for _, name := range Vendors() {
		data, err := vendorFiles.ReadFile("vendors/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if first := "# yaml-language-server: $schema=../schema/catalog-1.schema.json\n"; !strings.HasPrefix(string(data), first) {
			t.Errorf("%s does not begin with %q", name, first)
		}
		if got, err := Format(name, data); err != nil || string(got) != string(data) {
			t.Errorf("%s is not in canonical form (permcheck catalog fmt): %v", name, err)
		}
	}
}

func TestVendorsNameTheirSources(t *testing.T) {
	for _, name := range Vendors() {
		c := loadVendor(t, name)
		if c.Name != name {
			t.Errorf("%s is named %q", name, c.Name)
		}
		if c.Browsers == "" && name != "eightfold" { // the guide does not mention browsers
			t.Errorf("%s: nothing said about browsers", name)
		}
		for i := range c.Endpoints {
			e := &c.Endpoints[i]
			if c.Sources[e.Source] == "" || e.Evidence == "" {
				t.Errorf("%s: %s: source %q, evidence %q", name, e, e.Source, e.Evidence)
			}
			// Nothing can be documented of a requirement that is unknown.
			if e.Requires.IsUnknown() && e.Evidence != "unknown" && e.Evidence != "third-party" {
				t.Errorf("%s: %s is unknown with evidence %s", name, e, e.Evidence)
			}
			if !e.Requires.IsUnknown() && e.Evidence == "unknown" {
				t.Errorf("%s: %s has a requirement without evidence", name, e)
			}
		}
		for i := range c.Permissions {
			if p := &c.Permissions[i]; c.Sources[p.Source] == "" || p.Evidence == "" {
				t.Errorf("%s: %s: source %q, evidence %q", name, p.ID, p.Source, p.Evidence)
			}
		}
	}
}

// also: of a row is what the second table says of its path, and nothing where that says nothing.
func TestEightfoldPaths(t *testing.T) {
	have := byText(t, loadVendor(t, "eightfold"))
	rows, known := readTable(t, "eightfold_path_variants.csv"), 0
	for _, row := range rows {
		e := have[row["method"]+" "+row["seed_path"]]
		if e == nil {
			t.Fatalf("no row %s %s", row["method"], row["seed_path"])
		}
		var want []AlsoAt
		if path := row["openapi_path"]; path != "" {
			known++
			want = []AlsoAt{{Source: "openapi", Path: path}}
			if strings.Contains(row["evidence"], "same document") {
				want[0].Source = "guide"
			}
		}
		if !slices.Equal(e.Also, want) {
			t.Errorf("%s: %v, the table says %v", e, e.Also, want)
		}
	}
	if len(rows) != 88 || known != 42 {
		t.Errorf("%d rows, %d known", len(rows), known)
	}
}

func TestEightfoldTable(t *testing.T) {
	c := loadVendor(t, "eightfold")
	rows := readTable(t, "eightfold_endpoints.csv")
	have := byText(t, c)
	if len(rows) != 88 || len(have) != 88 {
		t.Fatalf("table %d rows, catalog %d, want 88", len(rows), len(have))
	}
	named := map[string]bool{}
	scopes := map[string]int{}
	for i, row := range rows {
		key := row["method"] + " " + row["path"]
		e := have[key]
		if e == nil {
			t.Errorf("%s is missing", key)
			continue
		}
		delete(have, key)
		want := row["permission"]
		named[want] = true
		_, scope, _ := cutLast(want, ":")
		scopes[scope]++
		if got := e.Requires.String(); got != want {
			t.Errorf("%s requires %s, the table says %s", key, got, want)
		}
		if e.Section != row["section"] {
			t.Errorf("%s is in section %q, the table says %q", key, e.Section, row["section"])
		}
		if c.Endpoints[i].String() != key {
			t.Errorf("row %d is %s, the table has %s there", i, &c.Endpoints[i], key)
		}
		// The table has no other statement of what a call does.
		if reads := scope == "READ"; e.Reads() != reads {
			t.Errorf("%s with scope %s: Reads() = %v", key, scope, e.Reads())
		}
		if (e.Effect != "") != (row["method"] == "POST" && scope == "READ") {
			t.Errorf("%s: effect %q", key, e.Effect)
		}
	}
	for key := range have {
		t.Errorf("%s is not in the table", key)
	}
	if scopes["READ"] != 49 || scopes["WRITE"] != 39 || len(named) != 24 {
		t.Errorf("%d READ, %d WRITE, %d permissions; want 49, 39, 24", scopes["READ"], scopes["WRITE"], len(named))
	}

	// Besides the permissions of the table the catalog has the two global toggles,
	// and each opens exactly the rows of its scope.
	for _, id := range c.Universe() {
		if !named[string(id)] && id != "READ" && id != "WRITE" {
			t.Errorf("permission %s is not in the table", id)
		}
	}
	if n := len(c.Permissions); n != 26 {
		t.Errorf("%d permissions, want 24 and two toggles", n)
	}
	im := c.Implications()
	for _, toggle := range []perm.Permission{"READ", "WRITE"} {
		for i := range c.Endpoints {
			e := &c.Endpoints[i]
			want := strings.HasSuffix(e.Requires.String(), ":"+string(toggle))
			if got := im.Admits(*e.Requires, perm.NewSet(toggle)); got != want {
				t.Errorf("%s toggle opens %s: %v, want %v", toggle, e, got, want)
			}
		}
	}
	if id, ok := c.Canonical("ats_position:WRITE"); !ok || id != "Ats Position:WRITE" {
		t.Errorf("the guide's second spelling is %q, %v", id, ok)
	}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// comeetUnnamed are the field permissions whose fields no page names.
var comeetUnnamed = map[string]string{
	"Candidates: Include details of step's interviewers / assignees in candidate object": "the steps are documented, the field inside them is not",
	"Candidates: Read candidate disposition info":                                        "no page shows a disposition field",
}

func TestComeetPermissions(t *testing.T) {
	c := loadVendor(t, "comeet")
	rows := readTable(t, "comeet_permissions.csv")
	if len(rows) != 25 || len(c.Permissions) != 25 {
		t.Fatalf("table %d permissions, catalog %d, want 25", len(rows), len(c.Permissions))
	}

	endpoints, fields, records := map[perm.Permission][]string{}, map[perm.Permission][]string{}, map[perm.Permission][]string{}
	for i := range c.Endpoints {
		for _, p := range c.Endpoints[i].Requires.Permissions() {
			endpoints[p] = append(endpoints[p], c.Endpoints[i].String())
		}
	}
	for _, f := range c.Fields {
		if f.Requires.IsUnknown() || len(f.Requires.Permissions()) != 1 {
			t.Errorf("field %s.%s requires %s", f.Object, f.Name, f.Requires)
			continue
		}
		p := f.Requires.Permissions()[0]
		fields[p] = append(fields[p], f.Object+"."+f.Name)
	}
	for _, r := range c.Records {
		for _, g := range r.Grants {
			records[perm.Permission(g.Name)] = append(records[perm.Permission(g.Name)], r.Object)
		}
	}

	endpointKey := regexp.MustCompile(`(GET|POST|PUT|PATCH|DELETE) (/[^ ;]*)`)
	fieldName := regexp.MustCompile(`^([a-z]+\.[a-z_.]+)(?:\[\])?(?: ?\{([^}]*)\})?`)
	kinds := map[string]int{}
	for i, row := range rows {
		p := &c.Permissions[i] // the order of the vendor's list
		label := row["permission"]
		if p.Label != label {
			t.Errorf("permission %d is labelled %q, the table says %q", i+1, p.Label, label)
			continue
		}
		var wantEndpoints []string
		for _, m := range endpointKey.FindAllStringSubmatch(row["governs_endpoints"], -1) {
			wantEndpoints = append(wantEndpoints, m[1]+" "+m[2])
		}
		kinds[row["kind"]]++
		switch row["kind"] {
		case "endpoint":
			if len(wantEndpoints) == 0 != p.EndpointsUnknown {
				t.Errorf("%s: endpoints unknown is %v, the table says %q", p.ID, p.EndpointsUnknown, row["governs_endpoints"])
			}
			sameStrings(t, p.ID, "endpoints", endpoints[p.ID], wantEndpoints)
			sameStrings(t, p.ID, "fields", fields[p.ID], nil)
			sameStrings(t, p.ID, "records", records[p.ID], nil)
		case "field_include":
			sameStrings(t, p.ID, "endpoints", endpoints[p.ID], nil)
			sameStrings(t, p.ID, "records", records[p.ID], nil)
			if p.EndpointsUnknown {
				t.Errorf("%s includes a field, it has no endpoint to be unknown", p.ID)
			}
			if _, unnamed := comeetUnnamed[label]; unnamed {
				if !strings.Contains(row["governs_fields"], "unknown") || p.Odd == "" {
					t.Errorf("%s: the table says %q, the catalog's reason is %q", p.ID, row["governs_fields"], p.Odd)
				}
				sameStrings(t, p.ID, "fields", fields[p.ID], nil)
				continue
			}
			// A rule stands on the field, or on each of its members where two
			// permissions share it.
			m := fieldName.FindStringSubmatch(row["governs_fields"])
			if m == nil {
				t.Errorf("%s: no field in %q", p.ID, row["governs_fields"])
				continue
			}
			want := []string{m[1]}
			if m[1] == "candidate.source_contact" {
				want = nil
				for _, sub := range strings.Split(m[2], ",") {
					want = append(want, m[1]+"."+sub)
				}
			}
			sameStrings(t, p.ID, "fields", fields[p.ID], want)
		case "record_filter":
			sameStrings(t, p.ID, "endpoints", endpoints[p.ID], wantEndpoints)
			sameStrings(t, p.ID, "fields", fields[p.ID], nil)
			sameStrings(t, p.ID, "records", records[p.ID], []string{"candidate"})
		default:
			t.Errorf("%s: unknown kind %q", p.ID, row["kind"])
		}
	}
	if kinds["endpoint"] != 13 || kinds["field_include"] != 10 || kinds["record_filter"] != 2 {
		t.Errorf("kinds: %v", kinds)
	}
}

func sameStrings(t *testing.T, id perm.Permission, what string, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("%s: %s %q, the table says %q", id, what, got, want)
	}
}

func TestComeetEndpoints(t *testing.T) {
	c := loadVendor(t, "comeet")
	label := map[string]string{}
	for i := range c.Permissions {
		label[c.Permissions[i].Label] = string(c.Permissions[i].ID)
	}
	have := byText(t, c)
	pathless := 0
	for _, row := range readTable(t, "comeet_endpoints.csv") {
		if row["path"] == "unknown" {
			pathless++
			continue
		}
		key := row["method"] + " " + row["path"]
		e := have[key]
		if e == nil {
			t.Errorf("%s is missing", key)
			continue
		}
		delete(have, key)
		text, _, _ := strings.Cut(row["permissions"], ";")
		if strings.HasPrefix(text, "unknown") {
			if !e.Requires.IsUnknown() {
				t.Errorf("%s requires %s, the table does not know", key, e.Requires)
			}
			continue
		}
		var ids []perm.Permission
		for _, l := range strings.Split(text, " | ") {
			if label[l] == "" {
				t.Errorf("%s: no permission is labelled %q", key, l)
			}
			ids = append(ids, perm.Permission(label[l]))
		}
		if want := perm.Any(ids...); !e.Requires.Equal(want) {
			t.Errorf("%s requires %s, the table says %s", key, e.Requires, want)
		}
		evidence := "inferred"
		switch {
		case strings.HasPrefix(row["evidence"], "path third-party"):
			evidence = "third-party"
		case row["evidence"] == "endpoint and permission documented":
			evidence = "documented"
		}
		if e.Evidence != evidence {
			t.Errorf("%s has evidence %s, the table says %q", key, e.Evidence, row["evidence"])
		}
	}
	for key := range have {
		t.Errorf("%s is not in the table", key)
	}
	if pathless != 4 { // openings, locations, questionnaires, add message
		t.Errorf("%d rows without a path", pathless)
	}
}

// personioJudged are the rows where the catalog does not simply repeat the table:
// the requirement, and why.
var personioJudged = map[string][2]string{
	"DELETE /v1/company/time-offs/{id}":       {"unknown", "two versions of the help article contradict each other on whether Absences write deletes"},
	"DELETE /v1/company/absence-periods/{id}": {"unknown", "as for time-offs"},
	"POST /v1/auth":                                   {"public", "takes client id and secret, no token"},
	"POST /v2/auth/token":                             {"public", "takes client id and secret, no token"},
	"POST /v2/auth/revoke":                            {"unknown", "the page names no credential, a user reports 401"},
	"POST /v1/recruiting/applications":                {"recruiting:api-key", "a key of its own, which no access right gives"},
	"POST /v1/recruiting/applications/documents":      {"recruiting:api-key", "a key of its own, which no access right gives"},
	"POST /recruiting/applicant":                      {"recruiting:api-key", "a key of its own, which no access right gives"},
	"GET https://{YOUR_COMPANY}.jobs.personio.de/xml": {"", "on another host: not a path of this API"},
}

func TestPersonioTable(t *testing.T) {
	c := loadVendor(t, "personio")
	rows := readTable(t, "personio_endpoints.csv")
	have := byText(t, c)
	if len(rows) != 103 || len(have) != 102 {
		t.Fatalf("table %d rows, catalog %d, want 103 and 102", len(rows), len(have))
	}
	judged := 0
	counts := map[string]int{}
	for _, row := range rows {
		key := row["method"] + " " + row["path"]
		judgement, isJudged := personioJudged[key]
		if isJudged {
			judged++
		}
		e := have[key]
		if e == nil {
			if !isJudged || judgement[0] != "" {
				t.Errorf("%s is missing", key)
			}
			continue
		}
		delete(have, key)

		// What the table says: a scope, with what founds it.
		want, evidence := "unknown", "unknown"
		switch how := row["scope_evidence"]; {
		case isJudged:
			want, evidence = judgement[0], e.Evidence
		case row["oauth_scope"] == "":
			if how != "not stated" && how != "unknown" {
				t.Errorf("%s: no scope, yet evidence %q", key, how)
			}
		case how == "third-party only":
		case how == "documented":
			want, evidence = row["oauth_scope"], "documented"
		case strings.HasPrefix(how, "documented ("): // known from a third party's copy
			want, evidence = row["oauth_scope"], "third-party"
		case strings.HasSuffix(how, "link to endpoint inferred"):
			want, evidence = row["oauth_scope"], "inferred"
			if strings.HasPrefix(row["path"], "/v1/company/custom-reports/reports") {
				evidence = "documented" // the article says what Custom Reports read retrieves
			}
		default:
			t.Errorf("%s: unknown evidence %q", key, how)
		}
		want = strings.ReplaceAll(want, " AND ", " & ")
		if got := e.Requires.String(); got != want {
			t.Errorf("%s requires %s, want %s", key, got, want)
		}
		if e.Evidence != evidence {
			t.Errorf("%s has evidence %s, want %s", key, e.Evidence, evidence)
		}
		counts[e.Evidence]++

		// v1 scopes carry the name of the access right: labels and table agree.
		if strings.HasPrefix(row["path"], "/v1/company/") && !e.Requires.IsUnknown() {
			id := e.Requires.Permissions()[0]
			i := slices.IndexFunc(c.Permissions, func(p Permission) bool { return p.ID == id })
			if right := strings.ReplaceAll(row["access_right"], ":", " "); c.Permissions[i].Label != right {
				t.Errorf("%s: %s is labelled %q, the table's right is %q", key, id, c.Permissions[i].Label, right)
			}
		}
	}
	for key := range have {
		t.Errorf("%s is not in the table", key)
	}
	if judged != len(personioJudged) {
		t.Errorf("%d of %d judged rows are in the table", judged, len(personioJudged))
	}
	if got := fmt.Sprint(counts); got != "map[documented:14 inferred:20 third-party:9 unknown:59]" {
		t.Errorf("rows by evidence: %s", got)
	}
}
