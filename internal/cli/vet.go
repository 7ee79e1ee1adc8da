package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/analyzers/cors"
	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/recordfilter"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/vettool"
	"github.com/permcheck/permcheck/internal/witness"
)

func newVet(a *app) *cobra.Command {
	var opts witness.GoOptions
	var known, base string
	var fix, diff bool
	cmd := &cobra.Command{
		Use:   "vet [PACKAGES]",
		Short: "Hold the routes of Go packages against the catalog",
		Long: `Hold the routes that Go packages register, and the permissions that guard them,
against the catalog that .permcheck.yaml or --catalog names. PACKAGES are patterns as
for the go command; ./... by default.

A function that is given permissions of the catalog is a guard; .permcheck.yaml can
name others. Without a catalog, vet counts what it finds and reports only routes that
lack the guard that all their siblings have.

The same checks, a package at a time, run as
  go vet -vettool=$(which permcheck-vet) ./...
whose exit code is the go command's: 1 for any finding, 0 with -json. There a route
that an exported function hands out is left to the packages that import it, and
catalog rows without a route are not looked for: only vet sees the whole program.

Exit code 0: nothing at or above --fail-on. 1: something. 2: a package could not be read.`,
		Example: `  permcheck vet ./...
  permcheck vet --catalog api/permissions.yaml ./internal/...
  permcheck vet --fail-on warning --format json ./... > vet.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if diff {
				return a.goFix(cmd.Context(), args, opts, "-fix", "-diff")
			}
			if fix {
				if err := a.goFix(cmd.Context(), args, opts, "-fix"); err != nil {
					return err
				}
			}
			return a.vet(cmd, args, opts, known, base)
		},
	}
	cmd.Flags().StringVar(&opts.Catalog, "catalog", "", "the catalog, a file or vendor:NAME; overrides .permcheck.yaml")
	cmd.Flags().StringVar(&base, "base", "", "git revision to compare with: only findings that it does not have are reported")
	cmd.Flags().BoolVar(&fix, "fix", false, "apply suggested fixes first, such as the right spelling of a permission")
	cmd.Flags().BoolVar(&diff, "diff", false, "only print the suggested fixes as a diff; exit 1 if there are any")
	knownFlag(cmd, &known)
	a.strictFlag(cmd)
	a.failOnFlag(cmd)
	a.formatFlag(cmd, append([]string{"text", "json"}, report.Formats...)...)
	return cmd
}

// vetRules are the rules that vet reports.
var vetRules = map[string]bool{
	"undeclared": true, "unknown-permission": true, "mismatch": true, "stricter": true,
	"route-not-in-catalog": true, "endpoint-without-route": true, "unresolved": true, "takes-over-stricter": true, "answered-by-weaker": true,
	"record-filter-missing": true, "cors-opened": true, "guard-too-late": true, "declarations-disagree": true, "ignore-without-reason": true, "ignore-unmatched": true,
}

// goFix lets the go command apply the analyzers' suggested fixes, or print them.
func (a *app) goFix(ctx context.Context, patterns []string, opts witness.GoOptions, flags ...string) error {
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	tool, err := vettool.Path()
	if err != nil {
		return err
	}
	args := append([]string{"vet", "-vettool=" + tool}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(append(args, "--"), patterns...)...)
	cmd.Env = os.Environ()
	if opts.Catalog != "" {
		ref := opts.Catalog
		if !strings.HasPrefix(ref, catalogs.VendorPrefix) {
			if ref, err = filepath.Abs(ref); err != nil {
				return err
			}
		}
		cmd.Env = append(cmd.Env, guards.CatalogEnv+"="+ref)
	}
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = a.out, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	if slices.Contains(flags, "-diff") && errors.As(err, &exit) && stderr.Len() == 0 {
		return errFindings // the exit code says that the diff is not empty
	}
	if err != nil {
		return witness.GoFailure(stderr.String(), err)
	}
	return nil
}

// vetSummary counts what vet saw.
type vetSummary struct {
	Routes     int `json:"routes"`
	Guarded    int `json:"guarded"`    // demand a permission
	Public     int `json:"public"`     // declared to need none
	Undeclared int `json:"undeclared"` // declare nothing
	Unread     int `json:"unread"`     // demand something that could not be read
	Ignored    int `json:"ignored"`    // excused by ignore-routes
	Unresolved int `json:"unresolved"` // registrations that could not be read
	Unverified int `json:"unverified"` // routes that were not compared: the catalog says unknown
	Known      int `json:"known"`      // findings that the file of known findings accepts
	Base       int `json:"base"`       // findings that the base has too
	Errors     int `json:"package_errors"`
}

func (a *app) vet(cmd *cobra.Command, args []string, opts witness.GoOptions, known, base string) error {
	p, err := loadGo(cmd.Context(), ".", args, opts)
	if err != nil {
		return err
	}
	if err := adjust(p.Settings.Config); err != nil {
		return err
	}
	if f := p.Settings.Config.FailOn; f != "" && !cmd.Flags().Changed("fail-on") {
		if err := a.failOn.Set(f); err != nil {
			return err
		}
	}
	findings, sum := p.vet()
	if whole := len(args) == 0 || len(args) == 1 && args[0] == "./..."; whole && len(p.Errors) == 0 && len(p.Settings.Config.Services) == 0 && len(p.Settings.Config.Document) == 0 {
		findings = append(findings, unusedExcuses(p.Settings.Config, p.excuses, ".")...)
	}
	if known == "" {
		known = p.Settings.Config.Known
	}
	if findings, sum.Known, err = applyKnown(known, findings, vetRules); err != nil {
		return err
	}
	if base != "" {
		before, err := baseFindings(cmd.Context(), base, args, opts)
		if err != nil {
			return err
		}
		findings, sum.Base = newSince(findings, before)
	}
	switch {
	case a.format == "json":
		if findings == nil {
			findings = []*report.Finding{}
		}
		if err := a.writeJSON(struct {
			Version  int               `json:"version"`
			Findings []*report.Finding `json:"findings"`
			Summary  vetSummary        `json:"summary"`
		}{1, findings, sum}); err != nil {
			return err
		}
	case a.format != "text":
		if err := p.report(findings).Write(a.out, a.format); err != nil {
			return err
		}
	default:
		st := a.styles()
		for _, f := range findings {
			st.WriteFinding(a.out, f)
		}
		fmt.Fprintln(a.out, sum.text())
		p.next(a, sum)
	}
	if err := readAll(p.Program, a.err); err != nil {
		return err
	}
	return a.result(findings)
}

func (s vetSummary) text() string {
	parts := []string{fmt.Sprintf("%d routes, %d guarded, %d not, %d unread", s.Routes, s.Guarded, s.Undeclared, s.Unread+s.Unresolved)}
	if s.Public > 0 {
		parts = append(parts, fmt.Sprintf("%d declared public", s.Public))
	}
	if s.Unverified > 0 {
		parts = append(parts, fmt.Sprintf("%d unverified (the catalog says unknown)", s.Unverified))
	}
	if s.Ignored > 0 {
		parts = append(parts, fmt.Sprintf("%d ignored by .permcheck.yaml", s.Ignored))
	}
	if s.Known > 0 {
		parts = append(parts, plural(s.Known, "known finding")+" suppressed")
	}
	if s.Base > 0 {
		parts = append(parts, plural(s.Base, "finding")+" of the base left out")
	}
	return strings.Join(parts, ", ")
}

// report is the findings for the formats that all commands share.
func (p *goProgram) report(findings []*report.Finding) *report.Report {
	r := &report.Report{Command: "vet", Version: version(), Findings: findings, Anchor: "go.mod"}
	if p.Settings.Catalog != nil {
		r.Anchor = p.Settings.Catalog.File
	}
	found := map[string]bool{}
	for _, f := range findings {
		found[f.Subject] = true
	}
	for _, route := range p.Routes {
		if s := route.Method + " " + p.SettingsOf(route).Path(route); !found[s] {
			r.Passed = append(r.Passed, s)
			found[s] = true
		}
	}
	if len(p.Errors) > 0 {
		r.Incomplete = fmt.Sprintf("%d packages could not be read", len(p.Errors))
	}
	return r
}

// next says what to do after the summary.
func (p *goProgram) next(a *app, sum vetSummary) {
	st := a.styles()
	say := func(format string, args ...any) {
		fmt.Fprintf(a.out, "%s %s\n", st.Note.Sprint("next:"), fmt.Sprintf(format, args...))
	}
	switch {
	case sum.Routes == 0 && sum.Unresolved == 0 && len(p.Errors) == 0:
		say("no routes of a router that is known are registered here (permcheck routes --help lists them); give the packages that register them")
	case p.Settings.Catalog == nil && !p.Divided():
		say("no catalog to hold the routes against: permcheck catalog init --output api/permissions.yaml writes a first one")
	}
}

// vet holds the whole program against its catalog.
func (p *goProgram) vet() ([]*report.Finding, vetSummary) {
	var out []*report.Finding
	seen := map[string]bool{}
	add := func(f *report.Finding) {
		key := f.Fingerprint() + f.Position.String()
		if !seen[key] {
			seen[key] = true
			out = append(out, f)
		}
	}
	sum := vetSummary{Unresolved: len(p.Unresolved), Errors: len(p.Errors)}
	like := p.guardLike()
	anyCatalog := p.Settings.Catalog != nil
	var problems []guards.Problem
	for _, r := range p.Routes {
		sum.Routes++
		s := p.SettingsOf(r)
		anyCatalog = anyCatalog || s.Catalog != nil
		ig, ignored := s.Ignored(r)
		switch {
		case ignored:
			if p.excuses == nil {
				p.excuses = map[string]bool{}
			}
			p.excuses[ig.Pattern] = true
			sum.Ignored++
			continue
		case r.Requires == nil && (s.Catalog != nil || !hasGuardLike(r, like)):
			sum.Undeclared++
		case r.Requires == nil:
			sum.Guarded++
		case r.Requires.IsUnknown():
			sum.Unread++
		case r.Requires.IsPublic():
			sum.Public++
		default:
			sum.Guarded++
		}
		if s.Unverified(r) {
			sum.Unverified++
		}
		problems = append(problems, s.Check(r)...)
		problems = append(problems, s.Unresolved(r)...)
		missing, unsure := recordfilter.Check(s, r, &p.Reaches)
		problems = append(append(problems, missing...), unsure...)
	}
	of := func(s *guards.Settings, problems ...guards.Problem) []guards.Problem {
		for i := range problems {
			problems[i].Service = s.Service.Name
		}
		return problems
	}
	for _, u := range p.Unresolved {
		problems = append(problems, of(p.SettingsAt(u.File), guards.UnreadRegistration(u))...)
	}
	for _, o := range p.Openings {
		s := p.SettingsAt(o.File)
		problems = append(problems, of(s, cors.Check(s, []cors.Opening{o})...)...)
	}
	if !anyCatalog {
		problems = append(problems, p.oddOnes(like)...)
	}
	if anyCatalog && len(p.Errors) == 0 {
		// With packages missing, a row without a route says nothing.
		problems = append(problems, p.withoutRoute()...)
	}
	problems, ignored, used := guards.Unignored(problems, p.Ignores)
	p.used = usedIgnores(p.Ignores, used)
	for _, pr := range ignored {
		p.excused = append(p.excused, p.finding(pr))
	}
	// With packages or the catalog missing, what they would say is missing too.
	problems = append(problems, guards.CheckIgnores(p.Ignores, used, func(guards.Ignore) bool { return len(p.Errors) > 0 || !anyCatalog })...)
	for _, pr := range problems {
		add(p.finding(pr))
	}
	slices.SortStableFunc(out, func(a, b *report.Finding) int {
		return cmp.Or(-cmp.Compare(a.Severity(), b.Severity()), cmp.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column), cmp.Compare(a.Rule, b.Rule))
	})
	return out, sum
}

// A servedTable is a catalog with the routes of the services that share it.
type servedTable struct {
	catalog  *catalogs.Catalog
	settings []*guards.Settings
	have     map[string]bool // keys of rows for which a route is registered
	routes   []*guards.Route
	table    catalogs.Table // of routes, by their index
}

// served returns a table for each catalog, by its file.
func (p *goProgram) served() map[string]*servedTable {
	tables := map[string]*servedTable{}
	of := func(s *guards.Settings) *servedTable {
		t := tables[s.Catalog.File]
		if t == nil {
			t = &servedTable{catalog: s.Catalog, have: map[string]bool{}}
			tables[s.Catalog.File] = t
		}
		if !slices.Contains(t.settings, s) {
			t.settings = append(t.settings, s)
		}
		return t
	}
	if p.Settings.Catalog != nil && !p.Divided() {
		of(p.Settings)
	}
	for _, r := range p.Routes {
		s := p.SettingsOf(r)
		if s.Catalog == nil {
			continue
		}
		t := of(s)
		for _, row := range s.Rows(r) {
			t.have[catalogs.EndpointKey(row.Method, row.Path)] = true
		}
		routed := r.Routed()
		t.table.Add(catalogs.Row{Method: r.Method, Path: cmp.Or(s.Spelled(r), catalogs.WithoutBase(s.Path(r))), Precedence: routed.Precedence, Seq: routed.Seq, ID: len(t.routes)})
		t.routes = append(t.routes, r)
	}
	return tables
}

// withoutRoute reports the catalog's rows that nothing serves, and those that are answered
// by something else. Services that share a catalog are asked together.
func (p *goProgram) withoutRoute() []guards.Problem {
	var out []guards.Problem
	tables := p.served()
	for _, file := range slices.Sorted(maps.Keys(tables)) {
		t := tables[file]
		for i := range t.catalog.Endpoints {
			e := &t.catalog.Endpoints[i]
			answer := t.table.Resolve(e.Method, e.Path)
			if t.have[catalogs.EndpointKey(e.Method, e.Path)] && !answer.Shadowed() ||
				!slices.ContainsFunc(t.settings, func(s *guards.Settings) bool { return s.Owns(e.Path) }) {
				continue
			}
			var by []*guards.Route
			for _, r := range answer.Rows {
				by = append(by, t.routes[r.ID])
			}
			s := t.settings[0]
			if len(by) > 0 {
				s = p.SettingsOf(by[0])
			}
			problem := s.Instead(e, by, answer.Own != nil)
			if problem == nil {
				continue
			}
			// A row that several services may serve is no one's.
			if owners := slices.DeleteFunc(slices.Clone(t.settings), func(s *guards.Settings) bool { return !s.Owns(e.Path) }); problem.Rule == guards.RuleNoRoute && len(owners) == 1 {
				problem.Service = owners[0].Service.Name
			}
			out = append(out, *problem)
		}
	}
	return out
}
