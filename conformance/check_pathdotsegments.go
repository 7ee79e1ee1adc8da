package conformance

// pathDotSegments: "." and ".." in a path, plain or encoded, open nothing.
var pathDotSegments = spelled(Check{
	ID: "path-dot-segments", Title: "dot segments open nothing that is refused", Finds: []string{"dot-segments-unguarded"},
}, func(parts []string, _ []bool) []string {
	last := len(parts) - 1
	return []string{
		joined(replaced(parts, last, "./"+parts[last])...),
		joined(replaced(parts, last, "permcheck/../"+parts[last])...),
		"/permcheck/.." + joined(parts...),
		"/permcheck/%2e%2e" + joined(parts...),
		joined(parts...) + "/.",
	}
})
