// Package drift compares what two sources say about access and lists the changes.
//
// Each [Side] is a catalog or an OpenAPI document. Two documents are compared in
// their own words, security schemes and scopes; wherever a catalog takes part, the
// document is first put into permissions by [openapi.Document.Project]. One law then
// decides every pair of requirements: monotone formulas in minimal disjunctive
// normal form, of which one entails the other exactly when each of its clauses
// contains a clause of the other ([perm.Requirement.Entails]). Looking at clauses or
// scopes one by one cannot decide it: "an alternative removed and one added" is a
// weakening, a strengthening, or neither.
//
// # Soundness
//
// A pair is never silent and never called strengthened when some credential is newly
// admitted. What cannot be decided is [Unknown] and blocks: a requirement that could
// not be read, a reference that leads nowhere, a scheme that nothing defines. What
// the sources leave open is counted in the [Summary], not dropped: catalog rows that
// say unknown, operations that demand a credential but name no permission.
//
// # Who gains
//
// [Options.Grants] are keys or roles. Each change says which of them gain and lose by it,
// and [Result.Access] what each can do with every endpoint. What is unknown on one side is
// neither gained nor lost.
//
// # Limits
//
// A document says what its author wrote, not what the server does. Two schemes with
// different names are different credentials, unless one vanished and the other
// appeared with an identical definition that no other scheme has. A changed method
// counts as a move only if the operationId stayed or was absent: an operation with
// another id is another operation.
package drift
