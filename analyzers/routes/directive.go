package routes

import (
	"go/ast"
	"go/token"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A Directive is a comment that begins with //permcheck: and speaks of one line.
type Directive struct {
	Verb, Text   string // "public", "liveness, no data"
	File         string
	Line, Column int
	// Covers is the line of which it speaks: its own if there is code before it, else
	// the first below the comment that it stands in.
	Covers int
}

// Directives returns the directives of a file in their order. What follows another
// // in the comment is a comment on it.
func Directives(pass *analysis.Pass, file *ast.File) []Directive {
	fset := pass.Fset
	var out []Directive
	var code map[int]int // line -> the leftmost column at which something begins or ends
	for _, g := range file.Comments {
		for _, c := range g.List {
			text, ok := strings.CutPrefix(c.Text, "//permcheck:")
			if !ok {
				continue
			}
			if code == nil {
				code = codeColumns(fset, file)
			}
			text, _, _ = strings.Cut(text+" ", " //")
			verb, rest, _ := strings.Cut(text, " ")
			p := Position(pass, c.Pos())
			d := Directive{Verb: verb, Text: strings.TrimSpace(rest), File: p.Filename, Line: p.Line, Column: p.Column, Covers: p.Line}
			if col, ok := code[p.Line]; !ok || col > p.Column {
				d.Covers = fset.Position(g.End()).Line + 1
			}
			out = append(out, d)
		}
	}
	return out
}

func codeColumns(fset *token.FileSet, file *ast.File) map[int]int {
	out := map[int]int{}
	note := func(pos token.Pos) {
		if pos.IsValid() {
			p := fset.Position(pos)
			if col, ok := out[p.Line]; !ok || p.Column < col {
				out[p.Line] = p.Column
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case nil:
		case *ast.File:
			note(n.Package)
		case *ast.CommentGroup, *ast.Comment:
			return false
		default:
			if gd, ok := n.(*ast.GenDecl); ok {
				note(gd.TokPos)
			} else if fd, ok := n.(*ast.FuncDecl); ok {
				note(fd.Type.Pos())
			} else if _, ok := n.(*ast.Field); !ok {
				note(n.Pos())
			}
			if n.End() > n.Pos() {
				note(n.End() - 1)
			}
		}
		return true
	})
	return out
}

// security returns what a handler's doc comment says after @Security: a line of swaggo's
// (https://github.com/swaggo/swag#security) names schemes and their scopes.
func security(doc *ast.CommentGroup) []string {
	if doc == nil {
		return nil
	}
	var out []string
	for _, c := range doc.List {
		text := strings.TrimSpace(strings.TrimPrefix(c.Text, "//"))
		if rest, ok := strings.CutPrefix(text, "@Security "); ok {
			out = append(out, strings.TrimSpace(rest))
		}
	}
	return out
}
