package conformance

// anonymousAdmitted: a request without a credential is refused wherever the row is not
// public.
var anonymousAdmitted = Check{
	ID:    "anonymous-admitted",
	Title: "a request without a key is refused",
	plan: func(p *planner, row int) {
		if r := &p.Rows[row]; r.Endpoint != nil && !r.Need.IsPublic() {
			p.probe("anonymous-admitted", row, 0)
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) { return j.mustBeRefused(pr) },
}
