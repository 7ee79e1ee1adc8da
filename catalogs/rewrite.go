package catalogs

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// A RowEdit changes one row of a catalog file. Exactly one of Requires, Remove and Add
// says how.
type RowEdit struct {
	Method, Path string
	Requires     *perm.Requirement // the row's new requirement
	Remove       bool
	Add          []strictyaml.Entry // rows that come behind this one
}

// Rewrite returns the text of a catalog file with rows changed, removed and added, and
// permissions added. Comments, order and layout stay. It edits texts, not meaning: parse
// what it returns, since YAML has layouts that it leaves alone.
func Rewrite(file string, data []byte, edits []RowEdit, permissions []strictyaml.Entry) ([]byte, error) {
	crlf := bytes.Contains(data, []byte("\r\n"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	// Requirements first: they move no line.
	rows, _, err := fileRows(file, data)
	if err != nil {
		return nil, err
	}
	var texts []strictyaml.Edit
	for _, e := range edits {
		if e.Requires == nil {
			continue
		}
		p, ok := rows[EndpointKey(e.Method, e.Path)]
		if !ok {
			return nil, fmt.Errorf("%s has no row %s %s", file, e.Method, e.Path)
		}
		value := p.Value
		if value.IsMap() {
			for _, f := range value.Pairs("a row") {
				if f.Name == "requires" {
					value = f.Value
				}
			}
		}
		texts = append(texts, value.SetText(e.Requires.String()))
	}
	data = strictyaml.Apply(data, texts)
	for _, e := range edits {
		if e.Requires != nil {
			continue
		}
		if rows, _, err = fileRows(file, data); err != nil {
			return nil, err
		}
		p, ok := rows[EndpointKey(e.Method, e.Path)]
		switch {
		case !ok:
			return nil, fmt.Errorf("%s has no row %s %s", file, e.Method, e.Path)
		case e.Remove:
			data = strictyaml.Delete(data, p)
		default:
			data = strictyaml.InsertAfter(data, p, e.Add)
		}
	}
	if len(permissions) > 0 {
		if data, err = addPermissions(file, data, permissions); err != nil {
			return nil, err
		}
	}
	if crlf {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return data, nil
}

// AddFirstRows returns the text of a catalog file that has no row yet with these.
func AddFirstRows(file string, data []byte, rows []strictyaml.Entry) ([]byte, error) {
	_, top, err := fileRows(file, data)
	if err != nil {
		return nil, err
	}
	if p, ok := top["endpoints"]; ok {
		return strictyaml.InsertInto(data, p, rows), nil
	}
	data = append(bytes.TrimRight(data, "\n"), "\nendpoints:\n"...)
	if _, top, err = fileRows(file, data); err != nil {
		return nil, err
	}
	return strictyaml.InsertInto(data, top["endpoints"], rows), nil
}

func addPermissions(file string, data []byte, permissions []strictyaml.Entry) ([]byte, error) {
	_, top, err := fileRows(file, data)
	if err != nil {
		return nil, err
	}
	if p, ok := top["permissions"]; ok {
		if pairs := p.Value.Pairs("a mapping of permissions"); len(pairs) > 0 {
			return strictyaml.InsertAfter(data, pairs[len(pairs)-1], permissions), nil
		}
		return strictyaml.InsertInto(data, p, permissions), nil
	}
	data = append(bytes.TrimRight(data, "\n"), "\npermissions:\n"...)
	if _, top, err = fileRows(file, data); err != nil {
		return nil, err
	}
	return strictyaml.InsertInto(data, top["permissions"], permissions), nil
}

// fileRows returns the rows of one file by their identity, and its top-level entries.
func fileRows(file string, data []byte) (rows, top map[string]strictyaml.Pair, err error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, nil, err
	}
	rows, top = map[string]strictyaml.Pair{}, map[string]strictyaml.Pair{}
	var read func(n strictyaml.Node)
	read = func(n strictyaml.Node) {
		for _, p := range n.Pairs("a mapping of endpoints") {
			if !strings.Contains(p.Name, "/") {
				if p.Value.IsMap() {
					read(p.Value)
				}
				continue
			}
			if words := strings.Fields(p.Name); len(words) == 2 {
				if method, err := ParseMethod(words[0]); err == nil {
					rows[EndpointKey(method, words[1])] = p
				}
			}
		}
	}
	for _, p := range doc.Root.Pairs("a catalog") {
		top[p.Name] = p
		if p.Name == "endpoints" && p.Value.IsMap() {
			read(p.Value)
		}
	}
	return rows, top, doc.Err()
}
