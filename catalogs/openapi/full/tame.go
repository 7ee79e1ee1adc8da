package full

import (
	"reflect"
	"strings"
)

// The library asks of each schema whether it says anything at all, and where a schema says
// nothing but what leads back to itself that question ends the process: a stack that is full
// cannot be recovered. So such schemas are given a bound that every object keeps to.

// harmless is a maxProperties that says nothing.
const harmless = 1 << 53

// Where schemas stand within a schema: one, a list of them, or one by name. The library takes
// keywords in any case, so all are compared in lower case.
var (
	inOne  = lower("not", "additionalProperties", "items", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties", "if", "then", "else", "contentSchema")
	inList = lower("allOf", "anyOf", "oneOf", "prefixItems")
	inMap  = lower("properties", "patternProperties", "dependentSchemas")
)

// says are the keywords that end the question.
var says = []string{"type", "format", "enum", "uniqueItems", "exclusiveMinimum", "exclusiveMaximum", "nullable", "readOnly", "writeOnly", "minimum", "maximum",
	"multipleOf", "minLength", "maxLength", "pattern", "minItems", "maxItems", "required", "minProperties", "maxProperties", "const"}

func lower(words ...string) map[string]bool {
	out := map[string]bool{}
	for _, w := range words {
		out[strings.ToLower(w)] = true
	}
	return out
}

// A part is a value of a file.
type part struct {
	file  string
	value any
}

// tamer bounds schemas. It takes any mapping for a schema: one that is none has no way back
// to itself by keywords of schemas.
type tamer struct {
	// targets returns what a reference in a file may lead to.
	targets func(file, ref string) []part
	state   map[uintptr]int8
	tamed   map[string]bool // files in which something was changed
}

const (
	open   = 1 // on the way from the first schema to this one
	closed = 2
)

// tame bounds the schemas of files that are nothing but themselves, and returns the files in
// which there were some.
func tame(files map[string]any, targets func(file, ref string) []part) map[string]bool {
	t := &tamer{targets: targets, state: map[uintptr]int8{}, tamed: map[string]bool{}}
	for _, name := range sorted(files) {
		t.all(name, files[name])
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
	for _, k := range sorted(s) {
		t.keyword(file, strings.ToLower(k), s[k])
	}
	t.state[id] = closed
}

func (t *tamer) keyword(file, k string, v any) {
	ref, isText := v.(string)
	switch {
	case k == "$ref" && isText:
		for _, to := range t.targets(file, ref) {
			t.schema(to.file, to.value)
		}
	case inOne[k]:
		t.schema(file, v)
	case inList[k]:
		for _, item := range asList(v) {
			t.schema(file, item)
		}
	case inMap[k]:
		for _, member := range asMap(v) {
			t.schema(file, member)
		}
	}
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

// inAnyCase is what a pointer leads to, where the library may take a name in another case.
func inAnyCase(v any, tokens []string) []any {
	found := []any{v}
	for _, t := range tokens {
		var next []any
		for _, in := range found {
			if m := asMap(in); m != nil {
				for _, k := range sorted(m) {
					if strings.EqualFold(k, t) {
						next = append(next, m[k])
					}
				}
			} else if item := at(in, []string{t}); item != nil {
				next = append(next, item)
			}
		}
		if found = next; len(found) > 64 {
			found = found[:64]
		}
	}
	return found
}
