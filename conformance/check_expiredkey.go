package conformance

import (
	"context"
	"time"
)

// ages are how long ago a key has expired, or how soon it will: more than clocks differ, and
// on both sides of what a mistaken time zone makes of it.
var ages = []struct {
	name string
	by   time.Duration
}{{"minutes", 5 * time.Minute}, {"hours", 3 * time.Hour}, {"a day", 30 * time.Hour}}

// expiredKey: a key is refused once it has expired, minutes and hours ago.
var expiredKey = Check{
	ID: "expired-key", Category: "life-cycle",
	Title: "an expired key is refused",
	Doc: `Makes a key that expires in two days, sees it admitted, lets it have expired five minutes, three
hours and thirty hours ago, and uses it until the stated bound has passed. Being admitted still is
the finding; only minutes ago, it is a mistaken time zone or unit. Where a time that has passed
cannot be set, one two seconds ahead is, and waited for. It needs a provisioner that sets when
keys expire. Keys that the profile says are in such a state (state:) are sent as they are.`,
	Finds:  []string{"expired-key-works", "expiry-in-wrong-zone"},
	effort: OwnKeys,
	plan:   parkedProbes(ruleExpired),
	judge:  func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
	ask: func(p *planner) {
		for _, a := range ages {
			p.askLife("expired", a.name)
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		return l.dies(ctx, rec, q, death{actions: []Action{Expire}, spec: KeySpec{Name: "expired", Expires: time.Now().Add(48 * time.Hour)},
			kill: func(ctx context.Context, key *LiveKey) error {
				err := key.Do(ctx, Expire, KeySpec{Expires: time.Now().Add(-ageOf(q.Variant))})
				if err == nil || q.Variant != ages[0].name {
					return err
				}
				const ahead = 2 * time.Second
				if err := key.Do(ctx, Expire, KeySpec{Expires: time.Now().Add(ahead)}); err != nil {
					return err
				}
				select {
				case <-time.After(ahead + time.Second): // stated times may be cut to seconds
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}})
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		return decideDead("expired "+q.Variant+" ago")(j, q, rec)
	},
}

func ageOf(name string) time.Duration {
	for _, a := range ages {
		if a.name == name {
			return a.by
		}
	}
	return 0
}
