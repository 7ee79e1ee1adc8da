package gate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/report"
)

// Rule is the rule of what loosens the gate.
const Rule = "gate-loosened"

// loosened makes a finding. What is about one thing has one subject, whatever it says.
func loosened(subject string, at catalogs.Pos, format string, args ...any) *report.Finding {
	return &report.Finding{Rule: Rule, Subject: subject, Message: fmt.Sprintf(format, args...), Position: at}
}

// Loosened lists the ways in which a state is held to less than its base: what only the
// base reads, and what only the state excuses. Exists reports whether a file or folder of
// the base is there in the state too.
func Loosened(base, head *State, exists func(path string) bool) []*report.Finding {
	var out []*report.Finding
	at := catalogs.Pos{File: head.rel(head.Config.Path)}
	both, gone := pairs(base, head)
	for _, s := range gone {
		out = append(out, loosened("service "+cmp.Or(s.Name, "of the repository"), at, "service %s is checked in the base and no longer is", s.Name))
	}
	for _, p := range both {
		out = append(out, reads(base, head, p[0], p[1], exists, at)...)
	}
	out = append(out, excuses(base, head)...)
	out = append(out, settings(base.Config, head.Config, at)...)
	return out
}

// reads compares what two states of a service read.
func reads(base, head *State, b, h *Service, exists func(string) bool, at catalogs.Pos) []*report.Finding {
	var out []*report.Finding
	if b.Catalog != "" && h.Catalog == "" {
		out = append(out, loosened("catalog "+base.rel(b.Catalog), at, "the base holds %s against the catalog %s; here it has no catalog", title(h), base.rel(b.Catalog)))
	}
	for _, d := range b.Documents {
		if !slices.Contains(h.names(), d.File) && renamed(d, b, h) == nil {
			out = append(out, loosened("document "+d.File, at, "the base reads %s for %s, and nothing here replaces it", d.File, title(h)))
		}
	}
	for _, p := range b.Code {
		// Packages that moved are read where they are now.
		fresh := slices.ContainsFunc(h.Code, func(q string) bool { return !covered(q, b.Code) })
		if !covered(p, h.Code) && (exists(strings.TrimSuffix(strings.TrimSuffix(p, "..."), "/")) || !fresh) {
			out = append(out, loosened("code "+p, at, "the base reads the packages %s for %s; here they are not read", p, title(h)))
		}
	}
	if len(h.Owns) > 0 {
		for _, prefix := range b.Owns {
			if !slices.ContainsFunc(h.Owns, func(q string) bool { return q == prefix || strings.HasPrefix(prefix, strings.TrimSuffix(q, "/")+"/") }) {
				out = append(out, loosened("owns "+prefix, at, "%s must serve the rows below %s in the base, and need not here", title(h), prefix))
			}
		}
		if len(b.Owns) == 0 {
			out = append(out, loosened("owns", at, "%s must serve all rows of its catalog in the base; here only those below %s", title(h), strings.Join(h.Owns, ", ")))
		}
	}
	for _, f := range b.RecordFilters {
		if !slices.ContainsFunc(h.RecordFilters, func(g catalogs.RecordFilter) bool { return g.Object == f.Object }) {
			out = append(out, loosened("record-filters "+f.Object, at, "the base holds handlers that return %s to a record filter; here nothing does", f.Object))
		}
	}
	return out
}

func title(s *Service) string {
	if s.Name == "" {
		return "the repository"
	}
	return "service " + s.Name
}

// renamed returns the document of a state that has another name in the base, and most of
// its operations.
func renamed(d *openapi.Document, base, head *Service) *openapi.Document {
	keys := operations(d)
	var best *openapi.Document
	most := 0
	for _, e := range head.Documents {
		if slices.Contains(base.names(), e.File) {
			continue
		}
		n := 0
		for k := range operations(e) {
			if keys[k] {
				n++
			}
		}
		if 2*n >= len(keys) && n > most {
			best, most = e, n
		}
	}
	return best
}

func operations(d *openapi.Document) map[string]bool {
	out := map[string]bool{}
	for i := range d.Operations {
		if o := &d.Operations[i]; o.Kind == openapi.Endpoint {
			out[catalogs.EndpointKey(o.Method, o.Path)] = true
		}
	}
	return out
}

// excuses lists what only the state excuses.
func excuses(base, head *State) []*report.Finding {
	var out []*report.Finding
	old := map[string]bool{}
	for _, r := range base.Config.IgnoreRoutes {
		old[routeKey(r.Pattern)] = true
	}
	for _, r := range head.Config.IgnoreRoutes {
		if !old[routeKey(r.Pattern)] {
			out = append(out, loosened("ignore-routes "+r.Pattern, head.pos(r.Pos), "ignore-routes excuses %s, which the base does not", r.Pattern))
		}
	}
	type entry struct{ rule, endpoint, was, now string }
	known := map[entry]time.Time{}
	of := func(e report.KnownEntry) entry {
		return entry{e.Rule, report.SubjectKey(e.Endpoint), e.Was, e.Now}
	}
	for _, e := range base.Known {
		known[of(e)] = e.Until
	}
	for _, e := range head.Known {
		until, ok := known[of(e)]
		switch {
		case !ok:
			out = append(out, loosened("known "+e.Rule+" "+e.Endpoint, head.pos(e.Pos), "the known file accepts %s of %s, which the base does not: %s (%s)", e.Rule, e.Endpoint, e.Reason, e.Owner))
		case !until.IsZero() && (e.Until.IsZero() || e.Until.After(until)):
			out = append(out, loosened("known "+e.Rule+" "+e.Endpoint, head.pos(e.Pos), "the known file accepts %s of %s for longer than in the base, where it ends on %s", e.Rule, e.Endpoint, until.Format(time.DateOnly)))
		}
	}
	comments := map[Ignore]int{}
	for _, c := range base.Ignores {
		comments[Ignore{Rule: c.Rule, Reason: c.Reason}]++
	}
	for _, c := range head.Ignores {
		k := Ignore{Rule: c.Rule, Reason: c.Reason}
		if comments[k]--; comments[k] < 0 {
			out = append(out, loosened("comment "+c.Rule+" "+c.Reason, head.pos(c.Pos), "a comment ignores %s, which the base does not: %s", c.Rule, c.Reason))
		}
	}
	return out
}

// pos makes a position relative to the root.
func (s *State) pos(p catalogs.Pos) catalogs.Pos {
	p.File = s.rel(p.File)
	return p
}

// routeKey is a pattern of ignore-routes without the names of its parameters.
func routeKey(pattern string) string {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		return catalogs.EndpointKey("", pattern)
	}
	return catalogs.EndpointKey(strings.ToUpper(method), strings.TrimSpace(path))
}

// settings lists what the state's settings hide that those of the base show. Where the
// stricter of two settings can be taken, it is.
func settings(base, head *catalogs.Config, at catalogs.Pos) []*report.Finding {
	var out []*report.Finding
	add := func(subject, format string, args ...any) {
		out = append(out, loosened("openapi "+subject, at, format, args...))
	}
	b, h := base.OpenAPI, head.OpenAPI
	for _, holder := range slices.Sorted(maps.Keys(h.Implies)) {
		for _, implied := range h.Implies[holder] {
			if !slices.Contains(b.Implies[holder], implied) {
				add("implies "+holder, "%s implies %s here, and does not in the base", holder, implied)
			}
		}
	}
	if h.Scopes == "any" && b.Scopes != "any" {
		add("scopes", "any one scope of an alternative is enough here; the base asks for all")
	}
	if b.PermissionScheme != "" && h.PermissionScheme != b.PermissionScheme {
		add("permission-scheme", "the base reads permissions from the scheme %s, this configuration from %s", b.PermissionScheme, cmp.Or(h.PermissionScheme, "whichever has scopes"))
	}
	for _, name := range slices.Sorted(maps.Keys(b.PermissionExtensions)) {
		if shape := b.PermissionExtensions[name]; shape != "ignore" && h.PermissionExtensions[name] != shape {
			add("permission-extensions "+name, "the base reads permissions from %s as %s, this configuration as %s", name, shape, cmp.Or(h.PermissionExtensions[name], "nothing"))
		}
	}
	for _, r := range base.Routers {
		if !slices.ContainsFunc(head.Routers, func(o catalogs.RouterConfig) bool { return o.Name == r.Name }) {
			out = append(out, loosened("routers "+r.Name, at, "the base reads the routes of router %s; this configuration does not describe it", r.Name))
		}
	}
	for _, t := range base.RouteTables {
		if !slices.ContainsFunc(head.RouteTables, func(o catalogs.TableConfig) bool { return o.Type == t.Type }) {
			out = append(out, loosened("route-tables "+t.Type, at, "the base reads the route table %s; this configuration does not describe it", t.Type))
		}
	}
	return out
}
