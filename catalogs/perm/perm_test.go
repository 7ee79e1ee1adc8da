package perm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// The oracle: a function of four permissions is a table of 16 bits, one for each
// grant. It knows nothing of clauses.
type table uint16

var four = []Permission{"A", "B:x y", "C(1)", "public"} // two of them must be quoted

func grantOf(mask int) Set {
	var ps []Permission
	for i, p := range four {
		if mask>>i&1 == 1 {
			ps = append(ps, p)
		}
	}
	return NewSet(ps...)
}

func (t table) at(mask int) bool { return t>>mask&1 == 1 }

func (t table) monotone() bool {
	for m := range 16 {
		for i := range 4 {
			if t.at(m) && !t.at(m|1<<i) {
				return false
			}
		}
	}
	return true
}

// monotoneTables returns all 168 monotone functions of four permissions.
func monotoneTables() (out []table) {
	for t := range 1 << 16 {
		if table(t).monotone() {
			out = append(out, table(t))
		}
	}
	return out
}

// requirementOf feeds every true point as a clause, in the given order: the most
// redundant form there is.
func requirementOf(t table, order []int) Requirement {
	var cs []Set
	for _, m := range order {
		if t.at(m) {
			cs = append(cs, grantOf(m))
		}
	}
	return FromClauses(cs...)
}

func tableOf(r Requirement) (t table) {
	for m := range 16 {
		if r.Admits(grantOf(m)) {
			t |= 1 << m
		}
	}
	return t
}

func TestAllMonotoneFunctions(t *testing.T) {
	tables := monotoneTables()
	if len(tables) != 168 {
		t.Fatalf("%d monotone functions of four variables, want 168", len(tables))
	}
	rng := rand.New(rand.NewSource(1))
	texts := map[string]table{}
	for _, tb := range tables {
		r := requirementOf(tb, rng.Perm(16))
		if got := tableOf(r); got != tb {
			t.Fatalf("%016b became %s, which is %016b", tb, r, got)
		}
		if other, dup := texts[r.String()]; dup {
			t.Fatalf("%016b and %016b have the same text %s", tb, other, r)
		}
		texts[r.String()] = tb
		for range 5 {
			if again := requirementOf(tb, rng.Perm(16)); !again.Equal(r) || again.String() != r.String() {
				t.Fatalf("%s and %s for %016b: the order of clauses shows", r, again, tb)
			}
		}
		back, err := Parse(r.String())
		if err != nil || !back.Equal(r) {
			t.Errorf("Parse(%q) = %v, %v", r, back, err)
		}
		checkBoundary(t, tb, r)
	}
}

// checkBoundary compares with the minimal true and maximal false points of the table.
func checkBoundary(t *testing.T, tb table, r Requirement) {
	t.Helper()
	var admitted, refused []Set
	for m := range 16 {
		edge := true
		for i := range 4 {
			other := m ^ 1<<i
			if tb.at(m) && m>>i&1 == 1 && tb.at(other) || !tb.at(m) && m>>i&1 == 0 && !tb.at(other) {
				edge = false
			}
		}
		switch {
		case edge && tb.at(m):
			admitted = append(admitted, grantOf(m))
		case edge:
			refused = append(refused, grantOf(m))
		}
	}
	slices.SortFunc(admitted, compareClauses)
	slices.SortFunc(refused, compareClauses)
	b := r.Boundary(NewSet(four...))
	if !slices.EqualFunc(b.Admitted, admitted, Set.Equal) || !slices.EqualFunc(b.Refused, refused, Set.Equal) || b.Truncated {
		t.Errorf("boundary of %s: %v, want admitted %v refused %v", r, b, admitted, refused)
	}
}

func TestCompareAndCombineAllPairs(t *testing.T) {
	tables := monotoneTables()
	rs := make([]Requirement, len(tables))
	for i, tb := range tables {
		rs[i] = requirementOf(tb, rand.New(rand.NewSource(int64(i))).Perm(16))
	}
	for i, a := range tables {
		for j, b := range tables {
			want := Incomparable
			switch {
			case a == b:
				want = Same
			case a&^b == 0:
				want = Widens
			case b&^a == 0:
				want = Narrows
			}
			if got := Compare(rs[i], rs[j]); got != want {
				t.Fatalf("Compare(%s, %s) = %v, want %v", rs[i], rs[j], got, want)
			}
			and, err1 := rs[i].And(rs[j])
			or, err2 := rs[i].Or(rs[j])
			if err1 != nil || err2 != nil || tableOf(and) != a&b || tableOf(or) != a|b {
				t.Fatalf("%s and %s: And %s, Or %s, %v %v", rs[i], rs[j], and, or, err1, err2)
			}
		}
	}
}

// With implications the worlds are closed grants: a requirement is compared on
// those only.
func TestImplicationsAgainstTables(t *testing.T) {
	tables := monotoneTables()
	rng := rand.New(rand.NewSource(2))
	for range 60 {
		direct := map[Permission]Set{}
		for range rng.Intn(5) {
			p := four[rng.Intn(4)]
			direct[p] = direct[p].Union(NewSet(four[rng.Intn(4)]))
		}
		im := NewImplications(direct)
		closed := func(mask int) int { // by repetition, not by the code's own closure
			for {
				next := mask
				for i, p := range four {
					if mask>>i&1 == 1 {
						for j, q := range four {
							if slices.Contains(direct[p], q) {
								next |= 1 << j
							}
						}
					}
				}
				if next == mask {
					return mask
				}
				mask = next
			}
		}
		for range 200 {
			a, b := tables[rng.Intn(len(tables))], tables[rng.Intn(len(tables))]
			ra, rb := requirementOf(a, rng.Perm(16)), requirementOf(b, rng.Perm(16))
			ab, ba := true, true
			var expanded table
			for m := range 16 {
				c := closed(m)
				if a.at(c) && !b.at(c) {
					ab = false
				}
				if b.at(c) && !a.at(c) {
					ba = false
				}
				if a.at(c) {
					expanded |= 1 << m
				}
				if im.Admits(ra, grantOf(m)) != a.at(c) {
					t.Fatalf("Admits(%s, %s) with %v", ra, grantOf(m), direct)
				}
			}
			want := map[[2]bool]Effect{{true, true}: Same, {true, false}: Widens, {false, true}: Narrows, {false, false}: Incomparable}[[2]bool{ab, ba}]
			if got := im.Compare(ra, rb); got != want {
				t.Fatalf("Compare(%s, %s) = %v, want %v, with %v", ra, rb, got, want, direct)
			}
			e, err := im.Expand(ra)
			if err != nil || tableOf(e) != expanded {
				t.Fatalf("Expand(%s) = %s, %v with %v", ra, e, err, direct)
			}
		}
	}
}

// The words beside formulas, on worlds that also hold the anonymous request.
func TestWords(t *testing.T) {
	a := All("a")
	for _, tt := range []struct {
		from, to Requirement
		want     Effect
	}{
		{Nobody(), Nobody(), Same},
		{Nobody(), a, Widens},
		{a, Authenticated(), Widens},
		{Authenticated(), Public(), Widens},
		{Public(), a, Narrows},
		{a, Any("a"), Same},
		{Any(), Nobody(), Same},
		{All(), Authenticated(), Same},
		{Unknown(), Unknown(), Unverified},
		{Unknown(), Public(), Unverified},
		{a, Unknown(), Unverified},
	} {
		if got := Compare(tt.from, tt.to); got != tt.want {
			t.Errorf("Compare(%s, %s) = %v, want %v", tt.from, tt.to, got, tt.want)
		}
	}
	for _, tt := range []struct {
		a, b    Requirement
		and, or string
	}{
		{Public(), a, "a", "public"},
		{Authenticated(), a, "a", "authenticated"},
		{Authenticated(), Public(), "authenticated", "public"},
		{Nobody(), a, "nobody", "a"},
		{Unknown(), a, "unknown", "unknown"},
		{Unknown(), Public(), "unknown", "public"},
		{Unknown(), Nobody(), "nobody", "unknown"},
		{Unknown(), Authenticated(), "unknown", "unknown"},
	} {
		for _, swap := range []bool{false, true} {
			x, y := tt.a, tt.b
			if swap {
				x, y = y, x
			}
			and, _ := x.And(y)
			or, _ := x.Or(y)
			if and.String() != tt.and || or.String() != tt.or {
				t.Errorf("%s with %s: And %s, Or %s, want %s, %s", x, y, and, or, tt.and, tt.or)
			}
		}
	}
	if b := Authenticated().Boundary(NewSet("a")); len(b.Admitted) != 1 || len(b.Admitted[0]) != 0 || b.Refused != nil {
		t.Errorf("boundary of authenticated: %v", b)
	}
	if b := Unknown().Boundary(NewSet("a")); b.Admitted != nil || b.Refused != nil {
		t.Errorf("boundary of unknown: %v", b)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"a", "a"},
		{"b & a", "a & b"},
		{"a & b | a", "a"},
		{"c | b & a", "c | a & b"},
		{"(a | b) & c", "a & c | b & c"},
		{"((a))", "a"},
		{" Ats Position:WRITE&Position:READ ", "Ats Position:WRITE & Position:READ"},
		{`"public"`, `"public"`},
		{`x | "a, b"`, `"a, b" | x`},
		{`"a\tb"`, `"a\tb"`},
		{`"plain"`, "plain"},
		{"*", "*"},
		{"Ä:É", "Ä:É"},
		{"a &\n  b", "a & b"},
		{"public", "public"},
		{" unknown ", "unknown"},
		{"nobody", "nobody"},
		{"authenticated", "authenticated"},
	} {
		r, err := Parse(tt.text)
		if err != nil || r.String() != tt.want {
			t.Errorf("Parse(%q) = %v, %v, want %s", tt.text, r, err, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		text   string
		offset int
		want   string
	}{
		{"", 0, "empty requirement"},
		{"   ", 0, "empty requirement"},
		{"a &", 3, "ends too early"},
		{"a | | b", 4, `unexpected "|"`},
		{"& a", 0, `unexpected "&"`},
		{"a b & (c", 6, "never closed"},
		{"a)", 1, `unexpected ")"`},
		{"a, b", 1, "unexpected comma"},
		{"a & public", 4, "stands alone"},
		{"nobody | a", 7, "stands alone"},
		{`"a`, 0, "unterminated"},
		{`""`, 0, "cannot be empty"},
		{"a  b", 0, "must be quoted"},
		{"none", 0, "must be quoted"},
		{"a\x1bb", 0, "must be quoted"},
		{strings.Repeat("(", 200) + "a", 100, "nested deeper"},
		{`a "b"`, 2, `unexpected "\"b\""`},
	} {
		_, err := Parse(tt.text)
		var se *SyntaxError
		if !errors.As(err, &se) || se.Offset != tt.offset || !strings.Contains(se.Msg, tt.want) {
			t.Errorf("Parse(%q): %#v, want offset %d and %q", tt.text, err, tt.offset, tt.want)
		}
	}
}

func TestParseIsBounded(t *testing.T) {
	var parts []string
	for i := range 40 {
		parts = append(parts, fmt.Sprintf("(a%d | b%d)", i, i))
	}
	if _, err := Parse(strings.Join(parts, " & ")); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestBoundaryIsBounded(t *testing.T) {
	// 2^16 minimal hitting sets: pairs (a_i | ...) turned around.
	var cs []Set
	var all []Permission
	for i := range 16 {
		a, b := Permission(fmt.Sprintf("a%02d", i)), Permission(fmt.Sprintf("b%02d", i))
		cs = append(cs, NewSet(a, b))
		all = append(all, a, b)
	}
	r := FromClauses(cs...)
	b := r.Boundary(NewSet(all...))
	if !b.Truncated || len(b.Refused) == 0 || len(b.Refused) > maxBoundary {
		t.Fatalf("truncated %v, %d refused", b.Truncated, len(b.Refused))
	}
	for _, g := range b.Refused {
		if r.Admits(g) {
			t.Fatalf("%v is listed as refused", g)
		}
		for _, p := range all {
			if !g.Has(p) && !r.Admits(g.Union(Set{p})) {
				t.Fatalf("%v is not a largest refused grant", g)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	type row struct {
		R *Requirement `json:"requires"`
	}
	r := MustParse("b|a")
	out, err := json.Marshal([]row{{&r}, {nil}})
	if err != nil || string(out) != `[{"requires":"a | b"},{"requires":null}]` {
		t.Errorf("%s, %v", out, err)
	}
	var back []row
	if err := json.Unmarshal(out, &back); err != nil || !back[0].R.Equal(r) || back[1].R != nil {
		t.Errorf("%v, %v", back, err)
	}
}

// Ten keys besides none and all tell each of 24 single permissions from every other
// rule that is a pure conjunction or disjunction of up to three of them.
func TestFewKeysSeparate(t *testing.T) {
	const n = 24
	var universe []Permission
	index := map[Permission]int{}
	for i := range n {
		p := Permission(fmt.Sprintf("p%02d", i))
		universe = append(universe, p)
		index[p] = i
	}
	keys := FewKeys(universe)
	if len(keys) != 12 {
		t.Fatalf("%d keys, want 12", len(keys))
	}
	var masks []uint32
	for _, k := range keys {
		var m uint32
		for _, p := range k {
			m |= 1 << index[p]
		}
		masks = append(masks, m)
	}
	var rules []uint32 // every set of one to three permissions
	for i := range n {
		for j := i; j < n; j++ {
			for k := j; k < n; k++ {
				if j == i && k > j {
					continue // the same set as (i, k, k)
				}
				rules = append(rules, 1<<i|1<<j|1<<k)
			}
		}
	}
	tried, separated := 0, 0
	for p := range n {
		for _, rule := range rules {
			if rule == 1<<p {
				continue
			}
			for _, and := range []bool{true, false} {
				tried++
				if slices.ContainsFunc(masks, func(key uint32) bool {
					admits := key&rule != 0
					if and {
						admits = key&rule == rule
					}
					return admits != (key>>p&1 == 1)
				}) {
					separated++
				}
			}
		}
	}
	if tried != 111504 || separated != tried {
		t.Errorf("%d of %d wrong rules separated", separated, tried)
	}
	for _, n := range []int{0, 1, 2, 3} {
		if got := FewKeys(universe[:n]); len(got) != []int{1, 2, 4, 6}[n] {
			t.Errorf("FewKeys of %d permissions: %v", n, got)
		}
	}
}

func TestSet(t *testing.T) {
	s, u := NewSet("b", "a", "b"), NewSet("c", "b")
	if s.String() != "a & b" || s.Union(u).String() != "a & b & c" || s.Minus(u).String() != "a" ||
		!s.Intersects(u) || s.Intersects(NewSet("c")) || s.SubsetOf(u) || !NewSet("b").SubsetOf(u) || (Set{}).String() != "none" {
		t.Errorf("%v %v", s, u)
	}
	for text, want := range map[string]string{"none": "none", "b & a": "a & b", "x": "x"} {
		if got, err := ParseSet(text); err != nil || got.String() != want {
			t.Errorf("ParseSet(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "a | b", "public", "all of it & none"} {
		if got, err := ParseSet(text); err == nil && text != "all of it & none" {
			t.Errorf("ParseSet(%q) = %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a & b | c", "(a|b)&(c|d)", `"x, y" | Ats Position:READ`, "public", "unknown", "((", `"\xff"`, "a\u00a0b", `"none"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			var se *SyntaxError
			if errors.As(err, &se) && (se.Offset < 0 || se.Offset > len(text)) {
				t.Errorf("offset %d of %q", se.Offset, text)
			}
			return
		}
		back, err := Parse(r.String())
		if err != nil || !back.Equal(r) || back.String() != r.String() {
			t.Errorf("%q parses as %q, which parses as %q, %v", text, r, back, err)
		}
		for _, c := range r.Clauses() {
			if !r.Admits(c) {
				t.Errorf("%q does not admit its own clause %v", text, c)
			}
			for _, p := range c {
				if !r.IsUnknown() && r.Admits(c.Minus(Set{p})) {
					t.Errorf("%q: clause %v is not minimal", text, c)
				}
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		MustParse("candidates.own | candidates.others & positions.read")
	}
}

func BenchmarkCompare(b *testing.B) {
	from, to := MustParse("a & b | c & d | e"), MustParse("a & b & f | c | e & g")
	b.ReportAllocs()
	for b.Loop() {
		Compare(from, to)
	}
}

func BenchmarkBoundary(b *testing.B) {
	var universe []Permission
	for i := range 26 {
		universe = append(universe, Permission(fmt.Sprintf("Entity %02d:READ", i)))
	}
	r := MustParse("Entity 03:READ & Entity 07:READ | Entity 11:READ")
	set := NewSet(universe...)
	b.ReportAllocs()
	for b.Loop() {
		r.Boundary(set)
	}
}
