package conformance

// pathDoubleSlash: an empty segment in a path opens nothing.
var pathDoubleSlash = spelled(Check{
	ID: "path-double-slash", Title: "a double slash opens nothing that is refused", Finds: []string{"double-slash-unguarded"},
}, func(parts []string, _ []bool) []string {
	last := len(parts) - 1
	return []string{"/" + joined(parts...), joined(replaced(parts, last, "/"+parts[last])...)}
})
