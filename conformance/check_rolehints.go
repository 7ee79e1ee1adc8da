package conformance

import "net/http"

// roleHint: a role that the client claims is none.
var roleHint = detours(Check{
	ID: "role-header", Category: "grants", Title: "a role that the client claims opens nothing",
	Doc: `Sends a refused request with the claim to be an administrator: in headers (X-Role, X-Roles,
X-User-Role, X-Admin and others), in the query (role, roles, admin, is_admin), and with an empty
tenant. The answer that an admitted key is shown is the finding. Asked of one read in each area of
the API.`,
	Finds: []string{"role-header-trusted"},
}, byArea, func(_ *Lab, _ *Question, path string) []Call {
	claim := func(role string) http.Header {
		return http.Header{"X-Role": {role}, "X-Roles": {role}, "X-User-Role": {role}, "X-User-Roles": {role}, "X-Auth-Role": {role}, "X-Groups": {role},
			"X-Admin": {"true"}, "X-Is-Admin": {"true"}, "X-Superuser": {"true"}, "X-Internal": {"true"}}
	}
	return []Call{
		{Label: "with X-Role: admin and the like", Method: http.MethodGet, Path: path, Header: claim("admin")},
		{Label: "with X-Role: root and the like", Method: http.MethodGet, Path: path, Header: claim("root")},
		{Label: "with ?role=admin and the like", Method: http.MethodGet, Path: path, Query: "role=admin&roles=admin&admin=true&is_admin=true"},
		{Label: "with an empty tenant", Method: http.MethodGet, Path: path, Query: "ns=&tenant=&tenant_id=", Header: http.Header{"X-Tenant": {"*"}, "X-Tenant-Id": {"*"}}},
	}
})
