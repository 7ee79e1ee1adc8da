// Package ignore reports comments that are meant to ignore a finding and do not.
//
// A comment
//
//	//permcheck:ignore RULE REASON
//
// at the end of a line, or alone above it, takes away the findings of that rule at
// the line, and those about the routes that are registered there.
//
// # Rule ignore-without-reason
//
// The comment gives no reason, or names no rule. It takes nothing away.
//
// Why: nobody who reads it later can tell whether the finding was judged or silenced.
//
// Bad:
//
//	//permcheck:ignore undeclared
//	r.Get("/metrics", metrics)
//
// Good:
//
//	//permcheck:ignore undeclared the load balancer lets only the monitoring net through
//	r.Get("/metrics", metrics)
//
// When to ignore: never.
//
// # Rule ignore-unmatched
//
// The comment names a rule that reports nothing here, or that does not exist.
//
// Why: the finding was mended, or moved, or the rule is misspelt. The comment would
// silence the next mistake at this line unseen.
//
// Bad, the route being guarded:
//
//	//permcheck:ignore undeclared to be guarded with the next release
//	r.With(authz.Require("Position:READ")).Get("/positions", list)
//
// Good: the same without the comment.
//
// When to ignore: never; remove the comment. While packages of the module cannot be
// read, and without a catalog, nothing is said.
package ignore
