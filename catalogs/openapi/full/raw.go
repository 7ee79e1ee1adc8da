package full

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs/openapi"
)

// Bounds on the text of a document.
const (
	maxNodes = 5_000_000 // values, those of aliases counted each time
	maxDepth = 1_000     // values within values
)

// raw is a document before anything is made of its parts. It is what every reader can
// read: kin-openapi decodes all of a document or nothing.
type raw struct {
	root map[string]any
	v2   bool
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }
func asList(v any) []any         { l, _ := v.([]any); return l }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// parseRaw reads a document, JSON or YAML.
func parseRaw(file string, data []byte) (*raw, error) {
	v, err := parseAny(openapi.UTF8(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	r := &raw{root: asMap(v)}
	r.v2 = r.root["swagger"] != nil
	if r.root["openapi"] == nil && !r.v2 {
		keys := sorted(r.root)
		return nil, &openapi.FormatError{File: file, Keys: keys[:min(10, len(keys))]}
	}
	return r, nil
}

// parseAny reads JSON or YAML as JSON has it.
func parseAny(text []byte) (any, error) {
	if json.Valid(text) {
		var v any
		err := json.Unmarshal(text, &v)
		return v, err
	}
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, err
	}
	left := maxNodes
	return plain(&n, &left, 0)
}

var errTooLarge = errors.New("the document has too many values, or too many within each other")

// plain is a YAML value as JSON has it: keys are texts, and so are dates.
func plain(n *yaml.Node, left *int, depth int) (any, error) {
	if *left--; *left < 0 || depth > maxDepth {
		return nil, errTooLarge
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return nil, nil
		}
		return plain(n.Content[0], left, depth+1)
	case yaml.AliasNode:
		return plain(n.Alias, left, depth+1)
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := plain(c, left, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.MappingNode:
		return plainMapping(n, left, depth)
	case yaml.ScalarNode:
		return plainScalar(n), nil
	}
	return nil, nil
}

func plainMapping(n *yaml.Node, left *int, depth int) (any, error) {
	out, merged := map[string]any{}, map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		v, err := plain(n.Content[i+1], left, depth+1)
		if err != nil {
			return nil, err
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() != "!!merge" {
			out[key.Value] = v
			continue
		}
		from := asList(v)
		if m := asMap(v); m != nil {
			from = []any{m}
		}
		for _, m := range slices.Backward(from) { // the first one wins
			maps.Copy(merged, asMap(m))
		}
	}
	maps.Copy(merged, out)
	return merged, nil
}

func plainScalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null", "!!bool", "!!int", "!!float":
		var v any
		if n.Decode(&v) == nil {
			if _, err := json.Marshal(v); err == nil { // no infinity
				return v
			}
		}
	}
	return n.Value
}

// pointer splits a reference within the document; false for any other.
func pointer(ref string) ([]string, bool) {
	text, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil, false
	}
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	return pointerTokens(text), true
}

// pointerTokens splits a pointer (RFC 6901). The empty one, and the one to the empty name, are
// the whole.
func pointerTokens(text string) []string {
	if text == "" || text == "/" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(text, "/"), "/")
	for i, t := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(t)
	}
	return tokens
}

// deref follows references within the document; nil for any other.
func (r *raw) deref(v any) any {
	for range 16 {
		ref, ok := asMap(v)["$ref"].(string)
		if !ok {
			return v
		}
		tokens, ok := pointer(ref)
		if !ok {
			return nil
		}
		v = at(r.root, tokens)
	}
	return nil
}

// at is what a pointer leads to; nil: nothing.
func at(v any, tokens []string) any {
	for _, t := range tokens {
		switch in := v.(type) {
		case map[string]any:
			v = in[t]
		case []any:
			i, err := strconv.Atoi(t)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// within are the targets of references that stay in one document.
func within(root any) func(file, ref string) []part {
	return func(file, ref string) []part {
		tokens, _ := pointer(ref)
		return parts(file, root, tokens)
	}
}

func parts(file string, root any, tokens []string) []part {
	var out []part
	for _, v := range inAnyCase(root, tokens) {
		out = append(out, part{file, v})
	}
	return out
}

// with is a document that has nothing but these schemas, by their names, and what they
// refer to in this one, each at its own place.
func (r *raw) with(schemas map[string]any) map[string]any {
	out := map[string]any{"info": map[string]any{"title": "bodies", "version": "1"}, "paths": map[string]any{}}
	at := []string{"components", "schemas"}
	if r.v2 {
		out["swagger"], at = "2.0", []string{"definitions"}
	} else {
		out["openapi"] = fmt.Sprint(r.root["openapi"])
	}
	into := out
	for _, t := range at {
		next := map[string]any{}
		into[t], into = next, next
	}
	c := closure{root: r.root, out: out, done: map[string]bool{}}
	for _, name := range sorted(schemas) {
		into[name] = schemas[name]
		c.todo = append(c.todo, schemas[name])
	}
	for len(c.todo) > 0 {
		v := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		c.scan(v)
	}
	return out
}

// A closure copies what values refer to.
type closure struct {
	root, out map[string]any
	done      map[string]bool
	todo      []any
}

func (c *closure) scan(v any) {
	switch v := v.(type) {
	case []any:
		c.todo = append(c.todo, v...)
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			c.copy(ref)
		}
		for _, to := range asMap(asMap(v["discriminator"])["mapping"]) {
			if ref, ok := to.(string); ok {
				if !strings.ContainsAny(ref, "#/.") {
					ref = "#/components/schemas/" + ref
				}
				c.copy(ref)
			}
		}
		for _, member := range v {
			c.todo = append(c.todo, member)
		}
	}
}

// copy puts the target of a reference at its place. What is not there is left to whoever
// reads the result, which says so.
func (c *closure) copy(ref string) {
	tokens, ok := pointer(ref)
	if !ok || c.done[ref] {
		return
	}
	c.done[ref] = true
	from, to := c.root, c.out
	for i, t := range tokens {
		v, ok := from[t]
		if !ok {
			return
		}
		next, isMap := v.(map[string]any)
		into, begun := to[t].(map[string]any)
		switch {
		case !isMap, i == len(tokens)-1 && !begun: // a list is copied whole
			to[t] = v
			c.todo = append(c.todo, v)
			return
		case i == len(tokens)-1:
			for name, member := range next {
				if _, ok := into[name]; !ok {
					into[name] = member
				}
			}
			c.todo = append(c.todo, v)
			return
		case !begun:
			into = map[string]any{}
			to[t] = into
		}
		from, to = next, into
	}
}
