package conformance

import (
	"context"
	"fmt"
)

// keyMintsStronger: who may make keys makes none that hold more than its own.
var keyMintsStronger = Check{
	ID: "key-mints-stronger", Category: "grants", Title: "a key makes no key that holds more than it does",
	Doc: `Learns from the list of keys how the API writes grants, and makes a key with permissions that
its maker lacks: first with the full key, which must work, then with a key that may do little but
make keys. A key that then holds one of these permissions is the finding. It is asked where the
catalog has rows that list and make keys (paths that end in keys, tokens and the like). Where the
profile's provisioner calls the target itself, each of its requests is also sent with the key that holds
least, about a key that was made for it: a key that is made, changed or ended so is the finding.`,
	Finds: []string{"key-mints-stronger"}, effort: OwnKeys,
	ask: func(p *planner) {
		askProvisioner(p)
		rows, full := p.keyRows(), p.full()
		if rows.list < 0 || rows.create < 0 || full < 0 || p.expect(rows.list, full) != Admit || p.expect(rows.create, full) != Admit {
			return
		}
		if maker, _ := p.manager(rows.create); maker >= 0 {
			p.ask(Question{Row: rows.create, Keys: []int{maker, full}, Expect: Refuse, Base: []int{p.base(rows.list, full), p.base(rows.create, maker)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if q.Variant == byProvisioner {
			return l.asProvisioner(ctx, rec, q)
		}
		rows, full := l.Plan.keyRows(), l.As(q.Keys[1])
		form, err := l.learnKeyForm(ctx, rec, rows, full)
		if err != nil {
			return err
		}
		lacks := l.Plan.lacks(l.Plan.Keys[q.Keys[0]].Grants)
		for _, try := range []struct {
			label string
			by    Sender
		}{{"made by the full key", full}, {"made by a key that lacks it", l.As(q.Keys[0])}} {
			id, _, err := l.makeKey(ctx, rec, try.label, rows, try.by, full, form, lacks)
			if err != nil {
				return err
			}
			if id == "" {
				continue
			}
			key, err := l.readKey(ctx, rec, try.label+", read", rows, full, id)
			if err != nil {
				return err
			}
			rec.Fact(try.label, fmt.Sprint(holdsAny(form, key, lacks)))
		}
		return nil
	},
	decide: func(_ *judge, q *Question, rec *Record) (Verdict, string) {
		if q.Variant == byProvisioner {
			return decideProvisioner(rec)
		}
		return strongerGiven(rec, "made by the full key", "made by a key that lacks it")
	},
}

// learnKeyForm reads the list of keys with the full key.
func (l *Lab) learnKeyForm(ctx context.Context, rec *Record, rows keyRows, full Sender) (keyForm, error) {
	keys, err := l.List(ctx, rec, "the keys", rows.list, full, "")
	if err != nil {
		return keyForm{}, err
	}
	return l.keyForm(keys.Items)
}

// strongerGiven decides by two attempts to give a key what only the first sender holds: labels
// of exchanges, and facts that say whether the key then held it.
func strongerGiven(rec *Record, control, attempt string) (Verdict, string) {
	switch {
	case rec.Facts[control] != "true":
		return Inconclusive, fmt.Sprintf("the full key was answered %d and did not give these permissions either", rec.Find(control).Status)
	case rec.Facts[attempt] == "true":
		return Fail, fmt.Sprintf("answered %d, and the key then holds what its sender does not", rec.Find(attempt).Status)
	}
	return Pass, ""
}
