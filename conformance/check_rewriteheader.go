package conformance

import (
	"net/http"
	"strings"
)

// rewriteHeader: a header that names another path does not change what is asked for.
var rewriteHeader = detours(Check{
	ID: "rewrite-header", Category: "routing", Title: "a header that names a refused path opens nothing",
	Doc: `Asks for a path that the weakest key may ask for, with the refused path in X-Original-URL and
X-Rewrite-URL, which some frameworks take for the path. The answer that an admitted key is shown
is the finding. Asked of one row in each area of the API.`,
	Finds: []string{"rewrite-header-honoured"},
}, byArea, func(l *Lab, q *Question, path string) []Call {
	named := strings.TrimSuffix(l.run.client.base.EscapedPath(), "/") + path
	var calls []Call
	for _, allowed := range l.Plan.allowed(q.Keys[0]) {
		calls = append(calls, Call{Label: baseline + allowed, Method: http.MethodGet, Path: allowed})
		for _, name := range []string{"X-Original-URL", "X-Rewrite-URL"} {
			calls = append(calls, Call{Label: name + " at " + allowed, Method: http.MethodGet, Path: allowed, Header: http.Header{name: {named}}})
		}
	}
	return calls
})

// allowed are paths without parameters that may be asked for with a key: the root, and the
// first row that admits it.
func (p *Plan) allowed(key int) []string {
	paths := []string{"/"}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Endpoint == nil || r.Method != http.MethodGet || !r.Reads || strings.Contains(r.Path, "{") {
			continue
		}
		if r.Need.IsPublic() || p.Keys[key].Kind == ValidKey && r.Need.Admits(p.Keys[key].Grants) {
			return append(paths, r.Path)
		}
	}
	return paths
}
