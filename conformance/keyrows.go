package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// keyRows are the rows of the catalog with which the API's own keys are managed; -1 where
// there is no such row. They are told by the last word of their path.
type keyRows struct{ list, create, get, edit, remove int }

var keyWord = regexp.MustCompile(`(?i)^((api|access|auth|service)[-_]?)?(keys?|tokens?|credentials?)$`)

// keyRows finds the rows that manage keys.
func (p *Plan) keyRows() keyRows {
	out := keyRows{-1, -1, -1, -1, -1}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil {
			continue
		}
		parts := strings.Split(strings.TrimPrefix(r.Path, "/"), "/")
		last := parts[len(parts)-1]
		inner := strings.HasPrefix(last, "{") && strings.HasSuffix(last, "}") && len(parts) > 1
		word := last
		if inner {
			word = parts[len(parts)-2]
		}
		if !keyWord.MatchString(word) || len(r.Params()) > 1 || !inner && len(r.Params()) > 0 {
			continue
		}
		set := func(to *int) {
			if *to < 0 {
				*to = i
			}
		}
		switch {
		case !inner && r.Method == http.MethodGet && r.Reads:
			set(&out.list)
		case !inner && r.Method == http.MethodPost && !r.Reads:
			set(&out.create)
		case inner && r.Method == http.MethodGet && r.Reads:
			set(&out.get)
		case inner && (r.Method == http.MethodPatch || r.Method == http.MethodPut && out.edit < 0):
			out.edit = i
		case inner && r.Method == http.MethodDelete:
			set(&out.remove)
		}
	}
	return out
}

// manager returns a key that a row admits and that holds as little as may be, and the
// permissions that it lacks; -1 when every key that is admitted holds all.
func (p *planner) manager(row int) (int, perm.Set) {
	if !p.fixed {
		for _, grant := range p.Rows[row].Need.Boundary(p.Universe).Admitted {
			if lacks := p.lacks(grant); len(lacks) > 0 {
				return p.mint(grant), lacks
			}
		}
		return -1, nil
	}
	best := -1
	for i, k := range p.Keys {
		if k.Kind == ValidKey && !k.Narrowed() && p.expect(row, i) == Admit && len(p.lacks(k.Grants)) > 0 &&
			(best < 0 || len(k.Grants) < len(p.Keys[best].Grants)) {
			best = i
		}
	}
	if best < 0 {
		return -1, nil
	}
	return best, p.lacks(p.Keys[best].Grants)
}

// lacks lists the permissions that a grant does not amount to.
func (p *Plan) lacks(grant perm.Set) perm.Set { return p.Universe.Minus(p.implications.Close(grant)) }

// A keyForm is how the API writes a key's grants, as its list of keys shows.
type keyForm struct {
	member string // of a key, which holds its grants
	joined string // what stands between them where that is a text; "": it is a list
}

// json is a grant as the API writes it.
func (f keyForm) json(grant perm.Set) any {
	if f.joined == "" {
		return append(perm.Set{}, grant...)
	}
	texts := make([]string, len(grant))
	for i, g := range grant {
		texts[i] = string(g)
	}
	return strings.Join(texts, f.joined)
}

// held reads a key's grants.
func (f keyForm) held(key map[string]any) []perm.Permission {
	var out []perm.Permission
	switch v := key[f.member].(type) {
	case []any:
		for _, item := range v {
			out = append(out, perm.Permission(scalar(item)))
		}
	case string:
		for _, text := range strings.Split(v, f.joined) {
			out = append(out, perm.Permission(text))
		}
	}
	return out
}

// keyForm learns from the keys that the full key is shown how grants are written.
func (l *Lab) keyForm(keys []Item) (keyForm, error) {
	for _, it := range keys {
		for _, name := range sortedNames(it.Fields) {
			for _, joined := range []string{"", " ", ",", ", "} {
				if _, isText := it.Fields[name].(string); isText == (joined == "") {
					continue
				}
				f := keyForm{name, joined}
				if held := f.held(it.Fields); len(held) > 0 && !slices.ContainsFunc(held, func(g perm.Permission) bool {
					_, known := l.Catalog.Canonical(g)
					return !known
				}) {
					return f, nil
				}
			}
		}
	}
	return keyForm{}, errors.New("no key in the list of keys shows grants that are permissions of the catalog")
}

// keyNamed returns the key of a list that has a name as one of its members.
func keyNamed(keys []Item, name string) (Item, bool) {
	for _, it := range keys {
		for _, member := range it.Fields {
			if scalar(member) == name {
				return it, true
			}
		}
	}
	return Item{}, false
}

// readKey reads one key as the full key is shown it: by its id where the catalog has such a
// row, else from the list.
func (l *Lab) readKey(ctx context.Context, rec *Record, label string, rows keyRows, by Sender, id string) (Item, error) {
	if rows.get >= 0 {
		path, err := fill(l.Plan.Rows[rows.get].Path, oneParam(&l.Plan.Rows[rows.get], id))
		if err != nil {
			return Item{}, err
		}
		a := l.Send(ctx, rec, Call{Label: label, Method: http.MethodGet, Path: path, By: by})
		key, ok := a.JSON().(map[string]any)
		if !a.OK() || !ok {
			return Item{}, fmt.Errorf("%s: answered %d", label, a.Status)
		}
		for _, name := range containers {
			if inner, ok := key[name].(map[string]any); ok {
				key = inner
			}
		}
		return Item{id, key}, nil
	}
	keys, err := l.List(ctx, rec, label, rows.list, by, "")
	if err != nil {
		return Item{}, err
	}
	for _, it := range keys.Items {
		if it.ID == id {
			return it, nil
		}
	}
	return Item{}, fmt.Errorf("%s: the list does not show the key", label)
}

func oneParam(r *Row, id string) map[string]string {
	values := map[string]string{}
	for _, name := range r.Params() {
		values[name] = id
	}
	return values
}

// makeKey makes a key with the API's own row, which the full key may call, and owes it. It
// returns the answer too; the id is empty where the server refused.
func (l *Lab) makeKey(ctx context.Context, rec *Record, label string, rows keyRows, by, full Sender, form keyForm, grant perm.Set) (id string, a *Answer, err error) {
	name := l.Mark()
	a, err = l.keyCall(ctx, rec, label, rows.create, "", by, map[string]any{"name": name, form.member: form.json(grant)})
	if err != nil || !a.OK() {
		return "", a, err
	}
	item := a.JSON()
	for _, inner := range append([]string{"key", "token", "credential"}, containers...) {
		if m, ok := item.(map[string]any); ok {
			if in, ok := m[inner].(map[string]any); ok {
				item = in
			}
		}
	}
	if m, ok := item.(map[string]any); ok {
		id = l.dialect().id(m)
	}
	if id == "" {
		keys, err := l.List(ctx, rec, label+", looked for", rows.list, full, "")
		if err != nil {
			return "", a, err
		}
		it, ok := keyNamed(keys.Items, name)
		if !ok {
			return "", a, fmt.Errorf("%s: the key that was made is not in the list", label)
		}
		id = it.ID
	}
	return id, a, l.oweKey(rows, id, name)
}

// holdsAny reports whether a key in a list holds one of some permissions.
func holdsAny(f keyForm, key Item, of perm.Set) bool {
	return slices.ContainsFunc(f.held(key.Fields), func(g perm.Permission) bool { return slices.Contains(of, g) })
}

// keyCall sends a request that makes or changes a key.
func (l *Lab) keyCall(ctx context.Context, rec *Record, label string, row int, id string, by Sender, body map[string]any) (*Answer, error) {
	r := &l.Plan.Rows[row]
	path, err := fill(r.Path, oneParam(r, id))
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return l.Send(ctx, rec, Call{Label: label, Method: r.Method, Path: path, By: by, Body: data}), nil
}

// oweKey sees to it that a key which the API made is taken away at the end of the run.
func (l *Lab) oweKey(rows keyRows, id, name string) error {
	path := l.Plan.Rows[rows.create].Path + "/" + url.PathEscape(id)
	return l.debts.owe(Made{Kind: "object", Path: path, Name: name}, func(ctx context.Context) error {
		if rows.remove < 0 {
			return errors.New("the catalog has no row that deletes a key")
		}
		return l.remove(ctx, rows.remove, path)
	})
}
