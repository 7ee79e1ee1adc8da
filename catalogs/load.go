package catalogs

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Errors is every mistake found in a catalog's files, ordered by position. Each
// carries file, line and column.
type Errors = strictyaml.Errors

//go:embed vendors/*.yaml
var vendorFiles embed.FS

// VendorPrefix begins a reference to an embedded catalog.
const VendorPrefix = "vendor:"

// Vendors returns the names of the embedded catalogs, sorted.
func Vendors() []string {
	entries, _ := vendorFiles.ReadDir("vendors") // the folder is part of the binary
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = strings.TrimSuffix(e.Name(), ".yaml")
	}
	return names
}

// Load reads a catalog by reference: the path of a YAML file, or "vendor:NAME" for
// one of the embedded [Vendors]. Mistakes in the file are returned all at once, as
// [Errors]; nothing is returned of a catalog that has any.
func Load(ref string) (*Catalog, error) {
	c, _, err := LoadWithFiles(ref)
	return c, err
}

// LoadWithFiles is [Load] and also returns the path of every file that was read or
// tried, includes too, for callers that cache by content. An embedded catalog has
// none.
func LoadWithFiles(ref string) (*Catalog, []string, error) {
	if name, ok := strings.CutPrefix(ref, VendorPrefix); ok {
		data, err := vendorFiles.ReadFile("vendors/" + name + ".yaml")
		if err != nil || !fs.ValidPath(name) {
			hint := ""
			if near := strictyaml.Nearest(name, Vendors()); near != "" {
				hint = fmt.Sprintf(" (did you mean %s%s?)", VendorPrefix, near)
			}
			return nil, nil, fmt.Errorf("no vendor %q: expected one of %s%s", name, strings.Join(Vendors(), ", "), hint)
		}
		c, err := Parse(ref, data)
		return c, nil, err
	}
	dir, base := filepath.Split(ref)
	if dir == "" {
		dir = "."
	}
	info, err := os.Stat(ref)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []string{ref}, fmt.Errorf("catalog %s does not exist: give the path of a catalog file, or vendor:NAME (%s)", ref, strings.Join(Vendors(), ", "))
	case err != nil:
		return nil, []string{ref}, err
	case info.IsDir():
		return nil, []string{ref}, fmt.Errorf("catalog %s is a directory: give the path of a catalog file", ref)
	}
	// A root keeps includes, symbolic links among them, inside the catalog's folder.
	// The catalog itself may be a link to anywhere: the caller named it.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, []string{ref}, err
	}
	defer root.Close()
	l := loader{display: func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }}
	l.read = func(name string) ([]byte, error) {
		l.files = append(l.files, l.display(name))
		if name == base {
			return readFile(os.Open(ref))
		}
		return readFile(root.Open(name))
	}
	data, err := l.read(base)
	if err != nil {
		return nil, l.files, fmt.Errorf("catalog %s: %w", ref, err)
	}
	c, err := l.load(base, data)
	return c, l.files, err
}

// LoadFS reads a catalog file and its includes from a file system, such as one
// revision of a repository; prefix goes before each name in messages.
func LoadFS(fsys fs.FS, name, prefix string) (*Catalog, error) {
	l := loader{
		display: func(name string) string { return prefix + name },
		read: func(name string) ([]byte, error) {
			f, err := fsys.Open(name)
			return readFile(f, err)
		},
	}
	data, err := l.read(name)
	if err != nil {
		return nil, fmt.Errorf("catalog %s%s: %w", prefix, name, err)
	}
	return l.load(name, data)
}

// Parse reads a catalog from the text of one YAML file; file is its name in
// messages. The text cannot include other files.
func Parse(file string, data []byte) (*Catalog, error) {
	l := loader{
		display: func(string) string { return file },
		read: func(string) ([]byte, error) {
			return nil, errors.New("a catalog that is not read from a file cannot include others")
		},
	}
	return l.load(file, data)
}

func readFile(f fs.File, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, errors.New("this is a directory")
	}
	data, err := io.ReadAll(io.LimitReader(f, strictyaml.MaxSize+1))
	if err == nil && len(data) > strictyaml.MaxSize {
		err = fmt.Errorf("file is larger than %d MB", strictyaml.MaxSize>>20)
	}
	return data, err
}

// A loader reads a catalog and its includes. Names are slash-separated and relative
// to the folder of the first file.
type loader struct {
	read    func(name string) ([]byte, error)
	display func(name string) string
	files   []string

	errs []error
	seen []string // files read or being read
}

func (l *loader) load(name string, data []byte) (*Catalog, error) {
	c := &Catalog{File: l.display(name)}
	d := newDecoder(c)
	l.decode(d, name, data, true)
	d.check()
	for _, doc := range d.docs {
		l.errs = append(l.errs, doc.Err())
	}
	if err := strictyaml.Join(l.errs...); err != nil {
		return nil, err
	}
	return c, nil
}

// decode decodes one file and then, in order, those that it includes.
func (l *loader) decode(d *decoder, name string, data []byte, first bool) {
	l.seen = append(l.seen, name)
	doc, err := strictyaml.Parse(l.display(name), data)
	if err != nil {
		l.errs = append(l.errs, err)
		d.broken = true
		return
	}
	d.docs = append(d.docs, doc)
	for _, inc := range d.file(doc.Root, first) {
		text, ok := inc.Text("the path of a catalog file")
		if !ok {
			continue
		}
		target := path.Join(path.Dir(name), text)
		switch {
		case path.IsAbs(text) || strings.Contains(text, `\`) || !fs.ValidPath(target) ||
			strings.HasPrefix(path.Clean(text), ".."):
			inc.Errorf("include %q: expected a path below the folder of this file, with forward slashes", strictyaml.Excerpt(text))
			continue
		case slices.Contains(l.seen, target):
			inc.Errorf("include %q: this file is included already", text)
			continue
		case len(l.seen) == 1000:
			inc.Errorf("include %q: more than 1000 files", text)
			continue
		}
		data, err := l.read(target)
		if err != nil {
			var pe *fs.PathError
			if errors.As(err, &pe) {
				err = pe.Err
			}
			inc.Errorf("include %q: %v", text, err)
			d.broken = true
			continue
		}
		l.decode(d, target, data, false)
	}
}
