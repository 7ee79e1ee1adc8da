package catalogs

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
)

func mustParse(t testing.TB, text string) *Catalog {
	t.Helper()
	c, err := Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open leaves out what the catalog answers itself.
func open(lints []Lint) []Lint {
	return slices.DeleteFunc(slices.Clone(lints), func(l Lint) bool { return l.Odd != "" })
}

// short writes lints as "rule: subject".
func short(lints []Lint) []string {
	var out []string
	for _, l := range lints {
		out = append(out, l.Rule+": "+l.Subject)
	}
	slices.Sort(out)
	return out
}

func TestLint(t *testing.T) {
	fired := map[string]bool{}
	for _, tt := range []struct {
		name  string
		perms string // separated by commas; with a colon and a space: as in the file
		rows  string // separated by newlines
		want  []string
	}{
		// list-get-differ
		{"list asks for another entity", "Note:READ, Role:READ", "GET /p: Role:READ\nGET /p/{id}: Note:READ",
			[]string{"list-get-differ: GET /p"}},
		{"list with a slash asks for another entity", "Note:READ, Role:READ", "GET /p/: Role:READ\nGET /p/{id}: Note:READ",
			[]string{"list-get-differ: GET /p/"}},
		{"list and get are two rights of one entity", "notes.list, notes.get", "GET /p: notes.list\nGET /p/{id}: notes.get", nil},
		{"list and get have one entity in common", "a.read, b.read", "GET /p: a.read & b.read\nGET /p/{id}: b.read", nil},
		{"list of unknown requirement", "a.read", "GET /p: unknown\nGET /p/{id}: a.read", nil},
		{"list for everybody", "a.read", "GET /p: public\nGET /p/{id}: a.read", nil},
		{"create and get", "a.create, b.read", "POST /p: a.create\nGET /p/{id}: b.read", nil},
		{"list and get for administrators too", "admin, a.read, b.read", "GET /p: a.read | admin\nGET /p/{id}: admin | b.read",
			[]string{"list-get-differ: GET /p"}},
		{"list for an administrator", "admin, b.read", "GET /p: admin\nGET /p/{id}: b.read", nil},

		// cross-entity
		{"path names another entity", "Position:READ, Profile:READ",
			"GET /positions/{id}: Position:READ\nGET /positions/{id}/matches: Profile:READ",
			[]string{"cross-entity: GET /positions/{id}/matches"}},
		{"path names the entity last", "Position:READ, Profile:READ",
			"GET /positions/{id}: Position:READ\nGET /positions/{id}/profiles: Profile:READ", nil},
		{"path names the entity first", "Position:READ, Profile:READ",
			"GET /profiles/{id}: Profile:READ\nGET /positions/{id}/profiles: Position:READ", nil},
		{"the area that is read is called admin", "read:admin, write:admin, read:user",
			"GET /users/{id}: read:user\nGET /admin/users: read:admin\nPOST /admin/users: write:admin", nil},
		{"path names the whole, row asks for a part", "Profile:READ, Profile:Note:READ",
			"GET /profiles/{id}: Profile:READ\nGET /profiles/{id}/remarks: Profile:Note:READ", nil},
		{"path has a word of the entity", "aws_configuration_read, integrations_read",
			"GET /integrations: integrations_read\nGET /integrations/aws: aws_configuration_read", nil},
		{"path names several, row asks for one of two", "a.read, bees.read", "GET /bees/{id}: a.read | bees.read\nPOST /a: unknown", nil},
		{"the odd one of a section", "Demand:READ, Booking:READ",
			"Things:\n    GET /a: Demand:READ\n    GET /b: Demand:READ\n    GET /c: Demand:READ\n    GET /d: Booking:READ",
			[]string{"cross-entity: GET /d"}},
		{"the odd one below a path", "Demand:READ, Booking:READ, Demand:WRITE",
			"GET /x/{id}: Demand:READ\nPATCH /x/{id}: Demand:WRITE\nGET /x: Demand:READ\nGET /x/last: Booking:READ",
			[]string{"cross-entity: GET /x/last"}},
		{"a mixed section", "Demand:READ, Booking:READ",
			"Things:\n    GET /a: Demand:READ\n    GET /b: Demand:READ\n    GET /c: Booking:READ\n    GET /d: Booking:READ", nil},
		{"two siblings are no rule", "Demand:READ, Booking:READ",
			"Things:\n    GET /a: Demand:READ\n    GET /b: Demand:READ\n    GET /d: Booking:READ", nil},
		{"the odd one is named by its path", "Demand:READ, Booking:READ",
			"Things:\n    GET /a: Demand:READ\n    GET /b: Demand:READ\n    GET /c: Demand:READ\n    GET /bookings: Booking:READ", nil},

		// write-on-read
		{"GET asks for write", "a.read, a.write", "GET /x: a.write\nGET /y: a.read", []string{"write-on-read: GET /x"}},
		{"POST that reads asks for write", "a.write", "POST /x: {requires: a.write, effect: read}", []string{"write-on-read: POST /x"}},
		{"GET asks for read and write", "a.read, a.write", "GET /x: a.read & a.write", []string{"write-on-read: GET /x"}},
		{"GET asks for write, or an administrator", "a.write, admin", "GET /x: a.write | admin", []string{"write-on-read: GET /x"}},
		{"GET for administrators", "admin", "GET /x: admin", nil},
		{"GET is open to writers too", "a.read, a.write", "GET /x: a.read | a.write", nil},
		{"GET that writes", "a.write", "GET /x: {requires: a.write, effect: write}", nil},
		{"GET asks for a right to manage", "a.manage", "GET /x: a.manage", nil},

		// read-on-write
		{"DELETE asks for read", "a.read, a.write", "DELETE /x: a.read\nPUT /x: a.write", []string{"read-on-write: DELETE /x"}},
		{"every method asks for read", "a.read", "ANY /x: a.read", []string{"read-on-write: ANY /x"}},
		{"POST is open to readers too", "a.read, a.write", "POST /x: a.read | a.write", []string{"read-on-write: POST /x"}},
		{"POST that reads", "a.read", "POST /x: {requires: a.read, effect: read}", nil},
		{"POST asks for both", "a.read, a.write", "POST /x: a.read & a.write", nil},
		{"POST asks for something else", "a.execute", "POST /x: a.execute", nil},
		{"POST for any key", "a.read", "POST /x: authenticated\nGET /x: a.read", nil},

		// overlapping-templates
		{"neither is more specific", "a.read, b.read", "GET /p/{x}/m: a.read\nGET /p/s/{y}: b.read",
			[]string{"overlapping-templates: GET /p/s/{y}"}},
		{"neither is more specific, any method", "a.run, b.run", "ANY /p/{x}/m: a.run\nPOST /p/s/{y}: b.run",
			[]string{"overlapping-templates: POST /p/s/{y}"}},
		{"neither tail is more specific", "a.read, b.read", "GET /p/{x}/m: a.read\nGET /p/s/{y...}: b.read",
			[]string{"overlapping-templates: GET /p/s/{y...}"}},
		{"neither is more specific, parts of segments", "a.read, b.read", "GET /p/{x}.json: a.read\nGET /p/v{y}: b.read",
			[]string{"overlapping-templates: GET /p/v{y}"}},
		{"neither is more specific, one unknown", "a.read", "GET /p/{x}/m: a.read\nGET /p/s/{y}: unknown",
			[]string{"overlapping-templates: GET /p/s/{y}"}},
		{"a literal beside a parameter", "a.read, b.read", "GET /p/{x}: a.read\nGET /p/me: b.read", nil},
		{"a tail around everything", "a.read, b.read", "GET /{x...}: a.read\nGET /p/me: b.read", nil},
		{"other methods", "a.read, a.write", "GET /p/{x}/m: a.read\nPUT /p/s/{y}: a.write", nil},
		{"the same requirement", "a.read", "GET /p/{x}/m: a.read\nGET /p/s/{y}: a.read", nil},
		{"both unknown", "a.read", "GET /p/{x}/m: unknown\nGET /p/s/{y}: unknown\nGET /a: a.read", nil},

		// near-miss-permission
		{"plural", "position:read, positions:write", "GET /x: position:read\nPUT /x: positions:write",
			[]string{"near-miss-permission: positions:write"}},
		{"case and separator", "Ats Position:READ, ats_position:WRITE", "GET /x: Ats Position:READ\nPUT /x: ats_position:WRITE",
			[]string{"near-miss-permission: ats_position:WRITE"}},
		{"two separators", "users:read, users.read", "GET /x: users:read\nGET /y: users.read",
			[]string{"near-miss-permission: users.read"}},
		{"a slip", "organisation.read, organization.write", "GET /x: organisation.read\nPUT /x: organization.write",
			[]string{"near-miss-permission: organization.write"}},
		{"two slips", "authorisation-server.read, authorzation-server.write", "GET /x: authorisation-server.read\nPUT /x: authorzation-server.write",
			[]string{"near-miss-permission: authorzation-server.write"}},
		{"short words", "roles.read, rules.read", "GET /x: roles.read\nGET /y: rules.read", nil},
		{"numbers", "dashboards1.read, dashboards2.read", "GET /x: dashboards1.read\nGET /y: dashboards2.read", nil},
		{"opposites", "deactivation.read, reactivation.read", "GET /x: deactivation.read\nGET /y: reactivation.read", nil},
		{"an alias is no near miss", `"Ats Position:WRITE": {aliases: ["ats_position:WRITE"]}`, "PUT /x: Ats Position:WRITE", nil},

		// split-entity
		{"two halves", "Application:WRITE, Profile:Application:READ", "PUT /x: Application:WRITE\nGET /x: Profile:Application:READ",
			[]string{"split-entity: Application:WRITE"}},
		{"two wholes", "app:WRITE, app:READ, my:app:READ, my:app:WRITE",
			"PUT /a: app:WRITE\nGET /a: app:READ\nPUT /b: my:app:WRITE\nGET /b: my:app:READ", nil},

		// near-miss-path
		{"singular beside plural", "a.read", "GET /positions/{id}: a.read\nGET /positions: a.read\nGET /position/{id}/x: a.read",
			[]string{"near-miss-path: GET /position/{id}/x"}},
		{"case in a path", "a.read", "GET /userGroups: a.read\nGET /usergroups/{id}: a.read\nGET /userGroups/all: a.read",
			[]string{"near-miss-path: GET /usergroups/{id}"}},
		{"one user and all users", "a.read", "GET /user: a.read\nGET /users: a.read\nGET /users/{id}: a.read", nil},
		{"versions", "a.read", "GET /v1/{id}: a.read\nGET /v2/{id}: a.read", nil},
		{"other places", "a.read", "GET /positions/{id}: a.read\nGET /jobs/position/{id}: a.read", nil},

		// trailing-slash
		{"a twin with a slash", "a.read, a.create", "GET /x: a.read\nGET /y: a.read\nPOST /x/: a.create", []string{"trailing-slash: POST /x/"}},
		{"a twin without a slash", "a.read, a.create", "GET /x/: a.read\nGET /y/: a.read\nPOST /x: a.create", []string{"trailing-slash: POST /x"}},
		{"the root", "a.read", "GET /: a.read\nGET /x: a.read", nil},
		{"half and half", "a.read", "GET /x/: a.read\nGET /y: a.read", nil},

		// mixed-path-style
		{"one underscore", "a.read", "GET /a-a: a.read\nGET /b-b: a.read\nGET /c-c: a.read\nGET /d-d: a.read\nGET /e-e: a.read\n" +
			"GET /f-f: a.read\nGET /g-g: a.read\nGET /h-h: a.read\nGET /i-i: a.read\nGET /j-j: a.read\nGET /k_k: a.read\nGET /k_k/{id}: a.read",
			[]string{"mixed-path-style: GET /k_k"}},
		{"some of both", "a.read", "GET /a-a: a.read\nGET /b-b: a.read\nGET /c-c: a.read\nGET /d-d: a.read\nGET /k_k: a.read", nil},

		// path-elsewhere, which the catalog answers where it says it
		{"another path in a source", "a.read", `GET /x: {requires: a.read, also: {live: /core/x}}`, nil},

		// unused-permission
		{"governs nothing", "a.read, b.read", "GET /x: a.read", []string{"unused-permission: b.read"}},
		{"endpoints unknown", "b.read: {endpoints: unknown}", "GET /x: unknown", nil},
		{"implies others", `all: {implies: "a.*"}, a.read`, "GET /x: a.read", nil},

		// odd-unneeded
		{"a reason for nothing", "a.read", `GET /x: {requires: a.read, odd: "why not"}`, []string{"odd-unneeded: GET /x"}},
		{"a reason for no permission", `a.read: {odd: "why not"}`, `GET /x: a.read`, []string{"odd-unneeded: a.read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := "permcheck: catalog/1\nname: test\nsources: {live: https://example.com}\npermissions:\n"
			for _, p := range strings.Split(tt.perms, ", ") {
				switch {
				case strings.Contains(p, ": "):
				case strings.Contains(p, "\""):
					p += ":"
				default:
					p = fmt.Sprintf("%q:", p)
				}
				text += "  " + p + "\n"
			}
			text += "endpoints:\n"
			for _, r := range strings.Split(tt.rows, "\n") {
				text += "  " + r + "\n"
			}
			c := mustParse(t, text)
			var got []string
			for _, s := range short(open(c.Lint())) {
				got = append(got, strings.Replace(s, ": * ", ": ANY ", 1))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q\n%s", got, tt.want, text)
			}
			for _, l := range c.Lint() {
				fired[l.Rule] = true
				if !slices.Contains(LintRules, l.Rule) || !l.Pos.IsValid() || l.Message == "" {
					t.Errorf("lint: %+v", l)
				}
			}
		})
	}
	for _, rule := range LintRules {
		if !fired[rule] {
			t.Errorf("no example makes rule %s speak", rule)
		}
	}
}

func TestLintOddAcknowledges(t *testing.T) {
	c := mustParse(t, `permcheck: catalog/1
name: test
permissions:
  a.read: {}
  b.read: {odd: "for later"}
endpoints:
  PUT /x: {requires: a.read, odd: "a dry run"}
`)
	got := c.Lint()
	if len(got) != 2 || got[0].Odd != "for later" || got[0].Rule != LintUnused || got[1].Odd != "a dry run" || got[1].Rule != LintReadOnWrite {
		t.Errorf("%+v", got)
	}
}

// What a catalog states besides is an answer too: it is kept, and told with its reason.
func TestLintAnswered(t *testing.T) {
	c := mustParse(t, `permcheck: catalog/1
name: test
sources: {table: https://example.com/table, live: https://example.com/live}
default: {source: table, evidence: documented}
permissions:
  A Thing:READ: {aliases: ["a_thing:READ", "reader"]}
  B:READ: {}
endpoints:
  POST /x/fetch: {requires: B:READ, effect: read}
  GET /x: {requires: A Thing:READ, also: {live: /core/x}}
  GET /x/{id}: {requires: A Thing:READ, also: {live: "/core/x/{id}"}}
  GET /y_y: {requires: B:READ, also: {live: /core/y-y}, odd: "nobody knows"}
`)
	var got []string
	for _, l := range c.Lint() {
		got = append(got, fmt.Sprintf("%s %s: %s. %s; %s, %s", l.Rule, l.Subject, l.Message, l.Odd, l.Source, l.Evidence))
	}
	want := []string{
		"near-miss-permission A Thing:READ: is spelled a_thing:READ too. aliases: lists both spellings; table, documented",
		"read-on-write POST /x/fetch: is a POST that is open to keys that may only read: B:READ. effect: read says that it changes nothing; table, documented",
		"path-elsewhere GET /x: is /core/x in https://example.com/live (2 rows differ alike). also: names both paths; table, documented",
		"path-elsewhere GET /y_y: is /core/y-y in https://example.com/live. nobody knows; table, documented",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Catalogs of ordinary APIs in several styles give no lint at all.
func TestLintCleanCatalogs(t *testing.T) {
	files, err := filepath.Glob("testdata/lint/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		c, err := Load(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range open(c.Lint()) {
			t.Errorf("%s: %s: %s %s", l.Pos, l.Rule, l.Subject, l.Message)
		}
	}
}

func TestLintVendorsAreAcknowledged(t *testing.T) {
	for _, name := range Vendors() {
		for _, l := range loadVendor(t, name).Lint() {
			if l.Odd == "" {
				t.Errorf("%s: %s: %s %s", l.Pos, l.Rule, l.Subject, l.Message)
			}
		}
	}
}

// withoutOdd returns the catalog as somebody would have typed it from the vendor's
// table, with nothing acknowledged.
func withoutOdd(c *Catalog) *Catalog {
	for i := range c.Endpoints {
		c.Endpoints[i].Odd = ""
	}
	for i := range c.Permissions {
		c.Permissions[i].Odd = ""
	}
	return c
}

// The Eightfold guide is inconsistent in known places. These are the ones that its table
// shows, and its examples and the OpenAPI document beside it, with what is wrong; the others
// need more: that entities are named unlike the resources they cover (T3s, Resource Management), that
// resources lack a list or a delete, and how rows are labelled. GET
// /position/{positionId}/applicants answers with profiles, which only its
// description says; lint sees its spelling.
func TestLintEightfold(t *testing.T) {
	want := []string{
		"near-miss-path: GET /api/v2/position/{positionId}/applicants",                   // position in the singular
		"cross-entity: GET /api/v2/positions/{positionId}/matched-candidates",            // asks for what it answers with
		"cross-entity: GET /api/v2/profiles/{profileId}/matched-positions",               // likewise
		"list-get-differ: GET /api/v2/profile-notes",                                     // asks for Profile:Role:READ
		"list-get-differ: GET /api/v2/profile-tags",                                      // likewise
		"split-entity: Application:WRITE",                                                // read as Profile:Application
		"trailing-slash: PATCH /api/v2/career-planner/{userEmail}/roles/",                // its GET has none
		"mixed-path-style: GET /api/v2/succession_plans/{positionId}",                    // the one underscore
		"cross-entity: GET /api/v2/career-planner/{userEmail}/skills/skill-gap-analysis", // asks for the role
		"overlapping-templates: GET /api/v2/profiles/suggest-skills/{profileSection}",    // and matched-positions
		"near-miss-permission: Ats Position:WRITE",                                       // ats_position:WRITE in the examples
		"path-elsewhere: GET /api/v2/ats-systems/{systemId}/ats-positions/{atsPositionId}",
		"path-elsewhere: GET /api/v2/positions/{positionId}",
		"path-elsewhere: GET /api/v2/profiles/suggest-skills/{profileSection}",
		"path-elsewhere: GET /api/v2/succession_plans/{positionId}/recommended-successors",
		"path-elsewhere: GET /api/v2/ext-systems/resourcing/ext-demands/{extDemandId}",
	}
	c := withoutOdd(loadVendor(t, "eightfold"))
	n := 0 // ten rows are POST and ask for READ
	for i := range c.Endpoints {
		if strings.HasSuffix(c.Endpoints[i].Path, "/batch-fetch") {
			want = append(want, LintReadOnWrite+": "+c.Endpoints[i].String())
			n++
		}
	}
	slices.Sort(want)
	if got := short(c.Lint()); n != 10 || !slices.Equal(got, want) {
		t.Errorf("%d batch fetches, got\n%s\nwant\n%s", n, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// Without their effect, lint asks about the ten, and nothing answers.
	for i := range c.Endpoints {
		c.Endpoints[i].Effect = ""
	}
	asked := 0
	for _, l := range open(c.Lint()) {
		if l.Rule == LintReadOnWrite {
			asked++
		}
	}
	if asked != 10 || !slices.Equal(short(c.Lint()), want) {
		t.Errorf("asks about %d batch fetches", asked)
	}

	// The second spelling of the examples, had it been typed as a permission of its own.
	for i := range c.Permissions {
		if p := &c.Permissions[i]; p.ID == "Ats Position:WRITE" {
			p.ID, p.Aliases = p.Aliases[0], nil
		}
	}
	if got := short(c.Lint()); !slices.Contains(got, LintNearPermission+": ats_position:WRITE") {
		t.Errorf("two spellings: %q", got)
	}
}

func TestLintComeetAndPersonio(t *testing.T) {
	for name, want := range map[string][]string{
		"comeet": {
			"near-miss-path: PATCH /position/{uid}",
			"trailing-slash: POST /openings/",
			"trailing-slash: POST /positions/",
			"unused-permission: candidates.disposition",
			"unused-permission: candidates.interviewers",
		},
		"personio": nil,
	} {
		if got := short(open(withoutOdd(loadVendor(t, name)).Lint())); !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Witnesses have rows without a requirement, without a position and with paths that
// are no templates.
func TestLintWitness(t *testing.T) {
	a := perm.MustParse("a.read")
	c := &Catalog{Endpoints: []Endpoint{
		{Method: "GET", Path: "/x/{id}"},
		{Method: "GET", Path: "/x", Requires: &a},
		{Method: "GET", Path: "/x/{", Requires: &a},
		{Method: "PUT", Path: "no path", Requires: &a},
	}}
	if got := short(c.Lint()); !slices.Equal(got, []string{"read-on-write: PUT no path"}) {
		t.Errorf("%q", got)
	}
}

// ambiguous is held against all short paths over a small alphabet.
func TestAmbiguousAgainstPaths(t *testing.T) {
	var segs []string
	for _, s := range []string{"a", "ab", "{x}", "a{x}", "{x}b"} {
		segs = append(segs, "/"+s)
	}
	templates := slices.Clone(segs)
	for _, s := range segs {
		for _, u := range append([]string{"/", "/{r...}"}, segs...) {
			templates = append(templates, s+u)
		}
	}
	templates = append(templates, "/{r...}")
	parts := []string{"", "a", "b", "ab", "aa", "bb", "c", "aab", "abb", "acb", "ac", "cb"}
	var paths []string
	for _, p := range parts {
		paths = append(paths, "/"+p)
		for _, q := range parts {
			paths = append(paths, "/"+p+"/"+q)
			paths = append(paths, "/"+p+"/"+q+"/a")
		}
	}
	parsed := make([]Template, len(templates))
	matches := make([][]bool, len(templates))
	for i, s := range templates {
		var err error
		if parsed[i], err = ParseTemplate(s); err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			matches[i] = append(matches[i], parsed[i].Match(p))
		}
	}
	for i := range parsed {
		for j := range parsed {
			both, onlyI, onlyJ := false, false, false
			for k := range paths {
				both = both || matches[i][k] && matches[j][k]
				onlyI = onlyI || matches[i][k] && !matches[j][k]
				onlyJ = onlyJ || !matches[i][k] && matches[j][k]
			}
			want := both && onlyI && onlyJ
			if got := ambiguous(parsed[i], parsed[j]); got != want {
				t.Errorf("ambiguous(%s, %s) = %v, by paths %v", templates[i], templates[j], got, want)
			}
			if !want {
				continue
			}
			if path, ok := commonPath(parsed[i], parsed[j]); !ok {
				t.Errorf("%s, %s: no example, tried %s", templates[i], templates[j], path)
			}
		}
	}
}

func TestReadName(t *testing.T) {
	for id, want := range map[string]struct {
		entity string
		raw    string
		act    action
	}{
		"Profile:Notes:READ":    {"profile:note", "Profile:Notes", read},
		"Ats Position:WRITE":    {"ats position", "Ats Position", write},
		"reports.custom:read":   {"report:custom", "reports:custom", read},
		"read:users":            {"user", "users", read},
		"read:post":             {"post", "post", read},
		"list:write":            {"list", "list", write},
		"candidates.own":        {"candidate", "candidates", otherAction},
		"positions.clone":       {"position", "positions", otherAction},
		"read_users":            {"user", "users", read},
		"api_keys_delete":       {"api key", "api_keys", write},
		"ViewPatientRecords":    {"patient record", "PatientRecords", read},
		"okta.appGrants.manage": {"okta:app grant", "okta:appGrants", otherAction},
		"Billing":               {"billing", "Billing", otherAction},
		"READ":                  {"", "", read},
		"admin":                 {"", "admin", otherAction},
		"SUPER_ADMIN":           {"", "SUPER_ADMIN", otherAction},
		"MustUser":              {"", "MustUser", otherAction},
		"view user":             {"user", "user", read},
		"":                      {"", "", otherAction},
		"::":                    {"", "::", otherAction},
		"статьи:read":           {"статьи", "статьи", read},
	} {
		n := readName(id)
		if n.entity.key() != want.entity || n.raw != want.raw || n.action != want.act {
			t.Errorf("%q: %q, %q, %v; want %+v", id, n.entity.key(), n.raw, n.action, want)
		}
	}
}

func TestSingular(t *testing.T) {
	for w, want := range map[string]string{
		"positions": "position", "categories": "category", "addresses": "address", "boxes": "box",
		"batches": "batch", "status": "status", "analysis": "analysis", "access": "access", "bus": "bus", "gas": "gas", "ids": "ids",
	} {
		if got := singular(w); got != want {
			t.Errorf("singular(%q) = %q, want %q", w, got, want)
		}
	}
}

func FuzzLint(f *testing.F) {
	f.Add("a:read", "b write", "GET", "/x/{id}/y", "/x/y/{z...}", "a:read | b write")
	f.Add("Ats Position:READ", "ats_position:WRITE", "*", "/", "//", "public")
	f.Add("organisation", "organization", "POST", "/organisation_a/", "/organization-a", "unknown")
	f.Add("", "::", "", "no path", "/{", "nobody")
	f.Fuzz(func(t *testing.T, p, q, method, path, path2, req string) {
		r, err := perm.Parse(req)
		if err != nil {
			r = perm.Any(perm.Permission(p))
		}
		s := perm.Any(perm.Permission(q))
		c := &Catalog{
			Permissions: []Permission{{ID: perm.Permission(p)}, {ID: perm.Permission(q), Odd: "x"}},
			Endpoints:   []Endpoint{{Method: method, Path: path, Requires: &r}, {Method: "GET", Path: path2, Requires: &s, Odd: "x"}, {Method: "GET", Path: path}},
		}
		first := fmt.Sprint(c.Lint())
		if again := fmt.Sprint(c.Lint()); again != first {
			t.Errorf("two answers:\n%s\n%s", first, again)
		}
		for _, l := range c.Lint() {
			if !slices.Contains(LintRules, l.Rule) {
				t.Errorf("rule %q", l.Rule)
			}
		}
	})
}

// bigCatalog has n rows for n/5 resources.
func bigCatalog(n int) *Catalog {
	c := &Catalog{}
	for i := range n / 5 {
		name := fmt.Sprintf("resource-%c%c%c-entities", 'a'+i/676%26, 'a'+i/26%26, 'a'+i%26)
		rd, wr := perm.Permission(name+":read"), perm.Permission(name+":write")
		r, w := perm.Any(rd), perm.Any(wr)
		c.Permissions = append(c.Permissions, Permission{ID: rd}, Permission{ID: wr})
		for _, e := range []Endpoint{
			{Method: "GET", Path: "/api/v1/" + name, Requires: &r},
			{Method: "POST", Path: "/api/v1/" + name, Requires: &w},
			{Method: "GET", Path: "/api/v1/" + name + "/{id}", Requires: &r},
			{Method: "PUT", Path: "/api/v1/" + name + "/{id}", Requires: &w},
			{Method: "GET", Path: fmt.Sprintf("/api/{version}/things/%s/%d", name, i), Requires: &r},
		} {
			e.Pos = Pos{File: "big.yaml", Line: len(c.Endpoints) + 1, Column: 3}
			c.Endpoints = append(c.Endpoints, e)
		}
	}
	return c
}

func BenchmarkLint5000(b *testing.B) {
	c := bigCatalog(5000)
	for b.Loop() {
		c.Lint()
	}
}
