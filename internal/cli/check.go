package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
	"github.com/permcheck/permcheck/internal/witness"
)

// checkOptions are the flags of check.
type checkOptions struct {
	base, changedSince string
	services           []string
	known              string
	unstated           string
	refsBelow          string // as an absolute path; empty: none
	all                bool
	lenient            bool // what cannot be read is noted and left out, as of a base
}

func newCheck(a *app) *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Hold code, OpenAPI documents and catalog against each other: what CI runs",
		Long: `Check reads everything that .permcheck.yaml names (catalog, code, openapi), compares
each pair and prints one table: what each witness says an endpoint requires, and who
differs. With it come the findings of vet. What several comparisons show of one
endpoint is one finding.

A repository with several services names them under services. One with nothing to
compare is exit code 2, and what is missing is said.

With --base REV only what REV does not have counts, wherever it moved: findings are
told apart by what they are about, and one registration more that cannot be read is
one finding more. Each document and the code are also compared with themselves in REV, so
that what no catalog can say is gated too: another credential, an endpoint that it does not
list. To weaken on purpose, change the row of the catalog in the same change. What only the
new state excuses, and what only REV reads, is gate-loosened.

With --validate what the OpenAPI specification forbids in the documents is reported as
document-invalid, a warning with its place.

Exit code 0: nothing at or above --fail-on. 1: something. 2: nothing was compared, or
not all could be read.`,
		Example: `  permcheck check
  permcheck check --base origin/main --format github
  permcheck check --changed-since origin/main --fail-on warning
  permcheck check --service positions --format sarif > permcheck.sarif
  permcheck check --validate
  permcheck check --strict                 # on the default branch`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.base, "base", "", "git revision to compare with: only findings that it does not have count")
	f.StringArrayVar(&o.services, "service", nil, "check only the service of this `name`; repeatable")
	f.StringVar(&o.changedSince, "changed-since", "", "check only services of which a file differs from this git `revision`")
	f.BoolVar(&o.all, "all", false, "list the endpoints on which all agree too")
	f.StringVar(&o.unstated, "unstated", "", "what to do with operations that demand a credential but name no permission: count (the default), or error")
	a.sourceFlags(cmd)
	a.validateFlag(cmd)
	knownFlag(cmd, &o.known)
	a.strictFlag(cmd)
	a.failOnFlag(cmd)
	a.formatFlag(cmd, append([]string{"text", "json", "html"}, report.Formats...)...)
	return cmd
}

func (a *app) check(cmd *cobra.Command, o checkOptions) error {
	ctx := cmd.Context()
	config, err := catalogs.FindConfig(".")
	if err != nil {
		return err
	}
	if config.FailOn != "" && !cmd.Flags().Changed("fail-on") {
		if err := a.failOn.Set(config.FailOn); err != nil {
			return err
		}
	}
	if err := adjust(config); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if config.Path != "" {
		root = filepath.Dir(config.Path)
	}
	if a.refsBelow != "" {
		if o.refsBelow, err = filepath.Abs(a.refsBelow); err != nil {
			return err
		}
	}
	services, left, err := selected(ctx, root, config, o)
	if err != nil {
		return err
	}
	var notes []string
	if len(left) > 0 {
		notes = append(notes, fmt.Sprintf("left out: %s", strings.Join(left, ", ")))
		if len(services) == 0 {
			notes[0] += ": no file of " + map[bool]string{true: "it", false: "them"}[len(left) == 1] + " differs from " + o.changedSince
		}
	}
	if len(services) == 0 {
		return a.writeCheck(&checked{config: config, notes: notes}, o)
	}

	var base *baseSide
	if o.base != "" {
		if base, err = a.openBase(ctx, root, config, names(services), o); err != nil {
			return err
		}
		defer base.remove()
		a.stricter(cmd, base.config, &o)
		if err := adjustStricter(base.config, config); err != nil {
			return err
		}
	}
	baseCtx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() { // both states are read at the same time
		defer close(done)
		if base != nil {
			base.read(baseCtx, a, o)
		}
	}()
	now, err := a.readRepository(ctx, root, config, services, o)
	if err == nil {
		err = now.compare()
	}
	if err != nil {
		stop()
		<-done
		return err
	}
	<-done
	if base != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := now.gate(base); err != nil {
			return err
		}
	}
	if wd, err := os.Getwd(); err == nil {
		now.seenFrom(wd)
	}
	now.notes = append(now.notes, notes...)
	if err := now.accept(a, o, len(left) > 0); err != nil {
		return err
	}
	if base != nil {
		now.since(base.checked)
		now.notes = append(now.notes, base.notes...)
	}
	if err := a.writeCheck(now, o); err != nil {
		return err
	}
	if now.program != nil {
		if err := readAll(now.program.Program, a.err); err != nil {
			return err
		}
	}
	if len(now.empty) > 0 {
		return &partialError{strings.Join(now.empty, "; ")}
	}
	return a.result(now.findings())
}

// selected returns the services to check, and the names of those that are left out. A
// repository without services has one without a name.
func selected(ctx context.Context, root string, config *catalogs.Config, o checkOptions) (services []catalogs.Service, left []string, err error) {
	all := slices.Clone(config.Services)
	if len(all) == 0 {
		if len(o.services) > 0 {
			return nil, nil, fmt.Errorf("--service %s: %s has no services", o.services[0], catalogs.ConfigName)
		}
		all = []catalogs.Service{config.Service}
	}
	for _, name := range o.services {
		if !slices.Contains(names(all), name) {
			hint := ""
			if near := strictyaml.Nearest(name, names(all)); near != "" {
				hint = fmt.Sprintf(": did you mean %s?", near)
			}
			return nil, nil, fmt.Errorf("--service %q: %s has %s%s", name, catalogs.ConfigName, strings.Join(names(all), ", "), hint)
		}
	}
	var changed *changes
	if o.changedSince != "" {
		if changed, err = changedSince(ctx, root, o.changedSince); err != nil {
			return nil, nil, err
		}
		changed.refsBelow = o.refsBelow
	}
	for _, s := range all {
		if s.Catalog == "" {
			s.Catalog = config.Catalog
		}
		s.Code = codeOf(root, config, s)
		s.Document = append(slices.Clone(s.Document), s.Gateway...)
		in := len(o.services) == 0 || slices.Contains(o.services, s.Name)
		if in && changed != nil {
			if in, err = changed.touch(ctx, config, s); err != nil {
				return nil, nil, err
			}
		}
		switch {
		case in:
			services = append(services, s)
		case s.Name == "":
			left = append(left, "everything")
		default:
			left = append(left, s.Name)
		}
	}
	return services, left, nil
}

func names(services []catalogs.Service) []string {
	out := make([]string, len(services))
	for i, s := range services {
		out[i] = s.Name
	}
	return out
}

// codeOf returns the package patterns of a service. A repository of one service has all
// packages below it, unless it says otherwise.
func codeOf(root string, config *catalogs.Config, s catalogs.Service) []string {
	if len(s.Code) > 0 || len(config.Services) > 0 || !witness.InModule(root) && len(witness.ModulesBelow(root)) == 0 {
		return s.Code
	}
	source := false // a folder of documents in a module has no package
	witness.FilesBelow(root, func(_, name string) { source = source || strings.HasSuffix(name, ".go") })
	if !source {
		return nil
	}
	return []string{"./..."}
}

// errNothing says what a repository lacks that check could compare.
func errNothing(units []*unit, config *catalogs.Config) error {
	var b strings.Builder
	b.WriteString("nothing to compare: ")
	for i, u := range units {
		if i > 0 {
			b.WriteString("; ")
		}
		if u.Name != "" {
			b.WriteString(u.Name + ": ")
		}
		b.WriteString(strings.Join(u.missing(), ", "))
	}
	where := config.Path
	if where == "" {
		where = "a file " + catalogs.ConfigName
	} else {
		where = filepath.Base(where)
	}
	b.WriteString("\nname at least two of catalog:, code: and openapi: in " + where + "; permcheck catalog init writes a first catalog from code or from an OpenAPI document")
	return errors.New(b.String())
}
