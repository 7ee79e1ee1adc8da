package conformance

// overGrant: a key is refused what its grants do not open. The largest refused grants
// of the boundary show a wrong or weaker permission, the key without grants shows a
// check that is missing.
var overGrant = Check{
	ID:    "over-grant",
	Title: "a valid key is refused where it lacks the permission",
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
