package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// Seeds say what the objects look like that a server has when it starts, by the name
// that the catalog gives them.
type Seeds map[string]Seed

// A Seed is one kind of object.
type Seed struct {
	Attributes []SeedAttribute `json:"attributes"`
	// IDs is what their ids look like: {n} is the number of the object. Empty: the name of the
	// collection and the number.
	IDs string `json:"ids"`
	// Actions are what a POST to /objects/{id}/ACTION sets.
	Actions map[string]map[string]any `json:"actions"`
	// Rows is how many objects there are at least, where the number is not asked for.
	Rows int `json:"rows"`
}

// A SeedAttribute has one of values, ref, text and number.
type SeedAttribute struct {
	Name string `json:"name"`
	// Values are taken in turn, so that the objects have every combination of the values
	// of such attributes.
	Values []any  `json:"values"`
	Ref    string `json:"ref"` // the id of an object of this name
	// Text stands for itself, but {n} is the number of the object and {word} a word that
	// no other object or attribute has.
	Text   string `json:"text"`
	Number int    `json:"number"` // this, and something different for each object
	// Fresh is what an object has that the admin API makes for a request, where any of the
	// values will not do.
	Fresh any `json:"fresh"`
}

// ParseSeeds reads seeds from JSON.
func ParseSeeds(data []byte) (Seeds, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var s Seeds
	if err := dec.Decode(&s); err != nil {
		return nil, fmt.Errorf("seeds: %w", err)
	}
	return s, nil
}

// seedsFor returns the seeds of a catalog: those given, the built-in ones of the board, and
// for what they do not name what the catalog's rules look at.
func seedsFor(c *catalogs.Catalog, given Seeds) (Seeds, error) {
	if given == nil && c.Name == BoardName {
		var err error
		if given, err = ParseSeeds(boardSeeds); err != nil {
			return nil, err
		}
	}
	seeds := Seeds{}
	for name, s := range given {
		seeds[name] = s
	}
	derived := func(object, attribute string, values ...any) {
		if _, told := given[object]; told || attribute == "*" || attribute == "id" {
			return
		}
		s := seeds[object]
		if slices.ContainsFunc(s.Attributes, func(a SeedAttribute) bool { return strings.HasPrefix(a.Name, attribute+".") }) {
			return // it is the object around one that is there
		}
		if i := slices.IndexFunc(s.Attributes, func(a SeedAttribute) bool { return a.Name == attribute }); i < 0 {
			a := SeedAttribute{Name: attribute, Values: values}
			if values == nil {
				a.Text = attribute + " {word}"
			}
			s.Attributes = append(s.Attributes, a)
		} else {
			for _, v := range values {
				if !slices.Contains(s.Attributes[i].Values, v) {
					s.Attributes[i].Values = append(s.Attributes[i].Values, v)
				}
			}
		}
		seeds[object] = s
	}
	for _, r := range c.Records {
		for _, o := range append(slices.Clone(r.Sharing), r.Grants...) {
			for _, cond := range o.Conditions {
				switch {
				case cond.Value == selfValue:
					derived(r.Object, cond.Attribute, "elsewhere")
				case cond.Value == "true" || cond.Value == "false" || cond.Open():
					derived(r.Object, cond.Attribute, false, true)
				default:
					derived(r.Object, cond.Attribute, cond.Value, "other than "+cond.Value)
				}
			}
		}
	}
	for _, f := range c.Fields {
		derived(f.Object, f.Name)
	}
	for _, l := range c.AllowLists {
		derived(l.Of, "name")
		for i := range c.Endpoints {
			if a := c.Endpoints[i].NeedsListed[l.Name]; a != "" {
				derived(l.Of, a)
			}
		}
	}
	return seeds, nil
}

// combinations is how many objects show every combination of the values.
func (s Seed) combinations() int {
	n := 1
	for _, a := range s.Attributes {
		if len(a.Values) > 0 {
			n *= len(a.Values)
		}
	}
	return n
}

// object makes the nth object, counted from 0. The ids of referred objects are
// those of target, which may return none.
func (s Seed) object(name string, n int, target func(object string) []string) object {
	o := object{}
	rest := n
	refs := 1
	for _, a := range s.Attributes {
		switch {
		case len(a.Values) > 0:
			put(o, a.Name, a.Values[rest%len(a.Values)])
			rest /= len(a.Values)
		case a.Ref != "":
			if ids := target(a.Ref); len(ids) > 0 {
				// The second reference goes another way round than the first, so that most pairs occur.
				put(o, a.Name, ids[(n*refs+n/len(ids)*(refs-1))%len(ids)])
			}
			refs += 2
		case a.Text != "":
			text := strings.ReplaceAll(a.Text, "{n}", strconv.Itoa(n+1))
			put(o, a.Name, strings.ReplaceAll(text, "{word}", word(name, a.Name, n)))
		default:
			put(o, a.Name, a.Number+37*n+11)
		}
	}
	return o
}

// put sets an attribute, which may be inside others: users.lead.
func put(o object, name string, value any) {
	head, rest, nested := strings.Cut(name, ".")
	if !nested {
		o[name] = value
		return
	}
	inner, ok := o[head].(map[string]any)
	if !ok {
		inner = map[string]any{}
		o[head] = inner
	}
	put(inner, rest, value)
}

// word is a pronounceable word, another for each object and attribute.
func word(object, attribute string, n int) string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	h := uint64(14695981039346656037)
	for _, c := range []byte(object + "." + attribute) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = h>>20&0xffff | uint64(n)<<16 // the number itself, so that no two are equal
	var b strings.Builder
	for range 6 {
		b.WriteByte(consonants[h%14])
		h /= 14
		b.WriteByte(vowels[h%5])
		h /= 5
	}
	return b.String()
}
