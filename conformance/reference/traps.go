package reference

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// A Trap is a way to behave that is right, and that a naive harness takes for a fault.
type Trap struct {
	ID   string // as in the catalog of faults: T1 to T18
	Name string // what switches it on; empty: every server here behaves so
	What string
}

// Traps lists every trap. Those that change how the server refuses are traps on a catalog
// that states no other form; on one that does they are faults.
var Traps = []Trap{
	{"T1", "uniform-404", "whatever is refused is answered 404"},
	{"T2", "scope-401", "a valid key without the permission is answered 401"},
	{"T3", "empty-list", "a refused list is answered 200 and is empty, a refused object 404"},
	{"T4", "create-422", "a refused create is answered 422"},
	{"T5", "anonymous-403", "a request without a key is answered 403"},
	{"T6", "silent-create", "a key that may create and not read is answered 204"},
	{"T7", "", "some endpoints are public"},
	{"T8", "only-listed-methods", "HEAD and OPTIONS are answered 405 to everybody"},
	{"T9", "vary-origin", "answers have Vary: Origin and no Access-Control header"},
	{"T10", "options-204", "OPTIONS is answered 204 without Access-Control headers"},
	{"T11", "busy", "some requests are answered 429 or 503 with Retry-After"},
	{"T12", "crash", "some requests are answered 500, or the connection is dropped"},
	{"T13", "others-write", "other users change rows while the server is looked at"},
	{"T14", "eventual-consistency", "a changed grant is in force after 300 ms"},
	{"T15", "", "a permission implies others, as the catalog says"},
	{"T16", "", "one of several permissions is enough, as the catalog says"},
	{"T17", "validation-first", "a body without a required member is answered 400 before anything is decided"},
	{"T18", "", "a method that a path has for nobody is answered 405"},
}

// readTraps resolves names and ids.
func readTraps(given []string) (map[string]bool, error) {
	on := map[string]bool{}
	for _, text := range given {
		i := slices.IndexFunc(Traps, func(t Trap) bool { return strings.EqualFold(t.ID, text) || t.Name != "" && t.Name == text })
		if i < 0 {
			var names []string
			for _, t := range Traps {
				if t.Name != "" {
					names = append(names, t.Name)
				}
			}
			return nil, fmt.Errorf("no trap %q: expected T1 to T18, or one of %s", text, strings.Join(names, ", "))
		}
		on[Traps[i].Name] = true
	}
	delete(on, "")
	return on, nil
}

// troubled answers what an overloaded or broken server does, and lets other users write. It
// reports whether the request is answered.
func (c *call) troubled() bool {
	traps, n := c.s.traps, c.s.ticks.Add(1)
	if traps["others-write"] && n%17 == 0 {
		c.s.otherUser(int(n))
	}
	switch {
	case traps["busy"] && n%23 == 0:
		c.w.Header().Set("Retry-After", "0")
		c.reply(http.StatusTooManyRequests, object{"error": "too_many_requests"})
	case traps["busy"] && n%29 == 0:
		c.w.Header().Set("Retry-After", "0")
		c.reply(http.StatusServiceUnavailable, object{"error": "unavailable"})
	case traps["crash"] && n%31 == 0:
		panic(http.ErrAbortHandler)
	case traps["crash"] && n%37 == 0:
		c.reply(http.StatusInternalServerError, object{"error": "internal"})
	case traps["options-204"] && c.r.Method == http.MethodOptions:
		c.reply(http.StatusNoContent, nil)
	default:
		return false
	}
	return true
}

// otherUser changes an attribute that decides who sees a row.
func (s *Server) otherUser(n int) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	for _, coll := range s.store.list {
		if !coll.rules.scoped() || len(coll.ids) == 0 {
			continue
		}
		old := coll.objects[coll.ids[n%len(coll.ids)]]
		var deciding []SeedAttribute
		for _, a := range coll.seed.Attributes {
			if len(a.Values) > 1 && coll.rules.judges(a.Name) {
				deciding = append(deciding, a)
			}
		}
		if len(deciding) > 0 {
			turn := n / 17
			a := deciding[turn%len(deciding)]
			o := old.merged(nil)
			at := slices.IndexFunc(a.Values, func(v any) bool { return textOf(v) == old.text(a.Name) })
			o[a.Name] = a.Values[(at+1)%len(a.Values)]
			coll.put(o)
			return
		}
	}
}

// trapRefusal refuses in another form than the usual one.
func (c *call) trapRefusal(withoutKey bool) bool {
	traps, method := c.s.traps, c.r.Method
	reads := c.rt.reads(method)
	switch {
	case traps["uniform-404"]:
		c.reply(http.StatusNotFound, notFound.body)
	case traps["anonymous-403"] && withoutKey:
		c.reply(http.StatusForbidden, object{"error": "forbidden"})
	case traps["empty-list"] && !withoutKey && reads && !c.rt.aboutOne && (c.rt.kind == kindObjects || c.rt.kind == kindKeys):
		c.reply(http.StatusOK, object{"data": []object{}, "total": 0, "next": nil})
	case traps["empty-list"] && !withoutKey && reads:
		c.reply(http.StatusNotFound, notFound.body)
	case traps["create-422"] && !withoutKey && method == http.MethodPost && !reads:
		c.reply(http.StatusUnprocessableEntity, object{"error": "unprocessable"})
	case traps["scope-401"] && !withoutKey:
		c.w.Header().Set("WWW-Authenticate", `Bearer realm="permcheck reference", error="insufficient_scope"`)
		c.reply(http.StatusUnauthorized, object{"error": "insufficient_scope"})
	default:
		return false
	}
	return true
}

// validatedFirst refuses a body without the member that every object of the collection has,
// before anything is decided.
func (c *call) validatedFirst() bool {
	if !c.s.traps["validation-first"] || c.rt.kind != kindObjects || c.rt.param != "" || c.r.Method != http.MethodPost || c.rt.reads(c.r.Method) {
		return false
	}
	i := slices.IndexFunc(c.rt.objects.seed.Attributes, func(a SeedAttribute) bool { return a.Text != "" })
	if i < 0 {
		return false
	}
	body, err := c.readBody()
	if err != nil {
		c.badBody(err)
		return true
	}
	c.readAhead = body
	if name := c.rt.objects.seed.Attributes[i].Name; body[name] == nil {
		c.reply(http.StatusBadRequest, object{"error": "missing", "field": name})
		return true
	}
	return false
}
