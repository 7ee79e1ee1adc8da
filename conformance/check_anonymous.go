package conformance

// anonymousAdmitted: a request without a credential is refused wherever the row is not
// public.
var anonymousAdmitted = Check{
	ID: "anonymous-admitted", Category: "authentication",
	Title: "a request without a key is refused",
	Doc: `Sends each row that is not public without any credential. A 2xx answer that shows
something is the finding.`,
	plan: func(p *planner, row int) {
		if r := &p.Rows[row]; r.Endpoint != nil && !r.Need.IsPublic() {
			p.probe("anonymous-admitted", row, 0)
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
}
