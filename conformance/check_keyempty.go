package conformance

import "net/http"

// keyEmpty: what stands where no key is, is no key.
var keyEmpty = edge(Check{
	ID: "key-empty", Title: "an empty key is refused",
	Doc: `Shows nothing where a key belongs: an empty header, the scheme alone, blanks, and the words
null, undefined, true and 0. The answer that an admitted key is shown is the finding. Asked of one
read in each area of the API.`,
	Finds: []string{"empty-key-accepted"},
}, nil, func(_ *Lab, _ *Question, c Credential) []Call {
	if c.Header == "" && c.Query == "" {
		return nil
	}
	var calls []Call
	for _, word := range []string{"", "null", "undefined", "true", "0", "%20"} {
		with := c
		with.Secret = word
		label := "the key " + word
		if word == "" {
			label = "an empty key"
		}
		calls = append(calls, Call{Label: label, By: shownAs("empty", with), Raw: c.Header != ""})
	}
	if c.Header != "" && c.Scheme != "" {
		calls = append(calls, Call{Label: "an empty header", By: Sender{Name: "empty"}, Raw: true, Header: http.Header{c.Header: {""}}},
			Call{Label: "the scheme alone", By: Sender{Name: "empty"}, Raw: true, Header: http.Header{c.Header: {c.Scheme}}})
	}
	return calls
})
