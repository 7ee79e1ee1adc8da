package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
)

// An Observation is what the server showed for one request. It is small, and holds
// nothing that the server wrote, so that a million of them fit in memory and none
// can leak.
type Observation struct {
	Sent     bool      `json:"sent,omitempty"`     // an answer came; false: see Reason
	Withheld bool      `json:"withheld,omitempty"` // not sent on purpose, as the writes policy says
	Reason   string    `json:"reason,omitempty"`   // why there is no answer
	Status   int       `json:"status"`
	List     ListState `json:"list,omitempty"`
	HTML     bool      `json:"html,omitempty"`
	File     string    `json:"file,omitempty"` // that the body was kept in (--evidence full)
	// StatedForm says that the answer has the form of refusal that is stated for the
	// sender and the row.
	StatedForm bool `json:"stated_form,omitempty"`
	// Unstable says that a read which was not answered as expected was when it was sent
	// again, on another connection.
	Unstable bool `json:"unstable,omitempty"`
	// Leaks says that a refusal carries values that only admitted keys see.
	Leaks bool `json:"leaks,omitempty"`
	// SharedObject says that other requests acted on the same object, so that it may be
	// gone.
	SharedObject bool       `json:"shared_object,omitempty"`
	Effect       EffectSeen `json:"effect,omitempty"`
}

// An answerForm is how a request was answered, as far as it tells one sender from another: some
// servers show a key that may read nothing an empty list.
type answerForm struct {
	status int
	empty  bool
}

func (o *Observation) form() answerForm {
	return answerForm{o.Status, o.admitted() && o.List == EmptyList}
}
func (c *Control) form() answerForm { return answerForm{c.Status, c.Empty} }

// admits reports whether the answer shows something.
func (f answerForm) admits() bool { return f.status >= 200 && f.status < 300 && !f.empty }

// ListState says whether an answer shows any rows.
type ListState uint8

const (
	NoList    ListState = iota // not JSON, or neither an array near the top nor numbers alone
	EmptyList                  // arrays, all of them empty; or numbers alone, all of them 0
	FullList                   // an array with something in it, or numbers that are not 0
)

// EffectSeen says whether a write was seen to have happened.
type EffectSeen uint8

const (
	EffectNotLooked EffectSeen = iota
	EffectAbsent
	EffectPresent
	EffectUnclear
)

func (o *Observation) admitted() bool { return o.Sent && o.Status >= 200 && o.Status < 300 }

// undecided reports whether the answer says nothing about permission: the server is
// busy or broken.
func (o *Observation) undecided() bool {
	return !o.Sent || o.Status < 200 || o.Status == 408 || o.Status == 425 || o.Status == 429 || o.Status >= 500
}

func (o *Observation) why() string {
	if o.Reason != "" {
		return o.Reason
	}
	return fmt.Sprintf("answered %d, which says nothing about permission", o.Status)
}

func (o *Observation) unsent() (Verdict, string) {
	if o.Withheld {
		return Skipped, o.Reason
	}
	return Inconclusive, o.why()
}

// maxCounts bounds the body of an answer that is read as numbers alone, in bytes.
const maxCounts = 4 << 10

// listState looks for arrays in the top two levels of a JSON body. Without any, an answer that
// holds nothing but numbers counts something: statistics of what the sender sees.
func listState(body []byte) ListState {
	if bytes.IndexByte(body, '[') < 0 {
		if len(body) <= maxCounts {
			return countState(body)
		}
		return NoList
	}
	var v any
	if json.Unmarshal(body, &v) != nil {
		return NoList
	}
	state := NoList
	look := func(v any) bool {
		list, ok := v.([]any)
		if ok && len(list) > 0 {
			state = FullList
		} else if ok && state == NoList {
			state = EmptyList
		}
		return ok
	}
	if look(v) {
		return state
	}
	top, _ := v.(map[string]any)
	for _, member := range top {
		if look(member) {
			continue
		}
		if inner, ok := member.(map[string]any); ok {
			for _, m := range inner {
				look(m)
			}
		}
	}
	return state
}

// countState is listState for an answer without arrays.
func countState(body []byte) ListState {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return NoList
	}
	state := NoList
	var walk func(v any) bool
	walk = func(v any) bool {
		switch v := v.(type) {
		case float64:
			if v != 0 {
				state = FullList
			} else if state == NoList {
				state = EmptyList
			}
			return true
		case map[string]any:
			for _, member := range v {
				if !walk(member) {
					return false
				}
			}
			return true
		}
		return false
	}
	if !walk(v) {
		return NoList
	}
	return state
}

// hasForm reports whether an answer has the stated form of refusal.
func hasForm(d catalogs.Denial, status int, body []byte) bool {
	if !d.Known() || status != d.Status {
		return false
	}
	if len(d.Body) == 0 {
		return true
	}
	var got map[string]any
	return json.Unmarshal(body, &got) == nil && contains(got, d.Body)
}

// contains reports whether got has every member of want. Numbers are compared by value.
func contains(got, want map[string]any) bool {
	for name, w := range want {
		g, ok := got[name]
		if !ok {
			return false
		}
		switch w := w.(type) {
		case map[string]any:
			inner, ok := g.(map[string]any)
			if !ok || !contains(inner, w) {
				return false
			}
		default:
			a, errA := json.Marshal(g)
			b, errB := json.Marshal(w)
			if errA != nil || errB != nil || !bytes.Equal(a, b) {
				return false
			}
		}
	}
	return true
}
