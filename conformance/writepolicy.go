package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/permcheck/permcheck/catalogs"
)

// WritePolicy says which rows that write are sent.
type WritePolicy string

// The policies. The zero value is WritesNone.
const (
	WritesNone       WritePolicy = "none"       // none: their points stay unproven
	WritesDisposable WritePolicy = "disposable" // those whose objects are expendable
	WritesAll        WritePolicy = "all"        // all, but none that ends an object which reads need
)

// sends reports whether the policy lets any write through.
func (w WritePolicy) sends() bool { return w == WritesAll || w == WritesDisposable }

// Text is the policy and how many of the endpoints it keeps back, as plans, progress and reports
// say it.
func (w WritePolicy) Text(unsent, endpoints int) string {
	policy := w
	if policy == "" {
		policy = WritesNone
	}
	return fmt.Sprintf("%s; %d of %s not sent because of it", policy, unsent, plural(endpoints, "endpoint"))
}

// endingWords are words in which the last segment of a path says that the object before it is
// gone, or is another, once the request was admitted.
var endingWords = []string{"delete", "remove", "destroy", "purge", "erase", "wipe", "clear", "empty", "archive", "trash", "discard", "terminate", "revoke",
	"anonymize", "anonymise", "pseudonymize", "pseudonymise", "merge", "cancel", "close", "disable", "deactivate", "disconnect"}

// ending is the template of what a row ends, such as /orders/{id} for DELETE /orders/{id} and for
// POST /orders/{id}/archive. It is not ok for a row that leaves what is there in its place.
func (r *Row) ending() (template string, ok bool) {
	if r.Reads || r.Endpoint == nil {
		return "", false
	}
	if r.Method == http.MethodDelete {
		return r.Path, true
	}
	at := strings.LastIndexAny(r.Path, "/:")
	if last := r.Path[at+1:]; at > 0 && !strings.Contains(last, "{") && slices.ContainsFunc(words(last), func(w string) bool { return slices.Contains(endingWords, w) }) {
		return r.Path[:at], true
	}
	return "", false
}

// collection is the template of what the object that a parameter names is one of.
func (r *Row) collection(name string) (string, bool) {
	if prefix, ok := before(r.Path, name); ok {
		return prefix, true
	}
	if template, ok := r.ending(); ok { // /orders/{id}:archive
		return before(template, name)
	}
	return "", false
}

// words splits a name at its joints and where a capital letter begins a word.
func words(name string) []string {
	var out []string
	start := 0
	add := func(end int) {
		if end > start {
			out = append(out, strings.ToLower(name[start:end]))
		}
	}
	for i, r := range name {
		switch {
		case r == '-' || r == '_' || r == '.':
			add(i)
			start = i + 1
		case unicode.IsUpper(r):
			add(i)
			start = i
		}
	}
	add(len(name))
	return out
}

// readsAt returns the rows that read what a template names, or something below it.
func (p *Plan) readsAt(template string) []int {
	var rows []int
	want := strings.Split(catalogs.EndpointKey("", template), "/")
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || !r.Reads {
			continue
		}
		have := strings.Split(catalogs.EndpointKey("", r.Path), "/")
		if len(have) < len(want) {
			continue
		}
		if slices.EqualFunc(have[:len(want)], want, func(a, b string) bool {
			return a == b || strings.Contains(a, "{") || strings.Contains(b, "{")
		}) {
			rows = append(rows, i)
		}
	}
	return rows
}

// needsOwn returns why a row may only be sent to an object that the run made for it, or that
// somebody gave up: it ends the object, and reads need that. nil: it may be sent to any.
func (p *Plan) needsOwn(row *Row) error {
	template, ok := row.ending()
	if !ok {
		return nil
	}
	reads := p.readsAt(template)
	if !strings.HasSuffix(template, "}") && len(reads) == 0 {
		return nil
	}
	what := "the record"
	if len(reads) > 0 {
		what = "what " + p.Rows[reads[0]].String() + " reads"
	}
	next := "the catalog has no POST that makes one for it, and expendable: in the profile names none"
	if len(row.Params()) == 0 {
		next = "send it by hand"
	}
	return leaveOut("it would use up %s: %s", what, next)
}

// deleter is the row that takes away what a row makes in its collection: the DELETE of one
// object of the same collection, or of the same object elsewhere. -1: there is none.
func (p *Plan) deleter(row *Row) int {
	if row.Method != http.MethodPost {
		return -1
	}
	if i := p.rowFor(http.MethodDelete, row.Path+"/{id}"); i >= 0 {
		return i
	}
	list := p.rowFor(http.MethodGet, row.Path)
	if list < 0 || p.Rows[list].Endpoint.Lists == "" {
		return -1
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint != nil && r.Endpoint.Gets == p.Rows[list].Endpoint.Lists && len(r.Params()) == 1 && strings.HasSuffix(r.Path, "}") {
			if del := p.rowFor(http.MethodDelete, r.Path); del >= 0 {
				return del
			}
		}
	}
	return -1
}

// collects reports whether a POST to the row's path makes an object there: the path can be
// read, too.
func (p *Plan) collects(row *Row) bool {
	return row.Method == http.MethodPost && p.rowFor(http.MethodGet, row.Path) >= 0
}

// rowFor is the row of a method and a template; -1 when there is none that some key is admitted
// to.
func (p *Plan) rowFor(method, template string) int {
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint != nil && r.Method == method && catalogs.EndpointKey("", r.Path) == catalogs.EndpointKey("", template) && p.StrongestKey(r.Endpoint) >= 0 {
			return i
		}
	}
	return -1
}

// Given says which path parameters somebody states values for, by their names.
type Given struct {
	IDs        []string // their values are for reads, and for writes that leave the object in its place
	Expendable []string // writes may change and end these
}

// Unsent returns the endpoints of the plan that a policy for writes keeps back, as far as that is
// known before anything is sent. own says that an object is made for every write, as the
// reference server does.
func (p *Plan) Unsent(w WritePolicy, given Given, own bool) []*catalogs.Endpoint {
	return p.unsent(func(row int) bool {
		r := &p.Rows[row]
		if r.Reads || !w.sends() {
			return !r.Reads
		}
		return !own && !p.permits(w, r, given)
	})
}

// unsent returns the endpoints of the plan's own part none of whose rows is sent.
func (p *Plan) unsent(kept func(row int) bool) []*catalogs.Endpoint {
	asked := make([]bool, len(p.Rows))
	for _, req := range p.Requests {
		asked[req.Row] = true
	}
	var out []*catalogs.Endpoint
	for i := 0; i < len(p.Rows); {
		e := p.Rows[i].Endpoint
		some, all := false, true
		for ; i < len(p.Rows) && p.Rows[i].Endpoint == e; i++ { // its methods stand together
			if asked[i] && p.Mine(i) {
				some, all = true, all && kept(i)
			}
		}
		if e != nil && some && all {
			out = append(out, e)
		}
	}
	return out
}

// permits reports whether a policy that sends writes lets one of a row through, as the maker
// of objects decides it in the run.
func (p *Plan) permits(w WritePolicy, r *Row, given Given) bool {
	names := r.Params()
	values, spare, makes := 0, 0, 0
	lastOwn := false
	for i, name := range names {
		last := i == len(names)-1
		lastOwn = slices.Contains(given.Expendable, name)
		switch {
		case lastOwn:
			spare++
			values++
		case slices.Contains(given.IDs, name) && !last:
			values++
		case p.makes(w, r, name):
			makes++
			lastOwn = true
		case slices.Contains(given.IDs, name):
			values++
		}
	}
	if p.needsOwn(r) != nil && !lastOwn {
		return false
	}
	switch {
	case w == WritesAll:
		return true
	case len(names) > 0 && values == len(names):
		return spare == len(names)
	}
	return values == 0 && makes == len(names) && (p.deleter(r) >= 0 || len(names) > 0 && !p.collects(r))
}

// makes reports whether an object can be made for a parameter of a row.
func (p *Plan) makes(w WritePolicy, r *Row, name string) bool {
	prefix, ok := r.collection(name)
	if !ok {
		return false
	}
	post := p.rowFor(http.MethodPost, prefix)
	return post >= 0 && !p.Rows[post].Reads && (w != WritesDisposable || p.deleter(&p.Rows[post]) >= 0)
}

// Withheld returns the endpoints that the policy for writes kept a run from sending.
func (r *Result) Withheld() []*catalogs.Endpoint {
	sent := make([]bool, len(r.Plan.Rows))
	held := make([]bool, len(r.Plan.Rows))
	for i := range r.Plan.Requests {
		o, row := &r.Answers.Observations[i], r.Plan.Requests[i].Row
		sent[row] = sent[row] || !o.Withheld
		held[row] = held[row] || o.Withheld
	}
	return r.Plan.unsent(func(row int) bool { return !r.Plan.Rows[row].Reads && held[row] && !sent[row] })
}

// Endpoints counts the endpoints that the plan's own part asks about.
func (p *Plan) Endpoints() int {
	return len(p.unsent(func(int) bool { return true }))
}

// inUse are the concrete paths that reads of the plan use for what a row ends, and the row of
// each. It is asked before an object is made for the request, so that no read chooses that one.
func (r *runner) inUse(ctx context.Context, row *Row) map[string]string {
	template, ok := row.ending()
	if !ok || r.target.Reference { // where every request has an object of its own
		return nil
	}
	used := map[string]string{}
	for _, i := range r.plan.readsAt(template) {
		if path, err := r.readPath(ctx, i); err == nil {
			used[path] = r.plan.Rows[i].String()
		}
	}
	return used
}

// takes returns why a request to a path is left out that would end what a read uses; nil when
// none does.
func (row *Row) takes(path string, used map[string]string) error {
	template, _ := row.ending()
	target := path[:max(0, len(path)-len(row.Path[len(template):]))]
	for read, of := range used {
		if read == target || strings.HasPrefix(read, target+"/") {
			return leaveOut("it would use up what %s reads; name another object under expendable: in the profile", of)
		}
	}
	return nil
}
