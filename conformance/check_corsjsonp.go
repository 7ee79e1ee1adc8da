package conformance

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// callbackNames are parameters that name the function of JSONP, callbackWord what permcheck
// calls it.
var callbackNames = []string{"callback", "jsonp", "cb", "jsoncallback"}

const callbackWord = "permcheckCallback"

// corsJSONP: an answer cannot be made a script.
var corsJSONP = Check{
	ID: "cors-jsonp", Category: "browsers", Title: "no answer can be made a script",
	Doc: `Sends one read in each area of the API with ?callback= and other usual names of that parameter.
An answer that begins with a call of the function that was named is the finding: pages of every
origin can load it as a script. It is asked where the catalog says browsers: blocked.`,
	Finds: []string{"cors-jsonp"},
	ask: func(p *planner) {
		if !p.blocked() {
			return
		}
		for _, i := range p.reads(byArea) {
			key := p.strongest(i)
			p.ask(Question{Row: i, Keys: []int{key}, Expect: Admit, Base: []int{p.base(i, key)}})
		}
	},
	perform: func(ctx context.Context, l *Lab, q *Question, rec *Record) error {
		path, err := l.Path(ctx, q.Row)
		if err != nil {
			return err
		}
		query := url.Values{}
		for _, name := range callbackNames {
			query.Set(name, callbackWord)
		}
		for _, c := range []Call{{Label: "?callback=", Query: "callback=" + callbackWord}, {Label: "every usual name", Query: query.Encode()}} {
			c.Method, c.Path, c.By, c.Any = http.MethodGet, path, l.As(q.Keys[0]), true
			a := l.Send(ctx, rec, c)
			body := bytes.TrimLeft(a.Body, " \t\r\n/*;")
			rec.Fact(c.Label, fmt.Sprint(a.OK() && (bytes.HasPrefix(body, []byte(callbackWord+"(")) || bytes.Contains(body[:min(len(body), 200)], []byte("&& "+callbackWord+"(")))))
		}
		return nil
	},
	decide: func(_ *judge, _ *Question, rec *Record) (Verdict, string) {
		for i := range rec.Exchanges {
			if x := &rec.Exchanges[i]; rec.Facts[x.Label] == "true" {
				return Fail, fmt.Sprintf("with %s it is answered %d as a script (%s)", x.Label, x.Status, x.Answered["Content-Type"])
			}
		}
		return Pass, ""
	},
}
