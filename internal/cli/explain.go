package cli

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/suites"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

func newExplain(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [RULE]",
		Short: "Say what a rule means, why it matters and what to do",
		Long:  "Explain prints one rule: what is wrong, why it matters, what to do; for rules about\nGo source with a bad and a good example. Without an argument it lists all rules.",
		Example: `  permcheck explain
  permcheck explain requirement-weakened`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			st := a.styles()
			if len(args) == 0 {
				w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				for _, r := range report.Rules {
					fmt.Fprintf(w, "%s\t%s\t%s\n", r.ID, r.Severity, r.Title)
				}
				return w.Flush()
			}
			for _, c := range conformance.Statements() {
				if c.ID == args[0] {
					return a.explainStatement(c)
				}
			}
			for _, r := range report.Rules {
				if r.ID != args[0] {
					continue
				}
				fmt.Fprintf(a.out, "%s (%s)\n%s\n\n", st.Bold.Sprint(r.ID), st.Severity(r.Severity).Sprint(r.Severity), r.Title)
				fmt.Fprintf(a.out, "%s %s\n", st.Note.Sprint("why: "), r.Why)
				fmt.Fprintf(a.out, "%s %s\n", st.Note.Sprint("next:"), r.Fix)
				if doc := cmp.Or(analyzers.Doc(r.ID), conformance.Doc(r.ID)); doc != "" {
					fmt.Fprintf(a.out, "\n%s\n\n", doc)
				}
				if r.Refs != "" {
					fmt.Fprintf(a.out, "%s  %s\n", st.Note.Sprint("see:"), strings.Join(strings.Fields(r.Refs), ", "))
				}
				return nil
			}
			hint := ""
			if near := strictyaml.Nearest(args[0], ruleIDs()); near != "" {
				hint = fmt.Sprintf(": did you mean %s?", near)
			}
			return fmt.Errorf("no rule %q%s (permcheck explain lists all)", args[0], hint)
		},
	}
	return cmd
}

func ruleIDs() []string {
	ids := make([]string, len(report.Rules))
	for i, r := range report.Rules {
		ids[i] = r.ID
	}
	for _, c := range conformance.Statements() {
		ids = append(ids, c.ID)
	}
	return ids
}

// explainStatement prints what is known of a statement about a vendor.
func (a *app) explainStatement(c *conformance.Check) error {
	st, r := a.styles(), report.RuleByID(c.ID)
	s := suites.Find(c.ID)
	fmt.Fprintf(a.out, "%s (%s)\n%s\n\n", st.Bold.Sprint(c.ID), st.Severity(r.Severity).Sprint(r.Severity), s.Says)
	fmt.Fprintf(a.out, "%s %s\n", st.Note.Sprint("evidence:"), s.Evidence)
	for _, source := range s.Sources {
		fmt.Fprintf(a.out, "%s   %s\n", st.Note.Sprint("source:"), source)
	}
	if s.Observed() {
		fmt.Fprintf(a.out, "No page says what must be: it is observed and told, and never a finding.\n")
	} else {
		fmt.Fprintf(a.out, "%s      %s\n%s     %s\n", st.Note.Sprint("why:"), r.Why, st.Note.Sprint("next:"), r.Fix)
	}
	fmt.Fprintf(a.out, "\n%s\n%s", st.Note.Sprintf("what is sent (permcheck probe vendor:%s --only %s):", s.Suite, s.ID), s.Script())
	return nil
}
