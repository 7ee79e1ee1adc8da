package gate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
)

// A Finding is what a change weakens.
type Finding struct {
	*report.Finding
	Change  *drift.Change // nil: it is about no endpoint
	Witness string        // "catalog", "code", or the document's name
}

// A Result is what [Compare] found.
type Result struct {
	Findings []Finding
	Notes    []string // what could not be compared, and what was approved
}

// A comparison is the state of one Compare.
type comparison struct {
	base, head *Service
	opts       drift.Options
	weakened   map[string]*report.Finding // by key of the row
	implies    *perm.Implications
	result     *Result
}

// Compare lists what a state weakens in its catalogs, its documents and its code.
func Compare(base, head *State, opts drift.Options) (*Result, error) {
	out := &Result{}
	both, _ := pairs(base, head)
	opts.ReportUnstated, opts.BasePath = false, "" // documents hold their base paths
	for _, p := range both {
		c := &comparison{base: p[0], head: p[1], opts: opts, weakened: map[string]*report.Finding{}, result: out}
		first := len(out.Findings)
		for _, step := range []func() error{c.catalogs, c.documents, c.code} {
			if err := step(); err != nil {
				return nil, err
			}
		}
		for _, f := range out.Findings[first:] {
			f.Service = c.head.Name
		}
	}
	return out, nil
}

// catalogs notes the rows that admit more than in the base. They approve what witnesses
// change to the same requirement.
func (c *comparison) catalogs() error {
	from, to := c.base.Table, c.head.Table
	if to == nil {
		return nil
	}
	c.implies = to.Implications()
	if from == nil {
		return nil
	}
	result, err := drift.Compare(drift.Side{Catalog: from}, drift.Side{Catalog: to}, drift.Options{Implies: c.opts.Implies})
	if err != nil {
		return err
	}
	note := func(ch *drift.Change, format string, args ...any) {
		f := ch.Finding()
		f.Rule, f.Args, f.Message = "catalog-weakened", f.Args[1:3], ch.Subject()+": "+fmt.Sprintf(format, args...)
		c.weakened[catalogs.EndpointKey(ch.Method, ch.Path)] = f
		c.result.Findings = append(c.result.Findings, Finding{f, ch, "catalog"})
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		switch {
		case ch.Class == drift.Removed:
			note(ch, "the row is dropped; it approves nothing that code or documents change")
		case !weakens(ch):
		case ch.Class == drift.Added:
			note(ch, "a new row that requires %s", shown(ch.To))
		default:
			note(ch, "the catalog requires %s; in the base it requires %s", shown(ch.To), shown(ch.From))
		}
	}
	for i := range to.Endpoints {
		e := &to.Endpoints[i]
		was, ok := from.Endpoint(e.Method, e.Path)
		if ok && e.Requires != nil && e.Requires.IsUnknown() && was.Requires != nil && !was.Requires.IsUnknown() {
			a, b := was.Requires.String(), e.Requires.String()
			note(&drift.Change{Method: e.Method, Path: e.Path, Class: drift.Unknown, From: &a, To: &b, Rule: "requirement-unknown", Position: e.Pos},
				"the catalog no longer says what it requires, which was %s; it approves nothing", a)
		}
	}
	return nil
}

// weakens reports whether a change lets more callers in, or may.
func weakens(ch *drift.Change) bool {
	s, _ := report.DefaultSeverity(ch.Rule)
	return s == report.Error
}

func shown(s *string) string {
	if s == nil {
		return "nothing"
	}
	return *s
}

// documents compares each document with itself.
func (c *comparison) documents() error {
	var old, now []*openapi.Document // whose names changed, or that are of one side only
	for _, d := range c.base.Documents {
		i := slices.Index(c.head.names(), d.File)
		if i < 0 {
			old = append(old, d)
			continue
		}
		if err := c.document(d, c.head.Documents[i]); err != nil {
			return err
		}
	}
	for _, d := range c.head.Documents {
		if !slices.Contains(c.base.names(), d.File) {
			now = append(now, d)
		}
	}
	if len(now) == 0 {
		return nil
	}
	// Operations that went from one document to another are compared where they are now.
	before := composed(c.base.Documents)
	for _, d := range now {
		from := before
		if from == nil {
			for _, o := range old {
				if renamed(o, c.base, c.head) == d {
					from = o
				}
			}
		}
		if from == nil {
			c.result.Notes = append(c.result.Notes, d.File+": new, not compared with the base")
			continue
		}
		part := *from
		keys := operations(d)
		part.Operations = slices.DeleteFunc(slices.Clone(from.Operations), func(o openapi.Operation) bool {
			return o.Kind != openapi.Endpoint || !keys[catalogs.EndpointKey(o.Method, o.Path)]
		})
		if len(part.Operations) == 0 {
			continue // a new service's, or one that nobody had described
		}
		if err := c.document(&part, d); err != nil {
			return err
		}
	}
	return nil
}

// composed puts documents together; nil where they describe one operation twice.
func composed(docs []*openapi.Document) *openapi.Document {
	if len(docs) == 0 {
		return nil
	}
	d, err := openapi.Compose("base", docs)
	if err != nil {
		return nil
	}
	return d
}

// document compares two states of one document.
func (c *comparison) document(from, to *openapi.Document) error {
	result, err := drift.Compare(drift.Side{Document: c.rest(from)}, drift.Side{Document: c.rest(to)}, c.opts)
	if err != nil {
		return err
	}
	projection, err := to.Project(c.opts.PermissionScheme, c.opts.Scopes)
	if err != nil {
		return err
	}
	says := map[string]*perm.Requirement{}
	ops := map[string]*openapi.Operation{}
	for i := range projection.Catalog.Endpoints {
		e := &projection.Catalog.Endpoints[i]
		k := catalogs.EndpointKey(e.Method, e.Path)
		says[k], ops[k] = e.Requires, projection.Operations[i]
	}
	before := map[string]*openapi.Operation{}
	for i := range from.Operations {
		if o := &from.Operations[i]; o.Kind == openapi.Endpoint {
			before[catalogs.EndpointKey(o.Method, o.Path)] = o
		}
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		if ch.Class == drift.Unknown && ch.Scheme == "" && ch.To != nil && *ch.To != "unknown" {
			c.result.Notes = append(c.result.Notes, fmt.Sprintf("%s: %s could not be read in the base: not compared with it", to.File, ch.Subject()))
			continue
		}
		k := catalogs.EndpointKey(ch.Method, ch.Path)
		approvable := ch.Class != drift.SchemeChanged && ch.Class != drift.Unknown && ops[k] != nil && expressible(before[k], ops[k], projection.Scheme)
		c.change(ch, to.File, approvable, says[k])
	}
	return nil
}

// rest is a document without what ignore-routes excuses.
func (c *comparison) rest(d *openapi.Document) *openapi.Document {
	out := *d
	out.Operations = slices.DeleteFunc(slices.Clone(d.Operations), func(o openapi.Operation) bool {
		return o.Kind == openapi.Endpoint && c.head.Excused(o.Method, o.Path)
	})
	return &out
}

// expressible reports whether a catalog's row can say all that changed between two states of
// an operation: no alternative came to be whose schemes are others than before and than the one
// that carries permissions.
func expressible(was, is *openapi.Operation, scheme string) bool {
	if is.Permission != nil {
		// The row stands for the extension; what the schemes ask for besides must stay.
		return was != nil && reflect.DeepEqual(alternatives(was, true), alternatives(is, true))
	}
	var before []string
	if was != nil {
		before = alternatives(was, false)
	}
	for _, alt := range alternatives(is, false) {
		if alt != "" && alt != scheme && !slices.Contains(before, alt) {
			return false
		}
	}
	return true
}

// alternatives are the schemes of each alternative, as text, with or without their scopes.
func alternatives(o *openapi.Operation, scopes bool) []string {
	var out []string
	for _, alt := range o.Security {
		var names []string
		for _, u := range alt {
			name := u.Scheme
			if scopes {
				name += "[" + strings.Join(slices.Sorted(slices.Values(u.Scopes)), " ") + "]"
			}
			names = append(names, name)
		}
		slices.Sort(names)
		out = append(out, strings.Join(names, "&"))
	}
	slices.Sort(out)
	return out
}

// code compares the code with that of the base.
func (c *comparison) code() error {
	from, to := c.base.Program, c.head.Program
	if from == nil || to == nil {
		return nil
	}
	result, err := drift.Compare(drift.Side{Catalog: c.routes(from), EndpointsOnly: true}, drift.Side{Catalog: c.routes(to), EndpointsOnly: true}, c.opts)
	if err != nil {
		return err
	}
	says := map[string]*perm.Requirement{}
	for i := range to.Endpoints {
		e := &to.Endpoints[i]
		req := e.Requires
		if req == nil && e.Routed != nil && e.Routed.Asks {
			any := perm.Authenticated()
			req = &any
		}
		says[catalogs.EndpointKey(e.Method, e.Path)] = req
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		if ch.Class == drift.Added && ch.Rule == "undeclared" {
			continue // nothing is weakened by it; the catalog and the documents judge it
		}
		req, has := says[catalogs.EndpointKey(ch.Method, ch.Path)]
		if has && req == nil {
			none := perm.Public()
			req = &none
		}
		c.change(ch, "code", ch.Class != drift.Unknown, req)
	}
	return nil
}

func (c *comparison) routes(p *catalogs.Catalog) *catalogs.Catalog {
	out := *p
	out.Endpoints = slices.DeleteFunc(slices.Clone(p.Endpoints), func(e catalogs.Endpoint) bool { return c.head.Excused(e.Method, e.Path) })
	return &out
}

// change records what a witness weakens, unless the catalog's row approves it. The
// requirement is the witness's own, in permissions; nil: it has none that could be approved.
func (c *comparison) change(ch *drift.Change, witness string, approvable bool, req *perm.Requirement) {
	f := ch.Finding()
	if f.Severity() != report.Error {
		return
	}
	if approvable && req != nil && c.approves(ch.Method, ch.Path, *req) {
		line := fmt.Sprintf("%s changes to it too: %s -> %s", witness, shown(ch.From), shown(ch.To))
		if note := c.weakened[catalogs.EndpointKey(ch.Method, ch.Path)]; note != nil {
			note.Evidence = append(note.Evidence, line)
		} else {
			c.result.Notes = append(c.result.Notes, fmt.Sprintf("%s: %s requires what the catalog says, which is less than in the base: %s -> %s", witness, ch.Subject(), shown(ch.From), shown(ch.To)))
		}
		return
	}
	f.Args = append(f.Args, "base", witness)
	f.Message = fmt.Sprintf("%s: %s requires %s; in the base %s", ch.Subject(), witness, shown(ch.To), shown(ch.From))
	switch {
	case ch.Class == drift.SchemeChanged:
		f.Message = fmt.Sprintf("%s: %s: the scheme %s is another credential than in the base", ch.Subject(), witness, ch.Scheme)
	case ch.Class == drift.Removed:
		f.Message = fmt.Sprintf("%s: %s had it in the base; its requests reach %s now", ch.Subject(), witness, ch.FallsTo)
	case ch.Class == drift.Added:
		f.Message = fmt.Sprintf("%s: %s adds it, and requires %s", ch.Subject(), witness, shown(ch.To))
	}
	f.Fix = "Restore the requirement. If less is right, change the row of the catalog in the same change; what a row cannot say is accepted by a line of the known file: " + strings.TrimSuffix(report.KnownLine(f, "WHY", "WHO", ""), "\n")
	c.result.Findings = append(c.result.Findings, Finding{f, ch, witness})
}

// approves reports whether the catalog's row requires no more than a witness does.
func (c *comparison) approves(method, path string, req perm.Requirement) bool {
	if c.head.Table == nil || req.IsUnknown() {
		return false
	}
	row, ok := c.head.Table.Endpoint(method, path)
	if !ok {
		row, ok = c.head.Table.Endpoint(catalogs.AnyMethod, path)
	}
	if !ok || row.Requires == nil || row.Requires.IsUnknown() {
		return false
	}
	said, strange := c.head.Table.CanonicalRequirement(req)
	if len(strange) > 0 {
		return false
	}
	effect := c.implies.Compare(*row.Requires, said)
	return effect == perm.Same || effect == perm.Narrows
}
