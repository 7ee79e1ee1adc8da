package conformance

// pathMatrix: parameters after a semicolon, which some routers cut off, open nothing.
var pathMatrix = spelled(Check{
	ID: "path-matrix-parameter", Title: "a matrix parameter opens nothing that is refused", Finds: []string{"matrix-parameter-unguarded"},
}, func(parts []string, _ []bool) []string {
	return []string{joined(parts...) + ";a=b", joined(replaced(parts, 0, parts[0]+";")...), joined(parts...) + ";.css"}
})
