package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
)

// Bounds on one body that is made from a schema.
const (
	maxBodyDepth = 8
	maxBodyItems = 2000
)

// Bodies returns an example of the JSON body of each operation that has one, by the key of
// [catalogs.EndpointKey] for its path as it is written, and for its path below that of the
// first server: the document's own example, else one made from the schema with its required
// members. Only references within the document are followed. What a schema does not tell is
// left out: a server may refuse the result, which proves nothing either way.
func Bodies(file string, data []byte) (map[string]any, error) {
	var root map[string]any
	trimmed := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var err error
	if len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		err = json.Unmarshal(trimmed, &root)
	} else {
		err = yaml.Unmarshal(trimmed, &root)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if root["openapi"] == nil && root["swagger"] == nil {
		keys := make([]string, 0, 10)
		for k := range root {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		return nil, &FormatError{File: file, Keys: keys[:min(10, len(keys))]}
	}
	b := &bodyMaker{root: root}
	base := ""
	if servers := asList(root["servers"]); len(servers) > 0 {
		url, _ := asMap(servers[0])["url"].(string)
		if _, rest, ok := strings.Cut(url, "://"); ok {
			_, url, _ = strings.Cut(rest, "/")
			url = "/" + url
		}
		base = strings.TrimSuffix(url, "/")
	} else if p, ok := root["basePath"].(string); ok {
		base = strings.TrimSuffix(p, "/")
	}
	out := map[string]any{}
	for path, item := range asMap(root["paths"]) {
		for method, op := range asMap(b.deref(item)) {
			if !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
				continue
			}
			if body, ok := b.body(asMap(op)); ok {
				m := strings.ToUpper(method)
				out[catalogs.EndpointKey(m, base+path)] = body
				out[catalogs.EndpointKey(m, path)] = body
			}
		}
	}
	return out, nil
}

type bodyMaker struct {
	root map[string]any
	made int
}

func asMap(v any) map[string]any { m, _ := v.(map[string]any); return m }
func asList(v any) []any         { l, _ := v.([]any); return l }

// deref follows references within the document; nil for any other.
func (b *bodyMaker) deref(v any) any {
	for range maxBodyDepth {
		ref, ok := asMap(v)["$ref"].(string)
		if !ok {
			return v
		}
		path, local := strings.CutPrefix(ref, "#/")
		if !local {
			return nil
		}
		v = any(b.root)
		for step := range strings.SplitSeq(path, "/") {
			v = asMap(v)[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
		}
	}
	return nil
}

// body is the example of one operation.
func (b *bodyMaker) body(op map[string]any) (any, bool) {
	b.made = 0
	for _, p := range asList(op["parameters"]) { // as version 2.0 has it
		if param := asMap(b.deref(p)); param["in"] == "body" {
			return b.example(param["schema"], 0)
		}
	}
	content := asMap(asMap(b.deref(op["requestBody"]))["content"])
	for _, name := range sorted(content) {
		if !strings.HasPrefix(name, "application/json") && !strings.Contains(name, "+json") {
			continue
		}
		media := asMap(content[name])
		if ex, ok := media["example"]; ok {
			return ex, true
		}
		examples := asMap(media["examples"])
		for _, name := range sorted(examples) {
			if ex, ok := asMap(b.deref(examples[name]))["value"]; ok {
				return ex, true
			}
		}
		return b.example(media["schema"], 0)
	}
	return nil, false
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// example makes a value of a schema.
func (b *bodyMaker) example(schema any, depth int) (any, bool) {
	s := asMap(b.deref(schema))
	if s == nil || depth > maxBodyDepth || b.made > maxBodyItems {
		return nil, false
	}
	b.made++
	for _, name := range []string{"example", "const", "default"} {
		if v, ok := s[name]; ok {
			return v, true
		}
	}
	for _, name := range []string{"examples", "enum"} {
		if list := asList(s[name]); len(list) > 0 {
			return list[0], true
		}
	}
	if parts := asList(s["allOf"]); len(parts) > 0 {
		whole := map[string]any{}
		for _, part := range append(slices.Clone(parts), without(s, "allOf")) {
			if v, ok := b.example(part, depth+1); ok {
				for name, member := range asMap(v) {
					whole[name] = member
				}
			}
		}
		return whole, true
	}
	for _, name := range []string{"oneOf", "anyOf"} {
		if parts := asList(s[name]); len(parts) > 0 {
			return b.example(parts[0], depth+1)
		}
	}
	kind, _ := s["type"].(string)
	if kinds := asList(s["type"]); len(kinds) > 0 {
		kind, _ = kinds[0].(string)
	}
	if kind == "" && s["properties"] != nil {
		kind = "object"
	}
	switch kind {
	case "object":
		return b.object(s, depth), true
	case "array":
		item, ok := b.example(s["items"], depth+1)
		if n, isNumber := number(s["minItems"]); !ok || !isNumber || n < 1 {
			return []any{}, true
		}
		return []any{item}, true
	case "string":
		return text(s), true
	case "integer", "number":
		if n, ok := number(s["minimum"]); ok {
			return n, true
		}
		if n, ok := number(s["maximum"]); ok && n < 1 {
			return n, true
		}
		return 1, true
	case "boolean":
		return false, true
	}
	return nil, false
}

// named are members that are filled in though they are not required: a mark of the run can
// stand there.
var named = []string{"name", "title"}

func (b *bodyMaker) object(s map[string]any, depth int) map[string]any {
	out := map[string]any{}
	properties := asMap(s["properties"])
	required := map[string]bool{}
	for _, name := range asList(s["required"]) {
		if n, ok := name.(string); ok {
			required[n] = true
		}
	}
	for _, name := range sorted(properties) {
		p := asMap(b.deref(properties[name]))
		if p["readOnly"] == true || !required[name] && !slices.Contains(named, name) {
			continue
		}
		if v, ok := b.example(p, depth+1); ok {
			out[name] = v
		}
	}
	return out
}

func without(s map[string]any, name string) map[string]any {
	out := map[string]any{}
	for k, v := range s {
		if k != name {
			out[k] = v
		}
	}
	return out
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

// text is a text of a format and a length.
func text(s map[string]any) string {
	format, _ := s["format"].(string)
	out := map[string]string{
		"date-time": "2030-01-01T00:00:00Z", "date": "2030-01-01", "time": "00:00:00Z", "email": "permcheck@example.com",
		"uri": "https://example.com/", "url": "https://example.com/", "hostname": "example.com", "ipv4": "192.0.2.1",
		"uuid": "00000000-0000-4000-8000-000000000000", "password": "permcheck-Passw0rd!",
	}[format]
	if out != "" {
		return out
	}
	out = "permcheck"
	if n, ok := number(s["minLength"]); ok && int(n) > len(out) && n < 1000 {
		out += strings.Repeat("x", int(n)-len(out))
	}
	if n, ok := number(s["maxLength"]); ok && n >= 0 && int(n) < len(out) {
		out = out[:int(n)]
	}
	return out
}
