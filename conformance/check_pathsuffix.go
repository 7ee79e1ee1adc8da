package conformance

import "strings"

// pathSuffix: the ending of a format opens nothing.
var pathSuffix = spelled(Check{
	ID: "path-format-suffix", Title: "the suffix of a format opens nothing that is refused", Finds: []string{"suffix-unguarded"},
}, func(parts []string, _ []bool) []string {
	if strings.Contains(parts[len(parts)-1], ".") {
		return nil
	}
	var out []string
	for _, suffix := range []string{".json", ".xml", ".csv", ".pdf", ".atom"} {
		out = append(out, joined(parts...)+suffix)
	}
	return out
})
