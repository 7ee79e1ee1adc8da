package conformance

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/redact"
)

// Objects say what the path parameters of a request stand for.
type Objects interface {
	// Params returns a value for each parameter of the row's path. For a row that writes
	// it makes a new object where it can, and says whether the object is shared with
	// other requests, and whether it is expendable. It may be called concurrently.
	Params(ctx context.Context, method, template string, write bool) (Params, error)
}

// KeyedObjects are Objects that know which of them a key sees. Where the catalog limits a
// row's records, every key is sent to objects of its own.
type KeyedObjects interface {
	Objects
	// ParamsFor is Params for one key of the plan.
	ParamsFor(ctx context.Context, key int, method, template string, write bool) (Params, error)
}

// Params are the values of a path's parameters, not escaped.
type Params struct {
	Values     map[string]string
	Shared     bool // other requests act on the same object
	Expendable bool // it may be changed and deleted
	// Spare are the parameters whose values stand for objects that may be ended. Where all are
	// expendable it need not name them.
	Spare []string
}

// spare reports whether the object that a parameter names may be ended.
func (p *Params) spare(name string) bool {
	return p.Values[name] != "" && (p.Expendable || slices.Contains(p.Spare, name))
}

// A Target is where a plan is run and with what.
type Target struct {
	Base        *url.URL
	Credentials []Credential // one for each key of the plan
	// Reference says that the keyring made every key, and makes an object for each write.
	Reference bool
	Objects   Objects // nil: no path parameter has a value
	Writes    WritePolicy
	Limits    Limits
	// Disposable says that the target is there for this run alone: nobody else minds how fast it
	// is asked. On this machine the default limits are those of the reference server then.
	Disposable bool
	// Control is a row of the catalog that every key calls before and after its probes;
	// nil: none.
	Control *catalogs.Endpoint
	// Provisioner makes and changes keys for checks that need some of their own; nil: nothing
	// does.
	Provisioner Provisioner
	// Marked are keys of the plan, by their index, whose life cycle may be tested although the
	// run did not make them: they are disabled and enabled again, nothing more, and only where
	// nothing makes keys.
	Marked map[int]MintedKey
	// Bodies are those of requests, by the key of [catalogs.EndpointKey]: any JSON value. In its
	// texts $mark stands for a mark of the run. Rows without one get a minimal body.
	Bodies map[string]any
	// Within is how long a change of a key may take until it is in force; 0: as the catalog
	// states, or a small grace.
	Within time.Duration
	// Dialect is how the API spells what its lists can do; nil: nothing is stated.
	Dialect *Dialect
	// Browser confirms what checks of CORS find; nil: there is none.
	Browser Browser
	// Ledger remembers what the run makes; nil: nothing does, as for a target that ends with
	// the run.
	Ledger Ledger
	// BuildHeader names the response header that says which build answered; empty: none.
	BuildHeader string
	// Seed says in which order requests are sent that need none; 0: that of the plan.
	Seed uint64
	// Secrets are those that the profile knows besides the credentials, and learns those of the run;
	// nil: a set of the run's own.
	Secrets *redact.Set
	// Journal keeps what is seen, and knows what an earlier run saw; nil: nothing does.
	Journal *Journal
	// Tape takes down every exchange; nil: nothing does.
	Tape Tape
	// Scripts performs the hand-written checks of the plan; nil: nothing does.
	Scripts Scripts
	// Progress is told how many requests of the plan are done; nil: nobody is.
	Progress func(done, total int)
}

// limits are those of a run. That a target is on this machine says nothing about whose it is: a
// tunnel ends here, too.
func (t *Target) limits() Limits {
	return t.Limits.withDefaults(t.Reference || t.Disposable && IsLoopback(t.Base))
}

// A RunError means that the target cannot be probed at all.
type RunError struct{ Reason, Next string }

func (e *RunError) Error() string { return e.Reason + ": " + e.Next }

// Sent is what a run knows besides its answers.
type Sent struct {
	Requests int64  // all that were sent, retries and read-backs included
	Build    string // the target's build, if it says
	// Paths holds, for each row of the plan, a concrete path for reports; empty where no
	// id was found.
	Paths []string
	// Left is what the run made and could not take away.
	Left []string
	// Secrets are those that nothing may hold which is written; nil: there are none left, as in a
	// report that was read.
	Secrets *redact.Set
}

// Run sends every request of the plan once and returns what was seen. It returns an error
// only when the target cannot be probed at all: it does not answer, or it answers web
// pages. When the context ends or the budget is used up the answers are cut short and
// say so.
func Run(ctx context.Context, p *Plan, t Target) (*Answers, *Sent, error) {
	limits := t.limits()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Deadline, errDeadline(limits))
	defer cancel()
	r := newRunner(p, t, limits)
	c := r.client
	defer c.close()
	if t.Control != nil && !slices.ContainsFunc(p.Rows, func(row Row) bool { return row.Endpoint == t.Control }) {
		return nil, nil, fmt.Errorf("the control call %s is not a row of the plan", t.Control)
	}
	for i := range p.Keys {
		if t.Reference || t.Credentials[i].Issued {
			r.answers.Vouched[i] = true
		}
	}
	if err := r.reach(ctx); err != nil {
		return nil, nil, err
	}
	if err := r.makeKeys(ctx); err != nil {
		r.lab.debts.settle(ctx)
		return nil, nil, err
	}
	r.controls(ctx, false)
	r.all(ctx)
	r.experiments(ctx)
	r.controls(ctx, true)
	r.lab.debts.settle(ctx)
	r.sent.Left = r.lab.debts.failed
	for row := range r.paths {
		r.sent.Paths = append(r.sent.Paths, r.paths[row].path)
	}
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		r.answers.Cut = "interrupted"
	} else if err != nil {
		r.answers.Cut = err.Error()
	} else if c.budget.Load() < 0 {
		r.answers.Cut = errBudget.Error()
	}
	r.sent.Requests = int64(limits.Requests) - max(0, c.budget.Load())
	return r.answers, r.sent, nil
}

// newRunner prepares a run.
func newRunner(p *Plan, t Target, limits Limits) *runner {
	r := &runner{
		plan: p, target: t, client: newClient(t.Base, limits), sent: &Sent{},
		answers: &Answers{Observations: make([]Observation, len(p.Requests)), Records: make([]Record, len(p.Questions)), Controls: map[int]Control{}, Vouched: map[int]bool{}},
		byRow:   make([][]int, len(p.Rows)),
		paths:   make([]rowPath, len(p.Rows)),
		telling: make([]telling, len(p.Rows)), refusals: refusals{seen: map[string]int{}},
		mark: "permcheck" + strings.ToLower(rand.Text()[:8]),
	}
	ledger := t.Ledger
	if ledger == nil {
		ledger = forgetful{}
	}
	r.lab = &Lab{Plan: p, Catalog: p.catalog, run: r, hash: newHasher(), debts: &debts{ledger: ledger}, known: &known{}, spelled: map[spelledKey]*spelledOnce{}}
	if r.secrets = t.Secrets; r.secrets == nil {
		r.secrets = redact.New()
	}
	r.learnAll()
	r.lab.hash.clean = r.secrets.Text
	if t.Journal != nil {
		t.Journal.secrets = r.secrets
	}
	r.sent.Secrets = r.secrets
	r.maker = &maker{lab: r.lab, found: map[string]*foundID{}}
	if t.Tape != nil {
		r.client.tape = r.tape
	}
	for i, req := range p.Requests {
		r.byRow[req.Row] = append(r.byRow[req.Row], i)
	}
	return r
}

// An UnmadeError means that keys of the plan could not be made, and that nothing else was sent.
// A plan without them ([PlanOptions.Unmade]) can be run.
type UnmadeError struct {
	Grants []perm.Set
	Name   string // of the first of them
	Why    error  // its reason
}

func (e *UnmadeError) Error() string {
	return fmt.Sprintf("no key that holds %s can be made: %v", e.Name, e.Why)
}

// maxUnmade is how many keys may fail to be made before one was: then none can be.
const maxUnmade = 3

// makeKeys makes the keys of the plan that the keyring lacks.
func (r *runner) makeKeys(ctx context.Context) error {
	var failed *UnmadeError
	made := false
	for i, k := range r.plan.Keys {
		if !k.Made {
			continue
		}
		live, err := r.lab.Mint(ctx, KeySpec{Name: "made", Grants: k.Grants})
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			if failed == nil {
				failed = &UnmadeError{Name: k.Name, Why: err}
			}
			if failed.Grants = append(failed.Grants, k.Grants); !made && len(failed.Grants) == maxUnmade {
				return &RunError{fmt.Sprintf("the first %d keys cannot be made: %v", maxUnmade, err), "correct provision: in the profile, or add --make-keys 0 to probe with the profile's keys alone"}
			}
			continue
		}
		made = true
		cred := &r.target.Credentials[i]
		*cred = live.key.Credential
		cred.Env = fmt.Sprintf("PC_MADE_%d", i)
		cred.EnvNote = "the secret of a key that holds " + k.Name + ": the run made one and has deleted it"
	}
	if failed != nil {
		return failed
	}
	return nil
}

// errDeadline is why a run that took too long was cut short.
func errDeadline(l Limits) error {
	return fmt.Errorf("the deadline of %s has passed (limits: deadline)", l.Deadline)
}

// A runner is one run. Each goroutine writes only to the observations of the requests
// that it took.
type runner struct {
	plan    *Plan
	target  Target
	client  *client
	lab     *Lab
	maker   *maker
	answers *Answers
	sent    *Sent
	byRow   [][]int
	paths   []rowPath
	mark    string
	marks   atomic.Int64
	minted  atomic.Int64 // keys
	secrets *redact.Set
	// malformed is what a malformed key shows, which is no secret.
	malformed string
	lending   sync.Mutex // one question at a time changes a key of [Target.Marked]
	refusals  refusals
	pagers    pagers
	telling   []telling
	done      atomic.Int64
	total     int // requests and questions that this run asks
}

// rowPath is the concrete path of a row that reads, worked out once.
type rowPath struct {
	once sync.Once
	path string
	err  error
}

// reach sends one request to learn whether there is an API at all.
func (r *runner) reach(ctx context.Context) error {
	row, key := r.firstRead()
	x := exchange{method: "GET", path: "/permcheck-no-such-path", repeat: true}
	if row >= 0 {
		path, err := r.readPath(ctx, row)
		if err == nil {
			x = exchange{method: r.plan.Rows[row].Method, path: path, cred: r.target.Credentials[key], repeat: true}
		}
	}
	reply, err := r.client.send(ctx, x)
	switch {
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && isTimeout(err):
		return &RunError{fmt.Sprintf("%s does not answer within %s", r.target.Base.Redacted(), r.client.limits.Timeout),
			"check that the server is running and that this machine may reach it, or allow more time (limits: timeout)"}
	case err != nil:
		return &RunError{fmt.Sprintf("%s cannot be reached: %v", r.target.Base.Redacted(), err), "check the address and that the server is running"}
	}
	if name := r.target.BuildHeader; name != "" {
		r.sent.Build = reply.header.Get(name)
	}
	if reply.html && reply.status < 300 {
		invented, err := r.client.send(ctx, exchange{method: "GET", path: "/permcheck-no-such-path", repeat: true})
		if err == nil && invented.html && invented.status < 300 {
			return &RunError{fmt.Sprintf("%s answers web pages (text/html), not an API, whatever the path", r.target.Base.Redacted()),
				"give the address of the API, with the path before the catalog's paths if there is one"}
		}
	}
	return nil
}

// firstRead returns a read and a key that it admits, for the first request.
func (r *runner) firstRead() (row, key int) {
	for i, req := range r.plan.Requests {
		if req.Expect == Admit && r.plan.Rows[req.Row].Reads && r.plan.Rows[req.Row].Method == "GET" {
			return r.plan.Requests[i].Row, req.Key
		}
	}
	return -1, -1
}

// controlRow is the row that a key calls before and after its probes: the one that is stated,
// where the key is admitted to that or to nothing else; else one that any key is admitted to, else
// one that this key is; -1 when there is none.
func (r *runner) controlRow(key int) (row int, stated bool) {
	row = -1
	if r.target.Control != nil {
		row = slices.IndexFunc(r.plan.Rows, func(row Row) bool { return row.Endpoint == r.target.Control })
		if row < 0 || r.plan.Rows[row].Need.Admits(r.plan.Keys[key].Grants) {
			return row, true
		}
		if chosen := r.chosenControl(key); chosen >= 0 {
			return chosen, false
		}
		return row, true
	}
	return r.chosenControl(key), false
}

// chosenControl is the row to call where nobody states one that admits the key.
func (r *runner) chosenControl(key int) int {
	row := -1
	for i := range r.plan.Rows {
		rw := &r.plan.Rows[i]
		if rw.Endpoint == nil || rw.Method != http.MethodGet || !rw.Reads || strings.Contains(rw.Path, "{") || rw.Need.IsPublic() || !rw.Need.Admits(r.plan.Keys[key].Grants) {
			continue
		}
		if rw.Need.IsAuthenticated() {
			return i
		}
		if row < 0 {
			row = i
		}
	}
	return row
}

// controls calls each key's control row and notes whether the answer is the one that the
// catalog states. A row that nobody states is no proof against a key before the probes: the
// server may be wrong there. A key that it admitted before and refuses afterwards has ended in
// between.
func (r *runner) controls(ctx context.Context, after bool) {
	if ctx.Err() != nil || r.target.Reference {
		return
	}
	when := "before the probes"
	if after {
		when = "after the probes"
	}
	for i, k := range r.plan.Keys {
		row, stated := r.controlRow(i)
		if k.Kind != ValidKey || row < 0 || after && !r.answers.Controls[i].OK {
			continue
		}
		control := r.control(ctx, i, row, when)
		switch {
		case !stated && !control.OK && !after:
			continue
		case control.OK && !r.plan.Rows[row].Need.Admits(k.Grants) && !r.answers.Vouched[i]:
			// A refusal that was expected is no sign of life; the probes may give one.
			continue
		}
		control.Chosen, control.Row = !stated, row
		r.answers.Controls[i] = control
	}
}

// control calls a row with a key.
func (r *runner) control(ctx context.Context, key, row int, when string) Control {
	rw := &r.plan.Rows[row]
	path, err := r.readPath(ctx, row)
	var reply *reply
	admits := rw.Need.Admits(r.plan.Keys[key].Grants)
	if err == nil {
		reply, err = r.client.send(ctx, exchange{method: rw.Method, path: path, cred: r.target.Credentials[key], repeat: true, admits: admits})
	}
	switch {
	case err != nil:
		return Control{Reason: fmt.Sprintf("%s %s: %v", rw, when, err)}
	}
	c := Control{Status: reply.status}
	answered := reply.status >= 200 && reply.status < 300
	c.Empty = answered && !reply.truncated && listState(reply.body) == EmptyList
	switch {
	case admits && !answered:
		c.Reason = fmt.Sprintf("%s %s answered %d, expected 2xx", rw, when, reply.status)
	case !admits && c.form().admits():
		c.Reason = fmt.Sprintf("%s %s answered %d, expected a refusal", rw, when, reply.status)
	default:
		c.OK = true
	}
	return c
}

// A KeyCheck is what signing in and one call of a key showed.
type KeyCheck struct {
	Key    string  `json:"key"`
	Call   string  `json:"call"` // the row that was called; empty: there was none to call
	Status int     `json:"status"`
	Check  Verdict `json:"verdict"`
	Reason string  `json:"reason,omitempty"`
}

// CheckKeys calls each key's control row once, and once with a key that was never made, and
// nothing else.
func CheckKeys(ctx context.Context, p *Plan, t Target) ([]KeyCheck, error) {
	limits := t.limits()
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Deadline, errDeadline(limits))
	defer cancel()
	r := newRunner(p, t, limits)
	defer r.client.close()
	if err := r.reach(ctx); err != nil {
		return nil, err
	}
	unknown := map[int]answerForm{} // by row
	var out []KeyCheck
	for i, k := range p.Keys {
		if k.Kind != ValidKey {
			continue
		}
		c := KeyCheck{Key: k.Name}
		row, _ := r.controlRow(i)
		if row < 0 {
			c.Reason = "the catalog has no GET without parameters that this key is admitted to: add control: to the profile"
			out = append(out, c)
			continue
		}
		if _, ok := unknown[row]; !ok {
			bad := r.control(ctx, 2, row, "")
			unknown[row] = bad.form()
		}
		control := r.control(ctx, i, row, "now")
		c.Call, c.Status, c.Reason = p.Rows[row].String(), control.Status, control.Reason
		switch admits := p.Rows[row].Need.Admits(k.Grants); {
		case control.OK && admits && !unknown[row].admits() && unknown[row] != control.form():
			c.Check = Pass
		case control.OK && admits:
			c.Reason = "answered 2xx, as a key that was never made is"
		case control.OK && unknown[row] != control.form():
			c.Check = Pass // refused, but otherwise than an unknown key is
		case control.OK:
			c.Reason = "refused as the catalog says, and as a key that was never made is: nothing shows that it is right"
		case control.Status >= 400 && control.Status < 500 && control.Status != http.StatusTooManyRequests:
			c.Check = Fail
		}
		out = append(out, c)
	}
	return out, nil
}

// all sends the requests of the plan in three phases: reads, then writes, then deletes,
// since a later phase may use up what an earlier one needs.
func (r *runner) all(ctx context.Context) {
	var reads, writes, deletes [][]int
	fixed := map[string]int{} // path without parameters -> index in writes
	sent := r.plan.sent()
	if r.plan.shard.N > 1 {
		for i, k := range r.plan.Keys { // a control says something beside what unknown keys get there
			if row, _ := r.controlRow(i); k.Kind == ValidKey && row >= 0 {
				sent[row] = true
			}
		}
	}
	for row := range r.plan.Rows {
		if !sent[row] {
			continue
		}
		rw := &r.plan.Rows[row]
		if rw.Reads {
			for _, i := range r.byRow[row] {
				reads = append(reads, []int{i})
			}
			continue
		}
		// Those that must be refused come first, for the same reason.
		order := slices.Clone(r.byRow[row])
		slices.SortStableFunc(order, func(a, b int) int {
			return int(r.plan.Requests[b].Expect) - int(r.plan.Requests[a].Expect)
		})
		if rw.Method == http.MethodDelete {
			deletes = append(deletes, order)
			continue
		}
		// Writes under several methods of a path without parameters are about one object:
		// side by side each would wipe out the mark that another is about to look for.
		if at, ok := fixed[rw.Path]; ok {
			writes[at] = append(writes[at], order...)
			continue
		}
		if !strings.Contains(rw.Path, "{") {
			fixed[rw.Path] = len(writes)
		}
		writes = append(writes, order)
	}
	r.total = len(reads)
	for _, unit := range slices.Concat(writes, deletes) {
		r.total += len(unit)
	}
	for i := range r.plan.Questions {
		if r.plan.Mine(r.plan.Questions[i].Row) {
			r.total++
		}
	}
	shuffle(r.target.Seed, reads)
	shuffle(r.target.Seed, writes)
	shuffle(r.target.Seed, deletes)
	r.phase(ctx, reads, r.client.limits.Connections)
	lanes := 1 // the rows may be about the same objects
	if r.target.Reference {
		lanes = r.client.limits.Connections
	}
	r.phase(ctx, writes, lanes)
	r.phase(ctx, deletes, lanes)
}

// shuffle puts what may be sent in any order into one that follows from a seed.
func shuffle[T any](seed uint64, list []T) {
	if seed == 0 {
		return
	}
	rand := mathrand.New(mathrand.NewPCG(seed, seed))
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

// step says that one more request or question is done.
func (r *runner) step() {
	done := int(r.done.Add(1))
	if r.target.Progress != nil {
		r.target.Progress(done, r.total)
	}
}

// phase sends units of requests, each unit in order, in some lanes at a time.
func (r *runner) phase(ctx context.Context, units [][]int, lanes int) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range lanes {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(units); n = int(next.Add(1)) - 1 {
				for _, i := range units[n] {
					r.observe(ctx, i)
					r.step()
				}
			}
		})
	}
	wg.Wait()
}

// observe sends one request of the plan.
func (r *runner) observe(ctx context.Context, i int) {
	req, o := &r.plan.Requests[i], &r.answers.Observations[i]
	row := &r.plan.Rows[req.Row]
	if seen, ok := r.target.Journal.observation(i); ok {
		*o = seen
		if o.admitted() != (req.Expect == Admit) {
			_, _ = r.readPath(ctx, req.Row) // for the report; if there is no path, it has none
		}
		return
	}
	defer func() { r.target.Journal.saw(i, o) }()
	if ctx.Err() != nil {
		o.Reason = "not sent: " + context.Cause(ctx).Error()
		return
	}
	if cred := &r.target.Credentials[req.Key]; r.plan.Keys[req.Key].Kind == ParkedKey && cred.Secret == "" && cred.Tokens == nil {
		o.Withheld, o.Reason = true, "the key is refused when it signs in"
		return
	}
	if row.Reads {
		r.observeRead(ctx, req, o)
		return
	}
	if !r.target.Writes.sends() {
		o.Withheld, o.Reason = true, "writes are not sent (--writes none)"
		return
	}
	f, err := r.lab.Fresh(ctx, req.Row, req.Key)
	var left *errLeftOut
	if errors.As(err, &left) {
		o.Withheld, o.Reason = true, left.reason
		return
	}
	if err != nil {
		o.Reason = "not sent: " + err.Error()
		return
	}
	path := f.Path
	// Without a parameter at the end there is only one object that the path can mean.
	o.SharedObject = f.shared || !strings.HasSuffix(row.Path, "}")
	_, _ = r.readPath(ctx, req.Row) // for reports; if there is no path, they have none
	x := exchange{method: row.Method, path: path, cred: r.target.Credentials[req.Key], body: f.Body, admits: req.Expect == Admit}
	witness := r.witness(row)
	witness.path = path
	before := EffectAbsent
	if witness.method != "" && row.Method == http.MethodDelete {
		// Being gone afterwards says something only of what was there before.
		if r.look(ctx, witness, row.Witness, row.Method, f.Mark) != EffectAbsent {
			before = EffectUnclear
		}
	}
	sending := ctx
	if r.plan.collects(row) {
		sending = context.WithoutCancel(ctx) // what it makes must be known
	}
	if reply := r.note(sending, o, req, x); reply != nil {
		if err := r.lab.Owe(req.Row, f, reply.answer()); err != nil {
			o.Reason = err.Error()
		}
	}
	if o.Sent && witness.method != "" {
		if o.Effect = r.look(ctx, witness, row.Witness, row.Method, f.Mark); before == EffectUnclear {
			o.Effect = EffectUnclear
		}
	}
}

// observeRead sends a request that changes nothing, again where it fails.
func (r *runner) observeRead(ctx context.Context, req *Request, o *Observation) {
	row := &r.plan.Rows[req.Row]
	path, err := r.readPath(ctx, req.Row)
	if err == nil && row.Limits && r.plan.Keys[req.Key].Kind == ValidKey && strings.Contains(row.Path, "{") {
		var params Params
		if params, err = r.paramsFor(ctx, req.Row, req.Key, false); err == nil {
			path, err = fill(row.Path, params.Values)
		}
	}
	if err != nil {
		o.Reason = "not sent: " + err.Error()
		return
	}
	x := exchange{method: row.Method, path: path, cred: r.target.Credentials[req.Key], repeat: true, admits: req.Expect == Admit}
	if row.Method != http.MethodGet && row.Method != http.MethodHead {
		x.body = r.readBody(row)
	}
	reply := r.note(ctx, o, req, x)
	if reply == nil {
		return
	}
	if req.Expect == Refuse && !o.admitted() {
		o.Leaks = r.leaks(ctx, req.Row, path, reply)
	}
	// One replica or one unlucky moment is no finding: ask again before it counts.
	x.anew = true
	for n := 0; n < repeats && !o.undecided() && o.admitted() != (req.Expect == Admit) && !o.Unstable; n++ {
		again, err := r.client.send(ctx, x)
		o.Unstable = err == nil && (again.status >= 200 && again.status < 300) != o.admitted() && again.status < 500 && again.status != 429
	}
}

// readBody is the body of a request that reads under another method than GET.
func (r *runner) readBody(row *Row) []byte {
	if _, ok := r.target.Bodies[catalogs.EndpointKey(row.Method, row.Path)]; ok {
		return r.body(row, r.nextMark())
	}
	return []byte("{}")
}

// hide notes a secret that was made during the run, so that nothing that is written holds it.
func (r *runner) hide(c Credential) { r.learn(&c) }

// nextMark is a word that nothing else has; no mark is the beginning of another. It is short and
// has lower-case letters and digits alone, so that names and addresses can be made of it.
func (r *runner) nextMark() string { return fmt.Sprintf("%sn%dz", r.mark, r.marks.Add(1)) }

// experiments performs the questions of the plan whose grounds the matrix has shown: those
// that only read, then those about keys of their own, both side by side, then those that
// write, one after the other.
func (r *runner) experiments(ctx context.Context) {
	if len(r.plan.Questions) == 0 {
		return
	}
	j := newJudge(r.plan, r.answers)
	verdicts, reasons := make([]Verdict, len(r.plan.Probes)), make([]string, len(r.plan.Probes))
	j.matrix(verdicts, reasons)
	for _, effort := range []Effort{OnlyReads, OwnKeys, SomeWrites} {
		r.lab.forget()
		var list []int
		for i := range r.plan.Questions {
			if r.plan.Questions[i].Effort == effort && r.plan.Mine(r.plan.Questions[i].Row) {
				list = append(list, i)
			}
		}
		shuffle(r.target.Seed, list)
		lanes := r.client.limits.Connections
		if effort == SomeWrites || effort == OwnKeys && r.borrows() { // others may be sending with that key
			lanes = 1
		}
		var wg sync.WaitGroup
		var next atomic.Int64
		for range min(lanes, len(list)) {
			wg.Go(func() {
				for n := int(next.Add(1)) - 1; n < len(list) && ctx.Err() == nil; n = int(next.Add(1)) - 1 {
					q := &r.plan.Questions[list[n]]
					if rec, ok := r.target.Journal.record(list[n]); ok {
						r.answers.Records[list[n]] = rec
					} else if v, _ := j.basis(q, verdicts, reasons); v == Pass {
						r.answers.Records[list[n]] = r.lab.perform(ctx, j, q)
						r.target.Journal.performed(list[n], &r.answers.Records[list[n]])
					}
					r.step()
				}
			})
		}
		wg.Wait()
	}
}

// note sends a request and writes down what came back; nil when nothing did.
func (r *runner) note(ctx context.Context, o *Observation, req *Request, x exchange) *reply {
	reply, err := r.client.send(ctx, x)
	if err != nil {
		o.Reason = "no answer: " + err.Error()
		if errors.Is(err, errBudget) {
			o.Reason = "not sent: " + err.Error()
		}
		return nil
	}
	row := &r.plan.Rows[req.Row]
	o.Sent, o.Status, o.HTML, o.File = true, reply.status, reply.html, reply.file
	if row.Reads && o.admitted() && !reply.truncated {
		o.List = listState(reply.body)
	}
	form := row.form(r.plan.Keys[req.Key].Kind)
	o.StatedForm = hasForm(form, reply.status, reply.body) && (form.Status >= 300 || o.List == EmptyList)
	return reply
}

// witness is the read that shows what a write of the row did, without its path; a
// zero method means that there is none, or no key that is admitted to it.
func (r *runner) witness(row *Row) exchange {
	if row.Witness < 0 {
		return exchange{}
	}
	w := &r.plan.Rows[row.Witness]
	best := r.plan.StrongestKey(w.Endpoint)
	switch {
	case best >= 0:
		return exchange{method: w.Method, cred: r.target.Credentials[best], repeat: true}
	case w.Need.IsPublic():
		return exchange{method: w.Method, repeat: true}
	}
	return exchange{}
}

// look reads the witness of a write: is its mark there, or for a DELETE, is the object
// gone?
func (r *runner) look(ctx context.Context, witness exchange, row int, method, mark string) EffectSeen {
	reply, err := r.client.send(ctx, witness)
	switch {
	case err != nil:
		return EffectUnclear
	case method == http.MethodDelete && (reply.status == 404 || reply.status == 410 || reply.status == 403):
		return EffectPresent // some answer what is gone as what the key may not see
	case reply.status < 200 || reply.status > 299:
		return EffectUnclear
	case method == http.MethodDelete:
		return EffectAbsent
	case bytes.Contains(reply.body, []byte(mark)):
		return EffectPresent
	case reply.truncated:
		return EffectUnclear
	}
	return r.lookFurther(ctx, witness, row, reply.answer(), mark)
}

// lookFurther looks for a mark on the other pages of a list: on the last one where that can be
// told, else on those that follow.
func (r *runner) lookFurther(ctx context.Context, witness exchange, row int, a *Answer, mark string) EffectSeen {
	d := r.target.Dialect
	first := len(d.list(a.JSON()))
	if e := r.plan.Rows[row].Endpoint; e == nil || first == 0 {
		return EffectAbsent
	}
	total := d.total(a.JSON(), a.Header)
	next, param := d.nextPage(a.JSON(), a.Header)
	if next == "" && total > first {
		p := r.lab.pager(ctx, row, witness.path)
		if p == nil {
			return EffectAbsent
		}
		witness.query = p.at((total-1)/first, total-first)
		return r.marked(ctx, witness, mark)
	}
	for range maxLooks {
		if next == "" {
			break
		}
		path, query, err := r.lab.nextPage(witness.path, "", next, param)
		if err != nil {
			break
		}
		at := witness
		at.path, at.query = path, query
		reply, err := r.client.send(ctx, at)
		if err != nil || reply.status > 299 || reply.truncated {
			return EffectUnclear
		}
		if bytes.Contains(reply.body, []byte(mark)) {
			return EffectPresent
		}
		a := reply.answer()
		next, param = d.nextPage(a.JSON(), a.Header)
	}
	return EffectAbsent
}

// maxLooks bounds the pages that are looked through for what a write made.
const maxLooks = 20

// marked reports whether an answer holds a mark.
func (r *runner) marked(ctx context.Context, x exchange, mark string) EffectSeen {
	reply, err := r.client.send(ctx, x)
	switch {
	case err != nil || reply.status < 200 || reply.status > 299:
		return EffectUnclear
	case bytes.Contains(reply.body, []byte(mark)):
		return EffectPresent
	case reply.truncated:
		return EffectUnclear
	}
	return EffectAbsent
}

// readPath is the concrete path of a row that reads; every request of the row has the
// same, but for those of keys that see other objects.
func (r *runner) readPath(ctx context.Context, row int) (string, error) {
	p := &r.paths[row]
	p.once.Do(func() {
		template := r.plan.Rows[row].Path
		if !strings.Contains(template, "{") {
			p.path = template
			return
		}
		params, err := r.paramsFor(ctx, row, -1, false)
		if err == nil {
			p.path, err = fill(template, params.Values)
		}
		p.err = err
	})
	return p.path, p.err
}

// paramsFor returns values for a row's path parameters: those that are stated, then those
// that lists show, or objects made for the request. key -1 is nobody in particular.
func (r *runner) paramsFor(ctx context.Context, row, key int, write bool) (Params, error) {
	rw := &r.plan.Rows[row]
	var given Params
	var err error
	if keyed, ok := r.target.Objects.(KeyedObjects); ok && key >= 0 && r.plan.Keys[key].Kind == ValidKey && (write || rw.Limits) {
		given, err = keyed.ParamsFor(ctx, key, rw.Method, rw.Path, write)
	} else {
		given, err = r.stated(ctx, rw, write)
	}
	if err != nil || r.target.Reference {
		return given, err
	}
	return r.maker.resolve(ctx, rw, key, write, given)
}

// stated asks for the values that somebody states.
func (r *runner) stated(ctx context.Context, row *Row, write bool) (Params, error) {
	if r.target.Objects == nil {
		return Params{Shared: true}, nil
	}
	return r.target.Objects.Params(ctx, row.Method, row.Path, write)
}

// fill puts escaped values into a template.
func fill(template string, values map[string]string) (string, error) {
	t, err := catalogs.ParseTemplate(template)
	if err != nil {
		return "", err
	}
	for _, name := range t.Params() {
		switch v := values[name]; v {
		case "":
			return "", fmt.Errorf("no id for {%s} in %s: add it to ids: in the profile", name, template)
		case ".", "..":
			return "", fmt.Errorf("the id %q for {%s} in %s would change the path", v, name, template)
		}
	}
	return t.Expand(func(name string) string { return url.PathEscape(values[name]) }), nil
}
