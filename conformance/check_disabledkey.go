package conformance

import (
	"context"
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
tokens it is asked if the catalog says live-tokens: refused. Keys that the profile says are in
a state which the catalog refuses (state: disabled) are sent as they are to every row that reads and
would admit them if they lived; a revoked, an expired or a deleted key is what revoked-key,
expired-key and deleted-key are about.`,
	Finds:  []string{"disabled-key-works"},
	effort: OwnKeys,
	plan:   parkedProbes(ruleDisabled),
	judge:  func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
	ask: func(p *planner) {
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
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error { return l.ends(ctx, rec, q) },
	decide:  decideDead("was disabled"),
}

// ends performs an action of the catalog, the question's variant, that ends a key.
func (l *Lab) ends(ctx context.Context, rec *Record, q *Question) error {
	action := l.usual(q.Variant)
	return l.dies(ctx, rec, q, death{actions: []Action{action}, spec: KeySpec{Name: q.Variant}, kill: func(ctx context.Context, key *LiveKey) error {
		return key.Do(ctx, action, KeySpec{})
	}})
}
