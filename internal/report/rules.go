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

	// probe: a running API against a catalog.

	// catalog lint: rows of a catalog that look like mistakes.
	{
		ID: "list-get-differ", Severity: Warning,
		Title: "a list asks for another entity's permission than its get",
		Why:   "Whoever may list a collection sees its records, so a key with the wrong permission reads what the get keeps from it.",
		Fix:   "Ask for the same entity in both rows, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "cross-entity", Severity: Warning,
		Title: "a row asks for an entity that neither its path nor its siblings name",
		Why:   "It is either a slip of the pen, or a way to one entity's data with another entity's permission.",
		Fix:   "Correct the permission, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "write-on-read", Severity: Warning,
		Title: "a call that reads asks for a permission to write",
		Why:   "Clients that only read must be given the right to write, which is more than they need.",
		Fix:   "Ask for a read permission, say effect: write if the call changes something, or add odd: with the reason.",
		Refs:  "CWE-272",
	},
	{
		ID: "read-on-write", Severity: Warning,
		Title: "a call that writes is open to keys that may only read",
		Why:   "A key that was given out for reading can change or delete data.",
		Fix:   "Ask for a write permission, say effect: read if the call changes nothing, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-285",
	},
	{
		ID: "overlapping-templates", Severity: Warning,
		Title: "two rows with different requirements match the same path",
		Why:   "Neither path is the more specific one, so the router or the order of registration decides which requirement holds; some routers refuse both.",
		Fix:   "Change one of the paths, ask for the same in both rows, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "near-miss-permission", Severity: Warning,
		Title: "two permissions are spelled almost alike",
		Why:   "Keys are given the one and endpoints ask for the other, or a check compares names that never agree.",
		Fix:   "Keep one spelling and list the other under aliases:, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "split-entity", Severity: Warning,
		Title: "an entity is read under one name and written under another",
		Why:   "Who grants all of one name expects reading and writing, and grants half.",
		Fix:   "Put both permissions under one name, or add odd: with the reason.",
	},
	{
		ID: "near-miss-path", Severity: Warning,
		Title: "two path segments at one place are spelled almost alike",
		Why:   "Guards, gateways and firewalls that match one spelling let the other through.",
		Fix:   "Use one spelling, or add odd: with the reason.",
		Refs:  "API9:2023 CWE-863",
	},
	{
		ID: "trailing-slash", Severity: Warning,
		Title: "a path ends in a slash where others do not",
		Why:   "Routers differ in what they make of the two forms: one may redirect, match everything below it, or lack the guard of the other.",
		Fix:   "Use one form throughout, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "mixed-path-style", Severity: Info,
		Title: "a path joins its words in another way than the others",
		Why:   "Callers and rules that are typed from habit miss it.",
		Fix:   "Use one style, or add odd: with the reason.",
	},
	{
		ID: "unused-permission", Severity: Warning,
		Title: "a permission governs nothing",
		Why:   "Keys are given a right that no row explains; either a row is missing or the permission is dead.",
		Fix:   "Add the rows that it opens, say endpoints: unknown if the documents do not name them, or remove it.",
	},
	{
		ID: "odd-unneeded", Severity: Warning,
		Title: "odd: stands where nothing looks wrong",
		Why:   "The reason outlived what it explained, and would acknowledge the next mistake in this row unseen.",
		Fix:   "Remove it, or make it a comment.",
	},
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
