package conformance

// badKeyAdmitted: a credential that cannot be parsed, and one that looks right and was
// never made, are refused. Public rows are left alone: servers differ on whether they
// look at a key there, and no catalog says.
var badKeyAdmitted = Check{
	ID: "bad-key-admitted", Category: "authentication",
	Title: "a malformed or unknown key is refused",
	Doc: `Sends each row that is not public with a credential that cannot be one, and with one that
looks right and was never made. A 2xx answer that shows something is the finding.`,
	plan: func(p *planner, row int) {
		if r := &p.Rows[row]; r.Endpoint != nil && !r.Need.IsPublic() {
			p.probe("bad-key-admitted", row, 1)
			p.probe("bad-key-admitted", row, 2)
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
}
