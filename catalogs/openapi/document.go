package openapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Document is what an OpenAPI document says about access.
type Document struct {
	File    string
	Version string             // "2.0", "3.0.3", ...
	Schemes map[string]*Scheme // by name
	// Operations are in the order of the document: paths, then callbacks, then webhooks.
	Operations []Operation
	// ExtraServers counts the operations that have more servers than the one whose path
	// counts.
	ExtraServers int
	// Problems are places that were not understood and concern access. An operation
	// that one of them touches has Unreadable set.
	Problems []Problem
}

// A Problem is a place that was not understood.
type Problem struct {
	Pos     catalogs.Pos
	Message string
}

// Kind says who calls an operation.
type Kind uint8

// The kinds. The provider of the API is the client of webhooks and callbacks.
const (
	Endpoint Kind = iota
	Webhook
	Callback
)

// An Operation is one method of one path.
type Operation struct {
	Kind   Kind
	Method string // upper case; "*" when the path item could not be read
	Path   string // as written; "webhook:NAME" and "callback:..." for the other kinds
	// Base is the path of the first server of the innermost list, variables at
	// their defaults, without a final slash.
	Base string
	ID   string // operationId
	Tag  string // the first of its tags
	Pos  catalogs.Pos

	// Stated reports whether the operation or the document has a security key at
	// all. Without one the requirement is TRUE only by default.
	Stated bool
	// Security lists the alternatives, any of which opens the operation. No
	// alternative at all means TRUE, as does an empty one.
	Security []Alternative
	// Permission is what the operation's permission extensions demand; nil if it
	// has none.
	Permission *perm.Requirement
	// Unreadable is set when the requirement could not be read.
	Unreadable *Unreadable
}

// An Alternative is a set of schemes that are needed together.
type Alternative []Use

// A Use is one scheme of an alternative, with its scopes or roles.
type Use struct {
	Scheme string
	Scopes []string
}

// Unreadable says why a requirement could not be read.
type Unreadable struct {
	Problem
	// Text is the canonical text of what could not be read. Equal texts mean the
	// same, whatever it is. Empty: nothing can be said, a reference failed.
	Text string
}

// and returns why a requirement could not be read that both u and v spoil.
func (u *Unreadable) and(v *Unreadable) *Unreadable {
	if u == nil || v == nil {
		if u == nil {
			return v
		}
		return u
	}
	both := Unreadable{Problem: u.Problem}
	if u.Text != "" && v.Text != "" {
		both.Text = u.Text + "\n" + v.Text
	}
	return &both
}

// Anonymous reports whether the operation's security alternatives admit requests
// without any credential.
func (o *Operation) Anonymous() bool {
	return len(o.Security) == 0 || slices.ContainsFunc(o.Security, func(a Alternative) bool { return len(a) == 0 })
}

// Scopes says how the scopes of one alternative combine.
type Scopes struct {
	Any      bool            // any one of them is enough, for schemes not in ByScheme
	ByScheme map[string]bool // whether any one is enough
}

// any reports whether one scope of the scheme is enough.
func (s Scopes) any(scheme string) bool {
	if v, ok := s.ByScheme[scheme]; ok {
		return v
	}
	return s.Any
}

// maxAlternatives bounds the alternatives of one requirement, and maxAtoms the
// schemes and scopes of one security list. Real ones have one to four, and a few
// dozen.
const (
	maxAlternatives = 512
	maxAtoms        = 4096
)

// Requirement returns sec(o) AND perm(o), the formula that decides whom the
// operation admits. Its atoms are made by atom: for a scheme (scope ""), for one of
// its scopes, and for a permission of an extension (scheme "").
//
// A scoped alternative holds the atom of its scheme too, so that one without scopes
// is weaker than any scoped one. It returns [perm.ErrTooLarge] when the formula has
// too many alternatives.
func (o *Operation) Requirement(scopes Scopes, atom func(scheme, scope string) perm.Permission) (perm.Requirement, error) {
	r := perm.Public()
	if !o.Anonymous() {
		var clauses []perm.Set
		for _, alt := range o.Security {
			forms := [][]perm.Permission{nil} // the clauses that alt stands for
			for _, u := range alt {
				named := make([]perm.Permission, len(u.Scopes))
				for i, s := range u.Scopes {
					named[i] = atom(u.Scheme, s)
				}
				choices := [][]perm.Permission{named}
				if scopes.any(u.Scheme) && len(named) > 1 {
					choices = choices[:0]
					for _, p := range named {
						choices = append(choices, []perm.Permission{p})
					}
				}
				if len(clauses)+len(forms)*len(choices) > maxAlternatives {
					return perm.Requirement{}, perm.ErrTooLarge
				}
				var next [][]perm.Permission
				for _, f := range forms {
					for _, c := range choices {
						next = append(next, append(append(slices.Clone(f), atom(u.Scheme, "")), c...))
					}
				}
				forms = next
			}
			for _, f := range forms {
				clauses = append(clauses, perm.NewSet(f...))
			}
		}
		r = perm.FromClauses(clauses...)
	}
	if o.Permission == nil || o.Permission.IsPublic() {
		return r, nil
	}
	if len(r.Clauses())*len(o.Permission.Clauses()) > maxAlternatives {
		return perm.Requirement{}, perm.ErrTooLarge
	}
	return r.And(o.permission(func(p perm.Permission) perm.Permission { return atom("", string(p)) }))
}

// permission returns the extension's requirement with each permission renamed.
func (o *Operation) permission(name func(perm.Permission) perm.Permission) perm.Requirement {
	var clauses []perm.Set
	for _, c := range o.Permission.Clauses() {
		ps := make([]perm.Permission, len(c))
		for i, p := range c {
			ps[i] = name(p)
		}
		clauses = append(clauses, perm.NewSet(ps...))
	}
	return perm.FromClauses(clauses...)
}

// SchemeAtom returns the text of a scheme in a requirement: its name, or for a scope
// of it "name[scope]". Different schemes and scopes have different texts.
func SchemeAtom(scheme, scope string) perm.Permission {
	if strings.ContainsAny(scheme, `["`) {
		scheme = strconv.Quote(scheme)
	}
	if scope == "" {
		return perm.Permission(scheme)
	}
	return perm.Permission(scheme + "[" + scope + "]")
}

// String returns "METHOD /path".
func (o *Operation) String() string { return fmt.Sprintf("%s %s", o.Method, o.Path) }
