package report

import (
	"fmt"
	"regexp"
	"sync/atomic"
)

// A Rule is one kind of finding. Its severity is fixed here and nowhere else.
type Rule struct {
	ID       string
	Severity Severity
	Title    string // what is wrong, in a few words
	Why      string // why it matters, one or two sentences
	Fix      string // what to do next
	Refs     string // OWASP API Security Top 10 (2023) id and CWE number, where one fits
}

// Rules lists every rule, grouped by the command that reports it. An id outlives the
// code that reports it: never reuse one.
var Rules = []Rule{
	// diff: drift between two catalogs or documents.
	{
		ID: "opened-to-anonymous", Severity: Error,
		Title: "endpoint opened to anybody",
		Why:   "The endpoint admits requests without any credential, which it did not before.",
		Fix:   "Restore the requirement; if the endpoint is meant to be public, record the change in the catalog and have it reviewed.",
		Refs:  "API2:2023 CWE-306",
	},
	{
		ID: "requirement-weakened", Severity: Error,
		Title: "requirement weakened",
		Why:   "Callers are admitted that were refused before.",
		Fix:   "Restore the requirement, or have the owner of the API agree to the wider access.",
		Refs:  "API5:2023 CWE-862",
	},
	{
		ID: "requirement-incomparable", Severity: Error,
		Title: "requirement exchanged for another",
		Why:   "Some callers are admitted that were refused before, and others the other way round: it holds a weakening.",
		Fix:   "Check who gains access. If one permission implies the other, say so with --implies or in the catalog.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "scheme-changed", Severity: Error,
		Title: "required security scheme is another credential",
		Why:   "The name stayed but its definition changed: another header, issuer or flow decides who gets in.",
		Fix:   "Check that the new credential is as hard to get as the old one; give a new credential a new name.",
		Refs:  "API2:2023 CWE-287",
	},
	{
		ID: "requirement-unknown", Severity: Error,
		Title: "requirement cannot be read or decided",
		Why:   "What cannot be read may admit anybody.",
		Fix:   "Correct the place that the message names.",
		Refs:  "API8:2023 CWE-1068",
	},
	{
		ID: "endpoint-added-anonymous", Severity: Error,
		Title: "endpoint added that admits anybody",
		Why:   "New endpoints without a requirement are how most unprotected endpoints come to be.",
		Fix:   "Give the endpoint a security requirement; if it is meant to be public, record it in the catalog and have it reviewed.",
		Refs:  "API2:2023 CWE-306",
	},
	{
		ID: "endpoint-moved-weaker", Severity: Error,
		Title: "endpoint moved with a weaker requirement",
		Why:   "The operation lives on under another method or path and admits callers that were refused before.",
		Fix:   "Give the new endpoint the requirement of the old one.",
		Refs:  "API5:2023 CWE-862",
	},
	{
		ID: "answered-by-weaker", Severity: Error,
		Title: "endpoint answered by a broader row that requires less",
		Why:   "Nothing serves the endpoint itself, so its requests reach a tree, a parameter or a row for any method, and callers get in that were refused.",
		Fix:   "Register the endpoint with its own guard, or give the row that answers it the stricter requirement.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "takes-over-stricter", Severity: Error,
		Title: "new row takes requests from a stricter one",
		Why:   "Requests that a broader row refused are answered by the new one, which requires less.",
		Fix:   "Give the new row at least the requirement of the row it takes requests from; if less is right, add it to the catalog and have it reviewed.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "endpoint-unstated", Severity: Error,
		Title: "operation names no permission",
		Why:   "The document demands a credential but does not say which permission, so it cannot be held against the catalog.",
		Fix:   "Declare the operation's scopes or its permission extension, or drop --unstated=error.",
		Refs:  "API5:2023 CWE-1068",
	},
	{
		ID: "requirement-strengthened", Severity: Warning,
		Title: "requirement strengthened",
		Why:   "No more callers are admitted, but some that were are refused now: clients may break.",
		Fix:   "Tell the owners of keys that lose access.",
	},
	{
		ID: "endpoint-added", Severity: Info,
		Title: "endpoint added",
		Why:   "A new endpoint with a requirement.",
		Fix:   "Check that the requirement is the intended one.",
	},
	{
		ID: "endpoint-removed", Severity: Info,
		Title: "endpoint removed",
		Why:   "Nothing is exposed by it; requests to it may reach another endpoint.",
		Fix:   "Nothing, unless the message names another endpoint.",
	},
	{
		ID: "webhook-changed", Severity: Info,
		Title: "webhook or callback changed",
		Why:   "The provider of the API is the client here: the requirement protects the receiver's endpoint.",
		Fix:   "Tell the receivers.",
	},

	// diff --validate, check --validate: a document against the OpenAPI specification.
	{
		ID: "document-invalid", Severity: Warning,
		Title: "the OpenAPI specification forbids it",
		Why:   "Tools read an invalid document differently: one that skips what it does not understand may not see the requirement that another one enforces.",
		Fix:   "Correct the place that the message names. Versions 3.0 to 3.2 are validated; convert a document of another one, or drop --validate.",
		Refs:  "API9:2023 CWE-1059",
	},

	// check --base: what a pull request changes in the rules that it is held to.
	{
		ID: "gate-loosened", Severity: Error,
		Title: "the change loosens the gate that it must pass",
		Why:   "A pull request that excuses its own findings, or takes files out of the comparison, is checked by nobody.",
		Fix:   "Make the change on its own and have the owners of the configuration agree; severity: {gate-loosened: warning} on the base lets teams that review it with CODEOWNERS pass.",
		Refs:  "CWE-693",
	},
	{
		ID: "catalog-weakened", Severity: Info,
		Title: "the catalog requires less than the base does",
		Why:   "This is the way to weaken access on purpose: the row is what people review. What code and documents change to the same requirement is listed with it.",
		Fix:   "Check that the row means what it says; severity: {catalog-weakened: error} in .permcheck.yaml makes it fail.",
		Refs:  "API5:2023 CWE-862",
	},

	// vet: Go source against a catalog.
	{
		ID: "undeclared", Severity: Error,
		Title: "route that declares no permission",
		Why:   "Nothing that its requests pass demands a permission, so any caller may be admitted.",
		Fix:   "Guard the route, or say why it needs none: //permcheck:public REASON at the route, or ignore-routes in .permcheck.yaml.",
		Refs:  "API5:2023 CWE-862",
	},
	{
		ID: "unknown-permission", Severity: Error,
		Title: "permission that the catalog does not have",
		Why:   "No key can be granted it: either nobody passes the guard, or, where an unknown permission counts as held, everybody does.",
		Fix:   "Correct the spelling, or add the permission (or the alias) to the catalog.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "mismatch", Severity: Error,
		Title: "code admits what the catalog refuses",
		Why:   "Keys that were given out by the catalog can do more than anybody agreed to.",
		Fix:   "Make the guard demand what the catalog says; if the code is right, change the catalog and have it reviewed.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "stricter", Severity: Warning,
		Title: "code refuses what the catalog admits",
		Why:   "Nobody gains access, but clients that rely on the catalog are refused.",
		Fix:   "Loosen the guard, or record the stricter requirement in the catalog.",
	},
	{
		ID: "route-not-in-catalog", Severity: Warning,
		Title: "route that the catalog does not have",
		Why:   "An endpoint that the catalog does not list is reviewed by nobody and probed by nothing.",
		Fix:   "Add the row, or excuse the route under ignore-routes in .permcheck.yaml.",
		Refs:  "API9:2023 CWE-1059",
	},
	{
		ID: "endpoint-without-route", Severity: Warning,
		Title: "catalog endpoint that no code serves",
		Why:   "The row is stale, or the route is registered in a way that was not read.",
		Fix:   "Remove the row, or look among the unresolved registrations (permcheck routes).",
		Refs:  "API9:2023 CWE-1059",
	},
	{
		ID: "unresolved", Severity: Warning,
		Title: "registration or guard that could not be read",
		Why:   "What could not be read was not checked.",
		Fix:   "Make the value a constant, or name the guard under guards in .permcheck.yaml.",
		Refs:  "API9:2023 CWE-1059",
	},

	{
		ID: "guard-too-late", Severity: Error,
		Title: "guard that has no effect on a route",
		Why:   "It is added after the route, or stands after the handler: requests are answered before it runs.",
		Fix:   "Add the guard before the routes that it is meant for, and put it before the handler.",
		Refs:  "API5:2023 CWE-696",
	},
	{
		ID: "cors-opened", Severity: Error,
		Title: "code opens to browsers what the catalog keeps from them",
		Why:   "Keys of servers end up in web pages, where any script can use them.",
		Fix:   "Remove the CORS code, or say browsers: allowed in the catalog and have it reviewed.",
		Refs:  "API8:2023 CWE-942",
	},
	{
		ID: "record-filter-missing", Severity: Error,
		Title: "handler that returns records without the filter",
		Why:   "A key that was shared some records of the object reads all of them.",
		Fix:   "Pass the records through the function that record-filters in .permcheck.yaml names.",
		Refs:  "API1:2023 CWE-639",
	},
	{
		ID: "declarations-disagree", Severity: Error,
		Title: "two declarations of one route differ",
		Why:   "Readers, reviewers and generated documents go by the comment or the metadata; requests go by what the code demands.",
		Fix:   "Make the two say the same; the catalog says which is right.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "ignore-without-reason", Severity: Error,
		Title: "//permcheck:ignore without a reason",
		Why:   "Nobody can tell later whether the finding was judged or silenced; without a reason the comment ignores nothing.",
		Fix:   "Write //permcheck:ignore RULE REASON.",
	},
	{
		ID: "ignore-unmatched", Severity: Warning,
		Title: "//permcheck:ignore with nothing to ignore",
		Why:   "What it explained was fixed, has moved, or the rule is misspelt; the next mistake at this line would go unseen.",
		Fix:   "Remove the comment, or correct its rule.",
	},

	// probe: a running API against a catalog. The ids are those of the checks.
	{
		ID: "disabled-key", Severity: Error, Title: "a disabled key still works",
		Why:  "Disabling a key is what people do when it has leaked; it must stop the key, not only mark it.",
		Fix:  "Look the key's state up when it is used; where it is cached, end the cache when the state changes.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "replicas-agree", Severity: Error, Title: "connections are answered differently",
		Why:  "Behind the address stand servers of which some do not enforce what the others do; who asks often enough gets in.",
		Fix:  "Bring every server to the same build and configuration, and keep decisions where all of them look.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "cross-key", Severity: Error, Title: "that one key was admitted admits another",
		Why:  "A cache of decisions that leaves the key out gives everybody the rights of whoever came first.",
		Fix:  "Put the key, or what it holds, into the cache's key.",
		Refs: "API5:2023 CWE-524",
	},
	{
		ID: "revoked-key", Severity: Error, Title: "a revoked key still works",
		Why:  "Revoking a key is what people do when it has leaked; it must stop the key, not only mark it.",
		Fix:  "Look the key's state up when it is used; where it is cached, end the cache when the state changes.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "deleted-key", Severity: Error, Title: "a deleted key still works",
		Why:  "Nobody can see the key any more, so nobody can delete it again.",
		Fix:  "End caches of a key when it is deleted; keep them short in any case.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "expired-key", Severity: Error, Title: "an expired key still works",
		Why:  "Keys are given a short life so that a leak ends by itself.",
		Fix:  "Compare the time of expiry, in UTC and one unit, each time the key is used.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "unexpired-key", Severity: Error, Title: "a key is refused before it expires",
		Why:  "Keys that end early are replaced by ones that never expire.",
		Fix:  "Compare the time of expiry in the zone and unit that it is set in.",
		Refs: "API2:2023 CWE-682",
	},
	{
		ID: "narrowed-key", Severity: Error, Title: "a permission that was taken from a key still works",
		Why:  "Taking a permission away is how people react to a key that can do too much.",
		Fix:  "Read the key's grants when it is used; where they are cached, end the cache when they change.",
		Refs: "API5:2023 CWE-613",
	},
	{
		ID: "widened-key", Severity: Error, Title: "a permission that was given to a key does not work",
		Why:  "People then give the key more and more until something works, and leave it so.",
		Fix:  "Do not keep refusals, or end them when the key's grants change.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "reenabled-key", Severity: Error, Title: "a key that is enabled again does not work",
		Why:  "People then make a new key, and the old one is forgotten while it is valid.",
		Fix:  "Do not keep refusals, or end them when the key's state changes.",
		Refs: "API2:2023 CWE-863",
	},
	{
		ID: "owner-disabled", Severity: Error, Title: "a key of a disabled account still works",
		Why:  "Who leaves loses the account; the keys that were made with it must end with it.",
		Fix:  "Look the owner's state up with the key's.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "rotated-key", Severity: Error, Title: "the old secret still works after a key was given a new one",
		Why:  "A secret is changed because the old one may be known to others.",
		Fix:  "Refuse the old secret at once, or state how long both are taken.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "dead-key-introspection", Severity: Error, Title: "a call that says who a key is answers a dead one",
		Why:  "Gateways and people check keys there, and let in what is answered.",
		Fix:  "Decide on the key before the call is answered, as everywhere else.",
		Refs: "API2:2023 CWE-613",
	},
	{
		ID: "path-trailing-slash", Severity: Error, Title: "a trailing slash goes around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "key-mints-stronger", Severity: Error, Title: "a key makes a key that holds more than it does",
		Why:  "Whoever may make keys then may do everything: one more step, and nothing is out of reach.",
		Fix:  "Refuse a grant that the maker does not hold itself, when keys are made and when they are changed.",
		Refs: "API5:2023 CWE-269",
	},
	{
		ID: "key-edits-stronger", Severity: Error, Title: "a key gives another key more than it holds",
		Why:  "Whoever may change keys then may do everything.",
		Fix:  "Refuse a grant that the sender does not hold itself, when keys are made and when they are changed.",
		Refs: "API5:2023 CWE-269",
	},
	{
		ID: "key-edits-itself", Severity: Error, Title: "a key widens its own grants",
		Why:  "Every key is then worth as much as the strongest.",
		Fix:  "Refuse changes of the grants of the key that the request is sent with.",
		Refs: "API5:2023 CWE-269",
	},
	{
		ID: "impersonation-header", Severity: Error, Title: "a header that names another key or user acts for it",
		Why:  "Everybody can write the header, so everybody is everybody.",
		Fix:  "Read who a request is from off its credential alone; drop such headers at the edge.",
		Refs: "API2:2023 CWE-290",
	},
	{
		ID: "role-header", Severity: Error, Title: "a role that the client claims opens a route",
		Why:  "Everybody can claim it.",
		Fix:  "Read roles off the credential alone; drop such headers at the edge.",
		Refs: "API5:2023 CWE-807",
	},
	{
		ID: "mass-assignment-create", Severity: Error, Title: "a create takes a field that its sender may not write",
		Why:  "What is hidden from a key can be set by it: a salary, an owner, who sees the record.",
		Fix:  "Name the members that a body may have, by the sender's permissions, and refuse all others.",
		Refs: "API3:2023 CWE-915",
	},
	{
		ID: "mass-assignment-update", Severity: Error, Title: "an update takes a field that its sender may not write",
		Why:  "What is hidden from a key can be changed by it: a salary, an owner, who sees the record.",
		Fix:  "Name the members that a body may have, by the sender's permissions, and refuse all others.",
		Refs: "API3:2023 CWE-915",
	},
	{
		ID: "key-altered", Severity: Error, Title: "a key that is nearly right is admitted",
		Why:  "Then far fewer keys are right than can be guessed apart, and a part of a leaked key is enough.",
		Fix:  "Look keys up by a hash of the whole secret, and compare all of it.",
		Refs: "API2:2023 CWE-287",
	},
	{
		ID: "key-empty", Severity: Error, Title: "an empty key is admitted",
		Why:  "An empty or missing value matches a key or a default somewhere: everybody can send it.",
		Fix:  "Refuse a credential that is empty or a word for nothing before looking it up.",
		Refs: "API2:2023 CWE-287",
	},
	{
		ID: "bad-key-ignored", Severity: Error, Title: "a key that was never made counts as no key",
		Why:  "A client whose key has died is told nothing and goes on with less than it believes to have.",
		Fix:  "Refuse a credential that is shown and is not known, also where none is needed.",
		Refs: "API2:2023 CWE-287",
	},
	{
		ID: "key-in-query", Severity: Error, Title: "a key is taken from the query",
		Why:  "Addresses are kept by logs, proxies, histories and Referer; keys in them leak.",
		Fix:  "Read credentials from the header only.",
		Refs: "API2:2023 CWE-598",
	},
	{
		ID: "key-in-cookie", Severity: Error, Title: "a key is taken from a cookie",
		Why:  "Browsers send cookies by themselves, so pages of other origins can make calls with them.",
		Fix:  "Read credentials from the header only.",
		Refs: "API8:2023 CWE-352",
	},
	{
		ID: "two-credentials", Severity: Error, Title: "of two credentials the second decides",
		Why:  "A proxy or guard that looks at the first one and a handler that looks at the second act for different keys.",
		Fix:  "Refuse requests that carry more than one credential.",
		Refs: "API2:2023 CWE-436",
	},
	{
		ID: "wrong-scheme", Severity: Error, Title: "a key is admitted under another scheme than the stated one",
		Why:  "What is meant to stop keys of one scheme, such as a rule of a proxy, does not see them under another.",
		Fix:  "Look at the scheme before the secret, and refuse what is not the stated one.",
		Refs: "API2:2023 CWE-287",
	},
	{
		ID: "www-authenticate", Severity: Info, Title: "401 comes without WWW-Authenticate",
		Why: "RFC 9110 section 15.5.2 asks for the header; clients learn from it how to sign in.",
		Fix: "Send WWW-Authenticate with every 401.",
	},
	{
		ID: "path-double-slash", Severity: Error, Title: "a double slash goes around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-dot-segments", Severity: Error, Title: "dot segments go around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-encoded-letters", Severity: Error, Title: "percent-encoded letters go around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-double-encoding", Severity: Error, Title: "letters that are encoded twice go around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-174",
	},
	{
		ID: "path-encoded-slash", Severity: Error, Title: "an encoded slash goes around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-matrix-parameter", Severity: Error, Title: "a matrix parameter goes around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-format-suffix", Severity: Error, Title: "the suffix of a format goes around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-647",
	},
	{
		ID: "path-case", Severity: Error, Title: "letters of another case go around the guard",
		Why:  "The router and the guard disagree about what path a request is for, so whoever knows the other spelling needs no permission.",
		Fix:  "Decide on the route that the router chose, not on the text of the path; or refuse paths that are not in one form.",
		Refs: "API5:2023 CWE-178",
	},
	{
		ID: "rewrite-header", Severity: Error, Title: "a header that names another path goes around the guard",
		Why:  "The guard looks at the path and the handler at the header, so any path opens every other.",
		Fix:  "Remove X-Original-URL and X-Rewrite-URL at the edge, and do not read them.",
		Refs: "API5:2023 CWE-551",
	},
	{
		ID: "forwarded-header", Severity: Error, Title: "an address that the client claims opens the route",
		Why:  "Everybody can write these headers; they say nothing about who sends a request.",
		Fix:  "Decide on the key alone; take forwarded addresses from known proxies only.",
		Refs: "API2:2023 CWE-290",
	},
	{
		ID: "host-header", Severity: Error, Title: "another name of the host opens the route",
		Why:  "Host is written by the client, so it cannot tell insiders from others.",
		Fix:  "Serve internal names on an address of their own, and refuse unknown names.",
		Refs: "API2:2023 CWE-290",
	},
	{
		ID: "method-override", Severity: Error, Title: "a POST that names another method goes around its permission",
		Why:  "The guard decides on POST and the handler does what the header, the query or the form says.",
		Fix:  "Turn method override off, or rename the method before the guard.",
		Refs: "API5:2023 CWE-650",
	},
	{
		ID: "head-unguarded", Severity: Error, Title: "HEAD is admitted where GET is refused",
		Why:  "Length, age and entity tag of what is refused are told, and what a handler does on the way happens.",
		Fix:  "Guard HEAD with the permission of GET.",
		Refs: "API5:2023 CWE-650",
	},
	{
		ID: "method-options", Severity: Error, Title: "OPTIONS or TRACE shows what GET refuses",
		Why:  "The handler runs for methods that the guard does not know.",
		Fix:  "Answer OPTIONS without the handler, refuse TRACE, and guard routes and not methods.",
		Refs: "API5:2023 CWE-650",
	},
	{
		ID: "method-unknown", Severity: Error, Title: "a method that does not exist shows what GET refuses",
		Why:  "The handler runs for methods that the guard does not know.",
		Fix:  "Answer 405 or 501 for methods that a route does not have.",
		Refs: "API5:2023 CWE-650",
	},
	{
		ID: "content-type", Severity: Error, Title: "a write of another content type goes around the guard",
		Why:  "The guard is bound to one kind of body and the handler takes others.",
		Fix:  "Guard the route whatever the body, and answer 415 for types that it does not take.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "get-with-body", Severity: Error, Title: "a GET with a body goes around the guard",
		Why:  "The guard and the handler disagree about what such a request is.",
		Fix:  "Guard the route whatever the body.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "list-records", Severity: Error, Title: "a list shows other records than the key may see",
		Why:  "A key that was given a part of the records reads others, or misses some of its own.",
		Fix:  "Filter by the key's sharing in the query itself, before paging.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "sub-resource", Severity: Error, Title: "what is a part of a hidden record is shown",
		Why:  "Applications to a secret position are as secret as the position; whoever reads them knows that there is one.",
		Fix:  "Check the record that a child belongs to wherever children are read: below its path, in flat lists and by id.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "record-by-id", Severity: Error, Title: "a hidden record is answered by its id",
		Why:  "Ids can be guessed, or were seen elsewhere; a list that hides a record protects nothing while its id opens it.",
		Fix:  "Put the filter of the list into the query by id as well, and answer as if there were no such record.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "included-records", Severity: Error, Title: "related records that are hidden come with an answer",
		Why:  "The association is read without the key's filter, so that one allowed record shows hidden ones.",
		Fix:  "Load related records through the same filter as their own list.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "foreign-keys", Severity: Error, Title: "an answer names records that are hidden",
		Why:  "An id says that the record is there and what belongs to it, and is what the next guess begins with.",
		Fix:  "Answer null, or leave the member out, where the key may not see the record that it names.",
		Refs: "API1:2023 CWE-200",
	},
	{
		ID: "list-total", Severity: Error, Title: "a list counts records that it does not show",
		Why:  "The difference tells how many hidden records there are, and when one is added.",
		Fix:  "Count with the same filter as the list is read with.",
		Refs: "API1:2023 CWE-200",
	},
	{
		ID: "counted-records", Severity: Error, Title: "a count or statistic includes hidden records",
		Why:  "How many there are is often just what is to be kept; and by asking again one sees each change.",
		Fix:  "Count with the key's filter, or ask for a permission that covers all records.",
		Refs: "API1:2023 CWE-200",
	},
	{
		ID: "list-pages", Severity: Error, Title: "pages of a list have holes where records are hidden",
		Why:  "Empty pages and further cursors tell how many records are hidden, and where they stand in the order.",
		Fix:  "Filter in the query itself, before the page is cut.",
		Refs: "API1:2023 CWE-200",
	},
	{
		ID: "search-records", Severity: Error, Title: "a search finds hidden records",
		Why:  "Words can be guessed one after the other until the whole text is known.",
		Fix:  "Search through the same filter as the list.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "filter-records", Severity: Error, Title: "a filter on related records looks at hidden ones",
		Why:  "Yes or no for each guess reads a hidden field letter by letter.",
		Fix:  "Join related records through the key's filter, or refuse filters by fields of records that it does not see.",
		Refs: "API1:2023 CWE-203",
	},
	{
		ID: "sort-records", Severity: Error, Title: "an order by related records follows hidden values",
		Why:  "The place in the order tells how large a hidden value is; with a record of one's own it can be measured.",
		Fix:  "Join related records through the key's filter before the order is made.",
		Refs: "API1:2023 CWE-203",
	},
	{
		ID: "dropped-filter", Severity: Error, Title: "a filter by a hidden record is dropped",
		Why:  "The caller takes other data for what was asked for, and may act on it.",
		Fix:  "Answer an empty list or a refusal; never ignore a filter.",
		Refs: "API1:2023 CWE-636",
	},
	{
		ID: "batch-records", Severity: Error, Title: "a request for several records shows hidden ones",
		Why:  "Checks that are made for one id are forgotten for lists of ids.",
		Fix:  "Filter the batch as the list is filtered, or refuse it as a whole.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "write-outside", Severity: Error, Title: "a hidden record is changed or deleted",
		Why:  "Who may write some records writes them all, by ids that are guessed or were seen elsewhere.",
		Fix:  "Look for the record through the key's filter before it is changed, and answer as if there were no such record.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "moved-records", Severity: Error, Title: "an update moves a record into or out of what the key may see",
		Why:  "Only the state before, or only the one after, is looked at: a key publishes what was hidden from it, or hides what it may no longer change.",
		Fix:  "Check the record before and after the change.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "create-outside", Severity: Error, Title: "a key makes a record that it may not see",
		Why:  "Records appear that their maker cannot read, change or take away.",
		Fix:  "Check the new record against the key's sharing before it is stored.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "body-id", Severity: Error, Title: "an id in the body wins over the one in the path",
		Why:  "The guard looks at the path, the handler at the body: any record can be written.",
		Fix:  "Take the id from the path alone; refuse a body that names another.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "batch-writes", Severity: Error, Title: "a batch changes hidden records",
		Why:  "Checks that are made for one id are forgotten for lists of ids.",
		Fix:  "Check each record of a batch as the write of one is checked, and refuse all if one is refused.",
		Refs: "API1:2023 CWE-639",
	},
	{
		ID: "field-hidden", Severity: Error, Title: "a field is shown without the permission that it needs",
		Why:  "The key's holder reads what only keys with the field's permission may see.",
		Fix:  "Choose the members of an answer by the key's permissions in one place that every answer passes.",
		Refs: "API3:2023 CWE-213",
	},
	{
		ID: "field-listed", Severity: Error, Title: "a key is shown attributes that its allow list does not name, or lacks some that it does",
		Why:  "The list is what people tick for a key; what it does not name was not released.",
		Fix:  "Choose the members of an answer by the key's list in one place that every answer passes.",
		Refs: "API3:2023 CWE-213",
	},
	{
		ID: "listed-endpoint", Severity: Error, Title: "an endpoint does not look at the key's allow list",
		Why:  "The attribute that the list keeps back is answered by an endpoint of its own.",
		Fix:  "Ask the list in the endpoint as the answers of other endpoints do.",
		Refs: "API3:2023 CWE-862",
	},
	{
		ID: "field-selected", Severity: Error, Title: "a hidden field is shown when it is selected by name",
		Why:  "The selection reads the record as it is stored, past what hides the field.",
		Fix:  "Choose from what the key may see, not from what is stored.",
		Refs: "API3:2023 CWE-213",
	},
	{
		ID: "field-filtered", Severity: Error, Title: "a filter looks at a field that the key may not see",
		Why:  "Yes or no for each guess reads the field letter by letter.",
		Fix:  "Refuse filters by fields that the key may not see, or ignore them.",
		Refs: "API3:2023 CWE-203",
	},
	{
		ID: "field-sorted", Severity: Error, Title: "an order follows a field that the key may not see",
		Why:  "The order tells which value is larger; with a record of one's own each can be measured.",
		Fix:  "Refuse orders by fields that the key may not see, or ignore them.",
		Refs: "API3:2023 CWE-203",
	},
	{
		ID: "field-searched", Severity: Error, Title: "a search looks at a field that the key may not see",
		Why:  "Words can be guessed one after the other until the whole text is known.",
		Fix:  "Search only the fields that the key may see.",
		Refs: "API3:2023 CWE-203",
	},
	{
		ID: "field-in-answer", Severity: Error, Title: "the answer to a write shows a hidden field",
		Why:  "A key that may only write reads back what it may not see.",
		Fix:  "Choose the members of the answer as for a read with the same key; or answer 204.",
		Refs: "API3:2023 CWE-213",
	},
	{
		ID: "field-in-error", Severity: Error, Title: "an error quotes a hidden field",
		Why:  "Whoever sends something wrong on purpose reads what is stored.",
		Fix:  "Say in errors what was sent or which rule it broke, never what is stored.",
		Refs: "API3:2023 CWE-209",
	},
	{
		ID: "existence-hidden", Severity: Error, Title: "a hidden record is told from one that is not there",
		Why:  "Which ids exist is what guessing needs first, and often a secret by itself.",
		Fix:  "Look for the record through the key's filter and answer what it does not find as absent, before entity tags and ranges are looked at.",
		Refs: "API1:2023 CWE-204",
	},
	{
		ID: "existence-refused", Severity: Error, Title: "a refusal tells whether the record is there",
		Why:  "Whoever has any key can list which ids exist.",
		Fix:  "Decide on the permission before the record is looked up.",
		Refs: "API5:2023 CWE-204",
	},
	{
		ID: "shared-cache", Severity: Error, Title: "the answer to one key is served to another",
		Why:  "Who asks after somebody stronger reads what that one may see, without any mistake in the guard.",
		Fix:  "Key caches by the credential too, or do not keep answers that need one.",
		Refs: "API8:2023 CWE-524",
	},
	{
		ID: "cache-headers", Severity: Error, Title: "an answer that needs a key may be kept by shared caches",
		Why:  "A proxy or a content network will serve it to the next who asks, with or without a key.",
		Fix:  "Send Cache-Control: no-store or private; name the header with the key in Vary.",
		Refs: "API8:2023 CWE-525",
	},
	{
		ID: "more-sees-more", Severity: Error, Title: "a key that holds more is shown less",
		Why:  "A rule is the wrong way round, or a permission takes something away; people then work with the weaker key, or without one.",
		Fix:  "Let permissions only add; look for a negated condition.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "cors-simple", Severity: Error, Title: "an answer lets web pages of other origins read it",
		Why:  "Keys of servers end up in web pages, where any script can use them.",
		Fix:  "Send no Access-Control headers at all; look for the middleware or the proxy that adds them.",
		Refs: "API8:2023 CWE-942",
	},
	{
		ID: "cors-origins", Severity: Error, Title: "an origin is allowed that resembles the server's own",
		Why:  "Origins are compared as texts, so pages that anybody can put up pass for the server's own.",
		Fix:  "Send no Access-Control headers at all; where some origin must be allowed, compare whole origins with a list.",
		Refs: "API8:2023 CWE-942",
	},
	{
		ID: "cors-preflight", Severity: Error, Title: "a preflight is allowed",
		Why:  "Browsers then send requests with keys from pages of other origins; whether the page may read the answer comes too late for writes.",
		Fix:  "Answer OPTIONS without Access-Control headers; look for the middleware or the proxy that adds them.",
		Refs: "API8:2023 CWE-942",
	},
	{
		ID: "cors-timing", Severity: Error, Title: "an answer shows its timing to other origins, or lends itself to them",
		Why:  "Pages of other origins learn from it what was answered, or may embed it.",
		Fix:  "Remove Timing-Allow-Origin, and say Cross-Origin-Resource-Policy: same-origin or nothing.",
		Refs: "API8:2023 CWE-942",
	},
	{
		ID: "cors-jsonp", Severity: Error, Title: "an answer can be made a script",
		Why:  "Pages of every origin can load it, and browsers ask nobody.",
		Fix:  "Remove the callback parameter.",
		Refs: "API8:2023 CWE-346",
	},
	{
		ID: "cors-served", Severity: Error, Title: "a request of a web page is served where it is to be refused",
		Why:  "What the server is to refuse by itself is left to browsers to block.",
		Fix:  "Refuse requests with an Origin that is not the server's own, before anything else.",
		Refs: "API8:2023 CWE-346",
	},
	{
		ID: statementRule, Severity: Error, Title: "the API does not do what the vendor's pages say",
		Why:  "Integrators and partners rely on what is written there; who gets more than that sees what nobody granted.",
		Fix:  "Look at the line of the statement that the finding names (permcheck explain prints it) and at the page it cites; mend the API, or have the statement changed if the page has.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "script", Severity: Error, Title: "a hand-written check does not hold",
		Why:  "Somebody wrote down what the API must do here, and it does something else.",
		Fix:  "Look at the line of the check that the finding names; mend the API, or the check if what the API should do has changed.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "over-grant", Severity: Error, Title: "a key is admitted without the permission",
		Why:  "Whoever holds such a key can do what nobody granted.",
		Fix:  "Demand the catalog's permission in the handler or its guard; if the server is right, change the row of the catalog and have it reviewed.",
		Refs: "API5:2023 CWE-862",
	},
	{
		ID: "under-grant", Severity: Error, Title: "a key is refused although its grant suffices",
		Why:  "Integrators then ask for more permissions than they need, and least privilege is lost.",
		Fix:  "Let the guard ask for what the catalog says and nothing else; if it must ask for more, write that into the row of the catalog.",
		Refs: "API5:2023 CWE-863",
	},
	{
		ID: "anonymous-admitted", Severity: Error, Title: "a request without a key is admitted",
		Why:  "Everybody who can reach the server can call this.",
		Fix:  "Put authentication in front of the route; if it is meant to be open, write public into the row of the catalog.",
		Refs: "API2:2023 CWE-306",
	},
	{
		ID: "bad-key-admitted", Severity: Error, Title: "a key that was never made is admitted",
		Why:  "Authentication that lets pass what it cannot check is no authentication.",
		Fix:  "Refuse a request whose credential cannot be parsed or is not known.",
		Refs: "API2:2023 CWE-287",
	},
	{
		ID: "default-allow", Severity: Error, Title: "a path that the catalog does not have is answered",
		Why:  "Routes that nobody listed are then open: old versions, internal paths, tomorrow's route.",
		Fix:  "Refuse or answer 404 for every route without a declared permission.",
		Refs: "API9:2023 CWE-276",
	},
	{
		ID: "unlisted-version", Severity: Error, Title: "another version of a path shows what the path refuses",
		Why:  "Old, internal and coming versions are served beside the ones that are listed, and nobody guards them.",
		Fix:  "Take the version out of service, or list it in the catalog and guard it like the others.",
		Refs: "API9:2023 CWE-1059",
	},
	{
		ID: "unlisted-method", Severity: Error, Title: "a method that the catalog does not have changes records",
		Why:  "A router that serves a method which nobody listed runs a handler that nobody guards.",
		Fix:  "Answer 405 for methods without a declared permission, or list the method in the catalog and guard it.",
		Refs: "API9:2023 CWE-650",
	},
	{
		ID: "refusal-form", Severity: Error, Title: "a refusal does not look as stated",
		Why:  "Clients act on it: 401 makes them sign in again, 403 makes them ask for a grant.",
		Fix:  "Answer in the stated form; if the server is right, change refused: in the catalog or the profile.",
		Refs: "API8:2023 CWE-393",
	},
	{
		ID: "effect-despite-refusal", Severity: Error, Title: "a refused write happened all the same",
		Why:  "The caller is told no, and the data is changed.",
		Fix:  "Ask for the permission before the handler touches any data.",
		Refs: "API5:2023 CWE-696",
	},

	// grants: what a key holds against what its calls need.
	{
		ID: "grant-missing", Severity: Error, Title: "the calls need a permission that the key does not hold",
		Why: "The calls that need it are refused.",
		Fix: "Give the key the permission, or leave the calls out.",
	},
	{
		ID: "grant-surplus", Severity: Warning, Title: "the key holds a permission that no call needs",
		Why:  "Whoever gets hold of the key can do more than the integration ever does.",
		Fix:  "Take the permission away from the key; where it stands in for weaker ones, give those.",
		Refs: "API5:2023 CWE-272",
	},

	// the file of known findings, read by every command.
	{
		ID: "known-unmatched", Severity: Warning,
		Title: "known finding that is found no more",
		Why:   "An entry that accepts nothing today would silently accept the fault if it came back.",
		Fix:   "Remove the entry.",
	},
	{
		ID: "known-expired", Severity: Warning,
		Title: "known finding that has expired",
		Why:   "It was accepted up to a date that has passed; the finding counts again.",
		Fix:   "Mend the finding, or have its owner agree to a later date.",
	},
	{
		ID: "known-expires", Severity: Warning,
		Title: "known finding that expires within 14 days",
		Why:   "When it expires the finding counts again.",
		Fix:   "Mend the finding, or have its owner agree to a later date.",
	},

	// catalog lint: rows of a catalog that look like mistakes.
	{
		ID: "list-get-differ", Severity: Warning,
		Title: "a list asks for another entity's permission than its get",
		Why:   "Whoever may list a collection sees its records, so a key with the wrong permission reads what the get keeps from it.",
		Fix:   "Ask for the same entity in both rows, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "cross-entity", Severity: Warning,
		Title: "a row asks for an entity that neither its path nor its siblings name",
		Why:   "It is either a slip of the pen, or a way to one entity's data with another entity's permission.",
		Fix:   "Correct the permission, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-863",
	},
	{
		ID: "write-on-read", Severity: Warning,
		Title: "a call that reads asks for a permission to write",
		Why:   "Clients that only read must be given the right to write, which is more than they need.",
		Fix:   "Ask for a read permission, say effect: write if the call changes something, or add odd: with the reason.",
		Refs:  "CWE-272",
	},
	{
		ID: "read-on-write", Severity: Warning,
		Title: "a call that writes is open to keys that may only read",
		Why:   "A key that was given out for reading can change or delete data.",
		Fix:   "Ask for a write permission, say effect: read if the call changes nothing, or add odd: with the reason.",
		Refs:  "API5:2023 CWE-285",
	},
	{
		ID: "overlapping-templates", Severity: Warning,
		Title: "two rows with different requirements match the same path",
		Why:   "Neither path is the more specific one, so the router or the order of registration decides which requirement holds; some routers refuse both.",
		Fix:   "Change one of the paths, ask for the same in both rows, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "near-miss-permission", Severity: Warning,
		Title: "two permissions are spelled almost alike",
		Why:   "Keys are given the one and endpoints ask for the other, or a check compares names that never agree.",
		Fix:   "Keep one spelling and list the other under aliases:, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "split-entity", Severity: Warning,
		Title: "an entity is read under one name and written under another",
		Why:   "Who grants all of one name expects reading and writing, and grants half.",
		Fix:   "Put both permissions under one name, or add odd: with the reason.",
	},
	{
		ID: "near-miss-path", Severity: Warning,
		Title: "two path segments at one place are spelled almost alike",
		Why:   "Guards, gateways and firewalls that match one spelling let the other through.",
		Fix:   "Use one spelling, or add odd: with the reason.",
		Refs:  "API9:2023 CWE-863",
	},
	{
		ID: "trailing-slash", Severity: Warning,
		Title: "a path ends in a slash where others do not",
		Why:   "Routers differ in what they make of the two forms: one may redirect, match everything below it, or lack the guard of the other.",
		Fix:   "Use one form throughout, or add odd: with the reason.",
		Refs:  "CWE-863",
	},
	{
		ID: "mixed-path-style", Severity: Info,
		Title: "a path joins its words in another way than the others",
		Why:   "Callers and rules that are typed from habit miss it.",
		Fix:   "Use one style, or add odd: with the reason.",
	},
	{
		ID: "path-elsewhere", Severity: Info,
		Title: "sources differ in the path of an endpoint",
		Why:   "A client, a gateway or a guard that is written from the one document does not know the other's path.",
		Fix:   "Correct the document that is wrong; until then also: names both.",
	},
	{
		ID: "unused-permission", Severity: Warning,
		Title: "a permission governs nothing",
		Why:   "Keys are given a right that no row explains; either a row is missing or the permission is dead.",
		Fix:   "Add the rows that it opens, say endpoints: unknown if the documents do not name them, or remove it.",
	},
	{
		ID: "odd-unneeded", Severity: Warning,
		Title: "odd: stands where nothing looks wrong",
		Why:   "The reason outlived what it explained, and would acknowledge the next mistake in this row unseen.",
		Fix:   "Remove it, or make it a comment.",
	},
}

// RuleByID returns the rule with the given id. It panics if there is none: every
// finding is made by permcheck's own code, and a test holds the two together.
func RuleByID(id string) Rule {
	r, ok := ruleByID(id)
	if !ok {
		panic(fmt.Sprintf("report: no rule %q", id))
	}
	if level, ok := levels()[r.ID]; ok {
		r.Severity = level
	}
	return r
}

// adjusted holds the severities that the configuration of this run states.
var adjusted atomic.Pointer[map[string]Severity]

func levels() map[string]Severity {
	if m := adjusted.Load(); m != nil {
		return *m
	}
	return nil
}

// Adjust states severities for this process in place of those of [Rules], by rule. It
// replaces what was stated before.
func Adjust(severities map[string]Severity) { adjusted.Store(&severities) }

// DefaultSeverity returns a rule's severity in [Rules], whatever is adjusted, and whether
// there is such a rule.
func DefaultSeverity(id string) (Severity, bool) {
	r, ok := ruleByID(id)
	return r.Severity, ok
}

// statementRule stands for the statements about vendors, whose ids are like comeet/C7.
const statementRule = "statement"

var statementID = regexp.MustCompile(`^[a-z0-9-]+/[A-Z][0-9]+$`)

func ruleByID(id string) (Rule, bool) {
	if statementID.MatchString(id) {
		r, ok := ruleByID(statementRule)
		r.ID = id
		return r, ok
	}
	for _, r := range Rules {
		if r.ID == id {
			return r, true
		}
	}
	return Rule{}, false
}
