package guards

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/permcheck/permcheck/analyzers/routes"
	"github.com/permcheck/permcheck/internal/strictyaml"
)

// An Ignore is one comment //permcheck:ignore RULE REASON.
type Ignore struct {
	Rule, Reason string
	Place
	Covers int // the line of which it speaks
}

// A Place is where something is written.
type Place struct {
	File         string
	Line, Column int
}

// An IgnoreFact tells importers of a package's ignores and of those that it was told
// of: a finding about a route that another package registers may be ignored there.
type IgnoreFact struct{ Ignores []Ignore }

// AFact marks IgnoreFact as a fact.
func (*IgnoreFact) AFact() {}

func (f *IgnoreFact) String() string { return fmt.Sprintf("ignores(%d)", len(f.Ignores)) }

// findIgnores reads the package's ignores, and exports them with those of its imports.
func findIgnores(pass *analysis.Pass) (own, all []Ignore) {
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.Position(file.Package).Filename, "_test.go") {
			continue
		}
		for _, d := range routes.Directives(pass, file) {
			if d.Verb == "ignore" {
				rule, reason, _ := strings.Cut(d.Text, " ")
				own = append(own, Ignore{rule, strings.TrimSpace(reason), Place{d.File, d.Line, d.Column}, d.Covers})
			}
		}
	}
	all = own
	for _, pf := range pass.AllPackageFacts() {
		if f, ok := pf.Fact.(*IgnoreFact); ok && pf.Package != pass.Pkg {
			all = append(all[:len(all):len(all)], f.Ignores...)
		}
	}
	slices.SortFunc(all, func(a, b Ignore) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if all = slices.Compact(all); len(all) > 0 {
		pass.ExportPackageFact(&IgnoreFact{all})
	}
	return own, all
}

// Unignored returns the problems that no comment ignores, and those that one does. used holds
// the ignores that took one away. A comment speaks of problems at its line, and of those of the routes
// that are registered there. Without a reason it takes nothing away.
func Unignored(problems []Problem, ignores []Ignore) (rest, ignored []Problem, used map[Ignore]bool) {
	used = map[Ignore]bool{}
	type line struct {
		file string
		line int
	}
	at := map[line][]Ignore{}
	for _, ig := range ignores {
		at[line{ig.File, ig.Covers}] = append(at[line{ig.File, ig.Covers}], ig)
	}
	if len(at) == 0 {
		return problems, nil, used
	}
	for _, p := range problems {
		taken := false
		for _, place := range []Place{{p.File, p.Line, p.Column}, p.Route, p.Via} {
			for _, ig := range at[line{place.File, place.Line}] {
				if ig.Rule == p.Rule {
					used[ig] = true
					taken = taken || ig.Reason != ""
				}
			}
		}
		if taken {
			ignored = append(ignored, p)
		} else {
			rest = append(rest, p)
		}
	}
	return rest, ignored, used
}

// CheckIgnores reports ignores without a reason, and those that took nothing away. Of
// the latter it says nothing where may reports that they could have, had more been
// seen.
func CheckIgnores(ignores []Ignore, used map[Ignore]bool, may func(Ignore) bool) []Problem {
	var out []Problem
	add := func(ig Ignore, rule, format string, args ...any) {
		out = append(out, Problem{
			Rule: rule, Subject: "ignore " + ig.Rule, Args: []string{ig.File, ig.Reason}, Message: fmt.Sprintf(format, args...),
			File: ig.File, Line: ig.Line, Column: ig.Column,
		})
	}
	for _, ig := range ignores {
		switch {
		case ig.Rule == "":
			add(ig, RuleIgnoreReason, "//permcheck:ignore needs the rule that it ignores, and the reason")
		case !slices.Contains(InCode, ig.Rule):
			hint := ""
			if near := strictyaml.Nearest(ig.Rule, InCode); near != "" {
				hint = "; did you mean " + near + "?"
			}
			add(ig, RuleIgnoreUnmatched, "//permcheck:ignore %s: no such rule is reported at source lines%s", ig.Rule, hint)
		case ig.Reason == "":
			add(ig, RuleIgnoreReason, "//permcheck:ignore %s needs the reason, and ignores nothing without it", ig.Rule)
		case !used[ig] && !may(ig):
			add(ig, RuleIgnoreUnmatched, "//permcheck:ignore %s: there is nothing to ignore here any more", ig.Rule)
		}
	}
	return out
}
