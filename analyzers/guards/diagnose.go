package guards

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strconv"

	"github.com/permcheck/permcheck/analyzers/routes"
	"golang.org/x/tools/go/analysis"
)

// Diagnose reports the problems of a package's routes that are of the given rules.
func Diagnose(pass *analysis.Pass, rules ...string) error {
	problems, err := Problems(pass)
	if err != nil {
		return err
	}
	Report(pass, slices.DeleteFunc(problems, func(p Problem) bool { return !slices.Contains(rules, p.Rule) }))
	return nil
}

// Problems returns the problems of a package's routes. Routes that importers can
// still wrap or mount are left to them, and so are routes that the package which
// registers them has accounted for.
func Problems(pass *analysis.Pass) ([]Problem, error) {
	declared, settings, err := pass.ResultOf[Analyzer].(*Result).Declared()
	var out []Problem
	// A guard may stand before several routes: what mends one may open another.
	type text struct {
		Place
		wrong string
	}
	spoils := map[text]bool{}
	for _, r := range declared {
		problems := settings.Check(r)
		for _, p := range problems {
			if p.Wrong != "" && p.Right == "" {
				spoils[text{Place{p.File, p.Line, p.Column}, p.Wrong}] = true
			}
		}
		if !r.Open && !r.Reported {
			out = append(out, problems...)
		}
	}
	for i, p := range out {
		if spoils[text{Place{p.File, p.Line, p.Column}, p.Wrong}] {
			out[i].Right = ""
		}
	}
	return out, err
}

// Report reports the problems that no comment ignores, each with its rule as the
// diagnostic's category.
func Report(pass *analysis.Pass, problems []Problem) {
	problems, _, _ = Unignored(problems, pass.ResultOf[Analyzer].(*Result).Ignores)
	seen := map[string]bool{}
	for _, p := range problems {
		key := p.Rule + p.Message + p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
		if seen[key] {
			continue
		}
		seen[key] = true
		d := analysis.Diagnostic{Category: p.Rule, Message: p.Message}
		if d.Pos = position(pass, p.File, p.Line, p.Column); !d.Pos.IsValid() {
			d.Pos = position(pass, p.Via.File, p.Via.Line, p.Via.Column)
			if p.File != "" {
				d.Message += fmt.Sprintf(" (at %s:%d:%d)", p.File, p.Line, p.Column)
			}
		}
		if p.Right != "" {
			d.SuggestedFixes = suggest(pass, d.Pos, p.Wrong, p.Right)
		}
		if !d.Pos.IsValid() {
			d.Pos = pass.Files[0].Name.Pos()
		}
		pass.Report(d)
	}
}

// position finds a place in a file, of another package maybe: routes are registered in one and
// mounted in another, and the finding belongs where the route is.
func position(pass *analysis.Pass, file string, line, col int) token.Pos {
	tf := pass.ResultOf[Analyzer].(*Result).source(pass, file)
	if tf == nil || line <= 0 || line > tf.LineCount() {
		return token.NoPos
	}
	p := tf.LineStart(line) + token.Pos(max(col-1, 0))
	if int(p) > tf.Base()+tf.Size() {
		return tf.LineStart(line)
	}
	return p
}

// source returns a file that places name, read once for all analyzers of the package.
func (r *Result) source(pass *analysis.Pass, file string) *token.File {
	r.reading.Lock()
	defer r.reading.Unlock()
	tf, ok := r.sources[file]
	if !ok {
		if r.sources == nil {
			r.sources = map[string]*token.File{}
		}
		tf = routes.Source(pass, file)
		r.sources[file] = tf
	}
	return tf
}

// suggest replaces the misspelt permission where it is written as a literal in the
// call at pos.
func suggest(pass *analysis.Pass, pos token.Pos, wrong, right string) []analysis.SuggestedFix {
	var lit *ast.BasicLit
	for _, f := range pass.Files {
		if !(f.FileStart <= pos && pos < f.FileEnd) {
			continue
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || lit != nil || !(call.Pos() <= pos && pos < call.End()) {
				return true
			}
			for _, a := range call.Args {
				ast.Inspect(a, func(n ast.Node) bool {
					if b, ok := n.(*ast.BasicLit); ok && b.Kind == token.STRING && lit == nil {
						if text, err := strconv.Unquote(b.Value); err == nil && text == wrong {
							lit = b
						}
					}
					return true
				})
			}
			return true
		})
	}
	if lit == nil {
		return nil
	}
	return []analysis.SuggestedFix{{
		Message:   "Replace " + strconv.Quote(wrong) + " by " + strconv.Quote(right),
		TextEdits: []analysis.TextEdit{{Pos: lit.Pos(), End: lit.End(), NewText: []byte(strconv.Quote(right))}},
	}}
}
