package catalogs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// ConfigName is the name of the configuration file, looked for in a folder and those
// above it.
const ConfigName = ".permcheck.yaml"

// ConfigVersion is the value of the "permcheck" key of a configuration file.
const ConfigVersion = "config/1"

// A Config is what a repository says about itself in .permcheck.yaml. Paths are
// resolved against the folder of the file that names them.
type Config struct {
	Path string // the file; "" for the zero configuration

	Service  // the repository's only service, or what all services share
	Services []Service

	Guards       []GuardConfig
	IgnoreRoutes []IgnoredRoute
	Routers      []RouterConfig
	RouteTables  []TableConfig
	OpenAPI      OpenAPIConfig
	Severity     []RuleSeverity
	FailOn       string // "", "error", "warning", "info" or "none"
	Known        string // path of the file of accepted findings

	files []string
}

// A RuleSeverity states how grave a rule's findings are here.
type RuleSeverity struct {
	Rule  string // its id; see package report
	Level string // "error", "warning" or "info"
	Pos   Pos
}

// A Service is one program with a catalog.
type Service struct {
	Name     string
	Catalog  string   // a reference for [Load]
	Owns     []string // path prefixes of a shared catalog's rows that it serves
	Code     []string // Go package patterns
	Document []string // OpenAPI documents, as paths or patterns in which * and ** stand for names
	Gateway  []string // configurations of gateways, as Kong's, in the same way
	// RecordFilters name the functions that leave only the records that a key may see.
	RecordFilters []RecordFilter
	BasePath      map[string]string // witness ("code", "openapi") -> prefix that its paths lack
}

// A RecordFilter names the function that filters the records of an object.
type RecordFilter struct {
	Object string // as the catalog's records has it
	Func   string // "import/path.Func" or "import/path.Type.Method"
	Pos    Pos
}

// A GuardConfig names a function that demands permissions.
type GuardConfig struct {
	Func string // "import/path.Func" or "import/path.Type.Method"
	Args string // "all-of", "any-of", or "" where there is one
	// Requires is the requirement of a guard without arguments, such as a middleware
	// named for a role; "" for one that takes permissions.
	Requires string
	// Template makes one permission of several arguments: "{1}:{2}" joins the first two.
	// Arguments count from 1; "" where each argument is a permission of its own.
	Template string
	Pos      Pos
}

// A RouterConfig describes a router library of one's own, as package
// analyzers/routes describes those that it knows.
type RouterConfig struct {
	Name   string   // as records name it
	Types  []string // "import/path.Type" of its routers and groups
	Routes []string // "import/path.Type" of what register returns, if use says more of that route
	// Contexts are types, as "import/path.Type", such that a function that takes one
	// serves requests, and types of middleware that are no functions. Those of net/http
	// and of the routers that are known need not be named.
	Contexts []string
	Patterns string // how its patterns are written: "braces", "colon" or "servemux"
	Rows     []RouterRow
	Pos      Pos
}

// A RouterRow says what one function or method of a router does; a file may list
// several that do the same. Arguments count from
// 1; -1 is the last, 0 none.
type RouterRow struct {
	Func string // "import/path.Func" or "import/path.Type.Method"
	Do   string // "make", "register", "group", "mount", "use", "unuse" or "ignore"

	Router                               int    // the router; 0: the receiver, or the package's own
	Method                               string // HTTP methods separated by commas, or "ANY"; empty: see MethodArg
	MethodArg, Path, Handler, Middleware int
	Rest                                 bool   // Middleware and all arguments after it
	Order                                string // of use: "later" routes of the router or group are covered, or "all"
	Pos                                  Pos
}

// A TableConfig names a struct type whose literals are routes, and the fields that say
// so. Without Path they are not: a router registers what they describe.
type TableConfig struct {
	Type                               string   // "import/path.Type"
	Patterns                           string   // how paths are written: "braces", "colon" or "servemux"
	Method, Path, Handler, Permissions string   // names of fields; empty: there is none
	Contexts                           []string // as a router's
	// Public is a boolean field that says that nobody has to be asked. Otherwise is the
	// requirement of routes of which it does not say so.
	Public, Otherwise string
	Pos               Pos
}

// An IgnoredRoute excuses routes that no catalog lists.
type IgnoredRoute struct {
	Pattern string // "METHOD /path" or "/path"; a final "..." matches any rest
	Reason  string
	Pos     Pos
}

// OpenAPIConfig says how to read a document's requirements.
type OpenAPIConfig struct {
	Scopes               string            // "", "all" or "any"
	PermissionScheme     string            // the scheme whose scopes are permissions
	PermissionExtensions map[string]string // extension name -> shape
	// Implies lists what a permission or scope implies besides what the catalogs say;
	// * stands for any text.
	Implies  map[string][]string
	Unstated string // what operations without a permission are: "", "count" or "error"
}

// FromTemplate returns the permission that the guard's arguments name together; arg
// gives the text of one, counted from 1.
func (g *GuardConfig) FromTemplate(arg func(n int) string) string {
	return placeholder.ReplaceAllStringFunc(g.Template, func(m string) string { return arg(int(m[1] - '0')) })
}

// placeholder stands for an argument in a guard's template.
var placeholder = regexp.MustCompile(`\{[1-9]\}`)

// Files returns every file that was read: the configuration and those it extends.
func (c *Config) Files() []string { return slices.Clone(c.files) }

// FindConfig looks for .permcheck.yaml in dir and the folders above it, up to the root
// of the repository, and loads the first. Without one it returns the zero Config.
func FindConfig(dir string) (*Config, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for {
		file := filepath.Join(dir, ConfigName)
		if _, err := os.Stat(file); err == nil {
			return LoadConfig(file)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return &Config{}, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return &Config{}, nil
		}
		dir = parent
	}
}

// LoadConfig reads a configuration file. All its mistakes are returned at once, as
// [Errors].
func LoadConfig(file string) (*Config, error) {
	c := &Config{Path: file}
	if err := c.load(file, nil); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Config) load(file string, above []string) error {
	data, err := readFile(os.Open(file))
	if err != nil {
		return fmt.Errorf("configuration %s: %w", file, err)
	}
	doc, err := strictyaml.Parse(file, data)
	if err != nil {
		return err
	}
	c.files = append(c.files, file)
	dir := filepath.Dir(file)
	root := doc.Root
	stated := false
	var extends error
	// What a file extends is read first, so that its own keys win.
	for _, p := range root.Pairs("a configuration") {
		switch p.Name {
		case "permcheck":
			_, _ = p.Value.OneOf("the format of this file", ConfigVersion)
			stated = true
		case "extends":
			text, ok := p.Value.Text("the path of another configuration file")
			if !ok {
				continue
			}
			target := filepath.Join(dir, filepath.FromSlash(text))
			if filepath.IsAbs(text) || slices.Contains(above, target) || target == file {
				p.Value.Errorf("extends %q: expected a relative path to a file that does not extend this one", strictyaml.Excerpt(text))
				continue
			}
			extends = c.load(target, append(above, file))
		}
	}
	if !stated {
		root.Errorf("not a permcheck configuration: expected the key permcheck: %s", ConfigVersion)
	}
	ignore := func(strictyaml.Node) {}
	fields := []strictyaml.Field{
		{Name: "permcheck", Decode: ignore},
		{Name: "extends", Decode: ignore},
		{Name: "services", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of services") {
				s := Service{Name: p.Name}
				p.Value.Fields("a service", s.fields(dir)...)
				c.Services = append(c.Services, s)
			}
		}},
		{Name: "guards", Decode: func(n strictyaml.Node) {
			for _, it := range n.Items("a list of guards") {
				g := GuardConfig{Pos: pos(it)}
				it.Fields("a guard: func, and args, requires or template",
					setText("func", `a function, as "import/path.Func" or "import/path.Type.Method"`, &g.Func),
					strictyaml.Field{Name: "args", Decode: func(n strictyaml.Node) {
						g.Args, _ = n.OneOf("how several permissions combine", "all-of", "any-of")
					}},
					setText("requires", "a requirement", &g.Requires),
					strictyaml.Field{Name: "template", Decode: func(n strictyaml.Node) {
						if g.Template, _ = n.Text("a permission with {1}, {2} for the arguments"); g.Template != "" && !placeholder.MatchString(g.Template) {
							n.Errorf("template %q has no argument: expected a text such as \"{1}:{2}\"", strictyaml.Excerpt(g.Template))
						}
					}},
				)
				if g.Template != "" && g.Requires != "" {
					it.Errorf("a guard has either requires or template: what it always demands, or how its arguments name it")
				}
				if g.Func == "" {
					it.Errorf("a guard needs func: the function that demands permissions")
				}
				c.Guards = append(c.Guards, g)
			}
		}},
		{Name: "routers", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of router names to descriptions") {
				c.Routers = append(c.Routers, routerConfig(p))
			}
		}},
		{Name: "route-tables", Decode: func(n strictyaml.Node) {
			for _, it := range n.Items("a list of route tables") {
				t := TableConfig{Patterns: "braces", Otherwise: "authenticated", Pos: pos(it)}
				it.Fields("a route table: type, patterns, contexts, method, path, handler, permissions, public, otherwise",
					strictyaml.Field{Name: "type", Decode: func(n strictyaml.Node) {
						if names := qualifiedNames(n, `a struct type, as "import/path.Type"`, 1, ""); len(names) == 1 {
							t.Type = names[0]
						}
					}},
					patterns(&t.Patterns), typeNames("contexts", "", &t.Contexts),
					setText("method", "the name of a field", &t.Method),
					setText("path", "the name of a field", &t.Path),
					setText("handler", "the name of a field", &t.Handler),
					setText("permissions", "the name of a field", &t.Permissions),
					setText("public", "the name of a boolean field", &t.Public),
					setText("otherwise", "a requirement", &t.Otherwise),
				)
				if t.Type == "" || t.Path == "" && t.Permissions == "" && t.Public == "" {
					it.Errorf("a route table needs type and path: the struct type, and its field with the path; or, of routes that a router registers, permissions or public")
				}
				if _, err := perm.Parse(t.Otherwise); err != nil {
					it.Errorf("otherwise %q: %v", strictyaml.Excerpt(t.Otherwise), err)
				}
				c.RouteTables = append(c.RouteTables, t)
			}
		}},
		{Name: "ignore-routes", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of routes to reasons") {
				if reason, ok := p.Value.Text("the reason why this route is no matter"); ok {
					c.IgnoreRoutes = append(c.IgnoreRoutes, IgnoredRoute{Pattern: p.Name, Reason: reason, Pos: pos(p.Key)})
				}
			}
		}},
		{Name: "fail-on", Decode: func(n strictyaml.Node) {
			c.FailOn, _ = n.OneOf("a severity", "error", "warning", "info", "none")
		}},
		{Name: "severity", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of rules to severities") {
				if level, ok := p.Value.OneOf("a severity", "error", "warning", "info"); ok {
					c.Severity = append(c.Severity, RuleSeverity{p.Name, level, pos(p.Key)})
				}
			}
		}},
		{Name: "known", Decode: func(n strictyaml.Node) {
			if s, ok := n.Text("the path of the file of accepted findings"); ok {
				c.Known = resolve(dir, s)
			}
		}},
	}
	for _, f := range c.Service.fields(dir) {
		if f.Name == "openapi" { // a document, or settings for reading documents
			document := f.Decode
			f.Decode = func(n strictyaml.Node) {
				if n.IsMap() {
					c.OpenAPI.decode(n, document)
				} else {
					document(n)
				}
			}
		}
		fields = append(fields, f)
	}
	root.Fields("a configuration", fields...)
	return strictyaml.Join(doc.Err(), extends)
}

func routerConfig(p strictyaml.Pair) RouterConfig {
	r := RouterConfig{Name: p.Name, Patterns: "braces", Pos: pos(p.Key)}
	pkg := "" // of names that are written without one
	for _, f := range p.Value.Pairs("a router") {
		if f.Name == "package" {
			pkg, _ = f.Value.Text("an import path")
		}
	}
	p.Value.Fields("a router: package, types, routes, contexts, patterns and rows",
		strictyaml.Field{Name: "package", Decode: func(strictyaml.Node) {}},
		typeNames("types", pkg, &r.Types), typeNames("routes", pkg, &r.Routes), typeNames("contexts", pkg, &r.Contexts), patterns(&r.Patterns),
		strictyaml.Field{Name: "rows", Decode: func(n strictyaml.Node) {
			for _, it := range n.Items("a list of functions and what they do") {
				row, funcs := routerRow(it, pkg)
				for _, row.Func = range funcs {
					if slices.ContainsFunc(r.Rows, func(o RouterRow) bool { return o.Func == row.Func }) {
						it.Errorf("%s has two rows", strictyaml.Excerpt(row.Func))
					}
					r.Rows = append(r.Rows, row)
				}
			}
		}},
	)
	if len(r.Rows) == 0 {
		p.Key.Errorf("router %q has no rows: say what its functions do", strictyaml.Excerpt(p.Name))
	}
	return r
}

// routerRow reads a row and the functions that it is of.
func routerRow(it strictyaml.Node, pkg string) (RouterRow, []string) {
	var funcs []string
	row := RouterRow{Pos: pos(it)}
	arg := func(name string, to *int) strictyaml.Field {
		return strictyaml.Field{Name: name, Decode: func(n strictyaml.Node) {
			*to, _ = n.Int("an argument, counted from 1, or -1 for the last", -1, 9)
		}}
	}
	it.Fields("a function and what it does",
		strictyaml.Field{Name: "func", Decode: func(n strictyaml.Node) {
			funcs = qualifiedNames(n, `a function, as "import/path.Func" or "import/path.Type.Method"`, 2, pkg)
		}},
		strictyaml.Field{Name: "do", Decode: func(n strictyaml.Node) {
			row.Do, _ = n.OneOf("what it does", "make", "register", "group", "mount", "use", "unuse", "ignore")
		}},
		strictyaml.Field{Name: "method", Decode: func(n strictyaml.Node) {
			const want = "HTTP methods separated by commas, or ANY"
			text, ok := n.Text(want)
			for m := range strings.SplitSeq(text, ",") {
				if ok && (m == "" || strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "") {
					n.Errorf("method %q: expected %s, such as GET,HEAD", strictyaml.Excerpt(text), want)
					break
				}
			}
			row.Method = text
		}},
		arg("router", &row.Router), arg("method-arg", &row.MethodArg), arg("path", &row.Path), arg("handler", &row.Handler),
		arg("middleware", &row.Middleware),
		strictyaml.Field{Name: "rest", Decode: func(n strictyaml.Node) { row.Rest, _ = n.Bool("whether middleware is this argument and all after it") }},
		strictyaml.Field{Name: "order", Decode: func(n strictyaml.Node) { row.Order, _ = n.OneOf("which routes it covers", "later", "all") }},
	)
	switch {
	case len(funcs) == 0 || row.Do == "":
		it.Errorf("a row needs func and do: the function, and what it does")
	case (row.Do == "register" || row.Do == "mount") && (row.Path == 0 || row.Handler == 0):
		it.Errorf("a row that registers or mounts needs path and handler: the arguments that hold them")
	case row.Do == "use" && row.Middleware == 0:
		it.Errorf("a row that uses middleware needs middleware: the argument that holds it")
	case row.Method != "" && row.MethodArg != 0:
		it.Errorf("a row has method or method-arg, not both")
	case row.Order != "" && row.Do != "use":
		it.Errorf("order is of rows that use middleware, not of those that %s", row.Do)
	}
	return row, funcs
}

func patterns(to *string) strictyaml.Field {
	return strictyaml.Field{Name: "patterns", Decode: func(n strictyaml.Node) {
		*to, _ = n.OneOf("how patterns are written", "braces", "colon", "servemux")
	}}
}

func typeNames(name, pkg string, to *[]string) strictyaml.Field {
	return strictyaml.Field{Name: name, Decode: func(n strictyaml.Node) {
		*to = qualifiedNames(n, `a type, as "import/path.Type"`, 1, pkg)
	}}
}

// versionSuffix is a major version that an import path ends in, as gopkg.in's do.
var versionSuffix = regexp.MustCompile(`\.v[0-9]+\b`)

// qualifiedNames reads one or more names behind an import path, of at most so many
// parts. A name without a slash is in pkg, if that is not empty.
func qualifiedNames(n strictyaml.Node, want string, parts int, pkg string) []string {
	items := []strictyaml.Node{n}
	if n.IsList() {
		items = n.Items("a list")
	}
	var out []string
	for _, it := range items {
		text, ok := it.Text(want)
		if !ok {
			continue
		}
		full := text
		if pkg != "" && !strings.Contains(text, "/") {
			full = pkg + "." + text
		}
		names := strings.Split(versionSuffix.ReplaceAllString(full[strings.LastIndexByte(full, '/')+1:], ""), ".")[1:]
		if len(names) == 0 || len(names) > parts || slices.Contains(names, "") || strings.ContainsAny(full, " ()*[]") {
			it.Errorf("%q: expected %s", strictyaml.Excerpt(text), want)
			continue
		}
		out = append(out, full)
	}
	return out
}

func (s *Service) fields(dir string) []strictyaml.Field {
	return []strictyaml.Field{
		{Name: "catalog", Decode: func(n strictyaml.Node) {
			if ref, ok := n.Text("a catalog: a file or vendor:NAME"); ok {
				s.Catalog = resolve(dir, ref)
			}
		}},
		{Name: "owns", Decode: func(n strictyaml.Node) { s.Owns = n.Texts("a list of path prefixes", "a path prefix") }},
		{Name: "code", Decode: func(n strictyaml.Node) { s.Code = oneOrMore(n, "a Go package pattern") }},
		{Name: "openapi", Decode: func(n strictyaml.Node) {
			s.Document = nil
			for _, f := range oneOrMore(n, "the path of an OpenAPI document") {
				s.Document = append(s.Document, resolve(dir, f))
			}
		}},
		{Name: "gateway", Decode: func(n strictyaml.Node) {
			s.Gateway = nil
			for _, f := range oneOrMore(n, "the path of a gateway's configuration") {
				s.Gateway = append(s.Gateway, resolve(dir, f))
			}
		}},
		{Name: "record-filters", Decode: func(n strictyaml.Node) {
			for _, p := range n.Pairs("a mapping of objects to functions") {
				f, ok := p.Value.Text(`a function, as "import/path.Func" or "import/path.Type.Method"`)
				if !ok {
					continue
				}
				if !strings.Contains(f[strings.LastIndexByte(f, '/')+1:], ".") {
					p.Value.Errorf("record filter %q: expected a function, as \"import/path.Func\" or \"import/path.Type.Method\"", strictyaml.Excerpt(f))
					continue
				}
				s.RecordFilters = append(s.RecordFilters, RecordFilter{p.Name, f, pos(p.Key)})
			}
		}},
		{Name: "base-path", Decode: func(n strictyaml.Node) {
			s.BasePath = map[string]string{}
			if !n.IsMap() {
				if v, ok := n.Text("a path prefix, or a mapping with code and openapi"); ok {
					s.BasePath["code"], s.BasePath["openapi"] = v, v
				}
				return
			}
			for _, p := range n.Pairs("code and openapi") {
				if _, ok := p.Key.OneOf("a witness", "code", "openapi"); !ok {
					continue
				}
				if v, ok := p.Value.Text("a path prefix"); ok {
					if !strings.HasPrefix(v, "/") || strings.HasSuffix(v, "/") {
						p.Value.Errorf("base path %q: expected a path that begins with / and does not end with it", strictyaml.Excerpt(v))
						continue
					}
					s.BasePath[p.Name] = v
				}
			}
		}},
	}
}

// decode reads the settings; documents reads the key that names documents.
func (o *OpenAPIConfig) decode(n strictyaml.Node, documents func(strictyaml.Node)) {
	n.Fields("documents, scopes, permission-scheme, permission-extensions, implies, unstated",
		strictyaml.Field{Name: "documents", Decode: documents},
		strictyaml.Field{Name: "scopes", Decode: func(n strictyaml.Node) {
			o.Scopes, _ = n.OneOf("how several scopes combine", "all", "any")
		}},
		setText("permission-scheme", "the name of a security scheme", &o.PermissionScheme),
		strictyaml.Field{Name: "permission-extensions", Decode: func(n strictyaml.Node) {
			o.PermissionExtensions = map[string]string{}
			for _, p := range n.Pairs("a mapping of extension names to shapes") {
				if shape, ok := p.Value.Text("the shape of the extension"); ok {
					o.PermissionExtensions[p.Name] = shape
				}
			}
		}},
		strictyaml.Field{Name: "implies", Decode: func(n strictyaml.Node) {
			o.Implies = map[string][]string{}
			for _, p := range n.Pairs("what permissions or scopes imply") {
				o.Implies[p.Name] = oneOrMore(p.Value, "a permission or scope that is implied")
			}
		}},
		strictyaml.Field{Name: "unstated", Decode: func(n strictyaml.Node) {
			o.Unstated, _ = n.OneOf("what to do with operations that name no permission", "count", "error")
		}},
	)
}

func oneOrMore(n strictyaml.Node, want string) []string {
	if n.IsList() {
		return n.Texts("a list", want)
	}
	if s, ok := n.Text(want); ok {
		return []string{s}
	}
	return nil
}

// resolve makes a file reference relative to the working directory; references with a
// prefix, such as vendor:NAME or a git revision, stay as they are.
func resolve(dir, ref string) string {
	if strings.Contains(ref, ":") || filepath.IsAbs(ref) {
		return ref
	}
	return filepath.Join(dir, filepath.FromSlash(ref))
}
