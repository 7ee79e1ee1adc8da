package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/permcheck/permcheck/catalogs"
)

// A maker finds ids for path parameters that nobody states, and makes objects for requests to
// act on. What it makes it owes: it is taken away at the end of the run.
type maker struct {
	lab *Lab

	mu    sync.Mutex
	found map[string]*foundID
}

type foundID struct {
	once sync.Once
	id   string
	err  error
}

// maxNesting bounds how far the ids of lists of lists are looked for.
const maxNesting = 4

// errNoObject says that nothing shows an id.
var errNoObject = errors.New("no object")

// resolve adds to given a value for each parameter of a row's path that has none. For a row
// that writes the last one is an object made for this one request where that is possible,
// and the ones above it are made once for the run. Writes that are only sent to objects of the
// run's own, or that would end what is there, take a stated value for the last one only where it
// is spare.
func (m *maker) resolve(ctx context.Context, row *Row, key int, write bool, given Params) (Params, error) {
	names := row.Params()
	out := Params{Values: map[string]string{}, Shared: given.Shared, Expendable: given.Expendable, Spare: given.Spare}
	o := wanted{row: row, key: key, write: write && m.mayWrite(), given: given}
	if o.write {
		if o.ends = m.lab.Plan.needsOwn(row); o.ends != nil && len(names) == 0 {
			return out, o.ends
		}
		o.own = o.ends != nil || m.lab.run.target.Writes == WritesDisposable
	}
	stated, made := 0, 0
	for i, name := range names {
		if v := given.Values[name]; v != "" && (!o.own || i < len(names)-1 || given.spare(name)) {
			out.Values[name] = v
			stated++
		}
	}
	if stated == len(names) && stated > 0 {
		return out, nil
	}
	for i, name := range names {
		if out.Values[name] != "" {
			continue
		}
		isMade, err := m.value(ctx, &o, i, &out)
		switch {
		case err != nil:
			return out, err
		case isMade:
			made++
		case given.Values[name] != "":
			stated++
		}
	}
	if write {
		out.Expendable = stated+made == len(names) && (stated == 0 || given.Expendable) &&
			(m.lab.Plan.deleter(row) >= 0 || len(names) > 0 && !m.lab.Plan.collects(row))
	}
	return out, nil
}

// A wanted is what values are looked for, for one request.
type wanted struct {
	row   *Row
	key   int // that sends it; -1: nobody in particular
	write bool
	own   bool  // the last object is to be one of the run's own, if one can be made
	ends  error // why it must be one of the run's own or spare; nil: it need not be
	given Params
}

// value puts a value for the i-th parameter of a path, which has none yet, into out: of an object
// that is made, the one that is stated, or that of an object which is there. Without any the
// parameter stays empty, and fill says what to state.
func (m *maker) value(ctx context.Context, o *wanted, i int, out *Params) (made bool, err error) {
	names := o.row.Params()
	name, last := names[i], i == len(names)-1
	prefix, ok := o.row.collection(name)
	if ok && o.write {
		id, err := m.makeFor(ctx, o.row, prefix, o.key, out.Values, !last)
		if err == nil {
			out.Values[name] = id
			out.Shared = out.Shared && !last
			return true, nil
		}
		if !errors.Is(err, errNoObject) && o.own && (last || m.lab.run.target.Writes == WritesDisposable) {
			return false, err
		}
	}
	switch v := o.given.Values[name]; {
	case o.ends != nil && last:
		return false, o.ends
	case v != "":
		out.Values[name] = v
		return false, nil
	case !ok:
		return false, nil
	}
	id, err := m.find(ctx, o.row, prefix, name, last, o.key, out.Values, 0)
	if err != nil && !o.write && m.mayWrite() && errors.Is(err, errNoObject) {
		id, err = m.makeFor(ctx, o.row, prefix, o.key, out.Values, true) // once for the run
	}
	if errors.Is(err, errNoObject) {
		return false, nil
	}
	out.Values[name] = id
	return false, err
}

func (m *maker) mayWrite() bool {
	return m.lab.run.target.Writes.sends()
}

// before is the part of a template that stands before a parameter which is a whole segment.
func before(template, name string) (string, bool) {
	for _, p := range []string{"/{" + name + "}", "/{" + name + "...}"} {
		if i := strings.Index(template, p); i >= 0 && (i+len(p) == len(template) || template[i+len(p)] == '/') {
			return template[:i], true
		}
	}
	return "", false
}

// find reads the id of an object that is there: from the list at the path before the
// parameter, from a list of the object that the row gets, or from one whose name goes with
// the parameter's.
func (m *maker) find(ctx context.Context, row *Row, prefix, name string, last bool, key int, values map[string]string, depth int) (string, error) {
	if depth > maxNesting {
		return "", errNoObject
	}
	p := m.lab.Plan
	var lists []int
	if i := m.lab.Plan.rowFor(http.MethodGet, prefix); i >= 0 && p.Rows[i].Reads {
		lists = append(lists, i)
	}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || !r.Reads || r.Method != http.MethodGet || r.Endpoint == row.Endpoint || p.StrongestKey(r.Endpoint) < 0 || slices.Contains(lists, i) {
			continue
		}
		if last && strings.HasSuffix(row.Path, "}") && row.Endpoint.Gets != "" && r.Endpoint.Lists == row.Endpoint.Gets ||
			goesWith(name, prefix, r) {
			lists = append(lists, i)
		}
	}
	var failed error = errNoObject
	for n, i := range lists {
		path := ""
		var err error
		if n == 0 && catalogs.EndpointKey("", p.Rows[i].Path) == catalogs.EndpointKey("", prefix) {
			path, err = fill(prefix, values)
		} else if params := p.Rows[i].Params(); len(params) == 0 {
			path = p.Rows[i].Path
		} else {
			var up Params
			if up, err = m.above(ctx, &p.Rows[i], depth+1); err == nil {
				path, err = fill(p.Rows[i].Path, up.Values)
			}
		}
		if err != nil {
			continue
		}
		by := p.StrongestKey(p.Rows[i].Endpoint)
		// A key whose records are limited is asked about one that it sees.
		if row.Limits && key >= 0 && p.Keys[key].Kind == ValidKey && p.Rows[i].Need.Admits(p.Keys[key].Grants) {
			by = key
		}
		id, err := m.first(ctx, i, path, by)
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, errNoObject) {
			failed = fmt.Errorf("reading an id from %s: %w", &p.Rows[i], err)
		}
	}
	return "", failed
}

// above finds values for the parameters of a list.
func (m *maker) above(ctx context.Context, row *Row, depth int) (Params, error) {
	out := Params{Values: map[string]string{}}
	given, err := m.lab.run.stated(ctx, row, false)
	if err != nil {
		return out, err
	}
	for _, name := range row.Params() {
		if v := given.Values[name]; v != "" {
			out.Values[name] = v
			continue
		}
		prefix, ok := before(row.Path, name)
		if !ok {
			return out, errNoObject
		}
		id, err := m.find(ctx, row, prefix, name, false, -1, out.Values, depth)
		if err != nil {
			return out, err
		}
		out.Values[name] = id
	}
	return out, nil
}

// first is the id of the first object of a list, read once for each key.
func (m *maker) first(ctx context.Context, row int, path string, key int) (string, error) {
	k := fmt.Sprint(path, " ", key)
	m.mu.Lock()
	f := m.found[k]
	if f == nil {
		f = &foundID{}
		m.found[k] = f
	}
	m.mu.Unlock()
	f.once.Do(func() {
		a := m.lab.Send(ctx, nil, Call{Method: http.MethodGet, Path: path, By: m.lab.As(key), row: row + 1})
		switch {
		case a.Err != nil:
			f.err = a.Err
		case !a.OK():
			f.err = fmt.Errorf("it answered %d", a.Status)
		default:
			f.err = errNoObject
			for _, item := range m.lab.dialect().list(a.JSON()) {
				if f.id = m.lab.dialect().id(item); f.id != "" {
					f.err = nil
					break
				}
			}
		}
	})
	return f.id, f.err
}

// goesWith reports whether a list is one of the things that a parameter names: {positionId}
// goes with GET /positions, {id} after /positions/ too.
func goesWith(param, prefix string, list *Row) bool {
	stem := param
	for _, end := range []string{"Id", "_id", "Uid", "_uid", "Uuid", "_uuid", "ID", "-id", "Key", "_key"} {
		stem = strings.TrimSuffix(stem, end)
	}
	if slices.Contains([]string{"id", "uid", "uuid", "key", "slug", ""}, strings.ToLower(stem)) {
		stem = prefix[strings.LastIndexByte(prefix, '/')+1:]
	}
	if stem == "" || strings.ContainsAny(stem, "{}") {
		return false
	}
	thing := list.Path[strings.LastIndexByte(list.Path, '/')+1:]
	if strings.ContainsAny(thing, "{}") {
		return false
	}
	return singular(stem) == singular(thing) || list.Endpoint.Lists != "" && singular(stem) == singular(list.Endpoint.Lists)
}

// singular is a word without what makes it plural, its case and its joints.
func singular(word string) string {
	word = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' {
			return -1
		}
		return unicode.ToLower(r)
	}, word)
	switch {
	case strings.HasSuffix(word, "ies") && len(word) > 4:
		return word[:len(word)-3] + "y"
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss"):
		return word[:len(word)-1]
	}
	return word
}

// makeFor makes an object in the collection at a prefix and returns its id; shared: one for
// the whole run.
func (m *maker) makeFor(ctx context.Context, row *Row, prefix string, key int, values map[string]string, shared bool) (string, error) {
	post := m.lab.Plan.rowFor(http.MethodPost, prefix)
	if post < 0 || m.lab.Plan.Rows[post].Reads {
		return "", errNoObject
	}
	path, err := fill(prefix, values)
	if err != nil {
		return "", errNoObject
	}
	strongest := m.lab.Plan.StrongestKey(m.lab.Plan.Rows[post].Endpoint)
	by := strongest
	if row.Limits && !shared && key >= 0 && m.lab.Plan.Keys[key].Kind == ValidKey && m.lab.Plan.Rows[post].Need.Admits(m.lab.Plan.Keys[key].Grants) {
		by = key // it may see only what it made
	}
	if !shared {
		id, err := m.make(ctx, post, path, by)
		if err != nil && by != strongest {
			id, err = m.make(ctx, post, path, strongest)
		}
		return id, err
	}
	k := "made " + path
	m.mu.Lock()
	f := m.found[k]
	if f == nil {
		f = &foundID{}
		m.found[k] = f
	}
	m.mu.Unlock()
	f.once.Do(func() { f.id, f.err = m.make(ctx, post, path, by) })
	return f.id, f.err
}

// make makes an object and owes it.
func (m *maker) make(ctx context.Context, post int, path string, by int) (string, error) {
	p := m.lab.Plan
	row := &p.Rows[post]
	if m.lab.run.target.Writes == WritesDisposable && m.lab.Plan.deleter(row) < 0 {
		return "", leaveOut("the catalog has no DELETE that would take away what is made with %s", row)
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	// What is made must be known: the end of the run waits for the answer.
	ctx = context.WithoutCancel(ctx)
	mark := m.lab.Mark()
	a := m.lab.Send(ctx, nil, Call{Method: http.MethodPost, Path: path, By: m.lab.As(by), Body: m.lab.run.body(row, mark)})
	switch {
	case a.Err != nil:
		return "", fmt.Errorf("making an object with %s: %w", row, a.Err)
	case !a.OK():
		return "", fmt.Errorf("making an object: %s answered %d to the key %s; give a body that it takes under bodies: in the profile or with --openapi",
			row, a.Status, p.Keys[by].Name)
	}
	id := m.idOf(a)
	if id == "" {
		return "", fmt.Errorf("making an object: the answer of %s does not show its id (dialect: id: in the profile)", row)
	}
	return id, m.owe(row, path, id, mark)
}

// idOf is the id of the object that an answer to a create shows, or names in Location.
func (m *maker) idOf(a *Answer) string {
	d := m.lab.dialect()
	if top, ok := a.JSON().(map[string]any); ok {
		if id := d.id(top); id != "" {
			return id
		}
		for _, name := range append([]string{"data", "item", "result", "object"}, sortedNames(top)...) {
			if inner, ok := top[name].(map[string]any); ok {
				if id := d.id(inner); id != "" {
					return id
				}
			}
		}
	}
	if u, err := url.Parse(a.Header.Get("Location")); err == nil && u.Path != "" {
		return u.Path[strings.LastIndexByte(u.Path, '/')+1:]
	}
	return ""
}

// owe notes an object that was made in the collection at a path.
func (m *maker) owe(row *Row, path, id, mark string) error {
	made := Made{Kind: "object", ID: id, Path: path + "/" + url.PathEscape(id), Name: mark}
	del := m.lab.Plan.deleter(row)
	if del >= 0 && catalogs.EndpointKey("", m.lab.Plan.Rows[del].Path) != catalogs.EndpointKey("", row.Path+"/{id}") {
		at := &m.lab.Plan.Rows[del]
		var err error
		if made.Path, err = fill(at.Path, map[string]string{at.Params()[0]: id}); err != nil {
			return err
		}
	}
	return m.lab.debts.owe(made, func(ctx context.Context) error {
		if del < 0 {
			return fmt.Errorf("the catalog has no DELETE of %s", made.Path)
		}
		return m.lab.remove(ctx, del, made.Path)
	})
}

// remove deletes what the run made. What is gone already is removed.
func (l *Lab) remove(ctx context.Context, row int, path string) error {
	a := l.send(ctx, &Call{Method: http.MethodDelete, Path: path, By: l.As(l.Plan.StrongestKey(l.Plan.Rows[row].Endpoint)), free: true})
	if a.Err != nil {
		return a.Err
	}
	if !a.OK() && a.Status != http.StatusNotFound && a.Status != http.StatusGone {
		return fmt.Errorf("DELETE %s answered %d", path, a.Status)
	}
	return nil
}

// nameMembers are members that hold a text which the client chooses, where a mark can stand.
var nameMembers = []string{"name", "title", "label", "description", "note", "notes", "subject", "text", "comment", "summary", "first_name", "last_name"}

// body is the body of a request that writes: the one that is stated for the row, or a minimal
// one. It carries the mark.
func (r *runner) body(row *Row, mark string) []byte {
	stated, ok := r.target.Bodies[catalogs.EndpointKey(row.Method, row.Path)]
	if !ok {
		data, _ := json.Marshal(map[string]string{"name": mark}) // two strings
		return data
	}
	marked := false
	v := replaceText(stated, "$mark", mark, &marked)
	if m, isMap := v.(map[string]any); isMap && !marked {
		for _, name := range nameMembers {
			if _, isText := m[name].(string); isText {
				m[name] = mark
				break
			}
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return []byte("{}") // stated bodies come from YAML and JSON
	}
	return data
}

// replaceText returns a copy of a JSON value in whose texts old is replaced.
func replaceText(v any, old, text string, done *bool) any {
	switch v := v.(type) {
	case string:
		if strings.Contains(v, old) {
			*done = true
		}
		return strings.ReplaceAll(v, old, text)
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = replaceText(member, old, text, done)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = replaceText(v[i], old, text, done)
		}
		return out
	}
	return v
}

// A Fresh is a request that writes: an object made for it, and a body with a mark that
// nothing else has.
type Fresh struct {
	Path string
	Body []byte // nil for DELETE
	Mark string

	shared bool // other requests act on the same object
}

// Fresh prepares a request of a row that writes, as a key of the plan sends it. The policy for
// writes is kept: what may not be touched leaves the question out.
func (l *Lab) Fresh(ctx context.Context, row, key int) (Fresh, error) {
	r := &l.Plan.Rows[row]
	used := l.run.inUse(ctx, r)
	params, err := l.run.paramsFor(ctx, row, key, true)
	if err != nil {
		return Fresh{}, err
	}
	if l.run.target.Writes == WritesDisposable && !params.Expendable {
		return Fresh{}, leaveOut("the object is not expendable (--writes disposable)")
	}
	path, err := fill(r.Path, params.Values)
	if err != nil {
		return Fresh{}, err
	}
	if err := r.takes(path, used); err != nil {
		return Fresh{}, err
	}
	f := Fresh{Path: path, Mark: l.Mark(), shared: params.Shared}
	if r.Method != http.MethodDelete {
		f.Body = l.run.body(r, f.Mark)
	}
	return f, nil
}

// Owe notes the object that an admitted create made, so that it is taken away at the end.
func (l *Lab) Owe(row int, f Fresh, a *Answer) error {
	if r := &l.Plan.Rows[row]; a.OK() && (l.Plan.deleter(r) >= 0 || l.Plan.collects(r)) && !l.run.target.Reference {
		if id := l.run.maker.idOf(a); id != "" {
			return l.run.maker.owe(r, f.Path, id, f.Mark)
		}
	}
	return nil
}

// MayWrite returns an error that leaves a script out where the policy for writes forbids one of
// its requests. own says that the script or the run made the object which it is about, or may
// change it; row is -1 where the catalog has no such row.
func (l *Lab) MayWrite(ctx context.Context, row int, own bool) error {
	if l.run.target.Writes != WritesDisposable {
		return nil // with none the script is not performed
	}
	if row >= 0 && len(l.Plan.Rows[row].Params()) == 0 {
		params, err := l.run.paramsFor(ctx, row, -1, true)
		if err != nil {
			return err
		}
		own = params.Expendable
	}
	if row < 0 || !own {
		return leaveOut("the object is not expendable (--writes disposable)")
	}
	return nil
}

// Made notes what an admitted create of a script made, so that it is taken away at the end, and
// returns its id; empty: the answer does not say.
func (l *Lab) Made(row int, path string, a *Answer) (id string, err error) {
	if !a.OK() || l.Plan.Rows[row].Method != http.MethodPost {
		return "", nil
	}
	return l.run.maker.idOf(a), l.Owe(row, Fresh{Path: path, Mark: l.Mark()}, a)
}

// PathFor is the path of a row that reads, about objects that a key of the plan sees.
func (l *Lab) PathFor(ctx context.Context, row, key int) (string, error) {
	params, err := l.run.paramsFor(ctx, row, key, false)
	if err != nil {
		return "", err
	}
	return fill(l.Plan.Rows[row].Path, params.Values)
}
