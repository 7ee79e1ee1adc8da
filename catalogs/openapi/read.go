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
		defined: map[node]string{},
		byURI:   map[place]string{},
	}
	src.dir = path.Clean(opts.Dir) // "." if empty
	r.sources[""] = src
	r.sources[path.Join(src.dir, path.Base(filepath.ToSlash(file)))] = src // by its own name too
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

	self     *url.URL         // the document's own address; nil: it states none
	defined  map[node]string  // names of the schemes, by what defines them
	byURI    map[place]string // names of the schemes that requirements name by URI
	global   *security        // the document's own; nil: none
	servers  node             // the document's list of servers
	basePath string           // of a 2.0 document
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
	var paths, more, webhooks, components, definitions, global node
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
			global = f.value
		case "servers":
			r.servers = f.value
		case "basePath":
			r.basePath, _ = f.value.text()
		case "$self":
			r.self = ownAddress(f.value)
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
	if !global.isZero() {
		s, err := r.security(global)
		if err != nil {
			return err
		}
		r.global = &s
	}
	if paths.isZero() && more.isZero() && webhooks.isZero() && components.isZero() {
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
	return nil
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
		if _, twin := r.defined[def]; !twin {
			r.defined[def] = f.key
		}
	}
	return nil
}

// pathItemFields are the fields of a path item that are no operations.
var pathItemFields = words("$ref summary description servers parameters")

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
	if len(r.doc.Operations) >= maxOperations {
		return item.value.errorf("the document has more than %d operations", maxOperations)
	}
	fields, err := r.merged(item.value)
	var ref *refError
	switch {
	case errors.As(err, &ref):
		r.unread(kind, name, item, "", "path %q: %v", name, err)
		return nil
	case err != nil:
		return err
	case item.value.kind() != object:
		r.unread(kind, name, item, item.value.canonical(), "path %q: %s: expected a path item", name, item.value.kind())
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
			if err := r.additional(kind, name, servers, f, depth); err != nil {
				return err
			}
		case pathItemFields[f.key]:
		case mayBeOperation(f):
			r.strange(kind, name, f)
		}
	}
	return nil
}

// unread notes that nothing can be said of the operations of a path, or of one of its fields.
func (r *reader) unread(kind Kind, path string, f field, text, format string, args ...any) {
	p := r.problem(f.pos(), format, args...)
	r.doc.Operations = append(r.doc.Operations, Operation{
		Kind: kind, Method: catalogs.AnyMethod, Path: path, Pos: f.pos(), Unreadable: &Unreadable{Problem: p, Text: text},
	})
}

// additional reads operations under the names of their methods, which may be any.
func (r *reader) additional(kind Kind, path string, servers node, f field, depth int) error {
	more, err := r.merged(f.value)
	var ref *refError
	switch {
	case errors.As(err, &ref):
		r.unread(kind, path, f, "", "path %q: %s: %v", path, f.key, err)
		return nil
	case err != nil:
		return err
	case f.value.kind() != object:
		r.unread(kind, path, f, f.key+": "+f.value.canonical(), "path %q: %s is %s: expected a mapping of methods to operations", path, f.key, f.value.kind())
		return nil
	}
	for _, g := range more {
		if err := r.operation(kind, strings.ToUpper(g.key), path, servers, g, depth); err != nil {
			return err
		}
	}
	return nil
}

// operationFields are fields of operations. In a path item they do nothing, and are no methods.
var operationFields = words("tags summary description externalDocs operationId consumes produces parameters requestBody responses callbacks schemes deprecated security servers")

// mayBeOperation reports whether an unknown field of a path item may be meant for an operation.
func mayBeOperation(f field) bool {
	if operationFields[f.key] || strings.HasPrefix(f.key, "x-") {
		return false
	}
	k := f.value.kind()
	return k == object || k == null || strictyaml.Nearest(f.key, methods) != ""
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
	case f.value.kind() != object:
		unread("%s: expected an operation", f.value.kind())
		op.Unreadable.Text = f.key + ": " + f.value.canonical()
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
	if callbacks.isZero() || callbacks.kind() == null {
		return nil
	}
	parent := "callback:" + op.Method + " " + op.Path
	if k := callbacks.kind(); k != object {
		all := field{key: "callbacks", at: callbacks.pos(), value: callbacks}
		r.unread(Callback, parent, all, callbacks.canonical(), "%s: callbacks is %s: expected a mapping", parent, k)
		return nil
	}
	named, err := callbacks.fields()
	if err != nil {
		return err
	}
	for _, cb := range named { // any name is a callback's
		name := parent + " " + cb.key
		fields, err := r.merged(cb.value)
		if err == nil && depth >= maxCallbacks {
			err = &refError{fmt.Sprintf("callbacks are nested more than %d deep", maxCallbacks)}
		}
		var ref *refError
		switch k := cb.value.kind(); {
		case errors.As(err, &ref):
			r.unread(Callback, name, cb, "", "%s: %v", name, err)
			continue
		case err != nil:
			return err
		case k != object:
			r.unread(Callback, name, cb, cb.value.canonical(), "%s: %s: expected a mapping of addresses to path items", name, k)
			continue
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
			if k := f.value.kind(); strings.HasPrefix(f.key, "x-") && (k == scalar || k == object) && r.doc.Schemes[f.key] == nil {
				continue // an extension, which the specification does not allow here
			}
			scheme, err := r.schemeNamed(f)
			if err != nil {
				return s, err
			}
			u := Use{Scheme: scheme}
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
	if k := target.kind(); k != object && target != n {
		return nil, &refError{fmt.Sprintf("$ref leads to %s: expected a mapping", k)}
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
