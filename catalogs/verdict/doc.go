// Package verdict decides what a difference between two witnesses is: the one place in which
// a comparison becomes a class and a rule.
//
// Whoever compares finds out the facts of a [Case]: who answers the requests of an endpoint,
// how the requirement changes, and what keeps the two from being compared. [Judge] looks the
// case up in a table of lines, of which the first that fits decides. So the commands vet,
// diff and check, and the analyzers under go vet, cannot differ in what they make of the same
// facts; [InCode] is all that vet says in other words.
//
// The table is total. A test goes through the whole product of cases, and holds it against
// laws that are written apart from it, each waiver with its reason.
package verdict
