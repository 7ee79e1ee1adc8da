package conformance

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// A RowKind is what a row does, as far as servers refuse by it: a refused list may be empty, a
// refused object not found, a refused create invalid.
type RowKind string

// The kinds, in the order of reports.
const (
	ListRow   RowKind = "list"   // reads a path that ends in no parameter
	ObjectRow RowKind = "object" // reads one object
	CreateRow RowKind = "create" // POST that writes
	WriteRow  RowKind = "write"  // any other that writes
)

// RowKinds lists them all.
var RowKinds = []RowKind{ListRow, ObjectRow, CreateRow, WriteRow}

// Kind is what the row does.
func (r *Row) Kind() RowKind {
	switch {
	case r.Reads && strings.HasSuffix(r.Path, "}"):
		return ObjectRow
	case r.Reads:
		return ListRow
	case r.Method == "POST":
		return CreateRow
	}
	return WriteRow
}

// Forms are forms of refusal that are stated for a target. A status of 200 stands for an
// empty list.
type Forms map[RowKind]catalogs.Refused

// AllForms are the same forms for every kind of row.
func AllForms(r catalogs.Refused) Forms {
	f := Forms{}
	for _, k := range RowKinds {
		f[k] = r
	}
	return f
}

// A learnedForm counts one form of refusal of one kind of row.
type learnedForm struct {
	who  string // what the profile calls the sender: see senderOf
	kind RowKind
	form string // a status, or emptyForm
}

// What profiles and catalogs call those who are refused.
const (
	byNobody  = "anonymous"
	byBadKey  = "invalid"
	byWeakKey = "forbidden"
)

func senderOf(kind KeyKind) string {
	switch kind {
	case NoKey:
		return byNobody
	case ValidKey:
		return byWeakKey
	}
	return byBadKey
}

// emptyForm is the form of a refused list that is empty.
const emptyForm = "empty"

// RefusedBlock is the refused: block of a profile for the forms that a run learned: those of a
// kind of row that were all alike. Others are unknown, with what was seen in a comment. It is
// empty when nothing was learned.
func (r *Result) RefusedBlock() string {
	var b strings.Builder
	seen := map[string]map[RowKind]map[string]int{byNobody: {}, byBadKey: {}, byWeakKey: {}}
	for f, n := range r.forms {
		if seen[f.who][f.kind] == nil {
			seen[f.who][f.kind] = map[string]int{}
		}
		seen[f.who][f.kind][f.form] += n
	}
	// Where a bad key is answered as none is, that is one statement.
	alike := true
	for kind, bad := range seen[byBadKey] {
		if none := seen[byNobody][kind]; len(none) > 0 {
			alike = alike && slices.Equal(slices.Sorted(maps.Keys(bad)), slices.Sorted(maps.Keys(none)))
		}
	}
	if alike {
		for kind, bad := range seen[byBadKey] {
			if seen[byNobody][kind] == nil {
				seen[byNobody][kind] = map[string]int{}
			}
			for form, n := range bad {
				seen[byNobody][kind][form] += n
			}
		}
		seen[byBadKey] = nil
	}
	for _, who := range []string{byNobody, byBadKey, byWeakKey} {
		forms := seen[who]
		if len(forms) == 0 {
			continue
		}
		said := map[RowKind]string{}
		var doubts []string
		all := map[string]bool{}
		for _, kind := range RowKinds {
			seen := forms[kind]
			if len(seen) == 0 {
				continue
			}
			names := slices.SortedFunc(maps.Keys(seen), func(a, b string) int { return cmp.Or(seen[b]-seen[a], strings.Compare(a, b)) })
			said[kind] = names[0]
			if len(names) > 1 {
				said[kind] = "unknown"
				var counts []string
				for _, n := range names {
					counts = append(counts, fmt.Sprintf("%s (%d times)", n, seen[n]))
				}
				doubts = append(doubts, fmt.Sprintf("%s: %s", kind, strings.Join(counts, ", ")))
			}
			all[said[kind]] = true
		}
		text := ""
		if len(all) == 1 && len(doubts) == 0 {
			for form := range all {
				text = form
			}
		}
		if text == "" || text == emptyForm {
			var parts []string
			for _, kind := range RowKinds {
				if said[kind] != "" {
					parts = append(parts, fmt.Sprintf("%s: %s", kind, said[kind]))
				}
			}
			text = "{" + strings.Join(parts, ", ") + "}"
		}
		if len(doubts) > 0 {
			text += "   # " + strings.Join(doubts, "; ")
		}
		fmt.Fprintf(&b, "  %s: %s\n", who, text)
	}
	if b.Len() == 0 {
		return ""
	}
	return "refused:\n" + b.String()
}
