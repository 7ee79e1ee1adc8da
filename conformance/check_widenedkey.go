package conformance

import (
	"context"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// widenedKey: a permission that is given to a key works.
var widenedKey = Check{
	ID: "widened-key", Category: "life-cycle",
	Title: "a permission that is given to a key works",
	Doc: `Makes a key without permissions, sees it refused, gives it what the endpoint asks for, and uses it
again on new connections until the stated bound has passed. Where the catalog says that a change
waits until the key is revoked and enabled again, that is done first. Being refused still is the
finding: a refusal is kept too long.`,
	Finds:  []string{"stale-after-widening"},
	effort: OwnKeys,
	ask:    func(p *planner) { p.askLife("widened", "") },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if l.Plan.Rows[q.Row].Need.IsAuthenticated() {
			return leaveOut("no row asks for a permission that could be given")
		}
		return l.changes(ctx, rec, q, perm.Set{}, l.Plan.Keys[q.Keys[0]].Grants, l.refuses, l.admits)
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		if rec.Facts["changed"] == "" {
			return Fail, "is refused still, although it was given the permission"
		}
		return Pass, ""
	},
}
