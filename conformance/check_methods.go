package conformance

import "net/http"

// methodOptions: OPTIONS and TRACE do not run the handler.
var methodOptions = detours(Check{
	ID: "method-options", Category: "routing", Title: "OPTIONS and TRACE show nothing that is refused",
	Doc: `Sends OPTIONS and TRACE to the path of a refused request. The answer that an admitted key is
shown to GET is the finding; a list of methods, an empty answer and an error are right. Asked of
one row of each shape of path.`,
	Finds: []string{"options-runs-handler"},
}, byShape, otherMethods("OPTIONS", "TRACE"))

// methodUnknown: a method that nobody has does not run the handler of GET.
var methodUnknown = detours(Check{
	ID: "method-unknown", Category: "routing", Title: "a method that does not exist shows nothing that is refused",
	Doc: `Sends methods that no API has (PERMCHECK, SEARCH, get in small letters) to the path of a refused
request. The answer that an admitted key is shown to GET is the finding. Asked of one row of
each shape of path.`,
	Finds: []string{"unknown-method-is-get"},
}, byShape, otherMethods("PERMCHECK", "SEARCH", "get"))

func otherMethods(methods ...string) func(*Lab, *Question, string) []Call {
	return func(_ *Lab, _ *Question, path string) []Call {
		var calls []Call
		for _, m := range methods {
			calls = append(calls, Call{Label: m, Method: m, Path: path, Raw: true})
		}
		return calls
	}
}

// getWithBody: a GET that has a body is the same request as one without.
var getWithBody = detours(Check{
	ID: "get-with-body", Category: "routing", Title: "a GET with a body shows nothing that is refused",
	Doc: `Sends the refused request with a body, as JSON and as a form. The answer that an admitted key
is shown is the finding. Asked of one row in each area of the API.`,
	Finds: []string{"get-with-body-unguarded"},
}, byArea, func(_ *Lab, _ *Question, path string) []Call {
	return []Call{
		{Label: "GET with a JSON body", Method: http.MethodGet, Path: path, Body: []byte("{}")},
		{Label: "GET with a form", Method: http.MethodGet, Path: path, Body: []byte("a=b"), Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
	}
})
