package cli

import (
	"encoding/json"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/internal/report"
	"github.com/permcheck/permcheck/internal/witness"
)

func newRoutes(a *app) *cobra.Command {
	var opts witness.GoOptions
	cmd := &cobra.Command{
		Use:   "routes [PACKAGES]",
		Short: "List the routes that Go packages register, and what each demands",
		Long: `List the routes that Go packages register and the permission that guards each.

Reads net/http, chi, gin, echo, gorilla/mux, fiber, httprouter, go-restful, huma,
go-zero, beego, connect and grpc-gateway. What cannot be read is listed with its reason, never dropped.
A part of a path that is known only at run time is shown as {base}. PACKAGES are
patterns as for the go command; ./... by default.

Exit code 0: all was read. 2: some packages could not be.`,
		Example: `  permcheck routes ./...
  permcheck routes --format json ./internal/api
  permcheck routes --catalog api/permissions.yaml ./...`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.routes(cmd, args, opts) },
	}
	cmd.Flags().StringVar(&opts.Catalog, "catalog", "", "the catalog whose permissions tell guards from other calls; overrides .permcheck.yaml")
	a.failOnFlag(cmd)
	a.formatFlag(cmd, "text", "json")
	return cmd
}

type jsonRoute struct {
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Handler     string  `json:"handler"`
	Requires    *string `json:"requires"`
	Position    string  `json:"position"`
	Framework   string  `json:"framework"`
	Package     string  `json:"package"`
	Conditional bool    `json:"conditional"`
	Dynamic     bool    `json:"dynamic"`
	Public      bool    `json:"public"`
	Basis       string  `json:"basis"`
}

type jsonUnresolved struct {
	Position string `json:"position"`
	Reason   string `json:"reason"`
}

// unresolved lists registrations and guards that could not be read.
func (p *goProgram) unresolved() []jsonUnresolved {
	out := []jsonUnresolved{}
	for _, u := range p.Unresolved {
		out = append(out, jsonUnresolved{catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column}.String(), u.Reason})
	}
	for _, r := range p.Routes {
		for _, u := range r.Unread {
			out = append(out, jsonUnresolved{
				catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column}.String(),
				fmt.Sprintf("the permission of %s %s is not known: %s", r.Method, r.Path, u.Reason),
			})
		}
	}
	return out
}

func requiresText(r *guards.Route) *string {
	if r.Requires == nil {
		return nil
	}
	s := r.Requires.String()
	return &s
}

func (a *app) routes(cmd *cobra.Command, args []string, opts witness.GoOptions) error {
	p, err := loadGo(cmd.Context(), ".", args, opts)
	if err != nil {
		return err
	}
	unresolved := p.unresolved()
	if a.format == "json" {
		out := struct {
			Version    int              `json:"version"`
			Routes     []jsonRoute      `json:"routes"`
			Unresolved []jsonUnresolved `json:"unresolved"`
		}{1, []jsonRoute{}, unresolved}
		for _, r := range p.Routes {
			out.Routes = append(out.Routes, jsonRoute{
				r.Method, r.Path, r.Handler, requiresText(r), witness.Pos(r).String(), r.Framework, r.Package,
				r.Conditional, r.Dynamic, r.Requires != nil && r.Requires.IsPublic(), r.Basis,
			})
		}
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(out); err != nil {
			return err
		}
		return a.routesResult(p)
	}
	st := a.styles()
	tw := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, r := range p.Routes {
		requires := "-"
		if t := requiresText(r); t != nil {
			requires = *t
		}
		notes := ""
		if r.Conditional {
			notes += " conditional"
		}
		if r.Dynamic {
			notes += " dynamic"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s%s\n", r.Method, report.Clean(r.Path), report.Clean(requires), report.Clean(guards.Short(r.Handler)), witness.Pos(r), notes)
	}
	tw.Flush()
	for _, u := range unresolved {
		fmt.Fprintf(a.out, "%s: %s %s\n", st.Bold.Sprint(u.Position), st.Warn.Sprint("not read:"), report.Clean(u.Reason))
	}
	fmt.Fprintf(a.out, "%d routes, %d not read\n", len(p.Routes), len(unresolved))
	return a.routesResult(p)
}

// routesResult ends routes: what was not read is a warning.
func (a *app) routesResult(p *goProgram) error {
	if err := readAll(p.Program, a.err); err != nil {
		return err
	}
	if len(p.unresolved()) > 0 && report.RuleByID("unresolved").Severity.Fails(a.failOn) {
		return errFindings
	}
	return nil
}
