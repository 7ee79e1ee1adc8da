package vettool

import (
	"debug/buildinfo"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Env names the tool that permcheck lets the go command run, in place of what [Path] finds.
const Env = "PERMCHECK_VET_TOOL"

// Name is the light tool, beside the command.
const Name = "permcheck-vet"

// Path returns the tool that the go command shall run for this command: permcheck-vet beside it,
// or the command itself where there is none of the same version. One of another version would
// answer with the findings of that version.
func Path() (string, error) {
	if tool := os.Getenv(Env); tool != "" {
		return filepath.Abs(tool)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	name := Name
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, command := range []string{self, resolved(self)} {
		light := filepath.Join(filepath.Dir(command), name)
		own, ok := debug.ReadBuildInfo()
		if other, err := buildinfo.ReadFile(light); ok && err == nil && sameBuild(own, other) {
			return light, nil
		}
	}
	return self, nil
}

// resolved follows symbolic links, by which a command may stand in another folder.
func resolved(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

// sameBuild reports whether two programs were built from the same source, as far as the go
// command wrote it down. A build from files that nobody recorded is the same as no other.
func sameBuild(a, b *debug.BuildInfo) bool {
	type id struct{ path, version, sum, revision, goVersion string }
	of := func(i *debug.BuildInfo) (id, bool) {
		out := id{path: i.Main.Path, version: i.Main.Version, sum: i.Main.Sum, goVersion: i.GoVersion}
		for _, s := range i.Settings {
			switch s.Key {
			case "vcs.modified":
				if s.Value != "false" {
					return out, false
				}
			case "vcs.revision":
				out.revision = s.Value
			}
		}
		return out, out.sum != "" || out.revision != "" && !strings.Contains(out.version, "+dirty")
	}
	x, known := of(a)
	y, also := of(b)
	return known && also && x == y
}
