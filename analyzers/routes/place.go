package routes

import (
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Position is where something of the package is written. What is kept of a package, facts and
// records, may be read in another checkout: a build cache can be shared, and -trimpath makes
// the keys of two checkouts equal. So a file of a module that is worked on is named by the
// module: its import path and its name. [Locate] finds it again. Other files, those of the
// module cache among them, have the name that the driver gives them.
func Position(pass *analysis.Pass, pos token.Pos) token.Position {
	p := pass.Fset.Position(pos)
	p.Filename = FileName(pass, p.Filename)
	return p
}

// FileName is the name by which a file of the package is kept; see [Position].
func FileName(pass *analysis.Pass, file string) string {
	m := pass.Module
	if m == nil || m.Version != "" || m.Path == "" || file == "" {
		return file
	}
	importPath := strings.TrimSuffix(pass.Pkg.Path(), "_test")
	if importPath != m.Path && !strings.HasPrefix(importPath, m.Path+"/") || !filepath.IsAbs(file) {
		return file
	}
	// A file that the go command made, such as of cgo, stands elsewhere.
	if len(pass.Files) > 0 && filepath.Dir(file) != filepath.Dir(pass.Fset.Position(pass.Files[0].FileStart).Filename) {
		return file
	}
	return path.Join(importPath, filepath.Base(file))
}

// Locate returns where a file that [FileName] named is, in a module whose root is a folder.
// It reports false for a file that is not of the module.
func Locate(file, module, root string) (string, bool) {
	rel, ok := strings.CutPrefix(file, module+"/")
	if !ok || filepath.IsAbs(file) {
		return file, false
	}
	return filepath.Join(root, filepath.FromSlash(rel)), true
}

// moduleDir is the root of the package's module; empty: not known.
func moduleDir(pass *analysis.Pass) string {
	if pass.Module == nil || len(pass.Files) == 0 {
		return ""
	}
	dir := filepath.Dir(pass.Fset.Position(pass.Files[0].FileStart).Filename)
	rel, ok := strings.CutPrefix(strings.TrimSuffix(pass.Pkg.Path(), "_test"), pass.Module.Path)
	if !ok {
		return ""
	}
	root, ok := strings.CutSuffix(filepath.ToSlash(dir), rel)
	if !ok {
		return ""
	}
	return filepath.FromSlash(root)
}

// maxSource bounds the size of a file that findings are placed in.
const maxSource = 16 << 20

// Source adds a file that [Position] named, of another package maybe, to the files that a
// driver can report at; nil: it cannot be read. A file of this package is the one that was
// parsed.
func Source(pass *analysis.Pass, file string) *token.File {
	for _, f := range pass.Files {
		if tf := pass.Fset.File(f.FileStart); tf != nil && (tf.Name() == file || FileName(pass, tf.Name()) == file) {
			return tf
		}
	}
	if root := moduleDir(pass); root != "" {
		file, _ = Locate(file, pass.Module.Path, root)
	}
	if !filepath.IsAbs(file) {
		return nil
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil
	}
	// The driver's own ReadFile refuses what is not of this package.
	content, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	tf := pass.Fset.AddFile(file, -1, len(content))
	tf.SetLinesForContent(content)
	return tf
}
