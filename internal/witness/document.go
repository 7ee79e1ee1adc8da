package witness

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

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/drift"
	"github.com/permcheck/permcheck/catalogs/kong"
	"github.com/permcheck/permcheck/catalogs/openapi"
	"github.com/permcheck/permcheck/catalogs/openapi/full"
	"github.com/permcheck/permcheck/internal/report"
)

// readFile reads a file as what it claims to be.
func readFile(r *Reader, _ context.Context, ref, _ string) (*Reading, error) {
	data, err := openapi.ReadFile(ref)
	if err != nil {
		return nil, sourceError(ref, err)
	}
	below, err := r.refsOf(ref)
	if err != nil {
		return nil, err
	}
	defer below.Close()
	opts := r.Documents
	opts.Files, opts.Dir = below.FS(), below.dir
	return r.parse(ref, data, opts, func() (*catalogs.Catalog, error) { return catalogs.Load(ref) })
}

// A folder is what a document's references may lead to, and where in it the document is.
type folder struct {
	*os.Root
	dir string
}

// refsOf opens the folder that the references of a document may lead to, so that nothing
// outside of it can be read. A document that is elsewhere than --refs-below keeps to its
// own folder.
func (r *Reader) refsOf(file string) (*folder, error) {
	if r.RefsBelow != "" {
		if dir, ok := Within(r.RefsBelow, filepath.Dir(file)); ok {
			root, err := os.OpenRoot(r.RefsBelow)
			return &folder{root, dir}, err
		}
	}
	root, err := os.OpenRoot(filepath.Dir(file))
	return &folder{root, "."}, err
}

// Within returns the path of dir relative to outer, if it is there or below.
func Within(outer, dir string) (string, bool) {
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

// IsPattern reports whether a path has the characters of a pattern.
func IsPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// readPattern reads the documents that a pattern matches as one.
func readPattern(r *Reader, _ context.Context, pattern, _ string) (*Reading, error) {
	opts := r.Documents
	files, err := Expand(os.DirFS("."), filepath.ToSlash(pattern))
	if err != nil {
		return nil, err
	}
	return compose(pattern, files, func(file string) (*parsed, error) {
		data, err := openapi.ReadFile(filepath.FromSlash(file))
		if err != nil {
			return nil, err
		}
		below, err := r.refsOf(filepath.FromSlash(file))
		if err != nil {
			return nil, err
		}
		defer below.Close()
		opts.Files, opts.Dir = below.FS(), below.dir
		return r.parseDocument(file, data, opts)
	})
}

// A format is a kind of document besides OpenAPI that says who may call what.
type format struct {
	key   string // of its top level, by which it is known
	parse func(name string, data []byte) (*openapi.Document, error)
}

// formats lists them. Another one is a package that reads it, and a line here.
var formats = []format{
	{kong.Key, kong.Parse},
}

// parsed is a document and what is forbidden in it, if that was asked.
type parsed struct {
	*openapi.Document
	invalid []*report.Finding
}

// parseDocument reads a document of any format.
func (r *Reader) parseDocument(name string, data []byte, opts openapi.Options) (*parsed, error) {
	doc, err := openapi.Parse(name, data, opts)
	var other *openapi.FormatError
	if errors.As(err, &other) {
		for _, f := range formats {
			if slices.Contains(other.Keys, f.key) {
				doc, err = f.parse(name, data)
				return &parsed{Document: doc}, err
			}
		}
	}
	if err != nil {
		return nil, err
	}
	p := &parsed{Document: doc}
	if r.Validate {
		for _, problem := range full.Validate(name, data, opts) {
			p.invalid = append(p.invalid, invalid(name, problem))
		}
	}
	return p, nil
}

func (p *parsed) reading() *Reading {
	return &Reading{Side: drift.Side{Document: p.Document}, Invalid: p.invalid}
}

// InvalidRule is the rule of findings about what the OpenAPI specification forbids.
const InvalidRule = "document-invalid"

// invalid is a problem of a document as a finding. It is the same one in each revision and
// wherever in the document it is.
func invalid(name string, p openapi.Problem) *report.Finding {
	return &report.Finding{Rule: InvalidRule, Subject: path.Base(filepath.ToSlash(name)), Args: []string{p.Message}, Message: p.Message, Position: p.Pos}
}

// compose reads documents and makes one of them.
func compose(ref string, files []string, read func(file string) (*parsed, error)) (*Reading, error) {
	var docs []*openapi.Document
	var forbidden []*report.Finding
	for _, file := range files {
		doc, err := read(file)
		var other *openapi.FormatError
		if errors.As(err, &other) {
			return nil, fmt.Errorf("%s: it matches %s, but only OpenAPI documents are read together: %w", file, ref, err)
		} else if err != nil {
			return nil, err
		}
		docs, forbidden = append(docs, doc.Document), append(forbidden, doc.invalid...)
	}
	doc, err := openapi.Compose(ref, docs)
	if err != nil {
		return nil, err
	}
	return (&parsed{doc, forbidden}).reading(), nil
}

var errNoMatch = errors.New("no file matches this pattern")

// expand lists the files that match a pattern, in order. Besides the signs of
// [path.Match], ** stands for any number of folders.
func Expand(files fs.FS, pattern string) ([]string, error) {
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		return nil, fmt.Errorf("%s: this is no pattern of files: %w", pattern, err)
	}
	segments := strings.Split(pattern, "/")
	fixed := 0
	for fixed < len(segments)-1 && !IsPattern(segments[fixed]) {
		fixed++
	}
	base := path.Join(segments[:fixed]...)
	if strings.HasPrefix(pattern, "/") || !fs.ValidPath(path.Clean("./"+base)) {
		// Outside of here: the folder is named, so it may be read.
		root := base
		if strings.HasPrefix(pattern, "/") {
			root = "/" + base
		}
		found, err := Expand(os.DirFS(filepath.FromSlash(root)), strings.Join(segments[fixed:], "/"))
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

// parse reads text as what it claims to be: an OpenAPI document or a catalog.
func (r *Reader) parse(name string, data []byte, opts openapi.Options, asCatalog func() (*catalogs.Catalog, error)) (*Reading, error) {
	doc, err := r.parseDocument(name, data, opts)
	var other *openapi.FormatError
	switch {
	case err == nil:
		return doc.reading(), nil
	case !errors.As(err, &other):
		return nil, err
	case !slices.Contains(other.Keys, "permcheck"):
		has := "no mapping"
		if len(other.Keys) > 0 {
			quoted := make([]string, len(other.Keys))
			for i, k := range other.Keys {
				quoted[i] = report.Clean(fmt.Sprintf("%.60q", k))
			}
			has = "the keys " + strings.Join(quoted, ", ")
		}
		return nil, fmt.Errorf("%s: neither an OpenAPI document nor a catalog: expected the top-level key openapi, swagger or permcheck, found %s", name, has)
	}
	c, err := asCatalog()
	return &Reading{Side: drift.Side{Catalog: c}}, err
}
