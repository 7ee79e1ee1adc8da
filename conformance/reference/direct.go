package reference

import (
	"net/http"
	"net/url"
	"path"
	"strings"
)

// A destination is where a request goes. A right server looks its path and method up
// once. Servers in which two parts look them up, one to decide and one to act,
// disagree as soon as they do not read them alike: that is what many faults are.
type destination struct {
	route  *route // what is performed; nil: nothing
	params map[string]string
	method string
	guard  *route // what the guard decides on
	// unguarded says that the guard has no rule for the request as it reads it, and lets it
	// pass.
	unguarded bool
}

// direct finds what a request is for; or the methods that its path has otherwise.
func (s *Server) direct(r *http.Request) (destination, []string) {
	sent := s.manners.respell(r.Method, r.URL.EscapedPath())
	if len(s.planted) > 0 {
		if d, ok := s.misdirect(r, sent); ok {
			return d, nil
		}
	}
	rt, params, allow := s.router.find(r.Method, sent)
	if rt != nil && s.traps["only-listed-methods"] && rt.row.Method != r.Method {
		return destination{method: r.Method}, []string{rt.row.Method}
	}
	return destination{route: rt, params: params, method: r.Method, guard: rt}, allow
}

// A rereading is how a router reads a path that its guard takes as it was sent.
type rereading struct {
	fault string
	read  func(string) string
}

var rereadings = []rereading{
	{"slash-unguarded", func(p string) string { return strings.TrimRight(p, "/") }},
	{"double-slash-unguarded", func(p string) string {
		for strings.Contains(p, "//") {
			p = strings.ReplaceAll(p, "//", "/")
		}
		return p
	}},
	{"dot-segments-unguarded", func(p string) string {
		if !strings.Contains(p, "/.") {
			return p
		}
		return path.Clean(p)
	}},
	{"double-encoding-unguarded", func(p string) string {
		if plain, err := url.PathUnescape(p); err == nil && strings.Contains(p, "%25") {
			return plain
		}
		return p
	}},
	{"encoded-slash-unguarded", func(p string) string { return strings.NewReplacer("%2f", "/", "%2F", "/").Replace(p) }},
	{"matrix-parameter-unguarded", func(p string) string {
		parts := strings.Split(p, "/")
		for i := range parts {
			parts[i], _, _ = strings.Cut(parts[i], ";")
		}
		return strings.Join(parts, "/")
	}},
	{"suffix-unguarded", func(p string) string {
		for _, suffix := range []string{".json", ".xml", ".csv", ".pdf", ".atom"} {
			if stem, ok := strings.CutSuffix(p, suffix); ok {
				return stem
			}
		}
		return p
	}},
	{"mixed-case-unguarded", strings.ToLower},
	{"router-folds-case", strings.ToLower},
}

// firstVersion is the segment of the version that others are served as by a fault.
const firstVersion = "v1"

// asFirstVersion is a path of a version that no route has, as the one of the first version.
func asFirstVersion(path string) (string, bool) {
	for _, other := range []string{"/v0/", "/v3/", "/internal/"} {
		if rest, ok := strings.CutPrefix(path, other); ok {
			return "/" + firstVersion + "/" + strings.TrimPrefix(rest, firstVersion+"/"), true
		}
	}
	return "", false
}

// overrides are the headers that rename the method of a POST.
var overrides = []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}

// misdirect is where a request goes by a planted fault, if it goes elsewhere by one.
func (s *Server) misdirect(r *http.Request, sent string) (destination, bool) {
	method := r.Method
	// look returns what the router finds under another reading, where the fault is planted.
	look := func(fault, method, path string) (destination, bool) {
		rt, params, _ := s.router.find(method, path)
		if rt == nil || !s.wrong(rt, fault) {
			return destination{}, false
		}
		guard, _, _ := s.router.find(r.Method, sent)
		return destination{route: rt, params: params, method: method, guard: guard, unguarded: guard == nil}, true
	}
	for _, rr := range rereadings {
		if s.wrong(nil, rr.fault) {
			if read := rr.read(sent); read != sent {
				if d, ok := look(rr.fault, method, read); ok {
					return d, true
				}
			}
		}
	}
	if s.wrong(nil, "encoded-letters-unguarded") && strings.Contains(sent, "%") {
		if d, ok := look("encoded-letters-unguarded", method, sent); ok {
			d.guard, d.unguarded = nil, true // the guard compares what was sent with its table
			return d, true
		}
	}
	if listed, _, others := s.router.find(method, sent); listed == nil {
		if read, ok := asFirstVersion(sent); ok && len(others) == 0 && s.wrong(nil, "unlisted-version-served") {
			if d, ok := look("unlisted-version-served", method, read); ok {
				return d, true
			}
		}
		if method == http.MethodPut && len(others) > 0 && s.wrong(nil, "unlisted-method-served") {
			if d, ok := look("unlisted-method-served", http.MethodPatch, sent); ok {
				d.method = http.MethodPatch
				return d, true
			}
		}
	}
	if s.wrong(nil, "rewrite-header-honoured") {
		for _, name := range []string{"X-Original-URL", "X-Rewrite-URL"} {
			target, _, _ := strings.Cut(r.Header.Get(name), "?")
			if target != "" {
				if d, ok := look("rewrite-header-honoured", method, target); ok {
					return d, true
				}
			}
		}
	}
	if method == http.MethodPost && s.wrong(nil, "method-override-unguarded") {
		for _, asked := range append(r.Header[http.CanonicalHeaderKey(overrides[0])], r.Header.Get(overrides[1]), r.Header.Get(overrides[2]),
			r.URL.Query().Get("_method"), formMethod(r)) {
			if asked != "" {
				if d, ok := look("method-override-unguarded", strings.ToUpper(asked), sent); ok {
					return d, true
				}
			}
		}
	}
	if method == http.MethodHead && s.wrong(nil, "head-unguarded") {
		if d, ok := look("head-unguarded", http.MethodGet, sent); ok {
			d.method, d.guard, d.unguarded = method, nil, true
			return d, true
		}
	}
	for fault, taken := range map[string]bool{
		"options-runs-handler":  method == http.MethodOptions || method == http.MethodTrace,
		"unknown-method-is-get": !standardMethods[method],
	} {
		if taken && s.wrong(nil, fault) {
			if d, ok := look(fault, http.MethodGet, sent); ok {
				d.guard, d.unguarded = nil, true
				return d, true
			}
		}
	}
	return destination{}, false
}

// formMethod reads _method of a small form, and leaves the body as it was.
func formMethod(r *http.Request) string {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), formType) || r.ContentLength <= 0 || r.ContentLength > 4096 {
		return ""
	}
	r.Body = http.MaxBytesReader(nil, r.Body, 4096)
	if r.ParseForm() != nil {
		return ""
	}
	return r.PostForm.Get("_method")
}

var standardMethods = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true, "TRACE": true, "CONNECT": true,
}
