package cli

import (
	"fmt"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// printFewKeys prints which few keys to make.
func (a *app) printFewKeys(p *conformance.Plan, n int) error {
	few := p.FewKeys(n)
	if a.format == "json" {
		return a.writeJSON(struct {
			Version int    `json:"version"`
			Catalog string `json:"catalog"`
			conformance.FewKeys
		}{1, p.Catalog, few})
	}
	s := a.styles()
	fmt.Fprintf(a.out, "%s\n", s.Bold.Sprintf("%s to make, the one that tells most first", plural(len(few.Keys), "key")))
	for i, k := range few.Keys {
		fmt.Fprintf(a.out, "%3d  %s  %s\n", i+1, report.Clean(k.Holds), s.Dim.Sprintf("proves %s, tells %s more", plural(k.Points, "point"), plural(k.Rules, "wrong rule")))
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprintf("with them a run proves %d of %d points of the boundary, and tells of the rules that a server may have in place of the catalog's", few.Proven, few.Points))
	for _, c := range few.Classes {
		style := s.Good
		if c.Told < c.All {
			style = s.Warn
		}
		share := 100 * float64(c.Told) / float64(c.All)
		if c.Told < c.All && share > 99.9 {
			share = 99.9 // what is missing is never rounded away
		}
		fmt.Fprintf(a.out, "  %s  %s (%d of %d)\n", style.Sprintf("%5.1f%%", share), c.Class, c.Told, c.All)
	}
	for _, class := range few.Skipped {
		fmt.Fprintf(a.out, "  not examined, there are too many: %s\n", class)
	}
	return nil
}
