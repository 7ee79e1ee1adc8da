package reference_test

import (
	"bufio"
	"bytes"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/reference"
)

// startPersonio starts Personio's server. settings are switches NAME=VALUE, or faults.
func startPersonio(t *testing.T, settings ...string) *fixture {
	t.Helper()
	opts := reference.Options{Switches: map[string]string{}}
	for _, text := range settings {
		if name, value, ok := strings.Cut(text, "="); ok {
			opts.Switches[name] = value
		} else {
			opts.Faults = append(opts.Faults, text)
		}
	}
	return serveVendor(t, "personio", opts)
}

func serveVendor(t *testing.T, name string, opts reference.Options) *fixture {
	t.Helper()
	c, err := catalogs.Load(catalogs.VendorPrefix + name)
	if err != nil {
		t.Fatal(err)
	}
	opts.Vendor, opts.AdminToken = name, token
	srv, err := reference.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	return &fixture{t, srv, api.URL, admin.URL}
}

// mint makes a key with what else it is to have.
func (f *fixture) mint(grants string, more ...any) (id, secret string) {
	f.t.Helper()
	in := map[string]any{"grants": strings.Fields(grants)}
	if len(more) > 0 {
		in["lists"] = map[string]any{"readable": more}
	}
	status, body := f.adminCall("POST", "/keys", in)
	if status != http.StatusCreated {
		f.t.Fatalf("minting: %d %v", status, body)
	}
	return body["id"].(string), body["secret"].(string)
}

func (f *fixture) form(path string, fields ...string) (int, map[string]any) {
	f.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	status, body, _ := send(f.t, "POST", f.api+path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	return status, body
}

// v2 signs a key in.
func (f *fixture) v2(id, secret string, scope ...string) string {
	f.t.Helper()
	fields := []string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret}
	if len(scope) > 0 {
		fields = append(fields, "scope", strings.Join(scope, " "))
	}
	status, body := f.form("/v2/auth/token", fields...)
	token, _ := body["access_token"].(string)
	if status != http.StatusOK || !strings.HasPrefix(token, "papi-") || body["token_type"] != "Bearer" || body["expires_in"] != 86400.0 {
		f.t.Fatalf("signing in: %d %v", status, body)
	}
	return token
}

func (f *fixture) v1(id, secret string) string {
	f.t.Helper()
	status, body, _ := send(f.t, "POST", f.api+"/v1/auth", fmt.Sprintf(`{"client_id":%q,"client_secret":%q}`, id, secret), "Content-Type", "application/json")
	if status != http.StatusOK || body["success"] != true {
		f.t.Fatalf("signing in: %d %v", status, body)
	}
	return at(body, "data.token").(string)
}

// signed makes a key and signs it in.
func (f *fixture) signed(grants string, list ...any) string {
	f.t.Helper()
	id, secret := f.mint(grants, list...)
	return f.v2(id, secret)
}

// at is a member of a JSON value: names and places joined by dots.
func at(v any, path string) any {
	for part := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[part]
		case []any:
			n := 0
			if _, err := fmt.Sscan(part, &n); err != nil || n >= len(in) {
				return nil
			}
			v = in[n]
		default:
			return nil
		}
	}
	return v
}

func (f *fixture) want(what string, got, want any) {
	f.t.Helper()
	if !reflect.DeepEqual(got, want) {
		f.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// status of a request with a token.
func (f *fixture) status(token, method, path string) int {
	f.t.Helper()
	status, _, _ := f.call(token, method, path, "")
	return status
}

// Tokens of v1 are good for one request, the next one comes with the answer; or, as the
// changelog has it, for 24 hours.
func TestPersonioV1Tokens(t *testing.T) {
	f := startPersonio(t)
	id, secret := f.mint("employees:read absences:read")
	first := f.v1(id, secret)
	status, _, header := f.call(first, "GET", "/v1/company/employees", "")
	f.want("a fresh token", status, 200)
	next, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer ")
	if !ok || next == first {
		t.Fatalf("no other token came back: %q", next)
	}
	status, body, _ := f.call(first, "GET", "/v1/company/employees", "")
	f.want("a spent token", status, 401)
	f.want("its error", body, map[string]any{"success": false, "error": map[string]any{"message": "The token has been blacklisted", "code": 401.0}})
	f.want("the next token", f.status(next, "GET", "/v1/company/time-offs"), 200)
	failed := f.v1(id, secret)
	_, _, header = f.call(failed, "GET", "/v1/company/attendances", "")
	f.want("what comes with a refusal", header.Get("Authorization"), "")
	status, body = f.form("/v1/auth", "client_id", id, "client_secret", secret)
	f.want("a form signs in, too", status, 200)
	f.want("scope", at(body, "data.scope"), "absences:read employees:read")
	f.want("expires_in", at(body, "data.expires_in"), 86400.0)
	status, body, _ = send(t, "POST", f.api+"/v1/auth?client_id="+id+"&client_secret=wrong", "")
	f.want("a wrong secret", status, 401)
	f.want("its message", at(body, "error.message"), "Wrong credentials")

	f = startPersonio(t, "v1-tokens=stable")
	id, secret = f.mint("employees:read")
	stable := f.v1(id, secret)
	f.want("the same again", f.v1(id, secret), stable)
	for range 2 {
		status, _, header = f.call(stable, "GET", "/v1/company/employees", "")
		f.want("a stable token", status, 200)
		f.want("what comes back", header.Get("Authorization"), "Bearer "+stable)
	}
}

func TestPersonioV2SignIn(t *testing.T) {
	f := startPersonio(t)
	id, secret := f.mint("personio:persons:read personio:absences:read employees:read")
	token := f.v2(id, secret)
	for range 2 {
		f.want("a token again", f.status(token, "GET", "/v2/persons"), 200)
	}
	f.want("all scopes", f.status(token, "GET", "/v2/absence-periods"), 200)
	narrow := f.v2(id, secret, "personio:persons:read")
	f.want("a scope that was asked for", f.status(narrow, "GET", "/v2/persons"), 200)
	status, body, _ := f.call(narrow, "GET", "/v2/absence-periods", "")
	f.want("one that was not", status, 403)
	f.want("title", at(body, "errors.0.title"), "Insufficient access scope")
	f.want("detail", at(body, "errors.0.detail"), "Client scope insufficient to access resource")
	if kind, _ := at(body, "errors.0.type").(string); !strings.HasSuffix(kind, "#commonforbidden") || body["personio_trace_id"] == nil || body["timestamp"] == nil {
		t.Errorf("the error is %v", body)
	}
	sign := func(fields ...string) string {
		status, body := f.form("/v2/auth/token", fields...)
		if body["error_description"] == nil || body["trace_id"] == nil || body["timestamp"] == nil {
			t.Errorf("a sign-in that fails says %v", body)
		}
		return fmt.Sprint(status, " ", body["error"])
	}
	all := []string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret}
	f.want("a scope that there is not", sign(append(all, "scope", "personio:attendances:read")...), "400 invalid_scope")
	f.want("a scope that is not held", sign(append(all, "scope", "employees:write")...), "400 invalid_grant")
	f.want("another grant type", sign("grant_type", "password", "client_id", id, "client_secret", secret), "400 unsupported_grant_type")
	f.want("a wrong secret", sign("grant_type", "client_credentials", "client_id", id, "client_secret", secret+"x"), "400 invalid_client")
	f.want("no secret", sign("grant_type", "client_credentials", "client_id", id), "400 invalid_request")

	status, body = f.form("/v2/auth/revoke", "token", narrow)
	f.want("revoking", fmt.Sprint(status, body), "200 map[]")
	f.want("a revoked token", f.status(narrow, "GET", "/v2/persons"), 401)
	f.want("another token", f.status(token, "GET", "/v2/persons"), 200)
	f.want("no token", f.status("", "GET", "/v2/persons"), 401)
	f.want("the secret itself", f.status(secret, "GET", "/v2/persons"), 401)

	f = startPersonio(t, "token-reach=own")
	id, secret = f.mint("personio:persons:read employees:read")
	f.want("v1 with the token of v2", f.status(f.v2(id, secret), "GET", "/v1/company/employees"), 401)
	f.want("v2 with the token of v1", f.status(f.v1(id, secret), "GET", "/v2/persons"), 401)
}

func TestPersonioErrors(t *testing.T) {
	f := startPersonio(t)
	token := f.signed("employees:read attendances:write reports.custom:read personio:persons:read")
	for _, c := range []struct {
		token, method, path, status, body string
	}{
		{"", "GET", "/v1/company/attendances", "401", `map[error:map[code:401 message:Authorization is not provided] success:false]`},
		{token, "GET", "/v1/company/attendances", "403", `map[error:map[code:403 message:Provided authorization is not valid] success:false]`},
		{token, "DELETE", "/v1/company/attendances/99", "404", `map[error:map[code:404 message:The attendance period was not found.] success:false]`},
		{token, "GET", "/v1/company/employees/0", "404", `map[error:map[code:404 message:Es ist ein Problem aufgetreten] success:false]`},
	} {
		status, body, _ := f.call(c.token, c.method, c.path, "")
		f.want(c.method+" "+c.path, fmt.Sprint(status, " ", body), c.status+" "+c.body)
	}
	for _, c := range []struct{ path, title, kind string }{
		{"/v2/persons/0", "Resource not found", ""},
		{"/v2/nothing", "Not Found", "#apinot_found"},
	} {
		status, body, _ := f.call(token, "GET", c.path, "")
		f.want(c.path, status, 404)
		f.want(c.path, at(body, "errors.0.title"), c.title)
		if kind, _ := at(body, "errors.0.type").(string); !strings.HasSuffix(kind, c.kind) {
			t.Errorf("%s: the type is %q", c.path, kind)
		}
	}
	resp, data := fetch(t, f.api+"/v1/company/custom-reports/reports/none", token)
	if resp.StatusCode != 404 || !bytes.HasPrefix(data, []byte("[{")) || !bytes.Contains(data, []byte(`"trace_id"`)) {
		t.Errorf("a report that is not there: %d %s", resp.StatusCode, data)
	}
	f = startPersonio(t, "forbidden-message=exception", "v2-unauthorized=empty")
	_, body, _ := f.call(f.signed(""), "GET", "/v1/company/attendances", "")
	f.want("as seen live", fmt.Sprint(body["error"]), "map[code:0 message:personio.core.api.exceptions.api.forbidden.http.exception]")
	_, data = fetch(t, f.api+"/v2/persons", "wrong")
	f.want("an empty 401", string(data), "")
}

func fetch(t *testing.T, url, token string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, b.Bytes()
}

// One list of attributes rules both versions; what is not listed is not there, and not null.
func TestPersonioAttributes(t *testing.T) {
	f := startPersonio(t)
	all := f.signed("employees:read personio:persons:read")
	names := f.signed("employees:read personio:persons:read reports.custom:read", "first_name", "last_name")
	none := f.signed("employees:read", "email")

	_, body, _ := f.call(names, "GET", "/v1/company/employees", "")
	f.want("success", body["success"], true)
	one := at(body, "data.0").(map[string]any)
	f.want("type", one["type"], "Employee")
	f.want("attributes", keysOf(one["attributes"]), []string{"first_name", "id", "last_name"})
	name := at(one, "attributes.first_name").(map[string]any)
	f.want("an attribute", keysOf(name), []string{"label", "type", "universal_id", "value"})
	f.want("its label", name["label"], "First name")
	id := fmt.Sprint(at(one, "attributes.id.value"))
	_, body, _ = f.call(names, "GET", "/v1/company/employees/"+id, "")
	f.want("one of them", body["data"], any(one))
	_, body, _ = f.call(all, "GET", "/v1/company/employees?attributes[]=email", "")
	f.want("attributes that were asked for", keysOf(at(body, "data.0.attributes")), []string{"email", "id"})
	_, body, _ = f.call(names, "GET", "/v1/company/employees?attributes[]=email", "")
	f.want("asking for what is not listed", keysOf(at(body, "data.0.attributes")), []string{"id"})
	for _, path := range []string{"attributes", "custom-attributes"} {
		_, body, _ = f.call(names, "GET", "/v1/company/employees/"+path, "")
		f.want(path, fmt.Sprint(at(body, "data.0.key"), at(body, "data.1.key"), at(body, "data.2")), "first_namelast_name<nil>")
	}

	_, body, _ = f.call(names, "GET", "/v2/persons", "")
	f.want("a person", keysOf(at(body, "_data.0")), []string{"_meta", "employments", "first_name", "id", "last_name"})
	f.want("an employment", keysOf(at(body, "_data.0.employments.0")), []string{"id"})

	// A report ignores the list.
	_, body, _ = f.call(names, "GET", "/v1/company/custom-reports/reports", "")
	report := at(body, "data.0.attributes.id").(string)
	_, body, _ = f.call(names, "GET", "/v1/company/custom-reports/reports/"+report, "")
	var shown []string
	for _, a := range at(body, "data.0.attributes.items.0.attributes").([]any) {
		shown = append(shown, at(a, "attribute_id").(string))
	}
	if !slices.Contains(shown, "fix_salary") {
		t.Errorf("the report shows %v", shown)
	}

	// The picture: as if it were not there.
	picture := "/v1/company/employees/" + id + "/profile-picture/100"
	f.want("the picture, not listed", f.status(none, "GET", picture), 404)
	resp, data := fetch(t, f.api+picture, f.v1(f.mint("employees:read", "Profile Picture")))
	if resp.Header.Get("Authorization") == "" {
		t.Error("no token comes with a picture")
	}
	f.want("listed", resp.StatusCode, 200)
	f.want("as an image", resp.Header.Get("Content-Type"), "image/png")
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Error("it is no PNG:", err)
	}
}

func keysOf(v any) []string {
	var names []string
	m, _ := v.(map[string]any)
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestPersonioPages(t *testing.T) {
	f := startPersonio(t)
	token := f.signed("employees:read attendances:read personio:persons:read")
	_, body, _ := f.call(token, "GET", "/v1/company/employees", "")
	f.want("employees on a page", len(body["data"].([]any)), 10)
	f.want("limit", body["limit"], 10.0)
	total := at(body, "metadata.total_elements").(float64)
	_, body, _ = f.call(token, "GET", "/v1/company/employees?limit=10&offset=10", "")
	f.want("the rest", float64(len(body["data"].([]any))), total-10)
	f.want("page", at(body, "metadata.current_page"), 1.0)
	f.want("pages", at(body, "metadata.total_pages"), 2.0)

	f = serveVendor(t, "personio", reference.Options{Rows: 25})
	token = f.signed("personio:persons:read")
	seen := map[any]bool{}
	for path := "/v2/persons"; path != ""; {
		_, body, _ := f.call(token, "GET", path, "")
		for _, p := range body["_data"].([]any) {
			seen[at(p, "id")] = true
		}
		next, _ := at(body, "_meta.links.next.href").(string)
		path = strings.TrimPrefix(next, f.api)
	}
	f.want("persons on all pages", len(seen), 25)
	f.want("a page that is too large", f.status(token, "GET", "/v2/persons?limit=51"), 400)
}

func TestPersonioWrites(t *testing.T) {
	f := startPersonio(t)
	token := f.signed("employees:read employees:write attendances:read attendances:write absences:read absences:write documents:write personio:persons:read personio:persons:write personio:absences:read")
	status, body, _ := f.call(token, "POST", "/v1/company/employees", `{"employee":{"first_name":"Ada","email":"ada@demo.example"}}`)
	f.want("a new employee", status, 200)
	f.want("message", at(body, "data.message"), "success")
	id := fmt.Sprint(at(body, "data.id"))
	f.want("is there", f.status(token, "GET", "/v1/company/employees/"+id), 200)
	_, body, _ = f.call(token, "GET", "/v1/company/employees?email=ada@demo.example", "")
	f.want("and found", at(body, "data.0.attributes.first_name.value"), "Ada")

	status, body, _ = f.call(token, "POST", "/v1/company/attendances", `{"attendances":[{"employee":`+id+`,"date":"2026-01-20"},{"date":"2026-01-21"}]}`)
	f.want("attendances", status, 200)
	ids := at(body, "data.id").([]any)
	f.want("how many", len(ids), 2)
	status, body, _ = f.call(token, "DELETE", fmt.Sprintf("/v1/company/attendances/%v", ids[0]), "")
	f.want("deleting one", fmt.Sprint(status, at(body, "data.message")), "200The attendance period was deleted.")
	status, body, _ = send(t, "POST", f.api+"/v1/company/time-offs", "start_date=2026-03-01", "Authorization", "Bearer "+token, "Content-Type", "application/x-www-form-urlencoded")
	f.want("a time-off from a form", fmt.Sprint(status, at(body, "data.type"), at(body, "data.attributes.start_date")), "200TimeOffPeriod2026-03-01")
	f.want("deleting absences is not decided", f.status(token, "DELETE", fmt.Sprintf("/v1/company/time-offs/%v", at(body, "data.attributes.id"))), 403)

	status, body, _ = f.call(token, "POST", "/v2/persons", `{"first_name":"Ada"}`)
	f.want("a new person", status, 201)
	f.want("changing it", f.status(token, "PATCH", "/v2/persons/"+body["id"].(string)), 204)

	f = startPersonio(t, "absence-delete=absences")
	token = f.signed("absences:read absences:write")
	_, body, _ = f.call(token, "GET", "/v1/company/time-offs", "")
	f.want("as the older article has it", f.status(token, "DELETE", fmt.Sprintf("/v1/company/time-offs/%v", at(body, "data.0.attributes.id"))), 200)
}

// The recruiting key is a credential of its own.
func TestPersonioRecruiting(t *testing.T) {
	f := startPersonio(t)
	post := func(path, token string, headers ...string) int {
		status, _, _ := send(t, "POST", f.api+path, "{}", append(headers, "Authorization", "Bearer "+token, "Content-Type", "application/json")...)
		return status
	}
	id, key := f.mint("recruiting:api-key")
	const path = "/v1/recruiting/applications"
	f.want("the key and the company", post(path, key, "X-Company-ID", "4711"), 201)
	f.want("another company", post(path, key, "X-Company-ID", "1"), 401)
	f.want("no company", post(path, key), 401)
	f.want("a token", post(path, f.signed("personio:recruiting:read employees:write"), "X-Company-ID", "4711"), 401)
	f.want("v2 with the key", f.status(key, "GET", "/v2/recruiting/candidates"), 401)
	f.want("v2 with a token", f.status(f.signed("personio:recruiting:read"), "GET", "/v2/recruiting/candidates"), 200)
	status, body := f.form("/v1/auth", "client_id", id, "client_secret", key)
	f.want("signing in with it", fmt.Sprint(status, at(body, "error.message")), "401Wrong credentials")
	status, _ = f.form("/recruiting/applicant", "access_token", key, "company_id", "4711")
	f.want("the old call", status, 200)
	status, _ = f.form("/recruiting/applicant", "access_token", key, "company_id", "12")
	f.want("the old call for another company", status, 403)

	f = startPersonio(t, "recruiting-feature=absent")
	_, key = f.mint("recruiting:api-key")
	f.want("without the feature", post(path, key, "X-Company-ID", "4711"), 403)
	f = startPersonio(t, "unstated=any-token", "legal-entities-feature=absent")
	f.want("without legal entities", f.status(f.signed(""), "GET", "/v2/legal-entities"), 412)
}

func TestPersonioLifeCycle(t *testing.T) {
	f := startPersonio(t)
	id, secret := f.mint("personio:persons:read")
	token := f.v2(id, secret)
	act := func(action string, want int) map[string]any {
		t.Helper()
		status, body := f.adminCall("POST", "/keys/"+id+"/"+action, nil)
		f.want(action, status, want)
		return body
	}
	signIn := func() string {
		_, body := f.form("/v2/auth/token", "grant_type", "client_credentials", "client_id", id, "client_secret", secret)
		return fmt.Sprint(body["error"])
	}
	act("disable", 200)
	f.want("disabled: its token", f.status(token, "GET", "/v2/persons"), 401)
	f.want("disabled: signing in", signIn(), "invalid_client")
	act("enable", 200)
	f.want("enabled again", f.status(token, "GET", "/v2/persons"), 200)
	reset := act("reset", 200)["secret"].(string)
	f.want("reset: the old token", f.status(token, "GET", "/v2/persons"), 401)
	f.want("reset: the old secret", signIn(), "invalid_client")
	secret = reset
	token = f.v2(id, secret)
	f.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{}})
	f.want("a right that was taken away", f.status(token, "GET", "/v2/persons"), 403)
	act("disconnect", 204)
	f.want("disconnected", f.status(token, "GET", "/v2/persons"), 401)
	act("enable", 404)

	system, _ := f.mint("recruiting:api-key")
	status, _ := f.adminCall("PATCH", "/keys/"+system, map[string]any{"grants": []string{"employees:read"}})
	f.want("editing a credential of the system", status, 409)

	f = startPersonio(t, "tokens-after-disable=stale", "tokens-after-disconnect=stale", "tokens-after-reset=stale", "tokens-after-regrant=stale", "disabled-error=access_denied")
	id, secret = f.mint("personio:persons:read")
	token = f.v2(id, secret)
	f.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{}})
	f.want("stale: regranted", f.status(token, "GET", "/v2/persons"), 200)
	f.want("stale: a new token", f.status(f.v2(id, secret), "GET", "/v2/persons"), 403)
	secret = act("reset", 200)["secret"].(string)
	f.want("stale: reset", f.status(token, "GET", "/v2/persons"), 200)
	act("disable", 200)
	f.want("stale: disabled", f.status(token, "GET", "/v2/persons"), 200)
	f.want("its error", signIn(), "access_denied")
	act("disconnect", 204)
	f.want("stale: disconnected", f.status(token, "GET", "/v2/persons"), 200)
}

// Tokens end after 24 hours.
func TestPersonioTokensEnd(t *testing.T) {
	now := time.Now()
	f := serveVendor(t, "personio", reference.Options{Now: func() time.Time { return now }})
	token := f.signed("personio:persons:read")
	now = now.Add(24*time.Hour - time.Second)
	f.want("just before", f.status(token, "GET", "/v2/persons"), 200)
	now = now.Add(time.Second)
	f.want("after it", f.status(token, "GET", "/v2/persons"), 401)
}

// A webhook keeps firing when who made it may no longer manage it.
func TestPersonioWebhooks(t *testing.T) {
	heard := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		_, _ = b.ReadFrom(r.Body)
		heard <- b.String()
	}))
	defer receiver.Close()
	f := startPersonio(t)
	id, secret := f.mint("personio:webhooks:read personio:webhooks:write personio:persons:write")
	token := f.v2(id, secret)
	status, body, _ := f.call(token, "POST", "/v2/webhooks", `{"url":"`+receiver.URL+`","enabled_events":["person.created"]}`)
	f.want("a webhook", fmt.Sprint(status, body["status"]), "201DISABLED")
	hook := "/v2/webhooks/" + body["id"].(string)
	f.call(token, "POST", "/v2/persons", `{}`)
	f.call(token, "PATCH", hook, `{"status":"ENABLED"}`)
	f.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{"personio:persons:write"}})
	f.want("managing it", f.status(token, "GET", hook), 403)
	f.call(token, "POST", "/v2/persons", `{}`)
	select {
	case text := <-heard:
		if !strings.Contains(text, `"event":"person.created"`) {
			t.Errorf("the webhook was told %s", text)
		}
	case <-time.After(5 * time.Second):
		t.Error("the webhook was told nothing")
	}
	reader := f.signed("personio:webhooks:read")
	_, body, _ = f.call(reader, "GET", hook+"/events", "")
	f.want("its events", len(body["_data"].([]any)), 1)
	f.want("the event", at(body, "_data.0.event"), "person.created")
}

func TestPersonioReportsOfV2(t *testing.T) {
	f := startPersonio(t)
	token := f.signed("reports.custom:read")
	ids := map[any]bool{}
	_, body, _ := f.call(token, "GET", "/v1/company/custom-reports/reports", "")
	for _, r := range body["data"].([]any) {
		ids[at(r, "attributes.id")] = true
	}
	_, body, _ = f.call(token, "GET", "/v2/reports", "")
	for _, r := range body["_data"].([]any) {
		f.want("an enabled report", f.status(token, "GET", "/v2/reports/"+at(r, "id").(string)), 200)
		delete(ids, at(r, "id"))
	}
	if len(ids) == 0 {
		t.Fatal("every report is enabled")
	}
	for id := range ids {
		f.want("a report that is not enabled", f.status(token, "GET", "/v2/reports/"+id.(string)), 404)
	}
}

// The file has the keys and their grants, whatever ended the server; tokens end with it.
func TestPersonioState(t *testing.T) {
	state := filepath.Join(t.TempDir(), "keys")
	f := serveVendor(t, "personio", reference.Options{State: state})
	id, secret := f.mint("employees:read", "email")
	token := f.v2(id, secret)
	data, err := os.ReadFile(state) // as it is when the server is killed now
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(token)) {
		t.Error("the file holds a secret")
	}
	copied := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(copied, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f = serveVendor(t, "personio", reference.Options{State: copied})
	f.want("a token of the server before", f.status(token, "GET", "/v1/company/employees"), 401)
	_, body, _ := f.call(f.v2(id, secret), "GET", "/v1/company/employees", "")
	f.want("attributes", keysOf(at(body, "data.0.attributes")), []string{"email", "id"})
}

func TestPersonioLimits(t *testing.T) {
	now := time.Now()
	f := serveVendor(t, "personio", reference.Options{Now: func() time.Time { return now }, Switches: map[string]string{"limits": "on"}})
	id, secret := f.mint("employees:read")
	sign := func() int {
		status, _ := f.form("/v1/auth", "client_id", id, "client_secret", secret)
		return status
	}
	for range 60 {
		f.want("within the limit", sign(), 200)
	}
	f.want("beyond it", sign(), 429)
	now = now.Add(59 * time.Second)
	f.want("still", sign(), 429)
	now = now.Add(2 * time.Second)
	f.want("a minute later", sign(), 200)
}

// Every switch decides what it says, with its first value where nobody sets it.
func TestPersonioSwitches(t *testing.T) {
	opens := func(grants, method, path string) func(*fixture) string {
		return func(f *fixture) string { return fmt.Sprint(f.status(f.signed(grants), method, path)) }
	}
	after := func(change func(f *fixture, id string)) func(*fixture) string {
		return func(f *fixture) string {
			id, secret := f.mint("personio:persons:read")
			token := f.v2(id, secret)
			change(f, id)
			return fmt.Sprint(f.status(token, "GET", "/v2/persons"))
		}
	}
	act := func(action string) func(*fixture) string {
		return after(func(f *fixture, id string) { f.adminCall("POST", "/keys/"+id+"/"+action, nil) })
	}
	signIn := func(prepare func(f *fixture, id string), more ...string) func(*fixture) string {
		return func(f *fixture) string {
			id, secret := f.mint("personio:persons:read")
			prepare(f, id)
			_, body := f.form("/v2/auth/token", append([]string{"grant_type", "client_credentials", "client_id", id, "client_secret", secret}, more...)...)
			return fmt.Sprint(body["error"])
		}
	}
	nothing := func(*fixture, string) {}
	message := func(f *fixture, path string) string {
		_, body, _ := f.call(f.signed(""), "GET", path, "")
		return fmt.Sprint(at(body, "error.code"))
	}
	tests := map[string]struct {
		ask  func(*fixture) string
		want []string // for each value
	}{
		"v1-tokens": {func(f *fixture) string {
			token := f.v1(f.mint("employees:read"))
			f.status(token, "GET", "/v1/company/employees")
			return fmt.Sprint(f.status(token, "GET", "/v1/company/employees"))
		}, []string{"401", "200"}},
		"token-reach":             {opens("employees:read", "GET", "/v1/company/employees"), []string{"200", "401"}},
		"tokens-after-regrant":    {after(func(f *fixture, id string) { f.adminCall("PATCH", "/keys/"+id, map[string]any{"grants": []string{}}) }), []string{"403", "200"}},
		"tokens-after-disable":    {act("disable"), []string{"401", "200"}},
		"tokens-after-disconnect": {act("disconnect"), []string{"401", "200"}},
		"tokens-after-reset":      {act("reset"), []string{"401", "200"}},
		"disabled-error": {signIn(func(f *fixture, id string) { f.adminCall("POST", "/keys/"+id+"/disable", nil) }),
			[]string{"invalid_client", "unauthorized_client", "access_denied"}},
		"scope-not-held": {signIn(nothing, "scope", "employees:write"), []string{"invalid_grant", "invalid_scope"}},
		"wrong-credentials": {func(f *fixture) string {
			status, _ := f.form("/v1/auth", "client_id", "key-1", "client_secret", "wrong")
			return fmt.Sprint(status)
		}, []string{"401", "403"}},
		"forbidden-message": {func(f *fixture) string { return message(f, "/v1/company/attendances") }, []string{"403", "0"}},
		"v2-unauthorized": {func(f *fixture) string {
			_, body, _ := f.call("", "GET", "/v2/persons", "")
			return fmt.Sprint(body["errors"] != nil)
		}, []string{"true", "false"}},
		"revoke-needs-token": {func(f *fixture) string {
			status, _ := f.form("/v2/auth/revoke", "token", f.signed(""))
			return fmt.Sprint(status)
		}, []string{"200", "401"}},
		"unlisted-attributes": {func(f *fixture) string {
			return fmt.Sprint(f.status(f.signed("employees:read", "email"), "GET", "/v1/company/employees?attributes[]=first_name"))
		}, []string{"200", "400"}},
		"v1-id": {func(f *fixture) string {
			_, body, _ := f.call(f.signed("employees:read", "email"), "GET", "/v1/company/employees", "")
			return fmt.Sprint(keysOf(at(body, "data.0.attributes")))
		}, []string{"[email id]", "[email]"}},
		"applicant-key": {func(f *fixture) string {
			_, key := f.mint("recruiting:api-key")
			status, _, _ := send(t, "POST", f.api+"/recruiting/applicant", "{}", "Authorization", "Bearer "+key, "X-Company-ID", "4711", "Content-Type", "application/json")
			return fmt.Sprint(status)
		}, []string{"403", "200"}},
		"recruiting-feature": {func(f *fixture) string {
			_, key := f.mint("recruiting:api-key")
			status, _, _ := send(t, "POST", f.api+"/v1/recruiting/applications", "{}", "Authorization", "Bearer "+key, "X-Company-ID", "4711", "Content-Type", "application/json")
			return fmt.Sprint(status)
		}, []string{"201", "403"}},
		"legal-entities-feature": {opens("", "GET", "/v2/legal-entities"), []string{"200", "412"}},
		"pages": {func(f *fixture) string {
			status, _, header := send(t, "GET", f.api+"/v2/persons", "", "Authorization", "Bearer "+f.signed("personio:persons:read"), "Origin", "https://elsewhere.example")
			return fmt.Sprint(status, header.Get("Access-Control-Allow-Origin"))
		}, []string{"200", "403"}},
		"limits": {func(f *fixture) string {
			id, secret := f.mint("")
			for range 60 {
				f.form("/v1/auth", "client_id", id, "client_secret", secret)
			}
			status, _ := f.form("/v1/auth", "client_id", id, "client_secret", secret)
			return fmt.Sprint(status)
		}, []string{"200", "429"}},
		"absence-delete": {func(f *fixture) string {
			token := f.signed("absences:read absences:write")
			_, body, _ := f.call(token, "GET", "/v1/company/absence-periods", "")
			return fmt.Sprint(f.status(token, "DELETE", "/v1/company/absence-periods/"+at(body, "data.0.attributes.id").(string)))
		}, []string{"403", "200"}},
		"absence-balance": {opens("absences:read", "GET", "/v1/company/employees/32561/absences/balance"), []string{"403", "403", "200"}},
		"projects":        {opens("attendances:read", "GET", "/v1/company/attendances/projects"), []string{"403", "200"}},
		"reports":         {opens("reports.custom:read", "GET", "/v2/reports"), []string{"200", "403"}},
		"documents":       {opens("documents:read", "GET", "/v2/document-management/documents"), []string{"403", "200"}},
		"person-delete":   {opens("personio:persons:write", "DELETE", "/v2/persons/84171"), []string{"403", "204"}},
		"employments":     {opens("personio:persons:read", "GET", "/v2/persons/84171/employments"), []string{"403", "200"}},
		"webhook-actions": {func(f *fixture) string {
			_, body, _ := f.call(f.signed("personio:webhooks:read"), "GET", "/v2/webhooks", "")
			return fmt.Sprint(f.status(f.signed("personio:webhooks:write"), "POST", "/v2/webhooks/"+at(body, "_data.0.id").(string)+"/ping"))
		}, []string{"403", "200"}},
		"unstated": {opens("", "GET", "/v2/workplaces"), []string{"403", "200"}},
	}
	for _, sw := range reference.Switches("personio") {
		tt, ok := tests[sw.Name]
		if !ok || len(tt.want) != len(sw.Values) {
			t.Errorf("switch %s is not tried with each of %v", sw.Name, sw.Values)
			continue
		}
		for i, value := range sw.Values {
			settings := []string{sw.Name + "=" + value}
			if sw.Name == "legal-entities-feature" {
				settings = append(settings, "unstated=any-token")
			}
			if got := tt.ask(startPersonio(t, settings...)); got != tt.want[i] {
				t.Errorf("%s=%s: got %s, want %s", sw.Name, value, got, tt.want[i])
			}
		}
		if !strings.HasPrefix(sw.Source, "https://") || sw.What == "" {
			t.Errorf("switch %s: %+v", sw.Name, sw)
		}
	}
}

// Whatever bytes come, Personio's server answers, and never with an attribute that the
// credential's list does not name.
func FuzzServePersonio(f *testing.F) {
	for _, seed := range []string{
		"GET /v1/company/employees?limit=3&offset=1&attributes[]=email&email=a HTTP/1.1\r\n\r\n",
		"GET /v1/company/employees/32561/profile-picture/75 HTTP/1.1\r\n\r\n",
		"GET /v2/persons?limit=50&cursor=cm93czox HTTP/1.1\r\n\r\n",
		"PATCH /v1/company/employees/32561 HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n{\"employee\":{\"first_name\":[{}]}}",
		"POST /v1/company/attendances HTTP/1.1\r\nContent-Length: 44\r\n\r\n{\"attendances\":[{\"employee\":1e99},7,null,{}]}",
		"POST /v1/company/employees HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 37\r\n\r\nemployee[first_name]=a&employee=b&]=[",
		"POST /v1/company/documents HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 70\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\na\r\n--x--\r\n",
		"POST /v2/auth/token HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 67\r\n\r\ngrant_type=client_credentials&client_id=key-1&client_secret=x&scope=",
		"POST /v1/auth?client_id=key-1&client_secret=x HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
		"POST /recruiting/applicant HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 30\r\n\r\naccess_token=x&company_id=4711",
		"GET /v1/company/custom-reports/reports/x HTTP/1.1\r\n\r\n", "DELETE /v2/persons/84171 HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	c, err := catalogs.Load(catalogs.VendorPrefix + "personio")
	if err != nil {
		f.Fatal(err)
	}
	srv, err := reference.New(c, reference.Options{Vendor: "personio", AdminToken: token, Switches: map[string]string{"unstated": "any-token"}})
	if err != nil {
		f.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	f.Cleanup(api.Close)
	f.Cleanup(admin.Close)
	fix := &fixture{f, srv, api.URL, admin.URL}
	credential := fix.v2(fix.mint("employees:read employees:write attendances:read attendances:write absences:read absences:write documents:read documents:write personio:persons:read personio:persons:write", "first_name"))
	var hidden []string
	for _, object := range []string{"employee", "person"} {
		_, body := fix.adminCall("GET", "/objects/"+object, nil)
		for _, o := range body["data"].([]any) {
			hidden = append(hidden, at(o, "last_name").(string), at(o, "email").(string))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		req.RemoteAddr = "127.0.0.1:1"
		if len(req.Header["Authorization"]) == 0 {
			req.Header.Set("Authorization", "Bearer "+credential)
		}
		w := httptest.NewRecorder()
		srv.API().ServeHTTP(w, req)
		if w.Code < 200 || w.Code > 599 {
			t.Fatalf("status %d", w.Code)
		}
		for _, word := range hidden {
			if strings.Contains(w.Body.String(), word) && !bytes.Contains(data, []byte(word)) {
				t.Fatalf("the answer %d to %q shows %s", w.Code, data, word)
			}
		}
	})
}
