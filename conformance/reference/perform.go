package reference

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// An answer is what a handler replies when the request is admitted.
type answer struct {
	status int
	body   any // nil: none
}

var notFound = answer{http.StatusNotFound, object{"error": "not_found"}}

func invalid(field string) answer {
	return answer{http.StatusUnprocessableEntity, object{"error": "invalid", "field": field}}
}

// absent is how an object that is not there is answered, and one that the caller does
// not see: alike.
func (c *call) absent(coll *collection) answer {
	if status := coll.rules.hidden; status != 0 && status != http.StatusNotFound {
		return answer{status, object{"error": "forbidden"}}
	}
	return notFound
}

// hidden is absent, for an object that is there and that the caller does not see.
func (c *call) hidden(coll *collection, o object) answer {
	switch {
	case c.wrong("existence-by-status"):
		return answer{http.StatusForbidden, object{"error": "forbidden"}}
	case c.wrong("existence-by-body"):
		return answer{http.StatusNotFound, object{"error": "not_found", "message": "not shared with this key"}}
	case c.wrong("existence-by-header"):
		c.w.Header().Set("ETag", etag(encode(o)))
	}
	return c.absent(coll)
}

// outOfScope refuses a write whose result the caller may not see.
var outOfScope = answer{http.StatusForbidden, object{"error": "out_of_scope"}}

// guardedField refuses a write to a field that the caller may not see.
func guardedField(name string) answer {
	return answer{http.StatusForbidden, object{"error": "forbidden_field", "field": name}}
}

// perform does what an admitted request asks for.
func (c *call) perform(method string) answer {
	rt := c.rt
	switch rt.kind {
	case kindPlain:
		return answer{http.StatusOK, object{"status": "ok"}}
	case kindIdentity:
		return answer{http.StatusOK, c.k.identity()}
	case kindAttributes:
		return c.attributes()
	case kindKeys:
		return c.performKeys(method)
	}
	if rt.reads(method) {
		c.s.store.mu.RLock()
		defer c.s.store.mu.RUnlock()
		return c.read(method)
	}
	c.s.store.mu.Lock()
	defer c.s.store.mu.Unlock()
	switch {
	case rt.kind == kindBatch:
		return c.batch()
	case rt.param != "":
		return c.change(method, c.params[rt.param])
	case method == http.MethodPut || method == http.MethodPatch || method == http.MethodDelete:
		if rt.objects.objects[selfID] == nil { // it can always be written, and deleted again
			rt.objects.put(object{"id": selfID})
		}
		return c.change(method, selfID)
	}
	return c.create()
}

// read answers rows, one row, or how many there are. The store is locked.
func (c *call) read(method string) answer {
	coll := c.rt.objects
	switch c.rt.kind {
	case kindCount:
		return answer{http.StatusOK, object{"count": c.count(coll)}}
	case kindStatistics:
		return c.statistics()
	}
	rows, ok := c.inParent(coll)
	if !ok {
		return c.absent(c.rt.parent)
	}
	if c.rt.aboutOne {
		return c.one(coll)
	}
	if rows == nil {
		rows = coll.all()
	}
	if ids, ok := c.body["ids"].([]any); ok && method == http.MethodPost {
		c.query.limitIDs = true
		for _, id := range ids[:min(len(ids), maxLimit)] {
			c.query.ids = append(c.query.ids, textOf(id))
		}
	}
	return c.list(coll, rows)
}

// inParent returns the rows of the parent that the path names, nil where the path
// names none; false if the caller does not see that.
func (c *call) inParent(coll *collection) ([]object, bool) {
	if c.rt.parent == nil {
		return nil, true
	}
	id := c.params[c.rt.parentParam]
	parent, ok := c.rt.parent.objects[id]
	if !ok || !c.s.sees(c.k, c.rt.parent, parent) && !c.wrong("subresource-unfiltered") {
		return nil, false
	}
	rows := []object{}
	for _, childID := range coll.ids {
		if o := coll.objects[childID]; o[c.rt.via.attribute] == id {
			rows = append(rows, o)
		}
	}
	return rows, true
}

func (c *call) one(coll *collection) answer {
	id := ""
	if c.rt.param != "" {
		id = c.params[c.rt.param]
	} else if len(coll.ids) > 0 {
		id = coll.ids[0]
	}
	o, ok := coll.objects[id]
	if ok && c.rt.parent != nil && o[c.rt.via.attribute] != c.params[c.rt.parentParam] {
		ok = false
	}
	if !ok {
		return c.absent(coll)
	}
	if !c.sees(coll, o) && !(coll.rules.scoped() && c.wrong("get-unfiltered")) {
		return c.hidden(coll, o)
	}
	_, body := c.shaped(http.StatusOK, c.show(coll, o))
	shown := encoded(encode(body))
	tag := etag(shown)
	c.w.Header().Set("ETag", tag)
	if match := c.r.Header.Get("If-None-Match"); match != "" && (match == "*" || strings.Contains(match, tag)) {
		return answer{status: http.StatusNotModified}
	}
	return answer{http.StatusOK, shown}
}

// etag is of what the caller is shown, so that two callers who see the same have the same.
func etag(shown encoded) string {
	h := fnv.New64a()
	_, _ = h.Write(shown)
	return `"` + strconv.FormatUint(h.Sum64(), 16) + `"`
}

// count is how many rows of a collection the caller sees.
func (c *call) count(coll *collection) int {
	n := 0
	for _, id := range coll.ids {
		if c.wrong("statistics-unfiltered") || c.sees(coll, coll.objects[id]) {
			n++
		}
	}
	return n
}

// statistics counts the rows of every object that record rules or other objects are
// about.
func (c *call) statistics() answer {
	out := object{}
	for _, coll := range c.s.store.list {
		if coll.name != keysObject && !strings.HasPrefix(coll.name, "/") {
			out[coll.stem] = c.count(coll)
		}
	}
	return answer{http.StatusOK, out}
}

// attributes answers the attributes that the caller's allow list shows.
func (c *call) attributes() answer {
	i := slices.IndexFunc(c.s.catalog.AllowLists, func(l catalogs.AllowList) bool { return l.ShownBy == c.rt.row.String() })
	l := &c.s.catalog.AllowLists[i]
	var names []string
	if coll := c.s.store.all[l.Of]; coll != nil {
		for name := range coll.known {
			if c.s.listed(c.k, l.Name, name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	data := make([]object, len(names))
	for i, name := range names {
		data[i] = object{"key": name}
	}
	return answer{http.StatusOK, object{"data": data, "total": len(data)}}
}

// checked returns what a body asks to write, without what the server sets itself; or why it
// may not be written. The store is locked.
func (c *call) checked(coll *collection, body, old object) (object, *answer) {
	out := object{}
	ours := coll.rules.ours()
	names := make([]string, 0, len(body))
	for name := range body {
		names = append(names, name)
	}
	slices.Sort(names)
	unguarded := c.wrong("mass-assignment-on-create") && old == nil || c.wrong("mass-assignment-on-update") && old != nil
	for _, name := range names {
		v := body[name]
		if name == "id" || !unguarded && slices.ContainsFunc(ours, func(our string) bool { return our == name || strings.HasPrefix(our, name+".") }) {
			continue
		}
		if !c.mayWrite(coll, name, v) && !unguarded {
			a := guardedField(name)
			return nil, &a
		}
		if !coll.fits(name, v) {
			a := invalid(name)
			if stored, ok := old[name]; ok && c.wrong("error-quotes-stored-value") {
				a.body = object{"error": "invalid", "field": name, "message": fmt.Sprintf("cannot replace %v of %v", stored, old)}
			}
			return nil, &a
		}
		if r, ok := refNamed(coll, name); ok && v != nil {
			if target, there := r.to.objects[textOf(v)]; !there || !c.s.sees(c.k, r.to, target) {
				a := invalid(name)
				return nil, &a
			}
		}
		out[name] = v
	}
	return out, nil
}

// mayWrite reports whether the caller sees the field that it wants to write, and all
// guarded ones inside.
func (c *call) mayWrite(coll *collection, name string, v any) bool {
	if !c.s.readable(c.k, coll, name, c.rt.row.Ignores) {
		return false
	}
	if _, ok := v.(map[string]any); ok {
		for _, inner := range coll.rules.nested[name] {
			if !c.s.readable(c.k, coll, name+"."+inner, c.rt.row.Ignores) {
				return false
			}
		}
	}
	return true
}

// fits reports whether a value is of the kind that the attribute is seeded with.
func (coll *collection) fits(name string, v any) bool {
	i := slices.IndexFunc(coll.seed.Attributes, func(a SeedAttribute) bool { return a.Name == name })
	if i < 0 || v == nil {
		return true
	}
	a := &coll.seed.Attributes[i]
	var ok bool
	switch {
	case len(a.Values) > 0:
		switch a.Values[0].(type) {
		case bool:
			_, ok = v.(bool)
		case string:
			_, ok = v.(string)
		default:
			_, ok = number(v)
		}
	case a.Ref != "" || a.Text != "":
		_, ok = v.(string)
	default:
		_, ok = number(v)
	}
	return ok
}

// writable reports whether a row is one that the caller may write: one that its sharing
// shows, and where nobody is admitted without a permission that reveals rows, those too.
func (c *call) writable(coll *collection, o object) bool {
	return c.s.seesWith(c.k, coll, o, c.rt.revealing)
}

// written is what the answer to a write shows: the row as the caller may read it, or only
// its id where it may not.
func (c *call) written(status int, coll *collection, o object) answer {
	switch {
	case c.wrong("field-in-write-answer"):
		return answer{status, o}
	case c.s.traps["silent-create"] && status == http.StatusCreated && !c.mayRead(coll):
		return answer{status: http.StatusNoContent}
	case !c.mayRead(coll) || !c.s.sees(c.k, coll, o):
		return answer{status, object{"id": o["id"]}}
	}
	return answer{status, c.project(coll, o)}
}

func (c *call) create() answer {
	coll := c.rt.objects
	if _, ok := c.inParent(coll); !ok {
		return c.absent(c.rt.parent)
	}
	body, no := c.checked(coll, c.body, nil)
	if no != nil {
		return *no
	}
	o := body.merged(coll.defaults())
	for _, name := range coll.rules.ours() {
		if stated, _ := body.at(name); stated == nil || !c.wrong("mass-assignment-on-create") {
			put(o, name, c.k.id)
		}
	}
	if c.rt.parent != nil {
		o[c.rt.via.attribute] = c.params[c.rt.parentParam]
	}
	if !c.s.seesWith(c.k, coll, o, false) && !c.wrong("create-outside-scope") {
		return outOfScope
	}
	o, ok := coll.add(o)
	if !ok {
		return answer{http.StatusInsufficientStorage, object{"error": "collection_full"}}
	}
	return c.written(http.StatusCreated, coll, o)
}

// change updates or deletes one row.
func (c *call) change(method, id string) answer {
	coll := c.rt.objects
	if inBody, ok := c.body["id"].(string); ok && coll.objects[inBody] != nil && c.wrong("body-id-wins") {
		id = inBody // and nobody asked whether that one may be written
	} else if o, ok := coll.objects[id]; ok && !c.writable(coll, o) {
		enters := method != http.MethodDelete && c.wrong("update-enters-scope") && c.writable(coll, c.body.merged(o))
		if !enters && !(c.wrong("write-outside-scope")) {
			return c.hidden(coll, o)
		}
	}
	old, ok := coll.objects[id]
	if !ok {
		return c.absent(coll)
	}
	if method == http.MethodDelete {
		coll.remove(id)
		return answer{status: http.StatusNoContent}
	}
	set := c.body
	if c.rt.kind == kindAction {
		set = c.body.merged(nil)
		for name, v := range coll.seed.Actions[c.rt.action] {
			set[name] = v
		}
	}
	body, no := c.checked(coll, set, old)
	if no != nil {
		return *no
	}
	o := body.merged(old)
	o["id"] = id
	if c.writable(coll, old) && !c.writable(coll, o) && !c.wrong("update-leaves-scope") {
		return outOfScope
	}
	coll.put(o)
	return c.written(http.StatusOK, coll, o)
}

// batch makes one change to several rows: to all or to none.
func (c *call) batch() answer {
	coll := c.rt.objects
	ids, _ := c.body["ids"].([]any)
	if len(ids) > maxLimit {
		return invalid("ids")
	}
	set, _ := c.body["set"].(map[string]any)
	changed := make([]object, 0, len(ids))
	for _, v := range ids {
		old, ok := coll.objects[textOf(v)]
		if !ok {
			return c.absent(coll)
		}
		unscoped := c.wrong("batch-write-ignores-scope")
		if !c.writable(coll, old) && !unscoped {
			return c.hidden(coll, old)
		}
		body, no := c.checked(coll, set, old)
		if no != nil {
			return *no
		}
		o := body.merged(old)
		o["id"] = old["id"]
		if !c.writable(coll, o) && !unscoped {
			return outOfScope
		}
		changed = append(changed, o)
	}
	data := make([]object, len(changed))
	for i, o := range changed {
		coll.put(o)
		data[i], _ = c.written(http.StatusOK, coll, o).body.(object)
	}
	return answer{http.StatusOK, object{"data": data, "updated": len(data)}}
}
