package catalogs

import (
	"slices"
	"strings"

	"github.com/permcheck/permcheck/internal/strictyaml"
)

// An alias says that the rows below one path prefix stand for another one's too: a
// further version of the API, or the same endpoints at a second place.
type alias struct {
	at     strictyaml.Node
	prefix string // rows are added below it
	of     string // those that are written are below this one
	except []exception
	state  uint8 // 0 not begun, 1 being expanded, 2 done
	broken bool  // reported already
}

// An exception is an endpoint that the other prefix has and this one has not.
type exception struct {
	at   strictyaml.Node
	key  string
	used bool
}

// sameAs reads the mapping of prefixes.
func (d *decoder) sameAs(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of path prefixes to the prefix whose rows they share") {
		a := &alias{at: p.Key}
		var ok bool
		if a.prefix, ok = pathPrefix(p.Key, p.Name); !ok {
			continue
		}
		of := p.Value
		if p.Value.IsMap() {
			of = strictyaml.Node{}
			p.Value.Fields("of and except",
				strictyaml.Field{Name: "of", Decode: func(n strictyaml.Node) { of = n }},
				strictyaml.Field{Name: "except", Decode: func(n strictyaml.Node) {
					for _, it := range n.Items("a list of METHOD /path") {
						var e Endpoint
						if text, ok := it.Text("METHOD /path"); ok && d.endpointKey(it, text, &e) {
							a.except = append(a.except, exception{at: it, key: EndpointKey(e.Method, e.Path)})
						}
					}
				}},
			)
			if of.IsZero() {
				p.Value.Errorf("expected of: the prefix whose rows these are")
				continue
			}
		}
		text, ok := of.Text("a path prefix")
		if !ok {
			continue
		}
		if a.of, ok = pathPrefix(of, text); !ok {
			continue
		}
		if a.of == a.prefix {
			of.Errorf("%s is the same as itself: expected another prefix", strictyaml.Excerpt(text))
			continue
		}
		if slices.ContainsFunc(d.aliases, func(b *alias) bool { return b.prefix == a.prefix }) {
			p.Key.Errorf("duplicate prefix %s under same-as", strictyaml.Excerpt(p.Name))
			continue
		}
		d.aliases = append(d.aliases, a)
	}
}

// pathPrefix reads a prefix; that of every path is "".
func pathPrefix(n strictyaml.Node, text string) (string, bool) {
	if text == "/" {
		return "", true
	}
	if _, err := ParseTemplate(text); err != nil || strings.HasSuffix(text, "/") || strings.Contains(text, "...") {
		n.Errorf("%q: expected a path prefix that begins with / and does not end with it, such as /api/v2", strictyaml.Excerpt(text))
		return "", false
	}
	return text, true
}

// below returns what follows the prefix in a path, and whether the path is the prefix
// or below it. Names of parameters in the prefix do not matter.
func below(path, prefix string) (rest string, ok bool) {
	parts, want := splitPath(path), splitPath(prefix)
	if len(parts) < len(want) {
		return "", false
	}
	if prefix == "" {
		return path, true
	}
	n := len(strings.Join(parts[:len(want)], "/"))
	return path[n:], EndpointKey("", path[:n]) == EndpointKey("", prefix)
}

// expand adds the rows that prefixes share. A row of one's own wins.
func (d *decoder) expand(a *alias) {
	switch a.state {
	case 1:
		a.at.Errorf("%s is the same as itself, by way of another prefix", strictyaml.Excerpt(a.at.Value()))
		a.broken = true
		return
	case 2:
		return
	}
	a.state = 1
	for _, b := range d.aliases { // whose rows may be below the prefix that this one shares
		_, in := below(b.prefix, a.of)
		_, around := below(a.of, b.prefix)
		if _, own := below(b.prefix, a.prefix); b != a && (in || around && b.prefix != "") && !own {
			d.expand(b)
		}
	}
	a.state = 2
	found := false
	for _, e := range slices.Clone(d.c.Endpoints) {
		rest, ok := below(e.Path, a.of)
		if _, own := below(e.Path, a.prefix); !ok || own && len(a.prefix) > len(a.of) {
			continue
		}
		found = true
		e.SameAs, e.Path = e.String(), a.prefix+rest
		if e.Path == "" {
			e.Path = "/"
		}
		key := EndpointKey(e.Method, e.Path)
		if i := slices.IndexFunc(a.except, func(x exception) bool { return x.key == key }); i >= 0 {
			a.except[i].used = true
			continue
		}
		if d.endpoints[key] == nil {
			d.endpoints[key] = &e
			e.Odd, e.Also = "", nil // said of the row as it is written
			d.c.Endpoints = append(d.c.Endpoints, e)
		}
	}
	if d.broken || a.broken {
		return
	}
	if !found {
		a.at.Errorf("no row is below %s: same-as shares none", strictyaml.Excerpt(a.of+"/"))
	}
	for _, x := range a.except {
		if !x.used {
			x.at.Errorf("except %s: no row would stand for it", strictyaml.Excerpt(x.at.Value()))
		}
	}
}
