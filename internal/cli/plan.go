package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

// printPlan prints what a probe would send. unsent are the endpoints that the policy for writes
// keeps back.
func (a *app) printPlan(p *conformance.Plan, keys int, w conformance.WritePolicy, unsent []*catalogs.Endpoint) error {
	if keys > 0 {
		return a.printFewKeys(p, keys)
	}
	if a.format == "json" {
		return a.writeJSON(p.View(w, unsent))
	}
	s := a.styles()
	v := p.View(w, unsent)
	fmt.Fprintf(a.out, "%s\n", s.Bold.Sprintf("%d requests, %d experiments, %d probes, %d points of the boundary; plan %s", v.Requests, v.Asked, len(v.Probes), v.Points, v.PlanHash))
	fmt.Fprintf(a.out, "writes: %s\n", w.Text(len(unsent), v.Endpoints))
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprintf("keys (%d)", len(v.Keys)))
	for _, k := range v.Keys {
		text := k.Name
		if k.Grants != "" && k.Grants != k.Name {
			text += "  holds " + k.Grants
		}
		fmt.Fprintf(a.out, "  %s\n", report.Clean(text))
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("requests"))
	type request struct{ row, key string }
	checks := map[request][]string{}
	for _, pr := range v.Probes {
		if pr.Subject != "" {
			continue
		}
		r := request{pr.Method + " " + pr.Path, pr.Key}
		checks[r] = append(checks[r], pr.Check)
	}
	last := ""
	for _, pr := range v.Probes {
		if pr.Subject != "" {
			continue
		}
		r := request{pr.Method + " " + pr.Path, pr.Key}
		if r.row != last {
			fmt.Fprintf(a.out, "%s\n", report.Clean(r.row))
			last = r.row
		}
		if list := checks[r]; len(list) > 0 {
			fmt.Fprintf(a.out, "  %-6s  %s  %s\n", pr.Expect, report.Clean(pr.Key), s.Dim.Sprint(strings.Join(list, ", ")))
			delete(checks, r)
		}
	}
	first := true
	statements := map[string]bool{}
	for _, st := range v.Statements {
		statements[st.ID] = true
	}
	for _, pr := range v.Probes {
		if pr.Subject == "" || statements[pr.Check] {
			continue
		}
		if first {
			fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("experiments"))
			first = false
		}
		fmt.Fprintf(a.out, "  %-6s  %s  %s  %s\n", pr.Expect, report.Clean(pr.Subject), report.Clean(pr.Key), s.Dim.Sprint(pr.Check))
	}
	if len(v.Statements) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("statements, and what a key holds that one is asked with"))
	}
	for _, st := range v.Statements {
		fmt.Fprintf(a.out, "  %-14s %s\n", st.ID, st.Says)
		for _, k := range st.Keys {
			note := ""
			if slices.Contains(st.Missing, k) {
				note = s.Warn.Sprint("  no key of the profile does")
			}
			fmt.Fprintf(a.out, "      %s%s\n", s.Dim.Sprint(report.Clean(k)), note)
		}
		if st.Own {
			fmt.Fprintf(a.out, "      %s\n", s.Dim.Sprint("it changes keys that are made for it (provision: in the profile)"))
		}
		if st.Writes {
			fmt.Fprintf(a.out, "      %s\n", s.Dim.Sprint("it writes (--writes)"))
		}
	}
	fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("probes of each check"))
	left := 0
	for _, c := range v.Checks {
		text := fmt.Sprintf("  %5d  %s", c.Probes, c.Check)
		if left += c.LeftOut; c.LeftOut > 0 {
			text += s.Dim.Sprintf("  left out: %s like these", plural(c.LeftOut, "row"))
		}
		fmt.Fprintln(a.out, text)
	}
	if left > 0 {
		fmt.Fprintln(a.out, s.Dim.Sprint("  --depth exhaustive asks about every row"))
	}
	if len(v.Missing) > 0 {
		fmt.Fprintf(a.out, "\n%s\n", s.Bold.Sprint("keys to make, and how many more points each proves"))
		for _, m := range v.Missing {
			fmt.Fprintf(a.out, "  %4d  %s\n", m.Points, report.Clean(m.Holds))
		}
	}
	for _, e := range v.NotSent {
		fmt.Fprintf(a.out, "not sent (--writes %s): %s\n", w, report.Clean(e))
	}
	for _, e := range v.Unknown {
		fmt.Fprintf(a.out, "not probed, the catalog does not know what it requires: %s\n", report.Clean(e))
	}
	return nil
}
