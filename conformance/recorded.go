package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
)

// A Recorded is the JSON report of a run, read again. With the run's catalog it gives the same
// [Report]: the plan is made anew and every verdict is worked out from what the report says
// that the server showed.
type Recorded struct {
	file string
	doc  recordedReport
	tree any // the same document as plain JSON values
}

type recordedReport struct {
	Version  int            `json:"version"`
	Target   string         `json:"target"`
	Catalog  string         `json:"catalog"`
	Build    string         `json:"build"`
	Started  string         `json:"started"`
	Ended    string         `json:"ended"`
	PlanHash string         `json:"plan_hash"`
	Probes   []jsonProbe    `json:"probes"`
	Left     []string       `json:"left"`
	Summary  map[string]int `json:"summary"`
	Run      *jsonRun       `json:"run"`
	Answers  []jsonAnswer   `json:"answers"`
	Evidence evidenceTable  `json:"evidence"`
}

// ReadRecorded reads the JSON form of a report. file is its name in messages.
func ReadRecorded(file string, data []byte) (*Recorded, error) {
	r := &Recorded{file: file}
	at := &reportReader{file: file, data: data}
	if err := json.Unmarshal(data, &r.doc); err != nil {
		var syntax *json.SyntaxError
		var kind *json.UnmarshalTypeError
		switch {
		case errors.As(err, &syntax):
			return nil, at.errorf(syntax.Offset-1, "invalid JSON: %v: expected a report of permcheck probe --format json", err)
		case errors.As(err, &kind):
			return nil, at.errorf(kind.Offset-1, "found %s here, where a report of permcheck probe has %s", kind.Value, kind.Type)
		}
		return nil, at.errorf(0, "this is no report of permcheck probe: %v", err)
	}
	if r.doc.Version != 1 || r.doc.Run == nil {
		return nil, at.errorf(0, "expected a report of permcheck probe --format json (version 1, with what the run saw)")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&r.tree); err != nil {
		return nil, at.errorf(0, "%v", err)
	}
	return r, nil
}

// CatalogRef is what the run's catalog was called.
func (r *Recorded) CatalogRef() string { return r.doc.Catalog }

// CatalogName tells the run's catalog from others, for people who look for it.
func (r *Recorded) CatalogName() string {
	run := r.doc.Run
	return fmt.Sprintf("%.200q with the hash %.64q%s", r.doc.Catalog, run.CatalogHash, optional(" of revision ", run.CatalogRevision))
}

// options are those that the run's plan was made with.
func (r *Recorded) options() (PlanOptions, error) {
	run := r.doc.Run
	opts := PlanOptions{Refused: run.Refused, Exhaustive: run.Exhaustive, Shares: run.Shares, LeaveOut: run.LeaveOut, Checks: []*Check{}}
	for _, id := range run.Checks {
		c := checkOf(id)
		if c == nil {
			return opts, fmt.Errorf("%s: the report has the check %q, which this permcheck (the report is of %s) does not", r.file, id, run.Tool)
		}
		opts.Checks = append(opts.Checks, c)
	}
	for _, s := range run.Scripts {
		opts.Scripts = append(opts.Scripts, Script(s))
	}
	if run.Fixed {
		opts.Keys = []Key{}
		for i, k := range run.Keys {
			if i > 2 {
				opts.Keys = append(opts.Keys, Key{Name: k.Name, Kind: k.Kind, Grants: perm.NewSet(k.Grants...), Sharing: k.Sharing, Lists: k.Lists, State: k.State, Made: k.Made})
			}
		}
	}
	return opts, nil
}

// Report works the report out again. An error means that the report does not follow from the
// catalog.
func (r *Recorded) Report(c *catalogs.Catalog) (*Report, error) {
	fail := func(format string, args ...any) (*Report, error) {
		return nil, fmt.Errorf(r.file+": "+format, args...)
	}
	run := r.doc.Run
	if hash := c.Hash(); hash != run.CatalogHash {
		return fail("the report is about a catalog with the hash %.64q, %s has %s: name the catalog of the run%s (--catalog)",
			run.CatalogHash, c.File, hash, optional(", of revision ", run.CatalogRevision))
	}
	opts, err := r.options()
	if err != nil {
		return nil, err
	}
	p, err := NewPlan(c, opts)
	if err != nil {
		return nil, err
	}
	if run.Shard != "" {
		shard, err := ParseShard(run.Shard)
		if err != nil {
			return fail("%v", err)
		}
		p.Take(shard)
	}
	if p.Hash != r.doc.PlanHash {
		return fail("the plan hash is %.64q, but catalog and keys give %s: the report was edited, or is of another version of permcheck (%.40q)", r.doc.PlanHash, p.Hash, run.Tool)
	}
	if len(run.Keys) != len(p.Keys) || len(run.Paths) != len(p.Rows) {
		return fail("the report has %d keys and %d paths, its plan %d and %d: it was edited", len(run.Keys), len(run.Paths), len(p.Keys), len(p.Rows))
	}
	target, err := url.Parse(r.doc.Target)
	if err != nil {
		return fail("the target is no address: %v", err)
	}
	a := &Answers{Observations: make([]Observation, len(p.Requests)), Records: make([]Record, len(p.Questions)), Controls: map[int]Control{}, Vouched: map[int]bool{}, Cut: run.Cut}
	for _, o := range r.doc.Answers {
		if o.Request < 0 || o.Request >= len(p.Requests) {
			return fail("it has an answer to request %d, which is not in its plan", o.Request)
		}
		a.Observations[o.Request] = o.Observation
	}
	next := 0
	for i := range p.Probes {
		pr := &p.Probes[i]
		if !p.mine(pr) {
			continue
		}
		if next >= len(r.doc.Probes) || r.doc.Probes[next].ID != pr.ID {
			return fail("probe %d of the plan, %s, is not in its place: the report was edited", i, pr.ID)
		}
		if rec := r.doc.Probes[next].Evidence; pr.Request < 0 && rec != nil {
			if a.Records[pr.Question], err = r.doc.Evidence.read(rec); err != nil {
				return fail("probe %s: %v", pr.ID, err)
			}
			if x := a.Records[pr.Question].strange(p); x != nil {
				return fail("probe %s: the exchange %.64q names a row, a key or a rule that its plan does not have: the report was edited", pr.ID, x.Label)
			}
		}
		next++
	}
	creds := make([]Credential, len(p.Keys))
	for i, k := range run.Keys {
		creds[i] = Credential{Header: k.Header, Query: k.Query, Scheme: k.Scheme, Env: k.Env, EnvNote: k.EnvNote, With: k.With}
		for _, b := range k.Below {
			creds[i].Below = append(creds[i].Below, Below{b.Prefix, Credential{Header: b.Header, Query: b.Query, Scheme: b.Scheme, Env: b.Env, EnvNote: b.EnvNote, With: b.With}})
		}
		if k.Name != p.Keys[i].Name {
			return fail("key %d is %.64q, in its plan %q: the report was edited", i, k.Name, p.Keys[i].Name)
		}
		if k.Vouched {
			a.Vouched[i] = true
		}
		if k.Control != nil {
			if k.Control.Row < 0 || k.Control.Row >= len(p.Rows) {
				return fail("the control of key %.64q is row %d, which its plan does not have", k.Name, k.Control.Row)
			}
			a.Controls[i] = *k.Control
		}
	}
	known, about, err := r.known()
	if err != nil {
		return nil, err
	}
	return &Report{
		Result: Judge(p, a), Sent: &Sent{Requests: int64(r.doc.Summary["requests"]), Build: r.doc.Build, Paths: run.Paths, Left: r.doc.Left},
		Target: target, Credentials: creds, Reference: run.Reference, CatalogRef: r.doc.Catalog, Reproduce: run.Reproduce,
		Times: Times{r.doc.Started, r.doc.Ended}, Tool: run.Tool, Revision: run.CatalogRevision, Seed: run.Seed, Writes: run.Writes, Require: run.Require,
		Resumed: run.Resumed, Bodies: run.Evidence, Merged: run.Shards, Known: known, About: about,
	}, nil
}

// known reads what the report says about known findings.
func (r *Recorded) known() (known []report.KnownEntry, about []*report.Finding, err error) {
	for _, k := range r.doc.Run.Known {
		e := report.KnownEntry{Rule: k.Rule, Endpoint: k.Endpoint, Was: k.Was, Now: k.Now, Reason: k.Reason, Owner: k.Owner, Pos: parsePos(k.Position)}
		if k.Until != "" {
			if e.Until, err = time.Parse(time.DateOnly, k.Until); err != nil {
				return nil, nil, fmt.Errorf("%s: a known finding: %w", r.file, err)
			}
		}
		known = append(known, e)
	}
	for _, f := range r.doc.Run.About {
		if !slices.Contains([]string{"known-unmatched", "known-expired", "known-expires"}, f.Rule) {
			return nil, nil, fmt.Errorf("%s: %.64q is no rule about known findings", r.file, f.Rule)
		}
		about = append(about, &report.Finding{Rule: f.Rule, Subject: f.Subject, Args: f.Args, Message: f.Message, Position: f.Pos})
	}
	return known, about, nil
}

// parsePos reads file:line:column as [catalogs.Pos.String] writes it.
func parsePos(text string) catalogs.Pos {
	var p catalogs.Pos
	p.File = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		if j := strings.LastIndexByte(text[:i], ':'); j >= 0 {
			if n, err := fmt.Sscanf(text[j:], ":%d:%d", &p.Line, &p.Column); n == 2 && err == nil {
				p.File = text[:j]
				return p
			}
		}
	}
	return p
}

// maxDifferences bounds what [Recorded.Verify] lists.
const maxDifferences = 20

// Verify works plan and verdicts out again from the catalog and from what the report says that
// the server showed, and returns where the report says something else; none: it follows. The
// seal tells any other edit too, but it is a plain hash and no signature: who edits the
// evidence and then works everything out again is not found out. Sign the file where that
// matters.
func (r *Recorded) Verify(c *catalogs.Catalog) (differences []string, err error) {
	again, err := r.Report(c)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := again.WriteJSON(&b); err != nil {
		return nil, err
	}
	var want any
	dec := json.NewDecoder(&b)
	dec.UseNumber()
	if err := dec.Decode(&want); err != nil {
		return nil, err
	}
	compareJSON("", r.tree, want, &differences)
	return differences, nil
}

// compareJSON lists where a document differs from what it should be.
func compareJSON(path string, got, want any, out *[]string) {
	if len(*out) >= maxDifferences || reflect.DeepEqual(got, want) {
		return
	}
	g, gok := got.(map[string]any)
	w, wok := want.(map[string]any)
	if gok && wok {
		names := map[string]bool{}
		for name := range g {
			names[name] = true
		}
		for name := range w {
			names[name] = true
		}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			compareJSON(joinPath(path, name), g[name], w[name], out)
		}
		return
	}
	gl, gok := got.([]any)
	wl, wok := want.([]any)
	if gok && wok && len(gl) == len(wl) {
		for i := range gl {
			compareJSON(fmt.Sprintf("%s[%d]", path, i), gl[i], wl[i], out)
		}
		return
	}
	// The same line of a catalog may be found under another name.
	if gs, ok := got.(string); ok && strings.HasSuffix(path, ".position") {
		if ws, ok := want.(string); ok {
			gp, wp := parsePos(gs), parsePos(ws)
			if gp.Line == wp.Line && gp.Column == wp.Column && gp.IsValid() {
				return
			}
		}
	}
	*out = append(*out, fmt.Sprintf("%s: the report says %s, its evidence %s", path, shortJSON(got), shortJSON(want)))
}

func shortJSON(v any) string {
	if v == nil {
		return "nothing"
	}
	text, err := report.JSON(v)
	if err != nil {
		return "?"
	}
	if len(text) > 120 {
		return fmt.Sprintf("%s... (%d bytes)", strings.ToValidUTF8(string(text[:120]), ""), len(text))
	}
	return string(text)
}

// Merge puts the reports of all shards of one run together: the whole is judged from what all
// of them saw. A shard that is missing makes the result one that was cut short.
func Merge(c *catalogs.Catalog, parts []*Recorded) (*Report, error) {
	if len(parts) == 0 {
		return nil, errors.New("no report to merge")
	}
	var out *Report
	var whole *Answers
	n, seen := 0, map[int]string{}
	var cuts []string
	for _, part := range parts {
		r, err := part.Report(c)
		if err != nil {
			return nil, err
		}
		shard := r.Plan.shard
		switch {
		case shard.N == 0:
			return nil, fmt.Errorf("%s is the report of a whole run, not of a shard: expected those of probe --shard K/N", part.file)
		case seen[shard.K] != "":
			return nil, fmt.Errorf("%s and %s are both shard %s: name each shard once", seen[shard.K], part.file, shard)
		}
		seen[shard.K] = part.file
		if out == nil {
			n, out = shard.N, r
			whole = &Answers{Observations: make([]Observation, len(r.Plan.Requests)), Records: make([]Record, len(r.Plan.Questions)), Controls: map[int]Control{}, Vouched: map[int]bool{}}
			out.Paths = slices.Clone(r.Paths)
		} else if err := out.sameRun(r, n); err != nil {
			return nil, fmt.Errorf("%s does not belong to %s: %w", part.file, parts[0].file, err)
		}
		out.gather(whole, r)
		out.Merged = append(out.Merged, shard.String())
		if r.Answers.Cut != "" {
			cuts = append(cuts, fmt.Sprintf("shard %s: %s", shard, r.Answers.Cut))
		}
	}
	for k := 1; k <= n; k++ {
		if seen[k] == "" {
			cuts = append(cuts, fmt.Sprintf("shard %d/%d is missing", k, n))
		}
	}
	whole.Cut = strings.Join(cuts, "; ")
	slices.Sort(out.Merged)
	out.Plan.Take(Shard{})
	out.Result = Judge(out.Plan, whole)
	return out, nil
}

// sameRun says why a shard's report is of another run than the first one.
func (r *Report) sameRun(o *Report, n int) error {
	target := o.Target.String()
	if r.Reference && o.Reference {
		target = r.Target.String() // each run starts one of its own
	}
	for _, d := range []struct{ what, a, b string }{
		{"plan", r.Plan.Hash, o.Plan.Hash}, {"target", r.Target.String(), target}, {"number of shards", fmt.Sprint(n), fmt.Sprint(o.Plan.shard.N)},
		{"version of permcheck", r.Tool, o.Tool}, {"seed", fmt.Sprint(r.Seed), fmt.Sprint(o.Seed)}, {"writes", string(r.Writes), string(o.Writes)},
	} {
		if d.a != d.b {
			return fmt.Errorf("its %s is %q, not %q", d.what, d.b, d.a)
		}
	}
	return nil
}

// gather takes over what one shard saw; r is the first of them, and may be the same.
func (r *Report) gather(whole *Answers, o *Report) {
	for i := range o.Plan.Requests {
		if o.Plan.Mine(o.Plan.Requests[i].Row) {
			whole.Observations[i] = o.Answers.Observations[i]
		}
	}
	for i := range o.Plan.Questions {
		if o.Plan.Mine(o.Plan.Questions[i].Row) {
			whole.Records[i] = o.Answers.Records[i]
		}
	}
	for k, c := range o.Answers.Controls {
		// A key that ended in one shard is not to be trusted in any.
		if had, ok := whole.Controls[k]; !ok || had.OK && !c.OK {
			whole.Controls[k] = c
		}
	}
	for k, ok := range o.Answers.Vouched {
		whole.Vouched[k] = ok
	}
	if r == o {
		return
	}
	for i, path := range o.Paths {
		if r.Paths[i] == "" || o.Plan.Mine(i) && path != "" {
			r.Paths[i] = path
		}
	}
	for i := range r.Credentials {
		if r.Credentials[i].Env == "" {
			r.Credentials[i] = o.Credentials[i]
		}
	}
	if o.Build != "" && !slices.Contains(strings.Split(r.Build, " and "), o.Build) {
		r.Build = strings.TrimPrefix(r.Build+" and "+o.Build, " and ")
	}
	for _, line := range o.Reproduce {
		if !slices.Contains(r.Reproduce, line) {
			r.Reproduce = append(r.Reproduce, line)
		}
	}
	r.Requests += o.Requests
	r.Resumed += o.Resumed
	r.Left = append(r.Left, o.Left...)
	r.Times.Started, r.Times.Ended = min(r.Times.Started, o.Times.Started), max(r.Times.Ended, o.Times.Ended)
	for _, e := range o.Known {
		if !slices.ContainsFunc(r.Known, func(k report.KnownEntry) bool {
			return k.Rule == e.Rule && k.Endpoint == e.Endpoint && k.Was == e.Was && k.Now == e.Now
		}) {
			r.Known = append(r.Known, e)
		}
	}
	for _, f := range o.About {
		if !slices.ContainsFunc(r.About, func(a *report.Finding) bool { return a.Fingerprint() == f.Fingerprint() }) {
			r.About = append(r.About, f)
		}
	}
}
