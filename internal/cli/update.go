package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
	"github.com/permcheck/permcheck/internal/witness"
)

func newCatalogUpdate(a *app) *cobra.Command {
	var from string
	var onlyDiff, prune bool
	cmd := &cobra.Command{
		Use:   "update [FILE]",
		Short: "Rewrite a catalog to say what a witness says",
		Long: `Update changes the rows of a catalog file (the one of .permcheck.yaml by default) that
differ from a witness, and adds those that are missing. Comments, order and layout stay,
and rows that agree are not touched.

The witness is code, the packages that .permcheck.yaml names; openapi, its documents; or
any source that diff takes: a document, a catalog, go:PATTERN, REV:PATH. What it leaves
open changes nothing. Rows that it does not have stay unless --prune is given.

It makes the catalog say what is, not what is right: review the change as you would
review any other. With --diff it only prints the change, and exits with 1 if there is
one.`,
		Example: `  permcheck catalog update --from code
  permcheck catalog update --from openapi --diff
  permcheck catalog update api/permissions.yaml --from main:api/openapi.yaml --prune`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			config, err := catalogs.FindConfig(".")
			if err != nil {
				return err
			}
			file := config.Catalog
			if len(args) > 0 {
				file = args[0]
			} else if wd, err := os.Getwd(); err == nil {
				file = witness.RelativeTo(wd, file)
			}
			switch {
			case from == "":
				return errors.New("say which witness is right with --from: code, openapi, or a source such as openapi.yaml")
			case file == "":
				return fmt.Errorf("%s names no catalog: give the catalog file", catalogs.ConfigName)
			case strings.HasPrefix(file, catalogs.VendorPrefix):
				return fmt.Errorf("%s is built in: only a catalog file can be updated", file)
			}
			u, err := a.planUpdate(cmd.Context(), config, file, from, prune)
			if err != nil {
				return err
			}
			return a.update(u, onlyDiff)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the witness: code, openapi, or a source as for diff")
	cmd.Flags().BoolVar(&onlyDiff, "diff", false, "change nothing; print the change and exit 1 if there is one")
	cmd.Flags().BoolVar(&prune, "prune", false, "remove rows that the witness does not have")
	return cmd
}

// An update is the change of one catalog.
type update struct {
	catalog *catalogs.Catalog
	from    string
	want    map[string]string // endpoint -> requirement afterwards; "": no row
	edits   map[string][]catalogs.RowEdit
	fresh   []strictyaml.Entry // rows of a catalog that has none
	grants  perm.Set           // permissions that the catalog does not list
	counts  struct{ changed, added, removed int }
	notes   []string
	program *goProgram
}

// A testimony is what a witness says of one endpoint.
type testimony struct {
	method, path string
	requires     *perm.Requirement // nil, unknown: nothing
	note         string            // why it says nothing, or what else
	pos          catalogs.Pos
}

func (t *testimony) silent() bool { return t.requires == nil || t.requires.IsUnknown() }

// planUpdate reads the catalog and the witness, and decides what changes.
func (a *app) planUpdate(ctx context.Context, config *catalogs.Config, file, from string, prune bool) (*update, error) {
	c, err := catalogs.Load(file)
	if err != nil {
		return nil, err
	}
	u := &update{catalog: c, from: from, want: map[string]string{}, edits: map[string][]catalogs.RowEdit{}}
	said, err := a.testimonies(ctx, config, u, file)
	if err != nil {
		return nil, err
	}
	if len(said) == 0 {
		return nil, fmt.Errorf("%s says nothing of any endpoint: nothing to update the catalog from", from)
	}
	whole := u.program == nil || len(u.program.Errors) == 0 && len(u.program.Unresolved) == 0
	if prune && !whole {
		prune = false
		u.note("no row is removed: not all of the code could be read")
	}
	im := c.Implications()
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		u.want[catalogs.EndpointKey(e.Method, e.Path)] = e.Requires.String()
	}
	used := map[string]bool{}
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		key := catalogs.EndpointKey(e.Method, e.Path)
		u.will(e)
		t, ok := said[key]
		if !ok {
			if key = catalogs.EndpointKey(catalogs.AnyMethod, e.Path); said[key] != nil {
				t, ok = said[key], true
			}
		}
		used[key] = used[key] || ok
		if !ok && e.Method == catalogs.AnyMethod { // rows of single methods are compared below
			for k := range said {
				ok = ok || strings.HasSuffix(k, strings.TrimPrefix(key, "*"))
			}
			if ok {
				continue
			}
		}
		switch {
		case !ok && e.SameAs != "" && u.want[catalogs.EndpointKey(e.Method, e.Path)] == "": // gone with its row
		case !ok && prune && e.SameAs == "":
			u.edit(e, catalogs.RowEdit{Method: e.Method, Path: e.Path, Remove: true})
			u.want[catalogs.EndpointKey(e.Method, e.Path)] = ""
			u.counts.removed++
		case !ok:
			u.note("%s %s stays: %s does not have it", methodName(e.Method), e.Path, from)
		case t.requires == nil && e.Requires.IsPublic(): // there is nothing to declare
		case t.silent():
			u.note("%s %s stays %s: %s", methodName(e.Method), e.Path, e.Requires, t.note)
		default:
			r, _ := c.CanonicalRequirement(*t.requires)
			if im.Compare(u.will(e), r) == perm.Same {
				continue
			}
			u.need(r)
			if e.SameAs != "" {
				u.add(e.Method, e.Path, t)
				continue
			}
			u.edit(e, catalogs.RowEdit{Method: e.Method, Path: e.Path, Requires: &r})
			u.want[catalogs.EndpointKey(e.Method, e.Path)] = r.String()
			u.counts.changed++
		}
	}
	for _, key := range slices.Sorted(maps.Keys(said)) {
		if used[key] {
			continue
		}
		t := said[key]
		if row, ok := c.Endpoint(catalogs.AnyMethod, t.path); ok { // it speaks of this method too
			if t.silent() {
				continue
			}
			if r, _ := c.CanonicalRequirement(*t.requires); im.Compare(*row.Requires, r) == perm.Same {
				continue
			}
		}
		if _, err := catalogs.ParseTemplate(t.path); err != nil {
			u.note("%s is not added: %v", key, err)
			continue
		}
		if !t.silent() {
			r, _ := c.CanonicalRequirement(*t.requires)
			u.need(r)
		}
		u.add(t.method, t.path, t)
	}
	return u, nil
}

// will returns what a row requires afterwards, if nothing is done about it: one that
// same-as makes follows the row that it is made from, which comes before it.
func (u *update) will(e *catalogs.Endpoint) perm.Requirement {
	if method, path, ok := strings.Cut(e.SameAs, " "); ok {
		key, of := catalogs.EndpointKey(e.Method, e.Path), u.want[catalogs.EndpointKey(method, path)]
		u.want[key] = of
		if r, err := perm.Parse(of); err == nil && of != "" {
			return r
		}
		return perm.Nobody() // it goes with its row, unless it is written
	}
	return *e.Requires
}

func (u *update) note(format string, args ...any) {
	u.notes = append(u.notes, fmt.Sprintf(format, args...))
}

func (u *update) edit(row *catalogs.Endpoint, e catalogs.RowEdit) {
	u.edits[row.Pos.File] = append(u.edits[row.Pos.File], e)
}

// need notes permissions that the catalog does not list yet.
func (u *update) need(r perm.Requirement) {
	for _, p := range r.Permissions() {
		if _, ok := u.catalog.Canonical(p); ok || u.grants.Has(p) {
			continue
		}
		u.grants = u.grants.Union(perm.NewSet(p))
		names := make([]string, 0, len(u.catalog.Permissions))
		for _, have := range u.catalog.Permissions {
			names = append(names, string(have.ID))
		}
		if near := strictyaml.Nearest(string(p), names); near != "" {
			u.note("new permission %s: is it %s, misspelt?", p, near)
		}
	}
}

// add puts a row behind the one whose path is most like it: the last of those.
func (u *update) add(method, path string, t *testimony) {
	value, comment := "unknown", t.note
	if !t.silent() {
		r, _ := u.catalog.CanonicalRequirement(*t.requires)
		value = r.String()
	}
	if comment != "" && t.pos.IsValid() {
		comment += " (" + t.pos.String() + ")"
	}
	entry := strictyaml.Entry{Key: methodName(method) + " " + path, Value: value, Comment: commentText(comment)}
	u.counts.added++
	u.want[catalogs.EndpointKey(method, path)] = value
	best, like := -1, -1
	for i := range u.catalog.Endpoints {
		if e := &u.catalog.Endpoints[i]; e.SameAs == "" {
			if n := commonSegments(e.Path, path); n >= like {
				best, like = i, n
			}
		}
	}
	if best < 0 {
		u.fresh = append(u.fresh, entry)
		return
	}
	row := &u.catalog.Endpoints[best]
	list := u.edits[row.Pos.File]
	for i := range list {
		if len(list[i].Add) > 0 && list[i].Method == row.Method && list[i].Path == row.Path {
			list[i].Add = append(list[i].Add, entry)
			return
		}
	}
	u.edit(row, catalogs.RowEdit{Method: row.Method, Path: row.Path, Add: []strictyaml.Entry{entry}})
}

func commentText(s string) string { return strings.TrimSpace(comment(s)) }

// commonSegments counts the segments that two paths begin with alike.
func commonSegments(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && (x[n] == y[n] || strings.HasPrefix(x[n], "{") && strings.HasPrefix(y[n], "{")) {
		n++
	}
	return n
}

// testimonies returns what the witness says, by endpoint.
func (a *app) testimonies(ctx context.Context, config *catalogs.Config, u *update, file string) (map[string]*testimony, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	root := wd
	if config.Path != "" {
		root = filepath.Dir(config.Path)
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	services, _, err := selected(ctx, root, config, checkOptions{})
	if err != nil {
		return nil, err
	}
	services = slices.DeleteFunc(services, func(s catalogs.Service) bool { return s.Catalog != abs })
	if len(services) == 0 { // a catalog that the configuration does not name
		services = []catalogs.Service{{Code: codeOf(root, &catalogs.Config{}, config.Service), Document: config.Document, BasePath: config.BasePath}}
	}
	for i := range services {
		services[i].Catalog = abs
	}
	said := map[string]*testimony{}
	hear := func(t testimony) {
		key := catalogs.EndpointKey(t.method, t.path)
		switch old := said[key]; {
		case old == nil || old.silent() && !t.silent():
			said[key] = &t
		case !t.silent() && !old.silent() && !old.requires.Equal(*t.requires):
			said[key] = &testimony{method: t.method, path: t.path, pos: t.pos, note: fmt.Sprintf("%s says both %s and %s", u.from, old.requires, t.requires)}
		}
	}
	pattern, isGo := strings.CutPrefix(u.from, witness.GoPrefix)
	for i := range services {
		s := &services[i]
		switch {
		case u.from == "code" || isGo:
			if s.Document = nil; isGo {
				s.Code = strings.Fields(pattern)
			}
			if len(s.Code) == 0 {
				return nil, fmt.Errorf("%s names no code: give its packages, as --from go:./cmd/server", catalogs.ConfigName)
			}
		case u.from == "openapi":
			if s.Code = nil; len(s.Document) == 0 {
				return nil, fmt.Errorf("%s names no OpenAPI document: give it as --from FILE", catalogs.ConfigName)
			}
		}
	}
	if u.from != "code" && u.from != "openapi" && !isGo {
		return said, a.hearSource(ctx, config, root, services, u, hear)
	}
	c, err := a.readRepository(ctx, root, config, services, checkOptions{unstated: "count"})
	if err != nil {
		return nil, err
	}
	u.program = c.program
	for _, v := range c.units {
		for _, w := range v.witnesses {
			switch {
			case v.isDocument(w):
				testify(w, "the document", hear)
			case w == v.code:
				testify(w, "the code", hear)
			}
		}
	}
	return said, nil
}

// hearSource reads a witness that is named by a reference.
func (a *app) hearSource(ctx context.Context, config *catalogs.Config, root string, services []catalogs.Service, u *update, hear func(testimony)) error {
	flags := diffFlags{unstated: "count"}
	flags.configure(&config.OpenAPI)
	options, read, err := flags.options()
	if err != nil {
		return err
	}
	s, err := a.reader(read).Read(ctx, u.from, "")
	if err != nil {
		return err
	}
	if s.Document == nil {
		for i := range s.Catalog.Endpoints {
			e := &s.Catalog.Endpoints[i]
			t := testimony{method: e.Method, path: e.Path, requires: e.Requires, pos: e.Pos}
			if t.silent() {
				t.note = u.from + " does not say"
			}
			hear(t)
		}
		return nil
	}
	v := &unit{Service: services[0]}
	if err := v.addDocument(s.Document, u.from, root, config, options); err != nil {
		return err
	}
	testify(v.witnesses[0], "the document", hear)
	return nil
}

// testify says what each endpoint of a witness requires.
func testify(w *drift.Witness, called string, hear func(testimony)) {
	for i, e := range w.Endpoints() {
		t := testimony{method: e.Method, path: e.Path, requires: e.Requires, pos: e.Pos}
		switch {
		case w.Unstated(i):
			t.requires, t.note = nil, called+" names no permission"
		case e.Requires == nil:
			t.note = called + " declares nothing"
		case e.Requires.IsUnknown():
			t.note = "what " + called + " demands could not be read"
		}
		hear(t)
	}
}

// update writes the change, or prints it.
func (a *app) update(u *update, onlyDiff bool) error {
	files, err := u.rewrite()
	if err != nil {
		return err
	}
	for _, n := range u.notes {
		fmt.Fprintf(a.err, "permcheck: %s\n", report.Clean(n))
	}
	changed := false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f := files[name]
		if bytes.Equal(f.old, f.text) {
			continue
		}
		changed = true
		if onlyDiff {
			fmt.Fprint(a.out, report.CleanLines(string(diff.Diff(filepath.ToSlash(name), f.old, filepath.ToSlash(name)+" from "+u.from, f.text))))
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, f.text, info.Mode().Perm()); err != nil {
			return err
		}
	}
	if !onlyDiff {
		fmt.Fprintf(a.out, "%s: %d changed, %d added, %d removed, %s added\n", u.catalog.File,
			u.counts.changed, u.counts.added, u.counts.removed, plural(len(u.grants), "permission"))
	}
	if u.program != nil {
		if err := readAll(u.program.Program, a.err); err != nil {
			return err
		}
	}
	if onlyDiff && changed {
		return errFindings
	}
	return nil
}

// A rewritten file, before and after.
type rewritten struct{ old, text []byte }

// rewrite returns the files that the update changes, having read them back: each row is
// what it shall be, and nothing else changed.
func (u *update) rewrite() (map[string]rewritten, error) {
	files := map[string]rewritten{}
	permissions := make([]strictyaml.Entry, 0, len(u.grants))
	for _, p := range u.grants {
		permissions = append(permissions, strictyaml.Entry{Key: string(p)})
	}
	home := u.catalog.File // of the permissions
	if n := len(u.catalog.Permissions); n > 0 {
		home = u.catalog.Permissions[n-1].Pos.File
	}
	if len(permissions) > 0 && u.edits[home] == nil {
		u.edits[home] = []catalogs.RowEdit{}
	}
	if len(u.fresh) > 0 && u.edits[u.catalog.File] == nil {
		u.edits[u.catalog.File] = []catalogs.RowEdit{}
	}
	for name, edits := range u.edits {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var list []strictyaml.Entry
		if name == home {
			list = permissions
		}
		// Rows are removed last: others may come behind them.
		slices.SortStableFunc(edits, func(a, b catalogs.RowEdit) int {
			return map[bool]int{true: 1}[a.Remove] - map[bool]int{true: 1}[b.Remove]
		})
		text, err := catalogs.Rewrite(name, data, edits, list)
		if err == nil && name == u.catalog.File && len(u.fresh) > 0 {
			text, err = catalogs.AddFirstRows(name, text, u.fresh)
		}
		if err != nil {
			return nil, err
		}
		files[name] = rewritten{data, text}
	}
	dir := filepath.Dir(u.catalog.File)
	overlay := overlayFS{FS: os.DirFS(dir), files: map[string][]byte{}}
	for name, f := range files {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return nil, err
		}
		overlay.files[filepath.ToSlash(rel)] = f.text
	}
	after, err := catalogs.LoadFS(overlay, filepath.Base(u.catalog.File), "")
	if err != nil {
		return nil, fmt.Errorf("the layout of %s does not let rows be written into it; change it by hand as --from %s says: %w", u.catalog.File, u.from, err)
	}
	got := map[string]string{}
	for i := range after.Endpoints {
		e := &after.Endpoints[i]
		got[catalogs.EndpointKey(e.Method, e.Path)] = e.Requires.String()
	}
	for key, want := range u.want {
		if got[key] != want {
			return nil, fmt.Errorf("the layout of %s does not let %s be written: change it by hand to %q", u.catalog.File, key, want)
		}
	}
	for key := range got {
		if _, ok := u.want[key]; !ok {
			return nil, fmt.Errorf("the layout of %s does not let rows be written into it: %s appeared", u.catalog.File, key)
		}
	}
	return files, nil
}

// overlayFS is a folder with some files replaced.
type overlayFS struct {
	fs.FS
	files map[string][]byte
}

// Open implements [fs.FS].
func (o overlayFS) Open(name string) (fs.File, error) {
	if data, ok := o.files[name]; ok {
		return witness.File(filepath.Base(name), data), nil
	}
	return o.FS.Open(name)
}
