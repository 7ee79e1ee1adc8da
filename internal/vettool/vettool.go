package vettool

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"

	"github.com/permcheck/permcheck/analyzers"
	"github.com/permcheck/permcheck/analyzers/guards"
)

// Called reports whether the arguments are those with which "go vet -vettool=TOOL" calls its
// tool: -V=full, -flags, or flags and a *.cfg file.
func Called(args []string) bool {
	if len(args) == 0 {
		return false
	}
	for _, a := range args[:len(args)-1] {
		if !strings.HasPrefix(a, "-") {
			return false
		}
	}
	last := args[len(args)-1]
	return last == "-V=full" || last == "-flags" || strings.HasSuffix(last, ".cfg") && !strings.HasPrefix(last, "-")
}

// Run plays the go command's vet tool and returns its exit code. It exits the process where the
// driver of analyzers does.
func Run(args []string, out, errOut io.Writer) int {
	if args[len(args)-1] == "-V=full" {
		id, err := toolID()
		if err != nil {
			fmt.Fprintf(errOut, "permcheck: %v\n", err)
			return 2
		}
		fmt.Fprintf(out, "permcheck version devel buildID=%s/%s\n", id, id)
		return 0
	}
	if code, done := vetStandard(args); done {
		return code
	}
	// The tool is started once for each package and lives for a moment: memory that is
	// never touched keeps the collector from running at 4 MB and every few after that.
	//lint:ignore SA4006 that nobody reads it is its use
	ballast := make([]byte, 16<<20)
	unitchecker.Main(append([]*analysis.Analyzer{analyzers.Records}, analyzers.Suite...)...)
	runtime.KeepAlive(ballast)
	return 0
}

// Main is [Run] for a program that is nothing else.
func Main(args []string, out, errOut io.Writer) int {
	if !Called(args) {
		fmt.Fprintln(errOut, Name+" is run by the go command: go vet -vettool=$(which "+Name+") ./...; permcheck vet is the command for people")
		return 2
	}
	return Run(args, out, errOut)
}

// toolID identifies the tool for the go command's cache. That cache knows nothing of
// catalogs and configuration, so their content is part of the identity: a change of
// either runs every check again. Records are the same whatever the catalog says; the
// configuration decides which routers they know.
func toolID() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := os.Open(exe)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", filepath.Base(exe), err)
	}
	if records := os.Getenv(guards.RecordsEnv); records != "" {
		io.WriteString(h, records+guards.RecordsHash("."))
	} else {
		io.WriteString(h, guards.Hash("."))
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
