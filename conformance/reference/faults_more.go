package reference

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// Which routes a fault can be planted on.
var (
	anyRoute      = func(*Server, *route) bool { return true }
	anyGuarded    = func(s *Server, rt *route) bool { return s.asksForPermission(rt) || rt.need.open == openToKeys }
	anyGuardedGet = func(s *Server, rt *route) bool { return rt.row.Method == "GET" && anyGuarded(s, rt) }
	anyRead       = func(_ *Server, rt *route) bool { return rt.row.Method == "GET" && rt.need.open != openToNone }
	oneRow        = func(_ *Server, rt *route) bool { return rt.kind == kindObjects && rt.param != "" }
	scopedList    = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.reads(rt.row.Method) && !rt.aboutOne && rt.objects.scopedSomehow()
	}
	scopedOne = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.reads(rt.row.Method) && rt.aboutOne && rt.param != "" && rt.objects.rules.scoped()
	}
	scopedWrite = func(_ *Server, rt *route) bool {
		return (rt.kind == kindObjects || rt.kind == kindAction) && !rt.reads(rt.row.Method) && rt.param != "" && rt.objects.rules.scoped()
	}
	scopedUpdate = func(s *Server, rt *route) bool {
		return scopedWrite(s, rt) && rt.row.Method != "DELETE" && rt.kind != kindAction
	}
	scopedCreate = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.row.Method == "POST" && !rt.reads("POST") && rt.param == "" && len(rt.objects.rules.sharing) > 0
	}
	scopedRelation = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.reads(rt.row.Method) && !rt.aboutOne &&
			slices.ContainsFunc(rt.objects.refs, func(r ref) bool { return r.to.rules.scoped() && !r.owner })
	}
	shownRelation = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.reads(rt.row.Method) &&
			slices.ContainsFunc(rt.objects.refs, func(r ref) bool { return r.to.rules.scoped() && !r.owner })
	}
	guardedRead = func(_ *Server, rt *route) bool {
		return rt.kind == kindObjects && rt.reads(rt.row.Method) && rt.need.open != openToNone && rt.objects.rules.guarded() && rt.data
	}
	guardedList  = func(s *Server, rt *route) bool { return guardedRead(s, rt) && !rt.aboutOne }
	guardedWrite = func(_ *Server, rt *route) bool {
		return (rt.kind == kindObjects || rt.kind == kindAction) && !rt.reads(rt.row.Method) && rt.row.Method != "DELETE" && rt.objects.rules.guarded()
	}
)

// scopedSomehow reports whether rows may be hidden by a rule of their own or of what they
// are a part of.
func (c *collection) scopedSomehow() bool {
	return c.rules.scoped() || slices.ContainsFunc(c.refs, func(r ref) bool { return r.owner && r.to.rules.scoped() })
}

// validIfRefused is the touch of faults that admit any valid key.
func validIfRefused(s *Server, rt *route, who Caller, grant []perm.Permission) bool {
	return who == Valid && s.refuses(rt, who, grant)
}

// alsoAdmits plants: a valid key that holds enough for another route is admitted.
func alsoAdmits(p *planted, s *Server, other *route) bool {
	p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
		return right || who == Valid && other.need.admits(s.vocab.holdings(grant))
	}
	return true
}

// enclosing returns the route that reads the object that a route's path goes through.
func (s *Server) enclosing(rt *route) *route {
	for n := len(rt.pattern.segs) - 1; n > 0; n-- {
		for _, other := range s.routes {
			if other.row.Method == "GET" && len(other.pattern.segs) == n && other.pattern.home(n) == rt.pattern.home(n) &&
				s.asksForPermission(other) && s.asksForPermission(rt) && !sameNeed(other.need, rt.need) {
				return other
			}
		}
	}
	return nil
}

func sameNeed(a, b need) bool {
	return a.open == b.open && slices.EqualFunc(a.alternatives, b.alternatives, slices.Equal)
}

// sibling returns the route with the same method and path but for the first segment: another
// version of the API.
func (s *Server) sibling(rt *route) *route {
	tail := func(p pattern) string {
		h := p.home(len(p.segs))
		if i := strings.IndexByte(h[1:], '/'); i >= 0 {
			return h[i+1:]
		}
		return ""
	}
	first := func(p pattern) string { return p.segs[0].lits[0] }
	isVersion := func(s string) bool { return len(s) == 2 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' }
	for _, other := range s.routes {
		if other != rt && other.row.Method == rt.row.Method && tail(other.pattern) == tail(rt.pattern) &&
			isVersion(first(rt.pattern)) && isVersion(first(other.pattern)) && first(other.pattern) < first(rt.pattern) {
			return other
		}
	}
	return nil
}

// admitsValid plants: every valid key is admitted.
func admitsValid(_ *Server, p *planted) bool {
	p.decide = func(_ *route, who Caller, _ []perm.Permission, right bool) bool { return right || who == Valid }
	return true
}

var moreOperationFaults = []Fault{
	{
		Name: "parent-opens-children", Numbers: []string{"5"}, Aspect: Operations, Check: "over-grant",
		What:  "one route below an object is opened by the permission to read that object",
		suits: func(s *Server, rt *route) bool { return s.enclosing(rt) != nil },
		plant: func(s *Server, p *planted) bool { return alsoAdmits(p, s, s.enclosing(p.route)) },
	},
	{
		Name: "substring-match", Numbers: []string{"7"}, Aspect: Operations, Check: "over-grant",
		What: "a permission counts as every other whose name it contains",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				held := make([]perm.Permission, 0, len(h))
				for q := range h {
					held = append(held, q)
				}
				for _, id := range s.vocab.ids {
					h[id] = h[id] || slices.ContainsFunc(held, func(q perm.Permission) bool { return strings.Contains(string(q), string(id)) })
				}
			})
		},
	},
	{
		Name: "unlisted-version-served", Numbers: []string{"11", "12"}, Aspect: Operations, Check: "unlisted-version",
		What: "paths below /v0, /v3 and /internal that no route has are served as those of /v1, to anybody",
		anywhere: func(s *Server, rt *route) bool {
			first := rt.pattern.segs[0].lits[0] // a later version's neighbours are served so, too
			return anyGuarded(s, rt) && rt.row.Method == "GET" && (first == firstVersion || first == "v2")
		},
	},
	{
		Name: "unlisted-method-served", Numbers: []string{"11", "13"}, Aspect: Operations, Check: "unlisted-method",
		What:     "PUT is served as PATCH where only that has a route, to anybody",
		anywhere: func(_ *Server, rt *route) bool { return rt.kind == kindObjects && rt.param != "" },
	},
	{
		Name: "router-folds-case", Numbers: []string{"8"}, Aspect: Routing, What: "the router takes a path in upper case, the guard has no rule for it",
		anywhere: anyGuarded,
	},
	{
		Name: "second-version-unguarded", Numbers: []string{"12"}, Aspect: Operations, Check: "over-grant",
		What:  "one route of a later version asks for a valid key and no permission",
		suits: func(s *Server, rt *route) bool { return s.asksForPermission(rt) && s.sibling(rt) != nil },
		plant: admitsValid,
	},
	{
		Name: "alias-method-unguarded", Numbers: []string{"13"}, Aspect: Operations, Check: "over-grant",
		What: "PATCH does what PUT does and is not guarded as PUT is",
		suits: func(s *Server, rt *route) bool {
			return rt.row.Method == "PATCH" && s.asksForPermission(rt) && s.routeOf("PUT", rt.row.Path) != nil
		},
		plant: admitsValid,
	},
	{
		Name: "read-needs-write", Numbers: []string{"18"}, Aspect: Operations, Check: "under-grant",
		What:  "one route that reads asks for the permission to write",
		suits: func(s *Server, rt *route) bool { return rt.row.Method == "GET" && s.writeOf(rt) != "" },
		plant: func(s *Server, p *planted) bool {
			write := s.writeOf(p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
				return right && who == Valid && s.vocab.holdings(grant)[write]
			}
			return true
		},
	},
	{
		Name: "more-grants-see-less", Numbers: []string{"19"}, Aspect: Operations, Check: "under-grant",
		What:  "one route is closed to keys that hold another permission besides",
		suits: func(s *Server, rt *route) bool { return s.stranger(rt) != "" },
		plant: func(s *Server, p *planted) bool {
			other := s.stranger(p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
				return right && !(who == Valid && s.vocab.holdings(grant)[other])
			}
			return true
		},
	},
}

// writeOf returns a permission that a write to the same objects asks for.
func (s *Server) writeOf(rt *route) perm.Permission {
	if !s.asksForPermission(rt) {
		return ""
	}
	for _, other := range s.routes {
		if other.objects != rt.objects || other.reads(other.row.Method) {
			continue
		}
		for _, all := range other.need.alternatives {
			for _, p := range all {
				if !s.holdingsOfAlternatives(rt)[p] {
					return p
				}
			}
		}
	}
	return ""
}

var seenFaults = []Fault{
	{
		Name: "more-grants-see-fewer-records", Numbers: []string{"19"}, Aspect: Operations, What: "one list leaves a row out for keys that hold another permission besides",
		suits: func(s *Server, rt *route) bool {
			return rt.kind == kindObjects && rt.data && rt.row.Method == "GET" && !rt.aboutOne && !rt.objects.scopedSomehow() && s.stranger(rt) != ""
		},
	},
}

var grantFaults = []Fault{
	{Name: "key-mints-stronger", Numbers: []string{"20"}, Aspect: Grants, What: "a key may make keys that hold more than it does", suits: keysRoute("POST", "")},
	{Name: "key-edits-itself", Numbers: []string{"21"}, Aspect: Grants, What: "a key may change its own grants", suits: keysRoute("PATCH", "")},
	{Name: "key-edits-stronger", Numbers: []string{"20"}, Aspect: Grants, What: "a key may give other keys more than it holds", suits: keysRoute("PATCH", "")},
	{
		Name: "mass-assignment-on-create", Numbers: []string{"22"}, Aspect: Grants, What: "a create takes fields that its sender may not write",
		suits: func(_ *Server, rt *route) bool {
			return rt.kind == kindObjects && rt.row.Method == "POST" && !rt.reads("POST") && rt.param == "" &&
				(len(rt.objects.rules.fields) > 0 || len(rt.objects.rules.ours()) > 0)
		},
	},
	{
		Name: "mass-assignment-on-update", Numbers: []string{"23"}, Aspect: Grants, What: "an update takes fields that its sender may not write",
		suits: func(s *Server, rt *route) bool {
			return rt.kind == kindObjects && (rt.row.Method == "PATCH" || rt.row.Method == "PUT") && rt.param != "" &&
				(len(rt.objects.rules.fields) > 0 || len(rt.objects.rules.ours()) > 0)
		},
	},
	{Name: "impersonation-header", Numbers: []string{"24"}, Aspect: Grants, What: "X-Impersonate, X-User-Id and On-Behalf-Of name the key to act as", anywhere: anyGuarded},
	{Name: "role-header-trusted", Numbers: []string{"25"}, Aspect: Grants, What: "X-Role: admin or ?role=admin makes any key one that holds everything", anywhere: anyGuarded},
	{
		Name: "key-management-open", Numbers: []string{"26"}, Aspect: Grants, Check: "over-grant", What: "every valid key may manage keys",
		anywhere: func(s *Server, rt *route) bool { return rt.kind == kindKeys && s.asksForPermission(rt) },
		touch: func(s *Server, rt *route, who Caller, grant []perm.Permission) bool {
			return rt.kind == kindKeys && validIfRefused(s, rt, who, grant)
		},
	},
}

func keysRoute(method, action string) func(*Server, *route) bool {
	return func(_ *Server, rt *route) bool {
		return rt.kind == kindKeys && rt.row.Method == method && (rt.action == action || action == "" && rt.action != "rotate")
	}
}

var authenticationFaults = []Fault{
	{
		Name: "invalid-key-is-anonymous", Numbers: []string{"28"}, Aspect: Authentication, What: "a key that is none counts as no key at all, so that public data answers it",
		anywhere: func(_ *Server, rt *route) bool { return rt.need.open == openToAll && rt.data },
	},
	{Name: "key-prefix-compared", Numbers: []string{"29"}, Aspect: Authentication, What: "only the first characters of a key are compared", anywhere: anyGuarded},
	{Name: "key-case-ignored", Numbers: []string{"29"}, Aspect: Authentication, What: "keys are compared without regard to case", anywhere: anyGuarded},
	{Name: "empty-key-accepted", Numbers: []string{"30"}, Aspect: Authentication, What: "an empty key, or the text null, holds everything", anywhere: anyGuarded},
	{Name: "key-in-query", Numbers: []string{"31"}, Aspect: Authentication, What: "a key is taken from ?access_token, ?api_key, ?key or ?token", anywhere: anyGuarded},
	{Name: "key-in-cookie", Numbers: []string{"32"}, Aspect: Authentication, What: "a key is taken from any cookie", anywhere: anyGuarded},
	{Name: "second-credential-wins", Numbers: []string{"33"}, Aspect: Authentication, What: "of two credentials the second decides", anywhere: anyGuarded},
	{Name: "wrong-scheme-accepted", Numbers: []string{"34"}, Aspect: Authentication, What: "a key is taken under any scheme, as Basic with any password", anywhere: anyGuarded},
	{
		Name: "introspection-accepts-dead-keys", Numbers: []string{"36"}, Aspect: Authentication, What: "who-am-I answers keys that are disabled, expired or deleted",
		suits: func(_ *Server, rt *route) bool { return rt.kind == kindIdentity },
	},
	{Name: "no-www-authenticate", Numbers: []string{"37"}, Aspect: Authentication, What: "401 comes without WWW-Authenticate", anywhere: anyGuarded},
}

var lifeCycleFaults = []Fault{
	{Name: "disabled-key-works", Numbers: []string{"38"}, Aspect: LifeCycle, What: "a disabled key works on", anywhere: anyGuarded},
	{Name: "reenabled-key-refused", Numbers: []string{"43"}, Aspect: LifeCycle, What: "a key that was disabled is refused on when it is enabled again", anywhere: anyGuarded},
	{Name: "deleted-key-works", Numbers: []string{"39"}, Aspect: LifeCycle, What: "a key that was used before it was deleted works on", anywhere: anyGuarded},
	{Name: "revoked-key-works", Numbers: []string{"39"}, Aspect: LifeCycle, What: "a revoked key works on", anywhere: anyGuarded},
	{Name: "expired-key-works", Numbers: []string{"40"}, Aspect: LifeCycle, What: "a key works after it has expired", anywhere: anyGuarded},
	{Name: "expiry-in-wrong-zone", Numbers: []string{"41"}, Aspect: LifeCycle, What: "a key works for two hours after it has expired", anywhere: anyGuarded},
	{Name: "expiry-too-early", Numbers: []string{"41"}, Aspect: LifeCycle, What: "a key is refused two hours before it expires", anywhere: anyGuarded},
	{Name: "stale-after-narrowing", Numbers: []string{"42"}, Aspect: LifeCycle, What: "a key that was used keeps a permission that is taken from it", anywhere: anyGuarded},
	{Name: "stale-after-widening", Numbers: []string{"43"}, Aspect: LifeCycle, What: "a key that was refused once is refused on", anywhere: anyGuarded},
	{
		Name: "decision-cached-without-key", Numbers: []string{"44"}, Aspect: LifeCycle, What: "a path whose read was admitted to one key is open to all",
		anywhere: func(s *Server, rt *route) bool { return s.asksForPermission(rt) && rt.reads(rt.row.Method) },
		touch:    validIfRefused,
	},
	{Name: "owner-disabled-key-lives", Numbers: []string{"45"}, Aspect: LifeCycle, What: "a key works although its owner is disabled", anywhere: anyGuarded},
	{Name: "rotation-keeps-old-secret", Numbers: []string{"46"}, Aspect: LifeCycle, What: "the old secret works after a key was given a new one", anywhere: anyGuarded},
	{
		Name: "one-replica-unguarded", Numbers: []string{"47"}, Aspect: LifeCycle, What: "on some connections every valid key is admitted",
		anywhere: anyGuarded, touch: validIfRefused,
	},
}

var routingFaults = []Fault{
	{Name: "slash-unguarded", Numbers: []string{"48"}, Aspect: Routing, What: "a path with a slash at its end is served and not guarded", anywhere: anyGuarded},
	{Name: "double-slash-unguarded", Numbers: []string{"49"}, Aspect: Routing, What: "a path with a double slash is served and not guarded", anywhere: anyGuarded},
	{Name: "dot-segments-unguarded", Numbers: []string{"50"}, Aspect: Routing, What: "a path with dot segments is served and not guarded", anywhere: anyGuarded},
	{Name: "encoded-letters-unguarded", Numbers: []string{"51"}, Aspect: Routing, What: "a path with percent-encoded letters is served and not guarded", anywhere: anyGuarded},
	{Name: "double-encoding-unguarded", Numbers: []string{"52"}, Aspect: Routing, What: "a path that is encoded twice is served and not guarded", anywhere: anyGuarded},
	{Name: "encoded-slash-unguarded", Numbers: []string{"53"}, Aspect: Routing, What: "an encoded slash counts as one and is not guarded", anywhere: anyGuarded},
	{Name: "matrix-parameter-unguarded", Numbers: []string{"54"}, Aspect: Routing, What: "a path with ;a=b is served without that and not guarded", anywhere: anyGuarded},
	{Name: "suffix-unguarded", Numbers: []string{"55"}, Aspect: Routing, What: "a path with .json, .xml, .csv, .pdf or .atom is served and not guarded", anywhere: anyGuarded},
	{Name: "mixed-case-unguarded", Numbers: []string{"56"}, Aspect: Routing, What: "a path with one segment in another case is served to anybody", anywhere: anyGuarded},
	{Name: "rewrite-header-honoured", Numbers: []string{"57"}, Aspect: Routing, What: "X-Original-URL and X-Rewrite-URL say what is served, the path what is asked for", anywhere: anyGuardedGet},
	{Name: "forwarded-address-trusted", Numbers: []string{"58"}, Aspect: Routing, What: "X-Forwarded-For, X-Real-IP or X-Forwarded-Host of this machine opens everything", anywhere: anyGuarded},
	{Name: "host-header-unguarded", Numbers: []string{"59"}, Aspect: Routing, What: "Host: localhost, internal or admin opens everything", anywhere: anyGuarded},
	{
		Name: "method-override-unguarded", Numbers: []string{"60"}, Aspect: Routing, What: "X-HTTP-Method-Override or _method changes what a POST does, not what it is asked for",
		anywhere: func(s *Server, rt *route) bool { return rt.row.Method != "POST" && anyGuarded(s, rt) },
	},
	{Name: "head-unguarded", Numbers: []string{"61"}, Aspect: Routing, What: "HEAD is served to anybody", anywhere: anyGuardedGet},
	{Name: "options-runs-handler", Numbers: []string{"62"}, Aspect: Routing, What: "OPTIONS and TRACE answer as GET, to anybody", anywhere: anyGuardedGet},
	{Name: "unknown-method-is-get", Numbers: []string{"63"}, Aspect: Routing, What: "a method that is none answers as GET, to anybody", anywhere: anyGuardedGet},
	{Name: "get-with-body-unguarded", Numbers: []string{"64"}, Aspect: Routing, What: "a GET that has a body is not guarded", anywhere: anyGuardedGet},
	{
		Name: "content-type-picks-handler", Numbers: []string{"64"}, Aspect: Routing, What: "a write that is not sent as JSON is not guarded",
		anywhere: func(s *Server, rt *route) bool { return s.asksForPermission(rt) && !rt.reads(rt.row.Method) },
	},
}

var recordFaults = []Fault{
	{Name: "list-unfiltered", Numbers: []string{"65"}, Aspect: Records, What: "one list shows rows that the key does not see", suits: func(s *Server, rt *route) bool {
		return scopedList(s, rt) && rt.objects.rules.scoped()
	}},
	{Name: "get-unfiltered", Numbers: []string{"66"}, Aspect: Records, What: "a row that the key does not see is answered by its id", suits: scopedOne},
	{
		Name: "subresource-unfiltered", Numbers: []string{"67"}, Aspect: Records, What: "rows are shown that are part of one that the key does not see",
		anywhere: func(_ *Server, rt *route) bool {
			return rt.kind == kindObjects && rt.reads(rt.row.Method) && slices.ContainsFunc(rt.objects.refs, func(r ref) bool { return r.owner && r.to.rules.scoped() })
		},
	},
	{
		Name: "include-unfiltered", Numbers: []string{"68"}, Aspect: Records, What: "include shows rows that the key does not see",
		suits: func(_ *Server, rt *route) bool {
			return rt.kind == kindObjects && rt.reads(rt.row.Method) && rt.data && (slices.ContainsFunc(rt.objects.refs, func(r ref) bool { return r.to.rules.scoped() && !r.owner }) ||
				slices.ContainsFunc(rt.objects.children, func(ch child) bool { return ch.of.rules.scoped() }))
		},
	},
	{Name: "write-outside-scope", Numbers: []string{"69"}, Aspect: Records, What: "a row that the key does not see can be changed", suits: scopedWrite},
	{Name: "create-outside-scope", Numbers: []string{"70"}, Aspect: Records, What: "a key can make rows that it does not see", suits: scopedCreate},
	{Name: "update-leaves-scope", Numbers: []string{"71"}, Aspect: Records, What: "an update may move a row to where the key does not see it", suits: scopedUpdate},
	{Name: "update-enters-scope", Numbers: []string{"71"}, Aspect: Records, What: "an update may move a hidden row to where the key sees it", suits: scopedUpdate},
	{Name: "totals-unfiltered", Numbers: []string{"72"}, Aspect: Records, What: "one list counts rows that it does not show", suits: scopedList},
	{
		Name: "statistics-unfiltered", Numbers: []string{"73"}, Aspect: Records, What: "a count or statistic includes rows that the key does not see",
		suits: func(s *Server, rt *route) bool {
			return rt.kind == kindCount && rt.objects.scopedSomehow() || rt.kind == kindStatistics && len(s.catalog.Records) > 0
		},
	},
	{Name: "paging-window-leaks", Numbers: []string{"74"}, Aspect: Records, What: "pages are cut before hidden rows are taken out", suits: scopedList},
	{Name: "search-unfiltered", Numbers: []string{"75"}, Aspect: Records, What: "a search finds rows that the key does not see", suits: scopedList},
	{Name: "relation-filter-unscoped", Numbers: []string{"76"}, Aspect: Records, What: "a filter on a related row looks at rows that the key does not see", suits: scopedRelation},
	{Name: "relation-sort-unscoped", Numbers: []string{"77"}, Aspect: Records, What: "a sort by a related row looks at rows that the key does not see", suits: scopedRelation},
	{
		Name: "batch-ignores-scope", Numbers: []string{"78"}, Aspect: Records, What: "ids=, or a batch that reads, reaches rows that the key does not see",
		suits: func(s *Server, rt *route) bool { return rt.objects.rules.scoped() && scopedList(s, rt) },
	},
	{
		Name: "batch-write-ignores-scope", Numbers: []string{"78"}, Aspect: Records, What: "a batch changes rows that the key does not see",
		suits: func(_ *Server, rt *route) bool { return rt.objects.rules.scoped() && rt.kind == kindBatch },
	},
	{Name: "body-id-wins", Numbers: []string{"79"}, Aspect: Records, What: "an id in the body wins over the one in the path", suits: scopedUpdate},
	{
		Name: "unpermitted-filter-dropped", Numbers: []string{"80"}, Aspect: Records, What: "a filter by a row that the key does not see is ignored",
		suits: func(_ *Server, rt *route) bool {
			return rt.kind == kindObjects && rt.reads(rt.row.Method) && !rt.aboutOne && slices.ContainsFunc(rt.objects.refs, func(r ref) bool { return r.to.rules.scoped() })
		},
	},
	{Name: "hidden-id-as-foreign-key", Numbers: []string{"81"}, Aspect: Records, What: "rows hold the ids of rows that the key does not see", suits: shownRelation},
}

var fieldFaults = []Fault{
	{Name: "field-unguarded", Numbers: []string{"82"}, Aspect: Fields, What: "a read shows fields that the key does not see", suits: guardedRead},
	{
		Name: "allow-list-ignored", Numbers: []string{"82"}, Aspect: Fields, What: "a read shows attributes that the key's allow list does not name",
		suits: func(s *Server, rt *route) bool {
			return guardedRead(s, rt) && rt.objects.rules.star != nil && rt.objects.rules.star.listed != ""
		},
	},
	{
		Name: "needs-listed-ignored", Numbers: []string{"82"}, Aspect: Fields, What: "an endpoint that shows one attribute does not look at the key's allow list",
		suits: func(_ *Server, rt *route) bool { return len(rt.row.NeedsListed) > 0 },
	},
	{Name: "field-selectable", Numbers: []string{"83"}, Aspect: Fields, What: "fields= shows fields that the key does not see", suits: guardedRead},
	{Name: "field-filterable", Numbers: []string{"84"}, Aspect: Fields, What: "a filter looks at fields that the key does not see", suits: guardedList},
	{Name: "field-sortable", Numbers: []string{"84"}, Aspect: Fields, What: "a sort looks at fields that the key does not see", suits: guardedList},
	{Name: "field-searchable", Numbers: []string{"84"}, Aspect: Fields, What: "a search looks at fields that the key does not see", suits: guardedList},
	{Name: "field-in-write-answer", Numbers: []string{"85"}, Aspect: Fields, What: "the answer to a write shows the whole row", suits: func(s *Server, rt *route) bool { return guardedWrite(s, rt) && rt.param != "" }},
	{
		Name: "error-quotes-stored-value", Numbers: []string{"85"}, Aspect: Fields, What: "an error quotes the row that is stored",
		suits: func(s *Server, rt *route) bool { return guardedWrite(s, rt) && rt.param != "" },
	},
}

var existenceFaults = []Fault{
	{Name: "existence-by-status", Numbers: []string{"86"}, Aspect: Existence, What: "a hidden row is answered 403, an absent one 404", suits: anyScoped},
	{Name: "existence-by-body", Numbers: []string{"86"}, Aspect: Existence, What: "a hidden row is answered with another body than an absent one", suits: anyScoped},
	{Name: "existence-by-header", Numbers: []string{"86"}, Aspect: Existence, What: "a hidden row is answered with its ETag", suits: anyScoped},
	{Name: "existence-by-etag", Numbers: []string{"86"}, Aspect: Existence, What: "If-None-Match is looked at before it is decided whether the key sees the row", suits: scopedOne},
	{
		Name: "existence-before-permission", Numbers: []string{"86"}, Aspect: Existence, What: "an absent row is answered 404 to keys that are refused what is there",
		anywhere: func(s *Server, rt *route) bool { return oneRow(s, rt) && s.asksForPermission(rt) },
	},
	{
		Name: "answers-cached-for-all", Numbers: []string{"87"}, Aspect: Caches, What: "an answer to one key is served to everybody who asks for the same address",
		anywhere: anyRead,
		touch: func(s *Server, rt *route, who Caller, grant []perm.Permission) bool {
			return rt.row.Method == "GET" && s.refuses(rt, who, grant)
		},
	},
	{Name: "no-store-missing", Numbers: []string{"87"}, Aspect: Caches, What: "answers may be kept by shared caches", anywhere: anyRead},
}

func anyScoped(s *Server, rt *route) bool { return scopedOne(s, rt) || scopedWrite(s, rt) }

var browserFaults = []Fault{
	{Name: "cors-star", Numbers: []string{"88a"}, Aspect: Browsers, What: "every origin is allowed by *", anywhere: anyRoute},
	{Name: "cors-reflect", Numbers: []string{"88b"}, Aspect: Browsers, What: "every origin is allowed by name", anywhere: anyRoute},
	{Name: "cors-null", Numbers: []string{"88c"}, Aspect: Browsers, What: "the origin null is allowed", anywhere: anyRoute},
	{Name: "cors-prefix", Numbers: []string{"88d"}, Aspect: Browsers, What: "origins that begin with the server's own are allowed", anywhere: anyRoute},
	{Name: "cors-suffix", Numbers: []string{"88e"}, Aspect: Browsers, What: "origins that end with the server's own name are allowed", anywhere: anyRoute},
	{Name: "cors-unescaped-dot", Numbers: []string{"88f"}, Aspect: Browsers, What: "origins are allowed in which a dot of the server's name is any character", anywhere: anyRoute},
	{Name: "cors-any-port", Numbers: []string{"88g"}, Aspect: Browsers, What: "the server's own name is allowed on any port and scheme, and localhost", anywhere: anyRoute},
	{Name: "cors-credentials", Numbers: []string{"88h"}, Aspect: Browsers, What: "every origin is allowed with credentials", anywhere: anyRoute},
	{Name: "cors-simple-only", Numbers: []string{"88i"}, Aspect: Browsers, What: "every origin is allowed, but preflights are refused", anywhere: anyRoute},
	{Name: "cors-preflight-only", Numbers: []string{"88j"}, Aspect: Browsers, What: "preflights allow every origin and the header with the key", anywhere: anyRoute},
	{Name: "cors-on-errors", Numbers: []string{"88k"}, Aspect: Browsers, What: "every origin is allowed on answers from 400 on", anywhere: anyRoute},
	{Name: "cors-on-success", Numbers: []string{"88k"}, Aspect: Browsers, What: "every origin is allowed on answers below 300", anywhere: anyRoute},
	{Name: "cors-some-routes", Numbers: []string{"88l"}, Aspect: Browsers, What: "every origin is allowed on one route", suits: anyGuarded},
	{Name: "cors-private-network", Numbers: []string{"88m"}, Aspect: Browsers, What: "preflights allow access from public pages to a private network", anywhere: anyRoute},
	{Name: "cors-timing", Numbers: []string{"88n"}, Aspect: Browsers, What: "answers have Timing-Allow-Origin and Cross-Origin-Resource-Policy: cross-origin", anywhere: anyRoute},
	{Name: "cors-jsonp", Numbers: []string{"88o"}, Aspect: Browsers, What: "?callback= makes an answer a script", anywhere: anyRead},
	{
		Name: "cors-origin-served", Numbers: []string{"88p"}, Aspect: Browsers, What: "requests of pages are served although the server is told to refuse them",
		anywhere: anyRoute, plant: func(s *Server, _ *planted) bool { return s.block },
	},
}
