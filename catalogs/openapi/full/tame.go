package full

import "reflect"

// The library asks of each schema whether it says anything at all, and where a schema says
// nothing but what leads back to itself that question ends the process: a stack that is full
// cannot be recovered. So such schemas are given a bound that every object keeps to.

// harmless is a maxProperties that says nothing.
const harmless = 1 << 53

// Where schemas stand within a schema: one, a list of them, or one by name.
var (
	inOne  = []string{"not", "additionalProperties", "items", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "if", "then", "else", "contentSchema"}
	inList = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	inMap  = []string{"properties", "patternProperties", "dependentSchemas"}
)

// says are the keywords that end the question.
var says = []string{"type", "format", "enum", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "nullable", "readOnly", "writeOnly", "minimum", "maximum",
	"multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "required", "minProperties", "maxProperties", "const"}

// tamer bounds schemas. It takes any mapping for a schema: one that is none has no way back
// to itself by keywords of schemas.
type tamer struct {
	// target returns what a reference in a file leads to, and its file.
	target func(file, ref string) (string, any)
	state  map[uintptr]int8
	tamed  map[string]bool // files in which something was changed
}

const (
	open   = 1 // on the way from the first schema to this one
	closed = 2
)

func tame(files map[string]any, target func(file, ref string) (string, any)) map[string]bool {
	t := &tamer{target: target, state: map[uintptr]int8{}, tamed: map[string]bool{}}
	for name, root := range files {
		t.all(name, root)
	}
	return t.tamed
}

// all visits every value of a file.
func (t *tamer) all(file string, v any) {
	switch v := v.(type) {
	case map[string]any:
		t.schema(file, v)
		for _, member := range v {
			t.all(file, member)
		}
	case []any:
		for _, item := range v {
			t.all(file, item)
		}
	}
}

// schema follows what a schema leads to, as the library does.
func (t *tamer) schema(file string, v any) {
	s := asMap(v)
	if s == nil {
		return
	}
	id := reflect.ValueOf(s).Pointer()
	switch t.state[id] {
	case open:
		s["maxProperties"] = harmless
		t.tamed[file] = true
		return
	case closed:
		return
	}
	if saysSomething(s) {
		t.state[id] = closed
		return
	}
	t.state[id] = open
	if ref, ok := s["$ref"].(string); ok {
		t.schema(t.target(file, ref))
	}
	for _, k := range inOne {
		t.schema(file, s[k])
	}
	for _, k := range inList {
		for _, item := range asList(s[k]) {
			t.schema(file, item)
		}
	}
	for _, k := range inMap {
		for _, member := range asMap(s[k]) {
			t.schema(file, member)
		}
	}
	t.state[id] = closed
}

func saysSomething(s map[string]any) bool {
	for _, k := range says {
		switch v := s[k]; v {
		case nil, false, 0.0, 0, "":
		default:
			if l, isList := v.([]any); !isList || len(l) > 0 {
				return true
			}
		}
	}
	return false
}
