package conformance

import (
	"context"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// narrowedKey: a permission that is taken from a key is gone.
var narrowedKey = Check{
	ID: "narrowed-key", Category: "life-cycle",
	Title: "a permission that is taken from a key no longer works",
	Doc: `Makes a key that holds what one endpoint asks for, uses it, takes the permission away, and uses it
again on new connections until the stated bound has passed. Where the catalog says that a change waits until the key
is revoked and enabled again, that is done first; until then nothing is judged. Being admitted
still is the finding.`,
	Finds:  []string{"stale-after-narrowing"},
	effort: OwnKeys,
	ask:    func(p *planner) { p.askLife("narrowed", "") },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if l.Plan.Rows[q.Row].Need.IsAuthenticated() {
			return leaveOut("no endpoint requires a permission that could be removed from a key")
		}
		return l.changes(ctx, rec, q, l.Plan.Keys[q.Keys[0]].Grants, perm.Set{}, l.admits, l.refuses)
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if rec.Facts["changed"] == "" {
			return Fail, "is still admitted after its permissions were removed"
		}
		return Pass, ""
	},
}
