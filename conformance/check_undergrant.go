package conformance

// underGrant: a key is admitted to what its grants open. The smallest admitted grants
// of the boundary show a permission that is asked for without being in the catalog.
var underGrant = Check{
	ID: "under-grant", Category: "operations",
	Title: "a key is admitted where the catalog says that its grant suffices",
	Doc: `Sends each row with the smallest grants that it admits, and with the key that holds
everything. A refusal is the finding, after it was repeated on new connections; an answer that
may have another cause, such as an id that is gone, decides nothing.`,
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
