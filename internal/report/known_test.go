package report

import (
	"strings"
	"testing"
	"time"
)

const knownText = `
- {rule: requirement-weakened, endpoint: "GET /a/{id}", was: A & B, now: A, reason: agreed in review, owner: team-a}
- {rule: requirement-weakened, endpoint: GET /old, reason: gone, owner: team-a, until: 2027-03-01}
- {rule: endpoint-added-anonymous, endpoint: GET /open, reason: a public page, owner: team-b, until: 2026-01-31}
- {rule: endpoint-removed, endpoint: GET /soon, reason: leaving, owner: team-b, until: 2026-02-10}
- {rule: near-miss-path, endpoint: GET /else, reason: another command's, owner: team-c}
`

func TestKnownApply(t *testing.T) {
	k, err := ParseKnown("known.yaml", []byte(knownText))
	if err != nil {
		t.Fatal(err)
	}
	findings := []*Finding{
		{Rule: "requirement-weakened", Subject: "GET /a/{name}", Was: "A & B", Now: "A"},
		{Rule: "requirement-weakened", Subject: "GET /a/{name}", Was: "A & B", Now: "public"}, // worse than was accepted
		{Rule: "endpoint-added-anonymous", Subject: "GET /open"},                              // expired
		{Rule: "endpoint-removed", Subject: "GET /soon"},
		{Rule: "endpoint-removed", Subject: "GET /a/{id}"}, // another rule
	}
	of := map[string]bool{"requirement-weakened": true, "endpoint-added-anonymous": true, "endpoint-removed": true}
	now := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	rest, accepted, about := k.Apply(findings, of, now)
	var got []string
	for _, f := range append(rest, about...) {
		got = append(got, f.Rule+" "+f.Subject)
	}
	want := []string{
		"requirement-weakened GET /a/{name}", "endpoint-added-anonymous GET /open", "endpoint-removed GET /a/{id}",
		"known-unmatched GET /old", "known-expired GET /open", "known-expires GET /soon",
	}
	if accepted != 2 || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("accepted %d, left\n%s", accepted, strings.Join(got, "\n"))
	}
	if rest, n, about := (*Known)(nil).Apply(findings, of, now); len(rest) != len(findings) || n != 0 || about != nil {
		t.Error("no file accepts something")
	}
}

// A path that ends in ... is for all below it, of one method or of all, and only as far as was
// and now say.
func TestKnownPatterns(t *testing.T) {
	for _, test := range []struct {
		endpoint, subject string
		want              bool
	}{
		{"GET /v1/...", "GET /v1/jobs", true},
		{"GET /v1/...", "GET /v1/jobs/{id}/runs", true},
		{"GET /v1/...", "GET /v1", true},
		{"GET /v1/...", "PUT /v1/jobs", false},
		{"GET /v1/...", "GET /v10/jobs", false},
		{"/v1/...", "DELETE /v1/jobs", true},
		{"/...", "DELETE /v1/jobs", true},
		{"/v1/...", "webhook:/v1/a", false},
		{"GET /orgs/{org}/...", "GET /orgs/{id}/jobs", true},
		{"GET /orgs/{org}/...", "GET /orgs/jobs", false},
		{"GET /v1/jo...", "GET /v1/jobs", true},
		{"GET /v1/{rest...}", "GET /v1/jobs", false},
		{"/v1/jobs", "GET /v1/jobs", false}, // no pattern, so a method is needed
	} {
		k, err := ParseKnown("k.yaml", []byte("- {rule: endpoint-added, endpoint: \""+test.endpoint+"\", now: A, reason: r, owner: o}\n"))
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Entries[0].Matches(&Finding{Rule: "endpoint-added", Subject: test.subject, Now: "A"}); got != test.want {
			t.Errorf("%s accepts %s: %t", test.endpoint, test.subject, got)
		}
		if k.Entries[0].Matches(&Finding{Rule: "endpoint-added", Subject: test.subject, Now: "public"}) {
			t.Errorf("%s accepts worse of %s", test.endpoint, test.subject)
		}
	}
}

func TestKnownErrors(t *testing.T) {
	_, err := ParseKnown("k.yaml", []byte(`
- {rule: requirement-weakend, endpoint: GET /a, reason: r, owner: o}
- {rule: endpoint-removed, endpoint: GET /b, reason: r}
- {rule: endpoint-removed, endpoint: GET /c, owner: o, until: tomorrow}
- {rule: endpoint-removed, endpoint: "GET /d/{x}", reason: r, owner: o}
- {rule: endpoint-removed, endpoint: "GET /d/{y}", reason: r, owner: o}
- {rule: endpoint-removed, endpoint: GET /e, reason: r, owner: o, colour: red}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"k.yaml:2:10: no rule \"requirement-weakend\": did you mean requirement-weakened?",
		"k.yaml:3:3: a known finding needs owner",
		"k.yaml:4:3: a known finding needs reason",
		"k.yaml:4:63: expected a date",
		"k.yaml:6:3: the same entry is on line 5",
		"k.yaml:7:67: unknown key \"colour\"",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("not reported: %s\nin\n%v", want, err)
		}
	}
}

func FuzzParseKnown(f *testing.F) {
	f.Add([]byte(knownText))
	f.Add([]byte("- {rule: }\n- 1\n- [x]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParseKnown("k.yaml", data)
		if (k == nil) == (err == nil) {
			t.Fatalf("%v, %v", k, err)
		}
		if k != nil {
			k.Apply([]*Finding{{Rule: "endpoint-removed", Subject: "GET /a"}}, map[string]bool{"endpoint-removed": true}, time.Time{})
		}
	})
}

// An entry holds only for what it was written for.
func TestKnownMatches(t *testing.T) {
	entry := func(was, now string) *KnownEntry {
		return &KnownEntry{Rule: "mismatch", Endpoint: "GET /a/{id}", Was: was, Now: now}
	}
	finding := func(was, now string) *Finding {
		return &Finding{Rule: "mismatch", Subject: "GET /a/{x}", Was: was, Now: now}
	}
	for _, tt := range []struct {
		e    *KnownEntry
		f    *Finding
		want bool
	}{
		{entry("A & B", "A"), finding("A & B", "A"), true},
		{entry("", "A"), finding("A & B", "A"), true},
		{entry("A & C", "A"), finding("A & B", "A"), false},
		{entry("A & B", ""), finding("A & B", "A"), false}, // it may get worse
		{entry("", ""), finding("", "superadmin"), false},
		{entry("", ""), finding("A", "public"), true}, // it cannot
		{entry("", ""), finding("A", ""), true},
	} {
		if got := tt.e.Matches(tt.f); got != tt.want {
			t.Errorf("was %q, now %q accepts was %q, now %q: %v", tt.e.Was, tt.e.Now, tt.f.Was, tt.f.Now, got)
		}
	}
}
