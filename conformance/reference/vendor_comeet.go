package reference

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

//go:embed vendor_comeet.json
var comeetSeeds []byte

// Pages of Comeet's reference that several switches come from.
const (
	comeetPermissions = "https://developers.comeet.com/reference/permissions"
	comeetSigning     = "https://developers.comeet.com/reference/authorization"
	comeetCandidate   = "https://developers.comeet.com/reference/candidates-copy"
	comeetInclude     = "https://developers.comeet.com/reference/retrieve-a-candidate"
	comeetPosition    = "https://developers.comeet.com/reference/update-a-position"
	comeetPerson      = "https://developers.comeet.com/reference/delete-a-person"
	comeetDeleted     = "https://developers.comeet.com/reference/list-deleted-candidates"
)

// comeetVendor is the Comeet Recruiting API. A client signs a token for each request itself:
// the id of a key is the api-key of an integration, its secret is that of the app. What the
// app is granted is in force from when the integration is enabled until it is revoked and
// enabled again.
var comeetVendor = &vendor{
	name:     "comeet",
	seeds:    comeetSeeds,
	switches: comeetSwitches,
	faults:   comeetFaults,
	lacks: []string{ // lists have no totals, search, sort, field selection nor relations
		"totals-unfiltered", "search-unfiltered", "relation-filter-unscoped", "relation-sort-unscoped", "batch-ignores-scope", "include-unfiltered",
		"unpermitted-filter-dropped", "field-selectable", "field-filterable", "field-sortable", "field-searchable",
		"key-case-ignored", // a token in another case is another text, not only another signature
	},
	objects: map[string]string{
		"POST /positions/":                "position",
		"POST /positions/{uid}/clone":     "position",
		"PATCH /position/{uid}":           "position",
		"DELETE /person/{uid}":            "person",
		"POST /person/{uid}/pseudonymize": "person",
	},
	start: startComeet,
}

var comeetSwitches = []Switch{
	{"anonymous-status", []string{"401", "403"}, "how a request without a valid token is refused", comeetSigning},
	{"forbidden-status", []string{"403", "401"}, "how a missing permission is refused, but that for persons, which is documented", comeetPermissions},
	{"forbidden-code", []string{"no_permission", "none"}, "whether a missing permission, but that for persons, has the error code no_permission", comeetPerson},
	{"revoked-status", []string{"401", "403"}, "how a token is refused between revoke and enable", comeetPermissions},
	{"token-lifetime", []string{"unlimited", "1h", "10m"}, "how far ahead a token's exp may be", comeetSigning},
	{"enabled-again", []string{"old-key", "new-key"}, "whether an integration that is revoked and enabled again keeps its api-key or gets a new one", comeetPermissions},
	{"hidden-by-uid", []string{"404", "403"}, "how a position or candidate that a key does not see is answered by its uid", comeetPermissions},
	{"hidden-position", []string{"hides-candidates", "shows-candidates"}, "whether the candidates of a position that is not shared are hidden too", comeetPermissions},
	{"published-discreet", []string{"shown", "hidden"}, "whether \"Only published positions\" shows a position that is published and discreet", comeetPermissions},
	{"no-candidate-permission", []string{"refused", "empty"}, "what a key gets from lists of candidates that holds neither permission to retrieve them", comeetPermissions},
	{"unseen-field", []string{"absent", "null"}, "how a field is written that a key has no permission for", comeetCandidate},
	{"contact-details", []string{"without-uid", "with-uid"}, "whether the permission for the details of the source contact alone shows its uid too", comeetPermissions},
	{"include", []string{"not-needed", "needed"}, "whether a granted field of a candidate is shown only if ?include= asks for it", comeetInclude},
	{"include-ungranted", []string{"omitted", "refused"}, "what ?include= of a field gets a key that has no permission for it", comeetInclude},
	{"salary-range-write", []string{"ignored", "refused"}, "what becomes of a salary_range that is written: it takes a permission, and none of the 25 is it", comeetPosition},
	{"deleted-candidates", []string{"refused", "candidate-readers", "any-key"}, "who may list the deleted candidates", comeetDeleted},
	{"create-path", []string{"with-slash", "either"}, "whether POST /positions and /openings are taken without the slash that the pages write", "https://developers.comeet.com/reference/create-a-position"},
	{"browser-request", []string{"answered", "refused"}, "whether a request with an Origin is refused, or answered without CORS headers", comeetPermissions},
	{"preflight-status", []string{"405", "403", "404", "200"}, "how a preflight is answered, without CORS headers", comeetPermissions},
}

// comeet is what one server of Comeet's keeps and does.
type comeet struct {
	plain
	s *Server

	positions, candidates, persons *collection
	// merged are candidates that were merged into others. They are in no list. Not changed
	// after the start.
	merged map[string]object
	// deleted are candidates that were deleted with their persons, in that order. The store's
	// lock guards it.
	deleted []deletedCandidate
	maxLife time.Duration // 0: no limit

	mu       sync.Mutex
	former   map[string][]string          // id of a key -> secrets that it had
	sharing  string                       // of positions: the option of any key that shows most
	previous map[string][]perm.Permission // id of a key -> what it held before it was enabled again
}

type deletedCandidate struct {
	was object
	at  time.Time
}

func startComeet(s *Server) manners {
	m := &comeet{s: s, positions: s.store.all["position"], candidates: s.store.all["candidate"], persons: s.store.all["person"],
		merged: map[string]object{}, former: map[string][]string{}, previous: map[string][]perm.Permission{}}
	s.keys.keepSecrets = true // tokens are signed with them
	set := func(name, value string) bool { return s.switches[name] == value }

	if set("token-lifetime", "1h") {
		m.maxLife = time.Hour
	} else if set("token-lifetime", "10m") {
		m.maxLife = 10 * time.Minute
	}
	if set("hidden-by-uid", "403") {
		m.positions.rules.hidden, m.candidates.rules.hidden = http.StatusForbidden, http.StatusForbidden
	}
	if set("hidden-position", "shows-candidates") {
		for i := range m.candidates.refs {
			m.candidates.refs[i].owner = false
		}
	}
	if set("published-discreet", "hidden") {
		options := slices.Clone(m.positions.rules.sharing)
		for i, o := range options {
			if o.Name == "published" {
				options[i].Conditions = append(slices.Clone(o.Conditions), catalogs.Condition{Attribute: "is_discreet", Value: "false"})
			}
		}
		m.positions.rules.sharing = options
	}
	readers := s.byKey[catalogs.EndpointKey("GET", "/candidates")].need
	for _, rt := range s.routes {
		if rt.data && rt.objects == m.candidates && set("no-candidate-permission", "empty") {
			rt.need = need{open: openToKeys}
		}
		if rt.row.Path == "/deleted-candidates" {
			switch s.switches["deleted-candidates"] {
			case "candidate-readers":
				rt.need = readers
			case "any-key":
				rt.need = need{open: openToKeys}
			}
		}
	}
	s.block = s.block || set("browser-request", "refused")

	if len(m.candidates.ids) > 0 {
		first := m.candidates.objects[m.candidates.ids[0]]
		m.candidates.next++
		id := m.candidates.stem + "-" + strconv.Itoa(m.candidates.next)
		m.merged[id] = object{"id": id}.merged(first)
	}
	return m
}

// respell takes the path of a create without its slash, where that is so.
func (m *comeet) respell(method, path string) string {
	if method == http.MethodPost && (path == "/positions" || path == "/openings") && m.s.switches["create-path"] == "either" {
		return path + "/"
	}
	return path
}

// before answers preflights.
func (m *comeet) before(c *call) bool {
	status, _ := strconv.Atoi(m.s.switches["preflight-status"])
	if !c.preflight() || status == http.StatusMethodNotAllowed {
		return false
	}
	if status >= 400 {
		c.reply(status, object{})
	} else {
		c.reply(status, nil)
	}
	return true
}

// A signed token is a JSON web token (RFC 7519).
type signedToken struct {
	issuer    string
	expires   time.Time
	unsigned  bool   // its algorithm is none
	text      string // what the signature is of
	signature string // base64
}

// readToken reads what Comeet says a token is: HS256, with the claims iss and exp.
func readToken(text string) (t signedToken, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t, false
	}
	var header struct {
		Alg string `json:"alg"`
	}
	var claims struct {
		Iss string  `json:"iss"`
		Exp float64 `json:"exp"`
	}
	for i, into := range []any{&header, &claims} {
		data, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(data, into) != nil {
			return t, false
		}
	}
	if header.Alg != "HS256" && !strings.EqualFold(header.Alg, "none") || claims.Iss == "" || !(claims.Exp > 0 && claims.Exp < math.MaxInt32*100) {
		return t, false
	}
	return signedToken{issuer: claims.Iss, expires: time.Unix(int64(claims.Exp), 0), unsigned: header.Alg != "HS256",
		text: parts[0] + "." + parts[1], signature: parts[2]}, true
}

// identify finds the integration whose app signed a token.
func (m *comeet) identify(token string, rt *route) (Caller, *key, bool) {
	t, ok := readToken(token)
	if !ok {
		return Malformed, nobody, true
	}
	s := m.s
	id := m.keyID(t.issuer)
	now := s.now()
	switch {
	case !m.signedRightly(t, id, rt) && !s.wrong(rt, "signature-unchecked"),
		!t.expires.After(now) && !s.wrong(rt, "token-expiry-unchecked"),
		m.maxLife > 0 && t.expires.Sub(now) > m.maxLife:
		return Unknown, nobody, true
	}
	who, k := s.keyByID(id, rt)
	if who == Valid && len(s.planted) > 0 {
		k = m.mistaken(k, rt)
	}
	return who, k, true
}

// keyID is the id of the key of an api-key: the same, unless a new one is given whenever an
// integration is enabled again.
func (m *comeet) keyID(issuer string) string {
	if m.s.switches["enabled-again"] != "new-key" {
		return issuer
	}
	id, _, _ := strings.Cut(issuer, "~")
	if k := m.s.keys.get(id); k == nil || k.apiKey() != issuer {
		return ""
	}
	return id
}

// user is the api-key of an integration that has another one than its first.
func (m *comeet) user(k *key) string {
	if m.s.switches["enabled-again"] != "new-key" || k.renewed == 0 {
		return ""
	}
	return k.apiKey()
}

// apiKey is what tokens name as their issuer, where a key gets a new name whenever it is
// enabled again.
func (k *key) apiKey() string {
	if k.renewed == 0 {
		return k.id
	}
	return k.id + "~" + strconv.Itoa(k.renewed)
}

// signedRightly reports whether a token was signed with the secret of a key.
func (m *comeet) signedRightly(t signedToken, id string, rt *route) bool {
	s := m.s
	if t.unsigned {
		return s.wrong(rt, "unsigned-token-accepted")
	}
	for _, secret := range m.secrets(id, rt) {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(t.text))
		want := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		const compared = 12
		switch {
		case hmac.Equal([]byte(want), []byte(t.signature)),
			s.wrong(rt, "key-prefix-compared") && len(t.signature) >= compared && want[:compared] == t.signature[:compared]:
			return true
		}
	}
	return false
}

// secrets are those that sign for a key: its own, and on servers with faults those that it
// had, and that of a dead one.
func (m *comeet) secrets(id string, rt *route) []string {
	ks := m.s.keys
	var list []string
	ks.mu.RLock()
	if k := ks.byID[id]; k != nil {
		list = append(list, k.secret)
	}
	for _, dead := range ks.dead {
		if dead.id == id {
			list = append(list, dead.secret)
		}
	}
	ks.mu.RUnlock()
	if m.s.wrong(rt, "rotation-keeps-old-secret") {
		m.mu.Lock()
		list = append(list, m.former[id]...)
		m.mu.Unlock()
	}
	return list
}

// keyChanged remembers what only servers with faults look at.
func (m *comeet) keyChanged(was, now *key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now != nil {
		if option := cmp.Or(now.sharing["position"], "all"); m.sharing == "" || m.conditions(option) < m.conditions(m.sharing) {
			m.sharing = option
		}
	}
	if was == nil || now == nil {
		return
	}
	if was.secret != now.secret {
		m.former[now.id] = append(m.former[now.id], was.secret)
	}
	if was.state == stateRevoked && now.state == stateEnabled {
		m.previous[now.id] = was.inForce
	}
}

// conditions is how much a sharing option of positions asks of one.
func (m *comeet) conditions(option string) int {
	for _, o := range m.positions.rules.sharing {
		if o.Name == option {
			return len(o.Conditions)
		}
	}
	return 0
}

// mistaken is a key as a server with faults of Comeet's own takes it.
func (m *comeet) mistaken(k *key, rt *route) *key {
	seen := *k
	hold := func(grant []perm.Permission) { seen.inForce, seen.holds = grant, m.s.vocab.holdings(grant) }
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.s.wrong(rt, "grants-change-at-once") {
		hold(k.granted)
	}
	if before, ok := m.previous[k.id]; ok && m.s.wrong(rt, "enabling-keeps-old-grants") {
		hold(before)
	}
	if m.sharing != "" && m.s.wrong(rt, "sharing-of-the-account") {
		seen.sharing = map[string]string{"position": m.sharing}
	}
	return &seen
}

// query reads limit and the cursor that stands in next_page; lists have no other parameters
// than the filters of [comeet.filtered].
func (m *comeet) query(c *call) (query, error, bool) {
	q := query{limit: maxLimit}
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return q, &queryError{"query"}, true
	}
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return q, &queryError{"limit"}, true
		}
		q.limit = min(n, maxLimit)
	}
	if text := values.Get("cursor"); text != "" {
		offset, ok := readCursor(text)
		if !ok {
			return q, &queryError{"cursor"}, true
		}
		q.offset = offset
	}
	return q, nil, true
}

// comeetRows are the rows that do more than rows of any API do.
var comeetRows = map[string]func(*comeet, *call) answer{
	"GET /positions":                       (*comeet).list,
	"GET /candidates":                      (*comeet).list,
	"GET /positions/{uid}/candidates":      (*comeet).list,
	"GET /candidates/{uid}":                (*comeet).candidate,
	"GET /deleted-candidates":              (*comeet).deletedUIDs,
	"POST /positions/":                     (*comeet).writePosition,
	"PATCH /position/{uid}":                (*comeet).writePosition,
	"POST /positions/{uid}/clone":          (*comeet).writePosition,
	"POST /candidates":                     (*comeet).createCandidate,
	"POST /candidates/{uid}/notes":         (*comeet).addToCandidate,
	"POST /candidates/{uid}/conversations": (*comeet).addToCandidate,
	"DELETE /person/{uid}":                 (*comeet).person,
	"POST /person/{uid}/pseudonymize":      (*comeet).person,
}

func (m *comeet) perform(c *call, method string) (answer, bool) {
	if uid, ok := c.body["uid"]; ok { // as every row calls it
		delete(c.body, "uid")
		c.body["id"] = uid
	}
	do := comeetRows[c.rt.row.String()]
	if do == nil {
		return answer{}, false
	}
	if store := c.s.store; c.rt.reads(method) {
		store.mu.RLock()
		defer store.mu.RUnlock()
	} else {
		store.mu.Lock()
		defer store.mu.Unlock()
	}
	return do(m, c), true
}

// list answers the rows that the filters of a request leave.
func (m *comeet) list(c *call) answer {
	if no := m.asksForUngranted(c); no != nil {
		return *no
	}
	coll := c.rt.objects
	rows, ok := c.inParent(coll)
	if !ok {
		return c.absent(c.rt.parent)
	}
	if rows == nil {
		rows = coll.all()
	}
	values := c.r.URL.Query()
	if coll == m.candidates && strings.EqualFold(values.Get("deleted"), "true") {
		rows = nil
		for _, d := range m.deleted {
			if c.rt.parent == nil || d.was.text("position_uid") == c.params["uid"] {
				rows = append(rows, d.was)
			}
		}
	}
	if statuses := list(values.Get("status")); len(statuses) > 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(o object) bool { return !slices.Contains(statuses, o.text("status")) })
	}
	for _, bound := range []string{"before", "after"} {
		text := values.Get("time_created:" + bound)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return answer{http.StatusBadRequest, object{"message": "bad parameter time_created:" + bound}}
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(o object) bool {
			created, err := time.Parse(time.RFC3339, o.text("time_created"))
			return err != nil || !within(created, at, bound)
		})
	}
	return c.list(coll, rows)
}

// within reports whether a time is before or after another.
func within(t, bound time.Time, side string) bool {
	if side == "before" {
		return t.Before(bound)
	}
	return t.After(bound)
}

// candidate answers one candidate, by its uid or by the id that its URL ends with.
func (m *comeet) candidate(c *call) answer {
	if no := m.asksForUngranted(c); no != nil {
		return *no
	}
	if c.r.Header.Get("IDENTIFIER_TYPE") == "REAL_ID" {
		real := "/" + c.params["uid"]
		c.params["uid"] = ""
		for _, id := range m.candidates.ids {
			if strings.HasSuffix(m.candidates.objects[id].text("URL"), real) {
				c.params["uid"] = id
				break
			}
		}
	}
	uid := c.params["uid"]
	if o, ok := m.merged[uid]; ok && c.sees(m.candidates, o) {
		return answer{http.StatusUnauthorized, object{"error": "duplicate_candidate",
			"message": "You are trying to access a candidate that was removed since it was a duplicate of another candidate"}}
	}
	for _, d := range m.deleted {
		if d.was["id"] == uid && c.sees(m.candidates, d.was) {
			return answer{http.StatusOK, c.project(m.candidates, d.was)}
		}
	}
	return c.one(m.candidates)
}

// isDeleted reports whether a candidate is one that was deleted. The store is locked.
func (m *comeet) isDeleted(o object) bool {
	return slices.ContainsFunc(m.deleted, func(d deletedCandidate) bool { return d.was["id"] == o["id"] })
}

// deletedUIDs answers the candidates that a client must delete too.
func (m *comeet) deletedUIDs(c *call) answer {
	uids := []string{}
	values := c.r.URL.Query()
	for _, d := range m.deleted {
		keep := c.s.seesWith(c.k, m.candidates, d.was, false)
		for _, bound := range []string{"before", "after"} {
			if at, err := time.Parse(time.RFC3339, values.Get("time_deleted:"+bound)); err == nil {
				keep = keep && within(d.at, at, bound)
			}
		}
		if keep {
			uids = append(uids, d.was.text("id"))
		}
	}
	return answer{http.StatusOK, uids}
}

// writePosition makes, changes or clones a position.
func (m *comeet) writePosition(c *call) answer {
	if no := m.salaryRange(c); no != nil {
		return *no
	}
	switch {
	case c.rt.kind == kindAction:
		return m.clone(c)
	case c.rt.param != "":
		return c.change(c.rt.row.Method, c.params["uid"])
	}
	return c.create()
}

// addToCandidate makes a note or a conversation.
func (m *comeet) addToCandidate(c *call) answer {
	o, ok := m.candidates.objects[c.params["uid"]]
	if !ok || !c.s.seesWith(c.k, m.candidates, o, false) {
		return notFound
	}
	return c.create()
}

// salaryRange looks at a write of salary_range; nil where it may go on.
func (m *comeet) salaryRange(c *call) *answer {
	if _, writes := c.body["salary_range"]; !writes || c.wrong("salary-range-written") {
		return nil
	}
	if m.s.switches["salary-range-write"] == "refused" {
		return &answer{http.StatusForbidden, object{"error": "forbidden"}}
	}
	delete(c.body, "salary_range")
	return nil
}

// clone makes a position of a template.
func (m *comeet) clone(c *call) answer {
	o, ok := m.positions.objects[c.params["uid"]]
	switch {
	case !ok:
		return c.absent(m.positions)
	case !c.writable(m.positions, o) && !c.wrong("write-outside-scope"):
		return c.hidden(m.positions, o)
	case o["is_template"] != true:
		return answer{http.StatusBadRequest, object{"message": "only a position that is a template can be cloned"}}
	}
	body, no := c.checked(m.positions, c.body, nil)
	if no != nil {
		return *no
	}
	made := body.merged(o)
	made["is_template"] = false
	if !c.writable(m.positions, made) && !c.wrong("write-outside-scope") {
		return outOfScope
	}
	made, ok = m.positions.add(made)
	if !ok {
		return answer{http.StatusInsufficientStorage, object{"error": "collection_full"}}
	}
	return c.written(http.StatusCreated, m.positions, made)
}

// createCandidate makes a candidate of the calling app, for a person of its own.
func (m *comeet) createCandidate(c *call) answer {
	if c.body["position_uid"] == nil { // required, but no harm is done if it is guessed
		for _, id := range m.positions.ids {
			if c.s.seesWith(c.k, m.positions, m.positions.objects[id], false) {
				c.body["position_uid"] = id
				break
			}
		}
	}
	person, ok := m.persons.add(object{})
	if !ok {
		return answer{http.StatusInsufficientStorage, object{"error": "collection_full"}}
	}
	c.body["person_uid"] = person["id"]
	c.body["status"] = "In progress"
	c.body["time_created"] = c.s.now().UTC().Format(time.RFC3339)
	a := c.create()
	if a.status != http.StatusCreated {
		m.persons.remove(person.text("id"))
	}
	return a
}

// person deletes or pseudonymizes a person and all candidates of theirs.
func (m *comeet) person(c *call) answer {
	uid := c.params["uid"]
	if m.persons.objects[uid] == nil {
		return notFound
	}
	uids, waiting := []string{}, []string{}
	for _, id := range m.candidates.ids {
		if o := m.candidates.objects[id]; o["person_uid"] == uid {
			if uids = append(uids, id); interviewed(o) {
				waiting = append(waiting, id)
			}
		}
	}
	if len(waiting) > 0 {
		return answer{http.StatusBadRequest, object{"error": "person_has_pending_interviews", "message": "Person has scheduled or ongoing interviews",
			"person_uid": uid, "candidate_uid": waiting}}
	}
	for _, id := range uids {
		o := m.candidates.objects[id]
		if c.rt.row.Method == http.MethodDelete {
			m.deleted = append(m.deleted, deletedCandidate{o, c.s.now()})
			m.candidates.remove(id)
			continue
		}
		m.candidates.put(object{"first_name": nil, "last_name": nil, "email": nil}.merged(o))
	}
	if c.rt.row.Method == http.MethodDelete {
		m.persons.remove(uid)
		return answer{http.StatusOK, object{"candidates_deleted": len(uids), "deleted_candidates_uids": uids}}
	}
	return answer{http.StatusOK, object{"candidates_pseudonymized": len(uids), "pseudonymized_candidates_uids": uids}}
}

// interviewed reports whether a candidate has an interview that is scheduled and not over.
func interviewed(o object) bool {
	steps, _ := o["current_steps"].([]any)
	return slices.ContainsFunc(steps, func(step any) bool {
		s, _ := step.(map[string]any)
		return s["time_scheduled"] != nil && s["time_completed"] == nil
	})
}

// includes are the optional fields that ?include= asks for.
func includes(c *call) []string {
	var names []string
	for _, value := range c.r.URL.Query()["include"] {
		names = append(names, list(value)...)
	}
	return names
}

// asksForUngranted refuses a request that includes a field which the caller does not see,
// where that is so.
func (m *comeet) asksForUngranted(c *call) *answer {
	if c.rt.objects != m.candidates || m.s.switches["include-ungranted"] != "refused" {
		return nil
	}
	for _, name := range includes(c) {
		guarded, seen := false, false
		for field := range m.candidates.rules.fields {
			if head, _, _ := strings.Cut(field, "."); head == name {
				guarded = true
				seen = seen || c.readable(m.candidates, field)
			}
		}
		if guarded && !seen {
			return &answer{http.StatusForbidden, object{"error": "forbidden"}}
		}
	}
	return nil
}

// comeetFields are the faults that show a field without its permission.
var comeetFields = map[string][]string{
	"salary-range-unguarded":   {"position", "salary_range"},
	"hiring-manager-unguarded": {"position", "users.hiring_manager"},
	"future-steps-unguarded":   {"candidate", "future_steps"},
	"source-unguarded":         {"candidate", "source"},
	"contact-uid-with-details": {"candidate", "source_contact.first_name", "source_contact.last_name", "source_contact.email"},
}

// row adds and takes away what the switches say of fields that are not seen.
func (m *comeet) row(c *call, coll *collection, o, shown object) object {
	if coll != m.positions && coll != m.candidates {
		return shown
	}
	if coll == m.candidates && m.isDeleted(o) {
		return object{"id": o["id"], "deleted": true}
	}
	out := shown.merged(nil)
	for name, v := range out { // what is put into them must not be in the store
		if inner, ok := v.(map[string]any); ok {
			out[name] = map[string]any(object(inner).merged(nil))
		}
	}
	show := func(field string) {
		if v, ok := o.at(field); ok {
			put(out, field, v)
		}
	}
	for fault, fields := range comeetFields {
		for _, field := range fields[1:] {
			if fields[0] == coll.name && c.wrong(fault) && (fault != "contact-uid-with-details" || c.readable(coll, "source_contact.uid")) {
				show(field)
			}
		}
	}
	if coll == m.candidates && m.s.switches["contact-details"] == "with-uid" && c.readable(coll, "source_contact.email") {
		show("source_contact.uid")
	}
	asked := includes(c)
	for field := range coll.rules.fields {
		head, _, _ := strings.Cut(field, ".")
		switch {
		case coll == m.candidates && m.s.switches["include"] == "needed" && !slices.Contains(asked, head):
			delete(out, head)
		case m.s.switches["unseen-field"] == "null" && !c.readable(coll, field):
			if _, there := out.at(field); !there {
				if _, exists := o.at(field); exists {
					put(out, field, nil)
				}
			}
		}
	}
	for name, v := range out {
		if inner, ok := v.(map[string]any); ok && len(inner) == 0 {
			delete(out, name)
		}
	}
	return out
}

// shape writes lists, uids and errors as Comeet does.
func (m *comeet) shape(c *call, status int, body any) (int, any) {
	o, ok := body.(object)
	switch {
	case !ok:
		return status, body
	case status >= 400:
		return m.failure(c, status, o)
	}
	if rows, ok := o["data"].([]object); ok && c.rt != nil {
		out := make([]object, len(rows))
		for i, row := range rows {
			out[i] = withUID(row)
		}
		c.w.Header().Del("X-Total-Count")
		page := object{c.rt.objects.stem: out, "next_page": nil}
		if cursor, _ := o["next"].(string); cursor != "" {
			page["next_page"] = nextPage(c.r, cursor)
		}
		return status, page
	}
	return status, withUID(o)
}

func withUID(o object) object {
	id, ok := o["id"]
	if !ok {
		return o
	}
	out := o.merged(nil)
	delete(out, "id")
	out["uid"] = id
	return out
}

// nextPage is the address of the page that begins at a cursor.
func nextPage(r *http.Request, cursor string) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	q := r.URL.Query()
	q.Set("cursor", cursor)
	u.RawQuery = q.Encode()
	return u.String()
}

// failure is the body of an error: status, message and, where one is known, its code.
func (m *comeet) failure(c *call, status int, o object) (int, any) {
	out := object{}
	for name, v := range o {
		out[name] = v
	}
	set := m.s.switches
	code, _ := o["error"].(string)
	message, _ := o["message"].(string)
	person := c.rt != nil && c.rt.objects == m.persons
	switch code {
	case "unauthorized":
		code = ""
		name := "anonymous-status"
		if c.who == Unknown && set["revoked-status"] != set[name] && m.isRevoked(c) {
			name = "revoked-status"
		}
		if status, _ = strconv.Atoi(set[name]); status != http.StatusUnauthorized {
			c.w.Header().Del("WWW-Authenticate")
		}
	case "forbidden", "forbidden_field", "out_of_scope", "no_permission":
		delete(out, "field")
		code = "no_permission"
		if !person && status == http.StatusForbidden {
			status, _ = strconv.Atoi(set["forbidden-status"])
			if set["forbidden-code"] == "none" {
				code = ""
			}
		}
		if message == "" {
			message = "You do not have permission to perform this action"
		}
	case "not_found":
		switch {
		case c.rt == nil:
			code = ""
		case c.rt.objects == m.candidates && !c.rt.reads(c.r.Method), strings.HasPrefix(c.rt.row.Path, "/candidates/{uid}/"):
			code = "candidate_not_found"
			if message == "" {
				message = "Candidate not found"
			}
		case message == "":
			message = "The provided ID could not be found"
		}
	case "duplicate_candidate", "person_has_pending_interviews":
	case "invalid":
		status, code, message = http.StatusBadRequest, "", cmp.Or(message, "invalid "+textOf(o["field"]))
		delete(out, "field")
	default:
		code = ""
	}
	if message == "" {
		message = http.StatusText(status)
	}
	delete(out, "error")
	out["status"], out["message"] = status, message
	if code != "" {
		out["error"] = code
	}
	return status, out
}

// isRevoked reports whether a request has the token of an integration that is revoked.
func (m *comeet) isRevoked(c *call) bool {
	token, ok := bearer(c.r)
	if !ok {
		return false
	}
	t, ok := readToken(token)
	if !ok {
		return false
	}
	id := m.keyID(t.issuer)
	k := m.s.keys.get(id)
	return k != nil && k.state == stateRevoked && m.signedRightly(t, id, c.rt)
}

var comeetFaults = []Fault{
	{Name: "signature-unchecked", Aspect: Authentication, What: "a token is taken whoever signed it", anywhere: anyGuarded},
	{Name: "unsigned-token-accepted", Aspect: Authentication, What: "a token with the algorithm none is taken without a signature", anywhere: anyGuarded},
	{Name: "token-expiry-unchecked", Aspect: Authentication, What: "a token is taken after its exp", anywhere: anyGuarded},
	{Name: "grants-change-at-once", Aspect: LifeCycle, What: "a change of the app's permissions reaches integrations that are enabled already", anywhere: anyGuarded},
	{Name: "enabling-keeps-old-grants", Aspect: LifeCycle, What: "an integration that is enabled again keeps the permissions that it had", anywhere: anyGuarded},
	{Name: "sharing-of-the-account", Aspect: Records, What: "the sharing option of any integration that shows most holds for all", anywhere: anyGuarded},
	{
		Name: "include-opens-endpoint", Aspect: Operations, Check: "over-grant", What: "a permission to include a field opens the reads of its object",
		plant: func(s *Server, p *planted) bool {
			p.decide = func(rt *route, who Caller, grant []perm.Permission, right bool) bool {
				return right || who == Valid && rt.data && rt.reads(rt.row.Method) && s.seesSomeField(rt.objects, grant)
			}
			return true
		},
	},
	{Name: "salary-range-written", Aspect: Fields, What: "salary_range is written by whoever may write the position", anywhere: comeetPositionWrite},
	{Name: "salary-range-unguarded", Aspect: Fields, What: "positions have salary_range for every key", anywhere: guardedRead},
	{Name: "hiring-manager-unguarded", Aspect: Fields, What: "positions have their hiring manager for every key", anywhere: guardedRead},
	{Name: "future-steps-unguarded", Aspect: Fields, What: "candidates have future_steps for every key", anywhere: guardedRead},
	{Name: "source-unguarded", Aspect: Fields, What: "candidates have their source for every key", anywhere: guardedRead},
	{Name: "contact-uid-with-details", Aspect: Fields, What: "the permission for the uid of the source contact shows its name and address too", anywhere: guardedRead},
}

func comeetPositionWrite(_ *Server, rt *route) bool {
	return rt.objects.name == "position" && !rt.reads(rt.row.Method)
}

// seesSomeField reports whether a grant has a permission that fields of an object ask for.
func (s *Server) seesSomeField(coll *collection, grant []perm.Permission) bool {
	h := s.vocab.holdings(grant)
	for _, f := range coll.rules.fields {
		if f.need.open == openToHolders && f.need.admits(h) {
			return true
		}
	}
	return false
}
