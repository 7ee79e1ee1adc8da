package guards

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/verdict"
)

// Who answers whom: which rows of the catalog a route serves, and which routes answer the
// requests of a row. All of it is asked of [catalogs.Table].

// Spellings are the paths by which a catalog may list a route: the slash that a router adds
// to the root of a mounted router does not make another endpoint, nor does a base that is
// known only at run time.
func Spellings(path string) []string {
	out := []string{path}
	for _, p := range []string{strings.TrimSuffix(path, "/"), catalogs.WithoutBase(path)} {
		if p != "" && p != path {
			out = append(out, p)
		}
	}
	return out
}

// Rows returns the catalog's rows that a route serves: those of its own path, else the row
// for everything below a prefix that it is in. A route for any method serves the rows of
// every method of its path.
func (s *Settings) Rows(r *Route) []*catalogs.Endpoint {
	paths := Spellings(s.Path(r))
	for _, p := range paths {
		if rows := s.rowsAt(r.Method, p); len(rows) > 0 {
			return rows
		}
	}
	for _, p := range paths {
		if a := s.table.Resolve(r.Method, p); a.How == catalogs.ByTree {
			return s.endpoints(a.Rows)
		}
	}
	return nil
}

// Unverified reports whether a route was not compared with the catalog, which does not say
// what it requires.
func (s *Settings) Unverified(r *Route) bool {
	if s.Catalog == nil || r.Requires == nil || r.Requires.IsUnknown() {
		return false
	}
	return slices.ContainsFunc(s.Rows(r), func(e *catalogs.Endpoint) bool { return e.Requires != nil && e.Requires.IsUnknown() })
}

// Spelled returns the path by which the catalog lists a route; empty: it does not.
func (s *Settings) Spelled(r *Route) string {
	for _, p := range Spellings(s.Path(r)) {
		if rows := s.rowsAt(r.Method, p); len(rows) > 0 {
			return rows[0].Path
		}
	}
	return ""
}

// over returns the row whose parameter stands where a route that the catalog does not list
// has a literal: without the route, it would be asked.
func (s *Settings) over(r *Route) []*catalogs.Endpoint {
	for _, p := range Spellings(s.Path(r)) {
		if a := s.table.Resolve(r.Method, p); a.How == catalogs.ByParameter {
			return s.endpoints(a.Rows)
		}
	}
	return nil
}

func (s *Settings) endpoints(rows []*catalogs.Row) []*catalogs.Endpoint {
	var out []*catalogs.Endpoint
	for _, r := range rows {
		out = append(out, &s.Catalog.Endpoints[r.ID])
	}
	return out
}

// rowsAt returns the rows of a method and path, or of the path for any method. A route for any
// method serves all rows of its path but those of methods that have a route of their own.
func (s *Settings) rowsAt(method, path string) []*catalogs.Endpoint {
	if method == catalogs.AnyMethod {
		return s.endpoints(slices.DeleteFunc(slices.Clone(s.table.At(path)), func(r *catalogs.Row) bool {
			return r.Method != catalogs.AnyMethod && s.registered[catalogs.EndpointKey(r.Method, path)]
		}))
	}
	if own := s.table.Resolve(method, path).Own; own != nil {
		return s.endpoints([]*catalogs.Row{own})
	}
	return nil
}

// Know tells which routes are registered beside each other.
func (s *Settings) Know(list []*Route) {
	if s.registered == nil {
		s.registered = map[string]bool{}
	}
	for _, r := range list {
		for _, p := range Spellings(s.Path(r)) {
			s.registered[catalogs.EndpointKey(r.Method, p)] = true
		}
	}
}

// unlisted is what is wrong with a route that the catalog does not list.
func (s *Settings) unlisted(r *Route) Problem {
	subject := r.Method + " " + s.Path(r)
	if r.Requires == nil {
		return Problem{Rule: RuleUndeclared, Message: subject + " declares no permission, and the catalog does not have it"}
	}
	for _, row := range s.over(r) {
		if out, code := s.judge(row, r, verdict.Over, false); out.Rule == RuleTakesOver && !r.Routed().GrantsNothing() {
			return Problem{
				Rule: RuleTakesOver, Args: []string{row.Method, demanded(row).String(), code.String()}, Was: demanded(row).String(), Now: code.String(),
				Evidence: []string{"catalog: " + row.Pos.String()},
				Message:  fmt.Sprintf("%s demands %s and takes requests from %s, for which the catalog demands %s; the catalog does not have it", subject, code, row, demanded(row)),
			}
		}
	}
	return Problem{Rule: RuleNotInCatalog, Message: fmt.Sprintf("%s demands %s, but the catalog does not have it", subject, r.Requires)}
}

// Instead says what is wrong with a row of the catalog that no route is registered for, or
// that others hide: its requests are answered by the given routes, of which nobody knows
// which one wins if there are several, or by none. It returns nil where what answers
// demands what the row does.
func (s *Settings) Instead(e *catalogs.Endpoint, by []*Route, hidden bool) *Problem {
	if len(by) == 0 {
		return s.noRoute(e, "")
	}
	var worst *Problem
	for _, r := range by {
		if p := s.instead(e, r, hidden); p != nil && (worst == nil || gravity[p.Rule] > gravity[worst.Rule]) {
			worst = p
		}
	}
	return worst
}

// gravity orders what may be wrong where several routes may answer.
var gravity = map[string]int{RuleNoRoute: 1, RuleStricter: 2, RuleUnresolved: 3, RuleAnswered: 4}

// noRoute is a row that no route serves.
func (s *Settings) noRoute(e *catalogs.Endpoint, why string) *Problem {
	p := &Problem{
		Rule: RuleNoRoute, Row: e, Subject: e.String(), Message: fmt.Sprintf("no route serves %s", e),
		File: e.Pos.File, Line: e.Pos.Line, Column: e.Pos.Column,
	}
	if why != "" {
		p.Message += ": " + why
		p.Fix = "Register the endpoint, or remove the row if it is gone for good."
	}
	return p
}

// instead is [Settings.Instead] for one route.
func (s *Settings) instead(e *catalogs.Endpoint, r *Route, hidden bool) *Problem {
	subject, routed := r.Method+" "+s.Path(r), r.Routed()
	who := verdict.Another
	switch {
	case routed.GrantsNothing():
		who = verdict.NoEndpoint
	case routed.Opaque():
		who = verdict.Opaque
	}
	out, code := s.judge(e, r, who, hidden)
	p := Problem{Rule: out.Rule, Row: e, Subject: e.String(), Evidence: []string{"catalog: " + e.Pos.String()}}
	switch out.Rule {
	case "":
		return nil
	case RuleNoRoute:
		return s.noRoute(e, fmt.Sprintf("its requests reach %s, which answers %s", subject, says[routed.Answers]))
	case RuleUnresolved:
		why := "which demands what could not be read"
		switch {
		case routed.Opaque():
			why = "whose handler cannot be read"
		case r.Requires == nil:
			why = "where a guard cannot be read"
		}
		p.Args = []string{"answers", subject}
		p.Message = fmt.Sprintf("no route is registered for %s; its requests reach %s, %s", e, subject, why)
	default:
		want := demanded(e)
		p.Was = want.String()
		demands := "declares no permission"
		if r.Requires != nil {
			p.Now, demands = code.String(), "demands "+code.String()
		}
		p.Args = []string{subject, p.Was, p.Now}
		p.Message = fmt.Sprintf("%s is answered by %s, which %s; the catalog demands %s", e, subject, demands, want)
		if out.Rule == RuleStricter {
			p.Message = fmt.Sprintf("%s is answered by %s, which %s, more than the catalog's %s", e, subject, demands, want)
		}
	}
	p = s.about(r, p)
	return &p
}

// says is what a handler that serves no endpoint answers.
var says = map[string]string{
	catalogs.AnswersPage: "with a page or a file", catalogs.AnswersRefusal: "that there is nothing", catalogs.AnswersRedirect: "with a redirect",
}

// Routed is what is known of the way that requests take to the route; never nil. A guard that
// the configuration names asks for a key, whatever its body shows.
func (r *Route) Routed() *catalogs.Routed {
	answers := r.Answers
	if answers == catalogs.AnswersOpaque && !strings.HasSuffix(r.Path, "...}") {
		answers = "" // one path: whatever serves it, its guards decide who gets there
	}
	return &catalogs.Routed{
		Precedence: catalogs.ParsePrecedence(r.Precedence), Seq: r.Seq, Answers: answers,
		Asks: r.Asks || r.configured, MayAsk: r.MayAsk && !r.configured,
	}
}
