package conformance

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Names of the senders that are no keys of the keyring.
const (
	AnonymousKey = "anonymous"
	MalformedKey = "malformed"
	UnknownKey   = "unknown"
)

// KeyKind says what a sender shows.
type KeyKind uint8

const (
	ValidKey     KeyKind = iota
	NoKey                // no credential
	BadMalformed         // a credential that cannot be one
	BadUnknown           // one that looks right and was never made
	ParkedKey            // one that was made and is not enabled
)

// A Key is one column of the plan.
type Key struct {
	Name   string
	Kind   KeyKind
	Grants perm.Set // as they are given, not closed under implication
	// Sharing and Lists limit its records and attributes besides its grants: the option
	// chosen for each object, the attributes on each allow list.
	Sharing map[string]string
	Lists   map[string][]string
	State   string // of a ParkedKey: what it is instead of enabled
	// Made says that the run makes the key and deletes it again.
	Made bool
}

// A Row is one request line that is probed: a row of the catalog under one method, or
// a path that the catalog does not have.
type Row struct {
	Endpoint *catalogs.Endpoint // nil: an invented path
	Method   string
	Path     string // template
	Need     perm.Requirement
	Reads    bool
	Refused  catalogs.Refused // stated forms of refusal
	// Witness is the index of the row whose GET shows what a write here did; -1 when
	// no row does.
	Witness int
	// Limits says that the catalog limits which records the row shows, so that an
	// empty list does not mean a refusal.
	Limits bool
}

func (r *Row) String() string { return r.Method + " " + r.Path }

// matches reports whether a path is one of the row's.
func (r *Row) matches(path string) bool {
	t, err := catalogs.ParseTemplate(r.Path)
	return err == nil && t.Match(path)
}

// Params lists the names of the path's parameters.
func (r *Row) Params() []string {
	t, err := catalogs.ParseTemplate(r.Path)
	if err != nil {
		return nil
	}
	return t.Params()
}

// A Request is one row under one key. Each is sent once, whatever number of checks
// looks at it.
type Request struct {
	Row, Key int
	Expect   Expect
}

// A Probe is what one check asks: about one request of the matrix, or with an experiment.
type Probe struct {
	ID       string // stable across runs and unrelated edits of the catalog
	Check    string
	Request  int // index in [Plan.Requests]; -1: it is an experiment
	Question int // then its index in [Plan.Questions]; else -1
}

// About returns the row and the key that a probe is about, and what the catalog says.
func (p *Plan) About(pr *Probe) (row, key int, expect Expect) {
	if pr.Request >= 0 {
		req := &p.Requests[pr.Request]
		return req.Row, req.Key, req.Expect
	}
	q := &p.Questions[pr.Question]
	key = -1
	if len(q.Keys) > 0 {
		key = q.Keys[0]
	}
	return q.Row, key, q.Expect
}

// KeyName is the name of the key that a probe is about.
func (p *Plan) KeyName(pr *Probe) string {
	_, key, _ := p.About(pr)
	if key < 0 {
		return "a key of its own"
	}
	return p.Keys[key].Name
}

// A Point is one part of the boundary: a grant that decides whether the endpoint's
// requirement is enforced. It is proven by one probe.
type Point struct {
	Row    int
	Expect Expect
	// Grant is what a key must hold to prove the point; Anonymous: no key at all.
	Grant     perm.Set
	Anonymous bool
	Probe     int // index in Plan.Probes; -1: no key of the keyring can prove it
}

// A Plan is what will be sent and why. It is a function of the catalog and the keys:
// the same ones give the same plan in the same order.
type Plan struct {
	Catalog  string
	Universe perm.Set
	Keys     []Key
	Rows     []Row
	Requests []Request
	Probes   []Probe
	// Questions are the experiments among the probes.
	Questions []Question
	Points    []Point
	Unknown   []*catalogs.Endpoint // rows whose requirement the catalog does not know
	// NotAsked are rows that are left out by [PlanOptions.LeaveOut].
	NotAsked []*catalogs.Endpoint
	// TooLarge are rows whose boundary has more grants than perm works out; at most a
	// part of it is planned.
	TooLarge []*catalogs.Endpoint
	// OtherRules counts what the catalog says about records, fields and allow lists that no
	// question of the plan is about.
	OtherRules int
	// LeftOut counts, for each check, the rows that it does not ask about because others like
	// them stand for all.
	LeftOut map[string]int
	Hash    string // of what is sent and expected

	fixed        bool // the keyring cannot make keys
	options      PlanOptions
	shard        Shard
	catalog      *catalogs.Catalog
	implications *perm.Implications
}

// PlanOptions say which keys there are.
type PlanOptions struct {
	// Keys are the keys of a fixed keyring. Nil means that keys of any grant can be
	// made: the plan then lists in [Plan.Keys] those to make.
	Keys []Key
	// Make is how many keys at most the run makes besides a fixed keyring's: those that prove
	// most of what the keyring's own keys cannot.
	Make int
	// Unmade are grants of which no key can be made.
	Unmade []perm.Set
	// Refused are forms of refusal stated for the target; they win over the catalog's, but for
	// those that a row of it states for itself.
	Refused Forms
	// Exhaustive sends every row with every key, not only with those that tell most, and asks
	// about every row what else is asked about one row of each kind.
	Exhaustive bool
	// Shares says that keys which are made can be given a sharing option and allow lists.
	Shares bool
	// Scripts are hand-written checks.
	Scripts []Script
	// LeaveOut are rows that are not asked about, as "POST /oauth/token", and why not.
	LeaveOut map[string]string
	// Checks are those to plan, in the order of [Checks]; nil: all of them.
	Checks []*Check
}

// anyMethods are the methods that a row for any method is probed with.
var anyMethods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

// NewPlan derives the probes. An error means that the catalog has nothing to probe.
func NewPlan(c *catalogs.Catalog, opts PlanOptions) (*Plan, error) {
	if opts.Make > 0 && opts.Keys != nil {
		n := opts.Make
		opts.Make = 0
		p, err := NewPlan(c, opts)
		if err != nil {
			return nil, err
		}
		missing := slices.DeleteFunc(p.Missing(), func(m MissingGrant) bool { return slices.ContainsFunc(opts.Unmade, m.Grant.Equal) })
		if len(missing) == 0 {
			return p, nil
		}
		opts.Keys = slices.Clone(opts.Keys)
		for _, m := range missing[:min(n, len(missing))] {
			name := m.Name
			for slices.ContainsFunc(opts.Keys, func(k Key) bool { return k.Name == name }) {
				name += " (made)"
			}
			opts.Keys = append(opts.Keys, Key{Name: name, Grants: m.Grant, Made: true})
		}
	}
	p := &planner{Plan: &Plan{Catalog: c.Name, catalog: c, options: opts, implications: c.Implications()},
		checks: opts.Checks, exhaustive: opts.Exhaustive, shares: opts.Shares, keys: map[string]int{}, requests: map[Request]int{}, decides: map[int]int{}}
	p.fixed = opts.Keys != nil
	if p.checks == nil {
		p.checks = append(slices.Clone(Checks), &script)
	} else {
		p.checks = slices.DeleteFunc(slices.Clone(p.checks), func(check *Check) bool { return !check.ofCatalog(c.Name) })
		if len(p.checks) == 0 && len(opts.Checks) > 0 {
			return nil, fmt.Errorf("there are no such statements about catalog %s: %s is one about another vendor", c.Name, opts.Checks[0].ID)
		}
		p.options.Checks = p.checks
	}
	universe := c.Universe()
	for i := range c.Endpoints {
		if r := c.Endpoints[i].Requires; r != nil {
			need, _ := c.CanonicalRequirement(*r)
			universe = universe.Union(need.Permissions())
		}
	}
	p.Universe = universe
	p.senders(opts.Keys)
	p.rows(opts.Refused)
	if len(p.Rows) == 0 {
		return nil, fmt.Errorf("catalog %s has nothing to probe: it has %d endpoints, %d of them with an unknown requirement",
			c.Name, len(c.Endpoints), len(p.Unknown))
	}
	p.points()
	for i := range p.Rows { // a row's checks together, so that its requests are
		for _, check := range p.checks {
			if check.plan != nil {
				check.plan(p, i)
			}
		}
	}
	p.signs()
	for _, p.asking = range p.checks {
		if p.asking.ask != nil {
			p.asking.ask(p)
		}
	}
	p.OtherRules = p.unasked()
	for i := range p.Points {
		p.prove(&p.Points[i])
	}
	p.Hash = p.hash()
	return p.Plan, nil
}

// signs plans, where no selected check does, what an unknown key gets on the rows that refuse some
// valid key: a refusal proves something only of a key that is answered otherwise somewhere.
func (p *planner) signs() {
	if p.selected(&badKeyAdmitted) {
		return
	}
	refuses := make([]bool, len(p.Rows))
	for _, req := range p.Requests {
		if p.Keys[req.Key].Kind == ValidKey && req.Expect == Refuse && p.Rows[req.Row].Endpoint != nil && p.Rows[req.Row].Reads {
			refuses[req.Row] = true
		}
	}
	for row, yes := range refuses {
		if yes {
			p.base(row, 2)
		}
	}
}

// unasked counts the rules of the catalog besides its endpoints that no question is about.
func (p *planner) unasked() int {
	n := len(p.catalog.AllowLists)
	asked := func(about func(q *Question) bool) bool {
		return slices.ContainsFunc(p.Questions, func(q Question) bool { return about(&q) })
	}
	for _, r := range p.catalog.Records {
		if !asked(func(q *Question) bool { return q.Object == r.Object && q.Field == "" }) {
			n++
		}
	}
	for _, f := range p.catalog.Fields {
		if !asked(func(q *Question) bool { return q.Object == f.Object && q.Field == f.Name }) {
			n++
		}
	}
	return n
}

// notAsked says how many rows are left out and why, a line for each reason.
func (p *Plan) notAsked() []string {
	by := map[string][]string{}
	for _, e := range p.NotAsked {
		why := p.options.LeaveOut[e.String()]
		by[why] = append(by[why], e.String())
	}
	var lines []string
	for _, why := range slices.Sorted(maps.Keys(by)) {
		rows := by[why][0]
		if n := len(by[why]); n > 1 {
			rows = fmt.Sprintf("%d endpoints, such as %s", n, rows)
		}
		lines = append(lines, fmt.Sprintf("not probed: %s: %s", rows, why))
	}
	return lines
}

// A planner is a plan under construction; checks add their probes to it.
type planner struct {
	*Plan
	checks     []*Check
	asking     *Check // whose questions are being planned
	shares     bool   // keys that it mints can be narrowed
	exhaustive bool   // no row and no key stands for others
	keys       map[string]int
	requests   map[Request]int
	decides    map[int]int // request -> the probe that asks whether it is admitted
	none       int         // key without grants; -1: there is none
	all        int         // key with every grant; -1: there is none

	firstPoint []int // by row
}

// senders lists the keys that every plan has, and the fixed ones.
func (p *planner) senders(fixed []Key) {
	p.none, p.all = -1, -1
	p.Keys = []Key{{Name: AnonymousKey, Kind: NoKey}, {Name: MalformedKey, Kind: BadMalformed}, {Name: UnknownKey, Kind: BadUnknown}}
	if p.fixed {
		for _, k := range fixed {
			if k.Kind == ValidKey && len(k.Grants) == 0 && p.none < 0 && !k.Narrowed() {
				p.none = len(p.Keys)
			}
			if k.Kind == ValidKey && k.Grants.Equal(p.Universe) && p.all < 0 && !k.Narrowed() {
				p.all = len(p.Keys)
			}
			p.Keys = append(p.Keys, k)
		}
		return
	}
	p.none = p.mint(perm.Set{})
	p.all = p.mint(p.Universe)
}

// mint returns the key that holds exactly the grant; -1 when the keyring is fixed and
// has none.
func (p *planner) mint(grant perm.Set) int {
	text := grant.String()
	i, ok := p.keys[text]
	if !ok {
		i = p.key(Key{Grants: grant})
		p.keys[text] = i
	}
	return i
}

// GrantName is a short text for a grant: the permissions, or "all", or for more than
// three permissions what it lacks of all, where that is shorter. [ParseGrant] reads it.
func GrantName(grant, universe perm.Set) string {
	missing := universe.Minus(grant)
	switch {
	case len(grant) == 0:
		return "none"
	case len(missing) == 0 && len(grant) == len(universe):
		return "all"
	case len(grant) > 3 && len(missing) < len(grant) && grant.SubsetOf(universe):
		return "all except " + missing.String()
	}
	return grant.String()
}

// ParseGrant reads a grant: "all", "none", permissions joined by "&", or "all except"
// and permissions joined by "&".
func ParseGrant(text string, c *catalogs.Catalog) (perm.Set, error) {
	text = strings.TrimSpace(text)
	if text == "all" {
		return c.Universe(), nil
	}
	list, except := strings.CutPrefix(text, "all except ")
	given, err := perm.ParseSet(list)
	if err != nil {
		return nil, err
	}
	ids := make([]perm.Permission, len(given))
	for i, p := range given {
		id, ok := c.Canonical(p)
		if !ok {
			return nil, fmt.Errorf("the catalog has no permission %q", p)
		}
		ids[i] = id
	}
	if except {
		return c.Universe().Minus(perm.NewSet(ids...)), nil
	}
	return perm.NewSet(ids...), nil
}

// rows lists what is probed: every row of the catalog whose requirement is known, and
// one invented path.
func (p *planner) rows(stated Forms) {
	c := p.catalog
	limited := map[string]bool{}
	for _, r := range c.Records {
		limited[r.Object] = true
	}
	taken := map[string]bool{}
	for i := range c.Endpoints {
		if e := &c.Endpoints[i]; e.Method != catalogs.AnyMethod {
			taken[catalogs.EndpointKey(e.Method, e.Path)] = true
		}
	}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if e.Requires == nil || e.Requires.IsUnknown() {
			p.Unknown = append(p.Unknown, e)
			continue
		}
		if p.options.LeaveOut[e.String()] != "" {
			p.NotAsked = append(p.NotAsked, e)
			continue
		}
		need, _ := c.CanonicalRequirement(*e.Requires)
		need, err := p.implications.Expand(need)
		if err != nil {
			p.TooLarge = append(p.TooLarge, e)
			continue
		}
		methods := []string{e.Method}
		if e.Method == catalogs.AnyMethod {
			methods = anyMethods
		}
		for _, m := range methods {
			if e.Method == catalogs.AnyMethod && taken[catalogs.EndpointKey(m, e.Path)] {
				continue
			}
			under := *e
			under.Method = m
			p.Rows = append(p.Rows, Row{
				Endpoint: e, Method: m, Path: e.Path, Need: need, Reads: under.Reads(), Witness: -1,
				Limits: limited[e.Lists] || limited[e.Gets] || len(e.NeedsListed) > 0,
			})
		}
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		r.Refused = mergeRefused(r.Endpoint.Refused, stated[r.Kind()], c.Refused)
	}
	reads := map[string]int{} // path -> its GET
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Method == "GET" && r.Reads && !r.Need.IsNobody() {
			if key := catalogs.EndpointKey("", r.Path); reads[key] == 0 {
				reads[key] = i + 1
			}
		}
	}
	for i := range p.Rows {
		// A collection that was deleted looks like an empty one: only the DELETE of one
		// object has a witness.
		if r := &p.Rows[i]; !r.Reads && (r.Method != "DELETE" || strings.HasSuffix(r.Path, "}")) {
			r.Witness = reads[catalogs.EndpointKey("", r.Path)] - 1
			r.Limits = r.Limits || r.Witness >= 0 && p.Rows[r.Witness].Limits
		}
	}
	if len(p.Rows) > 0 {
		p.Rows = append(p.Rows, Row{Method: "GET", Path: inventedPath(c), Reads: true, Witness: -1})
	}
}

// mergeRefused takes each form from the first that states it.
func mergeRefused(stated ...catalogs.Refused) catalogs.Refused {
	var out catalogs.Refused
	for _, r := range stated {
		if !out.Anonymous.Known() {
			out.Anonymous = r.Anonymous
		}
		if !out.Invalid.Known() {
			out.Invalid = r.Invalid
		}
		if !out.Forbidden.Known() {
			out.Forbidden = r.Forbidden
		}
		if !out.Origin.Known() {
			out.Origin = r.Origin
		}
	}
	return out
}

// inventedPath is a path beside the catalog's rows that no row matches: the folder that
// all paths share, and a name that nobody gives.
func inventedPath(c *catalogs.Catalog) string {
	shared := strings.Split(c.Endpoints[0].Path, "/")
	for i := range c.Endpoints {
		parts := strings.Split(c.Endpoints[i].Path, "/")
		n := 0
		for n < len(shared) && n < len(parts)-1 && shared[n] == parts[n] && !strings.Contains(parts[n], "{") {
			n++
		}
		shared = shared[:n]
	}
	path := strings.Join(shared, "/") + "/permcheck-no-such-path"
	for i := range c.Endpoints {
		if t, err := catalogs.ParseTemplate(c.Endpoints[i].Path); err == nil && t.Match(path) {
			path += "/permcheck-no-such-path" // {name...} still matches: then the row answers for it
			break
		}
	}
	return path
}

// points lists the boundary of every row.
func (p *planner) points() {
	// What no selected check asks for is no part of what a run has to prove.
	asked := map[Expect]bool{Admit: p.selected(&underGrant), Refuse: p.selected(&overGrant)}
	for i := range p.Rows {
		r := &p.Rows[i]
		p.firstPoint = append(p.firstPoint, len(p.Points))
		if r.Endpoint == nil {
			continue
		}
		anonymous := Refuse
		if r.Need.IsPublic() {
			anonymous = Admit
		}
		if anonymous == Admit && asked[Admit] || anonymous == Refuse && p.selected(&anonymousAdmitted) {
			p.Points = append(p.Points, Point{Row: i, Expect: anonymous, Anonymous: true, Probe: -1})
		}
		b := r.Need.Boundary(p.Universe)
		for _, grant := range b.Admitted {
			if !asked[Admit] {
				break
			}
			p.Points = append(p.Points, Point{Row: i, Expect: Admit, Grant: grant, Probe: -1})
		}
		for _, grant := range b.Refused {
			if !asked[Refuse] {
				break
			}
			p.Points = append(p.Points, Point{Row: i, Expect: Refuse, Grant: grant, Probe: -1})
		}
		if b.Truncated {
			p.TooLarge = append(p.TooLarge, r.Endpoint)
		}
	}
}

func (p *planner) selected(c *Check) bool { return slices.Contains(p.checks, c) }

// fewKeys is how many keys a fixed keyring may have for each of them to be sent everywhere.
const fewKeys = 12

// validKeys returns the keys that a row is probed with: those of the boundary, none and
// all. With a fixed keyring it is every key as long as they are few, or where everything is
// asked for; else none, all, and those that hold no less than they need where they are
// admitted and no more than they may where they are refused: what the server does to any
// other follows, as far as access grows with grants.
func (p *planner) validKeys(row int) []int {
	var keys []int
	if p.fixed || p.exhaustive {
		for i, k := range p.Keys {
			if k.Kind == ValidKey {
				keys = append(keys, i)
			}
		}
		if p.exhaustive || len(keys) <= fewKeys {
			if !p.fixed { // the keys of the row's own boundary may not be made yet
				for _, pt := range p.Points[p.firstPoint[row]:] {
					if pt.Row == row && !pt.Anonymous {
						keys = append(keys, p.mint(pt.Grant))
					}
				}
				slices.Sort(keys)
				keys = slices.Compact(keys)
			}
			return keys
		}
		return slices.DeleteFunc(slices.Clone(keys), func(i int) bool { return !p.tells(row, i, keys) })
	}
	for _, pt := range p.Points[p.firstPoint[row]:] {
		if pt.Row != row {
			break
		}
		if !pt.Anonymous {
			keys = append(keys, p.mint(pt.Grant))
		}
	}
	keys = append(keys, p.none, p.all)
	slices.Sort(keys)
	return slices.Compact(keys)
}

// tells reports whether what a server does to a key on a row does not follow from what it
// does to another key.
func (p *planner) tells(row, key int, keys []int) bool {
	k := &p.Keys[key]
	if key == p.none || key == p.all || k.Narrowed() {
		return true
	}
	if r := &p.Rows[row]; r.Reads && len(r.Params()) == 0 && !p.readsAny(key) {
		return true // nowhere else could it be told from a key that was never made
	}
	for _, pt := range p.Points[p.firstPoint[row]:] {
		if pt.Row != row {
			break
		}
		if !pt.Anonymous && pt.Grant.Equal(k.Grants) {
			return true // it alone proves the point
		}
	}
	expect, mine := p.expect(row, key), p.implications.Close(k.Grants)
	for _, other := range keys {
		o := &p.Keys[other]
		if other == key || o.Narrowed() || p.expect(row, other) != expect {
			continue
		}
		theirs := p.implications.Close(o.Grants)
		same := theirs.Equal(mine)
		if same && other < key || !same && (expect == Admit && theirs.SubsetOf(mine) || expect == Refuse && mine.SubsetOf(theirs)) {
			return false
		}
	}
	return true
}

// readsAny reports whether some row that reads admits a key, other than everybody.
func (p *planner) readsAny(key int) bool {
	return slices.ContainsFunc(p.Rows, func(r Row) bool {
		return r.Endpoint != nil && r.Reads && !r.Need.IsPublic() && r.Need.Admits(p.Keys[key].Grants)
	})
}

// expect is what the catalog says about a row and a key.
func (p *planner) expect(row, key int) Expect {
	r, k := &p.Rows[row], &p.Keys[key]
	if r.Need.IsPublic() || k.Kind == ValidKey && r.Endpoint != nil && r.Need.Admits(k.Grants) {
		return Admit
	}
	return Refuse
}

// probe adds a probe of a check, and the request if it is not planned yet. The first
// check to ask for a request is the one that decides whether it is admitted.
func (p *planner) probe(check string, row, key int) {
	req := Request{Row: row, Key: key, Expect: p.expect(row, key)}
	i, ok := p.requests[req]
	if !ok {
		i = len(p.Requests)
		p.Requests = append(p.Requests, req)
		p.requests[req] = i
		p.decides[i] = len(p.Probes)
	}
	sum := sha256.Sum256([]byte(check + "\x00" + p.Rows[row].String() + "\x00" + p.Keys[key].Name))
	p.Probes = append(p.Probes, Probe{ID: hex.EncodeToString(sum[:8]), Check: check, Request: i, Question: -1})
}

// prove finds the probe that proves a point: one of the checks that ask whether a
// request is admitted, sent by a key with exactly the point's grant.
func (p *planner) prove(pt *Point) {
	key := 0 // anonymous
	if !pt.Anonymous {
		if key = p.mint(pt.Grant); key < 0 {
			return
		}
	}
	req, ok := p.requests[Request{Row: pt.Row, Key: key, Expect: pt.Expect}]
	if !ok {
		return
	}
	if i, ok := p.decides[req]; ok {
		pt.Probe = i
	}
}

// Missing returns the grants to mint that would prove points which the keyring cannot,
// most points first.
func (p *Plan) Missing() []MissingGrant {
	byText := map[string]*MissingGrant{}
	var list []*MissingGrant
	for _, pt := range p.Points {
		if pt.Probe >= 0 || pt.Anonymous || !p.Mine(pt.Row) {
			continue
		}
		m := byText[pt.Grant.String()]
		if m == nil {
			m = &MissingGrant{Grant: pt.Grant, Name: GrantName(pt.Grant, p.Universe)}
			byText[pt.Grant.String()] = m
			list = append(list, m)
		}
		m.Points++
	}
	slices.SortStableFunc(list, func(a, b *MissingGrant) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Name, b.Name))
	})
	out := make([]MissingGrant, len(list))
	for i, m := range list {
		out[i] = *m
	}
	return out
}

// A MissingGrant is a grant that no key of a fixed keyring holds.
type MissingGrant struct {
	Grant  perm.Set
	Name   string // short text of the grant
	Points int    // how much of the boundary it would prove
}

// StrongestKey returns the key that holds most of those which the catalog admits to an
// endpoint; -1 when none is.
func (p *Plan) StrongestKey(e *catalogs.Endpoint) int {
	best := -1
	for i := range p.Rows {
		if p.Rows[i].Endpoint != e {
			continue
		}
		for k, key := range p.Keys {
			if key.Kind == ValidKey && p.Rows[i].Need.Admits(key.Grants) &&
				(best < 0 || !key.Narrowed() && (p.Keys[best].Narrowed() || len(key.Grants) > len(p.Keys[best].Grants))) {
				best = k
			}
		}
		break
	}
	return best
}

// hash covers what is sent and what is expected, so that two reports with the same hash
// are about the same questions.
func (p *Plan) hash() string {
	h := sha256.New()
	line := func(parts ...string) { fmt.Fprintf(h, "%q\n", parts) }
	line("permcheck plan 2", p.Catalog, p.Universe.String())
	for _, k := range p.Keys {
		line("key", k.Name, fmt.Sprint(k.Kind), k.Grants.String(), k.narrowing(), k.State)
	}
	for _, r := range p.Rows {
		line("row", r.String(), r.Need.String(), fmt.Sprint(r.Reads, r.Witness, r.Limits), fmt.Sprint(r.Refused))
	}
	for _, r := range p.Requests {
		line("request", fmt.Sprint(r.Row, r.Key, r.Expect))
	}
	for _, pr := range p.Probes {
		line("probe", pr.ID)
	}
	for _, q := range p.Questions {
		line("question", q.ID, fmt.Sprint(q.Row, q.Keys, q.Expect, q.Base, q.Effort))
	}
	for _, pt := range p.Points {
		line("point", fmt.Sprint(pt.Row, pt.Expect, pt.Grant, pt.Anonymous, pt.Probe))
	}
	for _, e := range p.Unknown {
		line("unknown", e.String())
	}
	for _, e := range p.NotAsked {
		line("not asked", e.String())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
