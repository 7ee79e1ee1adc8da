package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// diffFlags are the flags of diff as they were typed.
type diffFlags struct {
	scopes     []string
	extensions []string
	scheme     string
	implies    []string
	basePath   string
	unstated   string
	known      string
	grants     string
	service    string
}

func newDiff(a *app) *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "List what access changed between two catalogs, OpenAPI documents or Go sources",
		Long: `List what access changed between two sources.

OLD and NEW are each one of
  FILE          a catalog, or an OpenAPI document (2.0 to 3.2, YAML or JSON)
  'PATTERN'     several documents that describe one API together, such as 'api/**/*.yaml'
  FILE          Kong's declarative configuration
  -             a catalog or a document, on standard input
  https://...   a catalog or a document on the web
  vendor:NAME   a catalog that permcheck carries
  go:PATTERN    the routes that Go packages register and the permissions they declare
  run:FILE      what a running API was seen to require: the JSON report of permcheck probe
  REV:PATH      a file, or a pattern of files, as in a git revision: main:api/openapi.yaml
  REV:go:PATTERN  Go packages as they are in a git revision: main:go:./...

Two documents are compared in their own words, security schemes and scopes. Where a
catalog takes part, the document is first put into permissions: those of its permission
extension, else the scopes or roles of the security scheme that operations give any.

With --grants the report says who gains and who loses by each change. The file is a probe
profile, of which the keys' grants are read, or lists roles:

    permcheck: grants/1
    roles:
      partner-export: candidates:read & persons:delete
      admin: all

With --known, changes that a team has accepted are suppressed: a list of entries

    - {rule: requirement-weakened, endpoint: GET /jobs, was: A & B, now: A,
       reason: 'agreed in #123', owner: team-jobs, until: 2027-01-31}

With --validate what the OpenAPI specification forbids in NEW, and OLD does not have, is
reported as document-invalid, a warning. Versions 3.0 to 3.2 can be validated; of another one
that is said instead.

How documents are read may also be said under openapi in .permcheck.yaml; flags win.

Exit code 0: nothing at or above --fail-on. 1: something. 2: a source could not be read.`,
		Example: `  permcheck diff main:api/openapi.yaml api/openapi.yaml
  permcheck diff api/permissions.yaml api/openapi.yaml --permission-scheme oauth2
  permcheck diff vendor:personio openapi.yaml --base-path /v1
  permcheck diff api/permissions.yaml go:./...
  permcheck diff main:go:./... go:./...
  permcheck diff api/permissions.yaml run:probe.json
  permcheck diff 'main:api/*.yaml' 'api/*.yaml' --grants probe.yaml --format markdown
  permcheck diff old.json new.json --scopes any --implies "candidates:write=candidates:read"
  permcheck diff main:api/openapi.yaml api/openapi.yaml --validate
  permcheck diff old.yaml new.yaml --permission-extension x-required-roles:any-of-list --format json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("diff compares two sources, but %d given: permcheck diff OLD NEW", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := catalogs.FindConfig(".")
			if err != nil {
				return err
			}
			if err := adjust(config); err != nil {
				return err
			}
			flags.configure(&config.OpenAPI)
			if flags.basePath == "" {
				flags.basePath = config.BasePath["openapi"]
			}
			if f := config.FailOn; f != "" && !cmd.Flags().Changed("fail-on") {
				if err := a.failOn.Set(f); err != nil {
					return err
				}
			}
			if flags.known == "" {
				flags.known = config.Known
			}
			return a.diff(cmd.Context(), args[0], args[1], flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.scopes, "scopes", nil, "how several scopes in one alternative combine: all (the default) or any, or SCHEME=any for one scheme; repeatable")
	f.StringArrayVar(&flags.extensions, "permission-extension", nil, "an operation's `NAME:SHAPE` that names permissions; shapes: string, all-of-list, any-of-list, list-of-lists, operator-list, scheme-list, prose:REGEXP, ignore; repeatable")
	f.StringVar(&flags.scheme, "permission-scheme", "", "against a catalog: the security scheme whose scopes are permissions (default: the only one that operations give scopes or roles)")
	f.StringArrayVar(&flags.implies, "implies", nil, `what a permission or scope implies: "candidates:write=candidates:read", several separated by commas, * for any text; repeatable`)
	f.StringVar(&flags.basePath, "base-path", "", "put this `PATH` in front of each path that does not begin with it, instead of the base paths of servers")
	f.StringVar(&flags.unstated, "unstated", "", "against a catalog: what to do with operations that demand a credential but name no permission: count (the default), or error")
	f.StringVar(&flags.grants, "grants", "", "say who gains and who loses: a `FILE` with the keys of a probe profile, or with roles")
	f.StringVar(&flags.service, "service", "", "`NAME` of the service in reports; code scanning keeps the results of each apart")
	knownFlag(cmd, &flags.known)
	a.strictFlag(cmd)
	a.sourceFlags(cmd)
	a.validateFlag(cmd)
	a.failOnFlag(cmd)
	a.formatFlag(cmd, append([]string{"text", "json", "html"}, report.Formats...)...)
	return cmd
}

// configure takes what the flags leave open from .permcheck.yaml.
func (f *diffFlags) configure(c *catalogs.OpenAPIConfig) {
	if len(f.scopes) == 0 && c.Scopes != "" {
		f.scopes = []string{c.Scopes}
	}
	if f.scheme == "" {
		f.scheme = c.PermissionScheme
	}
	for _, name := range slices.Sorted(maps.Keys(c.PermissionExtensions)) {
		if !slices.ContainsFunc(f.extensions, func(e string) bool { return strings.HasPrefix(e, name+":") }) {
			f.extensions = append(f.extensions, name+":"+c.PermissionExtensions[name])
		}
	}
	for _, holder := range slices.Sorted(maps.Keys(c.Implies)) {
		f.implies = append(f.implies, holder+"="+strings.Join(c.Implies[holder], ","))
	}
	if f.unstated == "" {
		f.unstated = c.Unstated
	}
}

// options reads the flags.
func (f *diffFlags) options() (drift.Options, openapi.Options, error) {
	d := drift.Options{PermissionScheme: f.scheme, BasePath: f.basePath, Implies: map[string][]string{}}
	var o openapi.Options
	for _, s := range f.scopes {
		scheme, mode, named := strings.Cut(s, "=")
		if !named {
			mode = s
		}
		if mode != "all" && mode != "any" {
			return d, o, fmt.Errorf("--scopes %q: expected all, any, or SCHEME=any", s)
		}
		if !named {
			d.Scopes.Any = mode == "any"
			continue
		}
		if d.Scopes.ByScheme == nil {
			d.Scopes.ByScheme = map[string]bool{}
		}
		d.Scopes.ByScheme[scheme] = mode == "any"
	}
	for _, text := range f.extensions {
		e, err := openapi.ParseExtension(text)
		if err != nil {
			return d, o, fmt.Errorf("--permission-extension %w", err)
		}
		o.Extensions = append(o.Extensions, e)
	}
	for _, text := range f.implies {
		holder, implied, ok := strings.Cut(text, "=")
		holder = strings.TrimSpace(holder)
		if !ok || holder == "" || strings.TrimSpace(implied) == "" {
			return d, o, fmt.Errorf(`--implies %q: expected PERMISSION=IMPLIED, such as "candidates:write=candidates:read"`, text)
		}
		for _, i := range strings.Split(implied, ",") {
			d.Implies[holder] = append(d.Implies[holder], strings.TrimSpace(i))
		}
	}
	if f.basePath != "" && !strings.HasPrefix(f.basePath, "/") {
		return d, o, fmt.Errorf("--base-path %q: expected a path that begins with /", f.basePath)
	}
	switch f.unstated {
	case "", "count":
	case "error":
		d.ReportUnstated = true
	default:
		return d, o, fmt.Errorf("--unstated %q: expected count or error", f.unstated)
	}
	return d, o, nil
}

func (a *app) diff(ctx context.Context, from, to string, flags diffFlags) error {
	d, err := a.compareSources(ctx, from, to, flags)
	if err != nil {
		return err
	}
	if err := d.accept(flags.known); err != nil {
		return err
	}
	if err := d.write(a); err != nil {
		return err
	}
	if d.incomplete != nil {
		return d.incomplete
	}
	return a.result(d.findings())
}

// compareSources reads both sources and compares them.
func (a *app) compareSources(ctx context.Context, from, to string, flags diffFlags) (*diffReport, error) {
	opts, read, err := flags.options()
	if err != nil {
		return nil, err
	}
	if from == "-" && to == "-" {
		return nil, errors.New("both sides are -: standard input can be read only once; give one of them as a file")
	}
	if flags.grants != "" {
		if opts.Grants, err = loadGrants(flags.grants); err != nil {
			return nil, err
		}
	}
	old, now, err := a.reader(read).ReadBoth(ctx, from, to)
	if err != nil {
		return nil, err
	}
	result, err := drift.Compare(old.Side, now.Side, opts)
	if err != nil {
		return nil, err
	}
	described := func(s *witness.Reading) bool { return s.Document != nil && len(s.Document.Operations) > 0 } // webhooks, maybe
	if result.Summary.Old == 0 && result.Summary.New == 0 && len(result.Changes) == 0 && !(described(old) && described(now)) {
		return nil, &partialError{fmt.Sprintf("neither %s nor %s has an endpoint: nothing was compared", witness.Shown(from), witness.Shown(to))}
	}
	d := &diffReport{from: witness.Shown(from), to: witness.Shown(to), service: flags.service, grants: opts.Grants, result: result,
		others: beyond(now.Unread, old.Unread), rules: map[string]bool{}}
	if s := result.Silent; s != nil {
		d.incomplete = silent(s.Document.File, s)
	}
	for _, s := range []struct {
		of, against *witness.Reading
		file, other string
		endpoints   int
	}{{old, now, d.from, d.to, result.Summary.Old}, {now, old, d.to, d.from, result.Summary.New}} {
		if s.of.Document != nil && s.against.Catalog != nil && s.endpoints == 0 {
			d.incomplete = &partialError{fmt.Sprintf("%s has no operation: nothing was held against %s", s.file, s.other)}
		}
	}
	for _, f := range d.others {
		result.Summary.Problems = append(result.Summary.Problems, drift.Problem{Position: f.Position.String(), Message: f.Message})
	}
	for _, x := range result.Contradictions {
		d.others = append(d.others, drift.Contradicts(x))
	}
	forbidden, before := now.Invalid, old.Invalid
	if now.Document == nil {
		forbidden, before = old.Invalid, nil
	}
	d.others = append(d.others, newlyForbidden(forbidden, before)...)
	for _, id := range diffRules {
		d.rules[id] = true
	}
	d.rules[witness.InvalidRule] = a.validate
	for _, s := range []*witness.Reading{old, now} {
		if s.Program == nil {
			continue
		}
		// These are found in source only; another diff cannot miss them.
		d.rules["undeclared"], d.rules["unresolved"] = true, true
		if d.incomplete == nil {
			d.incomplete = readAll(s.Program, a.err)
		}
	}
	return d, nil
}

// silent is the error where a document could not be held against the catalog.
func silent(file string, s *drift.Silence) error {
	quoted := func(names ...string) string {
		for i, n := range names {
			names[i] = fmt.Sprintf("%q", report.Clean(n))
		}
		return strings.Join(names, ", ")
	}
	const (
		scheme    = "name the scheme whose scopes are permissions with --permission-scheme"
		extension = ", or an extension with --permission-extension (permission-scheme and permission-extensions under openapi in " + catalogs.ConfigName + ")"
	)
	switch {
	case s.Undefined != "":
		return &partialError{fmt.Sprintf("%s names permissions as scopes of %s, a security scheme that nothing defines or whose definition could not be read, so it cannot be held against the catalog; define it, or %s%s", file, quoted(s.Undefined), scheme, extension)}
	case len(s.Scoped) > 0:
		return &partialError{fmt.Sprintf("%s gives scopes to several security schemes, %s, so its operations were not held against the catalog; %s%s", file, quoted(slices.Clone(s.Scoped)...), scheme, extension)}
	}
	return &partialError{fmt.Sprintf("%s names no permission anywhere, so its operations were not held against the catalog; %s%s", file, scheme, extension)}
}

// sourceFlags adds the flags about what a source may reach.
func (a *app) sourceFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.allowHTTP, "allow-http", false, "read URLs without encryption too: whoever is between can change what is read")
	cmd.Flags().StringVar(&a.refsBelow, "refs-below", "", "let a document's $refs lead to files below this `FOLDER` (default: the document's own)")
}

// reader reads witnesses as the flags say.
func (a *app) reader(documents openapi.Options) *witness.Reader {
	return &witness.Reader{In: a.in, AllowHTTP: a.allowHTTP, RefsBelow: a.refsBelow, Documents: documents, Validate: a.validate}
}

// validateFlag adds --validate.
func (a *app) validateFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.validate, "validate", false, "report what the OpenAPI specification forbids in the documents too (document-invalid, a warning)")
}

// beyond returns the findings of now that old does not have, wherever they moved.
func beyond(now, old []*report.Finding) []*report.Finding {
	have := map[string]int{}
	for _, f := range old {
		have[f.Fingerprint()]++
	}
	var out []*report.Finding
	for _, f := range now {
		if id := f.Fingerprint(); have[id] > 0 {
			have[id]--
		} else {
			out = append(out, f)
		}
	}
	return out
}

// newlyForbidden returns the findings about a document that are not about the old one, whatever
// the two are called and wherever in them it is.
func newlyForbidden(now, old []*report.Finding) []*report.Finding {
	have := map[string]int{}
	for _, f := range old {
		have[f.Message]++
	}
	var out []*report.Finding
	for _, f := range now {
		if have[f.Message]--; have[f.Message] < 0 {
			out = append(out, f)
		}
	}
	return out
}
