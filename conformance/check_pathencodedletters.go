package conformance

import "fmt"

// pathEncodedLetters: letters and digits written as %xx open nothing.
var pathEncodedLetters = spelled(Check{
	ID: "path-encoded-letters", Title: "percent-encoded letters open nothing that is refused", Finds: []string{"encoded-letters-unguarded"},
}, func(parts []string, static []bool) []string {
	var out []string
	for _, i := range []int{lastWhere(static, true), lastWhere(static, false)} {
		if i >= 0 && parts[i] != "" && parts[i][0] != '%' {
			out = append(out, joined(replaced(parts, i, fmt.Sprintf("%%%02x%s", parts[i][0], parts[i][1:]))...))
		}
	}
	return out
})
