package witness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// checkout writes the files of a revision to a folder outside of the repository, and
// returns the folder there that corresponds to the folder from. The repository itself is
// not touched. The caller calls remove when it is done.
func Checkout(ctx context.Context, from, rev string) (sub string, remove func(), err error) {
	index := ""
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-C", from}, args...)...)
		if index != "" {
			cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+index)
		}
		var out, errOut strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errOut
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%w: %s", err, FirstLines(errOut.String(), 3))
		}
		return strings.TrimSpace(out.String()), nil
	}
	if strings.HasPrefix(rev, "-") {
		return "", nil, fmt.Errorf("--base %q: expected a git revision", rev)
	}
	top, err := run("rev-parse", "--show-toplevel")
	if err != nil {
		return "", nil, errors.New("--base needs a git repository here: " + err.Error())
	}
	prefix, err := run("rev-parse", "--show-prefix")
	if err != nil {
		return "", nil, err
	}
	hash, err := run("rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{tree}")
	if err != nil {
		shallow, err := run("rev-parse", "--is-shallow-repository")
		return "", nil, fmt.Errorf("--base: %w", UnknownRevision(rev, err == nil && shallow == "true"))
	}
	dir, err := checkoutDir(hash)
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	if sub, err = writeTree(run, &index, dir, top, hash, prefix); err != nil {
		remove()
		return "", nil, fmt.Errorf("--base %s: %w", rev, err)
	}
	return sub, remove, nil
}

// checkoutDir makes the folder for a tree: the same one each time, so that the go
// command finds in its cache what it made of it before. While another run has it, one of
// its own.
func checkoutDir(hash string) (string, error) {
	if cache, err := os.UserCacheDir(); err == nil {
		dir := filepath.Join(cache, "permcheck", "base-"+hash)
		if os.MkdirAll(filepath.Dir(dir), 0o700) == nil {
			if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > time.Hour {
				os.RemoveAll(dir) // left behind by a run that was killed
			}
			if os.Mkdir(dir, 0o700) == nil {
				return dir, nil
			}
		}
	}
	return os.MkdirTemp("", "permcheck-base-")
}

// writeTree writes the files of a tree below dir.
func writeTree(run func(...string) (string, error), index *string, dir, top, hash, prefix string) (string, error) {
	// No configuration is looked for above what is checked out.
	if err := os.WriteFile(filepath.Join(dir, ".git"), nil, 0o600); err != nil {
		return "", err
	}
	tree := filepath.Join(dir, "tree") + string(filepath.Separator)
	*index = filepath.Join(dir, ".index")
	if _, err := run("-C", top, "read-tree", hash); err != nil {
		return "", err
	}
	if _, err := run("-C", top, "checkout-index", "--all", "--prefix="+tree); err != nil {
		return "", err
	}
	sub := filepath.Join(tree, filepath.FromSlash(prefix))
	if _, err := os.Stat(sub); err != nil {
		return "", fmt.Errorf("it has no folder %s", prefix)
	}
	return sub, nil
}

// UnknownRevision says that git has no such revision and, in a clone that was cut short,
// what to type.
func UnknownRevision(rev string, shallow bool) error {
	if !shallow {
		return fmt.Errorf("git knows no revision %q", rev)
	}
	if strings.ContainsAny(rev, "~^@") {
		return fmt.Errorf("git knows no revision %q; this clone is shallow: type git fetch --deepen=100 and try again", rev)
	}
	branch := strings.TrimPrefix(strings.TrimPrefix(rev, "refs/heads/"), "origin/")
	return fmt.Errorf("git knows no revision %q; this clone is shallow: type git fetch --depth=1 origin %s and give FETCH_HEAD instead of %s", rev, branch, rev)
}
