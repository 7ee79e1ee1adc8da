package reference

import (
	"net/http"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// A kind is what a route does when it is admitted.
type kind uint8

const (
	kindObjects    kind = iota // reads and writes of a collection
	kindPlain                  // says that the server is there
	kindIdentity               // who the calling key is
	kindCount                  // how many rows the caller sees
	kindStatistics             // that for several collections
	kindAttributes             // what the caller's allow list names
	kindBatch                  // one change to several rows
	kindAction                 // POST /objects/{id}/ACTION
	kindKeys                   // the keys themselves
)

// A route is one row of the catalog, ready to be served.
type route struct {
	row      *catalogs.Endpoint
	pattern  pattern
	need     need
	kind     kind
	objects  *collection
	aboutOne bool   // its reads answer one object
	param    string // parameter with the id of the object that it is about; empty: none
	refused  catalogs.Refused

	// parent is the collection that the path goes through, parentParam its id in it.
	parent      *collection
	parentParam string
	via         ref
	// revealing says that nobody is admitted without a permission that reveals rows, so that
	// a write is limited to those too.
	revealing bool
	action    string // last segment of an action
	data      bool   // it shows objects that the catalog names
}

func (rt *route) reads(method string) bool {
	if rt.row.Effect != "" {
		return rt.row.Effect == catalogs.Read
	}
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func (p pattern) endsInParameter() bool { return len(p.segs[len(p.segs)-1].names) > 0 }

// lastLiteral is the last segment if it has no parameter.
func (p pattern) lastLiteral() string {
	if p.endsInParameter() {
		return ""
	}
	return p.segs[len(p.segs)-1].lits[0]
}

// home is the path of the first n segments, with parameter names left out.
func (p pattern) home(n int) string {
	var b strings.Builder
	for _, seg := range p.segs[:n] {
		b.WriteString("/" + strings.Join(seg.lits, "{}"))
	}
	return b.String()
}

// collectionPath is a template without its last segment if that has a parameter,
// and with parameter names left out.
func collectionPath(template string) string {
	p := compile(template)
	n := len(p.segs)
	if p.endsInParameter() {
		n--
	}
	return p.home(n)
}

// keysObject is the name of the object that is the API's own keys.
const keysObject = "key"

// build makes the routes of a catalog and the collections that they speak about.
func (s *Server) build(seeds Seeds) {
	c := s.catalog
	named := objectNames(c)
	for i := range c.Endpoints {
		row := &c.Endpoints[i]
		rt := &route{row: row, pattern: compile(row.Path), need: s.vocab.need(row.Requires), refused: c.Refused}
		if row.Refused.Anonymous.Known() {
			rt.refused.Anonymous = row.Refused.Anonymous
		}
		if row.Refused.Invalid.Known() {
			rt.refused.Invalid = row.Refused.Invalid
		}
		if row.Refused.Forbidden.Known() {
			rt.refused.Forbidden = row.Refused.Forbidden
		}
		s.classify(rt, named, seeds)
		s.routes = append(s.routes, rt)
		s.byKey[catalogs.EndpointKey(row.Method, row.Path)] = rt
		if home := collectionPath(row.Path); s.homes[home] == nil {
			s.homes[home] = rt.objects
		}
	}
	for _, coll := range s.store.list {
		coll.rules = s.vocab.rules(c, coll.name)
		for _, a := range coll.seed.Attributes {
			if to := s.store.all[a.Ref]; a.Ref != "" && to != nil {
				s.store.relate(coll, a.Name, to, false)
			}
		}
	}
	for i := range c.Records {
		part, whole := s.store.all[c.Records[i].Object], s.store.all[c.Records[i].PartOf]
		if part != nil && whole != nil {
			s.store.relate(part, whole.name+"_id", whole, true)
		}
	}
	for _, rt := range s.routes {
		s.nest(rt)
		if rt.row.Method == http.MethodGet && rt.kind == kindObjects || rt.kind == kindKeys && rt.row.Method == http.MethodGet {
			if rt.need.open != openToNone {
				rt.objects.readers = append(rt.objects.readers, rt)
			}
		}
		rt.revealing = len(rt.need.alternatives) > 0 && len(rt.objects.rules.reveals) > 0
		for _, all := range rt.need.alternatives {
			held := only(all)
			rt.revealing = rt.revealing && slices.ContainsFunc(rt.objects.rules.reveals, func(g reveal) bool { return held[g.permission] })
		}
	}
	s.router = newRouter(s.routes)
}

// classify says what a route does, by its path and what the catalog says of it.
func (s *Server) classify(rt *route, named map[string]string, seeds Seeds) {
	row, p := rt.row, rt.pattern
	home := collectionPath(row.Path)
	name, gets := home, row.Gets
	if s.vendor != nil && row.Lists+gets == "" {
		gets = s.vendor.objects[row.String()]
	}
	switch n, ok := named[home]; {
	case row.Lists != "":
		name = row.Lists
	case gets != "":
		name = gets
	case ok:
		name = n
	}
	rt.data = row.Lists != "" || row.Gets != ""
	rt.aboutOne = row.Lists == "" && (gets != "" || p.endsInParameter())
	last := p.lastLiteral()
	params := 0
	for _, seg := range p.segs {
		for _, n := range seg.names {
			rt.param = n
			params++
		}
	}
	read := rt.reads(row.Method)
	above, isNamed := "", false
	if len(p.segs) > 1 {
		above, isNamed = named[p.home(len(p.segs)-1)]
	}
	switch {
	case name == keysObject:
		rt.kind = kindKeys
	case read && row.Method == http.MethodGet && row.Requires != nil && row.Requires.IsAuthenticated() && params == 0:
		rt.kind = kindIdentity
	case slices.ContainsFunc(s.catalog.AllowLists, func(l catalogs.AllowList) bool { return l.ShownBy == row.String() }):
		rt.kind = kindAttributes
	case read && last == "count" && isNamed:
		rt.kind, name = kindCount, above
	case read && !rt.data && (last == "stats" || last == "statistics" || last == "dashboard"):
		rt.kind = kindStatistics
	case !read && row.Method == http.MethodPost && (last == "batch" || last == "bulk") && (row.Lists != "" || isNamed):
		rt.kind = kindBatch
		if row.Lists == "" {
			name = above
		}
	case !read && row.Method == http.MethodPost && gets != "" && params > 0 && last != "":
		rt.kind, rt.action = kindAction, last
	case row.Requires != nil && row.Requires.IsPublic() && read && !rt.data && params == 0:
		rt.kind = kindPlain
	}
	if !p.endsInParameter() && rt.kind != kindAction && !(rt.kind == kindKeys && row.Gets != "") {
		rt.param = ""
	}
	if rt.kind == kindKeys {
		rt.action = last
	}
	stem := stemOf(home)
	if rt.data && rt.kind != kindObjects {
		stem = name
	}
	rt.objects = s.store.open(name, stem, seeds[name])
}

// nest finds the collection that a route's path goes through: of /positions/{id}/applications
// the positions.
func (s *Server) nest(rt *route) {
	if rt.kind != kindObjects || strings.HasPrefix(rt.objects.name, "/") {
		return
	}
	p := rt.pattern
	end := len(p.segs)
	if p.endsInParameter() {
		end--
	}
	for n := end - 1; n > 0; n-- {
		if len(p.segs[n-1].names) == 0 {
			continue
		}
		parent := s.homes[p.home(n-1)]
		if parent == nil || parent == rt.objects || strings.HasPrefix(parent.name, "/") {
			return
		}
		s.store.relate(rt.objects, parent.name+"_id", parent, true)
		rt.parent, rt.parentParam = parent, p.segs[n-1].names[len(p.segs[n-1].names)-1]
		rt.via, _ = rt.objects.refTo(parent)
		return
	}
}
