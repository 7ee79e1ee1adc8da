package conformance

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/permcheck/permcheck/catalogs"
)

// corsCause is what checks of CORS are about: one configuration of the server.
var corsCause = Cause{ID: "cors", Text: "web pages of other origins may call the API", Check: "cors-simple"}

// stranger is the origin of a page that nobody allowed.
const stranger = "https://permcheck.example"

// blocked reports whether the catalog keeps browsers out, which every check of CORS needs.
func (p *planner) blocked() bool { return p.catalog.Browsers == catalogs.BrowsersBlocked }

// page is the request of a web page.
func page(label, method, path, origin string, by Sender) Call {
	return Call{Label: label, Method: method, Path: path, By: by, Any: true, Header: http.Header{"Origin": {origin}}}
}

// OpensCORS reports whether one of the named headers lets a page do what it else could not. The others,
// such as Access-Control-Expose-Headers, only say more about what Access-Control-Allow-Origin
// allows, and nothing without it.
func OpensCORS(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.EqualFold(name, "Access-Control-Allow-Origin") || strings.EqualFold(name, "Access-Control-Allow-Private-Network")
	})
}

// decideCORS fails when an answer opens anything to pages of other origins, whatever its status.
func decideCORS(_ *judge, _ *Question, rec *Record) (Verdict, string) {
	for i := range rec.Exchanges {
		x := &rec.Exchanges[i]
		if names := x.names("Access-Control-"); OpensCORS(names...) {
			for i, name := range names {
				names[i] = name + ": " + x.Answered[name]
			}
			return Fail, fmt.Sprintf("%s is answered %d with %s%s", x.Label, x.Status, strings.Join(names, ", "), browserSays(rec, "; Chromium "))
		}
	}
	if read := rec.Facts[browserRead]; read != "" && read != browserBlocked {
		return Fail, "no answer has a header of CORS, but Chromium " + read
	}
	return Pass, ""
}

// browserRead is the fact that says what a real browser could do.
const (
	browserRead    = "browser"
	browserBlocked = "was kept from reading the answer"
)

// inBrowser counts the questions that a real browser was asked too.
func (r *Result) inBrowser() (kept, read int) {
	for i := range r.Answers.Records {
		switch r.Answers.Records[i].Facts[browserRead] {
		case "":
		case browserBlocked:
			kept++
		default:
			read++
		}
	}
	return kept, read
}

func browserSays(rec *Record, before string) string {
	if said := rec.Facts[browserRead]; said != "" {
		return before + said
	}
	return ""
}

// confirm lets a real browser try what a check of CORS is about, where one is at hand: a page of
// another origin calls the path without a key, with the user's credentials, and with the key.
func (l *Lab) confirm(ctx context.Context, rec *Record, path string, by Sender) error {
	b := l.run.target.Browser
	if b == nil {
		return nil
	}
	header := http.Header{}
	if c := by.Credential.at(path); c.Header != "" && c.Secret != "" {
		header.Set(c.Header, c.value(c.Secret))
	}
	for range 8 { // its requests and preflights count as others do
		if err := l.run.client.admit(ctx); err != nil {
			return err
		}
	}
	ways, err := b.Read(ctx, strings.TrimSuffix(l.run.client.base.String(), "/")+path, header)
	if err != nil {
		return fmt.Errorf("asking the browser: %w", err)
	}
	said := browserBlocked
	if len(ways) > 0 {
		said = "read the answer by " + strings.Join(ways, ", ")
	}
	rec.Fact(browserRead, said)
	return nil
}

// A Browser is a real browser with a page of another origin than the target's.
type Browser interface {
	// Read lets the page ask for an address in every way that it can, with the headers in some of
	// them, and returns in which it could read the answer. It may be called concurrently.
	Read(ctx context.Context, address string, header http.Header) (ways []string, err error)
}

// tricks are origins that servers allow by mistake when they compare an origin with the name of
// their own site, which is taken to be the host's or the domain above it.
func tricks(base *url.URL) []string {
	host := base.Hostname()
	list := []string{"null", "http://localhost", "http://localhost:3000", "https://127.0.0.1:8443"}
	names := []string{host}
	if labels := strings.Split(host, "."); len(labels) > 2 && net.ParseIP(host) == nil {
		names = append(names, strings.Join(labels[1:], "."))
	}
	for _, name := range names {
		list = append(list, "https://"+name+".permcheck.example", "https://permcheck"+name, "https://permcheck."+name)
		if dotless := strings.ReplaceAll(name, ".", "x"); dotless != name {
			list = append(list, "https://"+dotless, "http://"+dotless)
		}
		for _, origin := range []string{"http://" + name, "https://" + name, "http://" + name + ":8081", "https://" + name + ":8443"} {
			if origin != base.Scheme+"://"+base.Host {
				list = append(list, origin)
			}
		}
	}
	return list
}
