package guards

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"

	"golang.org/x/tools/go/analysis"
)

// Diagnose reports the problems of a package's routes that are of the given rules,
// each with its rule as the diagnostic's category. Routes that importers can still
// wrap or mount are left to them, and so are routes that the package which registers
// them has accounted for.
func Diagnose(pass *analysis.Pass, rules ...string) error {
	declared, settings, err := pass.ResultOf[Analyzer].(*Result).Declared()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, r := range declared {
		if r.Open || r.Reported {
			continue
		}
		for _, p := range settings.Check(r) {
			key := p.Rule + p.Message + p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
			if !slices.Contains(rules, p.Rule) || seen[key] {
				continue
			}
			seen[key] = true
			d := analysis.Diagnostic{Category: p.Rule, Message: p.Message}
			if d.Pos = position(pass, p.File, p.Line, p.Column); !d.Pos.IsValid() {
				d.Pos = position(pass, r.ViaFile, r.ViaLine, r.ViaColumn)
				d.Message += " (registered in " + r.Package + ")"
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
	return nil
}

// position finds a place in one of the package's files.
func position(pass *analysis.Pass, file string, line, col int) token.Pos {
	for _, f := range pass.Files {
		tf := pass.Fset.File(f.FileStart)
		if tf != nil && tf.Name() == file && line > 0 && line <= tf.LineCount() {
			p := tf.LineStart(line) + token.Pos(max(col-1, 0))
			if int(p) > tf.Base()+tf.Size() {
				return tf.LineStart(line)
			}
			return p
		}
	}
	return token.NoPos
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
