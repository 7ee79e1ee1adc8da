package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// permcheck as a word that begins a command, on an indented line or behind something of a shell.
var inDocs = regexp.MustCompile(`(?m)(?:^ {4,}|[-;|&] |run: |\$ )\s*permcheck ([a-z][^\n]*)`)

// What the documentation tells to type has commands and flags that exist, and its
// workflows are YAML.
func TestDocumentedCommands(t *testing.T) {
	seen := 0
	pages, err := filepath.Glob("../../docs/vendors/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages on vendors: %v, %v", pages, err)
	}
	for _, file := range append(pages, "../../README.md", "../../docs/ci.md", "../../docs/nightly.md") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(data), "```yaml\n") {
			if i == 0 {
				continue
			}
			block, _, _ = strings.Cut(block, "```")
			var v any
			if err := yaml.Unmarshal([]byte(block), &v); err != nil {
				t.Errorf("%s: %v\n%s", file, err, block)
			}
		}
		for _, m := range inDocs.FindAllStringSubmatch(string(data), -1) {
			line, _, _ := strings.Cut(m[1], "  ")
			line, _, _ = strings.Cut(line, " #")
			line, _, _ = strings.Cut(line, " >")
			var args []string
			for _, a := range strings.Fields(line) {
				args = append(args, strings.Trim(a, `"'`))
			}
			var out, errOut bytes.Buffer
			// Flags are read before help is given, and nothing else is done.
			if code := Run(context.Background(), append(args, "--help"), nil, &out, &errOut); code != exitOK {
				t.Errorf("%s: permcheck %s: %s", file, line, errOut.String())
			}
			if !strings.Contains(out.String(), "permcheck "+args[0]) {
				t.Errorf("%s: permcheck %s is no command of its own", file, args[0])
			}
			seen++
		}
	}
	if seen < 40 {
		t.Errorf("only %d commands found", seen)
	}
}
