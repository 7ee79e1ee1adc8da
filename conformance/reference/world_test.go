package reference_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/reference"
)

// A board is a running server of the built-in catalog, with a clock of its own.
type board struct {
	*fixture
	now atomic.Int64 // seconds after the start
}

func startBoard(t *testing.T, opts reference.Options) *board {
	t.Helper()
	b := &board{}
	began := time.Now()
	opts.AdminToken = token
	opts.Now = func() time.Time { return began.Add(time.Duration(b.now.Load()) * time.Second) }
	srv, err := reference.New(reference.Board(), opts)
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	b.fixture = &fixture{t, srv, api.URL, admin.URL}
	return b
}

// mint makes a key of what the admin API takes and returns its id and secret.
func (b *board) mint(of map[string]any) (id, secret string) {
	b.t.Helper()
	status, body := b.adminCall("POST", "/keys", of)
	if status != http.StatusCreated {
		b.t.Fatalf("minting %v: %d %v", of, status, body)
	}
	return body["id"].(string), body["secret"].(string)
}

// all makes a key that holds everything.
func (b *board) all() string {
	var every []perm.Permission
	for _, p := range reference.Board().Permissions {
		every = append(every, p.ID)
	}
	_, secret := b.key(every...)
	return secret
}

// holder makes a key that holds the grants, sharing positions by an option.
func (b *board) holder(option string, grants ...string) string {
	of := map[string]any{"grants": grants}
	if option != "" {
		of["sharing"] = map[string]string{"position": option}
	}
	_, secret := b.mint(of)
	return secret
}

// ask sends "METHOD /path" or "METHOD /path BODY" and returns the status and the body.
func (b *board) ask(secret, line string, headers ...string) (int, map[string]any) {
	b.t.Helper()
	status, body, _ := b.full(secret, line, headers...)
	return status, body
}

func (b *board) full(secret, line string, headers ...string) (int, map[string]any, http.Header) {
	b.t.Helper()
	parts := strings.SplitN(line, " ", 3)
	body := ""
	if len(parts) == 3 {
		body = parts[2]
	}
	if secret != "" {
		headers = append([]string{"Authorization", "Bearer " + secret}, headers...)
	}
	return send(b.t, parts[0], b.api+parts[1], body, headers...)
}

// st is the status alone.
func (b *board) st(secret, line string, headers ...string) string {
	b.t.Helper()
	status, _ := b.ask(secret, line, headers...)
	return fmt.Sprint(status)
}

// ids lists the ids that an answer's data holds.
func (b *board) ids(secret, line string) string {
	b.t.Helper()
	_, body := b.ask(secret, line)
	return idsOf(body["data"])
}

func idsOf(v any) string {
	list, _ := v.([]any)
	ids := []string{}
	for _, row := range list {
		o, _ := row.(map[string]any)
		ids = append(ids, fmt.Sprint(o["id"]))
	}
	return strings.Join(ids, " ")
}

// n counts the rows of an answer.
func (b *board) n(secret, line string) string {
	b.t.Helper()
	_, body := b.ask(secret, line)
	list, ok := body["data"].([]any)
	if !ok {
		return fmt.Sprint(body)
	}
	return fmt.Sprint(len(list))
}

// field is one member of an answer, as text.
func (b *board) field(secret, line, name string) string {
	b.t.Helper()
	_, body := b.ask(secret, line)
	v, ok := body[name]
	if !ok {
		return "absent"
	}
	data, err := json.Marshal(v)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(data)
}

// raw sends a request line as it stands, which net/http would rewrite or refuse to send.
func (b *board) raw(secret, method, target string, headers ...string) string {
	b.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.api, "http://"))
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close()
	host := "127.0.0.1:1"
	lines := []string{method + " " + target + " HTTP/1.1", "Connection: close"}
	if secret != "" {
		lines = append(lines, "Authorization: Bearer "+secret)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			host = headers[i+1]
			continue
		}
		lines = append(lines, headers[i]+": "+headers[i+1])
	}
	lines = append(lines, "Host: "+host)
	if _, err := io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\n\r\n"); err != nil {
		b.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	text := fmt.Sprint(resp.StatusCode)
	if method == "OPTIONS" || method == "TRACE" {
		text += fmt.Sprintf(" %t", strings.Contains(string(data), "positions-1"))
	}
	return text
}

// acts does something to a key through the admin API.
func (b *board) acts(method, path string, in any) {
	b.t.Helper()
	if status, body := b.adminCall(method, path, in); status >= 300 {
		b.t.Fatalf("%s %s: %d %v", method, path, status, body)
	}
}

// acao is the status and the Access-Control headers of an answer to an origin.
func (b *board) acao(secret, line, origin string, headers ...string) string {
	b.t.Helper()
	_, _, h := b.full(secret, line, append([]string{"Origin", origin}, headers...)...)
	var found []string
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") || name == "Timing-Allow-Origin" || name == "Cross-Origin-Resource-Policy" {
			found = append(found, name+": "+strings.Join(h[name], ", "))
		}
	}
	slices.Sort(found)
	return strings.Join(found, "; ")
}

const (
	preflight = "OPTIONS /v1/positions"
	acrm      = "Access-Control-Request-Method"
	acrh      = "Access-Control-Request-Headers"
	evil      = "https://evil.example"
)

// A planting is one fault, one question to a server, and the answers of a right server and
// of one with the fault. The questions are sent over HTTP by this test alone.
type planting struct {
	fault        string // with @METHOD /path where the first route that it suits is not meant
	ask          func(b *board) string
	right, wrong string
	block        bool
}

// twice says the question's two answers.
func pair(a, b string) string { return a + " " + b }

var plantings = []planting{
	// A. Operations
	{"missing-check@GET /v1/stats", func(b *board) string { return b.st(b.holder(""), "GET /v1/stats") }, "403", "200", false},
	{"forgotten-method@DELETE /v1/positions/{id}", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "GET /v1/positions/positions-1"), b.st(s, "DELETE /v1/positions/positions-1"))
	}, "403 403", "403 204", false},
	{"unguarded-route@GET /v1/stats", func(b *board) string { return b.st("", "GET /v1/stats") }, "401", "200", false},
	{"weaker-permission@PATCH /v1/departments/{id}", func(b *board) string {
		return b.st(b.holder("", "departments.read"), `PATCH /v1/departments/departments-1 {"name":"x"}`)
	}, "403", "200", false},
	{"read-opens-write", func(b *board) string {
		return b.st(b.holder("", "departments.read"), `PATCH /v1/departments/departments-1 {"name":"x"}`)
	}, "403", "200", false},
	{"wrong-permission@GET /v1/stats", func(b *board) string { return b.st(b.holder("", "stats.read"), "GET /v1/stats") }, "200", "403", false},
	{"more-grants-see-fewer-records@GET /v1/departments", func(b *board) string {
		return pair(b.n(b.holder("", "departments.read"), "GET /v1/departments"), b.n(b.all(), "GET /v1/departments"))
	}, "3 3", "3 2", false},
	{"parent-opens-children@GET /v1/positions/{id}/applications", func(b *board) string {
		return b.st(b.holder("", "positions.read"), "GET /v1/positions/positions-1/applications")
	}, "403", "200", false},
	{"prefix-match", func(b *board) string { return b.st(b.holder("", "positions.read_salary"), "GET /v1/positions") }, "403", "200", false},
	{"substring-match", func(b *board) string { return b.st(b.holder("", "archive.positions.read"), "GET /v1/positions") }, "403", "200", false},
	{"toggle-too-wide", func(b *board) string { return b.st(b.holder("", "positions.manage"), "GET /v1/stats") }, "403", "200", false},
	{"toggle-ignored", func(b *board) string { return b.st(b.holder("", "positions.manage"), "GET /v1/positions") }, "200", "403", false},
	{"router-folds-case", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "GET /v1/Positions"), b.st(s, "GET /v1/positions"))
	}, "404 403", "200 403", false},
	{"or-instead-of-and", func(b *board) string {
		return b.st(b.holder("", "positions.update"), "POST /v1/positions/positions-1/publish {}")
	}, "403", "200", false},
	{"and-instead-of-or@GET /v1/departments", func(b *board) string {
		return b.st(b.holder("", "departments.read"), "GET /v1/departments")
	}, "200", "403", false},
	{"default-allow", func(b *board) string { return b.st(b.holder(""), "GET /v0/positions") }, "404", "200", false},
	{"second-version-unguarded", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "GET /v1/positions"), b.st(s, "GET /v2/positions"))
	}, "403 403", "403 200", false},
	{"unlisted-version-served", rawPaths("/v0/positions", "/internal/v1/positions"), "404 404", "200 200", false},
	{"unlisted-method-served", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, `PUT /v2/positions/positions-1 {"title":"x"}`), b.st(s, "PUT /v2/applications/applications-1 {}"))
	}, "405 405", "200 405", false},
	{"alias-method-unguarded", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "PUT /v1/positions/positions-1 {}"), b.st(s, "PATCH /v1/positions/positions-1 {}"))
	}, "403 403", "403 200", false},
	{"inverted-condition@GET /v1/stats", func(b *board) string {
		return pair(b.st(b.holder("", "stats.read"), "GET /v1/stats"), b.st(b.holder(""), "GET /v1/stats"))
	}, "200 403", "403 200", false},
	{"effect-before-refusal@PATCH /v1/departments/{id}", func(b *board) string {
		status := b.st(b.holder(""), `PATCH /v1/departments/departments-1 {"name":"changed"}`)
		return pair(status, b.field(b.all(), "GET /v1/departments/departments-1", "name"))
	}, `403 "Department 1"`, `403 "changed"`, false},
	{"empty-grant-is-all", func(b *board) string { return b.st(b.holder(""), "GET /v1/keys") }, "403", "200", false},
	{"hidden-dependency@GET /v1/stats", func(b *board) string { return b.st(b.holder("", "stats.read"), "GET /v1/stats") }, "200", "403", false},
	{"read-needs-write@GET /v1/departments/{id}", func(b *board) string {
		return b.st(b.holder("", "departments.read"), "GET /v1/departments/departments-1")
	}, "200", "403", false},
	{"more-grants-see-less@GET /v1/stats", func(b *board) string {
		return pair(b.st(b.holder("", "stats.read"), "GET /v1/stats"), b.st(b.all(), "GET /v1/stats"))
	}, "200 200", "200 403", false},

	// B. Grants
	{"key-mints-stronger", func(b *board) string {
		status, body := b.ask(b.holder("published", "keys.manage", "positions.read"), `POST /v1/keys {"grants":["stats.read"]}`)
		secret, _ := body["secret"].(string)
		if secret == "" {
			return fmt.Sprint(status)
		}
		return pair(fmt.Sprint(status), b.st(secret, "GET /v1/stats"))
	}, "403", "201 200", false},
	{"key-edits-itself", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"positions.read"}})
		return pair(b.st(s, "PATCH /v1/keys/"+id+` {"grants":["stats.read"]}`), b.st(s, "GET /v1/stats"))
	}, "403 403", "200 200", false},
	{"key-edits-stronger", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{}})
		return pair(b.st(b.holder("", "keys.manage"), "PATCH /v1/keys/"+id+` {"grants":["stats.read"]}`), b.st(s, "GET /v1/stats"))
	}, "403 403", "200 200", false},
	{"mass-assignment-on-create@POST /v1/candidates", func(b *board) string {
		_, body := b.ask(b.holder("", "candidates.create"), `POST /v1/candidates {"full_name":"x","source":"careers-site"}`)
		return fmt.Sprint(b.field(b.all(), "GET /v1/candidates/"+fmt.Sprint(body["id"]), "source") == `"careers-site"`)
	}, "false", "true", false},
	{"mass-assignment-on-create@POST /v1/positions", func(b *board) string {
		return b.st(b.holder("", "positions.create"), `POST /v1/positions {"title":"x","salary":1}`)
	}, "403", "201", false},
	{"mass-assignment-on-update@PATCH /v1/positions/{id}", func(b *board) string {
		status := b.st(b.holder("", "positions.update"), `PATCH /v1/positions/positions-1 {"salary":1}`)
		return pair(status, b.field(b.all(), "GET /v1/positions/positions-1", "salary"))
	}, "403 50011", "200 1", false},
	{"impersonation-header", func(b *board) string {
		id, _ := b.mint(map[string]any{"grants": []string{"stats.read"}, "name": "boss"})
		weak := b.holder("")
		return pair(b.st(weak, "GET /v1/stats", "X-Impersonate", id), b.st(weak, "GET /v1/stats", "On-Behalf-Of", "boss"))
	}, "403 403", "200 200", false},
	{"role-header-trusted", func(b *board) string {
		weak := b.holder("")
		return pair(b.st(weak, "GET /v1/stats", "X-Role", "admin"), b.st(weak, "GET /v1/stats?role=admin"))
	}, "403 403", "200 200", false},
	{"key-management-open", func(b *board) string {
		id, _ := b.mint(map[string]any{"grants": []string{"stats.read"}})
		weak := b.holder("")
		return pair(b.st(weak, "GET /v1/keys"), b.st(weak, "DELETE /v1/keys/"+id))
	}, "403 403", "200 204", false},

	// C. Authentication
	{"anonymous-passes@GET /v1/positions", func(b *board) string { return b.st("", "GET /v1/positions") }, "401", "200", false},
	{"invalid-key-is-anonymous", func(b *board) string {
		unknown := "pcref_" + strings.Repeat("X", 26)
		return pair(b.st("", "GET /v1/categories"), b.st(unknown, "GET /v1/categories"))
	}, "200 401", "200 200", false},
	{"unknown-key-passes", func(b *board) string { return b.st("pcref_"+strings.Repeat("X", 26), "GET /v1/positions") }, "401", "200", false},
	{"key-prefix-compared", func(b *board) string {
		s := b.all()
		return pair(b.st(s[:len(s)-4]+"AAAA", "GET /v1/positions"), b.st(s[:len(s)-4], "GET /v1/positions"))
	}, "401 401", "200 200", false},
	{"key-case-ignored", func(b *board) string {
		s := b.all()
		return pair(b.st(strings.ToLower(s), "GET /v1/positions"), b.st(s, "GET /v1/positions"))
	}, "401 200", "200 200", false},
	{"malformed-key-passes", func(b *board) string { return b.st("!", "GET /v1/positions") }, "401", "200", false},
	{"empty-key-accepted", func(b *board) string {
		return pair(b.st("", "GET /v1/positions", "Authorization", "Bearer "), b.st("", "GET /v1/positions", "Authorization", "Bearer null"))
	}, "401 401", "200 200", false},
	{"key-in-query", func(b *board) string {
		s := b.all()
		return pair(b.st("", "GET /v1/positions?access_token="+s), b.st("", "GET /v1/positions?api_key="+s))
	}, "401 401", "200 200", false},
	{"key-in-cookie", func(b *board) string { return b.st("", "GET /v1/positions", "Cookie", "session="+b.all()) }, "401", "200", false},
	{"second-credential-wins", func(b *board) string {
		strong, weak := b.all(), b.holder("")
		return pair(b.st(weak, "GET /v1/positions", "Authorization", "Bearer "+strong), b.st(weak, "GET /v1/positions?access_token="+strong))
	}, "401 403", "200 200", false},
	{"wrong-scheme-accepted", func(b *board) string {
		s := b.all()
		basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s+":anything"))
		return pair(b.st("", "GET /v1/positions", "Authorization", basic), b.st("", "GET /v1/positions", "Authorization", "Token "+s))
	}, "401 401", "200 200", false},
	{"forms-swapped", func(b *board) string {
		return pair(b.st("", "GET /v1/positions"), b.st(b.holder(""), "GET /v1/positions"))
	}, "401 403", "403 401", false},
	{"introspection-accepts-dead-keys@GET /v1/me", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{}})
		b.acts("POST", "/keys/"+id+"/disable", nil)
		parked := b.st(s, "GET /v1/me")
		b.acts("DELETE", "/keys/"+id, nil)
		return parked + " " + pair(b.st(s, "GET /v1/me"), b.st(s, "GET /v2/me"))
	}, "401 401 401", "200 200 401", false},
	{"no-www-authenticate", func(b *board) string {
		_, _, h := b.full("", "GET /v1/positions")
		return fmt.Sprint(h.Get("WWW-Authenticate") != "")
	}, "true", "false", false},

	// D. Life cycle
	{"disabled-key-works", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
		before := b.st(s, "GET /v1/stats")
		b.acts("POST", "/keys/"+id+"/disable", nil)
		return pair(before, b.st(s, "GET /v1/stats"))
	}, "200 401", "200 200", false},
	{"revoked-key-works", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
		b.acts("POST", "/keys/"+id+"/revoke", nil)
		return b.st(s, "GET /v1/stats")
	}, "401", "200", false},
	{"deleted-key-works", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
		before := b.st(s, "GET /v1/stats")
		b.acts("POST", "/keys/"+id+"/delete", nil) // the catalog's own action
		return pair(before, b.st(s, "GET /v1/stats"))
	}, "200 401", "200 200", false},
	{"expired-key-works", func(b *board) string {
		_, s := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": 60})
		before := b.st(s, "GET /v1/stats")
		b.now.Store(61)
		return pair(before, b.st(s, "GET /v1/stats"))
	}, "200 401", "200 200", false},
	{"expiry-in-wrong-zone", func(b *board) string {
		_, minutes := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": -600})
		_, hours := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": -3 * 3600})
		return pair(b.st(minutes, "GET /v1/stats"), b.st(hours, "GET /v1/stats"))
	}, "401 401", "200 401", false},
	{"expiry-too-early", func(b *board) string {
		_, minutes := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": 600})
		_, hours := b.mint(map[string]any{"grants": []string{"stats.read"}, "expires_in": 3 * 3600})
		return pair(b.st(minutes, "GET /v1/stats"), b.st(hours, "GET /v1/stats"))
	}, "200 200", "401 200", false},
	{"reenabled-key-refused", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
		b.acts("POST", "/keys/"+id+"/disable", nil)
		disabled := b.st(s, "GET /v1/stats")
		b.acts("POST", "/keys/"+id+"/enable", nil)
		return pair(disabled, b.st(s, "GET /v1/stats"))
	}, "401 200", "401 401", false},
	{"stale-after-narrowing", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
		before := b.st(s, "GET /v1/stats")
		b.acts("PATCH", "/keys/"+id, map[string]any{"grants": []string{}})
		return pair(before, b.st(s, "GET /v1/stats"))
	}, "200 403", "200 200", false},
	{"stale-after-widening", func(b *board) string {
		id, s := b.mint(map[string]any{"grants": []string{}})
		before := b.st(s, "GET /v1/stats")
		b.acts("PATCH", "/keys/"+id, map[string]any{"grants": []string{"stats.read"}})
		return pair(before, b.st(s, "GET /v1/stats"))
	}, "403 200", "403 403", false},
	{"decision-cached-without-key", func(b *board) string {
		weak := b.holder("")
		before := b.st(weak, "GET /v1/stats")
		b.st(b.all(), "GET /v1/stats")
		return pair(before, b.st(weak, "GET /v1/stats"))
	}, "403 403", "403 200", false},
	{"owner-disabled-key-lives", func(b *board) string {
		_, s := b.mint(map[string]any{"grants": []string{"stats.read"}, "owner": "ada"})
		before := b.st(s, "GET /v1/stats")
		b.acts("POST", "/owners/ada/disable", nil)
		during := b.st(s, "GET /v1/stats")
		b.acts("POST", "/owners/ada/enable", nil)
		return before + " " + pair(during, b.st(s, "GET /v1/stats"))
	}, "200 401 200", "200 200 200", false},
	{"rotation-keeps-old-secret", func(b *board) string {
		id, old := b.mint(map[string]any{"grants": []string{"stats.read"}})
		_, body := b.adminCall("POST", "/keys/"+id+"/rotate", nil)
		return pair(b.st(fmt.Sprint(body["secret"]), "GET /v1/stats"), b.st(old, "GET /v1/stats"))
	}, "200 401", "200 200", false},
	{"one-replica-unguarded", func(b *board) string {
		s, seen := b.holder(""), map[string]bool{}
		for range 24 {
			seen[b.raw(s, "GET", "/v1/stats")] = true
		}
		return fmt.Sprint(len(seen), seen["403"])
	}, "1 true", "2 true", false},

	// E. Routing
	{"slash-unguarded", rawPaths("/v1/positions/", "/v1/positions"), "404 403", "200 403", false},
	{"double-slash-unguarded", rawPaths("/v1//positions", "//v1/positions"), "404 404", "200 200", false},
	{"dot-segments-unguarded", rawPaths("/v1/categories/../positions", "/v1/./positions"), "404 404", "200 200", false},
	{"encoded-letters-unguarded", rawPaths("/v1/%70ositions", "/v1/positions/position%73-1"), "403 403", "200 200", false},
	{"double-encoding-unguarded", rawPaths("/v1/%2570ositions", "/v1/positions"), "404 403", "200 403", false},
	{"encoded-slash-unguarded", rawPaths("/v1/positions%2fpositions-1", "/v1%2Fpositions"), "404 404", "200 200", false},
	{"matrix-parameter-unguarded", rawPaths("/v1/positions;a=b", "/v1;/positions"), "404 404", "200 200", false},
	{"suffix-unguarded", rawPaths("/v1/positions.json", "/v1/positions.csv"), "404 404", "200 200", false},
	{"mixed-case-unguarded", func(b *board) string {
		return pair(b.raw("", "GET", "/v1/POSITIONS"), b.raw("", "GET", "/V1/positions"))
	}, "404 404", "200 200", false},
	{"rewrite-header-honoured", func(b *board) string {
		s := b.holder("", "departments.read")
		ids := func(header string) string {
			_, body := b.ask(s, "GET /v1/departments", header, "/v1/positions")
			return fmt.Sprint(strings.Contains(idsOf(body["data"]), "positions-1"))
		}
		return pair(ids("X-Original-URL"), ids("X-Rewrite-URL"))
	}, "false false", "true true", false},
	{"forwarded-address-trusted", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "GET /v1/stats", "X-Forwarded-For", "127.0.0.1"), b.st(s, "GET /v1/stats", "X-Real-IP", "127.0.0.1"))
	}, "403 403", "200 200", false},
	{"host-header-unguarded", func(b *board) string {
		s := b.holder("")
		return pair(b.raw(s, "GET", "/v1/stats", "Host", "localhost"), b.raw(s, "GET", "/v1/stats"))
	}, "403 403", "200 403", false},
	{"method-override-unguarded", func(b *board) string {
		s := b.holder("", "positions.update")
		return b.st(s, "POST /v1/positions/positions-1", "X-HTTP-Method-Override", "DELETE") + " " +
			b.st(s, "POST /v1/positions/positions-2?_method=DELETE") + " " +
			b.st(s, "POST /v1/positions/positions-3 _method=delete", "Content-Type", "application/x-www-form-urlencoded")
	}, "405 405 405", "204 204 204", false},
	{"head-unguarded", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "HEAD /v1/positions"), b.st(s, "GET /v1/positions"))
	}, "403 403", "200 403", false},
	{"options-runs-handler", func(b *board) string {
		return pair(b.raw("", "OPTIONS", "/v1/positions"), b.raw(b.holder(""), "TRACE", "/v1/positions"))
	}, "405 false 405 false", "200 true 200 true", false},
	{"unknown-method-is-get", func(b *board) string {
		return pair(b.raw("", "FOO", "/v1/positions"), b.raw(b.holder(""), "SEARCH", "/v1/positions"))
	}, "405 405", "200 200", false},
	{"get-with-body-unguarded", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, `GET /v1/positions {}`), b.st(s, "GET /v1/positions"))
	}, "403 403", "200 403", false},
	{"content-type-picks-handler", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, `PATCH /v1/positions/positions-1 {}`, "Content-Type", "text/plain"), b.st(s, `PATCH /v1/positions/positions-1 {}`, "Content-Type", "application/json"))
	}, "403 403", "200 403", false},

	// F. Records
	{"list-unfiltered@GET /v1/positions", func(b *board) string {
		s := b.holder("published", "positions.read")
		return pair(b.n(s, "GET /v1/positions"), b.n(s, "GET /v2/positions"))
	}, "8 8", "16 8", false},
	{"get-unfiltered@GET /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.read")
		return pair(b.st(s, "GET /v1/positions/positions-1"), b.st(s, "GET /v2/positions/positions-1"))
	}, "404 404", "200 404", false},
	{"subresource-unfiltered", func(b *board) string {
		s := b.holder("published", "positions.read", "applications.read")
		return b.st(s, "GET /v1/positions/positions-1/applications") + " " + b.st(s, "GET /v1/applications/applications-1") + " " + b.n(s, "GET /v1/applications")
	}, "404 404 24", "200 200 48", false},
	{"include-unfiltered@GET /v1/departments/{id}", func(b *board) string {
		s := b.holder("published", "positions.read", "departments.read")
		_, body := b.ask(s, "GET /v1/departments/departments-1?include=positions")
		return fmt.Sprint(strings.Contains(idsOf(body["positions"]), "positions-1 "), strings.Contains(idsOf(body["positions"]), "positions-4"))
	}, "false true", "true true", false},
	{"write-outside-scope@PATCH /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.update")
		status := b.st(s, `PATCH /v1/positions/positions-1 {"title":"x"}`)
		return pair(status, fmt.Sprint(b.field(b.all(), "GET /v1/positions/positions-1", "title") == `"x"`))
	}, "404 false", "200 true", false},
	{"create-outside-scope", func(b *board) string {
		return b.st(b.holder("non-discreet", "positions.create"), `POST /v1/positions {"title":"x","discreet":true}`)
	}, "403", "201", false},
	{"update-leaves-scope@PATCH /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.update", "positions.read")
		status := b.st(s, `PATCH /v1/positions/positions-3 {"published":false}`)
		return pair(status, b.st(s, "GET /v1/positions/positions-3"))
	}, "403 200", "200 404", false},
	{"update-enters-scope@PATCH /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.update", "positions.read")
		status := b.st(s, `PATCH /v1/positions/positions-1 {"published":true}`)
		return pair(status, b.st(s, "GET /v1/positions/positions-1"))
	}, "404 404", "200 200", false},
	{"totals-unfiltered@GET /v1/positions", func(b *board) string {
		s := b.holder("published", "positions.read")
		_, body, h := b.full(s, "GET /v1/positions?limit=0")
		return fmt.Sprintf("%v %s %q", body["total"], h.Get("X-Total-Count"), idsOf(body["data"]))
	}, `8 8 ""`, `16 16 ""`, false},
	{"statistics-unfiltered@GET /v1/positions/count", func(b *board) string {
		return b.field(b.holder("published", "positions.read"), "GET /v1/positions/count", "count")
	}, "8", "16", false},
	{"statistics-unfiltered@GET /v1/stats", func(b *board) string {
		return b.field(b.holder("published", "stats.read"), "GET /v1/stats", "positions")
	}, "8", "16", false},
	{"paging-window-leaks@GET /v1/positions", func(b *board) string {
		s, cursor, pages := b.holder("published", "positions.read"), "", ""
		for range 40 {
			_, body := b.ask(s, "GET /v1/positions?limit=1"+cursor)
			list, _ := body["data"].([]any)
			pages += fmt.Sprint(len(list))
			if body["next"] == nil {
				break
			}
			cursor = "&cursor=" + fmt.Sprint(body["next"])
		}
		return pages
	}, "11111111", "0011001100110011", false},
	{"search-unfiltered@GET /v1/positions", func(b *board) string {
		s := b.holder("published", "positions.read")
		return pair(b.n(s, "GET /v1/positions?q="+b.word("positions-1", "title")), b.n(s, "GET /v1/positions?q="+b.word("positions-3", "title")))
	}, "0 1", "1 1", false},
	{"relation-filter-unscoped@GET /v1/applications", func(b *board) string {
		s := b.holder("", "applications.read", "candidates.own")
		return pair(fmt.Sprint(b.n(s, "GET /v1/applications?filter[candidate][source]=referral") != "0"), b.n(s, "GET /v1/applications?filter[candidate][source]=nowhere"))
	}, "false 0", "true 0", false},
	{"relation-sort-unscoped@GET /v1/applications", func(b *board) string {
		s := b.holder("", "applications.read", "candidates.own")
		return fmt.Sprint(b.ids(s, "GET /v1/applications?sort=candidate.full_name") == b.ids(s, "GET /v1/applications?sort=-candidate.full_name"))
	}, "true", "false", false},
	{"batch-write-ignores-scope@POST /v1/positions/batch", func(b *board) string {
		s := b.holder("published", "positions.update")
		status := b.st(s, `POST /v1/positions/batch {"ids":["positions-3","positions-1"],"set":{"title":"x"}}`)
		all := b.all()
		return status + " " + pair(fmt.Sprint(b.field(all, "GET /v1/positions/positions-1", "title") == `"x"`), fmt.Sprint(b.field(all, "GET /v1/positions/positions-3", "title") == `"x"`))
	}, "404 false false", "200 true true", false},
	{"batch-ignores-scope@GET /v1/positions", func(b *board) string {
		return b.ids(b.holder("published", "positions.read"), "GET /v1/positions?ids=positions-1,positions-3")
	}, "positions-3", "positions-1 positions-3", false},
	{"batch-ignores-scope@POST /v1/positions/batch-fetch", func(b *board) string {
		return b.ids(b.holder("published", "positions.read"), `POST /v1/positions/batch-fetch {"ids":["positions-1","positions-3"]}`)
	}, "positions-3", "positions-1 positions-3", false},
	{"body-id-wins@PATCH /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.update")
		b.st(s, `PATCH /v1/positions/positions-3 {"id":"positions-1","title":"x"}`)
		return fmt.Sprint(b.field(b.all(), "GET /v1/positions/positions-1", "title") == `"x"`)
	}, "false", "true", false},
	{"unpermitted-filter-dropped@GET /v1/applications", func(b *board) string {
		s := b.holder("published", "applications.read")
		return pair(b.n(s, "GET /v1/applications?filter[position_id]=positions-1"), b.n(s, "GET /v1/applications?filter[position_id]=positions-3"))
	}, "0 3", "24 3", false},
	{"hidden-id-as-foreign-key@GET /v1/applications/{id}", func(b *board) string {
		s := b.holder("", "applications.read", "candidates.own")
		return fmt.Sprint(b.field(s, "GET /v1/applications/applications-1", "candidate_id"))
	}, "null", `"candidates-1"`, false},

	// G. Fields
	{"field-unguarded@GET /v1/positions/{id}", func(b *board) string {
		s := b.holder("", "positions.read", "positions.notes")
		return pair(b.field(s, "GET /v1/positions/positions-1", "salary"), b.field(s, "GET /v2/positions/positions-1", "salary"))
	}, "absent absent", "50011 absent", false},
	{"allow-list-ignored@GET /v1/employees/{id}", func(b *board) string {
		_, s := b.mint(map[string]any{"grants": []string{"employees.read"}, "lists": map[string]any{"readable": []string{"last_name"}}})
		return pair(b.field(s, "GET /v1/employees/employees-1", "birthday"), fmt.Sprint(b.field(s, "GET /v1/employees/employees-1", "last_name") != "absent"))
	}, "absent true", `"1990-01-01" true`, false},
	{"needs-listed-ignored", func(b *board) string {
		_, s := b.mint(map[string]any{"grants": []string{"employees.read"}, "lists": map[string]any{"readable": []string{"last_name"}}})
		return b.st(s, "GET /v1/employees/employees-1/picture")
	}, "404", "200", false},
	{"field-selectable@GET /v1/positions/{id}", func(b *board) string {
		return b.field(b.holder("", "positions.read"), "GET /v1/positions/positions-1?fields=title,salary", "salary")
	}, "absent", "50011", false},
	{"field-filterable@GET /v1/positions", func(b *board) string {
		s := b.holder("", "positions.read")
		return pair(b.n(s, "GET /v1/positions?filter[salary]=50011"), b.n(s, "GET /v1/positions?filter[salary]=1"))
	}, "0 0", "1 0", false},
	{"field-sortable@GET /v1/positions", func(b *board) string {
		s := b.holder("", "positions.read")
		return fmt.Sprint(b.ids(s, "GET /v1/positions?sort=salary") == b.ids(s, "GET /v1/positions?sort=-salary"))
	}, "true", "false", false},
	{"field-searchable@GET /v1/positions", func(b *board) string {
		return b.n(b.holder("", "positions.read"), "GET /v1/positions?q="+b.word("positions-1", "internal_notes"))
	}, "0", "1", false},
	{"field-in-write-answer@PATCH /v1/positions/{id}", func(b *board) string {
		return pair(b.field(b.holder("", "positions.read", "positions.update"), `PATCH /v1/positions/positions-1 {"title":"x"}`, "salary"),
			b.field(b.holder("", "positions.update"), `PATCH /v1/positions/positions-2 {"title":"x"}`, "title"))
	}, "absent absent", `50011 "x"`, false},
	{"error-quotes-stored-value@PATCH /v1/positions/{id}", func(b *board) string {
		status, body := b.ask(b.holder("", "positions.update"), `PATCH /v1/positions/positions-1 {"title":5}`)
		return fmt.Sprint(status, strings.Contains(fmt.Sprint(body), "50011"))
	}, "422 false", "422 true", false},

	// H. Existence and caches
	{"existence-by-status@GET /v1/positions/{id}", sameAsAbsent("GET", ""), "same", "404 403", false},
	{"existence-by-status@PATCH /v1/positions/{id}", sameAsAbsent("PATCH", "{}"), "same", "404 403", false},
	{"existence-by-body@GET /v1/positions/{id}", sameAsAbsent("GET", ""), "same", "404 404", false},
	{"existence-by-header@GET /v1/positions/{id}", sameAsAbsent("GET", ""), "same", "404 404", false},
	{"existence-by-etag@GET /v1/positions/{id}", func(b *board) string {
		s := b.holder("published", "positions.read")
		_, _, h := b.full(b.all(), "GET /v1/positions/positions-1")
		return b.st(s, "GET /v1/positions/positions-1", "If-None-Match", "*") + " " +
			b.st(s, "GET /v1/positions/positions-1", "If-None-Match", h.Get("ETag")) + " " + b.st(s, "GET /v1/positions/absent", "If-None-Match", "*")
	}, "404 404 404", "304 304 404", false},
	{"existence-before-permission", func(b *board) string {
		s := b.holder("")
		return pair(b.st(s, "GET /v1/positions/positions-1"), b.st(s, "GET /v1/positions/absent"))
	}, "403 403", "403 404", false},
	{"answers-cached-for-all", func(b *board) string {
		b.st(b.all(), "GET /v1/positions")
		return pair(b.st(b.holder(""), "GET /v1/positions"), b.st("", "GET /v1/positions"))
	}, "403 401", "200 200", false},
	{"no-store-missing", func(b *board) string {
		_, _, h := b.full(b.all(), "GET /v1/positions")
		return h.Get("Cache-Control") + "; " + h.Get("Vary")
	}, "no-store; Authorization", "public, max-age=60; ", false},

	// I. Browsers
	{"cors-star", simple(evil), "", "Access-Control-Allow-Origin: *", false},
	{"cors-reflect", simple(evil), "", "Access-Control-Allow-Origin: " + evil, false},
	{"cors-null", func(b *board) string {
		return b.acao(b.all(), "GET /v1/positions", "null") + b.acao("", "GET /v1/positions", evil)
	}, "", "Access-Control-Allow-Origin: null", false},
	{"cors-prefix", simple("https://127.0.0.1.evil.example"), "", "Access-Control-Allow-Origin: https://127.0.0.1.evil.example", false},
	{"cors-suffix", simple("https://evil127.0.0.1"), "", "Access-Control-Allow-Origin: https://evil127.0.0.1", false},
	{"cors-unescaped-dot", simple("https://127x0.0.1"), "", "Access-Control-Allow-Origin: https://127x0.0.1", false},
	{"cors-any-port", simple("http://127.0.0.1:1"), "", "Access-Control-Allow-Origin: http://127.0.0.1:1", false},
	{"cors-credentials", simple(evil), "", "Access-Control-Allow-Credentials: true; Access-Control-Allow-Origin: " + evil, false},
	{"cors-simple-only", func(b *board) string {
		return pair(b.acao(b.all(), "GET /v1/positions", evil), b.acao("", preflight, evil, acrm, "GET", acrh, "authorization"))
	}, " ", "Access-Control-Allow-Origin: " + evil + " ", false},
	{"cors-preflight-only", func(b *board) string {
		simple, before := b.acao(b.all(), "GET /v1/positions", evil), b.acao("", preflight, evil, acrm, "GET", acrh, "authorization")
		return fmt.Sprint(simple == "", strings.Contains(before, "Access-Control-Allow-Headers: Authorization"))
	}, "true false", "true true", false},
	{"cors-on-errors", func(b *board) string {
		return b.acao(b.all(), "GET /v1/positions", evil) + "|" + b.acao("", "GET /v1/positions", evil) + "|" + b.acao("", "GET /nowhere", evil)
	}, "||", "|Access-Control-Allow-Origin: " + evil + "|Access-Control-Allow-Origin: " + evil, false},
	{"cors-on-success", func(b *board) string {
		return b.acao(b.all(), "GET /v1/positions", evil) + "|" + b.acao("", "GET /v1/positions", evil)
	}, "|", "Access-Control-Allow-Origin: " + evil + "|", false},
	{"cors-some-routes@GET /v1/stats", func(b *board) string {
		s := b.all()
		return b.acao(s, "GET /v1/positions", evil) + "|" + b.acao(s, "GET /v1/stats", evil)
	}, "|", "|Access-Control-Allow-Origin: " + evil, false},
	{"cors-private-network", func(b *board) string {
		return b.acao("", preflight, evil, acrm, "GET", "Access-Control-Request-Private-Network", "true")
	}, "", "Access-Control-Allow-Private-Network: true", false},
	{"cors-timing", simple(evil), "", "Cross-Origin-Resource-Policy: cross-origin; Timing-Allow-Origin: *", false},
	{"cors-jsonp", func(b *board) string {
		req, err := http.NewRequest("GET", b.api+"/v1/positions?callback=take", nil)
		if err != nil {
			b.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+b.all())
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			b.t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			b.t.Fatal(err)
		}
		return pair(fmt.Sprint(strings.HasPrefix(string(data), "take(")), resp.Header.Get("Content-Type"))
	}, "false application/json", "true application/javascript", false},
	{"cors-origin-served", func(b *board) string {
		s := b.all()
		return pair(b.st(s, "GET /v1/positions", "Origin", evil), b.st(s, "GET /v1/positions"))
	}, "403 200", "200 200", true},
}

func simple(origin string) func(*board) string {
	return func(b *board) string { return b.acao(b.all(), "GET /v1/positions", origin) }
}

// rawPaths asks for two paths with a key that has no permission.
func rawPaths(one, two string) func(*board) string {
	return func(b *board) string {
		s := b.holder("")
		return pair(b.raw(s, "GET", one), b.raw(s, "GET", two))
	}
}

// sameAsAbsent compares the answers about a hidden row and about one that never was.
func sameAsAbsent(method, body string) func(*board) string {
	return func(b *board) string {
		s := b.holder("published", "positions.read", "positions.update")
		look := func(id string) (int, string) {
			status, answer, h := b.full(s, strings.TrimSpace(method+" /v1/positions/"+id+" "+body))
			h.Del("Date")
			return status, fmt.Sprint(status, answer, h)
		}
		absent, a := look("positions-99")
		hidden, h := look("positions-1")
		if a == h {
			return "same"
		}
		return fmt.Sprint(absent, hidden)
	}
}

// word is the word that only one field of one row has.
func (b *board) word(id, field string) string {
	text := strings.Trim(b.field(b.all(), "GET /v1/positions/"+id, field), `"`)
	return text[strings.LastIndexByte(text, ' ')+1:]
}

// Each fault makes the server wrong in its own way, and the server without it is right. What
// is asked, and what is right, is written here by hand.
func TestEachFaultIsSeenFromOutside(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range plantings {
		t.Run(p.fault, func(t *testing.T) {
			name, _, _ := strings.Cut(p.fault, "@")
			seen[name] = true
			if got := p.ask(startBoard(t, reference.Options{BlockOrigins: p.block})); got != p.right {
				t.Errorf("the right server answers %q, want %q", got, p.right)
			}
			if got := p.ask(startBoard(t, reference.Options{BlockOrigins: p.block, Faults: []string{p.fault}})); got != p.wrong {
				t.Errorf("the server with the fault answers %q, want %q", got, p.wrong)
			}
		})
	}
	for _, f := range reference.Faults {
		if !seen[f.Name] {
			t.Errorf("fault %s is not tried", f.Name)
		}
	}
}

// There is a switch for each of the 103 forms: 1 to 87, and 88a to 88p.
func TestEveryNumberHasAFault(t *testing.T) {
	has := map[string]bool{}
	names := map[string]bool{}
	for _, f := range reference.Faults {
		if names[f.Name] || f.What == "" || f.Aspect == "" || len(f.Numbers) == 0 {
			t.Errorf("fault %+v: doubly named, or something is missing", f.Name)
		}
		names[f.Name] = true
		for _, n := range f.Numbers {
			has[n] = true
		}
	}
	var want []string
	for n := 1; n < 88; n++ {
		want = append(want, fmt.Sprint(n))
	}
	for c := 'a'; c <= 'p'; c++ {
		want = append(want, "88"+string(c))
	}
	for _, n := range want {
		if !has[n] {
			t.Errorf("no fault is number %s", n)
		}
	}
	if len(has) != len(want) {
		t.Errorf("%d numbers, want %d", len(has), len(want))
	}
}

// What one caller has included with a row is not there for the next one.
func TestIncludeLeavesNothingBehind(t *testing.T) {
	b := startBoard(t, reference.Options{})
	all := b.all()
	const one = "GET /v1/departments/departments-1"
	if _, body := b.ask(all, one+"?include=positions"); body["positions"] == nil {
		t.Fatalf("nothing is included: %v", body)
	}
	if _, body := b.ask(all, one); body["positions"] != nil {
		t.Errorf("positions are still there: %v", body["positions"])
	}
}
