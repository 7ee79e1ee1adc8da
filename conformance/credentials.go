package conformance

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// edge makes a check of wrong ways to show a credential. ways returns the calls, without method
// and path, for a key that is admitted. Whatever is shown must be refused as a request without
// a key is. asked says whether the catalog states what the check is about; nil: always.
func edge(c Check, asked func(p *planner) bool, ways func(l *Lab, q *Question, cred Credential) []Call) Check {
	c.Category = "authentication"
	c.ask = func(p *planner) {
		if asked != nil && !asked(p) {
			return
		}
		for _, i := range p.reads(byArea) {
			strong := p.strongest(i)
			q := Question{Row: i, Keys: []int{0, strong}, Expect: Refuse, Base: []int{p.base(i, 0), p.base(i, strong), p.base(i, 1), p.base(i, 2)}}
			if weak := p.weakest(i); weak >= 0 {
				q.Keys = append(q.Keys, weak)
				q.Base = append(q.Base, p.base(i, weak))
			}
			p.ask(q)
		}
	}
	c.perform = func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		by := l.As(q.Keys[1]).Credential
		calls := ways(l, q, by.at(path))
		if len(calls) == 0 {
			return leaveOut("the keys are not shown in a way that has such a form")
		}
		for i := range calls {
			calls[i].Method, calls[i].Path = http.MethodGet, path
			if calls[i].By.key == nil { // what it shows is no key, or none where it stands
				calls[i].against = &against{row: q.Row, rule: c.ID}
			}
		}
		return l.detour(ctx, q, rec, calls)
	}
	c.decide = decideDetours
	return c
}

// shownAs is a sender that shows a credential in some other way. What it shows is made from a
// key's secret, so that records name it by a variable of its own.
func shownAs(what string, c Credential) Sender {
	c.Env, c.Issued = c.Env+"_"+strings.ToUpper(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, what)), false
	return Sender{Name: what, Credential: c}
}

// altered returns texts that are nearly a secret and are no key. The inner password of Basic is
// what is changed there.
func altered(c Credential) []Call {
	plain, wrap := c.Secret, func(s string) string { return s }
	if strings.EqualFold(c.Scheme, "Basic") {
		if data, err := base64.StdEncoding.DecodeString(c.Secret); err == nil {
			user, password, ok := strings.Cut(string(data), ":")
			if ok && password != "" {
				plain, wrap = password, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(user + ":" + s)) }
			}
		}
	}
	if len(plain) < 8 {
		return nil
	}
	n := len(plain)
	var calls []Call
	add := func(what, secret string) {
		if secret == plain {
			return
		}
		with := c
		with.Secret = wrap(secret)
		calls = append(calls, Call{Label: "a key " + what, By: shownAs(what, with)})
	}
	add("without its last four characters", plain[:n-4])
	add("cut in half", plain[:n/2])
	add("with a character more", plain+"x")
	add("whose last character is another", plain[:n-1]+string(another(plain[n-1], plain)))
	add("in letters of the other case", otherCase(plain))
	return calls
}

// another is a character of the same alphabet that differs in its highest bit, since the lowest
// bits of the last character of base64 may mean nothing.
func another(c byte, in string) byte {
	const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	if !strings.ContainsFunc(in, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF-", r) }) {
		if c == '0' {
			return '8'
		}
		return '0'
	}
	i := strings.IndexByte(base64Digits, c)
	if i < 0 {
		return 'A'
	}
	return base64Digits[(i+32)%len(base64Digits)]
}

func otherCase(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, s)
}

// keyNames are what query parameters and cookies with keys are called.
var keyNames = []string{"access_token", "api_key", "apikey", "key", "token", "auth"}

// inQuery shows a secret under every usual name.
func inQuery(secret string) string {
	var parts []string
	for _, name := range keyNames {
		parts = append(parts, fmt.Sprintf("%s=%s", name, url.QueryEscape(secret)))
	}
	return strings.Join(parts, "&")
}

// basic is the credential of Basic authentication.
func basic(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
}
