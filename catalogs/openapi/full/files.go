package full

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// files are a document and the files that it refers to, all read before the library sees
// any: what it is given is bounded, and safe for it.
type files struct {
	byName   map[string]*source // below the root of the caller's files
	rootName string
	rootFile string // as it was named
	up       string // from the folder of the document to the root of the files
	opts     openapi.Options
	left     int // bytes that may still be read
}

// A source is the text of one file.
type source struct {
	text  []byte
	value any // as JSON has it
	err   error
	tamed bool       // text is not the one that was read; see tame
	nodes *yaml.Node // with places, made when they are needed
}

func (f *files) root() *source { return f.byName[f.rootName] }

// readFiles reads a document and all that it refers to below the root of the files.
func readFiles(file string, data []byte, opts openapi.Options) (*files, error) {
	f := &files{byName: map[string]*source{}, rootName: base(file, opts), rootFile: filepath.ToSlash(file), opts: opts, left: openapi.MaxSize - len(data)}
	if dir := path.Dir(f.rootName); dir != "." {
		f.up = strings.Repeat("../", 1+strings.Count(dir, "/"))
	}
	if f.left < 0 {
		return nil, fmt.Errorf("it is larger than %d MB", openapi.MaxSize>>20)
	}
	root := &source{text: openapi.UTF8(data)}
	f.byName[f.rootName] = root
	if root.value, root.err = parseAny(root.text); root.err != nil {
		return nil, root.err
	}
	for todo := []string{f.rootName}; len(todo) > 0; {
		name := todo[0]
		todo = todo[1:]
		f.references(name, f.byName[name].value, nil, func(_ []string, ref string) {
			to, _, ok := f.resolve(name, ref)
			if ok && f.byName[to] == nil {
				f.byName[to] = f.read(to)
				todo = append(todo, to)
			}
		})
	}
	values := map[string]any{}
	for name, s := range f.byName {
		values[name] = s.value
	}
	for name := range tame(values, f.targets) {
		s := f.byName[name]
		s.place() // of the text as it was written
		text, err := json.Marshal(s.value)
		if err != nil {
			return nil, err
		}
		s.text, s.tamed = text, true
	}
	return f, nil
}

// read reads a file that is referred to.
func (f *files) read(name string) *source {
	if f.opts.Files == nil {
		return &source{err: errors.New("the document is not read from a file, so it cannot refer to others")}
	}
	in, err := f.opts.Files.Open(name)
	if err != nil {
		return &source{err: err}
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, int64(f.left)+1))
	if f.left -= len(text); err == nil && f.left < 0 {
		err = fmt.Errorf("the document and the files that it refers to are larger than %d MB", openapi.MaxSize>>20)
		f.left = 0
	}
	if err != nil {
		return &source{err: err}
	}
	s := &source{text: openapi.UTF8(text)}
	s.value, s.err = parseAny(s.text)
	return s
}

// valueFields hold values of the API, which may have a member $ref of their own.
var valueFields = map[string]bool{"example": true, "examples": true, "default": true, "enum": true, "const": true, "value": true}

// byName are fields that hold parts by names of the document's own.
var byName = map[string]bool{"properties": true, "patternProperties": true, "dependentSchemas": true, "$defs": true, "schemas": true, "responses": true, "parameters": true,
	"headers": true, "requestBodies": true, "links": true, "callbacks": true, "securitySchemes": true, "pathItems": true, "paths": true, "webhooks": true, "content": true}

// references visits the references of a file.
func (f *files) references(name string, v any, tokens []string, visit func(tokens []string, ref string)) {
	below := func(token string) []string { return append(tokens[:len(tokens):len(tokens)], token) }
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			visit(tokens, ref)
		}
		names := len(tokens) > 0 && byName[tokens[len(tokens)-1]]
		for _, k := range sorted(v) {
			switch {
			case names || !valueFields[k] && !strings.HasPrefix(k, "x-"):
				f.references(name, v[k], below(k), visit)
			case k == "examples":
				for _, of := range sorted(asMap(v[k])) {
					if ref, ok := asMap(asMap(v[k])[of])["$ref"].(string); ok {
						visit(append(below(k), of), ref)
					}
				}
			}
		}
	case []any:
		for i, item := range v {
			f.references(name, item, below(fmt.Sprint(i)), visit)
		}
	}
}

// resolve splits a reference into a file below the root of the files and a pointer.
func (f *files) resolve(from, ref string) (name, fragment string, ok bool) {
	u, err := url.Parse(ref)
	if err != nil || u.Scheme != "" || u.Host != "" || strings.HasPrefix(u.Path, "/") || strings.Contains(u.Path, `\`) {
		return "", "", false
	}
	if u.Path == "" {
		return from, u.Fragment, true
	}
	name = path.Join(path.Dir(from), u.Path)
	return name, u.Fragment, fs.ValidPath(name)
}

// targets are what a reference may lead to.
func (f *files) targets(from, ref string) []part {
	name, fragment, ok := f.resolve(from, ref)
	s := f.byName[name]
	if !ok || s == nil {
		return nil
	}
	return parts(name, s.value, pointerTokens(fragment))
}

// lost says why a reference leads nowhere; empty: it leads somewhere.
func (f *files) lost(from, ref string) string {
	name, fragment, ok := f.resolve(from, ref)
	if !ok {
		return "it is not followed: only files below the document's folder are"
	}
	switch s := f.byName[name]; {
	case s == nil:
		return "the file is not there"
	case s.err != nil:
		return s.err.Error()
	case at(s.value, pointerTokens(fragment)) == nil:
		return "it leads to nothing"
	}
	return ""
}

// shown is the name of a file as a reader of the report would write it.
func (f *files) shown(name string) string {
	if name == "" || path.Clean(name) == f.rootName {
		return filepath.FromSlash(f.rootFile)
	}
	return filepath.FromSlash(path.Join(path.Dir(f.rootFile), f.up, name))
}

// locate is the place of a part of the document, or of the part that is nearest to it.
func (f *files) locate(tokens []string) catalogs.Pos { return f.locateIn(f.rootName, tokens) }

func (f *files) locateIn(name string, tokens []string) catalogs.Pos {
	out := catalogs.Pos{File: f.shown(name), Line: 1, Column: 1}
	n := f.byName[name].place()
	for _, t := range tokens {
		key, value := step(n, t)
		if value == nil {
			break
		}
		n, out.Line, out.Column = value, key.Line, key.Column
	}
	return out
}

// place parses the text once more, with places.
func (s *source) place() *yaml.Node {
	if s.nodes == nil {
		var n yaml.Node
		text := s.text
		if json.Valid(text) {
			text = bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
		}
		if yaml.Unmarshal(text, &n) == nil && len(n.Content) == 1 {
			s.nodes = n.Content[0]
		} else {
			s.nodes = &yaml.Node{}
		}
	}
	return s.nodes
}

// step goes down to a member or an item: where it begins, and what it is.
func step(n *yaml.Node, token string) (key, value *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for i := 0; i < len(n.Content); i++ {
		switch {
		case n.Kind == yaml.SequenceNode:
			if fmt.Sprint(i) == token {
				return n.Content[i], n.Content[i]
			}
		case i%2 == 0 && i+1 < len(n.Content) && n.Content[i].Value == token:
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
