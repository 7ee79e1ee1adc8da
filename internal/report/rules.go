package report

import "fmt"

// A Rule is one kind of finding. Its severity is fixed here and nowhere else.
type Rule struct {
	ID       string
	Severity Severity
	Title    string // what is wrong, in a few words
	Why      string // why it matters, one or two sentences
	Fix      string // what to do next
	Refs     string // OWASP API Security Top 10 (2023) id and CWE number, where one fits
}

// Rules lists every rule, grouped by the command that reports it. An id outlives the
// code that reports it: never reuse one.
var Rules = []Rule{
	// diff: drift between two catalogs or documents.
	{
		ID: "opened-to-anonymous", Severity: Error,
		Title: "endpoint opened to anybody",
		Why:   "The endpoint admits requests without any credential, which it did not before.",
		Fix:   "Restore the requirement; if the endpoint is meant to be public, record the change in the catalog and have it reviewed.",
		Refs:  "API2:2023 CWE-306",
	},
	{
		ID: "requirement-weakened", Severity: Error,
		Title: "requirement weakened",
		Why:   "Callers are admitted that were refused before.",
		Fix:   "Restore the requirement, or have the owner of the API agree to the wider access.",
		Refs:  "API5:2023 CWE-862",
	},
	{
		ID: "requirement-incomparable", Severity: Error,
		Title: "requirement exchanged for another",
		Why:   "Some callers are admitted that were refused before, and others the other way round: it holds a weakening.",
		Fix:   "Check who gains access. If one permission implies the other, say so with --implies or in the catalog.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "scheme-changed", Severity: Error,
		Title: "required security scheme is another credential",
		Why:   "The name stayed but its definition changed: another header, issuer or flow decides who gets in.",
		Fix:   "Check that the new credential is as hard to get as the old one; give a new credential a new name.",
		Refs:  "API2:2023 CWE-287",
	},
	{
		ID: "requirement-unknown", Severity: Error,
		Title: "requirement cannot be read or decided",
		Why:   "What cannot be read may admit anybody.",
		Fix:   "Correct the place that the message names.",
		Refs:  "API8:2023 CWE-1068",
	},
	{
		ID: "endpoint-added-anonymous", Severity: Error,
		Title: "endpoint added that admits anybody",
		Why:   "New endpoints without a requirement are how most unprotected endpoints come to be.",
		Fix:   "Give the endpoint a security requirement; if it is meant to be public, record it in the catalog and have it reviewed.",
		Refs:  "API2:2023 CWE-306",
	},
	{
		ID: "endpoint-moved-weaker", Severity: Error,
		Title: "endpoint moved with a weaker requirement",
		Why:   "The operation lives on under another method or path and admits callers that were refused before.",
		Fix:   "Give the new endpoint the requirement of the old one.",
		Refs:  "API5:2023 CWE-862",
	},
	{
		ID: "endpoint-unstated", Severity: Error,
		Title: "operation names no permission",
		Why:   "The document demands a credential but does not say which permission, so it cannot be held against the catalog.",
		Fix:   "Declare the operation's scopes or its permission extension, or drop --unstated=error.",
		Refs:  "API5:2023 CWE-1068",
	},
	{
		ID: "requirement-strengthened", Severity: Warning,
		Title: "requirement strengthened",
		Why:   "No more callers are admitted, but some that were are refused now: clients may break.",
		Fix:   "Tell the owners of keys that lose access.",
	},
	{
		ID: "endpoint-added", Severity: Info,
		Title: "endpoint added",
		Why:   "A new endpoint with a requirement.",
		Fix:   "Check that the requirement is the intended one.",
	},
	{
		ID: "endpoint-removed", Severity: Info,
		Title: "endpoint removed",
		Why:   "Nothing is exposed by it; requests to it may reach another endpoint.",
		Fix:   "Nothing, unless the message names another endpoint.",
	},
	{
		ID: "webhook-changed", Severity: Info,
		Title: "webhook or callback changed",
		Why:   "The provider of the API is the client here: the requirement protects the receiver's endpoint.",
		Fix:   "Tell the receivers.",
	},

	// vet: Go source against a catalog.

	// probe: a running API against a catalog.

	// catalog lint: rows of a catalog that look like mistakes.
}

// RuleByID returns the rule with the given id. It panics if there is none: every
// finding is made by permcheck's own code, and a test holds the two together.
func RuleByID(id string) Rule {
	for _, r := range Rules {
		if r.ID == id {
			return r
		}
	}
	panic(fmt.Sprintf("report: no rule %q", id))
}
