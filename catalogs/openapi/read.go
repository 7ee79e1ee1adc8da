package openapi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Options say how a document is read. The zero value reads one text without the
// files it refers to, and knows the permission extensions of known vendors.
type Options struct {
	// Extensions are read besides those known by default, and beat a default of
	// the same name.
	Extensions []Extension
	// Files opens files that the document refers to, by slash-separated names
	// relative to its root. Nil: references to files fail.
	Files fs.FS
	// Dir is the document's folder in Files, slash-separated; empty: the root.
	Dir string
}

// A FormatError says that a file is readable but no OpenAPI document.
type FormatError struct {
	File string
	Keys []string // the top-level keys, at most ten
}

func (e *FormatError) Error() string {
	if len(e.Keys) == 0 {
		return fmt.Sprintf("%s: not an OpenAPI document: expected a mapping with the key openapi or swagger", e.File)
	}
	return fmt.Sprintf("%s: not an OpenAPI document: expected the top-level key openapi or swagger; it has %s", e.File, strings.Join(e.Keys, ", "))
}

// Load reads a document from a file. Files that it refers to are read too if they
// are in its folder or below, symbolic links included.
func Load(file string, opts Options) (*Document, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, err
	}
	if opts.Files == nil {
		root, err := os.OpenRoot(filepath.Dir(file))
		if err != nil {
			return nil, err
		}
		defer root.Close()
		opts.Files = root.FS()
	}
	return Parse(file, data, opts)
}

// ReadFile reads a file of at most [MaxSize] bytes.
func ReadFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: this is a directory: expected a file", file)
	}
	data, err := ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return data, nil
}

// ReadAll reads at most [MaxSize] bytes; more are an error.
func ReadAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err == nil && len(data) > MaxSize {
		err = fmt.Errorf("larger than %d MB: expected an OpenAPI document", MaxSize>>20)
	}
	return data, err
}

// Parse reads a document. Its error is a [*FormatError], or names a place in the
// text; a document that is returned is whole, save for what Problems lists.
func Parse(file string, data []byte, opts Options) (*Document, error) {
	keep := map[string]bool{}
	for _, e := range opts.Extensions {
		keep[e.Name] = true
	}
	doc, pruned, err := parse(file, data, opts, func(text []byte) ([]byte, int) { return prune(text, keep) })
	var format *FormatError
	if pruned && (err != nil && !errors.As(err, &format) || err == nil && len(doc.Problems) > 0) {
		// Something may be missing that was left out.
		doc, _, err = parse(file, data, opts, nil)
	}
	return doc, err
}

func parse(file string, data []byte, opts Options, prune pruning) (doc *Document, pruned bool, err error) {
	visits := new(int)
	*visits = spareVisits
	src, err := parseSource(file, data, visits, prune)
	if err != nil {
		return nil, false, err
	}
	r := &reader{
		doc:     &Document{File: file, Schemes: map[string]*Scheme{}},
		opts:    opts,
		sources: map[string]*source{},
		left:    MaxSize - len(data),
		known:   withDefaults(opts.Extensions),
	}
	src.dir = path.Clean(opts.Dir) // "." if empty
	r.sources[""] = src
	if err := r.document(src.root); err != nil {
		return nil, src.pruned, err
	}
	return r.doc, src.pruned, nil
}

// A reader walks a document. Its methods return an error only when nothing at all
// can be said of the document; what spoils one operation goes to its Unreadable.
type reader struct {
	doc     *Document
	opts    Options
	known   []Extension
	v2      bool
	sources map[string]*source // files by name; "" is the root
	left    int                // bytes that files may still have

	self     string    // the document's own address; empty: it states none
	global   *security // the document's own; nil: none
	servers  node      // the document's list of servers
	basePath string    // of a 2.0 document
}

// security is the value of one security key, read.
type security struct {
	alternatives []Alternative
	unreadable   *Unreadable
}

func (r *reader) problem(at catalogs.Pos, format string, args ...any) Problem {
	p := Problem{at, fmt.Sprintf(format, args...)}
	r.doc.Problems = append(r.doc.Problems, p)
	return p
}

func (r *reader) document(root node) error {
	fields, err := root.fields()
	if err != nil {
		return err
	}
	var keys []string
	var paths, more, webhooks, components, definitions node
	for _, f := range fields {
		if len(keys) < 10 {
			keys = append(keys, f.key)
		}
		switch f.key {
		case "openapi":
			r.doc.Version, _ = f.value.text()
		case "swagger":
			r.doc.Version, _ = f.value.text()
			r.v2 = true
		case "security":
			s, err := r.security(f.value)
			if err != nil {
				return err
			}
			r.global = &s
		case "servers":
			r.servers = f.value
		case "basePath":
			r.basePath, _ = f.value.text()
		case "$self":
			r.self, _ = f.value.text()
		case "paths":
			paths = f.value
		case "x-ms-paths": // paths that a query tells apart: https://github.com/Azure/autorest
			more = f.value
		case "webhooks":
			webhooks = f.value
		case "components":
			components = f.value
		case "securityDefinitions":
			definitions = f.value
		}
	}
	switch v := r.doc.Version; {
	case v == "":
		return &FormatError{File: root.src.file, Keys: keys}
	case r.v2 && v != "2.0" && v != "2", !r.v2 && !strings.HasPrefix(v, "3."):
		return root.errorf("OpenAPI version %q: expected 2.0 or 3.x", v)
	case r.v2:
		r.doc.Version = "2.0"
	}
	if !r.v2 && !components.isZero() {
		target, _, err := r.resolve(components)
		switch {
		case err == nil:
			if definitions, _, err = target.get("securitySchemes"); err != nil {
				return err
			}
		case fatal(err) != nil:
			return err
		default:
			r.problem(components.pos(), "components: %v", err)
		}
	}
	if err := r.schemes(definitions); err != nil {
		return err
	}
	if paths.isZero() && webhooks.isZero() && components.isZero() {
		return root.errorf("the document has no paths")
	}
	for _, group := range []struct {
		items node
		kind  Kind
	}{{paths, Endpoint}, {more, Endpoint}, {webhooks, Webhook}} {
		if group.items.isZero() {
			continue
		}
		if k := group.items.kind(); k != object && k != null {
			return group.items.errorf("%s: expected a mapping of path items", k)
		}
		items, err := group.items.fields()
		if err != nil {
			return err
		}
		for _, f := range items {
			if group.kind == Endpoint && strings.HasPrefix(f.key, "x-") {
				continue // an extension; a webhook may have any name
			}
			name := f.key
			if group.kind == Webhook {
				name = "webhook:" + name
			}
			if err := r.pathItem(group.kind, name, f, 0); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(r.doc.Operations, func(a, b Operation) int { return order(a.Kind) - order(b.Kind) })
	return r.byURI()
}

// byURI gives the schemes that requirements name by URI, as OpenAPI 3.2 allows, the names
// that they have in this document; those of other files keep the URI for a name.
func (r *reader) byURI() error {
	names := map[string]string{}
	for i := range r.doc.Operations {
		o := &r.doc.Operations[i]
		for j, alt := range o.Security {
			for k, u := range alt {
				if r.doc.Schemes[u.Scheme] != nil || !strings.Contains(u.Scheme, "#") {
					continue
				}
				name, ok := names[u.Scheme]
				if !ok {
					var err error
					if name, err = r.schemeAt(u.Scheme); err != nil {
						return err
					}
					names[u.Scheme] = name
				}
				if name == u.Scheme {
					continue
				}
				// Operations share what they inherit.
				o.Security = slices.Clone(o.Security)
				o.Security[j] = slices.Clone(o.Security[j])
				o.Security[j][k].Scheme = name
			}
		}
	}
	return nil
}

// schemeAt returns the name of the scheme that a URI leads to.
func (r *reader) schemeAt(uri string) (string, error) {
	src, pointer, err := r.locate(r.sources[""], uri)
	if err == nil && src == r.sources[""] {
		text, bad := unescape(pointer)
		name, ok := strings.CutPrefix(text, "/components/securitySchemes/")
		if name = pointerEscapes.Replace(name); bad == nil && ok && r.doc.Schemes[name] != nil {
			return name, nil
		}
	}
	var def node
	if err == nil {
		def, err = r.point(src, pointer, uri)
	}
	if err == nil {
		def, _, err = r.resolve(def)
	}
	if err != nil {
		if fatal(err) == nil {
			r.problem(r.sources[""].root.pos(), "security scheme %q: %v", uri, err)
		}
		return uri, fatal(err)
	}
	s, err := readScheme(uri, def, r.v2)
	if s == nil {
		return uri, err
	}
	if err != nil {
		r.problem(def.pos(), "%v", err)
	}
	r.doc.Schemes[uri] = s
	return uri, nil
}

// order puts callbacks between endpoints and webhooks.
func order(k Kind) int { return map[Kind]int{Endpoint: 0, Callback: 1, Webhook: 2}[k] }

func (r *reader) schemes(definitions node) error {
	if definitions.isZero() {
		return nil
	}
	target, _, err := r.resolve(definitions)
	if err != nil {
		if fatal(err) == nil {
			r.problem(definitions.pos(), "security schemes: %v", err)
		}
		return fatal(err)
	}
	fields, err := target.fields()
	if err != nil {
		return err
	}
	for _, f := range fields { // any name is a scheme's, one that begins with x- too
		if r.v2 && strings.HasPrefix(f.key, "x-") && f.value.kind() != object {
			continue
		}
		def, _, err := r.resolve(f.value)
		if stop := fatal(err); stop != nil {
			return stop
		}
		if err != nil {
			// A scheme that cannot be read is undefined: the operations that ask
			// for it are reported by whoever compares them.
			r.problem(f.pos(), "security scheme %q: %v", f.key, err)
			continue
		}
		if def.kind() != object {
			r.problem(f.pos(), "security scheme %q is %s: expected a mapping", f.key, def.kind())
			continue
		}
		s, err := readScheme(f.key, def, r.v2)
		if s == nil {
			return err
		}
		if err != nil {
			r.problem(f.pos(), "%v", err)
		}
		s.Pos = f.pos()
		r.doc.Schemes[f.key] = s
	}
	return nil
}

// pathItemFields are the fields of a path item that are no operations.
var pathItemFields = words("$ref summary description servers parameters additionalOperations")

// anyMethod is the operation of AWS API Gateway for the methods that have none of their own:
// https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-any-method.html.
const anyMethod = "x-amazon-apigateway-any-method"

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace", "query", "connect"}

// maxOperations bounds what one document is made into; the largest that are published have
// some twenty thousand.
const maxOperations = 250_000

// maxCallbacks bounds callbacks within callbacks, which references can make endless.
const maxCallbacks = 4

// pathItem reads the operations of one path item.
func (r *reader) pathItem(kind Kind, name string, item field, depth int) error {
	if item.value.kind() == null {
		return nil
	}
	if len(r.doc.Operations) >= maxOperations {
		return item.value.errorf("the document has more than %d operations", maxOperations)
	}
	unread := func(format string, args ...any) {
		p := r.problem(item.pos(), "path %q: "+format, append([]any{name}, args...)...)
		r.doc.Operations = append(r.doc.Operations, Operation{Kind: kind, Method: catalogs.AnyMethod, Path: name, Pos: item.pos(), Unreadable: &Unreadable{Problem: p}})
	}
	fields, err := r.merged(item.value)
	var ref *refError
	switch {
	case errors.As(err, &ref):
		unread("%v", err)
		return nil
	case err != nil:
		return err
	case fields == nil && item.value.kind() != object:
		unread("%s: expected a path item", item.value.kind())
		return nil
	}
	var servers node
	for _, f := range fields {
		if f.key == "servers" {
			servers = f.value
		}
	}
	for _, f := range fields {
		switch {
		case slices.Contains(methods, strings.ToLower(f.key)):
			if err := r.operation(kind, strings.ToUpper(f.key), name, servers, f, depth); err != nil {
				return err
			}
		case f.key == anyMethod:
			if err := r.operation(kind, catalogs.AnyMethod, name, servers, f, depth); err != nil {
				return err
			}
		case f.key == "additionalOperations":
			more, err := f.value.fields()
			if err != nil {
				return err
			}
			for _, g := range more {
				if err := r.operation(kind, strings.ToUpper(g.key), name, servers, g, depth); err != nil {
					return err
				}
			}
		case !pathItemFields[f.key] && !strings.HasPrefix(f.key, "x-") && f.value.kind() == object:
			r.strange(kind, name, f)
		}
	}
	return nil
}

// strange notes what looks like an operation under a name that is no method's. Whoever reads
// the document may serve it or not.
func (r *reader) strange(kind Kind, path string, f field) {
	hint := ""
	if near := strictyaml.Nearest(f.key, methods); near != "" {
		hint = fmt.Sprintf(": did you mean %s?", near)
	}
	p := r.problem(f.pos(), "path %q: %q is no method that OpenAPI %s knows%s", path, f.key, r.doc.Version, hint)
	r.doc.Operations = append(r.doc.Operations, Operation{
		Kind: kind, Method: strings.ToUpper(f.key), Path: path, Pos: f.pos(),
		Unreadable: &Unreadable{Problem: p, Text: f.key + ": " + f.value.canonical()},
	})
}

func (r *reader) operation(kind Kind, method, path string, pathServers node, f field, depth int) error {
	if f.value.kind() == null {
		p := r.problem(f.pos(), "%s %s: the operation is null: expected a mapping, or no %s at all", method, path, f.key)
		r.doc.Operations = append(r.doc.Operations, Operation{Kind: kind, Method: method, Path: path, Pos: f.pos(), Unreadable: &Unreadable{Problem: p, Text: f.key + ": null"}})
		return nil
	}
	op := Operation{Kind: kind, Method: method, Path: path, Pos: f.pos()}
	add := func() { r.doc.Operations = append(r.doc.Operations, op) }
	unread := func(format string, args ...any) {
		op.Unreadable = op.Unreadable.and(&Unreadable{Problem: r.problem(op.Pos, "%s", method+" "+path+": "+fmt.Sprintf(format, args...))})
	}
	fields, err := r.merged(f.value)
	if err == nil && len(fields) > 0 && fields[0].value.src != f.value.src {
		op.Pos = fields[0].pos() // in the file where the operation is written
	}
	var ref *refError
	switch {
	case errors.As(err, &ref):
		unread("%v", err)
		add()
		return nil
	case err != nil:
		return err
	case fields == nil && f.value.kind() != object:
		unread("%s: expected an operation", f.value.kind())
		add()
		return nil
	}
	sec := r.global
	var servers, callbacks node
	var permission *perm.Requirement
	for _, g := range fields {
		switch {
		case g.key == "security":
			s, err := r.security(g.value)
			if err != nil {
				return err
			}
			sec = &s
		case g.key == "operationId":
			op.ID, _ = g.value.text()
		case g.key == "tags" && g.value.kind() == list:
			tags, err := g.value.items()
			if err != nil {
				return err
			}
			if len(tags) > 0 {
				op.Tag, _ = tags[0].text()
			}
		case g.key == "servers":
			servers = g.value
		case g.key == "callbacks":
			callbacks = g.value
		}
		for i := range r.known {
			if r.known[i].Name != g.key {
				continue
			}
			p, err := r.known[i].read(g.value)
			if err != nil {
				if stop := fatal(err); stop != nil {
					return stop
				}
				op.Unreadable = op.Unreadable.and(&Unreadable{Problem: r.problem(g.pos(), "%s %s: %v", method, path, err), Text: g.key + ": " + g.value.canonical()})
				continue
			}
			if p == nil {
				continue
			}
			if permission != nil {
				both, err := permission.And(*p)
				if err != nil {
					unread("%v", err)
				}
				p = &both
			}
			permission = p
		}
	}
	op.Permission = permission
	if sec != nil {
		op.Stated = true
		op.Security = sec.alternatives
		op.Unreadable = op.Unreadable.and(sec.unreadable)
	}
	if err := r.base(&op, servers, pathServers, r.servers); err != nil {
		return err
	}
	add()
	return r.callbacks(&op, callbacks, depth)
}

func (r *reader) callbacks(op *Operation, callbacks node, depth int) error {
	if callbacks.isZero() || callbacks.kind() != object {
		return nil
	}
	parent := op.Method + " " + op.Path
	named, err := callbacks.fields()
	if err != nil {
		return err
	}
	for _, cb := range named { // any name is a callback's
		name := "callback:" + parent + " " + cb.key
		fields, err := r.merged(cb.value)
		if err == nil && depth >= maxCallbacks {
			err = &refError{fmt.Sprintf("callbacks are nested more than %d deep", maxCallbacks)}
		}
		var ref *refError
		if errors.As(err, &ref) {
			p := r.problem(cb.pos(), "%s: %v", name, err)
			r.doc.Operations = append(r.doc.Operations, Operation{Kind: Callback, Method: catalogs.AnyMethod, Path: name, Pos: cb.pos(), Unreadable: &Unreadable{Problem: p}})
			continue
		}
		if err != nil {
			return err
		}
		for _, f := range fields {
			if strings.HasPrefix(f.key, "x-") {
				continue
			}
			if err := r.pathItem(Callback, name+" "+f.key, f, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// security reads a list of security requirements. A null or misshapen one is
// unreadable: loaders differ in whether null inherits or means none.
func (r *reader) security(n node) (security, error) {
	var s security
	bad := func(at node, format string, args ...any) (security, error) {
		p := r.problem(at.pos(), format, args...)
		text := n.canonical()
		if text == "" {
			text = "?"
		}
		return security{unreadable: &Unreadable{Problem: p, Text: "security: " + text}}, nil
	}
	if n.kind() != list {
		return bad(n, "security is %s: expected a list, [] for none", n.kind())
	}
	items, err := n.items()
	if err != nil {
		return s, err
	}
	if len(items) > maxAlternatives {
		return bad(n, "security has more than %d alternatives", maxAlternatives)
	}
	atoms := 0
	for _, item := range items {
		if item.kind() != object {
			return bad(item, "an alternative of security is %s: expected a mapping of scheme names, {} for none", item.kind())
		}
		fields, err := item.fields()
		if err != nil {
			return s, err
		}
		alt := Alternative{}
		for _, f := range fields {
			if k := f.value.kind(); strings.HasPrefix(f.key, "x-") && (k == scalar || k == object) {
				continue // an extension, which the specification does not allow here
			}
			u := Use{Scheme: f.key}
			switch f.value.kind() {
			case null: // "- bearer:", which can only mean no scopes
			case list:
				scopes, err := f.value.items()
				if err != nil {
					return s, err
				}
				for _, sc := range scopes {
					text, ok := sc.text()
					if !ok {
						return bad(sc, "a scope of %q is %s: expected text", f.key, sc.kind())
					}
					u.Scopes = append(u.Scopes, text)
				}
			default:
				return bad(f.value, "the scopes of %q are %s: expected a list", f.key, f.value.kind())
			}
			alt = append(alt, u)
			if atoms += 1 + len(u.Scopes); atoms > maxAtoms {
				return bad(n, "security names more than %d schemes and scopes", maxAtoms)
			}
		}
		s.alternatives = append(s.alternatives, alt)
	}
	return s, nil
}

var (
	schemeAndHost = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/]*`)
	variable      = regexp.MustCompile(`\{([^{}]*)\}`)
)

// base sets the operation's base path from the innermost list of servers that has
// one.
func (r *reader) base(op *Operation, lists ...node) error {
	if r.v2 {
		op.Base = cleanBase(r.basePath)
		return nil
	}
	for _, l := range lists {
		if l.isZero() || l.kind() == null {
			continue
		}
		if l.kind() != list {
			r.problem(l.pos(), "servers is %s: expected a list, so the base path is not known", l.kind())
			continue
		}
		servers, err := l.items()
		if err != nil {
			return err
		}
		if len(servers) == 0 {
			continue
		}
		if len(servers) > 1 {
			r.doc.ExtraServers++
		}
		first := servers[0]
		url, _, err := first.get("url")
		if err != nil {
			return err
		}
		text := ""
		if ok := false; !url.isZero() {
			if text, ok = url.text(); !ok {
				r.problem(url.pos(), "a server's url is %s: expected text, so the base path is not known", url.kind())
			}
		} else {
			r.problem(first.pos(), "a server has no url, so the base path is not known")
		}
		variables, _, err := first.get("variables")
		if err != nil {
			return err
		}
		values := map[string]string{}
		if !variables.isZero() {
			fields, err := variables.fields()
			if err != nil {
				return err
			}
			for _, f := range fields {
				def, ok, err := f.value.get("default")
				if err != nil {
					return err
				}
				if ok {
					values[f.key], _ = def.text()
				}
			}
		}
		text = variable.ReplaceAllStringFunc(text, func(m string) string {
			if v, ok := values[m[1:len(m)-1]]; ok {
				return v
			}
			return m
		})
		text = schemeAndHost.ReplaceAllString(text, "")
		if i := strings.IndexAny(text, "?#"); i >= 0 {
			text = text[:i]
		}
		op.Base = cleanBase(text)
		return nil
	}
	return nil
}

// cleanBase returns a base path with one slash in front and none behind; "" for the
// root.
func cleanBase(p string) string {
	p = strings.TrimRight(p, "/")
	p = strings.TrimPrefix(p, ".")
	if p == "" {
		return ""
	}
	return "/" + strings.TrimLeft(p, "/")
}

// A refError is a reference that leads nowhere. It spoils what refers, not the
// document.
type refError struct{ msg string }

func (e *refError) Error() string { return e.msg }

// fatal returns err unless it only spoils one place.
func fatal(err error) error {
	var ref *refError
	var shape *shapeError
	if errors.As(err, &ref) || errors.As(err, &shape) {
		return nil
	}
	return err
}

// merged returns the fields of n with those of the object that it refers to, if it
// is a reference. A field that both have is an error: what it means is undefined.
func (r *reader) merged(n node) ([]field, error) {
	target, siblings, err := r.resolve(n)
	if err != nil {
		return nil, err
	}
	fields, err := target.fields()
	if err != nil {
		return nil, err
	}
	for _, s := range siblings {
		for _, f := range fields {
			if f.key == s.key && (s.key == "security" || s.key == "servers" || slices.Contains(methods, s.key)) {
				return nil, &refError{fmt.Sprintf("%q is here and in what $ref leads to: which one counts is undefined", s.key)}
			}
		}
		fields = append(fields, s)
	}
	return fields, nil
}

const maxRefs = 50

// resolve follows $ref from n to the value that it leads to, and returns the fields
// that stood beside a reference.
func (r *reader) resolve(n node) (target node, siblings []field, err error) {
	seen := map[string]bool{}
	for {
		if n.kind() != object {
			return n, siblings, nil
		}
		fields, err := n.fields()
		if err != nil {
			return node{}, nil, err
		}
		ref, isRef := "", false
		for _, f := range fields {
			if f.key == "$ref" {
				ref, isRef = f.value.text()
			}
		}
		if !isRef {
			return n, siblings, nil
		}
		for _, f := range fields {
			if f.key != "$ref" {
				siblings = append(siblings, f)
			}
		}
		src, pointer, err := r.locate(n.src, ref)
		if err != nil {
			return node{}, nil, err
		}
		if key := src.file + "#" + pointer; seen[key] || len(seen) > maxRefs {
			return node{}, nil, &refError{fmt.Sprintf("$ref %q leads back to itself", ref)}
		} else {
			seen[key] = true
		}
		if n, err = r.point(src, pointer, ref); err != nil {
			return node{}, nil, err
		}
	}
}

// locate returns the file that a reference names, read, and the pointer in it.
func (r *reader) locate(from *source, ref string) (*source, string, error) {
	file, pointer, _ := strings.Cut(ref, "#")
	if file == "" {
		return from, pointer, nil
	}
	if file = r.local(file); file == "" {
		return r.sources[""], pointer, nil
	}
	if text, err := url.PathUnescape(file); err == nil {
		file = text
	}
	if strings.Contains(file, ":") || strings.HasPrefix(file, "/") || strings.Contains(file, `\`) {
		return nil, "", &refError{fmt.Sprintf("$ref %q: only files below the document's folder are followed, by relative paths", ref)}
	}
	name := path.Join(from.dir, file)
	if !fs.ValidPath(name) {
		return nil, "", &refError{fmt.Sprintf("$ref %q: only files below the document's folder are followed, or below the one that --refs-below names", ref)}
	}
	if src, ok := r.sources[name]; ok {
		if src == nil {
			return nil, "", &refError{fmt.Sprintf("$ref %q: the file could not be read", ref)}
		}
		return src, pointer, nil
	}
	r.sources[name] = nil
	if r.opts.Files == nil {
		return nil, "", &refError{fmt.Sprintf("$ref %q: this document is not read from a file, so it cannot refer to others", ref)}
	}
	f, err := r.opts.Files.Open(name)
	if err != nil {
		return nil, "", &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(r.left)+1))
	if err != nil {
		return nil, "", &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	if r.left -= len(data); r.left < 0 {
		return nil, "", from.root.errorf("the document and the files that it refers to are larger than %d MB", MaxSize>>20)
	}
	up := "."
	if root := r.sources[""].dir; root != "." {
		up = strings.Repeat("../", 1+strings.Count(root, "/"))
	}
	src, err := parseSource(path.Join(path.Dir(filepath.ToSlash(r.doc.File)), up, name), data, from.visits, nil)
	if err != nil {
		return nil, "", &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	src.dir = path.Dir(name)
	r.sources[name] = src
	return src, pointer, nil
}

// local takes the document's own address off a reference: what is beside the document by its
// address is beside it here. The document itself is "".
func (r *reader) local(file string) string {
	if r.self == "" {
		return file
	}
	self, _, _ := strings.Cut(r.self, "#")
	if file == self {
		return ""
	}
	base, err := url.Parse(self)
	if err != nil || base.Scheme == "" {
		return file
	}
	if to, err := base.Parse(file); err == nil && to.String() == self {
		return ""
	}
	dir := self[:strings.LastIndexByte(self, '/')+1]
	if rest, ok := strings.CutPrefix(file, dir); ok && strings.Contains(dir, "://") {
		if root := r.sources[""].dir; root != "." {
			return path.Join(root, rest)
		}
		return rest
	}
	return file
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// point follows a JSON pointer (RFC 6901) written as a URI fragment.
func (r *reader) point(src *source, pointer, ref string) (node, error) {
	n := src.root
	if pointer == "" || pointer == "/" {
		return n, nil
	}
	text, err := unescape(pointer)
	if err != nil || !strings.HasPrefix(text, "/") {
		return node{}, &refError{fmt.Sprintf("$ref %q: expected a pointer such as #/components/pathItems/name", ref)}
	}
	for _, token := range strings.Split(text[1:], "/") {
		token = pointerEscapes.Replace(token)
		next, ok, err := n.get(token)
		if err != nil {
			return node{}, err
		}
		if !ok {
			return node{}, &refError{fmt.Sprintf("$ref %q: there is no %q", ref, token)}
		}
		n = next
	}
	return n, nil
}
