package conformance

import "strings"

// pathCase: letters of the other case open nothing.
var pathCase = spelled(Check{
	ID: "path-case", Title: "letters of another case open nothing that is refused", Finds: []string{"mixed-case-unguarded", "router-folds-case"},
}, func(parts []string, static []bool) []string {
	var out []string
	all := append([]string(nil), parts...)
	for i, part := range parts {
		if !static[i] {
			continue
		}
		all[i] = strings.ToUpper(part)
		if all[i] == part {
			all[i] = strings.ToLower(part)
		}
		if all[i] != part {
			out = append(out, joined(replaced(parts, i, all[i])...))
		}
	}
	if len(out) > 1 {
		out = append(out, joined(all...))
	}
	return out
})
