package reference

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// browser looks at what only browsers send. A right server has nothing to say to pages of
// other origins: no Access-Control header at all, whatever they ask; where it was told to
// block them it refuses the request itself. It reports whether the request is answered.
func (c *call) browser() bool {
	origin := c.r.Header.Get("Origin")
	if c.s.traps["vary-origin"] {
		c.w.Header().Add("Vary", "Origin")
	}
	if origin == "" {
		return false
	}
	if c.s.block && !sameOrigin(origin, c.r) && !c.wrong("cors-origin-served") {
		c.reply(cmp.Or(c.s.catalog.Refused.Origin.Status, http.StatusForbidden), object{"error": "browser_blocked"})
		return true
	}
	if c.preflight() && len(c.s.planted) > 0 {
		if c.rt == nil { // of the route that the page wants to call
			c.rt, _, _ = c.s.router.find(c.r.Header.Get("Access-Control-Request-Method"), c.r.URL.EscapedPath())
		}
		if c.allowedOrigin(http.StatusNoContent) != "" || c.wrong("cors-private-network") {
			c.reply(http.StatusNoContent, nil)
			return true
		}
		c.rt = nil
	}
	return false
}

func (c *call) preflight() bool {
	return c.r.Method == http.MethodOptions && c.r.Header.Get("Access-Control-Request-Method") != ""
}

func sameOrigin(origin string, r *http.Request) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

// hostName is the name that the server was called by, without a port.
func hostName(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		return host
	}
	return r.Host
}

// callbackName is what a JSONP callback may be called.
var callbackName = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$.]{0,63}$`)

// corsForms are the ways to allow too many origins. Those that check an origin do it against
// the server's own name, as if pages of its own site were meant.
var corsForms = []struct {
	fault string
	allow func(c *call, origin string, status int) bool
	value func(origin string) string // nil: the origin itself
}{
	{"cors-star", func(*call, string, int) bool { return true }, func(string) string { return "*" }},
	{"cors-reflect", func(*call, string, int) bool { return true }, nil},
	{"cors-null", func(_ *call, origin string, _ int) bool { return origin == "null" }, nil},
	{"cors-prefix", func(c *call, origin string, _ int) bool {
		return strings.HasPrefix(origin, "https://"+hostName(c.r)) || strings.HasPrefix(origin, "http://"+hostName(c.r))
	}, nil},
	{"cors-suffix", func(c *call, origin string, _ int) bool { return strings.HasSuffix(origin, hostName(c.r)) }, nil},
	{"cors-unescaped-dot", func(c *call, origin string, _ int) bool {
		re, err := regexp.Compile("^https?://" + strings.Map(func(r rune) rune { // dots stay what they are in a pattern
			if strings.ContainsRune(`\+*?()|[]{}^$`, r) {
				return -1
			}
			return r
		}, hostName(c.r)) + "$")
		return err == nil && re.MatchString(origin)
	}, nil},
	{"cors-any-port", func(c *call, origin string, _ int) bool {
		u, err := url.Parse(origin)
		return err == nil && (u.Hostname() == hostName(c.r) || u.Hostname() == "localhost")
	}, nil},
	{"cors-credentials", func(*call, string, int) bool { return true }, nil},
	{"cors-simple-only", func(c *call, _ string, _ int) bool { return !c.preflight() }, nil},
	{"cors-preflight-only", func(c *call, _ string, _ int) bool { return c.preflight() }, nil},
	{"cors-on-errors", func(c *call, _ string, status int) bool { return status >= 400 }, nil},
	{"cors-on-success", func(c *call, _ string, status int) bool { return status < 300 && !c.preflight() }, nil},
	{"cors-some-routes", func(*call, string, int) bool { return true }, nil},
}

// allowedOrigin is what a server with faults writes in Access-Control-Allow-Origin.
func (c *call) allowedOrigin(status int) string {
	origin := c.r.Header.Get("Origin")
	for _, form := range corsForms {
		if c.wrong(form.fault) && (c.rt != nil || c.s.everywhere(form.fault)) && form.allow(c, origin, status) {
			if form.value != nil {
				return form.value(origin)
			}
			return origin
		}
	}
	return ""
}

// cors adds the headers that a right server never sends.
func (c *call) cors(status int) {
	if len(c.s.planted) == 0 || c.r.Header.Get("Origin") == "" {
		return
	}
	h := c.w.Header()
	if value := c.allowedOrigin(status); value != "" {
		h.Set("Access-Control-Allow-Origin", value)
		if c.wrong("cors-credentials") {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if c.preflight() {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, X-Api-Key, Content-Type")
		}
	}
	if c.wrong("cors-private-network") && c.preflight() {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	if c.wrong("cors-timing") {
		h.Set("Timing-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
}
