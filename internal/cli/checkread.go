package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A unit is one service with what its witnesses say.
type unit struct {
	catalogs.Service
	// witnesses are the catalog, the code and the documents, as far as there are any, without
	// what ignore-routes excuses: the columns of the table.
	witnesses     []*drift.Witness
	catalog, code *drift.Witness      // of them; nil: there is none
	listed        *catalogs.Catalog   // the catalog as it was read
	documents     []*openapi.Document // as they were read, placed
	// others are the services that share the catalog and are not checked now, sharers
	// those that are.
	others  []catalogs.Service
	invalid []*report.Finding // what the specification forbids in its documents
	sharers []*unit

	excuses map[string]bool // patterns of ignore-routes that excused something
	table   *drift.Table
	rows    map[*drift.TableRow]*checkRow
	routes  map[*guards.Route]catalogs.Endpoint // by the paths that the other witnesses have
}

// missing says which witnesses there are none of.
func (u *unit) missing() []string {
	var out []string
	if u.catalog == nil {
		out = append(out, "no catalog")
	}
	if u.code == nil {
		out = append(out, "no code")
	}
	if len(u.documents) == 0 {
		out = append(out, "no OpenAPI document")
	}
	return out
}

// named returns the witness of a name, as a list; empty: there is none.
func (u *unit) named(name string) []*drift.Witness {
	return slices.DeleteFunc(slices.Clone(u.witnesses), func(w *drift.Witness) bool { return w.Name != name })
}

// checked is what one state of a repository says: read, and then compared.
type checked struct {
	root    string // of the files that positions name
	from    string // the folder that permcheck runs in; see seenFrom
	config  *catalogs.Config
	units   []*unit
	program *goProgram // nil: no code was read
	summary vetSummary
	options drift.Options

	unreadable []string          // what of a base could not be read
	others     []*report.Finding // that are about no row of a table
	notes      []string
	empty      []string // witnesses that were named and say nothing

	known, old int // findings that the known file accepts, and that the base has
}

// readRepository reads the witnesses of services, all at once.
func (a *app) readRepository(ctx context.Context, root string, config *catalogs.Config, services []catalogs.Service, o checkOptions) (*checked, error) {
	flags := diffFlags{unstated: o.unstated}
	flags.configure(&config.OpenAPI)
	options, read, err := flags.options()
	if err != nil {
		return nil, err
	}
	c := &checked{root: root, config: config, options: options}
	var patterns []string
	for _, s := range services {
		c.units = append(c.units, &unit{Service: s})
		for _, p := range s.Code {
			if !slices.Contains(patterns, p) {
				patterns = append(patterns, p)
			}
		}
	}
	var wg sync.WaitGroup
	errs, lost := make([]error, len(c.units)+1), make([]error, len(c.units))
	var documents sync.WaitGroup // the catalogs and documents of every unit
	for i, u := range c.units {
		documents.Add(1)
		wg.Go(func() {
			defer documents.Done()
			errs[i] = u.read(ctx, a, c, read)
			if o.lenient && errs[i] != nil {
				lost[i], errs[i] = errs[i], nil
			}
		})
	}
	if len(patterns) > 0 {
		wg.Go(func() {
			words := func(service string) *catalogs.Catalog {
				documents.Wait()
				return c.words(service)
			}
			c.program, errs[len(c.units)] = loadGo(ctx, root, patterns, witness.GoOptions{Words: words})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, err := range lost {
		if err != nil {
			c.unreadable = append(c.unreadable, firstLine(err, root)+": not compared with itself")
		}
	}
	if p := c.program; p != nil && p.Settings.Config.Path != config.Path {
		return nil, fmt.Errorf("%s is not where the go command looks: put it beside go.mod or above, found from %s", catalogs.ConfigName, filepath.Dir(config.Path))
	}
	for _, s := range config.Services {
		ref := s.Catalog
		if ref == "" {
			ref = config.Catalog
		}
		for _, u := range c.units {
			switch {
			case ref == "" || ref != u.Catalog || s.Name == u.Name:
			case slices.Contains(names(services), s.Name):
				for _, v := range c.units {
					if v.Name == s.Name {
						u.sharers = append(u.sharers, v)
					}
				}
			default:
				u.others = append(u.others, s)
			}
		}
	}
	implicit := len(config.Services) == 0 && len(config.Code) == 0
	alone := true
	for _, u := range c.units {
		if err := u.readCode(c); err != nil {
			return nil, err
		}
		u.barren(c, implicit)
		c.others = append(c.others, u.invalid...)
		if len(u.witnesses) < 2 {
			c.notes = append(c.notes, u.prefix()+"nothing to compare: "+strings.Join(u.missing(), ", "))
			continue
		}
		alone = false
		for _, m := range u.missing() {
			c.notes = append(c.notes, u.prefix()+m)
		}
	}
	if alone && !o.lenient {
		return nil, errNothing(c.units, config)
	}
	return c, nil
}

// barren notes the witnesses that were named and say nothing. Code that nothing names, implicit,
// is then no witness.
func (u *unit) barren(c *checked, implicit bool) {
	if u.code != nil && len(u.routes) == 0 && !c.unresolvedOf(u) {
		what := fmt.Sprintf("no route of a router that is known is registered in %s", strings.Join(u.Code, " "))
		if implicit {
			c.notes = append(c.notes, what)
			u.witnesses = slices.DeleteFunc(u.witnesses, func(w *drift.Witness) bool { return w == u.code })
			u.code = nil
		} else {
			c.empty = append(c.empty, u.prefix()+what)
		}
	}
	for _, d := range u.documents {
		if !slices.ContainsFunc(d.Operations, func(o openapi.Operation) bool { return o.Kind == openapi.Endpoint }) {
			c.empty = append(c.empty, u.prefix()+d.File+" has no operation")
		}
	}
	if u.listed != nil && len(u.listed.Endpoints) == 0 {
		c.empty = append(c.empty, u.prefix()+u.listed.File+" has no endpoint")
	}
}

// prefix is how messages about the unit begin.
func (u *unit) prefix() string {
	if u.Name == "" {
		return ""
	}
	return "service " + u.Name + ": "
}

// read reads the catalog and the documents.
func (u *unit) read(ctx context.Context, a *app, c *checked, opts openapi.Options) error {
	var errs []error
	if u.Catalog != "" {
		if err := u.readCatalog(c); err != nil {
			errs = append(errs, err)
		}
	}
	files, err := u.documentFiles()
	if err != nil {
		errs = append(errs, err)
	}
	for _, ref := range files {
		s, err := a.reader(opts).Read(ctx, ref, "")
		switch {
		case err != nil:
		case s.Document == nil:
			err = fmt.Errorf("%s%s: expected an OpenAPI document, found a catalog: name it under catalog", u.prefix(), ref)
		default:
			u.forbid(s.Invalid, ref, c.root)
			err = u.addDocument(s.Document, ref, c.root, c.config, c.options)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readCatalog adds the catalog to the witnesses.
func (u *unit) readCatalog(c *checked) error {
	listed, err := catalogs.Load(u.Catalog)
	if err != nil {
		return err
	}
	witness.RelativeCatalog(c.root, listed)
	rest := *listed
	rest.Endpoints = slices.DeleteFunc(slices.Clone(listed.Endpoints), func(e catalogs.Endpoint) bool {
		return u.excused(c.config, e.Method, e.Path)
	})
	u.listed = listed
	if u.catalog, err = drift.NewWitness("catalog", drift.Side{Catalog: &rest}, c.options); err == nil {
		u.witnesses = append(u.witnesses, u.catalog)
	}
	return err
}

// addDocument adds a document to the witnesses; see place.
func (u *unit) addDocument(doc *openapi.Document, ref, root string, config *catalogs.Config, options drift.Options) error {
	name := filepath.ToSlash(witness.RelativeTo(root, ref))
	place(doc, root, u.BasePath["openapi"])
	doc.File = name
	u.documents = append(u.documents, doc)
	rest := *doc
	rest.Operations = slices.DeleteFunc(slices.Clone(doc.Operations), func(o openapi.Operation) bool {
		return o.Kind != openapi.Endpoint || u.excused(config, o.Method, o.Path)
	})
	w, err := drift.NewWitness(name, drift.Side{Document: &rest}, options)
	if err == nil {
		u.witnesses = append(u.witnesses, w)
	}
	return err
}

// forbid notes what the specification forbids in a document.
func (u *unit) forbid(found []*report.Finding, ref, root string) {
	for _, f := range found {
		f.Service, f.Subject, f.Position.File = u.Name, filepath.ToSlash(witness.RelativeTo(root, ref)), witness.RelativeTo(root, f.Position.File)
	}
	u.invalid = append(u.invalid, found...)
}

// documentFiles returns the documents that the configuration names, patterns resolved.
func (u *unit) documentFiles() ([]string, error) {
	var out []string
	for _, ref := range u.Document {
		if _, err := os.Stat(ref); err == nil || !witness.IsPattern(ref) || strings.Contains(ref, ":") {
			out = append(out, ref)
			continue
		}
		found, err := witness.Expand(os.DirFS("."), filepath.ToSlash(ref))
		if err != nil {
			return nil, fmt.Errorf("%sopenapi: %s: %w", u.prefix(), ref, err)
		}
		out = append(out, found...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// place makes the document's positions relative to the root, and puts base paths into
// the operations' paths: the servers' or, instead, the configured one.
func place(d *openapi.Document, root, base string) {
	at := func(p *catalogs.Pos) { p.File = witness.RelativeTo(root, p.File) }
	for _, s := range d.Schemes {
		at(&s.Pos)
	}
	for i := range d.Problems {
		at(&d.Problems[i].Pos)
	}
	for i := range d.Operations {
		o := &d.Operations[i]
		at(&o.Pos)
		if o.Unreadable != nil {
			at(&o.Unreadable.Pos)
		}
		if o.Kind != openapi.Endpoint {
			continue
		}
		prefix := o.Base
		if base != "" {
			if prefix = base; o.Path == base || strings.HasPrefix(o.Path, base+"/") {
				prefix = ""
			}
		}
		o.Path, o.Base = prefix+o.Path, ""
	}
}

// words returns the permissions that the documents of a service name, where no catalog
// does.
func (c *checked) words(service string) *catalogs.Catalog {
	for _, u := range c.units {
		if u.Name != service || u.catalog != nil || len(u.documents) == 0 {
			continue
		}
		var ids perm.Set
		for _, w := range u.witnesses {
			for _, e := range w.Endpoints() {
				if e.Requires != nil {
					ids = ids.Union(e.Requires.Permissions())
				}
			}
		}
		w := &catalogs.Catalog{Name: "openapi"}
		for _, id := range ids {
			w.Permissions = append(w.Permissions, catalogs.Permission{ID: id})
		}
		return w
	}
	return nil
}

// unresolvedOf reports whether registrations of the unit's code could not be read.
func (c *checked) unresolvedOf(u *unit) bool {
	if len(c.config.Services) == 0 {
		return len(c.program.Unresolved) > 0 || len(c.program.Errors) > 0
	}
	return len(c.program.Errors) > 0 || slices.ContainsFunc(c.program.Unresolved, func(r routes.Unresolved) bool {
		return c.program.SettingsAt(r.File).Service.Name == u.Name
	})
}

// readCode adds the unit's routes to the witnesses, by the paths that the catalog or else a
// document has for them.
func (u *unit) readCode(c *checked) error {
	if c.program == nil || len(u.Code) == 0 {
		return nil
	}
	u.routes = map[*guards.Route]catalogs.Endpoint{}
	code := &catalogs.Catalog{Name: "code", File: "code"}
	if u.listed != nil {
		code.Permissions = u.listed.Permissions
	}
	for _, r := range c.program.Routes {
		s := c.program.SettingsOf(r)
		path := s.Path(r)
		if s.Service.Name != u.Name || u.excused(s.Config, r.Method, path) {
			continue
		}
		e := c.program.Endpoint(s, r)
		if s.Catalog == nil || s.Spelled(r) == "" {
			for _, p := range guards.Spellings(path) {
				if u.has(p) {
					e.Path = p
					break
				}
			}
		}
		u.routes[r] = e
		code.Endpoints = append(code.Endpoints, e)
	}
	var err error
	if u.code, err = drift.NewWitness("code", drift.Side{Catalog: code, EndpointsOnly: true}, c.options); err != nil {
		return err
	}
	at := 0
	if u.catalog != nil {
		at = 1
	}
	u.witnesses = slices.Insert(u.witnesses, at, u.code)
	return nil
}

// excused reports whether ignore-routes excuses an endpoint, whoever lists it.
func (u *unit) excused(config *catalogs.Config, method, path string) bool {
	s := &guards.Settings{Config: config, Service: u.Service}
	inCode := strings.TrimPrefix(path, u.BasePath["code"])
	ig, ok := s.Ignored(&guards.Route{Route: &routes.Route{Method: method, Path: inCode}})
	if ok {
		if u.excuses == nil {
			u.excuses = map[string]bool{}
		}
		u.excuses[ig.Pattern] = true
	}
	return ok
}
