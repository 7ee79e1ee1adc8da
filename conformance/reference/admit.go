package reference

import (
	"net/http"
	"slices"
)

// admitted is the decision about a call.
func (c *call) admitted(to destination) bool {
	s := c.s
	if to.unguarded {
		return true
	}
	guard := to.guard
	right := s.decide(guard, c.who, c.k)
	if guard.need.open == openToAll && guard.data && (c.who == Malformed || c.who == Unknown) {
		// A credential that was sent and is none is a mistake, even where none is needed.
		return false
	}
	if guard.kind == kindKeys && c.who == Valid {
		if c.wrong("key-management-open") {
			right = true
		}
		if c.wrong("key-edits-itself") && c.rt.param != "" && c.params[c.rt.param] == c.k.id {
			right = true
		}
	}
	for list, attribute := range guard.row.NeedsListed {
		right = right && (c.who != Valid || s.listed(c.k, list, attribute) || s.wrong(guard, "needs-listed-ignored"))
	}
	if len(s.planted) > 0 {
		right = c.misjudge(right)
	}
	return s.manners.admits(c, right)
}

// leakBefore answers before anything is decided, on servers that do.
func (c *call) leakBefore() bool {
	if len(c.s.planted) == 0 {
		return false
	}
	if c.wrong("answers-cached-for-all") && c.r.Method == http.MethodGet {
		if was, ok := c.s.mistaken.recall(c.r.RequestURI); ok {
			for name, values := range was.header {
				c.w.Header()[name] = values
			}
			c.cors(was.status)
			c.w.WriteHeader(was.status)
			_, _ = c.w.Write(was.body)
			return true
		}
	}
	if c.rt.param == "" || c.rt.kind == kindKeys {
		return false
	}
	c.s.store.mu.RLock()
	o, there := c.rt.objects.objects[c.params[c.rt.param]]
	c.s.store.mu.RUnlock()
	if !there && c.who == Valid && c.wrong("existence-before-permission") {
		c.reply(http.StatusNotFound, notFound.body)
		return true
	}
	if match := c.r.Header.Get("If-None-Match"); there && match != "" && c.who == Valid && c.wrong("existence-by-etag") {
		if match == "*" || match == etag(encode(o)) {
			c.reply(http.StatusNotModified, nil)
			return true
		}
	}
	return false
}

// answer writes what was performed.
func (c *call) answer(a answer) {
	h := c.w.Header()
	a.status, a.body = c.shaped(a.status, a.body)
	if _, isFile := a.body.(file); a.body != nil && !isFile {
		a.body = encoded(encode(a.body))
	}
	if c.wrong("no-store-missing") {
		h.Set("Cache-Control", "public, max-age=60")
		h.Del("Vary")
	}
	if c.wrong("cors-jsonp") && c.r.Method == http.MethodGet {
		if callback := c.r.URL.Query().Get("callback"); callback != "" && callbackName.MatchString(callback) && a.body != nil {
			c.cors(a.status)
			h.Set("Content-Type", "application/javascript")
			c.w.WriteHeader(a.status)
			_, _ = c.w.Write(slices.Concat([]byte(callback+"("), encode(a.body), []byte(")")))
			return
		}
	}
	if c.wrong("answers-cached-for-all") && c.r.Method == http.MethodGet && a.status == http.StatusOK {
		h.Set("Content-Type", "application/json")
		c.s.mistaken.remember(c.r.RequestURI, stored{a.status, h.Clone(), encode(a.body)})
	}
	c.reply(a.status, a.body)
}
