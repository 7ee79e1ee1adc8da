package conformance

import "context"

// revokedKey: a key that works is refused once it is revoked.
var revokedKey = Check{
	ID: "revoked-key", Category: "life-cycle",
	Title: "a revoked key is refused",
	Doc: `Does what disabled-key does with the catalog's action revoke, where that leads to a state in
which a key is refused or gone. Keys that the profile says are in such a state (state:) are sent as they are.`,
	Finds:  []string{"revoked-key-works"},
	effort: OwnKeys,
	plan:   parkedProbes(ruleRevoked),
	judge:  func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
	ask: func(p *planner) {
		for _, name := range p.leadingTo("refused", "gone") {
			if name == "revoke" {
				p.askLife(name, name)
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error { return l.ends(ctx, rec, q) },
	decide:  decideDead("was revoked"),
}
