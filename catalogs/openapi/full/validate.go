package full

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// Bounds on one validation.
const (
	maxProblems  = 50
	maxValidated = 60 * time.Second
)

// Validate lists what the OpenAPI specification forbids in a document, one problem a cause,
// at its place in the document or in a file that it refers to. After the first fifty only
// their number is said. A document that cannot be validated, wholly or from some place on, has
// a problem that says so. Examples that do not fit their schema, and patterns that Go does not
// have, are not forbidden.
func Validate(file string, data []byte, opts openapi.Options) []openapi.Problem {
	v := &validation{file: file}
	done := make(chan []openapi.Problem, 1)
	go func() { done <- v.run(data, opts) }()
	timer := time.NewTimer(maxValidated)
	defer timer.Stop()
	select {
	case found := <-done:
		return found
	case <-timer.C:
		return v.not("it took longer than %s", maxValidated)
	}
}

// A validation is one document that is validated.
type validation struct {
	file  string // as it was named
	files *files
}

// not is the problem of a document that is not validated.
func (v *validation) not(format string, args ...any) []openapi.Problem {
	return []openapi.Problem{{Pos: v.start(), Message: "the document was not validated: " + fmt.Sprintf(format, args...)}}
}

func (v *validation) start() catalogs.Pos { return catalogs.Pos{File: v.file, Line: 1, Column: 1} }

// The versions that can be validated.
var validVersions = []string{"3.0.", "3.1.", "3.2."}

func (v *validation) run(data []byte, opts openapi.Options) (found []openapi.Problem) {
	var err error
	defer func() {
		if err != nil {
			found = v.not("%s", brief(err))
		}
	}()
	defer guard(&err)
	v.files, err = readFiles(v.file, data, opts)
	if err != nil {
		return nil
	}
	root := asMap(v.files.root().value)
	version := fmt.Sprint(root["openapi"])
	if root["openapi"] == nil {
		return v.not("only versions 3.0, 3.1 and 3.2 can be, and this is 2.0")
	}
	if !hasPrefix(version, validVersions) {
		return v.not("only versions 3.0, 3.1 and 3.2 can be, and this is %q", version)
	}
	doc, err := v.load()
	if err != nil {
		found, err = v.unloadable(root, err), nil
		return found
	}
	return v.problems(doc.Validate(context.Background(), openapi3.EnableMultiError(), openapi3.DisableExamplesValidation(), openapi3.DisableSchemaPatternValidation()))
}

func hasPrefix(text string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}

// load loads the document with the places of its parts. The library notes places only in
// YAML, so JSON is given to it as YAML where that is possible.
func (v *validation) load() (doc *openapi3.T, err error) {
	defer guard(&err)
	at := &url.URL{Path: v.files.rootName}
	text := v.files.root().text
	if !v.files.root().tamed && json.Valid(text) {
		// A tab outside of texts is a space, and a comment is no JSON.
		asYAML := append(bytes.ReplaceAll(text, []byte("\t"), []byte(" ")), "\n# YAML\n"...)
		if doc, err = v.loader().LoadFromDataWithPath(asYAML, at); err == nil {
			return doc, nil
		}
	}
	return v.loader().LoadFromDataWithPath(text, at)
}

// loader opens only what is read already.
func (v *validation) loader() *openapi3.Loader {
	l := openapi3.NewLoader()
	l.IncludeOrigin = true
	l.ReadFromURIFunc = func(_ *openapi3.Loader, u *url.URL) ([]byte, error) {
		if u.Scheme != "" || u.Host != "" {
			return nil, fmt.Errorf("the reference to %q is not followed: only files below the document's folder are", u.Redacted())
		}
		f := v.files.byName[path.Clean(u.Path)]
		if f == nil {
			return nil, fmt.Errorf("the reference to %q leads to no file that can be read below the document's folder", u.Path)
		}
		if f.err != nil {
			return nil, f.err
		}
		return f.text, nil
	}
	return l
}

// problems makes one problem of each cause.
func (v *validation) problems(err error) []openapi.Problem {
	if err == nil {
		return nil
	}
	var many openapi3.MultiError
	if !errors.As(err, &many) {
		many = openapi3.MultiError{err}
	}
	var out []openapi.Problem
	seen := map[string]bool{}
	more := 0
	for _, e := range many {
		pos, precise := v.pos(e)
		// What is referred to is validated again at each place that refers to it.
		cause := pos.String() + " " + leaf(e).Error()
		if !precise {
			cause = e.Error()
		}
		if seen[cause] {
			continue
		}
		seen[cause] = true
		if len(out) == maxProblems {
			more++
			continue
		}
		out = append(out, openapi.Problem{Pos: pos, Message: message(e)})
	}
	if more > 0 {
		out = append(out, openapi.Problem{Pos: v.start(), Message: fmt.Sprintf("%d more problems of this document are not listed", more)})
	}
	return out
}

// leaf is the innermost error.
func leaf(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// message is an error without the schema and the value that it is about.
func message(err error) string {
	text := err.Error()
	var s *openapi3.SchemaError
	if errors.As(err, &s) {
		text = strings.Replace(text, s.Error(), s.Reason, 1)
	}
	return brief(errors.New(text))
}

// pos is where an error is: the place that the library noted for the innermost part, or else
// the place of the path, method or component that the error names.
func (v *validation) pos(err error) (at catalogs.Pos, precise bool) {
	var origin *openapi3.Origin
	var fields []string
	var tokens []string
	for e := err; e != nil; e = errors.Unwrap(e) {
		tokens = append(tokens, v.context(e)...)
		if path := wrongPath(e); path != "" { // the library has only the place of all paths
			return v.files.locate([]string{"paths", path}), true
		}
		s := reflect.Indirect(reflect.ValueOf(e))
		if s.Kind() != reflect.Struct {
			continue
		}
		if o, ok := member(s, "Origin").(*openapi3.Origin); ok && o != nil {
			origin, fields = o, nil
		}
		if f, ok := member(s, "Field").(string); ok {
			fields = append(fields, f[strings.LastIndexByte(f, '.')+1:])
		}
		if f, ok := member(s, "Fields").([]string); ok {
			fields = append(fields, f...)
		}
		if _, ok := e.(*openapi3.SchemaTypeError); ok {
			fields = append(fields, "type")
		}
	}
	if origin == nil || origin.Key == nil {
		return v.files.locate(tokens), false
	}
	for _, f := range fields {
		if l, ok := origin.Fields.Lookup(f); ok {
			return v.place(&l, origin.Key.File), true
		}
	}
	return v.place(origin.Key, ""), true
}

// wrongPath is the path that an error is about, where it is the path itself.
func wrongPath(err error) string {
	switch e := err.(type) {
	case *openapi3.ConflictingPathsError:
		return e.Path1
	case *openapi3.PathMustStartWithSlashError:
		return e.Path
	}
	return ""
}

func member(s reflect.Value, name string) any {
	if f := s.FieldByName(name); f.IsValid() && f.CanInterface() {
		return f.Interface()
	}
	return nil
}

// context is what an error says of its place: tokens of a pointer.
func (v *validation) context(err error) []string {
	switch e := err.(type) {
	case *openapi3.SectionValidationError:
		return []string{e.Section}
	case *openapi3.PathValidationError:
		return []string{e.Path}
	case *openapi3.OperationValidationError:
		return []string{strings.ToLower(e.Method)}
	case *openapi3.ComponentValidationError:
		return []string{componentField(e.Section), e.Name}
	case *openapi3.PathParametersError:
		return []string{e.Path, strings.ToLower(e.Method)}
	case *openapi3.WebhookValidationError:
		return []string{e.Name}
	}
	return nil
}

// componentField is the field of components for a kind of them: "schema" is in "schemas".
func componentField(kind string) string {
	words := strings.Fields(kind)
	for i, w := range words[min(1, len(words)):] {
		words[i+1] = strings.ToUpper(w[:1]) + w[1:]
	}
	name := strings.Join(words, "")
	if strings.HasSuffix(name, "y") {
		return strings.TrimSuffix(name, "y") + "ies"
	}
	return strings.TrimSuffix(name, "s") + "s"
}

func (v *validation) place(l *openapi3.Location, file string) catalogs.Pos {
	if l.File != "" {
		file = l.File
	}
	if text, err := url.PathUnescape(file); err == nil {
		file = text
	}
	return catalogs.Pos{File: v.files.shown(file), Line: max(1, l.Line), Column: max(1, l.Column)}
}

// unloadable says what keeps the library from loading a document: each part that has another
// form than the specification gives it, or each reference that leads nowhere.
func (v *validation) unloadable(root map[string]any, err error) []openapi.Problem {
	out := v.misfits(root)
	if len(out) == 0 {
		out = v.lostReferences()
	}
	if len(out) == 0 {
		out = []openapi.Problem{{Pos: v.start(), Message: brief(err)}}
	}
	if len(out) > maxProblems {
		out = append(out[:maxProblems], openapi.Problem{Pos: v.start(), Message: fmt.Sprintf("%d more problems of this document are not listed", len(out)-maxProblems)})
	}
	return append(out, openapi.Problem{Pos: v.start(), Message: "the rest of the document was not validated: it can be when the other problems are fixed"})
}

// forms are the kinds of parts that can be told apart, by the field that holds them by name.
var forms = []struct {
	at   []string
	part func() any
}{
	{[]string{"components", "schemas"}, func() any { return new(openapi3.SchemaRef) }},
	{[]string{"components", "parameters"}, func() any { return new(openapi3.ParameterRef) }},
	{[]string{"components", "headers"}, func() any { return new(openapi3.HeaderRef) }},
	{[]string{"components", "requestBodies"}, func() any { return new(openapi3.RequestBodyRef) }},
	{[]string{"components", "responses"}, func() any { return new(openapi3.ResponseRef) }},
	{[]string{"components", "securitySchemes"}, func() any { return new(openapi3.SecuritySchemeRef) }},
	{[]string{"components", "examples"}, func() any { return new(openapi3.ExampleRef) }},
	{[]string{"components", "links"}, func() any { return new(openapi3.LinkRef) }},
	{[]string{"components", "callbacks"}, func() any { return new(openapi3.CallbackRef) }},
	{[]string{"paths"}, func() any { return new(openapi3.PathItem) }},
	{[]string{"webhooks"}, func() any { return new(openapi3.PathItem) }},
}

// misfits are the parts that have another form than the specification gives them.
func (v *validation) misfits(root map[string]any) []openapi.Problem {
	var out []openapi.Problem
	add := func(tokens []string, err error) {
		out = append(out, openapi.Problem{Pos: v.files.locate(tokens), Message: strings.Join(tokens, " ") + ": " + form(err)})
	}
	for _, f := range forms {
		parts := asMap(at(root, f.at))
		for _, name := range sorted(parts) {
			if f.at[0] == "paths" && strings.HasPrefix(name, "x-") {
				continue
			}
			tokens := append(f.at[:len(f.at):len(f.at)], name)
			err := decode(parts[name], f.part())
			if _, isItem := f.part().(*openapi3.PathItem); err == nil || !isItem {
				if err != nil {
					add(tokens, err)
				}
				continue
			}
			before := len(out)
			for _, method := range sorted(asMap(parts[name])) {
				if op := asMap(parts[name])[method]; asMap(op) != nil {
					if err := decode(op, new(openapi3.Operation)); err != nil && !strings.HasPrefix(method, "x-") {
						add(append(tokens[:len(tokens):len(tokens)], method), err)
					}
				}
			}
			if len(out) == before {
				add(tokens, err)
			}
		}
	}
	for field, part := range map[string]any{"info": new(openapi3.Info), "servers": new(openapi3.Servers), "security": new(openapi3.SecurityRequirements), "tags": new(openapi3.Tags)} {
		if value, ok := root[field]; ok {
			if err := decode(value, part); err != nil {
				add([]string{field}, err)
			}
		}
	}
	return out
}

func decode(v, into any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// form is an error of decoding in the words of documents.
func form(err error) string {
	var bad *json.UnmarshalTypeError
	if errors.As(err, &bad) {
		where := bad.Field
		if where == "" {
			where = "it"
		}
		return fmt.Sprintf("%s is a JSON %s, which the specification does not allow here", where, bad.Value)
	}
	return brief(errors.New(strings.NewReplacer("openapi3.", "", "json: ", "", "Bis", "").Replace(err.Error())))
}

// lostReferences are the references that lead nowhere, one for each target.
func (v *validation) lostReferences() []openapi.Problem {
	var out []openapi.Problem
	seen := map[string]bool{}
	for _, name := range sorted(v.files.byName) {
		f := v.files.byName[name]
		v.files.references(name, f.value, nil, func(tokens []string, ref string) {
			if why := v.files.lost(name, ref); why != "" && !seen[name+" "+ref] {
				seen[name+" "+ref] = true
				out = append(out, openapi.Problem{Pos: v.files.locateIn(name, append(tokens, "$ref")), Message: fmt.Sprintf("$ref %q: %s", ref, why)})
			}
		})
	}
	return out
}

// base is the name of a file below the root of the caller's files.
func base(file string, opts openapi.Options) string {
	dir := opts.Dir
	if dir == "" {
		dir = "."
	}
	return path.Join(dir, path.Base(filepath.ToSlash(file)))
}
