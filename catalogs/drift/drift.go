package drift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/catalogs/verdict"
	"github.com/permcheck/permcheck/internal/report"
)

// A Side is one of the two sources: exactly one of its pointers is set.
type Side struct {
	Catalog  *catalogs.Catalog
	Document *openapi.Document
	// EndpointsOnly says that the catalog was made from a witness that cannot speak
	// of fields, records, browsers and credentials: Go source, a probe's report.
	// Its silence on them is no change.
	EndpointsOnly bool
}

// kind tells witnesses apart: a document, a catalog, and what cannot speak of more than
// endpoints.
func (s Side) kind() int {
	switch {
	case s.Document != nil:
		return 0
	case s.EndpointsOnly:
		return 1
	}
	return 2
}

// Options say how the sides are read.
type Options struct {
	Scopes           openapi.Scopes // how the scopes of one alternative combine
	PermissionScheme string         // whose scopes are permissions; empty: the only one that has scopes
	// Implies lists what a permission, scope or scheme implies besides what the
	// catalogs say; entries may contain * for any text.
	Implies map[string][]string
	// BasePath is put in front of each path that does not begin with it, and
	// replaces the base paths of servers.
	BasePath string
	// ReportUnstated makes each operation that names no permission a change.
	ReportUnstated bool
	// Grants are told who gains and who loses by each change.
	Grants []Grant
}

// Class is what happened to an endpoint.
type Class = verdict.Class

// The classes.
const (
	Added         = verdict.Added
	Removed       = verdict.Removed
	Weakened      = verdict.Weakened
	Strengthened  = verdict.Strengthened
	Incomparable  = verdict.Incomparable
	SchemeChanged = verdict.SchemeChanged
	Unknown       = verdict.Unknown
)

// A Change is one difference. An endpoint may have two: its requirement's own, and
// SchemeChanged.
type Change struct {
	Method string
	// Path is as the new side spells it, for removed ones the old side. Subjects
	// other than endpoints have a prefix: "webhook:", "callback:", "field:",
	// "sharing:", "browser:", "credential:".
	Path      string
	Class     Class
	Anonymous bool // anybody is admitted now, without any credential
	// From and To are the requirements' texts. Nil: there is no such endpoint, or
	// it declares nothing.
	From, To *string
	Rule     string // id of a row of report.Rules, which fixes the severity

	BasePath  string // the old side's spelling of the path, where it differs
	MovedFrom string // "METHOD /path" of the removed endpoint that this one replaces
	FallsTo   string // path that takes the removed one's requests and asks for less
	Scheme    string // the scheme that changed, or that nothing defines
	// SchemeWas and SchemeNow are the credentials that Scheme named and names.
	SchemeWas, SchemeNow string

	// Gains and Loses are the names of the grants that can do now what they could not,
	// and the other way round, in the order of Options.Grants.
	Gains, Loses []string

	Why      string   // one sentence: what it means for who gets in
	Evidence []string // lines that let a reader check it
	Position catalogs.Pos
}

// Severity returns the severity of the change's rule.
func (c *Change) Severity() report.Severity { return report.RuleByID(c.Rule).Severity }

// Subject returns "METHOD /path", or the path alone where there is no method.
func (c *Change) Subject() string { return strings.TrimSpace(c.Method + " " + c.Path) }

// Finding returns the change as a finding.
func (c *Change) Finding() *report.Finding {
	from, to := "declares nothing", "declares nothing"
	if c.From != nil {
		from = *c.From
	}
	if c.To != nil {
		to = *c.To
	}
	f := &report.Finding{
		Rule: c.Rule, Subject: c.Subject(), Args: []string{string(c.Class), from, to, c.Scheme},
		Position: c.Position, Evidence: c.Evidence,
	}
	if c.From != nil {
		f.Was = from
	}
	if c.To != nil {
		f.Now = to
	}
	if c.Class == SchemeChanged {
		f.Was, f.Now = c.SchemeWas, c.SchemeNow
	}
	if c.Why != "" {
		f.Evidence = append([]string{c.Why}, f.Evidence...)
	}
	for _, who := range []struct {
		names []string
		text  string
	}{{c.Gains, "can call it now: "}, {c.Loses, "can call it no longer: "}} {
		if len(who.names) > 0 {
			f.Evidence = append(slices.Clone(f.Evidence), who.text+strings.Join(who.names, ", "))
		}
	}
	switch c.Class {
	case Added:
		f.Message = fmt.Sprintf("%s: added, requires %s", c.Subject(), to)
	case Removed:
		f.Message = fmt.Sprintf("%s: removed, required %s", c.Subject(), from)
	default:
		f.Message = fmt.Sprintf("%s: %s, %s -> %s", c.Subject(), c.Class, from, to)
	}
	return f
}

// MarshalJSON writes the stable JSON form.
func (c *Change) MarshalJSON() ([]byte, error) {
	return report.JSON(struct {
		Method    string          `json:"method"`
		Path      string          `json:"path"`
		Change    Class           `json:"change"`
		Anonymous bool            `json:"anonymous"`
		From      *string         `json:"from"`
		To        *string         `json:"to"`
		Severity  report.Severity `json:"severity"`
		Rule      string          `json:"rule"`
		Position  string          `json:"position"`
		BasePath  string          `json:"base_path,omitempty"`
		MovedFrom string          `json:"moved_from,omitempty"`
		FallsTo   string          `json:"falls_to,omitempty"`
		Scheme    string          `json:"scheme,omitempty"`
		Gains     []string        `json:"gains,omitempty"`
		Loses     []string        `json:"loses,omitempty"`
	}{c.Method, c.Path, c.Class, c.Anonymous, c.From, c.To, c.Severity(), c.Rule, c.Position.String(),
		c.BasePath, c.MovedFrom, c.FallsTo, c.Scheme, c.Gains, c.Loses})
}

// A Summary counts what was compared and what was left open.
type Summary struct {
	Old        int `json:"old"`        // endpoints of the old side
	New        int `json:"new"`        // endpoints of the new side
	Same       int `json:"same"`       // endpoints whose requirement is the same
	Unverified int `json:"unverified"` // a catalog says unknown
	Unstated   int `json:"unstated"`   // the document demands a credential and names no permission
	Undeclared int `json:"undeclared"` // endpoints of the new side that declare nothing
	Unread     int `json:"unread"`     // could not be read, but is the same text on both sides
	// AlsoAdmits counts, by scheme, the operations that have an alternative with
	// it besides the one that names permissions. Such alternatives were dropped.
	AlsoAdmits map[string]int `json:"also_admits,omitempty"`
	// Undefined counts, by scheme, the operations of the new side that name a scheme
	// which nothing defines.
	Undefined map[string]int `json:"undefined,omitempty"`
	// ExtraServers counts operations of the new side with several servers, of
	// which the first one's path counts.
	ExtraServers int `json:"extra_servers,omitempty"`
	// Known counts the changes that a file of known findings accepts.
	Known   int           `json:"known,omitempty"`
	Changes map[Class]int `json:"changes,omitempty"`
	// Problems are the places that were not understood, of both sides and of what
	// belongs to them.
	Problems []Problem `json:"problems,omitempty"`
}

// A Problem is a place of a document that was not understood.
type Problem struct {
	Position string `json:"position"`
	Message  string `json:"message"`
}

// A Result is what a comparison found.
type Result struct {
	Changes []Change
	Summary Summary
	// Contradictions are operations of the new document whose scopes and permission extension
	// differ; between two documents, only where they did not before.
	Contradictions []openapi.Contradiction
	// Silent is a document of which nothing, or nothing that is sure, was held against a catalog
	// with permissions. Nil: none.
	Silent *Silence
	// Unchanged are the endpoints of the new side whose requirement is the same.
	Unchanged []string
	Access    []Access // of every endpoint of either side; nil without Options.Grants
}

// Findings returns the changes as findings, in the same order.
func (r *Result) Findings() []*report.Finding {
	out := make([]*report.Finding, len(r.Changes))
	for i := range r.Changes {
		out[i] = r.Changes[i].Finding()
	}
	return out
}

// Compare lists what changed from the old side to the new one, in the order of
// paths and methods. It fails when an option does not fit the sides.
func Compare(from, to Side, opts Options) (*Result, error) {
	c := &comparison{opts: opts, witnesses: from.kind() != to.kind()}
	c.table = c.witnesses && from.Catalog != nil && !from.EndpointsOnly
	c.result.Summary.Changes = map[Class]int{}
	c.result.Changes = []Change{}
	var err error
	if from.Document != nil && to.Document != nil {
		err = c.documents(from.Document, to.Document)
	} else {
		err = c.catalogs(from, to)
	}
	if err != nil {
		return nil, err
	}
	for _, d := range []*openapi.Document{from.Document, to.Document} {
		if d == nil {
			continue
		}
		for _, p := range d.Problems {
			c.result.Summary.Problems = append(c.result.Summary.Problems, Problem{p.Pos.String(), p.Message})
		}
	}
	if to.Document != nil {
		c.result.Summary.ExtraServers = to.Document.ExtraServers
		c.result.Summary.Undefined = undefined(to.Document)
	}
	c.contradictions(from, to)
	c.match()
	if from.Catalog != nil && to.Catalog != nil && !from.EndpointsOnly && !to.EndpointsOnly {
		c.subjects(from.Catalog, to.Catalog)
	}
	c.sort()
	return &c.result, nil
}

// contradictions notes what documents say twice, and differently.
func (c *comparison) contradictions(from, to Side) {
	before := map[string]bool{}
	text := func(x openapi.Contradiction) string {
		return strings.Join([]string{x.Operation.Method, x.Operation.Path, x.Scopes.String(), x.Extension.String()}, "\x00")
	}
	if from.Document != nil && to.Document != nil {
		for _, x := range from.Document.Contradictions(c.opts.PermissionScheme) {
			before[text(x)] = true
		}
	}
	d := to.Document
	if d == nil {
		d = from.Document
	}
	if d == nil {
		return
	}
	for _, x := range d.Contradictions(c.opts.PermissionScheme) {
		if !before[text(x)] {
			c.result.Contradictions = append(c.result.Contradictions, x)
		}
	}
}

// Contradicts returns a contradiction as a finding.
func Contradicts(x openapi.Contradiction) *report.Finding {
	return &report.Finding{
		Rule: "declarations-disagree", Level: report.Warning, Subject: x.Operation.Method + " " + x.Operation.Base + x.Operation.Path,
		Args: []string{"document"}, Was: x.Scopes.String(), Now: x.Extension.String(), Position: x.Operation.Pos,
		Message: fmt.Sprintf("%s %s: its scopes say %s, its permission extension %s", x.Operation.Method, x.Operation.Base+x.Operation.Path, x.Scopes, x.Extension),
		Fix:     "Make the two say the same, or ignore the extension: --permission-extension NAME:ignore.",
	}
}

// undefined counts the operations that name each scheme which nothing defines.
func undefined(d *openapi.Document) map[string]int {
	counts := map[string]int{}
	for i := range d.Operations {
		names := map[string]bool{}
		for _, alt := range d.Operations[i].Security {
			for _, u := range alt {
				if d.Schemes[u.Scheme] == nil {
					names[u.Scheme] = true
				}
			}
		}
		for name := range names {
			counts[name]++
		}
	}
	return counts
}

// text returns a pointer to the text of r.
func text(r perm.Requirement) *string {
	s := r.String()
	return &s
}
