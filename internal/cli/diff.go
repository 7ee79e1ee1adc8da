package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/report"
)

// diffFlags are the flags of diff as they were typed.
type diffFlags struct {
	scopes     []string
	extensions []string
	scheme     string
	implies    []string
	basePath   string
	unstated   string
}

func newDiff(a *app) *cobra.Command {
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "List what access changed between two catalogs, OpenAPI documents or Go sources",
		Long: `List what access changed between two sources.

OLD and NEW are each one of
  FILE          a catalog, or an OpenAPI document (2.0 to 3.2, YAML or JSON)
  -             either, on standard input
  vendor:NAME   a catalog that permcheck carries
  go:PATTERN    the routes that Go packages register and the permissions they declare
  REV:PATH      a file as it is in a git revision, such as main:api/openapi.yaml

Two documents are compared in their own words, security schemes and scopes. Where a
catalog takes part, the document is first put into permissions: those of its permission
extension, else the scopes of its OAuth 2.0 or OpenID Connect scheme.

How documents are read may also be said under openapi in .permcheck.yaml; flags win.

Exit code 0: nothing at or above --fail-on. 1: something. 2: a source could not be read.`,
		Example: `  permcheck diff main:api/openapi.yaml api/openapi.yaml
  permcheck diff api/permissions.yaml api/openapi.yaml --permission-scheme oauth2
  permcheck diff vendor:personio openapi.yaml --base-path /v1
  permcheck diff api/permissions.yaml go:./...
  permcheck diff old.json new.json --scopes any --implies "candidates:write=candidates:read"
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
			flags.configure(&config.OpenAPI)
			if f := config.FailOn; f != "" && !cmd.Flags().Changed("fail-on") {
				if err := a.failOn.Set(f); err != nil {
					return err
				}
			}
			return a.diff(cmd.Context(), args[0], args[1], flags)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.scopes, "scopes", nil, "how several scopes in one alternative combine: all (the default) or any, or SCHEME=any for one scheme; repeatable")
	f.StringArrayVar(&flags.extensions, "permission-extension", nil, "an operation's `NAME:SHAPE` that names permissions; shapes: string, all-of-list, any-of-list, list-of-lists, operator-list, scheme-list, prose:REGEXP, ignore; repeatable")
	f.StringVar(&flags.scheme, "permission-scheme", "", "against a catalog: the security scheme whose scopes are permissions (default: the only OAuth 2.0 or OpenID Connect scheme)")
	f.StringArrayVar(&flags.implies, "implies", nil, `what a permission or scope implies: "candidates:write=candidates:read", several separated by commas, * for any text; repeatable`)
	f.StringVar(&flags.basePath, "base-path", "", "put this `PATH` in front of each path that does not begin with it, instead of the base paths of servers")
	f.StringVar(&flags.unstated, "unstated", "count", "against a catalog: what to do with operations that demand a credential but name no permission: count, or error")
	a.failOnFlag(cmd)
	a.formatFlag(cmd, "text", "json")
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
	case "count":
	case "error":
		d.ReportUnstated = true
	default:
		return d, o, fmt.Errorf("--unstated %q: expected count or error", f.unstated)
	}
	return d, o, nil
}

func (a *app) diff(ctx context.Context, from, to string, flags diffFlags) error {
	opts, read, err := flags.options()
	if err != nil {
		return err
	}
	if from == "-" && to == "-" {
		return errors.New("both sides are -: standard input can be read only once; give one of them as a file")
	}
	old, now, err := a.loadSides(ctx, from, to, read)
	if err != nil {
		return err
	}
	result, err := drift.Compare(old.Side, now.Side, opts)
	if err != nil {
		return err
	}
	if result.Summary.Old == 0 && result.Summary.New == 0 && len(result.Changes) == 0 {
		return &partialError{fmt.Sprintf("neither %s nor %s has an endpoint: nothing was compared", from, to)}
	}
	findings := append(result.Findings(), beyond(now.unread, old.unread)...)
	for _, f := range findings[len(result.Changes):] {
		result.Summary.Problems = append(result.Summary.Problems, drift.Problem{Position: f.Position.String(), Message: f.Message})
	}
	if a.format == "json" {
		err = writeDiffJSON(a.out, result)
	} else {
		err = a.writeDiffText(result, from, to)
	}
	if err != nil {
		return err
	}
	for _, s := range []*side{old, now} {
		if s.program != nil {
			if err := s.program.incomplete(a.err); err != nil {
				return err
			}
		}
	}
	return a.result(findings)
}

// A side is one side of a diff, loaded.
type side struct {
	drift.Side
	program *goProgram        // when the side is Go source
	unread  []*report.Finding // what of the source could not be read
}

// loadSides reads both sides, at once where neither needs the other: reading is most
// of the work. Go source is read in the words of the other side's catalog.
func (a *app) loadSides(ctx context.Context, from, to string, opts openapi.Options) (old, now *side, err error) {
	var errs [2]error
	load := func(ref, catalog string, into **side, err *error) { *into, *err = a.loadSide(ctx, ref, catalog, opts) }
	isGo := func(ref string) bool { return strings.HasPrefix(ref, goPrefix) }
	words := func(ref string, s *side) string {
		if s == nil || s.Catalog == nil || isGo(ref) || ref == "-" {
			return ""
		}
		if _, err := os.Stat(ref); err != nil && !strings.HasPrefix(ref, catalogs.VendorPrefix) {
			return "" // a git revision
		}
		return ref
	}
	switch {
	case isGo(from) && !isGo(to):
		load(to, "", &now, &errs[1])
		if errs[1] == nil {
			load(from, words(to, now), &old, &errs[0])
		}
	case isGo(to):
		load(from, "", &old, &errs[0])
		if errs[0] == nil {
			load(to, words(from, old), &now, &errs[1])
		}
	default:
		done := make(chan struct{})
		go func() {
			defer close(done)
			load(from, "", &old, &errs[0])
		}()
		load(to, "", &now, &errs[1])
		<-done
	}
	return old, now, errors.Join(errs[:]...)
}

// goPrefix begins a reference to Go packages.
const goPrefix = "go:"

// loadGoSide reads Go packages. catalog, if any, is the reference of a catalog whose
// permissions they name.
func (a *app) loadGoSide(ctx context.Context, pattern, catalog string) (*side, error) {
	p, err := loadGo(ctx, ".", strings.Fields(pattern), goOptions{Catalog: catalog})
	if err != nil {
		return nil, err
	}
	s := &side{Side: drift.Side{Catalog: p.Catalog, EndpointsOnly: true}, program: p}
	if p.Settings.Catalog != nil { // its aliases and implications apply
		s.Catalog.Permissions = p.Settings.Catalog.Permissions
	}
	unread := func(subject, message string, reason string, at catalogs.Pos) {
		s.unread = append(s.unread, &report.Finding{Rule: "unresolved", Subject: subject, Args: []string{at.File, reason}, Message: message + reason, Position: at})
	}
	for _, u := range p.Unresolved {
		unread("registration", "a registration could not be read: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
	}
	for _, r := range p.Routes {
		for _, u := range r.Unread {
			subject := r.Method + " " + p.Settings.Path(r)
			unread(subject, "the permission of "+subject+" is not known: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
		}
	}
	return s, nil
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

// loadSide reads one side of a diff; catalog is for Go source. The prefixes vendor:, go: and run: win over git
// revisions of these names, and a file that exists wins over a revision.
func (a *app) loadSide(ctx context.Context, ref, catalog string, opts openapi.Options) (*side, error) {
	prefix, rest, hasPrefix := strings.Cut(ref, ":")
	switch {
	case ref == "-":
		data, err := openapi.ReadAll(a.in)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return parseSide("-", data, opts, func() (*catalogs.Catalog, error) { return catalogs.Parse("-", data) })
	case hasPrefix && prefix == "vendor":
		c, err := catalogs.Load(ref)
		return &side{Side: drift.Side{Catalog: c}}, err
	case hasPrefix && prefix == "go":
		return a.loadGoSide(ctx, rest, catalog)
	case hasPrefix && prefix == "run":
		return nil, fmt.Errorf("%s: diff does not read the reports of probe runs", ref)
	}
	if _, err := os.Stat(ref); err != nil && hasPrefix && len(prefix) > 1 {
		if strings.HasPrefix(rest, "//") { // not repeated: it may hold a password
			return nil, errors.New("URLs are not read; download the document and give its file")
		}
		return a.loadRevision(ctx, prefix, rest, opts)
	}
	data, err := openapi.ReadFile(ref)
	if err != nil {
		return nil, sourceError(ref, err)
	}
	files, err := openFolder(ref)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	opts.Files = files.FS()
	return parseSide(ref, data, opts, func() (*catalogs.Catalog, error) { return catalogs.Load(ref) })
}

// parseSide reads text as what it claims to be: an OpenAPI document or a catalog.
func parseSide(name string, data []byte, opts openapi.Options, asCatalog func() (*catalogs.Catalog, error)) (*side, error) {
	doc, err := openapi.Parse(name, data, opts)
	var format *openapi.FormatError
	switch {
	case err == nil:
		return &side{Side: drift.Side{Document: doc}}, nil
	case !errors.As(err, &format):
		return nil, err
	case !slices.Contains(format.Keys, "permcheck"):
		has := "no mapping"
		if len(format.Keys) > 0 {
			quoted := make([]string, len(format.Keys))
			for i, k := range format.Keys {
				quoted[i] = report.Clean(fmt.Sprintf("%.60q", k))
			}
			has = "the keys " + strings.Join(quoted, ", ")
		}
		return nil, fmt.Errorf("%s: neither an OpenAPI document nor a catalog: expected the top-level key openapi, swagger or permcheck, found %s", name, has)
	}
	c, err := asCatalog()
	return &side{Side: drift.Side{Catalog: c}}, err
}

// sourceError says what to type instead when a source cannot be opened.
func sourceError(ref string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such file; a source is a file, -, vendor:NAME (%s), go:PACKAGES or REV:PATH", ref, strings.Join(catalogs.Vendors(), ", "))
	}
	return err
}

func writeDiffJSON(w io.Writer, r *drift.Result) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	changes := make([]*drift.Change, len(r.Changes))
	for i := range r.Changes {
		changes[i] = &r.Changes[i]
	}
	if err := enc.Encode(struct {
		Version int             `json:"version"`
		Changes []*drift.Change `json:"changes"`
		Summary drift.Summary   `json:"summary"`
	}{1, changes, r.Summary}); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeDiffText prints the changes, gravest first, then what was left open.
func (a *app) writeDiffText(r *drift.Result, from, to string) error {
	var b bytes.Buffer
	st := a.styles()
	groups := []struct {
		severity report.Severity
		title    string
	}{
		{report.Error, "must be looked at"},
		{report.Warning, "may break clients"},
		{report.Info, "for information"},
	}
	for _, g := range groups {
		var of []*drift.Change
		for i := range r.Changes {
			if r.Changes[i].Severity() == g.severity {
				of = append(of, &r.Changes[i])
			}
		}
		if len(of) == 0 {
			continue
		}
		slices.SortStableFunc(of, func(x, y *drift.Change) int { return rank(x) - rank(y) })
		fmt.Fprintf(&b, "%s\n\n", st.Bold.Sprintf("%d %s", len(of), g.title))
		for _, ch := range of {
			writeChange(&b, st, ch)
		}
	}
	s := &r.Summary
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n\n")) {
		b.WriteByte('\n')
	}
	counts := make([]string, 0, len(s.Changes))
	for _, class := range []drift.Class{drift.Weakened, drift.Incomparable, drift.SchemeChanged, drift.Unknown, drift.Strengthened, drift.Added, drift.Removed} {
		if n := s.Changes[class]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, class))
		}
	}
	line := fmt.Sprintf("%s -> %s: %s before, %d after, %d the same", report.Clean(from), report.Clean(to), plural(s.Old, "endpoint"), s.New, s.Same)
	if len(counts) > 0 {
		line += "; " + strings.Join(counts, ", ")
	} else {
		line += "; " + st.Good.Sprint("no change in access")
	}
	fmt.Fprintln(&b, line)
	note := func(n int, format string, args ...any) {
		if n > 0 {
			fmt.Fprintf(&b, "%s %s\n", st.Note.Sprint("note:"), fmt.Sprintf(format, args...))
		}
	}
	note(s.Unverified, "%s not compared: a catalog says unknown", plural(s.Unverified, "endpoint"))
	note(s.Unstated, "%s unstated: a credential is demanded but no permission named; --unstated=error reports them", plural(s.Unstated, "operation"))
	note(s.Undeclared, "%s on the new side without any declared requirement", plural(s.Undeclared, "endpoint"))
	note(s.Unread, "%s could not be read, but read the same on both sides", plural(s.Unread, "requirement"))
	for _, scheme := range slices.Sorted(maps.Keys(s.AlsoAdmits)) {
		verb := "admit"
		if s.AlsoAdmits[scheme] == 1 {
			verb = "admits"
		}
		note(s.AlsoAdmits[scheme], "%s also %s %s, which carries no permissions: those alternatives were left out", plural(s.AlsoAdmits[scheme], "operation"), verb, report.Clean(scheme))
	}
	for _, scheme := range slices.Sorted(maps.Keys(s.Undefined)) {
		note(s.Undefined[scheme], "%s on the new side with the scheme %s, which nothing defines", plural(s.Undefined[scheme], "operation"), report.Clean(fmt.Sprintf("%q", scheme)))
	}
	note(s.ExtraServers, "%s with several servers: the path of the first one counts", plural(s.ExtraServers, "operation"))
	for _, p := range s.Problems {
		fmt.Fprintf(&b, "%s: %s %s\n", report.Clean(p.Position), st.Warn.Sprint("not understood:"), report.Clean(p.Message))
	}
	_, err := a.out.Write(b.Bytes())
	return err
}

// rank puts what is open to anybody first.
func rank(ch *drift.Change) int {
	if ch.Anonymous {
		return 0
	}
	return 1
}

// writeChange prints one change: where and what, from and to, why, what to do next.
// An endpoint that came or went without more to say takes one line.
func writeChange(b *bytes.Buffer, st report.Styles, ch *drift.Change) {
	label := string(ch.Class)
	if ch.Anonymous {
		label += ", open to anybody"
	}
	text := func(s *string) string {
		if s == nil {
			return "nothing declared"
		}
		return report.Clean(*s)
	}
	if ch.Severity() == report.Info && ch.Why == "" && len(ch.Evidence) == 0 && (ch.From == nil || ch.To == nil) {
		req := ch.To
		if req == nil {
			req = ch.From
		}
		fmt.Fprintf(b, "  %s  %s  %s  %s\n", st.Note.Sprint(label), st.Bold.Sprint(report.Clean(ch.Subject())), text(req), st.Dim.Sprint(report.Clean(ch.Position.String())))
		return
	}
	fmt.Fprintf(b, "  %s  %s  %s\n", st.Severity(ch.Severity()).Sprint(label), st.Bold.Sprint(report.Clean(ch.Subject())), st.Dim.Sprint(report.Clean(ch.Position.String())))
	switch {
	case ch.Class == drift.Added && ch.From == nil && ch.To == nil, ch.Class == drift.Removed && ch.From == nil:
	case ch.Class == drift.Added && ch.From == nil:
		fmt.Fprintf(b, "      requires %s\n", text(ch.To))
	case ch.Class == drift.Removed:
		fmt.Fprintf(b, "      required %s\n", text(ch.From))
	case ch.Class == drift.SchemeChanged:
	default:
		fmt.Fprintf(b, "      %s %s %s\n", text(ch.From), st.Dim.Sprint("->"), text(ch.To))
	}
	if ch.BasePath != "" && catalogs.EndpointKey("", ch.BasePath) != catalogs.EndpointKey("", ch.Path) {
		fmt.Fprintf(b, "      %s\n", report.Clean("was written "+ch.BasePath))
	}
	for _, e := range ch.Evidence {
		fmt.Fprintf(b, "      %s\n", report.Clean(e))
	}
	if ch.Why != "" {
		fmt.Fprintf(b, "      %s\n", report.Clean(ch.Why))
	}
	if ch.Severity() == report.Error {
		fmt.Fprintf(b, "      %s %s\n", st.Note.Sprint("next:"), report.RuleByID(ch.Rule).Fix)
	}
	b.WriteByte('\n')
}
