package conformance

import (
	"context"
	"fmt"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// keyEdits is what both checks of changed keys are about.
var keyEdits = Cause{ID: "grants-given-freely", Text: "who may change a key gives it anything", Check: "key-edits-stronger"}

// keyEditsStronger: who may change keys gives none more than it holds.
var keyEditsStronger = Check{
	ID: "key-edits-stronger", Category: "grants", Title: "a key gives no other key more than it holds",
	Doc: `Makes two keys with the full key and gives them permissions: one with the full key, which must
work, one with a key that may do little but change keys and lacks these permissions. A key that
then holds one of them is the finding. It is asked where the catalog has rows that list, make and
change keys.`,
	Finds: []string{"key-edits-stronger"}, effort: OwnKeys, cause: keyEdits,
	ask: func(p *planner) {
		rows, full := p.keyRows(), p.full()
		if !p.editsKeys(rows, full) {
			return
		}
		if editor, _ := p.manager(rows.edit); editor >= 0 {
			p.ask(Question{Row: rows.edit, Keys: []int{editor, full}, Expect: Refuse, Base: []int{p.base(rows.list, full), p.base(rows.create, full)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		rows, full := l.Plan.keyRows(), l.As(q.Keys[1])
		form, err := l.learnKeyForm(ctx, rec, rows, full)
		if err != nil {
			return err
		}
		lacks := l.Plan.lacks(l.Plan.Keys[q.Keys[0]].Grants)
		for _, try := range []struct {
			label string
			by    Sender
		}{{"changed by the full key", full}, {"changed by a key that lacks it", l.As(q.Keys[0])}} {
			id, _, err := l.makeKey(ctx, rec, "to be "+try.label, rows, full, full, form, perm.Set{})
			if err != nil {
				return err
			}
			if id == "" {
				return fmt.Errorf("no key could be made to be changed")
			}
			if err := l.widenKey(ctx, rec, try.label, rows, try.by, full, form, id, lacks); err != nil {
				return err
			}
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		return strongerGiven(rec, "changed by the full key", "changed by a key that lacks it")
	},
}

// editsKeys reports whether the catalog has the rows to change keys, and a full key that may.
func (p *planner) editsKeys(rows keyRows, full int) bool {
	return full >= 0 && rows.list >= 0 && rows.create >= 0 && rows.edit >= 0 &&
		p.expect(rows.list, full) == Admit && p.expect(rows.create, full) == Admit && p.expect(rows.edit, full) == Admit
}

// widenKey gives a key permissions and notes, under the label, whether it then holds one.
func (l *Lab) widenKey(ctx context.Context, rec *Record, label string, rows keyRows, by, full Sender, form keyForm, id string, grant perm.Set) error {
	if _, err := l.keyCall(ctx, rec, label, rows.edit, id, by, map[string]any{form.member: form.json(grant)}); err != nil {
		return err
	}
	key, err := l.readKey(ctx, rec, label+", read", rows, full, id)
	if err != nil {
		return err
	}
	rec.Fact(label, fmt.Sprint(holdsAny(form, key, grant)))
	return nil
}

// keyEditsItself: no key widens its own grants.
var keyEditsItself = Check{
	ID: "key-edits-itself", Category: "grants", Title: "a key does not widen its own grants",
	Doc: `Makes a key without permissions and one that may do little but change keys, finds them in the
list of keys, and lets each give itself all that it lacks. A key that then holds one of these
permissions is the finding. The full key gives them first to a third key, which must work. It is
asked where the catalog has rows that list, make and change keys, and needs a way to make keys
whose secrets are known.`,
	Finds: []string{"key-edits-itself"}, effort: OwnKeys, cause: keyEdits,
	ask: func(p *planner) {
		rows, full := p.keyRows(), p.full()
		if !p.editsKeys(rows, full) {
			return
		}
		senders := []int{p.weakest(rows.edit)}
		if editor, _ := p.manager(rows.edit); editor >= 0 {
			senders = append(senders, editor)
		}
		for _, key := range senders {
			if key >= 0 {
				p.ask(Question{Row: rows.edit, Keys: []int{key, full}, Expect: Refuse, Base: []int{p.base(rows.list, full), p.base(rows.create, full)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		rows, full := l.Plan.keyRows(), l.As(q.Keys[1])
		grant := l.Plan.Keys[q.Keys[0]].Grants
		lacks := l.Plan.lacks(grant)
		own, err := l.Mint(ctx, KeySpec{Name: "itself", Grants: grant})
		if err != nil {
			return err
		}
		form, err := l.learnKeyForm(ctx, rec, rows, full)
		if err != nil {
			return err
		}
		keys, err := l.List(ctx, rec, "the keys again", rows.list, full, "")
		if err != nil {
			return err
		}
		it, ok := keyNamed(keys.Items, own.made.Name)
		if !ok {
			return fmt.Errorf("the list of keys does not show the key that was made, by its name")
		}
		other, _, err := l.makeKey(ctx, rec, "another key", rows, full, full, form, perm.Set{})
		if err != nil {
			return err
		}
		if other == "" {
			return fmt.Errorf("no key could be made to be changed")
		}
		if err := l.widenKey(ctx, rec, "changed by the full key", rows, full, full, form, other, lacks); err != nil {
			return err
		}
		return l.widenKey(ctx, rec, "changed by the key itself", rows, own.By(), full, form, it.ID, lacks)
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		return strongerGiven(rec, "changed by the full key", "changed by the key itself")
	},
}
