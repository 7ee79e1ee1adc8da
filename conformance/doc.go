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
//  2. [Run] sends each request of the matrix once, then performs the experiments, and
//     writes down what the server showed.
//  3. [Judge] decides. It looks at nothing but what was written down, so that the
//     verdicts of a report can be worked out again.
//
// # The matrix and the experiments
//
// The matrix is rows and keys: each request is sent once, whatever number of checks looks at
// the answer. That is fast, and it proves the boundary. What needs several steps, such as
// "what the full key lists, and which of that this key may see", is an experiment: a check
// asks a [Question], performs it in the [Lab], and decides it from the [Record].
//
// A question builds on probes of the matrix (its base). A server whose plain path is open
// has one mistake and not one for each spelling of the path: while a base fails the question
// is skipped, and while it is inconclusive the question is, too. Nothing is sent then.
//
// A record is evidence without secrets: statuses, header names, and digests of bodies in
// which values stand as keyed hashes. The key is made for the run and is in no report.
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
// Being admitted fails whoever sent the request: a 2xx to a sender that the catalog refuses on a
// row is a finding even where the check that sent it asks about something else, and leaves its own
// question open because of it. The lab notes such an answer in the exchange ([Admission]), for
// requests that are the row's own: its method and path, nothing that could give them another
// meaning. [Judge] makes one finding of each cause, under the rule that names it (over-grant,
// disabled-key), unless a failed probe says it already. A check that knows more than follows from
// row and sender, such as that it has ended the key, says so with the call.
//
// How a server refuses is its own business, 401, 403, 404 or an empty list, unless the
// catalog or the profile states the form; then another form is a finding.
//
// # Writes
//
// What may be written is a policy ([WritePolicy]); nothing is unless somebody says so. No policy
// lets a request end an object that reads of the run need.
//
// A write that is refused must not happen. Where the catalog has a GET of the same
// path, each refused write carries a mark of its own and is looked for afterwards. That
// proves something only when the mark of an admitted write is seen in the same place.
//
// # Statements about vendors
//
// What a vendor's public pages say in words is a script of package suites, and a check of the
// category "statements" with the statement's id ([Statements]), asked where the catalog is the
// vendor's. It is performed by package script, through the same lab, and judged from its record: a
// statement that no page decides is observed, and skipped among the verdicts. [Result.Statements]
// says what became of each.
//
// # Reports as a source
//
// [ReadReport] turns the JSON of a run back into a catalog of what was seen, so that a run
// can be compared with a catalog, a document, source or another run.
//
// # Adding a check
//
// A check is a file check_NAME.go and a line in [Checks]. It needs a rule of its id in package
// report, its Doc, and in Finds the faults of package reference that it must find; a test
// fails while one of them is missing. Another plants each of those faults, and fails while it
// is not found by this check first, or while anything fails that the fault does not touch.
//
// One that can be told from single requests belongs to the matrix: plan says which requests
// it asks about, judge decides from what was seen. Requests are shared: a check that looks
// at a request which another one planned sends nothing.
//
// Any other is an experiment; check_rotatedkey.go is a short one to copy:
//
//   - ask adds questions: the row, the keys by index, the base, and a subject when a finding
//     is not about the row itself. It is pure, so that --plan prints what would be asked. It
//     asks only what the catalog or the profile states; the helpers of planner in question.go
//     find rows (listing, getting, witnessRow) and keys (full, strongest, weakest, sharers,
//     holderWithout, key).
//   - perform sends, through [Lab.Send] and what is built on it: [Lab.Path] for the path of a
//     row, [Lab.List] for all pages of a list, [Lab.Spelled] for a parameter that the server
//     provably understands, [Lab.Mint] for a key of its own, [Call].Raw for a request line
//     byte by byte. Each call has a label, by which decide finds its exchange. An error makes
//     the question inconclusive, one of leaveOut makes it skipped.
//   - decide returns Pass only when something was shown to be right: an empty set, a field
//     that not even the full key sees, or a parameter that the server ignores show nothing
//     and are Inconclusive with a reason that says what to change.
//
// The lab sees to the rest. Requests without an answer, 429 and 5xx make a question
// inconclusive before decide is called, unless the call says that any status tells; what
// fails is performed twice more on new connections and is unstable when that disagrees; what
// was made is taken away at the end. effort says what a check changes: reads run side by side,
// keys of its own too, writes one after the other and only where the policy allows them.
package conformance
