package verdict_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/verdict"
	"github.com/permcheck/permcheck/internal/report"
)

// product calls visit for every case that can be.
func product(visit func(verdict.Case)) {
	for who := verdict.Own; who <= verdict.Moved; who++ {
		for says := verdict.Stated; says <= verdict.UnreadAlike; says++ {
			for _, effect := range []perm.Effect{perm.Same, perm.Widens, perm.Narrows, perm.Incomparable, perm.Unverified} {
				for flags := range 16 {
					c := verdict.Case{Who: who, Says: says, Effect: effect,
						Revisions: flags&1 != 0, Hidden: flags&2 != 0, Opened: flags&4 != 0, ReportUnstated: flags&8 != 0}
					other := who == verdict.Another || who == verdict.Opaque || who == verdict.NoEndpoint
					if c.Hidden && !other || says == verdict.NewUnknown && effect != perm.Unverified ||
						says == verdict.Undeclared && (effect == perm.Narrows || effect == perm.Incomparable) {
						continue // what declares nothing requires nothing, so nobody loses by it
					}
					visit(c)
				}
			}
		}
	}
}

// severity is that of the table of rules; 0 without a finding.
func severity(t *testing.T, id string) report.Severity {
	t.Helper()
	if id == "" {
		return 0
	}
	s, ok := report.DefaultSeverity(id)
	if !ok {
		t.Fatalf("there is no rule %q", id)
	}
	return s
}

// The laws say what any verdict must hold to, whatever the table's lines are. A waiver takes a
// kind of case out of a law, for the reason that stands with it; one that is never needed fails.
func TestLaws(t *testing.T) {
	type waiver struct {
		reason string
		of     func(verdict.Case) bool
	}
	comparable := func(c verdict.Case) bool {
		return c.Says == verdict.Stated || c.Says == verdict.Undeclared || c.Says == verdict.Undefined
	}
	added := func(c verdict.Case) bool {
		return c.Who == verdict.New || c.Who == verdict.Over || c.Who == verdict.Moved
	}
	for _, law := range []struct {
		name    string
		of      func(verdict.Case) bool
		holds   func(c verdict.Case, o verdict.Outcome) bool
		waivers []waiver
	}{
		{
			name: "who gets in and did not before is an error",
			of: func(c verdict.Case) bool {
				return comparable(c) && c.Weaker() && c.Effect != perm.Unverified && c.Who != verdict.Nobody && c.Who != verdict.New
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool { return severity(t, o.Rule) == report.Error },
			waivers: []waiver{
				{"what serves no endpoint lets nobody in", func(c verdict.Case) bool { return c.Who == verdict.NoEndpoint }},
				{"a handler that cannot be read may check by itself: unresolved", func(c verdict.Case) bool { return c.Who == verdict.Opaque }},
			},
		},
		{
			name: "anybody is let in to something new: an error",
			of: func(c verdict.Case) bool {
				return added(c) && c.Opened && c.Says != verdict.Unread && c.Says != verdict.UnreadAlike
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool { return severity(t, o.Rule) == report.Error },
		},
		{
			name:  "what declares nothing is an error where it is new",
			of:    func(c verdict.Case) bool { return added(c) && c.Says == verdict.Undeclared },
			holds: func(_ verdict.Case, o verdict.Outcome) bool { return severity(t, o.Rule) == report.Error },
		},
		{
			name: "what was not compared never agrees",
			of: func(c verdict.Case) bool {
				return c.Effect == perm.Unverified || slices.Contains([]verdict.Says{verdict.MayAsk, verdict.Unstated, verdict.NewUnknown, verdict.Unread, verdict.UnreadAlike}, c.Says)
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool {
				return o.Count != verdict.CountSame && (o.Class != verdict.None || o.Count != verdict.Uncounted)
			},
			waivers: []waiver{
				{"a guard that asks for a key is all that any valid key needs", func(c verdict.Case) bool { return c.Says == verdict.Asks }},
			},
		},
		{
			name: "who only loses is no error",
			of: func(c verdict.Case) bool {
				return c.Says == verdict.Stated && c.Effect == perm.Narrows && !c.Opened
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool { return severity(t, o.Rule) < report.Error },
		},
		{
			name: "whether a handler that cannot be read lets somebody in is not known",
			of: func(c verdict.Case) bool {
				return c.Who == verdict.Opaque && c.Says != verdict.Asks && (c.Weaker() || !comparable(c))
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool {
				return o.Rule == "unresolved" && o.Count == verdict.CountUnverified
			},
		},
		{
			name: "what is the same is no finding",
			of: func(c verdict.Case) bool {
				return c.Says == verdict.Stated && c.Effect == perm.Same && !c.Opened && (c.Who == verdict.Own || !c.Revisions && (c.Who == verdict.Another || c.Who == verdict.Opaque))
			},
			holds: func(_ verdict.Case, o verdict.Outcome) bool { return o.Class == verdict.None },
		},
		{
			name: "a finding says that its class is unknown where nobody can tell",
			of:   func(c verdict.Case) bool { return c.Says == verdict.Unread || c.Says == verdict.UnreadAlike },
			holds: func(_ verdict.Case, o verdict.Outcome) bool {
				return o.Class == verdict.Unknown || o.Count == verdict.CountUnread
			},
			waivers: []waiver{
				{"that nothing serves it is known, whatever it required", func(c verdict.Case) bool { return c.Who == verdict.Nobody || c.Who == verdict.NoEndpoint }},
				{"a removed row of an earlier revision is told as removed, and counted", func(c verdict.Case) bool { return c.Revisions && c.Who == verdict.Another && !c.Hidden }},
				{"its own row was compared already, and is told there", func(c verdict.Case) bool { return c.Revisions && c.Hidden }},
			},
		},
	} {
		t.Run(law.name, func(t *testing.T) {
			used := map[string]bool{}
			n := 0
			product(func(c verdict.Case) {
				if !law.of(c) {
					return
				}
				n++
				o := verdict.Judge(c)
				if law.holds(c, o) {
					return
				}
				for _, w := range law.waivers {
					if w.of(c) {
						used[w.reason] = true
						return
					}
				}
				t.Errorf("%+v: %+v", c, o)
			})
			if n == 0 {
				t.Error("no case is under this law")
			}
			for _, w := range law.waivers {
				if !used[w.reason] {
					t.Errorf("nothing needs the waiver: %s", w.reason)
				}
			}
		})
	}
}

// Two revisions of one witness and two witnesses of one state are judged alike: what differs
// is said here.
func TestRevisionsAndWitnesses(t *testing.T) {
	product(func(c verdict.Case) {
		if c.Revisions {
			return
		}
		w := verdict.Judge(c)
		c.Revisions = true
		r := verdict.Judge(c)
		reason := ""
		switch {
		case severity(t, w.Rule) == severity(t, r.Rule):
			return
		case c.Who == verdict.Own && c.Says == verdict.Undeclared && c.Effect == perm.Unverified:
			reason = "that source declares nothing is no news of a revision"
		case (c.Who == verdict.Another || c.Who == verdict.Opaque) && !c.Weaker():
			reason = "a row that is gone is news of a revision, and what a broader row answers is served"
		case (c.Who == verdict.Another || c.Who == verdict.Opaque) && (c.Says != verdict.Stated || c.Effect == perm.Unverified):
			reason = "what cannot be compared is told as removed, and counted"
		}
		if reason == "" {
			t.Errorf("%+v: witnesses %+v, revisions %+v", c, w, r)
		}
	})
}

// Vet has other ids for some rules. Their severities are those of the rules that they stand
// for, but where its contract says otherwise.
func TestInCode(t *testing.T) {
	waived := map[string]string{
		"endpoint-added":           "nobody reviews a route that the catalog does not list: a warning there",
		"endpoint-added-anonymous": "a route is public only where its code says so, with a reason: the catalog should list it",
		"endpoint-removed":         "a row that nothing serves is stale, or was not read: a warning there",
		"requirement-unknown":      "what could not be read in code is a warning, and can be made to fail",
	}
	seen := map[string]bool{}
	product(func(c verdict.Case) {
		rule := verdict.Judge(c).Rule
		if rule == "" || seen[rule] {
			return
		}
		seen[rule] = true
		if of, in := severity(t, rule), severity(t, verdict.InCode(rule)); of != in && waived[rule] == "" {
			t.Errorf("%s is %v, %s %v", rule, of, verdict.InCode(rule), in)
		}
	})
	for rule := range waived {
		if !seen[rule] || severity(t, rule) == severity(t, verdict.InCode(rule)) {
			t.Errorf("nothing needs the waiver of %s", rule)
		}
	}
	if len(seen) < 12 {
		t.Errorf("only %v came up", fmt.Sprint(seen))
	}
}
