package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// Bounds on what one question walks through. A question that reaches one says so in its
// record, under the fact "cut".
const (
	maxByID  = 100 // objects that are asked for by their ids
	maxWalk  = 60  // pages of one object each
	maxTries = 12  // values, relations or rows that are tried until one tells something
)

// A viewer is a key that sees a part of an object's records.
type viewer struct {
	key  int
	part string // what it was given: a sharing option or a permission that reveals records
}

// recordRule returns the catalog's rule of an object; nil when it has none.
func (p *Plan) recordRule(object string) *catalogs.Record {
	for i := range p.catalog.Records {
		if p.catalog.Records[i].Object == object {
			return &p.catalog.Records[i]
		}
	}
	return nil
}

// containers lists the objects with a record rule that an object is a part of, as its own rule
// says (part-of:) or the paths have it: GET /positions/{id} gets a position and GET
// /positions/{id}/applications lists applications.
func (p *Plan) containers(object string) []string {
	var out []string
	if rule := p.recordRule(object); rule != nil && rule.PartOf == catalogs.NotKnown {
		return nil
	} else if rule != nil && rule.PartOf != "" {
		out = append(out, rule.PartOf)
	}
	return append(out, p.passedThrough(object, out)...)
}

// doubtful lists what the paths have an object below, of which the catalog says that nobody
// knows whether the object is hidden with it.
func (p *Plan) doubtful(object string) []string {
	if rule := p.recordRule(object); rule != nil && rule.PartOf == catalogs.NotKnown {
		return p.passedThrough(object, nil)
	}
	return nil
}

// passedThrough lists the objects with a record rule that the paths of an object go through,
// without those that are known already.
func (p *Plan) passedThrough(object string, known []string) []string {
	var out []string
	for i := range p.Rows {
		if e := p.Rows[i].Endpoint; e == nil || e.Lists != object && e.Gets != object {
			continue
		}
		if c := p.container(i); c != "" && !p.catalog.PartOf(c, object) && p.recordRule(c) != nil && !slices.Contains(out, c) && !slices.Contains(known, c) {
			out = append(out, c)
		}
	}
	return out
}

// container is the object whose id stands in a row's path before its last literal segment;
// "" when no row gets that.
func (p *Plan) container(row int) string {
	path := p.Rows[row].Path
	for i := range p.Rows {
		if e := p.Rows[i].Endpoint; e != nil && e.Gets != "" && p.Rows[i].Reads && strings.HasSuffix(p.Rows[i].Path, "}") {
			if prefix, ok := prefixLike(path, p.Rows[i].Path); ok && strings.HasPrefix(path[len(prefix):], "/") {
				return e.Gets
			}
		}
	}
	return ""
}

// prefixLike returns the beginning of a path that is the same template as another, whatever
// the names of parameters.
func prefixLike(path, template string) (string, bool) {
	n := strings.Count(template, "/")
	at := 0
	for range n {
		if at >= len(path) {
			return "", false
		}
		next := strings.IndexByte(path[at+1:], '/')
		if next < 0 {
			at = len(path)
		} else {
			at += next + 1
		}
	}
	if at < len(path) && catalogs.EndpointKey("", path[:at]) == catalogs.EndpointKey("", template) {
		return path[:at], true
	}
	return "", false
}

// ruled lists the objects whose record rules say which records of an object a key sees: its
// own and those that it is a part of.
func (p *Plan) ruled(object string) []string {
	out := p.containers(object)
	if p.recordRule(object) != nil {
		out = append([]string{object}, out...)
	}
	return out
}

// objects lists what the rows of the plan list or get, in their order.
func (p *Plan) objects() []string {
	var out []string
	for i := range p.Rows {
		e := p.Rows[i].Endpoint
		if e == nil {
			continue
		}
		for _, o := range []string{e.Lists, e.Gets} {
			if o != "" && !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	return out
}

// home is the row that lists all records of an object: one without parameters where there is
// one; -1 where no row lists them to the key.
func (p *Plan) home(object string, key int) int {
	best := -1
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || !r.Reads || r.Endpoint.Lists != object || !r.Need.Admits(p.Keys[key].Grants) {
			continue
		}
		if len(r.Params()) == 0 && r.Method == "GET" {
			return i
		}
		if best < 0 {
			best = i
		}
	}
	return best
}

// viewers returns keys that a row admits and that see only a part of an object's records, by
// the rule of another object where its records are a part of those of that one.
func (p *planner) viewers(object string, row int) []viewer {
	var out []viewer
	for _, o := range p.ruled(object) {
		rule := p.recordRule(o)
		for _, key := range p.sharers(rule, row) {
			out = append(out, viewer{key, p.Keys[key].Sharing[o]})
		}
		out = append(out, p.partHolders(rule, row)...)
	}
	return out
}

// partHolders returns, for each permission that reveals some records of an object, a key that
// holds it and no other such permission.
func (p *planner) partHolders(rule *catalogs.Record, row int) []viewer {
	var all perm.Set
	for _, g := range rule.Grants {
		all = all.Union(perm.NewSet(perm.Permission(g.Name)))
	}
	var out []viewer
	for _, g := range rule.Grants {
		others := all.Minus(perm.NewSet(perm.Permission(g.Name)))
		if len(others) == 0 {
			continue
		}
		part := func(k *Key) bool {
			held := p.implications.Close(k.Grants)
			return k.Kind == ValidKey && !k.Narrowed() && held.Has(perm.Permission(g.Name)) && !held.Intersects(others)
		}
		if !p.fixed {
			like := Key{Grants: p.Universe.Minus(p.implying(others))}
			if !part(&like) {
				continue
			}
			if k := p.key(like); p.expect(row, k) == Admit {
				out = append(out, viewer{k, g.Name})
			}
			continue
		}
		best := -1
		for i := range p.Keys {
			if part(&p.Keys[i]) && p.expect(row, i) == Admit && (best < 0 || len(p.Keys[i].Grants) > len(p.Keys[best].Grants)) {
				best = i
			}
		}
		if best >= 0 {
			out = append(out, viewer{best, g.Name})
		}
	}
	return out
}

// implying is every permission that is, or implies, one of the set.
func (p *planner) implying(set perm.Set) perm.Set {
	var out []perm.Permission
	for _, id := range p.Universe {
		if p.implications.Close(perm.NewSet(id)).Intersects(set) {
			out = append(out, id)
		}
	}
	return perm.NewSet(out...)
}

// askViewers adds a question for each key that sees a part of an object's records and that
// the row admits. Keys are the viewer and the full key.
func (p *planner) askViewers(row int, object string, q Question) {
	full := p.full()
	if full < 0 || p.expect(row, full) != Admit || p.home(object, full) < 0 {
		return
	}
	for _, v := range p.viewers(object, row) {
		q := q
		q.Row, q.Object, q.Keys = row, object, []int{v.key, full}
		q.Variant = strings.TrimSpace(q.Variant + " " + v.part)
		q.Subject = "sharing:" + object + " " + p.Rows[row].String()
		q.Base = append(slices.Clone(q.Base), p.base(row, full))
		if rules := p.ruled(object); !q.Pos.IsValid() && len(rules) > 0 {
			q.Pos = p.recordRule(rules[0]).Pos
		}
		p.ask(q)
	}
}

// known is what was read once for the questions that need it.
type known struct {
	mu     sync.Mutex
	lists  map[knownList]*onceList
	selfs  map[int]string
	plains map[plainKey]*plainOnce
}

type knownList struct {
	row, key int
	path     string
}

type onceList struct {
	once      sync.Once
	listing   *Listing
	exchanges []Exchange
	err       error
}

// listed reads a list once for all questions that need it as it is. The exchanges are
// recorded with each of them, without the values.
func (l *Lab) listed(ctx context.Context, rec *Record, label string, row, key int, path string) (*Listing, error) {
	l.known.mu.Lock()
	k := knownList{row: row, key: key, path: path}
	if l.known.lists == nil {
		l.known.lists = map[knownList]*onceList{}
	}
	o := l.known.lists[k]
	if o == nil {
		o = &onceList{}
		l.known.lists[k] = o
	}
	l.known.mu.Unlock()
	o.once.Do(func() {
		var own Record
		o.listing, o.err = l.listAt(ctx, &own, "list", row, path, l.As(key), "")
		o.exchanges = own.Exchanges
	})
	for _, x := range o.exchanges {
		x.Label = label + strings.TrimPrefix(x.Label, "list")
		x.Body.Paths, x.Body.Telling, x.Body.IDs = nil, nil, nil
		rec.Exchanges = append(rec.Exchanges, x)
	}
	return o.listing, o.err
}

// records reads all records of an object as the full key sees them.
func (l *Lab) records(ctx context.Context, rec *Record, object string, full int) (*Listing, error) {
	row := l.Plan.home(object, full)
	if row < 0 {
		return nil, leaveOut("no row lists the records of %s to the full key", object)
	}
	path, err := l.Path(ctx, row)
	if err != nil {
		return nil, err
	}
	all, err := l.listed(ctx, rec, "all "+object, row, full, path)
	if err != nil {
		return nil, err
	}
	if !all.Whole {
		return nil, fmt.Errorf("the list %s has more pages than are read, or says that it has more records than it shows", &l.Plan.Rows[row])
	}
	return all, nil
}

// divide splits objects of a kind by whether a key sees them. Those of which nobody knows are
// left out.
func (l *Lab) divide(ctx context.Context, rec *Record, object string, key, full int, items []Item) (allowed, hidden []Item, err error) {
	tests := []func(Item) (bool, bool){}
	open := []func(Item) bool{}
	if rule := l.Plan.recordRule(object); rule != nil {
		t, err := l.shown(ctx, rule, key, items)
		if err != nil {
			return nil, nil, err
		}
		tests = append(tests, t)
		for _, c := range l.Option(object, l.Plan.Keys[key].Sharing[object]).Conditions {
			if c.Open() {
				open = append(open, func(it Item) bool {
					matches, known := Matches([]catalogs.Condition{{Attribute: c.Attribute, Value: "false"}}, it.Fields)
					return known && !matches
				})
			}
		}
	}
	doubtful := l.Plan.doubtful(object)
	for _, c := range slices.Concat(l.Plan.containers(object), doubtful) {
		if !l.limits(c, key) {
			continue
		}
		all, err := l.records(ctx, rec, c, full)
		if err != nil {
			return nil, nil, err
		}
		_, out, err := l.divide(ctx, rec, c, key, full, all.Items)
		if err != nil {
			return nil, nil, err
		}
		attr := reference(items, all.Items, c)
		if attr == "" {
			return nil, nil, leaveOut("the records of %s do not show which %s they are a part of", object, c)
		}
		gone, there := idSet(out), idSet(all.Items)
		if slices.Contains(doubtful, c) {
			open = append(open, func(it Item) bool { return gone[refID(it.Fields[attr])] })
			continue
		}
		tests = append(tests, func(it Item) (bool, bool) { return !gone[refID(it.Fields[attr])], true })
		// What is a part of nothing that is there no rule is about.
		open = append(open, func(it Item) bool { return !there[refID(it.Fields[attr])] })
	}
	for _, it := range items {
		sees, tells := true, true
		for _, t := range tests {
			yes, ok := t(it)
			sees, tells = sees && yes, tells && ok
		}
		switch {
		case sees && slices.ContainsFunc(open, func(is func(Item) bool) bool { return is(it) }):
		case !tells:
			return nil, nil, errors.New("the records do not show every attribute that the conditions of the catalog name")
		case sees:
			allowed = append(allowed, it)
		default:
			hidden = append(hidden, it)
		}
	}
	return allowed, hidden, nil
}

// limits reports whether a key may see only a part of an object's records by its own rule.
func (l *Lab) limits(object string, key int) bool {
	rule, k := l.Plan.recordRule(object), &l.Plan.Keys[key]
	if rule == nil {
		return false
	}
	if o := k.Sharing[object]; o != "" && len(l.Option(object, o).Conditions) > 0 {
		return true
	}
	held := l.Plan.implications.Close(k.Grants)
	return len(rule.Grants) > 0 && slices.ContainsFunc(rule.Grants, func(g catalogs.Option) bool { return !held.Has(perm.Permission(g.Name)) })
}

// shown returns the test whether a record rule shows an object to a key, and whether the
// object has the attributes that tell.
func (l *Lab) shown(ctx context.Context, rule *catalogs.Record, key int, items []Item) (func(Item) (bool, bool), error) {
	k := &l.Plan.Keys[key]
	option := l.Option(rule.Object, k.Sharing[rule.Object])
	held := l.Plan.implications.Close(k.Grants)
	var reveals [][]catalogs.Condition
	whoever := complementary(rule, held)
	for _, g := range rule.Grants {
		if !held.Has(perm.Permission(g.Name)) || whoever {
			continue
		}
		conds := slices.Clone(g.Conditions)
		for i := range conds {
			if conds[i].Value == selfValue {
				self, err := l.self(ctx, key)
				if err != nil {
					return nil, err
				}
				conds[i].Value = self
			}
		}
		reveals = append(reveals, conds)
	}
	return func(it Item) (bool, bool) {
		yes, known := Matches(option.Conditions, it.Fields)
		if len(rule.Grants) == 0 || whoever || !known {
			return yes, known
		}
		some := false
		for _, conds := range reveals {
			matches, ok := Matches(conds, it.Fields)
			if !ok {
				return false, false
			}
			some = some || matches
		}
		if len(reveals) == 0 { // the conditions must be readable all the same
			for _, g := range rule.Grants {
				if _, ok := Matches(g.Conditions, it.Fields); !ok {
					return false, false
				}
			}
		}
		return yes && some, true
	}, nil
}

// complementary reports whether a key holds a permission that shows the records with a value and
// one that shows those without it: then it sees them all, whatever the value is.
func complementary(rule *catalogs.Record, held perm.Set) bool {
	var single []catalogs.Condition // conditions that show records by themselves
	for _, g := range rule.Grants {
		if held.Has(perm.Permission(g.Name)) && len(g.Conditions) == 1 {
			single = append(single, g.Conditions[0])
		}
	}
	return slices.ContainsFunc(single, func(a catalogs.Condition) bool {
		return slices.Contains(single, catalogs.Condition{Attribute: a.Attribute, Value: a.Value, Not: !a.Not})
	})
}

// selfValue stands in a condition for the calling key's own id.
const selfValue = "$self"

// self is the id of a key in conditions: what a row that any key may call says of its caller.
func (l *Lab) self(ctx context.Context, key int) (string, error) {
	l.known.mu.Lock()
	defer l.known.mu.Unlock()
	if id, ok := l.known.selfs[key]; ok {
		return id, nil
	}
	for i := range l.Plan.Rows {
		r := &l.Plan.Rows[i]
		if r.Endpoint == nil || r.Method != "GET" || !r.Need.IsAuthenticated() || len(r.Params()) > 0 {
			continue
		}
		a := l.Send(ctx, nil, Call{Method: "GET", Path: r.Path, By: l.As(key)})
		if id := l.dialect().id(a.JSON()); a.OK() && id != "" {
			if l.known.selfs == nil {
				l.known.selfs = map[int]string{}
			}
			l.known.selfs[key] = id
			return id, nil
		}
	}
	return "", leaveOut("the catalog compares records with the id of the calling key ($self), and no row says what that is")
}

// reference returns the attribute of records that names a record of another object: its name
// holds the object's, and every value is the id of such a record. "" when there is none.
func reference(items, targets []Item, object string) string {
	ids := idSet(targets)
	names := map[string]bool{}
	for _, it := range items {
		for name := range it.Fields {
			names[name] = true
		}
	}
	var found []string
	for name := range names {
		if !strings.Contains(letters(name), letters(object)) {
			continue
		}
		some, all := false, true
		for _, it := range items {
			v, ok := it.Fields[name]
			if !ok || v == nil || v == "" {
				continue
			}
			if id := refID(v); id != "" && ids[id] {
				some = true
			} else {
				all = false
			}
		}
		if some && all {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.SortFunc(found, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return found[0]
}

// letters is a name without what spellings of names differ in.
func letters(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(name))
}

// refID is the id that a reference holds: the value itself, or that of the object there.
func refID(v any) string {
	if m, ok := v.(map[string]any); ok {
		var d *Dialect
		return d.id(m)
	}
	return scalar(v)
}

func idSet(items []Item) map[string]bool {
	set := make(map[string]bool, len(items))
	for _, it := range items {
		set[it.ID] = true
	}
	return set
}

// A ground is what a question about what a list can do stands on: the list by itself is
// right.
type ground struct {
	path            string
	all             *Listing
	allowed, hidden []Item
	seen            *Listing
}

// ground reads the list of a question with the full key and with the viewer. Where the list
// by itself is wrong, another check says so and the question is left out.
func (l *Lab) ground(ctx context.Context, rec *Record, q *Question) (*ground, error) {
	g := &ground{}
	var err error
	key, full := q.Keys[0], q.Keys[1]
	if g.path, err = l.listPath(ctx, rec, q.Row, key, full); err != nil {
		return nil, err
	}
	if g.all, err = l.listed(ctx, rec, "all", q.Row, full, g.path); err != nil {
		return nil, err
	}
	if g.seen, err = l.listed(ctx, rec, "seen", q.Row, key, g.path); err != nil {
		return nil, err
	}
	if !g.all.Whole {
		return nil, errors.New("the list has more pages than are read, or says that it has more records than it shows")
	}
	if g.allowed, g.hidden, err = l.divide(ctx, rec, q.Object, key, full, g.all.Items); err != nil {
		return nil, err
	}
	seen := idSet(g.seen.Items)
	for _, it := range g.hidden {
		if seen[it.ID] {
			return nil, leaveOut("the list by itself shows records that the key must not see")
		}
	}
	for _, it := range g.allowed {
		if !seen[it.ID] {
			return nil, leaveOut("the list by itself lacks records that the key must see")
		}
	}
	return g, nil
}

// steady reads the viewer's list again: where others change it meanwhile, numbers that were
// taken one after the other say nothing.
func (l *Lab) steady(ctx context.Context, rec *Record, q *Question, g *ground) error {
	again, err := l.listAt(ctx, rec, "again", q.Row, g.path, l.As(q.Keys[0]), "")
	if err != nil {
		return err
	}
	if len(again.Items) != len(g.seen.Items) {
		return fmt.Errorf("the list changed while it was looked at: it showed %d records and then %d", len(g.seen.Items), len(again.Items))
	}
	return nil
}

// listPath is the concrete path of a list for a key. Where the path goes through a record, it
// is one that the key sees, with children where there is such a one.
func (l *Lab) listPath(ctx context.Context, rec *Record, row, key, full int) (string, error) {
	r := &l.Plan.Rows[row]
	container := l.Plan.container(row)
	if len(r.Params()) != 1 || container == "" || !l.limits(container, key) {
		return l.Path(ctx, row)
	}
	all, err := l.records(ctx, rec, container, full)
	if err != nil {
		return "", err
	}
	allowed, _, err := l.divide(ctx, rec, container, key, full, all.Items)
	if err != nil {
		return "", err
	}
	if len(allowed) == 0 {
		return "", fmt.Errorf("none of the records of %s is one that the key sees", container)
	}
	best, most := "", -1
	for _, it := range allowed[:min(len(allowed), maxTries)] {
		path := fillID(r.Path, it.ID)
		got, err := l.listed(ctx, &Record{}, "", row, full, path)
		if err == nil && len(got.Items) > most {
			best, most = path, len(got.Items)
		}
	}
	if best == "" {
		return "", fmt.Errorf("%s was answered for no record that the key sees", r)
	}
	return best, nil
}

// fillID puts one id into a template with one parameter.
func fillID(template, id string) string {
	t, err := catalogs.ParseTemplate(template)
	if err != nil || id == "." || id == ".." {
		return template
	}
	return t.Expand(func(string) string { return url.PathEscape(id) })
}

// stillHidden reads the records of an object once more and keeps those of the given ones
// that are hidden from the key now too: what changed in between counts for nothing. It
// records the set "hidden".
func (l *Lab) stillHidden(ctx context.Context, rec *Record, object string, key, full int, suspects []Item) ([]Item, error) {
	row := l.Plan.home(object, full)
	if row < 0 || len(suspects) == 0 {
		rec.Set("hidden", l.IDs(suspects))
		return suspects, nil
	}
	all, err := l.List(ctx, rec, "all "+object+" again", row, l.As(full), "")
	if err != nil {
		return nil, err
	}
	_, hidden, err := l.afresh().divide(ctx, rec, object, key, full, all.Items)
	if err != nil {
		return nil, err
	}
	now := idSet(hidden)
	suspects = slices.DeleteFunc(slices.Clone(suspects), func(it Item) bool { return !now[it.ID] })
	rec.Set("hidden", l.IDs(suspects))
	return suspects, nil
}

// relation is a way from the records of one object to those of another.
type relation struct {
	object string // the one that is named
	attr   string // attribute that names it
	all    *Listing
}

// names are what include, filter and sort may call the relation.
func (r relation) names() []string {
	out := []string{}
	for _, n := range []string{strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(r.attr, "_id"), "Id"), "_uid"), r.object, r.attr} {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// partly reports whether a key sees only a part of an object's records, by its own rule or
// that of what it is a part of.
func (l *Lab) partly(object string, key int) bool {
	return slices.ContainsFunc(l.Plan.ruled(object), func(o string) bool { return l.limits(o, key) })
}

// hiddenOf returns the records of an object that a key must not see.
func (l *Lab) hiddenOf(ctx context.Context, rec *Record, object string, key, full int) ([]Item, error) {
	all, err := l.records(ctx, rec, object, full)
	if err != nil {
		return nil, err
	}
	_, hidden, err := l.divide(ctx, rec, object, key, full, all.Items)
	return hidden, err
}

// afresh is the same lab, which has not read anything yet.
func (l *Lab) afresh() *Lab {
	return &Lab{Plan: l.Plan, Catalog: l.Catalog, run: l.run, hash: l.hash, fresh: l.fresh, debts: l.debts, known: &known{}, spelled: map[spelledKey]*spelledOnce{}}
}

// forget drops what was read, for after something was written.
func (l *Lab) forget() {
	l.known = &known{}
}
