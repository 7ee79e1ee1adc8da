package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Fault is one way in which servers get access control wrong.
type Fault struct {
	Name string
	// Numbers are what the fault is called in the project's catalog of faults: 1 to 87, and
	// 88a to 88p for the forms of open CORS. Several faults may be forms of one.
	Numbers []string
	Aspect  Aspect
	Check   string // the check of package conformance that must find it; empty: none does yet
	What    string // what the server does, in a few words

	// suits reports whether the fault can be planted on one route. Nil: the fault is
	// in the whole server.
	suits func(*Server, *route) bool
	// anywhere is suits for a fault that is in the whole server unless it is placed on one
	// route.
	anywhere func(*Server, *route) bool
	// plant sets what goes wrong in p. It reports false when the server's catalog
	// gives the fault nothing to work on. Nil: the server looks for the fault's name
	// where it acts.
	plant func(s *Server, p *planted) bool
	// touch reports whether a plain request of such a sender may be answered differently,
	// for a fault that does not go through decide. Nil: it may not.
	touch func(s *Server, rt *route, who Caller, grant []perm.Permission) bool
}

// An Aspect is the part of access control that a fault is in. A finding about another
// part is a false alarm.
type Aspect string

// The aspects.
const (
	Operations     Aspect = "operations"     // who may call an endpoint
	Grants         Aspect = "grants"         // what a key can get beyond its own grants
	Authentication Aspect = "authentication" // who somebody is
	LifeCycle      Aspect = "life-cycle"     // keys that are changed, parked, dead
	Routing        Aspect = "routing"        // guard and router disagree
	Records        Aspect = "records"        // which rows
	Fields         Aspect = "fields"         // which fields
	Existence      Aspect = "existence"      // whether hidden rows are there
	Caches         Aspect = "caches"         // one sender's answer for another
	Browsers       Aspect = "browsers"       // pages of other origins
)

// planted is a fault in a running server. Only the members that it uses are set.
type planted struct {
	fault *Fault
	route *route // nil: every route

	// decide is what the server decides where right would be right.
	decide func(rt *route, who Caller, grant []perm.Permission, right bool) bool
}

// Faults lists every fault that can be planted.
var Faults = slices.Concat(operationFaults, moreOperationFaults, seenFaults, grantFaults, authenticationFaults, lifeCycleFaults, routingFaults,
	recordFaults, fieldFaults, existenceFaults, browserFaults)

// wrong reports whether a fault is planted on a route, or on every route that it can be on;
// for no route, whether it is planted anywhere.
func (s *Server) wrong(rt *route, name string) bool {
	for _, p := range s.planted {
		if p.fault.Name == name && (rt == nil || p.route == rt || p.route == nil && (p.fault.anywhere == nil || p.fault.anywhere(s, rt))) {
			return true
		}
	}
	return false
}

// everywhere reports whether a fault is planted in the whole server, so that it shows on paths
// without a route too.
func (s *Server) everywhere(name string) bool {
	return slices.ContainsFunc(s.planted, func(p *planted) bool { return p.fault.Name == name && p.route == nil })
}

// operationFaults are those of the decision whether a request is admitted at all.
var operationFaults = []Fault{
	{
		Name: "missing-check", Numbers: []string{"1"}, Aspect: Operations, Check: "over-grant", What: "one route asks for a valid key and no permission",
		suits: (*Server).asksForPermission,
		plant: func(_ *Server, p *planted) bool {
			p.decide = func(_ *route, who Caller, _ []perm.Permission, right bool) bool { return right || who == Valid }
			return true
		},
	},
	{
		Name: "forgotten-method", Numbers: []string{"2"}, Aspect: Operations, Check: "over-grant", What: "reads of a path are guarded, one of its other methods is not",
		suits: func(s *Server, rt *route) bool {
			return s.asksForPermission(rt) && rt.row.Method != "GET" && s.readOf(rt) != nil
		},
		plant: func(_ *Server, p *planted) bool {
			p.decide = func(_ *route, who Caller, _ []perm.Permission, right bool) bool { return right || who == Valid }
			return true
		},
	},
	{
		Name: "unguarded-route", Numbers: []string{"1", "27"}, Aspect: Authentication, Check: "anonymous-admitted", What: "one route is registered without authentication and permission",
		suits: (*Server).asksForPermission,
		plant: func(_ *Server, p *planted) bool {
			p.decide = func(*route, Caller, []perm.Permission, bool) bool { return true }
			return true
		},
	},
	{
		Name: "weaker-permission", Numbers: []string{"3"}, Aspect: Operations, Check: "over-grant", What: "one route accepts another permission as well, a read for a write where there is one",
		suits: func(s *Server, rt *route) bool { return s.stranger(rt) != "" },
		plant: func(s *Server, p *planted) bool {
			other := s.stranger(p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
				return right || who == Valid && s.vocab.holdings(grant)[other]
			}
			return true
		},
	},
	{
		Name: "wrong-permission", Numbers: []string{"4"}, Aspect: Operations, Check: "under-grant", What: "one route asks for another permission in place of its own",
		suits: func(s *Server, rt *route) bool { return s.stranger(rt) != "" },
		plant: func(s *Server, p *planted) bool {
			other := s.stranger(p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, _ bool) bool {
				return who == Valid && s.vocab.holdings(grant)[other]
			}
			return true
		},
	},
	{
		Name: "hidden-dependency", Numbers: []string{"17"}, Aspect: Operations, Check: "under-grant", What: "one route asks for a further permission that the catalog does not name",
		suits: func(s *Server, rt *route) bool { return s.stranger(rt) != "" },
		plant: func(s *Server, p *planted) bool {
			other := s.stranger(p.route)
			p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
				return right && who == Valid && s.vocab.holdings(grant)[other]
			}
			return true
		},
	},
	{
		Name: "inverted-condition", Numbers: []string{"14"}, Aspect: Operations, Check: "over-grant", What: "one route admits exactly the keys that it should refuse",
		suits: (*Server).asksForPermission,
		plant: func(_ *Server, p *planted) bool {
			p.decide = func(_ *route, who Caller, _ []perm.Permission, right bool) bool { return right != (who == Valid) }
			return true
		},
	},
	{
		Name: "or-instead-of-and", Numbers: []string{"9"}, Aspect: Operations, Check: "over-grant", What: "one of several permissions that a route asks for together is enough",
		suits: func(_ *Server, rt *route) bool {
			return slices.ContainsFunc(rt.need.alternatives, func(all []perm.Permission) bool { return len(all) > 1 })
		},
		plant: func(s *Server, p *planted) bool {
			p.decide = func(rt *route, who Caller, grant []perm.Permission, right bool) bool {
				h := s.vocab.holdings(grant)
				for _, all := range rt.need.alternatives {
					right = right || who == Valid && slices.ContainsFunc(all, func(p perm.Permission) bool { return h[p] })
				}
				return right
			}
			return true
		},
	},
	{
		Name: "and-instead-of-or", Numbers: []string{"10"}, Aspect: Operations, Check: "under-grant", What: "one route asks for all of its alternatives together",
		suits: func(_ *Server, rt *route) bool { return len(rt.need.alternatives) > 1 },
		plant: func(s *Server, p *planted) bool {
			p.decide = func(rt *route, who Caller, grant []perm.Permission, right bool) bool {
				h := s.vocab.holdings(grant)
				for _, all := range rt.need.alternatives {
					for _, p := range all {
						right = right && h[p]
					}
				}
				return right
			}
			return true
		},
	},
	{
		Name: "anonymous-passes", Numbers: []string{"27"}, Aspect: Authentication, Check: "anonymous-admitted", What: "one route is served to requests without a key",
		suits: func(s *Server, rt *route) bool { return s.asksForPermission(rt) || rt.need.open == openToKeys },
		plant: func(_ *Server, p *planted) bool {
			p.decide = func(_ *route, who Caller, _ []perm.Permission, right bool) bool { return right || who == Anonymous }
			return true
		},
	},
	{
		Name: "unknown-key-passes", Numbers: []string{"28"}, Aspect: Authentication, Check: "bad-key-admitted", What: "a well-formed key that was never made counts as one that holds everything",
		plant: func(s *Server, p *planted) bool { return s.passes(p, Unknown) },
	},
	{
		Name: "malformed-key-passes", Numbers: []string{"30"}, Aspect: Authentication, Check: "bad-key-admitted", What: "authentication lets a request through when it cannot parse the credential",
		plant: func(s *Server, p *planted) bool { return s.passes(p, Malformed) },
	},
	{
		Name: "empty-grant-is-all", Numbers: []string{"16"}, Aspect: Operations, Check: "over-grant", What: "a key without any permission counts as unrestricted",
		plant: func(s *Server, p *planted) bool {
			p.decide = func(_ *route, who Caller, grant []perm.Permission, right bool) bool {
				return right || who == Valid && len(grant) == 0
			}
			return slices.ContainsFunc(s.routes, s.asksForPermission)
		},
	},
	{
		Name: "read-opens-write", Numbers: []string{"3"}, Aspect: Operations, Check: "over-grant", What: "a permission to read counts as the permission to write the same thing",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				for held := range h {
					if write, ok := s.vocab.counterpart(held, "read", "write"); ok {
						h[write] = true
					}
				}
			})
		},
	},
	{
		Name: "prefix-match", Numbers: []string{"6"}, Aspect: Operations, Check: "over-grant", What: "permissions are compared by prefix",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				for _, id := range s.vocab.ids {
					for held := range h {
						if strings.HasPrefix(string(held), string(id)) || strings.HasPrefix(string(id), string(held)) {
							h[id] = true
							break
						}
					}
				}
			})
		},
	},
	{
		Name: "toggle-too-wide", Numbers: []string{"7"}, Aspect: Operations, Check: "over-grant", What: "a permission that implies some others counts as all of them",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				for held := range h {
					if len(s.vocab.implies[held]) > 0 {
						for _, id := range s.vocab.ids {
							h[id] = true
						}
						return
					}
				}
			})
		},
	},
	{
		Name: "toggle-ignored", Numbers: []string{"4"}, Aspect: Operations, Check: "under-grant", What: "a permission that implies others opens nothing of theirs",
		plant: func(s *Server, p *planted) bool {
			p.decide = func(rt *route, who Caller, grant []perm.Permission, right bool) bool {
				return right && (who != Valid || rt.need.admits(only(grant)))
			}
			for _, rt := range s.routes {
				for _, id := range s.vocab.ids {
					if s.differs(p, rt, Valid, []perm.Permission{id}) {
						return true
					}
				}
			}
			return false
		},
	},
	{
		Name: "forms-swapped", Numbers: []string{"35"}, Aspect: Authentication, Check: "refusal-form", What: "requests without a key are refused as forbidden, and forbidden ones as without a key",
		plant: func(s *Server, _ *planted) bool {
			return slices.ContainsFunc(s.routes, (*route).formsDiffer)
		},
		touch: func(s *Server, rt *route, who Caller, grant []perm.Permission) bool {
			return rt.formsDiffer() && s.refuses(rt, who, grant)
		},
	},
	{
		Name: "effect-before-refusal", Numbers: []string{"15"}, Aspect: Operations, Check: "effect-despite-refusal", What: "one route writes first and refuses afterwards",
		suits: func(s *Server, rt *route) bool {
			return s.asksForPermission(rt) && !rt.reads(rt.row.Method) && s.readOf(rt) != nil &&
				(rt.row.Method != "DELETE" || rt.pattern.endsInParameter()) // a deleted collection looks like an empty one
		},
		touch: (*Server).refuses,
	},
	{
		Name: "default-allow", Numbers: []string{"11"}, Aspect: Operations, Check: "default-allow", What: "a valid key is answered on paths that no route has",
	},
}

// plant plants a fault by its name: NAME on the first route that it suits, or
// NAME@METHOD /path.
func (s *Server) plant(text string) error {
	name, where, placed := strings.Cut(text, "@")
	f := s.faultNamed(name)
	if f == nil {
		var names []string
		for _, list := range s.faultLists() {
			for _, f := range list {
				names = append(names, f.Name)
			}
		}
		return fmt.Errorf("no fault %q: expected one of %s", name, strings.Join(names, ", "))
	}
	if s.vendor != nil && slices.Contains(s.vendor.lacks, name) {
		return fmt.Errorf("fault %s (%s) cannot apply to the API of %s, which has nothing of the kind", name, f.What, s.vendor.name)
	}
	p := &planted{fault: f}
	suits := f.suits
	if placed && suits == nil {
		suits = f.anywhere
	}
	switch {
	case suits == nil && placed:
		return fmt.Errorf("fault %s is in the whole server and cannot be planted on %q", name, where)
	case suits != nil:
		method, path, _ := strings.Cut(where, " ")
		if placed {
			p.route = s.byKey[catalogs.EndpointKey(method, path)]
		} else if i := slices.IndexFunc(s.routes, func(rt *route) bool { return suits(s, rt) }); i >= 0 {
			p.route = s.routes[i]
		}
		switch {
		case p.route == nil && placed:
			return fmt.Errorf("fault %s: catalog %s has no endpoint %q", name, s.catalog.Name, where)
		case p.route == nil:
			return fmt.Errorf("fault %s (%s) cannot apply to catalog %s: no endpoint suits it", name, f.What, s.catalog.Name)
		case !suits(s, p.route):
			return fmt.Errorf("fault %s (%s) cannot apply to %s", name, f.What, p.route.row)
		}
	}
	if f.suits == nil && f.anywhere != nil && !slices.ContainsFunc(s.routes, func(rt *route) bool { return f.anywhere(s, rt) }) {
		return fmt.Errorf("fault %s (%s) cannot apply to catalog %s: no endpoint suits it", name, f.What, s.catalog.Name)
	}
	if f.plant != nil && !f.plant(s, p) {
		return fmt.Errorf("fault %s (%s) cannot apply to catalog %s: nothing in it would be decided differently", name, f.What, s.catalog.Name)
	}
	s.planted = append(s.planted, p)
	return nil
}

// decide is the server's decision: the right one, then what the faults make of it.
func (s *Server) decide(rt *route, who Caller, k *key) bool {
	right := rt.need.open == openToAll || who == Valid && rt.need.admits(k.holds)
	for _, p := range s.planted {
		if p.decide != nil && (p.route == nil || p.route == rt) {
			var grant []perm.Permission
			if who == Valid {
				grant = k.inForce
			}
			right = p.decide(rt, who, grant, right)
		}
	}
	return right
}

// differs reports whether the fault changes the decision.
func (s *Server) differs(p *planted, rt *route, who Caller, grant []perm.Permission) bool {
	if p.decide == nil || p.route != nil && p.route != rt {
		return false
	}
	right := s.rightly(rt, who, grant)
	return p.decide(rt, who, grant, right) != right
}

func (s *Server) rightly(rt *route, who Caller, grant []perm.Permission) bool {
	return rt.need.open == openToAll || who == Valid && rt.need.admits(s.vocab.holdings(grant))
}

// Touches reports whether any planted fault may be noticed in the status of a plain request
// to an endpoint of the catalog by a sender that holds the grant; grant matters for Valid only.
// A path that is not the template of a row is asked for as what it is, a path without a
// route.
func (s *Server) Touches(method, template string, who Caller, grant []perm.Permission) bool {
	rt := s.routeOf(method, template)
	for _, p := range s.planted {
		switch {
		case rt == nil:
			if p.fault.Name == "default-allow" && who == Valid {
				return true
			}
		case p.route != nil && p.route != rt:
		case s.differs(p, rt, who, grant),
			p.fault.touch != nil && p.fault.touch(s, rt, who, grant):
			return true
		}
	}
	return false
}

// Reaches reports whether a planted fault may be noticed on an endpoint of the catalog at
// all, whatever is sent.
func (s *Server) Reaches(method, template string) bool {
	rt := s.routeOf(method, template)
	return slices.ContainsFunc(s.planted, func(p *planted) bool {
		switch {
		case rt == nil:
			return p.fault.Name == "default-allow" || p.fault.Aspect == Browsers && p.route == nil
		case p.route != nil:
			return p.route == rt
		case p.fault.anywhere != nil:
			return p.fault.anywhere(s, rt)
		}
		return true
	})
}

// Planted returns the faults that the server has.
func (s *Server) Planted() []Fault {
	list := make([]Fault, len(s.planted))
	for i, p := range s.planted {
		list[i] = *p.fault
	}
	return list
}

// routeOf returns the route of a row; a row for any method answers for each.
func (s *Server) routeOf(method, template string) *route {
	i := slices.IndexFunc(s.routes, func(rt *route) bool {
		return rt.row.Path == template && (rt.row.Method == method || rt.row.Method == catalogs.AnyMethod)
	})
	if i < 0 {
		return nil
	}
	return s.routes[i]
}

func (s *Server) refuses(rt *route, who Caller, grant []perm.Permission) bool {
	return !s.rightly(rt, who, grant)
}

// formsDiffer reports whether the catalog states a form of refusal for the route and
// the other form looks different.
func (rt *route) formsDiffer() bool {
	anonymous, forbidden := rt.refused.Anonymous, rt.refused.Forbidden
	if !anonymous.Known() && !forbidden.Known() {
		return false
	}
	status := func(d catalogs.Denial, otherwise int) int {
		if d.Known() {
			return d.Status
		}
		return otherwise
	}
	return rt.need.open != openToAll && status(anonymous, 401) != status(forbidden, 403)
}

// passes plants: callers of one kind count as a key that holds everything.
func (s *Server) passes(p *planted, kind Caller) bool {
	everything := s.vocab.holdings(s.vocab.ids)
	p.decide = func(rt *route, who Caller, _ []perm.Permission, right bool) bool {
		return right || who == kind && rt.need.admits(everything)
	}
	return slices.ContainsFunc(s.routes, func(rt *route) bool { return s.differs(p, rt, kind, nil) })
}

// counts plants: what a valid key holds is widened before it is looked at. It reports
// whether that makes a difference to the largest grant that some route refuses.
func (s *Server) counts(p *planted, widen func(holdings)) bool {
	p.decide = func(rt *route, who Caller, grant []perm.Permission, right bool) bool {
		if right || who != Valid {
			return right
		}
		h := s.vocab.holdings(grant)
		widen(h)
		return rt.need.admits(h)
	}
	for _, rt := range s.routes {
		for _, id := range s.vocab.ids {
			if s.differs(p, rt, Valid, []perm.Permission{id}) {
				return true
			}
		}
	}
	return false
}

// only is the grant without what it implies.
func only(grant []perm.Permission) holdings {
	h := holdings{}
	for _, p := range grant {
		h[p] = true
	}
	return h
}

// asksForPermission reports whether the route refuses some valid keys and admits
// others.
func (s *Server) asksForPermission(rt *route) bool { return len(rt.need.alternatives) > 0 }

// readOf returns the route that reads what rt writes: GET of the same path.
func (s *Server) readOf(rt *route) *route {
	for _, other := range s.routes {
		if other.row.Method == "GET" && other.need.open != openToNone &&
			catalogs.EndpointKey("", other.row.Path) == catalogs.EndpointKey("", rt.row.Path) {
			return other
		}
	}
	return nil
}

// stranger returns a permission that does not open the route, by itself or by what
// it implies, and that is in none of its alternatives: the read permission where the
// route asks for a write, else the first of the catalog.
func (s *Server) stranger(rt *route) perm.Permission {
	if !s.asksForPermission(rt) {
		return ""
	}
	named := holdings{}
	for _, all := range rt.need.alternatives {
		for _, p := range all {
			named[p] = true
		}
	}
	strange := func(id perm.Permission) bool {
		for held := range s.vocab.holdings([]perm.Permission{id}) {
			if named[held] {
				return false
			}
		}
		return !s.holdingsOfAlternatives(rt)[id]
	}
	for _, p := range rt.need.alternatives[0] {
		if read, ok := s.vocab.counterpart(p, "write", "read"); ok && strange(read) {
			return read
		}
	}
	for _, id := range s.vocab.ids {
		if strange(id) {
			return id
		}
	}
	return ""
}

func (s *Server) holdingsOfAlternatives(rt *route) holdings {
	var all []perm.Permission
	for _, alternative := range rt.need.alternatives {
		all = append(all, alternative...)
	}
	return s.vocab.holdings(all)
}

// counterpart returns the permission whose name ends in the other word, in the same
// case.
func (v *vocabulary) counterpart(p perm.Permission, word, other string) (perm.Permission, bool) {
	for _, w := range [][2]string{{word, other}, {strings.ToUpper(word), strings.ToUpper(other)}} {
		if stem, ok := strings.CutSuffix(string(p), w[0]); ok {
			id, known := v.known[perm.Permission(stem+w[1])]
			return id, known
		}
	}
	return "", false
}
