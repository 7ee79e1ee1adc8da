package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/openapi"
)

// isRevision reports whether a reference may be a file of a git revision; C:\x is none.
func isRevision(ref string) bool {
	rev, _, ok := strings.Cut(ref, ":")
	return ok && len(rev) > 1
}

// readRevision reads a file as it is in a git revision of the repository around the
// current directory. As in git itself, file is relative to the repository's root
// unless it begins with "./".
func readRevision(r *Reader, ctx context.Context, ref, _ string) (*Reading, error) {
	rev, file, _ := strings.Cut(ref, ":")
	opts := r.Documents
	if strings.HasPrefix(rev, "-") || file == "" {
		return nil, sourceError(ref, os.ErrNotExist)
	}
	if _, err := Git(ctx, "rev-parse", "--git-dir"); err != nil {
		return nil, fmt.Errorf("%s: no such file, and no git repository here to read revision %q from", ref, rev)
	}
	commit, err := Git(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{tree}")
	if err != nil {
		shallow, err := Git(ctx, "rev-parse", "--is-shallow-repository")
		return nil, fmt.Errorf("%s: no such file, and %w", ref, UnknownRevision(rev, err == nil && strings.TrimSpace(string(shallow)) == "true"))
	}
	tree := revisionFS{ctx: ctx, tree: strings.TrimSpace(string(commit))}
	prefix := ""
	if strings.HasPrefix(file, "./") || strings.HasPrefix(file, "../") {
		out, err := Git(ctx, "rev-parse", "--show-prefix")
		if err != nil {
			return nil, err
		}
		prefix = strings.TrimSpace(string(out))
	}
	name := path.Join(prefix, filepath.ToSlash(file))
	if IsPattern(name) {
		return r.readRevisionPattern(ctx, rev, name, tree, opts)
	}
	data, err := tree.read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: revision %q has no file %s", ref, rev, name)
	}
	if opts.Files, opts.Dir, err = r.revisionRefs(ctx, tree, name); err != nil {
		return nil, err
	}
	folder, err := fs.Sub(tree, path.Dir(name))
	if err != nil {
		return nil, err
	}
	return r.parse(ref, data, opts, func() (*catalogs.Catalog, error) {
		return catalogs.LoadFS(folder, path.Base(name), rev+":"+strings.TrimPrefix(path.Dir(name)+"/", "./"))
	})
}

// readRevisionPattern reads the documents of a revision that a pattern matches as one.
func (r *Reader) readRevisionPattern(ctx context.Context, rev, pattern string, tree revisionFS, opts openapi.Options) (*Reading, error) {
	ref := rev + ":" + pattern
	if _, err := path.Match(strings.ReplaceAll(pattern, "**", "*"), ""); err != nil {
		return nil, fmt.Errorf("%s: this is no pattern of files: %w", ref, err)
	}
	list, err := Git(ctx, "ls-tree", "-r", "-z", "--name-only", "--full-tree", tree.tree)
	if err != nil {
		return nil, fmt.Errorf("%s: listing the files of revision %q: %w", ref, rev, err)
	}
	var files []string
	for _, name := range strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if matchPath(strings.Split(pattern, "/"), strings.Split(name, "/")) {
			files = append(files, name)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no file of revision %q matches this pattern", ref, rev)
	}
	return compose(ref, files, func(file string) (*parsed, error) {
		data, err := tree.read(file)
		if err != nil {
			return nil, fmt.Errorf("%s:%s: %w", rev, file, err)
		}
		if opts.Files, opts.Dir, err = r.revisionRefs(ctx, tree, file); err != nil {
			return nil, err
		}
		return r.parseDocument(rev+":"+file, data, opts)
	})
}

// revisionRefs returns what the references of a revision's document may lead to, and the
// document's folder in it.
func (r *Reader) revisionRefs(ctx context.Context, tree revisionFS, name string) (fs.FS, string, error) {
	dir := path.Dir(name)
	if r.RefsBelow != "" {
		top, err := Git(ctx, "rev-parse", "--show-toplevel")
		if err != nil {
			return nil, "", err
		}
		root := strings.TrimSpace(string(top))
		below, err := filepath.Abs(r.RefsBelow)
		if err == nil {
			below, err = filepath.EvalSymlinks(below) // as git prints its root
		}
		if err != nil {
			return nil, "", fmt.Errorf("--refs-below: %w", err)
		}
		outer, inRepository := Within(root, below)
		inner, isBelow := Within(below, filepath.Join(root, filepath.FromSlash(dir)))
		if inRepository && isBelow {
			sub, err := fs.Sub(tree, outer)
			return sub, inner, err
		}
	}
	sub, err := fs.Sub(tree, dir)
	return sub, ".", err
}

// revisionFS is the tree of one commit, read through git. It opens files only.
type revisionFS struct {
	ctx  context.Context
	tree string
}

func (r revisionFS) read(name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fs.ErrInvalid
	}
	kind, err := Git(r.ctx, "cat-file", "-t", r.tree+":"+name)
	if err != nil || strings.TrimSpace(string(kind)) != "blob" {
		return nil, fs.ErrNotExist
	}
	return Git(r.ctx, "cat-file", "blob", r.tree+":"+name)
}

// Open implements [fs.FS].
func (r revisionFS) Open(name string) (fs.File, error) {
	data, err := r.read(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return File(path.Base(name), data), nil
}

// File is a file that is in memory.
func File(name string, data []byte) fs.File {
	return &revisionFile{Reader: bytes.NewReader(data), name: name, size: int64(len(data))}
}

type revisionFile struct {
	*bytes.Reader
	name string
	size int64
}

func (f *revisionFile) Close() error               { return nil }
func (f *revisionFile) Stat() (fs.FileInfo, error) { return revisionInfo{f.name, f.size}, nil }

type revisionInfo struct {
	name string
	size int64
}

func (i revisionInfo) Name() string       { return i.name }
func (i revisionInfo) Size() int64        { return i.size }
func (i revisionInfo) Mode() fs.FileMode  { return 0o444 }
func (i revisionInfo) ModTime() time.Time { return time.Time{} }
func (i revisionInfo) IsDir() bool        { return false }
func (i revisionInfo) Sys() any           { return nil }

// Git runs git and returns at most [openapi.MaxSize] bytes of its output.
func Git(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	var out limitedBuffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// limitedBuffer refuses to hold more than a document may have.
type limitedBuffer struct{ bytes.Buffer }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > openapi.MaxSize {
		return 0, errors.New("more output than a document may have")
	}
	return b.Buffer.Write(p)
}
