package reference

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/catalogs"
)

// maxObjects bounds a collection.
const maxObjects = 100_000

// An object is one JSON object of a collection; "id" is its identity. Objects in a
// store are never changed, so that answers can be written unlocked.
type object map[string]any

// A collection is the objects that some routes speak about, in the order in which
// they were made.
type collection struct {
	name    string // the catalog's name of the object, or the collection's path
	stem    string // begins each id
	seed    Seed
	next    int
	ids     []string
	objects map[string]object

	rules    rules
	refs     []ref           // to other collections
	children []child         // of other collections that refer to this one
	readers  []*route        // rows that show its objects
	known    map[string]bool // attributes that it is seeded with
}

// A ref is an attribute that holds the id of an object of another collection.
type ref struct {
	attribute, name string // name is what include and relation filters call it
	to              *collection
	// owner says that the row is a part of the other one, as the catalog's paths have it:
	// it is hidden when that is.
	owner bool
}

// A child is a ref seen from the other side.
type child struct {
	name string
	of   *collection
	ref  ref
}

// A store holds every collection.
type store struct {
	mu   sync.RWMutex
	rows int // seeded in each collection; 0: as its seed needs
	all  map[string]*collection
	list []*collection // in the order in which they were opened
}

func newStore(rows int) *store { return &store{rows: rows, all: map[string]*collection{}} }

// open returns the collection, making it when it is new. It is called while the
// server is built, so that serving needs no second look.
func (st *store) open(name, stem string, seed Seed) *collection {
	c := st.all[name]
	if c == nil {
		c = &collection{name: name, stem: stem, seed: seed, objects: map[string]object{}, known: map[string]bool{}}
		st.all[name] = c
		st.list = append(st.list, c)
	}
	return c
}

// relate notes that objects of one collection name objects of another.
func (st *store) relate(from *collection, attribute string, to *collection, owner bool) {
	for i := range from.refs {
		if from.refs[i].to == to {
			from.refs[i].owner = from.refs[i].owner || owner
			for j := range to.children {
				if to.children[j].of == from {
					to.children[j].ref = from.refs[i]
				}
			}
			return
		}
	}
	r := ref{attribute: attribute, name: strings.TrimSuffix(attribute, "_id"), to: to, owner: owner}
	from.refs = append(from.refs, r)
	to.children = append(to.children, child{name: from.stem, of: from, ref: r})
}

// fill seeds every collection, what is referred to before what refers to it.
func (st *store) fill() error {
	state := map[*collection]int{} // 1: being filled, 2: done
	var fill func(c *collection) error
	fill = func(c *collection) error {
		switch state[c] {
		case 1:
			return fmt.Errorf("seeds: the objects %s refer to each other in a circle", c.name)
		case 2:
			return nil
		}
		state[c] = 1
		for _, a := range c.seed.Attributes {
			if a.Ref != "" && st.all[a.Ref] == nil {
				return fmt.Errorf("seeds: %s.%s refers to %q, which is no object of the catalog", c.name, a.Name, a.Ref)
			}
		}
		for _, r := range c.refs {
			if err := fill(r.to); err != nil {
				return err
			}
		}
		rows := st.rows
		if rows == 0 {
			rows = max(3, c.seed.combinations(), c.seed.Rows)
			for _, r := range c.refs { // each parent has some children
				rows = max(rows, len(r.to.ids))
			}
		}
		for n := range rows {
			o := c.seed.object(c.name, n, func(name string) []string {
				if to := st.all[name]; to != nil {
					return to.ids
				}
				return nil
			})
			for i, r := range c.refs {
				if _, set := o[r.attribute]; !set && len(r.to.ids) > 0 {
					o[r.attribute] = r.to.ids[(n+n/len(r.to.ids)*i)%len(r.to.ids)]
				}
			}
			if len(c.seed.Attributes) == 0 {
				o["name"] = fmt.Sprintf("%s %d", c.stem, n+1)
			}
			c.add(o)
		}
		for _, a := range c.seed.Attributes {
			c.known[a.Name] = true
		}
		c.known["id"] = true
		state[c] = 2
		return nil
	}
	for _, c := range st.list {
		if err := fill(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *collection) add(o object) (object, bool) {
	if len(c.ids) >= maxObjects {
		return nil, false
	}
	c.next++
	o["id"] = strings.ReplaceAll(cmp.Or(c.seed.IDs, c.stem+"-{n}"), "{n}", strconv.Itoa(c.next))
	c.put(o)
	return o, true
}

func (c *collection) put(o object) {
	id := o["id"].(string)
	if _, exists := c.objects[id]; !exists {
		c.ids = append(c.ids, id)
	}
	c.objects[id] = o
}

// remove deletes an object, what is a part of it, and every mention of its id.
func (c *collection) remove(id string) bool {
	if _, exists := c.objects[id]; !exists {
		return false
	}
	delete(c.objects, id)
	at := slices.Index(c.ids, id)
	c.ids = slices.Delete(c.ids, at, at+1)
	for _, ch := range c.children {
		for _, childID := range slices.Clone(ch.of.ids) {
			switch o := ch.of.objects[childID]; {
			case o[ch.ref.attribute] != id:
			case ch.ref.owner:
				ch.of.remove(childID)
			default:
				o = o.merged(nil)
				o[ch.ref.attribute] = nil
				ch.of.put(o)
			}
		}
	}
	return true
}

// all returns the objects in the order in which they were made.
func (c *collection) all() []object {
	list := make([]object, len(c.ids))
	for i, id := range c.ids {
		list[i] = c.objects[id]
	}
	return list
}

// refTo returns the reference to another collection, if there is one.
func (c *collection) refTo(to *collection) (ref, bool) {
	i := slices.IndexFunc(c.refs, func(r ref) bool { return r.to == to })
	if i < 0 {
		return ref{}, false
	}
	return c.refs[i], true
}

// defaults are the attributes of a new object that its maker did not state: those that
// record rules look at.
func (c *collection) defaults() object {
	o := object{}
	for _, a := range c.seed.Attributes {
		if len(a.Values) > 0 && c.rules.judges(a.Name) {
			put(o, a.Name, a.Values[0])
		}
	}
	return o
}

// selfID is the object that PUT, PATCH and DELETE on a collection's own path are
// about: settings, a picture, the one plan of a person.
const selfID = "self"

// merged returns a new object with the members of old, overwritten by those of o.
func (o object) merged(old object) object {
	out := make(object, len(o)+len(old)+1)
	for k, v := range old {
		out[k] = v
	}
	for k, v := range o {
		out[k] = v
	}
	return out
}

// at returns an attribute, which may be inside others: users.lead.
func (o object) at(name string) (any, bool) {
	if v, ok := o[name]; ok {
		return v, true
	}
	var inside any = map[string]any(o)
	for {
		head, rest, more := strings.Cut(name, ".")
		m, ok := inside.(map[string]any)
		if !ok {
			return nil, false
		}
		v, ok := m[head]
		if !ok || !more {
			return v, ok
		}
		inside, name = v, rest
	}
}

// text is the attribute as filters and conditions compare it; "" when it is absent.
func (o object) text(name string) string {
	v, _ := o.at(name)
	return textOf(v)
}

func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case map[string]any, []any:
		return ""
	}
	return fmt.Sprint(v)
}

// stemOf makes the beginning of ids from a collection's path: its last literal
// segment.
func stemOf(path string) string {
	parts := strings.Split(path, "/")
	for _, part := range slices.Backward(parts) {
		if part != "" && !strings.Contains(part, "{") {
			return part
		}
	}
	return "object"
}

// objectNames maps the path of a collection to the object that its rows name with
// lists or gets; the first row decides.
func objectNames(c *catalogs.Catalog) map[string]string {
	named := map[string]string{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		name, home := e.Gets, collectionPath(e.Path)
		if e.Lists != "" {
			name = e.Lists
		}
		if e.Gets != "" && !compile(e.Path).endsInParameter() {
			continue // an action on one object, or a single one: its path is no collection's
		}
		if name != "" && named[home] == "" {
			named[home] = name
		}
	}
	return named
}
