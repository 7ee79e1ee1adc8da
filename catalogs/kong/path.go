package kong

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// Pieces of regular expressions that stand for a parameter: a group or a class that has no
// slash, repeated.
var (
	group   = regexp.MustCompile(`^\((?:\?P?<([A-Za-z_][A-Za-z0-9_]*)>|\?:)?([^()]*)\)`)
	class   = regexp.MustCompile(`^(?:\[\^/[^\]]*\]|\[[^\]^/.]+\]|\\[dw])(?:[+]|\{[0-9,]+\})`)
	escaped = regexp.MustCompile(`^\\([-./_~])`)
	literal = regexp.MustCompile(`^[A-Za-z0-9/_~:@!,;=%-]`)
)

// pathsOf returns the templates of a route's path: of a prefix itself and what is below it.
func pathsOf(path string) ([]string, error) {
	expr, isRegexp := strings.CutPrefix(path, "~")
	if !isRegexp {
		if !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("path %q: expected a path that begins with /, or a regular expression that begins with ~", path)
		}
		return prefix(path)
	}
	template, exact, err := fromRegexp(expr)
	if err != nil {
		return nil, err
	}
	if exact {
		_, err := catalogs.ParseTemplate(template)
		return []string{template}, err
	}
	return prefix(template)
}

// prefix returns a path and the tree below it.
func prefix(path string) ([]string, error) {
	tree := strings.TrimSuffix(path, "/") + "/{path...}"
	if _, err := catalogs.ParseTemplate(tree); err != nil {
		return nil, err
	}
	if path == "/" {
		return []string{tree}, nil
	}
	return []string{path, tree}, nil
}

// fromRegexp reads a regular expression as a template; exact says that it is anchored at its
// end.
func fromRegexp(expr string) (template string, exact bool, err error) {
	var b strings.Builder
	rest := strings.TrimPrefix(expr, "^")
	unknown := func() (string, bool, error) {
		return "", false, fmt.Errorf("path ~%s: %q of the regular expression is not read", expr, rest)
	}
	param := func(name string) {
		if name == "" {
			name = fmt.Sprintf("p%d", strings.Count(b.String(), "{")+1)
		}
		b.WriteString("{" + name + "}")
	}
	for rest != "" {
		switch {
		case rest == "$":
			return b.String(), true, nil
		case rest == "/?$" || rest == "/?":
			return b.String(), rest == "/?$", nil
		case strings.HasSuffix(b.String(), "/") && (rest == ".*" || rest == ".*$" || rest == "(.*)" || rest == "(.*)$" || rest == ".+" || rest == ".+$"):
			return strings.TrimSuffix(b.String(), "/") + "/{path...}", true, nil
		}
		if m := group.FindStringSubmatch(rest); m != nil {
			if inner := class.FindString(m[2]); inner != m[2] || inner == "" {
				return unknown()
			}
			param(m[1])
			rest = rest[len(m[0]):]
			continue
		}
		if m := class.FindString(rest); m != "" {
			param("")
			rest = rest[len(m):]
			continue
		}
		if m := escaped.FindStringSubmatch(rest); m != nil {
			b.WriteString(m[1])
			rest = rest[len(m[0]):]
			continue
		}
		if !literal.MatchString(rest) {
			return unknown()
		}
		if len(rest) > 1 && strings.ContainsRune("?*+{", rune(rest[1])) {
			return unknown()
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	if b.Len() == 0 {
		return unknown()
	}
	return b.String(), false, nil
}
