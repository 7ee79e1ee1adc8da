package conformance

import "net/http"

// hostHeader: another name of the host opens nothing.
var hostHeader = detours(Check{
	ID: "host-header", Category: "routing", Title: "another name of the host opens nothing",
	Doc: `Sends the refused request with the names in Host that internal listeners go by: localhost,
internal, admin, intranet, backend. The answer that an admitted key is shown is the finding.
Asked of one row.`,
	Finds: []string{"host-header-unguarded"},
}, everywhere, func(_ *Lab, _ *Question, path string) []Call {
	var calls []Call
	for _, host := range []string{"localhost", "internal", "admin", "intranet", "backend"} {
		calls = append(calls, Call{Label: "Host: " + host, Method: http.MethodGet, Path: path, Header: http.Header{"Host": {host}}})
	}
	return calls
})
