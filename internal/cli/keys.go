package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/conformance"
	"github.com/permcheck/permcheck/conformance/keyring"
	"github.com/permcheck/permcheck/internal/report"
)

func newKeys(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Look after the keys of a probe profile",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newKeysCheck(a))
	return cmd
}

func newKeysCheck(a *app) *cobra.Command {
	var f probeFlags
	cmd := &cobra.Command{
		Use:   "check CATALOG --target URL --profile FILE",
		Short: "Sign in every key and make one call with it, and nothing more",
		Long: `Check looks up the secret of every key of a profile, signs it in where the profile says
so, and calls its control: the one that the profile states, else a GET of the catalog without
parameters that the key is admitted to. A mistyped key looks like perfect refusal in a probe;
here it shows at once.

Exit codes: 0 every key is right, 2 one is not, or could not be told.`,
		Example:           `  permcheck keys check api/permissions.yaml --target https://staging.example.com --profile probe.yaml`,
		ValidArgsFunction: completeCatalogs,
		Args:              exactArgs(1, "one CATALOG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.target == "" || f.profile == "" {
				return errors.New("expected --target URL and --profile FILE")
			}
			c, err := a.loadCatalog(args[0])
			if err != nil {
				return err
			}
			return a.keysCheck(cmd.Context(), args[0], c, &f)
		},
	}
	cmd.Flags().StringVar(&f.target, "target", "", "address of the API")
	cmd.Flags().StringVar(&f.profile, "profile", "", "file that names the keys")
	cmd.Flags().StringVar(&f.allowProduction, "allow-production", "", "host of a production target")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) keysCheck(ctx context.Context, ref string, c *catalogs.Catalog, f *probeFlags) error {
	f.writes = string(conformance.WritesNone)
	p, t, _, err := a.target(ctx, ref, c, f, nil, true)
	if err != nil {
		return err
	}
	list, err := conformance.CheckKeys(ctx, p, t)
	if err != nil {
		return err
	}
	wrong := 0
	for _, k := range list {
		if k.Check != conformance.Pass {
			wrong++
		}
	}
	if a.format == "json" {
		err = a.writeJSON(map[string]any{"version": 1, "keys": list})
	} else {
		s := a.styles()
		for _, k := range list {
			mark := s.Good.Sprint("ok")
			switch k.Check {
			case conformance.Fail:
				mark = s.Bad.Sprint("FAIL")
			case conformance.Inconclusive:
				mark = s.Warn.Sprint("?")
			}
			reason := k.Reason
			if reason == "" {
				reason = fmt.Sprintf("%s answered %d", k.Call, k.Status)
			}
			fmt.Fprintf(a.out, "%-6s %-20s %s\n", mark, report.Clean(k.Key), report.Clean(reason))
		}
	}
	if err == nil && wrong > 0 {
		err = &partialError{fmt.Sprintf("%d of %d keys are not known to be right", wrong, len(list))}
	}
	return err
}

// target reads a profile for a catalog and signs its keys in. The plan holds the selected
// checks; nil: all of them.
func (a *app) target(ctx context.Context, ref string, c *catalogs.Catalog, f *probeFlags, checks []*conformance.Check, writesGiven bool) (*conformance.Plan, conformance.Target, *keyring.Profile, error) {
	fail := func(err error) (*conformance.Plan, conformance.Target, *keyring.Profile, error) {
		return nil, conformance.Target{}, nil, err
	}
	profile, err := keyring.LoadProfile(f.profile, c)
	if err != nil {
		return fail(err)
	}
	if err := sameCatalog(ref, profile); err != nil {
		return fail(err)
	}
	if m, err := manners(ref, c); err != nil {
		return fail(err)
	} else if m != nil {
		profile.Under(m)
	}
	p, err := conformance.NewPlan(c, f.options(conformance.PlanOptions{Keys: profile.PlanKeys(), Make: f.toMake(profile, writesGiven), Unmade: f.unmade, Refused: profile.Refused, LeaveOut: profile.LeaveOut(), Checks: checks}))
	if err != nil {
		return fail(err)
	}
	p.Take(f.part)
	t, err := a.signIn(ctx, profile, p, f, writesGiven)
	return p, t, profile, err
}
