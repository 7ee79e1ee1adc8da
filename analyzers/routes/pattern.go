package routes

import (
	"fmt"
	"strings"
)

// tail stands for a wildcard that ends a template and matches the rest of the path.
const tail = "{path...}"

// colonPattern reads the patterns of gin, httprouter and their kin: a segment, or the
// end of one, that begins with : is a parameter; a final * or *name matches the rest.
func colonPattern(pattern string) (method, path string, err error) {
	path, err = colonParams(pattern)
	return AnyMethod, path, err
}

func colonParams(pattern string) (string, error) {
	pattern = slashed(pattern)
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case ':', '*':
			end := len(pattern)
			if j := strings.IndexByte(pattern[i:], '/'); j >= 0 {
				end = i + j
			}
			name := pattern[i+1 : end]
			if c == '*' {
				if end != len(pattern) {
					return "", fmt.Errorf("pattern %q has * before its end", pattern)
				}
				b.WriteString(tail)
			} else {
				if name == "" {
					return "", fmt.Errorf("pattern %q has a parameter without a name", pattern)
				}
				b.WriteString("{" + name + "}")
			}
			i = end - 1
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// slashed puts a slash before a pattern that lacks one.
func slashed(pattern string) string {
	if !strings.HasPrefix(pattern, "/") && !strings.HasPrefix(pattern, baseMark) {
		return "/" + pattern
	}
	return pattern
}

// tailOf splits a template that ends in a wildcard for the rest of the path, and
// reports whether it does.
func tailOf(path string) (string, bool) {
	if !strings.HasSuffix(path, "...}") {
		return path, false
	}
	return path[:strings.LastIndexByte(path, '{')], true
}
