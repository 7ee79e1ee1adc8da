package drift

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// match pairs the rows of both sides and records the changes.
func (c *comparison) match() {
	s := &c.result.Summary
	for _, r := range c.old {
		if r.kind == openapi.Endpoint {
			s.Old++
		}
	}
	for _, r := range c.new {
		if r.kind == openapi.Endpoint {
			s.New++
			if r.text() == nil {
				s.Undeclared++
			}
		}
	}
	byKey := map[string][]*row{}
	for _, r := range c.old {
		byKey[r.key] = append(byKey[r.key], r)
	}
	// Two rows of one side with one identity are told apart by their spelling.
	for _, n := range c.new {
		for _, o := range byKey[n.key] {
			if !o.matched && !n.matched && o.path == n.path {
				c.pair(o, n)
			}
		}
	}
	for _, n := range c.new {
		if n.matched {
			continue
		}
		for _, o := range byKey[n.key] {
			if !o.matched && !n.matched {
				c.pair(o, n)
			}
		}
		if !n.matched && len(byKey[n.key]) > 0 { // one more twin than before
			c.pair(byKey[n.key][0], n)
		}
	}
	// A row for any method stands in for a method that has no row of its own.
	newByKey := map[string]*row{}
	for _, n := range c.new {
		if newByKey[n.key] == nil {
			newByKey[n.key] = n
		}
	}
	for _, n := range c.new {
		if any := byKey[key(catalogs.AnyMethod, n.full)]; !n.matched && len(any) > 0 {
			c.pair(any[0], n)
			any[0].matched = false
		}
	}
	for _, o := range c.old {
		if o.matched {
			continue
		}
		if n := newByKey[o.key]; n != nil { // one twin fewer than before
			c.pair(o, n)
		} else if any := newByKey[key(catalogs.AnyMethod, o.full)]; any != nil {
			was := any.matched || any.unreadable != nil
			c.pair(o, any)
			any.matched = was
		}
	}
	// All methods that a document can list are as good as any method.
	for _, side := range []struct {
		rows  []*row
		other func(key string) bool
	}{
		{c.old, func(key string) bool { return newByKey[key] != nil }},
		{c.new, func(key string) bool { return len(byKey[key]) > 0 }},
	} {
		for _, r := range side.rows {
			if r.method == catalogs.AnyMethod && !slices.ContainsFunc(listable, func(m string) bool { return !side.other(key(m, r.full)) }) {
				r.matched = true
			}
		}
	}
	var added, removed []*row
	for _, n := range c.new {
		switch {
		case n.matched:
		case n.unreadable != nil:
			c.access(&Change{Method: n.method, Path: n.path}, nil, n)
			c.add(Change{Method: n.method, Path: n.path, Class: Unknown, To: n.text(), Position: n.unreadable.Pos,
				Why: "what is required here could not be read: " + n.unreadable.Message}, n.kind)
		default:
			added = append(added, n)
		}
	}
	for _, o := range c.old {
		if !o.matched && !(o.unreadable != nil && o.method == catalogs.AnyMethod) {
			removed = append(removed, o)
		}
	}
	c.oneSided(added, removed)
}

// listable are the methods that a path item of every version of OpenAPI 3 can have.
var listable = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// entails reports whether what a demands on its side is at least as strict as what b
// demands on its side.
func (c *comparison) effect(o, n perm.Requirement) perm.Effect {
	if c.oldImplies == c.newImplies {
		return c.newImplies.Compare(o, n)
	}
	// Two catalogs may imply differently. Expanded, both are about grants as they
	// are given, and compare without implications.
	o, err := c.oldImplies.Expand(o)
	if err != nil {
		return perm.Incomparable
	}
	if n, err = c.newImplies.Expand(n); err != nil {
		return perm.Incomparable
	}
	return perm.Compare(o, n)
}

// weaker reports whether n admits something that o does not, or may.
func (c *comparison) weaker(o, n *row) bool {
	switch c.effect(o.req, n.req) {
	case perm.Same, perm.Narrows:
		return n.anonymous && !o.anonymous
	}
	return true
}

// pair compares two rows that stand for one endpoint.
func (c *comparison) pair(o, n *row) {
	o.matched, n.matched = true, true
	s := &c.result.Summary
	ch := Change{Method: n.method, Path: n.path, Position: n.pos}
	if o.path != n.path {
		ch.BasePath = o.path
	}
	if n.method == catalogs.AnyMethod && o.method != n.method {
		ch.Method = o.method
	}
	c.access(&ch, o, n)
	effect := c.effect(o.req, n.req)
	if o.unreadable != nil || n.unreadable != nil {
		if o.unreadable != nil && n.unreadable != nil && o.unreadable.Text != "" &&
			o.unreadable.Text == n.unreadable.Text && (effect == perm.Same || effect == perm.Unverified) && !c.redefined() {
			s.Unread++
			return
		}
		u := n.unreadable
		if u == nil {
			u = o.unreadable
		}
		ch.Class, ch.From, ch.To, ch.Position = Unknown, o.text(), n.text(), u.Pos
		ch.Why = "what is required could not be read: " + u.Message
		c.add(ch, n.kind)
		return
	}
	// Source declares permissions; that any key will do is nothing it could declare.
	silent := o.undeclared && n.req.IsAuthenticated() || n.undeclared && o.req.IsAuthenticated()
	if o.unstated || n.unstated || silent {
		s.Unstated++
		if c.opts.ReportUnstated {
			ch.Class, ch.From, ch.To = Unknown, o.text(), n.text()
			ch.Rule = "endpoint-unstated"
			ch.Why = "a credential is demanded but no permission named"
			c.add(ch, n.kind)
		}
		return
	}
	if effect == perm.Unverified {
		s.Unverified++
		return
	}
	ch.Anonymous = n.anonymous && !o.anonymous
	gained, lost := c.gained(o.req, n.req), c.lost(o.req, n.req)
	switch effect {
	case perm.Widens:
		ch.Class = Weakened
	case perm.Narrows:
		ch.Class = Strengthened
	case perm.Incomparable:
		ch.Class = Incomparable
	}
	if ch.Anonymous && (effect == perm.Same || effect == perm.Narrows) {
		ch.Class = Weakened
	}
	undefined := c.newlyUndefined(o, n)
	if ch.Class == Strengthened && undefined != "" {
		ch.Class, ch.Scheme = Unknown, undefined
	}
	if ch.Class == "" {
		if n.kind == openapi.Endpoint {
			s.Same++
			c.result.Unchanged = append(c.result.Unchanged, ch.Subject())
		}
	} else {
		ch.From, ch.To = o.text(), n.text()
		ch.Why = why(&ch, gained, lost)
		if undefined != "" {
			ch.Evidence = append(ch.Evidence, fmt.Sprintf("nothing defines the scheme %q that is now required", undefined))
		}
		c.add(ch, n.kind)
	}
	c.schemes(o, n)
}

// gained lists alternatives of n that are newly enough, lost those of o that no
// longer are.
func (c *comparison) gained(o, n perm.Requirement) []perm.Set {
	var out []perm.Set
	if !n.IsPublic() && !o.IsPublic() {
		for _, cl := range n.Clauses() {
			if len(cl) > 0 && !c.oldImplies.Admits(o, c.newImplies.Close(cl)) {
				out = append(out, cl)
			}
		}
	}
	return out
}

func (c *comparison) lost(o, n perm.Requirement) []perm.Set {
	var out []perm.Set
	if !n.IsPublic() && !o.IsPublic() {
		for _, cl := range o.Clauses() {
			if len(cl) > 0 && !c.newImplies.Admits(n, c.oldImplies.Close(cl)) {
				out = append(out, cl)
			}
		}
	}
	return out
}

// why says in one sentence what the change means.
func why(ch *Change, gained, lost []perm.Set) string {
	list := func(cs []perm.Set) string {
		const most = 3
		texts := make([]string, 0, most)
		for i, cl := range cs {
			if i == most {
				return strings.Join(texts, ", or ") + fmt.Sprintf(", or %d more", len(cs)-most)
			}
			texts = append(texts, tidy(cl).String())
		}
		return strings.Join(texts, ", or ")
	}
	switch {
	case ch.Anonymous:
		return "anybody can call it now, without any credential"
	case ch.Class == Unknown:
		return fmt.Sprintf("nothing defines the scheme %q, so what is demanded cannot be said", ch.Scheme)
	case ch.Class == Weakened && ch.To == nil:
		return "nothing declares what it requires"
	case ch.Class == Weakened && len(gained) > 0:
		return list(gained) + " is enough now"
	case ch.Class == Weakened:
		return "callers get in that did not before"
	case ch.Class == Strengthened && len(lost) > 0:
		return list(lost) + " is no longer enough"
	case ch.Class == Strengthened:
		return "callers that got in before are refused now"
	case len(gained) > 0 && len(lost) > 0:
		return fmt.Sprintf("%s is enough now; %s no longer is", list(gained), list(lost))
	}
	return "neither requirement contains the other"
}

// tidy drops the atom of a scheme beside one of its scopes.
func tidy(cl perm.Set) perm.Set {
	return slices.DeleteFunc(slices.Clone(cl), func(p perm.Permission) bool {
		return slices.ContainsFunc(cl, func(q perm.Permission) bool { return strings.HasPrefix(string(q), string(p)+"[") })
	})
}

// newlyUndefined returns a scheme that n requires, that its document does not
// define, and that o does not require.
func (c *comparison) newlyUndefined(o, n *row) string {
	before := o.req.Permissions()
	for _, p := range n.req.Permissions() {
		if s, ok := c.atoms[p]; ok && s.new == nil && !before.Has(p) {
			return s.name
		}
	}
	return ""
}

// redefined reports whether any scheme of two documents is another credential now. A
// requirement that cannot be read may name it.
func (c *comparison) redefined() bool {
	for _, s := range c.atoms {
		if (s.old == nil) != (s.new == nil) || s.old != nil && s.old.Identity != s.new.Identity {
			return true
		}
	}
	return false
}

// schemes records required schemes whose definition is another credential now.
func (c *comparison) schemes(o, n *row) {
	after := n.req.Permissions()
	for _, p := range o.req.Permissions() {
		s, ok := c.atoms[p]
		if !ok || !after.Has(p) || s.old == nil && s.new == nil || s.old != nil && s.new != nil && s.old.Identity == s.new.Identity {
			continue
		}
		ch := Change{Method: n.method, Path: n.path, Class: SchemeChanged, From: o.text(), To: n.text(), Scheme: s.name, Position: n.pos}
		if o.path != n.path {
			ch.BasePath = o.path
		}
		ch.Why = fmt.Sprintf("%q names another credential now; whether more get in cannot be told from the documents", s.name)
		define := func(s *openapi.Scheme) string {
			if s == nil {
				return "not defined"
			}
			return fmt.Sprintf("%s (%s)", s.Identity, s.Pos)
		}
		ch.Evidence = []string{"was " + define(s.old), "now " + define(s.new)}
		if s.new == nil {
			ch.Why = fmt.Sprintf("nothing defines %q any more, so what is demanded cannot be said", s.name)
		}
		c.add(ch, n.kind)
	}
}

// oneSided records what is on one side only, with moves and shadowing.
func (c *comparison) oneSided(added, removed []*row) {
	moved := moves(removed, added)
	oldShadows, newShadows := newShadows(c.old), newShadows(c.new)
	twins := map[string][]*row{}
	for _, n := range c.new {
		twins[loose(n)] = append(twins[loose(n)], n)
	}
	for _, n := range added {
		ch := Change{Method: n.method, Path: n.path, Class: Added, Anonymous: n.anonymous, To: n.text(), Position: n.pos}
		if n.unstated {
			c.result.Summary.Unstated++
			if c.opts.ReportUnstated {
				ch.Rule = "endpoint-unstated"
				ch.Why = "a new endpoint that names no permission"
			}
		}
		if ch.To == nil {
			ch.Why = "a new endpoint, and nothing declares what it requires"
		}
		if n.anonymous {
			ch.Why = "a new endpoint that anybody can call, without any credential"
		}
		if undefined := c.newlyUndefined(&row{}, n); undefined != "" {
			ch.Class, ch.Scheme = Unknown, undefined
			ch.Why = fmt.Sprintf("a new endpoint; nothing defines the scheme %q that it requires", undefined)
		}
		if o := moved[n]; o != nil {
			if c.weaker(o, n) {
				ch.MovedFrom = o.method + " " + o.path
				ch.From = o.text()
				ch.Why = "it replaces " + ch.MovedFrom + " and lets more callers in"
			} else {
				ch.Why = fmt.Sprintf("it replaces %s %s and asks for no less", o.method, o.path)
			}
		} else if t := newShadows.template(n); t != nil && oldShadows.has(t.key) && c.weaker(t, n) {
			ch.Evidence = append(ch.Evidence, fmt.Sprintf("it takes requests from %s, which requires %s", t.path, shown(t.text())))
		}
		for _, t := range twins[loose(n)] {
			if t.full == n.full || !c.weaker(t, n) {
				continue
			}
			ch.Evidence = append(ch.Evidence, fmt.Sprintf("it differs only in case or a slash from %s, which requires %s", t.path, shown(t.text())))
		}
		c.access(&ch, moved[n], n)
		c.add(ch, n.kind)
	}
	movedTo := map[*row]*row{}
	for n, o := range moved {
		movedTo[o] = n
	}
	for _, o := range removed {
		ch := Change{Method: o.method, Path: o.path, Class: Removed, From: o.text(), Position: o.pos}
		t := newShadows.template(o)
		if t != nil && !t.unstated && c.weaker(o, t) {
			ch.FallsTo = t.path
			ch.Why = fmt.Sprintf("requests to it now reach %s, which requires %s", t.path, shown(t.text()))
		}
		if n := movedTo[o]; n != nil {
			c.told(&ch, o, n) // whoever can call that has lost nothing
		} else {
			c.access(&ch, o, t)
		}
		c.add(ch, o.kind)
	}
}

func shown(s *string) string {
	if s == nil {
		return "nothing declared"
	}
	return *s
}

// loose is an identity that ignores case and a final slash.
func loose(r *row) string {
	return r.method + " " + strings.ToLower(strings.TrimRight(strings.TrimPrefix(r.key, r.method+" "), "/"))
}

var versionPrefix = regexp.MustCompile(`^(/(?i:api|rest|v[0-9][0-9.]*))+`)

// moves finds removed endpoints that live on as an added one: with the same
// operationId, or with the same method and a path that differs only in a prefix such
// as /v1, in case, or in a final slash, or with another method on the same path
// where the two methods do the same kind of thing and no operationId says that it is
// another operation. A move must be unique on both sides.
func moves(removed, added []*row) map[*row]*row {
	out := map[*row]*row{}
	taken := map[*row]bool{}
	by := func(name func(*row) string, fits func(o, n *row) bool) {
		olds, news := map[string][]*row{}, map[string][]*row{}
		for _, o := range removed {
			if k := name(o); k != "" && !taken[o] {
				olds[k] = append(olds[k], o)
			}
		}
		for _, n := range added {
			if k := name(n); k != "" && out[n] == nil {
				news[k] = append(news[k], n)
			}
		}
		for k, ns := range news {
			if os := olds[k]; len(ns) == 1 && len(os) == 1 && fits(os[0], ns[0]) {
				out[ns[0]], taken[os[0]] = os[0], true
			}
		}
	}
	same := func(o, n *row) bool { return o.kind == n.kind }
	by(func(r *row) string { return r.id }, same)
	by(loose, same)
	by(func(r *row) string {
		method, path, _ := strings.Cut(loose(r), " ")
		tail := versionPrefix.ReplaceAllString(path, "")
		if tail == "" {
			return ""
		}
		return method + " " + tail
	}, same)
	by(func(r *row) string { return strings.TrimPrefix(r.key, r.method+" ") }, func(o, n *row) bool {
		return same(o, n) && (o.id == "" || n.id == "") && alike(o.method, n.method)
	})
	return out
}

// alike reports whether one method is used in place of the other: to change a
// resource, or to read it.
func alike(a, b string) bool {
	for _, group := range [][]string{{"POST", "PUT", "PATCH"}, {"GET", "HEAD", "QUERY"}} {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

// shadows finds the template that takes the requests of a concrete path when the
// path has no row of its own.
type shadows struct {
	byShape map[string][]template // by method and number of segments
	keys    map[string]bool
}

type template struct {
	catalogs.Template
	row *row
}

func newShadows(rows []*row) *shadows {
	s := &shadows{byShape: map[string][]template{}, keys: map[string]bool{}}
	for _, r := range rows {
		s.keys[r.key] = true
		if r.kind == openapi.Endpoint && r.unreadable == nil && strings.Contains(r.full, "{") {
			if t, err := catalogs.ParseTemplate(r.full); err == nil {
				s.byShape[shape(r)] = append(s.byShape[shape(r)], template{t, r})
			}
		}
	}
	return s
}

func shape(r *row) string { return fmt.Sprint(r.method, " ", strings.Count(r.full, "/")) }

func (s *shadows) has(key string) bool { return s.keys[key] }

// template returns the first template that matches the row's path, if that has no
// parameters.
func (s *shadows) template(r *row) *row {
	if strings.Contains(r.full, "{") {
		return nil
	}
	for _, t := range s.byShape[shape(r)] {
		if t.Match(r.full) {
			return t.row
		}
	}
	return nil
}

// add records a change under the rule that its class and circumstances have.
func (c *comparison) add(ch Change, kind openapi.Kind) {
	switch {
	case kind != openapi.Endpoint:
		ch.Rule = "webhook-changed"
	case ch.Rule != "":
	case ch.Class == Added && ch.Anonymous:
		ch.Rule = "endpoint-added-anonymous"
	case ch.To == nil && (ch.Class == Added || ch.Class == Weakened) && !ch.Anonymous && ch.Method != "":
		ch.Rule = "undeclared"
	case ch.Class == Added && ch.MovedFrom != "":
		ch.Rule = "endpoint-moved-weaker"
	case ch.Class == Added:
		ch.Rule = "endpoint-added"
	case ch.Class == Removed:
		ch.Rule = "endpoint-removed"
	case ch.Anonymous:
		ch.Rule = "opened-to-anonymous"
	case ch.Class == Weakened:
		ch.Rule = "requirement-weakened"
	case ch.Class == Strengthened:
		ch.Rule = "requirement-strengthened"
	case ch.Class == Incomparable:
		ch.Rule = "requirement-incomparable"
	case ch.Class == SchemeChanged:
		ch.Rule = "scheme-changed"
	default:
		ch.Rule = "requirement-unknown"
	}
	c.result.Changes = append(c.result.Changes, ch)
	c.result.Summary.Changes[ch.Class]++
}

// sort orders the changes by path, method and class.
func (c *comparison) sort() {
	slices.SortStableFunc(c.result.Access, func(a, b Access) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	slices.SortStableFunc(c.result.Changes, func(a, b Change) int {
		return cmp.Or(
			strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method),
			strings.Compare(string(a.Class), string(b.Class)), strings.Compare(a.Scheme, b.Scheme),
			strings.Compare(a.BasePath, b.BasePath),
		)
	})
}
