// Package suites holds what the public pages of Comeet, Eightfold and Personio say about who
// may do what, as statements that a program can ask of a running API: data, one file each.
//
// A file is named after its statement, comeet/C7.txtar. It begins with a header of comment
// lines and goes on as a script of package script:
//
//	# says: a key without "Include source data" gets candidates without a source
//	# source: https://developers.comeet.com/reference/permissions
//	# evidence: inferred
//	# fault: leak-field@GET /candidates/{uid}
//	# related: comeet/C6
//
//	key reader candidates.own
//	as reader
//	...
//
// A header line that goes on begins with "#" and three spaces or more. The members are
//
//	says      the statement in one sentence
//	source    where it is written: an address; may be repeated
//	evidence  documented, inferred, third-party or unknown
//	fault     a fault of the reference server, NAME or NAME@METHOD /path, or "switch NAME=VALUE"
//	          of the vendor's server, that makes the statement fail; may be repeated
//	related   statements that the same fault makes fail too; separated by commas
//	effect    read: requests of the script change nothing although their methods say so, as a
//	          sign-in does
//
// A statement whose evidence is unknown is never judged: its script observes and tells what
// the server does. Beside the statements of a vendor stands profile.yaml: how its clients sign
// in and how its lists are spelled.
package suites
