package cli

import (
	"fmt"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// printPlan prints what a probe would send.
func (a *app) printPlan(p *conformance.Plan) error {
	if a.format == "json" {
		return a.writeJSON(p.View())
	}
	s := a.styles()
	v := p.View()
	fmt.Fprintf(a.out, "%s\n", s.Bold.Sprintf("%d requests, %d probes, %d points of the boundary; plan %s", v.Requests, len(v.Probes), v.Points, v.PlanHash))
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprintf("keys (%d)", len(v.Keys)))
	for _, k := range v.Keys {
		text := k.Name
		if k.Grants != "" && k.Grants != k.Name {
			text += "  holds " + k.Grants
		}
		fmt.Fprintf(a.out, "  %s\n", report.Clean(text))
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("requests"))
	last := ""
	for _, pr := range v.Probes {
		if row := pr.Method + " " + pr.Path; row != last {
			fmt.Fprintf(a.out, "%s\n", report.Clean(row))
			last = row
		}
		fmt.Fprintf(a.out, "  %s  %-22s %s\n", s.Dim.Sprint(pr.Expect), pr.Check, report.Clean(pr.Key))
	}
	if len(v.Missing) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("keys to make, and how many more points each proves"))
		for _, m := range v.Missing {
			fmt.Fprintf(a.out, "  %4d  %s\n", m.Points, report.Clean(m.Holds))
		}
	}
	for _, e := range v.Unknown {
		fmt.Fprintf(a.out, "not probed, the catalog does not know what it requires: %s\n", report.Clean(e))
	}
	return nil
}
