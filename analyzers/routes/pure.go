package routes

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// pure evaluates the functions of the standard library from which programs make
// paths. The second result is false for any other function.
func pure(name string, args []value) (value, bool) {
	str := func(i int) (string, bool) {
		if i >= len(args) {
			return "", false
		}
		k, ok := args[i].(konst)
		return k.text, ok && k.kind == 's'
	}
	dyn := func() bool {
		for _, a := range args {
			if k, ok := a.(konst); !ok || k.dyn {
				return true
			}
		}
		return false
	}
	result := func(s string) (value, bool) {
		return konst{kind: 's', text: s, dyn: dyn() || strings.Contains(s, baseMark), param: slices.ContainsFunc(args, fromParam), in: writtenIn(args)}, true
	}
	boolean := func(b bool) (value, bool) { return konst{kind: 'b', text: strconv.FormatBool(b)}, true }
	no := unknown{why: "a text that is made at run time"}
	for _, a := range args {
		if fromParam(a) {
			no.param = true
		}
	}
	switch name {
	case "path.Join", "net/url.JoinPath":
		parts := make([]string, 0, len(args))
		for i, a := range args {
			s, ok := str(i)
			if !ok {
				if !isUnknown(a) {
					return no, true
				}
				s = baseMark
			}
			parts = append(parts, s)
		}
		if strings.Trim(strings.Join(parts, ""), baseMark) == "" && len(parts) > 0 && strings.Contains(strings.Join(parts, ""), baseMark) {
			return no, true
		}
		if name == "path.Join" {
			return result(path.Join(parts...))
		}
		if len(parts) == 0 {
			return no, true
		}
		joined := strings.TrimSuffix(parts[0], "/") + "/" + strings.TrimPrefix(path.Join(parts[1:]...), "/")
		if len(parts) > 1 && strings.HasSuffix(parts[len(parts)-1], "/") && !strings.HasSuffix(joined, "/") {
			joined += "/"
		}
		return tuple{konst{kind: 's', text: joined, dyn: dyn()}, konst{}}, true
	case "path.Clean":
		if s, ok := str(0); ok && !strings.Contains(s, baseMark) {
			return result(path.Clean(s))
		}
		return no, true
	case "path.IsAbs":
		if s, ok := str(0); ok && !strings.HasPrefix(s, baseMark) {
			return boolean(path.IsAbs(s))
		}
		return no, true
	case "strings.ToLower", "strings.ToUpper", "strings.TrimSpace":
		s, ok := str(0)
		if !ok {
			return no, true
		}
		switch name {
		case "strings.ToLower":
			s = strings.ToLower(s)
		case "strings.ToUpper":
			s = strings.ToUpper(s)
		default:
			s = strings.TrimSpace(s)
		}
		return result(s)
	case "strings.TrimPrefix", "strings.TrimSuffix", "strings.TrimRight", "strings.TrimLeft", "strings.Trim",
		"strings.HasPrefix", "strings.HasSuffix", "strings.Contains", "strings.ContainsAny":
		s, ok := str(0)
		t, ok2 := str(1)
		if !ok || !ok2 {
			return no, true
		}
		atStart, atEnd := !strings.HasPrefix(s, baseMark), !strings.HasSuffix(s, baseMark)
		switch name {
		case "strings.TrimPrefix":
			return result(strings.TrimPrefix(s, t))
		case "strings.TrimSuffix":
			return result(strings.TrimSuffix(s, t))
		case "strings.TrimRight":
			return result(strings.TrimRight(s, t))
		case "strings.TrimLeft":
			return result(strings.TrimLeft(s, t))
		case "strings.Trim":
			return result(strings.Trim(s, t))
		case "strings.HasPrefix":
			if atStart {
				return boolean(strings.HasPrefix(s, t))
			}
		case "strings.HasSuffix":
			if atEnd {
				return boolean(strings.HasSuffix(s, t))
			}
		case "strings.Contains":
			if strings.Contains(s, t) || !strings.Contains(s, baseMark) {
				return boolean(strings.Contains(s, t))
			}
		case "strings.ContainsAny":
			if strings.ContainsAny(s, t) || !strings.Contains(s, baseMark) {
				return boolean(strings.ContainsAny(s, t))
			}
		}
		return no, true
	case "strings.ReplaceAll", "strings.Replace":
		s, ok := str(0)
		from, ok2 := str(1)
		to, ok3 := str(2)
		if !ok || !ok2 || !ok3 || name == "strings.Replace" && (len(args) != 4 || intOf(args[3]) >= 0) {
			return no, true
		}
		return result(strings.ReplaceAll(s, from, to))
	case "strings.Join":
		if len(args) == 2 {
			l, ok := args[0].(list)
			sep, ok2 := str(1)
			if ok && ok2 {
				var parts []string
				var d bool
				for _, e := range l.elems {
					k, ok := e.v.(konst)
					if !ok || k.kind != 's' || e.maybe {
						return no, true
					}
					parts, d = append(parts, k.text), d || k.dyn
				}
				return konst{kind: 's', text: strings.Join(parts, sep), dyn: d}, true
			}
		}
		return no, true
	case "strings.Split", "strings.Fields":
		s, ok := str(0)
		if !ok || strings.Contains(s, baseMark) {
			return no, true
		}
		var parts []string
		if name == "strings.Fields" {
			parts = strings.Fields(s)
		} else if sep, ok := str(1); ok {
			parts = strings.Split(s, sep)
		} else {
			return no, true
		}
		var l list
		for _, p := range parts {
			l.elems = append(l.elems, elem{v: text(p)})
		}
		return l, true
	case "strconv.Itoa":
		if k, ok := args[0].(konst); ok && k.kind == 'i' {
			return result(k.text)
		}
		return no, true
	case "strconv.Quote":
		if s, ok := str(0); ok {
			return result(strconv.Quote(s))
		}
		return no, true
	case "fmt.Sprint":
		var out value = text("")
		for i, a := range args {
			if _, ok := str(i); !ok && !isUnknown(a) {
				return no, true
			}
			out = concat(out, a)
		}
		return out, true
	case "fmt.Sprintf":
		format, ok := str(0)
		if !ok {
			return no, true
		}
		return sprintf(format, args[1:]), true
	}
	return nil, false
}

// writtenIn is the function that the last of the texts is written in.
func writtenIn(args []value) string {
	for _, a := range slices.Backward(args) {
		if k, ok := a.(konst); ok && k.in != "" {
			return k.in
		}
	}
	return ""
}

func intOf(v value) int {
	if k, ok := v.(konst); ok && k.kind == 'i' {
		if n, err := strconv.Atoi(k.text); err == nil {
			return n
		}
	}
	return 0
}

// sprintf formats the verbs that paths are made with; a part that is not known, or
// any other verb, becomes a part known only at run time.
func sprintf(format string, args []value) value {
	var out value = text("")
	for {
		i := strings.IndexByte(format, '%')
		if i < 0 || i == len(format)-1 {
			return concat(out, text(format))
		}
		out = concat(out, text(format[:i]))
		verb := format[i+1]
		format = format[i+2:]
		switch verb {
		case '%':
			out = concat(out, text("%"))
			continue
		case 's', 'v', 'd', 'q':
			if len(args) == 0 {
				return unknown{why: "a format with too few arguments"}
			}
			k, ok := args[0].(konst)
			args = args[1:]
			switch {
			case ok && verb == 'q' && k.kind == 's':
				out = concat(out, konst{kind: 's', text: strconv.Quote(k.text), dyn: k.dyn})
			case ok && (k.kind == 's' && verb != 'd' || k.kind == 'i' && verb != 's'):
				out = concat(out, konst{kind: 's', text: k.text, dyn: k.dyn})
			default:
				out = concat(out, unknown{})
			}
		default:
			return unknown{why: fmt.Sprintf("a format with %%%c", verb)}
		}
	}
}
