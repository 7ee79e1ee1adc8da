package conformance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/permcheck/permcheck/catalogs"
)

// A Lab is where experiments are performed: it sends what they ask for and writes down what
// came back. An experiment does no other I/O.
//
// All that every experiment needs is done here and not in each: bounds, pace, retries of
// answers that say "later", evidence without secrets, repetition of what failed on new
// connections, the run's mark on all that is made, and taking it away at the end.
type Lab struct {
	Plan    *Plan
	Catalog *catalogs.Catalog

	run   *runner
	hash  *hasher
	fresh bool // every request goes over a connection of its own
	debts *debts
	known *known

	mu      sync.Mutex
	spelled map[spelledKey]*spelledOnce
}

// A Sender is who a request is from.
type Sender struct {
	Name       string
	Credential Credential

	key *Key // what the catalog says about it is told from; nil: nothing is known
}

// As is the sender that shows a key of the plan.
func (l *Lab) As(key int) Sender {
	return Sender{l.Plan.Keys[key].Name, l.run.target.Credentials[key], &l.Plan.Keys[key]}
}

// Nobody is the sender that shows no key.
func (l *Lab) Nobody() Sender { return Sender{Name: AnonymousKey, key: &l.Plan.Keys[0]} }

// A Call is one request of an experiment.
type Call struct {
	Label  string // names the exchange in the record
	Method string
	Path   string // escaped; sent as it is when Raw
	Query  string // encoded, with or without a leading "?"
	By     Sender
	Header http.Header // further headers; "Host" is the name of the host
	Body   []byte      // nil: none; JSON unless Header has a Content-Type
	// Raw writes the request line byte by byte, for paths that net/http would normalise.
	Raw bool
	// Line is the whole request line of a raw call but for the version, where it is not
	// method and path.
	Line string
	// Any says that every status tells something, so that 429 and 5xx are answers too.
	Any bool
	// Masked are headers whose values tell something about the target's data, so that records
	// hold a word in their place.
	Masked bool
	// Fresh sends it over a connection of its own.
	Fresh bool
	// Shown and ShownHeader are what records hold in place of path with query and of the further
	// headers, where those have values of the target's in them; empty: what was sent.
	Shown       string
	ShownHeader []string
	// Lists says that the answer is to be read as a list, as the dialect says.
	row  int
	free bool // see exchange

	against *against // what the catalog says against it; nil: what follows from row and sender
}

// An Answer is what came back, whole, for the experiment to go on with. Records hold a
// digest of it.
type Answer struct {
	Status    int // 0: none came
	Header    http.Header
	Body      []byte // bounded
	Truncated bool
	HTML      bool
	Err       error  // why none came
	File      string // that the body was kept in, where bodies are

	once   sync.Once
	parsed any
}

// OK reports whether the answer is 2xx.
func (a *Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Rows is whether the answer is a list, and of any rows.
func (a *Answer) Rows() ListState { return listState(a.Body) }

// JSON is the body as a JSON value whose numbers are json.Number; nil when it is none.
func (a *Answer) JSON() any {
	a.once.Do(func() {
		if a.Truncated || len(a.Body) == 0 {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(a.Body))
		dec.UseNumber()
		if dec.Decode(&a.parsed) != nil || dec.More() {
			a.parsed = nil
		}
	})
	return a.parsed
}

// Send sends a call and records it. It never returns nil; when no answer came the record
// says why, and the question will be inconclusive without the check's doing.
func (l *Lab) Send(ctx context.Context, rec *Record, c Call) *Answer {
	a := l.send(ctx, &c)
	if rec != nil {
		rec.Exchanges = append(rec.Exchanges, l.exchange(&c, a))
	}
	return a
}

func (l *Lab) send(ctx context.Context, c *Call) *Answer {
	if ctx.Err() != nil {
		return &Answer{Err: context.Cause(ctx)}
	}
	var r *reply
	var err error
	if c.Raw {
		r, err = l.sendRaw(ctx, c)
	} else {
		r, err = l.run.client.send(ctx, exchange{
			method: c.Method, path: c.Path, query: strings.TrimPrefix(c.Query, "?"), cred: c.By.Credential, header: c.Header, body: c.Body,
			repeat: c.Method == http.MethodGet || c.Method == http.MethodHead, free: c.free, anew: c.Fresh || l.fresh,
		})
	}
	if err != nil {
		return &Answer{Err: err}
	}
	return r.answer()
}

// sendRaw writes the request itself; see [Call.Raw].
func (l *Lab) sendRaw(ctx context.Context, c *Call) (*reply, error) {
	base := l.run.client.base
	c.By.Credential = c.By.Credential.at(c.Path)
	line := c.Line
	if line == "" {
		line = c.Method + " " + strings.TrimSuffix(base.EscapedPath(), "/") + c.Path
		if q := strings.TrimPrefix(c.Query, "?"); q != "" {
			line += "?" + q
		}
	}
	done, err := c.By.Credential.renewed(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { done(nil) }()
	req := &http.Request{URL: &url.URL{RawQuery: strings.TrimPrefix(c.Query, "?")}, Header: http.Header{}}
	host := base.Host
	if h := c.Header.Get("Host"); h != "" {
		host = h
	}
	if c.By.Credential.Query != "" && c.Line == "" {
		line = strings.TrimSuffix(line, "?"+req.URL.RawQuery)
		c.By.Credential.Apply(req)
		line += "?" + req.URL.RawQuery
	} else {
		c.By.Credential.Apply(req)
	}
	header := []string{"Host: " + host, "User-Agent: permcheck", "Accept: application/json, */*;q=0.5"}
	if c.Body != nil && c.Header.Get("Content-Type") == "" {
		header = append(header, "Content-Type: application/json")
	}
	for _, from := range []http.Header{req.Header, c.Header} {
		for _, name := range headerNames(from) {
			for _, v := range from[name] {
				if name != "Host" {
					header = append(header, name+": "+v)
				}
			}
		}
	}
	if strings.ContainsAny(line, "\r\n") || slices.ContainsFunc(header, func(h string) bool { return strings.ContainsAny(h, "\r\n") }) {
		return nil, errors.New("a request line or a header holds a line break")
	}
	for try := 0; ; try++ {
		began := time.Now()
		r, err := l.run.client.raw(ctx, line, header, c.Body)
		if l.run.client.tape != nil {
			method, target, _ := strings.Cut(line, " ")
			sent := http.Header{}
			for _, h := range header {
				name, value, _ := strings.Cut(h, ": ")
				sent.Add(name, value)
			}
			l.run.client.taped(&exchange{cred: c.By.Credential, body: c.Body}, began, method, base.Scheme+"://"+base.Host+target, sent, r, err)
		}
		if err == nil {
			done(r.header)
			done = func(http.Header) {}
		}
		if err == nil && (r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable) && try < maxRetries &&
			c.By.Credential.Tokens == nil { // the line holds the token, which may be used up
			if waited, _ := pause(ctx, r.header, try); waited {
				continue
			}
		}
		return r, err
	}
}

func headerNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// exchange writes a call and its answer down.
func (l *Lab) exchange(c *Call, a *Answer) Exchange {
	x := Exchange{Label: c.Label, Method: c.Method, Path: c.Path, Key: c.By.Name, Raw: c.Raw, Any: c.Any, Status: a.Status}
	if c.Line != "" {
		_, x.Path, _ = strings.Cut(c.Line, " ")
	}
	if q := strings.TrimPrefix(c.Query, "?"); q != "" {
		x.Path += "?" + q
	}
	by := c.By.Credential.at(c.Path)
	l.run.learnShown(&by)
	x.Auth = by.shown()
	for _, name := range headerNames(c.Header) {
		for _, v := range c.Header[name] {
			if c.Masked {
				v = "$PC_IDENTITY"
			}
			x.Header = append(x.Header, name+": "+v)
		}
	}
	if c.Shown != "" {
		x.Path = c.Shown
	}
	if c.ShownHeader != nil {
		x.Header = c.ShownHeader
	}
	if a.Err != nil {
		x.Reason = "no answer: " + a.Err.Error()
		return x
	}
	var d *Dialect
	if c.row > 0 {
		d = l.dialect()
	}
	x.File = a.File
	x.Answered = l.hash.answered(a.Header)
	x.Body = l.hash.digest(a, d)
	x.Admission = l.admission(c, a)
	return x
}

// shown says how a credential is shown, with a variable in place of the secret.
func (c *Credential) shown() string {
	switch {
	case c.Header != "":
		return c.Header + ": " + c.value("$"+c.Env)
	case c.Query != "":
		return "?" + c.Query + "=$" + c.Env
	}
	return ""
}

func (l *Lab) dialect() *Dialect { return l.run.target.Dialect }

// Path is the concrete path of a row that reads: the same for every request of the run.
func (l *Lab) Path(ctx context.Context, row int) (string, error) { return l.run.readPath(ctx, row) }

// Hash is the keyed hash of a value, as it stands in digests.
func (l *Lab) Hash(v any) string { return l.hash.value(v) }

// Mark is a word that no other thing has: it begins with the run's id, and everything that a
// run makes carries one.
func (l *Lab) Mark() string { return l.run.nextMark() }

// errLeftOut ends an experiment that is not performed on purpose.
type errLeftOut struct{ reason string }

func (e *errLeftOut) Error() string { return e.reason }

// leaveOut returns an error that makes the question skipped.
func leaveOut(format string, args ...any) error { return &errLeftOut{fmt.Sprintf(format, args...)} }

// A LiveKey is a key that the run made for one experiment.
type LiveKey struct {
	Spec KeySpec
	lab  *Lab
	key  MintedKey
	made Made
	lent bool // it is one of [Target.Marked]
	// is what the key is known to be: what it was made as, until something is done to it.
	is *Key
}

// By is the sender that shows the key.
func (k *LiveKey) By() Sender { return Sender{k.Spec.Name, k.key.Credential, k.is} }

// Mint makes a key that lives until the end of the run at most. Where nothing can make keys
// the question is skipped.
func (l *Lab) Mint(ctx context.Context, spec KeySpec, actions ...Action) (*LiveKey, error) {
	prov := l.run.target.Provisioner
	if prov == nil || !prov.Can("") {
		return nil, leaveOut("nothing says how keys are made (provision: in the profile)")
	}
	for _, a := range actions {
		if !prov.Can(a) {
			return nil, leaveOut("nothing says how to %s a key (provision: in the profile)", a)
		}
	}
	if spec.Name == "" {
		spec.Name = "key"
	}
	name := fmt.Sprintf("%s-%s-%d", l.run.mark, spec.Name, l.run.minted.Add(1))
	asked := spec
	asked.Name = name
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	key, err := prov.Mint(context.WithoutCancel(ctx), asked) // what is made must be known
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	k := &LiveKey{Spec: spec, lab: l, key: key, made: Made{Kind: "key", ID: key.ID, Name: name},
		is: &Key{Name: spec.Name, Grants: spec.Grants, Sharing: spec.Sharing, Lists: spec.Lists}}
	k.key.Credential.Named("PC_MINTED", "")
	l.run.hide(k.key.Credential)
	err = l.debts.owe(k.made, func(ctx context.Context) error { return unmint(ctx, prov, k.key) })
	return k, err
}

// Do does an action to the key. For Regrant and Expire spec says what it is to be.
func (k *LiveKey) Do(ctx context.Context, action Action, spec KeySpec) error {
	k.is = nil
	next, err := k.lab.run.target.Provisioner.Do(ctx, k.key, action, spec)
	if err != nil {
		return fmt.Errorf("%s a key: %w", action, err)
	}
	if next.Credential.Secret != "" {
		next.Credential.Named(k.key.Credential.Env, "")
		k.key.Credential = next.Credential
		k.lab.run.hide(next.Credential)
	}
	if action == Delete {
		return k.lab.debts.paid(k.made)
	}
	return nil
}

// ID is the keyring's name of the key, as the target knows it: who signs in.
func (k *LiveKey) ID() string { return k.key.Credential.KeyID }

// Secret is the key's own secret, of which tokens are made.
func (k *LiveKey) Secret() string { return k.key.Credential.KeySecret }

// Variable stands for what the key shows, in records and reports.
func (k *LiveKey) Variable() string { return k.key.Credential.Env }

// Shown is what the key's next request to a path shows.
func (k *LiveKey) Shown(path string) string {
	c := k.key.Credential.at(path)
	if c.Tokens != nil {
		return c.Tokens.Current()
	}
	return c.Secret
}

// ErrNoSignIn says that a key is shown as it is.
var ErrNoSignIn = errors.New("the key is shown as it is: it is not signed in")

// SignIn gets a new token for the key, that of the part of the API which a path is in. It
// returns the error of the sign-in, which holds no secret, or [ErrNoSignIn].
func (k *LiveKey) SignIn(ctx context.Context, path string) error {
	now := k.key.Credential.at(path)
	if now.Tokens == nil {
		return ErrNoSignIn
	}
	token, expires, err := now.Tokens.Fetch(ctx)
	if err != nil {
		return err
	}
	old := now.Tokens
	now.Tokens, now.Secret = NewTokens(token, expires, old.Rotates, old.Fetch), token
	c := k.key.Credential
	c.Below = slices.Clone(c.Below)
	for i := range c.Below {
		if c.Below[i].Credential.Tokens == old {
			c.Below[i].Credential.Tokens, c.Below[i].Credential.Secret = now.Tokens, token
		}
	}
	if c.Tokens == old {
		c.Tokens, c.Secret = now.Tokens, token
	}
	k.key.Credential = c
	k.lab.run.hide(c)
	return nil
}

// Key returns a key with just these properties: one that is made for the script where keys can
// be made, else one of the plan's. own asks for one that nobody else uses, on which the actions
// can be done.
func (l *Lab) Key(ctx context.Context, spec KeySpec, own bool, actions ...Action) (*LiveKey, error) {
	like, what := spec.like(l.Catalog), spec.holds(l.Plan)
	if !own {
		if i := l.Plan.find(&like); i >= 0 {
			return &LiveKey{Spec: spec, lab: l, key: MintedKey{Credential: l.run.target.Credentials[i]}, is: &l.Plan.Keys[i]}, nil
		}
	}
	prov := l.run.target.Provisioner
	if prov == nil || !prov.Can("") {
		if own {
			return nil, fmt.Errorf("needs a key of its own that holds %s, to change it: say how keys are made (provision: in the profile)", what)
		}
		return nil, fmt.Errorf("needs a key that holds %s: add it to the profile, or say how keys are made (provision:)", what)
	}
	for _, a := range actions {
		if !prov.Can(a) && !prov.Can(l.usual(string(a))) {
			return nil, fmt.Errorf("nothing says how to %s a key (provision: in the profile)", a)
		}
	}
	if !l.run.target.Writes.sends() {
		return nil, fmt.Errorf("needs a key that holds %s: add it to the profile, or allow that keys are made (--writes)", what)
	}
	k, err := l.Mint(ctx, spec)
	if err != nil {
		return nil, err
	}
	k.key.Credential.NamedAfter("PC_" + variable(spec.Name))
	l.run.hide(k.key.Credential)
	return k, nil
}

// Act does an action to the key, by the provisioner's name for it.
func (k *LiveKey) Act(ctx context.Context, action Action, spec KeySpec) error {
	if k.key.ID == "" {
		return errors.New("the key is the profile's: nobody changes it")
	}
	if _, ok := k.lab.Catalog.Credentials.Actions[string(action)]; ok {
		action = k.lab.usual(string(action))
	}
	if !k.lab.run.target.Provisioner.Can(action) {
		return fmt.Errorf("nothing says how to %s a key (provision: in the profile)", action)
	}
	return k.Do(ctx, action, spec)
}

// variable makes the name of an environment variable of a text.
func variable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, text)
}

// Within is the time that a change of a key may take until it is in force.
func (l *Lab) Within() time.Duration { return l.within() }

// Hide notes a secret, so that no record holds it. name stands in its place.
func (l *Lab) Hide(name, secret string) { l.run.hide(Credential{Secret: secret, Env: name}) }

// Fill returns the concrete path of a row for one request. given are values that are known;
// the others are those of all reads, or for a write those of an object that it may change.
func (l *Lab) Fill(ctx context.Context, row int, given map[string]string) (string, error) {
	r := &l.Plan.Rows[row]
	values := map[string]string{}
	missing := slices.ContainsFunc(r.Params(), func(name string) bool { return given[name] == "" })
	if missing {
		params, err := l.run.paramsFor(ctx, row, -1, !r.Reads)
		if err != nil {
			return "", err
		}
		if !r.Reads && l.run.target.Writes == WritesDisposable && !params.Expendable {
			return "", leaveOut("the object is not expendable (--writes disposable)")
		}
		values = maps.Clone(params.Values)
	}
	maps.Copy(values, given)
	return fill(r.Path, values)
}

// Body is the body that requests to a row are sent with: that of the profile, or a small one;
// nil where the row takes none.
func (l *Lab) Body(row int) []byte {
	r := &l.Plan.Rows[row]
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete:
		return nil
	case r.Reads:
		return l.run.readBody(r)
	}
	return l.run.body(r, l.Mark())
}

// Access is what an answer says about its sender's right.
type Access uint8

const (
	Unclear Access = iota
	Admitted
	Refused
)

// Access judges an answer as the matrix does. control is the answer that a key which the
// catalog admits got to the same request; nil: there is none. why says what is unclear.
func (l *Lab) Access(row int, a, control *Answer) (is Access, why string) {
	seen := Observation{Sent: a.Status != 0, Status: a.Status}
	if seen.undecided() {
		return Unclear, seen.why()
	}
	controlled := control != nil && control.OK()
	var form bool
	if row >= 0 {
		stated := l.Plan.Rows[row].form(ValidKey)
		form = stated.Known() && hasForm(stated, a.Status, a.Body)
	}
	switch {
	case a.OK() && controlled && listState(a.Body) == EmptyList && listState(control.Body) == FullList:
		return Refused, "" // an empty list where an admitted key sees rows
	case a.OK() && a.HTML && controlled && !control.HTML:
		return Unclear, fmt.Sprintf("answered %d with a web page, where admitted keys get something else", a.Status)
	case a.OK():
		return Admitted, ""
	case controlled || form || a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return Refused, ""
	}
	return Unclear, fmt.Sprintf("answered %d, and no key that the catalog admits was answered 2xx on the same request: the path's ids or the body may be wrong", a.Status)
}

// perform performs one question and, where it fails, repeats it on new connections.
func (l *Lab) perform(ctx context.Context, j *judge, q *Question) Record {
	check := checkOf(q.Check)
	rec := l.once(ctx, check, q)
	if v, _ := j.once(check, q, &rec); v != Fail || check.believed(q) {
		return rec
	}
	anew := l.onNewConnections()
	for range repeats {
		if ctx.Err() != nil {
			break
		}
		anew.forget()
		rec.Again = append(rec.Again, anew.once(ctx, check, q))
	}
	return rec
}

// onNewConnections is the same lab, all of whose requests open a connection.
func (l *Lab) onNewConnections() *Lab {
	return &Lab{Plan: l.Plan, Catalog: l.Catalog, run: l.run, hash: l.hash, fresh: true, debts: l.debts, known: &known{}, spelled: map[spelledKey]*spelledOnce{}}
}

func (l *Lab) once(ctx context.Context, check *Check, q *Question) Record {
	var rec Record
	if q.Effort == SomeWrites && !l.run.target.Writes.sends() {
		rec.Skipped = "writes are not sent (--writes none)"
		return rec
	}
	if (q.Check == script.ID || check.statement != nil) && l.run.target.Scripts == nil {
		rec.Skipped = "nothing performs hand-written checks here"
		return rec
	}
	if q.Effort == OwnKeys && !l.run.target.Writes.sends() {
		rec.Skipped = "keys are not made and changed (--writes none)"
		return rec
	}
	err := check.perform(ctx, l, q, &rec)
	var left *errLeftOut
	switch {
	case ctx.Err() != nil:
		rec = Record{}
		return rec
	case errors.As(err, &left):
		rec.Skipped = left.reason
	case err != nil:
		rec.Problem = err.Error()
	}
	rec.Done = true
	return rec
}
