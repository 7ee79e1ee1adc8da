package conformance_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
)

const shelfCatalog = `permcheck: catalog/1
name: shelf
permissions: {read: , admin: {implies: "*"}}
credentials: {states: {enabled: admitted, disabled: refused, deleted: gone}}
endpoints:
  GET /books: {requires: read, lists: book, refused: {invalid: 401}}
  GET /books/{id}: {requires: read, gets: book}
  POST /books: admin
  DELETE /books/{id}: admin
  GET /reviews: {requires: read, lists: review, refused: {invalid: 401}}
  GET /reviews/{id}: {requires: read, gets: review}
  GET /loans: {requires: read, lists: loan, refused: {invalid: 401}}
  GET /loans/{id}: {requires: read, gets: loan}
  POST /loans: admin
  DELETE /loans/{id}: admin
  GET /settings: {requires: admin, refused: {anonymous: 401, invalid: 401, forbidden: 403}}
records:
  book: {sharing: {all: {}, open: {secret: false}}, hidden: 404}
  review: {part-of: book}
fields: {book: {cost: admin}}
`

// A shelf is a server with the manners of many that are made of a database and rules: a list
// that is refused is empty, an object is not found, and a create is a bad request; a key is the
// whole header; pages are counted by the client; truth values and ids are small numbers; what has
// no value stands at one end of an order; a record shows the ids of its parts, and takes those
// that a create names.
type shelf struct {
	mu   sync.Mutex
	rows map[string][]map[string]any
	next int

	nullsLast bool // as some databases have it

	// What it may do wrong.
	badAsNone, deadWorks, partsOpen, sortOpen, searchOpen bool
}

func newShelf() *shelf {
	s := &shelf{rows: map[string][]map[string]any{}}
	for i := range 13 {
		secret := 0
		if i == 12 {
			secret = 1
		}
		b := s.add("books", map[string]any{"title": fmt.Sprintf("Book number %d", i+101), "secret": secret, "price": 1000 + 10*i, "cost": 31 + 2*i})
		s.add("reviews", map[string]any{"text": fmt.Sprintf("Review number %d", i+301), "book": b})
		s.add("loans", map[string]any{"who": fmt.Sprintf("Reader number %d", i+501), "book": b})
	}
	return s
}

func (s *shelf) add(kind string, row map[string]any) string {
	s.next++
	row["id"] = fmt.Sprint(s.next)
	s.rows[kind] = append(s.rows[kind], row)
	return row["id"].(string)
}

func (s *shelf) find(kind string, id any) map[string]any {
	for _, row := range s.rows[kind] {
		if row["id"] == id {
			return row
		}
	}
	return nil
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("WWW-Authenticate", "Key")
		data, _ := json.Marshal(v)
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(data)))
		w.WriteHeader(status)
		_, _ = w.Write(data)
	}
	key := r.Header.Get("Authorization")
	if key == "disabled-key" && s.deadWorks {
		key = "reader-key"
	}
	admin, reads := key == "admin-key", slices.Contains([]string{"admin-key", "reader-key", "open-key"}, key)
	bad := key != "" && !reads && key != "none-key"
	kind, id, one := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.URL.Path == "/settings" && r.Method == "GET" {
		status := 403
		if key == "" || bad {
			status = 401
		}
		if admin {
			status = 200
		}
		reply(status, map[string]any{"name": "shelf"})
		return
	}
	if s.rows[kind] != nil && r.Method == "OPTIONS" {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "GET,POST, DELETE")
		return
	}
	if s.rows[kind] == nil || !slices.Contains([]string{"GET", "HEAD", "POST", "DELETE"}, r.Method) || one && r.Method == "POST" || !one && r.Method == "DELETE" {
		reply(404, map[string]any{"error": "not_found"})
		return
	}
	sees := func(row map[string]any) bool {
		switch {
		case kind == "books":
			return key != "open-key" || row["secret"] != 1 && row["secret"] != 1.0
		case kind == "reviews" && !s.partsOpen:
			b := s.find("books", row["book"])
			return key != "open-key" || b == nil || b["secret"] != 1
		}
		return true
	}
	switch {
	case r.Method == "POST" && admin:
		row := map[string]any{}
		if json.NewDecoder(r.Body).Decode(&row) != nil {
			reply(400, map[string]any{})
			return
		}
		id := s.add(kind, row)
		taken, _ := row["reviews"].([]any)
		delete(row, "reviews")
		for _, review := range s.rows["reviews"] { // what is named becomes a part of the new one
			if kind == "books" && slices.Contains(taken, review["id"]) {
				review["book"] = id
			}
		}
		reply(200, s.shown(row, key))
	case r.Method == "POST":
		reply(400, map[string]any{"error": "create failed"})
	case r.Method == "DELETE" && admin && s.find(kind, id) != nil:
		s.rows[kind] = slices.DeleteFunc(s.rows[kind], func(row map[string]any) bool { return row["id"] == id })
		w.WriteHeader(204)
	case one && (r.Method == "DELETE" || !reads || s.find(kind, id) == nil || !sees(s.find(kind, id))):
		reply(404, map[string]any{"error": "not_found"})
	case one:
		reply(200, s.shown(s.find(kind, id), key))
	case bad && !s.badAsNone:
		reply(401, map[string]any{"error": "who"})
	default:
		var list []map[string]any
		for _, row := range s.rows[kind] {
			if reads && sees(row) && s.matches(row, r.URL.Query().Get("search"), admin) {
				list = append(list, row)
			}
		}
		s.sort(list, r.URL.Query().Get("sort"), key == "open-key" && !s.sortOpen)
		size, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("perPage"), "5"))
		page, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
		from := min(max((page-1)*size, 0), len(list))
		items := []map[string]any{}
		for _, row := range list[from:min(from+max(size, 1), len(list))] {
			items = append(items, s.shown(row, key))
		}
		reply(200, map[string]any{"items": items, "page": page, "perPage": size, "totalItems": len(list)})
	}
}

// shown is a row without what its reader may not see.
func (s *shelf) shown(row map[string]any, key string) map[string]any {
	out := map[string]any{}
	for name, v := range row {
		if name == "cost" && key != "admin-key" {
			continue
		}
		if b := s.find("books", v); name == "book" && key == "open-key" && b != nil && fmt.Sprint(b["secret"]) == "1" {
			v = nil
		}
		out[name] = v
	}
	if out["title"] != nil {
		reviews := []any{}
		for _, review := range s.rows["reviews"] {
			if review["book"] == out["id"] {
				reviews = append(reviews, review["id"])
			}
		}
		out["reviews"] = reviews
	}
	return out
}

func (s *shelf) matches(row map[string]any, word string, admin bool) bool {
	for name, v := range row {
		if strings.Contains(fmt.Sprint(v), word) && name != "id" && (name != "cost" || admin || s.searchOpen) {
			return true
		}
	}
	return word == ""
}

// sort orders by a field of a row, or of the book that it names; a hidden book's has no value.
func (s *shelf) sort(list []map[string]any, by string, scoped bool) {
	field, down := strings.CutPrefix(by, "-")
	value := func(row map[string]any) (float64, bool) {
		if f, of := strings.CutPrefix(field, "book."); of {
			b := s.find("books", row["book"])
			if b == nil || scoped && fmt.Sprint(b["secret"]) == "1" {
				return 0, false
			}
			row, field := b, f
			n, err := strconv.ParseFloat(fmt.Sprint(row[field]), 64)
			return n, err == nil
		}
		n, err := strconv.ParseFloat(fmt.Sprint(row[field]), 64)
		return n, err == nil
	}
	slices.SortStableFunc(list, func(a, b map[string]any) int {
		x, hasX := value(a)
		y, hasY := value(b)
		n := cmp.Compare(x, y)
		if hasX != hasY {
			if n = 1; hasX != s.nullsLast {
				n = 1
			} else {
				n = -1
			}
		}
		if down {
			n = -n
		}
		return n
	})
}

func probeShelf(t *testing.T, s *shelf, stated bool) *conformance.Result {
	t.Helper()
	text := shelfCatalog
	if !stated {
		text = regexp.MustCompile(`, refused: \{[^}]*\}`).ReplaceAllString(text, "")
		text = strings.Replace(text, "  GET /settings: {requires: admin}\n", "", 1) // it refuses in its own way
	}
	c, err := catalogs.Parse("shelf.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// What the profile states in general gives way to what a row states for itself.
	same := catalogs.Denial{Status: 404}
	forms := conformance.Forms{
		conformance.ListRow:   {Anonymous: catalogs.Denial{Status: 200}, Forbidden: catalogs.Denial{Status: 200}},
		conformance.ObjectRow: {Anonymous: same, Forbidden: same}, conformance.WriteRow: {Anonymous: same, Forbidden: same},
		conformance.CreateRow: {Anonymous: catalogs.Denial{Status: 400}, Forbidden: catalogs.Denial{Status: 400}},
	}
	if !stated {
		forms = nil
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Refused: forms, Keys: []conformance.Key{
		{Name: "admin", Grants: c.Universe()}, {Name: "none", Grants: perm.Set{}}, {Name: "reader", Grants: perm.NewSet("read")},
		{Name: "open", Grants: perm.NewSet("read"), Sharing: map[string]string{"book": "open"}},
		{Name: "disabled", Grants: perm.NewSet("read"), Kind: conformance.ParkedKey, State: "disabled"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	creds := make([]conformance.Credential, len(p.Keys))
	for i, k := range p.Keys {
		if k.Kind != conformance.NoKey {
			creds[i] = conformance.Credential{Header: "Authorization", Secret: k.Name + "-key", Env: "PC_" + strings.ToUpper(k.Name)}
		}
	}
	srv := httptest.NewServer(s)
	defer srv.Close()
	row := &c.Endpoints[0]
	a, sent, err := conformance.Run(t.Context(), p, conformance.Target{Base: parse(t, srv.URL), Disposable: true, Credentials: creds, Writes: conformance.WritesDisposable, Control: row,
		Bodies: map[string]any{catalogs.EndpointKey("POST", "/books"): map[string]any{"title": "$mark", "secret": json.Number("0"), "price": json.Number("1")},
			catalogs.EndpointKey("POST", "/loans"): map[string]any{"who": "$mark"}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(sent.Left) > 0 {
		t.Errorf("left behind: %v", sent.Left)
	}
	r := conformance.Judge(p, a)
	for i, v := range r.Verdicts {
		if v == conformance.Inconclusive {
			row, _, _ := p.About(&p.Probes[i])
			t.Logf("inconclusive: %s %s %s: %s", p.Probes[i].Check, &p.Rows[row], p.KeyName(&p.Probes[i]), r.Reasons[i])
		}
	}
	if len(r.Dead) > 0 {
		t.Errorf("no sign of life of %v", r.Dead)
	}
	return r
}

// A server with these manners is understood: nothing is inconclusive and nothing is found where it
// is right, and each mistake is found by its own check, on its own row.
func TestMannersOfADatabase(t *testing.T) {
	for name, tt := range map[string]struct {
		wrong func(*shelf)
		check string // that finds it; empty: nothing does
		row   string
	}{
		"right":                       {wrong: func(*shelf) {}},
		"right, no value stands last": {wrong: func(s *shelf) { s.nullsLast = true }},
		"a bad key counts as none":    {func(s *shelf) { s.badAsNone = true }, "refusal-form", "GET /books"},
		"a disabled key works":        {func(s *shelf) { s.deadWorks = true }, "disabled-key", "GET /books"},
		"parts of what is hidden":     {func(s *shelf) { s.partsOpen = true }, "list-records", "GET /reviews"},
		"an order tells":              {func(s *shelf) { s.sortOpen = true }, "sort-records", "GET /loans"},
		"an order tells, values last": {func(s *shelf) { s.sortOpen, s.nullsLast = true, true }, "sort-records", "GET /loans"},
		"a search looks at the cost":  {func(s *shelf) { s.searchOpen = true }, "field-searched", "GET /books"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			tt.wrong(s)
			before := fmt.Sprint(s.rows)
			r := probeShelf(t, s, true)
			if after := fmt.Sprint(s.rows); after != before {
				t.Errorf("the run left\n%s\nof\n%s", after, before)
			}
			found := false
			for i, v := range r.Verdicts {
				if v != conformance.Fail {
					continue
				}
				pr := &r.Plan.Probes[i]
				row, _, _ := r.Plan.About(pr)
				if pr.Check == tt.check && r.Plan.Rows[row].String() == tt.row {
					found = true
				} else if tt.check == "" || pr.Check != tt.check && pr.Check != "record-by-id" {
					t.Errorf("%s on %s, key %s: %s", pr.Check, &r.Plan.Rows[row], r.Plan.KeyName(pr), r.Reasons[i])
				}
			}
			if found != (tt.check != "") {
				t.Errorf("found: %v", found)
			}
			if n := r.Count[conformance.Inconclusive]; n > 0 {
				t.Errorf("%d inconclusive", n)
			}
		})
	}
}

// Where no form of refusal is stated each is right, and the three kinds of senders are told apart.
func TestMannersAreLearned(t *testing.T) {
	s := newShelf()
	r := probeShelf(t, s, false)
	const want = "refused:\n  anonymous: {list: empty, object: 404, create: 400, write: 404}\n" +
		"  invalid: {list: 401, object: 404, create: 400, write: 404}\n  forbidden: {list: empty, object: 404, create: 400, write: 404}\n"
	if got := r.RefusedBlock(); got != want || r.Count[conformance.Fail] > 0 {
		t.Errorf("%d failed; learned\n%swant\n%s", r.Count[conformance.Fail], got, want)
	}
}
