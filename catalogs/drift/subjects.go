package drift

import (
	"fmt"
	"slices"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/verdict"
)

// subjects compares what two catalogs hold besides endpoints. The law is the same:
// each subject has a requirement, and showing more than before is a weakening.
// Without a rule a subject adds nothing to its endpoint's requirement: TRUE.
func (c *comparison) subjects(from, to *catalogs.Catalog) {
	c.fields(from, to)
	c.listed(from, to)
	c.sharing(from, to)
	c.browsers(from, to)
	c.credentials(from, to)
}

// A demand is what a subject requires on one side; nil: no rule.
type demand struct {
	req  *perm.Requirement
	text string // as shown; empty: the requirement's own text
	pos  catalogs.Pos
}

func (d demand) requirement() perm.Requirement {
	if d.req == nil {
		return perm.Public()
	}
	return *d.req
}

func (d demand) shown() *string {
	if d.req == nil {
		return nil
	}
	if d.text != "" {
		return &d.text
	}
	return text(*d.req)
}

// subject compares the demands of one subject and records what changed.
func (c *comparison) subject(method, path string, o, n demand, widened, narrowed string) {
	ch := Change{Method: method, Path: path, From: o.shown(), To: n.shown(), Position: n.pos}
	if !ch.Position.IsValid() {
		ch.Position = o.pos
	}
	switch c.effect(o.requirement(), n.requirement()) {
	case perm.Widens:
		ch.Class, ch.Why = Weakened, widened
	case perm.Narrows:
		ch.Class, ch.Why = Strengthened, narrowed
	case perm.Incomparable:
		ch.Class, ch.Why = Incomparable, "some gain and others lose"
	case perm.Unverified:
		c.result.Summary.Unverified++
		return
	default:
		return
	}
	ch.Rule = verdict.Judge(verdict.Case{Revisions: true, Effect: c.effect(o.requirement(), n.requirement())}).Rule
	c.fieldAccess(&ch, o.requirement(), n.requirement())
	c.add(ch, openapi.Endpoint)
}

// fields compares the rules of fields. A field without a rule of its own follows
// that of "*".
func (c *comparison) fields(from, to *catalogs.Catalog) {
	type name struct{ object, field string }
	rules := func(cat *catalogs.Catalog, rename func(perm.Requirement) perm.Requirement) map[name]demand {
		m := map[name]demand{}
		for _, f := range cat.Fields {
			r := perm.Public()
			if f.Requires != nil {
				r = rename(*f.Requires)
			}
			if f.NeedsListed != "" {
				// And cannot grow a formula by a single permission.
				r, _ = r.And(perm.All(listedOn(f.NeedsListed, f.Name)))
			}
			m[name{f.Object, f.Name}] = demand{req: &r, pos: f.Pos}
		}
		return m
	}
	old, now := rules(from, c.oldRename), rules(to, c.newRename)
	effective := func(m map[name]demand, n name) demand {
		d, ok := m[n]
		if !ok {
			d = m[name{n.object, "*"}]
		}
		return d
	}
	all := map[name]bool{}
	for n := range old {
		all[n] = true
	}
	for n := range now {
		all[n] = true
	}
	for n := range all {
		c.subject("", "field:"+n.object+"."+n.field, effective(old, n), effective(now, n),
			"more callers see the field now", "fewer callers see the field now")
	}
}

// listedOn is the word for being on an allow list.
func listedOn(list, attribute string) perm.Permission {
	if attribute == "*" {
		return perm.Permission("listed:" + list)
	}
	return perm.Permission("listed:" + list + ":" + attribute)
}

// listed compares what allow lists do to endpoints and which attributes are shown
// without being listed.
func (c *comparison) listed(from, to *catalogs.Catalog) {
	old := map[string]*catalogs.Endpoint{}
	for i := range from.Endpoints {
		e := &from.Endpoints[i]
		old[key(e.Method, e.Path)] = e
	}
	for i := range to.Endpoints {
		n := &to.Endpoints[i]
		o := old[key(n.Method, n.Path)]
		if o == nil {
			continue
		}
		ask := func(e, other *catalogs.Endpoint) demand {
			var ps []perm.Permission
			for list, attribute := range e.NeedsListed {
				ps = append(ps, listedOn(list, attribute))
			}
			for _, list := range other.Ignores {
				if !slices.Contains(e.Ignores, list) {
					ps = append(ps, perm.Permission("applies:"+list))
				}
			}
			if len(ps) == 0 {
				return demand{pos: e.Pos}
			}
			r := perm.All(ps...)
			return demand{req: &r, pos: e.Pos}
		}
		c.subject(n.Method, n.Path, ask(o, n), ask(n, o),
			"an allow list no longer restricts it", "an allow list restricts it now")
	}
	always := func(cat *catalogs.Catalog) map[string]*catalogs.AllowList {
		m := map[string]*catalogs.AllowList{}
		for i := range cat.AllowLists {
			m[cat.AllowLists[i].Name] = &cat.AllowLists[i]
		}
		return m
	}
	before, after := always(from), always(to)
	for name, o := range before {
		n := after[name]
		if n == nil {
			continue // the fields that needed it are compared as fields
		}
		ask := func(l *catalogs.AllowList, attribute string) demand {
			if slices.Contains(l.Always, attribute) {
				return demand{pos: l.Pos}
			}
			r := perm.All(listedOn(name, "*"))
			return demand{req: &r, pos: l.Pos}
		}
		attributes := append(slices.Clone(o.Always), n.Always...)
		slices.Sort(attributes)
		for _, a := range slices.Compact(attributes) {
			c.subject("", "field:"+n.Of+"."+a, ask(o, a), ask(n, a),
				"it is shown without being listed now", "it is shown only when listed now")
		}
	}
}

// sharing compares which rows are shown: by sharing option and by permission. More
// conditions show fewer rows.
func (c *comparison) sharing(from, to *catalogs.Catalog) {
	records := func(cat *catalogs.Catalog) map[string]*catalogs.Record {
		m := map[string]*catalogs.Record{}
		for i := range cat.Records {
			m[cat.Records[i].Object] = &cat.Records[i]
		}
		return m
	}
	before, after := records(from), records(to)
	const (
		more  = "more rows are shown now"
		fewer = "fewer rows are shown now"
	)
	for object := range merged(before, after) {
		o, n := before[object], after[object]
		none := &catalogs.Record{}
		if o != nil && n != nil { // else the object has no rules on one side, which is told by its options
			c.subject("", "sharing:"+object+":outside", outcome(o.Outside, o.Pos), outcome(n.Outside, n.Pos),
				"a key may write rows now that it does not see afterwards", "a write whose result the key does not see is refused now")
			c.subject("", "sharing:"+object+":part-of", partOf(o), partOf(n),
				"rows are no longer hidden with what they are parts of", "rows are hidden now with what they are parts of")
		}
		if o == nil {
			o = none
		}
		if n == nil {
			n = none
		}
		oldOptions, newOptions := options(o.Sharing), options(n.Sharing)
		for name := range merged(oldOptions, newOptions) {
			path := "sharing:" + object + "." + name
			was, had := oldOptions[name]
			is, has := newOptions[name]
			switch {
			case had && has:
				c.subject("", path, was, is, more, fewer)
			case has && len(o.Sharing) > 0:
				c.add(Change{Path: path, Class: Added, Rule: "endpoint-added", To: is.shown(), Position: is.pos, Why: "a key can be given this option now"}, openapi.Endpoint)
			case had && len(n.Sharing) > 0:
				c.add(Change{Path: path, Class: Removed, Rule: "endpoint-removed", From: was.shown(), Position: was.pos, Why: "no key can be given this option any more"}, openapi.Endpoint)
			default: // the object has no options on one side: every row is shown there
				c.subject("", path, was, is, more, fewer)
			}
		}
		oldGrants, newGrants := options(o.Grants), options(n.Grants)
		nobody := perm.Nobody()
		for name := range merged(oldGrants, newGrants) {
			was, had := oldGrants[name]
			is, has := newGrants[name]
			// Beside other permissions, one without a rule reveals nothing.
			if !had && len(o.Grants) > 0 {
				was = demand{req: &nobody, text: "no row"}
			}
			if !has && len(n.Grants) > 0 {
				is = demand{req: &nobody, text: "no row", pos: was.pos}
			}
			c.subject("", "sharing:"+object+"."+name, was, is, more, fewer)
		}
	}
}

// partOf is what the rows of a rule are hidden with, as a demand.
func partOf(rec *catalogs.Record) demand {
	r := perm.All(perm.Permission("a " + rec.PartOf + " that is shown"))
	switch rec.PartOf {
	case "":
		return demand{}
	case catalogs.NotKnown:
		r = perm.Unknown()
	}
	return demand{req: &r, text: rec.PartOf, pos: rec.Pos}
}

// options returns the conditions of each option as a demand; one of which nobody knows what a
// condition does is unknown.
func options(list []catalogs.Option) map[string]demand {
	m := map[string]demand{}
	for _, o := range list {
		ps := make([]perm.Permission, len(o.Conditions))
		for i, cond := range o.Conditions {
			op := "="
			if cond.Not {
				op = "!="
			}
			ps[i] = perm.Permission(fmt.Sprintf("%s %s %s", cond.Attribute, op, cond.Value))
		}
		r, shown := perm.Public(), "every row"
		if len(ps) > 0 {
			r = perm.All(ps...)
			shown = r.String()
		}
		if slices.ContainsFunc(o.Conditions, catalogs.Condition.Open) {
			r = perm.Unknown()
		}
		m[o.Name] = demand{req: &r, text: shown, pos: o.Pos}
	}
	return m
}

func merged[V any](a, b map[string]V) map[string]bool {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return all
}

// browsers compares whether pages of other origins may call the API.
func (c *comparison) browsers(from, to *catalogs.Catalog) {
	ask := func(b catalogs.Browsers) demand {
		var r perm.Requirement
		switch b {
		case catalogs.BrowsersBlocked:
			r = perm.Nobody()
		case catalogs.BrowsersAllowed:
			r = perm.Public()
		case "":
			return demand{}
		default:
			r = perm.Unknown()
		}
		return demand{req: &r, text: string(b)}
	}
	o, n := ask(from.Browsers), ask(to.Browsers)
	n.pos = catalogs.Pos{File: to.File, Line: 1}
	c.subject("", "browser:cors", o, n,
		"web pages of other origins are no longer kept from calling the API", "web pages of other origins are blocked now")
}

// credentials compares the life of a key: what keeps working that should not.
func (c *comparison) credentials(from, to *catalogs.Catalog) {
	o, n := &from.Credentials, &to.Credentials
	state := outcome
	for name := range merged(o.States, n.States) {
		c.subject("", "credential:state."+name, state(o.States[name], o.Pos), state(n.States[name], n.Pos),
			"a key in this state works now", "a key in this state is refused now")
	}
	for name := range merged(o.Actions, n.Actions) {
		leads := func(cr *catalogs.Credentials) demand {
			target, ok := cr.Actions[name]
			if !ok {
				return demand{}
			}
			if word, ok := cr.States[target]; ok {
				d := state(word, cr.Pos)
				d.text = target
				return d
			}
			// "new-secret": the old secret is refused.
			r := perm.Nobody()
			return demand{req: &r, text: target, pos: cr.Pos}
		}
		c.subject("", "credential:action."+name, leads(o), leads(n),
			"the key works on after this action", "the key is refused after this action now")
	}
	// Each way but "at-once" lets a key use what was taken from it for a while.
	stale := func(word string, pos catalogs.Pos) demand {
		var r perm.Requirement
		switch word {
		case "":
			return demand{}
		case "at-once":
			r = perm.Nobody()
		case "unknown":
			r = perm.Unknown()
		default:
			r = perm.All(perm.Permission(word))
		}
		return demand{req: &r, text: word, pos: pos}
	}
	c.subject("", "credential:grants-change", stale(o.GrantsChange, o.Pos), stale(n.GrantsChange, n.Pos),
		"a removed grant keeps working for a while", "a removed grant stops working at once")
	place := func(word string, pos catalogs.Pos) demand {
		if word == "" {
			return demand{}
		}
		r := perm.All(perm.Permission(word))
		if word == "any" {
			r = perm.Public()
		}
		return demand{req: &r, text: word, pos: pos}
	}
	c.subject("", "credential:sent-in", place(o.SentIn, o.Pos), place(n.SentIn, n.Pos),
		"a credential is taken from more places", "a credential is taken from fewer places")
	c.subject("", "credential:scheme", place(o.Scheme, o.Pos), place(n.Scheme, n.Pos),
		"a credential is taken under more schemes", "a credential is taken under one scheme")
	if lives(o) && lives(n) {
		// What takes longer allows what something shorter does. Where nothing is stated a change
		// is in force at once.
		longest := max(o.Within, n.Within)
		bound := func(cr *catalogs.Credentials) demand {
			r, shown := perm.Public(), cr.Within.String()
			if cr.Within < longest {
				r = perm.All("sooner")
			}
			if cr.Within == 0 {
				shown = "at once"
			}
			return demand{req: &r, text: shown, pos: cr.Pos}
		}
		c.subject("", "credential:within", bound(o), bound(n),
			"a key that has ended, or lost a grant, may be admitted for longer", "a change of a key is in force sooner")
	}
	c.subject("", "credential:live-tokens", state(o.LiveTokens, o.Pos), state(n.LiveTokens, n.Pos),
		"tokens that were issued work on", "tokens that were issued stop")
}

// outcome is what a word of the catalog lets happen: to a key in a state, to a write whose
// result cannot be seen. A state that is gone refuses too.
func outcome(word string, pos catalogs.Pos) demand {
	var r perm.Requirement
	switch word {
	case "":
		return demand{}
	case "admitted":
		r = perm.Public()
	case "refused", "gone":
		r = perm.Nobody()
	default:
		r = perm.Unknown()
	}
	return demand{req: &r, text: word, pos: pos}
}

// lives reports whether a catalog says anything of how keys change.
func lives(cr *catalogs.Credentials) bool {
	return cr.GrantsChange != "" || len(cr.States)+len(cr.Actions) > 0 || cr.Within != 0
}
