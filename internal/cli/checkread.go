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
	catalog   *catalogs.Catalog
	documents []*document
	code      bool // packages are read for it
	settings  *guards.Settings
	endpoints []codeEndpoint
	answers   catalogs.Table // of endpoints, by their index
	// others are the services that share the catalog and are not checked now, sharers
	// those that are.
	others  []catalogs.Service
	sharers []*unit

	excuses map[string]bool // patterns of ignore-routes that excused something
	paths   map[string]bool // keys of the code's paths, without a method
	rows    []*checkRow
	byKey   map[string]*checkRow
	routes  map[string][]string // subject of a route, as vet has it -> keys of its rows
}

// A document is one OpenAPI document of a service. Its operations' paths hold the base
// path.
type document struct {
	name string
	*openapi.Document
	projection *openapi.Projection
	paths      map[string]bool // keys of its paths, without a method
	answers    catalogs.Table  // of the projection's endpoints, by their index
}

// A codeEndpoint is a route, by the path that the other witnesses know it by.
type codeEndpoint struct {
	catalogs.Endpoint
	strange bool // names permissions that nobody knows
}

// witnesses returns the witnesses of the unit, in the order of the table's columns.
func (u *unit) witnesses() []string {
	var out []string
	if u.catalog != nil {
		out = append(out, "catalog")
	}
	if u.code {
		out = append(out, "code")
	}
	for _, d := range u.documents {
		out = append(out, d.name)
	}
	return out
}

// missing says which witnesses there are none of.
func (u *unit) missing() []string {
	var out []string
	if u.catalog == nil {
		out = append(out, "no catalog")
	}
	if !u.code {
		out = append(out, "no code")
	}
	if len(u.documents) == 0 {
		out = append(out, "no OpenAPI document")
	}
	return out
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
		c.units = append(c.units, &unit{Service: s, code: len(s.Code) > 0})
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
			errs[i] = u.read(ctx, a, root, read, options)
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
		u.readCode(c.program)
		if u.code && len(u.endpoints) == 0 && !c.unresolvedOf(u) {
			what := fmt.Sprintf("no route of a router that is known is registered in %s", strings.Join(u.Code, " "))
			if u.code = !implicit; u.code {
				c.empty = append(c.empty, u.prefix()+what)
			} else {
				c.notes = append(c.notes, what)
			}
		}
		for _, d := range u.documents {
			if len(d.projection.Operations) == 0 {
				c.empty = append(c.empty, u.prefix()+d.name+" has no operation")
			}
		}
		if u.catalog != nil && len(u.catalog.Endpoints) == 0 {
			c.empty = append(c.empty, u.prefix()+u.catalog.File+" has no endpoint")
		}
		if n := len(u.witnesses()); n < 2 {
			what := strings.Join(u.missing(), ", ")
			c.notes = append(c.notes, u.prefix()+"nothing to compare: "+what)
		} else {
			alone = false
			for _, m := range u.missing() {
				c.notes = append(c.notes, u.prefix()+m)
			}
		}
	}
	if alone && !o.lenient {
		return nil, errNothing(c.units, config)
	}
	return c, nil
}

// prefix is how messages about the unit begin.
func (u *unit) prefix() string {
	if u.Name == "" {
		return ""
	}
	return "service " + u.Name + ": "
}

// read reads the catalog and the documents.
func (u *unit) read(ctx context.Context, a *app, root string, opts openapi.Options, options drift.Options) error {
	var errs []error
	if u.Catalog != "" {
		c, err := catalogs.Load(u.Catalog)
		if err != nil {
			errs = append(errs, err)
		} else {
			witness.RelativeCatalog(root, c)
			u.catalog = c
		}
	}
	files, err := u.documentFiles()
	if err != nil {
		errs = append(errs, err)
	}
	for _, ref := range files {
		s, err := a.reader(opts).Read(ctx, ref, "")
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if s.Document == nil {
			errs = append(errs, fmt.Errorf("%s%s: expected an OpenAPI document, found a catalog: name it under catalog", u.prefix(), ref))
			continue
		}
		d, err := newDocument(s.Document, ref, root, u.BasePath["openapi"], options)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		u.documents = append(u.documents, d)
	}
	return errors.Join(errs...)
}

// newDocument prepares a document for comparing; see place.
func newDocument(doc *openapi.Document, ref, root, base string, options drift.Options) (*document, error) {
	d := &document{name: filepath.ToSlash(witness.RelativeTo(root, ref)), Document: doc}
	d.place(root, base)
	var err error
	if d.projection, err = d.Project(options.PermissionScheme, options.Scopes); err == nil {
		for i := range d.projection.Catalog.Endpoints {
			e := &d.projection.Catalog.Endpoints[i]
			d.answers.Add(catalogs.Row{Method: e.Method, Path: e.Path, ID: i})
		}
	}
	return d, err
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
func (d *document) place(root, base string) {
	at := func(p *catalogs.Pos) { p.File = witness.RelativeTo(root, p.File) }
	d.File, d.paths = witness.RelativeTo(root, d.File), map[string]bool{}
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
		d.paths[catalogs.EndpointKey("", o.Path)] = true
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
		for _, d := range u.documents {
			if d.projection == nil {
				return nil
			}
			for _, e := range d.projection.Catalog.Endpoints {
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

// readCode takes the unit's routes from the program, by the paths that the catalog or
// else a document has for them.
func (u *unit) readCode(p *goProgram) {
	u.routes, u.paths = map[string][]string{}, map[string]bool{}
	if p == nil || !u.code {
		return
	}
	for _, r := range p.Routes {
		s := p.SettingsOf(r)
		if s.Service.Name != u.Name {
			continue
		}
		u.settings = s
		if u.excused(s.Config, r.Method, s.Path(r)) {
			continue
		}
		path := s.Path(r)
		e := codeEndpoint{strange: len(r.Strange) > 0, Endpoint: p.Endpoint(s, r)}
		if s.Catalog == nil || s.Spelled(r) == "" {
			for _, p := range guards.Spellings(path) {
				if u.has(p) {
					e.Path = p
					break
				}
			}
		}
		u.answers.Add(catalogs.Row{Method: e.Method, Path: catalogs.WithoutBase(e.Path), Precedence: e.Routed.Precedence, Seq: e.Routed.Seq, ID: len(u.endpoints)})
		subject := r.Method + " " + path
		u.routes[subject] = append(u.routes[subject], catalogs.EndpointKey(e.Method, e.Path))
		u.paths[catalogs.EndpointKey("", e.Path)] = true
		u.endpoints = append(u.endpoints, e)
	}
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
