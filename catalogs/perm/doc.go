// Package perm is the algebra of permission requirements: what an endpoint
// demands, which grants satisfy it, how two demands compare, and which few
// grants prove that a server enforces one.
//
// A [Permission] is one right, such as "Position:READ". A [Set] of them is what
// a key holds (a grant). A [Requirement] is what an endpoint demands: a monotone
// formula over permissions, kept in minimal disjunctive normal form. Minimal form
// is canonical, so two requirements admit the same grants exactly when their texts
// are equal.
//
// [Compare] says how replacing one requirement by another changes who is admitted;
// [Requirement.Boundary] lists the smallest grants that are admitted and the
// largest that are refused. A monotone rule is determined by exactly these, so they
// are the probe plan of a black-box test. [Implications] holds what one permission
// implies; it closes a grant before the question is asked and is never written into
// a requirement.
//
// Everything here is exact: there are no heuristics and no probabilities. Where a
// result could be exponentially large it is capped, and the result says so.
// The package does no I/O and imports the standard library only.
//
// # Text
//
// Requirements are written "a & b | c": "|" binds weaker than "&", and
// parentheses are allowed. A permission may hold spaces and ":"; one that holds
// any of & | ( ) , " or would be mistaken for one of the words below is written as
// a Go string literal. Four words stand alone: "public" (anybody, without a key),
// "authenticated" (any valid key, whatever it holds), "nobody", and "unknown" (the
// documents do not say).
package perm
