package conformance

// pathTrailingSlash: a slash at the end of a path opens nothing.
var pathTrailingSlash = spelled(Check{
	ID: "path-trailing-slash", Title: "a trailing slash opens nothing that is refused", Finds: []string{"slash-unguarded"},
}, func(parts []string, _ []bool) []string {
	if parts[len(parts)-1] == "" {
		return nil
	}
	return []string{joined(parts...) + "/", joined(parts...) + "//"}
})
