// Package report holds what permcheck says: rules, findings, severities, and one
// file for each output format.
//
// A severity is never chosen by a check. It follows from the rule by the table in
// rules.go, which is the only place that knows it. A finding's fingerprint is made
// of its rule, subject and arguments, never of its text, so that a known finding
// stays known when a sentence is improved or lines move.
//
// A [Report] is what the formats that all commands share are made of. A [Page] is the same
// as one HTML file, for any command that has endpoints against something: keys, or before
// and now.
package report
