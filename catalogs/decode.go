package catalogs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Version is the value of the "permcheck" key of a catalog file.
const Version = "catalog/1"

// evidenceLevels say how well a row is founded.
var evidenceLevels = []string{"documented", "inferred", "third-party", "unknown"}

// A decoder reads the files of one catalog. What one file says can only be checked
// against the others when all are read, so it keeps the nodes until then.
type decoder struct {
	c      *Catalog
	docs   []*strictyaml.Doc
	broken bool // a file could not be read: unlisted names are not errors

	defaults  rowDefaults
	sources   map[string]bool
	ids       map[perm.Permission]strictyaml.Node // permission ids and aliases
	endpoints map[string]*Endpoint
	lists     map[string]bool
	aliases   []*alias // of same-as
	later     []func() // checks that need the whole catalog
}

type rowDefaults struct{ source, evidence string }

func newDecoder(c *Catalog) *decoder {
	return &decoder{
		c: c, sources: map[string]bool{}, ids: map[perm.Permission]strictyaml.Node{},
		endpoints: map[string]*Endpoint{}, lists: map[string]bool{},
	}
}

func (d *decoder) check() {
	for _, a := range d.aliases {
		d.expand(a)
	}
	for _, f := range d.later {
		f()
	}
}

// file decodes one file and returns its include entries.
func (d *decoder) file(root strictyaml.Node, first bool) (includes []strictyaml.Node) {
	if !root.IsMap() {
		root.Errorf("expected a catalog: a mapping that begins with permcheck: %s", Version)
		return nil
	}
	c := d.c
	d.defaults = rowDefaults{}
	head := map[string]bool{}
	for _, p := range root.Pairs("a catalog") {
		head[p.Name] = true
		if p.Name == "default" { // before the rows that it applies to, wherever it stands
			p.Value.Fields("source and evidence", d.rowFields(&d.defaults.source, &d.defaults.evidence)...)
		}
	}
	if !head["permcheck"] {
		root.Errorf("not a catalog: expected the key permcheck: %s", Version)
	} else if first && !head["name"] {
		root.Errorf("a catalog needs a name: add name: and a short word")
	}
	root.Fields("a catalog",
		strictyaml.Field{Name: "permcheck", Decode: func(n strictyaml.Node) { n.OneOf("the format of this file", Version) }},
		strictyaml.Field{Name: "name", Decode: func(n strictyaml.Node) {
			if name, ok := n.Text("the catalog's name"); ok && first {
				c.Name = name
			}
		}},
		strictyaml.Field{Name: "include", Decode: func(n strictyaml.Node) { includes = n.Items("a list of catalog files") }},
		strictyaml.Field{Name: "sources", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of source names to addresses") {
				if url, ok := p.Value.Text("the address of the source"); ok {
					if c.Sources == nil {
						c.Sources = map[string]string{}
					}
					c.Sources[p.Name] = url
				}
				d.sources[p.Name] = true
			}
		}},
		strictyaml.Field{Name: "default", Decode: func(strictyaml.Node) {}},
		strictyaml.Field{Name: "permissions", Decode: d.permissions},
		strictyaml.Field{Name: "refused", Decode: func(n strictyaml.Node) { c.Refused = d.refused(n) }},
		strictyaml.Field{Name: "credentials", Decode: d.credentials},
		strictyaml.Field{Name: "allow-lists", Decode: d.allowLists},
		strictyaml.Field{Name: "browsers", Decode: func(n strictyaml.Node) {
			if v, ok := n.OneOf("whether browsers may call the API", string(BrowsersBlocked), string(BrowsersAllowed), string(BrowsersUnknown)); ok {
				c.Browsers = Browsers(v)
			}
		}},
		strictyaml.Field{Name: "endpoints", Decode: func(n strictyaml.Node) { d.rows(n, "") }},
		strictyaml.Field{Name: "same-as", Decode: d.sameAs},
		strictyaml.Field{Name: "records", Decode: d.records},
		strictyaml.Field{Name: "fields", Decode: d.fields},
	)
	return includes
}

func pos(n strictyaml.Node) Pos { return Pos{File: n.File(), Line: n.Line(), Column: n.Column()} }

// setText decodes a key whose value is any text.
func setText(name, want string, to *string) strictyaml.Field {
	return strictyaml.Field{Name: name, Decode: func(n strictyaml.Node) {
		if s, ok := n.Text(want); ok {
			*to = s
		}
	}}
}

// rowFields are the keys that every kind of row shares.
func (d *decoder) rowFields(source, evidence *string) []strictyaml.Field {
	return []strictyaml.Field{
		{Name: "source", Decode: func(n strictyaml.Node) {
			s, ok := n.Text("the name of a source")
			if !ok {
				return
			}
			*source = s
			d.later = append(d.later, func() { d.needSource(n, s) })
		}},
		{Name: "evidence", Decode: func(n strictyaml.Node) {
			if s, ok := n.OneOf("how well this is founded", evidenceLevels...); ok {
				*evidence = s
			}
		}},
	}
}

// needSource reports a source that the catalog does not list, when all files are read.
func (d *decoder) needSource(n strictyaml.Node, name string) {
	if !d.sources[name] && !d.broken {
		n.Errorf("unknown source %q: expected one of the names under sources%s", name, nearest(name, d.sources))
	}
}

func nearest[V any](word string, known map[string]V) string {
	names := make([]string, 0, len(known))
	for k := range known {
		names = append(names, k)
	}
	if near := strictyaml.Nearest(word, names); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

func (d *decoder) permissions(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of permissions") {
		id := perm.Permission(p.Name)
		row := Permission{ID: id, Source: d.defaults.source, Evidence: d.defaults.evidence, Pos: pos(p.Key)}
		if strings.TrimSpace(p.Name) == "" {
			p.Key.Errorf("a permission needs a name")
			continue
		}
		d.declare(p.Key, id, "permission")
		if !p.Value.IsNull() {
			p.Value.Fields("nothing, or a mapping with label, aliases, implies, endpoints, odd", append([]strictyaml.Field{
				setText("label", "the label of the permission", &row.Label),
				{Name: "aliases", Decode: func(n strictyaml.Node) {
					for _, it := range n.Items("a list of other spellings") {
						if a, ok := it.Text("another spelling of the permission"); ok {
							d.declare(it, perm.Permission(a), "alias")
							row.Aliases = append(row.Aliases, perm.Permission(a))
						}
					}
				}},
				{Name: "implies", Decode: func(n strictyaml.Node) { row.Implies = d.implies(n) }},
				{Name: "endpoints", Decode: func(n strictyaml.Node) {
					_, row.EndpointsUnknown = n.OneOf("what is known of the permission's endpoints", "unknown")
				}},
				setText("odd", "the reason why this is right", &row.Odd),
			}, d.rowFields(&row.Source, &row.Evidence)...)...)
		}
		d.c.Permissions = append(d.c.Permissions, row)
	}
}

func (d *decoder) declare(at strictyaml.Node, id perm.Permission, what string) {
	if prev, dup := d.ids[id]; dup {
		at.Errorf("duplicate %s %q: it is already declared at %s", what, strictyaml.Excerpt(string(id)), pos(prev))
		return
	}
	d.ids[id] = at
}

// implies reads permissions joined by &, each with * for any text, and checks later
// that each matches some permission.
func (d *decoder) implies(n strictyaml.Node) []string {
	text, ok := n.Text("permissions joined by &, * stands for any text")
	if !ok {
		return nil
	}
	set, err := perm.ParseSet(text)
	if err != nil {
		d.syntax(n, err)
		return nil
	}
	out := make([]string, len(set))
	for i, p := range set {
		out[i] = string(p)
	}
	d.later = append(d.later, func() {
		for _, pattern := range out {
			matched := false
			for i := range d.c.Permissions {
				matched = matched || matchGlob(pattern, string(d.c.Permissions[i].ID))
			}
			if !matched && !d.broken {
				n.Errorf("implies %q: no permission of this catalog is of that name%s", strictyaml.Excerpt(pattern), nearest(pattern, d.idNames()))
			}
		}
	})
	return out
}

func (d *decoder) idNames() map[string]strictyaml.Node {
	names := make(map[string]strictyaml.Node, len(d.ids))
	for id, n := range d.ids {
		names[string(id)] = n
	}
	return names
}

func (d *decoder) syntax(n strictyaml.Node, err error) {
	var se *perm.SyntaxError
	offset := 0
	if errors.As(err, &se) {
		offset = se.Offset
	}
	n.ErrorAt(offset, "%v", err)
}

// requirement reads a formula whose permissions the catalog must list, and stores it
// with aliases replaced.
func (d *decoder) requirement(n strictyaml.Node, to **perm.Requirement) {
	text, ok := n.Text("a requirement (permissions joined by & and |, or public, authenticated, nobody, unknown)")
	if !ok {
		return
	}
	r, err := perm.Parse(text)
	if err != nil {
		d.syntax(n, err)
		return
	}
	*to = &r
	d.later = append(d.later, func() {
		canon, strange := d.c.CanonicalRequirement(r)
		for _, p := range strange {
			if d.broken {
				break
			}
			offset := max(0, strings.Index(text, string(p)))
			n.ErrorAt(offset, "permission %q is not listed under permissions%s", strictyaml.Excerpt(string(p)), nearest(string(p), d.idNames()))
		}
		**to = canon
	})
}

// rows decodes endpoints; a key without a slash is a section heading.
func (d *decoder) rows(n strictyaml.Node, section string) {
	want := "a mapping of METHOD /path to requirements"
	for _, p := range n.Pairs(want) {
		if !strings.Contains(p.Name, "/") {
			switch {
			case section != "":
				p.Key.Errorf("expected METHOD /path, found %q: sections cannot be nested", strictyaml.Excerpt(p.Name))
			case !p.Value.IsMap() && !p.Value.IsNull():
				p.Key.Errorf("expected METHOD /path, found %q: a section heading is followed by indented rows", strictyaml.Excerpt(p.Name))
			default:
				d.rows(p.Value, p.Name)
			}
			continue
		}
		d.row(p, section)
	}
}

// also reads the paths that other sources give an endpoint.
func (d *decoder) also(n strictyaml.Node, e *Endpoint) {
	for _, q := range n.Pairs("a mapping of a source to the path that it gives the endpoint") {
		path, ok := q.Value.Text("a path")
		if !ok {
			continue
		}
		if t, err := ParseTemplate(path); err != nil {
			q.Value.Errorf("%v", err)
		} else if own, err := ParseTemplate(e.Path); err == nil && t.Key() == own.Key() {
			q.Value.Errorf("%s is the path of the row itself: expected another one", strictyaml.Excerpt(path))
		}
		e.Also = append(e.Also, AlsoAt{Source: q.Name, Path: path})
		d.later = append(d.later, func() { d.needSource(q.Key, q.Name) })
	}
}

func (d *decoder) row(p strictyaml.Pair, section string) {
	e := &Endpoint{Section: section, Source: d.defaults.source, Evidence: d.defaults.evidence, Pos: pos(p.Key)}
	ok := d.endpointKey(p.Key, p.Name, e)
	if p.Value.IsMap() {
		stated := false
		p.Value.Fields("an endpoint", append([]strictyaml.Field{
			{Name: "requires", Decode: func(n strictyaml.Node) { stated = true; d.requirement(n, &e.Requires) }},
			{Name: "effect", Decode: func(n strictyaml.Node) {
				if v, ok := n.OneOf("what a call does", string(Read), string(Write)); ok {
					e.Effect = Effect(v)
				}
			}},
			setText("lists", "the object whose records the endpoint lists", &e.Lists),
			setText("gets", "the object that the endpoint gets", &e.Gets),
			{Name: "needs-listed", Decode: func(n strictyaml.Node) {
				for _, q := range n.Pairs("a mapping of an allow list to the attribute it must hold") {
					if attr, ok := q.Value.Text("an attribute"); ok {
						if e.NeedsListed == nil {
							e.NeedsListed = map[string]string{}
						}
						e.NeedsListed[q.Name] = attr
					}
					d.needList(q.Key, q.Name)
				}
			}},
			{Name: "ignores", Decode: func(n strictyaml.Node) {
				items := []strictyaml.Node{n}
				if n.IsList() {
					items = n.Items("allow lists")
				}
				for _, it := range items {
					if name, ok := it.Text("the name of an allow list"); ok {
						e.Ignores = append(e.Ignores, name)
						d.needList(it, name)
					}
				}
			}},
			{Name: "refused", Decode: func(n strictyaml.Node) { e.Refused = d.refused(n) }},
			{Name: "also", Decode: func(n strictyaml.Node) { d.also(n, e) }},
			setText("odd", "the reason why this row is right", &e.Odd),
		}, d.rowFields(&e.Source, &e.Evidence)...)...)
		if !stated {
			p.Key.Errorf("%s says no requirement: add requires:, with unknown if the documents do not say", strictyaml.Excerpt(p.Name))
		}
	} else {
		d.requirement(p.Value, &e.Requires)
	}
	if !ok {
		return
	}
	key := EndpointKey(e.Method, e.Path)
	if prev, dup := d.endpoints[key]; dup {
		p.Key.Errorf("duplicate endpoint %s: it is already at %s as %s", strictyaml.Excerpt(e.String()), prev.Pos, strictyaml.Excerpt(prev.String()))
		return
	}
	d.endpoints[key] = e
	if e.Requires == nil { // its error is recorded
		e.Requires = new(perm.Requirement)
	}
	// Requirements are completed later, through the pointer that both copies share.
	d.c.Endpoints = append(d.c.Endpoints, *e)
}

// endpointKey reads "METHOD /path" into e.
func (d *decoder) endpointKey(n strictyaml.Node, text string, e *Endpoint) bool {
	words := strings.Fields(text)
	if len(words) != 2 {
		n.Errorf("expected METHOD /path, found %q", strictyaml.Excerpt(text))
		return false
	}
	method, err := ParseMethod(words[0])
	if err != nil {
		n.Errorf("expected METHOD /path: %v (ANY stands for every method)", err)
		return false
	}
	if !knownMethods[method] {
		if near := strictyaml.Nearest(method, []string{"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "ANY"}); near != "" {
			n.Errorf("unknown method %q: did you mean %s?", strictyaml.Excerpt(words[0]), near)
			return false
		}
	}
	if _, err := ParseTemplate(words[1]); err != nil {
		n.ErrorAt(strings.Index(text, words[1]), "%v", err)
		return false
	}
	e.Method, e.Path = method, words[1]
	return true
}

var knownMethods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true,
	"CONNECT": true, "OPTIONS": true, "TRACE": true, "QUERY": true, AnyMethod: true,
}

func (d *decoder) needList(n strictyaml.Node, name string) {
	d.later = append(d.later, func() {
		if !d.lists[name] && !d.broken {
			n.Errorf("unknown allow list %q: expected a name under allow-lists%s", strictyaml.Excerpt(name), nearest(name, d.lists))
		}
	})
}

func (d *decoder) refused(n strictyaml.Node) (r Refused) {
	n.Fields("anonymous, invalid, forbidden and origin",
		strictyaml.Field{Name: "anonymous", Decode: func(n strictyaml.Node) { r.Anonymous = d.denial(n) }},
		strictyaml.Field{Name: "invalid", Decode: func(n strictyaml.Node) { r.Invalid = d.denial(n) }},
		strictyaml.Field{Name: "forbidden", Decode: func(n strictyaml.Node) { r.Forbidden = d.denial(n) }},
		strictyaml.Field{Name: "origin", Decode: func(n strictyaml.Node) { r.Origin = d.denial(n) }},
	)
	return r
}

const wantStatus = "an HTTP status from 200 to 599, or unknown"

func status(n strictyaml.Node) int {
	if n.Value() == "unknown" {
		return 0
	}
	s, _ := n.Int(wantStatus, 200, 599)
	return s
}

func (d *decoder) denial(n strictyaml.Node) (den Denial) {
	if !n.IsMap() {
		den.Status = status(n)
		return den
	}
	n.Fields("status and body",
		strictyaml.Field{Name: "status", Decode: func(n strictyaml.Node) { den.Status = status(n) }},
		strictyaml.Field{Name: "body", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of JSON members to values") {
				if p.Value.IsMap() || p.Value.IsList() {
					p.Value.Errorf("expected a text, number or boolean that the JSON body must hold")
					continue
				}
				if den.Body == nil {
					den.Body = map[string]any{}
				}
				den.Body[p.Name] = p.Value.Scalar()
			}
		}},
	)
	if den.Body != nil && den.Status == 0 {
		n.Errorf("a form of refusal with a body needs a status")
	}
	return den
}

func (d *decoder) credentials(n strictyaml.Node) {
	cr := &d.c.Credentials
	cr.Pos = pos(n)
	n.Fields("a mapping",
		strictyaml.Field{Name: "grants-change", Decode: func(n strictyaml.Node) {
			cr.GrantsChange, _ = n.OneOf("when a changed grant takes effect", "at-once", "on-reenable", "on-new-token", "unknown")
		}},
		strictyaml.Field{Name: "states", Decode: func(n strictyaml.Node) {
			cr.States = map[string]string{}
			for _, p := range n.Pairs("a mapping of states") {
				cr.States[p.Name], _ = p.Value.OneOf("what a key in this state is", "admitted", "refused", "gone", "unknown")
			}
		}},
		strictyaml.Field{Name: "actions", Decode: func(n strictyaml.Node) {
			cr.Actions = map[string]string{}
			for _, p := range n.Pairs("a mapping of actions") {
				to, ok := p.Value.Text("the state that the action leads to, or new-secret")
				if !ok {
					continue
				}
				cr.Actions[p.Name] = to
				d.later = append(d.later, func() {
					if _, known := cr.States[to]; !known && to != "new-secret" {
						p.Value.Errorf("unknown state %q: expected a name under states, or new-secret%s", strictyaml.Excerpt(to), nearest(to, cr.States))
					}
				})
			}
		}},
		strictyaml.Field{Name: "live-tokens", Decode: func(n strictyaml.Node) {
			cr.LiveTokens, _ = n.OneOf("what disabling a key does to tokens already issued", "refused", "admitted", "unknown")
		}},
		strictyaml.Field{Name: "sent-in", Decode: func(n strictyaml.Node) {
			cr.SentIn, _ = n.OneOf("where a request may show the credential", "header", "query", "cookie", "any")
		}},
		setText("scheme", "the scheme that a credential is shown under, such as Bearer", &cr.Scheme),
		strictyaml.Field{Name: "within", Decode: func(n strictyaml.Node) {
			v, err := time.ParseDuration(n.Value())
			if err != nil || v <= 0 || v > 24*time.Hour {
				n.Errorf("expected a duration such as 30s or 15m, up to 24h, found %q", strictyaml.Excerpt(n.Value()))
			}
			cr.Within = v
		}},
	)
}

func (d *decoder) allowLists(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of allow lists") {
		a := AllowList{Name: p.Name, Pos: pos(p.Key)}
		if d.lists[p.Name] {
			p.Key.Errorf("duplicate allow list %q", strictyaml.Excerpt(p.Name))
		}
		d.lists[p.Name] = true
		p.Value.Fields("a mapping with of, always, unlisted, shown-by",
			setText("of", "the object whose attributes are listed", &a.Of),
			strictyaml.Field{Name: "always", Decode: func(n strictyaml.Node) { a.Always = n.Texts("a list of attributes", "an attribute") }},
			strictyaml.Field{Name: "unlisted", Decode: func(n strictyaml.Node) {
				a.Unlisted, _ = n.OneOf("what happens to an attribute that is not listed", "omitted", "null", "refused", "unknown")
			}},
			strictyaml.Field{Name: "shown-by", Decode: func(n strictyaml.Node) {
				text, ok := n.Text("the endpoint that shows the list")
				var e Endpoint
				if !ok || !d.endpointKey(n, text, &e) {
					return
				}
				a.ShownBy = e.String()
				d.later = append(d.later, func() {
					if d.endpoints[EndpointKey(e.Method, e.Path)] == nil && !d.broken {
						n.Errorf("%s is not an endpoint of this catalog", strictyaml.Excerpt(e.String()))
					}
				})
			}},
		)
		if a.Of == "" {
			p.Key.Errorf("allow list %q does not say whose attributes it lists: add of:", strictyaml.Excerpt(p.Name))
		}
		d.c.AllowLists = append(d.c.AllowLists, a)
	}
}

func (d *decoder) records(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of objects") {
		rec := Record{Object: p.Name, Pos: pos(p.Key)}
		for _, q := range p.Value.Pairs("sharing, hidden, outside, part-of, or permissions with the rows that they reveal") {
			switch q.Name {
			case "sharing":
				for _, o := range q.Value.Pairs("a mapping of sharing options") {
					rec.Sharing = append(rec.Sharing, Option{Name: o.Name, Conditions: d.conditions(o.Value), Pos: pos(o.Key)})
				}
			case "hidden":
				rec.Hidden = status(q.Value)
			case "outside":
				rec.Outside, _ = q.Value.OneOf("what becomes of a write whose result its sender would not see", "refused", "admitted", "unknown")
			case "part-of":
				n, object := q.Value, p.Name
				rec.PartOf, _ = n.Text("the object whose records these are parts of")
				whole := rec.PartOf
				d.later = append(d.later, func() {
					if whole == NotKnown {
						return
					}
					if !slices.ContainsFunc(d.c.Records, func(r Record) bool { return r.Object == whole }) && !d.broken {
						n.Errorf("expected an object that has a record rule, found %q", strictyaml.Excerpt(whole))
					} else if d.c.PartOf(whole, object) && !d.broken {
						n.Errorf("%s is a part of %s already", strictyaml.Excerpt(whole), strictyaml.Excerpt(object))
					}
				})
			default:
				key := q.Key
				opt := Option{Name: q.Name, Conditions: d.conditions(q.Value), Pos: pos(key)}
				at := len(rec.Grants)
				rec.Grants = append(rec.Grants, opt)
				grants := &rec.Grants
				d.later = append(d.later, func() {
					id, ok := d.c.Canonical(perm.Permission(opt.Name))
					if !ok && !d.broken {
						key.Errorf("permission %q is not listed under permissions (besides permissions, sharing, hidden, outside and part-of may stand here)%s", strictyaml.Excerpt(opt.Name), nearest(opt.Name, d.idNames()))
					}
					(*grants)[at].Name = string(id)
				})
			}
		}
		if slices.ContainsFunc(d.c.Records, func(r Record) bool { return r.Object == p.Name }) {
			p.Key.Errorf("duplicate record rule for %q", strictyaml.Excerpt(p.Name))
			continue
		}
		d.c.Records = append(d.c.Records, rec)
	}
}

func (d *decoder) conditions(n strictyaml.Node) (out []Condition) {
	for _, p := range n.Pairs("conditions: a mapping of attributes to values, {} for none") {
		cond := Condition{Attribute: p.Name}
		value := p.Value
		if value.IsMap() {
			value = strictyaml.Node{}
			p.Value.Fields("not", strictyaml.Field{Name: "not", Decode: func(n strictyaml.Node) { value, cond.Not = n, true }})
			if value.IsZero() {
				p.Value.Errorf("expected a value, or {not: value}")
				continue
			}
		}
		if value.IsMap() || value.IsList() || value.IsNull() {
			value.Errorf("expected a value that the attribute must equal")
			continue
		}
		cond.Value = value.Value()
		out = append(out, cond)
	}
	return out
}

func (d *decoder) fields(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of objects") {
		for _, q := range p.Value.Pairs("a mapping of fields to requirements") {
			f := Field{Object: p.Name, Name: q.Name, Source: d.defaults.source, Evidence: d.defaults.evidence, Pos: pos(q.Key)}
			if q.Value.IsMap() {
				q.Value.Fields("a field", append([]strictyaml.Field{
					{Name: "requires", Decode: func(n strictyaml.Node) { d.requirement(n, &f.Requires) }},
					{Name: "needs-listed", Decode: func(n strictyaml.Node) {
						if list, ok := n.Text("the name of an allow list"); ok {
							f.NeedsListed = list
							d.needList(n, list)
						}
					}},
				}, d.rowFields(&f.Source, &f.Evidence)...)...)
				if f.Requires == nil && f.NeedsListed == "" {
					q.Key.Errorf("field %q says neither requires nor needs-listed", strictyaml.Excerpt(q.Name))
				}
			} else {
				d.requirement(q.Value, &f.Requires)
			}
			if slices.ContainsFunc(d.c.Fields, func(g Field) bool { return g.Object == f.Object && g.Name == f.Name }) {
				q.Key.Errorf("duplicate rule for field %q of %q", strictyaml.Excerpt(q.Name), strictyaml.Excerpt(p.Name))
				continue
			}
			d.c.Fields = append(d.c.Fields, f)
		}
	}
}
