package openapi

import (
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// How references between the parts of a document, and between its files, are followed.

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
			if f.key != "$ref" {
				continue
			}
			if ref, isRef = f.value.text(); !isRef {
				return node{}, nil, &refError{fmt.Sprintf("$ref is %s: expected text", f.value.kind())}
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
	dir := from.dir
	if rest, ok := r.beside(from, file); ok {
		if file, dir = rest, r.sources[""].dir; file == "" {
			return r.sources[""], pointer, nil
		}
	}
	if text, err := url.PathUnescape(file); err == nil {
		file = text
	}
	if strings.Contains(file, ":") || strings.HasPrefix(file, "/") || strings.Contains(file, `\`) {
		return nil, "", &refError{fmt.Sprintf("$ref %q: only files below the document's folder are followed, by relative paths", ref)}
	}
	name := path.Join(dir, file)
	if !fs.ValidPath(name) {
		return nil, "", &refError{fmt.Sprintf("$ref %q: only files below the document's folder are followed, or below the one that --refs-below names", ref)}
	}
	src, err := r.file(from, name, ref)
	return src, pointer, err
}

// file reads a file by its name below the root of the document's files.
func (r *reader) file(from *source, name, ref string) (*source, error) {
	if src, ok := r.sources[name]; ok {
		if src == nil {
			return nil, &refError{fmt.Sprintf("$ref %q: the file could not be read", ref)}
		}
		return src, nil
	}
	r.sources[name] = nil
	if r.opts.Files == nil {
		return nil, &refError{fmt.Sprintf("$ref %q: this document is not read from a file, so it cannot refer to others", ref)}
	}
	f, err := r.opts.Files.Open(name)
	if err != nil {
		return nil, &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(r.left)+1))
	if err != nil {
		return nil, &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	if r.left -= len(data); r.left < 0 {
		return nil, from.root.errorf("the document and the files that it refers to are larger than %d MB", MaxSize>>20)
	}
	up := "."
	if root := r.sources[""].dir; root != "." {
		up = strings.Repeat("../", 1+strings.Count(root, "/"))
	}
	src, err := parseSource(path.Join(path.Dir(filepath.ToSlash(r.doc.File)), up, name), data, from.visits, nil)
	if err != nil {
		return nil, &refError{fmt.Sprintf("$ref %q: %v", ref, err)}
	}
	src.name, src.dir = name, path.Dir(name)
	r.sources[name] = src
	return src, nil
}

// ownAddress reads the address that a document states for itself.
func ownAddress(n node) *url.URL {
	text, _ := n.text()
	text, _, _ = strings.Cut(text, "#")
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return nil
	}
	if u.IsAbs() {
		return u
	}
	// It stands for itself only, and for what is beside it.
	return (&url.URL{Scheme: "document", Host: "here", Path: "/"}).ResolveReference(u)
}

// beside takes the document's own address off a reference to a file: what is beside the
// document, or below, by its address is there by its folder too. The document itself is "".
func (r *reader) beside(from *source, file string) (string, bool) {
	if r.self == nil {
		return "", false
	}
	base := r.self
	if from != r.sources[""] {
		rel := url.URL{Path: "./" + r.fromRoot(from.name)}
		base = base.ResolveReference(&rel)
	}
	to, err := base.Parse(file)
	if err != nil {
		return "", false
	}
	if to.String() == r.self.String() {
		return "", true
	}
	dir := r.self.ResolveReference(&url.URL{Path: "."}).String()
	rest, ok := strings.CutPrefix(to.String(), dir)
	return rest, ok && rest != "" && r.self.Opaque == "" && strings.HasSuffix(dir, "/")
}

// fromRoot returns a file's name as the root document would write it.
func (r *reader) fromRoot(name string) string {
	rel, err := filepath.Rel(filepath.FromSlash(r.sources[""].dir), filepath.FromSlash(name))
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~")

// point follows a JSON pointer (RFC 6901) written as a URI fragment. The fragment is decoded
// first, as the RFC has it; many tools split it first, so that %2F is a slash in a name, and
// that counts where the first reading leads nowhere.
func (r *reader) point(src *source, pointer, ref string) (node, error) {
	if pointer == "" || pointer == "/" {
		return src.root, nil
	}
	text, err := unescape(pointer)
	if err != nil || !strings.HasPrefix(text, "/") {
		return node{}, &refError{fmt.Sprintf("$ref %q: expected a pointer such as #/components/pathItems/name", ref)}
	}
	n, err := follow(src.root, strings.Split(text[1:], "/"), ref)
	if tokens := strings.Split(pointer, "/"); err != nil && fatal(err) == nil && tokens[0] == "" && len(tokens) < strings.Count(text, "/")+1 {
		for i, t := range tokens {
			tokens[i], _ = unescape(t) // the whole is valid
		}
		if other, bad := follow(src.root, tokens[1:], ref); bad == nil {
			return other, nil
		}
	}
	return n, err
}

// follow goes from a value down to one of its parts.
func follow(n node, tokens []string, ref string) (node, error) {
	for _, token := range tokens {
		token = pointerEscapes.Replace(token)
		next, ok, err := n.get(token)
		if err != nil {
			return node{}, err
		}
		if i, bad := strconv.Atoi(token); bad == nil && n.kind() == list {
			items, err := n.items()
			if err != nil {
				return node{}, err
			}
			if ok = 0 <= i && i < len(items); ok {
				next = items[i]
			}
		}
		if !ok {
			return node{}, &refError{fmt.Sprintf("$ref %q: there is no %q", ref, token)}
		}
		n = next
	}
	return n, nil
}

// A place is a URI and the file that it stands in.
type place struct {
	in  *source
	uri string
}

// schemeNamed returns the name of the scheme that a requirement asks for. OpenAPI 3.2 allows
// a URI, in the file where it stands. One that leads to a scheme of this document has that
// one's name; one that leads elsewhere is named by its file, below the document's folder.
func (r *reader) schemeNamed(f field) (string, error) {
	name := f.key
	uri := strings.Contains(name, "#") || strings.ContainsAny(name, "/.:") && strings.HasPrefix(r.doc.Version, "3.") && r.doc.Version[2:] >= "2"
	if r.doc.Schemes[name] != nil || !uri {
		return name, nil
	}
	at := place{f.value.src, name}
	if known, ok := r.byURI[at]; ok {
		return known, nil
	}
	name, def, err := r.schemeAt(at)
	r.byURI[at] = name
	if err != nil {
		if fatal(err) == nil {
			r.problem(f.pos(), "security scheme %q: nothing defines it: %v", f.key, err)
		}
		return name, fatal(err)
	}
	if r.doc.Schemes[name] != nil {
		return name, nil
	}
	s, err := readScheme(name, def, r.v2)
	if s == nil {
		return name, err
	}
	if err != nil {
		r.problem(def.pos(), "%v", err)
	}
	r.doc.Schemes[name] = s
	return name, nil
}

// schemeAt returns the name of the scheme that a URI leads to, and its definition.
func (r *reader) schemeAt(at place) (string, node, error) {
	src, pointer, err := r.locate(at.in, at.uri)
	if err != nil {
		return at.uri, node{}, err
	}
	def, err := r.point(src, pointer, at.uri)
	if err != nil {
		return at.uri, node{}, err
	}
	if text, bad := unescape(pointer); bad == nil && src == r.sources[""] {
		name, ok := strings.CutPrefix(text, "/components/securitySchemes/")
		if name = pointerEscapes.Replace(name); ok && r.doc.Schemes[name] != nil {
			return name, node{}, nil
		}
	}
	if def, _, err = r.resolve(def); err != nil {
		return at.uri, node{}, err
	}
	if def.kind() != object {
		return at.uri, node{}, &refError{fmt.Sprintf("$ref %q leads to %s: expected a mapping", at.uri, def.kind())}
	}
	if name, ok := r.defined[def]; ok {
		return name, def, nil
	}
	name := ""
	if src.name != "" {
		name = r.fromRoot(src.name)
	}
	if pointer != "" {
		name += "#" + pointer
	}
	return name, def, nil
}
