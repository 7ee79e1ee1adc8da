package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/kong"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// A side is one side of a diff, loaded.
type side struct {
	drift.Side
	program *goProgram        // when the side is Go source
	unread  []*report.Finding // what of the source could not be read
}

// loadSides reads both sides, at once where neither needs the other: reading is most
// of the work. Go source is read in the words of the other side's catalog.
func (a *app) loadSides(ctx context.Context, from, to string, opts openapi.Options) (old, now *side, err error) {
	var errs [2]error
	load := func(ref, catalog string, into **side, err *error) { *into, *err = a.loadSide(ctx, ref, catalog, opts) }
	isGo := func(ref string) bool {
		_, _, revision := goRevision(ref)
		return strings.HasPrefix(ref, goPrefix) || revision
	}
	words := func(ref string, s *side) string {
		if s == nil || s.Catalog == nil || isGo(ref) || ref == "-" {
			return ""
		}
		if _, err := os.Stat(ref); err != nil && !strings.HasPrefix(ref, catalogs.VendorPrefix) {
			return "" // a git revision
		}
		return ref
	}
	switch {
	case isGo(from) && !isGo(to):
		load(to, "", &now, &errs[1])
		if errs[1] == nil {
			load(from, words(to, now), &old, &errs[0])
		}
	case isGo(to):
		load(from, "", &old, &errs[0])
		if errs[0] == nil {
			load(to, words(from, old), &now, &errs[1])
		}
	default:
		done := make(chan struct{})
		go func() {
			defer close(done)
			load(from, "", &old, &errs[0])
		}()
		load(to, "", &now, &errs[1])
		<-done
	}
	return old, now, errors.Join(errs[:]...)
}

// goPrefix begins a reference to Go packages.
const goPrefix = "go:"

// goRevision splits a reference to Go packages as they are in a git revision, such as
// main:go:./...
func goRevision(ref string) (rev, pattern string, ok bool) {
	rev, pattern, ok = strings.Cut(ref, ":"+goPrefix)
	return rev, pattern, ok && rev != "" && !strings.Contains(rev, ":") && pattern != ""
}

// loadGoSide reads Go packages in a folder. catalog, if any, is the reference of a catalog whose
// permissions they name.
func (a *app) loadGoSide(ctx context.Context, dir, pattern, catalog string) (*side, error) {
	p, err := loadGo(ctx, dir, strings.Fields(pattern), goOptions{Catalog: catalog})
	if err != nil {
		return nil, err
	}
	s := &side{Side: drift.Side{Catalog: p.Catalog, EndpointsOnly: true}, program: p}
	if p.Settings.Catalog != nil { // its aliases and implications apply
		s.Catalog.Permissions = p.Settings.Catalog.Permissions
	}
	unread := func(subject, message string, reason string, at catalogs.Pos) {
		s.unread = append(s.unread, &report.Finding{Rule: "unresolved", Subject: subject, Args: []string{at.File, reason}, Message: message + reason, Position: at})
	}
	for _, u := range p.Unresolved {
		unread("registration", "a registration could not be read: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
	}
	for _, r := range p.Routes {
		for _, u := range r.Unread {
			subject := r.Method + " " + p.Settings.Path(r)
			unread(subject, "the permission of "+subject+" is not known: ", u.Reason, catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column})
		}
	}
	return s, nil
}

// beyond returns the findings of now that old does not have, wherever they moved.
func beyond(now, old []*report.Finding) []*report.Finding {
	have := map[string]int{}
	for _, f := range old {
		have[f.Fingerprint()]++
	}
	var out []*report.Finding
	for _, f := range now {
		if id := f.Fingerprint(); have[id] > 0 {
			have[id]--
		} else {
			out = append(out, f)
		}
	}
	return out
}

// loadSide reads one side of a diff; catalog is for Go source. The prefixes vendor:, go: and
// run: win over git revisions of these names, and a file that exists wins over a revision
// and over a pattern.
func (a *app) loadSide(ctx context.Context, ref, catalog string, opts openapi.Options) (*side, error) {
	prefix, rest, hasPrefix := strings.Cut(ref, ":")
	switch {
	case ref == "-":
		data, err := openapi.ReadAll(a.in)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		return parseSide("-", data, opts, func() (*catalogs.Catalog, error) { return catalogs.Parse("-", data) })
	case hasPrefix && prefix == "vendor":
		c, err := catalogs.Load(ref)
		return &side{Side: drift.Side{Catalog: c}}, err
	case hasPrefix && prefix == "go":
		return a.loadGoSide(ctx, ".", rest, catalog)
	case hasPrefix && prefix == "run":
		return loadRun(ref, rest)
	}
	if rev, pattern, ok := goRevision(ref); ok {
		sub, remove, err := checkout(ctx, ".", rev)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", ref, err)
		}
		defer remove()
		if catalog != "" && !strings.HasPrefix(catalog, catalogs.VendorPrefix) {
			if catalog, err = filepath.Abs(catalog); err != nil {
				return nil, err
			}
		}
		return a.loadGoSide(ctx, sub, pattern, catalog)
	}
	if _, err := os.Stat(ref); err != nil {
		switch {
		case hasPrefix && strings.HasPrefix(rest, "//"):
			return a.loadURL(ctx, ref, opts)
		case hasPrefix && len(prefix) > 1:
			return a.loadRevision(ctx, prefix, rest, opts)
		case isPattern(ref):
			return a.loadPattern(ref, opts)
		}
	}
	data, err := openapi.ReadFile(ref)
	if err != nil {
		return nil, sourceError(ref, err)
	}
	below, err := a.refsOf(ref)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	opts.Files, opts.Dir = below.FS(), below.dir
	return parseSide(ref, data, opts, func() (*catalogs.Catalog, error) { return catalogs.Load(ref) })
}

// sourceFlags adds the flags about what a source may reach.
func (a *app) sourceFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.allowHTTP, "allow-http", false, "read URLs without encryption too: whoever is between can change what is read")
	cmd.Flags().StringVar(&a.refsBelow, "refs-below", "", "let a document's $refs lead to files below this `FOLDER` (default: the document's own)")
}

// A folder is what a document's references may lead to, and where in it the document is.
type folder struct {
	*os.Root
	dir string
}

// refsOf opens the folder that the references of a document may lead to, so that nothing
// outside of it can be read. A document that is elsewhere than --refs-below keeps to its
// own folder.
func (a *app) refsOf(file string) (*folder, error) {
	if a.refsBelow != "" {
		if dir, ok := within(a.refsBelow, filepath.Dir(file)); ok {
			root, err := os.OpenRoot(a.refsBelow)
			return &folder{root, dir}, err
		}
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	return &folder{root, "."}, err
}

// within returns the path of dir relative to outer, if it is there or below.
func within(outer, dir string) (string, bool) {
	o, err := filepath.Abs(outer)
	if err != nil {
		return "", false
	}
	d, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(o, d)
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// loadRun reads the report of a probe run as what the API was seen to require.
func loadRun(ref, file string) (*side, error) {
	data, err := openapi.ReadFile(file)
	if err != nil {
		return nil, sourceError(ref, err)
	}
	c, err := conformance.ReadReport(file, data, catalogs.Load)
	if err != nil {
		return nil, err
	}
	return &side{Side: drift.Side{Catalog: c, EndpointsOnly: true}}, nil
}

// isPattern reports whether a path has the characters of a pattern.
func isPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// loadPattern reads the documents that a pattern matches as one.
func (a *app) loadPattern(pattern string, opts openapi.Options) (*side, error) {
	files, err := expand(os.DirFS("."), filepath.ToSlash(pattern))
	if err != nil {
		return nil, err
	}
	return compose(pattern, files, func(file string) (*openapi.Document, error) {
		data, err := openapi.ReadFile(filepath.FromSlash(file))
		if err != nil {
			return nil, err
		}
		below, err := a.refsOf(filepath.FromSlash(file))
		if err != nil {
			return nil, err
		}
		defer below.Close()
		opts.Files, opts.Dir = below.FS(), below.dir
		return parseDocument(file, data, opts)
	})
}

// A documentFormat is a kind of document besides OpenAPI that says who may call what.
type documentFormat struct {
	key   string // of its top level, by which it is known
	parse func(name string, data []byte) (*openapi.Document, error)
}

// documentFormats lists them. Another one is a package that reads it, and a line here.
var documentFormats = []documentFormat{
	{kong.Key, kong.Parse},
}

// parseDocument reads a document of any format.
func parseDocument(name string, data []byte, opts openapi.Options) (*openapi.Document, error) {
	doc, err := openapi.Parse(name, data, opts)
	var format *openapi.FormatError
	if errors.As(err, &format) {
		for _, f := range documentFormats {
			if slices.Contains(format.Keys, f.key) {
				return f.parse(name, data)
			}
		}
	}
	return doc, err
}

// compose reads documents and makes one of them.
func compose(ref string, files []string, read func(file string) (*openapi.Document, error)) (*side, error) {
	var docs []*openapi.Document
	for _, file := range files {
		doc, err := read(file)
		var format *openapi.FormatError
		if errors.As(err, &format) {
			return nil, fmt.Errorf("%s: it matches %s, but only OpenAPI documents are read together: %w", file, ref, err)
		} else if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	doc, err := openapi.Compose(ref, docs)
	if err != nil {
		return nil, err
	}
	return &side{Side: drift.Side{Document: doc}}, nil
}

var errNoMatch = errors.New("no file matches this pattern")

// expand lists the files that match a pattern, in order. Besides the signs of
// [path.Match], ** stands for any number of folders.
func expand(files fs.FS, pattern string) ([]string, error) {
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		return nil, fmt.Errorf("%s: this is no pattern of files: %w", pattern, err)
	}
	segments := strings.Split(pattern, "/")
	fixed := 0
	for fixed < len(segments)-1 && !isPattern(segments[fixed]) {
		fixed++
	}
	base := path.Join(segments[:fixed]...)
	if strings.HasPrefix(pattern, "/") || !fs.ValidPath(path.Clean("./"+base)) {
		// Outside of here: the folder is named, so it may be read.
		root := base
		if strings.HasPrefix(pattern, "/") {
			root = "/" + base
		}
		found, err := expand(os.DirFS(filepath.FromSlash(root)), strings.Join(segments[fixed:], "/"))
		for i := range found {
			found[i] = path.Join(root, found[i])
		}
		if errors.Is(err, errNoMatch) {
			err = fmt.Errorf("%s: %w", pattern, errNoMatch)
		}
		return found, err
	}
	var out []string
	err := fs.WalkDir(files, path.Clean("./"+base), func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && strings.HasPrefix(path.Base(name), "."), d.IsDir() && path.Base(name) == "node_modules":
			return fs.SkipDir
		case !d.IsDir() && matchPath(segments, strings.Split(name, "/")):
			out = append(out, name)
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: %w", pattern, errNoMatch)
	}
	return out, nil
}

// matchPath reports whether a path fits a pattern, both split at slashes.
func matchPath(pattern, name []string) bool {
	for len(pattern) > 0 && pattern[0] == "." {
		pattern = pattern[1:]
	}
	if len(pattern) > 0 && pattern[0] == "**" {
		return matchPath(pattern[1:], name) || len(name) > 0 && matchPath(pattern, name[1:])
	}
	if len(pattern) == 0 || len(name) == 0 {
		return len(pattern) == len(name)
	}
	ok, err := path.Match(pattern[0], name[0])
	return ok && err == nil && matchPath(pattern[1:], name[1:])
}

// parseSide reads text as what it claims to be: an OpenAPI document or a catalog.
func parseSide(name string, data []byte, opts openapi.Options, asCatalog func() (*catalogs.Catalog, error)) (*side, error) {
	doc, err := parseDocument(name, data, opts)
	var format *openapi.FormatError
	switch {
	case err == nil:
		return &side{Side: drift.Side{Document: doc}}, nil
	case !errors.As(err, &format):
		return nil, err
	case !slices.Contains(format.Keys, "permcheck"):
		has := "no mapping"
		if len(format.Keys) > 0 {
			quoted := make([]string, len(format.Keys))
			for i, k := range format.Keys {
				quoted[i] = report.Clean(fmt.Sprintf("%.60q", k))
			}
			has = "the keys " + strings.Join(quoted, ", ")
		}
		return nil, fmt.Errorf("%s: neither an OpenAPI document nor a catalog: expected the top-level key openapi, swagger or permcheck, found %s", name, has)
	}
	c, err := asCatalog()
	return &side{Side: drift.Side{Catalog: c}}, err
}

// sourceError says what to type instead when a source cannot be opened.
func sourceError(ref string, err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: no such file; a source is a file, -, an https URL, vendor:NAME (%s), go:PACKAGES, run:REPORT, REV:PATH or a quoted pattern such as 'api/*.yaml'", ref, strings.Join(catalogs.Vendors(), ", "))
	}
	return err
}
