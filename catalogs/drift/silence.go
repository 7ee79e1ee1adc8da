package drift

import (
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// A Silence is a document that cannot be held against a catalog that names permissions.
type Silence struct {
	Document *openapi.Document
	// Undefined is the scheme whose scopes were read as permissions, and that nothing
	// defines. Scoped are the schemes of which any might be it, where they are several. With
	// neither, the document names no permission anywhere.
	Undefined string
	Scoped    []string
}

// silence notes that a document cannot be held against the rows of a catalog: it names its
// permissions by a scheme that nobody knows, or names none where the catalog does.
func (c *comparison) silence(d *openapi.Document, p *openapi.Projection, own, others []*row) {
	owed := false // some row of the catalog names a permission
	byPath := map[string][]*row{}
	for _, o := range others {
		owed = owed || len(o.req.Permissions()) > 0
		byPath[key("", o.full)] = append(byPath[key("", o.full)], o)
	}
	if !owed {
		return
	}
	if p.Undefined {
		c.result.Silent = &Silence{Document: d, Undefined: p.Scheme}
		return
	}
	if !p.Silent() {
		return
	}
	met := false
	for _, r := range own {
		for _, o := range byPath[key("", r.full)] {
			if o.method != r.method && o.method != catalogs.AnyMethod && r.method != catalogs.AnyMethod {
				continue
			}
			if met = true; r.unstated && len(o.req.Permissions()) > 0 {
				c.unheld(d, p)
				return
			}
		}
	}
	if !met { // the two do not even speak of the same endpoints
		c.unheld(d, p)
	}
}

func (c *comparison) unheld(d *openapi.Document, p *openapi.Projection) {
	c.result.Silent = &Silence{Document: d}
	if p.Scheme == "" && len(p.Scoped) > 1 {
		c.result.Silent.Scoped = p.Scoped
	}
}
