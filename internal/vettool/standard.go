package vettool

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/permcheck/permcheck/analyzers/routes"
)

// The go command runs a vet tool on every package that a program imports, those of the
// standard library included, and again after each change of the tool's identity: of a catalog,
// say. No analyzer says anything about the standard library; all that comes of those runs is
// the types that importers need, and those are the same whatever the configuration. So they
// are kept, by tool and files, in the user's cache: after a change of a catalog only the
// program itself is read again.

// stdChild tells a process that another one keeps what it writes.
const stdChild = "PERMCHECK_VET_STANDARD"

// stdAge is how long the results of a tool are kept that nobody has added to.
const stdAge = 30 * 24 * time.Hour

// A stdUnit is a package of the standard library that the go command describes in a file.
type stdUnit struct {
	ImportPath, GoVersion string
	GoFiles               []string
	VetxOnly              bool
	VetxOutput, Stdout    string // files to write; what is printed of a unit that is only read is nothing
}

// vetStandard answers for a package of the standard library from what is kept, or runs the
// analysis and keeps what comes of it. It reports false where that is not possible; then the
// analysis is to be run as for any other package.
func vetStandard(args []string) (code int, done bool) {
	if os.Getenv(stdChild) != "" {
		return 0, false
	}
	data, err := os.ReadFile(args[len(args)-1])
	var unit stdUnit
	if err != nil || json.Unmarshal(data, &unit) != nil || !unit.VetxOnly || unit.VetxOutput == "" {
		return 0, false
	}
	exe, err := os.Executable()
	if err != nil {
		return 0, false
	}
	kept, err := unit.kept(exe)
	if err != nil {
		return 0, false
	}
	if data, err := os.ReadFile(kept); err == nil {
		if unit.Stdout != "" && os.WriteFile(unit.Stdout, nil, 0o666) != nil {
			return 0, false
		}
		return 0, os.WriteFile(unit.VetxOutput, data, 0o666) == nil
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), stdChild+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() > 0 {
			return exit.ExitCode(), true
		}
		return 0, false
	}
	if data, err := os.ReadFile(unit.VetxOutput); err == nil {
		keep(kept, data)
	}
	return 0, true
}

// kept is the name of the file for what comes of the unit, which may not be there.
func (u *stdUnit) kept(exe string) (string, error) {
	if len(u.GoFiles) == 0 {
		return "", errors.New("no files")
	}
	files := sha256.New()
	fmt.Fprintf(files, "%q %q\n", u.ImportPath, u.GoVersion)
	for _, name := range u.GoFiles {
		if !routes.StandardFile(name) { // such as what cgo writes
			return "", fmt.Errorf("%s is not of the standard library", name)
		}
		if err := identify(files, name); err != nil {
			return "", err
		}
	}
	tool := sha256.New()
	fmt.Fprintln(tool, runtime.GOOS, runtime.GOARCH, runtime.Version())
	if err := identify(tool, exe); err != nil {
		return "", err
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "permcheck", "std", fmt.Sprintf("%x", tool.Sum(nil)[:12]), fmt.Sprintf("%x", files.Sum(nil))), nil
}

// identify writes what tells a file from an earlier one of its name.
func identify(w io.Writer, name string) error {
	info, err := os.Stat(name)
	if err == nil {
		fmt.Fprintf(w, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	return err
}

// keep writes a file at once and whole, since many processes may write the same one. Where
// that is not possible nothing is kept. Whoever adds the first file of a tool removes those of
// tools that are long gone.
func keep(name string, data []byte) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return
	}
	if os.Mkdir(dir, 0o700) == nil {
		entries, _ := os.ReadDir(filepath.Dir(dir))
		for _, e := range entries {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stdAge {
				_ = os.RemoveAll(filepath.Join(filepath.Dir(dir), e.Name()))
			}
		}
	}
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
}
