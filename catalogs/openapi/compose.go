package openapi

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// Compose makes one document of several, which describe one API together. Positions stay
// those of the files. An operation that two of them have is an error that names both
// places.
//
// Where files define a security scheme of one name differently, it is another credential
// in each: the first definition keeps the name, others are called NAME@FILE.
func Compose(name string, docs []*Document) (*Document, error) {
	out := &Document{File: name, Schemes: map[string]*Scheme{}}
	at := map[string]*Operation{}
	for _, d := range docs {
		if out.Version == "" {
			out.Version = d.Version
		}
		called := map[string]string{}
		for scheme, def := range d.Schemes {
			as := scheme
			if first := out.Schemes[scheme]; first != nil && first.Identity != def.Identity {
				as = scheme + "@" + d.File
			}
			called[scheme] = as
			if out.Schemes[as] == nil {
				out.Schemes[as] = def
			}
		}
		for i := range d.Operations {
			o := d.Operations[i]
			if o.Kind == Endpoint {
				key := catalogs.EndpointKey(o.Method, parameterName.ReplaceAllString(o.Base+o.Path, "{}"))
				if first := at[key]; first != nil {
					return nil, &strictyaml.Error{File: o.Pos.File, Line: o.Pos.Line, Column: o.Pos.Column,
						Msg: fmt.Sprintf("%s is here and at %s: an operation belongs in one of the documents that are read together", o.String(), first.Pos)}
				}
				at[key] = &d.Operations[i]
			}
			o.Security = slices.Clone(o.Security)
			for j, alt := range o.Security {
				o.Security[j] = slices.Clone(alt)
				for k := range alt {
					if as, ok := called[alt[k].Scheme]; ok {
						o.Security[j][k].Scheme = as
					}
				}
			}
			out.Operations = append(out.Operations, o)
		}
		out.ExtraServers += d.ExtraServers
		out.Problems = append(out.Problems, d.Problems...)
	}
	slices.SortStableFunc(out.Operations, func(a, b Operation) int { return order(a.Kind) - order(b.Kind) })
	return out, nil
}

var parameterName = regexp.MustCompile(`\{[^{}]*\}`)
