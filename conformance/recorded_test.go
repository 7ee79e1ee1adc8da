package conformance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/reference"
	"github.com/permcheck/permcheck/internal/report"
)

// probed runs one shard of a plan against a new reference server; zero: all of it.
func probed(t testing.TB, c *catalogs.Catalog, shard conformance.Shard, seed uint64, faults ...string) *conformance.Report {
	t.Helper()
	return probedBy(t, c, nil, shard, seed, faults...)
}

// probedBy is probed with some checks; nil: all.
func probedBy(t testing.TB, c *catalogs.Catalog, checks []*conformance.Check, shard conformance.Shard, seed uint64, faults ...string) *conformance.Report {
	t.Helper()
	const token = "an admin token"
	srv, err := reference.New(c, reference.Options{Faults: faults, AdminToken: token})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	defer api.Close()
	defer admin.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Shares: true, Checks: checks})
	if err != nil {
		t.Fatal(err)
	}
	p.Take(shard)
	a := keyring.NewAdmin(parse(t, admin.URL), token)
	creds, err := a.MintPlan(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{
		Base: parse(t, api.URL), Credentials: creds, Reference: true, Objects: a, Provisioner: a, Writes: conformance.WritesAll,
		Limits: conformance.Limits{Connections: 8}, Within: atOnce, Seed: seed,
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Format(time.RFC3339)
	return &conformance.Report{Result: conformance.Judge(p, answers), Sent: sent, Target: parse(t, "http://reference.test"), Credentials: creds, Reference: true,
		CatalogRef: "board", Times: conformance.Times{Started: now, Ended: now}, Tool: "v1", Seed: seed, Writes: conformance.WritesAll}
}

func asJSON(t testing.TB, r *conformance.Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func recorded(t testing.TB, data []byte) *conformance.Recorded {
	t.Helper()
	rec, err := conformance.ReadRecorded("report.json", data)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// A report is worked out again from its evidence, in every form, and one that was edited in
// any place is told.
func TestReportsFollowFromTheirEvidence(t *testing.T) {
	t.Parallel()
	c := load(t, boardName)
	r := probed(t, c, conformance.Shard{}, 7, "read-opens-write", "cors-reflect", "list-unfiltered")
	if len(r.Findings()) < 2 {
		t.Fatalf("%d findings: there is too little to look at", len(r.Findings()))
	}
	data := asJSON(t, r)
	again, err := recorded(t, data).Report(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range conformance.Formats {
		var a, b bytes.Buffer
		if err := r.Write(&a, format, report.NewStyles(false)); err != nil {
			t.Fatal(err)
		}
		if err := again.Write(&b, format, report.NewStyles(false)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s is another when the report was read again", format)
		}
		if !strings.Contains(a.String(), r.FirstLine()) {
			t.Errorf("%s does not say %q", format, r.FirstLine())
		}
	}
	if diff, err := recorded(t, data).Verify(c); err != nil || len(diff) > 0 {
		t.Fatalf("the report as it was written: %v, %v", diff, err)
	}
	// An edit is noticed wherever it is; a smaller report is worked out faster.
	few, err := conformance.SelectChecks([]string{"over-grant", "under-grant", "refusal-form", "cors-origins", "list-records"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	data = asJSON(t, probedBy(t, c, few, conformance.Shard{}, 7, "read-opens-write", "cors-reflect", "list-unfiltered"))
	if diff, err := recorded(t, data).Verify(c); err != nil || len(diff) > 0 {
		t.Fatalf("the smaller report as it was written: %v, %v", diff, err)
	}
	edits := [][2]string{
		{`"verdict": "fail"`, `"verdict": "pass"`}, {`"status": 403`, `"status": 404`}, {`failed `, `failed 1`}, {`"severity": "error"`, `"severity": "info"`},
		{`"tool": "v1"`, `"tool": "v2"`}, {`"seed": 7`, `"seed": 8`}, {`"started": "2`, `"started": "1`}, {`"count": `, `"count": 1`}, {`"proven": `, `"proven": 1`},
		{`"target": "http://reference.test"`, `"target": "http://other.test"`}, {`"seal": "`, `"seal": "0`}, {`"vouched": true`, `"vouched": false`},
		{`"writes": "all"`, `"writes": "none"`}, {`"learned": {`, `"learned": {"anonymous": {"418": 1}, `}, {`"findings": [`, `"findings": [{"rule": "over-grant"},`},
		{`"version": 1,`, `"version": 1, "note": "approved",`},
	}
	for _, e := range edits {
		if !strings.Contains(string(data), e[0]) {
			t.Errorf("the report has no %s", e[0])
			continue
		}
		edited := strings.Replace(string(data), e[0], e[1], 1)
		rec, err := conformance.ReadRecorded("report.json", []byte(edited))
		if err != nil {
			continue
		}
		if diff, err := rec.Verify(c); err == nil && len(diff) == 0 {
			t.Errorf("%s for %s is not noticed", e[1], e[0])
		}
	}
	if _, err := recorded(t, data).Verify(load(t, "testdata/small.yaml")); err == nil || !strings.Contains(err.Error(), "--catalog") {
		t.Errorf("another catalog: %v", err)
	}
	for _, bad := range []string{"", "{", "[]", `{"version":1}`, `{"version":2,"run":{}}`, `{"version":1,"run":{"keys":7}}`, `{"version":1,"run":{"checks":["no-such"]}}`} {
		rec, err := conformance.ReadRecorded("report.json", []byte(bad))
		if err == nil {
			_, err = rec.Report(c)
		}
		if err == nil || !strings.HasPrefix(err.Error(), "report.json:") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// mark is what differs from run to run: marks, keyed hashes of values, and so the order of sets
// of them.
var marks = regexp.MustCompile(`permcheck-[a-z0-9]{10}[-a-z0-9.]*|#?\b[0-9a-f]{16}\b`)

// counts are how many records there were, which grows with what a run has made so far.
var counts = regexp.MustCompile(`\d+ of \d+(?: records)`)

// The merged report of three shards is that of one run, apart from times, marks and how many
// requests it took, with the same seed and with none.
func TestMergedShardsAreOneRun(t *testing.T) {
	t.Parallel()
	c := load(t, boardName)
	const n = 3
	var files [][]byte
	var parts []*conformance.Recorded
	probes := 0
	for k := 1; k <= n; k++ {
		r := probed(t, c, conformance.Shard{K: k, N: n}, 0, "read-opens-write", "list-unfiltered")
		data := asJSON(t, r)
		if diff, err := recorded(t, data).Verify(c); err != nil || len(diff) > 0 {
			t.Errorf("shard %d: %v, %v", k, diff, err)
		}
		files, parts = append(files, data), append(parts, recorded(t, data))
		var doc struct{ Probes []any }
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Probes) == 0 {
			t.Errorf("shard %d asks nothing", k)
		}
		probes += len(doc.Probes)
	}
	whole := probed(t, c, conformance.Shard{}, 0, "read-opens-write", "list-unfiltered")
	if probes != len(whole.Plan.Probes) {
		t.Errorf("the shards have %d probes, the plan %d", probes, len(whole.Plan.Probes))
	}
	slices.Reverse(parts) // in any order
	merged, err := conformance.Merge(c, parts)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := comparable(t, whole), comparable(t, merged); a != b {
		for i, line := range strings.Split(a, "\n") {
			if other := strings.Split(b, "\n"); i >= len(other) || other[i] != line {
				t.Errorf("line %d of one run: %s", i+1, line)
				if i < len(other) {
					t.Errorf("of the merged report: %s", other[i])
				}
				break
			}
		}
	}
	if diff, err := recorded(t, asJSON(t, merged)).Verify(c); err != nil || len(diff) > 0 {
		t.Errorf("the merged report: %v, %v", diff, err)
	}

	missing, err := conformance.Merge(c, []*conformance.Recorded{recorded(t, files[0]), recorded(t, files[2])})
	if err != nil || missing.Answers.Cut != "shard 2/3 is missing" {
		t.Errorf("a shard is missing: %v, %q", err, missing.Answers.Cut)
	}
	for name, list := range map[string][][]byte{
		"both shard":         {files[0], files[0]},
		"does not belong":    {files[0], asJSON(t, probed(t, c, conformance.Shard{K: 2, N: 4}, 0))},
		"of a whole run":     {asJSON(t, whole)},
		"no report to merge": {},
	} {
		var recs []*conformance.Recorded
		for _, data := range list {
			recs = append(recs, recorded(t, data))
		}
		if _, err := conformance.Merge(c, recs); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// comparable is a report's JSON without what differs from run to run, and without evidence,
// in which values stand as hashes of the run's own key.
func comparable(t *testing.T, r *conformance.Report) string {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(asJSON(t, r), &doc); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"started", "ended", "seal", "run", "evidence"} {
		delete(doc, name)
	}
	delete(doc["summary"].(map[string]any), "requests")
	for _, p := range doc["probes"].([]any) {
		delete(p.(map[string]any), "evidence")
	}
	out, err := json.MarshalIndent(doc, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return marks.ReplaceAllString(counts.ReplaceAllString(string(out), "N of N"), "MARK")
}

func TestParseShard(t *testing.T) {
	for _, bad := range []string{"", "1", "0/3", "4/3", "-1/3", "1/0", "1/3x", "1/3/5", "a/b", "1/99999999", "1 / 3"} {
		if s, err := conformance.ParseShard(bad); err == nil {
			t.Errorf("%q is read as %v", bad, s)
		}
	}
	if s, err := conformance.ParseShard("2/8"); err != nil || s != (conformance.Shard{K: 2, N: 8}) {
		t.Errorf("2/8: %v, %v", s, err)
	}
}

// A known finding is not reported, the entry that was used is; one whose check passes now is
// reported; one that was not decided is left alone.
func TestKnownFindings(t *testing.T) {
	c := load(t, "testdata/small.yaml")
	r := probed(t, c, conformance.Shard{}, 0, "read-opens-write")
	findings := r.Findings()
	if len(findings) == 0 {
		t.Fatal("no finding")
	}
	text, entry := "", "- {rule: %s, endpoint: %q, reason: agreed, owner: team-a}\n"
	for _, f := range findings {
		text += fmt.Sprintf(entry, f.Rule, f.Subject)
	}
	for i := range c.Endpoints {
		if e := c.Endpoints[i].String(); !slices.ContainsFunc(findings, func(f *conformance.Finding) bool { return f.Subject == e }) {
			text += fmt.Sprintf(entry, "over-grant", e)
			break
		}
	}
	text += fmt.Sprintf(entry, "over-grant", "GET /gone")
	known, err := report.ParseKnown("known.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Accept(known, time.Now())
	if got := r.Findings(); len(got) != 0 {
		t.Errorf("still %d findings", len(got))
	}
	if len(r.Known) != len(findings) || r.Known[0].Endpoint != findings[0].Subject {
		t.Errorf("used entries: %v", r.Known)
	}
	if len(r.About) != 2 || !strings.Contains(r.About[0].Message, "passes now") || !strings.Contains(r.About[1].Message, "found no more") {
		t.Errorf("about the file: %+v", r.About)
	}
	if diff, err := recorded(t, asJSON(t, r)).Verify(c); err != nil || len(diff) > 0 {
		t.Errorf("%v, %v", diff, err)
	}
	// Nothing was asked: no entry is out of date for that.
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Shares: true})
	if err != nil {
		t.Fatal(err)
	}
	none := &conformance.Report{Result: conformance.Judge(p, &conformance.Answers{Observations: make([]conformance.Observation, len(p.Requests))}), Sent: &conformance.Sent{}, Target: parse(t, "http://x")}
	none.Accept(known, time.Now())
	if len(none.About) != 1 {
		t.Errorf("about entries that were not decided: %+v", none.About)
	}
}

// A run that was cut short goes on where it ended, and asks nothing twice.
func TestJournal(t *testing.T) {
	c := many(60)
	srv, err := reference.New(c, reference.Options{AdminToken: "token"})
	if err != nil {
		t.Fatal(err)
	}
	api, admin := httptest.NewServer(srv.API()), httptest.NewServer(srv.Admin())
	defer api.Close()
	defer admin.Close()
	p, err := conformance.NewPlan(c, conformance.PlanOptions{Checks: matrixChecks(t)})
	if err != nil {
		t.Fatal(err)
	}
	a := keyring.NewAdmin(parse(t, admin.URL), "token")
	creds, err := a.MintPlan(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "j", "journal.jsonl")
	run := func(limits conformance.Limits, settings string) (*conformance.Result, *conformance.Sent, int) {
		t.Helper()
		j, err := conformance.OpenJournal(path, p, "target", settings, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		answers, sent, err := conformance.Run(context.Background(), p, conformance.Target{Base: parse(t, api.URL), Credentials: creds, Reference: true, Objects: a, Writes: conformance.WritesAll, Limits: limits, Journal: j})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Close(answers.Cut == ""); err != nil {
			t.Fatal(err)
		}
		return conformance.Judge(p, answers), sent, j.Resumed
	}
	first, _, resumed := run(conformance.Limits{Requests: 100, Connections: 1}, "s")
	if first.Answers.Cut == "" || resumed != 0 {
		t.Fatalf("cut %q, resumed %d", first.Answers.Cut, resumed)
	}
	second, sent, resumed := run(conformance.Limits{Connections: 1}, "s")
	if resumed < 90 || sent.Requests > int64(len(p.Requests)-resumed+5) {
		t.Errorf("resumed %d, then %d requests for a plan of %d", resumed, sent.Requests, len(p.Requests))
	}
	if second.Proven != second.Total() {
		t.Error(second.FirstLine())
	}
	if _, _, resumed = run(conformance.Limits{Requests: 100, Connections: 1}, "s"); resumed != 0 {
		t.Errorf("a run that came to its end left a journal: resumed %d", resumed)
	}
	if _, _, resumed = run(conformance.Limits{}, "other settings"); resumed != 0 {
		t.Errorf("a run with other settings went on with %d answers", resumed)
	}
}
