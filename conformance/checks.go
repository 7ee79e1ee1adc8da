package conformance

// A Check is one question that is asked of the running API. Its findings have the rule of
// the same id in package report.
type Check struct {
	ID    string
	Title string // what a passing check says about the API

	// plan adds the probes of one row.
	plan func(p *planner, row int)
	// judge decides one of its probes; the reason says why it does not pass.
	judge func(j *judge, pr *Probe) (v Verdict, reason string)
}

// Checks lists every check. Those that ask whether a request is admitted come first:
// the others look at the same requests.
var Checks = []*Check{
	&overGrant, &underGrant, &anonymousAdmitted, &badKeyAdmitted, &defaultAllow,
	&refusalForm, &effectDespiteRefusal,
}

// refusedSenders returns the keys that a row's requests must be refused to.
func (p *planner) refusedSenders(row int) []int {
	var keys []int
	for _, key := range append([]int{0, 1, 2}, p.validKeys(row)...) {
		if p.expect(row, key) == Refuse {
			keys = append(keys, key)
		}
	}
	return keys
}
