package openapi

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// An Extension says how a key of an operation names permissions.
type Extension struct {
	Name  string // such as "x-permission"
	Shape Shape
	Prose *regexp.Regexp // for Shape prose: its first group, else the match, is a permission
}

// Shape is the form in which an extension lists permissions.
type Shape string

// The shapes.
const (
	Text         Shape = "string"        // one permission
	AllOfList    Shape = "all-of-list"   // every permission of the list
	AnyOfList    Shape = "any-of-list"   // one of them; an entry may be {role, states}
	ListOfLists  Shape = "list-of-lists" // all of one inner list; a flat list means all of it
	OperatorList Shape = "operator-list" // {operator: AND, OR or OPEN, permissions: []}
	SchemeList   Shape = "scheme-list"   // [{scheme, state, scopes}]: all scopes of one entry
	Prose        Shape = "prose"         // text that a regular expression finds permissions in
	Ignore       Shape = "ignore"        // no permission: switches a default off
)

var shapes = []Shape{Text, AllOfList, AnyOfList, ListOfLists, OperatorList, SchemeList, Prose, Ignore}

// Defaults are the extensions that are read unless told otherwise: names whose
// meaning one vendor has published and that nobody is known to use differently.
var Defaults = []Extension{
	{Name: "x-permission", Shape: OperatorList},            // Datadog
	{Name: "x-pd-requires-scope", Shape: Text},             // PagerDuty
	{Name: "x-atlassian-oauth2-scopes", Shape: SchemeList}, // Atlassian
	{Name: "x-required-permission", Shape: Text},           // AccelByte
	{Name: "x-required-permissions", Shape: AllOfList},     // AccelByte
	{Name: "x-permissions", Shape: AnyOfList},              // AccelByte: [{role, states}]
	{Name: "x-exegesis-roles", Shape: ListOfLists},         // exegesis
	{Name: "x-rolesRequirements", Shape: AllOfList},        // bump.sh
}

// ParseExtension reads "NAME:SHAPE", for prose "NAME:prose:REGEXP".
func ParseExtension(text string) (Extension, error) {
	name, rest, ok := strings.Cut(text, ":")
	shape, pattern, _ := strings.Cut(rest, ":")
	e := Extension{Name: name, Shape: Shape(shape)}
	if !ok || name == "" {
		return e, fmt.Errorf("%q: expected NAME:SHAPE, such as x-permission:operator-list", text)
	}
	if !slices.Contains(shapes, e.Shape) {
		names := make([]string, len(shapes))
		for i, s := range shapes {
			names[i] = string(s)
		}
		return e, fmt.Errorf("%q: %q is not a shape: expected one of %s", text, shape, strings.Join(names, ", "))
	}
	if e.Shape == Prose {
		var err error
		if pattern == "" {
			return e, fmt.Errorf("%q: expected %s:prose:REGEXP, such as 'description:prose:scope .(\\w+)'", text, name)
		}
		if e.Prose, err = regexp.Compile(pattern); err != nil {
			return e, fmt.Errorf("%q: %w", text, err)
		}
	} else if pattern != "" {
		return e, fmt.Errorf("%q: nothing follows the shape %s", text, shape)
	}
	return e, nil
}

// withDefaults returns the extensions to read: own ones, then the defaults that
// they do not name.
func withDefaults(own []Extension) []Extension {
	out := slices.Clone(own)
	for _, d := range Defaults {
		if !slices.ContainsFunc(own, func(e Extension) bool { return e.Name == d.Name }) {
			out = append(out, d)
		}
	}
	return slices.DeleteFunc(out, func(e Extension) bool { return e.Shape == Ignore })
}

// A shapeError is a value that is not of its extension's shape.
type shapeError struct{ msg string }

func (e *shapeError) Error() string { return e.msg }

// misshapen says how a value differs from the shape, and how to say otherwise.
func (e *Extension) misshapen(how string) error {
	return &shapeError{fmt.Sprintf("%s is not of the shape %s: %s; where it means something else, name its shape as %s:SHAPE or switch it off as %s:%s",
		e.Name, e.Shape, how, e.Name, e.Name, Ignore)}
}

// read returns what the value demands; nil if it says nothing.
func (e *Extension) read(n node) (*perm.Requirement, error) {
	if n.kind() == null {
		return nil, nil
	}
	wrong := func(want string) (*perm.Requirement, error) {
		return nil, e.misshapen("expected " + want)
	}
	done := func(r perm.Requirement) (*perm.Requirement, error) { return &r, nil }
	switch e.Shape {
	case Prose:
		text, ok := n.text()
		if !ok {
			return wrong("text")
		}
		var ps []perm.Permission
		for _, m := range e.Prose.FindAllStringSubmatch(text, -1) {
			found := m[0]
			if len(m) > 1 {
				found = m[1]
			}
			if found != "" {
				ps = append(ps, perm.Permission(found))
			}
		}
		if len(ps) == 0 {
			return nil, nil
		}
		return done(perm.All(ps...))
	case Text:
		text, ok := n.text()
		if !ok {
			return wrong("text")
		}
		if text == "" {
			return done(perm.Public())
		}
		return done(perm.All(perm.Permission(text)))
	case OperatorList:
		op, _, err := n.get("operator")
		if err != nil {
			return nil, err
		}
		list, _, err := n.get("permissions")
		if err != nil {
			return nil, err
		}
		operator := ""
		if !op.isZero() {
			operator, _ = op.text()
		}
		var ps []perm.Permission
		if !list.isZero() {
			var ok bool
			if ps, ok, err = texts(list); err != nil {
				return nil, err
			} else if !ok {
				return wrong("permissions to be a list of texts")
			}
		}
		switch operator = strings.ToUpper(operator); {
		case operator == "OPEN":
			return done(perm.Public())
		case operator == "AND" && len(ps) > 0, operator == "" && len(ps) == 1:
			return done(perm.All(ps...))
		case operator == "AND" && !list.isZero():
			return done(perm.Public())
		case operator == "OR" && len(ps) > 0:
			return done(perm.Any(ps...))
		}
		return wrong("{operator: AND, OR or OPEN, permissions: [...]}")
	case AllOfList, AnyOfList:
		if text, ok := n.text(); ok && text != "" {
			return done(perm.All(perm.Permission(text)))
		}
		ps, ok, err := texts(n)
		if err != nil {
			return nil, err
		}
		if !ok {
			return wrong("a list of texts")
		}
		switch {
		case e.Shape == AnyOfList && len(ps) > 0:
			return done(perm.Any(ps...))
		case e.Shape == AnyOfList:
			return wrong("at least one entry: whether none means open or closed is not said")
		case len(ps) == 0:
			return done(perm.Public())
		}
		return done(perm.All(ps...))
	case ListOfLists:
		if text, ok := n.text(); ok && text != "" {
			return done(perm.All(perm.Permission(text)))
		}
		items, err := n.items()
		if err != nil {
			return nil, err
		}
		if n.kind() != list || len(items) == 0 {
			return wrong("a list of lists")
		}
		if items[0].kind() == scalar {
			ps, ok, err := texts(n)
			if err != nil {
				return nil, err
			}
			if !ok {
				return wrong("texts only, or lists only")
			}
			return done(perm.All(ps...))
		}
		return e.clauses(items)
	case SchemeList:
		items, err := n.items()
		if err != nil {
			return nil, err
		}
		if n.kind() != list || len(items) == 0 {
			return wrong("a list of {scheme, state, scopes}")
		}
		lists := make([]node, len(items))
		for i, it := range items {
			var ok bool
			if lists[i], ok, err = it.get("scopes"); err != nil {
				return nil, err
			} else if !ok {
				return wrong("scopes in each entry")
			}
		}
		return e.clauses(lists)
	}
	return wrong("a known shape")
}

// clauses returns the alternatives that the lists spell, one each.
func (e *Extension) clauses(lists []node) (*perm.Requirement, error) {
	if len(lists) > maxAlternatives {
		return nil, &shapeError{fmt.Sprintf("%s has more than %d alternatives", e.Name, maxAlternatives)}
	}
	var clauses []perm.Set
	for _, l := range lists {
		ps, ok, err := texts(l)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, e.misshapen("an alternative is no list of texts")
		}
		clauses = append(clauses, perm.NewSet(ps...))
	}
	for _, c := range clauses {
		if len(c) == 0 {
			r := perm.Public()
			return &r, nil
		}
	}
	r := perm.FromClauses(clauses...)
	return &r, nil
}

// texts returns the permissions of a list. An entry {role: R, states: [S]} stands
// for "R:S".
func texts(n node) (ps []perm.Permission, ok bool, err error) {
	if n.kind() != list {
		return nil, false, nil
	}
	items, err := n.items()
	if err != nil {
		return nil, false, err
	}
	if len(items) > maxAlternatives {
		return nil, false, nil
	}
	for _, it := range items {
		if text, ok := it.text(); ok && text != "" {
			ps = append(ps, perm.Permission(text))
			continue
		}
		role, has, err := it.get("role")
		if err != nil {
			return nil, false, err
		}
		if !has {
			return nil, false, nil
		}
		name, ok := role.text()
		if !ok || name == "" {
			return nil, false, nil
		}
		states, has, err := it.get("states")
		if err != nil {
			return nil, false, err
		}
		if !has {
			ps = append(ps, perm.Permission(name))
			continue
		}
		list, err := states.items()
		if err != nil {
			return nil, false, err
		}
		if len(list) == 0 {
			return nil, false, nil
		}
		for _, s := range list {
			state, ok := s.text()
			if !ok {
				return nil, false, nil
			}
			ps = append(ps, perm.Permission(name+":"+state))
		}
	}
	return ps, true, nil
}

func unescape(fragment string) (string, error) { return url.PathUnescape(fragment) }
