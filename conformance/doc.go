// Package conformance holds a running API against its catalog: what each key must be
// able to do, and what it must not.
//
// The work has three steps, and only the second one does any I/O.
//
//  1. [NewPlan] derives the probes from the catalog and the keys. A requirement is
//     monotone: it is determined by the smallest grants that it admits and the largest
//     that it refuses. These are the boundary. With keys of any grant to hand (the
//     reference server) the plan asks for exactly those; with the keys of a profile
//     it uses what is there and lists the grants that would prove the rest.
//  2. [Run] sends each request once and writes down what the server showed.
//  3. [Judge] decides. Every check looks at the same answers.
//
// # What a verdict means
//
// A verdict is pass, fail, inconclusive or skipped; an inconclusive probe is never
// counted as a pass. Being refused proves nothing by itself: the path may not exist,
// the id may be wrong, the body may be bad, the key may be mistyped. So a refusal
// passes only when another key, which the catalog admits, was answered 2xx on the same
// request (the positive control), and when the key is known to be alive. Being admitted
// where the catalog refuses fails without any of that. 429 and 5xx answers, timeouts
// and broken connections decide nothing.
//
// How a server refuses is its own business, 401, 403, 404 or an empty list, unless the
// catalog or the profile states the form; then another form is a finding.
//
// # Writes
//
// A write that is refused must not happen. Where the catalog has a GET of the same
// path, each refused write carries a mark of its own and is looked for afterwards. That
// proves something only when the mark of an admitted write is seen in the same place.
//
// # Adding a check
//
// A check is a file check_NAME.go and a line in [Checks]: which requests it asks about, and
// what it decides from what was seen. It needs a rule of its id in package report, and a
// fault in package reference that it finds; a test fails while either is missing. Requests
// are shared: a check that looks at a request which another one planned sends nothing.
package conformance
