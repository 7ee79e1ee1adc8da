package conformance

// overGrant: a key is refused what its grants do not open. The largest refused grants
// of the boundary show a wrong or weaker permission, the key without grants shows a
// check that is missing.
var overGrant = Check{
	ID: "over-grant", Category: "operations",
	Title: "a valid key is refused where it lacks the permission",
	Doc: `Sends each row with the largest grants that it refuses, with the key without grants, and in
a profile with every key that it should refuse. A 2xx answer is the finding, unless it is an
empty list where admitted keys see rows. A refusal counts only when an admitted key was
answered 2xx on the same request and the key is known to be alive.`,
	plan: func(p *planner, row int) {
		if p.Rows[row].Endpoint == nil {
			return
		}
		for _, key := range p.validKeys(row) {
			if p.expect(row, key) == Refuse {
				p.probe("over-grant", row, key)
			}
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
}
