package verdict

import (
	"slices"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Class is what happened to an endpoint.
type Class string

// The classes.
const (
	None          Class = ""
	Added         Class = "endpoint-added"
	Removed       Class = "endpoint-removed"
	Weakened      Class = "weakened"       // more is admitted than before
	Strengthened  Class = "strengthened"   // less is admitted
	Incomparable  Class = "incomparable"   // some is gained and some lost
	SchemeChanged Class = "scheme-changed" // a required scheme is another credential now
	Unknown       Class = "unknown"        // cannot be read or decided
)

// A Who says which row of the new side answers the requests of an endpoint.
type Who uint8

const (
	Own        Who = iota // its own row
	Nobody                // none: only the old side has the endpoint
	NoEndpoint            // a row that serves none: a page, a refusal, a redirect
	Opaque                // a broader row whose handler cannot be read
	Another               // a broader row, or one that is registered before its own
	New                   // its own row; the old side answers nothing there
	Over                  // its own row; a broader one answers there on the old side
	Moved                 // its own row; it replaces one that only the old side has
	whos
)

// A Says is what each side says, as far as that decides more than the requirements do.
type Says uint8

const (
	Stated      Says = iota // both say what they require
	Undeclared              // the new side is source that declares nothing
	Undefined               // the new side requires a scheme that nothing defines
	Asks                    // source declares nothing but asks for a key, and any valid key will do
	MayAsk                  // the same, but whether it asks could not be read
	Unstated                // a document requires a credential and names no permission
	NewUnknown              // the new side says that it is not known
	Unread                  // a requirement could not be read
	UnreadAlike             // the same text on both sides could not be read
	sayings
)

// A Case is what was found out about one endpoint of two sides.
type Case struct {
	Revisions bool // the sides are two states of one witness, and not two witnesses of one state
	Who       Who
	Hidden    bool // Who is another row although the endpoint has one of its own
	Says      Says
	// Effect is how the requirement changes, from the old side's to that of the row that
	// answers. Of a new row it is the change from what it takes over or replaces.
	Effect perm.Effect
	// Opened says that requests without any credential are admitted, which were not before.
	Opened bool
	// ReportUnstated makes a change of each operation that names no permission.
	ReportUnstated bool
}

// Weaker reports whether somebody gets in who did not before, as far as the requirements
// can be compared.
func (c Case) Weaker() bool {
	return c.Opened || c.Effect == perm.Widens || c.Effect == perm.Incomparable
}

// A Count is the key of a summary under which a case counts.
type Count uint8

const (
	Uncounted       Count = iota
	CountSame             // both sides agree
	CountUnverified       // one side cannot say what it requires
	CountUnstated         // see Unstated
	CountUnread           // see UnreadAlike
)

// An Outcome is what a case comes to. Its rule is an id of report.Rules, which fixes the
// severity; with no class there is no finding.
type Outcome struct {
	Class Class
	Rule  string
	Count Count
}

// Judge decides a case.
func Judge(c Case) Outcome {
	for i := range table {
		if table[i].fits(c) {
			return table[i].Outcome
		}
	}
	return Outcome{Unknown, "requirement-unknown", Uncounted} // a case that nobody thought of blocks
}

// Graver reports whether a case comes to worse than another: so of several rows of which
// any may answer, the worst counts.
func Graver(a, b Case) bool { return gravity(Judge(a)) > gravity(Judge(b)) }

func gravity(o Outcome) int {
	return slices.Index([]Class{None, Removed, Added, Strengthened, Unknown, Incomparable, Weakened}, o.Class)
}

// A line of the table. What is left out fits everything.
type line struct {
	who     set
	says    set
	effect  set
	when    condition
	Outcome Outcome
}

// A condition is about the flags of a case; each is a bit, and all that are set must hold.
type condition uint8

const (
	revisions condition = 1 << iota
	witnesses           // not revisions
	opened
	weaker
	hidden
	reported // unstated operations are
)

// A set holds values of one of the types above.
type set uint16

func of[T ~uint8](values ...T) set {
	var s set
	for _, v := range values {
		s |= 1 << v
	}
	return s
}

func has[T ~uint8](s set, v T) bool { return s == 0 || s&(1<<v) != 0 }

func (l *line) fits(c Case) bool {
	var holds condition
	for _, x := range []struct {
		bit condition
		is  bool
	}{{revisions, c.Revisions}, {witnesses, !c.Revisions}, {opened, c.Opened}, {weaker, c.Weaker()}, {hidden, c.Hidden}, {reported, c.ReportUnstated}} {
		if x.is {
			holds |= x.bit
		}
	}
	return has(l.who, c.Who) && has(l.says, c.Says) && has(l.effect, c.Effect) && l.when&^holds == 0
}

var (
	added  = of(New, Over, Moved)
	served = of(Another, Opaque)
	unread = of(Unread, UnreadAlike)
)

var table = []line{
	// Both sides have the row.
	{who: of(Own), says: of(UnreadAlike), effect: of(perm.Same, perm.Unverified), Outcome: Outcome{Count: CountUnread}},
	{who: of(Own), says: unread, Outcome: Outcome{Class: Unknown, Rule: "requirement-unknown"}},
	{who: of(Own), says: of(Asks), Outcome: Outcome{Count: CountSame}},
	{who: of(Own), says: of(MayAsk), Outcome: Outcome{Unknown, "unresolved", CountUnverified}},
	{who: of(Own), says: of(Unstated), when: reported, Outcome: Outcome{Unknown, "endpoint-unstated", CountUnstated}},
	{who: of(Own), says: of(Unstated), Outcome: Outcome{Count: CountUnstated}},
	// The catalog does not know, and the code says nothing: somebody must decide.
	{who: of(Own), says: of(Undeclared), effect: of(perm.Unverified), when: witnesses, Outcome: Outcome{Unknown, "undeclared", CountUnverified}},
	{who: of(Own), effect: of(perm.Unverified), Outcome: Outcome{Count: CountUnverified}},
	{who: of(Own), effect: of(perm.Incomparable), when: opened, Outcome: Outcome{Class: Incomparable, Rule: "opened-to-anonymous"}},
	{who: of(Own), when: opened, Outcome: Outcome{Class: Weakened, Rule: "opened-to-anonymous"}},
	{who: of(Own), says: of(Undeclared), when: weaker, Outcome: Outcome{Class: Weakened, Rule: "undeclared"}},
	{who: of(Own), effect: of(perm.Widens), Outcome: Outcome{Class: Weakened, Rule: "requirement-weakened"}},
	{who: of(Own), effect: of(perm.Incomparable), Outcome: Outcome{Class: Incomparable, Rule: "requirement-incomparable"}},
	// Stricter by a scheme that nothing defines is not known to be stricter.
	{who: of(Own), says: of(Undefined), effect: of(perm.Narrows), Outcome: Outcome{Class: Unknown, Rule: "requirement-unknown"}},
	{who: of(Own), effect: of(perm.Narrows), Outcome: Outcome{Class: Strengthened, Rule: "requirement-strengthened"}},
	{who: of(Own), Outcome: Outcome{Count: CountSame}},

	// Only the old side has the row, and nothing serves its requests.
	{who: of(Nobody, NoEndpoint), Outcome: Outcome{Class: Removed, Rule: "endpoint-removed"}},

	// Only the old side has the row, or another hides it, and a broader one answers. Where the
	// handler cannot be read, only a guard before it that is strict enough is an answer.
	{who: of(Opaque), says: of(Undeclared, MayAsk, Unstated, NewUnknown, Unread, UnreadAlike), Outcome: Outcome{Unknown, "unresolved", CountUnverified}},
	{who: of(Opaque), effect: of(perm.Unverified), Outcome: Outcome{Unknown, "unresolved", CountUnverified}},
	{who: of(Opaque), says: of(Stated, Undefined), when: weaker, Outcome: Outcome{Unknown, "unresolved", CountUnverified}},
	{who: served, says: of(Asks), when: witnesses, Outcome: Outcome{Count: CountSame}},
	{who: served, says: of(MayAsk, NewUnknown), when: witnesses, Outcome: Outcome{Unknown, "unresolved", CountUnverified}},
	{who: served, says: unread, when: witnesses, Outcome: Outcome{Unknown, "requirement-unknown", CountUnverified}},
	{who: served, says: of(Unstated), when: witnesses, Outcome: Outcome{Count: CountUnverified}},
	{who: served, effect: of(perm.Unverified), when: witnesses, Outcome: Outcome{Count: CountUnverified}},
	{who: served, says: of(MayAsk, Unstated, NewUnknown, Unread, UnreadAlike), when: hidden, Outcome: Outcome{Count: CountUnverified}},
	{who: served, effect: of(perm.Unverified), when: hidden, Outcome: Outcome{Count: CountUnverified}},
	{who: served, says: of(Asks), when: hidden, Outcome: Outcome{}},
	{who: served, says: of(MayAsk, Unstated, NewUnknown, Unread, UnreadAlike), Outcome: Outcome{Removed, "endpoint-removed", CountUnverified}},
	{who: served, effect: of(perm.Unverified), Outcome: Outcome{Removed, "endpoint-removed", CountUnverified}},
	{who: served, says: of(Asks), Outcome: Outcome{Class: Removed, Rule: "endpoint-removed"}},
	{who: served, when: weaker | witnesses, Outcome: Outcome{Class: Weakened, Rule: "answered-by-weaker"}},
	{who: served, when: weaker | hidden, Outcome: Outcome{Class: Weakened, Rule: "answered-by-weaker"}},
	{who: served, when: weaker, Outcome: Outcome{Class: Removed, Rule: "answered-by-weaker"}},
	{who: served, effect: of(perm.Narrows), when: witnesses, Outcome: Outcome{Class: Strengthened, Rule: "requirement-strengthened"}},
	{who: served, when: hidden, Outcome: Outcome{}}, // its own row was compared already
	{who: served, when: witnesses, Outcome: Outcome{Count: CountSame}},
	{who: served, Outcome: Outcome{Class: Removed, Rule: "endpoint-removed"}},

	// Only the new side has the row.
	{who: added, says: unread, Outcome: Outcome{Class: Unknown, Rule: "requirement-unknown"}},
	{who: added, says: of(Undefined), Outcome: Outcome{Class: Unknown, Rule: "requirement-unknown"}},
	{who: added, says: of(Unstated), when: reported, Outcome: Outcome{Added, "endpoint-unstated", CountUnstated}},
	{who: of(Over), says: of(Stated), when: weaker | witnesses, Outcome: Outcome{Class: Added, Rule: "takes-over-stricter"}},
	{who: added, says: of(Unstated), when: opened, Outcome: Outcome{Added, "endpoint-added-anonymous", CountUnstated}},
	{who: added, when: opened, Outcome: Outcome{Class: Added, Rule: "endpoint-added-anonymous"}},
	{who: added, says: of(Undeclared, Asks, MayAsk), Outcome: Outcome{Class: Added, Rule: "undeclared"}},
	{who: of(Moved), effect: of(perm.Widens, perm.Incomparable, perm.Unverified), Outcome: Outcome{Class: Added, Rule: "endpoint-moved-weaker"}},
	{who: added, says: of(Unstated), Outcome: Outcome{Added, "endpoint-added", CountUnstated}},
	{who: of(Over), says: of(Stated), when: weaker, Outcome: Outcome{Class: Added, Rule: "takes-over-stricter"}},
	{who: added, Outcome: Outcome{Class: Added, Rule: "endpoint-added"}},
}

// inCode are the rules that have another id where code is held against its catalog.
var inCode = map[string]string{
	"endpoint-added": "route-not-in-catalog", "endpoint-added-anonymous": "route-not-in-catalog", "endpoint-removed": "endpoint-without-route",
	"requirement-weakened": "mismatch", "opened-to-anonymous": "mismatch", "requirement-incomparable": "mismatch", "requirement-strengthened": "stricter",
	"requirement-unknown": "unresolved",
}

// InCode returns the id of a rule where Go source is held against its catalog: there the
// differences are of the code, and not of two states of a table.
func InCode(rule string) string {
	if id, ok := inCode[rule]; ok {
		return id
	}
	return rule
}
