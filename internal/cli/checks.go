package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/internal/report"
)

func newChecks(a *app) *cobra.Command {
	var only, skip []string
	cmd := &cobra.Command{
		Use:   "checks",
		Short: "List the checks of permcheck probe",
		Long: `Checks lists what permcheck probe asks a running API, by category. The ids and the
categories are what --only and --skip of probe take; permcheck explain ID says more of one.`,
		Example: `  permcheck checks
  permcheck checks --only routing
  permcheck probe api/permissions.yaml --reference --only records,fields`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			list, err := conformance.SelectChecks(only, skip)
			if err != nil {
				return err
			}
			if a.format == "json" {
				return a.writeJSON(map[string]any{"version": 1, "checks": checkViews(list)})
			}
			s := a.styles()
			for _, category := range conformance.Categories {
				first := true
				for _, c := range list {
					if c.Category != category {
						continue
					}
					if first {
						fmt.Fprintf(a.out, "%s\n", s.Bold.Sprint(category))
						first = false
					}
					fmt.Fprintf(a.out, "  %-26s %s\n", c.ID, c.Title)
				}
			}
			return nil
		},
	}
	selectFlags(cmd, &only, &skip)
	a.formatFlag(cmd, "text", "json")
	return cmd
}

type checkView struct {
	ID       string          `json:"id"`
	Category string          `json:"category"`
	Severity report.Severity `json:"severity"`
	Title    string          `json:"title"`
	Doc      string          `json:"doc"`
}

func checkViews(list []*conformance.Check) []checkView {
	views := []checkView{}
	for _, c := range list {
		views = append(views, checkView{c.ID, c.Category, report.RuleByID(c.ID).Severity, c.Title, strings.Join(strings.Fields(c.Doc), " ")})
	}
	return views
}

// selectFlags adds --only and --skip.
func selectFlags(cmd *cobra.Command, only, skip *[]string) {
	cmd.Flags().StringSliceVar(only, "only", nil, "checks or categories to ask, separated by commas")
	cmd.Flags().StringSliceVar(skip, "skip", nil, "checks or categories to leave out")
	names := slices.Clone(conformance.Categories)
	for _, c := range slices.Concat(conformance.Checks, conformance.Statements()) {
		names = append(names, c.ID)
	}
	for _, flag := range []string{"only", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	}
}
