package reference_test

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

// eightfold is a running server of that vendor. Its tests expect what the vendor's pages say,
// which stands in the tables below catalogs/testdata/vendors and here in the tests.
type eightfold struct {
	*fixture
	now time.Time
}

func startEightfold(t *testing.T, opts reference.Options) *eightfold {
	t.Helper()
	c, err := catalogs.Load("vendor:eightfold")
	if err != nil {
		t.Fatal(err)
	}
	e := &eightfold{now: time.Now()}
	opts.Vendor, opts.AdminToken, opts.Now = "eightfold", token, func() time.Time { return e.now }
	srv, err := reference.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	e.fixture = &fixture{t, srv, api.URL, admin.URL}
	return e
}

// switched starts a server with one switch set: NAME=VALUE.
func switched(t *testing.T, text string) *eightfold {
	t.Helper()
	name, value, _ := strings.Cut(text, "=")
	return startEightfold(t, reference.Options{Switches: map[string]string{name: value}})
}

var anyBasic = "Basic " + base64.StdEncoding.EncodeToString([]byte("the region's:own"))

// signIn exchanges a user name and an API key; "" where that is refused.
func (e *eightfold) signIn(user, key string) string {
	e.t.Helper()
	_, body, _ := send(e.t, "POST", e.api+"/oauth/v1/authenticate", fmt.Sprintf(`{"grantType":"password","username":%q,"password":%q}`, user, key), "Authorization", anyBasic)
	data, _ := body["data"].(map[string]any)
	access, _ := data["access_token"].(string)
	return access
}

// holder is the token of a new key.
func (e *eightfold) holder(grants ...perm.Permission) string {
	e.t.Helper()
	access := e.signIn(e.key(grants...))
	if access == "" {
		e.t.Fatal("no token")
	}
	return access
}

func (e *eightfold) status(access, call string) int {
	e.t.Helper()
	method, path, _ := strings.Cut(call, " ")
	body := ""
	if method != "GET" && method != "DELETE" {
		body = "{}"
	}
	status, _, _ := e.call(access, method, path, body)
	return status
}

// within follows a path of names into a JSON value.
func within(v any, names ...string) any {
	for _, name := range names {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func ids(body map[string]any) (out []string) {
	list, _ := body["data"].([]any)
	for _, row := range list {
		out = append(out, fmt.Sprint(within(row, "id")))
	}
	return out
}

// tableRows are the rows of a table under catalogs/testdata/vendors.
func tableRows(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "catalogs", "testdata", "vendors", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows[1:]
}

// concrete fills a template with objects that are there.
func concrete(template string) string {
	return strings.NewReplacer("{positionId}/applicants", "positions-1/applicants", "{positionId}", "positions-1", "{profileId}", "profiles-1", "{atsPositionId}", "ats-positions-1", "{systemId}", "s", "{userEmail}", "a@example.com",
		"{transactionId}", "transactions-1", "{profileFeedbackId}", "profile-feedbacks-1", "{profileNoteId}", "profile-notes-1", "{profileTagId}", "profile-tags-1",
		"{profileApplicationId}", "profile-applications-1", "{demandId}", "demands-1", "{extDemandId}", "ext-demands-1", "{bookingId}", "bookings-1",
		"{extBookingId}", "ext-bookings-1", "{holidayId}", "holidays-1", "{orgUnitId}", "org-units-1", "{commentId}", "comments-1",
		"{profileSection}", "skills", "{roleSection}", "current").Replace(template)
}

// admitted also takes a 404: a write before may have taken the object away.
func admitted(status int) bool { return status == 200 || status == 404 }

// Every row of the guide's table, by each path that is known for it: refused to a key without
// grants and without a token, admitted to exactly the permission of the row.
func TestEightfoldTable(t *testing.T) {
	e := startEightfold(t, reference.Options{})
	rows := tableRows(t, "eightfold_endpoints.csv")
	namespaced := map[string]string{}
	for _, row := range tableRows(t, "eightfold_path_variants.csv") {
		if row[3] != "" {
			namespaced[row[1]+" "+row[2]] = row[3]
		}
	}
	if len(rows) != 88 || len(namespaced) != 42 {
		t.Fatalf("%d rows, %d with a namespace", len(rows), len(namespaced))
	}
	none := e.holder()
	holders := map[string]string{}
	read, write := e.holder("READ"), e.holder("WRITE")
	opened := map[string]int{}
	for _, row := range rows {
		method, template, permission := row[2], row[3], row[4]
		if holders[permission] == "" {
			holders[permission] = e.holder(perm.Permission(permission))
		}
		for _, path := range []string{template, namespaced[method+" "+template]} {
			if path == "" {
				continue
			}
			call := method + " " + concrete(path)
			if s := e.status("", call); s != 401 {
				t.Errorf("%s without a token: %d", call, s)
			}
			if s := e.status(none, call); s != 403 {
				t.Errorf("%s without a grant: %d", call, s)
			}
			if s := e.status(holders[permission], call); !admitted(s) {
				t.Errorf("%s with %s: %d", call, permission, s)
			}
		}
		for name, access := range map[string]string{"READ": read, "WRITE": write} {
			switch s := e.status(access, method+" "+concrete(template)); {
			case admitted(s):
				opened[name]++
				if !strings.HasSuffix(permission, name) {
					t.Errorf("%s opens %s %s", name, method, template)
				}
			case s != 403:
				t.Errorf("%s: %s %s: %d", name, method, template, s)
			}
		}
	}
	if opened["READ"] != 49 || opened["WRITE"] != 39 {
		t.Errorf("the toggles open %v, the guide's table has 49 and 39", opened)
	}
	// The singular path, the slash at the end and the clash of two templates are as they are.
	for call, want := range map[string]int{
		"GET /api/v2/positions/positions-1/applicants":                    404,
		"PATCH /api/v2/career-planner/a@example.com/roles":                404,
		"PATCH /api/v2/career-planner/a@example.com/roles/x":              405,
		"PATCH /api/v2/careerhub/career-planner/a@example.com/roles":      404,
		"GET /api/v2/core/demands":                                        404,
		"GET /api/v2/careerhub/positions":                                 404,
		"GET /api/v2/careerhub/succession_plans/x/recommended-successors": 404,
		"GET /api/v2/succession_plans/positions-1/recommended_successors": 404,
		"POST /api/v2/core/profile-notes":                                 405,
	} {
		if s := e.status(e.holder("READ", "WRITE"), call); s != want {
			t.Errorf("%s: %d, want %d", call, s, want)
		}
	}
	skills, position := e.holder("Profile:Skills:READ"), e.holder("Position:READ")
	for path, want := range map[string][2]int{
		"/api/v2/profiles/suggest-skills/matched-positions":           {200, 403}, // the more concrete one
		"/api/v2/careerhub/profiles/suggest-skills/matched-positions": {200, 403},
		"/api/v2/core/profiles/profiles-2/matched-positions":          {403, 200},
	} {
		if got := [2]int{e.status(skills, "GET "+path), e.status(position, "GET "+path)}; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestEightfoldSignsIn(t *testing.T) {
	e := startEightfold(t, reference.Options{})
	status, made := e.adminCall("POST", "/keys", map[string]any{"name": "sync", "grants": []string{"Position:READ"}, "owner": "admin@example.com"})
	if status != 201 {
		t.Fatal(status, made)
	}
	id, key := made["id"].(string), made["secret"].(string)
	const positions = "GET /api/v2/core/positions"
	for _, user := range []string{id, "sync", "admin@example.com"} {
		if s := e.status(e.signIn(user, key), positions); s != 200 {
			t.Errorf("as %s: %d", user, s)
		}
	}
	for user, key := range map[string]string{"else@example.com": key, "": key, id: key + "x", "sync": ""} {
		if e.signIn(user, key) != "" {
			t.Errorf("signed in as %q with %q", user, key)
		}
	}
	good := fmt.Sprintf(`{"grantType":"password","username":"sync","password":%q}`, key)
	for _, tt := range []struct {
		method, body, basic string
		want                int
	}{
		{"POST", good, anyBasic, 200}, {"POST", good, "", 401}, {"POST", good, "Bearer x", 401}, {"GET", "", anyBasic, 405},
		{"POST", strings.Replace(good, "password", "refresh", 1), anyBasic, 400}, {"POST", "{", anyBasic, 400},
	} {
		headers := []string{}
		if tt.basic != "" {
			headers = []string{"Authorization", tt.basic}
		}
		if s, body, _ := send(t, tt.method, e.api+"/oauth/v1/authenticate", tt.body, headers...); s != tt.want {
			t.Errorf("%s %s with %q: %d %v", tt.method, tt.body, tt.basic, s, body)
		}
	}
	// The key itself is no token, and a token is good for its time and its key only.
	access := e.signIn("sync", key)
	payload, signature, _ := strings.Cut(access, ".")
	for what, bad := range map[string]string{"the key": key, "half a token": payload, "another signature": payload + "." + strings.Repeat("A", len(signature)),
		"longer": access + "A", "another key's": strings.Replace(access, payload[:8], "eyJrZXki", 1)[1:]} {
		if s := e.status(bad, positions); s != 401 {
			t.Errorf("%s: %d", what, s)
		}
	}
	if s, _, _ := send(t, "GET", e.api+"/api/v2/positions", "", "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("sync:"+key))); s != 401 {
		t.Errorf("Basic: %d", s)
	}
	e.now = e.now.Add(8639 * time.Second)
	if s := e.status(access, positions); s != 200 {
		t.Errorf("before it ends: %d", s)
	}
	e.now = e.now.Add(2 * time.Second)
	if s := e.status(access, positions); s != 401 {
		t.Errorf("after it ended: %d", s)
	}
	access = e.signIn("sync", key)
	for _, step := range []struct {
		action string
		want   int
	}{{"disable", 401}, {"enable", 200}, {"rotate", 401}} {
		e.adminCall("POST", "/keys/"+id+"/"+step.action, nil)
		if s := e.status(access, positions); s != step.want {
			t.Errorf("after %s: %d", step.action, s)
		}
	}
	if e.signIn("sync", key) != "" {
		t.Error("a key that was replaced still signs in")
	}
}

// Lists, batches and single objects have the envelopes of the OpenAPI document.
func TestEightfoldEnvelopes(t *testing.T) {
	e := startEightfold(t, reference.Options{Rows: 120})
	all := e.holder("READ", "WRITE")
	get := func(path string) map[string]any {
		t.Helper()
		status, body, header := e.call(all, "GET", path, "")
		if status != 200 || header.Get("X-Total-Count") != "" {
			t.Fatalf("%s: %d %v", path, status, header)
		}
		return body
	}
	page := get("/api/v2/core/positions?start=117&limit=2")
	if got := fmt.Sprint(ids(page), page["meta"]); got != "[positions-118 positions-119] map[pageStartIndex:117 pageTotalCount:2 totalCount:120]" {
		t.Error(got)
	}
	if n := len(ids(get("/api/v2/core/positions"))); n != 120 {
		t.Errorf("%d positions", n)
	}
	if n := len(ids(get("/api/v2/core/profile-notes"))); n != 100 {
		t.Errorf("%d notes, queryLimit is 100 where nothing is said", n)
	}
	if n := len(ids(get("/api/v2/core/profile-notes?queryLimit=5"))); n != 5 {
		t.Errorf("%d notes", n)
	}
	if n := len(ids(get("/api/v2/careerhub/succession_plans/positions-1/recommended_successors?start=7&limit=3"))); n != 100 {
		t.Errorf("%d successors: they are not paged, and 100 at most", n)
	}
	members := func(v any) (names []string) {
		for name := range v.(map[string]any) {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	for path, want := range map[string]string{
		"/api/v2/positions/positions-1":                                  "[id name]",
		"/api/v2/positions/positions-1?include=atsData,calibrationData":  "[atsData calibrationData id name]",
		"/api/v2/positions/positions-1?include=atsData&keyList=atsData":  "[atsData id]",
		"/api/v2/positions/positions-1?include=atsData&exclude=name,nix": "[atsData id]",
	} {
		if got := fmt.Sprint(members(get(path))); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	_, body, _ := e.call(all, "POST", "/api/v2/positions/batch-fetch", `{"entityIds":["positions-2","nix","positions-1"]}`)
	if got := fmt.Sprint(ids(body), body["meta"]); got != "[positions-2 positions-1] map[missingEntityIds:[nix]]" {
		t.Error(got)
	}
	hundred := `{"entityIds":["positions-1"` + strings.Repeat(`,"x"`, 99) + `]}`
	if s, _, _ := e.call(all, "POST", "/api/v2/positions/batch-fetch", hundred); s != 200 {
		t.Errorf("100 ids: %d", s)
	}
	if s, _, _ := e.call(all, "POST", "/api/v2/positions/batch-fetch", strings.Replace(hundred, "[", `["y",`, 1)); s != 400 {
		t.Errorf("101 ids: %d", s)
	}
	// PUT overwrites, PATCH changes what is sent.
	e.call(all, "PATCH", "/api/v2/holidays/holidays-1", `{"place":"Rome"}`)
	if got := get("/api/v2/holidays/holidays-1"); got["place"] != "Rome" || got["name"] == nil {
		t.Errorf("after PATCH: %v", got)
	}
	e.call(all, "PUT", "/api/v2/holidays/holidays-1", `{"name":"Easter"}`)
	if got := get("/api/v2/holidays/holidays-1"); got["place"] != nil || got["name"] != "Easter" {
		t.Errorf("after PUT: %v", got)
	}
	// Whose type the rows of a list are.
	for path, prefix := range map[string]string{
		"/api/v2/positions/positions-1/matched-candidates": "profiles-", "/api/v2/profiles/profiles-1/matched-positions": "positions-",
		"/api/v2/position/positions-1/applicants": "profiles-",
	} {
		if got := ids(get(path)); len(got) == 0 || !strings.HasPrefix(got[0], prefix) {
			t.Errorf("%s: %v", path, got)
		}
	}
	if s := e.status(all, "GET /api/v2/positions?start=x"); s != 400 {
		t.Errorf("start=x: %d", s)
	}
}

// A write of a profile is answered with a transaction, which Transaction:READ may ask for
// during three days.
func TestEightfoldTransactions(t *testing.T) {
	e := startEightfold(t, reference.Options{})
	writer, reader := e.holder("Profile:WRITE"), e.holder("Transaction:READ", "Profile:READ")
	_, body, _ := e.call(writer, "PATCH", "/api/v2/profiles/profiles-2", `{"firstName":"Ada"}`)
	id, _ := within(body, "data", "transactionId").(string)
	poll := "/api/v2/core/transactions/" + id
	if s := e.status(writer, "GET "+poll); id == "" || s != 403 {
		t.Errorf("%v; its sender asks for it: %d", body, s)
	}
	_, body, _ = e.call(reader, "GET", poll, "")
	if got := fmt.Sprint(within(body, "data", "status"), " ", within(body, "data", "efEntityId")); got != "PASS profiles-2" {
		t.Error(got)
	}
	if _, body, _ = e.call(reader, "GET", "/api/v2/profiles/profiles-2", ""); body["firstName"] != "Ada" {
		t.Errorf("the write: %v", body)
	}
	_, body, _ = e.call(writer, "DELETE", "/api/v2/profiles/nix", "")
	_, body, _ = e.call(reader, "GET", "/api/v2/transactions/"+fmt.Sprint(within(body, "data", "transactionId")), "")
	if within(body, "data", "status") != "FAIL" {
		t.Errorf("of a write that failed: %v", body)
	}
	e.now = e.now.Add(73 * time.Hour)
	reader = e.holder("Transaction:READ")
	if s := e.status(reader, "GET "+poll); s != 404 {
		t.Errorf("after three days: %d", s)
	}
}

// Each switch at each of its values decides what it says.
func TestEightfoldSwitches(t *testing.T) {
	type answers func(e *eightfold) string
	st := func(calls ...string) func(grants ...perm.Permission) answers {
		return func(grants ...perm.Permission) answers {
			return func(e *eightfold) string {
				access := ""
				if grants != nil {
					access = e.holder(grants...)
				}
				var out []string
				for _, call := range calls {
					out = append(out, fmt.Sprint(e.status(access, call)))
				}
				return strings.Join(out, " ")
			}
		}
	}
	edited := func(e *eightfold) string {
		id, key := e.key("Position:READ")
		access := e.signIn(id, key)
		e.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{"Profile:READ"}})
		out := fmt.Sprint(e.status(access, "GET /api/v2/positions"), e.status(access, "GET /api/v2/profiles"))
		access = e.signIn(id, key)
		return out + fmt.Sprint(" then ", e.status(access, "GET /api/v2/positions"), e.status(access, "GET /api/v2/profiles"))
	}
	widened := func(e *eightfold) string {
		id, key := e.key()
		access := e.signIn(id, key)
		e.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{"Profile:READ"}})
		return fmt.Sprint(e.status(access, "GET /api/v2/profiles"))
	}
	lives := func(e *eightfold) string {
		access := e.holder("Position:READ")
		var out []string
		for range 3 {
			out = append(out, fmt.Sprint(e.status(access, "GET /api/v2/positions")))
			e.now = e.now.Add(12 * time.Hour)
		}
		return strings.Join(out, " ")
	}
	noBasic := func(e *eightfold) string {
		id, key := e.key("READ")
		s, _, _ := send(e.t, "POST", e.api+"/oauth/v1/authenticate", fmt.Sprintf(`{"grantType":"password","username":%q,"password":%q}`, id, key))
		return fmt.Sprint(s)
	}
	body := func(e *eightfold) string {
		_, body, _ := e.call(e.holder(), "GET", "/api/v2/demands", "")
		return fmt.Sprint(body)
	}
	included := func(e *eightfold) string {
		_, body, _ := e.call(e.holder("Position:READ"), "GET", "/api/v2/position/positions-1/applicants?include=notes,tags,applications,resume", "")
		row, _ := body["data"].([]any)[0].(map[string]any)
		return fmt.Sprint(row["notes"] != nil, row["tags"] != nil, row["applications"] != nil, row["resume"] != nil)
	}
	answered := func(method, path string) answers {
		return func(e *eightfold) string {
			_, body, _ := e.call(e.holder("WRITE"), method, path, "{}")
			return fmt.Sprint(within(body, "data", "transactionId") != nil)
		}
	}
	batch := func(e *eightfold) string {
		s, body, _ := e.call(e.holder("READ"), "POST", "/api/v2/positions/batch-fetch", `{"entityIds":["x"`+strings.Repeat(`,"x"`, 100)+`]}`)
		missing, _ := within(body, "meta", "missingEntityIds").([]any)
		return fmt.Sprint(s, len(missing))
	}
	lists := st("GET /api/v2/profile-notes", "GET /api/v2/profile-tags")
	beyond := st("DELETE /api/v2/careerhub/succession_plans/positions-1", "PATCH /api/v2/succession_plans/positions-1", "POST /api/v2/core/profile-notes")
	paths := st("GET /api/v2/positions", "GET /api/v2/core/positions", "GET /api/v2/demands", "GET /api/v2/succession_plans/positions-1/recommended-successors",
		"GET /api/v2/careerhub/succession_plans/positions-1/recommended_successors")("READ")
	tried := map[string]bool{}
	for _, tt := range []struct {
		set  string
		ask  answers
		want string
	}{
		{"entity-covers-sub-entities=no", st("GET /api/v2/profile-notes/profile-notes-1", "GET /api/v2/succession_plans")("Profile:READ", "Position:READ"), "403 403"},
		{"entity-covers-sub-entities=yes", st("GET /api/v2/profile-notes/profile-notes-1", "GET /api/v2/succession_plans")("Profile:READ", "Position:READ"), "200 200"},
		{"entity-covers-sub-entities=yes", st("GET /api/v2/profiles")("Profile:Note:READ"), "403"},
		{"write-covers-read=no", st("GET /api/v2/positions")("Position:WRITE"), "403"},
		{"write-covers-read=yes", st("GET /api/v2/positions", "GET /api/v2/profiles")("Position:WRITE"), "200 403"},
		{"beyond-table=absent", beyond("WRITE"), "405 405 405"},
		{"beyond-table=toggle", beyond("WRITE"), "200 200 200"},
		{"beyond-table=toggle", beyond("Position:Succession Plan:WRITE"), "403 403 403"},
		{"beyond-table=toggle", beyond(), "401 401 401"},
		{"note-and-tag-lists=as-the-table", lists("Profile:Role:READ"), "200 200"},
		{"note-and-tag-lists=own-entity", lists("Profile:Role:READ"), "403 403"},
		{"note-and-tag-lists=own-entity", lists("Profile:Note:READ"), "200 403"},
		{"token-grants=of-the-key", edited, "403 200 then 403 200"},
		{"token-grants=as-issued", edited, "200 403 then 403 200"},
		{"token-grants=of-the-key", widened, "200"},
		{"token-grants=as-issued", widened, "403"},
		{"token-lifetime=8640s", lives, "200 401 401"},
		{"token-lifetime=86400s", lives, "200 200 401"},
		{"sign-in-basic=required", noBasic, "401"},
		{"sign-in-basic=ignored", noBasic, "200"},
		{"forbidden-status=403", st("GET /api/v2/demands")("Position:READ"), "403"},
		{"forbidden-status=401", st("GET /api/v2/demands")("Position:READ"), "401"},
		{"forbidden-status=404", st("GET /api/v2/demands")("Position:READ"), "404"},
		{"anonymous-status=401", st("GET /api/v2/demands")(), "401"},
		{"anonymous-status=403", st("GET /api/v2/demands")(), "403"},
		{"error-body=error", body, "map[error:forbidden]"},
		{"error-body=message", body, "map[message:forbidden]"},
		{"error-body=none", body, "map[]"},
		{"paths=both", paths, "200 200 200 200 200"},
		{"paths=table", paths, "200 404 200 200 404"},
		{"paths=namespaced", paths, "404 200 200 404 200"},
		{"applicants-include=unchecked", included, "true true true true"},
		{"applicants-include=checked", included, "false false false true"},
		{"asynchronous-writes=profiles", answered("POST", "/api/v2/profiles"), "true"},
		{"asynchronous-writes=profiles", answered("POST", "/api/v2/demands"), "false"},
		{"asynchronous-writes=none", answered("POST", "/api/v2/profiles"), "false"},
		{"asynchronous-writes=all", answered("POST", "/api/v2/demands"), "true"},
		{"batch-over-100=refused", batch, "400 0"},
		{"batch-over-100=first-100", batch, "200 100"},
	} {
		tried[tt.set] = true
		if got := tt.ask(switched(t, tt.set)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.set, got, tt.want)
		}
	}
	for _, sw := range reference.Switches("eightfold") {
		if sw.What == "" || !strings.HasPrefix(sw.Source, "https://") {
			t.Errorf("switch %s: says %q, source %q", sw.Name, sw.What, sw.Source)
		}
		for _, value := range sw.Values {
			if !tried[sw.Name+"="+value] {
				t.Errorf("nothing tries %s=%s", sw.Name, value)
			}
		}
	}
}

// A server that ended in whatever way has its keys again, and takes the tokens that it gave.
func TestEightfoldSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	e := startEightfold(t, reference.Options{State: path})
	id, key := e.key("Position:READ")
	access := e.signIn(id, key)
	e.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{"ats_position:WRITE"}})
	data, err := os.ReadFile(path) // as a killed server leaves it
	if err != nil {
		t.Fatal(err)
	}
	killed := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(killed, data, 0o600); err != nil {
		t.Fatal(err)
	}
	again := startEightfold(t, reference.Options{State: killed})
	for _, access := range []string{access, again.signIn(id, key)} {
		got := []int{again.status(access, "PUT /api/v2/core/ats-systems/s/ats-positions/ats-positions-1"), again.status(access, "GET /api/v2/positions")}
		if !slices.Equal(got, []int{http.StatusOK, http.StatusForbidden}) {
			t.Errorf("%v", got)
		}
	}
}

// The faults that only this vendor's server can have.
func TestEightfoldFaults(t *testing.T) {
	for _, tt := range []struct {
		fault  string
		grant  perm.Permission
		call   string
		status int // 403 or 200 on a server without the fault, the other with it
	}{
		{"child-opens-parent", "Profile:Note:READ", "GET /api/v2/profiles/profiles-1", 200},
		{"child-opens-parent", "Profile:READ", "GET /api/v2/profile-notes/profile-notes-1", 403},
		{"entity-mistaken@GET /api/v2/positions/{positionId}/matched-candidates", "Position:READ", "GET /api/v2/positions/positions-1/matched-candidates", 200},
		{"entity-mistaken@GET /api/v2/positions/{positionId}/matched-candidates", "READ", "GET /api/v2/positions/positions-1/matched-candidates", 200},
		{"entity-mistaken@GET /api/v2/career-planner/{userEmail}/skills/skill-gap-analysis", "Profile:Role:READ", "GET /api/v2/career-planner/a/skills/skill-gap-analysis", 403},
		{"scope-by-method@POST /api/v2/profiles/batch-fetch", "Profile:READ", "POST /api/v2/profiles/batch-fetch", 403},
		{"scope-by-method@POST /api/v2/profiles/batch-fetch", "Profile:WRITE", "POST /api/v2/profiles/batch-fetch", 200},
	} {
		e := startEightfold(t, reference.Options{Faults: []string{tt.fault}})
		if s := e.status(e.holder(tt.grant), tt.call); s != tt.status {
			t.Errorf("%s: %s with %s: %d, want %d", tt.fault, tt.call, tt.grant, s, tt.status)
		}
	}
	e := startEightfold(t, reference.Options{Faults: []string{"own-transaction-readable"}})
	mine, other := e.holder("Profile:WRITE"), e.holder("Profile:WRITE")
	_, body, _ := e.call(mine, "PATCH", "/api/v2/profiles/profiles-2", "{}")
	poll := fmt.Sprint("GET /api/v2/transactions/", within(body, "data", "transactionId"))
	if got := []int{e.status(mine, poll), e.status(other, poll), e.status(mine, "GET /api/v2/transactions/transactions-1")}; !slices.Equal(got, []int{200, 403, 403}) {
		t.Errorf("own-transaction-readable: %v", got)
	}
	if _, err := reference.New(reference.Board(), reference.Options{Faults: []string{"child-opens-parent"}}); err == nil {
		t.Error("a vendor's fault can be planted on the board")
	}
	if _, err := reference.New(reference.Board(), reference.Options{Vendor: "eightfold"}); err == nil || !strings.Contains(err.Error(), "its own catalog") {
		t.Errorf("a vendor's server of another catalog: %v", err)
	}
}
