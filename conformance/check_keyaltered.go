package conformance

// keyAltered: a key that is nearly right is wrong.
var keyAltered = edge(Check{
	ID: "key-altered", Title: "a key that is nearly right is refused",
	Doc: `Shows an admitted key without its last characters, cut in half, with a character more, with
another last character and in letters of the other case. The answer that the key itself is
shown is the finding. Asked of one read in each area of the API.`,
	Finds: []string{"key-prefix-compared", "key-case-ignored"},
}, nil, func(_ *Lab, _ *Question, c Credential) []Call { return altered(c) })
