package reference_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/reference"
)

// comeet is a server of Comeet's and a client that knows it from its pages only.
type comeet struct {
	*fixture
	all []string // every permission
}

func startComeet(t testing.TB, opts reference.Options) *comeet {
	t.Helper()
	c, err := catalogs.Load("vendor:comeet")
	if err != nil {
		t.Fatal(err)
	}
	opts.Vendor, opts.AdminToken = "comeet", token
	srv, err := reference.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	s := &comeet{fixture: &fixture{t, srv, api.URL, admin.URL}}
	for _, p := range c.Permissions {
		s.all = append(s.all, string(p.ID))
	}
	return s
}

// An integration is a customer's account that has activated an app.
type integration struct{ apiKey, secret string }

// activate makes an integration; sharing "" is the default.
func (s *comeet) activate(sharing string, grants ...string) integration {
	s.t.Helper()
	in := map[string]any{"name": "app", "grants": append([]string{}, grants...)}
	if sharing != "" {
		in["sharing"] = map[string]string{"position": sharing}
	}
	status, body := s.adminCall("POST", "/keys", in)
	if status != http.StatusCreated {
		s.t.Fatalf("minting: %d %v", status, body)
	}
	return integration{body["id"].(string), body["secret"].(string)}
}

func (s *comeet) without(permission string) integration {
	s.t.Helper()
	if !slices.Contains(s.all, permission) {
		s.t.Fatalf("there is no permission %s", permission)
	}
	return s.activate("", slices.DeleteFunc(slices.Clone(s.all), func(p string) bool { return p == permission })...)
}

// jwt signs a token as https://developers.comeet.com/reference/authorization says.
func jwt(header, claims map[string]any, secret string) string {
	part := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return base64.RawURLEncoding.EncodeToString(data)
	}
	signed := part(header) + "." + part(claims)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var hs256 = map[string]any{"alg": "HS256", "typ": "JWT"}

func (i integration) token() string {
	return jwt(hs256, map[string]any{"iss": i.apiKey, "exp": time.Now().Add(10 * time.Minute).Unix()}, i.secret)
}

// ask sends "METHOD /path" and a body as an integration. The answer is any JSON.
func (s *comeet) ask(by integration, line, body string, headers ...string) (int, any) {
	s.t.Helper()
	return s.with(by.token(), line, body, headers...)
}

func (s *comeet) with(token, line, body string, headers ...string) (int, any) {
	s.t.Helper()
	method, path, _ := strings.Cut(line, " ")
	req, err := http.NewRequest(method, s.api+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var v any
	if len(data) > 0 {
		if err := json.Unmarshal(data, &v); err != nil {
			s.t.Fatalf("%s: %s is not JSON", line, data)
		}
	}
	return resp.StatusCode, v
}

// st is the status of an answer and the error code in its body.
func (s *comeet) st(by integration, line, body string, headers ...string) string {
	s.t.Helper()
	status, v := s.ask(by, line, body, headers...)
	return told(status, v)
}

func told(status int, v any) string {
	code, _ := inside(v, "error").(string)
	return strings.TrimSpace(fmt.Sprint(status, " ", code))
}

// inside follows members and places; nil where there is none.
func inside(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// list is all objects of a list, page by page.
func (s *comeet) list(by integration, path string) []map[string]any {
	s.t.Helper()
	name := "candidates"
	if strings.HasPrefix(path, "/positions") && !strings.HasSuffix(path, "/candidates") {
		name = "positions"
	}
	out := []map[string]any{}
	for path != "" {
		status, v := s.ask(by, "GET "+path, "")
		rows, ok := inside(v, name).([]any)
		if status != 200 || !ok {
			s.t.Fatalf("GET %s: %d %v, want a list of %s", path, status, v, name)
		}
		for _, row := range rows {
			out = append(out, row.(map[string]any))
		}
		next, _ := inside(v, "next_page").(string)
		if next != "" && !strings.HasPrefix(next, s.api+"/") {
			s.t.Fatalf("next_page is %q", next)
		}
		path = strings.TrimPrefix(next, s.api)
	}
	return out
}

// kinds says which of the four kinds of positions are in a list: open or discreet, published or
// not.
func kinds(positions []map[string]any) string {
	names := map[[2]any]string{{false, true}: "P1", {false, false}: "P2", {true, false}: "P3", {true, true}: "P4"}
	seen := map[string]bool{}
	for _, p := range positions {
		seen[names[[2]any{p["is_discreet"], p["is_published"]}]] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(seen)), " ")
}

func (s *comeet) same(what string, got, want any) {
	s.t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// What the pages say of tokens: HS256, iss is the api-key, exp is ahead, signed with the secret.
func TestComeetTokens(t *testing.T) {
	s := startComeet(t, reference.Options{})
	i, other := s.activate("", "positions.read"), s.activate("")
	soon := time.Now().Add(10 * time.Minute).Unix()
	claims := map[string]any{"iss": i.apiKey, "exp": soon}
	good := jwt(hs256, claims, i.secret)
	for _, c := range []struct {
		what, token string
		want        int
	}{
		{"a right token", good, 200},
		{"no token", "", 401},
		{"the secret itself", i.secret, 401},
		{"the secret of another app", jwt(hs256, claims, other.secret), 401},
		{"an unknown api-key", jwt(hs256, map[string]any{"iss": "nobody", "exp": soon}, i.secret), 401},
		{"a token that is over", jwt(hs256, map[string]any{"iss": i.apiKey, "exp": time.Now().Add(-time.Second).Unix()}, i.secret), 401},
		{"no exp", jwt(hs256, map[string]any{"iss": i.apiKey}, i.secret), 401},
		{"no iss", jwt(hs256, map[string]any{"exp": soon}, i.secret), 401},
		{"the algorithm none", jwt(map[string]any{"alg": "none"}, claims, i.secret), 401},
		{"none, and no signature", jwt(map[string]any{"alg": "none"}, claims, i.secret)[:len(good)-43], 401},
		{"another algorithm", jwt(map[string]any{"alg": "HS512"}, claims, i.secret), 401},
		{"a part of the signature", good[:len(good)-1], 401},
		{"an exp beyond all times", jwt(hs256, map[string]any{"iss": i.apiKey, "exp": 1e300}, i.secret), 401},
		{"a text as exp", jwt(hs256, map[string]any{"iss": i.apiKey, "exp": "soon"}, i.secret), 401},
	} {
		status, v := s.with(c.token, "GET /positions", "")
		s.same(c.what, status, c.want)
		if c.want == 401 {
			s.same(c.what+": status in the body", inside(v, "status"), 401)
		}
	}
	far := jwt(hs256, map[string]any{"iss": i.apiKey, "exp": time.Now().Add(48 * time.Hour).Unix()}, i.secret)
	status, _ := s.with(far, "GET /positions", "")
	s.same("a token for two days", status, 200)
	limited := startComeet(t, reference.Options{Switches: map[string]string{"token-lifetime": "10m"}})
	i = limited.activate("", "positions.read")
	for life, want := range map[time.Duration]int{9 * time.Minute: 200, time.Hour: 401} {
		status, _ := limited.with(jwt(hs256, map[string]any{"iss": i.apiKey, "exp": time.Now().Add(life).Unix()}, i.secret), "GET /positions", "")
		limited.same("limited to ten minutes, for "+life.String(), status, want)
	}
}

// The bodies of errors, as the pages show them.
func TestComeetErrors(t *testing.T) {
	s := startComeet(t, reference.Options{})
	full := s.activate("", s.all...)
	for _, c := range []struct {
		by         integration
		line, want string
	}{
		{s.without("persons.delete"), "DELETE /person/person-1", `{"error":"no_permission","message":"You do not have permission to perform this action","status":403}`},
		{s.without("persons.delete"), "POST /person/person-1/pseudonymize", `{"error":"no_permission","message":"You do not have permission to perform this action","status":403}`},
		{full, "DELETE /person/nobody", `{"error":"not_found","message":"The provided ID could not be found","status":404}`},
		{full, "POST /person/nobody/pseudonymize", `{"error":"not_found","message":"The provided ID could not be found","status":404}`},
		{full, "POST /candidates/nobody/notes", `{"error":"candidate_not_found","message":"Candidate not found","status":404}`},
		{full, "POST /candidates/nobody/conversations", `{"error":"candidate_not_found","message":"Candidate not found","status":404}`},
		{full, "PATCH /candidates/nobody", `{"error":"candidate_not_found","message":"Candidate not found","status":404}`},
		{s.without("notes.create"), "POST /candidates/candidates-1/notes", `{"error":"no_permission","message":"You do not have permission to perform this action","status":403}`},
		{full, "GET /elsewhere", `{"message":"Not Found","status":404}`},
		{full, "GET /deleted-candidates", `{"error":"no_permission","message":"You do not have permission to perform this action","status":403}`},
		// Candidates that were merged away: 25 are the first that no seed has.
		{full, "GET /candidates/candidates-25", `{"error":"duplicate_candidate","message":"You are trying to access a candidate that was removed since it was a duplicate of another candidate","status":401}`},
	} {
		status, v := s.ask(c.by, c.line, "{}")
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		s.same(c.line, string(data), c.want)
		s.same(c.line+": status", status, inside(v, "status"))
	}
	// A person with a scheduled interview stays.
	var person, candidate string
	for _, c := range s.list(full, "/candidates") {
		if inside(any(c), "current_steps", 0, "time_scheduled") != nil {
			person, candidate = c["person_uid"].(string), c["uid"].(string)
		}
	}
	status, v := s.ask(full, "DELETE /person/"+person, "")
	s.same("pending interviews", told(status, v)+" "+fmt.Sprint(inside(v, "person_uid")), "400 person_has_pending_interviews "+person)
	if uids, _ := inside(v, "candidate_uid").([]any); !slices.Contains(uids, any(candidate)) {
		t.Errorf("candidate_uid is %v, want %s in it", uids, candidate)
	}
}

// A person is deleted with all candidates, whose uid is all that remains.
func TestComeetPersons(t *testing.T) {
	s := startComeet(t, reference.Options{Switches: map[string]string{"deleted-candidates": "any-key"}})
	full := s.activate("", s.all...)
	of := func(person string) (uids []string) {
		for _, c := range s.list(full, "/candidates") {
			if c["person_uid"] == person {
				uids = append(uids, c["uid"].(string))
			}
		}
		return uids
	}
	gone, hidden := of("person-1"), of("person-4")
	if len(gone) < 2 || len(hidden) < 2 {
		t.Fatalf("person-1 has %v, person-4 has %v: the test needs two each", gone, hidden)
	}
	status, v := s.ask(full, "DELETE /person/person-1", "")
	s.same("delete", fmt.Sprint(status, inside(v, "candidates_deleted"), inside(v, "deleted_candidates_uids")), fmt.Sprint(200, len(gone), gone))
	s.same("candidates left", len(of("person-1")), 0)
	s.same("again", s.st(full, "DELETE /person/person-1", ""), "404 not_found")
	status, v = s.ask(full, "GET /candidates/"+gone[0], "")
	s.same("a deleted candidate", fmt.Sprint(status, v), fmt.Sprint(200, map[string]any{"uid": gone[0], "deleted": true}))
	s.same("deleted=True", fmt.Sprint(s.list(full, "/candidates?deleted=True")[0]), fmt.Sprint(map[string]any{"uid": gone[0], "deleted": true}))
	status, v = s.ask(s.activate(""), "GET /deleted-candidates", "")
	s.same("the list of the deleted", fmt.Sprint(status, v), fmt.Sprint(200, gone))
	after := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	_, v = s.ask(full, "GET /deleted-candidates?time_deleted:after="+after, "")
	s.same("deleted after now", fmt.Sprint(v), "[]")

	status, v = s.ask(full, "POST /person/person-4/pseudonymize", "")
	s.same("pseudonymize", fmt.Sprint(status, inside(v, "candidates_pseudonymized"), inside(v, "pseudonymized_candidates_uids")), fmt.Sprint(200, len(hidden), hidden))
	_, v = s.ask(full, "GET /candidates/"+hidden[0], "")
	s.same("the name", inside(v, "first_name"), nil)
}

// Each endpoint has a permission of its own.
func TestComeetEndpoints(t *testing.T) {
	s := startComeet(t, reference.Options{})
	lines := map[string]string{
		"positions.read": "GET /positions", "positions.create": "POST /positions/", "positions.clone": "POST /positions/positions-1/clone",
		"positions.update": "PATCH /position/positions-1", "openings.create": "POST /openings/", "candidates.create": "POST /candidates",
		"candidates.update": "PATCH /candidates/candidates-1", "notes.create": "POST /candidates/candidates-1/notes",
		"conversations.create": "POST /candidates/candidates-1/conversations", "persons.delete": "DELETE /person/person-2",
	}
	for grant, line := range lines {
		by := s.activate("", grant)
		for other, line := range lines {
			if other != grant {
				s.same(grant+": "+line, s.st(by, line, "{}"), "403 no_permission")
			}
		}
		if status, _ := s.ask(by, line, "{}"); status < 200 || status > 299 {
			t.Errorf("%s: %s: %d, want 2xx", grant, line, status)
		}
		s.same("without "+grant, s.st(s.without(grant), line, "{}"), "403 no_permission")
	}
	// Include permissions open nothing.
	fields := s.activate("", "positions.salary", "positions.lead-recruiter", "positions.hiring-manager", "candidates.source", "candidates.future-steps",
		"candidates.source-contact", "candidates.source-contact-details", "candidates.salary", "candidates.interviewers", "candidates.disposition")
	for _, line := range []string{"GET /positions", "GET /positions/positions-1", "GET /candidates", "GET /candidates/candidates-1", "GET /positions/positions-1/candidates"} {
		s.same("fields alone: "+line, s.st(fields, line, ""), "403 no_permission")
	}
	// Paths are taken as they are written.
	full := s.activate("", s.all...)
	s.same("POST without the slash", s.st(full, "POST /positions", "{}"), "405")
	s.same("the plural of PATCH", s.st(full, "PATCH /positions/positions-1", "{}"), "405")
	either := startComeet(t, reference.Options{Switches: map[string]string{"create-path": "either"}})
	s.same("either path", either.st(either.activate("", "positions.create"), "POST /positions", "{}"), "201")
}

func TestComeetClone(t *testing.T) {
	s := startComeet(t, reference.Options{})
	full := s.activate("", s.all...)
	for _, p := range s.list(full, "/positions") {
		status, v := s.ask(full, "POST /positions/"+p["uid"].(string)+"/clone", `{"name":"Copy","is_discreet":true}`)
		if p["is_template"] != true {
			s.same("no template", status, 400)
			continue
		}
		_, made := s.ask(full, "GET /positions/"+fmt.Sprint(inside(v, "uid")), "")
		s.same("a clone", fmt.Sprint(status, inside(made, "name"), inside(made, "is_discreet"), inside(made, "is_template"), inside(made, "status")), fmt.Sprint("201Copy", true, false, p["status"]))
	}
}

// Each include permission shows its field and no other.
func TestComeetFields(t *testing.T) {
	s := startComeet(t, reference.Options{})
	read := []string{"positions.read", "candidates.others"}
	// What is guarded, in a position and in a candidate.
	guarded := func(by integration) string {
		var seen []string
		for line, paths := range map[string][]string{
			"GET /positions/positions-1":   {"salary_range", "users.lead_recruiter", "users.hiring_manager"},
			"GET /candidates/candidates-1": {"future_steps", "source", "source_contact.uid", "source_contact.email", "salary_expectations"},
		} {
			_, v := s.ask(by, line, "")
			for _, path := range paths {
				var steps []any
				for step := range strings.SplitSeq(path, ".") {
					steps = append(steps, step)
				}
				if inside(v, steps...) != nil {
					seen = append(seen, path)
				}
			}
			for _, always := range []string{"name", "completed_steps", "current_steps"} {
				if (always == "name") == strings.Contains(line, "positions") && inside(v, always) == nil {
					t.Errorf("%s has no %s", line, always)
				}
			}
			for name, inner := range v.(map[string]any) {
				if m, ok := inner.(map[string]any); ok && len(m) == 0 || inner == nil {
					t.Errorf("%s: %s is %v", line, name, inner)
				}
			}
		}
		slices.Sort(seen)
		return strings.Join(seen, " ")
	}
	for grant, want := range map[string]string{
		"": "", "positions.salary": "salary_range", "positions.lead-recruiter": "users.lead_recruiter", "positions.hiring-manager": "users.hiring_manager",
		"candidates.future-steps": "future_steps", "candidates.source": "source", "candidates.source-contact": "source_contact.uid",
		"candidates.source-contact-details": "source_contact.email", "candidates.salary": "salary_expectations",
	} {
		grants := read
		if grant != "" {
			grants = append(slices.Clone(read), grant)
		}
		s.same("with "+grant, guarded(s.activate("", grants...)), want)
	}
	full := s.activate("", s.all...)
	_, v := s.ask(full, "GET /positions/positions-1", "")
	for _, member := range []string{"min", "max", "currency_code", "period"} {
		if inside(v, "salary_range", member) == nil {
			t.Errorf("salary_range has no %s", member)
		}
	}
	// In lists too.
	plain := s.activate("", read...)
	for _, path := range []string{"/positions", "/candidates", "/positions/positions-1/candidates"} {
		for _, o := range s.list(plain, path) {
			for _, name := range []string{"salary_range", "users", "source", "source_contact", "future_steps", "salary_expectations"} {
				if _, ok := o[name]; ok {
					t.Fatalf("%s shows %s", path, name)
				}
			}
		}
	}
	// The switches.
	null := startComeet(t, reference.Options{Switches: map[string]string{"unseen-field": "null"}})
	_, v = null.ask(null.activate("", read...), "GET /positions/positions-1", "")
	if value, there := v.(map[string]any)["salary_range"]; !there || value != nil {
		t.Errorf("unseen-field=null: salary_range is %v, %v", value, there)
	}
	uid := startComeet(t, reference.Options{Switches: map[string]string{"contact-details": "with-uid"}})
	_, v = uid.ask(uid.activate("", append(slices.Clone(read), "candidates.source-contact-details")...), "GET /candidates/candidates-1", "")
	if inside(v, "source_contact", "uid") == nil {
		t.Error("contact-details=with-uid: no uid")
	}
	gate := startComeet(t, reference.Options{Switches: map[string]string{"include": "needed", "include-ungranted": "refused"}})
	by := gate.activate("", append(slices.Clone(read), "candidates.source")...)
	_, v = gate.ask(by, "GET /candidates/candidates-1", "")
	s.same("include needed", inside(v, "source"), nil)
	_, v = gate.ask(by, "GET /candidates/candidates-1?include=source", "")
	if inside(v, "source", "uid") == nil {
		t.Error("include=source: no source")
	}
	s.same("include without the permission", gate.st(by, "GET /candidates/candidates-1?include=future_steps", ""), "403 no_permission")
	s.same("omitted by default", s.st(s.activate("", read...), "GET /candidates/candidates-1?include=future_steps", ""), "200")
}

// Sharing chooses positions, and what belongs to them.
func TestComeetSharing(t *testing.T) {
	s := startComeet(t, reference.Options{})
	for option, want := range map[string]string{"": "P1 P2 P3 P4", "all": "P1 P2 P3 P4", "non-discreet": "P1 P2", "published": "P1 P4"} {
		by := s.activate(option, "positions.read", "candidates.others", "candidates.own")
		positions := s.list(by, "/positions")
		s.same("sharing "+option, kinds(positions), want)
		shared := map[any]bool{}
		for _, p := range positions {
			shared[p["uid"]] = true
		}
		for _, c := range s.list(by, "/candidates") {
			if !shared[c["position_uid"]] {
				t.Errorf("sharing %s shows the candidate %v of a position that is not shared", option, c["uid"])
			}
		}
		for _, p := range s.list(s.activate("all", "positions.read"), "/positions") {
			uid := p["uid"].(string)
			want := "200"
			if !shared[uid] {
				want = "404 not_found"
			}
			s.same(option+": "+uid, s.st(by, "GET /positions/"+uid, ""), want)
			s.same(option+": candidates of "+uid, s.st(by, "GET /positions/"+uid+"/candidates", ""), want)
		}
	}
	hidden := startComeet(t, reference.Options{Switches: map[string]string{"hidden-by-uid": "403", "published-discreet": "hidden", "hidden-position": "shows-candidates"}})
	by := hidden.activate("published", "positions.read", "candidates.others")
	s.same("published-discreet=hidden", kinds(hidden.list(by, "/positions")), "P1")
	s.same("hidden-by-uid=403", hidden.st(by, "GET /positions/positions-1", ""), "403 no_permission")
	s.same("hidden-position=shows-candidates", len(hidden.list(by, "/candidates")), 24)
}

// Who created a candidate decides who reads it.
func TestComeetSources(t *testing.T) {
	s := startComeet(t, reference.Options{})
	made := map[string]string{}
	for name, grants := range map[string][]string{"own": {"candidates.own"}, "others": {"candidates.others"}, "both": {"candidates.own", "candidates.others"}, "neither": nil} {
		by := s.activate("", append([]string{"candidates.create"}, grants...)...)
		status, v := s.ask(by, "POST /candidates", `{"position_uid":"positions-1","first_name":"Ada","last_name":"L","source":{"uid":"forged"}}`)
		uid, _ := inside(v, "uid").(string)
		if made[name] = uid; status != 201 || uid == "" {
			t.Fatalf("%s creates: %d %v", name, status, v)
		}
		if name == "neither" {
			s.same("neither", s.st(by, "GET /candidates", ""), "403 no_permission")
			s.same("neither, by uid", s.st(by, "GET /candidates/"+uid, ""), "403 no_permission")
			continue
		}
		saw := map[any]bool{}
		for _, c := range s.list(by, "/candidates") {
			saw[c["uid"]] = true
		}
		s.same(name+" sees its own", saw[uid], name != "others")
		s.same(name+" sees those of others", saw["candidates-1"], name != "own")
		want := map[bool]string{true: "200", false: "404 not_found"}
		s.same(name+" by uid", s.st(by, "GET /candidates/"+uid, ""), want[name != "others"])
		s.same(name+" by uid of others", s.st(by, "GET /candidates/candidates-1", ""), want[name != "own"])
		// By the id of the user interface, the same.
		s.same(name+" by real id", s.st(by, "GET /candidates/1", "", "IDENTIFIER_TYPE", "REAL_ID"), want[name != "own"])
		s.same(name+" the merged one", s.st(by, "GET /candidates/candidates-25", ""), map[bool]string{true: "401 duplicate_candidate", false: "404 not_found"}[name != "own"])
	}
	empty := startComeet(t, reference.Options{Switches: map[string]string{"no-candidate-permission": "empty"}})
	s.same("no-candidate-permission=empty", len(empty.list(empty.activate("", "positions.read"), "/candidates")), 0)
}

// Grants are a snapshot that is taken when an integration is enabled.
func TestComeetSnapshot(t *testing.T) {
	s := startComeet(t, reference.Options{})
	i := s.activate("", "positions.read")
	act := func(action string) {
		if status, body := s.adminCall("POST", "/keys/"+i.apiKey+"/"+action, nil); status != 200 {
			t.Fatalf("%s: %d %v", action, status, body)
		}
	}
	grant := func(grants ...string) {
		if status, body := s.adminCall("PATCH", "/keys/"+i.apiKey, map[string]any{"grants": grants}); status != 200 {
			t.Fatalf("changing the app: %d %v", status, body)
		}
	}
	step := func(what, positions, candidates string) {
		t.Helper()
		s.same(what, s.st(i, "GET /positions", "")+", "+s.st(i, "GET /candidates", ""), positions+", "+candidates)
	}
	step("at first", "200", "403 no_permission")
	grant("candidates.others")
	step("the app has changed", "200", "403 no_permission")
	act("revoke")
	step("revoked", "401", "401")
	act("enable")
	step("enabled again", "403 no_permission", "200")
	old := i.token()
	grant("positions.read")
	act("revoke")
	act("enable")
	status, _ := s.with(old, "GET /positions", "")
	s.same("an old token, new grants", status, 200)

	revoked := startComeet(t, reference.Options{Switches: map[string]string{"revoked-status": "403", "enabled-again": "new-key"}})
	i = revoked.activate("", "positions.read")
	revoked.adminCall("POST", "/keys/"+i.apiKey+"/revoke", nil)
	s.same("revoked-status=403", revoked.st(i, "GET /positions", ""), "403")
	s.same("no key at all", revoked.st(integration{"nobody", "x"}, "GET /positions", ""), "401")
	_, body := revoked.adminCall("POST", "/keys/"+i.apiKey+"/enable", nil)
	s.same("enabled-again=new-key", revoked.st(i, "GET /positions", ""), "401")
	i.apiKey = fmt.Sprint(body["user"])
	s.same("the new key", revoked.st(i, "GET /positions", ""), "200")
}

// No page of another origin may call the API; who sends no Origin notices nothing.
func TestComeetBrowsers(t *testing.T) {
	s := startComeet(t, reference.Options{})
	i := s.activate("", "positions.read")
	for _, line := range []string{"GET /positions", "OPTIONS /positions", "GET /elsewhere"} {
		method, path, _ := strings.Cut(line, " ")
		_, _, h := send(t, method, s.api+path, "", "Authorization", "Bearer "+i.token(), "Origin", "https://page.example", "Access-Control-Request-Method", "GET")
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s is answered with %s", line, name)
			}
		}
	}
	for value, want := range map[string]string{"405": "405", "403": "403", "404": "404", "200": "200"} {
		s := startComeet(t, reference.Options{Switches: map[string]string{"preflight-status": value}})
		status, _ := s.with("", "OPTIONS /positions", "", "Origin", "https://page.example", "Access-Control-Request-Method", "GET")
		s.same("preflight", status, want)
	}
	block := startComeet(t, reference.Options{Switches: map[string]string{"browser-request": "refused"}})
	i = block.activate("", "positions.read")
	s.same("browser-request=refused", block.st(i, "GET /positions", "", "Origin", "https://page.example"), "403")
	s.same("without an Origin", block.st(i, "GET /positions", ""), "200")
}

func TestComeetLists(t *testing.T) {
	s := startComeet(t, reference.Options{Rows: 130})
	full := s.activate("", s.all...)
	all := s.list(full, "/candidates")
	s.same("rows", len(all), 130)
	paged := s.list(full, "/candidates?limit=7")
	s.same("page by page", fmt.Sprint(paged), fmt.Sprint(all))
	if _, v := s.ask(full, "GET /positions?limit=7", ""); len(inside(v, "positions").([]any)) != 7 || len(v.(map[string]any)) != 2 {
		t.Errorf("a page of seven: %v", v)
	}
	s.same("limit=x", s.st(full, "GET /positions?limit=x", ""), "400")
	for _, path := range []string{"/positions?status=open", "/candidates?status=Hired,Rejected"} {
		_, want, _ := strings.Cut(path, "=")
		rows := s.list(full, path)
		for _, o := range rows {
			if !strings.Contains(want, o["status"].(string)) {
				t.Errorf("%s has one that is %v", path, o["status"])
			}
		}
		if len(rows) == 0 || len(rows) > 100 {
			t.Errorf("%s has %d rows", path, len(rows))
		}
	}
	s.same("created later", len(s.list(full, "/candidates?time_created:after=2020-01-01T00:00:00Z")), 0)
	if status, v := s.ask(full, "POST /candidates", `{"first_name":"Ada"}`); status != 201 {
		t.Fatal(status, v)
	}
	s.same("created now", len(s.list(full, "/candidates?time_created:after=2020-01-01T00:00:00Z")), 1)
	s.same("created before", len(s.list(full, "/candidates?time_created:before=2020-01-01T00:00:00Z")), 130)
}

// No permission of the list writes salary_range.
func TestComeetSalaryRange(t *testing.T) {
	body := `{"salary_range":{"min":1,"max":2,"currency_code":"USD","period":"hourly"}}`
	for value, want := range map[string]string{"refused": "403 no_permission false", "ignored": "200 false"} {
		s := startComeet(t, reference.Options{Switches: map[string]string{"salary-range-write": value}})
		full := s.activate("", s.all...)
		got := s.st(full, "PATCH /position/positions-1", body)
		_, v := s.ask(full, "GET /positions/positions-1", "")
		s.same(value, got+" "+fmt.Sprint(inside(v, "salary_range", "currency_code") == "USD"), want)
		_, v = s.ask(full, "POST /positions/", body)
		_, v = s.ask(full, "GET /positions/"+fmt.Sprint(inside(v, "uid")), "")
		s.same(value+" on create", inside(v, "salary_range", "currency_code") == "USD", false)
	}
}

// What was answered is there again when the server has ended without a word.
func TestComeetState(t *testing.T) {
	state := filepath.Join(t.TempDir(), "keys")
	s := startComeet(t, reference.Options{State: state})
	i, changed, rotated := s.activate("published", "positions.read"), s.activate("", "positions.read"), s.activate("", "positions.read")
	s.adminCall("PATCH", "/keys/"+changed.apiKey, map[string]any{"grants": []string{"candidates.others"}})
	_, body := s.adminCall("POST", "/keys/"+rotated.apiKey+"/rotate", nil)
	s.srv.Close() // gives the file free, and writes nothing
	s = startComeet(t, reference.Options{State: state})
	s.same("sharing", kinds(s.list(i, "/positions")), "P1 P4")
	s.same("a grant that waits", s.st(changed, "GET /positions", ""), "200")
	s.adminCall("POST", "/keys/"+changed.apiKey+"/revoke", nil)
	s.adminCall("POST", "/keys/"+changed.apiKey+"/enable", nil)
	s.same("in force", s.st(changed, "GET /positions", "")+", "+s.st(changed, "GET /candidates", ""), "403 no_permission, 200")
	s.same("the old secret", s.st(rotated, "GET /positions", ""), "401")
	rotated.secret = fmt.Sprint(body["secret"])
	s.same("the new secret", s.st(rotated, "GET /positions", ""), "200")
}

// Every value of every switch makes the difference that it is for.
func TestComeetSwitches(t *testing.T) {
	read := []string{"positions.read", "candidates.others"}
	status := func(line string, headers ...string) func(*comeet) string {
		return func(s *comeet) string { return s.st(s.activate("", read...), line, "{}", headers...) }
	}
	revoked := func(then string) func(*comeet) string {
		return func(s *comeet) string {
			i := s.activate("", read...)
			s.adminCall("POST", "/keys/"+i.apiKey+"/revoke", nil)
			if then != "" {
				s.adminCall("POST", "/keys/"+i.apiKey+"/"+then, nil)
			}
			return s.st(i, "GET /positions", "")
		}
	}
	living := func(life time.Duration) func(*comeet) string {
		return func(s *comeet) string {
			i := s.activate("", read...)
			status, _ := s.with(jwt(hs256, map[string]any{"iss": i.apiKey, "exp": time.Now().Add(life).Unix()}, i.secret), "GET /positions", "")
			return fmt.Sprint(status)
		}
	}
	shared := func(option, path string) func(*comeet) string {
		return func(s *comeet) string {
			by := s.activate(option, read...)
			if strings.HasPrefix(path, "/positions") {
				return kinds(s.list(by, path))
			}
			return fmt.Sprint(len(s.list(by, path)))
		}
	}
	has := func(line, grant string, path ...any) func(*comeet) string {
		return func(s *comeet) string {
			_, v := s.ask(s.activate("", append(slices.Clone(read), grant)...), line, "")
			member := inside(v, path[:len(path)-1]...)
			m, _ := member.(map[string]any)
			value, there := m[path[len(path)-1].(string)]
			return fmt.Sprint(there, value == nil)
		}
	}
	preflight := func(s *comeet) string {
		status, _ := s.with("", "OPTIONS /positions", "", "Origin", "https://page.example", "Access-Control-Request-Method", "GET")
		return fmt.Sprint(status)
	}
	tried := map[string]bool{}
	write := func(s *comeet) string {
		return s.st(s.activate("", s.all...), "PATCH /position/positions-1", `{"salary_range":{"min":1}}`)
	}
	for _, c := range []struct {
		set             string
		see             func(*comeet) string
		byDefault, want string
	}{
		{"anonymous-status=403", func(s *comeet) string { return s.st(integration{"nobody", "x"}, "GET /positions", "") }, "401", "403"},
		{"forbidden-status=401", status("POST /positions/"), "403 no_permission", "401 no_permission"},
		{"forbidden-code=none", status("POST /positions/"), "403 no_permission", "403"},
		{"revoked-status=403", revoked(""), "401", "403"},
		{"token-lifetime=1h", living(2 * time.Hour), "200", "401"},
		{"token-lifetime=10m", living(30 * time.Minute), "200", "401"},
		{"enabled-again=new-key", revoked("enable"), "200", "401"},
		{"hidden-by-uid=403", func(s *comeet) string {
			return s.st(s.activate("published", read...), "GET /positions/positions-1", "")
		}, "404 not_found", "403 no_permission"},
		{"hidden-position=shows-candidates", shared("published", "/candidates"), "12", "24"},
		{"published-discreet=hidden", shared("published", "/positions"), "P1 P4", "P1"},
		{"no-candidate-permission=empty", func(s *comeet) string { return s.st(s.activate("", "positions.read"), "GET /candidates", "") }, "403 no_permission", "200"},
		{"unseen-field=null", has("GET /positions/positions-1", "candidates.own", "salary_range"), "false true", "true true"},
		{"contact-details=with-uid", has("GET /candidates/candidates-1", "candidates.source-contact-details", "source_contact", "uid"), "false true", "true false"},
		{"include=needed", has("GET /candidates/candidates-1", "candidates.source", "source"), "true false", "false true"},
		{"include-ungranted=refused", status("GET /candidates/candidates-1?include=future_steps"), "200", "403 no_permission"},
		{"salary-range-write=refused", write, "200", "403 no_permission"},
		{"deleted-candidates=candidate-readers", status("GET /deleted-candidates"), "403 no_permission", "200"},
		{"deleted-candidates=any-key", func(s *comeet) string { return s.st(s.activate(""), "GET /deleted-candidates", "") }, "403 no_permission", "200"},
		{"create-path=either", func(s *comeet) string { return s.st(s.activate("", "openings.create"), "POST /openings", "{}") }, "404", "201"},
		{"browser-request=refused", status("GET /positions", "Origin", "https://page.example"), "200", "403"},
		{"preflight-status=403", preflight, "405", "403"},
		{"preflight-status=404", preflight, "405", "404"},
		{"preflight-status=200", preflight, "405", "200"},
	} {
		name, value, _ := strings.Cut(c.set, "=")
		s := startComeet(t, reference.Options{})
		s.same(c.set+", by default", c.see(s), c.byDefault)
		s = startComeet(t, reference.Options{Switches: map[string]string{name: value}})
		s.same(c.set, c.see(s), c.want)
		tried[c.set] = true
	}
	for _, sw := range reference.Switches("comeet") {
		for _, value := range sw.Values[1:] {
			if !tried[sw.Name+"="+value] {
				t.Errorf("nothing tries the switch %s=%s", sw.Name, value)
			}
		}
		if sw.What == "" || !strings.HasPrefix(sw.Source, "https://developers.comeet.com/") {
			t.Errorf("switch %s: what %q, source %q", sw.Name, sw.What, sw.Source)
		}
	}
}

// Whatever bytes come, the server answers, and never with what the sender may not see. A sender
// who shows a token of its own making sees nothing.
func FuzzComeet(f *testing.F) {
	unsigned := jwt(map[string]any{"alg": "none"}, map[string]any{"iss": "key-1", "exp": 4e9}, "")
	for _, seed := range []string{
		"GET /positions?status=open&limit=3&cursor=cm93czox HTTP/1.1\r\n\r\n",
		"GET /candidates?include=source,future_steps&time_created:after=2018-01-01T00:00:00Z&deleted=True HTTP/1.1\r\n\r\n",
		"GET /candidates/1 HTTP/1.1\r\nIDENTIFIER_TYPE: REAL_ID\r\n\r\n",
		"GET /positions/positions-1/candidates HTTP/1.1\r\n\r\n",
		"PATCH /position/positions-1 HTTP/1.1\r\nContent-Length: 43\r\n\r\n{\"uid\":\"positions-3\",\"users\":{\"a\":1},\"x\":[]}",
		"POST /positions/positions-3/clone HTTP/1.1\r\nContent-Length: 21\r\n\r\n{\"is_published\":true}",
		"GET /positions HTTP/1.1\r\nAuthorization: Bearer " + unsigned + "\r\n\r\n",
		"GET /positions HTTP/1.1\r\nAuthorization: Bearer e30.e30.\r\n\r\n",
		"GET /positions HTTP/1.1\r\nAuthorization: Bearer " + jwt(hs256, map[string]any{"iss": "key-1", "exp": 4e9}, "a guess") + "\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	s := startComeet(f, reference.Options{})
	i := s.activate("published", "positions.read", "positions.update", "positions.clone", "candidates.others")
	api := s.srv.API()
	_, rows := s.adminCall("GET", "/objects/position", nil)
	everything, hidden := map[string]bool{}, map[string]bool{}
	for _, row := range rows["data"].([]any) {
		name := inside(row, "name").(string)
		everything[name], hidden[name] = true, inside(row, "is_published") != true
		recruiter := inside(row, "users", "lead_recruiter", "first_name").(string)
		everything[recruiter], hidden[recruiter] = true, true
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		req.RemoteAddr = "127.0.0.1:1"
		own := len(req.Header["Authorization"]) == 0
		if own {
			req.Header.Set("Authorization", "Bearer "+i.token())
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Fatalf("status %d", w.Code)
		}
		for word := range everything {
			if strings.Contains(w.Body.String(), word) && (hidden[word] || !own) && !bytes.Contains(data, []byte(word)) {
				t.Fatalf("the answer %d to %q shows %q", w.Code, data, word)
			}
		}
	})
}
