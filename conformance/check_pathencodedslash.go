package conformance

// pathEncodedSlash: a slash that is encoded opens nothing.
var pathEncodedSlash = spelled(Check{
	ID: "path-encoded-slash", Title: "an encoded slash opens nothing that is refused", Finds: []string{"encoded-slash-unguarded"},
}, func(parts []string, _ []bool) []string {
	n := len(parts)
	if n < 2 {
		return []string{"/%2f" + parts[0]}
	}
	between := func(sep string) string {
		return joined(append(append([]string(nil), parts[:n-2]...), parts[n-2]+sep+parts[n-1])...)
	}
	return []string{between("%2f"), between("%2F"), between("%5c"), joined(parts...) + "%2f"}
})
