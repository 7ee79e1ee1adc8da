package reference

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// maxObjects bounds a collection.
const maxObjects = 100_000

// An object is one JSON object of a collection; "id" is its identity.
type object map[string]any

// A collection is the objects that some routes speak about, in the order in which
// they were made.
type collection struct {
	name    string // the catalog's name of the object, or the collection's path
	stem    string // begins each id
	next    int
	ids     []string
	objects map[string]object
}

// A store holds every collection.
type store struct {
	mu   sync.RWMutex
	rows int // seeded in each collection
	all  map[string]*collection
}

func newStore(rows int) *store { return &store{rows: rows, all: map[string]*collection{}} }

// open returns the collection, seeding it when it is new. It is called while the
// server is built, so that serving needs no second look.
func (st *store) open(name, stem string) *collection {
	c := st.all[name]
	if c == nil {
		c = &collection{name: name, stem: stem, objects: map[string]object{}}
		st.all[name] = c
		for range st.rows {
			c.add(object{"name": fmt.Sprintf("%s %d", stem, c.next+1)})
		}
	}
	return c
}

func (c *collection) add(o object) (object, bool) {
	if len(c.ids) >= maxObjects {
		return nil, false
	}
	c.next++
	o["id"] = fmt.Sprintf("%s-%d", c.stem, c.next)
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

func (c *collection) remove(id string) bool {
	if _, exists := c.objects[id]; !exists {
		return false
	}
	delete(c.objects, id)
	c.ids = slices.Delete(c.ids, slices.Index(c.ids, id), slices.Index(c.ids, id)+1)
	return true
}

// selfID is the object that PUT, PATCH and DELETE on a collection's own path are
// about: settings, a picture, the one plan of a person.
const selfID = "self"

// An answer is what a handler replies when the request is admitted.
type answer struct {
	status int
	body   any // nil: none
}

var notFound = answer{http.StatusNotFound, object{"error": "not_found"}}

// perform does what an admitted request asks for.
func (s *Server) perform(rt *route, method, id string, body object) answer {
	c := rt.objects
	if rt.reads(method) {
		s.store.mu.RLock()
		defer s.store.mu.RUnlock()
		if !rt.aboutOne {
			list := make([]object, len(c.ids))
			for i, id := range c.ids {
				list[i] = c.objects[id]
			}
			return answer{http.StatusOK, object{"data": list, "total": len(list)}}
		}
		if !rt.pattern.endsInParameter() && len(c.ids) > 0 {
			id = c.ids[0]
		}
		if o, ok := c.objects[id]; ok {
			return answer{http.StatusOK, o}
		}
		return notFound
	}

	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if !rt.pattern.endsInParameter() {
		if method != http.MethodPut && method != http.MethodPatch && method != http.MethodDelete {
			o, ok := c.add(body.merged(nil))
			if !ok {
				return answer{http.StatusInsufficientStorage, object{"error": "collection_full"}}
			}
			return answer{http.StatusCreated, o}
		}
		id = selfID
		if c.objects[id] == nil { // it can always be written, and deleted again
			c.put(object{"id": id})
		}
	}
	old, ok := c.objects[id]
	if !ok {
		return notFound
	}
	if method == http.MethodDelete {
		c.remove(id)
		return answer{status: http.StatusNoContent}
	}
	o := body.merged(old)
	o["id"] = id
	c.put(o)
	return answer{http.StatusOK, o}
}

// merged returns a new object with the members of old, overwritten by those of o.
// Objects in a store are never changed, so that answers can be written unlocked.
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
