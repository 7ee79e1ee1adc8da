package full

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Bounds on one body.
const (
	maxBodyDepth = 12     // values within values
	maxValues    = 3000   // that are tried
	maxItems     = 200    // of one list
	maxText      = 20_000 // characters of one text
)

// A maker makes one body.
type maker struct {
	schemas openapi3.Schemas          // of the document, by name
	based   map[*openapi3.Schema]bool // base schemas whose subtypes are being tried
	latest  bool                      // 3.1 or later: JSON Schema 2020-12
	left    int                       // values that may still be tried
	full    bool                      // optional members are made too
}

func newMaker(doc *openapi3.T) *maker {
	return &maker{schemas: doc.Components.Schemas, based: map[*openapi3.Schema]bool{}, latest: doc.IsOpenAPI31OrLater(), left: maxValues}
}

// asRequest drops from required what only answers have. JSON Schema does not know readOnly,
// so the check of version 3.1 would ask for it.
func (m *maker) asRequest(ref *openapi3.SchemaRef) (err error) {
	defer guard(&err)
	return ref.WalkSubtree(func(_ string, at *openapi3.SchemaRef) error {
		if at.Value == nil {
			return nil
		}
		if at.Value.Always == nil {
			m.dropReadOnly(at.Value, nil, map[*openapi3.Schema]bool{})
		}
		return nil
	})
}

// dropReadOnly does so in a schema and its allOf; names are read-only in what includes it.
func (m *maker) dropReadOnly(s *openapi3.Schema, names []string, seen map[*openapi3.Schema]bool) {
	if seen[s] {
		return
	}
	seen[s] = true
	names = append(slices.Clone(names), readOnly(s, map[*openapi3.Schema]bool{})...)
	if len(names) == 0 {
		return
	}
	s.Required = slices.DeleteFunc(slices.Clone(s.Required), func(n string) bool { return slices.Contains(names, n) })
	for _, part := range s.AllOf {
		if part != nil && part.Value != nil {
			m.dropReadOnly(part.Value, names, seen)
		}
	}
}

// readOnly lists the members of a schema that only answers have.
func readOnly(s *openapi3.Schema, seen map[*openapi3.Schema]bool) []string {
	if seen[s] {
		return nil
	}
	seen[s] = true
	var out []string
	for name, p := range s.Properties {
		if p == nil || p.Value == nil {
			continue
		}
		parts := append(openapi3.SchemaRefs{p}, p.Value.AllOf...)
		if slices.ContainsFunc(parts, func(r *openapi3.SchemaRef) bool { return r != nil && r.Value != nil && r.Value.ReadOnly }) {
			out = append(out, name)
		}
	}
	for _, part := range s.AllOf {
		if part != nil && part.Value != nil {
			out = append(out, readOnly(part.Value, seen)...)
		}
	}
	return out
}

// check reports what a strict server says of a value.
func (m *maker) check(s *openapi3.Schema, v any) (err error) {
	defer guard(&err)
	opts := []openapi3.SchemaValidationOption{openapi3.VisitAsRequest(), openapi3.EnableFormatValidation(), openapi3.WithStringFormatValidators(formatChecks)}
	if m.latest {
		opts = append(opts, openapi3.EnableJSONSchema2020())
	}
	err = s.VisitJSON(v, opts...)
	var bad *openapi3.SchemaError
	if !errors.As(err, &bad) {
		return err
	}
	text := bad.Reason
	if i := strings.Index(text, "jsonschema validation failed"); i >= 0 { // the first line names no cause
		if _, rest, ok := strings.Cut(text[i:], "\n"); ok {
			text = strings.TrimPrefix(strings.TrimSpace(rest), "- ")
		}
		return errors.New(text)
	}
	if at := bad.JSONPointer(); len(at) > 0 {
		text = "/" + strings.Join(at, "/") + ": " + text
	}
	return errors.New(text)
}

// failure is the error of a place in a body.
func failure(at, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if at != "" {
		text = at + ": " + text
	}
	return errors.New(text)
}

// value makes a value of a schema, the nth of different ones.
func (m *maker) value(ref *openapi3.SchemaRef, at string, depth, nth int) (any, error) {
	switch {
	case ref == nil || ref.Value == nil:
		return nil, failure(at, "it has no schema")
	case depth > maxBodyDepth:
		return nil, failure(at, "its schema goes deeper than %d levels, or requires itself", maxBodyDepth)
	}
	if m.left--; m.left < 0 {
		return nil, failure(at, "more than %d values were tried", maxValues)
	}
	s := m.shapeOf(ref)
	if len(s.choices) == 0 {
		return m.fit(ref, s, at, depth, nth)
	}
	// Which alternatives go together is tried, the first ones first.
	for _, base := range s.bases {
		m.based[base] = true
		defer delete(m.based, base)
	}
	// Where required members alone fit several alternatives, optional ones tell them apart.
	var first error
	for _, full := range []bool{m.full, true} {
		before := m.full
		m.full = full
		for _, branch := range s.choices[0] {
			v, err := m.chosen(ref, s, branch, at, depth, nth)
			if err == nil || m.left < 0 {
				m.full = before
				return v, err
			}
			if first == nil {
				first = err
			}
		}
		m.full = before
	}
	return nil, first
}

// chosen makes a value that fits a schema and one of its alternatives, and checks it against
// the schema, all alternatives included.
func (m *maker) chosen(ref *openapi3.SchemaRef, s *shape, branch *openapi3.SchemaRef, at string, depth, nth int) (any, error) {
	if branch == nil {
		return nil, failure(at, "an alternative has no schema")
	}
	whole := &openapi3.Schema{AllOf: openapi3.SchemaRefs{{Ref: ref.Ref, Value: without(ref.Value, nil)}, branch}}
	for _, group := range s.choices[1:] {
		whole.AllOf = append(whole.AllOf, &openapi3.SchemaRef{Value: &openapi3.Schema{AnyOf: group}})
	}
	v, err := m.value(&openapi3.SchemaRef{Value: whole}, at, depth+1, nth)
	if err != nil {
		return nil, err
	}
	return v, m.accept(ref, v, at)
}

// without is a schema without its alternatives, and those of its allOf.
func without(s *openapi3.Schema, above []*openapi3.Schema) *openapi3.Schema {
	out := *s
	out.OneOf, out.AnyOf, out.If, out.Then, out.Else = nil, nil, nil, nil, nil
	out.Discriminator, out.AllOf = nil, nil
	above = append(slices.Clone(above), s)
	for _, part := range s.AllOf {
		if part != nil && part.Value != nil && !slices.Contains(above, part.Value) {
			out.AllOf = append(out.AllOf, &openapi3.SchemaRef{Value: without(part.Value, above)})
		}
	}
	return &out
}

func (m *maker) accept(ref *openapi3.SchemaRef, v any, at string) error {
	if err := m.check(ref.Value, v); err != nil {
		return failure(at, "what was made does not fit its schema: %v", err)
	}
	return nil
}

// fit makes a value of a shape and checks it against its schema.
func (m *maker) fit(ref *openapi3.SchemaRef, s *shape, at string, depth, nth int) (any, error) {
	if s.never {
		return nil, failure(at, "its schema allows nothing")
	}
	for _, v := range s.stated(nth) {
		if m.accept(ref, v, at) == nil {
			return v, nil
		}
	}
	if s.enum != nil {
		return nil, failure(at, "none of the values that its enum lists fits its schema")
	}
	var first error
	for _, kind := range s.kinds(depth) {
		v, err := m.ofType(s, kind, at, depth, nth)
		if err == nil && !m.coveredByParent(kind, depth) {
			err = m.accept(ref, v, at)
		}
		if err == nil {
			return v, nil
		}
		if first == nil {
			first = err
		}
	}
	if s.nullable && (s.typed || first != nil) && m.accept(ref, nil, at) == nil {
		return nil, nil
	}
	if first == nil {
		first = failure(at, "its types exclude each other")
	}
	return nil, first
}

// stated are the values that the schema itself names, from the nth one on: its examples, and
// those of its enum.
func (s *shape) stated(nth int) []any {
	out := slices.Clone(s.examples)
	if nth > 0 {
		out = out[min(nth, len(out)):]
	}
	for i := range s.enum {
		out = append(out, s.enum[(i+nth)%len(s.enum)])
	}
	return out
}

// coveredByParent reports whether the check of the whole body is enough. That of version 3.1
// compiles the schema with all that it refers to, each time.
func (m *maker) coveredByParent(kind string, depth int) bool {
	return m.latest && depth > 0 && (kind == openapi3.TypeObject || kind == openapi3.TypeArray)
}

// kinds are the types to try.
func (s *shape) kinds(depth int) []string {
	switch {
	case s.typed:
		return s.types
	case len(s.props)+len(s.required)+len(s.patterned)+len(s.extra) > 0 || s.closed || s.minProps > 0:
		return []string{openapi3.TypeObject}
	case len(s.items)+len(s.prefix)+len(s.contains) > 0 || s.minItems > 0:
		return []string{openapi3.TypeArray}
	case s.lo != nil || s.hi != nil || len(s.steps) > 0:
		return []string{openapi3.TypeNumber}
	case depth == 0 && len(s.formats)+len(s.patterns) == 0:
		return []string{openapi3.TypeObject, openapi3.TypeString}
	}
	return []string{openapi3.TypeString, openapi3.TypeObject}
}

func (m *maker) ofType(s *shape, kind, at string, depth, nth int) (any, error) {
	switch kind {
	case openapi3.TypeObject:
		return m.object(s, at, depth, nth)
	case openapi3.TypeArray:
		return m.array(s, at, depth, nth)
	case openapi3.TypeString:
		return s.text(at, nth)
	case openapi3.TypeInteger, openapi3.TypeNumber:
		return s.number(at, kind == openapi3.TypeInteger, nth)
	case openapi3.TypeBoolean:
		return nth%2 == 1, nil
	}
	return nil, failure(at, "its type is %q", kind)
}

// identifying are members that are filled in though they are not required: a mark of the run
// can stand there.
var identifying = []string{"name", "title"}

func (m *maker) object(s *shape, at string, depth, nth int) (map[string]any, error) {
	out := map[string]any{}
	add := func(name string) error {
		schemas := s.member(name)
		if schemas == nil {
			return failure(at+"/"+name, "it is required, but no other members are allowed")
		}
		if m.shapeOf(allOf(schemas...)).readOnly {
			return nil
		}
		v, err := m.value(allOf(schemas...), at+"/"+name, depth+1, nth)
		if err == nil {
			out[name] = v
		}
		return err
	}
	todo := sorted(s.required)
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if _, ok := out[name]; ok {
			continue
		}
		if err := add(name); err != nil {
			return nil, err
		}
		todo = append(todo, s.dependent[name]...)
	}
	room := func() bool { return s.maxProps == nil || uint64(len(out)) < *s.maxProps }
	optional := func(name string) {
		if _, ok := out[name]; !ok && room() && len(s.dependent[name]) == 0 {
			_ = add(name) // it is not required
		}
	}
	for _, name := range identifying {
		if s.props[name] != nil {
			optional(name)
		}
	}
	for _, name := range sorted(s.props) {
		if m.full || uint64(len(out)) < s.minProps {
			optional(name)
		}
	}
	for i := uint64(len(out)); i < min(s.minProps, maxItems) && !s.closed; i++ {
		optional("extra" + strconv.FormatUint(i, 10))
	}
	return out, nil
}

// member lists what a member must fit; nil: it is not allowed.
func (s *shape) member(name string) []*openapi3.SchemaRef {
	out := slices.Clone(s.props[name])
	for _, p := range s.patterned {
		if re, err := compile(p.pattern); err == nil && re.MatchString(name) {
			out = append(out, p.schema)
		}
	}
	switch {
	case len(out) > 0:
		return out
	case s.closed:
		return nil
	case len(s.extra) > 0:
		return s.extra
	}
	return []*openapi3.SchemaRef{{Value: openapi3.NewStringSchema()}}
}

func (m *maker) array(s *shape, at string, depth, nth int) ([]any, error) {
	n := max(s.minItems, s.holds)
	if n > maxItems {
		return nil, failure(at, "it needs %d items; at most %d are made", n, maxItems)
	}
	if s.maxItems != nil && n > *s.maxItems {
		return nil, failure(at, "it needs %d items, but at most %d are allowed", n, *s.maxItems)
	}
	out := []any{}
	for i := range int(n) {
		schemas := s.items
		if i < len(s.prefix) {
			schemas = s.prefix[i]
		}
		if i < int(s.holds) {
			schemas = slices.Concat(schemas, s.contains)
		}
		if len(schemas) == 0 {
			schemas = []*openapi3.SchemaRef{{Value: openapi3.NewStringSchema()}}
		}
		which := nth
		if s.unique {
			which += i
		}
		v, err := m.value(allOf(schemas...), at+"/"+strconv.Itoa(i), depth+1, which)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// decimal is a number as it is written, so that 0.1 is a tenth.
func decimal(v float64) *big.Rat {
	r, ok := new(big.Rat).SetString(strconv.FormatFloat(v, 'g', -1, 64))
	if !ok {
		return new(big.Rat)
	}
	return r
}

// integerFormats are the formats of integers and what they can hold.
var integerFormats = map[string][2]float64{
	"int32": {-1 << 31, 1<<31 - 1}, "int64": {-1 << 53, 1 << 53}, "uint32": {0, 1<<32 - 1}, "uint64": {0, 1 << 53},
	"int16": {-1 << 15, 1<<15 - 1}, "uint16": {0, 1<<16 - 1}, "int8": {-1 << 7, 1<<7 - 1}, "uint8": {0, 1<<8 - 1},
}

// number is the nth number of a shape.
func (s *shape) number(at string, integer bool, nth int) (any, error) {
	for _, f := range s.formats {
		if r, ok := integerFormats[f]; ok {
			s.above(r[0], false)
			s.below(r[1], false)
		}
	}
	steps := s.steps
	if integer {
		steps = append(slices.Clone(steps), big.NewRat(1, 1))
	}
	var r *big.Rat
	if len(steps) > 0 {
		r = s.multiple(common(steps), int64(nth))
	} else {
		r = s.between(int64(nth))
	}
	if !s.inside(r) {
		return nil, failure(at, "no number that its schema allows was found")
	}
	v, _ := r.Float64()
	return v, nil
}

// inside reports whether a number is within the bounds.
func (s *shape) inside(r *big.Rat) bool {
	above := s.lo == nil || r.Cmp(s.lo) > 0 || !s.loOpen && r.Cmp(s.lo) == 0
	below := s.hi == nil || r.Cmp(s.hi) < 0 || !s.hiOpen && r.Cmp(s.hi) == 0
	return above && below
}

// common is the least number that is a multiple of all.
func common(steps []*big.Rat) *big.Rat {
	out := steps[0]
	for _, s := range steps[1:] {
		// a/b and c/d over one denominator: lcm(a*d, c*b) / (b*d)
		x, y := new(big.Int).Mul(out.Num(), s.Denom()), new(big.Int).Mul(s.Num(), out.Denom())
		g := new(big.Int).GCD(nil, nil, x, y)
		out = new(big.Rat).SetFrac(new(big.Int).Div(new(big.Int).Mul(x, y), g), new(big.Int).Mul(out.Denom(), s.Denom()))
	}
	return out
}

// multiple is the nth multiple of a step: upwards from the lower bound, downwards from the
// upper one where that is below 1, else upwards from the step itself.
func (s *shape) multiple(step *big.Rat, nth int64) *big.Rat {
	up := func(from *big.Rat, open bool) *big.Rat {
		q := new(big.Rat).Quo(from, step)
		k := new(big.Int).Div(q.Num(), q.Denom()) // rounded down
		if open || new(big.Rat).SetInt(k).Cmp(q) != 0 {
			k.Add(k, big.NewInt(1))
		}
		return new(big.Rat).Mul(new(big.Rat).SetInt(k.Add(k, big.NewInt(nth))), step)
	}
	switch {
	case s.lo != nil:
		return up(s.lo, s.loOpen)
	case s.hi != nil && (s.hi.Cmp(step) < 0 || s.hiOpen && s.hi.Cmp(step) == 0):
		mirrored := up(new(big.Rat).Neg(s.hi), s.hiOpen)
		return mirrored.Neg(mirrored)
	}
	return new(big.Rat).Mul(step, big.NewRat(1+nth, 1))
}

// between is the nth number within the bounds.
func (s *shape) between(nth int64) *big.Rat {
	n := big.NewRat(nth, 1)
	switch {
	case s.lo != nil && s.hi != nil:
		if nth == 0 && !s.loOpen {
			return s.lo
		}
		part := new(big.Rat).Mul(new(big.Rat).Sub(s.hi, s.lo), big.NewRat(nth+1, nth+2))
		return part.Add(part, s.lo)
	case s.lo != nil:
		if s.loOpen {
			n.Add(n, big.NewRat(1, 1))
		}
		return n.Add(n, s.lo)
	case s.hi != nil && s.hi.Cmp(big.NewRat(2, 1)) < 0:
		if s.hiOpen {
			n.Add(n, big.NewRat(1, 1))
		}
		return n.Sub(s.hi, n)
	}
	return n.Add(n, big.NewRat(1, 1))
}
