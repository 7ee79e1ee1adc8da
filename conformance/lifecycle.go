package conformance

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// grace is how long a change of a key may take to be in force where neither the catalog
// (credentials: within:) nor the profile (within:) states a bound: "at once" for people, and
// enough for a server that tells its other processes.
const grace = 2 * time.Second

// within is the time that a change of a key may take until it is in force.
func (l *Lab) within() time.Duration {
	return cmp.Or(l.run.target.Within, l.Catalog.Credentials.Within, grace)
}

// until sends a call on new connections until its answer is as wanted or the bound has passed,
// and records the last one under the label. It reports whether the answer was as wanted.
func (l *Lab) until(ctx context.Context, rec *Record, c Call, want func(*Answer) bool) bool {
	c.Fresh = true
	end := time.Now().Add(l.within())
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		last := time.Now().After(end)
		a := l.send(ctx, &c)
		if a.Err != nil || want(a) || last {
			rec.Exchanges = append(rec.Exchanges, l.exchange(&c, a))
			return a.Err == nil && want(a)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(wait, max(time.Until(end), time.Millisecond))):
		}
	}
}

// admits reports whether an answer admits its sender. An empty list is how some servers
// refuse; a list that is empty for everybody tells nothing.
func (l *Lab) admits(a *Answer) bool {
	list := l.dialect().list(a.JSON())
	return a.OK() && (list == nil || len(list) > 0)
}

// refuses reports whether an answer refuses its sender.
func (l *Lab) refuses(a *Answer) bool {
	return !l.admits(a) && a.Status < 500 && a.Status != http.StatusTooManyRequests
}

// admits is [Lab.admits] of an exchange.
func (x *Exchange) admits() bool { return x.OK() && x.Body.Count != 0 }

// A death is a way in which a key ends.
type death struct {
	actions []Action // of which the provisioner must be able to do each
	spec    KeySpec  // of the key at first; grants are those of the question's key
	// rule and subject are those of the finding where the key lives on; empty: the question's own.
	rule, subject string
	// kill ends the key.
	kill func(ctx context.Context, key *LiveKey) error
}

// dies makes a key, sees it admitted, ends it, and waits until it is refused on new
// connections. It records the exchanges "alive" and "dead", and asks twice more whether it is
// refused everywhere.
func (l *Lab) dies(ctx context.Context, rec *Record, q *Question, d death) error {
	path, err := l.Path(ctx, q.Row)
	if err != nil {
		return err
	}
	d.spec.Grants = l.Plan.Keys[q.Keys[0]].Grants
	key, err := l.subject(ctx, q, d.spec, d.actions...)
	if err != nil {
		return err
	}
	defer key.giveBack(ctx, q.Row, path)
	if key.key.Credential.Issued && l.Catalog.Credentials.LiveTokens != "refused" {
		return leaveOut("the key is shown as a token, and the catalog does not say that such tokens end with the key (credentials: live-tokens: refused)")
	}
	call := Call{Label: "alive", Method: "GET", Path: path, By: key.By(), row: q.Row + 1}
	if !l.until(ctx, rec, call, l.admits) {
		return fmt.Errorf("the new key was answered %d while it should live", rec.Last().Status)
	}
	if err := d.kill(ctx, key); err != nil {
		return err
	}
	call.Label, call.against = "dead", &against{q.Row, cmp.Or(d.rule, q.Check), cmp.Or(d.subject, q.Subject)}
	if l.until(ctx, rec, call, l.refuses) {
		call.Label, call.Fresh = "dead, again", true
		for range 2 {
			l.Send(ctx, rec, call)
		}
	}
	return nil
}

// decideDead is the decision about a key that has ended.
func decideDead(what string) func(*judge, *Question, *Record) (Verdict, string) {
	return func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		for i := range rec.Exchanges {
			if x := &rec.Exchanges[i]; x.admits() && (x.Label == "dead" || x.Label == "dead, again") {
				return Fail, fmt.Sprintf("answered %d after the key %s, as before", x.Status, what)
			}
		}
		return Pass, ""
	}
}

// leadingTo returns the actions of the catalog's credentials that lead to a state in which a
// key is what is asked for ("refused", "gone", "new-secret"), by name.
func (p *Plan) leadingTo(what ...string) []string {
	cr := &p.catalog.Credentials
	var out []string
	for _, name := range slices.Sorted(maps.Keys(cr.Actions)) {
		if to := cr.Actions[name]; slices.Contains(what, cr.States[to]) || slices.Contains(what, to) {
			out = append(out, name)
		}
	}
	return out
}

// usual is what a provisioner calls an action of the catalog: by its name where it knows
// that, else by the usual name for what it leads to.
func (l *Lab) usual(name string) Action {
	cr := &l.Catalog.Credentials
	if prov := l.run.target.Provisioner; prov == nil || prov.Can(Action(name)) {
		return Action(name)
	}
	to := cr.Actions[name]
	switch {
	case to == "new-secret":
		return Rotate
	case cr.States[to] == "gone":
		return Delete
	case cr.States[to] == "admitted":
		return Enable
	}
	return Disable
}

// askLife adds a question about a key that the run makes, like the one that a witness row
// admits.
func (p *planner) askLife(subject, variant string) {
	if row, key := p.witnessRow(); row >= 0 {
		base := p.aliveBase(row, key)
		if weak := p.weakest(row); weak >= 0 {
			base = append(base, p.base(row, weak))
		}
		p.ask(Question{Row: row, Subject: "credential:" + subject, Variant: variant, Keys: []int{key}, Expect: Refuse, Base: base, Pos: p.catalog.Credentials.Pos})
	}
}

// aliveBase are the probes which show that a row tells a living key from none: the key is
// admitted, no key and an unknown key are not.
func (p *planner) aliveBase(row, key int) []int {
	return []int{p.base(row, key), p.base(row, 0), p.base(row, 2)}
}

// witnessRow returns a row that shows whether a key is alive, and the key to be like: a read
// without parameters that asks for a permission, else one that any key is admitted to. -1
// where there is none.
func (p *planner) witnessRow() (row, key int) {
	row = -1
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != "GET" || !r.Reads || len(r.Params()) > 0 || r.Need.IsPublic() || p.strongest(i) < 0 {
			continue
		}
		if !r.Need.IsAuthenticated() {
			return i, p.strongest(i)
		}
		if row < 0 {
			row = i
		}
	}
	if row < 0 {
		return -1, -1
	}
	return row, p.strongest(row)
}

// identityRows are the reads that any key may call and that say who it is.
func (p *Plan) identityRows() []int {
	var out []int
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Endpoint != nil && r.Method == "GET" && r.Need.IsAuthenticated() && len(r.Params()) == 0 {
			out = append(out, i)
		}
	}
	return out
}

// changes performs a change of what a key holds: it makes the key with one grant, sees the
// answer that this must have, gives it another grant, and waits until the answer is the other
// one. Where the catalog says that a change is in force only once the key is enabled again,
// that is done first.
func (l *Lab) changes(ctx context.Context, rec *Record, q *Question, from, to perm.Set, before, after func(*Answer) bool) error {
	path, err := l.Path(ctx, q.Row)
	if err != nil {
		return err
	}
	actions := []Action{Regrant}
	var off, on Action
	switch l.Catalog.Credentials.GrantsChange {
	case "at-once":
	case "on-reenable":
		off, on = Disable, Enable
		if _, ok := l.Catalog.Credentials.Actions["revoke"]; ok {
			off = Revoke
		}
		actions = append(actions, off, on)
	case "on-new-token":
		return leaveOut("a changed grant is in force with the next token, which is the provisioner's to get")
	default:
		return leaveOut("the catalog does not say when a changed grant is in force (credentials: grants-change)")
	}
	key, err := l.Mint(ctx, KeySpec{Name: "changed", Grants: from}, actions...)
	if err != nil {
		return err
	}
	call := Call{Label: "before", Method: "GET", Path: path, By: key.By(), row: q.Row + 1}
	if !l.until(ctx, rec, call, before) {
		return fmt.Errorf("the new key was answered %d before its grants were changed", rec.Last().Status)
	}
	if err := key.Do(ctx, Regrant, KeySpec{Grants: to}); err != nil {
		return err
	}
	if on != "" {
		for _, a := range []Action{off, on} {
			if err := key.Do(ctx, a, KeySpec{}); err != nil {
				return err
			}
		}
	}
	call.Label, call.By = "after", key.By()
	if l.until(ctx, rec, call, after) {
		rec.Fact("changed", "yes")
	}
	return nil
}

// gets are rows that get one record by an id, for questions that need an address which
// nobody has asked for yet.
func (p *planner) gets() []int {
	var out []int
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint != nil && r.Method == "GET" && r.Reads && r.Endpoint.Gets != "" && len(r.Params()) == 1 && !r.Need.IsPublic() && !r.Need.IsAuthenticated() {
			out = append(out, i)
		}
	}
	return out
}
