package reference

import (
	_ "embed"
	"net/http"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
	"github.com/permcheck/permcheck/catalogs/perm"
)

//go:embed vendor_personio.json
var personioSeeds []byte

// Where the facts about Personio come from.
const (
	personioHelp     = "https://support.personio.de/hc/en-us/articles/4404623630993"
	personioDocs     = "https://github.com/personio/api-docs"
	personioAuth     = "https://developer.personio.de/reference/auth"
	personioToken    = "https://developer.personio.de/reference/post_v2-auth-token"
	personioRevoke   = "https://developer.personio.de/discuss/672dd74e60809a004c65ee2e"
	personioScopes   = "https://developer.personio.de/discuss/68d0f03ab9bae54bcbd48788"
	personioRef      = "https://developer.personio.de/reference"
	personioRecruit  = "https://developer.personio.de/reference/introduction-1"
	personioStable   = "https://developer.personio.de/changelog/authentication-api-improved-bearer-token"
	personioGate     = "https://developer.personio.de/reference/getlegalentitybyid.md"
	personioRate     = "https://developer.personio.de/changelog/rate-limits-on-get-employees-endpoint-may-6-2024"
	personioSeen403  = "https://developer.personio.de/discuss/63d915660ba2a50a92ee66c0"
	personioWrongKey = "https://developer.personio.de/discuss/6285495ddeba1100a8c4f5bc"
)

const personioName = "personio"

// personioVendor is Personio, API v1 and v2.
var personioVendor = &vendor{
	name: personioName, seeds: personioSeeds, switches: personioSwitches, faults: personioFaults,
	start: func(s *Server) manners {
		p := &personio{s: s}
		p.tokens, p.stable = map[string]*personioPass{}, map[string]*personioPass{}
		p.meters, p.hooks = map[string]*meter{}, map[string]*personioHook{}
		s.block = s.block || s.switches["pages"] == "refused"
		p.openUnstated()
		return p
	},
}

// Switches that say which credentials open rows for which no page names a right. The first
// value of each is the default.
const (
	openNobody = "nobody"
	openToken  = "any-token"
)

// An unstatedRight is a switch about rows whose right is not documented. Its values besides
// nobody and any-token are what stands before :read and :write in the permission.
type unstatedRight struct {
	name   string
	values []string
	prefix []string // of "METHOD /path"
	what   string
	source string
}

var unstatedRights = []unstatedRight{
	{"absence-delete", []string{openNobody, "absences"}, []string{"DELETE /v1/company/time-offs/", "DELETE /v1/company/absence-periods/"},
		"what deletes a v1 absence: the article says that Absences write creates and updates, an older version of it that it creates and deletes", personioHelp},
	{"absence-balance", []string{openNobody, "employees", "absences"}, []string{"GET /v1/company/employees/{employee_id}/absences/"},
		"what opens the v1 absence balance, which is tagged Employees and shows Absences", personioDocs},
	{"projects", []string{openNobody, "attendances"}, []string{"GET /v1/company/attendances/projects", "POST /v1/company/attendances/projects", "PATCH /v1/company/attendances/projects", "DELETE /v1/company/attendances/projects",
		"GET /v2/projects", "POST /v2/projects", "PATCH /v2/projects", "DELETE /v2/projects"},
		"what opens projects, for which there is no right", personioDocs},
	{"reports", []string{"reports.custom", openNobody}, []string{"GET /v2/reports"},
		"what opens the v2 reports: that of the v1 reports, or nothing yet", "https://developer.personio.de/changelog/deprecation-of-custom-reports-api-v1"},
	{"documents", []string{openNobody, "documents"}, []string{"GET /v2/document-management/", "PATCH /v2/document-management/", "DELETE /v2/document-management/"},
		"what opens the v2 documents, which go beyond what the article says of Documents", "https://developer.personio.de/reference/get_v2-document-management-documents.md"},
	{"person-delete", []string{openNobody, "personio:persons"}, []string{"DELETE /v2/persons/"}, "what deletes a person: Employees write creates and updates", personioHelp},
	{"employments", []string{openNobody, "personio:persons"}, []string{"GET /v2/persons/{person_id}/employments"},
		"what shows employments: the pages name no scope, third parties assume that of persons", "https://developer.personio.de/reference/get_v2-persons-person-id-employments"},
	{"webhook-actions", []string{openNobody, "personio:webhooks"}, []string{"POST /v2/webhooks/{id}/"}, "what lets a key ping, test and redeliver", personioRef},
	{"unstated", []string{openNobody, openToken}, []string{"GET /v2/", "POST /v2/", "PATCH /v2/", "DELETE /v2/"},
		"what opens every other v2 row whose scope is not stated: legal entities, cost centers, workplaces, org units, attendance periods and more", personioRef},
}

var personioSwitches = append([]Switch{
	{"v1-tokens", []string{"rotating", "stable"}, "whether a v1 token is good for one request, and the next one comes with the answer, or for 24 hours", personioAuth + " " + personioStable},
	{"token-reach", []string{"both", "own"}, "whether a token of one version of the API opens the other one too", personioScopes},
	{"tokens-after-regrant", []string{"live", "stale"}, "whether a changed grant changes what tokens open that were issued before", personioHelp},
	{"tokens-after-disable", []string{"live", "stale"}, "whether tokens of a credential that is disabled end with it", personioHelp},
	{"tokens-after-disconnect", []string{"live", "stale"}, "whether tokens of a credential that is disconnected end with it", personioHelp},
	{"tokens-after-reset", []string{"live", "stale"}, "whether tokens that were got with the secret before a reset end with it", personioHelp},
	{"disabled-error", []string{"invalid_client", "unauthorized_client", "access_denied"}, "the error of a v2 sign-in with a disabled credential; a disconnected one is always invalid_client", personioToken},
	{"scope-not-held", []string{"invalid_grant", "invalid_scope"}, "the error of a v2 sign-in that asks for a scope which the credential lacks", personioToken},
	{"wrong-credentials", []string{"401", "403"}, "the status of a v1 sign-in that fails", personioWrongKey},
	{"forbidden-message", []string{"documented", "exception"}, "the body of a 403 of v1: as the document has it, or as seen live with code 0", personioSeen403},
	{"v2-unauthorized", []string{"errors", "empty"}, "the body of a 401 of v2: the envelope of the other errors, or none", personioRef},
	{"revoke-needs-token", []string{"no", "yes"}, "whether POST /v2/auth/revoke wants a token in the header too", personioRevoke},
	{"unlisted-attributes", []string{"ignored", "refused"}, "what becomes of attributes[] that the credential's list does not name", personioDocs},
	{"v1-id", []string{"always", "listed"}, "whether a v1 employee shows its id where the list of attributes does not name it", personioDocs},
	{"applicant-key", []string{"form", "form-or-header"}, "whether POST /recruiting/applicant takes the key from its form alone, or from a header too, as the other recruiting calls do", personioRecruit},
	{"recruiting-feature", []string{"present", "absent"}, "whether the company has what v1 recruiting asks for; if not, it answers 403 to everybody", personioDocs},
	{"legal-entities-feature", []string{"present", "absent"}, "whether the company has legal entities; if not, they answer 412", personioGate},
	{"pages", []string{"unheard", "refused"}, "how pages of other origins are blocked: by answers without CORS headers, or by 403", "https://developer.personio.de/docs"},
	{"limits", []string{"off", "on"}, "whether the documented limits of requests a minute are kept; the body of a 429 is empty", personioRate},
}, unstatedSwitches()...)

func unstatedSwitches() []Switch {
	var list []Switch
	for _, u := range unstatedRights {
		list = append(list, Switch{u.name, u.values, u.what, u.source})
	}
	return list
}

// personioFaults are mistakes that only this API can make.
var personioFaults = []Fault{
	{Name: "write-opens-read", Aspect: Operations, Check: "over-grant", What: "a right to write counts as the right to read the same thing",
		plant: func(s *Server, p *planted) bool {
			return s.counts(p, func(h holdings) {
				for held := range h {
					if read, ok := s.vocab.counterpart(held, "write", "read"); ok {
						h[read] = true
					}
				}
			})
		}},
	{Name: "scope-error-plain", Aspect: Operations, What: "a missing v2 scope is answered 403 without saying so"},
	{Name: "roles-filter-employees", Aspect: Records, What: "which employees a credential sees depends on who made it: one of a single right sees active ones only"},
	{Name: "attributes-show-all", Aspect: Fields, What: "the list of readable attributes names all there are"},
	{Name: "picture-forbidden", Aspect: Fields, What: "a profile picture that is not on the list is answered 403, and so told from one that is not there"},
	{Name: "reports-keep-to-list", Aspect: Fields, What: "a custom report shows only attributes that the credential's list names"},
	{Name: "disabled-report-served", Aspect: Records, What: "v2 serves a report by its id that no administrator has enabled for the API"},
	{Name: "webhook-ends-with-grant", Aspect: Grants, What: "a webhook stops firing when the credential that made it loses the right to manage webhooks"},
	{Name: "spent-token-works", Aspect: Authentication, What: "a v1 token that was replaced goes on working"},
	{Name: "v2-token-rotates", Aspect: Authentication, What: "a v2 token is good for one request"},
	{Name: "scope-ignored", Aspect: Authentication, What: "a token that was got for some scopes opens all that the credential opens"},
	{Name: "system-key-editable", Aspect: LifeCycle, What: "the rights of a credential that the system made can be changed"},
	{Name: "recruiting-takes-tokens", Aspect: Authentication, What: "v1 recruiting takes the token of any credential in place of the recruiting key"},
	{Name: "company-id-ignored", Aspect: Authentication, What: "v1 recruiting does not look at X-Company-ID"},
	{Name: "documents-need-write", Aspect: Operations, What: "the categories of documents want Documents write",
		plant: func(s *Server, p *planted) bool {
			p.route = s.byKey[catalogs.EndpointKey("GET", "/v1/company/document-categories")]
			p.decide = func(_ *route, who Caller, grant []perm.Permission, _ bool) bool {
				return who == Valid && slices.Contains(grant, "documents:write")
			}
			return p.route != nil
		}},
}

// personio is the manners of one server.
type personio struct {
	plain
	s *Server
	personioTokens
	personioEvents
	personioMeters
}

// openUnstated applies the switches about rows whose right is not documented.
func (p *personio) openUnstated() {
	for _, rt := range p.s.routes {
		if rt.row.Requires == nil || !rt.row.Requires.IsUnknown() {
			continue
		}
		name := rt.row.String()
		i := slices.IndexFunc(unstatedRights, func(u unstatedRight) bool {
			return slices.ContainsFunc(u.prefix, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		})
		if i < 0 {
			continue
		}
		switch right := p.s.switches[unstatedRights[i].name]; right {
		case openNobody:
			continue
		case openToken:
			rt.need = need{open: openToKeys}
		default:
			scope := right + ":write"
			if rt.reads(rt.row.Method) {
				scope = right + ":read"
			}
			rt.need = need{alternatives: [][]perm.Permission{{perm.Permission(scope)}}}
		}
		if rt.row.Method == http.MethodGet && rt.kind == kindObjects {
			rt.objects.readers = append(rt.objects.readers, rt)
		}
	}
}

// isV2 reports whether a path is one of API v2.
func isV2(path string) bool { return strings.HasPrefix(path, "/v2/") }

// recruiting reports whether a row is one of v1 recruiting, which has a key of its own.
func recruiting(rt *route) bool {
	return rt != nil && (strings.HasPrefix(rt.row.Path, "/v1/recruiting/") || rt.row.Path == applicantPath)
}

const applicantPath = "/recruiting/applicant"

// systemKey is the permission of the key that the system makes for v1 recruiting.
const systemKey perm.Permission = "recruiting:api-key"

// madeBySystem reports whether a key is one that the system made: customers cannot edit it.
func madeBySystem(k *key) bool { return len(k.granted) == 1 && k.granted[0] == systemKey }

// param is the width of a picture.
func (p *personio) param(rt *route, name string) (string, bool) {
	return "75", rt.row.Path == picturePath && name == "width"
}

func (p *personio) editable(k *key) error {
	if madeBySystem(k) && !p.s.wrong(nil, "system-key-editable") {
		return errSystemKey
	}
	return nil
}
