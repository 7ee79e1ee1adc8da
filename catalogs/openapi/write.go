package openapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// The security schemes of documents that are written. Permissions are scopes of the
// first; no key opens what asks for the second.
const (
	permissionScheme = "permissions"
	nobodyScheme     = "nobody"
)

// anyMethods are the methods that a row for any method becomes.
var anyMethods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// Write renders a catalog as an OpenAPI document: permissions are the scopes of one
// OAuth 2.0 scheme, and compared with its catalog the document shows no change. What
// OpenAPI has no words for is said in comments: rows that are unknown or open to nobody,
// and how many rules about fields, records and keys there are.
func Write(c *catalogs.Catalog) []byte {
	type operation struct {
		method string
		row    *catalogs.Endpoint
	}
	var paths []string
	byPath := map[string][]operation{}
	version, nobody := "3.1.0", false
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if byPath[e.Path] == nil {
			paths = append(paths, e.Path)
		}
		methods := []string{e.Method}
		if e.Method == catalogs.AnyMethod {
			methods = anyMethods
		}
		for _, m := range methods {
			if e.Method == catalogs.AnyMethod && hasRow(c, m, e.Path) {
				continue
			}
			if !slices.Contains(anyMethods, m) {
				version = "3.2.0" // the first with query and additionalOperations
			}
			byPath[e.Path] = append(byPath[e.Path], operation{m, e})
		}
		nobody = nobody || e.Requires != nil && e.Requires.IsNobody()
	}

	var b strings.Builder
	q := strictyaml.QuoteFlow
	fmt.Fprintf(&b, "openapi: %s\ninfo: {title: %s, version: \"1\"}\n", version, q(c.Name))
	b.WriteString("# Made by permcheck catalog show --format openapi. Permissions are scopes; how a key is\n# got is not described, and the address below is a placeholder.\n")
	for _, left := range []struct {
		n    int
		what string
	}{{len(c.Fields), "rules about fields"}, {len(c.Records), "rules about records"}, {len(c.AllowLists), "allow lists"}} {
		if left.n > 0 {
			fmt.Fprintf(&b, "# Left out, since OpenAPI has no words for them: %s (%d).\n", left.what, left.n)
		}
	}
	b.WriteString("components:\n  securitySchemes:\n")
	fmt.Fprintf(&b, "    %s:\n      type: oauth2\n      flows:\n        clientCredentials:\n          tokenUrl: https://example.com/token\n", permissionScheme)
	if len(c.Permissions) == 0 {
		b.WriteString("          scopes: {}\n")
	} else {
		b.WriteString("          scopes:\n")
	}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		label := p.Label
		if label == "" {
			label = string(p.ID)
		}
		fmt.Fprintf(&b, "            %s: %s\n", strictyaml.QuoteKey(string(p.ID)), strictyaml.QuoteValue(label))
	}
	if nobody {
		fmt.Fprintf(&b, "    %s: {type: http, scheme: bearer, description: no key opens what asks for this}\n", nobodyScheme)
	}
	if len(paths) == 0 {
		b.WriteString("paths: {}\n")
		return []byte(b.String())
	}
	b.WriteString("paths:\n")
	for _, path := range paths {
		fmt.Fprintf(&b, "  %s:\n", strictyaml.QuoteKey(path))
		if t, err := catalogs.ParseTemplate(path); err == nil && len(t.Params()) > 0 {
			b.WriteString("    parameters:\n")
			for _, name := range slices.Compact(slices.Sorted(slices.Values(t.Params()))) {
				fmt.Fprintf(&b, "      - {name: %s, in: path, required: true, schema: {type: string}}\n", q(name))
			}
		}
		indent, others := "    ", false
		// The methods that have a key of their own come first.
		ops := byPath[path]
		slices.SortStableFunc(ops, func(x, y operation) int {
			own := func(o operation) int {
				if slices.Contains(anyMethods, o.method) || o.method == "QUERY" {
					return 0
				}
				return 1
			}
			return own(x) - own(y)
		})
		for _, o := range ops {
			name := strings.ToLower(o.method)
			if !slices.Contains(anyMethods, o.method) && o.method != "QUERY" {
				if !others {
					b.WriteString("    additionalOperations:\n")
					indent, others = "      ", true
				}
				name = o.method
			}
			security, note := securityOf(o.row.Requires)
			fmt.Fprintf(&b, "%s%s:\n", indent, name)
			if o.row.Section != "" {
				fmt.Fprintf(&b, "%s  tags: [%s]\n", indent, q(o.row.Section))
			}
			if note != "" {
				note = "  # " + note
			}
			fmt.Fprintf(&b, "%s  security: %s%s\n", indent, security, note)
			fmt.Fprintf(&b, "%s  responses: {default: {description: not described}}\n", indent)
		}
	}
	return []byte(b.String())
}

// hasRow reports whether the catalog has a row for just this method.
func hasRow(c *catalogs.Catalog, method, path string) bool {
	_, ok := c.Endpoint(method, path)
	return ok
}

// securityOf is a requirement as a list of alternatives, and what that does not say.
func securityOf(r *perm.Requirement) (text, note string) {
	scopes := func(ps perm.Set) string {
		texts := make([]string, len(ps))
		for i, p := range ps {
			texts[i] = strictyaml.QuoteFlow(string(p))
		}
		return "{" + permissionScheme + ": [" + strings.Join(texts, ", ") + "]}"
	}
	switch {
	case r == nil || r.IsUnknown():
		return "[" + scopes(nil) + "]", "what it requires is not known"
	case r.IsPublic():
		return "[]", ""
	case r.IsAuthenticated():
		return "[" + scopes(nil) + "]", "any valid key"
	case r.IsNobody():
		return "[{" + nobodyScheme + ": []}]", "nobody may call it"
	}
	var alternatives []string
	for _, cl := range r.Clauses() {
		alternatives = append(alternatives, scopes(cl))
	}
	return "[" + strings.Join(alternatives, ", ") + "]", ""
}
