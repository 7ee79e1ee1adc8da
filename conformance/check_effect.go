package conformance

// effectDespiteRefusal: a refused write did not happen. It finds guards that run after
// the handler, and handlers that write before they ask.
var effectDespiteRefusal = Check{
	ID: "effect-despite-refusal", Category: "operations",
	Title: "a refused write changes nothing",
	Doc: `Each refused write carries a mark of its own, which is looked for with a GET of the same
path and a key that may read it. The mark there is the finding, and so is an object that a
refused DELETE took away. It is skipped where the catalog has no such GET, and says nothing
unless the mark of an admitted write was seen in the same place.`,
	plan: func(p *planner, row int) {
		if r := &p.Rows[row]; r.Endpoint == nil || r.Reads || r.Need.IsNobody() {
			return // without an admitted write nothing shows that effects can be seen
		}
		for _, key := range p.refusedSenders(row) {
			p.probe("effect-despite-refusal", row, key)
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) {
		o, req := j.observation(pr), j.request(pr)
		row := &j.plan.Rows[req.Row]
		switch {
		case row.Witness < 0:
			return Skipped, "the catalog has no GET that would show what the write did"
		case !o.Sent:
			return o.unsent()
		case o.admitted():
			return Skipped, "the request was admitted"
		case o.Effect == EffectPresent:
			return Fail, ""
		case o.undecided():
			return Inconclusive, o.why()
		case o.Effect != EffectAbsent:
			return Inconclusive, "the state after the refusal could not be read"
		case !j.rows[req.Row].effectSeen:
			return Inconclusive, "an admitted write was not seen in " + j.plan.Rows[row.Witness].String() + " either"
		}
		return Pass, ""
	},
}
