package conformance

// underGrant: a key is admitted to what its grants open. The smallest admitted grants
// of the boundary show a permission that is asked for without being in the catalog.
var underGrant = Check{
	ID:    "under-grant",
	Title: "a key is admitted where the catalog says that its grant suffices",
	plan: func(p *planner, row int) {
		if p.Rows[row].Endpoint == nil {
			return
		}
		if p.Rows[row].Need.IsPublic() {
			p.probe("under-grant", row, 0)
		}
		for _, key := range p.validKeys(row) {
			if p.expect(row, key) == Admit {
				p.probe("under-grant", row, key)
			}
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeAdmitted(pr) },
}
