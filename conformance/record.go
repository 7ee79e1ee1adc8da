package conformance

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// Bounds on what one record holds, so that the records of a large plan fit in memory and in
// a report.
const (
	maxDigestPaths  = 400
	maxDigestValues = 200 // for each path
	maxDigestIDs    = 2000
	maxDigestDepth  = 12
)

// A Record is the evidence for one question: what was sent and what came back, without
// secrets and without the server's own values. A judge looks at nothing else besides the
// facts of the matrix, so that verdicts can be worked out again from a report.
type Record struct {
	// Done says that the question was performed. It stays false when the run was cut short.
	Done bool `json:"done"`
	// Skipped says why it was left out on purpose, such as the policy for writes.
	Skipped string `json:"skipped,omitempty"`
	// Problem says why it could not be performed to its end, which decides nothing.
	Problem   string     `json:"problem,omitempty"`
	Exchanges []Exchange `json:"exchanges,omitempty"`
	// Sets are named sets of keyed hashes, such as the ids that a key must see.
	Sets map[string][]string `json:"sets,omitempty"`
	// Facts are named words of permcheck's own, never the server's values.
	Facts map[string]string `json:"facts,omitempty"`
	// Again holds what two repetitions showed, where the first record would have failed.
	Again []Record `json:"again,omitempty"`
}

// An Exchange is one request of an experiment and what came back.
type Exchange struct {
	Label  string   `json:"label"` // what it is for; a judge finds it by this name
	Method string   `json:"method"`
	Path   string   `json:"path"` // as it was sent, below the target's address
	Key    string   `json:"key"`
	Auth   string   `json:"auth,omitempty"`   // the header or parameter that showed the key, a variable in place of the secret
	Header []string `json:"header,omitempty"` // further headers that were sent, as "Name: value"
	Raw    bool     `json:"raw,omitempty"`    // sent byte by byte, as curl --path-as-is does
	// Any says that every status tells something here, 429 and 5xx included.
	Any bool `json:"any,omitempty"`
	// Against says that this is the answer which goes against a script.
	Against bool `json:"against,omitempty"`

	// Admission says that the answer admitted a sender which the catalog refuses; nil: it did not.
	Admission *Admission `json:"admission,omitempty"`

	Status int    `json:"status"`           // 0: no answer came
	Reason string `json:"reason,omitempty"` // why not
	// Answered maps the names of the answer's headers to their values, or to keyed hashes
	// of those that may tell something about records.
	Answered map[string]string `json:"answered,omitempty"`
	Body     Digest            `json:"body"`
	File     string            `json:"file,omitempty"` // that the body was kept in (--evidence full)
}

// OK reports whether the answer is 2xx.
func (x *Exchange) OK() bool { return x.Status >= 200 && x.Status < 300 }

// undecided reports whether the answer says nothing about permission.
func (x *Exchange) undecided() bool {
	o := Observation{Sent: x.Status != 0, Status: x.Status}
	return o.undecided()
}

// A Digest tells two bodies apart and which values they share, without holding any.
type Digest struct {
	Bytes int    `json:"bytes"`
	Kind  string `json:"kind"` // empty, json, html or other
	// Cut says that the body was longer than what is read.
	Cut bool   `json:"cut,omitempty"`
	Sum string `json:"sum,omitempty"` // keyed hash of the whole body
	// Paths maps where a value stands in a JSON body, array indices as [], to the keyed
	// hashes of the values there, sorted.
	Paths map[string][]string `json:"paths,omitempty"`
	// Telling are the keyed hashes of those values that hardly stand in a body by chance.
	Telling []string `json:"telling,omitempty"`
	// IDs are the keyed hashes of the ids of the objects that a list shows, in its order.
	IDs []string `json:"ids,omitempty"`
	// Count is the number of objects in the list, -1 where there is none.
	Count int `json:"count"`
	// Total is what the list says that there are, -1 where it does not say.
	Total int `json:"total"`
}

// Find returns the exchange with a label; nil when there is none.
func (r *Record) Find(label string) *Exchange {
	for i := range r.Exchanges {
		if r.Exchanges[i].Label == label {
			return &r.Exchanges[i]
		}
	}
	return nil
}

// Last returns the last exchange; nil when nothing was sent.
func (r *Record) Last() *Exchange {
	if len(r.Exchanges) == 0 {
		return nil
	}
	return &r.Exchanges[len(r.Exchanges)-1]
}

// Fact notes a word of permcheck's own.
func (r *Record) Fact(name, value string) {
	if r.Facts == nil {
		r.Facts = map[string]string{}
	}
	r.Facts[name] = value
}

// Set notes a set of hashes.
func (r *Record) Set(name string, hashes []string) {
	if r.Sets == nil {
		r.Sets = map[string][]string{}
	}
	list := slices.Clone(hashes)
	slices.Sort(list)
	r.Sets[name] = slices.Compact(list)
}

// A hasher makes keyed hashes. Its key is made for one run and never leaves it: hashes of
// short values could be looked up otherwise.
type hasher struct {
	keyed sync.Pool                // of hash.Hash: to put the key in is most of the work on a short value
	clean func(text string) string // takes secrets out of texts that are cut; nil: there are none
}

func newHasher() *hasher {
	key := make([]byte, 32)
	rand.Read(key) // documented never to fail
	return &hasher{keyed: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// nullValue stands for null in digests, so that judges can tell it from a value.
const nullValue = "null"

// value returns the keyed hash of a JSON value. Numbers that are equal as text, and a
// number and a string with the same text, have the same hash: APIs mix them up for ids.
func (h *hasher) value(v any) string {
	switch v := v.(type) {
	case string:
		return h.text(v)
	case json.Number:
		return h.text(v.String())
	case float64:
		return h.text(strconv.FormatFloat(v, 'f', -1, 64))
	case nil:
		return nullValue
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "" // no value that JSON was decoded into
	}
	return h.text("\x00" + string(data))
}

func (h *hasher) text(s string) string {
	m := h.keyed.Get().(hash.Hash)
	defer h.keyed.Put(m)
	m.Reset()
	io.WriteString(m, s)
	var sum [sha256.Size]byte
	return hex.EncodeToString(m.Sum(sum[:0])[:8])
}

// digest sums up an answer. d says where its lists and ids are; the zero value guesses.
func (h *hasher) digest(a *Answer, d *Dialect) Digest {
	out := Digest{Bytes: len(a.Body), Cut: a.Truncated, Count: -1, Total: -1}
	v := a.JSON()
	switch {
	case len(a.Body) == 0:
		out.Kind = "empty"
		return out
	case v != nil || bytes.Equal(bytes.TrimSpace(a.Body), []byte("null")):
		out.Kind = "json"
	case a.HTML:
		out.Kind = "html"
	default:
		out.Kind = "other"
	}
	out.Sum = h.text(string(a.Body))
	if v == nil {
		return out
	}
	paths := map[string]map[string]bool{}
	telling := map[string]bool{}
	h.walk(v, "", 0, paths, telling)
	out.Paths = make(map[string][]string, len(paths))
	for path, set := range paths {
		out.Paths[path] = slices.Sorted(maps.Keys(set))
	}
	out.Telling = slices.Sorted(maps.Keys(telling))
	if list := d.list(v); list != nil {
		out.Count = len(list)
		for _, item := range list[:min(len(list), maxDigestIDs)] {
			if id := d.id(item); id != "" {
				out.IDs = append(out.IDs, h.text(id))
			}
		}
	}
	out.Total = d.total(v, a.Header)
	return out
}

// walk collects the scalars of a JSON value.
func (h *hasher) walk(v any, path string, depth int, paths map[string]map[string]bool, telling map[string]bool) {
	if depth > maxDigestDepth {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			h.walk(v[name], joinPath(path, h.member(name)), depth+1, paths, telling)
		}
		return
	case []any:
		for _, item := range v {
			h.walk(item, path+"[]", depth+1, paths, telling)
		}
		return
	}
	set := paths[path]
	if set == nil {
		if len(paths) >= maxDigestPaths {
			return
		}
		set = map[string]bool{}
		paths[path] = set
	}
	wanted, telltale := len(set) < maxDigestValues, tells(v) && len(telling) < maxDigestIDs
	if !wanted && !telltale {
		return
	}
	sum := h.value(v)
	if wanted {
		set[sum] = true
	}
	if telltale {
		telling[sum] = true
	}
}

// maxMember bounds the name of a member in a path, in bytes.
const maxMember = 100

// member is the name of a member as paths have it. A long one is cut there.
func (h *hasher) member(name string) string {
	if len(name) > maxMember && h.clean != nil {
		return h.clean(name)
	}
	return name
}

func joinPath(path, name string) string {
	if len(name) > maxMember {
		sum := sha256.Sum256([]byte(name))
		name = strings.ToValidUTF8(name[:maxMember], "") + "#" + hex.EncodeToString(sum[:4])
	}
	// A member may have any name: what could be taken for structure is quoted.
	if name == "" || strings.ContainsAny(name, ".[]\"") || strings.ContainsFunc(name, unicode.IsControl) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// tells reports whether a value hardly stands in two answers by chance: a text of eight
// characters or more that is no plain word, or a number of four digits or more.
func tells(v any) bool {
	text := ""
	switch v := v.(type) {
	case string:
		text = v
	case json.Number:
		return len(strings.TrimLeft(v.String(), "-0.")) >= 4
	default:
		return false
	}
	if len(text) < 8 {
		return false
	}
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSpace(r) || r == '@' || r == '-' })
}

// shownHeaders are answer headers whose values are evidence by themselves and tell nothing
// about records. Of all others a record holds a keyed hash.
var shownHeaders = map[string]bool{
	"Allow": true, "Cache-Control": true, "Content-Type": true, "Content-Length": true, "Pragma": true, "Retry-After": true,
	"Timing-Allow-Origin": true, "Vary": true, "Www-Authenticate": true, "X-Content-Type-Options": true,
}

// maxHeader bounds the value of a header in a record, in bytes.
const maxHeader = 500

// answered sums up an answer's headers.
func (h *hasher) answered(header http.Header) map[string]string {
	out := map[string]string{}
	for name, values := range header {
		if len(out) >= maxDigestPaths {
			break
		}
		value := strings.Join(values, ", ")
		if shownHeaders[name] || strings.HasPrefix(name, "Access-Control-") || strings.HasPrefix(name, "Cross-Origin-") {
			out[name] = h.before(maxHeader, value)
			continue
		}
		out[name] = "#" + h.text(value)
	}
	return out
}

// missing returns the members of a that b lacks. Both are sorted.
func missing(a, b []string) []string {
	var out []string
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); !ok {
			out = append(out, x)
		}
	}
	return out
}

// shared returns the members that both have. Both are sorted.
func shared(a, b []string) []string {
	var out []string
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok {
			out = append(out, x)
		}
	}
	return out
}

// names lists the header names of an exchange that have a prefix, sorted.
func (x *Exchange) names(prefix string) []string {
	var out []string
	for name := range x.Answered {
		if strings.HasPrefix(name, prefix) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return out
}
