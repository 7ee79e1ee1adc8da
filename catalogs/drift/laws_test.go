package drift_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// The oracle below knows nothing of clauses, minimal forms or entailment. It
// enumerates every credential a caller might hold and asks each side whether it
// lets that caller in.

// A world is what one caller holds: for each scheme whether a credential is there
// and which of its scopes it has, and the permissions of the extension.
type world struct {
	scheme [3]bool
	scope  [3][2]bool
	perm   [2]bool
}

var (
	schemeNames = [3]string{"oauth", "bearer", "key"}
	scopeNames  = [2]string{"read", "write"}
	permNames   = [2]string{"p_one", "p_two"}
)

// worlds lists all callers; implied keeps those who hold read wherever they hold
// write.
func worlds(implied bool) []world {
	var out []world
	for bits := range 1 << 11 {
		var w world
		on := func(i int) bool { return bits&(1<<i) != 0 }
		ok := true
		for s := range 3 {
			w.scheme[s] = on(s)
			for k := range 2 {
				w.scope[s][k] = on(3 + 2*s + k)
				ok = ok && (w.scheme[s] || !w.scope[s][k])
			}
			ok = ok && (!implied || !w.scope[s][1] || w.scope[s][0])
		}
		for p := range 2 {
			w.perm[p] = on(9 + p)
		}
		if ok {
			out = append(out, w)
		}
	}
	return out
}

// An operation of a generated document.
type genUse struct {
	scheme int
	scopes []int
}
type genOp struct {
	inherits bool // no security of its own
	alts     [][]genUse
	operator string // of x-permission; empty: no extension
	perms    []int
}
type genDoc struct {
	global    [][]genUse
	hasGlobal bool
	ops       []genOp
}

func generate(r *rand.Rand) genDoc {
	alts := func() [][]genUse {
		out := make([][]genUse, r.IntN(4))
		for i := range out {
			for s := range 3 {
				if r.IntN(3) > 0 {
					continue
				}
				u := genUse{scheme: s}
				for k := range 2 {
					if r.IntN(2) == 0 {
						u.scopes = append(u.scopes, k)
					}
				}
				out[i] = append(out[i], u)
			}
		}
		return out
	}
	d := genDoc{hasGlobal: r.IntN(2) == 0, global: alts()}
	for range 6 {
		op := genOp{inherits: r.IntN(4) == 0, alts: alts()}
		op.operator = []string{"", "", "AND", "OR", "OPEN"}[r.IntN(5)]
		for p := range 2 {
			if r.IntN(2) == 0 {
				op.perms = append(op.perms, p)
			}
		}
		if len(op.perms) == 0 && op.operator != "" {
			op.operator = "OPEN"
		}
		d.ops = append(d.ops, op)
	}
	return d
}

// security admits by the text of the specification: any entry of the list, all
// schemes of the entry, all (or any) scopes of the scheme; an empty list is no
// demand.
func (d *genDoc) security(op genOp, w world, anyScope bool) bool {
	alts := op.alts
	if op.inherits {
		if !d.hasGlobal {
			return true
		}
		alts = d.global
	}
	if len(alts) == 0 {
		return true
	}
	for _, alt := range alts {
		all := true
		for _, u := range alt {
			have := 0
			for _, k := range u.scopes {
				if w.scope[u.scheme][k] {
					have++
				}
			}
			enough := have == len(u.scopes)
			if anyScope && len(u.scopes) > 0 {
				enough = have > 0
			}
			all = all && w.scheme[u.scheme] && enough
		}
		if all {
			return true
		}
	}
	return false
}

func (d *genDoc) admits(op genOp, w world, anyScope bool) bool {
	have := 0
	for _, p := range op.perms {
		if w.perm[p] {
			have++
		}
	}
	switch op.operator {
	case "AND":
		if have < len(op.perms) {
			return false
		}
	case "OR":
		if have == 0 {
			return false
		}
	}
	return d.security(op, w, anyScope)
}

// schemes defines the three schemes; version 2 has no other words for them.
func schemes(version int) map[string]any {
	if version == 2 {
		return map[string]any{
			"oauth":  map[string]any{"type": "oauth2", "flow": "application", "tokenUrl": "https://id.example/token", "scopes": map[string]any{}},
			"bearer": map[string]any{"type": "basic"},
			"key":    map[string]any{"type": "apiKey", "in": "header", "name": "X-Key"},
		}
	}
	return map[string]any{
		"oauth":  map[string]any{"type": "oauth2", "flows": map[string]any{"clientCredentials": map[string]any{"tokenUrl": "https://id.example/token", "scopes": map[string]any{}}}},
		"bearer": map[string]any{"type": "http", "scheme": "basic"},
		"key":    map[string]any{"type": "apiKey", "in": "header", "name": "X-Key"},
	}
}

// A spelling is one of the ways to write a document that all mean the same.
type spelling struct {
	vary    bool // re-order, repeat, move behind references, say again what is inherited
	version int  // 2, or 3
	split   bool // path items in files of their own
	yaml    bool // in blocks, with much that says nothing about access, else as JSON
}

func (d *genDoc) render(r *rand.Rand, vary bool) []byte {
	text, _ := d.write(r, spelling{vary: vary, version: 3})
	return text
}

// write returns the document and the files that it refers to.
func (d *genDoc) write(r *rand.Rand, as spelling) ([]byte, fstest.MapFS) {
	security := func(alts [][]genUse) []any {
		out := []any{}
		for _, alt := range alts {
			m := map[string]any{}
			for _, u := range alt {
				scopes := []string{}
				for _, k := range u.scopes {
					scopes = append(scopes, scopeNames[k])
				}
				if as.vary && len(scopes) > 0 {
					scopes = append(scopes, scopes[r.IntN(len(scopes))])
					r.Shuffle(len(scopes), func(i, j int) { scopes[i], scopes[j] = scopes[j], scopes[i] })
				}
				m[schemeNames[u.scheme]] = scopes
			}
			out = append(out, m)
		}
		if as.vary && len(out) > 0 {
			out = append(out, out[r.IntN(len(out))])
			r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		}
		return out
	}
	doc := map[string]any{"info": map[string]any{"title": "t", "version": "1"}}
	components := map[string]any{}
	if as.version == 2 {
		doc["swagger"], doc["securityDefinitions"] = "2.0", schemes(2)
	} else {
		doc["openapi"], doc["components"] = "3.1.0", components
		components["securitySchemes"] = schemes(3)
	}
	paths, items := map[string]any{}, map[string]any{}
	files := fstest.MapFS{}
	for i, op := range d.ops {
		o := map[string]any{"responses": map[string]any{"200": map[string]any{"description": "ok"}}}
		if as.yaml {
			noise(r, o)
		}
		switch {
		case !op.inherits:
			o["security"] = security(op.alts)
		case as.vary && d.hasGlobal: // say it again instead of inheriting it
			o["security"] = security(d.global)
		case as.vary:
			o["security"] = []any{map[string]any{}}
		}
		if op.operator != "" {
			list := []string{}
			for _, p := range op.perms {
				list = append(list, permNames[p])
			}
			if as.vary {
				slices.Reverse(list)
			}
			o["x-permission"] = map[string]any{"operator": op.operator, "permissions": list}
		}
		item := map[string]any{"get": o}
		path := fmt.Sprintf("/things/{id}/%d", i)
		switch {
		case as.vary && as.version == 3 && r.IntN(2) == 0:
			name := fmt.Sprintf("Item%d", i)
			items[name] = item
			item = map[string]any{"$ref": "#/components/pathItems/" + name}
			path = fmt.Sprintf("/things/{thing}/%d", i)
		case as.split:
			name := fmt.Sprintf("items/%d.json", i)
			data, _ := json.Marshal(map[string]any{"all": map[string]any{"a/b": item}})
			files[name] = &fstest.MapFile{Data: data}
			item = map[string]any{"$ref": name + "#/all/a~1b"}
		}
		paths[path] = item
	}
	if len(items) > 0 {
		components["pathItems"] = items
	}
	if d.hasGlobal {
		doc["security"] = security(d.global)
	}
	doc["paths"] = paths
	if as.yaml {
		noise(r, components)
		b, _ := yaml.Marshal(doc)
		return b, files
	}
	b, _ := json.Marshal(doc)
	if as.vary {
		b = append([]byte("# a comment makes it YAML\n"), b...)
	}
	return b, files
}

// noise puts into an object what says nothing about access and is hard to step over.
func noise(r *rand.Rand, o map[string]any) {
	texts := []string{
		"plain", "two\nlines", "security: []\nget:\n  security: []", "it's \"quoted\"", "- item\n- security: [{}]", "# no comment", "'", "\"", "{", "[a, b", "a: b", "",
		"  indented\n back\n\n\n", "ends in a colon:", strings.Repeat("long words ", 30), "tab\there", "&anchor *alias !tag", "---", "...", "| >",
	}
	text := func() string { return texts[r.IntN(len(texts))] }
	schema := map[string]any{"type": "object", "description": text(), "example": map[string]any{"security": []any{map[string]any{}}, text(): text()}}
	for _, name := range []string{"description", "summary", "requestBody", "parameters", "tags", "schemas", "examples", "x-codeSamples"} {
		switch r.IntN(4) {
		case 0:
			o[name] = text()
		case 1:
			o[name] = []any{text(), schema, []any{text()}}
		case 2:
			o[name] = map[string]any{text(): schema, "get": map[string]any{"security": []any{}}}
		}
	}
}

func parse(t testing.TB, data []byte) *openapi.Document {
	t.Helper()
	return parseFiles(t, data, nil)
}

func parseFiles(t testing.TB, data []byte, files fstest.MapFS) *openapi.Document {
	t.Helper()
	opts := openapi.Options{}
	if files != nil {
		opts.Files = files
	}
	d, err := openapi.Parse("generated.yaml", data, opts)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if len(d.Problems) > 0 {
		t.Fatalf("%v\n%s", d.Problems, data)
	}
	return d
}

func compare(t testing.TB, a, b *openapi.Document, opts drift.Options) *drift.Result {
	t.Helper()
	r, err := drift.Compare(drift.Side{Document: a}, drift.Side{Document: b}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func classes(r *drift.Result) map[string]drift.Change {
	out := map[string]drift.Change{}
	for _, c := range r.Changes {
		out[c.Path[strings.LastIndexByte(c.Path, '/')+1:]] = c
	}
	return out
}

// A mode is a way to read scopes.
type mode struct {
	name              string
	anyScope, implied bool
}

var modes = []mode{{"all", false, false}, {"any", true, false}, {"implies", false, true}}

func (m mode) options() drift.Options {
	opts := drift.Options{Scopes: openapi.Scopes{Any: m.anyScope}}
	if m.implied {
		opts.Implies = map[string][]string{"write": {"read"}}
	}
	return opts
}

// grant is what a caller holds, as a person would write it down. Callers without any
// credential have none: that is what a change's Anonymous is about.
func (w world) grant() (drift.Grant, bool) {
	var ps []perm.Permission
	for s, name := range schemeNames {
		if !w.scheme[s] {
			continue
		}
		ps = append(ps, perm.Permission(name))
		for k, scope := range scopeNames {
			if w.scope[s][k] {
				ps = append(ps, perm.Permission(name+"["+scope+"]"))
			}
		}
	}
	for p, name := range permNames {
		if w.perm[p] {
			ps = append(ps, perm.Permission(name))
		}
	}
	return drift.Grant{Name: "caller", Holds: perm.NewSet(ps...)}, w.scheme != [3]bool{}
}

// lawsHold compares two generated documents and holds every change against the truth
// table: its class, the same with the sides swapped, and who gains and loses.
func lawsHold(t testing.TB, r *rand.Rand, m mode, callers []world) (seen []drift.Class) {
	t.Helper()
	from, to := generate(r), generate(r)
	for i := range to.ops { // near misses are the interesting ones
		if r.IntN(2) == 0 {
			to.ops[i] = from.ops[i]
		}
	}
	a, b := parse(t, from.render(r, false)), parse(t, to.render(r, false))
	opts := m.options()
	caller := callers[r.IntN(len(callers))]
	grant, hasGrant := caller.grant()
	if hasGrant {
		opts.Grants = []drift.Grant{grant}
	}
	got, swapped := classes(compare(t, a, b, opts)), classes(compare(t, b, a, opts))
	for i := range from.ops {
		gained, lost := false, false
		for _, w := range callers {
			was, is := from.admits(from.ops[i], w, m.anyScope), to.admits(to.ops[i], w, m.anyScope)
			gained = gained || is && !was
			lost = lost || was && !is
		}
		var want, mirrored drift.Class
		switch {
		case gained && lost:
			want, mirrored = drift.Incomparable, drift.Incomparable
		case gained:
			want, mirrored = drift.Weakened, drift.Strengthened
		case lost:
			want, mirrored = drift.Strengthened, drift.Weakened
		}
		anonymous := to.security(to.ops[i], world{}, m.anyScope) && !from.security(from.ops[i], world{}, m.anyScope)
		closed := from.security(from.ops[i], world{}, m.anyScope) && !to.security(to.ops[i], world{}, m.anyScope)
		seen = append(seen, want)
		name := fmt.Sprint(i)
		if got[name].Class != want || got[name].Anonymous != anonymous {
			t.Fatalf("operation %d: got %q anonymous=%v, want %q anonymous=%v\n%s\n%s", i,
				got[name].Class, got[name].Anonymous, want, anonymous, from.render(r, false), to.render(r, false))
		}
		if swapped[name].Class != mirrored || swapped[name].Anonymous != closed {
			t.Fatalf("operation %d swapped: got %q, want %q\n%s\n%s", i, swapped[name].Class, mirrored, from.render(r, false), to.render(r, false))
		}
		if !hasGrant {
			continue
		}
		// An operation that anybody may call is open to every key, whatever an extension
		// beside it asks for.
		admits := func(d *genDoc) bool {
			return d.admits(d.ops[i], caller, m.anyScope) || d.security(d.ops[i], world{}, m.anyScope)
		}
		was, is := admits(&from), admits(&to)
		if c := got[name]; c.Class != "" && (len(c.Gains) > 0 != (is && !was) || len(c.Loses) > 0 != (was && !is)) {
			t.Fatalf("operation %d, %s: gains %v, loses %v; it could %v and can %v\n%s\n%s", i, grant.Holds, c.Gains, c.Loses, was, is, from.render(r, false), to.render(r, false))
		}
	}
	return seen
}

func TestLawsAgainstTruthTable(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			callers := worlds(m.implied)
			seen := map[drift.Class]int{}
			for range rounds {
				for _, class := range lawsHold(t, r, m, callers) {
					seen[class]++
				}
			}
			for _, class := range []drift.Class{"", drift.Weakened, drift.Strengthened, drift.Incomparable} {
				if seen[class] < rounds/10 {
					t.Errorf("class %q came up %d times only: the generator proves too little", class, seen[class])
				}
			}
		})
	}
}

// spellings are all ways to write a document that mean the same.
func spellings() []spelling {
	var out []spelling
	for bits := range 1 << 4 {
		out = append(out, spelling{vary: bits&1 != 0, version: 3 - bits>>1&1, split: bits&4 != 0, yaml: bits&8 != 0})
	}
	return out
}

// spellingChangesNothing holds a document against itself, written otherwise.
func spellingChangesNothing(t testing.TB, r *rand.Rand, others []spelling) {
	t.Helper()
	d := generate(r)
	a := parse(t, d.render(r, false))
	same := func(what string, b *openapi.Document, text []byte) {
		t.Helper()
		for _, got := range []*drift.Result{compare(t, a, b, drift.Options{}), compare(t, b, a, drift.Options{})} {
			if len(got.Changes) > 0 {
				t.Fatalf("a document against itself, %s: %+v\n%s\n%s", what, got.Changes, d.render(r, false), text)
			}
		}
	}
	same("the same", a, nil)
	for _, as := range others {
		text, files := d.write(r, as)
		same(fmt.Sprintf("%+v", as), parseFiles(t, text, files), text)
	}
}

func TestSpellingChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for range rounds {
		spellingChangesNothing(t, r, spellings())
	}
}

// chosen is a source of random numbers whose beginning a fuzzer chooses.
type chosen struct {
	data []byte
	rest *rand.PCG
}

func (c *chosen) Uint64() uint64 {
	if len(c.data) < 8 {
		return c.rest.Uint64()
	}
	n := binary.LittleEndian.Uint64(c.data)
	c.data = c.data[8:]
	return n
}

func choose(data []byte) *rand.Rand {
	return rand.New(&chosen{data, rand.NewPCG(uint64(len(data)), 9)})
}

// FuzzLaws looks for documents whose comparison breaks a law.
func FuzzLaws(f *testing.F) {
	callers := map[bool][]world{false: worlds(false), true: worlds(true)}
	for i := range byte(6) {
		f.Add([]byte{i, 1, 2, 3, 4, 5, 6, 7, 8, 9}, i)
	}
	f.Fuzz(func(t *testing.T, data []byte, way byte) {
		m := modes[int(way)%len(modes)]
		lawsHold(t, choose(data), m, callers[m.implied])
	})
}

// FuzzSpelling looks for two ways to write a document that do not mean the same.
func FuzzSpelling(f *testing.F) {
	all := spellings()
	for i := range all {
		f.Add([]byte{byte(i), 1, 2, 3, 4, 5, 6, 7, 8, 9}, byte(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, way byte) {
		spellingChangesNothing(t, choose(data), []spelling{all[int(way)%len(all)]})
	})
}

func BenchmarkCompare(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	var from, to genDoc
	from.hasGlobal, from.global = true, [][]genUse{{{scheme: 1}}}
	for len(from.ops) < 1000 {
		from.ops = append(from.ops, generate(r).ops...)
	}
	to = from
	to.ops = slices.Clone(from.ops)
	for i := range to.ops {
		if i%50 == 0 {
			to.ops[i].alts = nil
		}
	}
	old, now := parse(b, from.render(r, false)), parse(b, to.render(r, false))
	b.ReportAllocs()
	for b.Loop() {
		compare(b, old, now, drift.Options{})
	}
}

// FuzzCompare looks for documents that differ from themselves.
func FuzzCompare(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5 {
		a, b := generate(r), generate(r)
		f.Add(a.render(r, false), b.render(r, true))
	}
	f.Add([]byte("openapi: 3.1.0\npaths: {/a: {get: {security: ~}, put: {security: [{k: [x]}]}}, /A/: {get: }}\n"), []byte("swagger: '2.0'\npaths: {/{a}{b}: {get: {x-permissions: [{role: r, states: [s]}]}}}\n"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		a, err := openapi.Parse("a", one, openapi.Options{})
		if err != nil {
			return
		}
		broken := slices.ContainsFunc(a.Operations, func(o openapi.Operation) bool { return o.Unreadable != nil && o.Unreadable.Text == "" })
		if got := compare(t, a, a, drift.Options{}); len(got.Changes) > 0 && !broken {
			t.Errorf("%q against itself: %+v", one, got.Changes)
		}
		b, err := openapi.Parse("b", two, openapi.Options{})
		if err != nil {
			return
		}
		forth, back := compare(t, a, b, drift.Options{}), compare(t, b, a, drift.Options{})
		if (len(forth.Changes) == 0) != (len(back.Changes) == 0) {
			t.Errorf("%d changes one way, %d the other: %q %q", len(forth.Changes), len(back.Changes), one, two)
		}
	})
}
