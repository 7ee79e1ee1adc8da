package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// A refusal is a leak when it carries values of what the row shows to an admitted key,
// whatever its status. Most servers refuse with the same few bodies everywhere: one that was
// seen on another row too says nothing about this one, and is not looked into.

// maxRefusals bounds how many different refusals are remembered.
const maxRefusals = 1000

// refusals are the bodies of refusals and on which row each was seen first.
type refusals struct {
	mu   sync.Mutex
	seen map[string]int
}

// telling are the values that an admitted key sees of each row, fetched when they are needed.
type telling struct {
	once   sync.Once
	values map[string]bool
}

// leaks reports whether a refusal carries values that only admitted keys see.
func (r *runner) leaks(ctx context.Context, row int, path string, reply *reply) bool {
	if len(reply.body) == 0 || reply.truncated || bytes.IndexByte(reply.body, '"') < 0 {
		return false
	}
	text := string(reply.body)
	r.refusals.mu.Lock()
	first, known := r.refusals.seen[text]
	if !known && len(r.refusals.seen) < maxRefusals {
		r.refusals.seen[text] = row
	}
	r.refusals.mu.Unlock()
	if known && first != row {
		return false
	}
	said := tellingValues(reply.body)
	if len(said) == 0 {
		return false
	}
	for v := range r.shown(ctx, row, path) {
		// The path itself and addresses are no secrets: errors often repeat them.
		if said[v] && !strings.Contains(path, v) && !strings.Contains(v, "://") {
			return true
		}
	}
	return false
}

// shown are the telling values of what the row shows to the key that may most.
func (r *runner) shown(ctx context.Context, row int, path string) map[string]bool {
	t := &r.telling[row]
	t.once.Do(func() {
		rw := &r.plan.Rows[row]
		if rw.Endpoint == nil {
			return
		}
		key := r.plan.StrongestKey(rw.Endpoint)
		if key < 0 {
			return
		}
		x := exchange{method: rw.Method, path: path, cred: r.target.Credentials[key], repeat: true, admits: true}
		if rw.Method != http.MethodGet && rw.Method != http.MethodHead {
			x.body = r.readBody(rw)
		}
		if reply, err := r.client.send(ctx, x); err == nil && reply.status >= 200 && reply.status < 300 {
			t.values = tellingValues(reply.body)
		}
	})
	return t.values
}

// tellingValues are the values in a JSON body that hardly stand in two answers by chance.
func tellingValues(body []byte) map[string]bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil
	}
	out := map[string]bool{}
	var walk func(v any, depth int)
	walk = func(v any, depth int) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				if depth < maxDigestDepth {
					walk(member, depth+1)
				}
			}
		case []any:
			for _, item := range v {
				if depth < maxDigestDepth {
					walk(item, depth+1)
				}
			}
		default:
			if tells(v) {
				out[scalar(v)] = true
			}
		}
	}
	walk(v, 0)
	return out
}
