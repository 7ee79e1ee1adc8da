package drift_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
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

// render writes the document as JSON, which is YAML too. vary re-orders, repeats and
// moves behind references what may be so without a change of meaning.
func (d *genDoc) render(r *rand.Rand, vary bool) []byte {
	security := func(alts [][]genUse) []any {
		out := []any{}
		for _, alt := range alts {
			m := map[string]any{}
			for _, u := range alt {
				scopes := []string{}
				for _, k := range u.scopes {
					scopes = append(scopes, scopeNames[k])
				}
				if vary && len(scopes) > 0 {
					scopes = append(scopes, scopes[r.IntN(len(scopes))])
					r.Shuffle(len(scopes), func(i, j int) { scopes[i], scopes[j] = scopes[j], scopes[i] })
				}
				m[schemeNames[u.scheme]] = scopes
			}
			out = append(out, m)
		}
		if vary && len(out) > 0 {
			out = append(out, out[r.IntN(len(out))])
			r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		}
		return out
	}
	components := map[string]any{"securitySchemes": map[string]any{
		"oauth":  map[string]any{"type": "oauth2", "flows": map[string]any{"clientCredentials": map[string]any{"tokenUrl": "https://id.example/token", "scopes": map[string]any{}}}},
		"bearer": map[string]any{"type": "http", "scheme": "bearer"},
		"key":    map[string]any{"type": "apiKey", "in": "header", "name": "X-Key"},
	}}
	doc := map[string]any{"openapi": "3.1.0", "info": map[string]any{"title": "t", "version": "1"}, "components": components}
	paths, items := map[string]any{}, map[string]any{}
	for i, op := range d.ops {
		o := map[string]any{"responses": map[string]any{"200": map[string]any{"description": "ok"}}}
		switch {
		case !op.inherits:
			o["security"] = security(op.alts)
		case vary && d.hasGlobal: // say it again instead of inheriting it
			o["security"] = security(d.global)
		case vary:
			o["security"] = []any{map[string]any{}}
		}
		if op.operator != "" {
			list := []string{}
			for _, p := range op.perms {
				list = append(list, permNames[p])
			}
			if vary {
				slices.Reverse(list)
			}
			o["x-permission"] = map[string]any{"operator": op.operator, "permissions": list}
		}
		item := map[string]any{"get": o}
		path := fmt.Sprintf("/things/{id}/%d", i)
		if vary && r.IntN(2) == 0 {
			name := fmt.Sprintf("Item%d", i)
			items[name] = item
			item = map[string]any{"$ref": "#/components/pathItems/" + name}
			path = fmt.Sprintf("/things/{thing}/%d", i)
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
	b, _ := json.Marshal(doc)
	if vary {
		b = append([]byte("# a comment makes it YAML\n"), b...)
	}
	return b
}

func parse(t testing.TB, data []byte) *openapi.Document {
	t.Helper()
	d, err := openapi.Parse("generated.yaml", data, openapi.Options{})
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

func TestLawsAgainstTruthTable(t *testing.T) {
	rounds := 400
	if testing.Short() {
		rounds = 50
	}
	for _, mode := range []struct {
		name              string
		anyScope, implied bool
	}{{"all", false, false}, {"any", true, false}, {"implies", false, true}} {
		t.Run(mode.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			opts := drift.Options{Scopes: openapi.Scopes{Any: mode.anyScope}}
			if mode.implied {
				opts.Implies = map[string][]string{"write": {"read"}}
			}
			callers := worlds(mode.implied)
			seen := map[drift.Class]int{}
			for range rounds {
				from, to := generate(r), generate(r)
				for i := range to.ops { // near misses are the interesting ones
					if r.IntN(2) == 0 {
						to.ops[i] = from.ops[i]
					}
				}
				a, b := parse(t, from.render(r, false)), parse(t, to.render(r, false))
				got, swapped := classes(compare(t, a, b, opts)), classes(compare(t, b, a, opts))
				for i := range from.ops {
					gained, lost := false, false
					for _, w := range callers {
						was, is := from.admits(from.ops[i], w, mode.anyScope), to.admits(to.ops[i], w, mode.anyScope)
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
					anonymous := to.security(to.ops[i], world{}, mode.anyScope) && !from.security(from.ops[i], world{}, mode.anyScope)
					seen[want]++
					name := fmt.Sprint(i)
					if got[name].Class != want || got[name].Anonymous != anonymous {
						t.Fatalf("operation %d: got %q anonymous=%v, want %q anonymous=%v\n%s\n%s", i,
							got[name].Class, got[name].Anonymous, want, anonymous, from.render(r, false), to.render(r, false))
					}
					if swapped[name].Class != mirrored {
						t.Fatalf("operation %d swapped: got %q, want %q", i, swapped[name].Class, mirrored)
					}
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

func TestSpellingChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		d := generate(r)
		a := parse(t, d.render(r, false))
		for _, other := range []*openapi.Document{a, parse(t, d.render(r, false)), parse(t, d.render(r, true))} {
			if got := compare(t, a, other, drift.Options{}).Changes; len(got) > 0 {
				t.Fatalf("a document against itself, written otherwise: %+v\n%s", got, d.render(r, false))
			}
		}
	}
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
