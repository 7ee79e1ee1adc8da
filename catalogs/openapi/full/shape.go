package full

import (
	"math/big"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// A shape is what a schema and all schemas of its allOf require together, without the
// alternatives, which are choices.
type shape struct {
	never    bool // nothing fits
	types    []string
	typed    bool // types is all that is allowed
	nullable bool
	readOnly bool

	enum     []any
	examples []any

	formats, patterns []string
	minLen            uint64
	maxLen            *uint64

	lo, hi         *big.Rat
	loOpen, hiOpen bool
	steps          []*big.Rat

	minItems uint64
	maxItems *uint64
	unique   bool
	items    []*openapi3.SchemaRef
	prefix   [][]*openapi3.SchemaRef // by place
	contains []*openapi3.SchemaRef
	holds    uint64 // how many items contains is about

	props     map[string][]*openapi3.SchemaRef
	required  map[string]bool
	patterned []patterned
	extra     []*openapi3.SchemaRef // members that have no name in the schema
	closed    bool                  // no such members
	minProps  uint64
	maxProps  *uint64
	dependent map[string][]string

	choices [][]*openapi3.SchemaRef
	bases   []*openapi3.Schema // whose subtypes are choices
}

// patterned are members whose names match a pattern.
type patterned struct {
	pattern string
	schema  *openapi3.SchemaRef
}

// shapeOf merges a schema with its allOf.
func (m *maker) shapeOf(ref *openapi3.SchemaRef) *shape {
	s := &shape{props: map[string][]*openapi3.SchemaRef{}, required: map[string]bool{}, dependent: map[string][]string{}, nullable: true}
	m.merge(s, ref, map[*openapi3.Schema]bool{})
	return s
}

func (m *maker) merge(s *shape, ref *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if ref == nil || ref.Value == nil || seen[ref.Value] {
		return
	}
	c := ref.Value
	seen[c] = true
	if c.Always != nil {
		s.never = s.never || !*c.Always
		return
	}
	for _, part := range c.AllOf {
		m.merge(s, part, seen)
		m.subtype(s, ref, part)
	}
	s.addTypes(c)
	s.readOnly = s.readOnly || c.ReadOnly
	if c.Const != nil {
		s.addEnum([]any{c.Const})
	}
	if len(c.Enum) > 0 {
		s.addEnum(c.Enum)
	}
	for _, ex := range append([]any{c.Example, c.Default}, c.Examples...) {
		if ex != nil {
			s.examples = append(s.examples, ex)
		}
	}
	s.addText(c)
	s.addNumber(c)
	s.addArray(c)
	s.addObject(c)
	for _, list := range []openapi3.SchemaRefs{c.OneOf, c.AnyOf} {
		if len(list) > 0 {
			s.choices = append(s.choices, m.branches(c, list))
		}
	}
	if c.If != nil {
		s.choices = append(s.choices, []*openapi3.SchemaRef{{Value: &openapi3.Schema{}}, allOf(c.If, c.Then), allOf(c.Else)})
	}
	if list := m.subtypes(c); len(c.OneOf)+len(c.AnyOf) == 0 && list != nil {
		s.choices, s.bases = append(s.choices, list), append(s.bases, c)
	}
}

// allOf is a schema of several.
func allOf(parts ...*openapi3.SchemaRef) *openapi3.SchemaRef {
	parts = slices.DeleteFunc(parts, func(p *openapi3.SchemaRef) bool { return p == nil })
	if len(parts) == 1 {
		return parts[0]
	}
	return &openapi3.SchemaRef{Value: &openapi3.Schema{AllOf: parts}}
}

// discriminated is a schema whose discriminator has a value.
func discriminated(ref *openapi3.SchemaRef, d *openapi3.Discriminator, value string) *openapi3.SchemaRef {
	return allOf(ref, &openapi3.SchemaRef{Value: &openapi3.Schema{
		Type: &openapi3.Types{openapi3.TypeObject}, Required: []string{d.PropertyName},
		Properties: openapi3.Schemas{d.PropertyName: {Value: &openapi3.Schema{Enum: []any{value}}}},
	}})
}

// valueFor is what the discriminator says for a schema, by its reference: the name that is
// mapped to it, or its own.
func valueFor(d *openapi3.Discriminator, ref string) string {
	own := ref[strings.LastIndexByte(ref, '/')+1:]
	for _, value := range sorted(d.Mapping) {
		if to := d.Mapping[value].Ref; to == ref || to == own {
			return value
		}
	}
	return own
}

// branches are the alternatives of oneOf or anyOf, each with the value of the discriminator
// that tells it.
func (m *maker) branches(c *openapi3.Schema, list openapi3.SchemaRefs) []*openapi3.SchemaRef {
	if c.Discriminator == nil {
		return list
	}
	var out []*openapi3.SchemaRef
	for _, b := range list {
		if b != nil && b.Ref != "" {
			b = discriminated(b, c.Discriminator, valueFor(c.Discriminator, b.Ref))
		}
		out = append(out, b)
	}
	return out
}

// subtypes are the schemas that a base schema's discriminator names, where it does not list
// them as alternatives.
func (m *maker) subtypes(c *openapi3.Schema) []*openapi3.SchemaRef {
	if c.Discriminator == nil || m.based[c] {
		return nil
	}
	var out []*openapi3.SchemaRef
	for _, value := range sorted(c.Discriminator.Mapping) {
		to := c.Discriminator.Mapping[value].Ref
		name := to[strings.LastIndexByte(to, '/')+1:]
		if sub := m.schemas[name]; sub != nil && sub.Value != nil && sub.Value != c {
			out = append(out, discriminated(&openapi3.SchemaRef{Ref: "#/components/schemas/" + name, Value: sub.Value}, c.Discriminator, value))
		}
	}
	return out
}

// subtype gives the discriminator of a base schema the name of the schema that extends it.
func (m *maker) subtype(s *shape, ref, base *openapi3.SchemaRef) {
	if ref.Ref == "" || base == nil || base.Value == nil || base.Value.Discriminator == nil || len(base.Value.OneOf)+len(base.Value.AnyOf) > 0 {
		return
	}
	d := base.Value.Discriminator
	value := &openapi3.Schema{Enum: []any{valueFor(d, ref.Ref)}}
	s.props[d.PropertyName] = append(s.props[d.PropertyName], &openapi3.SchemaRef{Value: value})
}

// addTypes keeps the types that both allow.
func (s *shape) addTypes(c *openapi3.Schema) {
	types := c.Type.Slice()
	s.nullable = s.nullable && (c.Nullable || len(types) == 0 || slices.Contains(types, openapi3.TypeNull))
	if len(types) == 0 {
		return
	}
	types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == openapi3.TypeNull })
	if !s.typed {
		s.types, s.typed = types, true
		return
	}
	var both []string
	for _, t := range s.types {
		switch {
		case slices.Contains(types, t):
			both = append(both, t)
		case t == openapi3.TypeNumber && slices.Contains(types, openapi3.TypeInteger), t == openapi3.TypeInteger && slices.Contains(types, openapi3.TypeNumber):
			both = append(both, openapi3.TypeInteger)
		}
	}
	s.types = both
}

// addEnum keeps the values that both allow; which values are the same is left to the check.
func (s *shape) addEnum(values []any) {
	if s.enum == nil || len(values) < len(s.enum) {
		s.enum = values
	}
}

func (s *shape) addText(c *openapi3.Schema) {
	if c.Format != "" {
		s.formats = append(s.formats, c.Format)
	}
	if c.Pattern != "" {
		s.patterns = append(s.patterns, c.Pattern)
	}
	s.minLen, s.maxLen = max(s.minLen, c.MinLength), least(s.maxLen, c.MaxLength)
}

func least(a, b *uint64) *uint64 {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

func (s *shape) addNumber(c *openapi3.Schema) {
	if c.Min != nil {
		s.above(*c.Min, c.ExclusiveMin.IsTrue())
	}
	if c.Max != nil {
		s.below(*c.Max, c.ExclusiveMax.IsTrue())
	}
	if v := c.ExclusiveMin.Value; v != nil {
		s.above(*v, true)
	}
	if v := c.ExclusiveMax.Value; v != nil {
		s.below(*v, true)
	}
	if c.MultipleOf != nil && *c.MultipleOf > 0 {
		s.steps = append(s.steps, decimal(*c.MultipleOf))
	}
}

func (s *shape) above(v float64, open bool) {
	r := decimal(v)
	if s.lo == nil || r.Cmp(s.lo) > 0 || r.Cmp(s.lo) == 0 && open {
		s.lo, s.loOpen = r, open
	}
}

func (s *shape) below(v float64, open bool) {
	r := decimal(v)
	if s.hi == nil || r.Cmp(s.hi) < 0 || r.Cmp(s.hi) == 0 && open {
		s.hi, s.hiOpen = r, open
	}
}

func (s *shape) addArray(c *openapi3.Schema) {
	s.minItems, s.maxItems = max(s.minItems, c.MinItems), least(s.maxItems, c.MaxItems)
	s.unique = s.unique || c.UniqueItems
	if c.Items != nil {
		s.items = append(s.items, c.Items)
	}
	for i, p := range c.PrefixItems {
		for len(s.prefix) <= i {
			s.prefix = append(s.prefix, nil)
		}
		s.prefix[i] = append(s.prefix[i], p)
	}
	if c.Contains != nil {
		n := uint64(1)
		if c.MinContains != nil {
			n = *c.MinContains
		}
		s.contains, s.holds = append(s.contains, c.Contains), max(s.holds, n)
	}
}

func (s *shape) addObject(c *openapi3.Schema) {
	for name, p := range c.Properties {
		s.props[name] = append(s.props[name], p)
	}
	for _, name := range c.Required {
		s.required[name] = true
	}
	for _, pattern := range sorted(c.PatternProperties) {
		s.patterned = append(s.patterned, patterned{pattern, c.PatternProperties[pattern]})
	}
	for _, more := range []openapi3.BoolSchema{c.AdditionalProperties, c.UnevaluatedProperties} {
		s.closed = s.closed || more.Has != nil && !*more.Has
		if more.Schema != nil {
			s.extra = append(s.extra, more.Schema)
		}
	}
	s.minProps, s.maxProps = max(s.minProps, c.MinProps), least(s.maxProps, c.MaxProps)
	for name, more := range c.DependentRequired {
		s.dependent[name] = append(s.dependent[name], more...)
	}
}
