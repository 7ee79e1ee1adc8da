package perm

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A Requirement says which grants an endpoint admits. The zero value admits
// nobody. It is immutable and always in minimal disjunctive normal form, so
// equal requirements have equal text.
//
// Three facts that are easily mixed up stay apart: a requirement that admits
// nobody (the zero value), one that admits everybody ([Public]), and an endpoint
// that declares nothing, which is a nil *Requirement wherever one can be absent.
type Requirement struct {
	kind    kind
	clauses []Set // kind formula only; each not empty, none contains another
}

type kind uint8

const (
	formula kind = iota
	authenticated
	public
	unknown
)

// The words that stand for a whole requirement.
const (
	wordPublic        = "public"
	wordAuthenticated = "authenticated"
	wordNobody        = "nobody"
	wordUnknown       = "unknown"
)

// maxClauses bounds the disjunctive normal form of a parsed or combined
// requirement. Real requirements have one to four clauses; the bound only keeps
// "(a|b) & (c|d) & ..." from exhausting memory.
const maxClauses = 4096

// ErrTooLarge is returned when a requirement would have more than 4,096
// alternatives in minimal disjunctive normal form.
var ErrTooLarge = errors.New("requirement has more than 4096 alternatives")

// Public admits everybody, with or without a key.
func Public() Requirement { return Requirement{kind: public} }

// Authenticated admits every valid key, whatever it holds, and nobody without one.
func Authenticated() Requirement { return Requirement{kind: authenticated} }

// Nobody admits nobody. It is the zero value.
func Nobody() Requirement { return Requirement{} }

// Unknown is the requirement that the documents do not state. Comparing with it
// gives [Unverified].
func Unknown() Requirement { return Requirement{kind: unknown} }

// All admits keys that hold every one of ps; without any, every valid key.
func All(ps ...Permission) Requirement {
	if len(ps) == 0 {
		return Authenticated()
	}
	return Requirement{clauses: []Set{NewSet(ps...)}}
}

// Any admits keys that hold at least one of ps; without any, nobody.
func Any(ps ...Permission) Requirement {
	cs := make([]Set, len(ps))
	for i, p := range ps {
		cs[i] = Set{p}
	}
	return FromClauses(cs...)
}

// FromClauses admits keys that hold all of at least one clause. An empty clause
// admits every valid key. No clause admits nobody.
func FromClauses(cs ...Set) Requirement {
	cs = slices.Clone(cs)
	for _, c := range cs {
		if len(c) == 0 {
			return Authenticated()
		}
	}
	return Requirement{clauses: minimal(cs)}
}

// IsUnknown reports whether r is the unknown requirement.
func (r Requirement) IsUnknown() bool { return r.kind == unknown }

// IsPublic reports whether r admits requests without a key.
func (r Requirement) IsPublic() bool { return r.kind == public }

// IsAuthenticated reports whether r admits every valid key but no anonymous request.
func (r Requirement) IsAuthenticated() bool { return r.kind == authenticated }

// IsNobody reports whether r admits nobody.
func (r Requirement) IsNobody() bool { return r.kind == formula && len(r.clauses) == 0 }

// Clauses returns the minimal clauses in canonical order: r admits a key that
// holds all of at least one of them. Public and authenticated requirements have
// one empty clause; tell them apart with [Requirement.IsPublic]. Nobody and
// unknown have none. The caller must not modify the result.
func (r Requirement) Clauses() []Set {
	if r.kind == public || r.kind == authenticated {
		return []Set{{}}
	}
	return r.clauses
}

// Permissions returns every permission that r names.
func (r Requirement) Permissions() Set {
	var all []Permission
	for _, c := range r.clauses {
		all = append(all, c...)
	}
	return NewSet(all...)
}

// Admits reports whether a valid key with the given grant is admitted. An
// unknown requirement admits no key here: callers that need to tell "refused"
// from "not stated" ask [Requirement.IsUnknown] first.
func (r Requirement) Admits(grant Set) bool {
	switch r.kind {
	case public, authenticated:
		return true
	case unknown:
		return false
	}
	for _, c := range r.clauses {
		if c.SubsetOf(grant) {
			return true
		}
	}
	return false
}

// Equal reports whether r and q admit the same grants, or are both unknown.
func (r Requirement) Equal(q Requirement) bool {
	return r.kind == q.kind && slices.EqualFunc(r.clauses, q.clauses, Set.Equal)
}

// Or admits whatever r or q admits. Unknown with anything is unknown, save that
// with public it is public.
func (r Requirement) Or(q Requirement) (Requirement, error) {
	switch {
	case r.kind == public || q.kind == public:
		return Public(), nil
	case r.kind == unknown || q.kind == unknown:
		return Unknown(), nil
	case r.kind == authenticated || q.kind == authenticated:
		return Authenticated(), nil
	}
	cs := minimal(append(slices.Clone(r.clauses), q.clauses...))
	if len(cs) > maxClauses {
		return Requirement{}, ErrTooLarge
	}
	return Requirement{clauses: cs}, nil
}

// And admits what both r and q admit. Unknown with anything is unknown, save that
// with nobody it is nobody.
func (r Requirement) And(q Requirement) (Requirement, error) {
	switch {
	case r.IsNobody() || q.IsNobody():
		return Nobody(), nil
	case r.kind == unknown || q.kind == unknown:
		return Unknown(), nil
	case r.kind == public:
		return q, nil
	case q.kind == public:
		return r, nil
	case r.kind == authenticated: // every other formula needs a key already
		return q, nil
	case q.kind == authenticated:
		return r, nil
	}
	// Multiply row by row and minimise in between, so that the intermediate
	// result never grows far beyond the bound.
	var cs []Set
	for _, a := range r.clauses {
		for _, b := range q.clauses {
			cs = append(cs, a.Union(b))
		}
		if len(cs) > maxClauses {
			if cs = minimal(cs); len(cs) > maxClauses {
				return Requirement{}, ErrTooLarge
			}
		}
	}
	return Requirement{clauses: minimal(cs)}, nil
}

// String returns the canonical text: permissions in byte order within a clause,
// clauses by length and then in byte order.
func (r Requirement) String() string {
	switch r.kind {
	case public:
		return wordPublic
	case authenticated:
		return wordAuthenticated
	case unknown:
		return wordUnknown
	}
	if len(r.clauses) == 0 {
		return wordNobody
	}
	var b strings.Builder
	for i, c := range r.clauses {
		if i > 0 {
			b.WriteString(" | ")
		}
		b.WriteString(c.String())
	}
	return b.String()
}

// MarshalText returns the canonical text.
func (r Requirement) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText parses text as [Parse] does.
func (r *Requirement) UnmarshalText(text []byte) error {
	q, err := Parse(string(text))
	if err == nil {
		*r = q
	}
	return err
}

// Quote returns p as it is written in a requirement: as it is, or as a Go string
// literal where it would be misread.
func Quote(p Permission) string {
	var b strings.Builder
	writeAtom(&b, p)
	return b.String()
}

func writeAtom(b *strings.Builder, p Permission) {
	if isPlain(string(p)) {
		b.WriteString(string(p))
		return
	}
	b.WriteString(strconv.Quote(string(p)))
}
