package conformance

import "fmt"

// pathDoubleEncoding: letters that are encoded twice open nothing.
var pathDoubleEncoding = spelled(Check{
	ID: "path-double-encoding", Title: "letters that are encoded twice open nothing that is refused", Finds: []string{"double-encoding-unguarded"},
}, func(parts []string, static []bool) []string {
	var out []string
	for _, i := range []int{lastWhere(static, true), lastWhere(static, false)} {
		if i >= 0 && parts[i] != "" && parts[i][0] != '%' {
			out = append(out, joined(replaced(parts, i, fmt.Sprintf("%%25%02x%s", parts[i][0], parts[i][1:]))...))
		}
	}
	return out
})
