package guards

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/verdict"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// The rules that hold a route against the catalog. An analyzer reports one or more
// of them; the severity of each is the command line's table.
const (
	RuleUndeclared   = "undeclared"
	RuleUnknown      = "unknown-permission"
	RuleMismatch     = "mismatch"
	RuleStricter     = "stricter"
	RuleNotInCatalog = "route-not-in-catalog"
	RuleTakesOver    = "takes-over-stricter"

	// What no route serves: only the merged program reports these.
	RuleNoRoute  = "endpoint-without-route"
	RuleAnswered = "answered-by-weaker"

	RuleTooLate  = "guard-too-late"
	RuleDisagree = "declarations-disagree"

	RuleRecordFilter = "record-filter-missing"
	RuleCORS         = "cors-opened"

	// Of what could not be read; only the merged program reports it.
	RuleUnresolved = "unresolved"

	RuleIgnoreReason    = "ignore-without-reason"
	RuleIgnoreUnmatched = "ignore-unmatched"
)

// InCode lists the rules that are reported at lines of Go source, where a comment can
// ignore them.
var InCode = []string{
	RuleUndeclared, RuleUnknown, RuleMismatch, RuleStricter, RuleNotInCatalog, RuleTakesOver, RuleAnswered,
	RuleTooLate, RuleDisagree, RuleCORS, RuleRecordFilter, RuleUnresolved,
}

// A Problem is one thing that is wrong with a route.
type Problem struct {
	Rule     string
	Subject  string // "METHOD /path"
	Args     []string
	Message  string
	Evidence []string
	Was, Now string // what the catalog demands and what the code does, where these differ; else what tells problems apart
	Service  string // of the configuration, whose route or code it is; empty: no service's
	Fix      string // what to do next; empty: as for all of the rule
	// File, Line and Column are where to look: the route, or the guard.
	File         string
	Line, Column int
	// Route is where the route is registered, and Via the innermost call, in the
	// package that was analyzed, that led there.
	Route, Via Place
	Package    string // that registers the route
	// Of is the route that the problem is about, and Row the row of the catalog; nil: it is
	// about none.
	Of  *Route
	Row *catalogs.Endpoint
	// Wrong and Right are a permission that the catalog does not have, and the nearest
	// one that it has, if any is near and would not open the route wider than the
	// catalog says.
	Wrong, Right string
}

// Path returns the path that the catalog knows the route by.
func (s *Settings) Path(r *Route) string {
	return strings.TrimSuffix(s.Service.BasePath["code"], "/") + r.Path
}

// Owns reports whether this service must serve a row of its catalog.
func (s *Settings) Owns(path string) bool {
	for _, prefix := range s.Service.Owns {
		if path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/") {
			return true
		}
	}
	return len(s.Service.Owns) == 0
}

// Ignored reports whether the configuration excuses the route.
func (s *Settings) Ignored(r *Route) (*catalogs.IgnoredRoute, bool) {
	for i := range s.Config.IgnoreRoutes {
		ig := &s.Config.IgnoreRoutes[i]
		method, pattern := catalogs.AnyMethod, ig.Pattern
		if m, p, ok := strings.Cut(ig.Pattern, " "); ok {
			method, pattern = strings.ToUpper(m), strings.TrimSpace(p)
		}
		if method == "ANY" {
			method = catalogs.AnyMethod
		}
		if method != catalogs.AnyMethod && method != r.Method {
			continue
		}
		for _, path := range []string{r.Path, s.Path(r)} {
			if prefix, tree := strings.CutSuffix(pattern, "..."); tree {
				if strings.HasPrefix(path, prefix) || path+"/" == prefix {
					return ig, true
				}
			} else if slashless(path) == slashless(pattern) {
				return ig, true
			}
		}
	}
	return nil, false
}

// slashless is the identity of a path for excuses: as rows are matched, names of parameters
// and a slash at the end do not matter.
func slashless(path string) string {
	if len(path) > 1 {
		path = strings.TrimSuffix(path, "/")
	}
	return catalogs.EndpointKey("", path)
}

// Check holds a route against the catalog. Guards that were added to a router too late
// are reported where the route demands less than it must: a route may well be
// registered before the guards of others. A guard that stands after the handler is
// always a mistake.
func (s *Settings) Check(r *Route) []Problem {
	out := s.check(r)
	if s.Catalog == nil || len(r.TooLate) == 0 {
		return out
	}
	if _, ok := s.Ignored(r); ok {
		return out
	}
	var falls *Problem // the problem that the guard would have prevented
	for i := range out {
		if falls == nil && (out[i].Rule == RuleUndeclared || out[i].Rule == RuleMismatch) {
			falls = &out[i]
		}
	}
	var late []Problem
	for _, t := range r.TooLate {
		if falls != nil {
			where := fmt.Sprintf("line %d", t.Line)
			if t.File != r.File {
				where = fmt.Sprintf("%s:%d", filepath.Base(t.File), t.Line)
			}
			falls.Message += fmt.Sprintf("; %s at %s comes too late for it", short(t.Func), where)
		}
		p := Problem{
			Rule: RuleTooLate, Args: []string{t.Func}, File: t.File, Line: t.Line, Column: t.Column,
			Message: fmt.Sprintf("%s stands after the handler of %s %s and has no effect: %s runs them in their order", short(t.Func), r.Method, s.Path(r), r.Framework),
		}
		if !t.Own {
			// One finding a guard, whichever routes it misses.
			p.Subject = "guard " + short(t.Func)
			p.Message = fmt.Sprintf("%s is added too late: with %s it does not cover the routes registered before it", short(t.Func), r.Framework)
			p.Evidence = []string{fmt.Sprintf("route: %s %s, line %d", r.Method, s.Path(r), r.Line)}
		}
		if t.Own || falls != nil {
			late = append(late, s.about(r, p))
		}
	}
	return append(out, late...)
}

func (s *Settings) check(r *Route) []Problem {
	if s.Catalog == nil {
		return nil
	}
	if _, ok := s.Ignored(r); ok {
		return nil
	}
	at := func(p Problem) Problem { return s.about(r, p) }
	var out []Problem
	for _, u := range r.Strange {
		p := Problem{
			Rule: RuleUnknown, Args: []string{u.Permission}, File: u.File, Line: u.Line, Column: u.Column,
			Message: fmt.Sprintf("%s is given %s, which catalog %s does not have", short(u.Func), perm.Quote(perm.Permission(u.Permission)), s.Catalog.Name),
			Wrong:   u.Permission, Now: u.Permission,
		}
		if near := s.nearest(u.Permission); near != "" {
			p.Message += fmt.Sprintf("; did you mean %s?", perm.Quote(perm.Permission(near)))
			if s.mends(r, perm.Permission(u.Permission), perm.Permission(near)) {
				p.Right = near
			}
		}
		out = append(out, at(p))
	}
	for _, p := range s.disagree(r) {
		out = append(out, at(p))
	}
	rows := s.Rows(r)
	if len(rows) == 0 {
		return append(out, at(s.unlisted(r)))
	}
	for _, row := range rows {
		p, ok := s.against(r, row)
		// That it declares nothing is the same for each of them.
		if ok && !(r.Requires == nil && slices.ContainsFunc(out, func(q Problem) bool { return q.Rule == p.Rule })) {
			out = append(out, at(p))
		}
	}
	return out
}

// demanded is what a row requires; a row that does not say is not known.
func demanded(row *catalogs.Endpoint) perm.Requirement {
	if row.Requires == nil {
		return perm.Unknown()
	}
	return *row.Requires
}

// judge decides what a route, whose permissions are those of the catalog, makes of a row: as
// drift does for the other witnesses.
func (s *Settings) judge(row *catalogs.Endpoint, r *Route, who verdict.Who, hidden bool) (verdict.Outcome, perm.Requirement) {
	was, code, routed := demanded(row), perm.Public(), r.Routed()
	the := verdict.Case{Who: who, Hidden: hidden}
	switch {
	case r.Requires == nil && was.IsAuthenticated() && routed.Asks:
		the.Says = verdict.Asks
	case r.Requires == nil && was.IsAuthenticated() && routed.MayAsk:
		the.Says = verdict.MayAsk
	case r.Requires == nil:
		the.Says = verdict.Undeclared
	case r.Requires.IsUnknown() || len(r.Strange) > 0:
		code, the.Says = perm.Unknown(), verdict.NewUnknown
	default:
		code, _ = s.Catalog.CanonicalRequirement(*r.Requires)
	}
	the.Effect = s.implies.Compare(was, code)
	out := verdict.Judge(the)
	out.Rule = verdict.InCode(out.Rule)
	return out, code
}

// against compares what a route requires with a row that it serves.
func (s *Settings) against(r *Route, row *catalogs.Endpoint) (Problem, bool) {
	subject := r.Method + " " + s.Path(r)
	out, code := s.judge(row, r, verdict.Own, false)
	want := demanded(row)
	p := Problem{Rule: out.Rule, Row: row, Evidence: []string{"catalog: " + row.Pos.String()}}
	switch {
	case out.Class == verdict.None:
		return p, false
	case out.Rule == RuleUnresolved:
		p.Args = []string{"asks"}
		p.Message = fmt.Sprintf("whether %s asks for a key is not known: a guard on its way cannot be read; name it under guards in .permcheck.yaml with requires: authenticated", subject)
		return p, true
	case out.Rule == RuleUndeclared:
		what := fmt.Sprintf("the catalog demands %s", want)
		if want.IsUnknown() {
			what = "the catalog does not say what it requires"
		}
		p.Message = fmt.Sprintf("%s declares no permission; %s", subject, what)
		return p, true
	}
	p.Was, p.Now = want.String(), code.String()
	p.Args = []string{row.Method, p.Was, p.Now}
	switch out.Class {
	case verdict.Strengthened:
		p.Message = fmt.Sprintf("%s demands %s, more than the catalog's %s", subject, code, want)
	case verdict.Weakened:
		p.Message = fmt.Sprintf("%s demands %s, less than the catalog's %s", subject, code, want)
	default:
		p.Message = fmt.Sprintf("%s demands %s, the catalog %s", subject, code, want)
	}
	return p, true
}

// disagree compares what is said of a route with what its code demands, or else with
// what is said first.
func (s *Settings) disagree(r *Route) []Problem {
	var out []Problem
	said, is, does := r.Declared, r.Enforced, "the code demands"
	if is == nil && len(said) > 0 && len(r.Unread) == 0 {
		is, does = &said[0].Requires, said[0].Source+" says"
		said = said[1:]
	}
	if is == nil {
		return nil
	}
	want, odd := s.Catalog.CanonicalRequirement(*is)
	if len(odd) > 0 {
		return nil // reported as unknown permissions
	}
	for _, d := range said {
		got, strange := s.Catalog.CanonicalRequirement(d.Requires)
		if len(strange) > 0 {
			if r.Enforced != nil {
				// It was not taken for the route's requirement, so nothing else reports it.
				out = append(out, Problem{
					Rule: RuleDisagree, Args: []string{d.Source}, Was: want.String(), Now: got.String(),
					Message: fmt.Sprintf("%s of %s %s says %s, which catalog %s does not have; %s %s", d.Source, r.Method, s.Path(r), got, s.Catalog.Name, does, want),
				})
			}
			continue
		}
		if !got.IsUnknown() && s.implies.Compare(want, got) != perm.Same {
			out = append(out, Problem{
				Rule: RuleDisagree, Args: []string{d.Source}, Was: want.String(), Now: got.String(),
				Message: fmt.Sprintf("%s of %s %s says %s, but %s %s", d.Source, r.Method, s.Path(r), got, does, want),
			})
		}
	}
	return out
}

// about completes a problem of a route. Without a place of its own it is at the
// registration.
func (s *Settings) about(r *Route, p Problem) Problem {
	if p.Subject == "" {
		p.Subject = r.Method + " " + s.Path(r)
	}
	p.Service, p.Of = s.Service.Name, r
	p.Route, p.Via, p.Package = Place{r.File, r.Line, r.Column}, Place{r.ViaFile, r.ViaLine, r.ViaColumn}, r.Package
	if p.File == "" {
		p.File, p.Line, p.Column = r.File, r.Line, r.Column
	}
	return p
}

// At is a problem of the given rule at the route, without a message.
func (s *Settings) At(r *Route, rule string) Problem { return s.about(r, Problem{Rule: rule}) }

// Unresolved are the guards of a route that could not be read, as problems.
func (s *Settings) Unresolved(r *Route) []Problem {
	var out []Problem
	for _, u := range r.Unread {
		out = append(out, s.about(r, Problem{
			Rule: RuleUnresolved, Args: []string{u.Reason}, Now: u.Reason,
			Message: fmt.Sprintf("the permission of %s %s is not known: %s", r.Method, s.Path(r), u.Reason),
			File:    u.File, Line: u.Line, Column: u.Column,
		}))
	}
	return out
}

// UnreadRegistration is a registration that could not be read, as a problem.
func UnreadRegistration(u routes.Unresolved) Problem {
	return Problem{
		Rule: RuleUnresolved, Subject: "registration", Args: []string{u.File, u.Reason}, Was: u.File, Now: u.Reason,
		Message: "a registration could not be read: " + u.Reason,
		File:    u.File, Line: u.Line, Column: u.Column,
	}
}

// mends reports whether a route that demands right in place of wrong demands at least
// what the catalog says. It is not known to where the catalog does not say.
func (s *Settings) mends(r *Route, wrong, right perm.Permission) bool {
	if r.Requires == nil || r.Requires.IsUnknown() {
		return false
	}
	var clauses []perm.Set
	for _, cl := range r.Requires.Clauses() {
		ids := slices.Clone(cl)
		for i, p := range ids {
			if p == wrong {
				ids[i] = right
			}
		}
		clauses = append(clauses, perm.NewSet(ids...))
	}
	mended, _ := s.Catalog.CanonicalRequirement(perm.FromClauses(clauses...))
	rows := s.Rows(r)
	for _, row := range rows {
		if row.Requires == nil || row.Requires.IsUnknown() {
			return false
		}
		if effect := s.implies.Compare(*row.Requires, mended); effect != perm.Same && effect != perm.Narrows {
			return false
		}
	}
	return len(rows) > 0
}

// nearest returns the catalog's permission whose spelling is nearest, or else the
// alias.
func (s *Settings) nearest(p string) string {
	var ids, all []string
	for spelled, id := range s.vocab {
		all = append(all, string(spelled))
		if spelled == id { // an alias that differs in case only is as near
			ids = append(ids, string(id))
		}
	}
	if near := strictyaml.Nearest(p, ids); near != "" {
		return near
	}
	return strictyaml.Nearest(p, all)
}

// short drops the folder of a function's import path.
func short(name string) string {
	prefix := ""
	rest := name
	for strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "*") {
		prefix, rest = prefix+rest[:1], rest[1:]
	}
	return prefix + rest[strings.LastIndexByte(rest, '/')+1:]
}

// Short returns a function's name without the folder of its import path.
func Short(name string) string { return short(name) }
