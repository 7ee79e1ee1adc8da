package cli

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/internal/gate"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

// A checkRow is one endpoint of one service, with what is wrong.
type checkRow struct {
	*drift.TableRow
	unit     *unit
	parts    []part // gravest first
	excused  []part // that comments in the code excuse
	accepted bool   // there were parts, which are known or of the base
}

// A part is one reason why a row's witnesses differ.
type part struct {
	*report.Finding
	differ []*drift.Witness
	other  *drift.Witness // whom they are compared with; nil: the catalog, or the base
}

// about reports whether the part is about one of two witnesses.
func (p *part) about(a, b *drift.Witness) bool {
	return slices.Contains(p.differ, a) || slices.Contains(p.differ, b) || p.other == a || p.other == b
}

// inTable are the rules of vet that are about what an endpoint requires, and so about a row.
var inTable = map[string]bool{
	guards.RuleUndeclared: true, guards.RuleUnknown: true, guards.RuleMismatch: true, guards.RuleStricter: true, guards.RuleNotInCatalog: true,
	guards.RuleNoRoute: true, guards.RuleUnresolved: true, guards.RuleTakesOver: true, guards.RuleAnswered: true,
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
	used := map[string]bool{}
	for _, u := range c.units {
		u.tabulate()
		if c.program != nil {
			u.vetted(c.program, c.program.excused, func(r *checkRow, p part) { r.excused = append(r.excused, p) })
			vetted = u.vetted(c.program, vetted, func(r *checkRow, p part) { r.parts = append(r.parts, p) })
		}
		if err := u.compare(c); err != nil {
			return err
		}
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

// tabulate makes the rows of every endpoint that some witness has.
func (u *unit) tabulate() {
	u.table = drift.NewTable(u.witnesses, func(w *drift.Witness, path string) bool {
		return w != u.catalog || u.mine(path) || u.has(path)
	})
	u.rows = map[*drift.TableRow]*checkRow{}
}

// row is a row of the table with what is wrong in it.
func (u *unit) row(r *drift.TableRow) *checkRow {
	if u.rows[r] == nil {
		u.rows[r] = &checkRow{TableRow: r, unit: u}
	}
	return u.rows[r]
}

// all returns the rows in the order of the table.
func (u *unit) all() []*checkRow {
	out := make([]*checkRow, len(u.table.Rows))
	for i, r := range u.table.Rows {
		out[i] = u.row(r)
	}
	return out
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

// has reports whether a witness besides the catalog has the path.
func (u *unit) has(path string) bool {
	return slices.ContainsFunc(u.witnesses, func(w *drift.Witness) bool { return w != u.catalog && w.Has(path) })
}

// vetted gives findings of vet to the rows that they are about, and returns the others.
func (u *unit) vetted(program *goProgram, findings []*report.Finding, add func(*checkRow, part)) (rest []*report.Finding) {
	for _, f := range findings {
		at := program.about[f]
		var row *drift.TableRow
		switch e, served := u.routes[at.Of]; {
		case f.Service != u.Name && f.Service != "", !inTable[f.Rule]:
		case at.Row != nil:
			row = u.table.Find(at.Row.Method, at.Row.Path)
		case served:
			row = u.table.Find(e.Method, e.Path)
		}
		if row == nil || f.Rule == "endpoint-without-route" && !u.mine(row.Path) {
			rest = append(rest, f)
			continue
		}
		add(u.row(row), part{f, []*drift.Witness{u.code}, u.catalog})
	}
	return rest
}

// compare holds each witness against those before it. The catalog and the code were held
// against each other by vet.
func (u *unit) compare(c *checked) error {
	for i, a := range u.witnesses {
		for _, b := range u.witnesses[i+1:] {
			if a == u.catalog && b == u.code {
				continue
			}
			if err := u.hold(c, a, b); err != nil {
				return err
			}
		}
	}
	for _, r := range u.all() {
		slices.SortStableFunc(r.parts, func(a, b part) int { return int(b.Severity()) - int(a.Severity()) })
		for _, p := range r.parts {
			p.Service = u.Name
		}
	}
	return nil
}

// documented reports whether one of the witnesses that describe the service, in parts maybe, and
// that is not w, has a path.
func (u *unit) documented(path string, w *drift.Witness) bool {
	return slices.ContainsFunc(u.witnesses, func(o *drift.Witness) bool { return o != w && u.isDocument(o) && o.Has(path) })
}

// isDocument reports whether a witness is a description of the service, of which there may be
// several that have a part each.
func (u *unit) isDocument(w *drift.Witness) bool { return w != u.catalog && w != u.code }

// hold compares two witnesses. Where a service is described in parts, a part need not have what
// another has.
func (u *unit) hold(c *checked, a, b *drift.Witness) error {
	keepA := func(_, path string) bool {
		return b.Has(path) || !u.documented(path, b) && (a != u.catalog || u.mine(path))
	}
	keepB := func(string, string) bool { return true }
	if u.isDocument(a) { // two parts are held against each other only on what both have
		keepA, keepB = u.listing(b), u.listing(a)
	}
	old, now, keepOld, keepNow := a, b, keepA, keepB
	if a == u.code { // the code is what changes
		old, now, keepOld, keepNow = b, a, keepB, keepA
	}
	result, err := u.table.Hold(old, now, keepOld, keepNow, c.options)
	if err != nil {
		return err
	}
	if a == u.witnesses[0] && !u.isDocument(a) {
		c.count(b, &result.Summary)
	}
	if a == u.catalog {
		u.unclear(c, b, result)
	}
	for i := range result.Changes {
		ch := &result.Changes[i]
		r := u.table.RowOf(ch)
		if r == nil {
			continue
		}
		row := u.row(r)
		if row.settled(ch, a, b) {
			continue
		}
		p := part{says(row, ch, u.called(now), u.called(old)), []*drift.Witness{b}, a}
		if a != u.catalog { // nobody knows who is wrong
			p.differ, p.other = []*drift.Witness{a, b}, b
		}
		if u.isDocument(a) {
			p.other = a
		}
		row.parts = append(row.parts, p)
	}
	return nil
}

// listing reports whether a witness lists an endpoint, or answers it.
func (u *unit) listing(w *drift.Witness) func(method, path string) bool {
	return func(method, path string) bool {
		r := u.table.Find(method, path)
		return r != nil && len(r.Says(w)) > 0
	}
}

// unclear notes what a witness says twice, and differently, and a witness of which nothing could
// be held against the catalog.
func (u *unit) unclear(c *checked, w *drift.Witness, result *drift.Result) {
	if result.Silent != nil {
		c.empty = append(c.empty, u.prefix()+silent(w.Name, result.Silent).Error())
	}
	for _, x := range result.Contradictions {
		if r := u.table.Find(x.Operation.Method, x.Operation.Path); r != nil {
			f := drift.Contradicts(x)
			f.Subject = r.Method + " " + r.Path
			row := u.row(r)
			row.parts = append(row.parts, part{f, []*drift.Witness{w}, u.catalog})
		}
	}
}

// called is how messages call a witness.
func (u *unit) called(w *drift.Witness) string {
	if w == u.catalog || w == u.code {
		return "the " + w.Name
	}
	return w.Name
}

// settled reports whether what two witnesses differ in follows from what is said of the row
// already: each is held against an earlier one that speaks of it, the part says the same, or the
// code names permissions that nobody knows. What differs from the catalog is always said, but
// that several documents lack the endpoint only once.
func (r *checkRow) settled(ch *drift.Change, a, b *drift.Witness) bool {
	if a == r.unit.catalog {
		return ch.Class == drift.Removed && slices.ContainsFunc(r.parts, func(p part) bool { return p.other == a && p.Rule == ch.Rule })
	}
	absent := ch.Class == drift.Added || ch.Class == drift.Removed
	spoken := false
	for _, w := range r.unit.witnesses {
		if w == a {
			break
		}
		spoken = spoken || r.Speaks(w)
	}
	return slices.ContainsFunc(append(slices.Clone(r.parts), r.excused...), func(p part) bool {
		return p.about(a, b) && (spoken || absent || p.Rule == ch.Rule || p.Rule == guards.RuleUnknown)
	})
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
	subject := row.Method + " " + row.Path // as the table has it
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
func (c *checked) count(w *drift.Witness, s *drift.Summary) {
	note := func(n int, what string) {
		if n > 0 {
			c.notes = append(c.notes, fmt.Sprintf("%s: %s", w.Name, strings.Replace(what, "N", plural(n, "operation"), 1)))
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
	for _, w := range r.unit.witnesses {
		f.Evidence = append(f.Evidence, w.Name+": "+r.cell(w, true))
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
func (r *checkRow) cell(w *drift.Witness, where bool) string {
	list := r.Says(w)
	switch {
	case len(list) == 0 && where:
		return "does not have it"
	case len(list) == 0:
		return "-"
	}
	var texts []string
	for _, s := range list {
		text := "nothing"
		if s.Requires != nil {
			text = *s.Requires
		}
		if where {
			for _, note := range []string{s.Note, strings.TrimSuffix("by "+s.By, "by ")} {
				if note != "" {
					text += " (" + note + ")"
				}
			}
			text += "  " + s.Pos.String()
		}
		if !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " / ")
}

// differ returns the names of the witnesses that differ, in the order of columns.
func (r *checkRow) differ() []string {
	out := []string{}
	for _, w := range r.unit.witnesses {
		if slices.ContainsFunc(r.parts, func(p part) bool { return slices.Contains(p.differ, w) }) {
			out = append(out, w.Name)
		}
	}
	return out
}

// all returns every finding, of rows and others, a part each.
func (c *checked) all() []*report.Finding {
	var out []*report.Finding
	for _, u := range c.units {
		for _, r := range u.all() {
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
		for _, r := range u.all() {
			for _, w := range u.witnesses {
				for i, list := 0, r.Says(w); i < len(list); i++ {
					c.place(&list[i].Pos)
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
		for _, r := range u.all() {
			r.parts = slices.DeleteFunc(r.parts, func(p part) bool {
				kept := in[p.Finding]
				delete(in, p.Finding)
				r.accepted = r.accepted || !kept
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
	rules := checkRules()
	rules[witness.InvalidRule] = a.validate
	rest, n, err := applyKnown(file, c.all(), rules)
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
		for _, r := range u.all() {
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
