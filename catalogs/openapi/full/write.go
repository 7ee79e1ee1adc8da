package full

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// The security schemes of documents that are written. Permissions are scopes of the
// first; no key opens what requires the second.
const (
	permissionScheme = "permissions"
	nobodyScheme     = "nobody"
)

// anyMethods are the methods that a row for any method becomes.
var anyMethods = []string{"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"}

// Write renders a catalog as an OpenAPI document: permissions are the scopes of one
// OAuth 2.0 scheme, and compared with its catalog the document shows no change. What
// OpenAPI has no words for is said in descriptions: rows that are unknown or open to
// nobody, and how many rules about fields, records and keys there are.
//
// The document is validated. A catalog that no valid document can stand for, such as one
// with rows for /files/{id} and /files/{path...}, is an error.
func Write(c *catalogs.Catalog) ([]byte, error) {
	doc, order := document(c)
	text, err := render(doc, order)
	if err != nil {
		return nil, fmt.Errorf("writing %s as an OpenAPI document: %w", c.Name, err)
	}
	// What was rendered is checked, not what it was made of.
	read, err := openapi3.NewLoader().LoadFromData(text)
	if err == nil {
		err = read.Validate(context.Background(), openapi3.EnableMultiError())
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be written as an OpenAPI document: the result would be invalid: %w", c.Name, firstErrors(err, 5))
	}
	return text, nil
}

// firstErrors keeps the first n of many errors, and says how many there are.
func firstErrors(err error, n int) error {
	var many openapi3.MultiError
	if !errors.As(err, &many) {
		return err
	}
	texts := make([]string, 0, n)
	for i, e := range many {
		if i == n {
			texts = append(texts, fmt.Sprintf("and %d more", len(many)-n))
			break
		}
		texts = append(texts, e.Error())
	}
	return errors.New(strings.Join(texts, "; "))
}

// document makes the document, and lists its paths in the order of the catalog.
func document(c *catalogs.Catalog) (*openapi3.T, []string) {
	doc := &openapi3.T{
		OpenAPI: "3.1.0",
		Info:    &openapi3.Info{Title: c.Name, Version: "1", Description: about(c)},
		Paths:   openapi3.NewPaths(),
	}
	var order []string
	spelled := map[string]string{} // by the path without names of parameters
	nobody := false
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		key, path := e.Path, e.Path
		if t, err := catalogs.ParseTemplate(e.Path); err == nil {
			key, path = t.Key(), spell(e.Path)
		}
		// Two spellings of one path are one path item: names of parameters mean nothing,
		// and OpenAPI forbids the twin.
		if spelled[key] == "" {
			spelled[key] = path
			order = append(order, path)
			doc.Paths.Set(path, &openapi3.PathItem{Parameters: parameters(path)})
		}
		item := doc.Paths.Value(spelled[key])
		for _, m := range methodsOf(c, e) {
			if !slices.Contains(anyMethods, m) {
				doc.OpenAPI = "3.2.0" // the first with query and additionalOperations
			}
			item.SetOperation(m, operation(e))
		}
		nobody = nobody || e.Requires != nil && e.Requires.IsNobody()
	}
	schemes := openapi3.SecuritySchemes{permissionScheme: {Value: permissionsOf(c)}}
	if nobody {
		schemes[nobodyScheme] = &openapi3.SecuritySchemeRef{Value: &openapi3.SecurityScheme{
			Type: "http", Scheme: "bearer", Description: "No key opens what requires this."}}
	}
	doc.Components = &openapi3.Components{SecuritySchemes: schemes}
	return doc, order
}

// about says what the document is, and what of the catalog it leaves out.
func about(c *catalogs.Catalog) string {
	text := "Made by permcheck catalog show --format openapi. Permissions are scopes; how a key is got is not described, and the address of tokens is a placeholder."
	for _, left := range []struct {
		n    int
		what string
	}{{len(c.Fields), "rules about fields"}, {len(c.Records), "rules about records"}, {len(c.AllowLists), "allow lists"}} {
		if left.n > 0 {
			text += fmt.Sprintf("\nLeft out, since OpenAPI has no words for them: %s (%d).", left.what, left.n)
		}
	}
	return text
}

// methodsOf are the methods that a row stands for.
func methodsOf(c *catalogs.Catalog, e *catalogs.Endpoint) []string {
	if e.Method != catalogs.AnyMethod {
		return []string{e.Method}
	}
	return slices.DeleteFunc(slices.Clone(anyMethods), func(m string) bool {
		_, own := c.Endpoint(m, e.Path)
		return own
	})
}

// spell is a path whose parameters have names that validators take for names: they read a
// colon as the begin of a pattern and a final star as a wildcard.
func spell(path string) string {
	var b strings.Builder
	in := false
	for _, r := range path {
		switch {
		case r == '{' || r == '}':
			in = r == '{'
		case in && (r == ':' || r == '*'):
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// parameters are those of a path. Their names are what stands between the braces, the dots
// of a tail included.
func parameters(path string) openapi3.Parameters {
	var names []string
	for _, part := range strings.Split(path, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	slices.Sort(names)
	var out openapi3.Parameters
	for _, name := range slices.Compact(names) {
		out = append(out, &openapi3.ParameterRef{Value: openapi3.NewPathParameter(name).WithSchema(openapi3.NewStringSchema())})
	}
	return out
}

func operation(e *catalogs.Endpoint) *openapi3.Operation {
	security, note := securityOf(e.Requires)
	op := &openapi3.Operation{
		Description: note,
		Security:    &security,
		Responses:   openapi3.NewResponses(openapi3.WithName("default", openapi3.NewResponse().WithDescription("not described"))),
	}
	if e.Section != "" {
		op.Tags = []string{e.Section}
	}
	return op
}

func permissionsOf(c *catalogs.Catalog) *openapi3.SecurityScheme {
	scopes := map[string]string{}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		scopes[string(p.ID)] = p.Label
		if p.Label == "" {
			scopes[string(p.ID)] = string(p.ID)
		}
	}
	return &openapi3.SecurityScheme{Type: "oauth2", Flows: &openapi3.OAuthFlows{
		ClientCredentials: &openapi3.OAuthFlow{TokenURL: "https://example.com/token", Scopes: scopes}}}
}

// securityOf is a requirement as a list of alternatives, and what that does not say.
func securityOf(r *perm.Requirement) (security openapi3.SecurityRequirements, note string) {
	scopes := func(ps perm.Set) openapi3.SecurityRequirement {
		texts := make([]string, len(ps))
		for i, p := range ps {
			texts[i] = string(p)
		}
		return openapi3.SecurityRequirement{permissionScheme: texts}
	}
	switch {
	case r == nil || r.IsUnknown():
		return openapi3.SecurityRequirements{scopes(nil)}, "What it requires is not known."
	case r.IsPublic():
		return openapi3.SecurityRequirements{}, ""
	case r.IsAuthenticated():
		return openapi3.SecurityRequirements{scopes(nil)}, "Any valid key."
	case r.IsNobody():
		return openapi3.SecurityRequirements{{nobodyScheme: []string{}}}, "Nobody may call it."
	}
	for _, cl := range r.Clauses() {
		security = append(security, scopes(cl))
	}
	return security, ""
}

// render writes the document as YAML, its parts in the order in which people read them:
// the catalog's for paths, and of the alphabet for all others.
func render(doc *openapi3.T, paths []string) ([]byte, error) {
	data, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	byPath, _ := all["paths"].(map[string]any)
	ordered, err := mapping(byPath, paths)
	if err != nil {
		return nil, err
	}
	all["paths"] = ordered
	root, err := mapping(all, []string{"openapi", "info", "paths"})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	err = errors.Join(enc.Encode(root), enc.Close())
	return b.Bytes(), err
}

// mapping is a YAML mapping with the keys of first before the others.
func mapping(values map[string]any, first []string) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	keys := slices.Concat(first, slices.DeleteFunc(slices.Sorted(maps.Keys(values)), func(k string) bool { return slices.Contains(first, k) }))
	for _, key := range keys {
		v := values[key]
		name, value := &yaml.Node{}, &yaml.Node{}
		name.SetString(key)
		if ready, ok := v.(*yaml.Node); ok {
			value = ready
		} else if err := value.Encode(v); err != nil {
			return nil, err
		}
		n.Content = append(n.Content, name, value)
	}
	return n, nil
}
