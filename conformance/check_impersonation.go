package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// impersonationHeaders name somebody to act as.
var impersonationHeaders = []string{"X-Impersonate", "X-Impersonate-User", "X-User-Id", "X-User", "X-Username", "X-Auth-User", "X-Remote-User",
	"X-Forwarded-User", "On-Behalf-Of", "X-On-Behalf-Of", "X-Act-As", "Sudo"}

// maxIdentities bounds as whom one question tries to act.
const maxIdentities = 5

// impersonation: a header that names somebody else does not make one somebody else.
var impersonation = Check{
	ID: "impersonation-header", Category: "grants", Title: "a header that names another key or user does not act for it",
	Doc: `Asks a call that any valid key may make who the full key is, and sends requests with the key
that holds least and each of the names and ids found there, in headers such as X-Impersonate,
X-User-Id and On-Behalf-Of: to that same call, and to one refused read in each area of the API.
The answer that the full key is shown is the finding.`,
	Finds: []string{"impersonation-header"},
	ask: func(p *planner) {
		who, full := p.identityRow(), p.full()
		if who < 0 || full < 0 {
			return
		}
		for _, i := range p.reads(byArea) {
			if weak := p.weakest(i); weak >= 0 && p.expect(i, full) == Admit {
				p.ask(Question{Row: i, Keys: []int{weak, full}, Expect: Refuse,
					Base: []int{p.base(i, weak), p.base(i, full), p.base(who, full)}})
			}
		}
		if weak := p.leastHolder(); weak >= 0 && weak != full {
			p.ask(Question{Row: who, Keys: []int{weak, full}, Variant: "who", Expect: Admit, Base: []int{p.base(who, weak), p.base(who, full)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		who := (&planner{Plan: l.Plan}).identityRow()
		me, err := l.plain(ctx, rec, baseline+"who the full key is", who, l.As(q.Keys[1]))
		if err != nil {
			return err
		}
		names := identities(me.JSON())
		if len(names) == 0 {
			return fmt.Errorf("%s shows no name or id", &l.Plan.Rows[who])
		}
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		var calls []Call
		if q.Variant == "who" {
			calls = append(calls, Call{Label: baseline + "who the other key is", Method: http.MethodGet, Path: path})
		}
		for i, name := range names {
			header := http.Header{}
			for _, h := range impersonationHeaders {
				header.Set(h, name)
			}
			calls = append(calls, Call{Label: fmt.Sprintf("as identity %d of the full key", i+1), Method: http.MethodGet, Path: path, Header: header, Masked: true})
		}
		return l.detour(ctx, q, rec, calls)
	},
	decide: func(j *judge, q *Question, rec *Record) (Verdict, string) {
		if q.Variant != "who" {
			return decideDetours(j, q, rec)
		}
		full, mine := rec.Find(plainAdmitted), rec.Find(plainRefused)
		if full.Body.Sum == mine.Body.Sum {
			return Inconclusive, "the call tells both keys the same"
		}
		for i := range rec.Exchanges {
			if x := &rec.Exchanges[i]; strings.HasPrefix(x.Label, "as identity ") && x.OK() && x.Body.Sum == full.Body.Sum {
				return Fail, "the request " + x.Label + " is answered as the full key is"
			}
		}
		return Pass, ""
	},
}

// identityRow is a read without parameters that every valid key is admitted to, which most
// likely says who the key is; -1 when there is none.
func (p *planner) identityRow() int {
	return slices.IndexFunc(p.Rows, func(r Row) bool {
		return r.Endpoint != nil && r.Method == http.MethodGet && r.Reads && len(r.Params()) == 0 && r.Need.IsAuthenticated()
	})
}

// leastHolder is the valid key with the fewest permissions; -1 when there is none.
func (p *planner) leastHolder() int {
	best := -1
	for i, k := range p.Keys {
		if k.Kind == ValidKey && (best < 0 || len(k.Grants) < len(p.Keys[best].Grants)) {
			best = i
		}
	}
	return best
}

// identities collects the texts and numbers that say who somebody is.
func identities(v any) []string {
	top, _ := v.(map[string]any)
	for _, name := range append([]string{"user", "key", "me"}, containers...) {
		if inner, ok := top[name].(map[string]any); ok {
			top = inner
		}
	}
	var out []string
	for _, name := range []string{"id", "name", "user", "username", "login", "email", "owner", "user_id", "userId", "uid", "sub", "key_id"} {
		text := scalar(top[name])
		if text != "" && len(text) <= 200 && !slices.Contains(out, text) && len(out) < maxIdentities &&
			!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			out = append(out, text)
		}
	}
	return out
}
