package openapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
)

// A Scheme is the definition of a security scheme.
type Scheme struct {
	Name string
	Type string // apiKey, http, oauth2, openIdConnect, mutualTLS
	// Identity is the text of everything that decides which credential it is: two
	// schemes with equal texts take the same credentials.
	Identity string
	// Scopes are those that the definition lists, sorted. They are no part of what the
	// scheme is: operations may demand others, and none of these.
	Scopes []Scope
	Pos    catalogs.Pos
}

// A Scope is a scope that a scheme's definition lists.
type Scope struct{ Name, Description string }

// listScopes adds the scopes of one flow.
func (s *Scheme) listScopes(n node) {
	if n.isZero() || n.kind() != object {
		return
	}
	fields, err := n.fields()
	if err != nil {
		return // what cannot be read is merely not listed
	}
	for _, f := range fields {
		if strings.HasPrefix(f.key, "x-") || slices.ContainsFunc(s.Scopes, func(o Scope) bool { return o.Name == f.key }) {
			continue
		}
		text, _ := f.value.text()
		s.Scopes = append(s.Scopes, Scope{f.key, text})
	}
	slices.SortFunc(s.Scopes, func(a, b Scope) int { return strings.Compare(a.Name, b.Name) })
}

// HasScopes reports whether the scheme's scopes name permissions: OAuth 2.0 and
// OpenID Connect.
func (s *Scheme) HasScopes() bool { return s.Type == "oauth2" || s.Type == "openIdConnect" }

// readScheme reads one definition. Descriptions, scopes, formats and extensions are
// no part of a scheme's identity and are not even decoded, so that their mistakes do
// no harm.
func readScheme(name string, n node, v2 bool) (*Scheme, error) {
	fields, err := n.fields()
	if err != nil {
		return nil, err
	}
	def := map[string]any{}
	flows := map[string]map[string]any{}
	s := &Scheme{Name: name, Pos: n.pos()}
	for _, f := range fields {
		switch {
		case f.key == "flows":
			kinds, err := f.value.fields()
			if err != nil {
				return nil, err
			}
			for _, k := range kinds {
				if strings.HasPrefix(k.key, "x-") {
					continue
				}
				flow := map[string]any{"scopes": map[string]string{}}
				urls, err := k.value.fields()
				if err != nil {
					return nil, err
				}
				for _, u := range urls {
					if u.key == "scopes" {
						s.listScopes(u.value)
					}
					if text, ok := u.value.text(); ok && strings.HasSuffix(u.key, "Url") && u.key != "refreshUrl" {
						flow[u.key] = text
					}
				}
				flows[k.key] = flow
			}
			def["flows"] = flows
		case f.key == "scopes":
			s.listScopes(f.value)
		case f.key == "description" || f.key == "bearerFormat" || strings.HasPrefix(f.key, "x-"):
		default:
			if text, ok := f.value.text(); ok {
				def[f.key] = text
			}
		}
	}
	data, err := json.Marshal(def)
	if err != nil {
		return nil, err
	}
	bad := func(err error) (*Scheme, error) {
		// The definition is still a definition: compare its text as it stands.
		s.Type, s.Identity = "unknown", n.canonical()
		return s, fmt.Errorf("security scheme %q: %w", name, err)
	}
	var v3 openapi3.SecurityScheme
	if v2 {
		var d openapi2.SecurityScheme
		if err := json.Unmarshal(data, &d); err != nil {
			return bad(err)
		}
		ref, err := openapi2conv.ToV3SecurityScheme(&d)
		if err != nil {
			return bad(err)
		}
		v3 = *ref.Value
		if v3.Type == "" {
			v3.Type = d.Type
		}
	} else if err := json.Unmarshal(data, &v3); err != nil {
		return bad(err)
	}
	s.Type = v3.Type
	switch v3.Type {
	case "apiKey":
		key := v3.Name
		if v3.In == "header" { // field names are case-insensitive: RFC 9110, section 5.1
			key = strings.ToLower(key)
		}
		s.Identity = fmt.Sprintf("API key in %s %q", v3.In, key)
	case "http":
		// Scheme names are case-insensitive: RFC 9110, section 11.1.
		s.Identity = "HTTP " + strings.ToLower(v3.Scheme)
	case "oauth2":
		s.Identity = "OAuth 2.0 " + flowIdentity(v3.Flows, flows)
	case "openIdConnect":
		s.Identity = "OpenID Connect " + v3.OpenIdConnectUrl
	case "mutualTLS":
		s.Identity = "mutual TLS"
	default:
		return bad(fmt.Errorf("type %q: expected apiKey, http, oauth2, openIdConnect or mutualTLS", v3.Type))
	}
	return s, nil
}

// flowIdentity lists the flows and where they get their tokens. The flows that
// kin-openapi does not know, such as deviceAuthorization of OpenAPI 3.2, come from
// raw.
func flowIdentity(flows *openapi3.OAuthFlows, raw map[string]map[string]any) string {
	texts := map[string]string{}
	for kind, urls := range raw {
		texts[kind] = describeFlow(kind, urls)
	}
	if flows != nil {
		for kind, f := range map[string]*openapi3.OAuthFlow{
			"implicit": flows.Implicit, "password": flows.Password,
			"clientCredentials": flows.ClientCredentials, "authorizationCode": flows.AuthorizationCode,
		} {
			if f == nil {
				continue
			}
			urls := map[string]any{}
			if f.AuthorizationURL != "" {
				urls["authorizationUrl"] = f.AuthorizationURL
			}
			if f.TokenURL != "" {
				urls["tokenUrl"] = f.TokenURL
			}
			texts[kind] = describeFlow(kind, urls)
		}
	}
	var all []string
	for _, t := range texts {
		all = append(all, t)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}

func describeFlow(kind string, urls map[string]any) string {
	var parts []string
	for key, v := range urls {
		if text, ok := v.(string); ok {
			parts = append(parts, strings.TrimSuffix(key, "Url")+" "+text)
		}
	}
	slices.Sort(parts)
	if len(parts) == 0 {
		return kind
	}
	return kind + " (" + strings.Join(parts, ", ") + ")"
}
