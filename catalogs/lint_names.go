package catalogs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/permcheck/permcheck/internal/strictyaml"
)

// An entity is what a permission is about, outermost part first, each part its words
// in lower case and singular: Profile:Notes:READ is about [profile, note]. It is empty
// for a right over everything.
type entity []string

func (e entity) key() string         { return strings.Join(e, ":") }
func (e entity) phrase() string      { return strings.Join(e, " ") }
func (e entity) equal(f entity) bool { return slices.Equal(e, f) }

// kin reports whether the words of one begin with those of the other: a part of it
// (Profile, Profile:Note) or a narrower name (dashboard, dashboard share).
func (e entity) kin(f entity) bool {
	return begins(e.phrase(), f.phrase()) || begins(f.phrase(), e.phrase())
}

// begins reports whether the words of s begin with those of prefix.
func begins(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && (rest == "" || rest[0] == ' ')
}

// An action is what a permission allows to do with its entity.
type action uint8

const (
	otherAction action = iota // not said, or neither
	read
	write
)

// A permName is a permission taken apart.
type permName struct {
	entity entity
	raw    string // the entity as it is spelled
	action action
}

// plainActions are words that are hardly ever the name of an entity.
var plainActions = map[string]action{
	"read": read, "readonly": read, "view": read, "get": read,
	"write": write, "create": write, "update": write, "delete": write, "edit": write,
	"modify": write, "remove": write, "insert": write, "upsert": write, "destroy": write,
	"manage": otherAction, "admin": otherAction, "administer": otherAction, "execute": otherAction,
	"readwrite": otherAction, "all": otherAction, "any": otherAction, "own": otherAction, "*": otherAction,
}

// otherActions may name an entity as well: a list, a search, a patch.
var otherActions = map[string]action{
	"list": read, "search": read, "browse": read, "fetch": read, "retrieve": read, "query": read, "show": read, "see": read,
	"add": write, "patch": write,
	"export": otherAction, "import": otherAction, "approve": otherAction, "run": otherAction, "full": otherAction,
}

// A name of several words that ends in one of these, and has no action, is a role: it
// says who somebody is, and not what about.
var roles = map[string]bool{"user": true, "owner": true, "superuser": true, "root": true, "administrator": true}

func actionOf(word string) (act action, plain, ok bool) {
	word = strings.ToLower(word)
	if a, ok := plainActions[word]; ok {
		return a, true, true
	}
	a, ok := otherActions[word]
	return a, false, ok
}

// readName takes a permission apart by the rules of the package documentation.
func readName(id string) permName {
	parts := strings.FieldsFunc(id, func(r rune) bool { return r == ':' || r == '.' || r == '/' })
	if len(parts) == 1 {
		return readWords(parts[0])
	}
	if len(parts) == 0 {
		return permName{raw: id}
	}
	n := permName{}
	last := len(parts) - 1
	firstAct, _, firstOK := actionOf(parts[0])
	lastAct, lastPlain, lastOK := actionOf(parts[last])
	// In read:admin the administration is what is read.
	area := strings.EqualFold(parts[last], "admin") && firstOK && firstAct != otherAction
	switch {
	case lastOK && (lastPlain || !firstOK) && !area:
		n.action, parts = lastAct, parts[:last]
	case firstOK:
		n.action, parts = firstAct, parts[1:]
	default: // a verb that is not known here
		parts = parts[:last]
	}
	n.raw = strings.Join(parts, ":")
	for _, p := range parts {
		if w := phrase(p); w != "" {
			n.entity = append(n.entity, w)
		}
	}
	return n
}

// readWords is readName for one part of several words, such as read_users or
// "View users".
func readWords(s string) permName {
	ws := words(s)
	if len(ws) == 0 {
		return permName{raw: s}
	}
	first, last := ws[0], ws[len(ws)-1]
	firstAct, _, firstOK := actionOf(first)
	lastAct, lastPlain, lastOK := actionOf(last)
	n := permName{raw: s}
	switch {
	case roles[strings.ToLower(last)] && !firstOK, strings.EqualFold(last, "admin"): // ORG_ADMIN
		return n
	case lastOK && (lastPlain || !firstOK):
		n.action = lastAct
		n.raw = s[:strings.LastIndex(s, last)]
	case firstOK:
		n.action = firstAct
		n.raw = s[strings.Index(s, first)+len(first):]
	}
	n.raw = strings.TrimFunc(n.raw, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if w := phrase(n.raw); w != "" {
		n.entity = entity{w}
	}
	return n
}

// words splits at everything but letters and digits, and where lower case turns to
// upper case.
func words(s string) []string {
	var out []string
	start, prev := -1, rune(0)
	for i, r := range s {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r)
		if start >= 0 && (!inside || unicode.IsUpper(r) && unicode.IsLower(prev)) {
			out = append(out, s[start:i])
			start = -1
		}
		if inside && start < 0 {
			start = i
		}
		prev = r
	}
	if start >= 0 {
		out = append(out, s[start:])
	}
	return out
}

// phrase returns the words of s in lower case and singular.
func phrase(s string) string {
	ws := words(s)
	for i, w := range ws {
		ws[i] = singular(strings.ToLower(w))
	}
	return strings.Join(ws, " ")
}

// normal returns the form in which two spellings of one name agree.
func normal(s string) string { return strings.ReplaceAll(phrase(s), " ", "") }

// singular undoes the regular English plural.
func singular(w string) string {
	switch {
	case len(w) <= 3:
		return w
	case strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "sses"), strings.HasSuffix(w, "xes"), strings.HasSuffix(w, "ches"), strings.HasSuffix(w, "shes"):
		return w[:len(w)-2]
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
		return w
	}
	return strings.TrimSuffix(w, "s")
}

// permissionNames looks for entities that are spelled almost alike, and for entities
// that are read in one place and written in another.
func (l *linter) permissionNames() {
	type spelled struct {
		first   int // the permission that has it first
		entity  entity
		actions map[action]bool
	}
	byRaw := map[string]*spelled{}
	var raws []string
	ids := map[string]int{} // normal form of the whole id -> first permission
	for i := range l.c.Permissions {
		id := string(l.c.Permissions[i].ID)
		n := l.names[l.c.Permissions[i].ID]
		if len(n.entity) == 0 {
			continue
		}
		s := byRaw[n.raw]
		if s == nil {
			s = &spelled{first: i, entity: n.entity, actions: map[action]bool{}}
			byRaw[n.raw] = s
			raws = append(raws, n.raw)
		}
		s.actions[n.action] = true
		for _, a := range l.c.Permissions[i].Aliases {
			if normal(string(a)) == normal(id) {
				l.permission(i, LintNearPermission, []string{string(a)}, "is spelled %s too", a)
				l.answered("aliases: lists both spellings")
			}
		}
		whole := normal(id)
		if j, dup := ids[whole]; dup {
			if first := string(l.c.Permissions[j].ID); l.names[l.c.Permissions[j].ID].raw == n.raw {
				l.permission(i, LintNearPermission, []string{first}, "is spelled almost like %s", first)
			}
			continue
		}
		ids[whole] = i
	}
	for _, pair := range nearMisses(raws) {
		a, b := byRaw[raws[pair[0]]], byRaw[raws[pair[1]]]
		l.permission(b.first, LintNearPermission, []string{raws[pair[0]], raws[pair[1]]},
			"names %q, which is almost the %q of %s", raws[pair[1]], raws[pair[0]], l.c.Permissions[a.first].ID)
	}

	bySuffix := map[string][]*spelled{} // entities by what follows their first parts
	for _, raw := range raws {
		s := byRaw[raw]
		for n := 1; n < len(s.entity); n++ {
			k := s.entity[n:].key()
			bySuffix[k] = append(bySuffix[k], s)
		}
	}
	for _, raw := range raws {
		s := byRaw[raw]
		for _, long := range bySuffix[s.entity.key()] {
			if halves(s.actions, long.actions) {
				other := l.c.Permissions[long.first].ID
				l.permission(s.first, LintSplitEntity, []string{string(other)}, "and %s look like two halves of one entity: one only reads, the other only writes", other)
			}
		}
	}
}

// halves reports whether one only reads and the other only writes.
func halves(a, b map[action]bool) bool {
	if len(a) != 1 || len(b) != 1 {
		return false
	}
	return a[read] && b[write] || a[write] && b[read]
}

// nearMisses returns the pairs of names, by index and the earlier one first, that
// differ in case, in separators or in number, or by a slip in one long word.
func nearMisses(names []string) [][2]int {
	var out [][2]int
	byNormal := map[string]int{}
	var kinds []int // first name of each normal form
	for i, n := range names {
		if j, ok := byNormal[normal(n)]; ok {
			out = append(out, [2]int{j, i})
			continue
		}
		byNormal[normal(n)] = i
		kinds = append(kinds, i)
	}

	// A slip is looked for by what is left of a word when a letter or two are taken
	// out: two words are one or two edits apart only if such a rest agrees.
	type site struct{ name, word int }
	rests := map[string][]site{}
	slips := map[[2]int]bool{}
	degree := map[int]int{}
	for _, i := range kinds {
		ws := words(names[i])
		for k, w := range ws {
			w = strings.ToLower(w)
			// The other words must agree as they are.
			frame := normal(strings.Join(ws[:k], " ")) + "\x00" + normal(strings.Join(ws[k+1:], " ")) + "\x00"
			tried := map[int]bool{}
			for _, rest := range shortened(w) {
				key := frame + rest
				for _, s := range rests[key] {
					if s.name == i || tried[s.name] {
						continue
					}
					tried[s.name] = true
					if pair := [2]int{s.name, i}; slip(strings.ToLower(words(names[s.name])[s.word]), w) && !slips[pair] {
						slips[pair] = true
						degree[s.name]++
						degree[i]++
					}
				}
				if len(rests[key]) <= maxSlips {
					rests[key] = append(rests[key], site{i, k})
				}
			}
		}
	}
	for pair := range slips {
		if degree[pair[0]] <= maxSlips && degree[pair[1]] <= maxSlips {
			out = append(out, pair)
		}
	}
	slices.SortFunc(out, func(a, b [2]int) int { return cmp.Or(a[1]-b[1], a[0]-b[0]) })
	return out
}

// Words shorter than minSlip are too often one letter apart and both meant (role,
// rule); from minSlip2 on, two edits are a slip too.
const (
	minSlip  = 8
	minSlip2 = 12
	maxSlip  = 24 // longer ones are compared as wholes only
	maxSlips = 2  // a name with more neighbours is one of a scheme (regionaa, regionab)
)

// shortened returns the word, the word with one letter taken out and, if it is long
// enough, with two taken out.
func shortened(w string) []string {
	if len(w) < minSlip || len(w) > maxSlip || !isASCII(w) {
		return nil
	}
	out := []string{w}
	for i := range len(w) {
		one := w[:i] + w[i+1:]
		out = append(out, one)
		if len(w) >= minSlip2-1 {
			for k := i; k < len(one); k++ {
				out = append(out, one[:k]+one[k+1:])
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

// slip reports whether one of two different words looks like a slip of the other: it
// begins alike (reactivation is no slip of deactivation), is a letter or two off, and
// not in a digit.
func slip(a, b string) bool {
	if a == b || a[:2] != b[:2] || withoutDigits(a) != a || withoutDigits(b) != b {
		return false
	}
	d := strictyaml.Distance(a, b, 3)
	return d == 1 || d == 2 && min(len(a), len(b)) >= minSlip2
}

func withoutDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// paths looks at how paths are spelled.
func (l *linter) paths() {
	l.nearPaths()
	l.trailingSlashes()
	l.pathStyle()
}

// nearPaths compares the literal segments that follow one prefix.
func (l *linter) nearPaths() {
	type child struct {
		rows  []int
		param bool // a parameter follows
	}
	children := map[string]map[string]*child{}
	var parents []string
	order := map[string][]string{}
	for i, r := range l.rows {
		if !r.ok {
			continue
		}
		prefix := ""
		for k, s := range r.tmpl.segs {
			if lit, ok := s.literal(); ok && lit != "" {
				if children[prefix] == nil {
					children[prefix] = map[string]*child{}
					parents = append(parents, prefix)
				}
				c := children[prefix][lit]
				if c == nil {
					c = &child{}
					children[prefix][lit] = c
					order[prefix] = append(order[prefix], lit)
				}
				c.rows = append(c.rows, i)
				if k+1 < len(r.tmpl.segs) {
					_, nextLit := r.tmpl.segs[k+1].literal()
					c.param = c.param || !nextLit
				}
			}
			prefix += "/" + strings.Join(s.lits, "{}")
		}
	}
	for _, parent := range parents {
		for _, pair := range nearMisses(order[parent]) {
			a, b := order[parent][pair[0]], order[parent][pair[1]]
			// One user at /user, all of them below /users/{id}: both are meant.
			onlyNumber := slices.EqualFunc(words(a), words(b), func(x, y string) bool {
				return singular(x) == singular(y)
			}) && separators(a) == separators(b)
			if ca, cb := children[parent][a], children[parent][b]; onlyNumber && (!ca.param || !cb.param) {
				continue
			} else if len(ca.rows) < len(cb.rows) {
				a, b = b, a
			}
			rare := children[parent][b]
			l.row(rare.rows[0], LintNearPath, []string{a, b}, "says %q where other paths say %q%s", b, a, andMore(len(rare.rows)))
		}
	}
}

// separators returns what stands between the words of a segment.
func separators(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return -1
		}
		return r
	}, s)
}

func andMore(rows int) string {
	if rows == 1 {
		return ""
	}
	return fmt.Sprintf(" (%d rows do)", rows)
}

// trailingSlashes looks for rows that end in a slash while others do not. Routers
// differ in what they make of the two forms, and a guard may stand on one only.
func (l *linter) trailingSlashes() {
	keys := map[string]int{}
	with := 0
	for i, r := range l.rows {
		if !r.ok {
			continue
		}
		key := r.tmpl.Key()
		if _, ok := keys[key]; !ok {
			keys[key] = i
		}
		if slashed(r.e.Path) {
			with++
		}
	}
	if with == 0 {
		return
	}
	rare := with*2 <= len(l.rows)
	for i, r := range l.rows {
		if !r.ok || r.e.Path == "/" || slashed(r.e.Path) != rare {
			continue
		}
		key := r.tmpl.Key()
		twin := strings.TrimSuffix(key, "/")
		if !rare {
			twin = key + "/"
		}
		switch j, ok := keys[twin]; {
		case ok && rare:
			l.row(i, LintTrailingSlash, []string{l.rows[j].e.String()}, "ends in a slash, %s does not", l.rows[j].e)
		case ok:
			l.row(i, LintTrailingSlash, []string{l.rows[j].e.String()}, "does not end in a slash, %s does", l.rows[j].e)
		case rare && with*8 < len(l.rows):
			l.row(i, LintTrailingSlash, nil, "ends in a slash, unlike %d of the %d rows", len(l.rows)-with, len(l.rows))
		}
	}
}

func slashed(path string) bool { return path != "/" && strings.HasSuffix(path, "/") }

// pathStyle looks for segments that join their words by the character that nearly
// no other segment uses.
func (l *linter) pathStyle() {
	first := map[rune]map[string]int{'-': {}, '_': {}} // segment -> the row that has it first
	rows := map[string]int{}
	for i, r := range l.rows {
		for _, s := range r.tmpl.segs {
			lit, ok := s.literal()
			if !ok {
				continue
			}
			for sep, seen := range first {
				if strings.ContainsRune(lit, sep) {
					rows[lit]++
					if _, ok := seen[lit]; !ok {
						seen[lit] = i
					}
				}
			}
		}
	}
	rare, usual := '_', '-'
	if len(first[rare]) > len(first[usual]) {
		rare, usual = usual, rare
	}
	if len(first[usual]) < 4 || len(first[rare])*10 > len(first[usual]) {
		return
	}
	for _, lit := range slices.Sorted(maps.Keys(first[rare])) {
		i := first[rare][lit]
		l.row(i, LintPathStyle, []string{lit}, "says %q, while %d other segments join their words by %q%s", lit, len(first[usual]), string(usual), andMore(rows[lit]))
	}
}
