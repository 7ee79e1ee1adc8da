package cli

import (
	"fmt"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// grantsVersion is the value of the "permcheck" key of a file of roles.
const grantsVersion = "grants/1"

// loadGrants reads the keys of a probe profile, or a file of roles. Of a profile only the
// grants of its keys are read: permcheck probe checks the rest.
func loadGrants(file string) ([]drift.Grant, error) {
	data, err := openapi.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--grants: %w", err)
	}
	return parseGrants(file, data)
}

func parseGrants(file string, data []byte) ([]drift.Grant, error) {
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	list, version := "", ""
	pairs := doc.Root.Pairs("keys of a probe profile, or roles")
	for _, p := range pairs {
		if p.Name == "permcheck" {
			version, _ = p.Value.OneOf("the version of the format", keyring.ProfileVersion, grantsVersion)
			list = map[string]string{keyring.ProfileVersion: "keys", grantsVersion: "roles"}[version]
		}
	}
	var out []drift.Grant
	for _, p := range pairs {
		switch {
		case p.Name == list:
			for _, g := range p.Value.Pairs("a grant for each name") {
				out = append(out, readGrant(g, version))
			}
		case version == grantsVersion && p.Name != "permcheck":
			p.Key.Errorf("unknown key %q: expected permcheck or roles", strictyaml.Excerpt(p.Name))
		}
	}
	if doc.Err() == nil && version == "" {
		doc.Root.Errorf("the key permcheck is missing: begin the file with permcheck: %s", grantsVersion)
	}
	if doc.Err() == nil && len(out) == 0 {
		doc.Root.Errorf("nobody is listed under %s:, such as reader: Position:READ", list)
	}
	return out, doc.Err()
}

func readGrant(p strictyaml.Pair, version string) drift.Grant {
	g := drift.Grant{Name: p.Name, Pos: catalogs.Pos{File: p.Key.File(), Line: p.Key.Line(), Column: p.Key.Column()}}
	value := p.Value
	if version == keyring.ProfileVersion {
		value = strictyaml.Node{}
		for _, q := range p.Value.Pairs("a key") {
			if q.Name == "grants" {
				value = q.Value
			}
		}
		if value.IsZero() {
			p.Value.Errorf("key %s says nothing about its grants: add grants: all, none, or permissions joined by &", strictyaml.Excerpt(p.Name))
			return g
		}
	}
	text, ok := value.Text("a grant: all, none, or permissions joined by &")
	if !ok {
		return g
	}
	except := ""
	if text = strings.TrimSpace(text); text == "all" {
		g.All = true
		return g
	} else if except, g.All = strings.CutPrefix(text, "all except "); g.All {
		text = except
	}
	set, err := perm.ParseSet(text)
	if err != nil {
		value.Errorf("%v", err)
	} else if g.All {
		g.Except = set
	} else {
		g.Holds = set
	}
	return g
}
