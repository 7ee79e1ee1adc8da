package kong

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// get returns the value of a key; nil: there is none.
func get(n *yaml.Node, key string) *yaml.Node {
	n = target(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return target(n.Content[i+1])
		}
	}
	return nil
}

// target follows an alias.
func target(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

// list returns the items of a list that are mappings.
func list(n *yaml.Node) []*yaml.Node {
	if n = target(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var out []*yaml.Node
	for _, item := range n.Content {
		if item = target(item); item != nil && item.Kind == yaml.MappingNode {
			out = append(out, item)
		}
	}
	return out
}

// text returns a plain value; a null is none.
func text(n *yaml.Node) (string, bool) {
	if n = target(n); n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", false
	}
	return n.Value, true
}

// texts returns the plain values of a list, or a single one.
func texts(n *yaml.Node) []string {
	if s, ok := text(n); ok {
		return []string{s}
	}
	if n = target(n); n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	var out []string
	for _, item := range n.Content {
		if s, ok := text(item); ok {
			out = append(out, s)
		}
	}
	return out
}

// reference returns the name or id of an entity that another one refers to.
func reference(n *yaml.Node) string {
	if s, ok := text(n); ok {
		return s
	}
	for _, key := range []string{"name", "id", "username"} {
		if s, ok := text(get(n, key)); ok {
			return s
		}
	}
	return ""
}

// nameOf is how others refer to an entity.
func nameOf(n *yaml.Node) string {
	for _, key := range []string{"name", "id"} {
		if s, ok := text(get(n, key)); ok {
			return s
		}
	}
	return ""
}

// shown names an entity in messages.
func shown(n *yaml.Node) string {
	if s := nameOf(n); s != "" {
		return s
	}
	return strings.Join(texts(get(n, "paths")), ", ")
}

// canonical is the text of a value, whatever its layout.
func canonical(n *yaml.Node) string { return write(n, 0) }

func write(n *yaml.Node, depth int) string {
	n = target(n)
	if n == nil || depth > 32 {
		return ""
	}
	var parts []string
	switch n.Kind {
	case yaml.ScalarNode:
		return n.Value
	case yaml.SequenceNode:
		for _, item := range n.Content {
			parts = append(parts, write(item, depth+1))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+":"+write(n.Content[i+1], depth+1))
		}
		return "{" + strings.Join(parts, " ") + "}"
	}
	return ""
}
