package catalogs

import (
	"regexp"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// lineEnd is any number of carriage returns before a line feed, or at the end.
var lineEnd = regexp.MustCompile(`\r+\n|\r+$`)

// Format returns the text of a catalog file in canonical form: requirements in
// minimal normal form, endpoint keys as "METHOD /path" with one space, no trailing
// blanks, one final newline. It never aligns, wraps or re-sorts, and keeps comments;
// what is canonical already is returned unchanged. Text that is not a catalog gives
// [Errors].
func Format(file string, data []byte) ([]byte, error) {
	data = lineEnd.ReplaceAll(data, []byte("\n"))
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	var f formatter
	for _, p := range doc.Root.Pairs("a catalog") {
		switch p.Name {
		case "endpoints":
			f.endpoints(p.Value)
		case "fields":
			for _, object := range p.Value.Pairs("a mapping of objects") {
				for _, field := range object.Value.Pairs("a mapping of fields") {
					f.row(field.Value)
				}
			}
		}
	}
	if err := doc.Err(); err != nil {
		return nil, err
	}
	out := strictyaml.Apply(data, f.edits)
	lines := strings.Split(string(out), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	return []byte(strings.TrimRight(strings.Join(lines, "\n"), "\n") + "\n"), nil
}

type formatter struct{ edits []strictyaml.Edit }

func (f *formatter) endpoints(n strictyaml.Node) {
	for _, p := range n.Pairs("a mapping of endpoints") {
		if !strings.Contains(p.Name, "/") {
			f.endpoints(p.Value)
			continue
		}
		words := strings.Fields(p.Name)
		if len(words) != 2 {
			p.Key.Errorf("expected METHOD /path, found %q", strictyaml.Excerpt(p.Name))
			continue
		}
		method := strings.ToUpper(words[0])
		if method == AnyMethod {
			method = "ANY"
		}
		f.edits = append(f.edits, p.Key.SetKey(method+" "+words[1]))
		f.row(p.Value)
	}
}

func (f *formatter) row(n strictyaml.Node) {
	if n.IsMap() {
		for _, p := range n.Pairs("a row") {
			if p.Name == "requires" {
				f.requirement(p.Value)
			}
		}
		return
	}
	f.requirement(n)
}

func (f *formatter) requirement(n strictyaml.Node) {
	text, ok := n.Text("a requirement")
	if !ok {
		return
	}
	r, err := perm.Parse(text)
	if err != nil {
		(&decoder{}).syntax(n, err)
		return
	}
	f.edits = append(f.edits, n.SetText(r.String()))
}
