package conformance

import (
	"context"
	"errors"
	"maps"
	"slices"
)

// Where nothing makes keys, checks of their life use those that the profile marks for it
// (lifecycle: true). Nobody else's key is ever touched, and what is done to a marked one is what
// can be taken back: it is disabled, and enabled again at the end of the question.

// markedKey is what a marked key is called in a ledger while it is disabled.
const markedKey = "marked key"

// borrows reports whether checks of the life of keys use marked ones.
func (r *runner) borrows() bool {
	prov := r.target.Provisioner
	return prov != nil && !prov.Can("") && len(r.target.Marked) > 0
}

// subject is a key for a question about the life of keys: one that is made, or a marked one
// that the question's row admits. It is to be given back.
func (l *Lab) subject(ctx context.Context, q *Question, spec KeySpec, actions ...Action) (*LiveKey, error) {
	if !l.run.borrows() {
		return l.Mint(ctx, spec, actions...)
	}
	prov := l.run.target.Provisioner
	on, err := l.enabling()
	if err != nil {
		return nil, err
	}
	for _, a := range actions {
		switch {
		case !prov.Can(a):
			return nil, leaveOut("nothing says how to %s a key (provision: in the profile)", a)
		case a != on && a != Disable && l.Catalog.Credentials.States[l.Catalog.Credentials.Actions[string(a)]] != "refused":
			return nil, leaveOut("to %s a key cannot be taken back, and nothing says how keys are made (mint: in the profile's provision:)", a)
		}
	}
	for _, i := range slices.Sorted(maps.Keys(l.run.target.Marked)) {
		k := &l.Plan.Keys[i]
		if k.Kind != ValidKey || k.Narrowed() || !l.Plan.Rows[q.Row].Need.Admits(k.Grants) {
			continue
		}
		l.run.lending.Lock()
		live := &LiveKey{Spec: KeySpec{Name: k.Name, Grants: k.Grants}, lab: l, key: l.run.target.Marked[i], lent: true, is: k}
		live.made = Made{Kind: markedKey, ID: live.key.ID, Name: k.Name}
		if err := l.debts.owe(live.made, func(ctx context.Context) error { return l.enable(ctx, live.key) }); err != nil {
			l.run.lending.Unlock()
			return nil, err
		}
		return live, nil
	}
	return nil, leaveOut("no key that is marked lifecycle: true is admitted to %s, and nothing says how keys are made", &l.Plan.Rows[q.Row])
}

// giveBack enables a marked key again and waits until it works; a key that was made is left
// alone. What fails is tried again at the end of the run, and told where that fails, too.
func (k *LiveKey) giveBack(ctx context.Context, row int, path string) {
	if !k.lent {
		return
	}
	defer k.lab.run.lending.Unlock()
	ctx = context.WithoutCancel(ctx)
	if k.lab.enable(ctx, k.key) != nil {
		return
	}
	var unrecorded Record
	if k.lab.until(ctx, &unrecorded, Call{Method: "GET", Path: path, By: k.By(), row: row + 1, free: true}, k.lab.admits) {
		_ = k.lab.debts.paid(k.made) // a ledger that cannot be written keeps the line: the key is enabled once more
	}
}

// enable does the action that ends in a state where a key is admitted.
func (l *Lab) enable(ctx context.Context, key MintedKey) error {
	on, err := l.enabling()
	if err == nil {
		_, err = l.run.target.Provisioner.Do(ctx, key, on, KeySpec{})
	}
	return err
}

// enabling is that action.
func (l *Lab) enabling() (Action, error) {
	prov := l.run.target.Provisioner
	if prov == nil {
		return "", errors.New("nothing says how to enable a key (provision: in the profile)")
	}
	for _, name := range append(l.Plan.leadingTo("admitted"), string(Enable)) {
		if a := l.usual(name); prov.Can(a) {
			return a, nil
		}
	}
	return "", leaveOut("nothing says how to enable a key again (enable: in the profile's provision:)")
}
