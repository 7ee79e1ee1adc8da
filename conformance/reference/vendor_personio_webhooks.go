package reference

import (
	"bytes"
	"crypto/rand"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxPersonioEvents   = 1000 // kept for each webhook
	maxPersonioHooks    = 1000 // that are told of one event
	personioDeliveries  = 8    // sent at a time
	personioHookTimeout = 5 * time.Second
)

// personioEvents are what webhooks were told.
type personioEvents struct {
	eventsMu sync.Mutex
	hooks    map[string]*personioHook // by id
	sending  chan struct{}
}

// A personioHook is what a webhook has been told, and who made it.
type personioHook struct {
	maker            string // id of a key
	events, activity []object
}

// eventNames are the things that webhooks are told of, by the collection that is written to.
var eventNames = map[string]string{
	employeesPath: "person", personsPath: "person", personsPath + "/{}/employments": "employment",
	attendancesPath: "attendance-period", "/v2/attendance-periods": "attendance-period",
	timeOffsPath: "absence-period", absencesPath: "absence-period", "/v2/absence-periods": "absence-period",
}

// tell notes who makes webhooks, and tells them of what was written.
func (p *personio) tell(c *call, a answer) {
	if a.status >= 300 {
		return
	}
	home := collectionPath(c.rt.row.Path)
	o, _ := objectOf(a.body)
	id := textOf(o["id"])
	if id == "" {
		id = c.params[c.rt.param]
	}
	if home == webhooksPath {
		p.eventsMu.Lock()
		defer p.eventsMu.Unlock()
		switch c.rt.row.Method {
		case http.MethodPost:
			if len(p.hooks) < maxObjects {
				p.hooks[id] = &personioHook{maker: c.k.id}
			}
		case http.MethodDelete:
			delete(p.hooks, id)
		}
		return
	}
	if thing := eventNames[home]; thing != "" {
		done := map[string]string{http.MethodPost: "created", http.MethodPatch: "updated", http.MethodDelete: "deleted"}[c.rt.row.Method]
		p.fire(thing+"."+done, id)
	}
}

// fire tells every webhook that is enabled and asked for such events. What is granted does not
// matter any more once a webhook was made.
func (p *personio) fire(name, about string) {
	event := object{"id": rand.Text(), "event": name, "timestamp": p.s.now().UTC().Format(time.RFC3339), "data": object{"id": about}}
	p.s.store.mu.RLock()
	hooks := p.s.homes[webhooksPath].all()
	p.s.store.mu.RUnlock()
	told := 0
	for _, hook := range hooks {
		asked, _ := hook["enabled_events"].([]any)
		if hook["status"] != "ENABLED" || len(asked) > 0 && !slices.Contains(asked, any(name)) || told == maxPersonioHooks {
			continue
		}
		id := textOf(hook["id"])
		p.eventsMu.Lock()
		h := p.hooks[id]
		if h == nil { // it was there from the start
			h = &personioHook{}
			p.hooks[id] = h
		}
		maker := h.maker
		p.eventsMu.Unlock()
		if maker != "" && p.s.wrong(nil, "webhook-ends-with-grant") {
			if k := p.s.keys.get(maker); k == nil || !k.holds["personio:webhooks:write"] {
				continue
			}
		}
		told++
		p.note(id, func(h *personioHook) { h.events = latest(h.events, event) })
		p.deliver(id, textOf(hook["url"]), event)
	}
}

// note changes what is known of a webhook that is still there.
func (p *personio) note(id string, change func(*personioHook)) {
	p.eventsMu.Lock()
	defer p.eventsMu.Unlock()
	if h := p.hooks[id]; h != nil {
		change(h)
	}
}

func latest(list []object, o object) []object {
	if len(list) >= maxPersonioEvents {
		list = slices.Clone(list[len(list)-maxPersonioEvents+1:])
	}
	return append(list, o)
}

// deliver posts an event to the address of a webhook, if that is on this machine: a server to
// try things on must not send anything elsewhere. When many are under way it is left out.
func (p *personio) deliver(hook, address string, event object) {
	tried := func(outcome string) {
		p.note(hook, func(h *personioHook) {
			h.activity = latest(h.activity, object{"event_id": event["id"], "timestamp": p.s.now().UTC().Format(time.RFC3339), "outcome": outcome})
		})
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !isLoopback(u.Hostname()) {
		tried("not sent: the address is not on this machine")
		return
	}
	p.eventsMu.Lock()
	if p.sending == nil {
		p.sending = make(chan struct{}, personioDeliveries)
	}
	p.eventsMu.Unlock()
	select {
	case p.sending <- struct{}{}:
	default:
		tried("not sent: too many are under way")
		return
	}
	go func() {
		defer func() { <-p.sending }()
		client := http.Client{Timeout: personioHookTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Post(address, jsonType[0], bytes.NewReader(encode(event)))
		if err != nil {
			tried("failed")
			return
		}
		resp.Body.Close()
		tried(strconv.Itoa(resp.StatusCode))
	}()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// deliveries answers what a webhook was told, and tells it something when it is asked to.
func (p *personio) deliveries(c *call) answer {
	id := c.params["id"]
	p.s.store.mu.RLock()
	hook, there := p.s.homes[webhooksPath].objects[id]
	p.s.store.mu.RUnlock()
	if !there {
		return notFound
	}
	what := c.rt.row.Path[strings.LastIndexByte(c.rt.row.Path, '/')+1:]
	if c.rt.row.Method == http.MethodPost {
		event := object{"id": rand.Text(), "event": what, "timestamp": p.s.now().UTC().Format(time.RFC3339), "data": object(c.body)}
		p.eventsMu.Lock()
		if p.hooks[id] == nil {
			p.hooks[id] = &personioHook{}
		}
		p.eventsMu.Unlock()
		p.deliver(id, textOf(hook["url"]), event)
		return answer{http.StatusOK, object{}}
	}
	p.eventsMu.Lock()
	defer p.eventsMu.Unlock()
	rows := []object{}
	if h := p.hooks[id]; h != nil {
		rows = slices.Clone(h.events)
		if what == "activity" {
			rows = slices.Clone(h.activity)
		}
	}
	from := min(c.query.offset, len(rows))
	to := min(from+c.query.limit, len(rows))
	var next any
	if to < len(rows) {
		next = writeCursor(to)
	}
	return answer{http.StatusOK, object{"data": append([]object{}, rows[from:to]...), "total": len(rows), "next": next}}
}
