package vettool

import (
	"runtime/debug"
	"testing"
)

// A tool of another version, or of one that is not known, would answer in place of this one.
func TestSameBuild(t *testing.T) {
	build := func(version, sum, revision, modified string) *debug.BuildInfo {
		i := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: "github.com/permcheck/permcheck", Version: version, Sum: sum}}
		if revision != "" {
			i.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
		}
		return i
	}
	installed := build("v1.2.0", "h1:a", "", "")
	for _, c := range []struct {
		name string
		a, b *debug.BuildInfo
		want bool
	}{
		{"one release", installed, build("v1.2.0", "h1:a", "", ""), true},
		{"two releases", installed, build("v1.3.0", "h1:b", "", ""), false},
		{"a release whose source differs", installed, build("v1.2.0", "h1:b", "", ""), false},
		{"one commit", build("v0.0.0-1", "", "abc", "false"), build("v0.0.0-1", "", "abc", "false"), true},
		{"two commits", build("v0.0.0-1", "", "abc", "false"), build("v0.0.0-1", "", "abd", "false"), false},
		{"a commit and edits of it", build("v0.0.0-1", "", "abc", "false"), build("v0.0.0-1+dirty", "", "abc", "true"), false},
		{"edits of one commit", build("v0.0.0-1+dirty", "", "abc", "true"), build("v0.0.0-1+dirty", "", "abc", "true"), false},
		{"nothing is written down", build("(devel)", "", "", ""), build("(devel)", "", "", ""), false},
	} {
		if got := sameBuild(c.a, c.b); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	other := build("v1.2.0", "h1:a", "", "")
	other.GoVersion = "go1.27.0"
	if sameBuild(installed, other) {
		t.Error("two versions of Go: the same")
	}
}
