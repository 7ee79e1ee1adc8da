// Package gate says what a change weakens: it holds one state of a repository against an
// earlier one, its base.
//
// Comparing a state with its catalog shows what the catalog can express. It cannot express
// a second credential, a token server or an endpoint that it does not list; so each document
// is also compared with itself in the base, and the code with the code of the base. What
// [Compare] finds does not depend on the catalog being complete.
//
// # Weakening on purpose
//
// There is one way: the row of the catalog changes, which people review. What a document or
// the code changes to the requirement of its row is approved, and told with the row's
// catalog-weakened. A row that is dropped or made unknown approves nothing, and neither does
// a row approve what it cannot say: another scheme, an alternative without permissions.
// Those are approved by an entry of the known file, which is itself reported.
//
// # A change cannot loosen its own gate
//
// [Loosened] lists what only the new state excuses, and what only the base reads.
package gate
