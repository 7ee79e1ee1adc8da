package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// guardedField is a field of the catalog that needs a permission of its own, and that
// permission with what implies it.
type guardedField struct {
	*catalogs.Field
	need perm.Requirement
}

// guardedFields lists the fields that need a permission.
func (p *planner) guardedFields() []guardedField {
	var out []guardedField
	for i := range p.catalog.Fields {
		f := &p.catalog.Fields[i]
		if f.Requires == nil || f.Name == "*" {
			continue
		}
		need, _ := p.catalog.CanonicalRequirement(*f.Requires)
		if need, err := p.implications.Expand(need); err == nil {
			out = append(out, guardedField{f, need})
		}
	}
	return out
}

// askWrites asks, for each guarded field of an object, about rows that write the object, with a
// key that may send the request and lacks the field's permission. at says whether a row is about
// the object, as the row that reads the same path tells. Of the rows of one method that are
// about one object the first stands for all, unless the depth is exhaustive.
func (p *planner) askWrites(methods []string, at func(read *catalogs.Endpoint) string) {
	full := p.full()
	if full < 0 {
		return
	}
	taken := map[string]bool{}
	for _, f := range p.guardedFields() {
		gets := p.getting(f.Object)
		if len(gets) == 0 || p.expect(gets[0], full) != Admit {
			continue
		}
		for i := range p.Rows {
			r := &p.Rows[i]
			if r.Endpoint == nil || r.Reads || !slices.Contains(methods, r.Method) || p.objectAt(r, at) != f.Object || p.expect(i, full) != Admit {
				continue
			}
			group := f.Object + "." + f.Name + " " + r.Method
			if taken[group] && !p.exhaustive {
				p.leave()
				continue
			}
			if key := p.holderWithout(i, f.need); key >= 0 {
				taken[group] = true
				p.ask(Question{Row: i, Subject: "field:" + f.Object + "." + f.Name + " " + r.String(), Object: f.Object, Field: f.Name,
					Keys: []int{key, full}, Expect: Refuse, Base: []int{p.base(i, full), p.base(i, key), p.base(gets[0], full)}, Pos: f.Pos})
			}
		}
	}
}

// objectAt is the object that a row is about: what the read of its path says, else what the row
// is said to answer. "" when neither says.
func (p *Plan) objectAt(row *Row, at func(*catalogs.Endpoint) string) string {
	for i := range p.Rows {
		if r := &p.Rows[i]; r.Endpoint != nil && r.Method == http.MethodGet && at(r.Endpoint) != "" && sameCollection(r.Path, row.Path) {
			return at(r.Endpoint)
		}
	}
	return row.Endpoint.Gets
}

// Labels of what mass assignment tries, and facts that say whether the field then had the value.
const (
	fieldControl = "with the field, by the full key"
	fieldAttempt = "with the field, by a key that lacks its permission"
	fieldBefore  = "without the field"
)

// assign tries to write a field: as the full key, which must work, and as the question's first
// key.
func (l *Lab) assign(ctx context.Context, q *Question, rec *Record) error {
	full := l.As(q.Keys[1])
	value, err := l.otherValue(ctx, rec, q, full)
	if err != nil {
		return err
	}
	want := l.Hash(value)
	creates := l.Plan.Rows[q.Row].Method == http.MethodPost
	for _, try := range []struct {
		label string
		key   int
		set   bool
	}{{fieldControl, q.Keys[1], true}, {fieldBefore, q.Keys[0], false}, {fieldAttempt, q.Keys[0], true}} {
		f, err := l.Fresh(ctx, q.Row, try.key)
		if err != nil {
			return err
		}
		if try.set {
			if f.Body, err = withField(f.Body, q.Field, value); err != nil {
				return err
			}
		}
		a := l.Send(ctx, rec, Call{Label: try.label, Method: l.Plan.Rows[q.Row].Method, Path: f.Path, By: l.As(try.key), Body: f.Body})
		path := f.Path
		if creates {
			if err := l.Owe(q.Row, f, a); err != nil {
				return err
			}
			id := l.run.maker.idOf(a)
			if !a.OK() || id == "" {
				continue // nothing was made that could be read
			}
			if path, err = l.pathOf(q.Object, id); err != nil {
				return err
			}
		} else if row := &l.Plan.Rows[q.Row]; l.Plan.rowFor(http.MethodGet, row.Path) < 0 && strings.HasSuffix(row.Path, "}") {
			// It is written in one place and read in another.
			id, err := url.PathUnescape(f.Path[strings.LastIndexByte(f.Path, '/')+1:])
			if err != nil {
				return err
			}
			if path, err = l.pathOf(q.Object, id); err != nil {
				return err
			}
		}
		seen := l.Send(ctx, rec, Call{Label: "read, " + try.label, Method: http.MethodGet, Path: path, By: full})
		rec.Fact(try.label, fmt.Sprint(seen.OK() && l.Hash(member(inner(seen.JSON()), q.Field)) == want))
	}
	return nil
}

func decideAssign(_ *judge, _ *Question, rec *Record) (Verdict, string) {
	control, attempt := rec.Find(fieldControl), rec.Find(fieldAttempt)
	switch {
	case rec.Facts[fieldControl] != "true":
		return Inconclusive, fmt.Sprintf("the full key was answered %d and the field did not get the value either", control.Status)
	case rec.Facts[fieldBefore] == "true":
		return Inconclusive, "the field has the value without anybody writing it"
	case rec.Facts[fieldAttempt] == "true":
		return Fail, fmt.Sprintf("answered %d, and the field then has the value that was sent", attempt.Status)
	}
	return Pass, ""
}

// otherValue is a value that the field has in some record, so that it is of the right kind.
func (l *Lab) otherValue(ctx context.Context, rec *Record, q *Question, full Sender) (any, error) {
	for i := range l.Plan.Rows {
		r := &l.Plan.Rows[i]
		if r.Endpoint == nil || r.Endpoint.Lists != q.Object || r.Method != http.MethodGet || len(r.Params()) > 0 {
			continue
		}
		path, err := l.Path(ctx, i)
		if err != nil {
			return nil, err
		}
		a := l.Send(ctx, rec, Call{Label: "values of the field", Method: http.MethodGet, Path: path, By: full, row: i + 1})
		list := l.dialect().list(a.JSON())
		for _, item := range slices.Backward(list) {
			switch v := member(item, q.Field); v {
			case nil, "", false, json.Number("0"): // what it may hold without anybody's doing
			default:
				return v, nil
			}
		}
	}
	return nil, fmt.Errorf("no list shows the full key a value of the field")
}

// pathOf is the path at which an object is read by its id.
func (l *Lab) pathOf(object, id string) (string, error) {
	for i := range l.Plan.Rows {
		r := &l.Plan.Rows[i]
		if r.Endpoint != nil && r.Reads && r.Method == http.MethodGet && r.Endpoint.Gets == object && len(r.Params()) == 1 && strings.HasSuffix(r.Path, "}") {
			return fill(r.Path, oneParam(r, id))
		}
	}
	return "", fmt.Errorf("the catalog has no row that reads one %s by its id alone", object)
}

// inner is the object in an answer that wraps it in one member.
func inner(v any) any {
	top, _ := v.(map[string]any)
	for _, name := range append([]string{"item", "result", "object"}, containers...) {
		if in, ok := top[name].(map[string]any); ok {
			return in
		}
	}
	return v
}

// withField adds a member, which may be inside others as in users.lead, to a JSON object.
func withField(body []byte, field string, value any) ([]byte, error) {
	top := map[string]any{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &top); err != nil {
			return nil, fmt.Errorf("the body for the request is no JSON object: %w", err)
		}
	}
	at := top
	steps := strings.Split(field, ".")
	for _, step := range steps[:len(steps)-1] {
		next, _ := at[step].(map[string]any)
		next = maps.Clone(next)
		if next == nil {
			next = map[string]any{}
		}
		at[step], at = next, next
	}
	at[steps[len(steps)-1]] = value
	return json.Marshal(top)
}
