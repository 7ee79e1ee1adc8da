package kong

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Key is the top-level key that tells Kong's configuration from other files.
const Key = "_format_version"

// Parse reads a configuration in YAML or JSON. Its error names a place in the text.
func Parse(file string, data []byte) (*openapi.Document, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, &strictyaml.Error{File: file, Msg: "the file is empty: expected Kong's declarative configuration"}
	} else if err != nil {
		return nil, strictyaml.SyntaxError(file, data, err)
	}
	r := &reader{doc: &openapi.Document{File: file, Schemes: map[string]*openapi.Scheme{}}}
	root := &doc
	if doc.Kind == yaml.DocumentNode && len(doc.Content) > 0 {
		root = doc.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		return nil, &strictyaml.Error{File: file, Line: root.Line, Column: root.Column, Msg: "expected a mapping with services, routes and plugins"}
	}
	r.doc.Version, _ = text(get(root, Key))
	for _, c := range list(get(root, "consumers")) {
		r.consumers = append(r.consumers, r.consumer(c))
	}
	global := r.plugins(root)
	services := list(get(root, "services"))
	routes := list(get(root, "routes"))
	for _, s := range services {
		if enabled, ok := text(get(s, "enabled")); ok && enabled == "false" {
			continue // it serves nothing
		}
		name := nameOf(s)
		own := slices.Concat(r.plugins(s), r.bound(root, "service", name))
		for _, route := range list(get(s, "routes")) {
			r.route(root, route, own, global)
		}
		for _, route := range routes {
			if ref := reference(get(route, "service")); name != "" && ref == name {
				r.route(root, route, own, global)
			}
		}
	}
	for _, route := range routes { // that hand requests to no service: a plugin answers
		ref := reference(get(route, "service"))
		if ref == "" {
			r.route(root, route, nil, global)
		} else if !slices.ContainsFunc(services, func(s *yaml.Node) bool { return nameOf(s) == ref }) {
			r.problem(route, "route %s: there is no service %q", shown(route), ref)
		}
	}
	return r.doc, nil
}

// reader walks a configuration.
type reader struct {
	doc       *openapi.Document
	consumers []consumer
}

// A consumer is somebody who calls, as the configuration lists them.
type consumer struct {
	names  []string // id, username and custom_id
	groups []string
	ends   bool // request-termination is bound to it
}

// A plugin is one that is enabled.
type plugin struct {
	name     string
	config   *yaml.Node
	node     *yaml.Node
	consumer string // that it is bound to; empty: to all
}

func (r *reader) pos(n *yaml.Node) catalogs.Pos {
	return catalogs.Pos{File: r.doc.File, Line: n.Line, Column: n.Column}
}

func (r *reader) problem(n *yaml.Node, format string, args ...any) openapi.Problem {
	p := openapi.Problem{Pos: r.pos(n), Message: fmt.Sprintf(format, args...)}
	r.doc.Problems = append(r.doc.Problems, p)
	return p
}

func (r *reader) consumer(n *yaml.Node) consumer {
	var c consumer
	for _, key := range []string{"id", "username", "custom_id"} {
		if s, ok := text(get(n, key)); ok && s != "" {
			c.names = append(c.names, s)
		}
	}
	for _, a := range list(get(n, "acls")) {
		if g, ok := text(get(a, "group")); ok {
			c.groups = append(c.groups, g)
		}
	}
	c.ends = slices.ContainsFunc(r.plugins(n), func(p plugin) bool { return p.name == "request-termination" })
	return c
}

// plugins returns the enabled plugins that stand at a node and are bound to nothing else.
func (r *reader) plugins(n *yaml.Node) []plugin {
	var out []plugin
	for _, p := range list(get(n, "plugins")) {
		if reference(get(p, "service")) == "" && reference(get(p, "route")) == "" {
			out = append(out, pluginOf(p)...)
		}
	}
	return out
}

// bound returns the enabled plugins at the root that are bound to a service or route.
func (r *reader) bound(root *yaml.Node, kind, name string) []plugin {
	var out []plugin
	for _, p := range list(get(root, "plugins")) {
		if name != "" && reference(get(p, kind)) == name && (kind == "route" || reference(get(p, "route")) == "") {
			out = append(out, pluginOf(p)...)
		}
	}
	return out
}

func pluginOf(n *yaml.Node) []plugin {
	name, _ := text(get(n, "name"))
	if enabled, ok := text(get(n, "enabled")); name == "" || ok && enabled == "false" {
		return nil
	}
	return []plugin{{name, get(n, "config"), n, reference(get(n, "consumer"))}}
}

// route adds the operations of a route.
func (r *reader) route(root, n *yaml.Node, service, global []plugin) {
	own := slices.Concat(r.plugins(n), r.bound(root, "route", nameOf(n)))
	rules := r.access(own, service, global)
	if rules.ends {
		return // request-termination answers everybody
	}
	why := rules.why
	for _, key := range []string{"hosts", "headers", "snis", "sources", "destinations", "expression"} {
		if v := get(n, key); v != nil && len(v.Content) > 0 || v != nil && v.Kind == yaml.ScalarNode && v.Tag != "!!null" {
			why = append(why, key+" decides too which requests it takes")
		}
	}
	methods := texts(get(n, "methods"))
	if len(methods) == 0 {
		methods = []string{catalogs.AnyMethod}
	}
	paths := texts(get(n, "paths"))
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	for _, p := range paths {
		templates, err := pathsOf(p)
		bad := why
		if err != nil {
			bad = append(slices.Clone(why), err.Error())
			templates = []string{p}
		}
		for _, method := range methods {
			for _, t := range templates {
				o := openapi.Operation{Method: strings.ToUpper(method), Path: t, Pos: r.pos(n), Stated: true, Security: rules.alternatives}
				if len(bad) > 0 {
					problem := r.problem(n, "route %s: %s", shown(n), strings.Join(bad, "; "))
					o.Unreadable = &openapi.Unreadable{Problem: problem, Text: canonical(n)}
				}
				r.doc.Operations = append(r.doc.Operations, o)
			}
		}
	}
}

// rules are who may call a route.
type rules struct {
	alternatives []openapi.Alternative
	why          []string // why that cannot be said
	ends         bool     // nobody gets through
}

// authentication lists the plugins that ask who is calling, and which of their settings decide
// what is taken for an answer.
var authentication = map[string][]string{
	"key-auth": {"key_names", "key_in_header", "key_in_query", "key_in_body"}, "key-auth-enc": {"key_names", "key_in_header", "key_in_query", "key_in_body"},
	"basic-auth": nil, "hmac-auth": {"algorithms", "enforce_headers", "validate_request_body"},
	"jwt":    {"key_claim_name", "claims_to_verify", "header_names", "uri_param_names", "cookie_names", "secret_is_base64", "maximum_expiration"},
	"oauth2": {"auth_header_name", "global_credentials"}, "oauth2-introspection": {"introspection_url"},
	"ldap-auth": {"ldap_host", "base_dn"}, "ldap-auth-advanced": {"ldap_host", "base_dn"},
	"openid-connect": {"issuer", "auth_methods"}, "mtls-auth": {"ca_certificates"}, "session": {"cookie_name"},
}

// harmless lists plugins that let every caller pass.
var harmless = []string{
	"cors", "rate-limiting", "rate-limiting-advanced", "response-ratelimiting", "request-size-limiting", "prometheus", "zipkin", "opentelemetry",
	"datadog", "statsd", "file-log", "http-log", "tcp-log", "udp-log", "syslog", "loggly", "kafka-log", "correlation-id", "request-transformer",
	"request-transformer-advanced", "response-transformer", "response-transformer-advanced", "proxy-cache", "proxy-cache-advanced", "grpc-gateway",
	"grpc-web", "bot-detection", "ip-restriction", "acme", "http2https", "redirect", "request-validator", "upstream-timeout", "route-transformer-advanced",
}

// access says who may call, by the plugins of a route, of its service, and global ones.
func (r *reader) access(own, service, global []plugin) rules {
	var out rules
	effective, ended, bound := nearest(own, service, global)
	out.why = bound
	var needed openapi.Alternative // every one of these
	var anyOf []openapi.Alternative
	var anonymous []string // consumers as which requests without a credential go on
	var groups []string
	var strange []string
	acl := false
	for _, p := range effective {
		switch {
		case p.name == "request-termination":
			out.ends = true
		case p.name == "acl":
			acl = true
			groups = append(texts(get(p.config, "allow")), texts(get(p.config, "whitelist"))...)
			if len(texts(get(p.config, "deny"))) > 0 || len(texts(get(p.config, "blacklist"))) > 0 {
				out.why = append(out.why, "acl denies groups")
			}
		case known(p.name):
			u := r.use(p)
			if as, ok := text(get(p.config, "anonymous")); ok && as != "" {
				anonymous = append(anonymous, as)
				anyOf = append(anyOf, openapi.Alternative{u})
			} else {
				needed = append(needed, u)
			}
		case !slices.Contains(harmless, p.name):
			strange = append(strange, p.name)
		}
	}
	if len(needed) == 0 && len(strange) > 0 {
		out.why = append(out.why, fmt.Sprintf("it is not known whether plugin %s asks who is calling", strings.Join(strange, ", ")))
	}
	alternatives := []openapi.Alternative{needed}
	if len(anonymous) > 0 && len(needed) == 0 {
		alternatives = anyOf
		if slices.ContainsFunc(anonymous, func(name string) bool { return !r.refused(name, ended, acl, groups) }) {
			alternatives = append(alternatives, openapi.Alternative{}) // nobody has to say who they are
		}
	}
	if acl && len(groups) > 0 {
		alternatives = r.inGroups(alternatives, groups)
	}
	out.alternatives = scoped(alternatives)
	return out
}

// nearest leaves of the plugins of one name those of the nearest level. It returns the consumers
// too to whom request-termination is bound, and what else is bound to one and decides who may
// call.
func nearest(levels ...[]plugin) (effective []plugin, ended map[string]bool, bound []string) {
	taken, ended := map[string]bool{}, map[string]bool{}
	for _, level := range levels {
		var here []string
		for _, p := range level {
			switch {
			case p.name == "request-termination" && p.consumer != "":
				ended[p.consumer] = true
			case p.consumer != "":
				if p.name == "acl" || known(p.name) {
					bound = append(bound, fmt.Sprintf("plugin %s is bound to the consumer %s", p.name, p.consumer))
				}
			case !taken[p.name]:
				effective = append(effective, p)
				here = append(here, p.name)
			}
		}
		for _, name := range here {
			taken[name] = true
		}
	}
	return effective, ended, bound
}

func known(name string) bool { _, ok := authentication[name]; return ok }

// refused reports whether something later refuses an anonymous consumer.
func (r *reader) refused(name string, ended map[string]bool, acl bool, groups []string) bool {
	if ended[name] {
		return true
	}
	for _, c := range r.consumers {
		if !slices.Contains(c.names, name) {
			continue
		}
		if c.ends || slices.ContainsFunc(c.names, func(n string) bool { return ended[n] }) {
			return true
		}
		return acl && len(groups) > 0 && !slices.ContainsFunc(c.groups, func(g string) bool { return slices.Contains(groups, g) })
	}
	return acl && len(groups) > 0 // a consumer that is not listed here is in no group
}

// inGroups asks for one of the groups besides what each alternative asks for. Who is in a group
// that an anonymous consumer is in, too, needs no credential: that alternative stays.
func (r *reader) inGroups(alternatives []openapi.Alternative, groups []string) []openapi.Alternative {
	r.scheme("acl", "Kong consumer groups", catalogs.Pos{File: r.doc.File})
	var out []openapi.Alternative
	for _, alt := range alternatives {
		if len(alt) == 0 && len(alternatives) > 1 {
			out = append(out, alt)
			continue
		}
		for _, g := range groups {
			out = append(out, append(slices.Clone(alt), openapi.Use{Scheme: "acl", Scopes: []string{g}}))
		}
	}
	return out
}

// scoped makes an alternative of each mandatory scope of oauth2, any of which is enough.
func scoped(alternatives []openapi.Alternative) []openapi.Alternative {
	var out []openapi.Alternative
	for _, alt := range alternatives {
		forms := []openapi.Alternative{{}}
		for _, u := range alt {
			scopes := u.Scopes
			if len(scopes) < 2 || u.Scheme == "acl" {
				for i := range forms {
					forms[i] = append(forms[i], u)
				}
				continue
			}
			var next []openapi.Alternative
			for _, f := range forms {
				for _, s := range scopes {
					next = append(next, append(slices.Clone(f), openapi.Use{Scheme: u.Scheme, Scopes: []string{s}}))
				}
			}
			forms = next
		}
		out = append(out, forms...)
	}
	return out
}

// use returns what an authentication plugin asks for, as a scheme.
func (r *reader) use(p plugin) openapi.Use {
	var settings []string
	for _, key := range authentication[p.name] {
		if v := get(p.config, key); v != nil {
			settings = append(settings, key+"="+canonical(v))
		}
	}
	identity := "Kong " + p.name
	if len(settings) > 0 {
		identity += " (" + strings.Join(settings, ", ") + ")"
	}
	u := openapi.Use{Scheme: r.scheme(p.name, identity, r.pos(p.node))}
	if mandatory, _ := text(get(p.config, "mandatory_scope")); p.name == "oauth2" && mandatory == "true" {
		u.Scopes = texts(get(p.config, "scopes"))
	}
	return u
}

// scheme returns the name of the scheme with an identity. Plugins of one name that take other
// credentials are other schemes.
func (r *reader) scheme(name, identity string, at catalogs.Pos) string {
	for n := 1; ; n++ {
		as := name
		if n > 1 {
			as = fmt.Sprintf("%s@%d", name, n)
		}
		s := r.doc.Schemes[as]
		if s == nil {
			r.doc.Schemes[as] = &openapi.Scheme{Name: as, Type: "http", Identity: identity, Pos: at}
			return as
		}
		if s.Identity == identity {
			return as
		}
	}
}
