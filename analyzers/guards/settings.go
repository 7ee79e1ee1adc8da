package guards

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Environment variables that override what a module's .permcheck.yaml says. They are
// how a command line's flags reach the tool that the go command runs.
const (
	CatalogEnv = "PERMCHECK_CATALOG" // a reference for catalogs.Load; a file's path is absolute
	ConfigEnv  = routes.ConfigEnv    // path of the configuration file
	// RecordsEnv says that only records are asked for, which no catalog decides: then
	// the tool's identity need not change with the catalog. Its value is that of
	// [RecordsFor]; see [RecordsHash].
	RecordsEnv = "PERMCHECK_RECORDS"
)

// Settings are the catalog and configuration that a package is held against.
type Settings struct {
	Config  *catalogs.Config
	Service catalogs.Service
	Catalog *catalogs.Catalog // nil: there is none

	implies    *perm.Implications
	table      *catalogs.Table                     // of the catalog's rows, by their index
	registered map[string]bool                     // keys of routes, see Know
	vocab      map[perm.Permission]perm.Permission // every id and alias, to the id
	guards     map[string]*catalogs.GuardConfig
	publics    map[string]*perm.Requirement // fields that say whether a route is public, and what else it demands
}

// LoadSettings finds the settings for the package in a folder: the configuration of
// its module, or what the environment says instead. Everything that decides the
// verdict on a module's packages is found from the module's root, so that the go
// command's cache can be told of it: see [Hash].
func LoadSettings(dir string) (*Settings, error) {
	return LoadSettingsWith(dir, os.Getenv(CatalogEnv))
}

// LoadSettingsWith is [LoadSettings] with the catalog that ref names, if it is not
// empty.
func LoadSettingsWith(dir, ref string) (*Settings, error) {
	cfg, err := routes.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	service := serviceOf(cfg, dir)
	if ref == "" {
		ref = service.Catalog
	}
	return newSettings(cfg, service, ref)
}

// ForServices returns the settings of each service of the configuration, by its name.
func (s *Settings) ForServices() (map[string]*Settings, error) {
	out := map[string]*Settings{}
	for _, service := range s.Config.Services {
		of, err := newSettings(s.Config, service, cmp.Or(service.Catalog, s.Config.Catalog))
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", service.Name, err)
		}
		out[service.Name] = of
	}
	return out, nil
}

// ServiceOf returns the name of the service whose code patterns name the folder, or ""
// where none does.
func (s *Settings) ServiceOf(dir string) string { return serviceOf(s.Config, dir).Name }

func newSettings(cfg *catalogs.Config, service catalogs.Service, ref string) (*Settings, error) {
	s := &Settings{Config: cfg, Service: service, guards: map[string]*catalogs.GuardConfig{}, publics: map[string]*perm.Requirement{}}
	for i := range cfg.Guards {
		g := &cfg.Guards[i]
		s.guards[FuncKey(g.Func)] = g
		if g.Requires != "" {
			if _, err := perm.Parse(g.Requires); err != nil {
				return nil, fmt.Errorf("%s: guard %s: requires %q: %w", g.Pos, g.Func, g.Requires, err)
			}
		}
	}
	for _, t := range cfg.RouteTables {
		if t.Public != "" {
			req, err := perm.Parse(t.Otherwise)
			if err != nil {
				return nil, fmt.Errorf("%s: route table %s: otherwise %q: %w", t.Pos, t.Type, t.Otherwise, err)
			}
			s.publics[FuncKey(t.Type+"."+t.Public)] = &req
		}
	}
	if ref == "" {
		return s, nil
	}
	c, err := catalogs.Load(ref)
	if err != nil {
		return nil, err
	}
	return s, s.hold(c)
}

// Speaking returns the settings with a catalog in place of none. It need not be a file.
func (s *Settings) Speaking(c *catalogs.Catalog) (*Settings, error) {
	t := *s
	return &t, t.hold(c)
}

// hold prepares the settings for a catalog.
func (s *Settings) hold(c *catalogs.Catalog) error {
	s.Catalog = c
	var objects []string
	for _, r := range c.Records {
		objects = append(objects, r.Object)
	}
	for _, f := range s.Service.RecordFilters {
		if slices.Contains(objects, f.Object) {
			continue
		}
		hint := ""
		if near := strictyaml.Nearest(f.Object, objects); near != "" {
			hint = fmt.Sprintf("; did you mean %s?", near)
		}
		return fmt.Errorf("%s: record-filters: catalog %s says nothing of records of %q%s", f.Pos, c.Name, f.Object, hint)
	}
	s.implies = c.Implications()
	s.table = &catalogs.Table{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		s.table.Add(catalogs.Row{Method: e.Method, Path: e.Path, ID: i})
	}
	s.vocab = map[perm.Permission]perm.Permission{}
	for i := range c.Permissions {
		p := &c.Permissions[i]
		s.vocab[p.ID] = p.ID
		for _, a := range p.Aliases {
			if _, taken := s.vocab[a]; !taken {
				s.vocab[a] = p.ID
			}
		}
	}
	return nil
}

// Filter returns the function that filters the records of an object.
func (s *Settings) Filter(object string) (string, bool) {
	for _, f := range s.Service.RecordFilters {
		if f.Object == object && object != "" {
			return f.Func, true
		}
	}
	return "", false
}

// RecordsFor returns the value of [RecordsEnv] for a configuration: records depend on
// the functions that filter, and on nothing else of it.
func RecordsFor(cfg *catalogs.Config) string { return "records " + strings.Join(filterFuncs(cfg), ",") }

// FilterFuncs returns the keys of the functions that filter records, for the package
// in a folder.
func FilterFuncs(dir string) ([]string, error) {
	if list, ok := strings.CutPrefix(os.Getenv(RecordsEnv), "records "); ok {
		return strings.FieldsFunc(list, func(r rune) bool { return r == ',' }), nil
	}
	cfg, err := routes.LoadConfig(dir)
	if err != nil {
		return nil, err
	}
	return filterFuncs(cfg), nil
}

func filterFuncs(cfg *catalogs.Config) []string {
	var out []string
	for _, s := range append([]catalogs.Service{cfg.Service}, cfg.Services...) {
		for _, f := range s.RecordFilters {
			out = append(out, FuncKey(f.Func))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// serviceOf returns the service whose code patterns name the folder, or what all
// services share.
func serviceOf(cfg *catalogs.Config, dir string) catalogs.Service {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return cfg.Service
	}
	base := filepath.Dir(cfg.Path)
	if base, err = filepath.Abs(base); err != nil {
		return cfg.Service
	}
	for _, s := range cfg.Services {
		for _, pattern := range s.Code {
			path, tree := strings.CutSuffix(filepath.ToSlash(pattern), "/...")
			want := filepath.FromSlash(path)
			if !filepath.IsAbs(want) {
				want = filepath.Join(base, want)
			}
			if abs == want || tree && strings.HasPrefix(abs, want+string(filepath.Separator)) {
				return s
			}
		}
	}
	return cfg.Service
}

// Hash identifies everything besides Go source that decides the verdict on packages
// of the module or workspace around dir: the configuration, and the content of every
// catalog that it or the environment names. A file that cannot be read counts with
// its error, so that mending it is a change too.
func Hash(dir string) string {
	h := sha256.New()
	note := func(parts ...any) { fmt.Fprintln(h, parts...) }
	catalog := func(ref string) {
		c, err := catalogs.Load(ref)
		if err != nil {
			note("error", ref, err)
			return
		}
		data, err := json.Marshal(c)
		note(ref, string(data), err)
	}
	note(os.Getenv(CatalogEnv), os.Getenv(ConfigEnv))
	if ref := os.Getenv(CatalogEnv); ref != "" {
		catalog(ref)
	}
	for _, root := range moduleRoots(dir) {
		cfg, err := routes.LoadConfig(root)
		if err != nil {
			note("error", err)
			continue
		}
		for _, file := range cfg.Files() {
			data, err := os.ReadFile(file)
			note(file, string(data), err)
		}
		for _, s := range append([]catalogs.Service{cfg.Service}, cfg.Services...) {
			if s.Catalog != "" {
				catalog(s.Catalog)
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// RecordsHash is [Hash] for records, which depend on the routers and route tables of the
// configuration alone.
func RecordsHash(dir string) string {
	h := sha256.New()
	for _, root := range moduleRoots(dir) {
		cfg, err := routes.LoadConfig(root)
		if err == nil {
			err = routes.HashConfig(h, cfg)
		}
		fmt.Fprintln(h, os.Getenv(ConfigEnv), err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// moduleRoots returns the root of the module around dir and those of the workspace
// around it.
func moduleRoots(dir string) []string {
	roots := []string{routes.ModuleRoot(dir)}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return roots
	}
	work := os.Getenv("GOWORK")
	for d := abs; work == ""; d = filepath.Dir(d) {
		if f := filepath.Join(d, "go.work"); exists(f) {
			work = f
		} else if d == filepath.Dir(d) {
			return roots
		}
	}
	data, err := os.ReadFile(work)
	if err != nil {
		return roots
	}
	in := false
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "//")
		fields := strings.Fields(line)
		switch {
		case len(fields) > 0 && fields[0] == "use" && len(fields) > 1 && fields[1] != "(":
			fields = fields[1:]
		case len(fields) > 1 && fields[0] == "use":
			in = true
			continue
		case len(fields) > 0 && fields[0] == ")":
			in = false
			continue
		case !in || len(fields) == 0:
			continue
		}
		use := strings.Trim(fields[0], "\"`")
		if !filepath.IsAbs(use) {
			use = filepath.Join(filepath.Dir(work), filepath.FromSlash(use))
		}
		roots = append(roots, use)
	}
	return roots
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// FuncKey brings the ways of writing a function's name to one form:
// "(*import/path.Type).Method" is "import/path.Type.Method".
func FuncKey(name string) string {
	return plainName.Replace(name)
}

var plainName = strings.NewReplacer("(", "", ")", "", "*", "")
