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
	"github.com/permcheck/permcheck/catalogs/verdict"
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
			any[0].matched = c.witnesses // it stands for the methods that there are
		}
	}
	for _, o := range c.old {
		if o.matched {
			continue
		}
		if n := newByKey[o.key]; n != nil { // one twin fewer than before
			c.pair(o, n)
		} else if any := newByKey[key(catalogs.AnyMethod, o.full)]; any != nil {
			// Source that is registered for any method tells methods apart in its handler.
			was := any.matched || any.unreadable != nil || c.witnesses && any.routed != nil
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
	if c.table {
		c.belowTrees()
	}
	var added, removed []*row
	for _, n := range c.new {
		if !n.matched {
			added = append(added, n)
		}
	}
	for _, o := range c.old {
		if !o.matched && !(o.unreadable != nil && o.method == catalogs.AnyMethod) {
			removed = append(removed, o)
		}
	}
	c.oneSided(added, removed)
	c.shadowed()
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
	ch := Change{Method: n.method, Path: n.path, Position: n.pos}
	if o.path != n.path {
		ch.BasePath = o.path
	}
	if n.method == catalogs.AnyMethod && o.method != n.method {
		ch.Method = o.method
	}
	c.access(&ch, o, n)
	the := c.caseOf(o, n)
	out := verdict.Judge(the)
	c.count(out, &ch, n.kind)
	if out.Class != verdict.None {
		ch.Class, ch.Rule, ch.From, ch.To = out.Class, out.Rule, o.text(), n.text()
		ch.Anonymous = the.Opened && out.Class != Unknown
		c.explain(&ch, the, o, n)
		c.add(ch, n.kind)
	}
	switch the.Says {
	case verdict.Stated, verdict.Undefined, verdict.Undeclared:
		if the.Effect != perm.Unverified {
			c.schemes(o, n)
		}
	}
}

// caseOf finds out how two rows of one endpoint compare. That n is a row of the endpoint's
// own is assumed.
func (c *comparison) caseOf(o, n *row) verdict.Case {
	return verdict.Case{
		Revisions: !c.witnesses, Says: c.says(o, n), Effect: c.effect(o.req, n.req),
		Opened: n.anonymous && !o.anonymous, ReportUnstated: c.opts.ReportUnstated,
	}
}

// says is what two rows say, as far as it decides more than their requirements do.
func (c *comparison) says(o, n *row) verdict.Says {
	if o.unreadable != nil || n.unreadable != nil {
		if o.unreadable != nil && n.unreadable != nil && o.unreadable.Text != "" && o.unreadable.Text == n.unreadable.Text && !c.redefined() {
			return verdict.UnreadAlike
		}
		return verdict.Unread
	}
	// Source declares permissions; that any key will do it shows by what refuses a request.
	asks, may := silent(o, n)
	switch {
	case asks:
		return verdict.Asks
	case may:
		return verdict.MayAsk
	case (o.unstated || n.unstated) && !(o.req.IsAuthenticated() && n.req.IsAuthenticated()):
		return verdict.Unstated
	case n.undeclared && !o.undeclared:
		return verdict.Undeclared
	case n.req.IsUnknown():
		return verdict.NewUnknown
	case c.newlyUndefined(o, n) != "":
		return verdict.Undefined
	}
	return verdict.Stated
}

// count counts an outcome in the summary.
func (c *comparison) count(out verdict.Outcome, ch *Change, kind openapi.Kind) {
	s := &c.result.Summary
	switch out.Count {
	case verdict.CountSame:
		if kind == openapi.Endpoint {
			s.Same++
			c.result.Unchanged = append(c.result.Unchanged, ch.Subject())
		}
	case verdict.CountUnverified:
		s.Unverified++
	case verdict.CountUnstated:
		s.Unstated++
	case verdict.CountUnread:
		s.Unread++
	}
}

// explain says why a change of a pair of rows matters.
func (c *comparison) explain(ch *Change, the verdict.Case, o, n *row) {
	undefined := c.newlyUndefined(o, n)
	switch {
	case the.Says == verdict.Unread || the.Says == verdict.UnreadAlike:
		u := n.unreadable
		if u == nil {
			u = o.unreadable
		}
		ch.Position, ch.Why = u.Pos, "what is required could not be read: "+u.Message
	case ch.Rule == "unresolved":
		ch.Why = "whether anything on the way asks for a key could not be read"
	case ch.Rule == "endpoint-unstated":
		ch.Why = "a credential is demanded but no permission named"
	case ch.Class == Unknown && ch.Rule == "undeclared":
		ch.To, ch.Why = nil, "nothing declares what it requires, and the other side does not know"
	default:
		if ch.Class == Unknown {
			ch.Scheme = undefined
		}
		ch.Why = why(ch, c.gained(o.req, n.req), c.lost(o.req, n.req))
		if undefined != "" {
			ch.Evidence = append(ch.Evidence, fmt.Sprintf("nothing defines the scheme %q that is now required", undefined))
		}
	}
}

// silent reports whether one of two rows declares nothing, the other requires any valid key,
// and something on the way to the first asks for one, or may.
func silent(o, n *row) (asks, may bool) {
	for _, pair := range [][2]*row{{o, n}, {n, o}} {
		if r := pair[0].routed; pair[0].undeclared && r != nil && pair[1].req.IsAuthenticated() {
			asks, may = asks || r.Asks, may || r.MayAsk
		}
	}
	return asks, may
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
		ch := Change{Method: n.method, Path: n.path, Class: SchemeChanged, Rule: "scheme-changed", From: o.text(), To: n.text(), Scheme: s.name, Position: n.pos}
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
		ch.SchemeWas, ch.SchemeNow = identity(s.old), identity(s.new)
		if s.new == nil {
			ch.Why = fmt.Sprintf("nothing defines %q any more, so what is demanded cannot be said", s.name)
		}
		c.add(ch, n.kind)
	}
}

// identity is the credential that a scheme names.
func identity(s *openapi.Scheme) string {
	if s == nil {
		return "not defined"
	}
	return s.Identity
}

// belowTrees pairs the rows of a witness that the catalog does not list one by one with the
// catalog's rows for everything below a prefix that they are in.
func (c *comparison) belowTrees() {
	for _, n := range c.new {
		if n.matched || n.kind != openapi.Endpoint {
			continue
		}
		if a := c.oldTable().Resolve(n.method, n.full); a.How == catalogs.ByTree {
			for _, r := range a.Rows {
				c.pair(c.old[r.ID], n)
			}
		}
	}
}

// oneSided records what is on one side only, with moves and with the rows that answer
// instead.
func (c *comparison) oneSided(added, removed []*row) {
	moved := moves(removed, added)
	twins := map[string][]*row{}
	for _, n := range c.new {
		twins[loose(n)] = append(twins[loose(n)], n)
	}
	c.elsewhere(added, removed)
	for _, n := range added {
		c.added(n, moved[n], twins[loose(n)])
	}
	movedTo := map[*row]*row{}
	for n, o := range moved {
		movedTo[o] = n
	}
	for _, o := range removed {
		c.removed(o, movedTo[o])
	}
}

// added records a row that only the new side has; from is the removed one that it
// replaces, if any.
func (c *comparison) added(n, from *row, twins []*row) {
	ch := Change{Method: n.method, Path: n.path, To: n.text(), Position: n.pos}
	the := verdict.Case{Revisions: !c.witnesses, Who: verdict.New, Opened: n.anonymous, ReportUnstated: c.opts.ReportUnstated}
	the.Says = c.says(&row{anonymous: true}, n)
	over := c.takesFrom(n)
	switch {
	case from != nil:
		the.Who, the.Effect = verdict.Moved, c.effect(from.req, n.req)
	case over != nil:
		the.Who, the.Effect = verdict.Over, c.effect(over.req, n.req)
	}
	out := verdict.Judge(the)
	c.count(out, &ch, n.kind)
	ch.Class, ch.Rule, ch.Anonymous = out.Class, out.Rule, n.anonymous && out.Class == Added
	switch {
	case n.unreadable != nil:
		ch.Position, ch.Why = n.unreadable.Pos, "what is required here could not be read: "+n.unreadable.Message
		c.access(&ch, nil, n)
		c.add(ch, n.kind)
		return
	case ch.Anonymous:
		ch.Why = "a new endpoint that anybody can call, without any credential"
	case the.Says == verdict.Undefined:
		ch.Scheme = c.newlyUndefined(&row{}, n)
		ch.Why = fmt.Sprintf("a new endpoint; nothing defines the scheme %q that it requires", ch.Scheme)
	case ch.To == nil:
		ch.Why = "a new endpoint, and nothing declares what it requires"
	case ch.Rule == "endpoint-unstated":
		ch.Why = "a new endpoint that names no permission"
	}
	switch {
	case from != nil && c.weaker(from, n):
		ch.MovedFrom = from.method + " " + from.name()
		ch.From = from.text()
		ch.Why = "it replaces " + ch.MovedFrom + " and lets more callers in"
	case from != nil:
		ch.Why = fmt.Sprintf("it replaces %s %s and asks for no less", from.method, from.name())
	case over != nil:
		ch.Evidence = append(ch.Evidence, fmt.Sprintf("it takes requests from %s, which requires %s", over.path, shown(over.text())))
		if ch.Rule == "takes-over-stricter" {
			ch.From = over.text()
			ch.Why = fmt.Sprintf("requests that %s answered reach it, and it requires less", over.path)
		}
	}
	ch.Evidence = append(ch.Evidence, n.servedAt()...)
	for _, t := range twins {
		if t.full != n.full && c.weaker(t, n) {
			ch.Evidence = append(ch.Evidence, fmt.Sprintf("it differs only in case or a slash from %s, which requires %s", t.path, shown(t.text())))
		}
	}
	c.access(&ch, from, n)
	c.add(ch, n.kind)
}

// removed records a row that only the old side has; to is the added one that replaces it,
// if any.
func (c *comparison) removed(o, to *row) {
	ch := Change{Method: o.method, Path: o.path, From: o.text(), Position: o.pos, Evidence: o.servedAt()}
	the, t := verdict.Case{Revisions: !c.witnesses, Who: verdict.Nobody}, (*row)(nil)
	if to == nil && o.kind == openapi.Endpoint {
		the, t = c.answerer(o, c.newTable().Resolve(o.method, o.full))
	}
	out := c.answered(&ch, the, o, t)
	c.count(out, &ch, o.kind)
	switch {
	case to != nil:
		c.told(&ch, o, to) // whoever can call that has lost nothing
	case the.Who == verdict.NoEndpoint || the.Says != verdict.Stated && the.Says != verdict.Undeclared && out.Class == Removed:
		c.access(&ch, o, nil)
	default:
		c.access(&ch, o, t)
	}
	if out.Class != verdict.None {
		c.add(ch, o.kind)
	}
}

// answerer says what answers the requests of an old row on the new side, where that is not
// its own row there. Where a router may choose any of several rows, it is the one that the
// verdict is gravest of.
func (c *comparison) answerer(o *row, a catalogs.Answer) (verdict.Case, *row) {
	worst, by := verdict.Case{Revisions: !c.witnesses, Who: verdict.Nobody}, (*row)(nil)
	for _, r := range a.Rows {
		t := c.new[r.ID]
		the := c.caseOf(o, t)
		the.Hidden, the.Who = a.Own != nil, verdict.Another
		switch {
		case t.routed.GrantsNothing():
			the.Who = verdict.NoEndpoint
		case t.routed.Opaque():
			the.Who = verdict.Opaque
		}
		if by == nil || verdict.Graver(the, worst) || !verdict.Graver(worst, the) && c.weaker(by, t) {
			worst, by = the, t
		}
	}
	return worst, by
}

// answered judges who answers the requests of an old row, and completes its change.
func (c *comparison) answered(ch *Change, the verdict.Case, o, t *row) verdict.Outcome {
	out := verdict.Judge(the)
	ch.Class, ch.Rule = out.Class, out.Rule
	says := ""
	switch {
	case t == nil || out.Class == verdict.None:
		return out
	case the.Who == verdict.NoEndpoint:
		ch.Why = fmt.Sprintf("requests to it now reach %s, which serves no endpoint (%s)", t.path, t.routed.Answers)
		return out
	case out.Class == Removed && out.Rule == "endpoint-removed":
		return out
	case out.Rule == "unresolved" && the.Who == verdict.Opaque:
		says = "whose handler cannot be read"
	case out.Class == Unknown:
		says = "of which it is not known what it requires"
	case out.Class == Strengthened:
		says = "which requires more"
	default:
		says = "which requires " + shown(t.text())
	}
	ch.FallsTo = t.path
	if ch.Class != Removed {
		ch.To, ch.Position = t.text(), t.pos
		ch.Anonymous = the.Opened && ch.Class == Weakened
	}
	if ch.Class == Unknown {
		ch.To = text(perm.Unknown())
	}
	verb := "requests to it now reach %s, %s"
	switch {
	case the.Hidden:
		verb = "%s is registered before it and answers its requests, %s"
	case ch.Class == Strengthened:
		verb = "requests to it reach %s, %s"
	}
	ch.Why = fmt.Sprintf(verb, t.path, says)
	return out
}

// takesFrom returns a row of the old side that answered the requests of a new row, and
// that requires more.
func (c *comparison) takesFrom(n *row) *row {
	if n.kind != openapi.Endpoint || n.unstated || n.routed.GrantsNothing() {
		return nil
	}
	for _, r := range c.oldTable().Resolve(n.method, n.full).Rows {
		if t := c.old[r.ID]; t.key != n.key && !t.routed.GrantsNothing() && !c.apart(t, n) && c.weaker(t, n) {
			return t
		}
	}
	return nil
}

// apart reports whether one of two rows cannot be compared, as nobody knows what it requires.
func (c *comparison) apart(o, n *row) bool {
	return o.unstated || n.unstated || o.unreadable != nil || n.unreadable != nil || c.effect(o.req, n.req) == perm.Unverified
}

// shadowed records the rows of both sides whose requests the new side answers by another
// row, as where a router goes by the order of registration.
func (c *comparison) shadowed() {
	for _, o := range c.old {
		if o.kind != openapi.Endpoint || !o.matched || o.unreadable != nil {
			continue
		}
		a := c.newTable().Resolve(o.method, o.full)
		if !a.Shadowed() {
			continue
		}
		the, t := c.answerer(c.served(o), a)
		ch := Change{Method: o.method, Path: o.path, From: o.text(), Position: o.pos}
		if out := c.answered(&ch, the, o, t); out.Class != verdict.None {
			c.count(out, &ch, o.kind)
			c.add(ch, o.kind)
		}
	}
}

// served returns what answered an old row's requests on the old side of two revisions, where
// another row hid it there too: hidden rows are no change then.
func (c *comparison) served(o *row) *row {
	if c.witnesses {
		return o
	}
	a := c.oldTable().Resolve(o.method, o.full)
	if !a.Shadowed() {
		return o
	}
	out := o
	for i, r := range a.Rows {
		if t := c.old[r.ID]; i == 0 || c.weaker(out, t) {
			out = t
		}
	}
	return out
}

func (c *comparison) oldTable() *catalogs.Table { return tableOf(&c.oldRows, c.old) }
func (c *comparison) newTable() *catalogs.Table { return tableOf(&c.newRows, c.new) }

// tableOf makes the table of a side's endpoints, once.
func tableOf(t **catalogs.Table, rows []*row) *catalogs.Table {
	if *t == nil {
		*t = &catalogs.Table{}
		for i, r := range rows {
			if r.kind != openapi.Endpoint {
				continue
			}
			e := catalogs.Row{Method: r.method, Path: r.full, ID: i}
			if r.routed != nil {
				e.Path, e.Precedence, e.Seq = catalogs.WithoutBase(r.full), r.routed.Precedence, r.routed.Seq
			}
			(*t).Add(e)
		}
	}
	return *t
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

// add records a change. Webhooks and callbacks have a rule of their own.
func (c *comparison) add(ch Change, kind openapi.Kind) {
	if kind != openapi.Endpoint {
		ch.Rule = "webhook-changed"
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
