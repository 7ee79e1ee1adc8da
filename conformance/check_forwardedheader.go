package conformance

import "net/http"

// forwardedHeader: an address that the client claims opens nothing.
var forwardedHeader = detours(Check{
	ID: "forwarded-header", Category: "routing", Title: "an address or a host that the client claims opens nothing",
	Doc: `Sends the refused request with this machine's own address in the headers that proxies use to
say whom they speak for (X-Forwarded-For, X-Real-IP, Forwarded and others), and with localhost
in X-Forwarded-Host. The answer that an admitted key is shown is the finding. Asked of one row in
each area of the API.`,
	Finds: []string{"forwarded-address-trusted"},
}, byArea, func(_ *Lab, _ *Question, path string) []Call {
	const here = "127.0.0.1"
	var calls []Call
	for _, set := range []struct {
		label  string
		header http.Header
	}{
		{"X-Forwarded-For and X-Real-IP", http.Header{"X-Forwarded-For": {here}, "X-Real-IP": {here}}},
		{"other headers with an address", http.Header{"X-Client-IP": {here}, "True-Client-IP": {here}, "X-Originating-IP": {here},
			"CF-Connecting-IP": {here}, "X-Remote-Addr": {here}, "Forwarded": {"for=" + here}}},
		{"X-Forwarded-Host and -Prefix", http.Header{"X-Forwarded-Host": {"localhost"}, "X-Forwarded-Prefix": {"/"}, "X-Forwarded-Proto": {"https"}}},
	} {
		calls = append(calls, Call{Label: set.label, Method: http.MethodGet, Path: path, Header: set.header})
	}
	return calls
})
