package conformance

import (
	"context"
	"strings"
)

// ownerDisabled: the keys of an account that is disabled are refused.
var ownerDisabled = Check{
	ID: "owner-disabled", Category: "life-cycle",
	Title: "the keys of a disabled account are refused",
	Doc: `Makes a key that belongs to an account of this run, sees it admitted, disables the account and uses
the key on new connections until the stated bound has passed. Being admitted still is the
finding. It needs a provisioner that lets the run choose whom a key belongs to; nobody else's
account is touched.`,
	Finds:  []string{"owner-disabled-key-lives"},
	effort: OwnKeys,
	ask:    func(p *planner) { p.askLife("owner-disabled", "") },
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		owner := strings.TrimSuffix(l.Mark(), ".")
		return l.dies(ctx, rec, q, death{actions: []Action{DisableOwner}, spec: KeySpec{Name: "owned", Owner: owner}, kill: func(ctx context.Context, key *LiveKey) error {
			if key.key.Owner != owner {
				return leaveOut("the provisioner does not make keys for an account of this run")
			}
			return key.Do(ctx, DisableOwner, KeySpec{})
		}})
	},
	decide: decideDead("lost its account"),
}
