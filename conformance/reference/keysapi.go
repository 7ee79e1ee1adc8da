package reference

import (
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// keyObject is a key as the API shows it.
func keyObject(k *key) object {
	o := k.identity()
	o["grants"] = grantsOf(k.granted)
	return o
}

// performKeys serves the rows of the catalog that are about the API's own keys.
func (c *call) performKeys(method string) answer {
	rt, ks := c.rt, c.s.keys
	if rt.param == "" {
		if rt.reads(method) {
			var rows []object
			for _, k := range ks.all() {
				rows = append(rows, keyObject(k))
			}
			c.s.store.mu.RLock()
			defer c.s.store.mu.RUnlock()
			return c.list(rt.objects, rows)
		}
		return c.mintKey()
	}
	k := ks.get(c.params[rt.param])
	if k == nil {
		return notFound
	}
	switch {
	case rt.reads(method):
		return answer{http.StatusOK, keyObject(k)}
	case method == http.MethodDelete:
		if err := ks.remove(k.id); err != nil {
			return failed(err)
		}
		return answer{status: http.StatusNoContent}
	case rt.action == "rotate":
		// The answer is a working secret: it must open nothing that the caller's does not.
		if !c.within(k.granted) || !c.withinLimits(k.sharing, k.lists) {
			return escalation
		}
		k, secret, err := ks.rotate(k.id)
		if err != nil {
			return failed(err)
		}
		o := keyObject(k)
		o["secret"] = secret
		return answer{http.StatusOK, o}
	}
	return c.editKey(k)
}

// escalation refuses to give a key what its maker does not hold.
var escalation = answer{http.StatusForbidden, object{"error": "escalation"}}

func failed(err error) answer {
	switch {
	case errors.Is(err, errFull):
		return answer{http.StatusInsufficientStorage, object{"error": "full"}}
	case errors.Is(err, errNoKey):
		return notFound
	}
	return answer{http.StatusInternalServerError, object{"error": "internal"}}
}

// within reports whether the caller holds all of a grant.
func (c *call) within(grant []perm.Permission) bool {
	for p := range c.s.vocab.holdings(grant) {
		if !c.k.holds[p] {
			return false
		}
	}
	return true
}

// withinLimits reports whether a sharing and lists show no more than the caller's own.
func (c *call) withinLimits(sharing map[string]string, lists map[string][]string) bool {
	for object, own := range c.k.sharing {
		if sharing[object] != own {
			return false
		}
	}
	for list, own := range c.k.lists {
		theirs, chosen := lists[list]
		if !chosen || slices.ContainsFunc(theirs, func(a string) bool { return !slices.Contains(own, a) }) {
			return false
		}
	}
	return true
}

// keyRequest reads what a body says about a key; absent members are nil.
type keyRequest struct {
	name    *string
	grants  *[]perm.Permission
	state   *string
	sharing map[string]string
	lists   map[string][]string
}

func (c *call) keyRequest() (req keyRequest, bad string) {
	b := c.body
	if v, ok := b["name"]; ok {
		name, isText := v.(string)
		if !isText || len(name) > 200 {
			return req, "name"
		}
		req.name = &name
	}
	if v, ok := b["state"]; ok {
		state, _ := v.(string)
		if state != stateEnabled && state != stateDisabled {
			return req, "state"
		}
		req.state = &state
	}
	if v, ok := b["grants"]; ok {
		texts, ok := textList(v)
		if !ok {
			return req, "grants"
		}
		grant := make([]perm.Permission, len(texts))
		for i, t := range texts {
			grant[i] = perm.Permission(t)
		}
		grant, err := c.s.knownGrant(grant)
		if err != nil {
			return req, "grants"
		}
		req.grants = &grant
	}
	if v, ok := b["sharing"]; ok {
		m, ok := v.(map[string]any)
		req.sharing = map[string]string{}
		for object, option := range m {
			req.sharing[object], _ = option.(string)
		}
		if !ok || c.s.knownSharing(req.sharing) != nil {
			return req, "sharing"
		}
	}
	if v, ok := b["lists"]; ok {
		m, ok := v.(map[string]any)
		req.lists = map[string][]string{}
		for list, names := range m {
			texts, isList := textList(names)
			if !isList {
				return req, "lists"
			}
			req.lists[list] = texts
		}
		if !ok || c.s.knownLists(req.lists) != nil {
			return req, "lists"
		}
	}
	return req, ""
}

func textList(v any) ([]string, bool) {
	items, ok := v.([]any)
	if !ok || len(items) > maxLimit {
		return nil, false
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], ok = item.(string); !ok {
			return nil, false
		}
	}
	return out, true
}

// limits are a key's sharing and lists, changed as a body asks.
func (req *keyRequest) limits(of *key) (map[string]string, map[string][]string) {
	sharing, lists := map[string]string{}, map[string][]string{}
	maps.Copy(sharing, of.sharing)
	maps.Copy(sharing, req.sharing)
	maps.Copy(lists, of.lists)
	maps.Copy(lists, req.lists)
	return sharing, lists
}

func (c *call) mintKey() answer {
	req, bad := c.keyRequest()
	if bad != "" {
		return invalid(bad)
	}
	of := keyOf{state: stateEnabled, owner: c.k.owner, expires: c.k.expires, grant: []perm.Permission{}}
	if req.name != nil {
		of.name = *req.name
	}
	if req.grants != nil {
		of.grant = *req.grants
	}
	if req.state != nil {
		of.state = *req.state
	}
	of.sharing, of.lists = req.limits(c.k) // unless it says otherwise, the maker's
	if (!c.within(of.grant) || !c.withinLimits(of.sharing, of.lists)) && !c.wrong("key-mints-stronger") {
		return escalation
	}
	k, secret, err := c.s.keys.mint(of, c.s.vocab)
	if err != nil {
		return failed(err)
	}
	o := keyObject(k)
	o["secret"] = secret
	return answer{http.StatusCreated, o}
}

func (c *call) editKey(k *key) answer {
	req, bad := c.keyRequest()
	if bad != "" {
		return invalid(bad)
	}
	sharing, lists := req.limits(k)
	stronger := req.grants != nil && !c.within(*req.grants) ||
		(req.sharing != nil || req.lists != nil || req.grants != nil) && !c.withinLimits(sharing, lists) ||
		req.state != nil && !c.within(k.granted)
	if stronger && !c.wrong("key-edits-stronger") && !(k.id == c.k.id && c.wrong("key-edits-itself")) {
		return escalation
	}
	changed, err := c.s.keys.update(k.id, func(k *key) {
		if req.name != nil {
			k.name = *req.name
		}
		if req.grants != nil {
			c.s.regrant(k, *req.grants)
		}
		if req.state != nil {
			c.s.setState(k, *req.state)
		}
		k.sharing, k.lists = sharing, lists
	})
	if err != nil {
		return failed(err)
	}
	return answer{http.StatusOK, keyObject(changed)}
}
