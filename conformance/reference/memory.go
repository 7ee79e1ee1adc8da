package reference

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// A memory is what a server with faults remembers and should not.
type memory struct {
	mu       sync.Mutex
	usedKeys map[string]bool     // ids of keys that were used
	cached   map[string]holdings // id of a key -> what it held when it was first used
	refused  map[string]bool     // key and route
	parked   map[string]bool     // ids of keys that were shown while they were disabled
	admitted map[string]bool     // method and path
	answers  map[string]stored   // method and target
}

// stored is an answer as it was sent.
type stored struct {
	status int
	header http.Header
	body   []byte
}

func (m *memory) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *memory) use(id string) {
	m.locked(func() {
		if m.usedKeys == nil {
			m.usedKeys = map[string]bool{}
		}
		m.usedKeys[id] = true
	})
}

// wasParked reports whether a key was shown while it was disabled, now included.
func (m *memory) wasParked(id string, now bool) (was bool) {
	m.locked(func() {
		if m.parked == nil {
			m.parked = map[string]bool{}
		}
		if now {
			m.parked[id] = true
		}
		was = m.parked[id]
	})
	return was
}

func (m *memory) used(id string) (used bool) {
	m.locked(func() { used = m.usedKeys[id] })
	return used
}

// stale is a key as a server with a cache of grants sees it.
func (s *Server) stale(k *key, rt *route) *key {
	narrowing := s.wrong(rt, "stale-after-narrowing")
	if !narrowing {
		return k
	}
	m := &s.mistaken
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cached == nil {
		m.cached = map[string]holdings{}
	}
	had, ok := m.cached[k.id]
	if !ok {
		m.cached[k.id] = k.holds
		return k
	}
	old := *k
	old.holds = holdings{}
	for p := range had {
		old.holds[p] = true
	}
	for p := range k.holds { // what was added is seen
		old.holds[p] = true
	}
	return &old
}

// replica says which of two servers behind one address has the connection.
func replica(r *http.Request) int {
	_, port, _ := net.SplitHostPort(r.RemoteAddr)
	h := 0
	for _, c := range port {
		h = h*31 + int(c)
	}
	return h / 2 % 2 // neighbouring connections have even ports
}

// lagTime is within what a server may take until a change of grants is known everywhere.
const lagTime = 300 * time.Millisecond

// lagging is a key as a server sees it that takes a moment until a change is in force.
func (s *Server) lagging(k *key) *key {
	if !s.traps["eventual-consistency"] || s.now().Sub(k.changed) > lagTime {
		return k
	}
	old := *k
	old.holds = k.before
	return &old
}

// misjudge is what servers with caches, replicas or trusted addresses make of a right
// decision.
func (c *call) misjudge(right bool) bool {
	m := &c.s.mistaken
	if c.wrong("stale-after-widening") && c.who == Valid {
		id := c.k.id + " " + c.rt.row.String()
		m.mu.Lock()
		if m.refused == nil {
			m.refused = map[string]bool{}
		}
		m.refused[id] = m.refused[id] || !right
		right = right && !m.refused[id]
		m.mu.Unlock()
	}
	if c.wrong("decision-cached-without-key") && c.who == Valid && c.rt.reads(c.r.Method) {
		id := c.r.Method + " " + c.r.URL.EscapedPath()
		m.mu.Lock()
		if m.admitted == nil {
			m.admitted = map[string]bool{}
		}
		m.admitted[id] = m.admitted[id] || right
		right = m.admitted[id]
		m.mu.Unlock()
	}
	if c.wrong("one-replica-unguarded") && c.who == Valid && replica(c.r) == 1 {
		right = true
	}
	if c.wrong("forwarded-address-trusted") && trustsForwarded(c.r) {
		right = true
	}
	if c.wrong("host-header-unguarded") && internalHost(c.r.Host) {
		right = true
	}
	if c.wrong("get-with-body-unguarded") && c.r.Method == http.MethodGet && c.r.ContentLength > 0 {
		right = right || c.who == Valid
	}
	if c.wrong("content-type-picks-handler") && !c.rt.reads(c.r.Method) {
		if t := c.r.Header.Get("Content-Type"); t != "" && t != "application/json" {
			right = right || c.who == Valid
		}
	}
	return right
}

func trustsForwarded(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "X-Forwarded-Host", "X-Client-IP", "True-Client-IP"} {
		switch r.Header.Get(name) {
		case "127.0.0.1", "::1", "localhost":
			return true
		}
	}
	return false
}

// internalHost reports whether a Host is a name without a port that only insiders use.
func internalHost(host string) bool {
	switch host {
	case "localhost", "internal", "admin", "intranet", "backend":
		return true
	}
	return false
}

// maxRemembered bounds what a server with faults remembers of each kind.
const maxRemembered = 10_000

func (m *memory) remember(target string, a stored) {
	m.locked(func() {
		if m.answers == nil || len(m.answers) > maxRemembered {
			m.answers = map[string]stored{}
		}
		m.answers[target] = a
	})
}

func (m *memory) recall(target string) (a stored, ok bool) {
	m.locked(func() { a, ok = m.answers[target] })
	return a, ok
}
