package openapi

import (
	"fmt"
	"slices"
	"strings"

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
		if slices.ContainsFunc(s.Scopes, func(o Scope) bool { return o.Name == f.key }) {
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
	def := map[string]string{}
	flows := map[string]map[string]string{} // by kind, its URLs by their keys
	s := &Scheme{Name: name, Pos: n.pos()}
	for _, f := range fields {
		if text, ok := f.value.text(); ok {
			def[f.key] = text
		}
		if v2 && f.key == "scopes" {
			s.listScopes(f.value)
		}
		if f.key != "flows" || v2 {
			continue
		}
		kinds, err := f.value.fields()
		if err != nil {
			return nil, err
		}
		for _, k := range kinds {
			if strings.HasPrefix(k.key, "x-") {
				continue
			}
			urls, err := k.value.fields()
			if err != nil {
				return nil, err
			}
			flows[k.key] = map[string]string{}
			for _, u := range urls {
				if u.key == "scopes" {
					s.listScopes(u.value)
				}
				if text, ok := u.value.text(); ok && strings.HasSuffix(u.key, "Url") && u.key != "refreshUrl" {
					flows[k.key][u.key] = text
				}
			}
		}
	}
	s.Type = def["type"]
	bad := func(format string, args ...any) (*Scheme, error) {
		// The definition is still a definition: compare its text as it stands.
		s.Type, s.Identity = "unknown", n.canonical()
		return s, fmt.Errorf("security scheme %q: "+format, append([]any{name}, args...)...)
	}
	if v2 {
		switch s.Type {
		case "basic":
			s.Type, def["scheme"] = "http", "basic"
		case "oauth2":
			kind := flowsOfV2[def["flow"]]
			if kind == "" {
				return bad("flow %q: expected implicit, password, application or accessCode", def["flow"])
			}
			flows[kind] = map[string]string{"authorizationUrl": def["authorizationUrl"], "tokenUrl": def["tokenUrl"]}
		}
	}
	switch s.Type {
	case "apiKey":
		key := def["name"]
		if def["in"] == "header" { // field names are case-insensitive: RFC 9110, section 5.1
			key = strings.ToLower(key)
		}
		s.Identity = fmt.Sprintf("API key in %s %q", def["in"], key)
	case "http":
		// Scheme names are case-insensitive: RFC 9110, section 11.1.
		s.Identity = "HTTP " + strings.ToLower(def["scheme"])
	case "oauth2":
		s.Identity = "OAuth 2.0 " + flowIdentity(flows)
		if u := def["oauth2MetadataUrl"]; u != "" {
			s.Identity += "; metadata " + u
		}
	case "openIdConnect":
		s.Identity = "OpenID Connect " + def["openIdConnectUrl"]
	case "mutualTLS":
		s.Identity = "mutual TLS"
	default:
		return bad("type %q: expected apiKey, http, oauth2, openIdConnect or mutualTLS", s.Type)
	}
	return s, nil
}

// flowsOfV2 gives OpenAPI 3's names of the flows of OpenAPI 2.0.
var flowsOfV2 = map[string]string{
	"implicit": "implicit", "password": "password", "application": "clientCredentials", "accessCode": "authorizationCode",
}

// flowIdentity lists the flows and where they get their tokens.
func flowIdentity(flows map[string]map[string]string) string {
	var all []string
	for kind, urls := range flows {
		var parts []string
		for key, text := range urls {
			if text != "" {
				parts = append(parts, strings.TrimSuffix(key, "Url")+" "+text)
			}
		}
		slices.Sort(parts)
		if len(parts) > 0 {
			kind += " (" + strings.Join(parts, ", ") + ")"
		}
		all = append(all, kind)
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
