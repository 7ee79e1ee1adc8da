package conformance

import (
	"context"
	"fmt"
	"slices"
)

// disabledKey: a key that works is refused once it is disabled, on new connections.
var disabledKey = Check{
	ID: "disabled-key", Category: "life-cycle",
	Title: "a disabled key is refused",
	Doc: `Makes a key that holds what one endpoint asks for, sees it admitted, disables it and
sends the same request again on new connections, until the stated bound (within: in the
catalog's credentials or the profile; two seconds where nothing is stated) has passed. Being
admitted still is the finding. It is asked for each action of the catalog that leads to a state in which a
key is refused, and needs a way to make and disable keys; without one it is skipped. Where keys are shown as
tokens it is asked if the catalog says live-tokens: refused. A key that the profile says is in
a state which the catalog refuses (state: disabled) is tried as it is.`,
	Finds:  []string{"disabled-key-works"},
	effort: OwnKeys,
	ask: func(p *planner) {
		if row, key := p.witnessRow(); row >= 0 {
			for i, k := range p.Keys {
				if s := p.catalog.Credentials.States[k.State]; k.Kind == ParkedKey && (s == "refused" || s == "gone") {
					p.ask(Question{Row: row, Subject: "credential:" + k.State, Variant: parked, Keys: []int{i}, Expect: Refuse,
						Base: p.aliveBase(row, key), Pos: p.catalog.Credentials.Pos})
					p.Questions[len(p.Questions)-1].Effort = OnlyReads
				}
			}
		}
		for _, name := range p.leadingTo("refused") {
			if name != "revoke" {
				p.askLife(name, name)
			}
		}
		// A state that is refused is one that a provisioner may have its own way to.
		if p.catalog.Credentials.States["disabled"] == "refused" && !slices.Contains(p.leadingTo("refused"), "disable") {
			p.askLife("disable", "disable")
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if q.Variant != parked {
			return l.ends(ctx, rec, q)
		}
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		by := l.As(q.Keys[0])
		if by.Credential.Secret == "" {
			return leaveOut("the key is refused when it signs in")
		}
		l.Send(ctx, rec, Call{Label: "dead", Method: "GET", Path: path, By: by, Fresh: true, row: q.Row + 1})
		return nil
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if x := rec.Find("dead"); q.Variant == parked && x.admits() {
			return Fail, fmt.Sprintf("answered %d to a key that is out of use", x.Status)
		}
		return decideDead("was disabled")(j, q, rec)
	},
}

// parked is the variant of questions about keys that are out of use already.
const parked = "parked"

// ends performs an action of the catalog, the question's variant, that ends a key.
func (l *Lab) ends(ctx context.Context, rec *Record, q *Question) error {
	action := l.usual(q.Variant)
	return l.dies(ctx, rec, q, death{actions: []Action{action}, spec: KeySpec{Name: q.Variant}, kill: func(ctx context.Context, key *LiveKey) error {
		return key.Do(ctx, action, KeySpec{})
	}})
}
