package conformance

// defaultAllow: a path that no row of the catalog has is not answered. A server that
// looks its permissions up by route and lets unknown routes pass is found by it.
var defaultAllow = Check{
	ID: "default-allow", Category: "operations",
	Title: "a path that does not exist is not answered",
	Doc: `Sends a path that the catalog does not have, without a key and with the weakest key. A 2xx
answer that is no web page is the finding.`,
	plan: func(p *planner, row int) {
		if p.Rows[row].Endpoint != nil {
			return
		}
		p.probe("default-allow", row, 0)
		weakest := p.none
		for i, k := range p.Keys {
			if k.Kind == ValidKey && (weakest < 0 || len(k.Grants) < len(p.Keys[weakest].Grants)) {
				weakest = i
			}
		}
		if weakest >= 0 {
			p.probe("default-allow", row, weakest)
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) {
		o := j.observation(pr)
		switch {
		case !o.Sent:
			return o.unsent()
		case o.undecided():
			return Inconclusive, o.why()
		case o.admitted() && o.HTML:
			return Inconclusive, "answers a web page for a path that does not exist, as sites with a front end do"
		case o.admitted():
			return Fail, ""
		}
		return Pass, ""
	},
}
