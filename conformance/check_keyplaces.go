package conformance

import (
	"net/http"
	"strings"
)

// keyInQuery: a key in the query is none where the catalog wants it elsewhere.
var keyInQuery = edge(Check{
	ID: "key-in-query", Title: "a key in the query is not taken",
	Doc: `Shows an admitted key in the query only, under the usual names. The answer that the key is
shown in its own place is the finding: addresses end up in logs and histories. It is asked where
the catalog says credentials: {sent-in: header} or cookie, of one read in each area of the API.`,
	Finds: []string{"key-in-query"},
}, func(p *planner) bool {
	return p.catalog.Credentials.SentIn == "header" || p.catalog.Credentials.SentIn == "cookie"
},
	func(_ *Lab, _ *Question, c Credential) []Call {
		if c.Secret == "" {
			return nil
		}
		calls := []Call{{Label: "in the query", By: Sender{Name: "a key in the query"}, Query: inQuery(c.Secret)}}
		if c.Header != "" && c.Header != "Authorization" {
			calls = append(calls, Call{Label: "in the query, by the header's name", By: shownAs("query", Credential{Query: c.Header, Secret: c.Secret, Env: c.Env})})
		}
		return calls
	})

// keyInCookie: a key in a cookie is none where the catalog wants it elsewhere.
var keyInCookie = edge(Check{
	ID: "key-in-cookie", Title: "a key in a cookie is not taken",
	Doc: `Shows an admitted key in cookies only, under the usual names. The answer that the key is shown
in its own place is the finding: browsers send cookies by themselves, to whatever page asks. It
is asked where the catalog says credentials: {sent-in: header} or query, of one read in each area
of the API.`,
	Finds: []string{"key-in-cookie"},
}, func(p *planner) bool {
	return p.catalog.Credentials.SentIn == "header" || p.catalog.Credentials.SentIn == "query"
},
	func(_ *Lab, _ *Question, c Credential) []Call {
		if c.Secret == "" {
			return nil
		}
		return []Call{{Label: "in cookies", By: Sender{Name: "a key in a cookie"}, Header: http.Header{"Cookie": {inCookies(c.Secret)}}}}
	})

func inCookies(secret string) string {
	var parts []string
	for _, name := range append([]string{"session", "jwt"}, keyNames...) {
		parts = append(parts, name+"="+secret)
	}
	return strings.Join(parts, "; ")
}

// twoCredentials: a second credential does not win.
var twoCredentials = edge(Check{
	ID: "two-credentials", Title: "a second credential does not win over the first",
	Doc: `Sends a refused request with the credential of an admitted key besides: as a second
Authorization header, and where the catalog says where credentials are sent, in another place.
The answer that the admitted key is shown is the finding: what decides and what acts then look at
different keys. It is asked of one read in each area of the API that refuses some valid key.`,
	Finds: []string{"second-credential-wins"},
}, nil, func(l *Lab, q *Question, c Credential) []Call {
	if len(q.Keys) < 3 || c.Header == "" {
		return nil
	}
	weak := l.As(q.Keys[2])
	calls := []Call{{Label: baseline + "the refused key", By: weak}}
	if c.Header == "Authorization" {
		calls = append(calls, Call{Label: "a second header", By: weak, Header: http.Header{"Authorization": {c.value(c.Secret)}}})
	}
	if l.Catalog.Credentials.SentIn == "header" {
		calls = append(calls, Call{Label: "a second one in the query", By: weak, Query: inQuery(c.Secret)},
			Call{Label: "a second one in cookies", By: weak, Header: http.Header{"Cookie": {inCookies(c.Secret)}}})
	}
	return calls
})

// wrongScheme: a key is taken under its own scheme only.
var wrongScheme = edge(Check{
	ID: "wrong-scheme", Title: "a key under another scheme is not taken",
	Doc: `Shows an admitted key under other schemes: as user and as password of Basic, as Token and
ApiKey, and without a scheme. The answer that the key is shown under its own scheme is the finding.
It is asked where the catalog says credentials: {scheme: NAME}, of one read in each area of the API.`,
	Finds: []string{"wrong-scheme-accepted"},
}, func(p *planner) bool { return p.catalog.Credentials.Scheme != "" },
	func(l *Lab, _ *Question, c Credential) []Call {
		own := l.Catalog.Credentials.Scheme
		if c.Header != "Authorization" || c.Secret == "" || !strings.EqualFold(c.Scheme, own) {
			return nil
		}
		var calls []Call
		for _, other := range []struct{ label, scheme, secret string }{
			{"as the user of Basic", "Basic", basic(c.Secret, "permcheck")}, {"as the password of Basic", "Basic", basic("permcheck", c.Secret)},
			{"under Token", "Token", c.Secret}, {"under ApiKey", "ApiKey", c.Secret}, {"without a scheme", "", c.Secret},
		} {
			if strings.EqualFold(other.scheme, own) {
				continue
			}
			calls = append(calls, Call{Label: other.label, By: shownAs(other.label, Credential{Header: c.Header, Scheme: other.scheme, Secret: other.secret, Env: c.Env})})
		}
		return calls
	})
