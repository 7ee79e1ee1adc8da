package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/browser"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/conformance/script"
	"github.com/permcheck/permcheck/internal/redact"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// startTimeout is how long the reference server may take to say that it is ready.
const startTimeout = 30 * time.Second

// Depths of a plan.
const (
	depthBoundary   = "boundary"
	depthExhaustive = "exhaustive"
)

// maxFewKeys bounds --keys.
const maxFewKeys = 200

// maxMadeKeys bounds --make-keys.
const maxMadeKeys = 10_000

type probeFlags struct {
	reference, plan, faultList bool
	faults, switches           []string
	target, profile, writes    string
	allowProduction            string
	clean, calibrate, browser  bool
	ledger, openapi, depth     string
	keys, makeKeys             int
	only, skip                 []string
	limits                     conformance.Limits

	shard                         string
	seed                          uint64
	known, script, journal        string
	evidence, evidenceFolder, har string

	unmade []perm.Set // grants that the target makes no keys of

	part    conformance.Shard
	scripts *script.Dir
}

func newProbe(a *app) *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "probe CATALOG (--target URL --profile FILE | --reference)",
		Short: "Hold a running API against a catalog: what each key can do, and what it must not",
		Long: `Probe asks a running API, for each endpoint of the catalog, the few questions that
decide whether it enforces its requirement: the smallest grants that must be admitted, the
largest that must be refused, no key, a malformed and an unknown key. A refusal counts only
when a key that the catalog admits is answered 2xx on the same request.

CATALOG is a file, vendor:NAME, or - for standard input. With --target the keys come from a
profile, which names them and says where each secret is; what those keys cannot prove is
listed with the key to make. With --reference a server that enforces the catalog is started
as a process of its own, every key is made, and the whole boundary is proven: it shows
what permcheck finds when a --fault is planted.

Hand-written checks (--script DIR) are testscript files; permcheck explain script and
docs/probe.md say how to write one. They need a target.

Against a target no row that writes is sent unless --writes says so, or the profile with
writes: or environment: disposable, wherever the target is. disposable sends those whose
objects the run made itself, or the profile lists as expendable; all sends the others too,
but none that would use up a record which reads need. The plan, the report and the first
line of the progress name the policy and how many endpoints are not sent because of it.

Exit codes: 0 no finding at or above --fail-on, 1 there is one, 2 the target could not be
probed, nothing was proven, or less than the profile requires.`,
		Example: `  permcheck probe vendor:eightfold --reference
  permcheck probe vendor:eightfold --reference --fault read-opens-write
  permcheck probe api/permissions.yaml --target https://staging.example.com --profile probe.yaml
  permcheck probe api/permissions.yaml --plan --profile probe.yaml
  permcheck probe api/permissions.yaml --target https://staging.example.com --profile probe.yaml --format json > probe.json
  permcheck probe api/permissions.yaml --target https://staging.example.com --profile probe.yaml --shard 2/8 --format json > shard-2.json
  permcheck probe api/permissions.yaml --target https://staging.example.com --profile probe.yaml --script checks --only scripts`,
		ValidArgsFunction: completeCatalogs,
		Args: func(cmd *cobra.Command, args []string) error {
			if f.faultList && len(args) < 2 {
				return nil
			}
			return exactArgs(1, "one CATALOG")(cmd, args)
		},
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.faultList {
			return a.printFaults(args...)
		}
		if err := f.check(); err != nil {
			return err
		}
		if f.known == "" {
			config, err := catalogs.FindConfig(".")
			if err != nil {
				return err
			}
			f.known = config.Known
		}
		return a.probe(cmd.Context(), args[0], &f, cmd.Flags().Changed("writes"))
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.reference, "reference", false, "start a reference server and probe that")
	fl.StringArrayVar(&f.faults, "fault", nil, "plant a fault in the reference server: NAME or 'NAME@METHOD /path'; may be repeated")
	fl.StringArrayVar(&f.switches, "switch", nil, "of a vendor's reference server (see permcheck serve vendor:NAME --switches): NAME=VALUE; may be repeated")
	fl.BoolVar(&f.faultList, "faults", false, "list the faults and end")
	fl.StringVar(&f.target, "target", "", "address of the API to probe")
	fl.StringVar(&f.profile, "profile", "", "file that names the keys")
	fl.BoolVar(&f.plan, "plan", false, "print what would be sent, and send nothing")
	fl.StringVar(&f.writes, "writes", "none", "rows that write: none, disposable or all (default none; what the profile says; all for --reference)")
	fl.StringVar(&f.allowProduction, "allow-production", "", "host of a production target, which is sent reads only")
	fl.IntVar(&f.keys, "keys", 0, "with --plan: the grants of this many keys to make that prove most")
	fl.IntVar(&f.makeKeys, "make-keys", 64, "at most so many keys that the profile lacks are made, where its provision: says how, and deleted again; 0: none")
	fl.StringVar(&f.depth, "depth", depthBoundary, "boundary: the keys that tell most on each row; exhaustive: every key on every row")
	fl.StringVar(&f.openapi, "openapi", "", "OpenAPI document to take the bodies of requests from")
	fl.BoolVar(&f.calibrate, "calibrate", false, "learn the forms of refusal, print them, and write them to a profile that states none")
	fl.BoolVar(&f.browser, "browser", false, "confirm in a real Chromium that pages of other origins can read nothing")
	fl.BoolVar(&f.clean, "clean", false, "take away what earlier runs have left at the target, and end")
	fl.StringVar(&f.ledger, "ledger", "", "file that remembers what runs make (default below the user's cache folder)")
	fl.IntVar(&f.limits.Connections, "connections", 0, "connections at a time (default 4; 32 for --reference and for environment: disposable on this machine)")
	fl.Float64Var(&f.limits.Rate, "rate", 0, "requests a second (default 10; unlimited for --reference and for environment: disposable on this machine)")
	fl.DurationVar(&f.limits.Timeout, "timeout", 0, "how long one request may take (default 10s)")
	fl.IntVar(&f.limits.Requests, "requests", 0, "how many requests the whole run may send (default 100,000; 10,000,000 where --rate is unlimited)")
	fl.StringVar(&f.shard, "shard", "", "ask the `K/N`th part of the plan only; permcheck report merge puts the reports together")
	fl.Uint64Var(&f.seed, "seed", 0, "send requests in an order that follows from this number (0: that of the plan)")
	fl.StringVar(&f.script, "script", "", "`DIR` of hand-written checks")
	fl.StringVar(&f.journal, "journal", "", "`FILE` that answers are kept in while the run lasts, so that one which is killed goes on (default with --depth exhaustive: below the user's cache folder)")
	fl.StringVar(&f.evidence, "evidence", evidenceDigest, "digest: what reports hold; full: also keep the bodies of all answers in --evidence-dir")
	fl.StringVar(&f.evidenceFolder, "evidence-dir", "", "folder for --evidence full (default permcheck-evidence-TIME)")
	fl.StringVar(&f.har, "har", "", "write all requests and answers to this `FILE` as an HTTP archive, secrets replaced")
	fl.DurationVar(&f.limits.Deadline, "deadline", 0, "how long the whole run may take (default 1h)")
	selectFlags(cmd, &f.only, &f.skip)
	knownFlag(cmd, &f.known)
	a.strictFlag(cmd)
	a.formatFlag(cmd, conformance.Formats...)
	a.failOnFlag(cmd)
	_ = cmd.RegisterFlagCompletionFunc("fault", cobra.FixedCompletions(faultNames(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("writes", cobra.FixedCompletions([]string{"none", "disposable", "all"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *probeFlags) check() error {
	if f.shard != "" {
		part, err := conformance.ParseShard(f.shard)
		if err != nil {
			return fmt.Errorf("--shard %w", err)
		}
		f.part = part
	}
	if f.script != "" {
		dir, err := script.Open(f.script)
		if err != nil {
			return fmt.Errorf("--script: %w", err)
		}
		f.scripts = dir
	}
	switch {
	case f.evidence != evidenceDigest && f.evidence != evidenceFull:
		return fmt.Errorf("--evidence %q: expected digest or full", f.evidence)
	case f.evidenceFolder != "" && f.evidence != evidenceFull:
		return errors.New("--evidence-dir is where --evidence full keeps bodies: add --evidence full")
	case f.script != "" && f.reference:
		return errors.New("--script sends what somebody wrote for a target: leave out --reference")
	case f.limits.Requests < 0:
		return errors.New("--requests cannot be negative")
	case f.calibrate && f.shard != "":
		return errors.New("--calibrate learns from the whole plan: leave out --shard")
	}
	switch {
	case f.reference && (f.target != "" || f.profile != ""):
		return errors.New("--reference makes its own server and keys: leave out --target and --profile")
	case !f.reference && len(f.faults) > 0:
		return errors.New("--fault is for the reference server: add --reference")
	case !f.reference && len(f.switches) > 0:
		return errors.New("--switch is for the reference server: add --reference")
	case !f.reference && !f.plan && (f.target == "" || f.profile == ""):
		return errors.New("expected --target URL and --profile FILE, or --reference")
	case f.writes != "none" && f.writes != "disposable" && f.writes != "all":
		return fmt.Errorf("--writes %q: expected none, disposable or all", f.writes)
	case f.limits.Connections < 0 || f.limits.Connections > 1024:
		return fmt.Errorf("--connections %d: expected 1 to 1024", f.limits.Connections)
	case f.limits.Rate < 0 || f.limits.Timeout < 0 || f.limits.Deadline < 0:
		return errors.New("--rate, --timeout and --deadline cannot be negative")
	case f.depth != depthBoundary && f.depth != depthExhaustive:
		return fmt.Errorf("--depth %q: expected boundary or exhaustive", f.depth)
	case f.makeKeys < 0 || f.makeKeys > maxMadeKeys:
		return fmt.Errorf("--make-keys %d: expected 0 to %d", f.makeKeys, maxMadeKeys)
	case f.keys < 0 || f.keys > maxFewKeys:
		return fmt.Errorf("--keys %d: expected 1 to %d", f.keys, maxFewKeys)
	case f.keys > 0 && !f.plan:
		return errors.New("--keys says which keys to make: add --plan")
	case (f.clean || f.calibrate) && (f.reference || f.plan):
		return errors.New("--clean and --calibrate are for a target: leave out --reference and --plan")
	}
	return nil
}

func (a *app) probe(ctx context.Context, ref string, f *probeFlags, writesGiven bool) error {
	a.learnAddress(f.target)
	text, c, err := a.readCatalog(ref)
	if err != nil {
		return err
	}
	checks, err := conformance.SelectChecks(f.only, f.skip)
	if err != nil {
		return err
	}
	if f.reference || f.profile == "" {
		opts := conformance.PlanOptions{Shares: true, Checks: checks}
		var m *keyring.Profile
		if vendorOf(ref) != "" {
			if m, err = manners(ref, c); err != nil {
				return err
			}
		}
		if m != nil {
			opts.LeaveOut = m.LeaveOut()
		}
		p, err := conformance.NewPlan(c, f.options(opts))
		if err != nil {
			return err
		}
		p.Take(f.part)
		if f.plan {
			w := conformance.WritesNone
			if f.reference {
				w = conformance.WritesAll
			}
			if writesGiven {
				w = conformance.WritePolicy(f.writes)
			}
			return a.printPlan(p, f.keys, w, p.Unsent(w, conformance.Given{}, f.reference))
		}
		return a.probeReference(ctx, ref, text, m, p, f, writesGiven)
	}
	return a.probeTarget(ctx, ref, c, f, checks, writesGiven)
}

// readCatalog is loadCatalog and also returns the text that came from standard input, to
// be handed on.
func (a *app) readCatalog(ref string) ([]byte, *catalogs.Catalog, error) {
	if ref != "-" {
		c, err := catalogs.Load(ref)
		return nil, c, err
	}
	var text bytes.Buffer
	in := a.in
	a.in = io.TeeReader(in, &text)
	c, err := a.loadCatalog(ref)
	a.in = in
	return text.Bytes(), c, err
}

// probeReference starts the reference server as a process of its own and probes it.
// Keys sign in as m says; nil: they show their secrets.
func (a *app) probeReference(ctx context.Context, ref string, text []byte, m *keyring.Profile, p *conformance.Plan, f *probeFlags, writesGiven bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ready, token, stop, err := startReference(ctx, ref, text, f.faults, f.switches)
	if err != nil {
		return err
	}
	defer stop()
	api, err := url.Parse(ready.API)
	if err != nil {
		return fmt.Errorf("the reference server gave the address %q: %w", ready.API, err)
	}
	adminURL, err := url.Parse(ready.Admin)
	if err != nil {
		return fmt.Errorf("the reference server gave the admin address %q: %w", ready.Admin, err)
	}
	a.secrets.Add(redact.Secret{Name: adminTokenEnv, Value: token})
	admin := keyring.NewAdmin(adminURL, token)
	t := conformance.Target{Base: api, Reference: true, Secrets: a.secrets, Objects: admin, Provisioner: admin, Writes: conformance.WritesAll, Limits: f.limits}
	if m != nil {
		admin.Manners, admin.API = m, api
		t.Dialect, t.Bodies, t.Within = m.Dialect, m.Bodies, m.Within
	}
	if t.Credentials, err = admin.MintPlan(ctx, p); err != nil {
		return err
	}
	if writesGiven {
		t.Writes = conformance.WritePolicy(f.writes)
	}
	stopBrowser, err := a.startBrowser(ctx, f, &t)
	if err != nil {
		return err
	}
	defer stopBrowser()
	a.announce(p, t, conformance.Given{})
	r, err := a.run(ctx, ref, p, t, f)
	if err != nil {
		return err
	}
	r.Reproduce = reproduce(ref, f, r)
	return a.finish(r)
}

// reproduce lists the commands that start the same server with the keys that the findings
// name.
func reproduce(ref string, flags *probeFlags, r *conformance.Report) []string {
	if len(r.Groups) == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "permcheck serve %s", conformance.ShellQuote(ref))
	for _, f := range flags.faults {
		fmt.Fprintf(&b, " --fault %s", conformance.ShellQuote(f))
	}
	for _, sw := range flags.switches {
		fmt.Fprintf(&b, " --switch %s", conformance.ShellQuote(sw))
	}
	keys, exported := map[int]bool{}, map[string]bool{}
	var narrowed []string
	export := func(key int) {
		if k := r.Plan.Keys[key]; k.Kind == conformance.ValidKey && !keys[key] && len(keys) < 10 {
			keys[key] = true
			if k.Narrowed() {
				// --key gives grants only; the admin API gives the rest.
				body, _ := json.Marshal(struct { // texts alone
					Grants  perm.Set            `json:"grants"`
					Sharing map[string]string   `json:"sharing,omitempty"`
					Lists   map[string][]string `json:"lists,omitempty"`
				}{k.Grants, k.Sharing, k.Lists})
				narrowed = append(narrowed, fmt.Sprintf(`curl -X POST -H "Authorization: Bearer $%s" "$PC_ADMIN"/keys -d %s, whose secret is $%s; PC_ADMIN is the address of the admin API`,
					adminTokenEnv, conformance.ShellQuote(string(body)), r.Credentials[key].Env))
				return
			}
			fmt.Fprintf(&b, " --key %s", conformance.ShellQuote(strings.TrimSuffix(r.Credentials[key].Env, conformance.TokenSuffix)+"="+k.Name))
		}
	}
	for _, g := range r.Groups {
		if pr := &r.Plan.Probes[g.Probes[0]]; pr.Request >= 0 {
			export(r.Plan.Requests[pr.Request].Key)
		} else {
			for _, key := range r.Plan.Questions[pr.Question].Keys {
				export(key)
			}
			made := r.Answers.Records[pr.Question].Keys() // by the statement's script
			for _, name := range slices.Sorted(maps.Keys(made)) {
				if !exported[name] && !strings.Contains(made[name], " sharing ") && !strings.Contains(made[name], " list ") && !strings.Contains(made[name], " expires ") {
					exported[name] = true
					fmt.Fprintf(&b, " --key %s", conformance.ShellQuote(strings.TrimSuffix(name, conformance.TokenSuffix)+"="+made[name]))
				}
			}
		}
		if w := r.Plan.Rows[g.Row].Witness; w >= 0 && g.Check == "effect-despite-refusal" {
			if key := r.Plan.StrongestKey(r.Plan.Rows[w].Endpoint); key >= 0 {
				export(key)
			}
		}
	}
	lines := []string{b.String(), "and in another terminal the export lines that it prints, then the curl line"}
	return append(lines, narrowed...)
}

// announce is the first line of the progress: it says what may be written before anything of the
// plan is sent. To the reference server, which ends with the run, it is said on a terminal alone.
func (a *app) announce(p *conformance.Plan, t conformance.Target, given conformance.Given) {
	if t.Reference && !isTerminal(a.err) {
		return
	}
	fmt.Fprintf(a.err, "probing %s; writes: %s\n", report.Clean(t.Base.Redacted()), t.Writes.Text(len(p.Unsent(t.Writes, given, t.Reference)), p.Endpoints()))
}

// run sends the plan, shows the progress, and judges.
func (a *app) run(ctx context.Context, ref string, p *conformance.Plan, t conformance.Target, f *probeFlags) (*conformance.Report, error) {
	var known *report.Known
	if f.known != "" {
		var err error
		if known, err = report.LoadKnown(f.known); err != nil {
			return nil, fmt.Errorf("known findings: %w", err)
		}
	}
	if !t.Reference {
		release, err := takeLease(t.Base, p)
		if err != nil {
			return nil, err
		}
		defer release()
	}
	started := time.Now()
	bodies, closeTapes, err := f.tapes(&t, started)
	if err != nil {
		return nil, err
	}
	if t.Journal, err = f.openJournal(p, &t, started); err != nil {
		return nil, err
	}
	resumed := 0
	if t.Journal != nil {
		if resumed = t.Journal.Resumed; resumed > 0 {
			fmt.Fprintf(a.err, "note: going on with a run that began at %s: %s known already\n", t.Journal.Started.Local().Format(time.DateTime), plural(resumed, "answer"))
		}
		started = t.Journal.Started
	}
	t.Seed = f.seed
	t.Scripts = cmp.Or(f.scripts, &script.Dir{}) // which has the statements about vendors
	t.Progress = a.progress()
	answers, sent, err := conformance.Run(ctx, p, t)
	if t.Journal != nil {
		if closing := t.Journal.Close(err == nil && answers.Cut == ""); err == nil {
			err = closing
		}
	}
	if closing := closeTapes(); err == nil {
		err = closing
	}
	if err != nil {
		return nil, err
	}
	r := &conformance.Report{
		Result: conformance.Judge(p, answers), Sent: sent, Target: t.Base, Credentials: t.Credentials, Reference: t.Reference, CatalogRef: ref,
		Times: conformance.Times{Started: started.UTC().Format(time.RFC3339), Ended: time.Now().UTC().Format(time.RFC3339)},
		Tool:  version(), Revision: catalogRevision(ctx, ref), Seed: f.seed, Writes: cmp.Or(t.Writes, conformance.WritesNone), Resumed: resumed, Bodies: bodies,
	}
	r.Accept(known, time.Now())
	return r, nil
}

// Kinds of evidence.
const (
	evidenceDigest = "digest"
	evidenceFull   = "full"
)

// tapes opens what takes down whole exchanges. bodies is the folder of the bodies.
func (f *probeFlags) tapes(t *conformance.Target, now time.Time) (bodies string, closeAll func() error, err error) {
	var tapes conformance.Tapes
	var closers []io.Closer
	if f.evidence == evidenceFull {
		bodies = cmp.Or(f.evidenceFolder, "permcheck-evidence-"+now.UTC().Format("20060102T150405"))
		folder, err := conformance.NewBodyFolder(bodies)
		if err != nil {
			return "", nil, fmt.Errorf("--evidence full: %w: name a new folder with --evidence-dir", err)
		}
		tapes, closers = append(tapes, folder), append(closers, folder)
	}
	if f.har != "" {
		har, err := conformance.NewHAR(f.har, version())
		if err != nil {
			return "", nil, fmt.Errorf("--har: %w", err)
		}
		tapes, closers = append(tapes, har), append(closers, har)
	}
	if len(tapes) > 0 {
		t.Tape = tapes
	}
	return bodies, func() error {
		var first error
		for _, c := range closers {
			if err := c.Close(); first == nil && err != nil {
				first = fmt.Errorf("keeping what was sent and answered: %w", err)
			}
		}
		return first
	}, nil
}

// openJournal opens the journal of a run that is to be gone on with where it is killed; nil:
// it has none.
func (f *probeFlags) openJournal(p *conformance.Plan, t *conformance.Target, now time.Time) (*conformance.Journal, error) {
	path := f.journal
	if t.Reference || path == "" && f.depth != depthExhaustive {
		return nil, nil // the reference server ends with the run
	}
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for the journal: %w: name a file with --journal", err)
		}
		path = filepath.Join(dir, "permcheck", "journal", fileName(t.Base.Host+t.Base.Path+"-"+p.Hash[:16]+f.shardName())+".jsonl")
	}
	settings := fmt.Sprintf("writes %s, seed %d, permcheck %s", t.Writes, f.seed, version())
	j, err := conformance.OpenJournal(path, p, t.Base.String(), settings, now)
	if err != nil {
		return nil, fmt.Errorf("--journal: %w", err)
	}
	return j, nil
}

// shardName tells the files of shards apart that run side by side; empty for a whole run.
func (f *probeFlags) shardName() string {
	if f.part.N == 0 {
		return ""
	}
	return fmt.Sprintf("-%dof%d", f.part.K, f.part.N)
}

// fileName makes the name of a file of an address.
func fileName(address string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`:/[]\?*"<>|`, r) {
			return '_'
		}
		return r
	}, address)
}

// catalogRevision is the revision of version control that a catalog is of; empty where there
// is none. A catalog that differs from it is marked so.
func catalogRevision(ctx context.Context, ref string) string {
	if strings.HasPrefix(ref, catalogs.VendorPrefix) || !onDisk(ref) {
		return ""
	}
	dir, name := filepath.Split(ref)
	dir = cmp.Or(dir, ".")
	head, err := witness.Git(ctx, "-C", dir, "rev-parse", "HEAD")
	if err != nil {
		return ""
	}
	revision := strings.TrimSpace(string(head))
	if changed, err := witness.Git(ctx, "-C", dir, "status", "--porcelain", "--", name); err != nil || len(bytes.TrimSpace(changed)) > 0 {
		revision += " with changes"
	}
	return revision
}

// policy is what of the target the run may change: what the flag says, else what the profile
// says. Where the target is says nothing about whose it is, so that nothing is inferred from that.
func (f *probeFlags) policy(profile *keyring.Profile, writesGiven bool) conformance.WritePolicy {
	switch {
	case writesGiven:
		return conformance.WritePolicy(f.writes)
	case profile.Writes != "":
		return profile.Writes
	case profile.Environment == disposable:
		return conformance.WritesDisposable
	}
	return conformance.WritesNone
}

// disposable is the environment of a target that is there for runs alone.
const disposable = "disposable"

// toMake is how many keys the run may make besides the profile's: to make one is to write.
func (f *probeFlags) toMake(profile *keyring.Profile, writesGiven bool) int {
	if !profile.Mints() || f.policy(profile, writesGiven) == conformance.WritesNone || f.clean || f.keys > 0 {
		return 0
	}
	return f.makeKeys
}

// options adds what the flags say to those of a plan.
func (f *probeFlags) options(o conformance.PlanOptions) conformance.PlanOptions {
	o.Exhaustive = f.depth == depthExhaustive
	if f.scripts != nil {
		o.Scripts = f.scripts.Scripts
	}
	return o
}

// startBrowser starts a browser for the checks of CORS where it is asked for and there is one.
func (a *app) startBrowser(ctx context.Context, f *probeFlags, t *conformance.Target) (stop func(), err error) {
	if !f.browser {
		return func() {}, nil
	}
	b, err := browser.Start(ctx)
	if errors.Is(err, browser.ErrNone) {
		fmt.Fprintf(a.err, "note: --browser: %v; what pages can read is told by headers alone\n", err)
		return func() {}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--browser: %w", err)
	}
	t.Browser = b
	return b.Close, nil
}

// progress returns a function that moves a bar on standard error; nil when that is no
// terminal.
func (a *app) progress() func(done, total int) {
	if !isTerminal(a.err) {
		return nil
	}
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription("probing"),
		progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(50*time.Millisecond))
	var once sync.Once
	return func(_, total int) {
		once.Do(func() { bar.ChangeMax(total) })
		_ = bar.Add(1) // a bar that cannot be drawn is no reason to stop
	}
}

// verdict is the end of a run whose report is printed.
func (a *app) verdict(r *conformance.Report) error {
	if r.Answers.Cut != "" {
		return &partialError{"the run was cut short: " + r.Answers.Cut}
	}
	if len(r.Void) > 0 {
		return &partialError{"these keys are refused where the catalog admits them as if they were unknown; check their secrets: " + strings.Join(r.Void, ", ")}
	}
	if r.Plan.Shard().N > 1 && r.Total() == 0 && r.Count[conformance.Fail] == 0 {
		return nil // a catalog of few rows leaves some shards without any
	}
	findings := r.Findings()
	if r.Reference && len(findings) == 0 && r.Proven+r.Failed < r.Total() {
		return &partialError{fmt.Sprintf("proven %d of %d", r.Proven, r.Total())}
	}
	told := slices.ContainsFunc(r.Statements(), func(s conformance.StatementResult) bool { return s.Outcome == conformance.Told })
	if r.Proven+r.Failed == 0 && (r.Total() > 0 || r.Count[conformance.Pass]+r.Count[conformance.Fail] == 0 && !told) {
		return &partialError{"nothing was proven"}
	}
	list := slices.Clone(r.About)
	for _, f := range findings {
		list = append(list, &f.Finding)
	}
	return a.result(list)
}

// probeTarget probes a server of the user's with the keys of a profile.
func (a *app) probeTarget(ctx context.Context, ref string, c *catalogs.Catalog, f *probeFlags, checks []*conformance.Check, writesGiven bool) error {
	if f.plan {
		profile, err := keyring.LoadProfile(f.profile, c)
		if err != nil {
			return err
		}
		if err := sameCatalog(ref, profile); err != nil {
			return err
		}
		if m, err := manners(ref, c); err != nil {
			return err
		} else if m != nil {
			profile.Under(m)
		}
		p, err := conformance.NewPlan(c, f.options(conformance.PlanOptions{Keys: profile.PlanKeys(), Make: f.toMake(profile, writesGiven), Unmade: f.unmade, Refused: profile.Refused, LeaveOut: profile.LeaveOut(), Checks: checks}))
		if err != nil {
			return err
		}
		p.Take(f.part)
		w := f.policy(profile, writesGiven)
		return a.printPlan(p, f.keys, w, p.Unsent(w, profile.Given(), false))
	}
	p, t, profile, err := a.target(ctx, ref, c, f, checks, writesGiven)
	if err != nil {
		return err
	}
	ledger, left, err := openLedger(f, &t)
	if err != nil {
		return err
	}
	if ledger != nil {
		t.Ledger = ledger
	}
	if f.clean {
		return a.clean(ctx, p, t, ledger, left)
	}
	if len(left) > 0 {
		fmt.Fprintf(a.err, "note: earlier runs have left %s at %s: permcheck probe ... --clean takes them away\n", plural(len(left), "thing"), t.Base.Host)
	}
	stopBrowser, err := a.startBrowser(ctx, f, &t)
	if err != nil {
		return err
	}
	defer stopBrowser()
	a.announce(p, t, profile.Given())
	r, err := a.run(ctx, ref, p, t, f)
	var unmade *conformance.UnmadeError
	if errors.As(err, &unmade) {
		if ledger != nil {
			if err := ledger.Close(len(left)); err != nil {
				return fmt.Errorf("the ledger: %w", err)
			}
		}
		fmt.Fprintf(a.err, "note: %s; what it would prove stays open\n", report.Clean(unmade.Error()))
		f.unmade = append(f.unmade, unmade.Grants...)
		return a.probeTarget(ctx, ref, c, f, checks, writesGiven)
	}
	if err != nil {
		return err
	}
	if ledger != nil {
		if err := ledger.Close(len(left) + len(r.Left)); err != nil {
			return fmt.Errorf("the ledger: %w", err)
		}
	}
	if f.calibrate {
		return a.calibrated(r, profile)
	}
	r.Require = conformance.Require(profile.Require)
	return a.finish(r)
}

// signIn makes the target of a profile: its keys, limits, writes and what makes keys.
func (a *app) signIn(ctx context.Context, profile *keyring.Profile, p *conformance.Plan, f *probeFlags, writesGiven bool) (conformance.Target, error) {
	t := conformance.Target{Limits: profile.Limits, Disposable: profile.Environment == disposable, Control: profile.Control,
		BuildHeader: profile.BuildHeader, Dialect: profile.Dialect, Bodies: profile.Bodies, Within: profile.Within}
	target, err := keyring.ParseTarget(f.target)
	if err != nil {
		return t, fmt.Errorf("--target: %w", err)
	}
	t.Base = target
	if profile.Target != nil && profile.Target.Host != target.Host {
		return t, fmt.Errorf("%s: the profile is for %s, but --target is %s: name the same host", profile.Pos("target"), profile.Target.Host, target.Host)
	}
	t.Writes = f.policy(profile, writesGiven)
	if profile.Environment == "production" {
		if t.Writes != conformance.WritesNone {
			return t, fmt.Errorf("--writes %s: the profile says environment: production, which is sent reads only", t.Writes)
		}
		if f.allowProduction != target.Host {
			return t, fmt.Errorf("the profile says environment: production: add --allow-production %s to send it reads", target.Host)
		}
	}
	overrideLimits(&t.Limits, f.limits)
	if f.openapi != "" {
		data, err := openapi.ReadFile(f.openapi)
		if err != nil {
			return t, err
		}
		made, err := full.Bodies(f.openapi, data)
		if err != nil {
			return t, err
		}
		a.doubtBodies(f.openapi, made.Doubts)
		t.Bodies = made.Bodies
		maps.Copy(t.Bodies, profile.Bodies) // what somebody wrote for this target wins
	}
	profile.Secrets, t.Secrets = a.secrets, a.secrets
	if t.Credentials, err = profile.SignIn(ctx, p, target); err != nil {
		return t, err
	}
	if t.Provisioner, err = profile.Provisioner(ctx, target); err != nil {
		return t, err
	}
	a.warnShort()
	t.Marked = profile.Marked(p, t.Credentials)
	t.Objects = profile.Objects(p, t.Credentials, target)
	return t, nil
}

// doubtBodies says for which operations of a document no body could be made.
func (a *app) doubtBodies(file string, doubts []full.Doubt) {
	const most = 10
	for i, d := range doubts {
		if i == most {
			fmt.Fprintf(a.err, "note: %s: %d more operations have no checked body; give bodies in the profile\n", report.Clean(file), len(doubts)-most)
			return
		}
		fmt.Fprintf(a.err, "note: %s: %s\n", report.Clean(file), report.Clean(d.String()))
	}
}

// warnShort warns once of secrets that are too short to be found inside of other words.
func (a *app) warnShort() {
	names := a.secrets.Short()
	if len(names) == 0 || a.warned {
		return
	}
	a.warned = true
	fmt.Fprintf(a.err, "warning: %s of less than %d characters (%s): reports hide such a secret only where it is a whole word; use longer secrets\n",
		plural(len(names), "secret"), redact.Long, report.Clean(strings.Join(names, ", ")))
}

// learnAddress makes known what stands in an address before its host: it is a secret, even where
// the address is refused for it.
func (a *app) learnAddress(address string) {
	_, rest, _ := strings.Cut(address, "//")
	host, _, _ := strings.Cut(rest, "/")
	if _, port, ok := strings.Cut(host, ":"); strings.Contains(host, "@") || !ok || strings.Trim(port, "0123456789") == "" {
		rest = host // else a password with a slash, which no address may have
	}
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return
	}
	user, password, _ := strings.Cut(rest[:at], ":")
	for _, part := range []string{password, user} {
		a.secrets.Add(redact.Secret{Name: "the_address", Value: part})
		if plain, err := url.PathUnescape(part); err == nil {
			a.secrets.Add(redact.Secret{Name: "the_address", Value: plain})
		}
	}
}

// openLedger opens the ledger of a target and returns what earlier runs have left there. A run
// that makes nothing needs none: it is nil then, unless there is one already.
func openLedger(f *probeFlags, t *conformance.Target) (*conformance.FileLedger, []conformance.Made, error) {
	path := f.ledger
	if path == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return nil, nil, fmt.Errorf("no place for the ledger of what runs make: %w: name one with --ledger", err)
		}
		path = filepath.Join(dir, "permcheck", "ledger", fileName(t.Base.Host+t.Base.Path+f.shardName())+".jsonl")
	}
	if _, err := os.Stat(path); err != nil && t.Writes == conformance.WritesNone && !f.clean {
		return nil, nil, nil
	}
	ledger, left, err := conformance.OpenLedger(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the ledger of what runs make: %w: name another with --ledger", err)
	}
	return ledger, left, nil
}

// clean takes away what earlier runs have left.
func (a *app) clean(ctx context.Context, p *conformance.Plan, t conformance.Target, ledger *conformance.FileLedger, left []conformance.Made) error {
	failed := conformance.Clean(ctx, p, t, left)
	if err := ledger.Close(len(failed)); err != nil {
		return fmt.Errorf("the ledger: %w", err)
	}
	out := a.secrets.Writer(a.out)
	fmt.Fprintf(out, "took away %s that earlier runs had left at %s\n", plural(len(left)-len(failed), "thing"), report.Clean(t.Base.Host))
	for _, line := range failed {
		fmt.Fprintf(out, "not cleaned up: %s\n", report.Clean(line))
	}
	if len(failed) > 0 {
		return &partialError{plural(len(failed), "thing") + " could not be cleaned up"}
	}
	return nil
}

// calibrated prints the forms of refusal that a run learned, and writes them into a profile
// that states none.
func (a *app) calibrated(r *conformance.Report, profile *keyring.Profile) error {
	block := r.RefusedBlock()
	if block == "" {
		fmt.Fprintln(a.err, r.FirstLine())
		return &partialError{"no form of refusal was learned: every one is stated already, or nothing was refused for sure"}
	}
	fmt.Fprint(a.secrets.Writer(a.out), block)
	if profile.Pos("refused").IsValid() {
		fmt.Fprintf(a.err, "note: %s states some forms already; put what is new there yourself\n", profile.Pos("refused"))
		return nil
	}
	f, err := os.OpenFile(profile.File, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("\n# Learned from %s on %s by permcheck probe --calibrate: review it.\n%s", r.Target.Host, r.Times.Ended[:len("2006-01-02")], block)
	if _, err = f.WriteString(text); err == nil {
		err = f.Close()
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "written to %s: review it; from now on another form is a finding\n", profile.File)
	if n := len(r.Findings()); n > 0 {
		fmt.Fprintf(a.err, "note: there are %s besides; probe without --calibrate shows them\n", plural(n, "finding"))
	}
	return nil
}

// sameCatalog refuses a profile that was written for another catalog than the one that
// was named. What comes from standard input cannot be compared.
func sameCatalog(ref string, profile *keyring.Profile) error {
	if profile.Catalog == "" || ref == "-" || ref == profile.Catalog {
		return nil
	}
	if mine, err := os.Stat(ref); err == nil {
		if theirs, err := os.Stat(profile.Catalog); err == nil && os.SameFile(mine, theirs) {
			return nil
		}
	}
	return fmt.Errorf("%s: the profile is for catalog %s, but CATALOG is %s: name the same one", profile.Pos("catalog"), profile.Catalog, ref)
}

// overrideLimits lets flags win over the profile.
func overrideLimits(l *conformance.Limits, flags conformance.Limits) {
	l.Connections = cmp.Or(flags.Connections, l.Connections)
	l.Rate = cmp.Or(flags.Rate, l.Rate)
	l.Timeout = cmp.Or(flags.Timeout, l.Timeout)
	l.Deadline = cmp.Or(flags.Deadline, l.Deadline)
	l.Requests = cmp.Or(flags.Requests, l.Requests)
}

// startReference runs "permcheck serve" of this same program, which is told its catalog,
// its faults and, by the environment, the admin token. It ends with this process: its
// standard input then ends.
func startReference(ctx context.Context, ref string, text []byte, faults, switches []string) (*served, string, func(), error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, "", nil, fmt.Errorf("finding this program to start the reference server: %w", err)
	}
	args := []string{"serve", ref, "--format", "json"}
	if ref == "-" {
		file, err := os.CreateTemp("", "permcheck-catalog-*.yaml")
		if err != nil {
			return nil, "", nil, err
		}
		defer os.Remove(file.Name())
		if _, err = file.Write(text); err == nil {
			err = file.Close()
		}
		if err != nil {
			return nil, "", nil, fmt.Errorf("handing the catalog to the reference server: %w", err)
		}
		args[1] = file.Name()
	}
	args = append(args, "--until-eof")
	for _, f := range faults {
		args = append(args, "--fault", f)
	}
	for _, sw := range switches {
		args = append(args, "--switch", sw)
	}
	token := rand.Text()
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Args[0] = cmp.Or(os.Args[0], exe) // a program that looks at its name sees the same one
	// It is told nothing else; SystemRoot is what sockets need on one system.
	cmd.Env = []string{adminTokenEnv + "=" + token, "SystemRoot=" + os.Getenv("SystemRoot")}
	cmd.WaitDelay = time.Second
	var problem bytes.Buffer
	cmd.Stderr = &problem
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, "", nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, "", nil, fmt.Errorf("starting the reference server: %w", err)
	}
	stop := func() {
		in.Close()
		_ = cmd.Wait() // it was told to end; how it did changes nothing any more
	}
	ready := make(chan error, 1)
	var s served
	go func() { ready <- json.NewDecoder(io.LimitReader(out, 1<<16)).Decode(&s) }()
	select {
	case err = <-ready:
	case <-time.After(startTimeout):
		err = fmt.Errorf("not ready after %s", startTimeout)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		stop()
		if said := strings.TrimSpace(problem.String()); said != "" {
			return nil, "", nil, errors.New(strings.TrimPrefix(said, "permcheck: "))
		}
		return nil, "", nil, fmt.Errorf("starting the reference server: %w", err)
	}
	return &s, token, stop, nil
}
