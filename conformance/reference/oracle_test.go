package reference_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance/reference"
)

// whole reads all rows of an object as they are stored, through the admin API.
func (b *board) whole(object string) []map[string]any {
	b.t.Helper()
	_, body := b.adminCall("GET", "/objects/"+object, nil)
	var rows []map[string]any
	for _, v := range body["data"].([]any) {
		rows = append(rows, v.(map[string]any))
	}
	return rows
}

// The rules of the board, written down once more: which rows a key sees. The server reads them
// from the catalog; this does not.
type viewer struct {
	id     string
	option string
	holds  map[string]bool
}

func (v *viewer) seesPosition(o map[string]any) bool {
	switch v.option {
	case "published":
		return o["published"] == true
	case "non-discreet":
		return o["discreet"] == false
	}
	return true
}

func (v *viewer) seesCandidate(o map[string]any) bool {
	if o["source"] == v.id {
		return v.holds["candidates.own"]
	}
	return v.holds["candidates.others"]
}

func idList(rows []map[string]any) string {
	ids := []string{}
	for _, o := range rows {
		ids = append(ids, fmt.Sprint(o["id"]))
	}
	return strings.Join(ids, " ")
}

// Whichever way a key asks, it is shown the same rows, those that the rules above name, and of
// them the same fields.
func TestEveryWayToAskShowsTheSameRows(t *testing.T) {
	b := startBoard(t, reference.Options{})
	grants := []string{"positions.read", "positions.read_salary", "positions.notes", "applications.read", "candidates.own", "candidates.others",
		"candidates.contact", "departments.read", "stats.read", "candidates.create"}
	rnd := rand.New(rand.NewPCG(1, 2))
	for turn := range 40 {
		v := &viewer{option: []string{"all", "non-discreet", "published"}[turn%3], holds: map[string]bool{}}
		var held []string
		for _, g := range grants {
			if rnd.IntN(3) > 0 {
				held = append(held, g)
				v.holds[g] = true
			}
		}
		id, s := b.mint(map[string]any{"grants": held, "sharing": map[string]string{"position": v.option}})
		v.id = id
		if v.holds["candidates.create"] {
			b.st(s, `POST /v1/candidates {"full_name":"own"}`)
		}
		positions, candidates, applications := b.whole("position"), b.whole("candidate"), b.whole("application")
		byID := map[string]map[string]any{}
		for _, rows := range [][]map[string]any{positions, candidates, applications} {
			for _, o := range rows {
				byID[fmt.Sprint(o["id"])] = o
			}
		}
		only := func(rows []map[string]any, keep func(map[string]any) bool) []map[string]any {
			return slices.DeleteFunc(slices.Clone(rows), func(o map[string]any) bool { return !keep(o) })
		}
		seesApplication := func(o map[string]any) bool { return v.seesPosition(byID[fmt.Sprint(o["position_id"])]) }
		wantP, wantC, wantA := only(positions, v.seesPosition), only(candidates, v.seesCandidate), only(applications, seesApplication)
		readsC := v.holds["candidates.own"] || v.holds["candidates.others"]
		check := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Fatalf("%v sharing %s: %s shows %q, want %q", held, v.option, what, got, want)
			}
		}
		ifHeld := func(ok bool, line, want string) {
			t.Helper()
			if !ok {
				check(line, b.st(s, line), "403")
				return
			}
			check(line, b.ids(s, line), want)
			_, body, h := b.full(s, line)
			check(line+" total", fmt.Sprintf("%v %s", body["total"], h.Get("X-Total-Count")), fmt.Sprintf("%d %[1]d", len(strings.Fields(want))))
		}
		ifHeld(v.holds["positions.read"], "GET /v1/positions", idList(wantP))
		ifHeld(v.holds["positions.read"], "GET /v2/positions", idList(wantP))
		ifHeld(v.holds["applications.read"], "GET /v1/applications", idList(wantA))
		ifHeld(readsC, "GET /v1/candidates", idList(wantC))
		ifHeld(v.holds["positions.read"], "GET /v1/positions?q=position", idList(wantP))
		ifHeld(v.holds["positions.read"], "GET /v1/positions?ids=positions-1,positions-2,positions-3,positions-4", idList(only(wantP, func(o map[string]any) bool {
			return slices.Contains([]string{"positions-1", "positions-2", "positions-3", "positions-4"}, fmt.Sprint(o["id"]))
		})))
		ifHeld(v.holds["positions.read"], "GET /v1/positions?filter[state]=draft", idList(only(wantP, func(o map[string]any) bool { return o["state"] == "draft" })))
		ifHeld(v.holds["positions.read"], "GET /v1/departments/departments-2/positions", idList(only(wantP, func(o map[string]any) bool { return o["department_id"] == "departments-2" })))
		ifHeld(v.holds["positions.read"], `POST /v1/positions/batch-fetch {"ids":["positions-1","positions-2","positions-3"]}`, idList(only(wantP, func(o map[string]any) bool {
			return slices.Contains([]string{"positions-1", "positions-2", "positions-3"}, fmt.Sprint(o["id"]))
		})))
		ifHeld(v.holds["applications.read"], "GET /v1/applications?filter[position][state]=open", func() string {
			if !v.holds["positions.read"] {
				return ""
			}
			return idList(only(wantA, func(o map[string]any) bool { return byID[fmt.Sprint(o["position_id"])]["state"] == "open" }))
		}())
		ifHeld(v.holds["applications.read"], "GET /v1/applications?filter[candidate][source]=referral", func() string {
			if !readsC {
				return ""
			}
			return idList(only(wantA, func(o map[string]any) bool {
				c := byID[fmt.Sprint(o["candidate_id"])]
				return v.seesCandidate(c) && c["source"] == "referral"
			}))
		}())
		if v.holds["positions.read"] {
			sorted := slices.Clone(wantP)
			if v.holds["positions.read_salary"] {
				sort.SliceStable(sorted, func(i, j int) bool { return sorted[i]["salary"].(float64) > sorted[j]["salary"].(float64) })
			}
			check("sort=-salary", b.ids(s, "GET /v1/positions?sort=-salary"), idList(sorted))
			check("count", b.field(s, "GET /v1/positions/count", "count"), fmt.Sprint(len(wantP)))
			check("q for a salary", b.ids(s, "GET /v1/positions?q=50048"), func() string {
				if v.holds["positions.read_salary"] && v.seesPosition(positions[1]) {
					return "positions-2"
				}
				return ""
			}())
			// Page by page: no page but the last is short, and no row is missing.
			for _, size := range []int{1, 3} {
				var got []string
				cursor := ""
				for {
					_, body := b.ask(s, fmt.Sprintf("GET /v1/positions?limit=%d%s", size, cursor))
					page := strings.Fields(idsOf(body["data"]))
					got = append(got, page...)
					if body["next"] == nil {
						break
					}
					if len(page) != size {
						t.Fatalf("a short page: %v", page)
					}
					cursor = "&cursor=" + body["next"].(string)
				}
				check("pages", strings.Join(got, " "), idList(wantP))
			}
		}
		if v.holds["stats.read"] {
			for object, rows := range map[string][]map[string]any{"positions": wantP, "candidates": wantC, "applications": wantA} {
				check("stats", b.field(s, "GET /v1/stats", object), fmt.Sprint(len(rows)))
			}
		}
		shown := func(o map[string]any) map[string]any {
			o = maps.Clone(o)
			if !v.holds["positions.read_salary"] {
				delete(o, "salary")
			}
			if !v.holds["positions.notes"] {
				delete(o, "internal_notes")
			}
			return o
		}
		if v.holds["positions.read"] {
			want := []any{}
			for _, o := range wantP {
				want = append(want, shown(o))
			}
			for _, line := range []string{"GET /v1/positions", "GET /v2/positions", "GET /v1/departments/departments-1?include=positions"} {
				_, body := b.ask(s, line)
				rows := body["data"]
				if strings.Contains(line, "departments-1") {
					rows, want = body["positions"], slices.DeleteFunc(slices.Clone(want), func(o any) bool { return o.(map[string]any)["department_id"] != "departments-1" })
				}
				check(line, text(t, rows), text(t, want))
			}
		}
		if v.holds["applications.read"] {
			for _, line := range []string{"GET /v1/applications?include=candidate,position", "GET /v2/applications?include=candidate,position"} {
				_, body := b.ask(s, line)
				for _, row := range body["data"].([]any) {
					o := row.(map[string]any)
					stored := byID[fmt.Sprint(o["id"])]
					sees := v.seesCandidate(byID[fmt.Sprint(stored["candidate_id"])])
					if (o["candidate_id"] != nil) != sees || (o["candidate"] != nil) != sees || (o["position"] != nil) != v.holds["positions.read"] {
						t.Fatalf("%v sharing %s: %s shows %v", held, v.option, line, o)
					}
				}
			}
		}
		for _, o := range positions {
			if !v.holds["positions.read"] {
				break
			}
			status, body := b.ask(s, fmt.Sprintf("GET /v1/positions/%s?include=applications,department", o["id"]))
			want := shown(o)
			if !v.seesPosition(o) {
				check("by id", fmt.Sprintf("%d %v", status, body), "404 map[error:not_found]")
				continue
			}
			if v.holds["applications.read"] {
				check("include", idsOf(body["applications"]), idList(only(wantA, func(a map[string]any) bool { return a["position_id"] == o["id"] })))
				ifHeld(true, fmt.Sprintf("GET /v1/positions/%s/applications", o["id"]), idList(only(wantA, func(a map[string]any) bool { return a["position_id"] == o["id"] })))
			} else if body["applications"] != nil {
				t.Fatalf("include shows applications to %v", held)
			}
			if department, ok := body["department"].(map[string]any); !ok || department["id"] != o["department_id"] {
				t.Fatalf("include=department shows %v", body["department"])
			}
			delete(body, "applications")
			delete(body, "department")
			check("fields", text(t, body), text(t, want))
		}
		for _, o := range applications {
			if !v.holds["applications.read"] {
				break
			}
			status, body := b.ask(s, fmt.Sprintf("GET /v1/applications/%s?include=candidate", o["id"]))
			c := byID[fmt.Sprint(o["candidate_id"])]
			switch {
			case !seesApplication(o):
				check("by id", fmt.Sprint(status), "404")
			case v.seesCandidate(c):
				check("candidate_id", fmt.Sprint(body["candidate_id"]), fmt.Sprint(c["id"]))
				included, ok := body["candidate"].(map[string]any)
				_, email := included["email"]
				if !ok || email != v.holds["candidates.contact"] {
					t.Fatalf("%v: include=candidate shows %v", held, included)
				}
			default:
				check("candidate_id", fmt.Sprintf("%v %v", body["candidate_id"], body["candidate"]), "<nil> <nil>")
			}
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Allow lists limit what is shown, in the form that the catalog says, and not the keys that
// were made without one.
func TestAllowLists(t *testing.T) {
	b := startBoard(t, reference.Options{})
	_, some := b.mint(map[string]any{"grants": []string{"employees.read"}, "lists": map[string]any{"readable": []string{"first_name"}}})
	_, none := b.mint(map[string]any{"grants": []string{"employees.read"}, "lists": map[string]any{"readable": []string{}}})
	_, every := b.mint(map[string]any{"grants": []string{"employees.read"}})
	members := func(s, line string) string {
		_, body := b.ask(s, line)
		if list, ok := body["data"].([]any); ok {
			body = list[0].(map[string]any)
		}
		var names []string
		for name := range body {
			names = append(names, name)
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	for _, line := range []string{"GET /v1/employees", "GET /v1/employees/employees-1", "GET /v1/employees?fields=pay,first_name"} {
		if got := members(some, line); got != "first_name id" {
			t.Errorf("%s shows %s", line, got)
		}
		if got := members(none, line); got != "id" {
			t.Errorf("%s shows %s without any", line, got)
		}
		if got := members(every, line); !strings.Contains(got, "pay") {
			t.Errorf("%s shows %s to a key without a list", line, got)
		}
	}
	if got := b.st(some, "GET /v1/employees/employees-1/picture") + b.st(every, "GET /v1/employees/employees-1/picture"); got != "404200" {
		t.Errorf("the picture: %s", got)
	}
	if got := b.field(some, "GET /v1/employees/attributes", "data"); got != `[{"key":"first_name"},{"key":"id"}]` {
		t.Errorf("the attributes: %s", got)
	}
}

// A key that makes keys gives away nothing that it does not have.
func TestNoEscalation(t *testing.T) {
	b := startBoard(t, reference.Options{})
	self, s := b.mint(map[string]any{"grants": []string{"keys.manage", "positions.read"}, "sharing": map[string]string{"position": "published"},
		"lists": map[string]any{"readable": []string{"pay"}}, "owner": "ada"})
	strong, _ := b.mint(map[string]any{"grants": []string{"stats.read"}})
	equal, _ := b.mint(map[string]any{"grants": []string{"positions.read"}, "sharing": map[string]string{"position": "published"}, "lists": map[string]any{"readable": []string{"pay"}}})
	for line, want := range map[string]string{
		`POST /v1/keys {"grants":["positions.read"]}`:                                              "201",
		`POST /v1/keys {"grants":["positions.manage"]}`:                                            "403",
		`POST /v1/keys {"grants":["nonsense"]}`:                                                    "422",
		`POST /v1/keys {"grants":["positions.read"],"sharing":{"position":"all"}}`:                 "403",
		`POST /v1/keys {"grants":["positions.read"],"lists":{"readable":["pay","picture"]}}`:       "403",
		`POST /v1/keys {"lists":{"readable":[]}}`:                                                  "201",
		`POST /v1/keys {"sharing":{"nothing":"all"}}`:                                              "422",
		`POST /v1/keys {"state":"gone"}`:                                                           "422",
		`PATCH /v1/keys/` + self + ` {"grants":["keys.manage","positions.read","stats.read"]}`:     "403",
		`PATCH /v1/keys/` + self + ` {"sharing":{"position":"all"}}`:                               "403",
		`PATCH /v1/keys/` + strong + ` {"name":"renamed"}`:                                         "200",
		`POST /v1/keys/` + strong + `/rotate {}`:                                                   "403",
		`POST /v1/keys/` + equal + `/rotate {}`:                                                    "200",
		`GET /v1/keys/` + equal:                                                                    "403",
		`POST /v1/keys {"grants":["positions.read"],"owner":"eve","id":"key-1","secret":"chosen"}`: "201",
	} {
		if got := b.st(s, line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	_, made := b.ask(s, `POST /v1/keys {"grants":["positions.read"]}`)
	secret := fmt.Sprint(made["secret"])
	if b.n(secret, "GET /v1/positions") != "8" || made["owner"] != "ada" {
		t.Errorf("the key that was made: %v, sees %s positions", made, b.n(secret, "GET /v1/positions"))
	}
	_, list := b.ask(b.all(), "GET /v1/keys")
	if text := fmt.Sprint(list); strings.Contains(text, secret) || !strings.Contains(text, self) {
		t.Errorf("the keys: %s", text)
	}
	_, me := b.ask(s, "GET /v1/me")
	if me["id"] != self || fmt.Sprint(me["grants"]) != "[keys.manage positions.read]" {
		t.Errorf("who am I: %v", me)
	}
}

// What no catalog says is answered, without a word too much.
func TestAnswers(t *testing.T) {
	b := startBoard(t, reference.Options{})
	s := b.all()
	for line, want := range map[string]string{
		"GET /v1/positions?limit=x": "400", "GET /v1/positions?limit=-1": "400", "GET /v1/positions?cursor=x": "400", "GET /v1/positions?filter[a][b][c]=1": "400",
		"GET /v1/positions?filter[]=1": "400", "GET /v1/positions?%zz=1": "400", "GET /v1/positions?unknown=1": "200", "GET /v1/positions?sort=nothing,-title": "200",
		"GET /v1/positions?limit=99999999999999999999": "400", "GET /v1/positions?limit=5000": "200", "HEAD /v1/positions/positions-1": "200", "OPTIONS /v1/positions": "405",
		"TRACE /v1/positions": "405", "PUT /v1/positions": "405", "GET /v1/nothing": "404", "GET /health": "200", "GET /v1/everything": "405", "DELETE /v1/everything": "403",
		`PATCH /v1/positions/positions-1 {"title":5}`: "422", `PATCH /v1/positions/positions-1 {"department_id":"nowhere"}`: "422",
		`PATCH /v1/positions/positions-1 [`: "400", `POST /v1/positions/batch {"ids":["nowhere"]}`: "404", `POST /v1/positions/batch {}`: "200",
		`POST /v1/positions/nowhere/publish {}`: "404", `POST /v1/positions/nowhere/applications {}`: "404",
	} {
		if got := b.st(s, line); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	if got := b.st(s, "PATCH /v1/positions/positions-1 a=b", "Content-Type", "application/x-www-form-urlencoded"); got != "415" {
		t.Errorf("a form: %s", got)
	}
	if got := b.st(s, "POST /v1/positions/positions-1/publish {}") + b.field(s, "GET /v1/positions/positions-1", "published"); got != "200true" {
		t.Errorf("publish: %s", got)
	}
	_, made := b.ask(s, `POST /v1/positions/positions-2/applications {"letter":"x","position_id":"positions-3"}`)
	if made["position_id"] != "positions-2" {
		t.Errorf("the application that was made: %v", made)
	}
	_, _, h := b.full(s, "GET /v1/positions/positions-1")
	if h.Get("Cache-Control") != "no-store" || h.Get("Vary") != "Authorization" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("ETag") == "" {
		t.Errorf("headers: %v", h)
	}
	if got := b.st(s, "GET /v1/positions/positions-1", "If-None-Match", h.Get("ETag")); got != "304" {
		t.Errorf("If-None-Match: %s", got)
	}
}

// The seeds show every case: each combination of what rules look at, in two departments, and
// words that stand nowhere else.
func TestSeeds(t *testing.T) {
	b := startBoard(t, reference.Options{})
	cases := map[string]map[string]bool{}
	words := map[string]string{}
	for _, object := range []string{"position", "candidate", "application", "employee", "department"} {
		for _, o := range b.whole(object) {
			if object == "position" {
				c := fmt.Sprint(o["state"], o["discreet"])
				if cases[c] == nil {
					cases[c] = map[string]bool{}
				}
				cases[c][fmt.Sprint(o["department_id"])] = true
			}
			for name, v := range o {
				text, ok := v.(string)
				if !ok || !strings.Contains(text, " ") {
					continue
				}
				word := text[strings.LastIndexByte(text, ' ')+1:]
				if at, taken := words[word]; taken && len(word) > 4 {
					t.Errorf("the word %q stands in %s and in %s.%s", word, at, object, name)
				}
				words[word] = object + "." + name
			}
		}
	}
	if len(cases) != 8 {
		t.Errorf("%d cases of state and discretion, want 8", len(cases))
	}
	for c, departments := range cases {
		if len(departments) < 2 {
			t.Errorf("%s is in %d departments only", c, len(departments))
		}
	}
	big := startBoard(t, reference.Options{Rows: 3000})
	if got := big.field(big.all(), "GET /v1/positions?limit=1", "total"); got != "3000" {
		t.Errorf("with 3000 rows the total is %s", got)
	}
}

// The traps: each server is right, and shows it in a way of its own.
func TestTraps(t *testing.T) {
	none, anonymous := func(b *board) string { return b.holder("") }, func(*board) string { return "" }
	for _, tt := range []struct {
		trap string
		who  func(*board) string
		line string
		want string
	}{
		{"T1", none, "GET /v1/positions", "404"}, {"T1", anonymous, "GET /v1/positions", "404"}, {"T2", none, "GET /v1/positions", "401"},
		{"T3", none, "GET /v1/positions", "200"}, {"T3", none, "GET /v1/positions/positions-1", "404"}, {"T3", anonymous, "GET /v1/positions", "401"},
		{"T4", none, "POST /v1/positions {}", "422"}, {"T4", none, "GET /v1/positions", "403"}, {"T5", anonymous, "GET /v1/positions", "403"},
		{"T6", func(b *board) string { return b.holder("", "positions.create") }, `POST /v1/positions {"title":"x"}`, "204"},
		{"T6", (*board).all, `POST /v1/positions {"title":"x"}`, "201"},
		{"T7", anonymous, "GET /health", "200"}, {"T8", (*board).all, "HEAD /v1/positions", "405"}, {"T8", (*board).all, "GET /v1/positions", "200"},
		{"T10", (*board).all, "OPTIONS /v1/positions", "204"},
		{"T15", func(b *board) string { return b.holder("", "positions.manage") }, "GET /v1/positions", "200"},
		{"T16", func(b *board) string { return b.holder("", "positions.read") }, "GET /v1/departments", "200"},
		{"T17", none, "POST /v1/positions {}", "400"}, {"T17", (*board).all, "POST /v1/positions {}", "400"}, {"T17", none, `POST /v1/positions {"title":"x"}`, "403"},
		{"T17", (*board).all, `POST /v1/positions {"title":"x"}`, "201"}, {"T18", (*board).all, "PUT /v1/positions", "405"},
	} {
		b := startBoard(t, reference.Options{Traps: []string{tt.trap}})
		if got := b.st(tt.who(b), tt.line); got != tt.want {
			t.Errorf("%s: %s is answered %s, want %s", tt.trap, tt.line, got, tt.want)
		}
	}
	if got := startBoard(t, reference.Options{Traps: []string{"T3"}}); got.ids(got.holder(""), "GET /v1/positions") != "" {
		t.Error("T3 shows rows")
	}
	b := startBoard(t, reference.Options{Traps: []string{"T9", "T10"}})
	_, _, h := b.full(b.all(), "GET /v1/positions", "Origin", evil)
	if !slices.Contains(h.Values("Vary"), "Origin") || b.acao(b.all(), "GET /v1/positions", evil) != "" || b.acao("", preflight, evil, acrm, "GET") != "" {
		t.Errorf("T9: %v", h)
	}
	count := func(trap string, n int) map[int]int {
		b := startBoard(t, reference.Options{Traps: []string{trap}})
		s, seen := b.all(), map[int]int{}
		for range n {
			req, err := http.NewRequest("GET", b.api+"/v1/positions/positions-1", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+s)
			resp, err := http.DefaultTransport.RoundTrip(req)
			if err != nil {
				seen[0]++
				continue
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == 429 && resp.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			seen[resp.StatusCode]++
		}
		return seen
	}
	if seen := count("T11", 60); seen[429] == 0 || seen[503] == 0 || seen[200] < 50 {
		t.Errorf("T11: %v", seen)
	}
	if seen := count("T12", 80); seen[500] == 0 || seen[200] < 70 {
		t.Errorf("T12: %v", seen)
	}
	b = startBoard(t, reference.Options{Traps: []string{"T13"}})
	s := b.holder("published", "positions.read")
	before, changed := b.ids(s, "GET /v1/positions"), false
	for range 200 {
		changed = changed || b.ids(s, "GET /v1/positions") != before
	}
	if !changed {
		t.Error("T13: nobody changed anything")
	}
	b = startBoard(t, reference.Options{Traps: []string{"T14"}})
	id, s := b.mint(map[string]any{"grants": []string{"stats.read"}})
	b.now.Store(10)
	b.acts("PATCH", "/keys/"+id, map[string]any{"grants": []string{}})
	soon := b.st(s, "GET /v1/stats")
	b.now.Store(11)
	if later := b.st(s, "GET /v1/stats"); soon != "200" || later != "403" {
		t.Errorf("T14: %s, then %s", soon, later)
	}
	for _, trap := range reference.Traps {
		if _, err := reference.New(reference.Board(), reference.Options{Traps: []string{trap.ID}}); err != nil {
			t.Error(err)
		}
	}
	if len(reference.Traps) != 18 {
		t.Errorf("%d traps", len(reference.Traps))
	}
}

// Seeds that cannot be made are an error.
func TestBadSeeds(t *testing.T) {
	for want, text := range map[string]string{
		"no object of the catalog": `{"position":{"attributes":[{"name":"x_id","ref":"nothing"}]}}`,
		"in a circle":              `{"position":{"attributes":[{"name":"x","ref":"department"}]},"department":{"attributes":[{"name":"y","ref":"position"}]}}`,
		"unknown field":            `{"position":{"attribute":[]}}`,
	} {
		seeds, err := reference.ParseSeeds([]byte(text))
		if err == nil {
			_, err = reference.New(reference.Board(), reference.Options{Seeds: seeds})
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func startVendor(t *testing.T, name string) *board {
	t.Helper()
	c, err := catalogs.Load(catalogs.VendorPrefix + name)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := reference.New(c, reference.Options{AdminToken: token})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	t.Cleanup(api.Close)
	t.Cleanup(admin.Close)
	return &board{fixture: &fixture{t, srv, api.URL, admin.URL}}
}

// What Comeet says about fields and records: a field is there with its own permission only, the
// sharing option chooses positions and with them their candidates, and the two permissions to
// retrieve candidates part them by who brought them.
func TestComeetRecordsAndFields(t *testing.T) {
	b := startVendor(t, "comeet")
	for option, want := range map[string]string{"all": "4", "non-discreet": "2", "published": "2"} {
		if got := b.n(b.holder(option, "positions.read"), "GET /positions"); got != want {
			t.Errorf("sharing %s shows %s positions, want %s", option, got, want)
		}
	}
	plain, lead := b.holder("", "positions.read"), b.holder("", "positions.read", "positions.lead-recruiter", "positions.salary")
	if got := b.field(plain, "GET /positions/positions-1", "users") + b.field(plain, "GET /positions/positions-1", "salary_range"); got != "{}absent" {
		t.Errorf("without the permissions: %s", got)
	}
	users := b.field(lead, "GET /positions/positions-1", "users")
	if !strings.Contains(users, "lead_recruiter") || strings.Contains(users, "hiring_manager") || b.field(lead, "GET /positions/positions-1", "salary_range") == "absent" {
		t.Errorf("with two of them: %s", users)
	}
	if got := b.st(b.holder("", "positions.salary"), "GET /positions/positions-1"); got != "403" {
		t.Errorf("a field's permission alone: %s", got)
	}
	own := b.holder("", "candidates.own", "candidates.create")
	others, both := b.holder("", "candidates.others"), b.holder("", "candidates.own", "candidates.others")
	seeded := b.n(others, "GET /candidates")
	b.st(own, `POST /candidates {"name":"mine"}`)
	if got := []string{b.n(own, "GET /candidates"), b.n(others, "GET /candidates"), b.st(b.holder(""), "GET /candidates")}; !slices.Equal(got, []string{"1", fmt.Sprint(len(b.whole("candidate"))), "403"}) || seeded == "0" {
		t.Errorf("own, others, neither: %v of %d", got, len(b.whole("candidate")))
	}
	if got := b.n(both, "GET /candidates"); got != fmt.Sprint(len(b.whole("candidate"))) {
		t.Errorf("a key with both sees %s", got)
	}
	// Candidates of positions that are not shared are hidden too.
	limited := b.holder("published", "candidates.others", "positions.read")
	visible := " " + b.ids(limited, "GET /positions") + " "
	for _, o := range b.whole("candidate") {
		want := "200"
		if id, ok := o["position_id"].(string); ok && !strings.Contains(visible, " "+id+" ") {
			want = "404"
		}
		if got := b.st(limited, fmt.Sprint("GET /candidates/", o["id"])); got != want {
			t.Errorf("%v: %s, want %s", o["id"], got, want)
		}
	}
}

// What Personio says about the list of readable attributes.
func TestPersonioReadable(t *testing.T) {
	b := startVendor(t, "personio")
	_, s := b.mint(map[string]any{"grants": []string{"employees:read"}, "lists": map[string]any{"readable": []string{"name"}}})
	id := fmt.Sprint(b.whole("employee")[0]["id"])
	_, made := b.adminCall("POST", "/objects", map[string]any{"method": "GET", "path": "/v1/company/employees/{employee_id}/profile-picture/{width}"})
	picture := fmt.Sprintf("GET /v1/company/employees/%s/profile-picture/%s", id, made["params"].(map[string]any)["width"])
	if got := b.field(s, "GET /v1/company/employees/"+id, "Profile Picture") + " " + b.st(s, picture); got != "absent 404" {
		t.Errorf("an attribute that is not listed: %s", got)
	}
	if got := b.field(s, "GET /v1/company/employees/attributes", "data"); !strings.Contains(got, `"name"`) || strings.Contains(got, "Picture") {
		t.Errorf("the attributes: %s", got)
	}
	_, s = b.mint(map[string]any{"grants": []string{"employees:read"}, "lists": map[string]any{"readable": []string{"Profile Picture"}}})
	if got := b.st(s, picture); got != "200" {
		t.Errorf("listed: %s", got)
	}
}
