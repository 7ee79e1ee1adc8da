package catalogs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Lint is one thing about a catalog that looks like a mistake.
type Lint struct {
	Rule    string   // one of LintRules
	Subject string   // "METHOD /path", or a permission
	Args    []string // what else the lint is about: the other row, the other spelling
	Message string   // what looks wrong, as the end of a sentence about Subject
	Pos     Pos
	Odd     string // the reason why this is right, if the catalog gives one: odd:, or what else it states
	// Source and Evidence are those of the row or the permission: the id of a source, and how well
	// what looks wrong is founded.
	Source, Evidence string
}

// The rules of [Catalog.Lint].
const (
	// A collection's GET asks for other entities than the GET of its items.
	LintListGet = "list-get-differ"
	// A row asks for an entity that neither its path nor its siblings suggest.
	LintCrossEntity = "cross-entity"
	// A call that reads needs a permission to write.
	LintWriteOnRead = "write-on-read"
	// A call that writes is open to keys that may only read.
	LintReadOnWrite = "read-on-write"
	// Two rows with different requirements match the same path, and neither is the
	// more specific one.
	LintOverlap = "overlapping-templates"
	// Two permissions name their entities almost alike.
	LintNearPermission = "near-miss-permission"
	// Two permissions for reading and writing put the same entity at different places.
	LintSplitEntity = "split-entity"
	// Two path segments at one place are spelled almost alike.
	LintNearPath = "near-miss-path"
	// A path ends in a slash where others do not.
	LintTrailingSlash = "trailing-slash"
	// A path joins words in another way than nearly all others.
	LintPathStyle = "mixed-path-style"
	// Sources differ in where an endpoint is.
	LintPathElsewhere = "path-elsewhere"
	// A permission governs nothing.
	LintUnused = "unused-permission"
	// A row explains why it is right although nothing looks wrong.
	LintOddUnneeded = "odd-unneeded"
)

// LintRules lists the rules of [Catalog.Lint].
var LintRules = []string{
	LintListGet, LintCrossEntity, LintWriteOnRead, LintReadOnWrite, LintOverlap,
	LintNearPermission, LintSplitEntity, LintNearPath, LintTrailingSlash, LintPathStyle,
	LintPathElsewhere, LintUnused, LintOddUnneeded,
}

// Lint returns what looks like a mistake in the catalog, in file order. Names are taken
// apart by rules of thumb (see Words in the package documentation), so a lint is a
// question to the author, which odd: answers; a lint that is answered is returned
// with the answer.
//
// Rows whose requirement is not a formula take part in the rules about paths only.
// The time it takes grows about linearly with the catalog.
func (c *Catalog) Lint() []Lint {
	l := newLinter(c)
	l.listGet()
	l.crossEntity()
	l.effects()
	l.overlaps()
	l.permissionNames()
	l.paths()
	l.elsewhere()
	l.unused()
	l.odd()
	slices.SortStableFunc(l.out, func(a, b Lint) int {
		return cmp.Or(strings.Compare(a.Pos.File, b.Pos.File), a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return l.out
}

type linter struct {
	c         *Catalog
	im        *perm.Implications
	names     map[perm.Permission]permName // by id and by alias
	rows      []lintRow
	spelling  map[string]string // entity -> as the first permission that names it spells it
	out       []Lint
	oddRows   map[int]bool // rows that have a lint
	oddPerms  map[int]bool // permissions that have one
	listLints map[int]bool // rows with a list-get lint, which says the same more clearly
}

type lintRow struct {
	e    *Endpoint
	req  perm.Requirement
	tmpl Template
	ok   bool // tmpl is valid
	// entities are what the row asks for, rights over everything apart. Empty when it is
	// not a formula, or asks for such rights only.
	entities []entity
}

func newLinter(c *Catalog) *linter {
	c = c.written()
	l := &linter{
		c: c, im: c.Implications(), names: map[perm.Permission]permName{}, spelling: map[string]string{},
		oddRows: map[int]bool{}, oddPerms: map[int]bool{}, listLints: map[int]bool{},
	}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		n := readName(string(p.ID))
		if len(p.Implies) > 0 { // a toggle or a role: what it is named after says little
			n.entity = nil
		}
		l.names[p.ID] = n
		l.name(p.ID)
		for _, a := range p.Aliases {
			l.names[a] = n
		}
	}
	l.rows = make([]lintRow, len(c.Endpoints))
	for i := range c.Endpoints {
		row := lintRow{e: &c.Endpoints[i], req: perm.Unknown()}
		if row.e.Requires != nil {
			row.req = *row.e.Requires
		}
		var err error
		row.tmpl, err = ParseTemplate(row.e.Path)
		row.ok = err == nil
		for _, p := range row.req.Permissions() {
			if n := l.name(p); len(n.entity) > 0 && !slices.ContainsFunc(row.entities, n.entity.equal) {
				row.entities = append(row.entities, n.entity)
			}
		}
		l.rows[i] = row
	}
	return l
}

// name returns the words of a permission, which may be one that the catalog does not
// list: witnesses are linted too.
func (l *linter) name(p perm.Permission) permName {
	n, ok := l.names[p]
	if !ok {
		n = readName(string(p))
		l.names[p] = n
	}
	if _, ok := l.spelling[n.entity.key()]; !ok {
		l.spelling[n.entity.key()] = n.raw
	}
	return n
}

func (l *linter) row(i int, rule string, args []string, format string, a ...any) {
	e := l.rows[i].e
	l.oddRows[i] = true
	l.out = append(l.out, Lint{Rule: rule, Subject: e.String(), Args: args, Message: fmt.Sprintf(format, a...), Pos: e.Pos, Odd: e.Odd,
		Source: e.Source, Evidence: e.Evidence})
}

// answered gives the last lint the reason that the catalog's own statement is, unless odd:
// has a better one.
func (l *linter) answered(reason string) {
	if last := &l.out[len(l.out)-1]; last.Odd == "" {
		last.Odd = reason
	}
}

func (l *linter) permission(i int, rule string, args []string, format string, a ...any) {
	p := &l.c.Permissions[i]
	l.oddPerms[i] = true
	l.out = append(l.out, Lint{Rule: rule, Subject: string(p.ID), Args: args, Message: fmt.Sprintf(format, a...), Pos: p.Pos, Odd: p.Odd,
		Source: p.Source, Evidence: p.Evidence})
}

// listGet compares GET of a collection with GET of its items.
func (l *linter) listGet() {
	gets := map[string]int{}
	for i, r := range l.rows {
		if r.ok && r.e.Method == "GET" {
			gets[r.tmpl.Key()] = i
		}
	}
	for i, r := range l.rows {
		if !r.ok || r.e.Method != "GET" || len(r.entities) == 0 {
			continue
		}
		j, ok := gets[strings.TrimSuffix(r.tmpl.Key(), "/")+"/{}"]
		if !ok || j == i || len(l.rows[j].entities) == 0 || related(r.entities, l.rows[j].entities, entity.equal) {
			continue
		}
		get := l.rows[j]
		l.listLints[i] = true
		l.row(i, LintListGet, []string{get.e.String()}, "asks for %s, but %s, which returns one of these, asks for %s", r.req, get.e, get.req)
	}
}

// crossEntity looks for rows that ask for an entity that neither the path nor the
// siblings lead one to expect.
func (l *linter) crossEntity() {
	// What a path segment may name: an entity's last part, or all its parts together.
	named := map[string][]entity{}
	for i := range l.c.Permissions {
		ent := l.names[l.c.Permissions[i].ID].entity
		if len(ent) == 0 {
			continue
		}
		for _, word := range []string{ent[len(ent)-1], ent.phrase()} {
			if word = strings.ReplaceAll(word, " ", ""); !slices.ContainsFunc(named[word], ent.equal) {
				named[word] = append(named[word], ent)
			}
		}
	}
	byPath := make([][]entity, len(l.rows))
	for i, r := range l.rows {
		for _, lit := range r.literals() {
			byPath[i] = append(byPath[i], named[normal(lit)]...)
		}
	}

	flagged := map[int]bool{}
	for i, r := range l.rows {
		if len(r.entities) == 0 || len(byPath[i]) == 0 || l.listLints[i] || r.mentions() || related(r.entities, byPath[i], entity.kin) {
			continue
		}
		flagged[i] = true
		l.row(i, LintCrossEntity, nil, "asks for %s, though its path names %s", r.req, l.spelling[byPath[i][len(byPath[i])-1].key()])
	}

	groups := l.siblings()
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		members := groups[group]
		count := map[string]int{}
		total := 0
		for _, i := range members {
			if ents := l.rows[i].entities; len(ents) > 0 {
				total++
				for _, e := range ents {
					count[e.key()]++
				}
			}
		}
		usual, most := "", 0
		for _, k := range slices.Sorted(maps.Keys(count)) {
			if count[k] > most {
				usual, most = k, count[k]
			}
		}
		if most < 3 || most*4 < total*3 {
			continue
		}
		common := []entity{strings.Split(usual, ":")}
		for _, i := range members {
			r := l.rows[i]
			if len(r.entities) == 0 || flagged[i] || l.listLints[i] ||
				related(r.entities, common, entity.kin) || related(r.entities, byPath[i], entity.kin) {
				continue
			}
			l.row(i, LintCrossEntity, nil, "asks for %s, while %d of the %d rows %s ask for %s", r.req, most, total, group, l.spelling[usual])
		}
	}
}

// literals returns the segments of the path without parameters.
func (r *lintRow) literals() (out []string) {
	if r.ok {
		for _, s := range r.tmpl.segs {
			if lit, ok := s.literal(); ok && lit != "" {
				out = append(out, lit)
			}
		}
	}
	return out
}

// mentions reports whether the path has a word in common with what the row asks for.
func (r *lintRow) mentions() bool {
	for _, lit := range r.literals() {
		for _, w := range strings.Fields(phrase(lit)) {
			for _, e := range r.entities {
				if slices.Contains(strings.Fields(e.phrase()), w) {
					return true
				}
			}
		}
	}
	return false
}

// siblings groups rows by section, or without sections by the path in front of the
// first parameter. The keys are phrases for messages.
func (l *linter) siblings() map[string][]int {
	groups := map[string][]int{}
	var loose []int // rows of literal paths only
	for i, r := range l.rows {
		switch {
		case r.e.Section != "":
			key := fmt.Sprintf("under %q", r.e.Section)
			groups[key] = append(groups[key], i)
		case !r.ok:
		case r.tmpl.Concrete():
			loose = append(loose, i)
		default:
			head, _, _ := strings.Cut(r.e.Path, "{")
			head = head[:strings.LastIndexByte(head, '/')]
			key := "below " + head + "/"
			groups[key] = append(groups[key], i)
		}
	}
	for _, i := range loose {
		// GET /users stands with /users/{id}, and so does POST /users/search.
		path := strings.TrimSuffix(l.rows[i].e.Path, "/")
		for _, head := range []string{path, path[:max(0, strings.LastIndexByte(path, '/'))]} {
			key := "below " + head + "/"
			if _, ok := groups[key]; ok {
				groups[key] = append(groups[key], i)
				break
			}
		}
	}
	return groups
}

// effects holds what a call does against what its permissions are for.
func (l *linter) effects() {
	for i, r := range l.rows {
		clauses := r.req.Clauses()
		if len(clauses) == 0 {
			continue
		}
		if r.e.Reads() {
			needsWrite := func(s perm.Set) bool {
				return slices.ContainsFunc(s, func(p perm.Permission) bool { return l.name(p).action == write })
			}
			general := func(s perm.Set) bool { // an administrator may do anything
				return all(s, func(p perm.Permission) bool { return len(l.name(p).entity) == 0 })
			}
			if slices.ContainsFunc(clauses, needsWrite) && all(clauses, func(s perm.Set) bool { return needsWrite(s) || len(s) > 0 && general(s) }) {
				l.row(i, LintWriteOnRead, nil, "reads, but asks for %s; if the call changes something, say effect: write", r.req)
			} else if stated := (&Endpoint{Method: r.e.Method}); !stated.Reads() && slices.ContainsFunc(clauses, l.readsOnly) {
				l.row(i, LintReadOnWrite, nil, "is a %s that is open to keys that may only read: %s", r.e.Method, r.req)
				l.answered("effect: read says that it changes nothing")
			}
			continue
		}
		if slices.ContainsFunc(clauses, l.readsOnly) {
			l.row(i, LintReadOnWrite, nil, "writes, but is open to keys that may only read: %s; if the call changes nothing, say effect: read", r.req)
		}
	}
}

// readsOnly reports whether all permissions are ones to read.
func (l *linter) readsOnly(s perm.Set) bool {
	return len(s) > 0 && all(s, func(p perm.Permission) bool { return l.name(p).action == read })
}

// elsewhere tells which rows stand under another path in one of the sources: once for each way
// in which the paths differ.
func (l *linter) elsewhere() {
	type way struct{ source, took, gave string }
	first := map[way]int{}
	rows := map[way]int{}
	for i := range l.rows {
		for _, also := range l.rows[i].e.Also {
			took, gave := differing(l.rows[i].e.Path, also.Path)
			w := way{also.Source, took, gave}
			if rows[w]++; rows[w] == 1 {
				first[w] = i
			}
		}
	}
	for i := range l.rows {
		for _, also := range l.rows[i].e.Also {
			took, gave := differing(l.rows[i].e.Path, also.Path)
			w := way{also.Source, took, gave}
			if first[w] != i {
				continue
			}
			l.row(i, LintPathElsewhere, []string{also.Source, also.Path}, "is %s in %s%s", also.Path, cmp.Or(l.c.Sources[also.Source], also.Source), alike(rows[w]))
			l.answered("also: names both paths")
		}
	}
}

// differing returns the segments in which two paths differ, without what they begin and end
// with alike.
func differing(a, b string) (string, string) {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for len(as) > 0 && len(bs) > 0 && as[0] == bs[0] {
		as, bs = as[1:], bs[1:]
	}
	for len(as) > 0 && len(bs) > 0 && as[len(as)-1] == bs[len(bs)-1] {
		as, bs = as[:len(as)-1], bs[:len(bs)-1]
	}
	return strings.Join(as, "/"), strings.Join(bs, "/")
}

func alike(rows int) string {
	if rows == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d rows differ alike)", rows)
}

// unused finds permissions that govern nothing.
func (l *linter) unused() {
	if len(l.rows) == 0 { // a list of permissions alone
		return
	}
	used := map[perm.Permission]bool{}
	use := func(r *perm.Requirement) {
		if r != nil {
			for _, p := range r.Permissions() {
				used[p] = true
			}
		}
	}
	for i := range l.rows {
		use(l.rows[i].e.Requires)
	}
	for i := range l.c.Fields {
		use(l.c.Fields[i].Requires)
	}
	for i := range l.c.Records {
		for _, g := range l.c.Records[i].Grants {
			used[perm.Permission(g.Name)] = true
		}
	}
	for i := range l.c.Permissions {
		p := &l.c.Permissions[i]
		isUsed := used[p.ID] || slices.ContainsFunc(p.Aliases, func(a perm.Permission) bool { return used[a] })
		if !isUsed && !p.EndpointsUnknown && len(p.Implies) == 0 {
			l.permission(i, LintUnused, nil, "governs no endpoint, field or record; if the documents do not say which, say endpoints: unknown")
		}
	}
}

// odd finds reasons that answer no lint. It runs last.
func (l *linter) odd() {
	for i := range l.rows {
		if e := l.rows[i].e; e.Odd != "" && !l.oddRows[i] {
			l.out = append(l.out, Lint{Rule: LintOddUnneeded, Subject: e.String(), Message: "has an odd: although nothing about it looks wrong; make it a comment", Pos: e.Pos})
		}
	}
	for i := range l.c.Permissions {
		if p := &l.c.Permissions[i]; p.Odd != "" && !l.oddPerms[i] {
			l.out = append(l.out, Lint{Rule: LintOddUnneeded, Subject: string(p.ID), Message: "has an odd: although nothing about it looks wrong; make it a comment", Pos: p.Pos})
		}
	}
}

func all[S ~[]E, E any](s S, ok func(E) bool) bool {
	return !slices.ContainsFunc(s, func(e E) bool { return !ok(e) })
}

// related reports whether rel holds between some a and some b.
func related(as, bs []entity, rel func(a, b entity) bool) bool {
	return slices.ContainsFunc(as, func(a entity) bool {
		return slices.ContainsFunc(bs, func(b entity) bool { return rel(a, b) })
	})
}
