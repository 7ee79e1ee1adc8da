package routes

import (
	"fmt"
	"strings"
)

const gatewayPkg = "github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

// grpcGateway is github.com/grpc-ecosystem/grpc-gateway/v2/runtime. Generated code
// gives it patterns compiled to opcodes.
var grpcGateway = &Spec{
	Name:  "grpc-gateway",
	Types: []string{gatewayPkg + ".ServeMux"},
	Path:  gatewayPattern,
	Rows: []Row{
		{Func: gatewayPkg + ".NewServeMux", Do: Make},
		{Func: gatewayPkg + ".ServeMux.Handle", Do: Register, MethodArg: First, Path: Second, Handler: Third},
		{Func: gatewayPkg + ".ServeMux.HandlePath", Do: Register, MethodArg: First, Path: Second, Handler: Third},
		{Func: gatewayPkg + ".ServeMux.ServeHTTP", Do: Delegate},
	},
	Pure: map[string]func([]any) (string, bool){
		gatewayPkg + ".NewPattern": opcodePattern,
		gatewayPkg + ".MustPattern": func(args []any) (string, bool) {
			if len(args) == 0 {
				return "", false
			}
			s, ok := args[0].(string)
			return s, ok
		},
	},
}

// opcodePattern writes the template that opcodes stand for. Their meaning is that of
// the package's utilities.OpCode: pairs of a code and an operand for a stack.
func opcodePattern(args []any) (string, bool) {
	if len(args) < 4 {
		return "", false
	}
	ops, ok1 := args[1].([]any)
	pool, ok2 := args[2].([]any)
	verb, ok3 := args[3].(string)
	if !ok1 || !ok2 || !ok3 || len(ops)%2 != 0 {
		return "", false
	}
	literal := func(i int) (string, bool) {
		if i < 0 || i >= len(pool) {
			return "", false
		}
		s, ok := pool[i].(string)
		return s, ok
	}
	var stack []string
	for i := 0; i < len(ops); i += 2 {
		code, ok1 := ops[i].(int)
		n, ok2 := ops[i+1].(int)
		if !ok1 || !ok2 {
			return "", false
		}
		switch code {
		case 0:
		case 1:
			stack = append(stack, "*")
		case 2:
			s, ok := literal(n)
			if !ok {
				return "", false
			}
			stack = append(stack, s)
		case 3:
			stack = append(stack, "**")
		case 4:
			if n <= 0 || n > len(stack) {
				return "", false
			}
			stack = append(stack[:len(stack)-n], strings.Join(stack[len(stack)-n:], "/"))
		case 5:
			s, ok := literal(n)
			if !ok || len(stack) == 0 {
				return "", false
			}
			stack[len(stack)-1] = "{" + s + "=" + stack[len(stack)-1] + "}"
		default:
			return "", false
		}
	}
	path := "/" + strings.Join(stack, "/")
	if verb != "" {
		path += ":" + verb
	}
	return path, true
}

// gatewayPattern reads an HTTP rule's template: {name}, {name=segments}, * and **,
// which matches the rest, and a final :verb.
func gatewayPattern(pattern string) (method, path string, err error) {
	var b strings.Builder
	for s := pattern; s != ""; {
		switch {
		case s[0] == '{':
			end := strings.IndexByte(s, '}')
			if end < 0 {
				return "", "", fmt.Errorf("pattern %q has unbalanced braces", pattern)
			}
			name, segments, ok := strings.Cut(s[1:end], "=")
			if !ok {
				segments = "*"
			}
			for i, seg := range strings.Split(segments, "/") {
				if i > 0 {
					b.WriteByte('/')
				}
				switch seg {
				case "*":
					b.WriteString("{" + name + "}")
				case "**":
					b.WriteString(tail)
				default:
					b.WriteString(seg)
				}
			}
			s = s[end+1:]
		case strings.HasPrefix(s, "**"):
			b.WriteString(tail)
			s = s[2:]
		case s[0] == '*':
			b.WriteString("{name}")
			s = s[1:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	if !strings.HasPrefix(b.String(), "/") {
		return "", "", fmt.Errorf("pattern %q must begin with /", pattern)
	}
	return AnyMethod, b.String(), nil
}
