package reference

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

//go:embed vendor_eightfold.json
var eightfoldSeeds []byte

// Pages on Eightfold's API, for the sources of what the server does.
const (
	eightfoldGuide = "https://apidocs.eightfold.ai/docs/eightfold-api-authorization-guide"
	eightfoldOAuth = "https://apidocs.eightfold.ai/docs/oauth-configuration"
	// The provider's OpenAPI document of API v2, as an archive has it.
	eightfoldOpenAPI = "https://github.com/api-evangelist/eightfold-ai/tree/main/openapi"
	// The archive's own notes, which are third-party evidence.
	eightfoldNotes = "https://github.com/api-evangelist/eightfold-ai/tree/main/authentication"
)

// eightfoldVendor is the Eightfold API v2. What its pages say: a user name and an API key are exchanged
// for a bearer token; lists are paged by start and limit and counted in meta; objects are
// fetched in batches of 100; some writes answer with a transaction.
var eightfoldVendor = &vendor{
	name:  "eightfold",
	seeds: eightfoldSeeds,
	switches: []Switch{
		{"entity-covers-sub-entities", []string{"no", "yes"}, "whether Profile:READ is Profile:Note:READ too; the console has a box for each of them", eightfoldGuide},
		{"write-covers-read", []string{"no", "yes"}, "whether a permission to write is one to read; the console has two boxes", eightfoldGuide},
		{"beyond-table", []string{"absent", "toggle"}, "endpoints of the OpenAPI document that the table does not have (PATCH and DELETE of a succession plan, POST of a note): not there, or open to the global toggle WRITE alone", eightfoldOpenAPI},
		{"note-and-tag-lists", []string{"as-the-table", "own-entity"}, "whether the lists of notes and tags ask for Profile:Role:READ, as the table has it, or for Profile:Note:READ and Profile:Tag:READ, as get and batch-fetch do", eightfoldGuide},
		{"token-grants", []string{"of-the-key", "as-issued"}, "whether a token that was issued before the key's permissions were edited follows the key, or keeps what the key held then", eightfoldGuide},
		{"token-lifetime", []string{"8640s", "86400s"}, "how long a token is good for; a third party noted 8640 s, perhaps a slip", eightfoldNotes},
		{"sign-in-basic", []string{"required", "ignored"}, "whether a request for a token must carry a header Authorization: Basic, whose content is the region's and not looked at here", eightfoldOAuth},
		{"forbidden-status", []string{"403", "401", "404"}, "status of a request whose key lacks the permission", eightfoldGuide},
		{"anonymous-status", []string{"401", "403"}, "status of a request without a valid token", eightfoldGuide},
		{"error-body", []string{"error", "message", "none"}, `what an error's body is: {"error": ...}, {"message": ...}, or nothing`, eightfoldGuide},
		{"paths", []string{"both", "table", "namespaced"}, "which paths are served where both are known: the table's, those of the OpenAPI document with core, careerhub or resource_management after /api/v2, or both", eightfoldOpenAPI},
		{"applicants-include", []string{"unchecked", "checked"}, "whether include=notes,tags,applications of a position's applicants needs the permissions for those, besides Position:READ", eightfoldOpenAPI},
		{"asynchronous-writes", []string{"profiles", "none", "all"}, "which writes are answered with a transaction to ask for", eightfoldOpenAPI},
		{"batch-over-100", []string{"refused", "first-100"}, "what becomes of a batch-fetch of more than 100 ids: 400, or the first 100", eightfoldOpenAPI},
	},
	faults: eightfoldFaults,
	start:  startEightfold,
}

// What paths begin with, and how many objects a batch and a list of successors have at most.
const (
	eightfoldBase  = "/api/v2"
	eightfoldBatch = 100
)

// How long a transaction can be asked for, and how many there are at most: older ones go then.
const (
	transactionsKept = 3 * 24 * time.Hour
	maxTransactions  = 10_000
)

// eightfold is what one server keeps.
type eightfold struct {
	plain
	s        *Server
	paths    []twoPaths
	lifetime time.Duration // of tokens
	doing    map[*route]func(*call) answer
	// transactions are those of writes that were sent, by id; begun has the ids in their order.
	transactions map[string]transaction
	begun        []string
}

// twoPaths are the table's path of a row, and the one with a namespace.
type twoPaths struct{ table, namespaced pattern }

type transaction struct {
	began  time.Time
	sender string // id of the key
}

func startEightfold(s *Server) manners {
	e := &eightfold{s: s, transactions: map[string]transaction{}}
	e.lifetime, _ = time.ParseDuration(s.switches["token-lifetime"]) // one of its values
	for i := range s.catalog.Endpoints {
		for _, also := range s.catalog.Endpoints[i].Also {
			e.paths = append(e.paths, twoPaths{compile(s.catalog.Endpoints[i].Path), compile(also.Path)})
		}
	}
	e.imply()
	// One path has the positions in the singular.
	s.homes[eightfoldBase+"/position"] = e.of("/positions")
	e.plansByPosition()
	e.doing = map[*route]func(*call) answer{}
	for _, rt := range s.routes {
		if do := e.does(rt); do != nil {
			e.doing[rt] = do
		}
		if own := e.own(rt); own != nil {
			rt.need = *own
		}
	}
	return e
}

// plansByPosition gives succession plans the ids of their positions, by which paths name them.
func (e *eightfold) plansByPosition() {
	plans, positions := e.of("/succession_plans"), e.of("/positions")
	byPosition := map[string]object{}
	for i, id := range plans.ids {
		o := plans.objects[id].merged(nil)
		if of := o.text("positionId"); of != "" && byPosition[of] == nil {
			id = of
		}
		o["id"] = id
		plans.ids[i], byPosition[id] = id, o
	}
	plans.objects, plans.stem = byPosition, positions.stem
}

// of is the collection of a path below eightfoldBase.
func (e *eightfold) of(path string) *collection { return e.s.store.all[eightfoldBase+path] }

// imply makes permissions amount to others, where the switches say so.
func (e *eightfold) imply() {
	v := e.s.vocab
	add := func(p, q perm.Permission) {
		if p != q && !slices.Contains(v.implies[p], q) {
			v.implies[p] = append(v.implies[p], q)
		}
	}
	for _, p := range v.ids {
		if read, ok := v.counterpart(p, "write", "read"); ok && e.s.switches["write-covers-read"] == "yes" {
			add(p, read)
		}
		if entity, scope, ok := parentOf(p); ok && e.s.switches["entity-covers-sub-entities"] == "yes" {
			if parent, known := v.known[entity+":"+scope]; known {
				add(parent, p)
			}
		}
	}
}

// parentOf takes entity:sub-entity:SCOPE apart; false for a permission of another form.
func parentOf(p perm.Permission) (entity, scope perm.Permission, ok bool) {
	parts := strings.Split(string(p), ":")
	if len(parts) != 3 {
		return "", "", false
	}
	return perm.Permission(parts[0]), perm.Permission(parts[2]), true
}

// own is what the lists of notes and tags ask for instead of what the table says, where the
// switch says so.
func (e *eightfold) own(rt *route) *need {
	asks := map[string]perm.Permission{
		"GET /api/v2/profile-notes": "Profile:Note:READ", "GET /api/v2/profile-tags": "Profile:Tag:READ",
	}[rt.row.String()]
	if asks == "" || e.s.switches["note-and-tag-lists"] != "own-entity" {
		return nil
	}
	return &need{alternatives: [][]perm.Permission{{asks}}}
}

// respell turns a path with a namespace into the table's.
func (e *eightfold) respell(_, path string) string {
	parts, ok := splitRequestPath(path)
	if !ok || e.s.switches["paths"] == "table" {
		return path
	}
	for _, p := range e.paths {
		if _, is := p.namespaced.match(parts); is {
			return p.respell(path)
		}
		if _, is := p.table.match(parts); is && e.s.switches["paths"] == "namespaced" {
			return "" // no route has that
		}
	}
	return path
}

// respell writes a path of the second form in the first, with its parameters as they were sent.
func (p twoPaths) respell(path string) string {
	sent := map[string]string{}
	for i, part := range strings.Split(path[1:], "/") {
		for _, name := range p.namespaced.segs[i].names {
			sent[name] = part
		}
	}
	var b strings.Builder
	for _, seg := range p.table.segs {
		b.WriteString("/" + seg.lits[0])
		for _, name := range seg.names {
			b.WriteString(sent[name])
		}
	}
	return b.String()
}

// before answers a request for a token, and what the table does not have.
func (e *eightfold) before(c *call) bool {
	if c.r.URL.EscapedPath() == "/oauth/v1/authenticate" {
		e.signIn(c)
		return true
	}
	if c.rt != nil || e.s.switches["beyond-table"] != "toggle" || !e.beyond(c.r.Method, e.respell(c.r.Method, c.r.URL.EscapedPath())) {
		return false
	}
	switch who, k := e.s.caller(c.r, nil); {
	case who != Valid:
		c.reply(http.StatusUnauthorized, object{"error": "unauthorized"})
	case !k.holds["WRITE"]:
		c.reply(http.StatusForbidden, object{"error": "forbidden"})
	default:
		c.reply(http.StatusOK, object{})
	}
	return true
}

// beyond reports whether the OpenAPI document has an endpoint that the table has not.
func (e *eightfold) beyond(method, path string) bool {
	switch method {
	case http.MethodPost:
		return path == eightfoldBase+"/profile-notes"
	case http.MethodPatch, http.MethodDelete:
		id, ok := strings.CutPrefix(path, eightfoldBase+"/succession_plans/")
		return ok && id != "" && !strings.Contains(id, "/")
	}
	return false
}

// signIn exchanges a user name and an API key for a token. A user is known by the e-mail
// address of the key's owner, the key's name or its id.
func (e *eightfold) signIn(c *call) {
	scheme, _, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if e.s.switches["sign-in-basic"] == "required" && !strings.EqualFold(scheme, "Basic") {
		c.reply(http.StatusUnauthorized, object{"error": "unauthorized"})
		return
	}
	if c.r.Method != http.MethodPost {
		c.w.Header().Set("Allow", http.MethodPost)
		c.reply(http.StatusMethodNotAllowed, object{"error": "method_not_allowed"})
		return
	}
	body, err := c.readBody()
	if err != nil {
		c.badBody(err)
		return
	}
	if body.text("grantType") != "password" {
		c.reply(http.StatusBadRequest, object{"error": "bad_request"})
		return
	}
	user := body.text("username")
	who, k := e.s.keyBySecret(body.text("password"), nil)
	if who != Valid || user == "" || user != k.id && user != k.name && user != k.owner {
		c.reply(http.StatusUnauthorized, object{"error": "unauthorized"})
		return
	}
	c.reply(http.StatusOK, object{"data": object{"access_token": e.token(k)}})
}

// user is the e-mail address that a key was made for, if there is one.
func (e *eightfold) user(k *key) string { return k.owner }

// tokenClaims are what a token says. It is signed with the hash of the key's secret, so that
// it needs no memory, survives the server, and ends when the secret is replaced.
type tokenClaims struct {
	Key     string             `json:"key"`
	Expires int64              `json:"exp"` // seconds since 1970
	Nonce   string             `json:"nonce"`
	Grants  *[]perm.Permission `json:"grants,omitempty"` // what the key held, where that counts
}

func (e *eightfold) token(k *key) string {
	claims := tokenClaims{Key: k.id, Expires: e.s.now().Add(e.lifetime).Unix(), Nonce: rand.Text()}
	if e.s.switches["token-grants"] == "as-issued" {
		held := grantsOf(k.inForce) // no grants are written as such, too
		claims.Grants = &held
	}
	data, err := json.Marshal(claims)
	if err != nil {
		panic(err) // strings and a number
	}
	signed := base64.RawURLEncoding.EncodeToString(data)
	return signed + "." + sign(k.hash, signed)
}

func sign(secret [sha256.Size]byte, text string) string {
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// identify finds the key of a token.
func (e *eightfold) identify(token string, rt *route) (Caller, *key, bool) {
	if !wellFormed(token) {
		return Malformed, nobody, true
	}
	signed, signature, _ := strings.Cut(token, ".")
	var claims tokenClaims
	data, err := base64.RawURLEncoding.DecodeString(signed)
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return Unknown, nobody, true
	}
	if !e.signedBy(claims.Key, signed, signature, rt) || e.s.now().Unix() >= claims.Expires {
		return Unknown, nobody, true
	}
	who, k := e.s.keyByID(claims.Key, rt)
	if who == Valid && claims.Grants != nil {
		then := *k
		then.inForce, then.holds = *claims.Grants, e.s.vocab.holdings(*claims.Grants)
		k = &then
	}
	return who, k, true
}

// signedBy reports whether a signature is of the key's secret; on a server that is wrong about
// them, of one that it had, or one that begins so.
func (e *eightfold) signedBy(id, text, signature string, rt *route) bool {
	ks := e.s.keys
	ks.mu.RLock()
	defer ks.mu.RUnlock()
	by := func(secret [sha256.Size]byte) bool {
		right := sign(secret, text)
		if len(signature) >= comparedChars && e.s.wrong(rt, "key-prefix-compared") {
			return signature[:comparedChars] == right[:comparedChars]
		}
		return hmac.Equal([]byte(signature), []byte(right))
	}
	if k := ks.byID[id]; k != nil && by(k.hash) {
		return true
	}
	for hash, k := range ks.dead {
		if k.id == id && by(hash) {
			return true // keyByID says whether it counts
		}
	}
	for hash, of := range ks.rotated {
		if of == id && by(hash) {
			return e.s.wrong(rt, "rotation-keeps-old-secret")
		}
	}
	return false
}

// admits is wrong about transactions, where that fault is planted.
func (e *eightfold) admits(c *call, right bool) bool {
	if right || len(e.s.planted) == 0 || !c.wrong("own-transaction-readable") {
		return right
	}
	e.s.store.mu.RLock()
	defer e.s.store.mu.RUnlock()
	t, ok := e.transactions[c.params["transactionId"]]
	return ok && c.who == Valid && t.sender == c.k.id
}

// query reads start and limit, keyList and exclude.
func (e *eightfold) query(c *call) (query, error, bool) {
	q := query{limit: maxLimit}
	values, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil || len(values) > maxTerms {
		return q, &queryError{"query"}, true
	}
	q.fields, q.omit = list(values.Get("keyList")), list(values.Get("exclude"))
	numbers := map[string]*int{"start": &q.offset, "limit": &q.limit}
	most := maxLimit
	if c.rt.row.Path == eightfoldBase+"/profile-notes" {
		most = 100
		numbers["queryLimit"] = &most
	}
	for name, into := range numbers {
		if text := values.Get(name); text != "" {
			if *into, err = strconv.Atoi(text); err != nil || *into < 0 {
				return q, &queryError{name}, true
			}
		}
	}
	switch strings.TrimPrefix(c.rt.row.Path, eightfoldBase) {
	case "/positions", "/positions/{positionId}", "/positions/batch-fetch", "/profiles/{profileId}/matched-positions": // shown when they are asked for
		asked := list(values.Get("include"))
		for _, name := range []string{"atsData", "calibrationData"} {
			if !slices.Contains(asked, name) {
				q.omit = append(q.omit, name)
			}
		}
	}
	if len(q.fields) > maxTerms || len(q.omit) > maxTerms {
		return q, &queryError{"keyList"}, true
	}
	q.limit = min(q.limit, most, maxLimit)
	return q, nil, true
}

// does says what a route does that others of its form do not; nil: nothing.
func (e *eightfold) does(rt *route) func(*call) answer {
	path := strings.TrimPrefix(rt.row.Path, eightfoldBase)
	if base, ok := strings.CutSuffix(path, "/batch-fetch"); ok {
		if coll := e.of(base); coll != nil {
			return func(c *call) answer { return e.fetch(c, coll) }
		}
	}
	switch path {
	case "/positions/{positionId}/matched-candidates":
		return func(c *call) answer { return e.listBelow(c, e.of("/positions"), "positionId", e.of("/profiles"), nil) }
	case "/profiles/{profileId}/matched-positions":
		return func(c *call) answer { return e.listBelow(c, e.of("/profiles"), "profileId", e.of("/positions"), nil) }
	case "/position/{positionId}/applicants":
		return func(c *call) answer {
			return e.listBelow(c, e.of("/positions"), "positionId", e.of("/profiles"), e.applied)
		}
	case "/succession_plans/{positionId}/recommended-successors":
		return func(c *call) answer { // not paged
			c.query.offset, c.query.limit = 0, eightfoldBatch
			return c.perform(http.MethodGet)
		}
	case "/transactions/{transactionId}":
		return e.poll
	case "/profiles/suggest-skills/{profileSection}", "/career-planner/{userEmail}/roles/{roleSection}", "/career-navigator/recommended-paths/{userEmail}":
		return func(c *call) answer { // no page lists the sections, or whose address is known
			e.s.store.mu.RLock()
			defer e.s.store.mu.RUnlock()
			return answer{http.StatusOK, c.show(rt.objects, rt.objects.objects[rt.objects.ids[0]])}
		}
	}
	return nil
}

// perform does what is Eightfold's own, and makes a transaction of some writes.
func (e *eightfold) perform(c *call, method string) (answer, bool) {
	if do := e.doing[c.rt]; do != nil {
		return do(c), true
	}
	if method == http.MethodPut && c.rt.param != "" {
		c.body = e.whole(c)
	}
	if c.rt.reads(method) || !e.asynchronous(c.rt) {
		return answer{}, false
	}
	a := c.perform(method)
	status := "PASS"
	if a.status >= 400 {
		status = "FAIL"
	}
	row, _ := a.body.(object)
	e.s.store.mu.Lock()
	defer e.s.store.mu.Unlock()
	o, ok := e.of("/transactions").add(object{"status": status, "efEntityId": row["id"]})
	if !ok {
		return answer{http.StatusInsufficientStorage, object{"error": "collection_full"}}, true
	}
	id := o.text("id")
	e.transactions[id] = transaction{e.s.now(), c.k.id}
	e.begun = append(e.begun, id)
	e.forget()
	return answer{http.StatusOK, object{"data": object{"transactionId": id}}}, true
}

// whole is the body of a PUT, which wipes what it leaves out.
func (e *eightfold) whole(c *call) object {
	e.s.store.mu.RLock()
	defer e.s.store.mu.RUnlock()
	empty := object{}
	for name := range c.rt.objects.objects[c.params[c.rt.param]] {
		empty[name] = nil
	}
	return c.body.merged(empty)
}

func (e *eightfold) asynchronous(rt *route) bool {
	switch e.s.switches["asynchronous-writes"] {
	case "all":
		return true
	case "profiles":
		return slices.ContainsFunc(rt.need.alternatives, func(all []perm.Permission) bool { return slices.Contains(all, "Profile:WRITE") })
	}
	return false
}

// poll answers what became of a write.
func (e *eightfold) poll(c *call) answer {
	e.s.store.mu.Lock()
	defer e.s.store.mu.Unlock()
	e.forget()
	coll := e.of("/transactions")
	o, ok := coll.objects[c.params["transactionId"]]
	if !ok {
		return notFound
	}
	return answer{http.StatusOK, object{"data": c.show(coll, o)}}
}

// forget drops transactions whose time is over. The store is locked.
func (e *eightfold) forget() {
	for len(e.begun) > 0 && (len(e.begun) > maxTransactions || e.s.now().Sub(e.transactions[e.begun[0]].began) > transactionsKept) {
		e.of("/transactions").remove(e.begun[0])
		delete(e.transactions, e.begun[0])
		e.begun = e.begun[1:]
	}
}

// fetch answers the objects whose ids a body names, and the ids that are none.
func (e *eightfold) fetch(c *call, coll *collection) answer {
	ids, _ := c.body["entityIds"].([]any)
	if len(ids) > eightfoldBatch {
		if e.s.switches["batch-over-100"] == "refused" {
			return answer{http.StatusBadRequest, object{"error": "bad_request"}}
		}
		ids = ids[:eightfoldBatch]
	}
	e.s.store.mu.RLock()
	defer e.s.store.mu.RUnlock()
	data, missing := []object{}, []any{}
	for _, id := range ids {
		if o, ok := coll.objects[textOf(id)]; ok && c.sees(coll, o) {
			data = append(data, c.show(coll, o))
		} else {
			missing = append(missing, id)
		}
	}
	return answer{http.StatusOK, object{"data": data, "meta": object{"missingEntityIds": missing}}}
}

// listBelow lists objects of one collection below an object of another: those that pick
// returns, or all.
func (e *eightfold) listBelow(c *call, parents *collection, param string, coll *collection, pick func(*call, string) []object) answer {
	e.s.store.mu.RLock()
	defer e.s.store.mu.RUnlock()
	id := c.params[param]
	if parents.objects[id] == nil {
		return notFound
	}
	rows := coll.all()
	if pick != nil {
		rows = pick(c, id)
	}
	return c.list(coll, rows)
}

// applied returns the profiles that applied for a position, with what include asks for.
func (e *eightfold) applied(c *call, position string) []object {
	profiles, applications := e.of("/profiles"), e.of("/profile-applications")
	asked := list(c.r.URL.Query().Get("include"))
	rows := []object{}
	for _, id := range profiles.ids {
		mine := below(applications, id)
		if !slices.ContainsFunc(mine, func(o object) bool { return o["positionId"] == position }) {
			continue
		}
		row := profiles.objects[id].merged(nil)
		for name, of := range map[string]*collection{"notes": e.of("/profile-notes"), "tags": e.of("/profile-tags"), "applications": applications} {
			if slices.Contains(asked, name) && (e.s.switches["applicants-include"] == "unchecked" || c.mayRead(of) && e.batchable(c, of)) {
				row[name] = below(of, id)
			}
		}
		for _, name := range []string{"resume", "attachmentsInfo"} {
			if slices.Contains(asked, name) {
				row[name] = object{"name": name + " of " + id}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// batchable reports whether the caller may get objects by their ids: that is what the
// permission of their own entity opens, also where the list asks for another.
func (e *eightfold) batchable(c *call, coll *collection) bool {
	rt := e.s.routeOf(http.MethodPost, coll.name+"/batch-fetch")
	return rt != nil && rt.need.admits(c.k.holds)
}

// below returns the objects that are about a profile.
func below(coll *collection, profile string) []object {
	out := []object{}
	for _, id := range coll.ids {
		if o := coll.objects[id]; o["profileId"] == profile {
			out = append(out, o)
		}
	}
	return out
}

// shape writes lists and errors as Eightfold does.
func (e *eightfold) shape(c *call, status int, body any) (int, any) {
	o, _ := body.(object)
	switch {
	case status >= http.StatusBadRequest:
		return e.failure(status, o)
	case status == http.StatusCreated:
		status = http.StatusOK // the only one that the OpenAPI document has
	case status == http.StatusNoContent:
		return http.StatusOK, object{}
	}
	rows, isList := o["data"].([]object)
	if total, counted := o["total"]; isList && counted {
		c.w.Header().Del("X-Total-Count")
		body = object{"data": rows, "meta": object{"totalCount": total, "pageTotalCount": len(rows), "pageStartIndex": c.query.offset}}
	}
	return status, body
}

func (e *eightfold) failure(status int, body object) (int, any) {
	code := body.text("error")
	as := map[string]string{"forbidden": "forbidden-status", "unauthorized": "anonymous-status"}[code]
	if as != "" {
		status, _ = strconv.Atoi(e.s.switches[as]) // one of its values
	}
	switch e.s.switches["error-body"] {
	case "message":
		return status, object{"message": code}
	case "none":
		return status, nil
	}
	return status, body
}

// eightfoldCrossings are rows that ask for another entity than one would expect, with what one
// would expect: the path's for the first three.
var eightfoldCrossings = map[string]perm.Permission{
	"GET /api/v2/positions/{positionId}/matched-candidates":            "Position:READ",
	"GET /api/v2/profiles/{profileId}/matched-positions":               "Profile:READ",
	"GET /api/v2/career-planner/{userEmail}/skills/skill-gap-analysis": "Profile:Skills:READ",
	"POST /api/v2/profiles/{profileId}/application/stages":             "Profile:Application:READ",
	"GET /api/v2/ext-systems/resourcing/ext-demands":                   "Resource Management:READ",
}

// eightfoldFaults are mistakes about names of the form entity:sub-entity:SCOPE, about what a
// method says, and about transactions.
var eightfoldFaults = []Fault{
	{
		Name: "entity-mistaken", Aspect: Operations, Check: "under-grant", What: "one route asks for the entity that its path suggests instead of the one that the table gives",
		suits: func(_ *Server, rt *route) bool { return eightfoldCrossings[rt.row.String()] != "" },
		plant: func(s *Server, p *planted) bool {
			other := eightfoldCrossings[p.route.row.String()]
			p.decide = func(_ *route, who Caller, grant []perm.Permission, _ bool) bool {
				return who == Valid && s.vocab.holdings(grant)[other]
			}
			return true
		},
	},
	{
		Name: "child-opens-parent", Aspect: Operations, Check: "over-grant", What: "a permission for a sub-entity counts for its entity too",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				for held := range h {
					if entity, scope, ok := parentOf(held); ok {
						if id, known := s.vocab.known[entity+":"+scope]; known {
							h[id] = true
						}
					}
				}
			})
		},
	},
	{
		Name: "scope-by-method", Aspect: Operations, Check: "under-grant", What: "one batch-fetch, which reads, asks for a permission to write since it is a POST",
		suits: func(s *Server, rt *route) bool { return writeInstead(s, rt) != "" },
		plant: func(s *Server, p *planted) bool {
			write := writeInstead(s, p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, _ bool) bool {
				return who == Valid && s.vocab.holdings(grant)[write]
			}
			return true
		},
	},
	{
		Name: "own-transaction-readable", Aspect: Operations, Check: "eightfold/E16", What: "who was answered with a transaction may ask for it without Transaction:READ",
	},
}

// writeInstead is the permission to write what a batch-fetch reads; empty where there is none.
func writeInstead(s *Server, rt *route) perm.Permission {
	if rt.pattern.lastLiteral() != "batch-fetch" || len(rt.need.alternatives) == 0 {
		return ""
	}
	write, _ := s.vocab.counterpart(rt.need.alternatives[0][0], "read", "write")
	return write
}
