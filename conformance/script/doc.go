// Package script runs hand-written checks: what no catalog says, such as that a rejected
// candidate is gone from a list, or that two keys see the same page.
//
// A check is a testscript file (extension .txtar or .txt, package
// github.com/rogpeppe/go-internal/testscript): commands, a line each, then files after
// "-- name --". Besides the commands of testscript there are
//
//	as KEY                          who sends what follows: a key of the profile, or anonymous,
//	                                malformed or unknown; at first anonymous
//	request METHOD PATH [BODY-FILE] sends a request. Parameters of a path that the catalog has,
//	                                such as {id}, get the values that all checks use
//	[!] status CODE...              the answer's status is one of these; 2xx is a class of them
//	[!] json PATH [VALUE]           the JSON answer has a member there, or the value there. PATH is
//	                                names and places in lists joined by dots: data.0.id; * is any
//	                                place of a list. VALUE is JSON, or else a text
//	[!] same-as KEY                 another key is answered alike: status and body
//	[!] same-as previous            the request before this one was
//	[!] cors-blocked [ORIGIN]       no page of another origin may read the answer or ask
//	                                beforehand whether it may send the request
//
// An exclamation mark turns an expectation round. The first one that is not met is the
// finding. A request without an answer, one that is answered 429 or 5xx (unless status asks
// for just that), and a command that is wrong make the check inconclusive: none of them shows
// that the API is wrong.
//
// Messages hold words of the script and statuses, never what the server said.
package script
