package conformance

import (
	"fmt"

	"github.com/permcheck/permcheck/catalogs"
)

// refusalForm: a refusal looks as the catalog or the profile states: 401 without a
// valid key, 403 without the grant, and the members of the body where they are
// stated. Where nothing is stated every form is right, and what was seen is reported
// as learned.
var refusalForm = Check{
	ID: "refusal-form", Category: "authentication",
	Title: "a refusal has the stated form",
	Doc: `Compares each refusal with the form that the catalog or the profile states: the status,
and the members of the body where they are stated. Keys of the profile that are out of use are asked
about too, on rows that read and that they would be admitted to if they lived. Where nothing is stated every form is right, and what was seen is
reported as learned.`,
	plan: func(p *planner, row int) {
		senders := p.refusedSenders(row)
		for i, k := range p.Keys {
			if r := &p.Rows[row]; k.Kind == ParkedKey && r.Endpoint != nil && r.Reads && !r.Need.IsPublic() && r.Need.Admits(k.Grants) {
				senders = append(senders, i)
			}
		}
		for _, key := range senders {
			if p.Rows[row].Endpoint != nil && p.Rows[row].form(p.Keys[key].Kind).Known() {
				p.probe("refusal-form", row, key)
			}
		}
	},
	judge: func(j *judge, pr *Probe) (Verdict, string) {
		o, req := j.observation(pr), j.request(pr)
		switch v, reason := j.mustBeRefused(pr); v {
		case Fail:
			if k := &j.plan.Keys[req.Key]; k.Kind == ParkedKey && j.plan.stateRule(k.State) == "" {
				return Skipped, fmt.Sprintf("the request was admitted; the catalog does not say whether a key that is %s is refused (credentials: states)", k.State)
			}
			return Skipped, "the request was admitted"
		case Pass:
		default:
			return v, reason
		}
		if o.StatedForm {
			return Pass, ""
		}
		if o.Status == j.plan.Rows[req.Row].form(j.plan.Keys[req.Key].Kind).Status {
			return Fail, "the status is as stated, the body is not"
		}
		return Fail, ""
	},
}

// form is the stated form of refusal for a kind of sender.
func (r *Row) form(kind KeyKind) catalogs.Denial {
	if kind == ValidKey {
		return r.Refused.Forbidden
	}
	if kind == NoKey {
		return r.Refused.Anonymous
	}
	return r.Refused.WithKey()
}
