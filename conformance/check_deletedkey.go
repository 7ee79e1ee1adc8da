package conformance

import "context"

// deletedKey: a key that was used is refused once it is deleted.
var deletedKey = Check{
	ID: "deleted-key", Category: "life-cycle",
	Title: "a deleted key is refused",
	Doc: `Makes a key, uses it, deletes it and uses it again on new connections until the stated bound has
passed, for each action of the catalog after which a key is gone. Being admitted still is the
finding: a cache outlives the key. Keys that the profile says are in such a state (state:) are sent as they are.`,
	Finds:  []string{"deleted-key-works"},
	effort: OwnKeys,
	plan:   parkedProbes(ruleDeleted),
	judge:  func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
	ask: func(p *planner) {
		for _, name := range p.leadingTo("gone") {
			if name != "revoke" {
				p.askLife(name, name)
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error { return l.ends(ctx, rec, q) },
	decide:  decideDead("was deleted"),
}
