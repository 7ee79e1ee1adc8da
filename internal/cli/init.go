package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/permcheck/permcheck/analyzers/guards"
	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
	"github.com/permcheck/permcheck/internal/strictyaml"
	"github.com/permcheck/permcheck/internal/witness"
)

func newCatalogInit(a *app) *cobra.Command {
	var name, output string
	var flags diffFlags
	cmd := &cobra.Command{
		Use:   "init [go:PACKAGES | DOCUMENT]",
		Short: "Write a first catalog from the code, or from an OpenAPI document",
		Long: `Init reads the routes of Go packages (go:./... by default) and what guards them, and
writes a catalog of it for you to review. A call on the way to a handler that is given
constant texts, different ones on different routes, is taken for a guard and its texts
for permissions. What could not be read becomes "unknown", with the reason as a comment.

From an OpenAPI document (a file, -, or REV:PATH) it takes the scopes of the security
scheme that its operations give scopes, or what a permission extension names. What a
catalog cannot say stands beside the rows as comments.

It is a beginning, not the truth: it says what the source says today. Review it, then
hold the code, the documents and the server against it.`,
		Example: `  permcheck catalog init --output api/permissions.yaml
  permcheck catalog init go:./internal/api/...
  permcheck catalog init openapi.yaml --permission-scheme oauth --output api/permissions.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			source := "go:./..."
			if len(args) > 0 {
				source = args[0]
			}
			if name == "" {
				if wd, err := os.Getwd(); err == nil {
					name = filepath.Base(wd)
				}
			}
			var text string
			var err, incomplete error
			if pattern, ok := strings.CutPrefix(source, "go:"); ok {
				text, incomplete, err = initCatalog(cmd.Context(), a, name, strings.Fields(pattern))
			} else {
				var config *catalogs.Config
				if config, err = catalogs.FindConfig("."); err != nil {
					return err
				}
				flags.configure(&config.OpenAPI)
				text, err = a.initFromDocument(cmd.Context(), source, name, flags)
			}
			if err != nil {
				return err
			}
			if output == "" {
				if _, err := fmt.Fprint(a.out, text); err != nil {
					return err
				}
				return incomplete
			}
			f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s exists already: init does not overwrite a catalog", output)
			}
			if err != nil {
				return err
			}
			_, err = f.WriteString(text)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "wrote %s; name it in %s (catalog: %s) and run permcheck check\n", output, catalogs.ConfigName, filepath.ToSlash(output))
			return incomplete
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the catalog's name (default: the folder's)")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to this file, which must not exist (default: standard output)")
	flags.unstated = "count"
	f := cmd.Flags()
	f.StringVar(&flags.scheme, "permission-scheme", "", "of a document: the security scheme whose scopes are permissions (default: the only one that operations give scopes or roles)")
	f.StringArrayVar(&flags.scopes, "scopes", nil, "of a document: how several scopes in one alternative combine: all or any, or SCHEME=any; repeatable")
	f.StringArrayVar(&flags.extensions, "permission-extension", nil, "of a document: an operation's `NAME:SHAPE` that names permissions; repeatable")
	return cmd
}

// initCatalog writes a catalog of what the packages register. It reads them twice: first
// to learn which texts are permissions, then with these as the vocabulary. The second
// result is the error that ends the command when packages could not be read.
func initCatalog(ctx context.Context, a *app, name string, patterns []string) (text string, incomplete, err error) {
	first, err := loadGo(ctx, ".", patterns, witness.GoOptions{})
	if err != nil {
		return "", nil, err
	}
	vocabulary := first.vocabulary()
	p := first
	if len(vocabulary) > 0 {
		dir, err := os.MkdirTemp("", "permcheck-init-")
		if err != nil {
			return "", nil, err
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "vocabulary.yaml")
		draft := "permcheck: catalog/1\nname: draft\npermissions:\n"
		for _, id := range vocabulary {
			draft += "  " + strictyaml.QuoteKey(string(id)) + ":\n"
		}
		if err := os.WriteFile(file, []byte(draft), 0o600); err != nil {
			return "", nil, err
		}
		if p, err = loadGo(ctx, ".", patterns, witness.GoOptions{Catalog: file}); err != nil {
			return "", nil, err
		}
	}
	if len(p.Routes) == 0 && len(p.Unresolved) == 0 && len(p.Errors) == 0 {
		return "", nil, fmt.Errorf("no route of a known router is registered in %s: give the packages that register them", strings.Join(patterns, " "))
	}
	return p.draft(name, vocabulary), readAll(p.Program, a.err), nil
}

// vocabulary returns the texts that guards are given: the permissions, as far as the
// code tells.
func (p *goProgram) vocabulary() perm.Set {
	like := p.guardLike()
	var ids []perm.Permission
	var add func(gs []routes.Guard)
	add = func(gs []routes.Guard) {
		for _, g := range gs {
			if g.Answers && g.Basis == routes.Wrapper {
				add(g.Nested) // what makes a handler is given what it serves
				continue
			}
			if !like[g.Func] {
				continue
			}
			for _, arg := range g.Args {
				for _, c := range arg.Consts {
					if maybePermission(c) {
						ids = append(ids, guards.Spelled(c))
					}
				}
			}
		}
	}
	for _, r := range p.Routes {
		add(r.Guards)
	}
	return perm.NewSet(ids...)
}

// draft writes the catalog's YAML.
func (p *goProgram) draft(name string, vocabulary perm.Set) string {
	var b strings.Builder
	counts := map[string]int{}
	var rows strings.Builder
	written := map[string]string{} // endpoint -> requirement
	sections := map[string][]*guards.Route{}
	for _, r := range p.Routes {
		sections[r.Package] = append(sections[r.Package], r)
	}
	for _, pkg := range slices.Sorted(maps.Keys(sections)) {
		fmt.Fprintf(&rows, "  # package %s\n", comment(pkg))
		list := sections[pkg]
		slices.SortStableFunc(list, func(x, y *guards.Route) int {
			return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Method, y.Method))
		})
		for _, r := range list {
			p.draftRow(&rows, r, written, counts)
		}
	}
	fmt.Fprintf(&b, "permcheck: catalog/1\nname: %s\n", strictyaml.QuoteValue(name))
	fmt.Fprintf(&b, "# A draft made from the code: %d endpoints, %d guarded, %d public, %d unknown.\n",
		len(written), counts["guarded"], counts["public"], counts["unknown"])
	b.WriteString("# It says what the code does, which need not be what is right. Review each row.\n")
	for _, u := range p.Unresolved {
		fmt.Fprintf(&b, "# not read: %s: %s\n", comment(catalogs.Pos{File: u.File, Line: u.Line, Column: u.Column}.String()), comment(u.Reason))
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "# package %s could not be read\n", comment(e.Package))
	}
	b.WriteString("permissions:\n")
	if len(vocabulary) == 0 {
		b.WriteString("  # No call on the way to a handler is given a permission as a constant. List the\n")
		b.WriteString("  # permissions here; name the guards in .permcheck.yaml.\n")
	}
	for _, id := range vocabulary {
		fmt.Fprintf(&b, "  %s:\n", strictyaml.QuoteKey(string(id)))
	}
	b.WriteString("endpoints:\n")
	b.WriteString(rows.String())
	return b.String()
}

// draftRow writes one route, with what is uncertain about it as a comment.
func (p *goProgram) draftRow(b *strings.Builder, r *guards.Route, written map[string]string, counts map[string]int) {
	path := p.Settings.Path(r)
	method := methodName(r.Method)
	var notes []string
	requires := "unknown"
	switch {
	case r.Requires == nil:
		notes = append(notes, "declares nothing")
	case r.Requires.IsUnknown():
		for _, u := range r.Unread {
			notes = append(notes, u.Reason)
		}
	default:
		requires = r.Requires.String()
	}
	if r.Conditional {
		notes = append(notes, "registered only under a condition")
	}
	if r.Dynamic {
		notes = append(notes, "part of the path is known only at run time")
	}
	at := fmt.Sprintf("%s:%d", filepath.ToSlash(r.File), r.Line)
	if _, err := catalogs.ParseTemplate(path); err != nil {
		fmt.Fprintf(b, "  # %s %s: %s (%s)\n", method, comment(path), comment(err.Error()), comment(at))
		return
	}
	key := catalogs.EndpointKey(r.Method, path)
	if before, dup := written[key]; dup {
		if before != requires {
			fmt.Fprintf(b, "  # registered again with another demand: %s %s: %s (%s)\n", method, comment(path), comment(requires), comment(at))
		}
		return
	}
	written[key] = requires
	switch requires {
	case "unknown":
		counts["unknown"]++
	case "public":
		counts["public"]++
	default:
		counts["guarded"]++
	}
	fmt.Fprintf(b, "  %s: %s", strictyaml.QuoteKey(method+" "+path), strictyaml.QuoteValue(requires))
	if len(notes) > 0 {
		fmt.Fprintf(b, "  # %s (%s)", comment(strings.Join(slices.Compact(notes), "; ")), comment(at))
	}
	b.WriteByte('\n')
}

// comment makes text fit for the rest of a line.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
