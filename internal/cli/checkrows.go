package cli

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/gate"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A checkRow is one endpoint of one service.
type checkRow struct {
	unit         *unit
	method, path string
	says         map[string][]saying // by witness; absent: it does not have the endpoint
	parts        []part              // what is wrong, gravest first
	differed     bool                // parts were taken away, which are known or of the base
}

// A saying is what one witness says that the endpoint requires.
type saying struct {
	text *string // nil: it declares nothing
	note string
	pos  catalogs.Pos
	mute bool // it does not say what could be compared
}

// unverified reports whether the row's witnesses do not differ, but were not all compared:
// one cannot speak about it, or there is only one.
func (r *checkRow) unverified() bool {
	speak, public := 0, false
	for _, list := range r.says {
		for _, s := range list {
			public = public || s.text != nil && *s.text == perm.Public().String()
		}
	}
	for _, list := range r.says {
		for _, s := range list {
			if s.mute && !(public && s.text == nil) { // what is public declares nothing, rightly
				return true
			}
		}
		speak++
	}
	return speak < 2
}

// A part is one reason why a row's witnesses differ, as vet or diff finds it.
type part struct {
	*report.Finding
	differ []string // witnesses
	other  string   // whom it is compared with
}

// inTable are the rules of vet that are about a row.
var inTable = map[string]bool{
	"undeclared": true, "unknown-permission": true, "mismatch": true, "stricter": true,
	"route-not-in-catalog": true, "endpoint-without-route": true, "unresolved": true, "takes-over-stricter": true, "answered-by-weaker": true,
}

// checkRules are the rules that check reports: those of vet, and of diff.
func checkRules() map[string]bool {
	out := maps.Clone(vetRules)
	for _, id := range diffRules {
		out[id] = true
	}
	out[gate.Rule], out["catalog-weakened"] = true, true
	return out
}

// compare makes the tables and what is wrong in them.
func (c *checked) compare() error {
	var vetted []*report.Finding
	if c.program != nil {
		vetted, c.summary = c.program.vet()
	}
	for _, u := range c.units {
		u.table(c.config)
		rest, err := u.compare(c, vetted)
		if err != nil {
			return err
		}
		vetted = rest
	}
	used := map[string]bool{}
	for _, u := range c.units {
		maps.Copy(used, u.excuses)
	}
	if c.program == nil || len(c.program.Errors) == 0 {
		c.others = append(c.others, unusedExcuses(c.config, used, c.root)...)
	}
	// A row of a shared catalog that no service has to have may be served by one that was
	// left out.
	c.others = append(c.others, slices.DeleteFunc(vetted, func(f *report.Finding) bool {
		return len(c.config.Services) > 0 && f.Rule == "endpoint-without-route"
	})...)
	return nil
}

// unusedExcuses reports the entries of ignore-routes that excuse nothing.
func unusedExcuses(config *catalogs.Config, used map[string]bool, root string) []*report.Finding {
	var out []*report.Finding
	for _, ig := range config.IgnoreRoutes {
		if used[ig.Pattern] {
			continue
		}
		f := &report.Finding{
			Rule: "ignore-unmatched", Subject: "ignore-routes " + ig.Pattern, Position: ig.Pos,
			Message: fmt.Sprintf("ignore-routes names %s, and nothing has such an endpoint", ig.Pattern),
			Fix:     "Remove the entry, or correct its method or path.",
		}
		f.Position.File = witness.RelativeTo(root, f.Position.File)
		out = append(out, f)
	}
	return out
}

// table makes the rows of every endpoint that some witness has.
func (u *unit) table(config *catalogs.Config) {
	u.byKey = map[string]*checkRow{}
	type entry struct {
		witness, method, path string
		saying
	}
	var entries []entry
	add := func(witness string, e *catalogs.Endpoint, note string, mute bool) {
		if u.excused(config, e.Method, e.Path) {
			return
		}
		s := sayingOf(e, note)
		s.mute = s.mute || mute
		entries = append(entries, entry{witness, e.Method, e.Path, s})
	}
	if u.catalog != nil {
		for i := range u.catalog.Endpoints {
			if e := &u.catalog.Endpoints[i]; u.mine(e.Path) || u.has(e.Path) {
				note := ""
				if e.SameAs != "" {
					note = "same as " + e.SameAs
				}
				add("catalog", e, note, false)
			}
		}
	}
	for i := range u.endpoints {
		add("code", &u.endpoints[i].Endpoint, "", false)
	}
	for _, d := range u.documents {
		for i := range d.projection.Catalog.Endpoints {
			note := ""
			if d.projection.Unstated[i] {
				note = "names no permission"
			}
			add(d.name, &d.projection.Catalog.Endpoints[i], note, d.projection.Unstated[i] && !u.anyKey(&d.projection.Catalog.Endpoints[i]))
		}
	}
	// A row for any method speaks of each method that another witness has.
	methods := map[string][]*checkRow{}
	for _, e := range entries {
		if e.method == catalogs.AnyMethod {
			continue
		}
		r := u.row(e.method, e.path)
		r.says[e.witness] = append(r.says[e.witness], e.saying)
		key := catalogs.EndpointKey("", e.path)
		if !slices.Contains(methods[key], r) {
			methods[key] = append(methods[key], r)
		}
	}
	for _, e := range entries {
		if e.method != catalogs.AnyMethod {
			continue
		}
		rows := methods[catalogs.EndpointKey("", e.path)]
		if len(rows) == 0 {
			rows = []*checkRow{u.row(e.method, e.path)}
		}
		for _, r := range rows {
			if len(r.says[e.witness]) == 0 {
				r.says[e.witness] = append(r.says[e.witness], e.saying)
			}
		}
	}
	u.answered()
}

// sayingOf is what a witness says of its endpoint. One that declares nothing and one that says
// unknown cannot be compared, unless what refuses requests without a key is seen.
func sayingOf(e *catalogs.Endpoint, note string) saying {
	s := saying{note: note, pos: e.Pos}
	switch {
	case e.Requires != nil:
		text := e.Requires.String()
		s.text, s.mute = &text, e.Requires.IsUnknown()
	case e.Routed != nil && e.Routed.Asks:
		text := perm.Authenticated().String()
		s.text = &text
	default:
		s.mute = true
	}
	return s
}

// anyKey reports whether the catalog says of an endpoint what a document says that demands a
// credential and names no permission.
func (u *unit) anyKey(e *catalogs.Endpoint) bool {
	if u.catalog == nil {
		return false
	}
	row, ok := u.catalog.Endpoint(e.Method, e.Path)
	return ok && row.Requires != nil && row.Requires.IsAuthenticated()
}

// answered adds to each row that a witness does not list what of it answers the row.
func (u *unit) answered() {
	for _, r := range u.rows {
		for _, d := range u.documents {
			if len(r.says[d.name]) > 0 {
				continue
			}
			for _, by := range d.answers.Resolve(r.method, r.path).Rows {
				e := &d.projection.Catalog.Endpoints[by.ID]
				s := sayingOf(e, "by "+e.String())
				s.mute = s.mute || d.projection.Unstated[by.ID]
				r.says[d.name] = append(r.says[d.name], s)
			}
		}
		if len(r.says["code"]) > 0 || !u.code {
			continue
		}
		for _, by := range u.answers.Resolve(r.method, r.path).Rows {
			e := &u.endpoints[by.ID].Endpoint
			if !e.Routed.GrantsNothing() && !e.Routed.Opaque() {
				r.says["code"] = append(r.says["code"], sayingOf(e, "by "+e.String()))
			}
		}
	}
}

// row returns the row of an endpoint, made if there is none.
func (u *unit) row(method, path string) *checkRow {
	key := catalogs.EndpointKey(method, path)
	r := u.byKey[key]
	if r == nil {
		r = &checkRow{unit: u, method: method, path: path, says: map[string][]saying{}}
		u.byKey[key] = r
		u.rows = append(u.rows, r)
	}
	return r
}

// owns reports whether a path is below a prefix that the service owns by name.
func owns(s catalogs.Service, path string) bool {
	return slices.ContainsFunc(s.Owns, func(prefix string) bool {
		return path == prefix || strings.HasPrefix(path, strings.TrimSuffix(prefix, "/")+"/")
	})
}

// mine reports whether this service must have the catalog's row. Of a shared catalog
// those are the rows that it owns; one that owns none by name has what nobody else
// owns, together with others like it.
func (u *unit) mine(path string) bool {
	if len(u.Owns) > 0 {
		return owns(u.Service, path)
	}
	if len(u.others) == 0 && len(u.sharers) == 0 {
		return true
	}
	for _, s := range u.others {
		if len(s.Owns) == 0 || owns(s, path) {
			return false // it may be served by a service that is not looked at
		}
	}
	first := true // of those that own nothing by name; when none has the row, it lacks it
	for _, v := range u.sharers {
		if owns(v.Service, path) || len(v.Owns) == 0 && v.has(path) && !u.has(path) {
			return false
		}
		first = first && (len(v.Owns) > 0 || u.Name < v.Name)
	}
	return first || u.has(path)
}

// has reports whether the unit's code or a document has the path.
func (u *unit) has(path string) bool {
	key := catalogs.EndpointKey("", path)
	return u.paths[key] || slices.ContainsFunc(u.documents, func(d *document) bool { return d.paths[key] })
}

// compare compares each pair of witnesses and gives the findings to the rows that they
// are about. It returns the findings of vet that are about none of its rows.
func (u *unit) compare(c *checked, vetted []*report.Finding) (rest []*report.Finding, err error) {
	for _, f := range vetted {
		row := u.rowOf(f)
		if !inTable[f.Rule] || row == nil || f.Service != u.Name && f.Service != "" ||
			f.Rule == "endpoint-without-route" && !u.mine(row.path) {
			rest = append(rest, f)
			continue
		}
		other := ""
		if u.catalog != nil {
			other = "catalog"
		}
		row.parts = append(row.parts, part{f, []string{"code"}, other})
	}
	for _, d := range u.documents {
		if u.catalog != nil {
			if err := u.catalogAgainst(c, d); err != nil {
				return nil, err
			}
		}
	}
	for _, d := range u.documents {
		if u.code {
			if err := u.codeAgainst(c, d); err != nil {
				return nil, err
			}
		}
	}
	for i, d := range u.documents {
		for _, e := range u.documents[i+1:] {
			if err := u.documentsAgainst(c, d, e); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range u.rows {
		slices.SortStableFunc(r.parts, func(a, b part) int { return int(b.Severity()) - int(a.Severity()) })
		for _, p := range r.parts {
			p.Service = u.Name
		}
	}
	return rest, nil
}

// rowOf returns the row that a finding of vet is about.
func (u *unit) rowOf(f *report.Finding) *checkRow {
	keys := u.routes[f.Subject]
	method, path, ok := strings.Cut(f.Subject, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return nil
	}
	if len(keys) == 0 {
		keys = []string{catalogs.EndpointKey(method, path)}
	}
	if len(f.Args) > 0 && method == catalogs.AnyMethod { // of one of the rows that it serves
		_, p, _ := strings.Cut(keys[0], " ")
		if r := u.byKey[f.Args[0]+" "+p]; r != nil {
			return r
		}
	}
	if r := u.byKey[keys[0]]; r != nil {
		return r
	}
	if method == catalogs.AnyMethod {
		_, p, _ := strings.Cut(keys[0], " ")
		for _, r := range u.rows {
			if catalogs.EndpointKey("", r.path) == " "+p {
				return r
			}
		}
	}
	return nil
}

// catalogAgainst holds a document against the catalog.
func (u *unit) catalogAgainst(c *checked, d *document) error {
	from := *u.catalog
	from.Endpoints = nil
	for _, e := range u.catalog.Endpoints {
		key := catalogs.EndpointKey("", e.Path)
		elsewhere := slices.ContainsFunc(u.documents, func(o *document) bool { return o != d && o.paths[key] })
		if !u.excused(c.config, e.Method, e.Path) && (d.paths[key] || u.mine(e.Path) && !elsewhere) {
			from.Endpoints = append(from.Endpoints, e)
		}
	}
	result, err := drift.Compare(drift.Side{Catalog: &from}, drift.Side{Document: u.rest(c, d)}, c.options)
	if err != nil {
		return err
	}
	c.count(d, &result.Summary)
	if result.Silent != nil {
		c.empty = append(c.empty, u.prefix()+silent(d.name, result.Silent).Error())
	}
	for _, x := range result.Contradictions {
		f := drift.Contradicts(x)
		if row := u.byKey[catalogs.EndpointKey(x.Operation.Method, x.Operation.Path)]; row != nil {
			f.Subject = row.method + " " + row.path
			row.parts = append(row.parts, part{f, []string{d.name}, "catalog"})
		}
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		row := u.rowOfChange(ch)
		if row == nil || ch.Class == drift.Removed && len(row.parts) > 0 && slices.ContainsFunc(row.parts, func(p part) bool { return p.Rule == "endpoint-removed" }) {
			continue // of several documents, none has it: said once
		}
		row.parts = append(row.parts, part{says(row, ch, d.name, "the catalog"), []string{d.name}, "catalog"})
	}
	return nil
}

// codeAgainst holds the code against a document. What the catalog's own comparisons say
// already is not said again.
func (u *unit) codeAgainst(c *checked, d *document) error {
	code := &catalogs.Catalog{Name: "code", File: "code"}
	if u.catalog != nil {
		code.Permissions = u.catalog.Permissions
	}
	strange := map[string]bool{}
	for _, e := range u.endpoints {
		key := catalogs.EndpointKey("", e.Path)
		elsewhere := slices.ContainsFunc(u.documents, func(o *document) bool { return o != d && o.paths[key] })
		if d.paths[key] || !elsewhere {
			code.Endpoints = append(code.Endpoints, e.Endpoint)
		}
		if e.strange {
			strange[catalogs.EndpointKey(e.Method, e.Path)] = true
		}
	}
	result, err := drift.Compare(drift.Side{Document: u.rest(c, d)}, drift.Side{Catalog: code, EndpointsOnly: true}, c.options)
	if err != nil {
		return err
	}
	if u.catalog == nil {
		c.count(d, &result.Summary)
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		row := u.rowOfChange(ch)
		if row == nil || u.said(c, row, ch, strange) {
			continue
		}
		row.parts = append(row.parts, part{says(row, ch, "the code", d.name), []string{"code", d.name}, d.name})
	}
	return nil
}

// said reports whether what a document and the code differ in follows from what is said
// of the row already, or from what a comment in the code excuses.
func (u *unit) said(c *checked, row *checkRow, ch *drift.Change, strange map[string]bool) bool {
	absent := ch.Class == drift.Added || ch.Class == drift.Removed
	catalogued := false
	for _, s := range row.says["catalog"] {
		catalogued = catalogued || s.text != nil && *s.text != "unknown"
	}
	excused := false
	for of := range c.program.excused {
		excused = excused || of[0] == u.Name && slices.Contains(u.routes[of[1]], catalogs.EndpointKey(row.method, row.path))
	}
	switch {
	case catalogued && (len(row.parts) > 0 || excused), excused && ch.Rule == "undeclared":
		return true
	case strange[catalogs.EndpointKey(row.method, row.path)] && len(row.parts) > 0:
		return true
	}
	return (absent || slices.ContainsFunc(row.parts, func(p part) bool { return p.Rule == ch.Rule })) && len(row.parts) > 0
}

// documentsAgainst compares what two documents both have and no catalog lists.
func (u *unit) documentsAgainst(c *checked, d, e *document) error {
	from := *d.projection.Catalog
	from.Endpoints = nil
	to := *u.rest(c, e)
	to.Operations = nil
	for i, row := range d.projection.Catalog.Endpoints {
		r := u.byKey[catalogs.EndpointKey(row.Method, row.Path)]
		if r == nil || d.projection.Unstated[i] || len(r.says["catalog"]) > 0 || len(r.says[e.name]) == 0 {
			continue
		}
		from.Endpoints = append(from.Endpoints, row)
		for _, o := range e.Operations {
			if o.Kind == openapi.Endpoint && catalogs.EndpointKey(o.Method, o.Path) == catalogs.EndpointKey(row.Method, row.Path) {
				to.Operations = append(to.Operations, o)
			}
		}
	}
	if len(from.Endpoints) == 0 {
		return nil
	}
	result, err := drift.Compare(drift.Side{Catalog: &from, EndpointsOnly: true}, drift.Side{Document: &to}, c.options)
	if err != nil {
		return err
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		row := u.rowOfChange(ch)
		// What one of them and the code differ in shows it.
		shown := row == nil || slices.ContainsFunc(row.parts, func(p part) bool { return p.other == d.name || p.other == e.name })
		if !shown {
			row.parts = append(row.parts, part{says(row, ch, e.name, d.name), []string{d.name, e.name}, d.name})
		}
	}
	return nil
}

// rest returns the document without what ignore-routes excuses.
func (u *unit) rest(c *checked, d *document) *openapi.Document {
	doc := *d.Document
	doc.Operations = slices.DeleteFunc(slices.Clone(doc.Operations), func(o openapi.Operation) bool {
		return o.Kind != openapi.Endpoint || u.excused(c.config, o.Method, o.Path)
	})
	return &doc
}

// rowOfChange returns the row that a change is about. A path item that could not be read
// is about all methods of its path.
func (u *unit) rowOfChange(ch *drift.Change) *checkRow {
	if ch.Method == "" || !strings.HasPrefix(ch.Path, "/") {
		return nil
	}
	if r := u.byKey[catalogs.EndpointKey(ch.Method, ch.Path)]; r != nil {
		return r
	}
	key := catalogs.EndpointKey("", ch.Path)
	for _, r := range u.rows {
		if ch.Method == catalogs.AnyMethod && catalogs.EndpointKey("", r.path) == key {
			if ch.Class == drift.Added || ch.Class == drift.Removed {
				return nil // of the methods that somebody lists, each has its row
			}
			return r
		}
	}
	return u.row(ch.Method, ch.Path)
}

// says is a change as a finding about two witnesses: what is said by one, against the
// other.
func says(row *checkRow, ch *drift.Change, who, whom string) *report.Finding {
	f := ch.Finding()
	text := func(s *string) string {
		if s == nil {
			return "nothing"
		}
		return *s
	}
	from, to := text(ch.From), text(ch.To)
	subject := row.method + " " + row.path // as the table has it
	f.Subject = subject
	if ch.Rule == "answered-by-weaker" {
		f.Message = fmt.Sprintf("%s: %s answers it by %s, which requires %s; %s requires %s", subject, who, ch.FallsTo, to, whom, from)
		f.Args = append(f.Args, who, whom)
		f.Evidence = slices.Clone(ch.Evidence)
		return f
	}
	switch ch.Class {
	case drift.Added:
		f.Message = fmt.Sprintf("%s: %s has it and asks for %s; %s does not have it", subject, who, to, whom)
	case drift.Removed:
		f.Message = fmt.Sprintf("%s: %s does not have it; %s asks for %s", subject, who, whom, from)
	case drift.Weakened:
		f.Message = fmt.Sprintf("%s: %s asks for %s, less than %s with %s", subject, who, to, whom, from)
	case drift.Strengthened:
		f.Message = fmt.Sprintf("%s: %s asks for %s, more than %s with %s", subject, who, to, whom, from)
	case drift.Incomparable:
		f.Message = fmt.Sprintf("%s: %s asks for %s, %s for %s", subject, who, to, whom, from)
	default:
		f.Message = fmt.Sprintf("%s: %s against %s: %s", subject, who, whom, ch.Why)
	}
	// Why a change matters speaks of before and now; these are two witnesses of today.
	f.Evidence = slices.Clone(ch.Evidence)
	if ch.MovedFrom != "" || ch.FallsTo != "" {
		f.Evidence = append([]string{ch.Why}, f.Evidence...)
	}
	f.Args = append(f.Args, who, whom)
	if ch.From != nil {
		f.Was = *ch.From
	}
	if ch.To != nil {
		f.Now = *ch.To
	}
	return f
}

// count adds what a comparison left open to the notes.
func (c *checked) count(d *document, s *drift.Summary) {
	note := func(n int, what string) {
		if n > 0 {
			c.notes = append(c.notes, fmt.Sprintf("%s: %s", d.name, strings.Replace(what, "N", plural(n, "operation"), 1)))
		}
	}
	note(s.Unverified, "N not compared: the other side says unknown")
	note(s.Unstated, "no permission is named by N, which demand a credential; --unstated=error reports them")
	for _, scheme := range slices.Sorted(maps.Keys(s.AlsoAdmits)) {
		note(s.AlsoAdmits[scheme], scheme+", which carries no permission, is enough for N too")
	}
	note(s.ExtraServers, "N with several servers: the path of the first counts")
	for _, p := range s.Problems {
		c.notes = append(c.notes, p.Position+": not understood: "+p.Message)
	}
}

// finding is the row as one finding: the gravest of its parts, with what each witness
// says and the other parts as evidence.
func (r *checkRow) finding() *report.Finding {
	f := *r.parts[0].Finding
	f.Evidence = nil
	for _, w := range r.unit.witnesses() {
		f.Evidence = append(f.Evidence, w+": "+r.cell(w, true))
	}
	for i, p := range r.parts {
		if i > 0 {
			f.Evidence = append(f.Evidence, fmt.Sprintf("also %s: %s [%s]", p.Severity(), p.Message, p.Rule))
		}
		for _, e := range p.Evidence {
			if !strings.HasPrefix(e, "catalog: ") { // shown among the witnesses
				f.Evidence = append(f.Evidence, e)
			}
		}
	}
	return &f
}

// cell is what a witness says, with its position if that is asked for.
func (r *checkRow) cell(witness string, where bool) string {
	list := r.says[witness]
	switch {
	case len(list) == 0 && where:
		return "does not have it"
	case len(list) == 0:
		return "-"
	}
	var texts []string
	for _, s := range list {
		text := "nothing"
		if s.text != nil {
			text = *s.text
		}
		if where {
			if s.note != "" {
				text += " (" + s.note + ")"
			}
			text += "  " + s.pos.String()
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " / ")
}

// differ returns the witnesses that differ, in the order of columns.
func (r *checkRow) differ() []string {
	out := []string{}
	for _, w := range r.unit.witnesses() {
		if slices.ContainsFunc(r.parts, func(p part) bool { return slices.Contains(p.differ, w) }) {
			out = append(out, w)
		}
	}
	return out
}

// all returns every finding, of rows and others, a part each.
func (c *checked) all() []*report.Finding {
	var out []*report.Finding
	for _, u := range c.units {
		for _, r := range u.rows {
			for _, p := range r.parts {
				out = append(out, p.Finding)
			}
		}
	}
	return append(out, c.others...)
}

// seenFrom makes positions relative to another folder than the root: the one that
// permcheck runs in.
func (c *checked) seenFrom(dir string) {
	if c.from = dir; dir == c.root {
		return
	}
	seen := map[*report.Finding]bool{}
	for _, f := range c.all() {
		if !seen[f] {
			seen[f] = true
			c.place(&f.Position)
		}
	}
	for _, u := range c.units {
		for _, r := range u.rows {
			for _, list := range r.says {
				for i := range list {
					c.place(&list[i].pos)
				}
			}
		}
	}
}

// place makes a position that is relative to the root relative to where permcheck runs.
func (c *checked) place(p *catalogs.Pos) {
	if p.File != "" && !filepath.IsAbs(p.File) && !strings.Contains(p.File, ":") {
		p.File = witness.RelativeTo(c.from, filepath.Join(c.root, p.File))
	}
}

// keep drops the findings that are not in the list; those of the list that are new join
// the others.
func (c *checked) keep(list []*report.Finding) {
	in := map[*report.Finding]bool{}
	for _, f := range list {
		in[f] = true
	}
	for _, u := range c.units {
		for _, r := range u.rows {
			r.parts = slices.DeleteFunc(r.parts, func(p part) bool {
				kept := in[p.Finding]
				delete(in, p.Finding)
				r.differed = r.differed || !kept
				return !kept
			})
		}
	}
	c.others = slices.DeleteFunc(slices.Clone(list), func(f *report.Finding) bool { return !in[f] })
}

// accept takes away what the known file accepts.
func (c *checked) accept(a *app, o checkOptions, partly bool) error {
	file := cmp.Or(o.known, c.config.Known)
	wd, err := os.Getwd()
	if err != nil {
		return err
	}
	rest, n, err := applyKnown(file, c.all(), checkRules())
	if err != nil {
		return err
	}
	if partly { // entries about services that were left out are found no more
		rest = slices.DeleteFunc(rest, func(f *report.Finding) bool { return f.Rule == "known-unmatched" })
	}
	for _, f := range rest {
		if f.Position.File == file {
			f.Position.File = witness.RelativeTo(wd, file)
		}
	}
	c.known = n
	c.keep(rest)
	return nil
}

// since drops the findings that the base has too.
func (c *checked) since(base *checked) {
	fresh, old := newSince(c.all(), base.all())
	c.old = old
	c.keep(fresh)
}

// findings returns one finding a row, and the others, gravest first.
func (c *checked) findings() []*report.Finding {
	out := []*report.Finding{}
	for _, u := range c.units {
		for _, r := range u.rows {
			if len(r.parts) > 0 {
				out = append(out, r.finding())
			}
		}
	}
	out = append(out, c.others...)
	first := func(f *report.Finding) int { // what the whole change is about
		if f.Rule == "catalog-weakened" {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b *report.Finding) int {
		return cmp.Or(first(a)-first(b), -cmp.Compare(a.Severity(), b.Severity()), cmp.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column), cmp.Compare(a.Subject, b.Subject))
	})
	return out
}
