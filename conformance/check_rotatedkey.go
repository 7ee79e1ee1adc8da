package conformance

import (
	"context"
	"fmt"
)

// rotatedKey: the old secret is refused once a key was given a new one.
var rotatedKey = Check{
	ID: "rotated-key", Category: "life-cycle",
	Title: "the old secret of a key is refused once it has a new one",
	Doc: `Makes a key, sees it admitted, gives it a new secret and shows the old one on new connections until
the stated bound has passed. Being admitted still is the finding; the new secret must be
admitted, or nothing is said. It is asked for each action of the catalog that leads to new-secret.`,
	Finds:  []string{"rotation-keeps-old-secret"},
	effort: OwnKeys,
	ask: func(p *planner) {
		for _, name := range p.leadingTo("new-secret") {
			p.askLife("rotated", name)
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		action := l.usual(q.Variant)
		return l.dies(ctx, rec, q, death{actions: []Action{action}, spec: KeySpec{Name: "rotated"}, kill: func(ctx context.Context, key *LiveKey) error {
			old := key.key.Credential.Secret
			if err := key.Do(ctx, action, KeySpec{}); err != nil {
				return err
			}
			if key.key.Credential.Secret == old {
				return fmt.Errorf("the provisioner gave the key no new secret")
			}
			path, err := l.Path(ctx, q.Row)
			if err != nil {
				return err
			}
			if !l.until(ctx, rec, Call{Label: "new secret", Method: "GET", Path: path, By: key.By()}, l.admits) {
				return fmt.Errorf("the new secret was answered %d", rec.Last().Status)
			}
			return nil
		}})
	},
	decide: decideDead("was given another secret"),
}
