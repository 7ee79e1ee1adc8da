package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// wwwAuthenticate: 401 says how to sign in.
var wwwAuthenticate = Check{
	ID: "www-authenticate", Category: "authentication", Title: "a 401 has the header WWW-Authenticate",
	Doc: `Sends a request without a key to one read in each area of the API. A 401 without
WWW-Authenticate, which RFC 9110 section 15.5.2 asks for, is reported as information. It is asked
where the catalog states 401 for such requests, of keys that are shown in Authorization.`,
	Finds: []string{"no-www-authenticate"},
	ask: func(p *planner) {
		for _, i := range p.reads(byArea) {
			if p.Rows[i].Refused.Anonymous.Status == http.StatusUnauthorized {
				p.ask(Question{Row: i, Keys: []int{0}, Expect: Refuse, Base: []int{p.base(i, 0)}})
			}
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		if !slices.ContainsFunc(l.run.target.Credentials, func(c Credential) bool { return c.Header == "Authorization" }) {
			return leaveOut("keys are not shown in Authorization")
		}
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		l.Send(ctx, rec, Call{Label: "without a key", Method: http.MethodGet, Path: path, By: l.Nobody()})
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		x := rec.Find("without a key")
		if x.Status == http.StatusUnauthorized && x.Answered["Www-Authenticate"] == "" {
			return Fail, fmt.Sprintf("answered %d without WWW-Authenticate", x.Status)
		}
		return Pass, ""
	},
}
