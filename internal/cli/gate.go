package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/gate"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A baseSide is the state of the repository that check compares with.
type baseSide struct {
	*checked
	rev      string
	head     string // the root of the new state, of which root is the counterpart
	remove   func()
	services []catalogs.Service
	first    bool // it has no configuration, and is read by that of the new state
}

// openBase checks out a revision and finds its configuration. With services named, only
// those are read.
func (a *app) openBase(ctx context.Context, root string, head *catalogs.Config, only []string, o checkOptions) (*baseSide, error) {
	sub, remove, err := witness.Checkout(ctx, root, o.base)
	if err != nil {
		return nil, err
	}
	b := &baseSide{rev: o.base, head: root, remove: remove, checked: &checked{root: sub}}
	config, err := catalogs.FindConfig(sub)
	if err != nil {
		b.note("%s: read as the new configuration says", firstLine(err, sub))
	}
	if err != nil || config.Path == "" {
		if err == nil {
			b.note("it has no %s: read as the new one says", catalogs.ConfigName)
		}
		b.first = true
		if config, err = carry(head, root, sub); err != nil {
			remove()
			return nil, err
		}
	}
	b.config = config
	all := o
	all.services, all.changedSince = nil, ""
	if b.services, _, err = selected(ctx, sub, config, all); err != nil {
		remove()
		return nil, err
	}
	if len(o.services) > 0 || o.changedSince != "" {
		// What is left out now is left out of the base too; a service that is gone for good is not.
		here := names(head.Services)
		b.services = slices.DeleteFunc(b.services, func(s catalogs.Service) bool {
			return !slices.Contains(only, s.Name) && (len(o.services) > 0 || slices.Contains(here, s.Name))
		})
	}
	return b, nil
}

// note adds what could not be compared with the base.
func (b *baseSide) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf("base %s: ", b.rev)+fmt.Sprintf(format, args...))
}

// firstLine is the first line of an error, without the folder of a checkout.
func firstLine(err error, sub string) string {
	why, _, _ := strings.Cut(strings.ReplaceAll(err.Error(), sub+string(filepath.Separator), ""), "\n")
	return why
}

// carry copies a configuration into a checkout that has none, and reads it there.
func carry(head *catalogs.Config, root, sub string) (*catalogs.Config, error) {
	for _, file := range head.Files() {
		rel, err := filepath.Rel(root, file)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		to := filepath.Join(sub, rel)
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o700), os.WriteFile(to, data, 0o600)); err != nil {
			return nil, err
		}
	}
	return catalogs.FindConfig(sub)
}

// stricter takes what fails on more of two configurations, where no flag says otherwise.
func (a *app) stricter(cmd *cobra.Command, base *catalogs.Config, o *checkOptions) {
	if !cmd.Flags().Changed("fail-on") {
		level := report.Error // where nothing is said
		_ = level.Set(base.FailOn)
		a.failOn = min(a.failOn, level)
	}
	if o.unstated == "" && base.OpenAPI.Unstated == "error" {
		o.unstated = "error"
	}
}

// read reads the base, as far as it can be read. What cannot has no findings there, so that
// everything said of it now counts as new.
func (b *baseSide) read(ctx context.Context, a *app, o checkOptions) {
	at := *a
	if rel, ok := witness.Within(b.head, at.refsBelow); ok && at.refsBelow != "" {
		at.refsBelow = filepath.Join(b.root, filepath.FromSlash(rel))
	}
	o.lenient, o.known = true, ""
	config := *b.config
	config.Known = ""
	services := slices.Clone(b.services)
	for i := range services {
		b.present(&services[i])
	}
	c, err := at.readRepository(ctx, b.root, &config, services, o)
	if err == nil {
		err = c.compare()
	}
	if err != nil {
		b.note("%s: everything counts as new", firstLine(err, b.root))
		return
	}
	c.config = b.config
	for _, n := range c.unreadable {
		b.note("%s", strings.ReplaceAll(n, b.root+string(filepath.Separator), ""))
	}
	if c.program != nil {
		for _, e := range c.program.Errors {
			b.note("package %s could not be read: what is said of it counts as new", e.Package)
		}
	}
	c.notes = b.notes
	b.checked = c
}

// present leaves of a service what its state has: a catalog, documents or packages may be
// younger than the configuration that names them.
func (b *baseSide) present(s *catalogs.Service) {
	missing := func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist) && !witness.IsPattern(path) && !strings.Contains(path, ":")
	}
	if s.Catalog != "" && !strings.HasPrefix(s.Catalog, catalogs.VendorPrefix) && missing(s.Catalog) {
		s.Catalog = ""
	}
	s.Document = slices.DeleteFunc(slices.Clone(s.Document), missing)
	s.Code = slices.DeleteFunc(slices.Clone(s.Code), func(p string) bool {
		dir := strings.TrimSuffix(strings.TrimSuffix(p, "..."), "/")
		return strings.HasPrefix(dir, ".") && missing(filepath.Join(b.root, dir))
	})
}

// state is what the gate looks at.
func (c *checked) state(services []catalogs.Service) (*gate.State, error) {
	s := &gate.State{Root: c.root, Config: c.config}
	if c.config.Known != "" {
		known, err := report.LoadKnown(c.config.Known)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("known findings: %w", err)
		}
		if err == nil {
			s.Known = known.Entries
		}
	}
	for _, u := range c.units {
		service := &gate.Service{Service: u.Service, Table: u.listed}
		for _, of := range services { // as it was configured, whatever was there to read
			if of.Name == u.Name {
				service.Service = of
			}
		}
		service.Documents = u.documents
		if u.code != nil && len(c.program.Errors) == 0 {
			service.Program = u.code.Catalog
		}
		service.Excused = func(method, path string) bool { return u.excused(c.config, method, path) }
		s.Services = append(s.Services, service)
	}
	if c.program != nil {
		for _, i := range c.program.used {
			s.Ignores = append(s.Ignores, gate.Ignore{Rule: i.Rule, Reason: i.Reason, Pos: catalogs.Pos{File: i.File, Line: i.Line, Column: i.Column}})
		}
	}
	return s, nil
}

// gate adds what the state weakens against its base, and how it loosens what it is held to.
func (c *checked) gate(base *baseSide) error {
	var services []catalogs.Service
	for _, u := range c.units {
		services = append(services, u.Service)
	}
	head, err := c.state(services)
	if err != nil {
		return err
	}
	before, err := base.state(base.services)
	if err != nil {
		return err
	}
	if !base.first {
		exists := func(path string) bool {
			_, err := os.Stat(filepath.Join(c.root, filepath.FromSlash(strings.TrimPrefix(path, "./"))))
			return err == nil
		}
		c.others = append(c.others, gate.Loosened(before, head, exists)...)
	}
	result, err := gate.Compare(before, head, c.options)
	if err != nil {
		return err
	}
	c.notes = append(c.notes, result.Notes...)
	// What the base says of a document counts under the name that it has now.
	names := gate.Renamed(before, head)
	for _, f := range base.all() {
		for i, arg := range f.Args {
			if to, ok := names[arg]; ok {
				f.Args[i] = to
			}
		}
	}
	for _, f := range result.Findings {
		c.add(f)
	}
	return nil
}

// add gives a finding of the gate to the row that it is about.
func (c *checked) add(f gate.Finding) {
	for _, u := range c.units {
		if u.Name != f.Service || f.Change == nil || f.Witness == "catalog" {
			continue
		}
		if r := u.table.RowOf(f.Change); r != nil {
			row := u.row(r)
			f.Subject = row.Method + " " + row.Path
			row.parts = append(row.parts, part{f.Finding, u.named(f.Witness), nil})
			slices.SortStableFunc(row.parts, func(a, b part) int { return int(b.Severity()) - int(a.Severity()) })
			return
		}
	}
	c.others = append(c.others, f.Finding)
}

// usedIgnores are the comments that excuse a finding.
func usedIgnores(all []guards.Ignore, used map[guards.Ignore]bool) []guards.Ignore {
	return slices.DeleteFunc(slices.Clone(all), func(i guards.Ignore) bool { return !used[i] })
}
