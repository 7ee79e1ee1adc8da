package analyzers

import (
	"embed"
	"io/fs"
	"strings"
)

// docs are the packages' own comments, where each rule has a section "# Rule ID".
//
//go:embed doc.go */doc.go
var docs embed.FS

// Doc returns the section about a rule: what it reports, why, a bad and a good
// example, when to ignore it. It is empty if no analyzer has the rule.
func Doc(rule string) string {
	files, err := fs.Glob(docs, "*/doc.go")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, file := range append(files, "doc.go") {
		data, err := docs.ReadFile(file)
		if err != nil {
			panic(err) // it is embedded
		}
		var section []string
		in := false
		for line := range strings.Lines(string(data)) {
			text, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "//")
			if !ok {
				break // the package clause: its comment is over
			}
			text = strings.TrimPrefix(text, " ")
			if title, ok := strings.CutPrefix(text, "# "); ok {
				in = title == "Rule "+rule
				continue
			}
			if in {
				section = append(section, text)
			}
		}
		if len(section) > 0 {
			return strings.TrimSpace(strings.Join(section, "\n"))
		}
	}
	return ""
}
