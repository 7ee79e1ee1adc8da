package guards

import (
	"slices"
	"testing"
)

func TestSpellings(t *testing.T) {
	for path, want := range map[string][]string{
		"/a":         {"/a"},
		"/a/":        {"/a/", "/a"},
		"/{base}/a":  {"/{base}/a", "/a"},
		"/{base}/a/": {"/{base}/a/", "/{base}/a", "/a/"},
		"/":          {"/"},
	} {
		if got := Spellings(path); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
