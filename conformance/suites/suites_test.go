package suites_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
	"github.com/permcheck/permcheck/conformance/script"
	"github.com/permcheck/permcheck/conformance/suites"
)

// Every suite holds on its vendor's reference server; for each statement that is judged, the
// fault that it names makes it fail, and no other one that neither of them calls related.
func TestSuitesOnTheirServers(t *testing.T) {
	for _, suite := range suites.All() {
		t.Run(suite.Name, func(t *testing.T) {
			t.Parallel()
			c, err := catalogs.Load(catalogs.VendorPrefix + suite.Name)
			if err != nil {
				t.Fatal(err)
			}
			clean := ask(t, c, suite, suites.Fault{})
			caught, counts := 0, map[conformance.Outcome]int{}
			for _, s := range suite.Statements {
				got := clean[s.ID]
				counts[got.Outcome]++
				ends := slices.ContainsFunc(s.Commands, func(c suites.Command) bool { return c.Name == "inconclusive" })
				switch {
				case got.Outcome == conformance.Holds && len(s.Faults) == 0 && sends(s):
					t.Errorf("%s names no fault: a statement that cannot fail says nothing", s.ID)
				case got.Outcome == conformance.Holds, got.Outcome == conformance.Told, got.Outcome == conformance.Undecided && ends:
				case got.Outcome == conformance.Undecided && !slices.Contains(reference.Vendors(), suite.Name):
					t.Logf("%s is inconclusive on a server without the vendor's manners: %s", s.ID, got.Reason)
				default:
					t.Errorf("%s %s on the clean server: %s", s.ID, got.Outcome, got.Reason)
				}
				for _, fault := range s.Faults {
					if got.Outcome == conformance.Holds {
						caught++
					}
					t.Run(strings.ReplaceAll(fmt.Sprint(s.ID, " ", fault.Plant, fault.Switch), "/", "_"), func(t *testing.T) {
						t.Parallel()
						if got.Outcome != conformance.Holds {
							t.Logf("not tried: it %s on the clean server", got.Outcome)
							return
						}
						wrong := ask(t, c, suite, fault)
						if o := wrong[s.ID]; o.Outcome != conformance.Broken {
							t.Errorf("%s %s, expected that it fails: %s", s.ID, o.Outcome, o.Reason)
						}
						for _, other := range suite.Statements {
							if wrong[other.ID].Outcome == conformance.Broken && other != s && !slices.Contains(s.Related, other.ID) && !slices.Contains(other.Related, s.ID) {
								t.Errorf("%s fails too, and is not called related: %s", other.ID, wrong[other.ID].Reason)
							}
						}
					})
				}
			}
			t.Logf("%s: %d statements, %d hold, %d observed, %d inconclusive; %d faults to catch", suite.Name, len(suite.Statements),
				counts[conformance.Holds], counts[conformance.Told], counts[conformance.Undecided], caught)
		})
	}
}

// A vendor's server is right as every server is: signed in as its clients do, all checks are
// silent on it, and they find mistakes that any server may make.
func TestVendorsServers(t *testing.T) {
	for _, suite := range suites.All() {
		if !slices.Contains(reference.Vendors(), suite.Name) {
			continue
		}
		t.Run(suite.Name, func(t *testing.T) {
			t.Parallel()
			c, err := catalogs.Load(catalogs.VendorPrefix + suite.Name)
			if err != nil {
				t.Fatal(err)
			}
			clean := probe(t, c, suite, suites.Fault{}, nil, []string{"statements"})
			for i, v := range clean.Verdicts {
				if v == conformance.Fail {
					t.Errorf("%s on the clean server: %s", clean.Plan.Probes[i].Check, clean.Reasons[i])
				}
			}
			if clean.Proven != clean.Total() || clean.Total() == 0 {
				t.Errorf("proven %d of %d; unproven: %+v", clean.Proven, clean.Total(), clean.Unproven())
			}
			for fault, by := range map[string][]string{
				"missing-check": {"over-grant"}, "wrong-permission": {"under-grant"}, "anonymous-passes": {"anonymous-admitted"},
				// What looks like a token may be no token any more.
				"unknown-key-passes": {"bad-key-admitted", "key-altered"}, "malformed-key-passes": {"bad-key-admitted"},
				"effect-before-refusal": {"effect-despite-refusal"}, "default-allow": {"default-allow"},
				"head-unguarded": {"head-unguarded"}, "empty-key-accepted": {"key-empty"}, "role-header-trusted": {"role-header"},
			} {
				wrong := probe(t, c, suite, suites.Fault{Plant: fault}, append(slices.Clone(by), "under-grant"), nil) // which has keys, for bad ones to look like
				found := false
				for i, v := range wrong.Verdicts {
					found = found || v == conformance.Fail && slices.Contains(by, wrong.Plan.Probes[i].Check)
				}
				if !found {
					t.Errorf("%s is not found by %v on the server of %s", fault, by, suite.Name)
				}
			}
		})
	}
}

// sends reports whether a statement sends requests, and not only asks the catalog.
func sends(s *suites.Statement) bool {
	return slices.ContainsFunc(s.Commands, func(c suites.Command) bool {
		return slices.Contains([]string{"request", "every", "sign-in"}, c.Name)
	})
}

// ask asks for a suite on a server with a fault and returns what became of each statement.
func ask(t *testing.T, c *catalogs.Catalog, suite *suites.Suite, fault suites.Fault) map[string]conformance.StatementResult {
	t.Helper()
	out := map[string]conformance.StatementResult{}
	for _, r := range probe(t, c, suite, fault, []string{"statements"}, nil).Statements() {
		out[r.ID] = r
	}
	if len(out) != len(suite.Statements) {
		t.Fatalf("%d of %d statements were asked for", len(out), len(suite.Statements))
	}
	return out
}

// probe asks some checks of the vendor's server with a fault, as the vendor's clients would.
func probe(t *testing.T, c *catalogs.Catalog, suite *suites.Suite, fault suites.Fault, only, skip []string) *conformance.Result {
	t.Helper()
	opts := reference.Options{AdminToken: "admin"}
	if slices.Contains(reference.Vendors(), suite.Name) {
		opts.Vendor = suite.Name
	}
	if fault.Plant != "" {
		opts.Faults = []string{fault.Plant}
	}
	if name, value, ok := strings.Cut(fault.Switch, "="); ok {
		opts.Switches = map[string]string{name: value}
	}
	s, err := reference.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(s.API()), httptest.NewServer(s.Admin())
	defer api.Close()
	defer admin.Close()
	ring := keyring.NewAdmin(address(t, admin.URL), "admin")
	target := conformance.Target{Base: address(t, api.URL), Reference: true, Objects: ring, Provisioner: ring, Writes: conformance.WritesAll, Scripts: &script.Dir{},
		Within: 200 * time.Millisecond} // a server in this process is told at once
	plan := conformance.PlanOptions{Shares: true}
	if opts.Vendor != "" {
		m, err := keyring.ParseManners(suite.ProfileFile, suite.Profile, c)
		if err != nil {
			t.Fatal(err)
		}
		ring.Manners, ring.API, target.Dialect, target.Bodies = m, target.Base, m.Dialect, m.Bodies
		plan.LeaveOut = m.LeaveOut()
	}
	if plan.Checks, err = conformance.SelectChecks(only, skip); err != nil {
		t.Fatal(err)
	}
	p, err := conformance.NewPlan(c, plan)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if target.Credentials, err = ring.MintPlan(ctx, p); err != nil {
		t.Fatal(err)
	}
	answers, sent, err := conformance.Run(ctx, p, target)
	if err != nil {
		t.Fatal(err)
	}
	if len(sent.Left) > 0 {
		t.Errorf("left behind: %v", sent.Left)
	}
	return conformance.Judge(p, answers)
}

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestParse(t *testing.T) {
	const good = "# says: a\n#   b\n# source: https://example.com/a\n# evidence: inferred\n# fault: missing-check@GET /a\n# fault: switch x=y\n# related: comeet/C2, comeet/C3\n\nas all\n! status 200 # not\n"
	s, err := suites.Parse("comeet/C1.txtar", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "comeet/C1" || s.Says != "a b" || len(s.Faults) != 2 || s.Faults[0].Plant != "missing-check@GET /a" || s.Faults[1].Switch != "x=y" || len(s.Related) != 2 {
		t.Errorf("%+v", s)
	}
	if c := s.Commands; len(c) != 2 || c[1].Line != 10 || !c[1].Not || c[1].Name != "status" || len(c[1].Args) != 1 {
		t.Errorf("%+v", c)
	}
	if got := s.Script(); got != "as all\n! status 200 # not\n" {
		t.Errorf("the script is %q", got)
	}
	for text, want := range map[string][]string{
		"as all\n": {"a/A1.txtar:1: the header has no says", "a/A1.txtar:1: the header has no source", "a/A1.txtar:1: the header has no evidence"},
		"# says: a\n# source: nowhere\n# evidence: sure\n# effect: write\n# wrong: x\n# says: b\n": {"a/A1.txtar:2: source:", "a/A1.txtar:3: evidence: expected one of documented", "a/A1.txtar:4: effect:", `a/A1.txtar:5: unknown member "wrong"`, "a/A1.txtar:6: says stands twice", "a/A1.txtar:1: there is no command"},
		"# says: a\n# source: https://e.com\n# evidence: unknown\n# fault: x\nexec rm\n":           {"a/A1.txtar:1: a statement whose evidence is unknown", "a/A1.txtar:5: exec: a statement only sends requests"},
		"# says:\n# source: https://e.com\n# evidence: inferred\n# fault: switch x\nas all\n":      {"a/A1.txtar:1: says: is empty", "a/A1.txtar:4: fault: expected switch NAME=VALUE"},
	} {
		_, err := suites.Parse("a/A1.txtar", []byte(text))
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: %v, expected %s", text, err, w)
			}
		}
	}
	if _, err := suites.Parse("a/b.txtar", []byte(good)); err == nil || !strings.Contains(err.Error(), "VENDOR/ID.txtar") {
		t.Errorf("a file of another name: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, suite := range suites.All() {
		for _, s := range suite.Statements {
			f.Add(s.Text)
		}
	}
	f.Add([]byte("# says: a\r\n! # x\n[windows] ! request\n-- a --\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := suites.Parse("comeet/C1.txtar", data)
		if err != nil {
			return
		}
		if s.Says == "" || len(s.Sources) == 0 || len(s.Commands) == 0 {
			t.Errorf("%q is taken without %+v", data, s)
		}
		for _, c := range s.Commands {
			if c.Name == "" || c.Line < 1 {
				t.Errorf("%q has the command %+v", data, c)
			}
		}
	})
}

// A target whose keys nobody makes is asked with those that the profile has, and the rest says
// which key to add; nothing is written where nothing may be.
func TestSuiteOnATarget(t *testing.T) {
	c, err := catalogs.Load("vendor:eightfold")
	if err != nil {
		t.Fatal(err)
	}
	s, err := reference.New(c, reference.Options{AdminToken: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(s.API()), httptest.NewServer(s.Admin())
	defer api.Close()
	defer admin.Close()
	ctx := context.Background()
	ring := keyring.NewAdmin(address(t, admin.URL), "admin")
	for _, k := range []struct{ env, grant string }{{"PC_FULL", "all"}, {"PC_NOTHING", "none"}, {"PC_NOTES", "Profile:READ"}} {
		spec, err := conformance.ParseKeySpec([]string{k.grant}, c)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ring.Mint(ctx, spec)
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(k.env, key.Credential.Secret)
	}
	profile, err := keyring.ParseProfile("probe.yaml", []byte(`permcheck: probe/1
auth: {send: bearer}
keys:
  full: {grants: all, secret: env:PC_FULL}
  none: {grants: none, secret: env:PC_NOTHING}
  notes: {grants: "Profile:READ", secret: env:PC_NOTES}
`), c)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := conformance.SelectChecks([]string{"statements"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Keys: profile.PlanKeys(), Checks: checks})
	if err != nil {
		t.Fatal(err)
	}
	target := conformance.Target{Base: address(t, api.URL), Disposable: true, Scripts: &script.Dir{}, Writes: conformance.WritesNone}
	if target.Credentials, err = profile.SignIn(ctx, p, target.Base); err != nil {
		t.Fatal(err)
	}
	answers, _, err := conformance.Run(ctx, p, target)
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string]conformance.StatementNeed{}
	for _, n := range p.StatementNeeds() {
		needs[n.ID] = n
	}
	judged := 0
	for _, r := range conformance.Judge(p, answers).Statements() {
		switch n := needs[r.ID]; {
		case r.Outcome == conformance.Broken:
			t.Errorf("%s fails on a server that is right: %s", r.ID, r.Reason)
		case n.Writes && (r.Outcome != conformance.NotAsked || !strings.Contains(r.Reason, "--writes none")):
			t.Errorf("%s writes, and %s: %s", r.ID, r.Outcome, r.Reason)
		case !n.Writes && !n.Own && len(n.Missing) > 0 && (r.Outcome != conformance.Undecided || !strings.Contains(r.Reason, "needs a key that holds "+n.Missing[0]+": add it to the profile")):
			t.Errorf("%s lacks %q, and %s: %s", r.ID, n.Missing, r.Outcome, r.Reason)
		case r.Outcome == conformance.Holds || r.Outcome == conformance.Told:
			judged++
		}
	}
	if judged == 0 {
		t.Error("no statement was judged with the keys that there are")
	}
}
