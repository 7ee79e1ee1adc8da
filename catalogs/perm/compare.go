package perm

import "fmt"

// An Effect says how replacing one requirement by another changes who is admitted.
type Effect uint8

const (
	Same         Effect = iota // the same grants are admitted
	Widens                     // more grants are admitted, none is lost
	Narrows                    // fewer grants are admitted, none is gained
	Incomparable               // some grants are gained and others lost
	Unverified                 // one side is unknown
)

func (e Effect) String() string {
	switch e {
	case Same:
		return "same"
	case Widens:
		return "widens"
	case Narrows:
		return "narrows"
	case Incomparable:
		return "incomparable"
	case Unverified:
		return "unverified"
	}
	return fmt.Sprintf("Effect(%d)", uint8(e))
}

// Compare says what changes when from is replaced by to. It is exact: see
// [Requirement.Entails].
func Compare(from, to Requirement) Effect { return (*Implications)(nil).Compare(from, to) }

// Entails reports whether q admits every grant (and, if r does, every anonymous
// request) that r admits: r is at least as strict as q. With monotone formulas in
// disjunctive normal form that holds exactly when each clause of r contains a
// clause of q: the key that holds just the clause of r is admitted by r, so q must
// admit it. An unknown requirement entails nothing and is entailed by nothing
// but by nobody and public respectively.
func (r Requirement) Entails(q Requirement) bool {
	return (*Implications)(nil).entails(r, q)
}
