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

	// vet: Go source against a catalog.

	// probe: a running API against a catalog. The ids are those of the checks.
	{
		ID: "over-grant", Severity: Error, Title: "a key is admitted without the permission",
		Why:  "Whoever holds such a key can do what nobody granted.",
		Fix:  "demand the catalog's permission in the handler or its guard; if the server is right, change the row of the catalog and have it reviewed",
		Refs: "OWASP API5:2023, CWE-862",
	},
	{
		ID: "under-grant", Severity: Error, Title: "a key is refused although its grant suffices",
		Why:  "Integrators then ask for more permissions than they need, and least privilege is lost.",
		Fix:  "let the guard ask for what the catalog says and nothing else; if it must ask for more, write that into the row of the catalog",
		Refs: "OWASP API5:2023, CWE-863",
	},
	{
		ID: "anonymous-admitted", Severity: Error, Title: "a request without a key is admitted",
		Why:  "Everybody who can reach the server can call this.",
		Fix:  "put authentication in front of the route; if it is meant to be open, write public into the row of the catalog",
		Refs: "OWASP API2:2023, CWE-306",
	},
	{
		ID: "bad-key-admitted", Severity: Error, Title: "a key that was never made is admitted",
		Why:  "Authentication that lets pass what it cannot check is no authentication.",
		Fix:  "refuse a request whose credential cannot be parsed or is not known",
		Refs: "OWASP API2:2023, CWE-287",
	},
	{
		ID: "default-allow", Severity: Error, Title: "a path that the catalog does not have is answered",
		Why:  "Routes that nobody listed are then open: old versions, internal paths, tomorrow's route.",
		Fix:  "refuse or answer 404 for every route without a declared permission",
		Refs: "OWASP API9:2023, CWE-276",
	},
	{
		ID: "refusal-form", Severity: Error, Title: "a refusal does not look as stated",
		Why:  "Clients act on it: 401 makes them sign in again, 403 makes them ask for a grant.",
		Fix:  "answer in the stated form; if the server is right, change refused: in the catalog or the profile",
		Refs: "OWASP API8:2023, CWE-393",
	},
	{
		ID: "effect-despite-refusal", Severity: Error, Title: "a refused write happened all the same",
		Why:  "The caller is told no, and the data is changed.",
		Fix:  "ask for the permission before the handler touches any data",
		Refs: "OWASP API5:2023, CWE-696",
	},

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
