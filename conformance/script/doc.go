// Package script runs hand-written checks: what no catalog says, such as that a rejected
// candidate is gone from a list, or that two keys see the same page. It also runs the
// statements of package suites.
//
// A check is a testscript file (extension .txtar or .txt, package
// github.com/rogpeppe/go-internal/testscript): commands, a line each, then files after
// "-- name --". An exclamation mark before a command turns an expectation round. The first
// expectation that is not met is the finding. A request without an answer, one that is answered
// 429 or 5xx (unless status asks for just that), and a command that is wrong make the check
// inconclusive: none of them shows that the API is wrong. Besides the commands of testscript
// there are
//
// # Who sends
//
//	as KEY                          who sends what follows: a key of the script or of the profile,
//	                                or anonymous, malformed or unknown; at first anonymous
//	key NAME GRANT [sharing OBJECT=OPTION] [list LIST=A,B] [expires DURATION]
//	                                a key with just that: one of the profile that has it, else one
//	                                that is made (provision: in the profile) and taken away at the
//	                                end. One that the script changes is always made. GRANT is all,
//	                                none, permissions joined by &, or all except those. Where there
//	                                is no such key the check is inconclusive and says what to add
//	[!] regrant KEY GRANT           gives it another grant; ! where who keeps the keys says that
//	                                it cannot be edited (409)
//	disable|enable|revoke|delete|rotate KEY
//	do KEY ACTION                   any other action of the catalog's credentials
//	[!] sign-in KEY [PATH]          gets a new token for a key that is shown as one: that of the
//	                                part of the API which PATH is in
//	token NAME KEY [PATH]           puts what the key shows now, there, into a variable
//	jwt NAME [secret=TEXT] [alg=none] CLAIM=VALUE...
//	                                makes a token (HS256); now+10m and now-1m are times
//	bearer TEXT                     what follows is sent with this bearer token
//	header NAME VALUE               a header of the next request
//
// # What is sent
//
//	request METHOD PATH [BODY-FILE] sends a request. A parameter of a path that the catalog has,
//	                                such as {id}, gets the value of the variable $id, else the one
//	                                that all checks use; for a write that of an object of its own
//	sleep DURATION                  waits, two minutes at most
//
// # What is expected
//
//	[!] status CODE...              the answer's status is one of these; 2xx is a class of them
//	[!] admitted, [!] refused       the answer admits or refuses its sender, as permcheck judges
//	                                that everywhere: a refusal of a read counts where a key that the
//	                                catalog admits is answered 2xx to the same request, an empty list
//	                                is a refusal where that key sees rows, and other statuses than
//	                                401, 403 and the stated ones decide nothing without such a key.
//	                                After a change of a key it is asked again until that may be in force
//	every reads|writes|rows admitted|refused [asking PATTERN]
//	                                all such rows of the catalog, or those whose requirement is like
//	                                PATTERN (* is any text)
//	[!] json PATH [VALUE]           the JSON answer has a member there, or the value there. PATH is
//	                                names and places in lists joined by dots: data.0.id; * is any
//	                                place of a list. VALUE is JSON, or else a text
//	[!] absent-or-null PATH         there is no value there
//	[!] same-as KEY                 another key is answered alike: status and body
//	[!] same-as previous            the request before this one was
//	[!] cors-blocked [ORIGIN]       no page of another origin may read the answer or ask
//	                                beforehand whether it may send the request
//	need [!] EXPECTATION            one that is not met leaves the check undecided: for what has to
//	                                be so before something can be shown
//
// # Values of answers
//
//	take NAME PATH                  puts the value at PATH into a variable
//	take-header NAME HEADER         and that of a header, without Bearer
//	let NAME TEXT                   and a text
//	find NAME LIST FIELD [CONDITION]...
//	                                the FIELD of the first object in the list at LIST (. is the whole
//	                                answer) that meets FIELD=VALUE or FIELD!=VALUE
//	set NAME LIST FIELD [CONDITION]...
//	                                the FIELDs of all of them, as a set; set NAME = VALUE... is one too
//	members NAME PATH               the names of the members of the object at PATH, as a set
//	set-minus NAME A B              what is in A and not in B
//	pick NAME SET                   puts one value of a set into a variable
//	[!] set-equal A B, set-within A B, set-disjoint A B, set-empty A
//
// A line that begins with [same:A,B] counts where two variables have one value, with [!same:A,B]
// where they do not.
//
// Variables are written $NAME or ${NAME} in paths, queries, headers, conditions, PATHs, VALUEs and the
// files of bodies; $KEY.id and $KEY.secret are those of a key, $mark is a word that nothing else
// has, and in the files of bodies $$ is a dollar sign. Values are put in when something is sent: reports show the names.
//
// # The catalog
//
//	[!] catalog requires METHOD PATH EXPR      what a row asks for
//	[!] catalog opens METHOD PATH GRANT        whether a key with the grant is admitted
//	[!] catalog permission ID                  whether there is one
//	[!] catalog same PERMISSION, PERMISSION    two spellings of one
//	[!] catalog permissions N
//	[!] catalog rows N [PATTERN]               how many there are whose requirement is like that
//	[!] catalog field OBJECT FIELD EXPR        who sees it
//	[!] catalog lint RULE [SUBJECT]            what catalog lint says, acknowledged or not
//
// # What nobody states
//
//	tell NAME [!] EXPECTATION       puts yes or no into a variable
//	observe TEXT                    tells what was seen: $status is that of the last answer; what
//	                                tell said and $SET.count can stand in it, other values cannot
//	inconclusive REASON             ends the check undecided
//
// Messages hold words of the script and statuses, never what the server said.
package script
