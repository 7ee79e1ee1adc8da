package catalogs

import (
	"fmt"
	"time"

	"github.com/permcheck/permcheck/catalogs/perm"
)

// A Catalog says what each endpoint of one API requires. It is read from a file,
// or from a witness: an OpenAPI document, Go source, a probe's report.
type Catalog struct {
	Name    string            // short name, such as "eightfold"
	File    string            // where it was read from; "vendor:NAME" when embedded
	Sources map[string]string // source id -> URL

	Permissions []Permission // in file order
	Endpoints   []Endpoint   // in file order
	Records     []Record     // which rows of an object a grant reveals
	Fields      []Field      // which fields of an object need a permission
	AllowLists  []AllowList  // lists chosen for each key, apart from its permissions
	Credentials Credentials
	Browsers    Browsers
	Refused     Refused // what a refusal looks like, unless the endpoint says otherwise
}

// A Permission is one right that the API's keys can be given.
type Permission struct {
	ID      perm.Permission
	Label   string            // the vendor's own text for people
	Aliases []perm.Permission // other spellings of ID
	// Implies lists what a holder also holds; entries may contain * for any text.
	Implies []string
	// EndpointsUnknown says that no document names an endpoint for this permission,
	// so that a catalog without a row for it is not suspicious.
	EndpointsUnknown bool
	Source, Evidence string
	Odd              string
	Pos              Pos
}

// An Endpoint is one row of the table.
type Endpoint struct {
	Method  string // upper case; "*" is any method
	Path    string // template as written, such as "/positions/{id}"
	Section string // heading that it was listed under, if any

	// Requires is what the endpoint demands. Nil means that the witness declares
	// nothing, which a catalog file cannot say: it says unknown.
	Requires *perm.Requirement

	Effect      Effect            // what a call does, where the method misleads
	Lists, Gets string            // the object whose records it returns
	NeedsListed map[string]string // allow list -> attribute that must be on it
	Ignores     []string          // allow lists that do not apply here
	Refused     Refused           // how this endpoint refuses, where it differs
	// Also are other paths by which some source has this endpoint; nothing else is served there.
	Also             []AlsoAt
	Source, Evidence string
	Odd              string // why a suspicious row is right
	// SameAs is "METHOD /path" of the row that this one was made from by same-as; Pos is
	// that row's. Empty for a row that is written.
	SameAs string
	// Routed is what a witness knows of the way that requests take to the endpoint; nil:
	// nothing, as in a catalog or a document.
	Routed *Routed `json:",omitempty"`
	Pos    Pos
}

// Routed says how requests reach an endpoint of a program.
type Routed struct {
	Precedence Precedence // by which the program chooses among rows that match a path
	Seq        int        // the order in which the row was registered
	// Answers is what the endpoint's handler does with requests: "page", "refuses", "redirect" or
	// "opaque"; empty: it serves them.
	Answers string
	// Asks says that something on the way refuses requests without a valid credential,
	// whatever permission it requires. MayAsk says that nobody can tell whether it does.
	Asks, MayAsk bool
}

// What a handler answers when it is no ordinary one: see [Routed.Answers].
const (
	AnswersPage     = "page"     // a file or a fixed page
	AnswersRefusal  = "refuses"  // not found, or method not allowed
	AnswersRedirect = "redirect" // another address
	AnswersOpaque   = "opaque"   // nobody can tell: a proxy, or a handler of a library
)

// GrantsNothing reports whether a handler gives a caller nothing of an endpoint that it
// happens to answer.
func (r *Routed) GrantsNothing() bool {
	return r != nil && (r.Answers == AnswersPage || r.Answers == AnswersRefusal || r.Answers == AnswersRedirect)
}

// Opaque reports whether nobody can tell what the handler does.
func (r *Routed) Opaque() bool { return r != nil && r.Answers == AnswersOpaque }

// AlsoAt is a path that one source gives an endpoint which stands under another one in the
// catalog.
type AlsoAt struct{ Source, Path string }

// Effect is what a call does to the server's data.
type Effect string

// The effects. The zero value means: as the method says.
const (
	Read  Effect = "read"
	Write Effect = "write"
)

// Reads reports whether calling the endpoint leaves the server's data alone:
// as its Effect says, else as GET, HEAD and OPTIONS do.
func (e *Endpoint) Reads() bool {
	if e.Effect != "" {
		return e.Effect == Read
	}
	return e.Method == "GET" || e.Method == "HEAD" || e.Method == "OPTIONS"
}

// String returns "METHOD /path".
func (e *Endpoint) String() string { return e.Method + " " + e.Path }

// A Record rule says which rows of an object a key sees.
type Record struct {
	Object string
	// Sharing maps an option, chosen once for a key, to the conditions that a row
	// must meet to be shown. An option without conditions shows every row.
	Sharing []Option
	// Grants maps a permission to the conditions on the rows that it reveals.
	Grants []Option
	// Hidden is how a hidden row answers by id: a status, or 0 when not documented.
	Hidden int
	// Outside says what becomes of a write whose result its sender would not see: "refused",
	// "admitted" or "unknown"; empty when not stated.
	Outside string
	// PartOf is the object whose records these are parts of: hidden with it. Empty where the paths
	// say so (/positions/{id}/applications), or nothing does; [NotKnown] where the paths do and
	// nobody knows whether the records are hidden.
	PartOf string
	Pos    Pos
}

// An Option is one named choice of a record rule.
type Option struct {
	Name       string // sharing option, or permission
	Conditions []Condition
	Pos        Pos
}

// A Condition compares one attribute of a row with a value.
type Condition struct {
	Attribute string
	Value     string // text of the YAML scalar; "$self" is the calling key's own id
	Not       bool   // the attribute must differ from Value
}

// NotKnown stands where nobody says what the rule is: [Record.PartOf], and the value of a
// condition that may hide rows which have the attribute.
const NotKnown = "unknown"

// Open reports whether nobody knows what the condition does: rows whose attribute is neither
// false nor absent may be hidden by it.
func (c Condition) Open() bool { return c.Value == NotKnown && !c.Not }

// A Field rule says what a field of an object needs beyond the endpoint's
// requirement.
type Field struct {
	Object, Name string            // Name "*" is every field that has no rule of its own
	Requires     *perm.Requirement // nil: none
	NeedsListed  string            // allow list that must name the field
	Source       string
	Evidence     string
	Pos          Pos
}

// An AllowList is a list of attributes chosen for each key.
type AllowList struct {
	Name     string
	Of       string   // the object whose attributes it lists
	Always   []string // attributes shown even when not listed
	Unlisted string   // what happens to the others: "omitted", "null", "refused" or "unknown"
	ShownBy  string   // "METHOD /path" that returns the list
	Pos      Pos
}

// Credentials describes a key's life. The zero value says nothing.
type Credentials struct {
	// GrantsChange says when a changed grant takes effect: "at-once",
	// "on-reenable", "on-new-token" or "unknown"; empty when not stated.
	GrantsChange string
	States       map[string]string // state -> "admitted", "refused", "gone" or "unknown"
	Actions      map[string]string // action -> state that it leads to, or "new-secret"
	LiveTokens   string            // what disabling does to tokens already issued
	// SentIn says where a request may show the credential: "header", "query", "cookie"
	// or "any"; empty when not stated.
	SentIn string
	// Scheme is what stands before the secret in Authorization, such as "Bearer", where no other
	// is taken; empty: the catalog does not say.
	Scheme string
	// Within is how long a change of a key may take until it is in force everywhere; 0: not
	// stated.
	Within time.Duration
	Pos    Pos
}

// Browsers says whether web pages of other origins may call the API.
type Browsers string

// The browser rules. The zero value says nothing.
const (
	BrowsersBlocked Browsers = "blocked"
	BrowsersAllowed Browsers = "allowed"
	BrowsersUnknown Browsers = "unknown"
)

// Refused says what a refusal looks like.
type Refused struct {
	Anonymous Denial // a request without a valid key
	Invalid   Denial // a credential that is no living key, where that is not answered as no credential is
	Forbidden Denial // a valid key without the grant
	Origin    Denial // any request of a web page of another origin, where the server itself refuses those
}

// WithKey is what a credential that is no living key gets: Invalid, else what none gets.
func (r Refused) WithKey() Denial {
	if r.Invalid.Known() {
		return r.Invalid
	}
	return r.Anonymous
}

// A Denial is one form of refusal. The zero value is unknown.
type Denial struct {
	Status int            // HTTP status; 0: unknown
	Body   map[string]any // members that the JSON body must have; nil: any body
}

// Known reports whether the form is stated.
func (d Denial) Known() bool { return d.Status != 0 }

// A Pos is a place in a source file. Line and Column count from 1; a column counts
// characters as the YAML and Go libraries do.
type Pos struct {
	File   string
	Line   int
	Column int
}

// IsValid reports whether the position names a line.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String returns file:line:column, as far as known.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}
